//! Generated Kubernetes names: readable, stable, at most 63 characters.

use sha2::{Digest, Sha256};

/// The longest generated name; what fits a label value fits everywhere.
pub(crate) const LONGEST: usize = 63;
const HASH_LENGTH: usize = 8;

/// The first `length` hexadecimal digits of the SHA-256 of `text`.
pub(crate) fn hash(text: &str, length: usize) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .take(length)
        .collect()
}

/// `text` as a name of RBAC, which takes any path segment. Letters, digits and `-._:@+` stay; where anything else had to be
/// replaced or cut, a hash of `identity` keeps names of different things apart.
pub(crate) fn rbac(text: &str, identity: &str) -> String {
    fitted(text, identity, |c| c.is_ascii_alphanumeric() || "-._:@+".contains(c), |c| c)
}

/// `text` as a DNS subdomain, as most kinds want their names. See [`rbac`] for the hash.
pub(crate) fn dns(text: &str, identity: &str) -> String {
    fitted(
        text,
        identity,
        |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.',
        |c| c.to_ascii_lowercase(),
    )
}

/// `text` as a DNS label. See [`rbac`] for the hash.
pub(crate) fn label(text: &str, identity: &str) -> String {
    fitted(text, identity, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-', |c| c.to_ascii_lowercase())
}

/// `text` with a hash of `identity` behind it, cut to fit.
pub(crate) fn hashed(text: &str, identity: &str) -> String {
    let kept: String = text.chars().take(LONGEST - HASH_LENGTH - 1).collect();
    format!("{}-{}", kept.trim_matches(|c: char| !c.is_ascii_alphanumeric()), hash(identity, HASH_LENGTH))
}

fn fitted(text: &str, identity: &str, allowed: impl Fn(char) -> bool, fold: impl Fn(char) -> char) -> String {
    let clean: String = text.chars().map(fold).map(|c| if allowed(c) { c } else { '-' }).collect();
    let edges_fine =
        clean.starts_with(|c: char| c.is_ascii_alphanumeric()) && clean.ends_with(|c: char| c.is_ascii_alphanumeric());
    if clean == text && edges_fine && clean.len() <= LONGEST { clean } else { hashed(&clean, identity) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_clean_names_stay() {
        assert_eq!(rbac("shop:viewer:group:oidc:sre", "x"), "shop:viewer:group:oidc:sre");
        assert_eq!(dns("api-ingress", "x"), "api-ingress");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_hashed() {
        let long = "a".repeat(80);
        assert_eq!(rbac(&long, &long).len(), LONGEST);
        assert_ne!(rbac(&long, "one"), rbac(&long, "two"));
        assert_eq!(dns("Über/api", "x"), format!("ber-api-{}", hash("x", 8)));
        assert_eq!(rbac("viewer:user:Jane Doe", "x"), format!("viewer:user:Jane-Doe-{}", hash("x", 8)));
    }
}

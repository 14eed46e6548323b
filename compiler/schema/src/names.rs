//! How Kubernetes wants names, label keys and values, and port names to be written.
//!
//! `k8s.io/apimachinery/pkg/util/validation/validation.go` and `pkg/api/validate/content`. Lengths are in bytes.

/// Whether a text is a DNS label (RFC 1123): lower-case letters, digits and `-`, a letter or digit at both ends, 63 at most.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

/// Whether a text is a DNS subdomain (RFC 1123): labels between dots, 253 at most in all.
#[must_use]
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

/// Whether a text is a DNS label, of whatever length: those of a subdomain are only bounded together.
fn is_part(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether a label may be called so (`IsLabelKey`): a name as a label's value, not empty, after a DNS subdomain and `/` or nothing.
#[must_use]
pub fn is_label_key(key: &str) -> bool {
    let (domain, name) = key.rsplit_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    domain.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

/// Whether a label may be set to it (`IsLabelValue`): letters, digits, `-`, `_` and `.`, a letter or digit at both ends, 63 at
/// most; or nothing.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let outer = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.iter().copied().all(inside) && outer(bytes.first()) && outer(bytes.last())
}

/// Whether a port may be called so (`IsValidPortName`, IANA_SVC_NAME of RFC 6335): lower-case letters, digits and single `-`
/// between them, a letter among them, 15 at most.
#[must_use]
pub fn is_port_name(name: &str) -> bool {
    name.len() <= 15 && is_part(name) && name.bytes().any(|byte| byte.is_ascii_lowercase()) && !name.contains("--")
}

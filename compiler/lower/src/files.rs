//! Where an object is written.

use kspec_model::Object;

use crate::names;

const LONGEST_FILE_NAME: usize = 180;
/// Enough that two names cut or cleaned alike never meet in one project.
const HASH_LENGTH: usize = 12;

/// `manifests/<namespace, or cluster>/<kind>-<name>.yaml`. Two objects never share a path, also where file systems fold
/// case: what had to be replaced or cut ends in `+` and a hash, and nothing else holds a `+`.
///
/// A `:` becomes `_`; a kind outside Kubernetes' own groups carries its group (`certificate.cert-manager.io_api`).
#[must_use]
pub fn manifest_path(object: &Object) -> String {
    let folder = match object.namespace() {
        None => "cluster".to_owned(),
        Some("cluster") => "cluster+".to_owned(),
        Some(namespace) => component(namespace),
    };
    let kind = object.kind().to_ascii_lowercase();
    let group = object.group();
    let prefix = if is_builtin(group) { format!("{kind}-") } else { format!("{kind}.{group}_") };
    let identity = format!("{prefix}{}", object.name());
    // `_` stands for `:`, so a name that has a `_` of its own is hashed.
    let plain = prefix.chars().all(allowed) && object.name().chars().all(|c| c == ':' || (allowed(c) && c != '_'));
    let name = format!("{prefix}{}", object.name().replace(':', "_"));
    let file = if plain && name.len() <= LONGEST_FILE_NAME { name } else { cleaned(&name, &identity) };
    format!("manifests/{folder}/{file}.yaml")
}

/// Groups whose kinds no other group of Kubernetes repeats.
fn is_builtin(group: &str) -> bool {
    matches!(group, "" | "apps" | "batch" | "rbac.authorization.k8s.io" | "networking.k8s.io" | "apiextensions.k8s.io")
}

fn allowed(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_' | '@')
}

fn component(text: &str) -> String {
    if !text.starts_with('.') && text.chars().all(allowed) { text.to_owned() } else { cleaned(text, text) }
}

fn cleaned(text: &str, identity: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if allowed(c) { c } else { '_' })
        .take(LONGEST_FILE_NAME - HASH_LENGTH - 1)
        .collect();
    format!("{}+{}", clean.trim_start_matches('.'), names::hash(identity, HASH_LENGTH))
}

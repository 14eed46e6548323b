//! Encryption at rest as it runs: K0601, K0602, K0604 of a cluster that nobody declares, K0605 of what a program would make
//! unreadable, and K0606.
//!
//! Source: kubernetes.io, "Encrypting Confidential Data at Rest": the first provider of the first entry that names a resource writes
//! it, and every provider of that entry reads.

use std::collections::BTreeSet;

use kspec_diagnostics::{Finding, Place, codes};
use kspec_model::program::{Encryption, EncryptionProvider, KeyedProvider};
use serde_json::Value;

use crate::Survey;

/// What writes a resource, so that nothing else can read it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// A key of a provider with local keys.
    Keyed(String, String),
    /// A KMS plugin.
    Kms(String),
    /// Nothing: it is in the clear.
    Identity,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keyed(algorithm, name) => write!(f, "the key `{name}` of {algorithm}"),
            Self::Kms(name) => write!(f, "the KMS plugin `{name}`"),
            Self::Identity => f.write_str("`identity`"),
        }
    }
}

/// Resources that would be unreadable once a program's encryption takes the place of what runs, and what reads them now. `live` is
/// the `EncryptionConfiguration`, null where none is configured.
#[must_use]
pub fn lost(live: &Value, wanted: &Encryption) -> Vec<(String, String)> {
    let mut resources: BTreeSet<&str> =
        wanted.rules.iter().flat_map(|rule| &rule.resources).map(String::as_str).collect();
    resources.extend(entries(live).flat_map(|entry| texts(entry, "resources")));
    let unreadable = resources.into_iter().filter_map(|resource| {
        let writes = entries(live)
            .find(|entry| texts(entry, "resources").any(|pattern| names(pattern, resource)))
            .and_then(|entry| list(entry, "providers").flat_map(keys).next())
            .unwrap_or(Key::Identity);
        let reads = match declared_for(wanted, resource) {
            reads if reads.is_empty() => vec![Key::Identity],
            reads => reads,
        };
        (!reads.contains(&writes)).then(|| (resource.to_owned(), writes.to_string()))
    });
    unreadable.collect()
}

/// How a change comes to write what an API server that still runs with `live` cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Early {
    /// What runs writes in the clear: nothing can come second to it.
    First,
    /// What runs could be told to read it before.
    Rotation,
}

/// Resources that a program's encryption writes such that what runs cannot read them, and what would write them. It matters while
/// several API servers are restarted one after the other.
#[must_use]
pub fn early(live: &Value, wanted: &Encryption) -> Vec<(String, String, Early)> {
    let resources: BTreeSet<&str> = wanted.rules.iter().flat_map(|rule| &rule.resources).map(String::as_str).collect();
    let unreadable = resources.into_iter().filter_map(|resource| {
        let writes = declared_for(wanted, resource).into_iter().next()?;
        let entry = entries(live).find(|entry| texts(entry, "resources").any(|pattern| names(pattern, resource)));
        let reads: Vec<Key> = entry.into_iter().flat_map(|entry| list(entry, "providers").flat_map(keys)).collect();
        let how = if matches!(reads.first(), None | Some(Key::Identity)) { Early::First } else { Early::Rotation };
        (writes != Key::Identity && !reads.contains(&writes)).then(|| (resource.to_owned(), writes.to_string(), how))
    });
    unreadable.collect()
}

/// What reads a resource, what writes it first: the first rule that names it decides by which of its patterns, and what other rules
/// give for the same one comes after (`getTransformerOverridesAndKMSPluginProbes` of the API server).
fn declared_for(wanted: &Encryption, resource: &str) -> Vec<Key> {
    let patterns = wanted.rules.iter().flat_map(|rule| &rule.resources);
    let Some(decides) = patterns.into_iter().find(|pattern| names(pattern, resource)) else { return Vec::new() };
    let rules = wanted.rules.iter().filter(|rule| rule.resources.contains(decides));
    rules.flat_map(|rule| &rule.providers).flat_map(declared).collect()
}

pub(crate) fn check(survey: &Survey<'_>, findings: &mut Vec<Finding>) {
    let Some(live) = survey.control_plane.as_ref().and_then(|known| known.encryption.as_ref()) else { return };
    findings.extend(entries(live).flat_map(short));
    let Some((program, _)) = &survey.program else {
        alone(live, findings);
        return;
    };
    let Some(encryption) = &program.encryption else { return };
    for (resource, writes) in lost(live, encryption) {
        let place = Place::Source(encryption.origin.at);
        let message =
            format!("{resource} would become unreadable: {writes} writes them today, and nothing declared reads that");
        findings.push(
            Finding::new(codes::KEY_IN_USE_REMOVED, message, place)
                .witness(vec![format!("every {resource} that was written until now answers with an error of decryption")])
                .help("keep it, last, until everything was written anew (`kubectl get … -o json | kubectl replace -f -`), then drop it"),
        );
    }
}

/// What is wrong with a configuration that no program speaks of.
fn alone(live: &Value, findings: &mut Vec<Finding>) {
    let at = || Place::Object("EncryptionConfiguration".into());
    let secrets = entries(live).find(|entry| texts(entry, "resources").any(|pattern| names(pattern, "secrets")));
    let Some(entry) = secrets else {
        findings.push(
            Finding::new(codes::SECRETS_NOT_COVERED, "the API server stores Secrets in the clear", at())
                .witness(vec!["whoever reads etcd or a backup of it reads every Secret".to_owned()])
                .help("declare `encryption { encrypt secrets with secretbox(\"key1\"), identity }`"),
        );
        return;
    };
    match list(entry, "providers").flat_map(keys).next() {
        Some(Key::Identity) => findings.push(
            Finding::new(
                codes::IDENTITY_FIRST,
                "the API server writes Secrets in the clear: `identity` comes first",
                at(),
            )
            .witness(vec!["the next write of a Secret that was encrypted stores it in plain text".to_owned()])
            .help("put `identity` last, where it only reads"),
        ),
        Some(Key::Keyed(algorithm, _)) if algorithm != KeyedProvider::SecretBox.as_str() => findings.push(
            Finding::new(codes::WEAK_PROVIDER, format!("`{algorithm}` writes Secrets"), at())
                .help("use `secretbox`, or `kms`; keep it second until everything is rewritten"),
        ),
        _ => {}
    }
}

/// K0606: a key that its algorithm has no use for; the API server does not start with it. Of a key that was withheld, its length is
/// told.
fn short(entry: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for provider in list(entry, "providers") {
        for (algorithm, allowed) in [("aescbc", &[16, 24, 32][..]), ("aesgcm", &[16, 24, 32]), ("secretbox", &[32])] {
            for key in provider.get(algorithm).into_iter().flat_map(|provider| list(provider, "keys")) {
                let secret = key.get("secret").and_then(Value::as_str).unwrap_or_default();
                let length =
                    secret.strip_prefix("<withheld ").and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
                let Some(length) = length.filter(|length| !allowed.contains(length)) else { continue };
                let name = key.get("name").and_then(Value::as_str).unwrap_or_default();
                let lengths: Vec<String> = allowed.iter().map(u32::to_string).collect();
                findings.push(
                    Finding::new(
                        codes::WRONG_KEY_LENGTH,
                        format!("the key `{name}` of {algorithm} has {length} bytes"),
                        Place::Object("EncryptionConfiguration".into()),
                    )
                    .witness(vec![format!(
                        "{algorithm} takes {} bytes: the API server does not start",
                        lengths.join(", ")
                    )])
                    .help("make one: `head -c 32 /dev/urandom | base64`"),
                );
            }
        }
    }
    findings
}

/// Whether an entry's resource names another: itself, or a pattern that covers it.
fn names(pattern: &str, resource: &str) -> bool {
    let split = |text: &str| {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        (resource.to_owned(), group.to_owned())
    };
    let ((pattern, of), (resource, group)) = (split(pattern), split(resource));
    (pattern == resource || pattern == "*") && (of == group || of == "*")
}

fn declared(provider: &EncryptionProvider) -> Vec<Key> {
    match provider {
        EncryptionProvider::Keyed { algorithm, keys } => {
            keys.iter().map(|key| Key::Keyed(algorithm.as_str().to_owned(), key.clone())).collect()
        }
        EncryptionProvider::Kms { name, .. } => vec![Key::Kms(name.clone())],
        EncryptionProvider::Identity => vec![Key::Identity],
    }
}

/// What a provider reads, what it writes with first.
fn keys(provider: &Value) -> Vec<Key> {
    let Some((kind, settings)) = provider.as_object().and_then(|fields| fields.iter().next()) else {
        return Vec::new();
    };
    let name = |value: &Value| value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "identity" => vec![Key::Identity],
        "kms" => vec![Key::Kms(name(settings))],
        algorithm => list(settings, "keys").map(|key| Key::Keyed(algorithm.to_owned(), name(key))).collect(),
    }
}

fn entries(configuration: &Value) -> impl Iterator<Item = &Value> {
    list(configuration, "resources")
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn texts<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v str> {
    list(value, field).filter_map(Value::as_str)
}

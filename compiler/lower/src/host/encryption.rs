//! Encryption at rest.
//!
//! Key material never passes through kspec: the configuration holds markers, and a script fills them in on the host.

use std::{collections::BTreeMap, fmt::Write};

use kspec_diagnostics::{Finding, codes};
use kspec_model::program::{Encryption, EncryptionProvider, EncryptionRule, KeyedProvider};
use serde_json::{Map, Value, json};

use super::FOLDER;
use crate::finding;

const SCRIPT: &str = include_str!("render-encryption.sh");

/// `EncryptionConfiguration`, with markers for keys.
pub(super) fn configuration(encryption: &Encryption) -> Value {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": encryption.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn rule(rule: &EncryptionRule) -> Value {
    json!({ "resources": rule.resources, "providers": rule.providers.iter().map(provider).collect::<Vec<_>>() })
}

fn provider(provider: &EncryptionProvider) -> Value {
    match provider {
        EncryptionProvider::Keyed { algorithm, keys } => {
            let keys: Vec<Value> = keys.iter().map(|name| json!({ "name": name, "secret": marker(name) })).collect();
            json!({ (algorithm.as_str()): { "keys": keys } })
        }
        EncryptionProvider::Kms { name, endpoint, timeout } => {
            let mut kms = Map::from_iter([
                ("apiVersion".to_owned(), json!("v2")),
                ("name".to_owned(), json!(name)),
                ("endpoint".to_owned(), json!(endpoint)),
            ]);
            if let Some(timeout) = timeout {
                kms.insert("timeout".to_owned(), json!(timeout));
            }
            json!({ "kms": kms })
        }
        EncryptionProvider::Identity => json!({ "identity": {} }),
    }
}

fn marker(key: &str) -> String {
    format!("__KSPEC_KEY_{key}__")
}

/// The keys by name, each with the lengths in bytes that every provider using it takes.
pub(super) fn keys(encryption: &Encryption) -> BTreeMap<&str, &'static [u8]> {
    let mut lengths: BTreeMap<&str, &'static [u8]> = BTreeMap::new();
    for provider in encryption.rules.iter().flat_map(|rule| &rule.providers) {
        let EncryptionProvider::Keyed { algorithm, keys } = provider else { continue };
        for key in keys {
            let taken: &[u8] = match algorithm {
                KeyedProvider::AesCbc | KeyedProvider::AesGcm => &[16, 24, 32],
                KeyedProvider::SecretBox => &[32],
            };
            let known = lengths.entry(key).or_insert(taken);
            if taken.len() < known.len() {
                *known = taken;
            }
        }
    }
    lengths
}

/// Names that are not safe as names of files, which is where the script looks for keys.
pub(super) fn unsafe_names(encryption: &Encryption) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in &encryption.rules {
        for provider in &rule.providers {
            let EncryptionProvider::Keyed { keys, .. } = provider else { continue };
            let unsafe_name = |name: &&String| {
                !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                    || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            };
            findings.extend(keys.iter().filter(unsafe_name).map(|name| {
                finding::at(
                    codes::BAD_VALUE,
                    format!("`{name}` cannot name a key: the key is read from a file of that name"),
                    &rule.origin,
                )
                .help("use letters, digits, `-`, `_` and `.`, beginning with a letter, a digit or `_`")
            }));
        }
    }
    findings
}

/// The script that fills keys in, for these keys.
pub(super) fn render_script(keys: &BTreeMap<&str, &'static [u8]>, output: &str) -> String {
    let mut cases = String::new();
    for (key, lengths) in keys {
        let lengths: Vec<String> = lengths.iter().map(u8::to_string).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(cases, "        {}) echo '{}' ;;", quoted(key), lengths.join(" "));
    }
    SCRIPT
        .replace("        @CASES@\n", &cases)
        .replace("@KEYS@", &quoted(&format!("{FOLDER}/keys")))
        .replace("@OUTPUT@", &quoted(output))
}

/// A word that the shell reads as itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

//! Flags and authentication of the API server.

use std::collections::BTreeMap;

use kspec_model::ObjectKey;
use kspec_schema::{facts, facts::FlagKind};
use serde_json::Value;

use crate::{
    Import,
    text::{quoted, snake, string_list, value},
};

impl Import<'_> {
    /// The flags that a declaration may state; files that other blocks say are theirs.
    pub(crate) fn api_server(&mut self) -> BTreeMap<&'static str, String> {
        let mut said: BTreeMap<&'static str, String> = BTreeMap::new();
        let Some(running) = self.state.host.flags.clone() else { return said };
        for field in kspec_resolve::managed_flags() {
            let flag = field.replace('_', "-");
            let Some(values) = running.get(&flag) else { continue };
            match self.flag(field, &flag, values) {
                Some(text) => {
                    said.insert(field, text);
                }
                None => self.left_out(&flag_key(&flag), "a value that kspec refuses or does not read"),
            }
        }
        // They come together, or the server does not use them.
        let pair = ["kubelet_client_certificate", "kubelet_client_key"];
        if !pair.iter().all(|field| said.contains_key(field)) {
            for field in pair.iter().filter_map(|field| said.remove_entry(field)) {
                self.left_out(
                    &flag_key(&field.0.replace('_', "-")),
                    "a client certificate without its key, or a key without it",
                );
            }
        }
        said
    }

    fn flag(&self, field: &str, flag: &str, values: &[String]) -> Option<String> {
        let last = values.last()?;
        match facts::flag(self.kubernetes, flag)?.kind {
            FlagKind::Bool => last.parse::<bool>().ok().map(|value| value.to_string()),
            FlagKind::Int => last.parse::<i64>().ok().filter(|number| *number >= 0).map(|number| number.to_string()),
            FlagKind::Float => last.parse::<f64>().ok().map(|_| last.clone()),
            FlagKind::Duration => duration(last),
            FlagKind::Ip => last.parse::<std::net::IpAddr>().ok().map(|_| quoted(last)),
            // A path, once: the block has no place for a second.
            _ if field.ends_with("_file") => (values.len() == 1 && last.starts_with('/')).then(|| quoted(last)),
            FlagKind::String if needs_path(field) => last.starts_with('/').then(|| quoted(last)),
            FlagKind::String => Some(quoted(last)),
            FlagKind::Commas | FlagKind::List | FlagKind::Map => {
                let words: Vec<&str> = values
                    .iter()
                    .flat_map(|value| value.split(','))
                    .map(str::trim)
                    .filter(|word| !word.is_empty())
                    .collect();
                (!words.is_empty() && words.iter().all(|word| self.is_known(field, word))).then(|| string_list(words))
            }
        }
    }

    /// Whether the block takes this word of a list.
    fn is_known(&self, field: &str, word: &str) -> bool {
        match field {
            "enable_admission_plugins" | "disable_admission_plugins" => {
                word != "AlwaysAdmit" && facts::admission_plugin(self.kubernetes, word).is_some()
            }
            "authorization_mode" => word != "AlwaysAllow",
            "tls_cipher_suites" => {
                facts::TLS_CIPHER_SUITES.contains(&word) || facts::INSECURE_TLS_CIPHER_SUITES.contains(&word)
            }
            _ => true,
        }
    }
}

/// An `apiserver` block, a flag a line.
pub(crate) fn block(flags: &BTreeMap<&'static str, String>) -> String {
    let lines: Vec<String> = flags.iter().map(|(field, text)| format!("{field}: {text}")).collect();
    format!("apiserver {{\n{}\n}}", lines.join("\n"))
}

pub(crate) fn flag_key(flag: &str) -> ObjectKey {
    ObjectKey { group: String::new(), kind: "API server flag".to_owned(), namespace: None, name: flag.to_owned() }
}

/// Paths whose names do not say so.
fn needs_path(field: &str) -> bool {
    field.starts_with("etcd_")
        || matches!(field, "kubelet_certificate_authority" | "kubelet_client_certificate" | "kubelet_client_key")
}

/// `1m30s` as the language writes it: in the largest unit that holds it whole.
pub(crate) fn duration(go: &str) -> Option<String> {
    let mut nanos: i64 = 0;
    let mut rest = go;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let size: i64 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            _ => return None,
        };
        nanos = nanos.checked_add(number.parse::<i64>().ok()?.checked_mul(size)?)?;
        rest = tail;
    }
    [("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000)]
        .into_iter()
        .find(|(_, size)| nanos % size == 0)
        .map(|(unit, size)| format!("{}{unit}", nanos / size))
}

/// `AuthenticationConfiguration` as an `authentication` block, which mirrors it in snake_case; empty where it says nothing.
pub(crate) fn authentication(file: &Value) -> String {
    let lines: Vec<String> = ["jwt", "anonymous"]
        .into_iter()
        .filter_map(|field| Some(format!("{field}: {}", value(&mirrored(file.get(field)?)))))
        .collect();
    if lines.is_empty() { String::new() } else { format!("authentication {{\n{}\n}}", lines.join("\n")) }
}

fn mirrored(json: &Value) -> Value {
    match json {
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, value)| (snake(&name.replace("URL", "Url")), mirrored(value))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(mirrored).collect()),
        other => other.clone(),
    }
}

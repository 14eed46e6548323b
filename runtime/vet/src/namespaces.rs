//! Namespaces, and the Pod Security that each asks for.

use std::collections::BTreeMap;

use kspec_compiler::pod_security_minor;
use kspec_model::program::PodSecurityLevel;
use serde_json::{Value, json};

const LABEL: &str = "pod-security.kubernetes.io/";

/// Namespace objects by name: the state's, the program's over them, the manifests' own over those.
#[derive(Debug, Default)]
pub struct KnownNamespaces {
    objects: BTreeMap<String, Value>,
}

impl KnownNamespaces {
    /// Adds a Namespace object; its labels are added to those that are known already. Anything else is left out.
    pub fn add(&mut self, object: &Value) {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let (Some("v1"), Some("Namespace")) = (text("apiVersion"), text("kind")) else { return };
        let Some(name) = object.pointer("/metadata/name").and_then(Value::as_str) else { return };
        match self.objects.get_mut(name) {
            None => {
                self.objects.insert(name.to_owned(), object.clone());
            }
            Some(known) => {
                let Some(labels) = object.pointer("/metadata/labels").and_then(Value::as_object) else { return };
                let Some(metadata) = known.get_mut("metadata").and_then(Value::as_object_mut) else { return };
                let all = metadata.entry("labels").or_insert_with(|| json!({}));
                if !all.is_object() {
                    *all = json!({});
                }
                if let Some(all) = all.as_object_mut() {
                    all.extend(labels.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
            }
        }
    }

    /// The namespace of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.objects.get(name)
    }
}

/// The level and edition that a namespace's labels ask for in a mode (`enforce`, `warn`), as the API server reads them: what
/// is not said is `privileged`, and what cannot be read is the strictest where it is enforced. A warned level that is not
/// said is the enforced one.
pub(crate) fn asked_for(namespace: &Value, mode: &str, newest: u8) -> (PodSecurityLevel, u8) {
    let label = |name: &str| {
        let labels = namespace.pointer("/metadata/labels")?.as_object()?;
        labels.get(&format!("{LABEL}{name}"))?.as_str()
    };
    let read = |mode: &str| {
        label(mode).map(|level| match level {
            "privileged" => PodSecurityLevel::Privileged,
            "baseline" => PodSecurityLevel::Baseline,
            "restricted" => PodSecurityLevel::Restricted,
            _ if mode == "enforce" => PodSecurityLevel::Restricted,
            _ => PodSecurityLevel::Privileged,
        })
    };
    let edition = |mode: &str| {
        let version = label(&format!("{mode}-version"));
        version.and_then(|version| pod_security_minor(version, newest)).unwrap_or(newest)
    };
    match read(mode) {
        Some(level) => (level, edition(mode)),
        None if mode == "warn" => (read("enforce").unwrap_or(PodSecurityLevel::Privileged), edition("enforce")),
        None => (PodSecurityLevel::Privileged, newest),
    }
}

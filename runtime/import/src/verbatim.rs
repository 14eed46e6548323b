//! Objects that no declaration says: kept whole.

use kspec_model::Object;
use serde_json::Value;

use crate::{Import, Kept, shown, text};

/// What the server, `kubectl` and kspec itself write, and no program says.
const SERVED: &[&str] = &[
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
    "ownerReferences",
];

impl Import<'_> {
    /// Keeps an object as `manifest { … }`, and says why.
    pub(crate) fn verbatim(&mut self, module: &str, object: &Object, reason: &str) {
        let mut value = object.0.clone();
        if let Some(whole) = value.as_object_mut() {
            whole.remove("status");
        }
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in SERVED {
                metadata.remove(*field);
            }
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
        }
        self.report.verbatim.push(Kept { object: shown(&object.key()), reason: reason.to_owned() });
        self.add(module, format!("manifest {}", text::value(&value)));
    }
}

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
        self.report.verbatim.push(Kept { object: shown(&object.key()), reason: reason.to_owned() });
        self.add(module, manifest(object));
    }
}

/// `manifest { … }`: what of an object a program may say.
pub(crate) fn manifest(object: &Object) -> String {
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
    quote_amounts(&mut value);
    format!("manifest {}", text::value(&value))
}

/// Amounts as texts: quoted, they are meant as written.
fn quote_amounts(object: &mut Value) {
    let limits = object.pointer_mut("/spec/limits").and_then(Value::as_array_mut).into_iter().flatten();
    let maps = limits.filter_map(Value::as_object_mut).flat_map(|limit| limit.values_mut());
    for map in maps {
        quote_numbers(map);
    }
    if let Some(hard) = object.pointer_mut("/spec/hard") {
        quote_numbers(hard);
    }
}

fn quote_numbers(map: &mut Value) {
    for amount in map.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        if amount.is_number() {
            *amount = Value::String(amount.to_string());
        }
    }
}

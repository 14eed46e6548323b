//! Objects that no declaration says: kept whole.

use kspec_lower::PART_OF;
use kspec_model::Object;
use serde_json::Value;

use crate::{Import, Kept, PROJECT, shown, text};

/// The label of what a project knows its objects by (KEP-3659).
const APPLY_SET: &str = "applyset.kubernetes.io/id";

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

    /// Keeps what a project of kspec's applied and no declaration is read back from, such as admission policies: the program
    /// goes by that project's name, and what it did not say would be taken away.
    pub(crate) fn rest_of_project(&mut self, project: &str) {
        let state = self.state;
        for (_, object) in state.iter() {
            let object = &object.object;
            if object.labels().get(PROJECT).is_none_or(|of| of != project) || is_declared(object) {
                continue;
            }
            if object.kind() == "Secret" && object.group().is_empty() {
                self.left_out(&object.key(), "the project applied it, and secrets' contents are not read");
                continue;
            }
            let module = self.names.module_of(object.namespace().unwrap_or_default());
            self.verbatim(&module, object, "the project applied it, and its declaration is not read back");
        }
    }
}

/// Whether the object is of a kind that is written as declarations, or what a project knows its objects by.
fn is_declared(object: &Object) -> bool {
    match object.group() {
        "" => {
            matches!(object.kind(), "Namespace" | "ServiceAccount" | "ResourceQuota" | "LimitRange")
                || object.labels().contains_key(APPLY_SET)
        }
        "rbac.authorization.k8s.io" => true,
        "networking.k8s.io" => object.kind() == "NetworkPolicy",
        _ => false,
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
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            // What marks an object as a project's is the compiler's to say.
            if labels.remove(PROJECT).is_some() {
                labels.remove(PART_OF);
                labels.remove("app.kubernetes.io/managed-by");
            }
            if labels.is_empty() {
                metadata.remove("labels");
            }
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

//! Names the part of a state that a plan depends on.

use std::collections::BTreeSet;

use kspec_model::{Object, ObjectKey};
use kspec_state::State;
use serde_json::Value;

/// The hash of what a plan read: the objects that it touches, and everything that its access and connectivity deltas stand
/// on. Pods come and go without making a plan stale.
pub(crate) fn state_hash(state: &State, touched: &BTreeSet<ObjectKey>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (key, object) in state.iter().filter(|(key, _)| touched.contains(key) || bears_on_deltas(key)) {
        hasher.update(key.to_string().as_bytes());
        hasher.update(&[0]);
        if key.group.is_empty() && key.kind == "Secret" {
            // Marks of secret contents are others in each process.
            let mut object = object.object.clone();
            kspec_state::without_marks(&mut object.0);
            update(&mut hasher, &object);
        } else {
            update(&mut hasher, &object.object);
        }
    }
    hasher.finalize().to_hex().to_string()
}

fn bears_on_deltas(key: &ObjectKey) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("rbac.authorization.k8s.io" | "gateway.networking.k8s.io", _)
            | ("networking.k8s.io", "NetworkPolicy" | "Ingress")
            | ("", "Namespace" | "Service")
    )
}

/// What changes without anybody's doing is left out.
fn update(hasher: &mut blake3::Hasher, object: &Object) {
    const VOLATILE: &[&str] = &["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink"];
    let mut field = |name: &str, value: &Value| {
        hasher.update(name.as_bytes());
        hasher.update(&[0]);
        hasher.update(value.to_string().as_bytes());
        hasher.update(&[0]);
    };
    for (name, value) in object.0.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("status", _) => {}
            ("metadata", Value::Object(metadata)) => {
                for (name, value) in metadata.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str())) {
                    field(name, value);
                }
            }
            _ => field(name, value),
        }
    }
}

//! Objects given verbatim.

use std::borrow::Cow;

use kspec_model::program::Manifest;
use serde_json::{Map, Value, json};

use super::{OutlinedObject, Output, Phase, metadata::ownership, world::World};

pub(super) fn lower<'a>(world: &World<'a>, output: &mut Output<'a>) {
    for manifest in world.program.manifests.iter().copied() {
        output.verbatim(outlined(manifest), || {
            let mut object = manifest.object.clone();
            own(world, &mut object);
            (phase(&object), object)
        });
    }
}

fn outlined(manifest: &Manifest) -> OutlinedObject<'_> {
    let text = |pointer: &str| manifest.object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    OutlinedObject {
        group: text("/apiVersion").and_then(|version| version.split_once('/')).map_or("", |(group, _)| group),
        kind: text("/kind").unwrap_or_default(),
        namespace: text("/metadata/namespace"),
        name: Cow::Borrowed(text("/metadata/name").unwrap_or_default()),
        origin: &manifest.origin,
    }
}

/// Adds the ownership labels; nothing else is touched.
fn own(world: &World<'_>, object: &mut Value) {
    let Some(root) = object.as_object_mut() else { return };
    let metadata = root.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let Some(metadata) = metadata.as_object_mut() else { return };
    let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    if !labels.is_object() {
        *labels = Value::Object(Map::new());
    }
    let Some(labels) = labels.as_object_mut() else { return };
    labels.extend(ownership(world).into_iter().map(|(key, value)| (key, json!(value))));
}

fn phase(object: &Value) -> Phase {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    match (group, text("kind")) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Phase::Definitions,
        ("", "Namespace") => Phase::Namespaces,
        ("", "ResourceQuota" | "LimitRange") => Phase::Limits,
        ("", "ServiceAccount") => Phase::Accounts,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => Phase::Roles,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => Phase::Grants,
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy") => Phase::Policies,
        ("admissionregistration.k8s.io", _) => Phase::PolicyBindings,
        ("networking.k8s.io", "NetworkPolicy") => policy_phase(object.get("spec").unwrap_or(&Value::Null)),
        _ => Phase::Rest,
    }
}

/// When a NetworkPolicy of this `spec` is applied.
pub(super) fn policy_phase(spec: &Value) -> Phase {
    let filled = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        _ => false,
    };
    if !filled(spec.get("ingress")) && !filled(spec.get("egress")) {
        Phase::NetworkDeny
    } else if filled(spec.pointer("/podSelector/matchLabels")) || filled(spec.pointer("/podSelector/matchExpressions"))
    {
        Phase::NetworkAllow
    } else {
        Phase::NetworkWide
    }
}

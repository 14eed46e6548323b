//! Whose an object is.

use kspec_lower::{Inventory, MANAGED_BY, PART_OF, PROJECT};
use kspec_model::{Object, ObjectKey};
use serde_json::Value;

/// The annotation on an object that was there before the program declared it: never deleted, only released.
pub const ADOPTED: &str = "kspec.dev/adopted-by";

/// Who an object belongs to, seen from one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The project.
    Us,
    /// Another project or ApplySet, by name.
    Other(String),
    /// Nobody who says so in kspec's or ApplySet's terms; the tool or person that seems to have made it, where one shows.
    Nobody(Option<String>),
}

/// The field manager of a project.
#[must_use]
pub fn field_manager(project: &str) -> String {
    format!("kspec.{project}")
}

pub(crate) fn owner(object: &Object, inventory: &Inventory) -> Owner {
    let set = label(object, PART_OF);
    let project = label(object, PROJECT).filter(|_| label(object, MANAGED_BY.0) == Some(MANAGED_BY.1));
    match (set, project) {
        (Some(set), _) if set == inventory.id => Owner::Us,
        (Some(set), project) => Owner::Other(project.unwrap_or(set).to_owned()),
        (None, Some(project)) if project == inventory.project => Owner::Us,
        (None, Some(project)) => Owner::Other(project.to_owned()),
        (None, None) if is_managed_by(object, &field_manager(&inventory.project)) => Owner::Us,
        (None, None) => Owner::Nobody(maker(object)),
    }
}

/// Whether the object carries the project's marks and no controller made it: a Service's EndpointSlices carry its labels too.
pub(crate) fn is_prunable(object: &Object, inventory: &Inventory) -> bool {
    let labelled = label(object, PART_OF).map_or_else(
        || label(object, PROJECT) == Some(&inventory.project) && label(object, MANAGED_BY.0) == Some(MANAGED_BY.1),
        |set| set == inventory.id,
    );
    let copied = matches!(object.kind(), "Endpoints" | "EndpointSlice");
    labelled && !copied && !is_controlled(object) && object.key() != inventory.key()
}

fn is_controlled(object: &Object) -> bool {
    let owners = object.0.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.into_iter().flatten().any(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
}

fn is_managed_by(object: &Object, manager: &str) -> bool {
    let entries = object.0.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        text("manager") == Some(manager) && text("operation") == Some("Apply")
    })
}

/// `Helm release shop/web`, or what the standard label names.
fn maker(object: &Object) -> Option<String> {
    let annotation = |name: &str| object.0.get("metadata")?.get("annotations")?.get(name)?.as_str();
    if let Some(release) = annotation("meta.helm.sh/release-name") {
        let namespace = annotation("meta.helm.sh/release-namespace").unwrap_or_default();
        return Some(format!("Helm release {namespace}/{release}"));
    }
    label(object, MANAGED_BY.0).map(str::to_owned)
}

fn label<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.0.get("metadata")?.get("labels")?.get(name)?.as_str()
}

/// Why an object that left the program stays: deleting a line must never delete a team's data.
pub(crate) fn why_released(key: &ObjectKey, object: &Object) -> Option<String> {
    let because = match (key.group.as_str(), key.kind.as_str()) {
        ("", "Namespace") => "deleting a namespace deletes everything in it",
        ("apiextensions.k8s.io", "CustomResourceDefinition") => "deleting a definition deletes all its objects",
        ("", "ServiceAccount") => "workloads may still run as it",
        _ if object.0.pointer("/metadata/annotations").and_then(|all| all.get(ADOPTED)).is_some() => {
            "it was there before the project adopted it"
        }
        _ => return None,
    };
    Some(because.to_owned())
}

/// Service accounts named `default` appear by themselves with their namespace: nobody need be asked about those.
pub(crate) fn is_made_by_the_cluster(key: &ObjectKey) -> bool {
    key.group.is_empty() && key.kind == "ServiceAccount" && key.name == "default"
}

/// The order of removing, ascending: nothing loses what it stands on before it is gone itself, and no pod is cut off on the
/// way.
#[must_use]
pub fn removal_rank(object: &Object) -> u8 {
    match (object.group(), object.kind()) {
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => 1,
        ("networking.k8s.io", "NetworkPolicy") => {
            let allows = ["/spec/ingress", "/spec/egress"].iter().any(|pointer| {
                object.0.pointer(pointer).and_then(Value::as_array).is_some_and(|rules| !rules.is_empty())
            });
            if allows { 3 } else { 2 }
        }
        ("rbac.authorization.k8s.io", _) => 4,
        ("", "ServiceAccount") => 5,
        ("", "ResourceQuota" | "LimitRange") => 6,
        ("", "Namespace") => 7,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 8,
        _ => 0,
    }
}

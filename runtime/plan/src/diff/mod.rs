//! One object: what is wanted against what is there, on the fields that are ours.
//!
//! The verdict is server-side apply's: a field that the wanted object leaves unset is nobody's business here, lists merge by
//! their keys, what one manager owns as a whole is compared as a whole, and what our manager once applied and no longer
//! wants goes away unless somebody else owns it too. Values are compared as the server would store them: quantities by
//! amount, absent fields by their default.

mod compare;
mod defaults;
mod fields;
mod merge;
mod path;
mod quantity;
mod removed;
mod result;
mod walk;

use kspec_model::Object;
use kspec_schema::{Schema, TypeId, split_api_version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use merge::merge_object;
pub use result::diff_result;

use compare::Compare;

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// Where: `spec.ports[port=80,protocol=TCP].targetPort`, `metadata.labels["team"]`.
    pub path: String,
    /// What is there now; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What will be there; absent where the field goes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl FieldChange {
    /// A change as documents show it: of secret contents, that they are withheld.
    pub(crate) fn new(path: String, before: Option<&Value>, after: Option<&Value>) -> Self {
        let shown = |value: Option<&Value>| {
            let mut value = value?.clone();
            kspec_state::without_marks(&mut value);
            Some(value)
        };
        Self { path, before: shown(before), after: shown(after) }
    }
}

/// A field that changes and that somebody else owns too: the server refuses it unless it is forced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldConflict {
    /// Where.
    pub path: String,
    /// Field managers, as `kubectl get --show-managed-fields` names them.
    pub managers: Vec<String>,
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObjectDiff {
    /// By path.
    pub changes: Vec<FieldChange>,
    /// By path.
    pub conflicts: Vec<FieldConflict>,
    /// Whether a field changes that Kubernetes never lets change: the object is deleted and created anew.
    pub replaces: bool,
    /// Paths that change although Kubernetes never lets them, of objects that are not lightly made anew.
    pub immutable: Vec<String>,
}

impl ObjectDiff {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Diffs a wanted object against the one that is there, for the field manager `manager` (`kspec.PROJECT`).
///
/// Both are taken as they are: neither kind nor name is compared. Secrets are to be withheld on both sides, which
/// [`State`](kspec_state::State) and [`plan`](crate::plan) see to.
#[must_use]
pub fn diff_object(desired: &Object, actual: &Object, schema: &Schema, manager: &str) -> ObjectDiff {
    let scope = Scope::new(desired, schema);
    let mut walk = walk::Walk::new(scope.compare, &actual.0, manager);
    walk.root(scope.ty, &desired.0);
    removed::removed(&mut walk, scope.ty, &desired.0);
    walk.finish(desired)
}

/// What comparing objects of one kind needs.
struct Scope<'a> {
    compare: Compare<'a>,
    /// Type of the whole; none for kinds that the schema does not know.
    ty: Option<TypeId>,
}

impl<'a> Scope<'a> {
    fn new(object: &Object, schema: &'a Schema) -> Self {
        let (group, version) = split_api_version(object.api_version());
        let built_in = !group.contains('.') || group.ends_with(".k8s.io");
        Self {
            compare: Compare { schema, empty_is_absent: built_in },
            ty: schema.object_type(group, version, object.kind()),
        }
    }
}

/// Fields of the root and of metadata that name the object, or that only servers write.
fn is_compared(parent: &path::Path<'_>, name: &str) -> bool {
    match parent {
        path::Path::Root => !matches!(name, "apiVersion" | "kind" | "status"),
        path::Path::Field(path::Path::Root, "metadata") => {
            matches!(name, "labels" | "annotations" | "finalizers" | "ownerReferences")
        }
        _ => true,
    }
}

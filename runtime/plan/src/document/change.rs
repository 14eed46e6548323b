//! Objects that change.

use kspec_model::{Object, ObjectKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diff::{FieldChange, FieldConflict};

/// What happens to one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What.
    pub action: Action,
    /// To which.
    pub object: ObjectName,
    /// Fields that change, by path. For a new object, what it says; for one that is deleted, nothing.
    pub diff: Vec<FieldChange>,
    /// How this is known.
    pub basis: Basis,
    /// The declaration; none for what left the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// An update that deletes the object and creates it anew, because a field changes that Kubernetes never lets change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    /// The object that this one was before a `moved`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<ObjectName>,
    /// The object that this one becomes by a `moved`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<ObjectName>,
    /// Why, where the action does not say so itself: why an object is released and not deleted, whose one is that is adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Fields that change and that others own too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<FieldConflict>,
    /// Services, as `namespace/name`, that must have an endpoint that is ready before apply puts the object in force: a webhook
    /// that nobody answers for refuses whatever it covers. Where none becomes ready, the object is held back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// URLs of webhooks that refuse whatever they cover while nobody answers there, which apply does not check: the API server asks from
    /// its own network and with its own certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
}

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// It is ours, and differs.
    Update,
    /// It is ours, left the program, and is deleted.
    Delete,
    /// It is there and not ours: apply asks.
    Adopt,
    /// It is ours, left the program, and stays: only the ownership ends.
    Release,
    /// It is as the program says.
    None,
}

/// How a change is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// By merging into what was read.
    Merge,
    /// By the server's own dry run.
    DryRun,
    /// What it depends on does not exist yet.
    KnownAfterApply,
}

/// An object's identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectName {
    /// `rbac.authorization.k8s.io/v1`
    pub api_version: String,
    /// `Role`
    pub kind: String,
    /// None for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectName {
    /// The name of an object.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        Self {
            api_version: object.api_version().to_owned(),
            kind: object.kind().to_owned(),
            namespace: object.namespace().map(str::to_owned),
            name: object.name().to_owned(),
        }
    }

    /// The key of the object.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: self.api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

impl std::fmt::Display for ObjectName {
    /// `Role payments/release`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// A place in the program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Relative to the project.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// Why apply would refuse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// Which.
    pub object: ObjectName,
    /// Why, for machines.
    pub kind: RefusalKind,
    /// Why; one line.
    pub message: String,
    /// The remedy.
    pub help: String,
    /// The declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Families of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The object belongs to another project, or to another tool's set.
    ForeignOwner,
    /// Fields that change belong to other field managers.
    FieldConflict,
    /// A field changes that Kubernetes never lets change.
    Immutable,
    /// The server refused a dry run.
    Refused,
}

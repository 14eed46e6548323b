//! What the change means: permissions and connections.

use kspec_analysis::{access, net};
use kspec_model::ObjectKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who gains and loses which permissions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// Allowed after, not before.
    pub gained: Vec<AccessEntry>,
    /// Allowed before, not after.
    pub lost: Vec<AccessEntry>,
}

/// Verbs that one subject may do on something, in one scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct AccessEntry {
    /// Who.
    pub subject: SubjectName,
    /// In which namespace; absent for the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What.
    pub verbs: Vec<String>,
    /// On what: `pods/log`, `deployments.apps/scale`; `*.*` is everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Object names; absent means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Paths outside resources; `*` at the end means all that begin so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// By which bindings.
    pub because: Vec<AccessReason>,
}

/// Whom a permission belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SubjectName {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: String,
    /// A service account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// A binding and the role it binds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct AccessReason {
    /// `RoleBinding payments/release:devs`
    pub binding: String,
    /// `Role payments/release`
    pub role: String,
}

/// Which connections open and close.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Connectivity {
    /// Allowed after, not before.
    pub opened: Vec<ConnectivityEntry>,
    /// Allowed before, not after.
    pub closed: Vec<ConnectivityEntry>,
    /// Objects that may change the answer: those that are not evaluated, and `ambiguous_because`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_because: Vec<String>,
    /// Policies of which it is not defined what they make of some connections: equal priorities, or peers whose addresses are not in
    /// the objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ambiguous_because: Vec<String>,
}

/// Connections from one end to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ConnectivityEntry {
    /// `shop/cart[Deployment]`, `shop/*`, `10.0.0.0-10.255.255.255[External]`.
    pub src: String,
    /// As `src`.
    pub dst: String,
    /// `All Connections`, or `TCP 80,443-445,UDP 53`.
    pub conn: String,
    /// Which changes bring it about.
    pub because: Vec<ConnectivityReason>,
}

/// A changed object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ConnectivityReason {
    /// `NetworkPolicy payments/default-deny`
    pub object: String,
    /// `added`, `removed` or `changed`.
    pub change: String,
}

/// `Role payments/release`: groups say nothing that the kind does not.
#[must_use]
pub fn short(key: &ObjectKey) -> String {
    match &key.namespace {
        Some(namespace) => format!("{} {namespace}/{}", key.kind, key.name),
        None => format!("{} {}", key.kind, key.name),
    }
}

impl From<&access::SubjectRef> for SubjectName {
    fn from(subject: &access::SubjectRef) -> Self {
        let (kind, namespace, name) = match subject {
            access::SubjectRef::User { name } => ("User", None, name),
            access::SubjectRef::Group { name } => ("Group", None, name),
            access::SubjectRef::ServiceAccount { namespace, name } => ("ServiceAccount", Some(namespace.clone()), name),
        };
        Self { kind: kind.to_owned(), namespace, name: name.clone() }
    }
}

impl From<access::AccessDelta> for Access {
    fn from(delta: access::AccessDelta) -> Self {
        let entries = |changes: Vec<access::AccessChange>| changes.into_iter().map(AccessEntry::from).collect();
        Self { gained: entries(delta.gained), lost: entries(delta.lost) }
    }
}

impl From<access::AccessChange> for AccessEntry {
    fn from(change: access::AccessChange) -> Self {
        Self {
            subject: SubjectName::from(&change.subject),
            namespace: change.namespace,
            verbs: change.verbs,
            resources: change.resources.iter().map(ToString::to_string).collect(),
            names: change.names,
            urls: change.urls,
            because: change
                .because
                .iter()
                .map(|grant| AccessReason { binding: short(&grant.binding), role: short(&grant.role) })
                .collect(),
        }
    }
}

impl From<net::ConnectivityDelta> for Connectivity {
    fn from(delta: net::ConnectivityDelta) -> Self {
        let entries = |changes: Vec<net::EdgeChange>| changes.into_iter().map(ConnectivityEntry::from).collect();
        Self {
            opened: entries(delta.opened),
            closed: entries(delta.closed),
            unknown_because: delta.unknown_because.iter().map(short).collect(),
            ambiguous_because: delta.ambiguous_because.iter().map(short).collect(),
        }
    }
}

impl From<net::EdgeChange> for ConnectivityEntry {
    fn from(change: net::EdgeChange) -> Self {
        let because = change.because.iter().map(|cause| ConnectivityReason {
            object: short(&cause.object),
            change: match cause.change {
                net::Change::Added => "added",
                net::Change::Removed => "removed",
                net::Change::Changed => "changed",
            }
            .to_owned(),
        });
        Self { conn: change.connections.to_string(), because: because.collect(), src: change.src, dst: change.dst }
    }
}

//! Principals, roles, grants.

use std::collections::BTreeMap;

use kspec_diagnostics::Location;

use super::{Exception, Origin};
use crate::LabelSelector;

/// A declared user or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub subject: Subject,
    /// Whence.
    pub origin: Origin,
}

/// Whom a binding names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A user, as the authenticator yields it.
    User(String),
    /// A group, as the authenticator yields it.
    Group(String),
    /// A service account.
    ServiceAccount {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
}

/// A Role or ClusterRole.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Namespace; none for a ClusterRole.
    pub namespace: Option<String>,
    /// Kubernetes name, project prefix included where it applies.
    pub name: String,
    /// Others own it.
    pub existing: bool,
    /// What it allows; empty with [`Role::aggregation`], where the control plane fills it.
    pub rules: Vec<RoleRule>,
    /// `aggregationRule.clusterRoleSelectors`; none where the role is not aggregated.
    pub aggregation: Option<Vec<LabelSelector>>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Doc comment, kept as the annotation `kspec.dev/purpose`.
    pub doc: Option<String>,
    /// Whence.
    pub origin: Origin,
}

/// `rbac.authorization.k8s.io/v1` PolicyRule. A rule has either resources or URLs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RoleRule {
    /// Verbs, or `*`.
    pub verbs: Vec<String>,
    /// API groups, `""` for the core group, or `*`.
    pub api_groups: Vec<String>,
    /// Resources with subresources (`pods/log`), or `*`.
    pub resources: Vec<String>,
    /// Resource names; empty means any.
    pub resource_names: Vec<String>,
    /// Non-resource URLs.
    pub urls: Vec<String>,
}

/// The role that a grant binds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleRef {
    /// Namespace of a Role; none for a ClusterRole.
    pub namespace: Option<String>,
    /// Kubernetes name.
    pub name: String,
}

/// A grant.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// What is granted.
    pub role: RoleRef,
    /// Where.
    pub scope: GrantScope,
    /// Where the scope is written, where it is.
    pub scope_at: Option<Location>,
    /// To whom; never empty.
    pub subjects: Vec<Subject>,
    /// Name of the binding where given; otherwise lowering derives one from role and subjects.
    pub name: Option<String>,
    /// Break-glass, or a grant with an end.
    pub exception: Option<Exception>,
    /// Whether `break_glass`.
    pub break_glass: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Doc comment.
    pub doc: Option<String>,
    /// Whence.
    pub origin: Origin,
}

/// Where a grant holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantScope {
    /// A ClusterRoleBinding.
    Cluster,
    /// A RoleBinding in each.
    Namespaces(Vec<String>),
    /// A RoleBinding in each namespace, of the program and of the state, whose labels match.
    Where(LabelSelector),
}

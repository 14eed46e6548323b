//! Roles and bindings that someone would write, for the question whether the API server's escalation check lets them.

use kspec_analysis::access::Grant;
use kspec_model::{
    Object, ObjectKey,
    cluster::Cluster,
    program::{RoleRef, RoleRule},
};

/// A role or a binding to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// A role.
    Role {
        /// Which.
        role: RoleRef,
        /// Its own rules.
        rules: Vec<RoleRule>,
        /// Whether it gathers the rules of others.
        aggregates: bool,
    },
    /// A binding.
    Binding {
        /// The RoleBinding's namespace; none for a ClusterRoleBinding.
        namespace: Option<String>,
        /// The role bound.
        role: RoleRef,
    },
}

/// Why an object is no role or binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrittenError {
    /// Another kind.
    Kind(ObjectKey),
    /// One that the API server would refuse.
    Refused(ObjectKey, String),
}

impl std::fmt::Display for WrittenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kind(key) => write!(f, "{key} is neither a role nor a binding"),
            Self::Refused(key, message) => write!(f, "{key}: {message}"),
        }
    }
}

impl Written {
    /// Reads an object.
    ///
    /// # Errors
    /// When it is of another kind, or the API server would refuse it.
    pub fn read(object: &Object) -> Result<Self, WrittenError> {
        let key = object.key();
        let (cluster, problems) = Cluster::lift([object]);
        if let Some(problem) = problems.into_iter().next() {
            return Err(WrittenError::Refused(key, problem.message));
        }
        if let Some((role, facts)) = cluster.roles.into_iter().next() {
            let aggregates = facts.aggregation.as_ref().is_some_and(|selectors| !selectors.is_empty());
            return Ok(Self::Role { role, rules: facts.rules, aggregates });
        }
        match cluster.bindings.into_iter().next() {
            Some((binding, facts)) => Ok(Self::Binding { namespace: binding.namespace, role: facts.role }),
            None => Err(WrittenError::Kind(key)),
        }
    }

    /// As the escalation check looks at it. `named` tells an update or an apply, whose request names the object, from a POST.
    #[must_use]
    pub fn grant(&self, named: bool) -> Grant<'_> {
        match self {
            Self::Role { role, rules, aggregates } => Grant::Role { role, rules, aggregates: *aggregates, named },
            Self::Binding { namespace, role } => Grant::Binding { namespace: namespace.as_deref(), role },
        }
    }

    /// The resource that is written to, and its namespace.
    #[must_use]
    pub fn resource(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Role { role, .. } if role.namespace.is_some() => ("roles", role.namespace.as_deref()),
            Self::Role { .. } => ("clusterroles", None),
            Self::Binding { namespace: Some(namespace), .. } => ("rolebindings", Some(namespace)),
            Self::Binding { namespace: None, .. } => ("clusterrolebindings", None),
        }
    }
}

//! Questions, and who asks.

use kspec_model::program::Subject;
use serde::{Deserialize, Deserializer, Serialize};

/// The group whose members skip authorization.
pub(crate) const MASTERS: &str = "system:masters";
/// Everyone who proved who they are.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";
/// Everyone else.
pub(super) const UNAUTHENTICATED: &str = "system:unauthenticated";
/// Every service account; with `:NAMESPACE`, those of one.
pub(super) const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
const ANONYMOUS: &str = "system:anonymous";
const SERVICE_ACCOUNT_USER: &str = "system:serviceaccount:";

/// A request to the API server: on a resource, or on `path`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// User name; a service account's is `system:serviceaccount:NAMESPACE:NAME`.
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Groups; those that authentication adds by itself need not be listed ([`effective_groups`]).
    #[serde(deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Verb.
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    pub verb: String,
    /// API group; empty for the core group.
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Resource, in the plural.
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// Subresource, if any.
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// Object name; empty for requests without one (`list`, `create`).
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace; empty for cluster-scoped resources and requests over all namespaces.
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// A URL path outside resources, such as `/healthz`. The fields about resources are then ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

fn or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Whom a permission belongs to, spelt as Kubernetes spells a binding's subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum SubjectRef {
    /// A user.
    User {
        /// As the authenticator yields it.
        name: String,
    },
    /// A group.
    Group {
        /// As the authenticator yields it.
        name: String,
    },
    /// A service account.
    ServiceAccount {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
}

impl From<&Subject> for SubjectRef {
    fn from(subject: &Subject) -> Self {
        match subject {
            Subject::User(name) => Self::User { name: name.clone() },
            Subject::Group(name) => Self::Group { name: name.clone() },
            Subject::ServiceAccount { namespace, name } => {
                Self::ServiceAccount { namespace: namespace.clone(), name: name.clone() }
            }
        }
    }
}

impl std::fmt::Display for SubjectRef {
    /// `user x`, `group x`, `service account ns/x`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User { name } => write!(f, "user {name}"),
            Self::Group { name } => write!(f, "group {name}"),
            Self::ServiceAccount { namespace, name } => write!(f, "service account {namespace}/{name}"),
        }
    }
}

/// The user name of a service account.
pub(super) fn service_account_user(namespace: &str, name: &str) -> String {
    format!("{SERVICE_ACCOUNT_USER}{namespace}:{name}")
}

/// Namespace and name of the service account that a user name stands for.
pub(super) fn as_service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT_USER)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

/// The groups that a request is judged with: those listed and those that authentication adds. Everyone but
/// `system:anonymous` (and who is said to be unauthenticated) is in `system:authenticated`; service accounts are in their
/// groups. Sorted, each once.
#[must_use]
pub fn effective_groups(user: &str, groups: &[String]) -> Vec<String> {
    let mut all = groups.to_vec();
    if let Some((namespace, _)) = as_service_account(user) {
        all.push(SERVICE_ACCOUNTS.to_owned());
        all.push(format!("{SERVICE_ACCOUNTS}:{namespace}"));
    }
    let anonymous = user == ANONYMOUS || all.iter().any(|group| group == UNAUTHENTICATED);
    all.push(if anonymous { UNAUTHENTICATED } else { AUTHENTICATED }.to_owned());
    all.sort();
    all.dedup();
    all
}

/// The groups that every member of a group, or a user, is in as well.
pub(crate) fn implied_groups(subject: &SubjectRef) -> Vec<String> {
    let mut groups = match subject {
        SubjectRef::User { name } => effective_groups(name, &[]),
        SubjectRef::ServiceAccount { namespace, name } => effective_groups(&service_account_user(namespace, name), &[]),
        SubjectRef::Group { name } if name == UNAUTHENTICATED || name == AUTHENTICATED => Vec::new(),
        SubjectRef::Group { name } => {
            let accounts = name.strip_prefix(SERVICE_ACCOUNTS).is_some_and(|rest| rest.starts_with(':'));
            let all = accounts.then_some(SERVICE_ACCOUNTS);
            all.into_iter().chain([AUTHENTICATED]).map(str::to_owned).collect()
        }
    };
    groups.sort();
    groups
}

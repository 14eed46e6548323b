//! What belongs to Kubernetes itself: what every API server creates, and what kubeadm adds to it.

use kspec_model::{ObjectKey, cluster::BindingFacts};

use crate::access::SubjectRef;

/// Namespaces of the control plane itself.
pub(crate) const NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// kubeadm's own objects, groups and users (`cmd/kubeadm/app/constants`).
const KUBEADM: &str = "kubeadm:";

/// Groups that are not of the system, for all that their names begin as its do: everyone is in one of them.
const EVERYONE: [&str; 4] =
    ["system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts"];

/// Whether a subject means everyone, everyone who is authenticated, or every service account of the cluster or of a namespace.
pub(crate) fn is_everyone(subject: &SubjectRef) -> bool {
    match subject {
        SubjectRef::User { name } | SubjectRef::Group { name } => {
            EVERYONE.contains(&name.as_str()) || name.starts_with("system:serviceaccounts:")
        }
        SubjectRef::ServiceAccount { .. } => false,
    }
}

/// Whether a subject is a component of the system.
pub(crate) fn is_component(subject: &SubjectRef) -> bool {
    match subject {
        SubjectRef::User { name } | SubjectRef::Group { name } => {
            (name.starts_with("system:") && !is_everyone(subject)) || name.starts_with(KUBEADM)
        }
        SubjectRef::ServiceAccount { namespace, .. } => NAMESPACES.contains(&namespace.as_str()),
    }
}

/// Whether a binding comes with every cluster: it carries the label of those that the API server creates, or is kubeadm's.
pub(crate) fn is_built_in(key: &ObjectKey, facts: &BindingFacts) -> bool {
    facts.built_in || key.name.starts_with(KUBEADM)
}

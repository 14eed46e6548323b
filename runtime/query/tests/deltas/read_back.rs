//! Deltas as printed, read back by what the documentation of the format says.

use kspec_analysis::{
    access::{AccessChange, AccessDelta, GrantRef, ResourceRef, SubjectRef},
    net::EdgeChange,
};
use kspec_model::ObjectKey;
use kspec_plan::{Access, AccessEntry, ConnectivityEntry, SubjectName};

/// `RoleBinding payments/release`, `ClusterRole view`.
fn key(text: &str) -> ObjectKey {
    let (kind, name) = text.split_once(' ').unwrap();
    let (namespace, name) = name.split_once('/').map_or((None, name), |(namespace, name)| (Some(namespace), name));
    let group = "rbac.authorization.k8s.io".to_owned();
    ObjectKey { group, kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned() }
}

/// `pods/log`, `deployments.apps/scale`, `*.*`.
fn resource(text: &str) -> ResourceRef {
    let (name, subresource) = text.split_once('/').unwrap_or((text, ""));
    let (resource, group) = name.split_once('.').unwrap_or((name, ""));
    ResourceRef { group: group.to_owned(), resource: resource.to_owned(), subresource: subresource.to_owned() }
}

fn subject(name: &SubjectName) -> SubjectRef {
    let owned = name.name.clone();
    match (name.kind.as_str(), name.namespace.clone()) {
        ("User", None) => SubjectRef::User { name: owned },
        ("Group", None) => SubjectRef::Group { name: owned },
        ("ServiceAccount", Some(namespace)) => SubjectRef::ServiceAccount { namespace, name: owned },
        other => panic!("{other:?} is no subject"),
    }
}

/// What is gained and lost.
pub(crate) fn access(printed: &Access) -> AccessDelta {
    let change = |entry: &AccessEntry| AccessChange {
        subject: subject(&entry.subject),
        namespace: entry.namespace.clone(),
        verbs: entry.verbs.clone(),
        resources: entry.resources.iter().map(|text| resource(text)).collect(),
        names: entry.names.clone(),
        urls: entry.urls.clone(),
        because: entry
            .because
            .iter()
            .map(|reason| GrantRef { binding: key(&reason.binding), role: key(&reason.role) })
            .collect(),
    };
    let changes = |entries: &[AccessEntry]| entries.iter().map(change).collect();
    AccessDelta { gained: changes(&printed.gained), lost: changes(&printed.lost) }
}

/// What opens, or what closes.
pub(crate) fn edges(printed: &[ConnectivityEntry]) -> Vec<EdgeChange> {
    let edge = |entry: &ConnectivityEntry| {
        assert!(!entry.because.is_empty(), "{entry:?}");
        EdgeChange {
            src: entry.src.clone(),
            dst: entry.dst.clone(),
            connections: entry.conn.parse().unwrap(),
            because: Vec::new(),
        }
    };
    printed.iter().map(edge).collect()
}

//! What the change means for access and connectivity.

use std::collections::{BTreeMap, BTreeSet};

use kspec_analysis::{access, net};
use kspec_model::{Object, ObjectKey, cluster::Cluster};
use kspec_schema::Schema;
use kspec_state::State;

use crate::document::{Access, Connectivity};

/// What a state means. Roles and bindings that every API server creates are added where the state lacks them.
#[must_use]
pub fn cluster(state: &State, schema: &Schema) -> Cluster {
    let built_in = missing_defaults(state, schema);
    Cluster::lift(built_in.values().chain(state.objects.iter().map(|object| &object.object))).0
}

/// As [`cluster`], with objects as they will be, of those that are written, and without those that go away.
pub(crate) fn cluster_after(
    state: &State,
    schema: &Schema,
    after: &BTreeMap<ObjectKey, Object>,
    deleted: &BTreeSet<ObjectKey>,
) -> Cluster {
    let kept = state
        .iter()
        .filter(|(key, _)| !after.contains_key(key) && !deleted.contains(key))
        .map(|(_, object)| &object.object);
    let built_in = missing_defaults(state, schema);
    let built_in = built_in.iter().filter(|(key, _)| !after.contains_key(key)).map(|(_, object)| object);
    Cluster::lift(built_in.chain(kept).chain(after.values())).0
}

/// `after` are objects as they will be, of those that are written; `deleted` are those that go away.
pub(crate) fn deltas(
    state: &State,
    schema: &Schema,
    after: &BTreeMap<ObjectKey, Object>,
    deleted: &BTreeSet<ObjectKey>,
) -> (Access, Connectivity) {
    let before = cluster(state, schema);
    let after = cluster_after(state, schema, after, deleted);
    let access = access::delta(&before, &after);
    let connectivity = net::delta(&before, &after, &net::NetOptions::default());
    (access.into(), connectivity.into())
}

/// The roles and bindings that every API server creates by itself, for states that do not show them.
fn missing_defaults(state: &State, schema: &Schema) -> BTreeMap<ObjectKey, Object> {
    let shows_them = state.objects.iter().any(|object| {
        object.object.group() == "rbac.authorization.k8s.io"
            && object.object.str_at("/metadata/labels/kubernetes.io~1bootstrapping") == "rbac-defaults"
    });
    if shows_them {
        return BTreeMap::new();
    }
    schema
        .default_rbac()
        .iter()
        .map(|value| Object(value.clone()))
        .map(|object| (object.key(), object))
        .filter(|(key, _)| state.get(key).is_none())
        .collect()
}

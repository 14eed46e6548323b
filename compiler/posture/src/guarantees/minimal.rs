//! What is responsible: a set of objects that suffices, and of which none can be left out.

use std::collections::BTreeSet;

use kspec_model::{ObjectKey, cluster::Cluster};

/// Leaves members out as long as the rest suffices. One pass is enough where more objects never suffice less.
pub(crate) fn minimal<T: Clone + Ord>(objects: BTreeSet<T>, suffices: impl Fn(&BTreeSet<T>) -> bool) -> BTreeSet<T> {
    let mut kept = objects.clone();
    for object in objects {
        kept.remove(&object);
        if !suffices(&kept) {
            kept.insert(object);
        }
    }
    kept
}

/// As [`minimal`], where more objects may suffice less: gone through until none can be left out.
pub(crate) fn settled<T: Clone + Ord>(objects: BTreeSet<T>, suffices: impl Fn(&BTreeSet<T>) -> bool) -> BTreeSet<T> {
    let mut kept = objects;
    loop {
        let before = kept.len();
        kept = minimal(kept, &suffices);
        if kept.len() == before {
            return kept;
        }
    }
}

/// A cluster with no other roles and bindings than these; what its aggregated roles gather is gathered anew.
pub(crate) fn only(cluster: &Cluster, kept: &BTreeSet<ObjectKey>) -> Cluster {
    let mut part = Cluster {
        namespaces: cluster.namespaces.clone(),
        bindings: cluster.bindings.iter().filter(|(key, _)| kept.contains(key)).map(cloned).collect(),
        ..Cluster::default()
    };
    let role = |role: &kspec_model::program::RoleRef| kspec_analysis::access::role_key(role);
    part.roles = cluster.roles.iter().filter(|(name, _)| kept.contains(&role(name))).map(cloned).collect();
    part.aggregate();
    part
}

fn cloned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}

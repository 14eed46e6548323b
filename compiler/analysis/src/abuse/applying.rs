//! Objects that somebody makes by a request that names them: an apply of what is not there creates it.
//!
//! The API server asks whether they may `patch` the object, and before it creates it, whether they may `create` it, with its name
//! (`staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go`, `withAuthorization`). So two rules that allow both by name alone
//! create. Of RBAC's own kinds an `update` creates likewise (`AllowCreateOnUpdate` in `pkg/registry/rbac/*/strategy.go`).

use kspec_model::{
    ObjectKey,
    cluster::Cluster,
    program::{RoleRef, RoleRule},
};
use rustc_hash::FxHashMap;

use super::{
    graph::Graph,
    identity::{Held, Holdings},
    power::{CREATE, DEEDS, Deed, RBAC, RulePower},
    state::Scope,
};
use crate::access::rule::ALL;

/// One of the two permissions that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// `create`, on objects by their names.
    Create,
    /// `patch`, or what creates as well.
    Write,
}

/// What each role allows of it, where some role allows to create by name alone.
pub(super) fn halves_by_role(cluster: &Cluster) -> FxHashMap<&RoleRef, Vec<(Half, RulePower<'_>)>> {
    let rules = || cluster.roles.values().flat_map(|role| &role.rules);
    let deeds = DEEDS.iter().filter(|deed| !deed.named && deed.verbs == CREATE);
    let deeds: Vec<&'static Deed> = deeds.filter(|deed| rules().any(|rule| creates_by_name(deed, rule))).collect();
    let mut found: FxHashMap<&RoleRef, Vec<(Half, RulePower<'_>)>> = FxHashMap::default();
    if deeds.is_empty() {
        return found;
    }
    for (role, facts) in &cluster.roles {
        for rule in &facts.rules {
            for deed in &deeds {
                for (half, allows) in [(Half::Create, creates_by_name(deed, rule)), (Half::Write, writes(deed, rule))] {
                    if allows {
                        found.entry(role).or_default().push((half, RulePower { deed, rule }));
                    }
                }
            }
        }
    }
    found
}

fn says(rule: &RoleRule, verb: &str) -> bool {
    rule.verbs.iter().any(|known| known == ALL || known == verb)
}

fn creates_by_name(deed: &Deed, rule: &RoleRule) -> bool {
    !rule.resource_names.is_empty() && says(rule, "create") && deed.is_of_kind(rule)
}

fn writes(deed: &Deed, rule: &RoleRule) -> bool {
    (says(rule, "patch") || deed.group == RBAC && says(rule, "update")) && deed.is_of_kind(rule)
}

impl<'a> Graph<'a> {
    /// Adds what both halves together allow to create, of objects that are not there.
    pub(super) fn apply(&self, holdings: &mut Holdings<'a>) {
        let of = |wanted: Half| {
            let halves = holdings.halves.iter().filter(move |(half, _)| *half == wanted);
            halves.map(|(_, held)| *held).collect::<Vec<Held<'a>>>()
        };
        let (creates, writes) = (of(Half::Create), of(Half::Write));
        for create in &creates {
            for write in writes.iter().filter(|write| std::ptr::eq(write.deed, create.deed)) {
                let Some(scope) = create.scope.meet(write.scope) else { continue };
                for name in create.names.iter().filter(|name| write.is_about(name)) {
                    for scope in self.lacking(create.deed, scope, name) {
                        let own = create.own || write.own;
                        let names = std::slice::from_ref(name);
                        holdings.hold(Held { scope, names, also: Some(write.ground), own, ..*create });
                    }
                }
            }
        }
    }

    /// The part of a scope where no object of the name is there, as far as it is known.
    fn lacking(&self, deed: &Deed, scope: Scope<'a>, name: &str) -> Vec<Scope<'a>> {
        if !deed.namespaced {
            return if self.is_there(deed, None, name) { Vec::new() } else { vec![scope] };
        }
        let places = self.namespaces_of(scope.inside());
        let lacking: Vec<&'a str> =
            places.iter().copied().filter(|place| !self.is_there(deed, Some(place), name)).collect();
        if lacking.len() == places.len() {
            return vec![scope];
        }
        lacking.into_iter().map(Scope::Namespace).collect()
    }

    fn is_there(&self, deed: &Deed, namespace: Option<&str>, name: &str) -> bool {
        let cluster = self.facts.cluster;
        let in_namespace = || (namespace.unwrap_or_default().to_owned(), name.to_owned());
        match deed.kind {
            "Namespace" => cluster.namespaces.contains_key(name),
            "PersistentVolume" => cluster.volumes.contains_key(name),
            "Secret" => cluster.secrets.contains_key(&in_namespace()),
            "Role" | "ClusterRole" => {
                cluster.roles.contains_key(&RoleRef { namespace: namespace.map(str::to_owned), name: name.to_owned() })
            }
            kind => {
                let key = ObjectKey {
                    group: deed.group.to_owned(),
                    kind: kind.to_owned(),
                    namespace: namespace.map(str::to_owned),
                    name: name.to_owned(),
                };
                cluster.workloads.contains_key(&key)
                    || cluster.bindings.contains_key(&key)
                    || cluster.guards.contains_key(&key)
            }
        }
    }
}

//! Namespaces yet to come: what a program's dynamic scopes would make in them.
//!
//! A guarantee may be about namespaces that are not there yet, and a grant or a network may come to hold in them. What can be
//! told of such a namespace is its labels. For each scope that guarantees speak of, and each dynamic scope of the program that
//! some namespace can satisfy together with it, one such namespace is added to the cluster, and one that none of the program's
//! dynamic scopes selects, with the objects that the program would lower to there.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::Place;
use kspec_lower::LoweredObject;
use kspec_model::{
    LabelSelector, Labels, ObjectKey,
    cluster::{Cluster, NamespaceFacts},
    program::{Claim, ClaimScope, Date, GrantScope, NetworkScope, Peer, Program},
};

use super::labels::{self, satisfy};
use crate::Survey;

/// What namespaces yet to come are called where nothing says their name.
const FRESH: &str = "namespace-to-come";

/// A cluster, with namespaces that may come.
pub(crate) struct Coming {
    /// The cluster with them.
    pub(crate) cluster: Cluster,
    /// Them, by what they are called here.
    pub(crate) namespaces: BTreeMap<String, Labels>,
    places: BTreeMap<ObjectKey, Place>,
}

impl Coming {
    /// Adds them, where a guarantee may be about any.
    pub(crate) fn new(survey: &Survey<'_>, program: &Program, as_of: Date) -> Self {
        let namespaces = namespaces(&survey.cluster, program);
        let mut coming = Self { cluster: survey.cluster.clone(), namespaces, places: BTreeMap::new() };
        if coming.namespaces.is_empty() {
            return coming;
        }
        let objects: Vec<LoweredObject> = objects(program, &coming.namespaces, as_of);
        let (there, _) = Cluster::lift(objects.iter().map(|lowered| &lowered.object));
        for (name, labels) in &coming.namespaces {
            coming.cluster.namespaces.insert(name.clone(), NamespaceFacts { labels: labels.clone() });
        }
        coming.cluster.bindings.extend(there.bindings);
        coming.cluster.network_policies.extend(there.network_policies);
        coming.places =
            objects.into_iter().map(|lowered| (lowered.object.key(), Place::Source(lowered.origin.at))).collect();
        coming
    }

    /// Where an object is told of.
    pub(crate) fn place(&self, survey: &Survey<'_>, key: &ObjectKey) -> Place {
        self.places.get(key).cloned().unwrap_or_else(|| survey.place(key))
    }

    /// A namespace, in words.
    pub(crate) fn say(&self, namespace: &str) -> String {
        match self.namespaces.get(namespace) {
            Some(labels) => format!("a namespace yet to come, {}", labels::shown(labels)),
            None => format!("namespace `{namespace}`"),
        }
    }
}

/// Labels of namespaces that may come, by name.
fn namespaces(cluster: &Cluster, program: &Program) -> BTreeMap<String, Labels> {
    let everywhere = LabelSelector::default();
    let scopes: Vec<&LabelSelector> = program
        .guarantees
        .iter()
        .filter_map(|guarantee| match &guarantee.claim {
            Claim::Can(can) if !guarantee.always => Some(&can.scope),
            Claim::Can(can) => Some(&can.scope).filter(|scope| matches!(scope, ClaimScope::Where(_))),
            Claim::Both { scope, .. } => Some(scope),
            Claim::Reaches(_) | Claim::Audited(_) => None,
        })
        .filter_map(|scope| match scope {
            ClaimScope::Where(selector) => Some(selector),
            ClaimScope::Anywhere => Some(&everywhere),
            ClaimScope::Cluster | ClaimScope::Namespaces(_) => None,
        })
        .chain(program.guarantees.iter().flat_map(|guarantee| {
            let peers = match &guarantee.claim {
                Claim::Reaches(reaches) => vec![&reaches.from, &reaches.to],
                _ => Vec::new(),
            };
            peers.into_iter().filter_map(|peer| match peer {
                Peer::Pods { namespaces, .. } => namespaces.as_ref(),
                _ => None,
            })
        }))
        .collect();
    let dynamic: Vec<&LabelSelector> = dynamic(program).collect();
    let mut found: BTreeSet<Labels> = BTreeSet::new();
    let mut coming = BTreeMap::new();
    let mut add = |all: &[&LabelSelector], none: &[&LabelSelector]| {
        let taken = |name: &str| cluster.namespaces.contains_key(name);
        let fresh = |number: usize| if number == 0 { FRESH.to_owned() } else { format!("{FRESH}-{number}") };
        let name = (0..).map(fresh).find(|name| !taken(name) && !coming.contains_key(name)).unwrap_or_default();
        let Some(labels) = satisfy(all, none, &name, &taken) else { return };
        let name = labels.get(labels::NAME).cloned().unwrap_or(name);
        let told = labels.iter().filter(|(key, value)| *key != labels::NAME || !value.starts_with(FRESH));
        if found.insert(told.map(|(key, value)| (key.clone(), value.clone())).collect()) {
            coming.insert(name, labels);
        }
    };
    // Without a dynamic scope, a namespace that comes has nothing that one without a binding has not.
    for scope in scopes {
        let by_dynamic = dynamic.is_empty() && *scope == everywhere;
        if by_dynamic {
            continue;
        }
        add(&[scope], &dynamic);
        for one in &dynamic {
            add(&[scope], &[one]);
            let mut all = vec![scope, *one];
            for other in &dynamic {
                let more: Vec<_> = all.iter().copied().chain([*other]).collect();
                if satisfy(&more, &[], FRESH, &|_| false).is_some() {
                    all = more;
                }
            }
            add(&[scope, one], &[]);
            add(&all, &[]);
        }
    }
    coming
}

/// The labels that a program's dynamic scopes ask for.
fn dynamic(program: &Program) -> impl Iterator<Item = &LabelSelector> {
    let grants = program.grants.iter().filter_map(|grant| match &grant.scope {
        GrantScope::Where(selector) => Some(selector),
        GrantScope::Cluster | GrantScope::Namespaces(_) => None,
    });
    let networks = program.networks.iter().filter_map(|network| match &network.scope {
        NetworkScope::Where(selector) => Some(selector),
        NetworkScope::Namespaces(_) => None,
    });
    grants.chain(networks)
}

/// What a program lowers to in namespaces that it does not name.
fn objects(program: &Program, namespaces: &BTreeMap<String, Labels>, as_of: Date) -> Vec<LoweredObject> {
    let mut part = Program::empty(program.project.clone());
    part.grants.extend(program.grants.iter().filter(|grant| matches!(grant.scope, GrantScope::Where(_))).cloned());
    let dynamic = program.networks.iter().filter(|network| matches!(network.scope, NetworkScope::Where(_)));
    part.networks.extend(dynamic.cloned());
    part.workloads.clone_from(&program.workloads);
    let (objects, _) = kspec_lower::objects(&part, namespaces, as_of);
    objects
        .into_iter()
        .filter(|lowered| lowered.object.namespace().is_some_and(|own| namespaces.contains_key(own)))
        .collect()
}

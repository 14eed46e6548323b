//! Namespaces yet to come: what a program's dynamic scopes would make in them.
//!
//! A guarantee may be about namespaces that are not there yet, and a grant or a network may come to hold in them. What can be
//! told of such a namespace is its labels, and the program tells two of them apart only by which of its dynamic scopes select
//! them. So for each scope that guarantees speak of, and each combination of dynamic scopes that labels within it can satisfy,
//! one such namespace is added to the cluster, with the objects that the program would lower to there.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use kspec_diagnostics::Place;
use kspec_lower::LoweredObject;
use kspec_model::{
    LabelSelector, Labels, ObjectKey,
    cluster::{AdminPeerFacts, Cluster, NamespaceFacts, PeerFacts},
    program::{Can, Claim, ClaimScope, Date, GrantScope, NetworkScope, Peer, Program, View},
};

use super::labels::{self, satisfy};
use crate::Survey;

/// What namespaces yet to come are called where nothing says their name.
const FRESH: &str = "namespace-to-come";

/// A cluster, with namespaces that may come.
pub(crate) struct Coming<'s> {
    /// The cluster with them.
    pub(crate) cluster: Cow<'s, Cluster>,
    /// Them, by what they are called here.
    pub(crate) namespaces: BTreeMap<String, Labels>,
    /// Whether every namespace that may come is like one of them, for who may do what.
    pub(crate) whole: bool,
    /// Likewise for who reaches whom.
    pub(crate) connections: bool,
    places: BTreeMap<ObjectKey, Place>,
}

impl<'s> Coming<'s> {
    /// Adds them, where a guarantee may be about any.
    pub(crate) fn new(survey: &'s Survey<'_>, program: &View<'_>, as_of: Date) -> Self {
        let (namespaces, [whole, connections]) = namespaces(&survey.cluster, program);
        let places = BTreeMap::new();
        let mut coming = Self { cluster: Cow::Borrowed(&survey.cluster), namespaces, whole, connections, places };
        let meant: BTreeMap<String, Labels> = coming
            .namespaces
            .iter()
            .map(|(name, labels)| (name.clone(), labels.clone()))
            .chain(unlisted(survey, program))
            .collect();
        if meant.is_empty() {
            return coming;
        }
        let objects: Vec<LoweredObject> = objects(program, &meant, as_of);
        let (there, _) = Cluster::lift(objects.iter().map(|lowered| &lowered.object));
        let cluster = coming.cluster.to_mut();
        for (name, labels) in &coming.namespaces {
            cluster.namespaces.insert(name.clone(), NamespaceFacts { labels: labels.clone() });
        }
        cluster.bindings.extend(there.bindings);
        cluster.network_policies.extend(there.network_policies);
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

/// Namespaces of a program alone that it does not declare, and that are there for what is in them: `kube-system` and `kube-public` are, for
/// the roles that every API server makes there. What promises speak of, dynamic scopes are about too.
fn unlisted(survey: &Survey<'_>, program: &View<'_>) -> BTreeMap<String, Labels> {
    if survey.is_whole() || dynamic(program).next().is_none() {
        return BTreeMap::new();
    }
    let declared: BTreeSet<&str> = program.namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    let there = survey.cluster.namespaces.iter();
    let unlisted = there.filter(|(name, _)| !declared.contains(name.as_str()) && survey.namespace(name).is_none());
    unlisted.map(|(name, facts)| (name.clone(), facts.labels.clone())).collect()
}

/// How many combinations of dynamic scopes are thought of.
const COMBINATIONS: usize = 256;

/// Labels of namespaces that may come, by name; and whether they are all that can be told apart, for who may do what and for who reaches
/// whom.
fn namespaces(cluster: &Cluster, program: &View<'_>) -> (BTreeMap<String, Labels>, [bool; 2]) {
    let everywhere = LabelSelector::default();
    let of_program: BTreeSet<&LabelSelector> = dynamic(program).collect();
    let mut access: BTreeSet<&LabelSelector> = BTreeSet::new();
    let mut connections: BTreeSet<&LabelSelector> = BTreeSet::new();
    for guarantee in &program.guarantees {
        match &guarantee.claim {
            Claim::Can(Can { scope, .. }) | Claim::Both { scope, .. } => match scope {
                ClaimScope::Where(selector) => _ = access.insert(selector),
                // Where no scope is dynamic, a namespace that comes has nothing that what is there has not.
                ClaimScope::Anywhere if !guarantee.always && !of_program.is_empty() => _ = access.insert(&everywhere),
                ClaimScope::Anywhere | ClaimScope::Cluster | ClaimScope::Namespaces(_) => {}
            },
            Claim::Reaches(reaches) => {
                for peer in [&reaches.from, &reaches.to] {
                    match peer {
                        Peer::Pods { namespaces: Some(namespaces), .. } => _ = connections.insert(namespaces),
                        Peer::Pods { namespaces: None, .. } | Peer::All | Peer::Any => {
                            connections.insert(&everywhere);
                        }
                        _ => {}
                    }
                }
            }
            Claim::Audited(_) => {}
        }
    }
    let taken = |name: &str| cluster.namespaces.contains_key(name);
    let mut coming: BTreeMap<String, Labels> = BTreeMap::new();
    let (mut sorts, mut whole) = (Vec::new(), [true, true]);
    let [whole_access, whole_connections] = &mut whole;
    for scope in access {
        let combinations = split(vec![(vec![scope], Vec::new())], &of_program, &taken, whole_access);
        sorts.extend(combinations);
    }
    // Rules of administrators may deny as well as allow: which of them are about a namespace is told in every combination. A
    // NetworkPolicy's rules only add: a namespace that none of them means, and one for each, stand for all.
    let told: BTreeSet<&LabelSelector> = of_program.iter().copied().chain(administrators(cluster)).collect();
    let peers: BTreeSet<&LabelSelector> =
        peers(cluster).map(|(_, namespaces)| namespaces).chain(edges(program)).collect();
    for scope in connections {
        for (all, none) in split(vec![(vec![scope], Vec::new())], &told, &taken, whole_connections) {
            let with = |more: &LabelSelector| satisfy(&[&all[..], &[more]].concat(), &none, FRESH, &taken).is_some();
            let without = |more: &LabelSelector| satisfy(&all, &[&none[..], &[more]].concat(), FRESH, &taken).is_some();
            let open: BTreeSet<&LabelSelector> =
                peers.iter().copied().filter(|peer| with(peer) && without(peer)).collect();
            let meant: Vec<&LabelSelector> = none.iter().copied().chain(open.iter().copied()).collect();
            if satisfy(&all, &meant, FRESH, &taken).is_none() {
                sorts.extend(split(vec![(all, none)], &open, &taken, whole_connections));
                continue;
            }
            sorts.extend(open.iter().map(|one| ([&all[..], &[*one]].concat(), none.clone())));
            sorts.push((all, meant));
        }
    }
    for (all, none) in sorts {
        let fresh = |number: usize| if number == 0 { FRESH.to_owned() } else { format!("{FRESH}-{number}") };
        let name = (0..).map(fresh).find(|name| !taken(name) && !coming.contains_key(name)).unwrap_or_default();
        let labels = satisfy(&all, &none, &name, &taken);
        coming.extend(labels.map(|labels| (labels.get(labels::NAME).cloned().unwrap_or(name), labels)));
    }
    (coming, whole)
}

/// Selectors that a namespace meets, and those that it misses.
type Sort<'p> = (Vec<&'p LabelSelector>, Vec<&'p LabelSelector>);

/// Tells sorts apart by which of these selectors they meet.
fn split<'p>(
    mut sorts: Vec<Sort<'p>>,
    by: &BTreeSet<&'p LabelSelector>,
    taken: &dyn Fn(&str) -> bool,
    whole: &mut bool,
) -> Vec<Sort<'p>> {
    for one in by {
        sorts = sorts
            .into_iter()
            .flat_map(|(all, none)| {
                let with = (all.iter().copied().chain([*one]).collect(), none.clone());
                let without = (all, none.into_iter().chain([*one]).collect());
                [with, without]
            })
            .filter(|(all, none): &(Vec<_>, Vec<_>)| satisfy(all, none, FRESH, taken).is_some())
            .collect();
        *whole &= sorts.len() <= COMBINATIONS;
        sorts.truncate(COMBINATIONS);
    }
    sorts
}

/// Pods and namespaces that rules of NetworkPolicies mean.
pub(super) fn peers(cluster: &Cluster) -> impl Iterator<Item = (&LabelSelector, &LabelSelector)> {
    let rules = cluster.network_policies.values().flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    rules.flatten().flat_map(|rule| rule.peers.iter().flatten()).filter_map(|peer| match peer {
        PeerFacts::Pods { pods, namespaces: Some(namespaces) } => Some((pods, namespaces)),
        PeerFacts::Pods { namespaces: None, .. } | PeerFacts::Block { .. } => None,
    })
}

/// Namespaces that edges of a program mean by their labels.
fn edges<'v>(program: &'v View<'_>) -> impl Iterator<Item = &'v LabelSelector> {
    let edges = program.networks.iter().flat_map(|network| &network.edges).flat_map(|edge| [&edge.from, &edge.to]);
    edges.filter_map(|peer| match peer {
        Peer::Pods { namespaces, .. } => namespaces.as_ref(),
        _ => None,
    })
}

/// Namespaces that policies of administrators are about, or mean.
fn administrators(cluster: &Cluster) -> impl Iterator<Item = &LabelSelector> {
    cluster.admin_policies.values().flat_map(|policy| {
        let rules = policy.ingress.iter().chain(&policy.egress).flat_map(|rule| &rule.peers);
        let meant = rules.filter_map(|peer| match peer {
            AdminPeerFacts::Pods(pods) => Some(&pods.namespaces),
            _ => None,
        });
        meant.chain([&policy.subject.namespaces])
    })
}

/// The labels that a program's dynamic scopes ask for.
fn dynamic<'v>(program: &'v View<'_>) -> impl Iterator<Item = &'v LabelSelector> {
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
fn objects(program: &View<'_>, namespaces: &BTreeMap<String, Labels>, as_of: Date) -> Vec<LoweredObject> {
    let mut part = Program::empty(program.project.clone());
    let grants = program.grants.iter().copied().filter(|grant| matches!(grant.scope, GrantScope::Where(_)));
    part.grants.extend(grants.cloned());
    let networks = program.networks.iter().copied().filter(|network| matches!(network.scope, NetworkScope::Where(_)));
    part.networks.extend(networks.cloned());
    part.workloads.extend(program.workloads.iter().copied().cloned());
    let (objects, _) = kspec_lower::objects(&part, namespaces, as_of);
    objects
        .into_iter()
        .filter(|lowered| lowered.object.namespace().is_some_and(|own| namespaces.contains_key(own)))
        .collect()
}

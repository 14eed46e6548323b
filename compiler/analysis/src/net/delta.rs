//! What a change opens and closes.
//!
//! Both clusters are evaluated over one universe, so that a destination's sources are compared as sets; only where they
//! differ is anything looked at more closely. A workload that one side lacks has no connections there: what it brings
//! counts as opened, what it takes with it as closed, and it is named among the causes.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use fixedbitset::FixedBitSet;
use kspec_model::{ObjectKey, cluster::Cluster};
use serde::{Deserialize, Serialize};

use super::{
    Connections, NetOptions,
    columns::{Parts, Set, Sets, columns},
    names::Names,
    side::{Policy, Rule, Side},
    universe::Universe,
};

/// Connections that one cluster allows and another does not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConnectivityDelta {
    /// Allowed after, not before.
    pub opened: Vec<EdgeChange>,
    /// Allowed before, not after.
    pub closed: Vec<EdgeChange>,
    /// Objects of kinds that are not evaluated and may change the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_because: Vec<ObjectKey>,
}

impl ConnectivityDelta {
    /// Whether no connection changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.closed.is_empty()
    }
}

/// Connections from every end that `src` names to every end that `dst` names, a workload with itself left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EdgeChange {
    /// `ns/name[Kind]`, `ns/*` for every workload of a namespace, `*/*` for every workload, or
    /// `a.b.c.d-e.f.g.h[External]`.
    pub src: String,
    /// As `src`.
    pub dst: String,
    /// What is opened or closed, not what is open.
    #[serde(rename = "conn")]
    pub connections: Connections,
    /// What brings it about.
    pub because: Vec<Cause>,
}

/// A changed object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// A NetworkPolicy, workload or namespace.
    pub object: ObjectKey,
    /// How it changed.
    pub change: Change,
}

/// How an object changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only after.
    Added,
    /// Only before.
    Removed,
    /// On both sides, differently.
    Changed,
}

/// Compares what two clusters allow.
#[must_use]
pub fn delta(before: &Cluster, after: &Cluster, options: &NetOptions) -> ConnectivityDelta {
    let unknown: BTreeSet<_> = before.opaque.iter().chain(&after.opaque).cloned().collect();
    let unknown_because = Vec::from_iter(unknown);
    let network = |cluster: &'_ Cluster| -> bool {
        (&cluster.workloads, &cluster.namespaces, &cluster.network_policies)
            == (&before.workloads, &before.namespaces, &before.network_policies)
    };
    if network(after) {
        return ConnectivityDelta { unknown_because, ..ConnectivityDelta::default() };
    }
    let universe = Universe::new(&[before, after], options);
    let mut sets = Sets::default();
    let (before, after) = (Side::new(&universe, before), Side::new(&universe, after));
    let (columns_before, columns_after) = (columns(&before, &mut sets), columns(&after, &mut sets));

    let (mut opened, mut closed) = (Rectangles::new(), Rectangles::new());
    for (destination, (was, is)) in columns_before.iter().zip(&columns_after).enumerate() {
        if was != is {
            collect(&mut opened, destination, gained(was, is, &mut sets), universe.len());
            collect(&mut closed, destination, gained(is, was, &mut sets), universe.len());
        }
    }
    let changes = Changes { universe: &universe, sets: &sets };
    ConnectivityDelta {
        opened: changes.edges(&opened, &before, &after, false),
        closed: changes.edges(&closed, &after, &before, true),
        unknown_because,
    }
}

/// Sources that `is` gives connections that `was` does not.
fn gained(was: &Parts, is: &Parts, sets: &mut Sets) -> BTreeMap<Set, FixedBitSet> {
    let mut gained: BTreeMap<Set, FixedBitSet> = BTreeMap::new();
    let mut add = |set: Set, sources: FixedBitSet| {
        if !sources.is_clear() {
            match gained.get_mut(&set) {
                Some(known) => known.union_with(&sources),
                None => {
                    gained.insert(set, sources);
                }
            }
        }
    };
    for (now, sources) in is {
        let mut rest = sources.clone();
        for (then, held) in was {
            if held.is_disjoint(&rest) {
                continue;
            }
            let mut both = rest.clone();
            both.intersect_with(held);
            rest.difference_with(&both);
            if now != then {
                let more = sets.get(*now).difference(&sets.get(*then));
                if !more.is_empty() {
                    add(sets.number(more), both);
                }
            }
        }
        add(*now, rest);
    }
    gained
}

/// Destinations by the sources and connections they gain: each entry is a rectangle of pairs.
type Rectangles = BTreeMap<(FixedBitSet, Set), FixedBitSet>;

fn collect(rectangles: &mut Rectangles, destination: usize, gained: BTreeMap<Set, FixedBitSet>, size: usize) {
    for (set, sources) in gained {
        let destinations = rectangles.entry((sources, set)).or_insert_with(|| FixedBitSet::with_capacity(size));
        destinations.insert(destination);
    }
}

struct Changes<'c> {
    universe: &'c Universe,
    sets: &'c Sets,
}

impl Changes<'_> {
    /// Rectangles in words. `have` is the side that has the connections, `lack` the other; `reversed` when `lack` is the
    /// later one.
    fn edges(&self, rectangles: &Rectangles, lack: &Side<'_>, have: &Side<'_>, reversed: bool) -> Vec<EdgeChange> {
        let names = Names::new(self.universe, &have.present);
        let causes = Causes::new(self.universe, lack, have, reversed);
        let mut edges = Vec::new();
        for ((sources, set), destinations) in rectangles {
            let connections = self.sets.get(*set);
            // Opposite one workload, many ends are named as if that one were among them; one end is named as it is.
            let (one_source, one_destination) = (single(sources), single(destinations));
            let all_sources = names.of(sources, one_destination.filter(|_| one_source.is_none()));
            let all_destinations = names.of(destinations, one_source.filter(|_| one_destination.is_none()));
            for (dst, dst_ends) in &all_destinations {
                for (src, src_ends) in &all_sources {
                    if src == dst && single(src_ends).is_some() {
                        continue;
                    }
                    edges.push(EdgeChange {
                        src: src.clone(),
                        dst: dst.clone(),
                        connections: connections.clone(),
                        because: causes.of(&without_single(src_ends, dst_ends), &without_single(dst_ends, src_ends)),
                    });
                }
            }
        }
        edges.sort();
        edges
    }
}

/// The only member.
fn single(set: &FixedBitSet) -> Option<usize> {
    let mut ones = set.ones();
    ones.next().filter(|_| ones.next().is_none())
}

/// `ends`, the opposite one left out where there is only one: no workload is its own far end.
fn without_single<'e>(ends: &'e FixedBitSet, opposite: &FixedBitSet) -> Cow<'e, FixedBitSet> {
    match single(opposite).filter(|position| ends.contains(*position)) {
        Some(position) => {
            let mut ends = ends.clone();
            ends.remove(position);
            Cow::Owned(ends)
        }
        None => Cow::Borrowed(ends),
    }
}

/// A policy on the side that lacks and on the side that has connections.
type Sides<'c, 'a> = (Option<&'c Policy<'a>>, Option<&'c Policy<'a>>);

/// Everything that differs between two sides.
struct Causes<'c, 'a> {
    policies: Vec<(Cause, Sides<'c, 'a>)>,
    /// By position.
    objects: BTreeMap<usize, BTreeSet<Cause>>,
}

impl<'c, 'a> Causes<'c, 'a> {
    fn new(universe: &Universe, lack: &'c Side<'a>, have: &'c Side<'a>, reversed: bool) -> Self {
        let cause = |object: ObjectKey, lacks: bool, has: bool| {
            let change = match (lacks, has) {
                (true, true) => Change::Changed,
                (false, true) if !reversed => Change::Added,
                (true, false) if reversed => Change::Added,
                _ => Change::Removed,
            };
            Cause { object, change }
        };
        let mut by_name: BTreeMap<_, Sides<'c, 'a>> = BTreeMap::new();
        for policy in &lack.policies {
            by_name.entry(policy.name).or_default().0 = Some(policy);
        }
        for policy in &have.policies {
            by_name.entry(policy.name).or_default().1 = Some(policy);
        }
        let policies = by_name
            .into_iter()
            .filter(|(_, (a, b))| a.map(|policy| policy.facts) != b.map(|policy| policy.facts))
            .map(|((namespace, name), (a, b))| {
                let object = ObjectKey {
                    group: "networking.k8s.io".to_owned(),
                    kind: "NetworkPolicy".to_owned(),
                    namespace: Some(namespace.clone()),
                    name: name.clone(),
                };
                (cause(object, a.is_some(), b.is_some()), (a, b))
            })
            .collect();
        let mut objects: BTreeMap<usize, BTreeSet<Cause>> = BTreeMap::new();
        for (position, key) in universe.workloads.iter().enumerate() {
            let facts = |side: &Side<'a>| side.facts.get(position).copied().flatten();
            let (a, b) = (facts(lack), facts(have));
            if a.map(|facts| (&facts.labels, &facts.ports, facts.host_network))
                != b.map(|facts| (&facts.labels, &facts.ports, facts.host_network))
            {
                objects.entry(position).or_default().insert(cause(key.clone(), a.is_some(), b.is_some()));
            }
            let name = key.namespace.clone().unwrap_or_default();
            let (a, b) = (lack.cluster.namespaces.get(&name), have.cluster.namespaces.get(&name));
            if a != b {
                let object = ObjectKey { group: String::new(), kind: "Namespace".to_owned(), namespace: None, name };
                objects.entry(position).or_default().insert(cause(object, a.is_some(), b.is_some()));
            }
        }
        Self { policies, objects }
    }

    /// Changed policies that let these sources and destinations connect on one side or keep them apart on the other, and
    /// whatever else of them changed.
    fn of(&self, sources: &FixedBitSet, destinations: &FixedBitSet) -> Vec<Cause> {
        let mut causes = BTreeSet::new();
        for (cause, (lack, have)) in &self.policies {
            let ingress = matters(*lack, *have, |policy| policy.ingress.as_deref(), destinations, sources);
            let egress = matters(*lack, *have, |policy| policy.egress.as_deref(), sources, destinations);
            if ingress || egress {
                causes.insert(cause.clone());
            }
        }
        for (_, changed) in self.objects.iter().filter(|(p, _)| sources.contains(**p) || destinations.contains(**p)) {
            causes.extend(changed.iter().cloned());
        }
        causes.into_iter().collect()
    }
}

/// Whether a policy's change in one direction can have given `near` its connections with `far`: it isolates some of them
/// on the lacking side only, or it has a rule for them on the other side only.
fn matters<'c, 'a: 'c>(
    lack: Option<&'c Policy<'a>>,
    have: Option<&'c Policy<'a>>,
    rules: impl Fn(&'c Policy<'a>) -> Option<&'c [Rule<'a>]>,
    near: &FixedBitSet,
    far: &FixedBitSet,
) -> bool {
    let isolated = |policy: Option<&'c Policy<'a>>| {
        let mut isolated = near.clone();
        match policy.filter(|policy| rules(policy).is_some()) {
            Some(policy) => isolated.intersect_with(&policy.selected),
            None => isolated.clear(),
        }
        isolated
    };
    let (isolated_lacking, isolated_having) = (isolated(lack), isolated(have));
    if !isolated_lacking.is_subset(&isolated_having) {
        return true;
    }
    if isolated_having.is_clear() {
        return false;
    }
    let same_ends = isolated_lacking == isolated_having;
    let lacking: Vec<_> = lack.and_then(&rules).into_iter().flatten().map(|rule| rule.facts).collect();
    have.and_then(&rules)
        .into_iter()
        .flatten()
        .filter(|rule| !(same_ends && lacking.contains(&rule.facts)))
        .any(|rule| !rule.peers.is_disjoint(far))
}

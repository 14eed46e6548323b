//! What a change opens and closes.
//!
//! Both clusters are evaluated over one universe, so that a destination's sources are compared as sets; only where they
//! differ is anything looked at more closely. A workload that one side lacks has no connections there: what it brings
//! counts as opened, what it takes with it as closed, and it is named among the causes.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use kspec_model::{ObjectKey, cluster::Cluster};
use serde::{Deserialize, Serialize};

use super::{
    Connections, Direction, NetOptions,
    causes::Causes,
    columns::{Parts, Set, Sets, columns},
    exposure::{self, Exposed},
    names::Names,
    side::Side,
    tiers::Bound,
    universe::Universe,
};

/// Connections that one cluster allows and another does not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConnectivityDelta {
    /// Allowed after, not before.
    pub opened: Vec<EdgeChange>,
    /// Allowed before, not after.
    pub closed: Vec<EdgeChange>,
    /// What may change the answer: objects of kinds that are not evaluated, and `ambiguous_because`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_because: Vec<ObjectKey>,
    /// Policies of which it is not defined what they make of some connections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ambiguous_because: Vec<ObjectKey>,
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
    /// `a.b.c.d-e.f.g.h[External]`; as a source also `internet`, whoever calls from outside what leads to `dst`. Where many change alike (so that pairs would fill hundreds of lines), several of these,
    /// separated by a comma and a space.
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
    /// A NetworkPolicy, an administrators' policy, a workload or a namespace; what leads callers in (a Service,
    /// Ingress, route) or decides over it (a Gateway, a ReferenceGrant).
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
    let mut unknown: BTreeSet<_> = before.opaque.iter().chain(&after.opaque).cloned().collect();
    let network = |cluster: &'_ Cluster| -> bool {
        (&cluster.workloads, &cluster.namespaces, &cluster.network_policies, &cluster.admin_policies)
            == (&before.workloads, &before.namespaces, &before.network_policies, &before.admin_policies)
            && (&cluster.services, &cluster.ingresses, &cluster.routes, &cluster.gateways, &cluster.grants)
                == (&before.services, &before.ingresses, &before.routes, &before.gateways, &before.grants)
    };
    if network(after) {
        // What is ambiguous is so on both sides alike: nothing changes it.
        return ConnectivityDelta { unknown_because: Vec::from_iter(unknown), ..ConnectivityDelta::default() };
    }
    let universe = Universe::new(&[before, after], options);
    let mut ambiguous = BTreeSet::new();
    let mut sets = Sets::default();
    let (before, after) = (Side::new(&universe, before), Side::new(&universe, after));
    let mut certain = |side: &Side<'_>| {
        let columns_certain = columns(side, Bound::Certain, &mut sets);
        if side.may_be_ambiguous() && columns(side, Bound::Possible, &mut sets) != columns_certain {
            ambiguous.extend(side.in_doubt());
        }
        columns_certain
    };
    let (columns_before, columns_after) = (certain(&before), certain(&after));

    let (mut opened, mut closed) = (Rectangles::new(), Rectangles::new());
    for (destination, (was, is)) in columns_before.iter().zip(&columns_after).enumerate() {
        if was != is {
            collect(&mut opened, destination, gained(was, is, &mut sets), universe.len());
            collect(&mut closed, destination, gained(is, was, &mut sets), universe.len());
        }
    }
    let exposed_before = exposure::exposed(&universe, &before, &columns_before, &sets);
    let exposed_after = exposure::exposed(&universe, &after, &columns_after, &sets);
    let changes = Changes { universe: &universe, sets: &sets };
    let edges = |rectangles: &Rectangles, lack: (&Side<'_>, &Exposed), have: (&Side<'_>, &Exposed), reversed: bool| {
        let causes = Causes::new(&universe, lack.0, have.0, reversed);
        let mut edges = changes.edges(rectangles, have.0, &causes);
        edges.extend(exposure::edges(&universe, lack, have, reversed, &causes));
        edges.sort();
        edges
    };
    unknown.extend(ambiguous.iter().cloned());
    ConnectivityDelta {
        opened: edges(&opened, (&before, &exposed_before), (&after, &exposed_after), false),
        closed: edges(&closed, (&after, &exposed_after), (&before, &exposed_before), true),
        unknown_because: Vec::from_iter(unknown),
        ambiguous_because: Vec::from_iter(ambiguous),
    }
}

/// Sources that `is` gives connections that `was` does not.
pub(super) fn gained(was: &Parts, is: &Parts, sets: &mut Sets) -> BTreeMap<Set, FixedBitSet> {
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
    /// Rectangles in words; `have` is the side that has the connections.
    fn edges(&self, rectangles: &Rectangles, have: &Side<'_>, causes: &Causes<'_, '_>) -> Vec<EdgeChange> {
        let names = Names::new(self.universe, &have.present);
        let mut edges = Vec::new();
        for ((sources, set), destinations) in rectangles {
            let connections = self.sets.get(*set);
            // Opposite one workload, many ends are named as if that one were among them; one end is named as it is.
            let (one_source, one_destination) = (single(sources), single(destinations));
            let mut all_sources = names.of(sources, one_destination.filter(|_| one_source.is_none()));
            let mut all_destinations = names.of(destinations, one_source.filter(|_| one_destination.is_none()));
            if all_sources.len() * all_destinations.len() > LINES {
                all_sources = joined(all_sources, self.universe.len());
                all_destinations = joined(all_destinations, self.universe.len());
            }
            // A workload is not its own far end, so what concerns it there is no cause.
            let without = |ends: &FixedBitSet, opposite: Option<usize>| {
                let mut ends = ends.clone();
                if let Some(opposite) = opposite {
                    ends.set(opposite, false);
                }
                ends
            };
            let near = |names: &[(String, FixedBitSet)], opposite, direction| -> Vec<_> {
                names.iter().map(|(_, ends)| causes.near(&without(ends, opposite), direction)).collect()
            };
            let from = near(&all_sources, one_destination, Direction::Egress);
            let to = near(&all_destinations, one_source, Direction::Ingress);
            for ((dst, dst_ends), to) in all_destinations.iter().zip(&to) {
                for ((src, src_ends), from) in all_sources.iter().zip(&from) {
                    if src == dst && single(src_ends).is_some() {
                        continue;
                    }
                    edges.push(EdgeChange {
                        src: src.clone(),
                        dst: dst.clone(),
                        connections: connections.clone(),
                        because: causes.of(from.towards(dst_ends).chain(to.towards(src_ends))),
                    });
                }
            }
        }
        edges
    }
}

/// Above so many pairs of names, the names of each end stand together.
const LINES: usize = 200;

/// One name for all, with the ends of all.
fn joined(names: Vec<(String, FixedBitSet)>, size: usize) -> Vec<(String, FixedBitSet)> {
    let mut all = FixedBitSet::with_capacity(size);
    let mut text = String::new();
    for (name, ends) in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&name);
        all.union_with(&ends);
    }
    vec![(text, all)]
}

/// The only member.
fn single(set: &FixedBitSet) -> Option<usize> {
    let mut ones = set.ones();
    ones.next().filter(|_| ones.next().is_none())
}

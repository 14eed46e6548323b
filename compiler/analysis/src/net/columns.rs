//! Who reaches each destination, on which connections, as sets.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use fixedbitset::FixedBitSet;

use super::{Connections, side::Side};

/// Every set of connections met, each under one number: equal numbers mean equal sets.
#[derive(Debug, Default)]
pub(super) struct Sets {
    all: Vec<Connections>,
    numbers: HashMap<Connections, Set>,
    intersections: HashMap<(Set, Set), Set>,
}

/// A number of [`Sets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Set(usize);

impl Sets {
    /// The number of a set.
    pub(super) fn number(&mut self, connections: Connections) -> Set {
        if let Some(known) = self.numbers.get(&connections) {
            return *known;
        }
        let number = Set(self.all.len());
        self.all.push(connections.clone());
        self.numbers.insert(connections, number);
        number
    }

    /// The set of a number.
    pub(super) fn get(&self, set: Set) -> Connections {
        self.all.get(set.0).cloned().unwrap_or_default()
    }

    fn intersection(&mut self, a: Set, b: Set) -> Set {
        if a == b {
            return a;
        }
        let key = (a.min(b), a.max(b));
        if let Some(known) = self.intersections.get(&key) {
            return *known;
        }
        let set = self.number(self.get(a).intersection(&self.get(b)));
        self.intersections.insert(key, set);
        set
    }
}

/// Far ends by the connections they have: disjoint, none empty, each set of connections once, sorted. So equal values mean
/// equal functions from far ends to connections.
pub(super) type Parts = Vec<(Set, FixedBitSet)>;

/// For each position as destination, its sources. A workload as its own source is computed like any other; what reads a
/// column leaves it out. Ranges are no sources of ranges.
pub(super) fn columns(side: &Side<'_>, sets: &mut Sets) -> Vec<Parts> {
    let size = side.present.len();
    let workloads = side.facts.len();
    let all = sets.number(Connections::all());

    let incoming = incoming(side, sets);
    // For each destination, sources by what their own policies let them reach there.
    let mut outgoing: Vec<Parts> = vec![Vec::new(); size];
    let mut free = side.present.clone();
    for (members, row) in outgoing_rows(side, sets) {
        free.difference_with(&members);
        for (set, destinations) in row.iter() {
            for destination in destinations.ones() {
                if let Some(parts) = outgoing.get_mut(destination) {
                    add_members(parts, *set, &members);
                }
            }
        }
    }

    let mut columns = Vec::with_capacity(size);
    for (destination, mut sources) in outgoing.into_iter().enumerate() {
        if !side.present.contains(destination) {
            columns.push(Parts::new());
            continue;
        }
        add_members(&mut sources, all, &free);
        if destination >= workloads {
            for (_, members) in &mut sources {
                members.set_range(workloads..size, false);
            }
            sources.retain(|(_, members)| !members.is_clear());
        }
        sources.sort_unstable_by_key(|(set, _)| *set);
        columns.push(match incoming.get(destination).and_then(Option::as_ref) {
            None => sources,
            Some(allowed) => intersect(allowed, &sources, sets),
        });
    }
    columns
}

fn add_members(parts: &mut Parts, set: Set, members: &FixedBitSet) {
    match parts.iter_mut().find(|(other, _)| *other == set) {
        Some((_, known)) => known.union_with(members),
        None => parts.push((set, members.clone())),
    }
}

fn intersect(a: &Parts, b: &Parts, sets: &mut Sets) -> Parts {
    let none = sets.number(Connections::none());
    let mut both: BTreeMap<Set, FixedBitSet> = BTreeMap::new();
    for (left, left_members) in a {
        for (right, right_members) in b {
            let set = sets.intersection(*left, *right);
            if set == none || left_members.is_disjoint(right_members) {
                continue;
            }
            let mut members = left_members.clone();
            members.intersect_with(right_members);
            match both.entry(set) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(members);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().union_with(&members),
            }
        }
    }
    both.into_iter().collect()
}

/// For each workload, whom its policies let in; none where no policy isolates it.
fn incoming(side: &Side<'_>, sets: &mut Sets) -> Vec<Option<Rc<Parts>>> {
    let mut isolating: Vec<Vec<usize>> = vec![Vec::new(); side.facts.len()];
    for (index, policy) in side.policies.iter().enumerate().filter(|(_, policy)| policy.ingress.is_some()) {
        for position in policy.selected.ones() {
            if let Some(policies) = isolating.get_mut(position) {
                policies.push(index);
            }
        }
    }
    /// Policies, and the numbers of the ports that they name. Workloads that agree in these share one answer.
    type Alike = (Vec<usize>, Vec<Vec<u16>>);
    let mut known: HashMap<Alike, Rc<Parts>> = HashMap::new();
    let mut incoming = Vec::with_capacity(isolating.len());
    for (position, policies) in isolating.into_iter().enumerate() {
        if policies.is_empty() {
            incoming.push(None);
            continue;
        }
        let rules = || policies.iter().filter_map(|index| side.policies.get(*index)?.ingress.as_ref()).flatten();
        let numbers: Vec<_> = rules()
            .flat_map(|rule| &rule.named)
            .map(|(name, protocol)| side.numbers(position, name, *protocol))
            .collect();
        let terms = || rules().map(|rule| (side.connections(rule, position), rule.peers.as_ref()));
        let fresh = |sets: &mut Sets| Rc::new(parts(terms(), side.present.len(), sets));
        let alike = (policies.clone(), numbers);
        let shared = match known.get(&alike) {
            Some(shared) => Rc::clone(shared),
            None => Rc::clone(known.entry(alike).or_insert(fresh(sets))),
        };
        incoming.push(Some(shared));
    }
    incoming
}

/// Workloads whose outgoing connections are isolated, those that the same policies select together, with whom they may
/// reach.
fn outgoing_rows(side: &Side<'_>, sets: &mut Sets) -> Vec<(FixedBitSet, Parts)> {
    let mut isolating: Vec<Vec<usize>> = vec![Vec::new(); side.facts.len()];
    for (index, policy) in side.policies.iter().enumerate().filter(|(_, policy)| policy.egress.is_some()) {
        for position in policy.selected.ones() {
            if let Some(policies) = isolating.get_mut(position) {
                policies.push(index);
            }
        }
    }
    let size = side.present.len();
    let mut classes: BTreeMap<Vec<usize>, FixedBitSet> = BTreeMap::new();
    for (position, policies) in isolating.into_iter().enumerate().filter(|(_, policies)| !policies.is_empty()) {
        classes.entry(policies).or_insert_with(|| FixedBitSet::with_capacity(size)).insert(position);
    }
    let mut rows = Vec::with_capacity(classes.len());
    for (policies, members) in classes {
        let mut terms = Vec::new();
        for rule in policies.iter().filter_map(|index| side.policies.get(*index)?.egress.as_ref()).flatten() {
            terms.push((rule.numbered.clone(), Cow::Borrowed(rule.peers.as_ref())));
            for (name, protocol) in &rule.named {
                for (number, having) in side.named_ports.get(&(*name, *protocol)).into_iter().flatten() {
                    let mut there = rule.peers.as_ref().clone();
                    there.intersect_with(having);
                    terms.push((Connections::range(*protocol, *number, *number), Cow::Owned(there)));
                }
            }
        }
        let terms = terms.iter().map(|(connections, ends)| (connections.clone(), ends.as_ref()));
        rows.push((members, parts(terms, size, sets)));
    }
    rows
}

/// Adds up rules: each far end gets what any rule that names it gives.
fn parts<'t>(terms: impl IntoIterator<Item = (Connections, &'t FixedBitSet)>, size: usize, sets: &mut Sets) -> Parts {
    let mut by_connections: BTreeMap<Connections, FixedBitSet> = BTreeMap::new();
    for (connections, ends) in terms {
        if !connections.is_empty() && !ends.is_clear() {
            by_connections.entry(connections).or_insert_with(|| FixedBitSet::with_capacity(size)).union_with(ends);
        }
    }
    let mut parts: BTreeMap<Connections, FixedBitSet> = BTreeMap::new();
    for (connections, ends) in by_connections {
        let mut rest = ends.clone();
        let mut next: BTreeMap<Connections, FixedBitSet> = BTreeMap::new();
        let mut put = |connections: Connections, ends: FixedBitSet| {
            if !ends.is_clear() {
                next.entry(connections).or_insert_with(|| FixedBitSet::with_capacity(size)).union_with(&ends);
            }
        };
        for (known, members) in parts {
            if members.is_disjoint(&ends) {
                put(known, members);
                continue;
            }
            let mut inside = members.clone();
            inside.intersect_with(&ends);
            rest.difference_with(&inside);
            let mut outside = members;
            outside.difference_with(&inside);
            put(known.union(&connections), inside);
            put(known, outside);
        }
        put(connections, rest);
        parts = next;
    }
    let mut numbered: Parts = parts.into_iter().map(|(connections, ends)| (sets.number(connections), ends)).collect();
    numbered.sort_unstable_by_key(|(set, _)| *set);
    numbered
}

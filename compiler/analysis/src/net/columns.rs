//! Who reaches each destination, on which connections, as sets.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use fixedbitset::FixedBitSet;

use super::{
    Connections, Direction,
    side::Side,
    tiers::{self, Bound},
};

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
pub(super) fn columns(side: &Side<'_>, bound: Bound, sets: &mut Sets) -> Vec<Parts> {
    let size = side.present.len();
    let workloads = side.facts.len();
    let all = sets.number(Connections::all());

    let incoming = incoming(side, bound, sets);
    // For each destination, sources by what their own policies let them reach there.
    let mut outgoing: Vec<Parts> = vec![Vec::new(); size];
    let mut free = side.present.clone();
    for (members, row) in outgoing_rows(side, bound, sets) {
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

/// Who has a say in a workload's connections of one direction, by their indexes in the side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Concerning {
    /// NetworkPolicies that isolate it.
    pub(super) policies: Vec<usize>,
    /// Administrators' policies that are about it and have rules.
    pub(super) tiers: Vec<usize>,
}

/// For each workload, who has a say.
pub(super) fn concerning(side: &Side<'_>, direction: Direction) -> Vec<Concerning> {
    let mut concerning = vec![Concerning::default(); side.facts.len()];
    for (index, policy) in side.policies.iter().enumerate().filter(|(_, policy)| policy.rules(direction).is_some()) {
        for position in policy.selected.ones() {
            if let Some(concerning) = concerning.get_mut(position) {
                concerning.policies.push(index);
            }
        }
    }
    for (index, policy) in side.tiers.iter().enumerate().filter(|(_, policy)| !policy.rules(direction).is_empty()) {
        for position in policy.selected.ones() {
            if let Some(concerning) = concerning.get_mut(position) {
                concerning.tiers.push(index);
            }
        }
    }
    concerning
}

/// For each workload, whom its policies let in; none where no policy has a say.
fn incoming(side: &Side<'_>, bound: Bound, sets: &mut Sets) -> Vec<Option<Rc<Parts>>> {
    /// Policies of both sorts, and the numbers of the ports that they name. Workloads that agree in these share one answer.
    type Alike = (Vec<usize>, Vec<usize>, Vec<Vec<u16>>);
    let mut known: HashMap<Alike, Rc<Parts>> = HashMap::new();
    let mut incoming = Vec::with_capacity(side.facts.len());
    for (position, Concerning { policies, tiers }) in concerning(side, Direction::Ingress).into_iter().enumerate() {
        if policies.is_empty() && tiers.is_empty() {
            incoming.push(None);
            continue;
        }
        let rules = || policies.iter().filter_map(|index| side.policies.get(*index)?.ingress.as_ref()).flatten();
        let tier_rules = tiers.iter().filter_map(|index| side.tiers.get(*index)).flat_map(|policy| &policy.ingress);
        let numbers: Vec<_> = rules()
            .flat_map(|rule| &rule.named)
            .chain(tier_rules.flat_map(|rule| &rule.named))
            .map(|(name, protocol)| side.numbers(position, name, *protocol))
            .collect();
        let terms =
            || rules().map(|rule| (side.connections(&rule.numbered, &rule.named, position), rule.peers.as_ref()));
        let alike = (policies.clone(), tiers.clone(), numbers);
        let shared = match known.get(&alike) {
            Some(shared) => Rc::clone(shared),
            None => {
                let isolated = (!policies.is_empty()).then(|| parts(terms(), side.present.len(), sets));
                let fresh = match isolated {
                    Some(parts) if tiers.is_empty() => parts,
                    isolated => {
                        let near = (Direction::Ingress, Some(position));
                        tiers::decide(side, &tiers, near, isolated.as_ref(), bound, sets)
                    }
                };
                Rc::clone(known.entry(alike).or_insert(Rc::new(fresh)))
            }
        };
        incoming.push(Some(shared));
    }
    incoming
}

/// Workloads whose outgoing connections policies have a say in, those that the same policies select together, with whom they
/// may reach.
fn outgoing_rows(side: &Side<'_>, bound: Bound, sets: &mut Sets) -> Vec<(FixedBitSet, Parts)> {
    let size = side.present.len();
    let mut classes: BTreeMap<Concerning, FixedBitSet> = BTreeMap::new();
    for (position, concerning) in concerning(side, Direction::Egress).into_iter().enumerate() {
        if concerning != Concerning::default() {
            classes.entry(concerning).or_insert_with(|| FixedBitSet::with_capacity(size)).insert(position);
        }
    }
    let mut rows = Vec::with_capacity(classes.len());
    for (Concerning { policies, tiers }, members) in classes {
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
        let isolated = (!policies.is_empty()).then(|| parts(terms, size, sets));
        let row = match isolated {
            Some(parts) if tiers.is_empty() => parts,
            isolated => tiers::decide(side, &tiers, (Direction::Egress, None), isolated.as_ref(), bound, sets),
        };
        rows.push((members, row));
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

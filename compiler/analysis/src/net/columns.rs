//! Who reaches each destination, on which connections, as sets.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use fixedbitset::FixedBitSet;
use kspec_model::program::Protocol;
use rustc_hash::FxHashMap;

use super::{
    Connections, Direction,
    side::Side,
    tiers::{Bound, Decided},
};

/// Every set of connections met, each under one number: equal numbers mean equal sets.
#[derive(Debug, Default)]
pub(super) struct Sets {
    all: Vec<Connections>,
    numbers: FxHashMap<Connections, Set>,
    intersections: FxHashMap<(Set, Set), Set>,
    unions: FxHashMap<(Set, Set), Set>,
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

    /// Whether it is the empty set.
    pub(super) fn is_none(&self, set: Set) -> bool {
        self.all.get(set.0).is_none_or(Connections::is_empty)
    }

    /// The number of what either holds.
    pub(super) fn union(&mut self, a: Set, b: Set) -> Set {
        if a == b || self.is_none(b) {
            return a;
        }
        let key = (a.min(b), a.max(b));
        if let Some(known) = self.unions.get(&key) {
            return *known;
        }
        let set = self.number(self.get(a).union(&self.get(b)));
        self.unions.insert(key, set);
        set
    }

    /// The number of what both hold.
    pub(super) fn intersection(&mut self, a: Set, b: Set) -> Set {
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
    let mut incoming: Vec<Option<Rc<Parts>>> = vec![None; side.facts.len()];
    for class in classes(side, Direction::Ingress) {
        let allowed = consent(side, Direction::Ingress, &class, &LeftOut::default(), bound, sets).map(Rc::new);
        for member in class.members.ones() {
            if let Some(slot) = incoming.get_mut(member) {
                slot.clone_from(&allowed);
            }
        }
    }
    let mut columns = Vec::with_capacity(side.present.len());
    for (destination, sources) in outgoing(side, bound, sets).into_iter().enumerate() {
        columns.push(match incoming.get(destination).and_then(Option::as_ref) {
            None => sources,
            Some(allowed) => intersect(allowed, &sources, sets),
        });
    }
    columns
}

/// For each destination, sources by what their own policies let them reach there.
pub(super) fn outgoing(side: &Side<'_>, bound: Bound, sets: &mut Sets) -> Vec<Parts> {
    let (size, workloads) = (side.present.len(), side.facts.len());
    let all = sets.number(Connections::all());
    let mut outgoing: Vec<Parts> = vec![Vec::new(); size];
    let mut free = side.present.clone();
    for class in classes(side, Direction::Egress) {
        free.difference_with(&class.members);
        let row = consent(side, Direction::Egress, &class, &LeftOut::default(), bound, sets).unwrap_or_default();
        for (set, destinations) in row {
            for destination in destinations.ones() {
                if let Some(parts) = outgoing.get_mut(destination) {
                    add_members(parts, set, &class.members);
                }
            }
        }
    }
    for (destination, sources) in outgoing.iter_mut().enumerate() {
        if !side.present.contains(destination) {
            sources.clear();
            continue;
        }
        add_members(sources, all, &free);
        if destination >= workloads {
            for (_, members) in sources.iter_mut() {
                members.set_range(workloads..size, false);
            }
            sources.retain(|(_, members)| !members.is_clear());
        }
        sources.sort_unstable_by_key(|(set, _)| *set);
    }
    outgoing
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

/// Workloads with one consent in one direction.
#[derive(Debug)]
pub(super) struct Class {
    /// Who has a say; always somebody.
    pub(super) concerning: Concerning,
    /// One of them, where what names of ports stand for is part of what they share.
    pub(super) at: Option<usize>,
    /// They.
    pub(super) members: FixedBitSet,
    /// What administrators' policies make of their connections, once somebody asks; shared with classes that the same are about.
    decided: Rc<OnceCell<Decided>>,
}

/// Workloads that somebody has a say in, those with one consent together. For incoming connections these agree in who has a say
/// and in the numbers of the ports that they name; for outgoing ones the names are the destinations'.
pub(super) fn classes(side: &Side<'_>, direction: Direction) -> Vec<Class> {
    together(side, direction, concerning(side, direction))
}

/// The same of administrators' policies alone, whichever NetworkPolicies isolate the workloads.
pub(super) fn tier_classes(side: &Side<'_>, direction: Direction) -> Vec<Class> {
    let mut concerning = concerning(side, direction);
    concerning.iter_mut().for_each(|concerning| concerning.policies.clear());
    together(side, direction, concerning)
}

fn together(side: &Side<'_>, direction: Direction, concerning: Vec<Concerning>) -> Vec<Class> {
    let size = side.present.len();
    let mut classes: BTreeMap<(Concerning, Numbers), Class> = BTreeMap::new();
    let mut decided: BTreeMap<(Vec<usize>, Numbers), Rc<OnceCell<Decided>>> = BTreeMap::new();
    for (position, concerning) in concerning.into_iter().enumerate() {
        if concerning == Concerning::default() {
            continue;
        }
        let numbers = match direction {
            Direction::Ingress => numbers(side, &concerning, position),
            Direction::Egress => Vec::new(),
        };
        let at = (direction == Direction::Ingress).then_some(position);
        let class = classes.entry((concerning.clone(), numbers)).or_insert_with(|| {
            let of_admins = Concerning { policies: Vec::new(), tiers: concerning.tiers.clone() };
            let named = at.map_or_else(Vec::new, |at| self::numbers(side, &of_admins, at));
            let decided = Rc::clone(decided.entry((of_admins.tiers, named)).or_default());
            Class { concerning, at, members: FixedBitSet::with_capacity(size), decided }
        });
        class.members.insert(position);
    }
    classes.into_values().collect()
}

/// For each name of a port, the ports that it stands for.
type Numbers = Vec<Vec<(Protocol, u16)>>;

/// What the names of ports that these policies' rules have stand for at a destination.
fn numbers(side: &Side<'_>, concerning: &Concerning, position: usize) -> Numbers {
    let policies = concerning.policies.iter().filter_map(|index| side.policies.get(*index));
    let named = policies.filter_map(|policy| policy.ingress.as_ref()).flatten().flat_map(|rule| &rule.named);
    let tiers = concerning.tiers.iter().filter_map(|index| side.tiers.get(*index));
    let of_tiers = tiers.flat_map(|policy| &policy.ingress).flat_map(|rule| &rule.named);
    named.chain(of_tiers).map(|name| side.numbers(position, *name)).collect()
}

/// What is left out of the policies: halves of NetworkPolicies, and rules, by their indexes.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftOut {
    /// Policies that do not isolate the direction.
    pub(super) halves: BTreeSet<(usize, Direction)>,
    /// Rules that are not there; their policy still isolates.
    pub(super) rules: BTreeSet<(usize, Direction, usize)>,
}

/// What a class consents to, by far ends; none where nobody has a say any more.
pub(super) fn consent(
    side: &Side<'_>,
    direction: Direction,
    class: &Class,
    left_out: &LeftOut,
    bound: Bound,
    sets: &mut Sets,
) -> Option<Parts> {
    let Class { concerning, at, .. } = class;
    let policies: Vec<usize> = concerning
        .policies
        .iter()
        .copied()
        .filter(|policy| left_out.halves.is_empty() || !left_out.halves.contains(&(*policy, direction)))
        .collect();
    if policies.is_empty() && concerning.tiers.is_empty() {
        return None;
    }
    let mut given = |bound: Bound| {
        let mut terms = Vec::new();
        for policy in &policies {
            let rules = side.policies.get(*policy).and_then(|known| known.rules(direction)).unwrap_or_default();
            for (index, rule) in rules.iter().enumerate() {
                if left_out.rules.is_empty() || !left_out.rules.contains(&(*policy, direction, index)) {
                    terms.extend(rule.terms(side, *at, bound));
                }
            }
        }
        parts(terms.iter().map(|(connections, ends)| (connections.clone(), ends.as_ref())), side.present.len(), sets)
    };
    if concerning.tiers.is_empty() {
        return Some(given(bound));
    }
    let isolated = (!policies.is_empty()).then(|| given(bound));
    let decided = class.decided.get_or_init(|| Decided::new(side, &concerning.tiers, (direction, *at)));
    Some(match isolated {
        Some(allowed) => decided.isolated(&allowed, bound, sets),
        None => decided.free(bound, sets),
    })
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

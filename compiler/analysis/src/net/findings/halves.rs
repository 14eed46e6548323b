//! What each end consents to, and what becomes of connections when policies are left out.

use std::{cell::OnceCell, collections::BTreeMap};

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use super::super::{
    Connections, Direction,
    columns::{Class, LeftOut, Parts, Set, Sets, classes, consent, outgoing},
    side::Side,
    tiers::Bound,
};

/// Both ends' consent, by classes.
pub(super) struct Halves {
    pub(super) bound: Bound,
    pub(super) sets: Sets,
    pub(super) ingress: Vec<Half>,
    pub(super) egress: Vec<Half>,
    /// For each destination, sources by what their own policies let them reach there.
    pub(super) outgoing: Vec<Parts>,
    /// The class of each workload's incoming connections; none where nobody has a say.
    incoming: Vec<Option<usize>>,
    /// By policy, the classes that it isolates: of incoming connections, and of outgoing ones.
    isolated: [Vec<Vec<usize>>; 2],
    /// By source, destinations in whose connections somebody has a say and that let it in on some; once somebody asks.
    admitting: Vec<OnceCell<FixedBitSet>>,
    /// Destinations in whose connections nobody has a say.
    unasked: FixedBitSet,
    /// Consent to everything.
    free: Parts,
}

/// A class and what it consents to: every far end is in one part.
pub(super) struct Half {
    pub(super) class: Class,
    pub(super) parts: Parts,
}

/// What a class consents to once something is left out.
pub(super) struct Changed {
    /// The class's place among those of its direction.
    class: usize,
    /// Far ends whose set changes: before, after.
    pub(super) moved: Vec<(FixedBitSet, Set, Set)>,
    /// Every far end.
    after: Parts,
    /// Whether no NetworkPolicy isolates it any more.
    pub(super) freed: bool,
}

impl Halves {
    pub(super) fn new(side: &Side<'_>, bound: Bound) -> Self {
        let mut sets = Sets::default();
        let free = vec![(sets.number(Connections::all()), side.present.clone())];
        let of = |direction: Direction, sets: &mut Sets| -> Vec<Half> {
            let classes = classes(side, direction).into_iter();
            classes
                .map(|class| {
                    let allowed = consent(side, direction, &class, &LeftOut::default(), bound, sets);
                    Half { parts: whole(side, allowed, sets), class }
                })
                .collect()
        };
        let (ingress, egress) = (of(Direction::Ingress, &mut sets), of(Direction::Egress, &mut sets));
        let outgoing = outgoing(side, bound, &mut sets);
        let mut incoming = vec![None; side.facts.len()];
        for (index, half) in ingress.iter().enumerate() {
            half.class
                .members
                .ones()
                .for_each(|member| incoming.iter_mut().skip(member).take(1).for_each(|slot| *slot = Some(index)));
        }
        let isolated = [&ingress, &egress].map(|halves| by_policy(side, halves));
        let mut unasked = side.present.clone();
        ingress.iter().for_each(|half| unasked.difference_with(&half.class.members));
        let admitting = vec![OnceCell::new(); side.present.len()];
        Self { bound, sets, ingress, egress, outgoing, incoming, isolated, admitting, unasked, free }
    }

    pub(super) fn of(&self, direction: Direction) -> &[Half] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// The classes that a policy isolates, each with its place.
    pub(super) fn isolated_by(&self, policy: usize, direction: Direction) -> impl Iterator<Item = (usize, &Half)> {
        let [incoming, outgoing] = &self.isolated;
        let (halves, isolated) = match direction {
            Direction::Ingress => (&self.ingress, incoming),
            Direction::Egress => (&self.egress, outgoing),
        };
        let places = isolated.get(policy).into_iter().flatten().copied();
        places.filter_map(move |place| Some((place, halves.get(place)?)))
    }

    /// The class of a destination's incoming connections; none where nobody has a say.
    pub(super) fn class_of(&self, destination: usize) -> Option<usize> {
        self.incoming.get(destination).copied().flatten()
    }

    /// What a destination consents to, by sources.
    pub(super) fn let_in(&self, destination: usize) -> &Parts {
        self.class_of(destination).and_then(|class| self.ingress.get(class)).map_or(&self.free, |half| &half.parts)
    }

    /// How the consent of those changes that a policy isolates when something of it is left out.
    pub(super) fn without(
        &mut self,
        side: &Side<'_>,
        policy: usize,
        direction: Direction,
        left_out: &LeftOut,
    ) -> Vec<Changed> {
        let [incoming, outgoing] = &self.isolated;
        let (halves, isolated, sets) = match direction {
            Direction::Ingress => (&self.ingress, incoming, &mut self.sets),
            Direction::Egress => (&self.egress, outgoing, &mut self.sets),
        };
        let mut changes = Vec::new();
        for index in isolated.get(policy).into_iter().flatten().copied() {
            let Some(half) = halves.get(index) else { continue };
            let allowed = consent(side, direction, &half.class, left_out, self.bound, sets);
            let isolate = |policy: &usize| !left_out.halves.contains(&(*policy, direction));
            let freed = !half.class.concerning.policies.iter().any(isolate);
            let after = whole(side, allowed, sets);
            let mut moved = Vec::new();
            for (before, ends) in &half.parts {
                for (now, others) in &after {
                    if before != now && !ends.is_disjoint(others) {
                        let mut both = ends.clone();
                        both.intersect_with(others);
                        moved.push((both, *before, *now));
                    }
                }
            }
            changes.push(Changed { class: index, moved, after, freed });
        }
        changes
    }

    /// Whether somebody consents to more than before.
    pub(super) fn widens(&self, changes: &[Changed]) -> bool {
        let wider = |before: Set, after: Set| !self.sets.get(after).difference(&self.sets.get(before)).is_empty();
        changes.iter().flat_map(|change| &change.moved).any(|(_, before, after)| wider(*before, *after))
    }

    /// Whether every connection stays as it is when consent changes like that on both sides.
    pub(super) fn same(&mut self, ingress: &[Changed], egress: &[Changed]) -> bool {
        self.same_where_incoming_changes(ingress, egress) && self.same_where_outgoing_changes(ingress, egress)
    }

    /// Looks at pairs of which the destination's consent changes and the source's does not.
    fn same_where_incoming_changes(&mut self, ingress: &[Changed], egress: &[Changed]) -> bool {
        let Self { sets, ingress: halves, egress: sources, outgoing, .. } = self;
        for change in ingress.iter().filter(|change| !change.moved.is_empty()) {
            let Some(half) = halves.get(change.class) else { continue };
            for destination in half.class.members.ones() {
                let mut others = FixedBitSet::with_capacity(half.class.members.len());
                others.insert(destination);
                for other in
                    egress.iter().filter(|other| other.moved.iter().any(|(ends, ..)| ends.contains(destination)))
                {
                    if let Some(source) = sources.get(other.class) {
                        others.union_with(&source.class.members);
                    }
                }
                for (ends, before, after) in &change.moved {
                    for (out, froms) in outgoing.get(destination).into_iter().flatten() {
                        if sets.intersection(*before, *out) != sets.intersection(*after, *out)
                            && ends.intersection(froms).any(|source| !others.contains(source))
                        {
                            return false;
                        }
                    }
                }
            }
        }
        true
    }

    /// Looks at pairs of which the source's consent changes, destinations of one class together.
    fn same_where_outgoing_changes(&mut self, ingress: &[Changed], egress: &[Changed]) -> bool {
        let changed: BTreeMap<usize, &Changed> = ingress.iter().map(|change| (change.class, change)).collect();
        for change in egress.iter().filter(|change| !change.moved.is_empty()) {
            let Some(members) = self.egress.get(change.class).map(|half| half.class.members.clone()) else { continue };
            // Whoever lets none of them in, before and after, does not matter.
            let mut letting_in = self.letting_in(&members);
            for half in ingress.iter().filter_map(|change| self.ingress.get(change.class)) {
                letting_in.union_with(&half.class.members);
            }
            let Self { sets, ingress: halves, incoming, unasked, free, .. } = self;
            for (ends, out_before, out_after) in &change.moved {
                let out = (*out_before, *out_after);
                let differ = |moved: &FixedBitSet, destination| moved.ones().any(|source| source != destination);
                if !ends.is_disjoint(unasked) {
                    let moved = moved_sources(&members, (free, free), out, sets);
                    if !moved.is_clear() && ends.intersection(unasked).any(|destination| differ(&moved, destination)) {
                        return false;
                    }
                }
                // By class of destinations, the sources of which a connection there changes.
                let mut known: FxHashMap<usize, FixedBitSet> = FxHashMap::default();
                for destination in ends.intersection(&letting_in) {
                    let Some(class) = incoming.get(destination).copied().flatten() else { continue };
                    let moved = known.entry(class).or_insert_with(|| {
                        let before = halves.get(class).map_or(&*free, |half| &half.parts);
                        let after = changed.get(&class).map_or(before, |change| &change.after);
                        moved_sources(&members, (before, after), out, sets)
                    });
                    if differ(moved, destination) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Destinations in whose connections somebody has a say and that let some of these in; of many sources, all that there are.
    fn letting_in(&self, sources: &FixedBitSet) -> FixedBitSet {
        let mut all = FixedBitSet::with_capacity(sources.len());
        if sources.count_ones(..) > FEW {
            self.ingress.iter().for_each(|half| all.union_with(&half.class.members));
            return all;
        }
        for source in sources.ones() {
            let Some(known) = self.admitting.get(source) else { continue };
            all.union_with(known.get_or_init(|| {
                let mut admitting = FixedBitSet::with_capacity(sources.len());
                for half in &self.ingress {
                    let part = half.parts.iter().find(|(_, ends)| ends.contains(source));
                    if part.is_some_and(|(set, _)| !self.sets.is_none(*set)) {
                        admitting.union_with(&half.class.members);
                    }
                }
                admitting
            }));
        }
        all
    }

    /// Sources that a destination lets in on some of these connections, and whose own policies let them out there.
    pub(super) fn reaching(&mut self, destination: usize, connections: &Connections) -> FixedBitSet {
        let wanted = self.sets.number(connections.clone());
        let none = self.sets.number(Connections::none());
        let size = self.free.first().map_or(0, |(_, ends)| ends.len());
        let mut reaching = FixedBitSet::with_capacity(size);
        let class = self.incoming.get(destination).copied().flatten();
        let into = class.and_then(|class| self.ingress.get(class)).map_or(&self.free, |half| &half.parts);
        for (out, from) in self.outgoing.get(destination).into_iter().flatten() {
            let out = self.sets.intersection(*out, wanted);
            for (inward, others) in into {
                if self.sets.intersection(out, *inward) != none {
                    reaching.extend(from.intersection(others));
                }
            }
        }
        reaching
    }
}

/// By policy, the classes that it isolates.
fn by_policy(side: &Side<'_>, halves: &[Half]) -> Vec<Vec<usize>> {
    let mut isolated = vec![Vec::new(); side.policies.len()];
    for (index, half) in halves.iter().enumerate() {
        for policy in &half.class.concerning.policies {
            if let Some(classes) = isolated.get_mut(*policy) {
                classes.push(index);
            }
        }
    }
    isolated
}

/// Those of some sources of which a connection changes where both ends' consent goes from one to another.
fn moved_sources(
    members: &FixedBitSet,
    (before, after): (&Parts, &Parts),
    (out_before, out_after): (Set, Set),
    sets: &mut Sets,
) -> FixedBitSet {
    let mut moved = FixedBitSet::new();
    let mut moves =
        |before: Set, after: Set| sets.intersection(before, out_before) != sets.intersection(after, out_after);
    if members.count_ones(..) <= FEW {
        // Each is looked up in the parts, which costs less than to go over the parts as sets.
        let part = |parts: &Parts, member| parts.iter().find(|(_, ends)| ends.contains(member)).map(|(set, _)| *set);
        for member in members.ones() {
            if let Some(held) = part(before, member)
                && let Some(holds) = if std::ptr::eq(before, after) { Some(held) } else { part(after, member) }
                && moves(held, holds)
            {
                moved.grow_and_insert(member);
            }
        }
        return moved;
    }
    moved.grow(members.len());
    for (in_before, some) in before {
        if some.is_disjoint(members) {
            continue;
        }
        if std::ptr::eq(before, after) {
            if moves(*in_before, *in_before) {
                moved.union_with(some);
            }
            continue;
        }
        for (in_after, others) in after {
            if moves(*in_before, *in_after) {
                let mut both = some.clone();
                both.intersect_with(others);
                moved.union_with(&both);
            }
        }
    }
    moved.intersect_with(members);
    moved
}

/// So many workloads are looked up one by one.
const FEW: usize = 16;

/// Puts far ends with whom there is no connection in a part of their own; nobody's say is consent to everything.
fn whole(side: &Side<'_>, parts: Option<Parts>, sets: &mut Sets) -> Parts {
    let Some(mut parts) = parts else { return vec![(sets.number(Connections::all()), side.present.clone())] };
    let mut rest = side.present.clone();
    parts.iter().for_each(|(_, ends)| rest.difference_with(ends));
    let none = sets.number(Connections::none());
    match parts.iter_mut().find(|(set, _)| *set == none) {
        Some((_, ends)) => ends.union_with(&rest),
        None if !rest.is_clear() => parts.push((none, rest)),
        None => {}
    }
    parts
}

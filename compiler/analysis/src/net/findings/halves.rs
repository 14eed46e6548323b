//! What each end consents to, and what becomes of connections when policies are left out.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

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
        Self { bound, sets, ingress, egress, outgoing, incoming, free }
    }

    pub(super) fn of(&self, direction: Direction) -> &[Half] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
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
        let (halves, sets) = match direction {
            Direction::Ingress => (&self.ingress, &mut self.sets),
            Direction::Egress => (&self.egress, &mut self.sets),
        };
        let mut changes = Vec::new();
        for (index, half) in halves.iter().enumerate() {
            if half.class.concerning.policies.binary_search(&policy).is_err() {
                continue;
            }
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
        let Self { sets, ingress: halves, egress: sources, incoming, free, .. } = self;
        let changed: BTreeMap<usize, &Changed> = ingress.iter().map(|change| (change.class, change)).collect();
        for change in egress {
            let Some(members) = sources.get(change.class).map(|half| &half.class.members) else { continue };
            for (ends, out_before, out_after) in &change.moved {
                // By class of destinations, the sources of which a connection there changes.
                let mut known: BTreeMap<Option<usize>, FixedBitSet> = BTreeMap::new();
                for destination in ends.ones() {
                    let class = incoming.get(destination).copied().flatten();
                    let moved = known.entry(class).or_insert_with(|| {
                        let before = class.and_then(|class| halves.get(class)).map_or(&*free, |half| &half.parts);
                        let after = class.and_then(|class| changed.get(&class)).map_or(before, |change| &change.after);
                        let out = (*out_before, *out_after);
                        moved_sources(members, (before, after), out, sets)
                    });
                    if moved.ones().any(|source| source != destination) {
                        return false;
                    }
                }
            }
        }
        true
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

/// Those of some sources of which a connection changes where both ends' consent goes from one to another.
fn moved_sources(
    members: &FixedBitSet,
    (before, after): (&Parts, &Parts),
    (out_before, out_after): (Set, Set),
    sets: &mut Sets,
) -> FixedBitSet {
    let mut moved = FixedBitSet::with_capacity(members.len());
    for (in_before, some) in before {
        if some.is_disjoint(members) {
            continue;
        }
        for (in_after, others) in after {
            if sets.intersection(*in_before, out_before) != sets.intersection(*in_after, out_after) {
                let mut both = members.clone();
                both.intersect_with(some);
                both.intersect_with(others);
                moved.union_with(&both);
            }
        }
    }
    moved
}

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

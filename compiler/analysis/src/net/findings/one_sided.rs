//! Rules that give connections which the other end refuses.
//!
//! Told of a peer where no connection passes between anyone that the policy selects and anyone that the peer names; where the peer picks
//! pods by label, so that each of them is meant, also of those with whom none passes if they are not the most: what most refuse is an
//! offer. A part of the ports that passes is enough.

use std::{collections::btree_map::Entry, rc::Rc};

use fixedbitset::FixedBitSet;
use kspec_model::cluster::PeerFacts;
use rustc_hash::FxHashMap;

use super::{
    super::{
        Connections, Network,
        columns::Set,
        side::{Policy, Rule},
        tiers::Bound,
        verdict::{Effect, Half},
    },
    Direction, Example, Halves, Oddity, RuleAt, written,
};

pub(super) fn find(network: &Network<'_>, halves: &mut Halves) -> Vec<Oddity> {
    let mut finder = Finder { network, halves, takers: FxHashMap::default() };
    let mut found = Vec::new();
    for policy in &network.side.policies {
        for direction in [Direction::Ingress, Direction::Egress] {
            for (index, rule) in policy.rules(direction).unwrap_or_default().iter().enumerate() {
                let at = RuleAt { policy: policy.key(), direction, rule: index };
                found.extend(finder.rule(policy, rule, at));
            }
        }
    }
    found
}

struct Finder<'f, 'a> {
    network: &'f Network<'a>,
    halves: &'f mut Halves,
    /// Who gets any of some connections by the far end's consent alone: there, or, where the destination is the far end, at any
    /// destination of the class.
    takers: FxHashMap<(Direction, Option<usize>, Set), Rc<FixedBitSet>>,
}

/// What becomes of a rule's connections with some far ends.
#[derive(Default)]
struct Outcome {
    /// Far ends with whom none passes.
    refusing: Vec<usize>,
    /// One of the refused: near end, far end, connections.
    refused: Option<(usize, usize, Connections)>,
    /// How many far ends some connection passes with.
    passing: usize,
}

impl Finder<'_, '_> {
    fn rule(&mut self, policy: &Policy<'_>, rule: &Rule<'_>, at: RuleAt) -> Vec<Oddity> {
        let workloads = self.network.universe.workloads.len();
        // A rule for everyone is for addresses too, and these refuse nothing.
        if rule.facts.peers.is_none() {
            return Vec::new();
        }
        let peers = rule.each.iter().enumerate().map(|(peer, ends)| (peer, ends.as_ref()));
        let mut found = Vec::new();
        let mut barren = true;
        for (peer, ends) in peers {
            let outcome = self.outcome(policy, rule, at.direction, ends, workloads);
            barren &= outcome.passing == 0 && ends.ones().next_back().is_none_or(|last| last < workloads);
            let Some((near, far, connections)) = outcome.refused else { continue };
            let picks = rule.facts.peers.as_ref().and_then(|peers| peers.get(peer));
            let picks = matches!(picks, Some(PeerFacts::Pods { pods, .. }) if !pods.is_empty());
            let (refusing, passing) = (outcome.refusing.len(), outcome.passing);
            if refusing == 0 || passing > 0 && (!picks || refusing > passing) {
                continue;
            }
            let Some((example, refused_by)) = self.example(at.direction, near, far, &connections) else { continue };
            found.push(Oddity::OneSided {
                at: at.clone(),
                peer,
                refusing: outcome.refusing.into_iter().map(|far| written(&self.network.universe, far)).collect(),
                example,
                refused_by,
                whole: false,
            });
        }
        if barren {
            found.iter_mut().for_each(|oddity| {
                if let Oddity::OneSided { whole, .. } = oddity {
                    *whole = true;
                }
            });
        }
        found
    }

    fn outcome(
        &mut self,
        policy: &Policy<'_>,
        rule: &Rule<'_>,
        direction: Direction,
        ends: &FixedBitSet,
        workloads: usize,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let far_ends = || ends.ones().take_while(|far| *far < workloads);
        match direction {
            Direction::Egress => {
                // What the rule gives depends on the destination's names of ports, of which there are few sorts.
                let terms = rule.terms(&self.network.side, None, Bound::Possible);
                let mut given: FxHashMap<Vec<usize>, Set> = FxHashMap::default();
                for far in far_ends() {
                    let holding = terms.iter().enumerate().filter(|(_, (_, ends))| ends.contains(far));
                    let wanted = *given.entry(holding.map(|(term, _)| term).collect()).or_insert_with_key(|holding| {
                        let sets =
                            holding.iter().filter_map(|term| terms.get(*term)).map(|(connections, _)| connections);
                        let all = sets.fold(Connections::none(), |all, connections| all.union(connections));
                        self.halves.sets.number(all)
                    });
                    let mut near = policy.selected.ones().filter(|near| *near != far).peekable();
                    let Some(first) = near.peek().copied().filter(|_| !self.halves.sets.is_none(wanted)) else {
                        continue;
                    };
                    let takers = self.takers(direction, far, wanted);
                    if near.any(|near| takers.contains(near)) {
                        outcome.passing += 1;
                    } else {
                        outcome.refusing.push(far);
                        let connections = || self.halves.sets.get(wanted);
                        outcome.refused = outcome.refused.or_else(|| Some((first, far, connections())));
                    }
                }
            }
            Direction::Ingress => {
                let mut passing = FixedBitSet::with_capacity(ends.len());
                let mut named = FixedBitSet::with_capacity(ends.len());
                let mut refused = std::collections::BTreeMap::new();
                for near in policy.selected.ones() {
                    let connections = self.network.side.connections(&rule.numbered, &rule.named, near);
                    if connections.is_empty() {
                        continue;
                    }
                    let wanted = self.halves.sets.number(connections.clone());
                    let takers = self.takers(direction, near, wanted);
                    for far in far_ends().filter(|far| *far != near) {
                        named.insert(far);
                        if takers.contains(far) {
                            passing.insert(far);
                        } else if let Entry::Vacant(entry) = refused.entry(far) {
                            entry.insert((near, connections.clone()));
                        }
                    }
                }
                outcome.passing = passing.count_ones(..);
                outcome.refusing = named.difference(&passing).collect();
                outcome.refused = outcome.refusing.first().and_then(|far| {
                    let (near, connections) = refused.get(far)?;
                    Some((*near, *far, connections.clone()))
                });
            }
        }
        outcome
    }

    /// Sources that get any of these connections at a destination by the consent of the end that is far in this direction.
    fn takers(&mut self, direction: Direction, destination: usize, wanted: Set) -> Rc<FixedBitSet> {
        let place = match direction {
            Direction::Egress => self.halves.class_of(destination),
            Direction::Ingress => Some(destination),
        };
        if let Some(known) = self.takers.get(&(direction, place, wanted)) {
            return Rc::clone(known);
        }
        let none = self.halves.sets.number(Connections::none());
        let parts = match direction {
            Direction::Egress => self.halves.let_in(destination).clone(),
            Direction::Ingress => self.halves.outgoing.get(destination).cloned().unwrap_or_default(),
        };
        let mut takers = FixedBitSet::with_capacity(self.network.universe.len());
        for (set, sources) in parts {
            if self.halves.sets.intersection(set, wanted) != none {
                takers.union_with(&sources);
            }
        }
        let takers = Rc::new(takers);
        self.takers.insert((direction, place, wanted), Rc::clone(&takers));
        takers
    }

    /// A packet, and who refuses it at the far end.
    fn example(
        &self,
        direction: Direction,
        near: usize,
        far: usize,
        connections: &Connections,
    ) -> Option<(Example, Vec<kspec_model::ObjectKey>)> {
        let (src, dst) = match direction {
            Direction::Egress => (near, far),
            Direction::Ingress => (far, near),
        };
        let (protocol, port) = connections.first()?;
        let verdict = self.network.verdict(src, dst, protocol, port);
        let half: &Half = match direction {
            Direction::Egress => &verdict.ingress,
            Direction::Ingress => &verdict.egress,
        };
        let refuses = half.says.iter().filter(|say| matches!(say.effect, Effect::Denies | Effect::NoRule));
        let refused_by = refuses.map(|say| say.policy.clone()).collect();
        let universe = &self.network.universe;
        Some((Example { src: written(universe, src), dst: written(universe, dst), protocol, port }, refused_by))
    }
}

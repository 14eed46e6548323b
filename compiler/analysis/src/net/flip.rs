//! The least change to NetworkPolicies that would turn an answer round.
//!
//! To allow what is denied, each end that denies it needs one more rule; it goes into the policy that selects fewest
//! workloads, so that it opens least beside what is asked. To deny what is allowed, one end is enough: the one where fewest
//! rules allow it, or, where nothing isolates either, a new policy.

use std::collections::BTreeSet;

use kspec_model::ObjectKey;

use super::{Direction, Effect, Half, Network, Verdict, Why};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// Which half of the policy.
    pub direction: Direction,
    /// What to do.
    pub deed: Deed,
}

/// What to do to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A rule more, for the far end on the port.
    AddRule {
        /// Into this policy.
        policy: ObjectKey,
        /// How many other workloads the policy selects, to which the rule applies as well.
        others: usize,
        /// Whether the rule must be for every peer: the far end is on its node's network, where no selector recognises it.
        every_peer: bool,
    },
    /// The far end or the port taken out of a rule.
    NarrowRule {
        /// Of this policy.
        policy: ObjectKey,
        /// The rule, counted from 0.
        rule: usize,
    },
    /// A rule for the far end on the port, before this one of an administrators' policy: one that allows it, to allow it, else one
    /// that denies it.
    PutBefore {
        /// Into this policy.
        policy: ObjectKey,
        /// The rule that decides now, counted from 0.
        rule: usize,
        /// How many other workloads the policy is about, to which the new rule applies as well.
        others: usize,
        /// As of `AddRule`.
        every_peer: bool,
    },
    /// A new policy that selects the near end, with rules for everything it is to keep.
    Isolate,
}

impl Network<'_> {
    /// Changes that together turn a verdict of this network round; none where no policy could, because neither end is one that
    /// policies apply to, and none where it is not defined which policies decide.
    #[must_use]
    pub fn flip(&self, verdict: &Verdict) -> Vec<Flip> {
        let (ingress, egress) = (&verdict.ingress, &verdict.egress);
        let halves = [(Direction::Ingress, ingress), (Direction::Egress, egress)];
        if verdict.ambiguous || !self.is_plain(ingress) || !self.is_plain(egress) {
            return Vec::new();
        }
        let every_peer = |direction| {
            let far = match direction {
                Direction::Ingress => egress,
                Direction::Egress => ingress,
            };
            far.why == Why::HostNetwork
        };
        let others = |policy: &ObjectKey| self.selected_by(policy).saturating_sub(1);
        let put_before = |direction, half: &Half| {
            let say = half.says.iter().rev().find(|say| say.effect != Effect::Passes)?;
            let (policy, rule) = (say.policy.clone(), say.rules.first().copied()?);
            let deed = Deed::PutBefore { others: others(&policy), policy, rule, every_peer: every_peer(direction) };
            Some(Flip { direction, deed })
        };
        if verdict.allowed {
            let ways = halves.into_iter().filter_map(|(direction, half)| Some((cost(half)?, direction, half)));
            let Some((_, direction, half)) = ways.min_by_key(|(cost, ..)| *cost) else { return Vec::new() };
            return match half.why {
                Why::AdminRule => put_before(direction, half).into_iter().collect(),
                Why::Rule => narrowings(half).map(|deed| Flip { direction, deed }).collect(),
                _ => vec![Flip { direction, deed: Deed::Isolate }],
            };
        }
        let add = |(direction, half): (Direction, &Half)| {
            if half.why == Why::AdminRule {
                return put_before(direction, half);
            }
            let isolating = half.says.iter().filter(|say| say.effect == Effect::NoRule).map(|say| &say.policy);
            let policy = isolating.min_by_key(|policy| (self.selected_by(policy), *policy))?.clone();
            let deed = Deed::AddRule { others: others(&policy), policy, every_peer: every_peer(direction) };
            Some(Flip { direction, deed })
        };
        halves.into_iter().filter(|(_, half)| !half.allowed).filter_map(add).collect()
    }
}

impl Network<'_> {
    /// Whether one policy of each tier at most has a say, for certain, so that what a change to it does is defined.
    fn is_plain(&self, half: &Half) -> bool {
        let mut tiers = BTreeSet::new();
        half.says.iter().all(|say| {
            let tier = self.side.tiers.iter().find(|policy| *policy.key == say.policy).map(|policy| policy.facts.tier);
            say.certain && tier.is_none_or(|tier| tiers.insert(tier))
        })
    }
}

/// Every rule of a NetworkPolicy that allows it. Rules that pass it on are none of them.
fn narrowings(half: &Half) -> impl Iterator<Item = Deed> {
    half.says
        .iter()
        .filter(|say| say.effect == Effect::Allows)
        .flat_map(|say| say.rules.iter().map(|rule| Deed::NarrowRule { policy: say.policy.clone(), rule: *rule }))
}

/// How many rules deny it when narrowed or preceded; a new policy costs more than any.
fn cost(half: &Half) -> Option<usize> {
    match half.why {
        Why::Outside | Why::HostNetwork | Why::Itself => None,
        Why::NotSelected | Why::Default => Some(usize::MAX),
        Why::AdminRule => Some(1),
        Why::Rule | Why::NoRule | Why::Ambiguous => Some(narrowings(half).count()),
    }
}

//! The least change to NetworkPolicies that would turn an answer round.
//!
//! To allow what is denied, each end that denies it needs one more rule; it goes into the policy that selects fewest
//! workloads, so that it opens least beside what is asked. To deny what is allowed, one end is enough: the one where fewest
//! rules allow it, or, where nothing isolates either, a new policy.

use kspec_model::ObjectKey;

use super::{Direction, Half, Network, Verdict, Why};

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
    /// A new policy that selects the near end, with rules for everything it is to keep.
    Isolate,
}

impl Network<'_> {
    /// Changes that together turn a verdict of this network round; none where no policy could, because neither end is one that
    /// policies apply to.
    #[must_use]
    pub fn flip(&self, verdict: &Verdict) -> Vec<Flip> {
        let (ingress, egress) = (&verdict.ingress, &verdict.egress);
        let halves = [(Direction::Ingress, ingress), (Direction::Egress, egress)];
        if verdict.allowed {
            let ways = halves.into_iter().filter_map(|(direction, half)| Some((cost(half)?, direction, half)));
            let Some((_, direction, half)) = ways.min_by_key(|(cost, ..)| *cost) else { return Vec::new() };
            if half.policies.is_empty() {
                return vec![Flip { direction, deed: Deed::Isolate }];
            }
            let rules = half.policies.iter().flat_map(|(policy, rules)| rules.iter().map(move |rule| (policy, *rule)));
            return rules
                .map(|(policy, rule)| Flip { direction, deed: Deed::NarrowRule { policy: policy.clone(), rule } })
                .collect();
        }
        let add = |(direction, half): (Direction, &Half)| {
            let (selected, policy) =
                half.policies.iter().map(|(policy, _)| (self.selected_by(policy), policy)).min()?;
            let far = match direction {
                Direction::Ingress => egress,
                Direction::Egress => ingress,
            };
            let every_peer = far.why == Why::HostNetwork;
            let deed = Deed::AddRule { policy: policy.clone(), others: selected.saturating_sub(1), every_peer };
            Some(Flip { direction, deed })
        };
        halves.into_iter().filter(|(_, half)| !half.allowed).filter_map(add).collect()
    }
}

/// How many rules deny it when narrowed; a new policy costs more than any.
fn cost(half: &Half) -> Option<usize> {
    match half.why {
        Why::Outside | Why::HostNetwork => None,
        Why::NotIsolated => Some(usize::MAX),
        Why::Rule | Why::NoRule => Some(half.policies.iter().map(|(_, rules)| rules.len()).sum()),
    }
}

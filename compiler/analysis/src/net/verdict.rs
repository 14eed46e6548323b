//! What becomes of one connection, and who decides it.

use std::{borrow::Cow, collections::BTreeSet};

use kspec_model::{
    ObjectKey,
    cluster::{AdminAction, PolicyTier},
    program::Protocol,
};

use super::{
    Direction, End, Network,
    columns::Concerning,
    side::{Policy, Rule},
    tiers::TierRule,
};

/// What both ends' policies say to one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be opened for certain: both ends consent.
    pub allowed: bool,
    /// Whether it is not defined: one end may consent or not, and the other does not refuse.
    pub ambiguous: bool,
    /// What the source's policies say.
    pub egress: Half,
    /// What the destination's policies say.
    pub ingress: Half,
}

/// What one end's policies say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// Whether this end consents for certain.
    pub allowed: bool,
    /// Whether it may consent.
    pub possible: bool,
    /// Why.
    pub why: Why,
    /// The policies that have a say, in the order in which they are asked; the last one decides, or, where NetworkPolicies do,
    /// all of them together.
    pub says: Vec<Say>,
}

/// What one policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// The policy.
    pub policy: ObjectKey,
    /// Its rules that match, counted from 0; of an administrators' policy the first.
    pub rules: Vec<usize>,
    /// What they make of it.
    pub effect: Effect,
    /// Whether the rule matches for certain: whether its peer means the far end may depend on addresses that are not in the
    /// objects.
    pub certain: bool,
}

/// What a policy makes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A rule allows it.
    Allows,
    /// An administrators' rule denies it.
    Denies,
    /// An administrators' rule leaves it to the next tier.
    Passes,
    /// A NetworkPolicy isolates the end, and has no rule that allows it.
    NoRule,
}

/// Why an end consents or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is outside the cluster, where no policy applies.
    Outside,
    /// It is on its node's network, where no policy applies.
    HostNetwork,
    /// It is the other end too: a pod always reaches itself.
    Itself,
    /// No policy is about it and has rules for the direction.
    NotSelected,
    /// Of the policies about it, none decides: Kubernetes allows it.
    Default,
    /// A rule of a NetworkPolicy allows it.
    Rule,
    /// NetworkPolicies isolate the end, and none of their rules allows it.
    NoRule,
    /// A rule of an administrators' policy decides.
    AdminRule,
    /// Several things may decide, to different effects, and which does is not defined.
    Ambiguous,
}

impl Verdict {
    /// Of a pod with itself.
    pub(super) fn itself() -> Self {
        let half = Half { allowed: true, possible: true, why: Why::Itself, says: Vec::new() };
        Self { allowed: true, ambiguous: false, egress: half.clone(), ingress: half }
    }
}

/// What of a policy is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All that it says of the direction: it isolates nobody, and denies nothing.
    Whole,
    /// Its rules that let through or pass on; whom it isolates stays isolated, and what it denies denied.
    Giving,
}

impl Network<'_> {
    /// What one end would say to a first packet were a part of these policies left out; none where an end is not here.
    #[must_use]
    pub fn half_without(
        &self,
        (src, dst): (&End, &End),
        (protocol, port): (Protocol, u16),
        direction: Direction,
        part: Part,
        gone: &BTreeSet<ObjectKey>,
    ) -> Option<Half> {
        let (src, dst) = (self.end(src)?, self.end(dst)?);
        Some(Packet { network: self, direction, src, dst, protocol, port, left_out: Some((part, gone)) }.half())
    }

    /// Every policy that has a say in one end's connections of a direction.
    #[must_use]
    pub fn deciders(&self, near: &End, direction: Direction) -> BTreeSet<ObjectKey> {
        let concerning = self.end(near).and_then(|near| self.concerning(direction, near));
        let policies = concerning.into_iter().flat_map(|concerning| &concerning.policies);
        let policies = policies.filter_map(|index| self.side.policies.get(*index)).map(Policy::key);
        let tiers = concerning.into_iter().flat_map(|concerning| &concerning.tiers);
        let tiers = tiers.filter_map(|index| self.side.tiers.get(*index)).map(|policy| policy.key.clone());
        policies.chain(tiers).collect()
    }

    pub(super) fn verdict(&self, src: usize, dst: usize, protocol: Protocol, port: u16) -> Verdict {
        let packet = |direction| Packet { network: self, direction, src, dst, protocol, port, left_out: None };
        let (egress, ingress) = (packet(Direction::Egress).half(), packet(Direction::Ingress).half());
        let allowed = egress.allowed && ingress.allowed;
        Verdict { allowed, ambiguous: !allowed && egress.possible && ingress.possible, egress, ingress }
    }
}

/// A connection as one end sees it.
struct Packet<'n, 'a> {
    network: &'n Network<'a>,
    direction: Direction,
    src: usize,
    dst: usize,
    protocol: Protocol,
    port: u16,
    /// Policies that are left out, and what of them.
    left_out: Option<(Part, &'n BTreeSet<ObjectKey>)>,
}

/// What may have become of it so far.
#[derive(Default)]
struct Outcome {
    allow: Option<Why>,
    deny: Option<Why>,
    /// A rule of the tier at hand may have passed it on.
    pass: bool,
    says: Vec<Say>,
}

impl Packet<'_, '_> {
    fn half(&self) -> Half {
        let near = match self.direction {
            Direction::Egress => self.src,
            Direction::Ingress => self.dst,
        };
        let free = |why| Half { allowed: true, possible: true, why, says: Vec::new() };
        let Some(facts) = self.network.side.facts.get(near).copied().flatten() else { return free(Why::Outside) };
        if facts.host_network {
            return free(Why::HostNetwork);
        }
        let Some(concerning) = self.network.concerning(self.direction, near) else { return free(Why::NotSelected) };
        let concerning = self.there(concerning);
        if *concerning == Concerning::default() {
            return free(Why::NotSelected);
        }
        let mut outcome = Outcome::default();
        let mut open = self.tier(PolicyTier::Admin, &concerning, &mut outcome);
        if open && !concerning.policies.is_empty() {
            self.network_policies(&concerning, &mut outcome);
            open = false;
        }
        if open && self.tier(PolicyTier::Baseline, &concerning, &mut outcome) {
            outcome.allow = outcome.allow.or(Some(Why::Default));
        }
        let (allowed, possible) = (outcome.deny.is_none(), outcome.allow.is_some());
        let why = match (outcome.allow, outcome.deny) {
            (Some(_), Some(_)) => Why::Ambiguous,
            (why, None) | (None, why) => why.unwrap_or(Why::Default),
        };
        Half { allowed, possible, why, says: outcome.says }
    }

    /// Those that have a say, without policies that are left out altogether.
    fn there<'c>(&self, concerning: &'c Concerning) -> Cow<'c, Concerning> {
        let Some((Part::Whole, gone)) = self.left_out else { return Cow::Borrowed(concerning) };
        let side = &self.network.side;
        let mut rest = concerning.clone();
        rest.policies.retain(|index| side.policies.get(*index).is_some_and(|policy| !gone.contains(&policy.key())));
        rest.tiers.retain(|index| side.tiers.get(*index).is_some_and(|policy| !gone.contains(policy.key)));
        Cow::Owned(rest)
    }

    /// Whether a policy's rules that let through or pass on are left out.
    fn gives_nothing(&self, policy: impl FnOnce() -> ObjectKey) -> bool {
        matches!(self.left_out, Some((Part::Giving, gone)) if gone.contains(&policy()))
    }

    /// Asks one tier's policies; whether the next tier may have to be asked.
    fn tier(&self, tier: PolicyTier, concerning: &Concerning, outcome: &mut Outcome) -> bool {
        outcome.pass = false;
        let policies = concerning.tiers.iter().filter_map(|index| self.network.side.tiers.get(*index));
        // The priority at which a rule matched for certain; others of the same are asked as well.
        let mut decided = None;
        for policy in policies.filter(|policy| policy.facts.tier == tier) {
            if decided.is_some_and(|priority| priority != policy.facts.priority) {
                break;
            }
            let gives_nothing = self.gives_nothing(|| policy.key.clone());
            for (index, rule) in policy.rules(self.direction).iter().enumerate() {
                if gives_nothing && rule.action != AdminAction::Deny {
                    continue;
                }
                let Some(certain) = self.matches(rule) else { continue };
                let effect = match rule.action {
                    AdminAction::Allow => {
                        outcome.allow = Some(Why::AdminRule);
                        Effect::Allows
                    }
                    AdminAction::Deny => {
                        outcome.deny = Some(Why::AdminRule);
                        Effect::Denies
                    }
                    AdminAction::Pass => {
                        outcome.pass = true;
                        Effect::Passes
                    }
                };
                outcome.says.push(Say { policy: policy.key.clone(), rules: vec![index], effect, certain });
                if certain {
                    decided = Some(policy.facts.priority);
                    break;
                }
            }
        }
        outcome.pass || decided.is_none()
    }

    fn network_policies(&self, concerning: &Concerning, outcome: &mut Outcome) {
        let side = &self.network.side;
        let far = self.far();
        let (mut allowed, mut possible) = (false, false);
        for policy in concerning.policies.iter().filter_map(|index| side.policies.get(*index)) {
            let allows = |rule: &Rule<'_>| {
                let certain = rule.means(far)?;
                side.among((&rule.numbered, &rule.named), self.dst, self.protocol, self.port).then_some(certain)
            };
            let rules = policy.rules(self.direction).filter(|_| !self.gives_nothing(|| policy.key()));
            let rules = rules.unwrap_or_default().iter().enumerate();
            let met: Vec<_> = rules.filter_map(|(index, rule)| Some((index, allows(rule)?))).collect();
            let certain = met.iter().any(|(_, certain)| *certain);
            allowed |= certain;
            possible |= !met.is_empty();
            let effect = if met.is_empty() { Effect::NoRule } else { Effect::Allows };
            // Beside a rule that allows it for certain, one that may says nothing.
            let rules = met.iter().filter(|(_, this)| *this == certain).map(|(index, _)| *index).collect();
            outcome.says.push(Say { policy: policy.key(), rules, effect, certain: certain || met.is_empty() });
        }
        if possible {
            outcome.allow = outcome.allow.or(Some(Why::Rule));
        }
        if !allowed {
            outcome.deny = outcome.deny.or(Some(Why::NoRule));
        }
    }

    /// Whether a rule matches, and whether for certain.
    fn matches(&self, rule: &TierRule<'_>) -> Option<bool> {
        let far = self.far();
        let certain = rule.certain.contains(far);
        let ports = (&rule.numbered, rule.named.as_slice());
        let met =
            (certain || rule.maybe.contains(far)) && self.network.side.among(ports, self.dst, self.protocol, self.port);
        met.then_some(certain)
    }

    fn far(&self) -> usize {
        match self.direction {
            Direction::Egress => self.dst,
            Direction::Ingress => self.src,
        }
    }
}

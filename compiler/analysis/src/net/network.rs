//! One cluster, ready for questions about single connections.

use std::collections::BTreeSet;
use std::net::IpAddr;

use kspec_model::{ObjectKey, cluster::Cluster, program::Protocol};

use super::{
    Connections, NetOptions,
    exposure::{Exposed, exposed},
    opaque,
    reach::Reach,
    side::{Rule, Side},
    universe::{Universe, public, workload_name},
};

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A workload, or something that one owns.
    Workload(ObjectKey),
    /// An address outside the cluster.
    Address(IpAddr),
}

/// Which of a policy's two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Connections that go out: what the source's policies say.
    Egress,
    /// Connections that come in: what the destination's policies say.
    Ingress,
}

/// What both ends' policies say to one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be opened: both ends consent.
    pub allowed: bool,
    /// What the source's policies say.
    pub egress: Half,
    /// What the destination's policies say.
    pub ingress: Half,
}

/// What one end's policies say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// Whether this end consents.
    pub allowed: bool,
    /// Why.
    pub why: Why,
    /// The policies that have a say, each with the positions of its rules that allow it, counted from 0.
    pub policies: Vec<(ObjectKey, Vec<usize>)>,
}

/// Why an end consents or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is outside the cluster, where no policy applies.
    Outside,
    /// It is on its node's network, where no policy applies.
    HostNetwork,
    /// No policy selects it for this direction.
    NotIsolated,
    /// A rule of a policy that selects it allows it.
    Rule,
    /// Policies select it, and no rule allows it.
    NoRule,
}

/// A cluster's policies, resolved once.
pub struct Network<'a> {
    pub(super) universe: Universe,
    pub(super) side: Side<'a>,
    /// Indexes of the policies that isolate each workload's incoming connections.
    incoming: Vec<Vec<usize>>,
    /// Indexes of the policies that isolate each workload's outgoing connections.
    outgoing: Vec<Vec<usize>>,
}

impl<'a> Network<'a> {
    /// Resolves every policy of a cluster.
    #[must_use]
    pub fn new(cluster: &'a Cluster, options: &NetOptions) -> Self {
        let universe = Universe::new(&[cluster], options);
        let side = Side::new(&universe, cluster);
        let mut incoming = vec![Vec::new(); universe.workloads.len()];
        let mut outgoing = incoming.clone();
        for (index, policy) in side.policies.iter().enumerate() {
            for (isolates, lists) in
                [(policy.ingress.is_some(), &mut incoming), (policy.egress.is_some(), &mut outgoing)]
            {
                for position in policy.selected.ones().filter(|_| isolates) {
                    if let Some(policies) = lists.get_mut(position) {
                        policies.push(index);
                    }
                }
            }
        }
        Self { universe, side, incoming, outgoing }
    }

    /// Computes who reaches whom.
    #[must_use]
    pub fn reach(self) -> Reach<'a> {
        Reach::new(self)
    }

    /// Workloads that go by a name, what controllers own included; the kind may be left out.
    #[must_use]
    pub fn named(&self, namespace: &str, name: &str, kind: Option<&str>) -> Vec<&ObjectKey> {
        let meant = |key: &&ObjectKey| {
            key.namespace.as_deref() == Some(namespace)
                && key.name == name
                && kind.is_none_or(|kind| kind == key.kind)
                && self.position(key).is_some()
        };
        self.universe.known().filter(meant).collect()
    }

    /// The workload that a key counts as: its topmost controller.
    #[must_use]
    pub fn stands_as(&self, key: &ObjectKey) -> Option<&ObjectKey> {
        self.universe.workloads.get(self.position(key)?)
    }

    /// Every workload, as it is written in answers.
    #[must_use]
    pub fn workloads(&self) -> Vec<String> {
        self.universe.workloads.iter().map(workload_name).collect()
    }

    /// Objects of kinds that are not evaluated and may change the answer about these two ends; none of them, all objects of
    /// such kinds for `None`.
    #[must_use]
    pub fn unknown_because(&self, ends: Option<(&End, &End)>) -> Vec<ObjectKey> {
        let namespace = |end: &End| match end {
            End::Workload(key) => key.namespace.clone(),
            End::Address(_) => None,
        };
        let ends = ends.map(|(src, dst)| [namespace(src), namespace(dst)]);
        let concerns = |object: &&ObjectKey| match (&ends, opaque::scope(object)) {
            (Some(ends), Some(scope)) => ends.iter().flatten().any(|namespace| namespace == scope),
            _ => true,
        };
        self.side.cluster.opaque.iter().filter(concerns).cloned().collect()
    }

    /// What both ends say to a first packet; `None` where an end is not here, or both are outside.
    #[must_use]
    pub fn probe(&self, src: &End, dst: &End, protocol: Protocol, port: u16) -> Option<Verdict> {
        if let (End::Address(_), End::Address(_)) = (src, dst) {
            return None;
        }
        Some(self.verdict(self.end(src)?, self.end(dst)?, protocol, port))
    }

    /// As [`Network::probe`], towards each range of addresses that has public ones and that policies tell apart; the first that
    /// is allowed, else the first. `None` where the source is not here or outside.
    #[must_use]
    pub fn probe_internet(&self, src: &End, protocol: Protocol, port: u16) -> Option<Verdict> {
        let End::Workload(_) = src else { return None };
        let src = self.end(src)?;
        let outside = self.universe.workloads.len();
        let mut verdicts = (outside..)
            .zip(&self.universe.ranges)
            .filter(|(_, range)| public(range))
            .map(|(position, _)| self.verdict(src, position, protocol, port));
        let first = verdicts.next()?;
        if first.allowed {
            return Some(first);
        }
        Some(verdicts.find(|verdict| verdict.allowed).unwrap_or(first))
    }

    pub(super) fn verdict(&self, src: usize, dst: usize, protocol: Protocol, port: u16) -> Verdict {
        let egress = self.half(Direction::Egress, src, dst, protocol, port);
        let ingress = self.half(Direction::Ingress, src, dst, protocol, port);
        Verdict { allowed: egress.allowed && ingress.allowed, egress, ingress }
    }

    fn half(&self, direction: Direction, src: usize, dst: usize, protocol: Protocol, port: u16) -> Half {
        let (near, far) = match direction {
            Direction::Egress => (src, dst),
            Direction::Ingress => (dst, src),
        };
        let free = |why| Half { allowed: true, why, policies: Vec::new() };
        let Some(facts) = self.side.facts.get(near).copied().flatten() else { return free(Why::Outside) };
        if facts.host_network {
            return free(Why::HostNetwork);
        }
        let policies: Vec<_> = self
            .isolating(direction, near)
            .map(|(key, rules)| {
                let allows = |rule: &Rule<'_>| rule.peers.contains(far) && self.side.holds(rule, dst, protocol, port);
                let allowing = rules.iter().enumerate().filter(|(_, rule)| allows(rule)).map(|(index, _)| index);
                (key, allowing.collect::<Vec<_>>())
            })
            .collect();
        if policies.is_empty() {
            return free(Why::NotIsolated);
        }
        let allowed = policies.iter().any(|(_, allowing)| !allowing.is_empty());
        Half { allowed, why: if allowed { Why::Rule } else { Why::NoRule }, policies }
    }

    fn isolating(&self, direction: Direction, near: usize) -> impl Iterator<Item = (ObjectKey, &[Rule<'a>])> {
        let lists = match direction {
            Direction::Egress => &self.outgoing,
            Direction::Ingress => &self.incoming,
        };
        lists.get(near).into_iter().flatten().filter_map(move |index| {
            let policy = self.side.policies.get(*index)?;
            let rules = match direction {
                Direction::Egress => policy.egress.as_deref(),
                Direction::Ingress => policy.ingress.as_deref(),
            };
            Some((policy.key(), rules?))
        })
    }

    /// How many workloads a policy selects.
    pub(super) fn selected_by(&self, policy: &ObjectKey) -> usize {
        let found = self.side.policies.iter().find(|known| known.key() == *policy);
        found.map_or(0, |policy| policy.selected.count_ones(..))
    }

    /// Policies that allow some of these connections, from any of these sources to any of these destinations.
    pub(super) fn because(
        &self,
        src: std::ops::Range<usize>,
        dst: std::ops::Range<usize>,
        connections: &Connections,
    ) -> BTreeSet<ObjectKey> {
        let mut found = BTreeSet::new();
        for src in src {
            for dst in dst.clone() {
                for (direction, near, far) in [(Direction::Egress, src, dst), (Direction::Ingress, dst, src)] {
                    for (key, rules) in self.isolating(direction, near) {
                        let gives = |rule: &Rule<'_>| {
                            rule.peers.contains(far)
                                && !self.side.connections(rule, dst).intersection(connections).is_empty()
                        };
                        if rules.iter().any(gives) {
                            found.insert(key);
                        }
                    }
                }
            }
        }
        found
    }

    pub(super) fn exposed(&self, columns: &[super::columns::Parts], sets: &super::columns::Sets) -> Exposed {
        exposed(&self.universe, &self.side, columns, sets)
    }

    /// Where an end stands.
    pub(super) fn end(&self, end: &End) -> Option<usize> {
        match end {
            End::Workload(key) => self.position(key),
            End::Address(address) => self.universe.position_of_address(*address),
        }
    }

    fn position(&self, key: &ObjectKey) -> Option<usize> {
        self.universe.position(key).filter(|position| self.side.present.contains(*position))
    }
}

impl std::fmt::Debug for Network<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("universe", &self.universe).finish_non_exhaustive()
    }
}

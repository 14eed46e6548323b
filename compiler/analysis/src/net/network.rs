//! One cluster, ready for questions about single connections.

use std::{collections::BTreeSet, net::IpAddr};

use kspec_model::{
    Labels, ObjectKey,
    cluster::{AdminAction, Cluster},
    program::Protocol,
};

use super::{
    Connections, NetOptions, Verdict,
    columns::{Concerning, concerning},
    exposure::{Exposed, exposed},
    opaque,
    reach::Reach,
    side::{PortName, Rule, Side},
    tiers::TierRule,
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

impl End {
    /// Whether both ends are one pod, which no policy keeps from itself ("Network Policies", Kubernetes documentation: "A Pod cannot
    /// block access to itself").
    #[must_use]
    pub fn is_same_pod(&self, other: &Self) -> bool {
        self == other && matches!(self, Self::Workload(key) if is_pod(key))
    }
}

/// Whether a workload is a single pod, and not what a controller keeps running.
pub(super) fn is_pod(key: &ObjectKey) -> bool {
    key.kind == "Pod" && key.group.is_empty()
}

/// Which of a policy's two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Connections that go out: what the source's policies say.
    Egress,
    /// Connections that come in: what the destination's policies say.
    Ingress,
}

/// A cluster's policies, resolved once.
pub struct Network<'a> {
    pub(super) universe: Universe,
    pub(super) side: Side<'a>,
    /// Of each workload, who has a say in its incoming connections.
    incoming: Vec<Concerning>,
    /// Of each workload, who has a say in its outgoing connections.
    outgoing: Vec<Concerning>,
}

impl<'a> Network<'a> {
    /// Resolves every policy of a cluster.
    #[must_use]
    pub fn new(cluster: &'a Cluster, options: &NetOptions) -> Self {
        let universe = Universe::new(&[cluster], options);
        let side = Side::new(&universe, cluster);
        let (incoming, outgoing) = (concerning(&side, Direction::Ingress), concerning(&side, Direction::Egress));
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

    /// What both ends say to a first packet; `None` where an end is not here, or both are outside. A pod always reaches itself; a
    /// workload with itself is two of its pods.
    #[must_use]
    pub fn probe(&self, src: &End, dst: &End, protocol: Protocol, port: u16) -> Option<Verdict> {
        if let (End::Address(_), End::Address(_)) = (src, dst) {
            return None;
        }
        let (from, to) = (self.end(src)?, self.end(dst)?);
        Some(if src.is_same_pod(dst) { Verdict::itself() } else { self.verdict(from, to, protocol, port) })
    }

    /// As [`Network::probe`], towards each range of addresses that has public ones and that policies tell apart; the first that
    /// is allowed, else the first that may be, else the first. `None` where the source is not here or outside.
    #[must_use]
    pub fn probe_internet(&self, src: &End, protocol: Protocol, port: u16) -> Option<Verdict> {
        let End::Workload(_) = src else { return None };
        let src = self.end(src)?;
        let outside = self.universe.workloads.len();
        let verdicts: Vec<_> = (outside..)
            .zip(&self.universe.ranges)
            .filter(|(_, range)| public(range))
            .map(|(position, _)| self.verdict(src, position, protocol, port))
            .collect();
        let allowed = verdicts.iter().find(|verdict| verdict.allowed);
        let possible = || verdicts.iter().find(|verdict| verdict.ambiguous);
        allowed.or_else(possible).or(verdicts.first()).cloned()
    }

    /// How many workloads a policy selects.
    pub(super) fn selected_by(&self, policy: &ObjectKey) -> usize {
        let found = self.side.policies.iter().find(|known| known.key() == *policy).map(|policy| &policy.selected);
        let of_admins = || self.side.tiers.iter().find(|known| known.key == policy).map(|policy| &policy.selected);
        found.or_else(of_admins).map_or(0, |selected| selected.count_ones(..))
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
                    let Some(concerning) = self.concerning(direction, near) else { continue };
                    let meets = |numbered: &Connections, named: &[PortName<'_>]| {
                        !self.side.connections(numbered, named, dst).intersection(connections).is_empty()
                    };
                    for policy in concerning.policies.iter().filter_map(|index| self.side.policies.get(*index)) {
                        let gives = |rule: &Rule<'_>| rule.means(far).is_some() && meets(&rule.numbered, &rule.named);
                        if policy.rules(direction).into_iter().flatten().any(gives) {
                            found.insert(policy.key());
                        }
                    }
                    for policy in concerning.tiers.iter().filter_map(|index| self.side.tiers.get(*index)) {
                        let gives = |rule: &TierRule<'_>| {
                            rule.action == AdminAction::Allow
                                && (rule.certain.contains(far) || rule.maybe.contains(far))
                                && meets(&rule.numbered, &rule.named)
                        };
                        if policy.rules(direction).iter().any(gives) {
                            found.insert(policy.key.clone());
                        }
                    }
                }
            }
        }
        found
    }

    /// Who has a say in a workload's connections; none for what is no workload here.
    pub(super) fn concerning(&self, direction: Direction, near: usize) -> Option<&Concerning> {
        match direction {
            Direction::Egress => self.outgoing.get(near),
            Direction::Ingress => self.incoming.get(near),
        }
    }

    /// The numbers that a port's name stands for at a workload.
    #[must_use]
    pub fn port_numbers(&self, key: &ObjectKey, name: &str, protocol: Protocol) -> Vec<u16> {
        self.position(key).map_or_else(Vec::new, |position| {
            self.side.numbers(position, (name, Some(protocol))).into_iter().map(|(_, number)| number).collect()
        })
    }

    /// Labels of a workload's pods.
    #[must_use]
    pub fn labels(&self, key: &ObjectKey) -> Option<&Labels> {
        self.side.facts.get(self.position(key)?).copied().flatten().map(|facts| &facts.labels)
    }

    /// Labels of a namespace.
    #[must_use]
    pub fn namespace_labels(&self, name: &str) -> Option<&Labels> {
        self.side.cluster.namespaces.get(name).map(|facts| &facts.labels)
    }

    /// Policies by which it is not defined what they allow: those that share tier and priority, and those with a peer whose
    /// addresses are not in the objects.
    #[must_use]
    pub fn in_doubt(&self) -> Vec<ObjectKey> {
        self.side.in_doubt()
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

//! One cluster's policies over a universe: whom each selects, whom each rule names.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    rc::Rc,
};

use fixedbitset::FixedBitSet;
use kspec_model::{
    ObjectKey,
    cluster::{Cluster, NetworkPolicyFacts, PolicyRuleFacts, WorkloadFacts},
    program::Protocol,
};

use super::{
    Connections, Direction,
    selectors::Selectors,
    tiers::{Bound, TierPolicy},
    universe::{Universe, workloads},
};

/// A cluster as seen from a universe.
pub(super) struct Side<'a> {
    /// The cluster.
    pub(super) cluster: &'a Cluster,
    /// Facts by position; none where the workload is not in this cluster.
    pub(super) facts: Vec<Option<&'a WorkloadFacts>>,
    /// Workloads in this cluster, and every range.
    pub(super) present: FixedBitSet,
    /// Policies in the order of their names.
    pub(super) policies: Vec<Policy<'a>>,
    /// Administrators' policies, in the order of tiers and priorities.
    pub(super) tiers: Vec<TierPolicy<'a>>,
    /// Addresses of each workload's pods, where blocks are about pods too.
    pub(super) addresses: Option<Vec<Vec<IpAddr>>>,
    /// By name and protocol: who has such a container port, by number.
    pub(super) named_ports: BTreeMap<(&'a str, Protocol), BTreeMap<u16, FixedBitSet>>,
}

/// A policy with its selectors resolved.
pub(super) struct Policy<'a> {
    /// Namespace and name.
    pub(super) name: &'a (String, String),
    /// As lifted.
    pub(super) facts: &'a NetworkPolicyFacts,
    /// Workloads it selects.
    pub(super) selected: FixedBitSet,
    /// Rules, where it isolates incoming connections.
    pub(super) ingress: Option<Vec<Rule<'a>>>,
    /// Rules, where it isolates outgoing connections.
    pub(super) egress: Option<Vec<Rule<'a>>>,
}

/// A rule with its peers resolved.
pub(super) struct Rule<'a> {
    /// As lifted.
    pub(super) facts: &'a PolicyRuleFacts,
    /// The far ends.
    pub(super) peers: Rc<FixedBitSet>,
    /// Far ends that are meant or not: of their addresses some are, or they are not in the objects. None that are certain.
    pub(super) maybe: FixedBitSet,
    /// The far ends of each peer, those that are meant or not included; empty where the rule is for every peer.
    pub(super) each: Vec<Rc<FixedBitSet>>,
    /// Ports by number.
    pub(super) numbered: Connections,
    /// Ports by name, to be looked up at the destination.
    pub(super) named: Vec<PortName<'a>>,
}

/// A port's name, of one protocol or of any.
pub(super) type PortName<'a> = (&'a str, Option<Protocol>);

impl Rule<'_> {
    /// Connections and the far ends that the rule gives them to; named ports are those of one destination, or, where the far
    /// ends are destinations, of each.
    pub(super) fn terms<'r>(
        &'r self,
        side: &Side<'_>,
        at: Option<usize>,
        bound: Bound,
    ) -> Vec<(Connections, Cow<'r, FixedBitSet>)> {
        let ends = match bound {
            Bound::Possible if !self.maybe.is_clear() => {
                let mut ends = self.maybe.clone();
                ends.union_with(&self.peers);
                Cow::Owned(ends)
            }
            _ => Cow::Borrowed(self.peers.as_ref()),
        };
        let Some(at) = at else {
            let mut terms = Vec::with_capacity(1);
            for (protocol, number, having) in self.named.iter().flat_map(|name| side.having(*name)) {
                let mut there = ends.as_ref().clone();
                there.intersect_with(having);
                terms.push((Connections::range(protocol, number, number), Cow::Owned(there)));
            }
            terms.push((self.numbered.clone(), ends));
            return terms;
        };
        vec![(side.connections(&self.numbered, &self.named, at), ends)]
    }

    /// Whether a far end is meant, and whether for certain.
    pub(super) fn means(&self, far: usize) -> Option<bool> {
        let certain = self.peers.contains(far);
        (certain || self.maybe.contains(far)).then_some(certain)
    }
}

impl<'a> Policy<'a> {
    /// Rules of one half, where it isolates.
    pub(super) fn rules(&self, direction: Direction) -> Option<&[Rule<'a>]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    /// What names it.
    pub(super) fn key(&self) -> ObjectKey {
        policy_key(&self.name.0, &self.name.1)
    }
}

/// What names a NetworkPolicy.
pub(super) fn policy_key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: "networking.k8s.io".to_owned(),
        kind: "NetworkPolicy".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

impl<'a> Side<'a> {
    /// Resolves a cluster's policies.
    pub(super) fn new(universe: &Universe, cluster: &'a Cluster) -> Self {
        let (standing, _) = workloads(cluster);
        let facts: Vec<_> = universe.workloads.iter().map(|key| standing.get(key).copied()).collect();
        let mut present = FixedBitSet::with_capacity(universe.len());
        present.insert_range(universe.workloads.len()..universe.len());
        let mut named_ports: BTreeMap<_, BTreeMap<u16, FixedBitSet>> = BTreeMap::new();
        for (position, facts) in facts.iter().enumerate() {
            let Some(facts) = facts else { continue };
            present.insert(position);
            for port in &facts.ports {
                if let Some(name) = &port.name {
                    let by_number = named_ports.entry((name.as_str(), port.protocol)).or_default();
                    let having =
                        by_number.entry(port.port).or_insert_with(|| FixedBitSet::with_capacity(universe.len()));
                    having.insert(position);
                }
            }
        }
        let addresses = universe.pods_have_addresses.then(|| addresses(universe, cluster));
        let mut selectors = Selectors::new(universe, cluster, &facts, &present, addresses.as_deref());
        let (policies, tiers) = (selectors.policies(), selectors.tiers());
        Self { cluster, facts, present, policies, tiers, addresses, named_ports }
    }

    /// A rule's ports at one destination.
    pub(super) fn connections(
        &self,
        numbered: &Connections,
        named: &[PortName<'_>],
        destination: usize,
    ) -> Connections {
        let mut connections = numbered.clone();
        for (protocol, number) in named.iter().flat_map(|name| self.numbers(destination, *name)) {
            connections = connections.union(&Connections::range(protocol, number, number));
        }
        connections
    }

    /// Whether something that is not defined may decide over some connection.
    pub(super) fn may_be_ambiguous(&self) -> bool {
        !self.in_doubt().is_empty()
    }

    /// Administrators' policies that share tier and priority with another, and policies with a peer that means addresses of pods
    /// of which some are not meant, or not in the objects.
    pub(super) fn in_doubt(&self) -> Vec<ObjectKey> {
        let place = |policy: &TierPolicy<'_>| (policy.facts.tier, policy.facts.priority);
        let tied =
            |policy: &TierPolicy<'_>| self.tiers.iter().filter(|other| place(other) == place(policy)).count() > 1;
        let vague = |policy: &TierPolicy<'_>| policy.egress.iter().any(|rule| !rule.maybe.is_clear());
        let of_admins = self.tiers.iter().filter(|policy| tied(policy) || vague(policy));
        let vague = |policy: &&Policy<'_>| {
            policy.ingress.iter().chain(&policy.egress).flatten().any(|rule| !rule.maybe.is_clear())
        };
        let plain = self.policies.iter().filter(vague).map(Policy::key);
        of_admins.map(|policy| policy.key.clone()).chain(plain).collect()
    }

    /// Whether a port is among these, numbers or names, at one destination.
    pub(super) fn among(
        &self,
        (numbered, named): (&Connections, &[PortName<'_>]),
        destination: usize,
        protocol: Protocol,
        port: u16,
    ) -> bool {
        let by_name = |name: &PortName<'_>| self.numbers(destination, *name).contains(&(protocol, port));
        numbered.contains(protocol, port) || named.iter().any(by_name)
    }

    /// The ports that a name stands for at a destination.
    pub(super) fn numbers(&self, position: usize, (name, protocol): PortName<'_>) -> Vec<(Protocol, u16)> {
        let ports = self.facts.get(position).copied().flatten().map_or(&[][..], |facts| &facts.ports);
        let mut numbers: Vec<_> = ports
            .iter()
            .filter(|port| {
                protocol.is_none_or(|protocol| port.protocol == protocol) && port.name.as_deref() == Some(name)
            })
            .map(|port| (port.protocol, port.port))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The ports that a name stands for, each with the workloads that have it so.
    pub(super) fn having<'s>(
        &'s self,
        (name, wanted): PortName<'s>,
    ) -> impl Iterator<Item = (Protocol, u16, &'s FixedBitSet)> + use<'s, 'a> {
        let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter();
        protocols.filter(move |protocol| wanted.is_none_or(|wanted| wanted == *protocol)).flat_map(move |protocol| {
            let by_number = self.named_ports.get(&(name, protocol)).into_iter().flatten();
            by_number.map(move |(number, having)| (protocol, *number, having))
        })
    }
}

/// Addresses of each workload's pods, sorted.
fn addresses(universe: &Universe, cluster: &Cluster) -> Vec<Vec<IpAddr>> {
    let mut addresses = vec![BTreeSet::new(); universe.workloads.len()];
    for (key, facts) in &cluster.workloads {
        if let Some(known) = universe.position(key).and_then(|position| addresses.get_mut(position)) {
            known.extend(&facts.pod.addresses);
        }
    }
    addresses.into_iter().map(Vec::from_iter).collect()
}

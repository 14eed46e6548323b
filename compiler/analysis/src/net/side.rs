//! One cluster's policies over a universe: whom each selects, whom each rule names.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    rc::Rc,
};

use fixedbitset::FixedBitSet;
use kspec_model::{
    LabelSelector, Labels, ObjectKey, Operator,
    cluster::{
        AdminPeerFacts, AdminRuleFacts, Cluster, NetworkPolicyFacts, PeerFacts, PodsFacts, PolicyPortFacts,
        PolicyRuleFacts, WorkloadFacts,
    },
    program::Protocol,
};
use rustc_hash::FxHashMap;

use super::{
    Connections, Direction,
    tiers::{Bound, TierPolicy, TierRule, have_every_address},
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

/// A peer's selectors, with the policy's own namespace where no other is named.
type PeerKey<'a> = (Option<&'a str>, &'a LabelSelector, Option<&'a LabelSelector>);

/// Resolves selectors, each once.
struct Selectors<'u, 'a> {
    universe: &'u Universe,
    cluster: &'a Cluster,
    facts: &'u [Option<&'a WorkloadFacts>],
    present: &'u FixedBitSet,
    /// Positions of selectable workloads by label. Pods on the node's network are not: their connections carry the node's
    /// address, so no selector recognises them.
    by_label: FxHashMap<(&'a str, &'a str), Vec<usize>>,
    by_key: FxHashMap<&'a str, Vec<usize>>,
    by_namespace: BTreeMap<&'u str, Vec<usize>>,
    selectable: Vec<usize>,
    /// Addresses of each workload's pods, where blocks are about pods too.
    addresses: Option<&'u [Vec<IpAddr>]>,
    peers: FxHashMap<PeerKey<'a>, Rc<FixedBitSet>>,
}

impl<'u, 'a> Selectors<'u, 'a> {
    fn new(
        universe: &'u Universe,
        cluster: &'a Cluster,
        facts: &'u [Option<&'a WorkloadFacts>],
        present: &'u FixedBitSet,
        addresses: Option<&'u [Vec<IpAddr>]>,
    ) -> Self {
        let mut by_label: FxHashMap<_, Vec<_>> = FxHashMap::default();
        let mut by_key: FxHashMap<_, Vec<_>> = FxHashMap::default();
        let mut by_namespace: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut selectable = Vec::new();
        for (position, (key, facts)) in universe.workloads.iter().zip(facts).enumerate() {
            let Some(facts) = facts.filter(|facts| !facts.host_network) else { continue };
            for (label, value) in &facts.labels {
                by_label.entry((label.as_str(), value.as_str())).or_default().push(position);
                by_key.entry(label.as_str()).or_default().push(position);
            }
            by_namespace.entry(key.namespace.as_deref().unwrap_or_default()).or_default().push(position);
            selectable.push(position);
        }
        Self {
            universe,
            cluster,
            facts,
            present,
            by_label,
            by_key,
            by_namespace,
            selectable,
            addresses,
            peers: FxHashMap::default(),
        }
    }

    fn policies(&mut self) -> Vec<Policy<'a>> {
        let cluster = self.cluster;
        cluster
            .network_policies
            .iter()
            .map(|(name, facts)| {
                let selected = self.pods(Some(&name.0), &facts.pods, None);
                let mut rules = |rules: &'a Option<Vec<PolicyRuleFacts>>| {
                    rules.as_ref().map(|rules| rules.iter().map(|rule| self.rule(&name.0, rule)).collect::<Vec<_>>())
                };
                let (ingress, egress) = (rules(&facts.ingress), rules(&facts.egress));
                Policy { name, facts, selected, ingress, egress }
            })
            .collect()
    }

    fn rule(&mut self, namespace: &'a str, facts: &'a PolicyRuleFacts) -> Rule<'a> {
        let size = self.universe.len();
        let mut maybe = FixedBitSet::with_capacity(size);
        let mut each = Vec::new();
        let peers = match facts.peers.as_deref() {
            None => Rc::new(self.present.clone()),
            Some(peers) => {
                let certain: Vec<_> = peers.iter().map(|peer| self.peer(namespace, peer)).collect();
                let union = match certain.as_slice() {
                    [only] => Rc::clone(only),
                    several => {
                        let mut union = FixedBitSet::with_capacity(size);
                        several.iter().for_each(|peer| union.union_with(peer));
                        Rc::new(union)
                    }
                };
                each = certain;
                self.by_address(peers, &union, &mut maybe, &mut each)
            }
        };
        let (numbered, named) = ports(facts.ports.as_deref());
        Rule { facts, peers, maybe, each, numbered, named }
    }

    /// Adds pods whose addresses blocks mean, where blocks are about pods too: those of whose addresses the rule's blocks have
    /// every one are meant for certain; those of which they have some, or whose addresses are not known, are perhaps.
    fn by_address(
        &self,
        peers: &[PeerFacts],
        certain: &Rc<FixedBitSet>,
        maybe: &mut FixedBitSet,
        each: &mut [Rc<FixedBitSet>],
    ) -> Rc<FixedBitSet> {
        let blocks = || peers.iter().filter(|peer| matches!(peer, PeerFacts::Block { .. }));
        let Some(addresses) = self.addresses.filter(|_| blocks().next().is_some()) else { return Rc::clone(certain) };
        let mut all = certain.as_ref().clone();
        let open = |peer: &PeerFacts| match peer {
            PeerFacts::Block { cidr, except } if except.is_empty() => Some(*cidr),
            _ => None,
        };
        let every = have_every_address(&peers.iter().filter_map(open).collect::<Vec<_>>());
        for position in self.present.ones().take_while(|position| *position < self.facts.len()) {
            let known = addresses.get(position).map_or(&[][..], Vec::as_slice);
            match all_among(known, |address| blocks().any(|block| has(block, address))) {
                Some(true) => all.insert(position),
                None if every => all.insert(position),
                None => maybe.insert(position),
                Some(false) => {}
            }
            for (peer, ends) in peers.iter().zip(each.iter_mut()) {
                if matches!(peer, PeerFacts::Block { .. })
                    && all_among(known, |address| has(peer, address)) != Some(false)
                {
                    Rc::make_mut(ends).insert(position);
                }
            }
        }
        maybe.difference_with(&all);
        Rc::new(all)
    }

    fn tiers(&mut self) -> Vec<TierPolicy<'a>> {
        let mut tiers: Vec<_> = self
            .cluster
            .admin_policies
            .iter()
            .map(|(key, facts)| {
                let selected = self.pods(None, &facts.subject.pods, Some(&facts.subject.namespaces));
                let mut rules = |rules: &'a [AdminRuleFacts]| rules.iter().map(|rule| self.tier_rule(rule)).collect();
                let (ingress, egress) = (rules(&facts.ingress), rules(&facts.egress));
                TierPolicy { key, facts, selected, ingress, egress }
            })
            .collect();
        tiers.sort_by_key(|policy| (policy.facts.tier, policy.facts.priority));
        tiers
    }

    fn tier_rule(&mut self, facts: &'a AdminRuleFacts) -> TierRule<'a> {
        let size = self.universe.len();
        let workloads = self.universe.workloads.len();
        let (mut certain, mut maybe) = (FixedBitSet::with_capacity(size), FixedBitSet::with_capacity(size));
        for peer in &facts.peers {
            match peer {
                AdminPeerFacts::Pods(PodsFacts { namespaces, pods }) => {
                    certain.union_with(&self.pods(None, pods, Some(namespaces)));
                }
                AdminPeerFacts::Networks(blocks) => {
                    blocks.iter().for_each(|block| certain.insert_range(self.universe.positions_in(block)));
                    if have_every_address(blocks) {
                        certain.insert_range(..workloads);
                    } else if let Some(addresses) = self.addresses {
                        for (position, known) in addresses.iter().enumerate() {
                            match all_among(known, |address| blocks.iter().any(|block| block.contains(address))) {
                                Some(true) => certain.insert(position),
                                None if !blocks.is_empty() => maybe.insert(position),
                                _ => {}
                            }
                        }
                    } else if !blocks.is_empty() {
                        maybe.insert_range(..workloads);
                    }
                }
                AdminPeerFacts::Nodes(_) => {
                    let on_node = |position: &usize| {
                        self.facts.get(*position).copied().flatten().is_some_and(|facts| facts.host_network)
                    };
                    maybe.extend((0..workloads).filter(on_node));
                }
                AdminPeerFacts::Domains(names) => {
                    if !names.is_empty() {
                        maybe.insert_range(workloads..size);
                    }
                }
            }
        }
        maybe.difference_with(&certain);
        let (numbered, named) = ports(facts.ports.as_deref());
        TierRule { action: facts.action, certain: Rc::new(certain), maybe, numbered, named }
    }

    fn peer(&mut self, namespace: &'a str, peer: &'a PeerFacts) -> Rc<FixedBitSet> {
        match peer {
            PeerFacts::Pods { pods, namespaces } => {
                let own = namespaces.is_none().then_some(namespace);
                let key = (own, pods, namespaces.as_ref());
                if let Some(known) = self.peers.get(&key) {
                    return Rc::clone(known);
                }
                let found = Rc::new(self.pods(own, pods, namespaces.as_ref()));
                self.peers.insert(key, Rc::clone(&found));
                found
            }
            PeerFacts::Block { cidr, except } => {
                let mut found = FixedBitSet::with_capacity(self.universe.len());
                found.insert_range(self.universe.positions_in(cidr));
                for inner in except {
                    found.set_range(self.universe.positions_in(inner), false);
                }
                Rc::new(found)
            }
        }
    }

    /// Pods by label: of one namespace, or of those selected.
    fn pods(&self, own: Option<&str>, pods: &'a LabelSelector, namespaces: Option<&LabelSelector>) -> FixedBitSet {
        let no_labels = Labels::new();
        let in_scope: Option<Vec<&str>> = namespaces.filter(|selector| !selector.is_empty()).map(|selector| {
            let labels = |name: &str| self.cluster.namespaces.get(name).map_or(&no_labels, |facts| &facts.labels);
            self.by_namespace.keys().copied().filter(|name| selector.matches(labels(name))).collect()
        });
        let in_namespace = |position: usize| {
            let namespace = self.universe.workloads.get(position).and_then(|key| key.namespace.as_deref());
            let namespace = namespace.unwrap_or_default();
            own.is_none_or(|own| own == namespace)
                && in_scope.as_ref().is_none_or(|names| names.binary_search(&namespace).is_ok())
        };
        let matches = |position: usize| {
            self.facts.get(position).copied().flatten().is_some_and(|facts| pods.matches(&facts.labels))
        };
        let mut found = FixedBitSet::with_capacity(self.universe.len());
        found.extend(self.candidates(own, pods).iter().copied().filter(|p| in_namespace(*p) && matches(*p)));
        found
    }

    /// The shortest list at hand that everyone the selector matches is in.
    fn candidates(&self, own: Option<&str>, pods: &'a LabelSelector) -> &[usize] {
        let by_label = pods.match_labels.iter().map(|(key, value)| self.by_label.get(&(key.as_str(), value.as_str())));
        let by_requirement = pods.match_expressions.iter().filter_map(|requirement| {
            match (requirement.operator, requirement.values.as_slice()) {
                (Operator::In, [value]) => Some(self.by_label.get(&(requirement.key.as_str(), value.as_str()))),
                (Operator::In | Operator::Exists, _) => Some(self.by_key.get(requirement.key.as_str())),
                _ => None,
            }
        });
        let by_namespace = own.map(|own| self.by_namespace.get(own));
        by_label
            .chain(by_requirement)
            .chain(by_namespace)
            .map(|list| list.map_or(&[][..], Vec::as_slice))
            .min_by_key(|list| list.len())
            .unwrap_or(&self.selectable)
    }
}

/// Whether a block means an address.
fn has(peer: &PeerFacts, address: &IpAddr) -> bool {
    match peer {
        PeerFacts::Block { cidr, except } => {
            cidr.contains(address) && !except.iter().any(|inner| inner.contains(address))
        }
        PeerFacts::Pods { .. } => false,
    }
}

/// Whether all addresses of a workload, or none, are meant; none: some are, or no address is known.
fn all_among(addresses: &[IpAddr], means: impl Fn(&IpAddr) -> bool) -> Option<bool> {
    let mut met = addresses.iter().map(means);
    let first = met.next()?;
    met.all(|other| other == first).then_some(first)
}

/// A rule's ports by number and by name; none given is every port.
fn ports(facts: Option<&[PolicyPortFacts]>) -> (Connections, Vec<PortName<'_>>) {
    let mut numbered = if facts.is_some() { Connections::none() } else { Connections::all() };
    let mut named = Vec::new();
    for port in facts.into_iter().flatten() {
        match port {
            PolicyPortFacts::Number(port) => {
                numbered = numbered.union(&Connections::range(port.protocol, port.first, port.last));
            }
            PolicyPortFacts::All(protocol) => numbered = numbered.union(&Connections::protocol(*protocol)),
            PolicyPortFacts::Named(name, protocol) => named.push((name.as_str(), *protocol)),
        }
    }
    (numbered, named)
}

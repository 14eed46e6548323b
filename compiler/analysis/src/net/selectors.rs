//! Whom selectors and address blocks mean, each asked once.

use std::{collections::BTreeMap, net::IpAddr, rc::Rc};

use fixedbitset::FixedBitSet;
use kspec_model::{
    LabelSelector, Labels, Operator,
    cluster::{
        AdminPeerFacts, AdminRuleFacts, Cluster, PeerFacts, PodsFacts, PolicyPortFacts, PolicyRuleFacts, WorkloadFacts,
    },
};
use rustc_hash::FxHashMap;

use super::{
    Connections,
    side::{Policy, PortName, Rule},
    tiers::{TierPolicy, TierRule, have_every_address},
    universe::Universe,
};

/// A peer's selectors, with the policy's own namespace where no other is named.
type PeerKey<'a> = (Option<&'a str>, &'a LabelSelector, Option<&'a LabelSelector>);

/// Resolves selectors, each once.
pub(super) struct Selectors<'u, 'a> {
    universe: &'u Universe,
    cluster: &'a Cluster,
    facts: &'u [Option<&'a WorkloadFacts>],
    present: &'u FixedBitSet,
    /// Positions of selectable workloads by label. Pods on the node's network are not: their connections carry the node's
    /// address, so no selector recognises them.
    by_label: FxHashMap<(&'a str, &'a str), Vec<usize>>,
    by_key: FxHashMap<&'a str, Vec<usize>>,
    by_namespace: BTreeMap<&'u str, Vec<usize>>,
    /// Those of them with a label.
    namespaces_by_label: FxHashMap<(&'a str, &'a str), Vec<&'u str>>,
    selectable: Vec<usize>,
    /// Addresses of each workload's pods, where blocks are about pods too.
    addresses: Option<&'u [Vec<IpAddr>]>,
    peers: FxHashMap<PeerKey<'a>, Rc<FixedBitSet>>,
}

impl<'u, 'a> Selectors<'u, 'a> {
    pub(super) fn new(
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
        let mut namespaces_by_label: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for name in by_namespace.keys() {
            let facts = cluster.namespaces.get(*name);
            for (label, value) in facts.into_iter().flat_map(|facts| &facts.labels) {
                namespaces_by_label.entry((label.as_str(), value.as_str())).or_default().push(*name);
            }
        }
        Self {
            universe,
            cluster,
            facts,
            present,
            by_label,
            by_key,
            by_namespace,
            namespaces_by_label,
            selectable,
            addresses,
            peers: FxHashMap::default(),
        }
    }

    /// The policies of namespaces, in the order of their names.
    pub(super) fn policies(&mut self) -> Vec<Policy<'a>> {
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

    /// Administrators' policies, in the order of tiers and priorities.
    pub(super) fn tiers(&mut self) -> Vec<TierPolicy<'a>> {
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
    fn pods(&self, own: Option<&str>, pods: &'a LabelSelector, namespaces: Option<&'a LabelSelector>) -> FixedBitSet {
        let namespace = |position: usize| {
            let key = self.universe.workloads.get(position);
            key.and_then(|key| key.namespace.as_deref()).unwrap_or_default()
        };
        let means = |position: &usize| {
            self.facts.get(*position).copied().flatten().is_some_and(|facts| pods.matches(&facts.labels))
                && own.is_none_or(|own| own == namespace(*position))
        };
        let mut found = FixedBitSet::with_capacity(self.universe.len());
        let listed = self.candidates(own, pods);
        match namespaces.filter(|selector| !selector.is_empty()) {
            None => found.extend(listed.iter().copied().filter(means)),
            // Few pods are asked for their namespace, else the namespaces for their pods.
            Some(selector) if listed.len() < self.by_namespace.len() => {
                let selected = |position: &usize| selector.matches(self.labels(namespace(*position)));
                found.extend(listed.iter().copied().filter(|position| means(position) && selected(position)));
            }
            Some(selector) => {
                let selected = self.namespaces(selector).filter(|name| selector.matches(self.labels(name)));
                let members = selected.filter_map(|name| self.by_namespace.get(name)).flatten();
                found.extend(members.copied().filter(means));
            }
        }
        found
    }

    /// A namespace's labels.
    fn labels(&self, namespace: &str) -> &'a Labels {
        static NONE: Labels = Labels::new();
        self.cluster.namespaces.get(namespace).map_or(&NONE, |facts| &facts.labels)
    }

    /// The namespaces with one of the labels that a selector names, the rarest; all of them where it names none.
    fn namespaces(&self, selector: &'a LabelSelector) -> impl Iterator<Item = &'u str> {
        let labelled = selector.match_labels.iter().map(|(key, value)| {
            let names = self.namespaces_by_label.get(&(key.as_str(), value.as_str()));
            names.map_or(&[][..], Vec::as_slice)
        });
        let rarest = labelled.min_by_key(|names| names.len());
        let all = rarest.is_none().then(|| self.by_namespace.keys());
        rarest.into_iter().flatten().chain(all.into_iter().flatten()).copied()
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

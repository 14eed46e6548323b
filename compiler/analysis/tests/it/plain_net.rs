//! NetworkPolicy and the policies of administrators as their documentation words them, one packet at a time. Shares nothing with the engine.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use kspec_model::{
    ObjectKey,
    cluster::{
        AdminAction, AdminPeerFacts, AdminPolicyFacts, AdminRuleFacts, Cluster, NetworkPolicyFacts, PeerFacts,
        PodsFacts, PolicyPortFacts, PolicyRuleFacts, PolicyTier, WorkloadFacts,
    },
    program::Protocol,
};

/// One end of a packet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    Pod(ObjectKey),
    Outside(IpAddr),
}

/// What becomes of a first packet; replies need no leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Passes,
    Dropped,
    /// The documentation leaves it to the implementation, or to addresses that nobody told us.
    Undefined,
}

/// A cluster, and whether address blocks are about pods too, by their addresses.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) by_address: bool,
}

/// Whether a first packet passes for certain.
pub(crate) fn passes(world: World<'_>, from: &Party, to: &Party, protocol: Protocol, port: u16) -> bool {
    fate(world, from, to, protocol, port) == Fate::Passes
}

/// What the sender and the receiver may say to a first packet; nobody who is not there says anything.
pub(crate) fn consents(
    world: World<'_>,
    from: &Party,
    to: &Party,
    protocol: Protocol,
    port: u16,
) -> [BTreeSet<bool>; 2] {
    let World { cluster, by_address } = world;
    let facts = |party: &Party| match party {
        Party::Pod(key) => cluster.workloads.get(key).map(Some),
        Party::Outside(_) => Some(None),
    };
    let (Some(sender), Some(receiver)) = (facts(from), facts(to)) else { return Default::default() };
    let packet = Packet { cluster, by_address, from, to, sender, receiver, protocol, port };
    [packet.consents(Way::Out), packet.consents(Way::In)]
}

pub(crate) fn fate(world: World<'_>, from: &Party, to: &Party, protocol: Protocol, port: u16) -> Fate {
    // A pod cannot block access to itself; of a controller, the sender and the receiver are two of its pods.
    if let Party::Pod(key) = from
        && from == to
        && key.kind == "Pod"
        && world.cluster.workloads.contains_key(key)
    {
        return Fate::Passes;
    }
    // Who is not there neither sends nor receives.
    let [leaves, enters] = consents(world, from, to, protocol, port);
    match (leaves.contains(&true) && enters.contains(&true), leaves.contains(&false) || enters.contains(&false)) {
        (true, false) => Fate::Passes,
        (true, true) => Fate::Undefined,
        (false, _) => Fate::Dropped,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

struct Packet<'a> {
    cluster: &'a Cluster,
    by_address: bool,
    from: &'a Party,
    to: &'a Party,
    sender: Option<&'a WorkloadFacts>,
    receiver: Option<&'a WorkloadFacts>,
    protocol: Protocol,
    port: u16,
}

impl<'a> Packet<'a> {
    /// What one end may say: both, where it is not defined which.
    fn consents(&self, way: Way) -> BTreeSet<bool> {
        let (near, pod) = match way {
            Way::Out => (self.from, self.sender),
            Way::In => (self.to, self.receiver),
        };
        let (Party::Pod(key), Some(pod)) = (near, pod) else { return BTreeSet::from([true]) };
        if pod.host_network {
            return BTreeSet::from([true]);
        }
        let mut said = BTreeSet::new();
        for action in self.tier(PolicyTier::Admin, way, key, pod) {
            match action {
                Some(AdminAction::Allow) => said.insert(true),
                Some(AdminAction::Deny) => said.insert(false),
                Some(AdminAction::Pass) | None => {
                    match self.network_policies(way, key, pod) {
                        Some(decisions) => said.extend(decisions),
                        None => {
                            let baseline = self.tier(PolicyTier::Baseline, way, key, pod);
                            said.extend(baseline.into_iter().map(|action| action != Some(AdminAction::Deny)));
                        }
                    }
                    false
                }
            };
        }
        said
    }

    /// What NetworkPolicies may say, where some isolate the pod.
    fn network_policies(&self, way: Way, key: &ObjectKey, pod: &WorkloadFacts) -> Option<BTreeSet<bool>> {
        let isolating: Vec<_> = selecting(self.cluster, key, pod)
            .filter_map(|(ns, policy)| {
                let rules = if way == Way::Out { &policy.egress } else { &policy.ingress };
                Some((ns, rules.as_ref()?))
            })
            .collect();
        if isolating.is_empty() {
            return None;
        }
        let rules = isolating.iter().flat_map(|(namespace, rules)| rules.iter().map(move |rule| (namespace, rule)));
        let said: Vec<_> = rules.map(|(namespace, rule)| self.rule_lets(way, namespace, rule)).collect();
        Some(if said.contains(&Some(true)) {
            BTreeSet::from([true])
        } else if said.contains(&None) {
            BTreeSet::from([true, false])
        } else {
            BTreeSet::from([false])
        })
    }

    /// `None`: it depends on addresses that differ, or that nobody told us.
    fn rule_lets(&self, way: Way, namespace: &str, rule: &PolicyRuleFacts) -> Option<bool> {
        if rule.ports.as_ref().is_some_and(|ports| !ports_have(ports, self.receiver, self.protocol, self.port)) {
            return Some(false);
        }
        let (peer, peer_pod) = self.far(way);
        let Some(peers) = &rule.peers else { return Some(true) };
        let selects = peers.iter().any(|wanted| match (wanted, peer, peer_pod) {
            (PeerFacts::Block { .. }, Party::Outside(address), _) => in_block(wanted, address),
            (PeerFacts::Pods { pods, namespaces }, Party::Pod(key), Some(pod)) if !pod.host_network => {
                let its_namespace = key.namespace.as_deref().unwrap_or_default();
                let namespace_matches = match namespaces {
                    None => its_namespace == namespace,
                    Some(selector) => selector.matches(&self.cluster.namespaces[its_namespace].labels),
                };
                namespace_matches && pods.matches(&pod.labels)
            }
            _ => false,
        });
        let Some(pod) = peer_pod.filter(|_| self.by_address && !selects) else { return Some(selects) };
        let blocks: Vec<_> = peers.iter().filter(|peer| matches!(peer, PeerFacts::Block { .. })).collect();
        if blocks.is_empty() {
            return Some(false);
        }
        let every = |text: &str| {
            let wanted = PeerFacts::Block { cidr: text.parse().unwrap(), except: vec![] };
            blocks.contains(&&wanted)
        };
        let met: BTreeSet<bool> =
            pod.pod.addresses.iter().map(|address| blocks.iter().any(|block| in_block(block, address))).collect();
        match Vec::from_iter(met).as_slice() {
            [one] => Some(*one),
            [] => (every("0.0.0.0/0") && every("::/0")).then_some(true),
            _ => None,
        }
    }

    fn far(&self, way: Way) -> (&'a Party, Option<&'a WorkloadFacts>) {
        match way {
            Way::Out => (self.to, self.receiver),
            Way::In => (self.from, self.sender),
        }
    }

    /// Every action that a tier may come to; `None` where no rule matches.
    fn tier(&self, tier: PolicyTier, way: Way, key: &ObjectKey, pod: &WorkloadFacts) -> Vec<Option<AdminAction>> {
        let about = |policy: &&AdminPolicyFacts| policy.tier == tier && self.is_pod(&policy.subject, key, pod);
        let policies: Vec<_> = self.cluster.admin_policies.values().filter(about).collect();
        let mut actions = vec![];
        self.walk(&policies, way, &mut actions);
        actions
    }

    /// Takes any of the policies of the lowest priority first.
    fn walk(&self, policies: &[&AdminPolicyFacts], way: Way, actions: &mut Vec<Option<AdminAction>>) {
        let Some(lowest) = policies.iter().map(|policy| policy.priority).min() else {
            actions.push(None);
            return;
        };
        for (index, policy) in policies.iter().enumerate().filter(|(_, policy)| policy.priority == lowest) {
            let rules = if way == Way::Out { &policy.egress } else { &policy.ingress };
            let mut falls_through = true;
            for rule in rules {
                match self.matches(rule, way) {
                    Some(true) => {
                        actions.push(Some(rule.action));
                        falls_through = false;
                        break;
                    }
                    Some(false) => {}
                    None => actions.push(Some(rule.action)),
                }
            }
            if falls_through {
                let others: Vec<_> =
                    policies.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, p)| *p).collect();
                self.walk(&others, way, actions);
            }
        }
    }

    /// `None`: nobody knows.
    fn matches(&self, rule: &AdminRuleFacts, way: Way) -> Option<bool> {
        let (far, pod) = self.far(way);
        if rule.ports.as_ref().is_some_and(|ports| !ports_have(ports, self.receiver, self.protocol, self.port)) {
            return Some(false);
        }
        let mut known = Some(false);
        for peer in &rule.peers {
            let met = match (peer, far, pod) {
                (AdminPeerFacts::Pods(pods), Party::Pod(key), Some(pod)) => {
                    Some(!pod.host_network && self.is_pod(pods, key, pod))
                }
                (AdminPeerFacts::Pods(_), ..) => Some(false),
                (AdminPeerFacts::Networks(blocks), Party::Outside(address), _) => {
                    Some(blocks.iter().any(|block| block.contains(address)))
                }
                // A pod has some address of either family.
                (AdminPeerFacts::Networks(blocks), ..) if blocks.is_empty() => Some(false),
                (AdminPeerFacts::Networks(blocks), _, Some(pod))
                    if self.by_address && !pod.pod.addresses.is_empty() =>
                {
                    let has = |address| blocks.iter().any(|block| block.contains(address));
                    let met: BTreeSet<bool> = pod.pod.addresses.iter().map(has).collect();
                    (met.len() == 1).then(|| met.contains(&true))
                }
                (AdminPeerFacts::Networks(blocks), ..) => {
                    let every = |text: &str| blocks.contains(&text.parse().unwrap());
                    (every("0.0.0.0/0") && every("::/0")).then_some(true)
                }
                (AdminPeerFacts::Nodes(_), _, Some(pod)) if pod.host_network => None,
                (AdminPeerFacts::Nodes(_), ..) => Some(false),
                (AdminPeerFacts::Domains(_), Party::Outside(_), _) => None,
                (AdminPeerFacts::Domains(_), ..) => Some(false),
            };
            match met {
                Some(true) => return Some(true),
                None => known = None,
                Some(false) => {}
            }
        }
        known
    }

    fn is_pod(&self, wanted: &PodsFacts, key: &ObjectKey, pod: &WorkloadFacts) -> bool {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        wanted.namespaces.matches(&self.cluster.namespaces[namespace].labels) && wanted.pods.matches(&pod.labels)
    }
}

fn selecting<'a>(
    cluster: &'a Cluster,
    key: &'a ObjectKey,
    pod: &'a WorkloadFacts,
) -> impl Iterator<Item = (&'a str, &'a NetworkPolicyFacts)> {
    cluster
        .network_policies
        .iter()
        .filter(move |((namespace, _), policy)| {
            key.namespace.as_deref() == Some(namespace) && policy.pods.matches(&pod.labels)
        })
        .map(|((namespace, _), policy)| (namespace.as_str(), policy))
}

fn in_block(block: &PeerFacts, address: &IpAddr) -> bool {
    match block {
        PeerFacts::Block { cidr, except } => {
            cidr.contains(address) && !except.iter().any(|inner: &IpNet| inner.contains(address))
        }
        PeerFacts::Pods { .. } => false,
    }
}

fn ports_have(ports: &[PolicyPortFacts], receiver: Option<&WorkloadFacts>, protocol: Protocol, port: u16) -> bool {
    ports.iter().any(|wanted| match wanted {
        PolicyPortFacts::All(wanted) => *wanted == protocol,
        PolicyPortFacts::Number(wanted) => wanted.protocol == protocol && wanted.first <= port && port <= wanted.last,
        PolicyPortFacts::Named(name, wanted) => {
            wanted.is_none_or(|wanted| wanted == protocol)
                && receiver.is_some_and(|pod| {
                    pod.ports
                        .iter()
                        .any(|own| own.name.as_ref() == Some(name) && own.protocol == protocol && own.port == port)
                })
        }
    })
}

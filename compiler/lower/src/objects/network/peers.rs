//! Far ends and ports of a NetworkPolicy.

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, codes};
use kspec_model::{
    LabelSelector,
    cluster::{PeerFacts, PolicyPortFacts, PolicyRuleFacts},
    program::{Origin, Peer, PortRef, PortSpec, Protocol},
};

use super::{Direction, ranges, written};
use crate::{
    finding,
    objects::world::{NAMESPACE_NAME, World},
};

/// The far ends of a rule.
#[derive(Debug, Clone)]
pub(super) enum Peers {
    /// Everybody: the field is left out.
    Any,
    /// These; never empty.
    Some(Vec<PeerFacts>),
}

impl Peers {
    /// Adds others, keeping the order and each once.
    pub(super) fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Any, _) => {}
            (_, Self::Any) => *self = Self::Any,
            (Self::Some(values), Self::Some(more)) => {
                for value in more {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
            }
        }
    }
}

/// A far end. `scope` is the namespace of the network being lowered, `own` that of the policy.
///
/// `None` where it cannot be said, as [`unsaid`] reports; the rule is left out then: absence never widens.
pub(super) fn far_end(world: &World<'_>, peer: &Peer, scope: &str, own: &str, direction: Direction) -> Option<Peers> {
    let one = |peer: PeerFacts| Some(Peers::Some(vec![peer]));
    match peer {
        Peer::Any => Some(Peers::Any),
        Peer::Workload { namespace, name } => {
            // The front end refuses names that do not exist.
            let workload = world.workload(namespace, name)?;
            one(pods(workload.pods.clone(), namespace, own))
        }
        Peer::Namespace(namespace) => one(pods(LabelSelector::default(), namespace, own)),
        Peer::All => one(pods(LabelSelector::default(), scope, own)),
        Peer::Pods { pods: selector, namespaces: None } => one(pods(selector.clone(), scope, own)),
        Peer::Pods { pods, namespaces } => one(PeerFacts::Pods { pods: pods.clone(), namespaces: namespaces.clone() }),
        Peer::Dns => {
            let facts = &world.program.project.network;
            let selector = LabelSelector { match_labels: facts.dns_pods.clone(), match_expressions: Vec::new() };
            one(PeerFacts::Pods { pods: selector, namespaces: Some(named(&facts.dns_namespace)) })
        }
        Peer::Cidr { block, except } => one(PeerFacts::Block { cidr: *block, except: except.clone() }),
        Peer::Internet => {
            let families = ranges::outside(&world.program.project.network, direction).ok()?;
            let blocks = families.map(|outside| PeerFacts::Block { cidr: outside.block, except: outside.except });
            Some(Peers::Some(blocks.into()))
        }
    }
}

/// Why a far end cannot be said.
pub(super) fn unsaid(world: &World<'_>, peer: &Peer, direction: Direction, origin: &Origin) -> Option<Finding> {
    if *peer != Peer::Internet {
        return None;
    }
    let missing = ranges::outside(&world.program.project.network, direction).err()?;
    let tables = missing.iter().map(|name| format!("`{name} = [\"…\"]`")).collect::<Vec<_>>().join(", ");
    let message =
        format!("`internet` needs the cluster's ranges, and `[network]` does not give {}", missing.join(", "));
    Some(
        finding::at(codes::INTERNET_WITHOUT_RANGES, message, origin)
            .help(format!("add {tables} to `[network]` in kspec.toml, or write the address block with `cidr`")),
    )
}

fn named(namespace: &str) -> LabelSelector {
    LabelSelector::labels([(NAMESPACE_NAME, namespace)])
}

fn pods(pods: LabelSelector, namespace: &str, own: &str) -> PeerFacts {
    PeerFacts::Pods { pods, namespaces: (namespace != own).then(|| named(namespace)) }
}

/// What becomes of ports by name.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Names {
    /// Kept, for the destination's pods to resolve.
    Kept,
    /// Written as the numbers that the destination's workload gives, where it gives any: that holds whether or not a
    /// container of every pod carries the name.
    Resolved,
}

/// The ports of a rule whose destination is `destination`; empty means all.
pub(super) fn ports(world: &World<'_>, ports: &[PortRef], destination: &Peer, names: Names) -> Vec<PolicyPortFacts> {
    if *destination == Peer::Dns {
        let both = |port: &u16| {
            let number = |protocol| PolicyPortFacts::Number(PortSpec { first: *port, last: *port, protocol });
            [Protocol::Udp, Protocol::Tcp].map(number)
        };
        return world.program.project.network.dns_ports.iter().flat_map(both).collect();
    }
    let mut found: Vec<PolicyPortFacts> = Vec::new();
    for port in ports {
        match port {
            PortRef::Number(spec) => found.push(PolicyPortFacts::Number(*spec)),
            PortRef::Protocol(protocol) => found.push(PolicyPortFacts::All(*protocol)),
            PortRef::Named { name, protocol } => {
                let known = if names == Names::Resolved {
                    resolve(world, destination, name, *protocol)
                } else {
                    Default::default()
                };
                if known.is_empty() {
                    found.push(PolicyPortFacts::Named(name.clone(), Some(*protocol)));
                }
                found.extend(known.into_iter().map(PolicyPortFacts::Number));
            }
        }
    }
    // Order and repetition mean nothing here, so that they change nothing either.
    let number = |port: &PolicyPortFacts| match port {
        PolicyPortFacts::Number(spec) => Some(spec.first),
        PolicyPortFacts::Named(..) | PolicyPortFacts::All(_) => None,
    };
    found.sort_by_cached_key(|port| (number(port), written::port(port).to_string()));
    found.dedup();
    found
}

fn resolve(world: &World<'_>, destination: &Peer, name: &str, protocol: Protocol) -> Vec<PortSpec> {
    let Peer::Workload { namespace, name: workload } = destination else { return Vec::new() };
    let ports = world.workload(namespace, workload).and_then(|workload| workload.ports.get(name));
    ports.into_iter().flatten().filter(|port| port.protocol == protocol).copied().collect()
}

/// A rule of a policy.
pub(super) fn rule(ports: Vec<PolicyPortFacts>, peers: Peers) -> PolicyRuleFacts {
    let peers = match peers {
        Peers::Any => None,
        Peers::Some(peers) => Some(peers),
    };
    PolicyRuleFacts { peers, ports: Some(ports).filter(|ports| !ports.is_empty()) }
}

/// Rules by their ports: what edges add up to, in an order that does not depend on theirs.
#[derive(Default)]
pub(super) struct RuleSet(BTreeMap<String, (Vec<PolicyPortFacts>, Peers)>);

impl RuleSet {
    pub(super) fn add(&mut self, ports: Vec<PolicyPortFacts>, peers: Peers) {
        let key = ports.iter().map(|port| written::port(port).to_string()).collect::<Vec<_>>().join(",");
        match self.0.get_mut(&key) {
            Some((_, known)) => known.add(peers),
            None => {
                self.0.insert(key, (ports, peers));
            }
        }
    }

    pub(super) fn into_rules(self) -> Vec<PolicyRuleFacts> {
        self.0
            .into_values()
            .map(|(ports, mut peers)| {
                if let Peers::Some(peers) = &mut peers {
                    peers.sort_by_cached_key(|peer| written::peer(peer).to_string());
                }
                rule(ports, peers)
            })
            .collect()
    }
}

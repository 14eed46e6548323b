//! NetworkPolicy as its documentation words it, one packet at a time. Shares nothing with the engine.

use std::net::IpAddr;

use ipnet::IpNet;
use kspec_model::{
    ObjectKey,
    cluster::{Cluster, NetworkPolicyFacts, PeerFacts, PolicyPortFacts, PolicyRuleFacts, WorkloadFacts},
    program::Protocol,
};

/// One end of a packet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    Pod(ObjectKey),
    Outside(IpAddr),
}

/// Whether a first packet may pass; replies need no leave.
pub(crate) fn passes(cluster: &Cluster, from: &Party, to: &Party, protocol: Protocol, port: u16) -> bool {
    let facts = |party: &Party| match party {
        Party::Pod(key) => cluster.workloads.get(key).map(Some),
        Party::Outside(_) => Some(None),
    };
    // Who is not there neither sends nor receives.
    let (Some(sender), Some(receiver)) = (facts(from), facts(to)) else { return false };

    let may_leave = match (from, sender) {
        (Party::Pod(key), Some(pod)) if !pod.host_network => {
            let isolating: Vec<_> =
                selecting(cluster, key, pod).filter_map(|(ns, policy)| Some((ns, policy.egress.as_ref()?))).collect();
            isolating.is_empty()
                || isolating.iter().any(|(namespace, rules)| {
                    rules.iter().any(|rule| rule_lets(cluster, namespace, rule, to, receiver, receiver, protocol, port))
                })
        }
        _ => true,
    };
    let may_enter = match (to, receiver) {
        (Party::Pod(key), Some(pod)) if !pod.host_network => {
            let isolating: Vec<_> =
                selecting(cluster, key, pod).filter_map(|(ns, policy)| Some((ns, policy.ingress.as_ref()?))).collect();
            isolating.is_empty()
                || isolating.iter().any(|(namespace, rules)| {
                    rules.iter().any(|rule| rule_lets(cluster, namespace, rule, from, sender, receiver, protocol, port))
                })
        }
        _ => true,
    };
    may_leave && may_enter
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

#[expect(clippy::too_many_arguments, reason = "one packet is that much")]
fn rule_lets(
    cluster: &Cluster,
    namespace: &str,
    rule: &PolicyRuleFacts,
    peer: &Party,
    peer_pod: Option<&WorkloadFacts>,
    receiver: Option<&WorkloadFacts>,
    protocol: Protocol,
    port: u16,
) -> bool {
    let peer_matches = match &rule.peers {
        None => true,
        Some(peers) => peers.iter().any(|wanted| match (wanted, peer, peer_pod) {
            (PeerFacts::Block { cidr, except }, Party::Outside(address), _) => {
                cidr.contains(address) && !except.iter().any(|inner: &IpNet| inner.contains(address))
            }
            (PeerFacts::Pods { pods, namespaces }, Party::Pod(key), Some(pod)) if !pod.host_network => {
                let its_namespace = key.namespace.as_deref().unwrap_or_default();
                let namespace_matches = match namespaces {
                    None => its_namespace == namespace,
                    Some(selector) => selector.matches(&cluster.namespaces[its_namespace].labels),
                };
                namespace_matches && pods.matches(&pod.labels)
            }
            _ => false,
        }),
    };
    let port_matches = match &rule.ports {
        None => true,
        Some(ports) => ports.iter().any(|wanted| match wanted {
            PolicyPortFacts::All(wanted) => *wanted == protocol,
            PolicyPortFacts::Number(wanted) => {
                wanted.protocol == protocol && wanted.first <= port && port <= wanted.last
            }
            PolicyPortFacts::Named(name, wanted) => {
                *wanted == protocol
                    && receiver.is_some_and(|pod| {
                        pod.ports
                            .iter()
                            .any(|own| own.name.as_ref() == Some(name) && own.protocol == protocol && own.port == port)
                    })
            }
        }),
    };
    peer_matches && port_matches
}

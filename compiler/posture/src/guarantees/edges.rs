//! The edges of a program that are about a packet.

use kspec_analysis::net::{End, Packet, Reach};
use kspec_model::{
    ObjectKey,
    program::{NetworkScope, Origin, Peer, PortRef, View},
};

/// Edges that let a packet through, as they are written.
pub(super) fn edges_of<'p>(program: &View<'p>, packet: &Packet, reach: &Reach<'_>) -> Vec<&'p Origin> {
    let Some(src) = &packet.src else { return Vec::new() };
    let mut found = Vec::new();
    for network in &program.networks {
        for edge in &network.edges {
            let is_meant = |peer: &Peer, end: &End| is_meant(program, &network.scope, peer, end, reach);
            let port = edge.ports.is_empty()
                || edge.ports.iter().any(|port| match port {
                    PortRef::Number(spec) => {
                        spec.protocol == packet.protocol && (spec.first..=spec.last).contains(&packet.port)
                    }
                    PortRef::Protocol(protocol) => *protocol == packet.protocol,
                    PortRef::Named { name, protocol } => match &packet.dst {
                        End::Workload(key) => {
                            *protocol == packet.protocol
                                && reach.network().port_numbers(key, name, *protocol).contains(&packet.port)
                        }
                        End::Address(_) => false,
                    },
                });
            if port && is_meant(&edge.from, src) && is_meant(&edge.to, &packet.dst) {
                found.push(&edge.origin);
            }
        }
    }
    found
}

fn is_meant(program: &View<'_>, scope: &NetworkScope, peer: &Peer, end: &End, reach: &Reach<'_>) -> bool {
    let facts = |key: &ObjectKey| reach.network().labels(key);
    let in_scope = |namespace: Option<&String>| match (scope, namespace) {
        (NetworkScope::Namespaces(names), Some(namespace)) => names.contains(namespace),
        (NetworkScope::Where(selector), Some(namespace)) => {
            reach.network().namespace_labels(namespace).is_some_and(|labels| selector.matches(labels))
        }
        (_, None) => false,
    };
    match (peer, end) {
        (Peer::Any, _) | (Peer::Internet, End::Address(_)) => true,
        (Peer::Cidr { block, except }, End::Address(address)) => {
            block.contains(address) && !except.iter().any(|cut| cut.contains(address))
        }
        (Peer::Workload { namespace, name }, End::Workload(key)) => {
            let workload = program.workloads.iter().find(|one| one.namespace == *namespace && one.name == *name);
            key.namespace.as_ref() == Some(namespace)
                && workload.is_some_and(|one| facts(key).is_some_and(|labels| one.pods.matches(labels)))
        }
        (Peer::Namespace(name), End::Workload(key)) => key.namespace.as_ref() == Some(name),
        (Peer::All, End::Workload(key)) => in_scope(key.namespace.as_ref()),
        (Peer::Dns, End::Workload(key)) => {
            let network = &program.project.network;
            let labelled =
                |(label, value): (&String, &String)| facts(key).is_some_and(|labels| labels.get(label) == Some(value));
            key.namespace.as_ref() == Some(&network.dns_namespace) && network.dns_pods.iter().all(labelled)
        }
        (Peer::Pods { pods, namespaces }, End::Workload(key)) => {
            facts(key).is_some_and(|labels| pods.matches(labels))
                && match (namespaces, key.namespace.as_ref()) {
                    (None, namespace) => in_scope(namespace),
                    (Some(selector), Some(namespace)) => {
                        reach.network().namespace_labels(namespace).is_some_and(|labels| selector.matches(labels))
                    }
                    (Some(_), None) => false,
                }
        }
        _ => false,
    }
}

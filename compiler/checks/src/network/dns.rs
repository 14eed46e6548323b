//! K0406: a namespace whose pods may call others by name, and may not ask for what the names mean.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use kspec_diagnostics::{Finding, Location, Span, codes};
use kspec_lower::known_namespaces;
use kspec_model::{
    LabelSelector, Labels,
    program::{DefaultDeny, Edge, Network, NetworkScope, Peer, PortRef},
};

use crate::{Facts, report};

/// Namespaces that conditions range over, by name.
type Namespaces<'a> = BTreeMap<&'a str, Labels>;
/// The same, gathered once something ranges over them.
type Known<'a, F> = LazyCell<Namespaces<'a>, F>;

/// What a namespace's networks add up to.
#[derive(Default)]
struct Egress<'a> {
    denied: Option<&'a DefaultDeny>,
    /// An edge to something that is found by name.
    by_name: Option<&'a Edge>,
    dns: bool,
}

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let none = BTreeMap::new();
    let known = LazyCell::new(|| known_namespaces(facts.program, &none));
    let dns_namespace = facts.program.project.network.dns_namespace.as_str();
    let mut namespaces: BTreeMap<&str, Egress<'_>> = BTreeMap::new();
    for network in facts.program.networks.iter().copied() {
        for namespace in scope(network, &known) {
            let egress = namespaces.entry(namespace).or_default();
            egress.denied = egress.denied.or(network.denies.iter().find(|deny| deny.egress));
            let rules = network.policies.iter().filter_map(|policy| policy.egress.as_ref()).flatten();
            egress.dns |= rules
                .flat_map(|rule| rule.peers.iter().map(|peer| (peer, &rule.ports)))
                .any(|(peer, ports)| serves_dns(peer, ports, dns_namespace));
        }
        for edge in &network.edges {
            for namespace in sources(edge, network, &known) {
                let egress = namespaces.entry(namespace).or_default();
                egress.dns |= serves_dns(&edge.to, &edge.ports, dns_namespace);
                if egress.by_name.is_none() && found_by_name(&edge.to) {
                    egress.by_name = Some(edge);
                }
            }
        }
    }
    let mut told = BTreeSet::new();
    for (namespace, egress) in namespaces {
        let (Some(deny), Some(edge), false) = (egress.denied, egress.by_name, egress.dns) else { continue };
        if told.insert(&deny.origin) {
            findings.push(forgotten(namespace, deny, edge));
        }
    }
}

fn forgotten(namespace: &str, deny: &DefaultDeny, edge: &Edge) -> Finding {
    let end = deny.origin.at.span.end;
    let behind = Location { span: Span::new(end, end), ..deny.origin.at };
    let finding = report::at(codes::DNS_FORGOTTEN, format!("pods in `{namespace}` may not ask DNS"), &deny.origin)
        .because("denies it")
        .label(edge.origin.at, "what they may call, if they find its address")
        .witness(vec![
            format!("{} looks up the name of {}", report::peer(&edge.from), report::peer(&edge.to)),
            "the query to the cluster's DNS is dropped".to_owned(),
            "the connection is never tried".to_owned(),
        ])
        .help("add `allow all -> dns`");
    if deny.origin.uses.is_empty() {
        finding.fix("add `allow all -> dns`", behind, "\n  allow all -> dns")
    } else {
        finding
    }
}

fn scope<'a>(network: &'a Network, known: &Known<'a, impl FnOnce() -> Namespaces<'a>>) -> Vec<&'a str> {
    match &network.scope {
        NetworkScope::Namespaces(names) => names.iter().map(String::as_str).collect(),
        NetworkScope::Where(selector) => matching(selector, known),
    }
}

fn matching<'a>(selector: &LabelSelector, known: &Namespaces<'a>) -> Vec<&'a str> {
    known.iter().filter(|(_, labels)| selector.matches(labels)).map(|(name, _)| *name).collect()
}

/// Namespaces whose pods are the edge's source.
fn sources<'a>(
    edge: &'a Edge,
    network: &'a Network,
    known: &Known<'a, impl FnOnce() -> Namespaces<'a>>,
) -> Vec<&'a str> {
    match &edge.from {
        Peer::Workload { namespace, .. } | Peer::Namespace(namespace) => vec![namespace],
        Peer::All | Peer::Pods { namespaces: None, .. } => scope(network, known),
        Peer::Pods { namespaces: Some(selector), .. } => matching(selector, known),
        Peer::Any | Peer::Dns | Peer::Internet | Peer::Cidr { .. } => Vec::new(),
    }
}

fn found_by_name(peer: &Peer) -> bool {
    !matches!(peer, Peer::Cidr { .. })
}

fn serves_dns(peer: &Peer, ports: &[PortRef], dns_namespace: &str) -> bool {
    let port_53 = || {
        ports.is_empty()
            || ports.iter().any(|port| match port {
                PortRef::Number(spec) => (spec.first..=spec.last).contains(&53),
                PortRef::Named { name, .. } => name.starts_with("dns"),
                PortRef::Protocol(_) => true,
            })
    };
    match peer {
        Peer::Dns => true,
        Peer::Any => port_53(),
        Peer::Workload { namespace, .. } | Peer::Namespace(namespace) => namespace == dns_namespace && port_53(),
        // A resolver of one's own, by address or by label.
        Peer::Cidr { .. } | Peer::Pods { .. } => !ports.is_empty() && port_53(),
        Peer::All | Peer::Internet => false,
    }
}

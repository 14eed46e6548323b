//! K0403: an edge that another edge allows already.

use ipnet::IpNet;
use kspec_diagnostics::{Finding, Location, codes};
use kspec_model::{
    LabelSelector,
    program::{Edge, Network, NetworkScope, Peer, PortRef},
};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::{Facts, report};

/// Among edges between the same two ends, how many are compared with each other: keeps a generated thousand linear.
const COMPARED: usize = 64;

/// An end, and the scope it is relative to where it is: `all` means other pods in another network.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct End<'a> {
    scope: Scope<'a>,
    peer: Far<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Scope<'a> {
    /// Means the same anywhere.
    Absolute,
    Namespace(&'a str),
    /// A network over several namespaces, by its place among the networks.
    Network(usize),
}

/// A [`Peer`], borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Far<'a> {
    Workload(&'a str, &'a str),
    Namespace(&'a str),
    All,
    Any,
    Dns,
    Internet,
    Cidr(IpNet, &'a [IpNet]),
    Pods(&'a LabelSelector, Option<&'a LabelSelector>),
}

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let networks = facts.program.networks.iter().copied().enumerate();
    let edges: Vec<(End<'_>, End<'_>, &Edge)> = networks
        .flat_map(|(index, network)| {
            let end = move |peer| end(peer, index, network);
            network.edges.iter().map(move |edge| (end(&edge.from), end(&edge.to), edge))
        })
        .collect();
    let mut between: FxHashMap<(End<'_>, End<'_>), Vec<usize>> =
        FxHashMap::with_capacity_and_hasher(edges.len(), FxBuildHasher);
    let mut of_statement: FxHashMap<Location, usize> = FxHashMap::with_capacity_and_hasher(edges.len(), FxBuildHasher);
    for (position, (from, to, edge)) in edges.iter().enumerate() {
        between.entry((*from, *to)).or_default().push(position);
        *of_statement.entry(edge.origin.at).or_default() += 1;
    }
    for (position, (from, to, edge)) in edges.iter().enumerate() {
        let tos = wider(*to);
        let ends = wider(*from).into_iter().flat_map(|from| tos.iter().map(move |to| (from, *to)));
        let covering = ends.filter_map(|ends| Some((between.get(&ends)?, ends == (*from, *to)))).find_map(
            |(others, same_ends)| {
                let others = others.iter().take(COMPARED).filter(|other| **other != position);
                others.filter_map(|other| Some((*other, edges.get(*other)?.2))).find(|(other, wide)| {
                    let mutual = same_ends && ports_cover(&edge.ports, &wide.ports);
                    ports_cover(&wide.ports, &edge.ports) && (!mutual || *other < position)
                })
            },
        );
        let Some((_, wide)) = covering else { continue };
        // Of `allow a, b -> c` one edge alone may be superfluous; then nothing mechanical mends it.
        let whole = of_statement.get(&edge.origin.at) == Some(&1) && edge.origin.uses.is_empty();
        findings.push(redundant(edge, wide, whole));
    }
}

fn redundant(edge: &Edge, wide: &Edge, whole: bool) -> Finding {
    let arrow = |edge: &Edge| format!("{} -> {}", report::peer(&edge.from), report::peer(&edge.to));
    let finding = report::at(codes::REDUNDANT_EDGE, format!("{} is allowed already", arrow(edge)), &edge.origin)
        .label(wide.origin.at, format!("allows it: {}", arrow(wide)))
        .help("drop the narrower edge, or narrow the wider one: policies only add up");
    if whole { finding.fix("drop the edge", edge.origin.at, "") } else { finding }
}

fn end<'a>(peer: &'a Peer, index: usize, network: &'a Network) -> End<'a> {
    let absolute = |peer| End { scope: Scope::Absolute, peer };
    let relative = |peer| {
        let scope = match &network.scope {
            NetworkScope::Namespaces(names) => match names.as_slice() {
                [only] => Scope::Namespace(only),
                _ => Scope::Network(index),
            },
            NetworkScope::Where(_) => Scope::Network(index),
        };
        match (scope, peer) {
            (Scope::Namespace(namespace), Far::All) => absolute(Far::Namespace(namespace)),
            _ => End { scope, peer },
        }
    };
    match peer {
        Peer::Workload { namespace, name } => absolute(Far::Workload(namespace, name)),
        Peer::Namespace(name) => absolute(Far::Namespace(name)),
        Peer::All => relative(Far::All),
        Peer::Any => absolute(Far::Any),
        Peer::Dns => absolute(Far::Dns),
        Peer::Internet => absolute(Far::Internet),
        Peer::Cidr { block, except } => absolute(Far::Cidr(*block, except)),
        Peer::Pods { pods, namespaces: None } => relative(Far::Pods(pods, None)),
        Peer::Pods { pods, namespaces: Some(namespaces) } => absolute(Far::Pods(pods, Some(namespaces))),
    }
}

/// The end itself and what certainly includes it. `any` includes addresses, but not pods: an edge from pods to `any` does
/// not let them in where they arrive.
fn wider(end: End<'_>) -> Vec<End<'_>> {
    let mut wider = vec![end];
    let mut absolute = |peer| wider.push(End { scope: Scope::Absolute, peer });
    match (end.peer, end.scope) {
        (Far::Workload(namespace, _), _) | (Far::Pods(..), Scope::Namespace(namespace)) => {
            absolute(Far::Namespace(namespace));
        }
        (Far::Pods(..), Scope::Network(_)) => wider.push(End { peer: Far::All, ..end }),
        (Far::Internet, _) => absolute(Far::Any),
        (Far::Cidr(block, except), _) => {
            absolute(Far::Any);
            if !except.is_empty() {
                absolute(Far::Cidr(block, &[]));
            }
            let mut block = block;
            while let Some(supernet) = block.supernet() {
                absolute(Far::Cidr(supernet, &[]));
                block = supernet;
            }
        }
        _ => {}
    }
    wider
}

/// Whether `wide` allows every port of `narrow`; empty means all.
fn ports_cover(wide: &[PortRef], narrow: &[PortRef]) -> bool {
    wide.is_empty()
        || (!narrow.is_empty() && narrow.iter().all(|port| wide.iter().any(|other| port_covers(other, port))))
}

fn port_covers(wide: &PortRef, narrow: &PortRef) -> bool {
    match (wide, narrow) {
        (PortRef::Number(wide), PortRef::Number(narrow)) => {
            wide.protocol == narrow.protocol && wide.first <= narrow.first && narrow.last <= wide.last
        }
        (PortRef::Protocol(wide), PortRef::Number(narrow)) => *wide == narrow.protocol,
        (PortRef::Protocol(wide), PortRef::Named { protocol, .. }) => wide == protocol,
        _ => wide == narrow,
    }
}

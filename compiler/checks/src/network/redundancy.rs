//! K0403: an edge that another edge allows already.

use std::collections::{BTreeMap, HashMap};

use ipnet::IpNet;
use kspec_diagnostics::{Finding, Location, codes};
use kspec_model::program::{Edge, Network, NetworkScope, Peer, PortRef};

use crate::{Facts, report};

/// Among edges between the same two ends, how many are compared with each other: keeps a generated thousand linear.
const COMPARED: usize = 64;

/// An end, and the scope it is relative to where it is: `all` means other pods in another network.
#[derive(Clone, PartialEq, Eq, Hash)]
struct End {
    scope: Option<Scope>,
    peer: Peer,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Scope {
    Namespace(String),
    /// A network over several namespaces, by its place among the networks.
    Network(usize),
}

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let edges: Vec<(usize, &Network, &Edge)> = facts
        .program
        .networks
        .iter()
        .enumerate()
        .flat_map(|(index, network)| network.edges.iter().map(move |edge| (index, network, edge)))
        .collect();
    let mut between: HashMap<(End, End), Vec<usize>> = HashMap::with_capacity(edges.len());
    let mut of_statement: BTreeMap<Location, usize> = BTreeMap::new();
    for (position, (index, network, edge)) in edges.iter().enumerate() {
        let ends = (end(&edge.from, *index, network), end(&edge.to, *index, network));
        between.entry(ends).or_default().push(position);
        *of_statement.entry(edge.origin.at).or_default() += 1;
    }
    for (position, (index, network, edge)) in edges.iter().enumerate() {
        let (from, to) = (end(&edge.from, *index, network), end(&edge.to, *index, network));
        let wider =
            wider(&from).into_iter().flat_map(|from| self::wider(&to).into_iter().map(move |to| (from.clone(), to)));
        let covering = wider.filter_map(|ends| Some((between.get(&ends)?, ends.0 == from && ends.1 == to))).find_map(
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

fn end(peer: &Peer, index: usize, network: &Network) -> End {
    let only = match &network.scope {
        NetworkScope::Namespaces(names) => match names.as_slice() {
            [only] => Some(only),
            _ => None,
        },
        NetworkScope::Where(_) => None,
    };
    match (peer, only) {
        (Peer::All, Some(namespace)) => End { scope: None, peer: Peer::Namespace(namespace.clone()) },
        (Peer::Pods { namespaces: None, .. }, Some(namespace)) => {
            End { scope: Some(Scope::Namespace(namespace.clone())), peer: peer.clone() }
        }
        (Peer::All | Peer::Pods { namespaces: None, .. }, None) => {
            End { scope: Some(Scope::Network(index)), peer: peer.clone() }
        }
        _ => End { scope: None, peer: peer.clone() },
    }
}

/// The end itself and what certainly includes it. `any` includes addresses, but not pods: an edge from pods to `any` does
/// not let them in where they arrive.
fn wider(end: &End) -> Vec<End> {
    let mut wider = vec![end.clone()];
    let mut add = |scope: Option<Scope>, peer: Peer| wider.push(End { scope, peer });
    match (&end.peer, &end.scope) {
        (Peer::Workload { namespace, .. }, _) => add(None, Peer::Namespace(namespace.clone())),
        (Peer::Pods { .. }, Some(Scope::Namespace(namespace))) => add(None, Peer::Namespace(namespace.clone())),
        (Peer::Pods { .. }, Some(scope @ Scope::Network(_))) => add(Some(scope.clone()), Peer::All),
        (Peer::Internet, _) => add(None, Peer::Any),
        (Peer::Cidr { block, except }, _) => {
            add(None, Peer::Any);
            if !except.is_empty() {
                add(None, Peer::Cidr { block: *block, except: Vec::new() });
            }
            let mut block: IpNet = *block;
            while let Some(supernet) = block.supernet() {
                add(None, Peer::Cidr { block: supernet, except: Vec::new() });
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

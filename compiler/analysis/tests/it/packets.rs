//! Which packets are tried, for which ends a written name stands, and deltas held against both.

use std::{collections::BTreeSet, net::IpAddr};

use kspec_analysis::net::EdgeChange;
use kspec_model::{cluster::Cluster, program::Protocol};

use crate::plain_net::{Party, World, passes};

pub(crate) const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
/// Bounds of the generated ports, and their neighbours.
pub(crate) const PORTS: [u16; 11] = [1, 52, 53, 79, 80, 81, 90, 100, 8080, 9000, 65535];
/// Bounds of the generated blocks and their neighbours.
pub(crate) const ADDRESSES: [&str; 12] = [
    "0.0.0.0",
    "9.255.255.255",
    "10.0.0.0",
    "10.0.5.0",
    "10.0.5.255",
    "10.0.6.0",
    "10.255.255.255",
    "11.0.0.0",
    "255.255.255.255",
    "fd00::1",
    "fd01::1",
    "fe80::1",
];

/// Every workload of the clusters, and addresses.
pub(crate) fn parties(clusters: &[&Cluster]) -> Vec<Party> {
    let pods: BTreeSet<_> = clusters.iter().flat_map(|cluster| cluster.workloads.keys().cloned()).collect();
    let addresses = ADDRESSES.iter().map(|text| Party::Outside(text.parse().unwrap()));
    pods.into_iter().map(Party::Pod).chain(addresses).collect()
}

/// Every packet that is looked at: no party with itself, nobody outside with anybody outside.
pub(crate) fn packets(parties: &[Party]) -> impl Iterator<Item = (&Party, &Party, Protocol, u16)> {
    parties.iter().flat_map(move |from| {
        let others = parties
            .iter()
            .filter(move |to| from != *to && !matches!((from, to), (Party::Outside(_), Party::Outside(_))));
        others.flat_map(move |to| {
            PROTOCOLS.into_iter().flat_map(move |protocol| PORTS.map(|port| (from, to, protocol, port)))
        })
    })
}

/// Whether what is written stands for a party, among the workloads of `cluster`.
pub(crate) fn names(written: &str, party: &Party, cluster: &Cluster) -> bool {
    written.split(", ").any(|name| one_names(name, party, cluster))
}

fn one_names(name: &str, party: &Party, cluster: &Cluster) -> bool {
    match party {
        Party::Pod(key) => {
            let namespace = key.namespace.as_deref().unwrap();
            cluster.workloads.contains_key(key)
                && (name == "*/*"
                    || name == format!("{namespace}/*")
                    || name == format!("{namespace}/{}[{}]", key.name, key.kind))
        }
        Party::Outside(address) => {
            name.strip_suffix("[External]").and_then(|range| range.split_once('-')).is_some_and(|(first, last)| {
                let (first, last): (IpAddr, IpAddr) = (first.parse().unwrap(), last.parse().unwrap());
                first.is_ipv4() == address.is_ipv4() && first <= *address && *address <= last
            })
        }
    }
}

/// Holds what opens and what closes against the fate of every packet: each that passes on one side alone is told of once.
/// Callers from outside that something leads to a workload (`internet`) have rows of their own, which are no packets.
///
/// # Errors
/// The first packet that is told of too often or not at all.
pub(crate) fn is_the_difference(
    [opened, closed]: [&[EdgeChange]; 2],
    [before, after]: [&Cluster; 2],
    by_address: bool,
    parties: &[Party],
) -> Result<(), String> {
    let passes = |cluster, from, to, protocol, port| passes(World { cluster, by_address }, from, to, protocol, port);
    for (changes, lack, have) in [(opened, before, after), (closed, after, before)] {
        for (from, to, protocol, port) in packets(parties) {
            let expected = passes(have, from, to, protocol, port) && !passes(lack, from, to, protocol, port);
            let holds = |change: &&EdgeChange| {
                change.connections.contains(protocol, port)
                    && names(&change.src, from, have)
                    && names(&change.dst, to, have)
            };
            let count = changes.iter().filter(holds).count();
            if count != usize::from(expected) {
                let line = |change: &EdgeChange| format!("{} -> {} {}", change.src, change.dst, change.connections);
                let lines: Vec<_> = changes.iter().map(line).collect();
                return Err(format!("{from:?} -> {to:?} {protocol:?} {port} is told {count} times in {lines:#?}"));
            }
        }
    }
    Ok(())
}

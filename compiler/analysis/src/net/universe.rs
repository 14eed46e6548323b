//! Who may stand at either end of a connection: workloads, and ranges of addresses outside the cluster.
//!
//! Addresses are cut at the bounds of every block that a policy names, so that no policy tells two addresses of one range
//! apart. A position in the universe is a workload's (first) or a range's (after them).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use kspec_model::{
    ObjectKey,
    cluster::{AdminPeerFacts, Cluster, PeerFacts, WorkloadFacts},
};

use super::{IpBlocks, Ipv6, NetOptions};

/// Every possible end, for one cluster or for two that are compared.
#[derive(Debug, Clone)]
pub(super) struct Universe {
    /// By namespace, name, kind.
    pub(super) workloads: Vec<ObjectKey>,
    /// IPv4 first, ascending, without gaps in a family.
    pub(super) ranges: Vec<Range>,
    /// Whether address blocks are about pods too.
    pub(super) pods_have_addresses: bool,
    /// Where each workload stands; what a controller owns stands where the controller does.
    positions: BTreeMap<ObjectKey, usize>,
}

/// Addresses that no policy tells apart, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// Whether IPv6.
    pub(super) v6: bool,
    /// First address.
    pub(super) first: u128,
    /// Last address.
    pub(super) last: u128,
}

impl Range {
    /// A block's addresses.
    pub(super) fn of(block: &IpNet) -> Self {
        let (v6, first) = number(block.network());
        let (_, last) = number(block.broadcast());
        Self { v6, first, last }
    }

    /// An address of its family.
    pub(super) fn address(&self, number: u128) -> IpAddr {
        address(self.v6, number)
    }
}

/// A cluster's workloads, those that a controller owns left to it.
pub(super) fn workloads(cluster: &Cluster) -> (BTreeMap<ObjectKey, &WorkloadFacts>, BTreeMap<ObjectKey, ObjectKey>) {
    let mut standing = BTreeMap::new();
    let mut aliases = BTreeMap::new();
    let mut orphans: BTreeMap<&ObjectKey, Vec<(&ObjectKey, &WorkloadFacts)>> = BTreeMap::new();
    for (key, facts) in &cluster.workloads {
        let top = owner(cluster, key);
        if top != key {
            aliases.insert(key.clone(), top.clone());
        } else if let Some(absent) = facts.owner.as_ref().filter(|owner| !cluster.workloads.contains_key(*owner)) {
            orphans.entry(absent).or_default().push((key, facts));
        } else {
            standing.insert(key.clone(), facts);
        }
    }
    for (absent, members) in orphans {
        // Pods whose controller is not in the set count as it, if they are all alike.
        let same = |a: &WorkloadFacts, b: &WorkloadFacts| {
            (&a.labels, &a.ports, a.host_network) == (&b.labels, &b.ports, b.host_network)
        };
        match members.first() {
            Some((_, first)) if members.iter().all(|(_, other)| same(first, other)) => {
                standing.insert(absent.clone(), *first);
                aliases.extend(members.iter().map(|(key, _)| ((*key).clone(), absent.clone())));
            }
            _ => standing.extend(members.into_iter().map(|(key, facts)| (key.clone(), facts))),
        }
    }
    (standing, aliases)
}

/// The topmost controller in the set.
fn owner<'a>(cluster: &'a Cluster, key: &'a ObjectKey) -> &'a ObjectKey {
    let mut top = key;
    let mut seen = BTreeSet::from([key]);
    while let Some((owner, _)) = cluster
        .workloads
        .get(top)
        .and_then(|facts| facts.owner.as_ref())
        .and_then(|owner| cluster.workloads.get_key_value(owner))
    {
        // Owners in a circle: nobody is on top.
        if !seen.insert(owner) {
            return key;
        }
        top = owner;
    }
    top
}

impl Universe {
    /// Everyone in any of the clusters.
    pub(super) fn new(clusters: &[&Cluster], options: &NetOptions) -> Self {
        let mut named = BTreeSet::new();
        let mut aliases = BTreeMap::new();
        for cluster in clusters {
            let (standing, owned) = workloads(cluster);
            named.extend(standing.into_keys().map(|key| (key.namespace.clone(), key.name.clone(), key)));
            aliases.extend(owned);
        }
        let workloads: Vec<_> = named.into_iter().map(|(.., key)| key).collect();
        let mut positions: BTreeMap<_, _> = workloads.iter().cloned().zip(0..).collect();
        for (key, top) in aliases {
            if let Some(position) = positions.get(&top).copied() {
                positions.entry(key).or_insert(position);
            }
        }
        let pods_have_addresses = options.blocks == IpBlocks::Pods;
        Self { workloads, ranges: ranges(clusters, options), pods_have_addresses, positions }
    }

    /// How many positions there are.
    pub(super) fn len(&self) -> usize {
        self.workloads.len() + self.ranges.len()
    }

    /// Every workload, what controllers own included.
    pub(super) fn known(&self) -> impl Iterator<Item = &ObjectKey> {
        self.positions.keys()
    }

    /// Where a workload stands.
    pub(super) fn position(&self, key: &ObjectKey) -> Option<usize> {
        self.positions.get(key).copied()
    }

    /// Where an address stands.
    pub(super) fn position_of_address(&self, address: IpAddr) -> Option<usize> {
        let (v6, address) = number(address);
        let found =
            self.ranges.iter().position(|range| range.v6 == v6 && (range.first..=range.last).contains(&address))?;
        Some(self.workloads.len() + found)
    }

    /// Positions of the ranges within a block.
    pub(super) fn positions_in(&self, block: &IpNet) -> std::ops::Range<usize> {
        let (v6, first) = number(block.network());
        let (_, last) = number(block.broadcast());
        let before = |range: &Range| (range.v6, range.first) < (v6, first);
        let within = |range: &Range| (range.v6, range.first) <= (v6, last);
        let start = self.ranges.partition_point(before);
        let end = self.ranges.partition_point(within);
        self.workloads.len() + start..self.workloads.len() + end
    }
}

/// Blocks that no address of the internet is in (IANA's special-purpose registries, RFC 6890: private use, shared space,
/// loopback, link-local, unique-local, multicast, reserved).
const NOT_PUBLIC: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
    "::/8",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// Whether a range has an address of the internet.
pub(super) fn public(range: &Range) -> bool {
    let mut blocks: Vec<_> = NOT_PUBLIC
        .iter()
        .filter_map(|text| text.parse::<IpNet>().ok())
        .map(|block| (number(block.network()), number(block.broadcast())))
        .filter(|((v6, _), _)| *v6 == range.v6)
        .map(|((_, first), (_, last))| (first, last))
        .collect();
    blocks.sort_unstable();
    let mut from = range.first;
    for (first, last) in blocks {
        if (first..=last).contains(&from) {
            match last.checked_add(1) {
                Some(next) => from = next,
                None => return false,
            }
        }
    }
    from <= range.last
}

/// Writes addresses `first` to `last` as netpol-analyzer does.
pub(super) fn range_name(v6: bool, first: u128, last: u128) -> String {
    format!("{}-{}[External]", address(v6, first), address(v6, last))
}

/// Writes a workload as netpol-analyzer does.
pub(super) fn workload_name(key: &ObjectKey) -> String {
    format!("{}/{}[{}]", key.namespace.as_deref().unwrap_or_default(), key.name, key.kind)
}

fn address(v6: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !v6 => Ipv4Addr::from(number).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

fn number(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(address) => (false, u32::from(address).into()),
        IpAddr::V6(address) => (true, address.into()),
    }
}

fn ranges(clusters: &[&Cluster], options: &NetOptions) -> Vec<Range> {
    // Where a range begins.
    let mut starts = [BTreeSet::from([0]), BTreeSet::from([0])];
    let lasts = [u128::from(u32::MAX), u128::MAX];
    let mut mentions_v6 = false;
    for block in clusters.iter().flat_map(|cluster| blocks(cluster)) {
        let (v6, first) = number(block.network());
        let (_, last) = number(block.broadcast());
        mentions_v6 |= v6;
        let [v4_starts, v6_starts] = &mut starts;
        let starts = if v6 { v6_starts } else { v4_starts };
        starts.insert(first);
        starts.extend(last.checked_add(1));
    }
    let wanted = match options.ipv6 {
        Ipv6::Always => true,
        Ipv6::Never => false,
        Ipv6::WhenNamed => mentions_v6,
    };
    let mut ranges = Vec::new();
    for ((v6, starts), end) in [false, true].into_iter().zip(starts).zip(lasts) {
        if v6 && !wanted {
            continue;
        }
        let mut starts = starts.into_iter().filter(|start| *start <= end).peekable();
        while let Some(first) = starts.next() {
            let last = starts.peek().map_or(end, |next| next - 1);
            ranges.push(Range { v6, first, last });
        }
    }
    ranges
}

/// Every block that a policy names, exceptions included.
fn blocks(cluster: &Cluster) -> impl Iterator<Item = &IpNet> {
    let policies = cluster.network_policies.values();
    let rules = policies.flat_map(|policy| policy.ingress.iter().chain(&policy.egress).flatten());
    let of_policies = rules.flat_map(|rule| rule.peers.iter().flatten()).flat_map(|peer| match peer {
        PeerFacts::Block { cidr, except } => std::slice::from_ref(cidr).iter().chain(except),
        PeerFacts::Pods { .. } => [].iter().chain(&[]),
    });
    let rules = cluster.admin_policies.values().flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    let of_admins = rules.flat_map(|rule| &rule.peers).flat_map(|peer| match peer {
        AdminPeerFacts::Networks(blocks) => blocks.as_slice(),
        _ => &[],
    });
    of_policies.chain(of_admins)
}

//! Questions about many ends at once: whether some of these reach some of those, or all of them all.
//!
//! Answered over the partitions that [`super::columns`] computes, a destination at a time and its sources as a set: a packet is
//! only looked for once a part is known to hold one.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    net::IpAddr,
};

use fixedbitset::FixedBitSet;
use ipnet::IpNet;
use kspec_model::{ObjectKey, cluster::WorkloadFacts, program::Protocol};

use super::{Connections, End, Reach, columns::Parts, universe::Range};

/// Some ends of connections.
#[derive(Debug, Clone)]
pub struct Ends {
    positions: FixedBitSet,
    /// For each range of addresses among them, one of its addresses that is meant.
    addresses: BTreeMap<usize, IpAddr>,
    /// Whether callers that services, Ingresses and routes lead in are meant too.
    callers: bool,
}

impl Ends {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_clear() && !self.callers
    }

    /// Those of either.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.positions.union_with(&other.positions);
        self.addresses.extend(other.addresses);
        self.callers |= other.callers;
        self
    }

    /// With callers that services, Ingresses and routes lead in.
    #[must_use]
    pub fn with_callers(mut self) -> Self {
        self.callers = true;
        self
    }
}

/// A first packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Who sends it; none for a caller from outside that something leads in.
    pub src: Option<End>,
    /// To whom.
    pub dst: End,
    /// Protocol.
    pub protocol: Protocol,
    /// Destination port.
    pub port: u16,
    /// What leads a caller in.
    pub led_by: Vec<ObjectKey>,
}

impl Reach<'_> {
    /// Workloads that are meant.
    #[must_use]
    pub fn workloads(&self, is_meant: impl Fn(&ObjectKey, &WorkloadFacts) -> bool) -> Ends {
        let network = self.network();
        let mut ends = self.nobody();
        for (position, key) in network.universe.workloads.iter().enumerate() {
            let facts = network.side.facts.get(position).copied().flatten();
            ends.positions.set(position, facts.is_some_and(|facts| is_meant(key, facts)));
        }
        ends
    }

    /// Addresses outside the cluster: of a block, or all of them, without those of other blocks.
    #[must_use]
    pub fn addresses(&self, block: Option<&IpNet>, except: &[IpNet]) -> Ends {
        let universe = &self.network().universe;
        let mut ends = self.nobody();
        for (position, range) in (universe.workloads.len()..).zip(&universe.ranges) {
            if let Some(address) = meant(range, block, except) {
                ends.positions.insert(position);
                ends.addresses.insert(position, address);
            }
        }
        ends
    }

    /// No end.
    #[must_use]
    pub fn nobody(&self) -> Ends {
        let positions = FixedBitSet::with_capacity(self.network().universe.len());
        Ends { positions, addresses: BTreeMap::new(), callers: false }
    }

    /// The workloads among some ends.
    pub fn keys<'r>(&'r self, ends: &'r Ends) -> impl Iterator<Item = &'r ObjectKey> {
        ends.positions.ones().filter_map(|position| self.network().universe.workloads.get(position))
    }

    /// A packet that is allowed for certain, from some of these to some of those. A workload with itself is two of its pods; one pod
    /// is not asked about itself.
    #[must_use]
    pub fn allowed(&self, src: &Ends, dst: &Ends, ports: &Connections) -> Option<Packet> {
        self.some(self.certain(), src, dst, ports).or_else(|| self.led_in(src, dst, ports, &|at| self.exposed_at(at)))
    }

    /// A packet that is allowed or not, and which is not defined.
    #[must_use]
    pub fn doubtful(&self, src: &Ends, dst: &Ends, ports: &Connections) -> Option<Packet> {
        let possibly = |at| self.possibly_exposed_at(at);
        self.some(self.uncertain(), src, dst, ports).or_else(|| self.led_in(src, dst, ports, &possibly))
    }

    /// A packet that is not allowed for certain, from some of these to some of those: on one of the ports, or, where none is named,
    /// where no connection is allowed at all. That callers are led to a workload lets in no address that its policies refuse.
    #[must_use]
    pub fn refused(&self, src: &Ends, dst: &Ends, ports: Option<&Connections>) -> Option<Packet> {
        for to in dst.positions.ones() {
            let mut left = src.positions.clone();
            if !self.is_several(to) {
                left.set(to, false);
            }
            if self.is_outside(to) {
                left.intersect_with(&self.inside());
            }
            for (set, sources) in self.certain().get(to).into_iter().flatten() {
                let connections = self.set(*set);
                let enough = match ports {
                    Some(ports) => ports.difference(&connections).is_empty(),
                    None => !connections.is_empty(),
                };
                if enough {
                    left.difference_with(sources);
                }
            }
            let Some(from) = left.ones().next() else { continue };
            let held = self.certain().get(to).into_iter().flatten().find(|(_, sources)| sources.contains(from));
            let held = held.map_or_else(Connections::none, |(set, _)| self.set(*set));
            let wanted = ports.cloned().unwrap_or_else(Connections::all);
            if let Some(packet) = self.packet(src, from, dst, to, &wanted.difference(&held)) {
                return Some(packet);
            }
        }
        None
    }

    /// The shortest chain of connections, from workload to workload of those that are meant by `via`, the last on one of the ports. What
    /// is outside the cluster hands nothing on.
    #[must_use]
    pub fn chain(&self, src: &Ends, via: &Ends, dst: &Ends, ports: &Connections) -> Option<Vec<Packet>> {
        if let Some(packet) = self.allowed(src, dst, ports) {
            return Some(vec![packet]);
        }
        // From the far end back: who reaches it on the ports, who reaches these by whatever connection, and so on. Each with the
        // next hop, and whether that is the last.
        let all = Connections::all();
        let mut next: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
        let mut workloads = self.inside();
        workloads.intersect_with(&via.positions);
        let mut queue = VecDeque::new();
        let hop = |to: usize, last: bool, queue: &mut VecDeque<usize>, next: &mut BTreeMap<usize, (usize, bool)>| {
            for (set, sources) in self.certain().get(to).into_iter().flatten() {
                if self.set(*set).intersection(if last { ports } else { &all }).is_empty() {
                    continue;
                }
                // From one pod of the last workload to another: one step more for whoever got into the first.
                for from in sources.ones().filter(|from| *from != to || last && self.is_several(to)) {
                    if let Entry::Vacant(entry) = next.entry(from) {
                        entry.insert((to, last));
                        queue.extend(workloads.contains(from).then_some(from));
                    }
                }
            }
        };
        for to in dst.positions.ones() {
            hop(to, true, &mut queue, &mut next);
        }
        while let Some(to) = queue.pop_front() {
            hop(to, false, &mut queue, &mut next);
        }
        let mut packets = Vec::new();
        let mut at = match src.positions.ones().find(|position| next.contains_key(position)) {
            Some(from) => from,
            None => {
                let led = |at: &usize| next.contains_key(at) && self.exposed_at(*at).is_some();
                let at = workloads.ones().filter(|_| src.callers).find(led)?;
                let mut one = self.nobody();
                one.positions.insert(at);
                packets.push(self.led_in(src, &one, &all, &|at| self.exposed_at(at))?);
                at
            }
        };
        loop {
            let (to, last) = next.get(&at).copied()?;
            let held = self.certain().get(to)?.iter().find(|(_, sources)| sources.contains(at))?;
            let open = self.set(held.0).intersection(if last { ports } else { &all });
            packets.push(self.packet(src, at, dst, to, &open)?);
            if last {
                return Some(packets);
            }
            at = to;
        }
    }

    fn some(&self, columns: &[Parts], src: &Ends, dst: &Ends, ports: &Connections) -> Option<Packet> {
        for to in dst.positions.ones() {
            for (set, sources) in columns.get(to).into_iter().flatten() {
                let open = self.set(*set).intersection(ports);
                if open.is_empty() {
                    continue;
                }
                if let Some(from) = sources.intersection(&src.positions).find(|from| *from != to || self.is_several(to))
                {
                    return self.packet(src, from, dst, to, &open);
                }
            }
        }
        None
    }

    fn led_in<'r>(
        &self,
        src: &Ends,
        dst: &Ends,
        ports: &Connections,
        exposed: &dyn Fn(usize) -> Option<&'r (Connections, BTreeSet<ObjectKey>)>,
    ) -> Option<Packet> {
        if !src.callers {
            return None;
        }
        dst.positions.ones().find_map(|position| {
            let (connections, by) = exposed(position)?;
            let (protocol, port) = first(&connections.intersection(ports))?;
            let dst = End::Workload(self.network().universe.workloads.get(position)?.clone());
            Some(Packet { src: None, dst, protocol, port, led_by: by.iter().cloned().collect() })
        })
    }

    fn packet(&self, src: &Ends, from: usize, dst: &Ends, to: usize, ports: &Connections) -> Option<Packet> {
        let (protocol, port) = first(ports)?;
        let end = |ends: &Ends, at: usize| match self.network().universe.workloads.get(at) {
            Some(key) => Some(End::Workload(key.clone())),
            None => ends.addresses.get(&at).copied().map(End::Address),
        };
        Some(Packet { src: Some(end(src, from)?), dst: end(dst, to)?, protocol, port, led_by: Vec::new() })
    }

    /// What leads callers from outside to a workload.
    pub fn leading_to(&self, workload: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        let position = self.network().universe.position(workload);
        position.and_then(|position| self.exposed_at(position)).into_iter().flat_map(|(_, by)| by)
    }

    fn is_outside(&self, position: usize) -> bool {
        position >= self.network().universe.workloads.len()
    }

    fn inside(&self) -> FixedBitSet {
        let mut inside = self.nobody().positions;
        inside.insert_range(..self.network().universe.workloads.len());
        inside
    }
}

/// The port that is shown for many.
fn first(ports: &Connections) -> Option<(Protocol, u16)> {
    let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
    protocols.into_iter().find_map(|protocol| ports.ports(protocol).first().map(|(first, _)| (protocol, *first)))
}

/// An address of a range that is within a block and in none of others.
fn meant(range: &Range, block: Option<&IpNet>, except: &[IpNet]) -> Option<IpAddr> {
    let within = |address: u128| {
        let address = range.address(address);
        block.is_none_or(|block| block.contains(&address)) && !except.iter().any(|block| block.contains(&address))
    };
    let (first, last) = match block.map(Range::of) {
        Some(block) if block.v6 != range.v6 => return None,
        Some(block) => (range.first.max(block.first), range.last.min(block.last)),
        None => (range.first, range.last),
    };
    // Where one is meant, of addresses set aside for documentation (RFC 5737, RFC 3849): nobody takes it for their own.
    let examples: &[u128] =
        if range.v6 { &[0x2001_0db8_u128 << 96 | 1] } else { &[0xCB00_7101, 0xC633_6401, 0xC000_0201, 0x0100_0001] };
    if let Some(example) = examples.iter().find(|one| (first..=last).contains(*one) && within(**one)) {
        return Some(range.address(*example));
    }
    let mut at = first;
    while at <= last {
        if within(at) {
            return Some(range.address(at));
        }
        let past =
            except.iter().map(Range::of).filter(|cut| cut.v6 == range.v6 && (cut.first..=cut.last).contains(&at));
        at = past.map(|cut| cut.last).max()?.checked_add(1)?;
    }
    None
}

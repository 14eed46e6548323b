//! Who reaches whom in one cluster.

use std::net::IpAddr;

use fixedbitset::FixedBitSet;
use kspec_model::{ObjectKey, cluster::Cluster, program::Protocol};
use serde::{Deserialize, Serialize};

use super::{
    Connections, NetOptions,
    columns::{Parts, Sets, columns},
    names::joined_ranges,
    side::Side,
    universe::{Universe, workload_name},
};

/// What everyone in and outside a cluster can reach in one connection.
#[derive(Debug)]
pub struct Reach {
    universe: Universe,
    present: FixedBitSet,
    sets: Sets,
    columns: Vec<Parts>,
    /// Objects of kinds that are not evaluated and may change the answer.
    pub unknown_because: Vec<ObjectKey>,
}

/// One line of the answer: what a source reaches at a destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// `ns/name[Kind]` or `a.b.c.d-e.f.g.h[External]`.
    pub src: String,
    /// As `src`.
    pub dst: String,
    /// Never none.
    #[serde(rename = "conn")]
    pub connections: Connections,
}

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A workload, or something that one owns.
    Workload(ObjectKey),
    /// An address outside the cluster.
    Address(IpAddr),
}

/// Evaluates every policy of a cluster.
#[must_use]
pub fn reach(cluster: &Cluster, options: &NetOptions) -> Reach {
    let universe = Universe::new(&[cluster], options);
    let mut sets = Sets::default();
    let side = Side::new(&universe, cluster);
    let columns = columns(&side, &mut sets);
    let present = side.present;
    Reach { universe, present, sets, columns, unknown_because: cluster.opaque.clone() }
}

impl Reach {
    /// What one end reaches at another; `None` where either is unknown here, or both are outside.
    #[must_use]
    pub fn connections(&self, src: &End, dst: &End) -> Option<Connections> {
        let (src_at, dst_at) = (self.position(src)?, self.position(dst)?);
        if let (End::Address(_), End::Address(_)) = (src, dst) {
            return None;
        }
        let parts = self.columns.get(dst_at)?;
        let part = parts.iter().find(|(_, sources)| sources.contains(src_at));
        Some(part.map_or_else(Connections::none, |(set, _)| self.sets.get(*set)))
    }

    /// Whether one connection is allowed; `None` as for [`Reach::connections`].
    #[must_use]
    pub fn allows(&self, src: &End, dst: &End, protocol: Protocol, port: u16) -> Option<bool> {
        Some(self.connections(src, dst)?.contains(protocol, port))
    }

    fn position(&self, end: &End) -> Option<usize> {
        match end {
            End::Workload(key) => self.universe.position(key).filter(|position| self.present.contains(*position)),
            End::Address(address) => self.universe.position_of_address(*address),
        }
    }

    /// The whole answer, a line for each pair that has any connection, sorted; adjacent ranges of addresses with the same
    /// connections are one, and no workload has a line with itself.
    #[must_use]
    pub fn edges(&self) -> Vec<Edge> {
        let workloads = self.universe.workloads.len();
        let names: Vec<_> = self.universe.workloads.iter().map(workload_name).collect();
        let mut edges = Vec::new();
        let mut push = |src: String, dst: String, connections: &Connections| {
            edges.push(Edge { src, dst, connections: connections.clone() });
        };
        for (dst, parts) in names.iter().zip(&self.columns) {
            for (set, sources) in parts {
                let connections = self.sets.get(*set);
                for src in sources.ones().map_while(|position| names.get(position)).filter(|src| *src != dst) {
                    push(src.clone(), dst.clone(), &connections);
                }
                for (src, _) in joined_ranges(&self.universe, sources) {
                    push(src, dst.clone(), &connections);
                }
            }
        }
        // Towards ranges, the other way round: for each source, the ranges that it reaches alike.
        for (position, src) in names.iter().enumerate() {
            let mut by_set = std::collections::BTreeMap::new();
            for (dst, parts) in self.columns.iter().enumerate().skip(workloads) {
                if let Some((set, _)) = parts.iter().find(|(_, sources)| sources.contains(position)) {
                    let ranges = by_set.entry(*set).or_insert_with(|| FixedBitSet::with_capacity(self.universe.len()));
                    ranges.insert(dst);
                }
            }
            for (set, ranges) in by_set {
                for (dst, _) in joined_ranges(&self.universe, &ranges) {
                    push(src.clone(), dst, &self.sets.get(set));
                }
            }
        }
        edges.sort();
        edges
    }
}

//! Who reaches whom in one cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use fixedbitset::FixedBitSet;
use kspec_model::{ObjectKey, cluster::Cluster, program::Protocol};
use serde::{Deserialize, Serialize};

use super::{
    Connections, End, NetOptions, Network, Summary, classes,
    columns::{Parts, Set, Sets, columns},
    delta::gained,
    exposure::Exposed,
    names::joined_ranges,
    network::is_pod,
    tiers::Bound,
    universe::workload_name,
};

/// What everyone in and outside a cluster can reach in one connection.
#[derive(Debug)]
pub struct Reach<'a> {
    network: Network<'a>,
    sets: Sets,
    columns: Vec<Parts>,
    /// What is allowed or not, and which of the two is not defined; empty where nothing of that sort can be.
    ambiguous: Vec<Parts>,
    exposed: Exposed,
    /// Whom callers from outside are possibly led to.
    doubtful: Exposed,
    /// Workloads that are more than one pod, or may be.
    several: FixedBitSet,
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

/// A line with its ends, for questions about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// As it is written.
    pub edge: Edge,
    src: (usize, usize),
    dst: (usize, usize),
}

/// A workload to which callers from outside are led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// `ns/name[Kind]`
    pub dst: String,
    /// The ports that they are led to and let in on.
    pub connections: Connections,
    /// Ports that they are led to, and of which it is not defined whether they are let in.
    pub ambiguous: Connections,
    /// What leads them: services, Ingresses, routes.
    pub because: Vec<ObjectKey>,
}

/// Evaluates every policy of a cluster.
#[must_use]
pub fn reach<'a>(cluster: &'a Cluster, options: &NetOptions) -> Reach<'a> {
    Network::new(cluster, options).reach()
}

impl<'a> Reach<'a> {
    pub(super) fn new(network: Network<'a>) -> Self {
        let mut sets = Sets::default();
        let certain = columns(&network.side, Bound::Certain, &mut sets);
        let exposed = network.exposed(&certain, &sets);
        let (mut ambiguous, mut doubtful) = (Vec::new(), Exposed::new());
        if network.side.may_be_ambiguous() {
            let possible = columns(&network.side, Bound::Possible, &mut sets);
            doubtful = network.exposed(&possible, &sets);
            let more = certain.iter().zip(&possible).map(|(certain, possible)| gained(certain, possible, &mut sets));
            ambiguous = more.map(|more| more.into_iter().collect()).collect();
        }
        let unknown_because = network.side.cluster.opaque.clone();
        // A controller with one replica has two pods while it replaces them, and as many as somebody asks for.
        let workloads = network.universe.workloads.iter().enumerate();
        let several = workloads.filter(|(_, key)| !is_pod(key)).map(|(position, _)| position).collect();
        Self { network, sets, columns: certain, ambiguous, exposed, doubtful, several, unknown_because }
    }

    /// Takes these pods as standing for more than one that is like them.
    #[must_use]
    pub fn with_several<'k>(mut self, pods: impl IntoIterator<Item = &'k ObjectKey>) -> Self {
        let positions = pods.into_iter().filter_map(|key| self.network.universe.position(key));
        self.several.extend(positions);
        self
    }

    /// For questions about single connections.
    #[must_use]
    pub fn network(&self) -> &Network<'a> {
        &self.network
    }

    /// What one end reaches at another; `None` where either is unknown here, or both are outside. As for [`Network::probe`], a pod
    /// reaches all of itself.
    #[must_use]
    pub fn connections(&self, src: &End, dst: &End) -> Option<Connections> {
        let (src_at, dst_at) = (self.network.end(src)?, self.network.end(dst)?);
        if let (End::Address(_), End::Address(_)) = (src, dst) {
            return None;
        }
        if src.is_same_pod(dst) {
            return Some(Connections::all());
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

    /// Every workload to which somebody outside is led, in the order of their names.
    #[must_use]
    pub fn exposures(&self) -> Vec<Exposure> {
        let positions: BTreeSet<_> = self.exposed.keys().chain(self.doubtful.keys()).collect();
        let exposure = |position: &usize| {
            let workload = self.network.universe.workloads.get(*position)?;
            let (connections, leads) = self.exposed.get(position).cloned().unwrap_or_default();
            let (possible, more_leads) = self.doubtful.get(position).cloned().unwrap_or_default();
            Some(Exposure {
                dst: workload_name(workload),
                ambiguous: possible.difference(&connections),
                connections,
                because: leads.union(&more_leads).cloned().collect(),
            })
        };
        positions.into_iter().filter_map(exposure).collect()
    }

    /// The whole answer, a line for each pair that has any connection, sorted; adjacent ranges of addresses with the same
    /// connections are one, and no workload has a line with itself.
    #[must_use]
    pub fn edges(&self) -> Vec<Edge> {
        self.rows().into_iter().map(|row| row.edge).collect()
    }

    /// As [`Reach::edges`], for questions about the lines.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.rows_of(&self.columns)
    }

    /// Whether of some connection it is not defined whether it is allowed.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous.iter().any(|parts| !parts.is_empty())
    }

    /// Lines of connections of which it is not defined whether they are allowed, as [`Reach::rows`].
    #[must_use]
    pub fn ambiguous_rows(&self) -> Vec<Row> {
        self.rows_of(&self.ambiguous)
    }

    /// Whether a workload is more than one pod, so that it may be asked about itself.
    pub(super) fn is_several(&self, position: usize) -> bool {
        self.several.contains(position)
    }

    /// By destination, what is allowed for certain.
    pub(super) fn certain(&self) -> &[Parts] {
        &self.columns
    }

    /// By destination, what is allowed or not, and which is not defined.
    pub(super) fn uncertain(&self) -> &[Parts] {
        &self.ambiguous
    }

    /// A set by its number.
    pub(super) fn set(&self, set: Set) -> Connections {
        self.sets.get(set)
    }

    /// What callers from outside are led to on a workload, and by what.
    pub(super) fn exposed_at(&self, position: usize) -> Option<&(Connections, BTreeSet<ObjectKey>)> {
        self.exposed.get(&position)
    }

    /// As [`Reach::exposed_at`], with what is possible and not certain.
    pub(super) fn possibly_exposed_at(&self, position: usize) -> Option<&(Connections, BTreeSet<ObjectKey>)> {
        self.doubtful.get(&position)
    }

    fn rows_of(&self, columns: &[Parts]) -> Vec<Row> {
        let universe = &self.network.universe;
        let workloads = universe.workloads.len();
        let names: Vec<_> = universe.workloads.iter().map(workload_name).collect();
        let mut rows = Vec::new();
        let mut push = |src: (&str, Range<usize>), dst: (&str, Range<usize>), connections: &Connections| {
            let edge = Edge { src: src.0.to_owned(), dst: dst.0.to_owned(), connections: connections.clone() };
            rows.push(Row { edge, src: (src.1.start, src.1.end), dst: (dst.1.start, dst.1.end) });
        };
        for (at, (dst, parts)) in names.iter().zip(columns).enumerate() {
            for (set, sources) in parts {
                let connections = self.sets.get(*set);
                for (from, src) in sources.ones().map_while(|position| Some((position, names.get(position)?))) {
                    if from != at {
                        push((src, from..from + 1), (dst, at..at + 1), &connections);
                    }
                }
                for (src, positions) in joined_ranges(universe, sources) {
                    push((&src, positions), (dst, at..at + 1), &connections);
                }
            }
        }
        // Towards ranges, the other way round: for each source, the ranges that it reaches alike.
        for (from, src) in names.iter().enumerate() {
            let mut by_set = BTreeMap::new();
            for (dst, parts) in columns.iter().enumerate().skip(workloads) {
                if let Some((set, _)) = parts.iter().find(|(_, sources)| sources.contains(from)) {
                    let ranges = by_set.entry(*set).or_insert_with(|| FixedBitSet::with_capacity(universe.len()));
                    ranges.insert(dst);
                }
            }
            for (set, ranges) in by_set {
                for (dst, positions) in joined_ranges(universe, &ranges) {
                    push((src, from..from + 1), (&dst, positions), &self.sets.get(set));
                }
            }
        }
        rows.sort();
        rows
    }

    /// The whole answer by classes of ends, which is short where many workloads are alike.
    #[must_use]
    pub fn summary(&self) -> Summary {
        classes::summary(&self.network.universe, &self.network.side.present, &self.columns, &self.sets)
    }

    /// Policies whose rules allow a line, or some of it. None: no policy isolates either end.
    #[must_use]
    pub fn because(&self, row: &Row) -> Vec<ObjectKey> {
        let found = self.network.because(row.src.0..row.src.1, row.dst.0..row.dst.1, &row.edge.connections);
        found.into_iter().collect()
    }

    /// Objects of kinds that are not evaluated and may change a line.
    #[must_use]
    pub fn doubts(&self, row: &Row) -> Vec<ObjectKey> {
        let end = |at: usize| self.network.universe.workloads.get(at).cloned().map(End::Workload);
        // Any address does for one outside: no scope is about addresses.
        let outside = End::Address(std::net::Ipv4Addr::UNSPECIFIED.into());
        let (src, dst) = (end(row.src.0).unwrap_or(outside.clone()), end(row.dst.0).unwrap_or(outside));
        self.network.unknown_because(Some((&src, &dst)))
    }
}

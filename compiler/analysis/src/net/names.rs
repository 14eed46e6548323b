//! Sets of ends in words.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use super::universe::{Range, Universe, range_name, workload_name};

/// How every workload of the cluster is written.
const EVERY_WORKLOAD: &str = "*/*";

/// Puts adjacent ranges together that are all in `set`; each with its positions.
pub(super) fn joined_ranges(universe: &Universe, set: &FixedBitSet) -> Vec<(String, std::ops::Range<usize>)> {
    let mut joined: Vec<(Range, std::ops::Range<usize>)> = Vec::new();
    for (position, range) in (universe.workloads.len()..).zip(&universe.ranges) {
        if !set.contains(position) {
            continue;
        }
        match joined.last_mut() {
            Some((known, positions)) if positions.end == position && known.v6 == range.v6 => {
                known.last = range.last;
                positions.end = position + 1;
            }
            _ => joined.push((*range, position..position + 1)),
        }
    }
    joined.into_iter().map(|(range, positions)| (range_name(range.v6, range.first, range.last), positions)).collect()
}

/// Names of ends, each with the ends it stands for.
pub(super) struct Names<'u> {
    universe: &'u Universe,
    /// Those that count when "all of a namespace" is meant.
    present: FixedBitSet,
    namespaces: BTreeMap<&'u str, Vec<usize>>,
}

impl<'u> Names<'u> {
    /// Names over the workloads of `present`.
    pub(super) fn new(universe: &'u Universe, present: &FixedBitSet) -> Self {
        let mut namespaces: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (position, key) in universe.workloads.iter().enumerate() {
            if present.contains(position) {
                namespaces.entry(key.namespace.as_deref().unwrap_or_default()).or_default().push(position);
            }
        }
        Self { universe, present: present.clone(), namespaces }
    }

    /// Names that together stand for `set`. `other`, where the opposite end is one workload, counts as in the set where
    /// that makes it shorter: no workload is its own far end.
    pub(super) fn of(&self, set: &FixedBitSet, other: Option<usize>) -> Vec<(String, FixedBitSet)> {
        let has = |position: usize| set.contains(position) || other == Some(position);
        let mut names = Vec::new();
        let every = self.namespaces.len() > 1 && self.namespaces.values().flatten().all(|position| has(*position));
        if every {
            let mut ends = self.present.clone();
            ends.set_range(self.universe.workloads.len()..self.universe.len(), false);
            names.push((EVERY_WORKLOAD.to_owned(), ends));
        } else {
            for (namespace, members) in &self.namespaces {
                if members.len() > 1 && members.iter().all(|position| has(*position)) {
                    names.push((format!("{namespace}/*"), self.ends(members.iter().copied())));
                    continue;
                }
                for position in members.iter().copied().filter(|position| set.contains(*position)) {
                    if let Some(key) = self.universe.workloads.get(position) {
                        names.push((workload_name(key), self.ends([position])));
                    }
                }
            }
        }
        names.extend(
            joined_ranges(self.universe, set).into_iter().map(|(name, positions)| (name, self.ends(positions))),
        );
        names
    }

    fn ends(&self, positions: impl IntoIterator<Item = usize>) -> FixedBitSet {
        let mut ends = FixedBitSet::with_capacity(self.universe.len());
        ends.extend(positions);
        ends
    }
}

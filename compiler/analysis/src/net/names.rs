//! Sets of ends in words.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

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
    /// Namespaces by name, each with how many of the workloads are its.
    namespaces: Vec<(&'u str, usize)>,
    /// Each such workload's namespace, by its place among them.
    of: FxHashMap<usize, usize>,
}

impl<'u> Names<'u> {
    /// Names over the workloads of `present`.
    pub(super) fn new(universe: &'u Universe, present: &FixedBitSet) -> Self {
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, key) in universe.workloads.iter().enumerate() {
            if present.contains(position) {
                members.entry(key.namespace.as_deref().unwrap_or_default()).or_default().push(position);
            }
        }
        let placed = members.values().enumerate();
        let of = placed.flat_map(|(place, members)| members.iter().map(move |position| (*position, place))).collect();
        let namespaces = members.into_iter().map(|(name, members)| (name, members.len())).collect();
        Self { universe, present: present.clone(), namespaces, of }
    }

    /// Names that together stand for `set`. `other`, where the opposite end is one workload, counts as in the set where
    /// that makes it shorter: no workload is its own far end.
    pub(super) fn of(&self, set: &FixedBitSet, other: Option<usize>) -> Vec<(String, FixedBitSet)> {
        let workloads = self.universe.workloads.len();
        let other = other.filter(|position| !set.contains(*position));
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for position in set.ones().take_while(|position| *position < workloads) {
            if let Some(place) = self.of.get(&position) {
                members.entry(*place).or_default().push(position);
            }
        }
        let others = other.and_then(|position| self.of.get(&position));
        let chosen: usize = members.values().map(Vec::len).sum();
        let mut names = Vec::new();
        if self.namespaces.len() > 1 && chosen + usize::from(others.is_some()) == self.of.len() {
            let mut ends = self.present.clone();
            ends.set_range(workloads..self.universe.len(), false);
            names.push((EVERY_WORKLOAD.to_owned(), ends));
        } else {
            for (place, mut members) in members {
                let (name, size) = self.namespaces.get(place).copied().unwrap_or_default();
                let own = other.filter(|_| others == Some(&place));
                if size > 1 && size == members.len() + own.iter().len() {
                    members.extend(own);
                    names.push((format!("{name}/*"), self.ends(members)));
                    continue;
                }
                for position in members {
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

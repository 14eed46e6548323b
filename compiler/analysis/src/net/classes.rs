//! Who reaches whom by classes: workloads of one namespace, and ranges of addresses, that have the same connections with everyone.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use super::{
    Connections,
    columns::{Parts, Set, Sets},
    names::joined_ranges,
    universe::{Universe, workload_name},
};

/// Who reaches whom, by classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Classes of ends: by namespace and first member, those outside last.
    pub classes: Vec<EndClass>,
    /// What members of some classes reach at members of others, by sources and destinations. Any two classes are in one of them
    /// at most.
    pub edges: Vec<ClassEdges>,
}

impl Summary {
    /// Whether anybody of one class can reach somebody of another: of a class with itself, its members each other, where it has
    /// more than one.
    #[must_use]
    pub fn is_pair(&self, src: usize, dst: usize) -> bool {
        src != dst || self.classes.get(src).is_some_and(|class| class.members.len() > 1)
    }
}

/// Ends that have the same connections with everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndClass {
    /// The workloads' namespace; none for addresses outside.
    pub namespace: Option<String>,
    /// They, as they are written: `ns/name[Kind]`, `a.b.c.d-e.f.g.h[External]`.
    pub members: Vec<String>,
    /// Whether all workloads of the namespace are in it.
    pub whole: bool,
}

/// What each of some classes reaches at each of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassEdges {
    /// Of [`Summary::classes`], in order. A class of one member says nothing of itself where it is among the destinations too.
    pub sources: Vec<usize>,
    /// Likewise.
    pub destinations: Vec<usize>,
    /// Never none.
    pub connections: Connections,
}

/// Two workloads are alike where their columns are equal, and they stand in the same part of every column. Then any two members of
/// two classes have what any other two have: the column of the one destination is that of the other, and both sources
/// stand in one part of it.
pub(super) fn summary(universe: &Universe, present: &FixedBitSet, columns: &[Parts], sets: &Sets) -> Summary {
    let mut distinct: FxHashMap<&Parts, usize> = FxHashMap::default();
    let mut of_column = Vec::with_capacity(columns.len());
    let mut order = Vec::new();
    for column in columns {
        let next = distinct.len();
        let id = *distinct.entry(column).or_insert(next);
        if id == next {
            order.push(column);
        }
        of_column.push(id);
    }
    let of_row = rows(&order, columns.len());

    let mut classes: BTreeMap<(bool, Option<&str>, usize, usize), Vec<usize>> = BTreeMap::new();
    for (position, (column, row)) in of_column.iter().zip(&of_row).enumerate().filter(|(at, _)| present.contains(*at)) {
        let namespace = universe.workloads.get(position).map(|key| key.namespace.as_deref().unwrap_or_default());
        classes.entry((namespace.is_none(), namespace, *column, *row)).or_default().push(position);
    }
    let mut sorted: Vec<_> =
        classes.into_iter().map(|((outside, namespace, ..), members)| (outside, namespace, members)).collect();
    sorted.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, namespace, members) in &sorted {
        if let Some(namespace) = namespace {
            *sizes.entry(namespace).or_default() += members.len();
        }
    }

    let mut class_of: Vec<Option<usize>> = vec![None; columns.len()];
    for (number, (.., members)) in sorted.iter().enumerate() {
        // One stands for all; of a class with itself two are needed.
        if let Some(slot) = members.first().and_then(|first| class_of.get_mut(*first)) {
            *slot = Some(number);
        }
    }
    let mut of_columns: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
    for (number, (.., members)) in sorted.iter().enumerate() {
        if let Some(column) = members.first().and_then(|first| of_column.get(*first)) {
            of_columns.entry(*column).or_default().push(number);
        }
    }
    // Many destinations have one set of sources: a pair of classes each would be most of the work, and of the answer.
    let mut merged: BTreeMap<(FixedBitSet, Set), Vec<usize>> = BTreeMap::new();
    for (number, column) in order.iter().enumerate() {
        let Some(destinations) = of_columns.get(&number) else { continue };
        for (set, sources) in column.iter().filter(|(set, _)| !sets.is_none(*set)) {
            let mut classes = FixedBitSet::with_capacity(sorted.len());
            classes.extend(sources.ones().filter_map(|source| class_of.get(source).copied().flatten()));
            merged.entry((classes, *set)).or_default().extend(destinations);
        }
    }
    let written = |(_, namespace, members): (bool, Option<&str>, Vec<usize>)| {
        let mut ends = FixedBitSet::with_capacity(columns.len());
        ends.extend(members.iter().copied());
        let workloads = members.iter().filter_map(|member| universe.workloads.get(*member)).map(workload_name);
        let ranges = joined_ranges(universe, &ends).into_iter().map(|(name, _)| name);
        let whole = namespace.is_some_and(|namespace| sizes.get(namespace) == Some(&members.len()));
        EndClass { namespace: namespace.map(str::to_owned), members: workloads.chain(ranges).collect(), whole }
    };
    let mut summary = Summary { classes: sorted.into_iter().map(written).collect(), edges: Vec::new() };
    for ((sources, set), mut destinations) in merged {
        destinations.sort_unstable();
        let sources: Vec<usize> = sources.ones().collect();
        if sources.iter().any(|src| destinations.iter().any(|dst| summary.is_pair(*src, *dst))) {
            summary.edges.push(ClassEdges { sources, destinations, connections: sets.get(set) });
        }
    }
    summary.edges.sort_by(|a, b| (&a.sources, &a.destinations).cmp(&(&b.sources, &b.destinations)));
    summary
}

/// For each position a number: equal where they stand in the same part of each of these columns.
fn rows(columns: &[&Parts], size: usize) -> Vec<usize> {
    let mut of_row = vec![0; size];
    let mut count = 1;
    for column in columns {
        // By old number and part, the new number; those in no part keep theirs.
        let mut fresh: FxHashMap<(usize, usize), usize> = FxHashMap::default();
        for (part, (_, ends)) in column.iter().enumerate() {
            for end in ends.ones() {
                let Some(row) = of_row.get_mut(end) else { continue };
                let old = *row;
                let next = count + fresh.len();
                *row = *fresh.entry((old, part)).or_insert(next);
            }
        }
        count += fresh.len();
    }
    of_row
}

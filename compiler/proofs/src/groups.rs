//! What is read in groups that share places.

use rustc_hash::FxHashMap;

use crate::path::Seg;
use crate::reads::Reads;

/// Those that read one place, or of which one reads what is inside of what the other reads, stand in one group; each group in
/// order, and the groups by their first members. Being an item of a list, alone, ties nothing together where the list is there
/// anyway.
pub(crate) fn groups<'r>(reads: impl Iterator<Item = &'r Reads>) -> Vec<Vec<usize>> {
    let mut sets = Sets::default();
    // One that reads a place, and all that read inside of it as long as nobody reads the place itself.
    let mut at_place: FxHashMap<&[Seg], usize> = FxHashMap::default();
    let mut inside: FxHashMap<&[Seg], Vec<usize>> = FxHashMap::default();
    for reads in reads {
        let at = sets.add();
        for path in reads.places.keys().filter(|path| !path.is_item()) {
            let path = path.0.as_slice();
            for around in (0..path.len()).filter_map(|len| path.get(..len)) {
                match at_place.get(around) {
                    Some(other) => sets.join(at, *other),
                    None => inside.entry(around).or_default().push(at),
                }
            }
            match at_place.get(path) {
                Some(other) => sets.join(at, *other),
                None => {
                    at_place.insert(path, at);
                    for other in inside.remove(path).into_iter().flatten() {
                        sets.join(at, other);
                    }
                }
            }
        }
    }
    sets.groups()
}

/// Disjoint sets.
#[derive(Default)]
struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    fn add(&mut self) -> usize {
        self.parent.push(self.parent.len());
        self.parent.len() - 1
    }

    fn find(&mut self, mut at: usize) -> usize {
        while let Some(parent) = self.parent.get(at).copied().filter(|parent| *parent != at) {
            let above = self.parent.get(parent).copied().unwrap_or(parent);
            if let Some(own) = self.parent.get_mut(at) {
                *own = above;
            }
            at = above;
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        let (first, last) = (one.min(other), one.max(other));
        if let Some(parent) = self.parent.get_mut(last) {
            *parent = first;
        }
    }

    fn groups(mut self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut group_of: FxHashMap<usize, usize> = FxHashMap::default();
        for at in 0..self.parent.len() {
            let group = *group_of.entry(self.find(at)).or_insert(groups.len());
            match groups.get_mut(group) {
                Some(members) => members.push(at),
                None => groups.push(vec![at]),
            }
        }
        groups
    }
}

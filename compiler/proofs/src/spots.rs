//! In which places each rule of a kind holds.

use rustc_hash::FxHashMap;

use kspec_model::rules::Scope;

use crate::scopes::Place;
use crate::single::Single;

/// Sets of places, as bits.
pub(crate) struct Spots {
    /// Of each rule, its set.
    of: Vec<usize>,
    sets: Vec<Spot>,
}

struct Spot {
    first: Option<usize>,
    bits: Vec<u64>,
}

impl Spots {
    pub(crate) fn new(singles: &[Single<'_>], places: &[Place]) -> Self {
        let mut known: FxHashMap<&Scope, usize> = FxHashMap::default();
        let mut sets: Vec<Spot> = Vec::new();
        let of = singles.iter().map(|single| {
            *known.entry(&single.bound.scope).or_insert_with(|| {
                sets.push(Spot::new(&single.bound.scope, places));
                sets.len() - 1
            })
        });
        let of = of.collect();
        Self { of, sets }
    }

    fn set(&self, rule: usize) -> Option<&Spot> {
        self.sets.get(*self.of.get(rule)?)
    }

    /// The first place that a rule holds in.
    pub(crate) fn first(&self, rule: usize) -> Option<usize> {
        self.set(rule)?.first
    }

    /// Whether a rule holds in a place.
    pub(crate) fn holds(&self, rule: usize, place: usize) -> bool {
        self.set(rule).is_some_and(|set| set.has(place))
    }

    /// Whether a rule holds wherever another does.
    pub(crate) fn covers(&self, rule: usize, other: usize) -> bool {
        if self.of.get(rule) == self.of.get(other) {
            return true;
        }
        let (Some(wide), Some(narrow)) = (self.set(rule), self.set(other)) else { return false };
        narrow.first.is_none_or(|first| wide.has(first))
            && wide.bits.iter().zip(&narrow.bits).all(|(wide, narrow)| wide & narrow == *narrow)
    }
}

impl Spot {
    fn new(scope: &Scope, places: &[Place]) -> Self {
        let mut bits = vec![0_u64; places.len().div_ceil(64)];
        let mut first = None;
        for (at, _) in places.iter().enumerate().filter(|(_, place)| place.is_in(scope)) {
            first = first.or(Some(at));
            if let Some(word) = bits.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
        Self { first, bits }
    }

    fn has(&self, place: usize) -> bool {
        self.bits.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }
}

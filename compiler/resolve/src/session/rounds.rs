//! Round after round, what is out of date is elaborated, until nothing is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kspec_diagnostics::ItemId;
use kspec_syntax::tree::ItemKind;
use rustc_hash::FxHashMap;

use super::Session;
use crate::{
    db::{Db, Unit},
    knots::knots,
};

/// From how many items on two threads share the elaboration.
const SHARED: usize = 1_000;
/// So many sets of items that need each other are elaborated together after one edit; further ones say what they say.
const MOST_KNOTS: usize = 256;

impl Session {
    /// Elaborates until nothing is out of date; returns the items whose units were made anew.
    pub(super) fn elaborate_dirty(&mut self) -> BTreeSet<ItemId> {
        let mut changed = BTreeSet::new();
        while !self.dirty.is_empty() {
            // What a knot says is said of all of it.
            let (loose, tied): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.knots).into_iter().partition(|knot| !knot.is_disjoint(&self.dirty));
            self.knots = tied;
            self.dirty.extend(loose.into_iter().flatten());
            let dirty = std::mem::take(&mut self.dirty);
            let from_nothing = self.units.is_empty();
            let before = self.drop_units(&dirty);
            let counts = |id: &ItemId| self.is_root(*id) || self.users.draws_on(*id);
            let (fresh, cyclic) = self.elaborate(&dirty.iter().copied().filter(counts).collect::<Vec<_>>());
            let fresh = self.keep(fresh, &before, &dirty);
            if cyclic || !from_nothing {
                changed.extend(self.tie(&fresh));
            }
            self.dirty.extend(self.undone(&fresh));
            changed.extend(fresh);
        }
        changed
    }

    /// What units drew on and nobody looked at yet: an alias in a package's module is followed without being asked whether what
    /// it names is there.
    fn undone(&self, fresh: &BTreeSet<ItemId>) -> Vec<ItemId> {
        if self.modules.values().all(|module| module.package.is_empty()) {
            return Vec::new();
        }
        let drawn = fresh.iter().filter_map(|id| self.units.get(id)).flat_map(|unit| &unit.uses.items);
        drawn.filter(|item| self.items.contains_key(item) && !self.units.contains_key(item)).copied().collect()
    }

    fn drop_units(&mut self, ids: &BTreeSet<ItemId>) -> FxHashMap<ItemId, u64> {
        ids.iter().filter_map(|id| Some((*id, self.drop_unit(*id)?.fingerprint()))).collect()
    }

    /// Takes units in that were made together, and marks who drew on those that differ from before; returns whose they are.
    fn keep(
        &mut self,
        units: BTreeMap<ItemId, Arc<Unit>>,
        before: &FxHashMap<ItemId, u64>,
        together: &BTreeSet<ItemId>,
    ) -> BTreeSet<ItemId> {
        self.stats.elaborated += units.len();
        let ids = units.keys().copied().collect();
        for (id, unit) in units {
            self.users.add(id, &unit.uses);
            unit.uses.by_module().for_each(|(module, _)| self.names.touch(module));
            if let Some(entry) = self.items.get(&id) {
                self.names.touch(&entry.module);
            }
            if before.get(&id).is_some_and(|old| *old != unit.fingerprint()) {
                self.dirty.extend(self.users.of_item(id).filter(|user| !together.contains(user)));
            }
            self.units.insert(id, unit);
        }
        ids
    }

    /// Elaborates items that need each other once more, each such set together and from its first item on, so that what is said of
    /// it does not depend on which of them was edited last. One by one, each would draw on what was there of the others, and none
    /// would ever see a cycle, nor the end of it. `fresh` are those that were just made, without which nothing is new here.
    fn tie(&mut self, fresh: &BTreeSet<ItemId>) -> BTreeSet<ItemId> {
        let mut changed = BTreeSet::new();
        let mut tied: Vec<BTreeSet<ItemId>> = Vec::new();
        let mut from = fresh.clone();
        loop {
            let knots = knots(&from, &self.units);
            let Some(knot) = knots.iter().find(|knot| !tied.contains(knot)).filter(|_| tied.len() < MOST_KNOTS) else {
                self.knots.extend(knots);
                return changed;
            };
            let before = self.drop_units(knot);
            let mut order: Vec<ItemId> = knot.iter().copied().collect();
            order.sort_by_cached_key(|id| {
                let module = self.items.get(id).map(|entry| Arc::clone(&entry.module));
                let items = module.as_ref().and_then(|module| self.modules.get(module)).map(|module| &module.items);
                (module, items.and_then(|items| items.iter().position(|item| item == id)))
            });
            let (units, _) = self.elaborate_in_order(&order, &self.units);
            let made = self.keep(units, &before, knot);
            self.dirty.retain(|id| !knot.contains(id));
            from.extend(&made);
            changed.extend(made);
            tied.push(knot.clone());
        }
    }

    /// The units of items that are out of date, and of those that they draw on. Two threads share a large number; what both
    /// draw on is elaborated twice, to the same end, unless it was elaborated before all others. What a cycle says depends on
    /// where it is entered, so that with one in the program the order is that of one thread.
    fn elaborate(&self, items: &[ItemId]) -> (BTreeMap<ItemId, Arc<Unit>>, bool) {
        if items.len() < SHARED || !self.units.is_empty() {
            return self.elaborate_in_order(items, &self.units);
        }
        let (first, rest): (Vec<_>, Vec<_>) = items.iter().partition(|id| self.is_drawn_on_by_many(**id));
        let Some(first) = self.share(&first, &self.units) else { return self.elaborate_in_order(items, &self.units) };
        let known = first.iter().map(|(id, unit)| (*id, Arc::clone(unit))).collect();
        let Some(mut units) = self.share(&rest, &known) else { return self.elaborate_in_order(items, &self.units) };
        units.extend(first);
        (units, false)
    }

    /// Whether an item is of a kind that many others draw on, and that draws on few itself.
    fn is_drawn_on_by_many(&self, id: ItemId) -> bool {
        let kind = self.items.get(&id).map(|entry| &entry.parsed.item.kind);
        kind.is_some_and(|kind| {
            matches!(kind, ItemKind::Namespace(_) | ItemKind::Param(_) | ItemKind::Fn(_) | ItemKind::Template(_))
        })
    }

    /// The units of items, made on two threads; none where some of them need themselves.
    fn share(&self, items: &[ItemId], known: &FxHashMap<ItemId, Arc<Unit>>) -> Option<BTreeMap<ItemId, Arc<Unit>>> {
        let (first, second) = items.split_at(items.len() / 2);
        let halves = std::thread::scope(|scope| {
            let first = scope.spawn(|| self.elaborate_in_order(first, known));
            let second = self.elaborate_in_order(second, known);
            first.join().ok().map(|first| (first, second))
        });
        match halves {
            Some(((mut units, false), (others, false))) => {
                units.extend(others);
                Some(units)
            }
            _ => None,
        }
    }

    /// The units, and whether some of them need themselves.
    fn elaborate_in_order(
        &self,
        items: &[ItemId],
        known: &FxHashMap<ItemId, Arc<Unit>>,
    ) -> (BTreeMap<ItemId, Arc<Unit>>, bool) {
        let db = Db::new(&self.facts, &self.manifests, &self.target, &self.modules, &self.items, known);
        for id in items {
            db.unit(*id);
        }
        db.into_fresh()
    }
}

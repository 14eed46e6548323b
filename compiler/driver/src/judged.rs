//! What checks said, kept by what they read: each item alone, and groups of items that share a key. After an edit, the items
//! that it changed are checked again, and the groups that can see the change.

use kspec_checks::{Keys, alone, seen_alike, together};
use kspec_diagnostics::{Finding, ItemId};
use kspec_lower::admission::Lowering;
use kspec_model::program::{Accept, Date, Project, View};
use kspec_resolve::{Changed, Contribution};
use kspec_schema::Schema;
use rustc_hash::FxHashMap;

/// From how many items on two threads share the work.
const SHARED: usize = 1_000;

/// Findings of the checks, up to date with a list of contributions.
#[derive(Default)]
pub(crate) struct Judged {
    /// One for each contribution, in the same order.
    items: Vec<Item>,
    groups: Vec<Group>,
    /// How many changes there were that other items could see.
    version: u64,
    /// How many items the last update checked alone.
    pub(crate) alone: usize,
    /// How many items there are in the groups that the last update checked.
    pub(crate) together: usize,
}

struct Item {
    contribution: Contribution,
    keys: Keys,
    /// When others last saw it change.
    version: u64,
    group: Option<usize>,
    findings: Vec<Finding>,
}

struct Group {
    /// Places of its items, ascending.
    members: Vec<usize>,
    /// Who they are, and as of when.
    stamp: Stamp,
    /// `None` while out of date.
    findings: Option<Vec<Finding>>,
}

type Stamp = Vec<(ItemId, u64)>;

impl Judged {
    /// Brings everything up to date; `lowering` makes the program's rule table, or has it.
    pub(crate) fn update<'l>(
        &mut self,
        project: &Project,
        contributions: &[Contribution],
        changed: &Changed,
        (as_of, schema): (Date, &Schema),
        lowering: &(dyn Fn() -> &'l Lowering + Sync),
    ) {
        (self.alone, self.together) = (0, 0);
        match changed {
            Changed::Everything => self.take_all(project, contributions, as_of),
            Changed::At(places) => self.take(project, contributions, places, as_of),
        }
        let items = &self.items;
        let judge = |groups: &mut [&mut Group]| {
            for group in groups {
                let members = || group.members.iter().filter_map(|place| items.get(*place));
                let parts = members().map(|item| item.contribution.part());
                let view = View::gather(project, parts);
                // Whatever binds rules shares a key, so that a group that binds one binds all of the program's.
                let binds = !view.rules.is_empty() || !view.mutations.is_empty();
                let findings = together(&view, as_of, schema, binds.then(lowering));
                group.stamp = members().map(|item| (item.contribution.id(), item.version)).collect();
                group.findings = Some(findings);
            }
        };
        let mut stale: Vec<&mut Group> = self.groups.iter_mut().filter(|group| group.findings.is_none()).collect();
        self.together = stale.iter().map(|group| group.members.len()).sum();
        let share = if self.together < SHARED { 0 } else { stale.len() / 2 };
        let (one, other) = stale.split_at_mut(share);
        std::thread::scope(|scope| {
            if !one.is_empty() {
                scope.spawn(|| judge(one));
            }
            judge(other);
        });
    }

    /// Every finding, unsorted.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        let of_groups = self.groups.iter().filter_map(|group| group.findings.as_ref());
        self.items.iter().map(|item| &item.findings).chain(of_groups).flatten()
    }

    /// The program's `accept`s, in order.
    pub(crate) fn accepts(&self) -> impl Iterator<Item = &Accept> {
        self.items.iter().flat_map(|item| &item.contribution.part().accepts)
    }

    /// Takes new contributions over, keeping what was found of those that are what they were, wherever they stand now.
    fn take_all(&mut self, project: &Project, contributions: &[Contribution], as_of: Date) {
        let old = std::mem::take(&mut self.items).into_iter();
        let mut known: FxHashMap<ItemId, Item> = old.map(|item| (item.contribution.id(), item)).collect();
        let changed: Vec<&Contribution> = contributions
            .iter()
            .filter(|new| known.get(&new.id()).is_none_or(|old| !old.contribution.is(new)))
            .collect();
        let look = |changed: &[&Contribution]| -> Vec<Looked> {
            changed.iter().map(|new| Looked::at(project, new, as_of)).collect()
        };
        let share = if changed.len() < SHARED { 0 } else { changed.len() / 2 };
        let (one, other) = changed.split_at(share);
        let (one, other) = std::thread::scope(|scope| {
            let worker = (!one.is_empty()).then(|| scope.spawn(|| look(one)));
            let other = look(other);
            // A check that panics does so here too.
            (worker.map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))), other)
        });
        let mut looked = one.into_iter().flatten().chain(other);
        for new in contributions {
            let item = match known.remove(&new.id()) {
                Some(old) if old.contribution.is(new) => old,
                old => {
                    let Some(looked) = looked.next() else { continue };
                    self.item(new, old.as_ref(), looked)
                }
            };
            self.items.push(item);
        }
        self.regroup();
    }

    /// Takes the contributions at some places over.
    fn take(&mut self, project: &Project, contributions: &[Contribution], places: &[usize], as_of: Date) {
        let mut regroup = false;
        for place in places {
            let Some(new) = contributions.get(*place) else { continue };
            let mut items = std::mem::take(&mut self.items);
            if let Some(item) = items.get_mut(*place) {
                let new = self.item(new, Some(item), Looked::at(project, new, as_of));
                regroup |= new.keys != item.keys;
                if new.version != item.version
                    && let Some(group) = item.group.and_then(|group| self.groups.get_mut(group))
                {
                    group.findings = None;
                }
                *item = new;
            }
            self.items = items;
        }
        if regroup {
            self.regroup();
        }
    }

    /// What an item that was looked at becomes.
    fn item(&mut self, new: &Contribution, old: Option<&Item>, Looked { keys, findings }: Looked) -> Item {
        self.alone += 1;
        let version = match old {
            Some(old) if seen_alike(old.contribution.part(), new.part()) => old.version,
            _ => {
                self.version += 1;
                self.version
            }
        };
        Item { contribution: new.clone(), keys, version, group: old.and_then(|old| old.group), findings }
    }

    /// Puts items that share a key into groups. A group of the same items as before, unchanged, keeps what was found.
    fn regroup(&mut self) {
        let mut sets = Sets::new(self.items.len());
        let mut first_with: FxHashMap<u64, usize> = FxHashMap::default();
        let mut with_any = None;
        for (place, item) in self.items.iter().enumerate() {
            for key in &item.keys.shared {
                sets.join(place, *first_with.entry(*key).or_insert(place));
            }
            if item.keys.any {
                with_any = Some(place);
            }
        }
        if let Some(any) = with_any {
            for (place, _) in self.items.iter().enumerate().filter(|(_, item)| item.keys.placed) {
                sets.join(place, any);
            }
        }
        let old = std::mem::take(&mut self.groups).into_iter();
        let mut known: FxHashMap<Stamp, Vec<Finding>> =
            old.filter_map(|group| Some((group.stamp, group.findings?))).collect();
        let mut group_of: FxHashMap<usize, usize> = FxHashMap::default();
        for (place, item) in self.items.iter_mut().enumerate() {
            if item.keys.is_empty() {
                item.group = None;
                continue;
            }
            let index = *group_of.entry(sets.find(place)).or_insert(self.groups.len());
            if index == self.groups.len() {
                self.groups.push(Group { members: Vec::new(), stamp: Vec::new(), findings: None });
            }
            item.group = Some(index);
            if let Some(group) = self.groups.get_mut(index) {
                group.members.push(place);
                group.stamp.push((item.contribution.id(), item.version));
            }
        }
        for group in &mut self.groups {
            group.findings = known.remove(&group.stamp);
        }
    }
}

/// What looking at an item alone yields.
struct Looked {
    keys: Keys,
    findings: Vec<Finding>,
}

impl Looked {
    fn at(project: &Project, contribution: &Contribution, as_of: Date) -> Self {
        let part = contribution.part();
        Self { keys: Keys::of(part, project), findings: alone(&View::gather(project, [part]), as_of) }
    }
}

/// Disjoint sets of places.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The place that stands for the set of this one.
    fn find(&mut self, mut place: usize) -> usize {
        while let Some(parent) = self.0.get(place).copied().filter(|parent| *parent != place) {
            let above = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(link) = self.0.get_mut(place) {
                *link = above;
            }
            place = above;
        }
        place
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        // The earliest stands for all.
        if let Some(link) = self.0.get_mut(one.max(other)) {
            *link = one.min(other);
        }
    }
}

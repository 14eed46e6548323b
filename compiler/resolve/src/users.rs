//! Who drew on what: the reverse of what each unit notes in its [`Uses`].

use std::sync::Arc;

use kspec_diagnostics::ItemId;
use rustc_hash::FxHashMap;

use crate::{db::Uses, few::Few};

/// Units by what they drew on.
#[derive(Default)]
pub(crate) struct Users {
    /// By module and name; failed look-ups are here too.
    names: FxHashMap<Arc<str>, FxHashMap<Arc<str>, Few<ItemId>>>,
    items: FxHashMap<ItemId, Few<ItemId>>,
    texts: FxHashMap<ItemId, Few<ItemId>>,
}

impl Users {
    /// Notes what a unit drew on.
    pub(crate) fn add(&mut self, id: ItemId, uses: &Uses) {
        for (module, names) in uses.by_module() {
            let users = self.names.entry(Arc::clone(module)).or_default();
            for (_, name) in names {
                users.entry(Arc::clone(name)).or_default().insert(id);
            }
        }
        for (items, index) in [(&uses.items, &mut self.items), (&uses.texts, &mut self.texts)] {
            for item in items {
                index.entry(*item).or_default().insert(id);
            }
        }
    }

    /// Forgets what a unit drew on.
    pub(crate) fn remove(&mut self, id: ItemId, uses: &Uses) {
        for (module, names) in uses.by_module() {
            let Some(users) = self.names.get_mut(module) else { continue };
            for (_, name) in names {
                if let Some(users) = users.get_mut(name) {
                    users.remove(&id);
                }
            }
        }
        for (items, index) in [(&uses.items, &mut self.items), (&uses.texts, &mut self.texts)] {
            for item in items {
                if let Some(users) = index.get_mut(item) {
                    users.remove(&id);
                }
            }
        }
    }

    /// Who looked a name up.
    pub(crate) fn of_name(&self, module: &str, name: &str) -> impl Iterator<Item = ItemId> {
        self.names.get(module).and_then(|names| names.get(name)).into_iter().flatten().copied()
    }

    /// Who drew on an item.
    pub(crate) fn of_item(&self, item: ItemId) -> impl Iterator<Item = ItemId> {
        self.items.get(&item).into_iter().flatten().copied()
    }

    /// Who looked at an item's text.
    pub(crate) fn of_text(&self, item: ItemId) -> impl Iterator<Item = ItemId> {
        self.texts.get(&item).into_iter().flatten().copied()
    }

    /// Whether anyone drew on an item.
    pub(crate) fn draws_on(&self, item: ItemId) -> bool {
        self.of_item(item).next().is_some()
    }

    /// Forgets an item, and returns who drew on it or looked at its text.
    pub(crate) fn forget(&mut self, item: ItemId) -> impl Iterator<Item = ItemId> {
        [self.items.remove(&item), self.texts.remove(&item)].into_iter().flatten().flatten()
    }
}

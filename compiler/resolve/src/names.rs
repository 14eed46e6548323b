//! What is wrong with the names of modules, kept by module: declared twice, reserved, never used; and modules that use each
//! other.

use std::{collections::BTreeMap, sync::Arc};

use kspec_diagnostics::{Finding, ItemId, Severity};
use kspec_syntax::tree::ItemKind;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    cycles,
    db::{Db, Unit},
    modules::{ItemEntry, Module, name_findings},
    unused,
    users::Users,
};

/// Findings by module, and the modules to look at again.
#[derive(Default)]
pub(crate) struct Names {
    found: BTreeMap<Arc<str>, Vec<Finding>>,
    cycles: Vec<Finding>,
    stale: FxHashSet<Arc<str>>,
    /// The `use`s as of the last look for cycles, by module.
    uses: BTreeMap<Arc<str>, Vec<ItemId>>,
}

impl Names {
    /// Notes that a module's items, or who uses its names, may have changed.
    pub(crate) fn touch(&mut self, module: &Arc<str>) {
        if !self.stale.contains(module) {
            self.stale.insert(Arc::clone(module));
        }
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.found.values().flatten().chain(&self.cycles)
    }

    /// Looks at the modules again that may have changed.
    pub(crate) fn update(
        &mut self,
        db: &Db<'_>,
        modules: &BTreeMap<Arc<str>, Module>,
        items: &FxHashMap<ItemId, ItemEntry>,
        units: &FxHashMap<ItemId, Arc<Unit>>,
        users: &Users,
    ) {
        let broken = |id: ItemId| {
            units.get(&id).is_some_and(|unit| unit.findings.iter().any(|finding| finding.severity == Severity::Error))
        };
        let mut look_for_cycles = false;
        let mut stale: Vec<_> = std::mem::take(&mut self.stale).into_iter().collect();
        stale.sort_unstable();
        for path in stale {
            let Some(module) = modules.get(&path) else {
                self.found.remove(&path);
                look_for_cycles |= self.uses.remove(&path).is_some();
                continue;
            };
            let trees = || module.items.iter().filter_map(|id| Some((*id, &items.get(id)?.parsed.item)));
            let mut findings = name_findings(trees());
            findings.extend(unused::check(&path, module, items, users, broken));
            self.found.insert(Arc::clone(&path), findings);
            let uses = trees().filter(|(_, item)| matches!(item.kind, ItemKind::Use(_))).map(|(id, _)| id).collect();
            look_for_cycles = true;
            self.uses.insert(path, uses);
        }
        if look_for_cycles {
            self.cycles = cycles::check(db, &self.uses, items);
        }
    }
}

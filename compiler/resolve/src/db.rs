//! One analysis: items elaborated on demand, each once, with what it drew on.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use kspec_diagnostics::{Finding, ItemId, Location, Severity, Span, codes};
use kspec_model::program::{Part, Workload};
use kspec_syntax::tree::{Item, ItemKind, Use};
use kspec_types::Value;
use rustc_hash::FxHashMap;

use crate::{
    elaborate,
    few::Few,
    manifests::ManifestIndex,
    modules::{ItemEntry, Module, declared, path_text},
    session::Facts,
    target::Target,
};

/// A module, and a name in it.
type LookedUp = (Arc<str>, Arc<str>);

/// What an elaboration drew on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Modules and names looked up in them, found or not, in order. The empty name is the list of a module's names; in the
    /// empty module, the names are the modules.
    names: Vec<LookedUp>,
    /// Items whose exports or contribution were read.
    pub(crate) items: Few<ItemId>,
    /// Items whose text was looked at.
    pub(crate) texts: Few<ItemId>,
}

impl Uses {
    pub(crate) fn name(&mut self, module: &str, name: &str) {
        let Err(at) = self.names.binary_search_by(|(m, n)| (&**m, &**n).cmp(&(module, name))) else { return };
        let same = [at.checked_sub(1), Some(at)].into_iter().flatten().find_map(|near| {
            let (known, _) = self.names.get(near)?;
            (**known == *module).then(|| Arc::clone(known))
        });
        self.names.insert(at, (same.unwrap_or_else(|| Arc::from(module)), Arc::from(name)));
    }

    /// The names looked up, by module.
    pub(crate) fn by_module(&self) -> impl Iterator<Item = (&Arc<str>, &[LookedUp])> {
        let chunks = self.names.chunk_by(|(one, _), (other, _)| one == other);
        chunks.filter_map(|names| Some((&names.first()?.0, names)))
    }
}

/// Values by the names that a declaration declares: one, or none.
pub(crate) type Exports = Option<(Arc<str>, Value)>;

/// An elaborated item.
#[derive(Debug)]
pub(crate) struct Unit {
    /// Values by the names the item declares.
    pub(crate) exports: Exports,
    /// Its contribution to the program.
    pub(crate) part: Part,
    /// What was wrong.
    pub(crate) findings: Vec<Finding>,
    /// What it drew on.
    pub(crate) uses: Uses,
    /// The hash of its text, where others see that whole.
    pub(crate) whole: Option<u64>,
}

/// What a name of a module stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// A declaration.
    Item(ItemId),
    /// A module, by path.
    Module(Arc<str>),
}

/// A name on the way from alias to alias, and how the way came there.
#[derive(Clone, Copy)]
struct Hop<'h> {
    module: &'h str,
    name: &'h str,
    before: Option<&'h Hop<'h>>,
}

/// State of one analysis over borrowed sources.
pub(crate) struct Db<'s> {
    pub(crate) facts: &'s Facts,
    pub(crate) manifests: &'s ManifestIndex,
    pub(crate) target: &'s Target,
    modules: &'s BTreeMap<Arc<str>, Module>,
    items: &'s FxHashMap<ItemId, ItemEntry>,
    kept: &'s FxHashMap<ItemId, Arc<Unit>>,
    fresh: RefCell<FxHashMap<ItemId, Arc<Unit>>>,
    /// Items being elaborated, outermost first, with the place that asked for the next one.
    running: RefCell<Vec<(ItemId, Location)>>,
    /// Cycles found on the way, to be reported by the item that closes them: what it draws on next is none of them.
    cycles: RefCell<Vec<(ItemId, Finding)>>,
    /// The items that the cycles go through: whoever draws on one of them is told nothing new.
    cyclic: RefCell<BTreeSet<ItemId>>,
}

impl<'s> Db<'s> {
    pub(crate) fn new(
        facts: &'s Facts,
        manifests: &'s ManifestIndex,
        target: &'s Target,
        modules: &'s BTreeMap<Arc<str>, Module>,
        items: &'s FxHashMap<ItemId, ItemEntry>,
        kept: &'s FxHashMap<ItemId, Arc<Unit>>,
    ) -> Self {
        Self {
            facts,
            manifests,
            target,
            modules,
            items,
            kept,
            fresh: RefCell::default(),
            running: RefCell::default(),
            cycles: RefCell::default(),
            cyclic: RefCell::default(),
        }
    }

    /// The units made by this analysis, and whether some of them need themselves.
    pub(crate) fn into_fresh(self) -> (BTreeMap<ItemId, Arc<Unit>>, bool) {
        (self.fresh.into_inner().into_iter().collect(), !self.cyclic.into_inner().is_empty())
    }

    /// The item's tree.
    pub(crate) fn item(&self, id: ItemId) -> Option<&'s Item> {
        self.items.get(&id).map(|entry| &entry.parsed.item)
    }

    /// The module an item stands in.
    pub(crate) fn module_of(&self, id: ItemId) -> Arc<str> {
        self.items.get(&id).map_or_else(|| Arc::from(""), |entry| Arc::clone(&entry.module))
    }

    /// A module by path.
    pub(crate) fn module(&self, path: &str) -> Option<&'s Module> {
        self.modules.get(path)
    }

    /// The names of a module, for suggestions.
    pub(crate) fn module_names(&self, path: &str, uses: &mut Uses) -> Vec<Arc<str>> {
        uses.name(path, "");
        let mut names: Vec<Arc<str>> =
            self.modules.get(path).map(|module| module.names.keys().cloned().collect()).unwrap_or_default();
        names.sort();
        names
    }

    /// The paths of all modules.
    pub(crate) fn module_paths(&self, uses: &mut Uses) -> impl Iterator<Item = &Arc<str>> {
        uses.name("", "");
        self.modules.keys()
    }

    /// The item's unit, elaborated now if it is not up to date. `None` while it is being elaborated: a cycle, which is
    /// reported once.
    pub(crate) fn unit(&self, id: ItemId) -> Option<Arc<Unit>> {
        self.unit_for(id, Location { item: id, span: Span::default() })
    }

    /// As [`Db::unit`], on behalf of what stands at `from`.
    pub(crate) fn unit_for(&self, id: ItemId, from: Location) -> Option<Arc<Unit>> {
        if let Some(unit) = self.kept.get(&id) {
            return Some(Arc::clone(unit));
        }
        if let Some(unit) = self.fresh.borrow().get(&id) {
            return Some(Arc::clone(unit));
        }
        if let Some(position) = self.running.borrow().iter().position(|(running, _)| *running == id) {
            self.report_cycle(position, from);
            return None;
        }
        let item = self.item(id)?;
        self.running.borrow_mut().push((id, from));
        let unit = Arc::new(elaborate::item(self, id, item));
        self.running.borrow_mut().pop();
        self.fresh.borrow_mut().insert(id, Arc::clone(&unit));
        Some(unit)
    }

    fn report_cycle(&self, position: usize, closing: Location) {
        let running = self.running.borrow();
        let steps: Vec<Location> = running
            .iter()
            .skip(position + 1)
            .map(|(_, from)| *from)
            .chain(std::iter::once(closing))
            .map(|from| self.placed(from))
            .collect();
        let Some((first, rest)) = steps.split_first() else { return };
        let on: Vec<ItemId> = running.iter().skip(position).map(|(id, _)| *id).collect();
        let Some(closes) = on.last().copied() else { return };
        let calls = on.iter().all(|id| self.item(*id).is_some_and(|item| matches!(item.kind, ItemKind::Fn(_))));
        let (code, message) = match (steps.len(), calls) {
            (1, false) => (codes::RECURSION, "a declaration that needs itself"),
            (1, true) => (codes::RECURSION, "a function that calls itself"),
            (_, true) => (codes::RECURSION, "functions that call each other"),
            _ => (codes::DEPENDENCY_CYCLE, "declarations that need each other"),
        };
        self.cyclic.borrow_mut().extend(on);
        let mut finding = Finding::new(code, message, *first).because("needs what is declared next");
        for step in rest {
            finding = finding.label(*step, "which needs this in turn");
        }
        self.cycles.borrow_mut().push((closes, finding.help("break the cycle: let one of them be written out")));
    }

    /// Where an expression asks for a name is not known here: the declaration it stands in is named instead.
    fn placed(&self, from: Location) -> Location {
        if from.span != Span::default() {
            return from;
        }
        let name = self.item(from.item).and_then(declared).map(|name| name.span);
        Location { item: from.item, span: name.unwrap_or(from.span) }
    }

    /// Whether a cycle that was reported goes through an item.
    pub(crate) fn is_cyclic(&self, id: ItemId) -> bool {
        self.cyclic.borrow().contains(&id)
    }

    /// The cycles that an item closes.
    pub(crate) fn take_cycles(&self, closes: ItemId) -> Vec<Finding> {
        self.cycles.borrow_mut().extract_if(.., |(id, _)| *id == closes).map(|(_, finding)| finding).collect()
    }

    /// What a name of a module stands for, aliases followed; several where namespaces tell them apart.
    pub(crate) fn symbols(&self, module: &str, name: &str, uses: &mut Uses) -> Vec<Symbol> {
        self.symbols_at(Hop { module, name, before: None }, uses)
    }

    fn symbols_at(&self, hop: Hop<'_>, uses: &mut Uses) -> Vec<Symbol> {
        let Hop { module, name, before } = hop;
        uses.name(module, name);
        // Aliases that lead back are a cycle, which the module check reports.
        if std::iter::successors(before, |hop| hop.before).any(|hop| (hop.module, hop.name) == (module, name)) {
            return Vec::new();
        }
        let Some(found) = self.modules.get(module).and_then(|module| module.names.get(name)) else { return Vec::new() };
        let mut symbols = Vec::new();
        for id in found {
            let Some(item) = self.item(*id) else { continue };
            let ItemKind::Use(node) = &item.kind else {
                symbols.push(Symbol::Item(*id));
                continue;
            };
            uses.items.insert(*id);
            match self.use_target(module, node, name, uses) {
                Some((target, Some(inner))) => {
                    symbols.extend(self.symbols_at(Hop { module: &target, name: &inner, before: Some(&hop) }, uses));
                }
                Some((target, None)) => symbols.push(Symbol::Module(target)),
                None => {}
            }
        }
        symbols
    }

    /// The module, and the name in it, that `name` of a `use` stands for.
    pub(crate) fn use_target(
        &self,
        module: &str,
        node: &Use,
        name: &str,
        uses: &mut Uses,
    ) -> Option<(Arc<str>, Option<Arc<str>>)> {
        let path = path_text(&node.path);
        if let Some(names) = &node.names {
            let (original, _) =
                names.iter().find(|(original, alias)| alias.as_ref().unwrap_or(original).text.as_ref() == name)?;
            return Some((self.find_module(module, &path, uses)?, Some(Arc::clone(&original.text))));
        }
        if let Some(found) = self.find_module(module, &path, uses) {
            return Some((found, None));
        }
        let (head, last) = path.rsplit_once('.')?;
        Some((self.find_module(module, head, uses)?, Some(Arc::from(last))))
    }

    /// A module by the path that a `use` in `from` gives: within its own package first.
    pub(crate) fn find_module(&self, from: &str, path: &str, uses: &mut Uses) -> Option<Arc<str>> {
        let mut find = |path: &str| {
            uses.name("", path);
            self.modules.get_key_value(path).map(|(path, _)| Arc::clone(path))
        };
        let package = self.modules.get(from).map(|module| Arc::clone(&module.package)).unwrap_or_default();
        let own = if package.is_empty() { None } else { find(&format!("{package}.{path}")) };
        own.or_else(|| find(path))
    }

    /// The declared workload of a Kubernetes name, from the unit that declares it.
    pub(crate) fn workload(&self, decl: ItemId, namespace: &str, name: &str) -> Option<Workload> {
        let unit = self.unit(decl)?;
        unit.part.workloads.iter().find(|workload| workload.namespace == namespace && workload.name == name).cloned()
    }

    /// The hash of an item's text where others see the text whole: functions, templates, rules, types of parameters.
    pub(crate) fn seen_whole(&self, id: ItemId) -> Option<u64> {
        let entry = self.items.get(&id)?;
        let whole = matches!(
            entry.parsed.item.kind,
            ItemKind::Fn(_)
                | ItemKind::Template(_)
                | ItemKind::Param(_)
                | ItemKind::Use(_)
                | ItemKind::Rule(_)
                | ItemKind::Mutation(_)
        );
        whole.then_some(entry.hash)
    }
}

impl Unit {
    /// Changes when anything changes that another item can see. A stamp says nothing of a template that is wrong. It is asked
    /// of what an edit touches, never of a whole project.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.findings.iter().any(|finding| finding.severity == Severity::Error).hash(&mut hasher);
        self.whole.hash(&mut hasher);
        let mut text = Hashed(hasher);
        // Writing to a hasher cannot fail.
        let _ = write!(text, "{:?}", self.exports);
        for workload in &self.part.workloads {
            let _ = write!(text, "{:?}{:?}{:?}", workload.pods, workload.ports, workload.service_account);
        }
        text.0.finish()
    }
}

/// Hashes what is written to it, so that nothing is built up only to be hashed.
struct Hashed(DefaultHasher);

impl std::fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

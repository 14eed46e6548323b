//! A session: sources in, program and findings out, recomputing only what an edit touches.
//!
//! Items are parsed and elaborated one by one. An item's [`Unit`] records which names it looked up and which items it
//! drew on; when one of those changes what it exports, the unit is elaborated again. There is no framework: content
//! hashes decide what changed, and two reverse indexes decide what follows.

mod rounds;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use kspec_diagnostics::{FileId, Finding, ItemId, SourceFile, SourceMap};
use kspec_model::program::{Date, Part, Program, Project, View};
use kspec_schema::Schema;
use kspec_syntax::{ParsedItem, tree::ItemKind};
use rustc_hash::FxHashMap;

use crate::{
    config::Config,
    db::{Db, Unit},
    manifests::{ManifestDoc, ManifestIndex},
    modules::{ItemEntry, Module, path_text, table_names},
    names::Names,
    target::Target,
    users::Users,
};

/// Threads that parse ahead. The rest of a check is one thread's, so more would only wait.
const PARSERS: usize = 2;

/// What a program is compiled against, beside its sources.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The project file.
    pub config: Config,
    /// Types and resources: the target version's and the project's CRDs'.
    pub schema: Arc<Schema>,
    /// Manifests to bind workloads from.
    pub manifests: Vec<ManifestDoc>,
    /// Environment picked.
    pub environment: Option<String>,
    /// The day that `until` is held against.
    pub as_of: Date,
    /// The standard library: path to text. Its modules are read when a program uses them.
    pub library: &'static [(&'static str, &'static str)],
    /// Rego modules that rules may name: path in the project to text.
    pub rego: BTreeMap<String, Arc<str>>,
    /// The authority of the webhook's certificate, in PEM: the text of the file that the project names.
    pub webhook_ca: Option<Arc<str>>,
}

/// How much work the last [`Session::analyze`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Items parsed since the session began.
    pub parsed: usize,
    /// Items elaborated by the last analysis.
    pub elaborated: usize,
}

/// One item's share of the program.
#[derive(Debug, Clone)]
pub struct Contribution {
    id: ItemId,
    /// Whether something is wrong with it.
    faulty: bool,
    parsed: Arc<ParsedItem>,
    unit: Arc<Unit>,
}

impl Contribution {
    /// The item.
    #[must_use]
    pub fn id(&self) -> ItemId {
        self.id
    }

    /// What it adds to the program.
    #[must_use]
    pub fn part(&self) -> &Part {
        &self.unit.part
    }

    /// Whether it is what it was: made by the same elaboration.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.unit, &other.unit)
    }
}

/// What an analysis changed of the contributions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Items came, went or moved.
    Everything,
    /// Those at these places, ascending.
    At(Vec<usize>),
}

/// A program under edit.
pub struct Session {
    facts: Facts,
    manifests: ManifestIndex,
    target: Target,
    sources: SourceMap,
    files: BTreeMap<Arc<str>, FileId>,
    modules: BTreeMap<Arc<str>, Module>,
    items: FxHashMap<ItemId, ItemEntry>,
    units: FxHashMap<ItemId, Arc<Unit>>,
    users: Users,
    dirty: BTreeSet<ItemId>,
    /// Items that need each other: one is out of date as soon as another is.
    knots: Vec<BTreeSet<ItemId>>,
    /// Files parsed ahead, by their text, until they are set.
    ahead: FxHashMap<Arc<str>, Vec<Piece>>,
    /// Paths of `use`s met, whose library modules are to be read.
    wanted: BTreeSet<String>,
    /// Package items that the project draws on, directly or not.
    active: BTreeSet<ItemId>,
    /// What the program is made of, in its order; made anew when an item comes or goes.
    contributions: Vec<Contribution>,
    order_stale: bool,
    changed: Changed,
    names: Names,
    project: Project,
    /// Made when asked for.
    program: OnceLock<Program>,
    next_item: u32,
    next_file: u32,
    stats: Stats,
}

impl Session {
    /// A session with no sources but the standard library, which is loaded on demand through `use`.
    #[must_use]
    pub fn new(facts: Facts) -> Self {
        let project = Project {
            name: facts.config.name.clone(),
            owner: facts.config.owner.clone(),
            kubernetes: facts.config.kubernetes.to_string(),
            inventory_namespace: facts.config.inventory_namespace.clone(),
            environment: facts.environment.clone(),
            network: facts.config.network.clone(),
            admission: facts.config.admission.facts(facts.webhook_ca.as_deref()),
        };
        let manifests = ManifestIndex::new(&facts.manifests);
        let target = Target::of(&facts.schema, facts.config.kubernetes);
        Self {
            facts,
            manifests,
            target,
            sources: SourceMap::default(),
            files: BTreeMap::new(),
            modules: BTreeMap::new(),
            items: FxHashMap::default(),
            units: FxHashMap::default(),
            users: Users::default(),
            dirty: BTreeSet::new(),
            knots: Vec::new(),
            ahead: FxHashMap::default(),
            wanted: BTreeSet::new(),
            active: BTreeSet::new(),
            contributions: Vec::new(),
            order_stale: true,
            changed: Changed::Everything,
            names: Names::default(),
            project,
            program: OnceLock::new(),
            next_item: 0,
            next_file: 0,
            stats: Stats::default(),
        }
    }

    /// Parses many files side by side, ahead of setting them one by one. Nothing but time depends on it.
    pub fn parse_ahead(&mut self, texts: &[Arc<str>]) {
        let parse = |text: &Arc<str>| {
            let mut pieces = Piece::all(text);
            for piece in &mut pieces {
                piece.parsed = Some(piece.parse(text));
            }
            (Arc::clone(text), pieces)
        };
        // Files differ in size, so that each worker takes the next.
        let next = AtomicUsize::new(0);
        let parsed = std::thread::scope(|scope| {
            let work = || {
                let mut parsed = Vec::new();
                while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    parsed.push(parse(text));
                }
                parsed
            };
            let workers: Vec<_> = (0..PARSERS.min(texts.len())).map(|_| scope.spawn(work)).collect();
            // A worker that failed leaves its files to be parsed when they are set.
            workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect::<Vec<_>>()
        });
        self.ahead.extend(parsed);
    }

    /// Adds or replaces a file. `path` is relative to the project, `/`-separated, and names the module; a package's files
    /// begin with the package's name.
    pub fn set_source(&mut self, path: &str, text: impl Into<Arc<str>>) {
        let text: Arc<str> = text.into();
        let module = module_path(path);
        let file = match self.files.get(path) {
            Some(file) => *file,
            None => {
                let id = FileId(self.next_file);
                self.next_file += 1;
                self.files.insert(Arc::from(path), id);
                id
            }
        };
        self.sources.set_file(file, SourceFile::new(path, Arc::clone(&text)));

        let old_items = self.modules.get(&module).map(|module| module.items.clone()).unwrap_or_default();
        let pieces = self.ahead.remove(&text).unwrap_or_else(|| Piece::all(&text));
        let matched = self.match_items(&old_items, &pieces);
        let mut items = Vec::with_capacity(pieces.len());
        let mut turned: BTreeSet<ItemId> = BTreeSet::new();
        for (mut piece, known) in pieces.into_iter().zip(matched) {
            let hash = piece.hash;
            let id = match known {
                Some(id) => id,
                None => {
                    let id = ItemId(self.next_item);
                    self.next_item += 1;
                    id
                }
            };
            self.sources.set_item(id, file, piece.offset);
            if self.items.get(&id).is_none_or(|entry| entry.hash != hash) {
                self.stats.parsed += 1;
                let parsed = piece.parsed.take().unwrap_or_else(|| piece.parse(&text));
                if let ItemKind::Use(node) = &parsed.item.kind {
                    self.wanted.insert(path_text(&node.path));
                }
                let entry = ItemEntry { module: Arc::clone(&module), hash, parsed };
                let is_use = entry.is_use();
                if self.items.insert(id, entry).is_some_and(|old| old.is_use() != is_use) {
                    turned.insert(id);
                }
                self.dirty.insert(id);
                self.dirty.extend(self.users.of_text(id));
            }
            items.push(id);
        }
        for gone in old_items.iter().filter(|id| !items.contains(id)) {
            self.forget(*gone);
        }
        if items != old_items {
            self.order_stale = true;
        }
        let mut names: FxHashMap<Arc<str>, Vec<ItemId>> = FxHashMap::default();
        for id in &items {
            if let Some(entry) = self.items.get(id) {
                for name in table_names(&entry.parsed.item) {
                    names.entry(Arc::clone(&name.text)).or_default().push(*id);
                }
            }
        }
        let package = package_of(&module, &self.facts.config);
        self.names.touch(&module);
        let new = Module { package, items, names };
        let old = self.modules.remove(&module);
        self.names_changed(&module, old.as_ref(), Some(&new));
        // A name that was a declaration's own and is an alias now means something else, whichever item says so.
        for (name, _) in new.names.iter().filter(|(_, ids)| ids.iter().any(|id| turned.contains(id))) {
            self.mark_users(&module, name);
        }
        self.modules.insert(module, new);
    }

    /// Forgets a file.
    pub fn remove_source(&mut self, path: &str) {
        let Some(file) = self.files.remove(path) else { return };
        let module = module_path(path);
        if let Some(old) = self.modules.remove(&module) {
            self.names_changed(&module, Some(&old), None);
            for id in old.items {
                self.forget(id);
            }
        }
        self.names.touch(&module);
        self.sources.remove_file(file);
        self.order_stale = true;
    }

    /// Elaborates what changed.
    pub fn analyze(&mut self) {
        self.stats.elaborated = 0;
        self.read_library();
        let changed = self.elaborate_dirty();
        self.contribute(&changed);
        let db = Db::new(&self.facts, &self.manifests, &self.target, &self.modules, &self.items, &self.units);
        self.names.update(&db, &self.modules, &self.items, &self.units, &self.users);
    }

    /// What is wrong with each item and each module by itself, as of the last [`Session::analyze`]: syntax, names, types.
    /// Unsorted.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let faulty = self.contributions.iter().filter(|contribution| contribution.faulty);
        let of_items = faulty.flat_map(|Contribution { id, unit, parsed, .. }| {
            let syntax = parsed.errors.iter().cloned().map(|error| error.into_finding(*id));
            syntax.chain(unit.findings.iter().cloned())
        });
        of_items.chain(self.names.findings().cloned())
    }

    /// What the program is made of, as of the last [`Session::analyze`]: modules by path, then items by position.
    #[must_use]
    pub fn contributions(&self) -> &[Contribution] {
        &self.contributions
    }

    /// What the last [`Session::analyze`] changed of the contributions.
    #[must_use]
    pub fn changed(&self) -> &Changed {
        &self.changed
    }

    /// The project, as programs state it.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The program as of the last [`Session::analyze`].
    #[must_use]
    pub fn program(&self) -> &Program {
        self.program
            .get_or_init(|| Program::gather(self.project.clone(), self.contributions.iter().map(Contribution::part)))
    }

    /// The same without a copy.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::gather(&self.project, self.contributions.iter().map(Contribution::part))
    }

    /// Where everything stands.
    #[must_use]
    pub fn sources(&self) -> &SourceMap {
        &self.sources
    }

    /// What the session compiles against.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// How much work was done.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Pairs new item texts with known items: equal texts first, in order, then what is left by position between the
    /// same neighbours, so that an edited item keeps its identity.
    fn match_items(&self, old: &[ItemId], pieces: &[Piece]) -> Vec<Option<ItemId>> {
        let mut by_hash: FxHashMap<u64, Vec<ItemId>> = FxHashMap::default();
        for id in old.iter().rev() {
            if let Some(entry) = self.items.get(id) {
                by_hash.entry(entry.hash).or_default().push(*id);
            }
        }
        let mut matched: Vec<Option<ItemId>> =
            pieces.iter().map(|piece| by_hash.get_mut(&piece.hash).and_then(Vec::pop)).collect();
        let taken: BTreeSet<ItemId> = matched.iter().flatten().copied().collect();
        let mut left = old.iter().filter(|id| !taken.contains(id));
        for slot in matched.iter_mut().filter(|slot| slot.is_none()) {
            *slot = left.next().copied();
        }
        matched
    }

    fn forget(&mut self, id: ItemId) {
        self.items.remove(&id);
        self.drop_unit(id);
        self.dirty.extend(self.users.forget(id));
        self.dirty.remove(&id);
        self.sources.remove_item(id);
    }

    /// Marks whoever looked up a name that now means something else.
    fn names_changed<'m>(&mut self, path: &str, old: Option<&'m Module>, new: Option<&'m Module>) {
        let of = |module: Option<&'m Module>, name: &str| module.and_then(|module| module.names.get(name));
        let names = [old, new].into_iter().flatten().flat_map(|module| module.names.keys());
        let changed: Vec<&Arc<str>> = names.filter(|name| of(old, name) != of(new, name)).collect();
        if changed.iter().any(|name| of(old, name).is_none() || of(new, name).is_none()) {
            self.mark_users(path, "");
        }
        for name in changed {
            self.mark_users(path, name);
        }
        if old.is_none() || new.is_none() {
            self.mark_users("", path);
            self.mark_users("", "");
        }
    }

    fn mark_users(&mut self, module: &str, name: &str) {
        self.dirty.extend(self.users.of_name(module, name));
    }

    /// Removes a unit and its entries in the reverse indexes.
    fn drop_unit(&mut self, id: ItemId) -> Option<Arc<Unit>> {
        let unit = self.units.remove(&id)?;
        self.users.remove(id, &unit.uses);
        unit.uses.by_module().for_each(|(module, _)| self.names.touch(module));
        Some(unit)
    }

    /// Reads the library's modules that `use`s name, and those that these use in turn.
    fn read_library(&mut self) {
        let library = self.facts.library;
        while let Some(wanted) = self.wanted.pop_first() {
            for (path, text) in library {
                let module = module_path(path);
                let named =
                    wanted == *module || wanted.strip_prefix(&*module).is_some_and(|rest| rest.starts_with('.'));
                if named && !self.files.contains_key(*path) {
                    self.set_source(path, *text);
                }
            }
        }
    }

    /// The files of the standard library that the sources draw on, directly or through each other.
    pub fn drawn_library(&mut self) -> Vec<(&'static str, &'static str)> {
        self.read_library();
        self.facts.library.iter().filter(|(path, _)| self.files.contains_key(*path)).copied().collect()
    }

    /// Whether an item is the project's own: a package's items count only where something draws on them.
    fn is_root(&self, id: ItemId) -> bool {
        self.items
            .get(&id)
            .and_then(|entry| self.modules.get(&entry.module))
            .is_some_and(|module| module.package.is_empty())
    }

    /// Brings the contributions up to date with the units.
    fn contribute(&mut self, changed: &BTreeSet<ItemId>) {
        let active: BTreeSet<ItemId> = self
            .modules
            .values()
            .filter(|module| !module.package.is_empty())
            .flat_map(|module| module.items.iter().copied())
            .filter(|id| self.users.draws_on(*id))
            .collect();
        let contribution = |id: ItemId| {
            let (entry, unit) = (self.items.get(&id)?, self.units.get(&id)?);
            Some(Contribution {
                id,
                faulty: !(entry.parsed.errors.is_empty() && unit.findings.is_empty()),
                parsed: Arc::clone(&entry.parsed),
                unit: Arc::clone(unit),
            })
        };
        if self.order_stale || active != self.active {
            let order = self.modules.values().flat_map(|module| {
                let own = module.package.is_empty();
                module.items.iter().copied().filter(|id| own || active.contains(id)).collect::<Vec<_>>()
            });
            self.contributions = order.filter_map(contribution).collect();
            self.active = active;
            self.order_stale = false;
            self.changed = Changed::Everything;
        } else {
            let mut at = Vec::new();
            for (index, slot) in self.contributions.iter_mut().enumerate() {
                if changed.contains(&slot.id)
                    && let Some(new) = contribution(slot.id)
                {
                    *slot = new;
                    at.push(index);
                }
            }
            self.changed = Changed::At(at);
        }
        if self.changed != Changed::At(Vec::new()) {
            self.program = OnceLock::new();
        }
    }
}

/// An item's place in its file, and its text's hash.
struct Piece {
    offset: u32,
    length: usize,
    hash: u64,
    parsed: Option<Arc<ParsedItem>>,
}

impl Piece {
    fn all(file: &str) -> Vec<Self> {
        let piece = |item: kspec_syntax::ItemText<'_>| Self {
            offset: item.offset,
            length: item.text.len(),
            hash: hash_of(item.text),
            parsed: None,
        };
        kspec_syntax::split(file).into_iter().map(piece).collect()
    }

    fn parse(&self, file: &str) -> Arc<ParsedItem> {
        let text = file.get(self.offset as usize..).and_then(|rest| rest.get(..self.length)).unwrap_or_default();
        Arc::new(kspec_syntax::parse_item(text))
    }
}

/// `shop/net.kspec` → `shop.net`.
fn module_path(path: &str) -> Arc<str> {
    Arc::from(path.strip_suffix(".kspec").unwrap_or(path).replace('/', "."))
}

fn package_of(module: &str, config: &Config) -> Arc<str> {
    let head = module.split('.').next().unwrap_or_default();
    if head == "std" || config.dependencies.contains_key(head) { Arc::from(head) } else { Arc::from("") }
}

fn hash_of(text: &str) -> u64 {
    // The default hasher's keys are fixed, so equal texts hash alike; nothing of it reaches output.
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

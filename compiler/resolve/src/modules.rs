//! Modules: which items a file holds and what they are called.

use std::{borrow::Cow, sync::Arc};

use kspec_diagnostics::{Finding, ItemId, Location, codes};
use kspec_syntax::{
    ParsedItem,
    tree::{Item, ItemKind, Name, Path},
};
use rustc_hash::FxHashMap;

/// Names that stand for themselves everywhere and cannot be declared (language reference, "Files and projects").
pub(crate) const RESERVED: &[&str] = &["all", "any", "dns", "internet", "cidr", "user", "group", "true", "false"];

/// One file's items and names.
#[derive(Debug, Clone)]
pub(crate) struct Module {
    /// Package it belongs to: `""` for the project, `std`, or a dependency's name.
    pub(crate) package: Arc<str>,
    /// Items in order.
    pub(crate) items: Vec<ItemId>,
    /// Items by the names they declare.
    pub(crate) names: FxHashMap<Arc<str>, Vec<ItemId>>,
}

/// An item as parsed, with where it belongs.
#[derive(Debug, Clone)]
pub(crate) struct ItemEntry {
    /// Module path.
    pub(crate) module: Arc<str>,
    /// Hash of its text.
    pub(crate) hash: u64,
    /// The tree and its errors.
    pub(crate) parsed: Arc<ParsedItem>,
}

impl ItemEntry {
    /// Whether its names are aliases.
    pub(crate) fn is_use(&self) -> bool {
        matches!(self.parsed.item.kind, ItemKind::Use(_))
    }
}

/// The name that an item declares in its module; `use` declares several and is not asked.
pub(crate) fn declared(item: &Item) -> Option<&Name> {
    match &item.kind {
        ItemKind::Param(param) => Some(&param.name),
        ItemKind::Let(node) => Some(&node.name),
        ItemKind::Fn(node) => Some(&node.name),
        ItemKind::Template(node) => Some(&node.name),
        ItemKind::Manifest(node) => node.name.as_ref(),
        ItemKind::Namespace(node) => Some(&node.name),
        ItemKind::Workload(node) => Some(&node.name),
        ItemKind::ServiceAccount(node) => Some(&node.name),
        ItemKind::Principal(node) => Some(&node.name),
        ItemKind::Role(node) => Some(&node.name),
        ItemKind::Rule(node) => Some(&node.name),
        ItemKind::Mutation(node) => Some(&node.name),
        ItemKind::Runtime(node) => Some(&node.name),
        ItemKind::Error(name) => name.as_ref(),
        ItemKind::Use(_)
        | ItemKind::For(_)
        | ItemKind::Stamp(_)
        | ItemKind::Grant(_)
        | ItemKind::Network(_)
        | ItemKind::Guarantee(_)
        | ItemKind::Encryption(_)
        | ItemKind::Audit(_)
        | ItemKind::Authentication(_)
        | ItemKind::ApiServer(_)
        | ItemKind::Moved(_)
        | ItemKind::Accept(_)
        | ItemKind::Bind(_)
        | ItemKind::Exempt(_)
        | ItemKind::Protect(_)
        | ItemKind::Test(_) => None,
    }
}

/// The names an item adds to its module's table, with where each stands.
pub(crate) fn table_names(item: &Item) -> Vec<&Name> {
    if let ItemKind::Use(node) = &item.kind {
        return match (&node.names, &node.alias) {
            (Some(names), _) => names.iter().map(|(name, alias)| alias.as_ref().unwrap_or(name)).collect(),
            (None, Some(alias)) => vec![alias],
            (None, None) => node.path.segments.last().into_iter().collect(),
        };
    }
    declared(item).into_iter().collect()
}

/// The namespace path of a declaration that lives in one: what tells two of one name apart.
fn namespace_of(item: &Item) -> Option<Cow<'_, str>> {
    let path = match &item.kind {
        ItemKind::Workload(node) => &node.namespace,
        ItemKind::ServiceAccount(node) => &node.namespace,
        ItemKind::Role(node) => node.namespace.as_ref()?,
        _ => return None,
    };
    Some(match path.segments.as_slice() {
        [only] => Cow::Borrowed(&*only.text),
        _ => Cow::Owned(path_text(path)),
    })
}

/// A path as written.
pub(crate) fn path_text(path: &Path) -> String {
    let segments: Vec<&str> = path.segments.iter().map(|name| name.text.as_ref()).collect();
    segments.join(".")
}

/// Duplicate and reserved names among sibling items; `locate` gives each its item.
pub(crate) fn name_findings<'a>(items: impl Iterator<Item = (ItemId, &'a Item)>) -> Vec<Finding> {
    let mut seen: FxHashMap<(&str, Option<Cow<'_, str>>), Location> = FxHashMap::default();
    let mut findings = Vec::new();
    for (id, item) in items {
        for name in table_names(item) {
            let here = Location { item: id, span: name.span };
            if RESERVED.contains(&name.text.as_ref()) {
                findings.push(
                    Finding::new(
                        codes::RESERVED_NAME,
                        format!("`{}` means the same everywhere and cannot be declared", name.text),
                        here,
                    )
                    .help(format!("choose another name, such as `{}_`", name.text)),
                );
                continue;
            }
            if matches!(item.kind, ItemKind::Error(_)) {
                continue;
            }
            let key = (name.text.as_ref(), namespace_of(item));
            if let Some(first) = seen.get(&key) {
                findings.push(
                    Finding::new(
                        codes::DUPLICATE_DECLARATION,
                        format!("`{}` is declared twice in this module", name.text),
                        here,
                    )
                    .because("declared again here")
                    .label(*first, "first declared here")
                    .help("rename one of them, or move it to a module of its own"),
                );
            } else {
                seen.insert(key, here);
            }
        }
    }
    findings
}

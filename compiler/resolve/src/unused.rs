//! Declarations that nothing names.

use std::sync::Arc;

use kspec_diagnostics::{Finding, ItemId, Location, codes};
use kspec_syntax::tree::ItemKind;

use rustc_hash::FxHashMap;

use crate::{
    modules::{ItemEntry, Module, table_names},
    users::Users,
};

/// Helpers and names of others' things that no declaration of the project uses, in one module. Declarations that have an effect of
/// their own (a namespace, a role, a workload) are never unused.
pub(crate) fn check(
    path: &Arc<str>,
    module: &Module,
    items: &FxHashMap<ItemId, ItemEntry>,
    users: &Users,
    broken: impl Fn(ItemId) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !module.package.is_empty() {
        return findings;
    }
    for id in &module.items {
        let Some(entry) = items.get(id) else { continue };
        let Some(what) = helper(&entry.parsed.item.kind) else { continue };
        // What is wrong with it says enough.
        if broken(*id) {
            continue;
        }
        for name in table_names(&entry.parsed.item) {
            let used = users.of_name(path, &name.text).any(|user| user != *id);
            if !used {
                findings.push(
                    Finding::new(
                        codes::UNUSED_DECLARATION,
                        format!("{what} `{}` is never used", name.text),
                        Location { item: *id, span: name.span },
                    )
                    .help("remove it, or use it"),
                );
            }
        }
    }
    findings
}

/// What a declaration without an effect of its own is called.
fn helper(kind: &ItemKind) -> Option<&'static str> {
    match kind {
        ItemKind::Use(_) => Some("imported name"),
        ItemKind::Param(_) => Some("parameter"),
        // A `let` of a call may stamp a template, which has an effect.
        ItemKind::Let(node) if !matches!(node.value.kind, kspec_syntax::tree::ExprKind::Call(..)) => Some("`let`"),
        ItemKind::Fn(_) => Some("function"),
        ItemKind::Template(_) => Some("template"),
        ItemKind::Principal(node) => Some(if node.group { "group" } else { "user" }),
        ItemKind::Namespace(node) if node.existing => Some("existing namespace"),
        ItemKind::Workload(node) if node.existing => Some("existing workload"),
        ItemKind::ServiceAccount(node) if node.existing => Some("existing service account"),
        ItemKind::Role(node) if node.existing => Some("existing role"),
        _ => None,
    }
}

//! Modules that `use` each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kspec_diagnostics::{Finding, ItemId, Location, codes};
use kspec_syntax::tree::ItemKind;

use rustc_hash::FxHashMap;

use crate::{
    db::{Db, Uses},
    modules::ItemEntry,
};

/// One finding for each cycle of `use`s, naming every step. `uses` are those of each module, in order.
pub(crate) fn check(
    db: &Db<'_>,
    uses: &BTreeMap<Arc<str>, Vec<ItemId>>,
    items: &FxHashMap<ItemId, ItemEntry>,
) -> Vec<Finding> {
    let mut edges: BTreeMap<Arc<str>, Vec<(Arc<str>, Location)>> = BTreeMap::new();
    for (path, uses) in uses {
        for id in uses {
            let Some(entry) = items.get(id) else { continue };
            let ItemKind::Use(node) = &entry.parsed.item.kind else { continue };
            let first = node.names.as_ref().and_then(|names| names.first());
            let name = match (first, &node.alias, node.path.segments.last()) {
                (Some((name, alias)), ..) => alias.as_ref().unwrap_or(name),
                (None, Some(alias), _) => alias,
                (None, None, Some(last)) => last,
                (None, None, None) => continue,
            };
            if let Some((target, _)) = db.use_target(path, node, &name.text, &mut Uses::default()) {
                edges.entry(Arc::clone(path)).or_default().push((target, Location { item: *id, span: node.path.span }));
            }
        }
    }
    let mut findings = Vec::new();
    let mut done: BTreeSet<Arc<str>> = BTreeSet::new();
    for start in edges.keys() {
        let mut trail = Vec::new();
        walk(start, &edges, &mut trail, &mut done, &mut findings);
    }
    findings
}

/// Depth first, without recursion on the machine's stack: modules may be many.
fn walk(
    start: &Arc<str>,
    edges: &BTreeMap<Arc<str>, Vec<(Arc<str>, Location)>>,
    trail: &mut Vec<(Arc<str>, usize)>,
    done: &mut BTreeSet<Arc<str>>,
    findings: &mut Vec<Finding>,
) {
    if done.contains(start) {
        return;
    }
    trail.push((Arc::clone(start), 0));
    while let Some((module, next)) = trail.last_mut() {
        let step = edges.get(module).and_then(|targets| targets.get(*next));
        let Some((target, place)) = step else {
            done.insert(Arc::clone(module));
            trail.pop();
            continue;
        };
        *next += 1;
        if done.contains(target) {
            continue;
        }
        if let Some(position) = trail.iter().position(|(on, _)| on == target) {
            findings.push(cycle(trail.get(position..).unwrap_or_default(), edges, target, *place));
        } else {
            trail.push((Arc::clone(target), 0));
        }
    }
}

fn cycle(
    trail: &[(Arc<str>, usize)],
    edges: &BTreeMap<Arc<str>, Vec<(Arc<str>, Location)>>,
    target: &Arc<str>,
    closing: Location,
) -> Finding {
    let names: Vec<&str> =
        trail.iter().map(|(module, _)| module.as_ref()).chain(std::iter::once(target.as_ref())).collect();
    let mut finding =
        Finding::new(codes::DEPENDENCY_CYCLE, format!("modules use each other: {}", names.join(" → ")), closing)
            .because("which closes the cycle")
            .help("move what both need into a module of its own");
    for (module, next) in trail.iter().take(trail.len().saturating_sub(1)) {
        let used = edges.get(module).and_then(|targets| targets.get(next.saturating_sub(1)));
        if let Some((other, place)) = used {
            finding = finding.label(*place, format!("{module} uses {other}"));
        }
    }
    finding
}

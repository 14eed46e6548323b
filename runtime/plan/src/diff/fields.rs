//! Managed fields: who owns which, as server-side apply keeps them (`fieldsV1`).

use serde_json::{Map, Value};

use super::path::Path;

/// What a manager owns, as a tree of `f:NAME`, `k:{KEYS}`, `v:VALUE` and `.`.
pub(crate) type Tree = Map<String, Value>;

/// One manager's entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) manager: &'a str,
    pub(crate) applied: bool,
    pub(crate) fields: &'a Tree,
}

/// Every entry but those of subresources like `status`, which nobody applies with the object.
pub(crate) fn entries(object: &Value) -> impl Iterator<Item = Entry<'_>> {
    object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten().filter_map(|entry| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        Some(Entry {
            manager: text("manager"),
            applied: text("operation") == "Apply",
            fields: entry.get("fieldsV1")?.as_object().filter(|_| text("subresource") != "status")?,
        })
    })
}

/// What `manager` has applied, in whatever API versions.
pub(crate) fn applied(object: &Value, manager: &str) -> Option<Tree> {
    let mut entries = entries(object).filter(|entry| entry.applied && entry.manager == manager);
    let mut tree = entries.next()?.fields.clone();
    for entry in entries {
        union(&mut tree, entry.fields);
    }
    Some(tree)
}

/// Adds one tree to another.
pub(crate) fn union(into: &mut Tree, from: &Tree) {
    for (step, child) in from {
        let slot = into.entry(step.clone()).or_insert_with(|| Value::Object(Map::new()));
        if let (Some(slot), Some(child)) = (slot.as_object_mut(), child.as_object()) {
            union(slot, child);
        }
    }
}

/// The managers other than `manager`'s applies that own a field or something in it.
pub(crate) fn others<'a>(object: &'a Value, manager: &str, path: &Path<'_>) -> Vec<&'a str> {
    let mut steps = Vec::new();
    collect(path, &mut steps);
    let mut names: Vec<&str> = entries(object)
        .filter(|entry| !is_ours(entry, manager) && owns(entry.fields, &steps))
        .map(|entry| entry.manager)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `kspec.PROJECT`, and `kspec.PROJECT.PURPOSE` for what apply marks on its own account.
fn is_ours(entry: &Entry<'_>, manager: &str) -> bool {
    let rest = entry.manager.strip_prefix(manager);
    entry.applied && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn collect<'a>(path: &'a Path<'a>, steps: &mut Vec<&'a Path<'a>>) {
    match path {
        Path::Root => {}
        Path::Field(parent, _) | Path::Keyed(parent, _) | Path::Member(parent, _) => {
            collect(parent, steps);
            steps.push(path);
        }
    }
}

fn owns(tree: &Tree, steps: &[&Path<'_>]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return true };
    match child(tree, step) {
        Some(child) => owns(child, rest),
        None => false,
    }
}

fn child<'a>(tree: &'a Tree, step: &Path<'_>) -> Option<&'a Tree> {
    match step {
        Path::Root => None,
        Path::Field(_, name) => tree.get(&format!("f:{name}"))?.as_object(),
        Path::Keyed(_, keys) => tree.iter().find_map(|(step, child)| {
            let Some(Step::Keyed(have)) = Step::parse(step) else { return None };
            let same = have.len() == keys.len() && keys.iter().all(|(name, value)| have.get(*name) == Some(value));
            if same { child.as_object() } else { None }
        }),
        Path::Member(_, value) => tree.iter().find_map(|(step, child)| match Step::parse(step) {
            Some(Step::Member(have)) if have == **value => child.as_object(),
            _ => None,
        }),
    }
}

/// A step of a tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step<'a> {
    /// `f:NAME`
    Field(&'a str),
    /// `k:{…}`
    Keyed(Map<String, Value>),
    /// `v:…`
    Member(Value),
}

impl<'a> Step<'a> {
    /// `None` for `.`, which is the item itself, and for `i:N`, which no built-in type uses.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        match text.split_at_checked(2)? {
            ("f:", name) => Some(Self::Field(name)),
            ("k:", keys) => serde_json::from_str(keys).ok().map(Self::Keyed),
            ("v:", value) => serde_json::from_str(value).ok().map(Self::Member),
            _ => None,
        }
    }
}

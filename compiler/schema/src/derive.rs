//! Makes a table of `data/` from what a Kubernetes release publishes: OpenAPI v3 documents and discovery.
//!
//! The documents may come from the Kubernetes module (`cargo xtask schemas`) or from a running API server (to compare).

mod compare;
mod enums;
mod types;

use std::collections::BTreeMap;

use serde_json::Value;

pub use compare::differences;
pub use enums::add_enums;
pub(crate) use types::first_sentence;
pub use types::types;

use crate::table::HEADER;

/// What a release publishes.
#[derive(Debug, Clone)]
pub struct Published {
    /// `v1.36.3`
    pub release: String,
    /// OpenAPI v3 documents, by any name.
    pub openapi: BTreeMap<String, Value>,
    /// The `APIGroupList` of `/apis`.
    pub groups: Value,
    /// The `APIResourceList` of each group and version, `/api/v1` among them.
    pub resources: Vec<Value>,
}

/// The whole table of a release.
#[must_use]
pub fn table(published: &Published) -> String {
    let roots = types::roots(&published.openapi);
    let mut lines = vec![format!("{HEADER}\t{}", published.release)];
    lines.extend(groups(&published.groups));
    let mut kinds: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    let mut served = BTreeMap::new();
    for list in &published.resources {
        let api_version = text(list, "groupVersion");
        let (group, version) = crate::split_api_version(api_version);
        let resources: Vec<&Value> = list.get("resources").and_then(Value::as_array).into_iter().flatten().collect();
        for resource in &resources {
            let (name, kind) = (text(resource, "name"), text(resource, "kind"));
            let gvk = (group.to_owned(), version.to_owned(), kind.to_owned());
            let Some(ty) = roots.get(&gvk).filter(|_| !name.contains('/')) else {
                continue;
            };
            let scope = if resource.get("namespaced") == Some(&Value::Bool(true)) { "ns" } else { "cluster" };
            let cells = [
                "kind",
                group,
                version,
                kind,
                ty,
                name,
                text(resource, "singularName"),
                scope,
                &list_of(resource, "shortNames"),
                &list_of(resource, "categories"),
                &list_of(resource, "verbs"),
            ];
            let mut block = vec![cells.join("\t")];
            let mut subs: Vec<String> =
                resources.iter().filter_map(|sub| subresource(sub, name, api_version)).collect();
            subs.sort();
            block.extend(subs);
            kinds.insert((group.to_owned(), version.to_owned(), name.to_owned()), block);
            served.insert(gvk, ());
        }
    }
    lines.extend(kinds.into_values().flatten());
    for (gvk, ty) in &roots {
        if !served.contains_key(gvk) {
            lines.push(["object", &gvk.0, &gvk.1, &gvk.2, ty].join("\t"));
        }
    }
    lines.extend(types(&published.openapi).into_values().flatten());
    lines.push(String::new());
    lines.join("\n")
}

fn groups(list: &Value) -> Vec<String> {
    let mut lines = vec!["group\t\tv1".to_owned()];
    for group in list.get("groups").and_then(Value::as_array).into_iter().flatten() {
        let preferred = group.get("preferredVersion").map_or("", |version| text(version, "version"));
        let mut versions = vec![preferred];
        let all = group.get("versions").and_then(Value::as_array).into_iter().flatten();
        versions.extend(all.map(|version| text(version, "version")).filter(|version| *version != preferred));
        lines.push(format!("group\t{}\t{}", text(group, "name"), versions.join(",")));
    }
    lines.sort();
    lines
}

fn subresource(resource: &Value, parent: &str, api_version: &str) -> Option<String> {
    let name = text(resource, "name").strip_prefix(parent)?.strip_prefix('/')?;
    let (group, version) = crate::split_api_version(api_version);
    let (own_group, own_version) = (text(resource, "group"), text(resource, "version"));
    let (group, version) = if own_version.is_empty() { (group, version) } else { (own_group, own_version) };
    Some(["sub", name, group, version, text(resource, "kind"), &list_of(resource, "verbs")].join("\t"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list_of(value: &Value, key: &str) -> String {
    let mut parts: Vec<&str> =
        value.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    parts.sort_unstable();
    parts.join(",")
}

//! What LimitRanges fill in of a pod, as the API server's LimitRanger does: before any mutation of the project's, and for
//! pods alone, since a template is none yet.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// LimitRange objects by namespace.
#[derive(Debug, Default)]
pub(crate) struct KnownLimits {
    by_namespace: BTreeMap<String, BTreeMap<String, Value>>,
}

impl KnownLimits {
    /// Adds a LimitRange; one of the same name takes its place. Anything else is left out.
    pub(crate) fn add(&mut self, object: &Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (Some("v1"), Some("LimitRange")) = (text("/apiVersion"), text("/kind")) else { return };
        let Some(name) = text("/metadata/name") else { return };
        let namespace = text("/metadata/namespace").unwrap_or("default");
        self.by_namespace.entry(namespace.to_owned()).or_default().insert(name.to_owned(), object.clone());
    }

    /// Fills in what a pod of a namespace leaves open.
    pub(crate) fn complete(&self, pod: &mut Value, namespace: &str) {
        let Some(ranges) = self.by_namespace.get(namespace) else { return };
        for range in ranges.values() {
            let items = range.pointer("/spec/limits").and_then(Value::as_array);
            for item in items.into_iter().flatten().filter(|item| item.get("type") == Some(&json!("Container"))) {
                let (limits, requests) = defaults(item);
                for list in ["containers", "initContainers"] {
                    let containers = pod.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut);
                    for container in containers.into_iter().flatten() {
                        fill(container, "limits", &limits);
                        fill(container, "requests", &requests);
                    }
                }
            }
        }
    }
}

/// The default limits and requests of an item, as the API server completes it (`SetDefaults_LimitRangeItem`): a limit is the
/// maximum unless said, a request the limit, else the minimum.
fn defaults(item: &Value) -> (Map<String, Value>, Map<String, Value>) {
    let part = |name: &str| item.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let or = |mut first: Map<String, Value>, second: Map<String, Value>| {
        for (name, amount) in second {
            first.entry(name).or_insert(amount);
        }
        first
    };
    let limits = or(part("default"), part("max"));
    let requests = or(or(part("defaultRequest"), limits.clone()), part("min"));
    (limits, requests)
}

/// The map in a field, made where there is none; none where the field holds something else.
fn map<'v>(of: &'v mut Map<String, Value>, field: &str) -> Option<&'v mut Map<String, Value>> {
    let value = of.entry(field).or_insert_with(|| json!({}));
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut()
}

fn fill(container: &mut Value, side: &str, amounts: &Map<String, Value>) {
    let Some(container) = container.as_object_mut().filter(|_| !amounts.is_empty()) else { return };
    let Some(there) = map(container, "resources").and_then(|resources| map(resources, side)) else { return };
    for (name, amount) in amounts {
        there.entry(name.clone()).or_insert_with(|| amount.clone());
    }
}

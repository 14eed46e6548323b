//! What a LimitRange fills in of a pod, as the API server's LimitRanger does (`plugin/pkg/admission/limitranger`): of pods alone,
//! since a template is none yet.

use serde_json::{Map, Value, json};

/// Fills in what a pod, or a pod's template taken for one, leaves open: `object` has the pod's `spec`, `range` is a LimitRange of
/// its namespace.
pub fn limit_range(object: &mut Value, range: &Value) {
    let items = range.pointer("/spec/limits").and_then(Value::as_array);
    for item in items.into_iter().flatten().filter(|item| item.get("type") == Some(&json!("Container"))) {
        let (limits, requests) = defaults(item);
        for list in ["containers", "initContainers"] {
            let containers = object.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                fill(container, "limits", &limits);
                fill(container, "requests", &requests);
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

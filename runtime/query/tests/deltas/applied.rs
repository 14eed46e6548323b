//! What server-side apply makes of an object, told without kspec's own merging: of the generated objects, labels are a map,
//! fields of a NetworkPolicy's `spec` and of a role or binding are each one value.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The parts of an object that have one owner each.
fn parts(object: &Value) -> BTreeMap<Vec<String>, Value> {
    let mut parts = BTreeMap::new();
    let mut take = |path: &[&str], fields: &Map<String, Value>| {
        for (name, value) in fields {
            let path = path.iter().map(|step| (*step).to_owned()).chain([name.clone()]).collect();
            parts.insert(path, value.clone());
        }
    };
    let all = object.as_object().unwrap();
    take(&[], &all.iter().filter(|(name, _)| !is_taken_apart(name)).map(|(n, v)| (n.clone(), v.clone())).collect());
    for path in [&["metadata", "labels"][..], &["spec"]] {
        let pointer = format!("/{}", path.join("/"));
        take(path, object.pointer(&pointer).and_then(Value::as_object).unwrap_or(&Map::new()));
    }
    parts
}

fn is_taken_apart(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata" | "spec")
}

/// The object with a record that the project's last apply set all that is in it.
pub(crate) fn tracked(mut object: Value) -> Value {
    let mut fields = json!({});
    for path in parts(&object).into_keys() {
        let mut at = &mut fields;
        for step in path {
            let below = at.as_object_mut().unwrap();
            at = below.entry(format!("f:{step}")).or_insert_with(|| json!({}));
        }
    }
    object["metadata"]["managedFields"] = json!([{
        "manager": "kspec.shop", "operation": "Apply", "apiVersion": object["apiVersion"],
        "fieldsType": "FieldsV1", "fieldsV1": fields,
    }]);
    object
}

/// The object after an apply. Of what the project set before and no longer wants, nothing is left; what somebody else set stays.
pub(crate) fn applied(there: &Value, wanted: &Value) -> Value {
    let is_ours = there["metadata"].get("managedFields").is_some();
    let mut after = there.clone();
    let wanted = parts(wanted);
    for path in parts(there).into_keys().filter(|path| is_ours && !wanted.contains_key(path)) {
        let (last, above) = path.split_last().unwrap();
        let pointer = above.iter().map(|step| format!("/{step}")).collect::<String>();
        after.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(last);
    }
    for (path, value) in wanted {
        let mut at = &mut after;
        for step in path {
            at = at.as_object_mut().unwrap().entry(step).or_insert_with(|| json!({}));
        }
        *at = value;
    }
    after
}

//! The roles and bindings that an API server creates by itself.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kubernetes::Module;

const FOLDER: &str = "plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata";

/// What is behind a feature gate that is off by default is in a file of its own there, and left out.
const FILES: [&str; 6] = [
    "cluster-roles",
    "cluster-role-bindings",
    "controller-roles",
    "controller-role-bindings",
    "namespace-roles",
    "namespace-role-bindings",
];

/// One JSON object a line, as a cluster has them: aggregated roles hold the rules that they aggregate.
pub(crate) fn lines(module: &Module) -> Result<String, String> {
    let mut objects: Vec<Value> = Vec::new();
    for file in FILES {
        let path = format!("{FOLDER}/{file}.yaml");
        let mut list: Value =
            serde_saphyr::from_str(&module.text(&path)?).map_err(|error| format!("{path}: {error}"))?;
        match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => objects.extend(items),
            _ => return Err(format!("{path}: no items")),
        }
    }
    aggregate(&mut objects);
    Ok(objects.iter().map(|object| format!("{object}\n")).collect())
}

/// Fills the rules of aggregated roles as the controller does: the rules of every role that a selector matches, by the
/// roles' names, each rule once; until nothing changes, since an aggregated role may be aggregated itself.
fn aggregate(objects: &mut [Value]) {
    loop {
        let mut roles: BTreeMap<String, &Value> = BTreeMap::new();
        for object in objects.iter().filter(|object| object.get("kind") == Some(&Value::from("ClusterRole"))) {
            roles.insert(text(object, "/metadata/name").to_owned(), object);
        }
        let mut filled: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (name, role) in &roles {
            let selectors = role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array);
            let Some(selectors) = selectors else {
                continue;
            };
            let rules: &mut Vec<Value> = filled.entry(name.clone()).or_default();
            let chosen =
                roles.iter().filter(|(other, role)| *other != name && selectors.iter().any(|s| matches(s, role)));
            for rule in chosen.filter_map(|(_, role)| role.get("rules")?.as_array()).flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        let mut changed = false;
        for object in objects.iter_mut() {
            let name = text(object, "/metadata/name").to_owned();
            let rules = filled.get(&name).filter(|_| object.get("aggregationRule").is_some());
            if let (Some(rules), Some(map)) = (rules, object.as_object_mut()) {
                let rules = Value::from(rules.clone());
                changed |= map.get("rules") != Some(&rules);
                map.insert("rules".to_owned(), rules);
            }
        }
        if !changed {
            return;
        }
    }
}

fn matches(selector: &Value, role: &Value) -> bool {
    let labels = role.pointer("/metadata/labels");
    let wanted = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    wanted.fold(true, |so_far, (key, value)| so_far && labels.and_then(|labels| labels.get(key)) == Some(value))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

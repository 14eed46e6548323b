//! The audit policy.

use kspec_model::program::{Audit, AuditResources, AuditRule, Subject};
use serde_json::{Map, Value, json};

/// `audit.k8s.io/v1` Policy.
pub(super) fn policy(audit: &Audit) -> Value {
    let mut policy =
        Map::from_iter([("apiVersion".to_owned(), json!("audit.k8s.io/v1")), ("kind".to_owned(), json!("Policy"))]);
    put(&mut policy, "omitStages", &audit.omit_stages);
    if let Some(omit) = audit.omit_managed_fields {
        policy.insert("omitManagedFields".to_owned(), json!(omit));
    }
    policy.insert("rules".to_owned(), audit.rules.iter().flat_map(rules).collect());
    Value::Object(policy)
}

/// A rule of the program matches any of its subjects and any of what it names. In Kubernetes users and groups of one rule
/// must both match, and a rule is either about resources or about URLs; several rules of one level in a row say "or".
fn rules(rule: &AuditRule) -> Vec<Value> {
    let mut users = Vec::new();
    let mut groups = Vec::new();
    for subject in &rule.subjects {
        match subject {
            Subject::User(name) => users.push(name.clone()),
            Subject::Group(name) => groups.push(name.clone()),
            Subject::ServiceAccount { namespace, name } => {
                users.push(format!("system:serviceaccount:{namespace}:{name}"))
            }
        }
    }
    let who: &[(&[String], &[String])] = match (users.is_empty(), groups.is_empty()) {
        (false, false) => &[(&users, &[]), (&[], &groups)],
        _ => &[(&users, &groups)],
    };
    let resources = !rule.resources.is_empty() || !rule.namespaces.is_empty();
    let what: &[bool] = match (resources, rule.urls.is_empty()) {
        (true, false) => &[true, false],
        (_, true) => &[true],
        (false, false) => &[false],
    };
    who.iter().flat_map(|(users, groups)| what.iter().map(|resources| one(rule, users, groups, *resources))).collect()
}

fn one(rule: &AuditRule, users: &[String], groups: &[String], resources: bool) -> Value {
    let mut value = Map::from_iter([("level".to_owned(), json!(rule.level.as_str()))]);
    put(&mut value, "users", users);
    put(&mut value, "userGroups", groups);
    put(&mut value, "verbs", &rule.verbs);
    if resources {
        if !rule.resources.is_empty() {
            value.insert("resources".to_owned(), rule.resources.iter().map(group_resources).collect());
        }
        put(&mut value, "namespaces", &rule.namespaces);
    } else {
        put(&mut value, "nonResourceURLs", &rule.urls);
    }
    put(&mut value, "omitStages", &rule.omit_stages);
    Value::Object(value)
}

fn group_resources(resources: &AuditResources) -> Value {
    let mut value = Map::from_iter([("group".to_owned(), json!(resources.group))]);
    put(&mut value, "resources", &resources.resources);
    put(&mut value, "resourceNames", &resources.resource_names);
    Value::Object(value)
}

fn put(value: &mut Map<String, Value>, field: &str, items: &[String]) {
    if !items.is_empty() {
        value.insert(field.to_owned(), json!(items));
    }
}

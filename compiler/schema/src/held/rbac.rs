//! Roles and bindings (`pkg/apis/rbac/validation/validation.go`).

use serde_json::Value;

use super::{
    RBAC, items,
    selectors::selector,
    text,
    text::{no_path_segment, no_subdomain},
};

/// `ValidatePolicyRule`.
pub(super) fn rules(object: &Value, told: &mut Vec<String>) {
    let is_role = text(object, "kind") == "Role";
    for (index, rule) in items(object, "rules").iter().enumerate() {
        let path = format!("rules[{index}]");
        let has = |field: &str| !items(rule, field).is_empty();
        if !has("verbs") {
            told.push(format!("{path} has no verbs"));
        }
        if has("nonResourceURLs") {
            if is_role {
                told.push(format!("{path} has nonResourceURLs, which only a ClusterRole may have"));
            }
            if has("apiGroups") || has("resources") || has("resourceNames") {
                told.push(format!("{path} has nonResourceURLs beside resources: they take a rule each"));
            }
            continue;
        }
        match (has("resources"), has("apiGroups")) {
            (true, false) => told.push(format!("{path} has no apiGroups: `\"\"` is the core group")),
            (false, true) => told.push(format!("{path} has no resources")),
            (false, false) => told.push(format!("{path} has neither resources nor nonResourceURLs")),
            (true, true) => {}
        }
    }
}

/// An aggregation needs a selector.
pub(super) fn aggregation(object: &Value, told: &mut Vec<String>) {
    let is_cluster_role = text(object, "kind") == "ClusterRole";
    let aggregation = object.get("aggregationRule").filter(|rule| is_cluster_role && rule.is_object());
    let Some(aggregation) = aggregation else { return };
    if items(aggregation, "clusterRoleSelectors").is_empty() {
        told.push("aggregationRule has no clusterRoleSelectors".to_owned());
    }
    for (index, entry) in items(aggregation, "clusterRoleSelectors").iter().enumerate() {
        selector(Some(entry), &format!("aggregationRule.clusterRoleSelectors[{index}]"), told);
    }
}

/// `ValidateRoleBindingSubject`, and the name of what is bound. The group of users and groups is filled in where it is left out.
pub(super) fn binding(object: &Value, told: &mut Vec<String>) {
    let role = object.pointer("/roleRef/name").and_then(Value::as_str).unwrap_or_default();
    if let Some(wanted) = no_path_segment(role) {
        told.push(format!("roleRef.name is `{role}`, {wanted}"));
    }
    for (index, subject) in items(object, "subjects").iter().enumerate() {
        let path = format!("subjects[{index}]");
        let (kind, name, group) = (text(subject, "kind"), text(subject, "name"), text(subject, "apiGroup"));
        let (is_account, of_rbac) = (kind == "ServiceAccount", matches!(kind, "User" | "Group"));
        if is_account
            && !name.is_empty()
            && let Some(wanted) = no_subdomain(name)
        {
            told.push(format!("{path}.name is `{name}`, {wanted}"));
        }
        if is_account && !group.is_empty() {
            told.push(format!("{path}.apiGroup is `{group}`, and a service account's is the core group, `\"\"`"));
        }
        if of_rbac && !group.is_empty() && group != RBAC {
            told.push(format!("{path}.apiGroup is `{group}`, not `{RBAC}`"));
        }
    }
}

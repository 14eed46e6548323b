//! Labels and what selects by them (`ValidateLabels`, `ValidateLabelSelector`).

use serde_json::Value;

use super::{
    items, text,
    text::{no_label_key, no_label_value},
};

/// A map of labels.
pub(super) fn labels(map: Option<&Value>, path: &str, told: &mut Vec<String>) {
    for (key, value) in map.and_then(Value::as_object).into_iter().flatten() {
        if let Some(wanted) = no_label_key(key) {
            told.push(format!("{path} has the key `{key}`, {wanted}"));
        }
        let value = value.as_str().unwrap_or_default();
        if let Some(wanted) = no_label_value(value) {
            told.push(format!("{path}.{key} is `{value}`, {wanted}"));
        }
    }
}

/// `ValidateLabelSelector`; operators are told where the selector is read.
pub(super) fn selector(selector: Option<&Value>, path: &str, told: &mut Vec<String>) {
    let Some(selector) = selector else { return };
    labels(selector.get("matchLabels"), &format!("{path}.matchLabels"), told);
    for (index, requirement) in items(selector, "matchExpressions").iter().enumerate() {
        let path = format!("{path}.matchExpressions[{index}]");
        let key = text(requirement, "key");
        if let Some(wanted) = no_label_key(key) {
            told.push(format!("{path}.key is `{key}`, {wanted}"));
        }
        for value in items(requirement, "values").iter().filter_map(Value::as_str) {
            if let Some(wanted) = no_label_value(value) {
                told.push(format!("{path}.values has `{value}`, {wanted}"));
            }
        }
    }
}

/// `spec.selector` of what stamps pods.
pub(super) fn controller(object: &Value, told: &mut Vec<String>) {
    selector(object.pointer("/spec/selector"), "spec.selector", told);
}

/// The labels of `spec.template`.
pub(super) fn template(object: &Value, told: &mut Vec<String>) {
    labels(object.pointer("/spec/template/metadata/labels"), "spec.template.metadata.labels", told);
}

/// The server labels a job's pods with its name, unless it is told not to.
pub(super) fn job(object: &Value, told: &mut Vec<String>) {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let manual = object.pointer("/spec/manualSelector").and_then(Value::as_bool) == Some(true);
    if !manual && name.len() > 63 {
        told.push(format!("metadata.name is `{name}`, longer than 63 characters, and its pods are labelled with it"));
    }
}

/// The labels of a CronJob's pods.
pub(super) fn jobs(object: &Value, told: &mut Vec<String>) {
    let path = "/spec/jobTemplate/spec/template/metadata/labels";
    labels(object.pointer(path), "spec.jobTemplate.spec.template.metadata.labels", told);
}

pub(super) fn service(object: &Value, told: &mut Vec<String>) {
    labels(object.pointer("/spec/selector"), "spec.selector", told);
}

pub(super) fn network_policy(object: &Value, told: &mut Vec<String>) {
    let Some(spec) = object.get("spec") else { return };
    selector(spec.get("podSelector"), "spec.podSelector", told);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (at, rule) in items(spec, direction).iter().enumerate() {
            for (index, peer) in items(rule, peers).iter().enumerate() {
                for field in ["podSelector", "namespaceSelector"] {
                    selector(peer.get(field), &format!("spec.{direction}[{at}].{peers}[{index}].{field}"), told);
                }
            }
        }
    }
}

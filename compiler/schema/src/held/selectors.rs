//! Labels and what selects by them (`ValidateLabels`, `ValidateLabelSelector`).

use std::fmt;

use serde_json::{Map, Value};

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

/// `ValidateDeploymentSpec` and its like: a selector, that selects what is made of the template.
pub(super) fn selects_own(object: &Value, told: &mut Vec<String>) {
    let selector = object.pointer("/spec/selector");
    let asks = |field: &str| selector.and_then(|selector| selector.get(field));
    let is_empty = asks("matchLabels").and_then(Value::as_object).is_none_or(Map::is_empty)
        && asks("matchExpressions").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if is_empty {
        told.push("spec.selector asks for no label: it has to select the pods of `spec.template`".to_owned());
    }
    not_own(selector, own_labels(object), told);
}

fn own_labels(object: &Value) -> Option<&Map<String, Value>> {
    object.pointer("/spec/template/metadata/labels").and_then(Value::as_object)
}

/// What a selector asks for that the labels of `spec.template` are not.
fn not_own(selector: Option<&Value>, own: Option<&Map<String, Value>>, told: &mut Vec<String>) {
    for asked in selector.map(asked_for).unwrap_or_default() {
        if !asked.is_met(own) {
            told.push(format!("spec.selector asks for `{asked}`, which spec.template.metadata.labels does not meet"));
        }
    }
}

fn label<'a>(labels: Option<&'a Map<String, Value>>, key: &str) -> Option<&'a str> {
    labels.and_then(|labels| labels.get(key)).map(|value| value.as_str().unwrap_or_default())
}

/// One thing that a selector asks for.
struct Asked<'a> {
    key: &'a str,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    operator: &'a str,
    values: Vec<&'a str>,
}

fn asked_for(selector: &Value) -> Vec<Asked<'_>> {
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let labels = labels.map(|(key, value)| Asked { key, operator: "In", values: value.as_str().into_iter().collect() });
    let expressions = items(selector, "matchExpressions").iter().map(|requirement| Asked {
        key: text(requirement, "key"),
        operator: text(requirement, "operator"),
        values: items(requirement, "values").iter().filter_map(Value::as_str).collect(),
    });
    labels.chain(expressions).collect()
}

impl Asked<'_> {
    /// Whether labels are so; an operator that there is not is told where the selector is read.
    fn is_met(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.is_met_by(label(labels, self.key))
    }

    fn is_met_by(&self, own: Option<&str>) -> bool {
        match self.operator {
            "In" => own.is_some_and(|own| self.values.contains(&own)),
            "NotIn" => own.is_none_or(|own| !self.values.contains(&own)),
            "Exists" => own.is_some(),
            "DoesNotExist" => own.is_none(),
            _ => true,
        }
    }
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operator, values } = self;
        match (*operator, values.as_slice()) {
            ("In", [value]) => write!(f, "{key}={value}"),
            ("NotIn", [value]) => write!(f, "{key}!={value}"),
            ("In", values) => write!(f, "{key} in ({})", values.join(", ")),
            ("NotIn", values) => write!(f, "{key} notin ({})", values.join(", ")),
            ("DoesNotExist", _) => write!(f, "!{key}"),
            _ => f.write_str(key),
        }
    }
}

/// `ValidateReplicationControllerSpec`: a selector that is not stated is the template's labels.
pub(super) fn replication(object: &Value, told: &mut Vec<String>) {
    let own = own_labels(object);
    let selector = object.pointer("/spec/selector").and_then(Value::as_object).filter(|selector| !selector.is_empty());
    if selector.is_none() && own.is_none_or(Map::is_empty) {
        told.push(
            "spec.selector asks for no label, and spec.template.metadata.labels has none to stand in for it".to_owned(),
        );
    }
    for (key, value) in selector.into_iter().flatten() {
        let asked = Asked { key, operator: "In", values: value.as_str().into_iter().collect() };
        if !asked.is_met(own) {
            told.push(format!("spec.selector asks for `{asked}`, which spec.template.metadata.labels does not meet"));
        }
    }
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
    let selector = object.pointer("/spec/selector");
    if manual {
        if selector.is_none_or(Value::is_null) {
            told.push("spec.selector is missing, which `manualSelector` leaves to you".to_owned());
        }
        return not_own(selector, own_labels(object), told);
    }
    // `ValidateGeneratedSelector`: it has to select what has the server's own labels and no other, and the template's pods.
    let own = own_labels(object);
    for asked in selector.map(asked_for).unwrap_or_default() {
        let is_met = match asked.key {
            // Which it will be nobody knows yet.
            "batch.kubernetes.io/controller-uid" | "controller-uid" => asked.operator != "DoesNotExist",
            "batch.kubernetes.io/job-name" | "job-name" => asked.is_met_by(Some(name)),
            key => asked.is_met_by(None) && asked.is_met_by(label(own, key)),
        };
        if !is_met {
            told.push(format!(
                "spec.selector asks for `{asked}`, and the server makes a job's selector, but for `manualSelector: true`"
            ));
        }
    }
}

/// The labels of a CronJob's pods.
pub(super) fn jobs(object: &Value, told: &mut Vec<String>) {
    let path = "/spec/jobTemplate/spec/template/metadata/labels";
    labels(object.pointer(path), "spec.jobTemplate.spec.template.metadata.labels", told);
    // `validateJobTemplateSpec`: each job is given its own.
    let job = |field: &str| object.pointer(&format!("/spec/jobTemplate/spec/{field}"));
    if job("selector").is_some_and(Value::is_object) {
        told.push(
            "spec.jobTemplate.spec.selector is stated, and the server makes the selectors of a CronJob's jobs"
                .to_owned(),
        );
    }
    if job("manualSelector").and_then(Value::as_bool) == Some(true) {
        told.push("spec.jobTemplate.spec.manualSelector is `true`, which a CronJob's jobs may not have".to_owned());
    }
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

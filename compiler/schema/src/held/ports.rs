//! Names of ports.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    items, probes, text,
    text::{no_label, no_port_name},
};

pub(super) fn pod(object: &Value, told: &mut Vec<String>) {
    containers(object.get("spec"), "spec", told);
}

pub(super) fn template(object: &Value, told: &mut Vec<String>) {
    containers(object.pointer("/spec/template/spec"), "spec.template.spec", told);
}

pub(super) fn jobs(object: &Value, told: &mut Vec<String>) {
    let spec = object.pointer("/spec/jobTemplate/spec/template/spec");
    containers(spec, "spec.jobTemplate.spec.template.spec", told);
}

/// `validateContainerPorts`: a name stands once in a container.
fn containers(spec: Option<&Value>, path: &str, told: &mut Vec<String>) {
    let Some(spec) = spec else { return };
    for list in ["containers", "initContainers"] {
        for (at, container) in items(spec, list).iter().enumerate() {
            probes::container(container, &format!("{path}.{list}[{at}]"), told);
            let mut names = BTreeSet::new();
            for (index, port) in items(container, "ports").iter().enumerate() {
                let name = text(port, "name");
                if name.is_empty() {
                    continue;
                }
                let path = format!("{path}.{list}[{at}].ports[{index}].name");
                if let Some(wanted) = no_port_name(name) {
                    told.push(format!("{path} is `{name}`, {wanted}"));
                } else if !names.insert(name) {
                    told.push(format!("{path} is `{name}`, as an earlier port's is"));
                }
            }
        }
    }
}

/// `validateServicePort`: names are DNS labels, of which each of several ports needs its own.
pub(super) fn service(object: &Value, told: &mut Vec<String>) {
    let Some(spec) = object.get("spec") else { return };
    let ports = items(spec, "ports");
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        let name = text(port, "name");
        if name.is_empty() {
            if ports.len() > 1 {
                told.push(format!("{path}.name is missing, which each of several ports needs"));
            }
        } else if let Some(wanted) = no_label(name) {
            told.push(format!("{path}.name is `{name}`, {wanted}"));
        } else if !names.insert(name) {
            told.push(format!("{path}.name is `{name}`, as an earlier port's is"));
        }
        by_name(port, "targetPort", &path, told);
    }
}

/// A port that may be a number or a name; an empty name counts as absent where a number is the default.
pub(super) fn by_name(port: &Value, field: &str, path: &str, told: &mut Vec<String>) {
    let name = text(port, field);
    if !name.is_empty()
        && let Some(wanted) = no_port_name(name)
    {
        told.push(format!("{path}.{field} is `{name}`, {wanted}"));
    }
}

pub(super) fn network_policy(object: &Value, told: &mut Vec<String>) {
    let Some(spec) = object.get("spec") else { return };
    for direction in ["ingress", "egress"] {
        for (at, rule) in items(spec, direction).iter().enumerate() {
            for (index, port) in items(rule, "ports").iter().enumerate() {
                by_name(port, "port", &format!("spec.{direction}[{at}].ports[{index}]"), told);
            }
        }
    }
}

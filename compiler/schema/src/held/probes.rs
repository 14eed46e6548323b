//! Probes and hooks of containers: what is asked, and at which port (`validateProbe`, `validateLifecycle`, `pkg/apis/core/validation`).

use serde_json::Value;

use super::text::no_port_name;

pub(super) fn container(container: &Value, path: &str, told: &mut Vec<String>) {
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        handler(container.get(probe), &format!("{path}.{probe}"), told);
    }
    for hook in ["postStart", "preStop"] {
        let pointer = format!("/lifecycle/{hook}");
        handler(container.pointer(&pointer), &format!("{path}.lifecycle.{hook}"), told);
    }
}

/// `validateHandler`.
fn handler(handler: Option<&Value>, path: &str, told: &mut Vec<String>) {
    let Some(handler) = handler.filter(|handler| handler.is_object()) else { return };
    let known = ["exec", "grpc", "httpGet", "sleep", "tcpSocket"];
    let stated: Vec<&str> = known.into_iter().filter(|kind| handler.get(*kind).is_some_and(Value::is_object)).collect();
    match stated.as_slice() {
        [] => told
            .push(format!("{path} says nothing of what is done: one of `exec`, `httpGet`, `tcpSocket` and the like")),
        [_] => {}
        several => told.push(format!("{path} has {}, and there may be one", several.join(" and "))),
    }
    for kind in stated.iter().filter(|kind| matches!(**kind, "grpc" | "httpGet" | "tcpSocket")) {
        let port = handler.pointer(&format!("/{kind}/port"));
        if let Some(wanted) = no_port(port) {
            let stated = port.map_or_else(|| "is missing".to_owned(), |port| format!("is `{}`", said(port)));
            told.push(format!("{path}.{kind}.port {stated}, {wanted}"));
        }
    }
}

/// `ValidatePortNumOrName`.
fn no_port(port: Option<&Value>) -> Option<&'static str> {
    match port {
        Some(Value::String(name)) => no_port_name(name),
        port => {
            let number = port.and_then(Value::as_i64).unwrap_or_default();
            (!(1..=65535).contains(&number)).then_some("which is no port: 1 to 65535, or the name of one")
        }
    }
}

fn said(port: &Value) -> String {
    port.as_str().map_or_else(|| port.to_string(), str::to_owned)
}

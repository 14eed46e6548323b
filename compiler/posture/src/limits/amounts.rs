//! What a pod takes of a quota: `k8s.io/component-helpers/resource` of Kubernetes 1.36.

use kspec_rules::literal::Quantity;
use serde_json::Value;

use super::stamped::amount;
use super::text;

/// `requests` or `limits`, and the resource, of a quota's key: `cpu` and `memory` alone mean requests. None for what a pod takes
/// nothing of.
pub(super) fn part(key: &str) -> Option<(&'static str, &str)> {
    match key.split_once('.') {
        Some(("requests", "storage")) => None,
        Some(("requests", resource)) => Some(("requests", resource)),
        Some(("limits", resource)) => Some(("limits", resource)),
        _ => matches!(key, "cpu" | "memory" | "ephemeral-storage").then_some(("requests", key)),
    }
}

/// What one pod takes: the sum of its containers and of those that run beside them, or what one that runs before takes together with those
/// that were started by then, whichever is more; and its overhead.
pub(super) fn taken(pod: &Value, side: &str, resource: &str) -> Quantity {
    // What is said of the whole pod counts in place of its containers.
    let whole = pod.pointer(&format!("/spec/resources/{side}")).and_then(|amounts| amounts.get(resource));
    let overhead = pod.pointer("/spec/overhead").and_then(|overhead| overhead.get(resource));
    let more = overhead.and_then(amount).unwrap_or(Quantity::ZERO);
    if let Some(whole) = whole.and_then(amount) {
        return sum(whole, more);
    }
    let list = |name: &str| pod.pointer(&format!("/spec/{name}")).and_then(Value::as_array).into_iter().flatten();
    let of = |container: &Value| {
        let amounts = container.pointer(&format!("/resources/{side}"));
        amounts.and_then(|amounts| amounts.get(resource)).and_then(amount).unwrap_or(Quantity::ZERO)
    };
    let (mut beside, mut before) = (Quantity::ZERO, Quantity::ZERO);
    for container in list("initContainers") {
        if text(container, "/restartPolicy") == "Always" {
            beside = sum(beside, of(container));
            before = larger(before, beside);
        } else {
            before = larger(before, sum(beside, of(container)));
        }
    }
    let running = list("containers").fold(beside, |total, container| sum(total, of(container)));
    sum(larger(running, before), more)
}

/// The sum, in the suffixes of the first that is any.
pub(super) fn sum(one: Quantity, other: Quantity) -> Quantity {
    if one == Quantity::ZERO {
        return other;
    }
    // More than a quota can say is more than any quota.
    one.checked_add(other).unwrap_or(one)
}

fn larger(one: Quantity, other: Quantity) -> Quantity {
    if one < other { other } else { one }
}

//! Whether what was written is in force, where the API shows it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::{report::Effect, send::Target};

/// The first pause between two looks; each next one is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(500);

/// What shows that an object is in force: nothing, or a sign that is there or not yet.
struct Sign {
    what: &'static str,
    shown: bool,
}

/// Waits until the object shows that it is in force.
pub(crate) async fn wait(target: Target<'_>, written: &Value, patience: Duration) -> Effect {
    let Some(mut sign) = sign(target, written) else { return Effect::NotObservable };
    let end = Instant::now() + patience;
    let mut pause = FIRST;
    while !sign.shown {
        if Instant::now() + pause > end {
            return Effect::NotYet { what: sign.what.to_owned() };
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
        // An answer that does not come is a sign that does not come.
        if let Ok(Some(live)) = target.get().await
            && let Some(next) = self::sign(target, &live)
        {
            sign = next;
        }
    }
    Effect::Observed { what: sign.what.to_owned() }
}

/// What the object shows, by kind.
fn sign(target: Target<'_>, object: &Value) -> Option<Sign> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match (target.key.group.as_str(), target.key.kind.as_str()) {
        ("", "Namespace") => Some(Sign { what: "the namespace is active", shown: text("/status/phase") == "Active" }),
        ("", "ServiceAccount") => {
            Some(Sign { what: "the service account exists", shown: !text("/metadata/uid").is_empty() })
        }
        ("", "ResourceQuota") => Some(Sign {
            what: "the quota is counted",
            shown: object.pointer("/status/hard").is_some()
                && object.pointer("/status/hard") == object.pointer("/spec/hard"),
        }),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            Some(Sign { what: "the kind is served", shown: condition(object, "Established") })
        }
        ("rbac.authorization.k8s.io", "ClusterRole") if object.get("aggregationRule").is_some() => Some(Sign {
            what: "the aggregated rules are filled in",
            shown: object.get("rules").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty()),
        }),
        _ => {
            let generation = object.pointer("/metadata/generation").and_then(Value::as_i64)?;
            let observed = object.pointer("/status/observedGeneration").and_then(Value::as_i64)?;
            Some(Sign { what: "its controller has seen it", shown: observed >= generation })
        }
    }
}

fn condition(object: &Value, kind: &str) -> bool {
    object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten().any(|condition| {
        condition.get("type").and_then(Value::as_str) == Some(kind)
            && condition.get("status").and_then(Value::as_str) == Some("True")
    })
}

//! One object that left the program.

use kspec_lower::{MANAGED_BY, PART_OF, PROJECT};
use kspec_plan::ADOPTED;
use serde_json::{Map, Value, json};

use crate::{
    error::Failure,
    report::Outcome,
    send::{Refusal, Target},
    work::{RELEASED, is_protected},
    write::{Managers, has_label},
};

/// What annotations of ours begin with.
const OURS: &str = "kspec.dev/";
/// How often a release is tried while others write to the object.
const ATTEMPTS: usize = 5;

/// Deletes the object, or releases it where the plan says so (`keep`) or it may hold what the program never declared. `named` is
/// whether the person named it for deletion.
pub(crate) async fn remove(
    target: Target<'_>,
    managers: &Managers,
    keep: Option<&str>,
    named: bool,
) -> Result<Outcome, Failure> {
    for _ in 0..ATTEMPTS {
        let Some(live) = target.get().await? else { return Ok(Outcome::Unchanged) };
        let released = annotation(&live, RELEASED) == Some(managers.project.as_str());
        if is_controlled(&live) || !(has_label(&live, managers) || named && released) {
            return Ok(Outcome::Unchanged);
        }
        let because = if named {
            None
        } else if is_protected(target.key) {
            Some(format!("a {} is never deleted unless named: `--delete {}`", target.key.kind, spelled(&target)))
        } else if live.pointer("/metadata/annotations").and_then(|all| all.get(ADOPTED)).is_some() {
            Some(format!("it was there before kspec: `--delete {}` deletes it", spelled(&target)))
        } else {
            keep.map(str::to_owned)
        };
        let (verb, done, outcome) = match because {
            None => ("delete", target.delete(&live).await, Outcome::Deleted),
            Some(because) => {
                let patch = release(&live, managers);
                let done = target.merge(&patch, &managers.adoption).await.map(|_| ());
                ("patch", done, Outcome::Released { because })
            }
        };
        match done {
            Ok(()) => return Ok(outcome),
            // Somebody wrote to it in between: look again whether it is still to be removed.
            Err(Refusal::Status(status)) if status.code == 409 => {}
            Err(refusal) => return Err(target.failure(refusal, verb, false)),
        }
    }
    Err(Failure::Changed)
}

/// Takes our marks and our ownership off; every value that the program set stays, so that a released namespace keeps its
/// Pod Security level and a released binding its subjects.
fn release(live: &Value, managers: &Managers) -> Value {
    let keys = |field: &str| -> Vec<String> {
        live.pointer(&format!("/metadata/{field}"))
            .and_then(Value::as_object)
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default()
    };
    let mut labels = Map::new();
    for name in keys("labels") {
        if name == PART_OF || name == PROJECT || name == MANAGED_BY.0 {
            labels.insert(name, Value::Null);
        }
    }
    let mut annotations = Map::new();
    for name in keys("annotations").into_iter().filter(|name| name.starts_with(OURS)) {
        annotations.insert(name, Value::Null);
    }
    annotations.insert(RELEASED.to_owned(), json!(managers.project));
    let others: Vec<&Value> = live
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|entry| {
            let manager = entry.get("manager").and_then(Value::as_str).unwrap_or_default();
            manager != managers.main && manager != managers.adoption
        })
        .collect();
    json!({
        "metadata": {
            "resourceVersion": live.pointer("/metadata/resourceVersion"),
            "labels": labels,
            "annotations": annotations,
            // An empty list would mean "leave as it is"; one empty entry means "nobody".
            "managedFields": if others.is_empty() { json!([{}]) } else { json!(others) },
        },
    })
}

/// A controller's object may carry our label because it copies its owner's (EndpointSlices do a Service's).
fn is_controlled(live: &Value) -> bool {
    live.pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
}

fn annotation<'a>(live: &'a Value, name: &str) -> Option<&'a str> {
    live.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// As it is named for deletion.
fn spelled(target: &Target<'_>) -> String {
    let key = target.key;
    match &key.namespace {
        Some(namespace) => format!("{}/{namespace}/{}", key.kind, key.name),
        None => format!("{}/{}", key.kind, key.name),
    }
}

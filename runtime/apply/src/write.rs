//! One object of the program.

use kspec_lower::{MANAGED_BY, PART_OF, PROJECT};
use kspec_model::{Object, ObjectKey};
use kspec_plan::{ADOPTED, field_manager, is_replaced};
use serde_json::{Value, json};

use crate::{
    error::Failure,
    report::Outcome,
    send::{Applying, Refusal, Target},
    work::{Intent, Wanted},
};

/// How the project writes.
#[derive(Debug, Clone)]
pub(crate) struct Managers {
    /// The project.
    pub(crate) project: String,
    /// Its ApplySet.
    pub(crate) set: String,
    /// The field manager of everything that the program says.
    pub(crate) main: String,
    /// The field manager of the mark on adopted objects.
    pub(crate) adoption: String,
}

impl Managers {
    pub(crate) fn new(project: &str, set: &str) -> Self {
        Self {
            project: project.to_owned(),
            set: set.to_owned(),
            main: field_manager(project),
            adoption: format!("{}.adoption", field_manager(project)),
        }
    }
}

/// What was written, and the object as the server holds it now.
pub(crate) struct Written {
    pub(crate) outcome: Outcome,
    pub(crate) object: Value,
    pub(crate) warnings: Vec<String>,
}

/// Applies one object.
pub(crate) async fn write(
    target: Target<'_>,
    wanted: &Wanted,
    managers: &Managers,
    take_over: bool,
) -> Result<Written, Failure> {
    let before = target.get().await?;
    let Some(live) = before else { return create(target, wanted, managers).await };
    if let Some(owner) = other_owner(&live, managers) {
        return Err(Failure::Foreign { owner });
    }
    if live.pointer("/metadata/deletionTimestamp").is_some() {
        return Err(Failure::Deleting);
    }
    if is_ours(&live, managers) || made_by_the_cluster(&wanted.object) {
        return update(target, wanted, &live, managers).await;
    }
    if wanted.intent != Intent::Adopt {
        return Err(Failure::Appeared);
    }
    adopt(target, wanted, &live, managers, take_over).await
}

fn plain(managers: &Managers) -> Applying<'_> {
    Applying { manager: &managers.main, force: false, dry_run: false }
}

async fn create(target: Target<'_>, wanted: &Wanted, managers: &Managers) -> Result<Written, Failure> {
    let answer = target
        .apply(&wanted.object.0, plain(managers))
        .await
        .map_err(|refusal| target.failure(refusal, "patch", false))?;
    let outcome = if answer.created { Outcome::Created } else { Outcome::Updated };
    Ok(Written { outcome, object: answer.object, warnings: answer.warnings })
}

async fn update(target: Target<'_>, wanted: &Wanted, live: &Value, managers: &Managers) -> Result<Written, Failure> {
    if live.pointer(ADOPTED_POINTER).is_some() && !has_manager(live, &managers.adoption) {
        // An adoption that was cut short.
        mark(target, &wanted.object, managers).await.map_err(|refusal| target.failure(refusal, "patch", false))?;
    }
    match target.apply(&wanted.object.0, plain(managers)).await {
        Ok(answer) => {
            // The server leaves the version alone when an apply changes nothing, not even who owns what.
            let same = version(live) == version(&answer.object);
            let outcome = if same { Outcome::Unchanged } else { Outcome::Updated };
            Ok(Written { outcome, object: answer.object, warnings: answer.warnings })
        }
        Err(Refusal::Status(_)) if is_replaced(&wanted.object, live) => {
            replace(target, wanted, live, plain(managers)).await
        }
        Err(refusal) => Err(target.failure(refusal, "patch", false)),
    }
}

/// Takes an object that was there before, and marks it as such.
///
/// The mark comes with the first write, since an object of ours without one may be deleted later; it then moves to a manager
/// of its own, since the next apply would drop it otherwise.
async fn adopt(
    target: Target<'_>,
    wanted: &Wanted,
    live: &Value,
    managers: &Managers,
    take_over: bool,
) -> Result<Written, Failure> {
    let how = Applying { force: take_over, ..plain(managers) };
    let failure = |refusal| target.failure(refusal, "patch", true);
    let marked = with_mark(&wanted.object.0, managers);
    match target.apply(&marked, how).await {
        Ok(_) => {}
        Err(Refusal::Status(_)) if take_over && is_replaced(&wanted.object, live) => {
            return replace(target, wanted, live, how).await;
        }
        Err(refusal) => return Err(failure(refusal)),
    }
    mark(target, &wanted.object, managers).await.map_err(failure)?;
    let answer = target.apply(&wanted.object.0, how).await.map_err(failure)?;
    Ok(Written { outcome: Outcome::Adopted, object: answer.object, warnings: answer.warnings })
}

/// What changes is immutable (a binding's role, a quota's scopes): a new one takes the old one's place.
async fn replace(target: Target<'_>, wanted: &Wanted, live: &Value, how: Applying<'_>) -> Result<Written, Failure> {
    // What the server would refuse must not cost the old one: it is tried under a name that nobody has.
    let rehearsal = ObjectKey { name: format!("{}-kspec-rehearsal", target.key.name), ..target.key.clone() };
    let mut object = wanted.object.0.clone();
    if let Some(name) = object.pointer_mut("/metadata/name") {
        *name = json!(rehearsal.name);
    }
    let dry = Applying { dry_run: true, ..how };
    Target { key: &rehearsal, ..target }
        .apply(&object, dry)
        .await
        .map_err(|refusal| target.failure(refusal, "patch", false))?;
    target.delete(live).await.map_err(|refusal| target.failure(refusal, "delete", false))?;
    match target.apply(&wanted.object.0, how).await {
        Ok(answer) => Ok(Written { outcome: Outcome::Replaced, object: answer.object, warnings: answer.warnings }),
        Err(refusal) => Err(Failure::Lost { message: target.failure(refusal, "patch", false).to_string() }),
    }
}

const ADOPTED_POINTER: &str = "/metadata/annotations/kspec.dev~1adopted-by";

fn with_mark(object: &Value, managers: &Managers) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(ADOPTED.to_owned(), json!(managers.project));
        }
    }
    object
}

/// Hands the mark of an adopted object to its own manager.
async fn mark(target: Target<'_>, object: &Object, managers: &Managers) -> Result<(), Refusal> {
    let mut metadata = json!({ "name": object.name(), "annotations": { ADOPTED: managers.project } });
    if let (Some(namespace), Some(fields)) = (object.namespace(), metadata.as_object_mut()) {
        fields.insert("namespace".to_owned(), json!(namespace));
    }
    let marked = json!({ "apiVersion": object.api_version(), "kind": object.kind(), "metadata": metadata });
    let how = Applying { manager: &managers.adoption, force: true, dry_run: false };
    target.apply(&marked, how).await.map(|_| ())
}

/// The default service account appears by itself a moment after its namespace: no adoption that anybody need be asked about.
fn made_by_the_cluster(object: &Object) -> bool {
    object.group().is_empty() && object.kind() == "ServiceAccount" && object.name() == "default"
}

/// Whether the object is this project's: by its label, or by what our manager holds where somebody took the label off.
fn is_ours(live: &Value, managers: &Managers) -> bool {
    has_label(live, managers) || has_manager(live, &managers.main)
}

fn has_manager(live: &Value, manager: &str) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        entry.get("manager").and_then(Value::as_str) == Some(manager)
            && entry.get("operation").and_then(Value::as_str) == Some("Apply")
    })
}

/// Whether the object carries the project's marks: the ApplySet's label, or where somebody took that off, our own.
pub(crate) fn has_label(live: &Value, managers: &Managers) -> bool {
    match label(live, PART_OF) {
        Some(set) => set == managers.set,
        None => {
            label(live, PROJECT) == Some(managers.project.as_str()) && label(live, MANAGED_BY.0) == Some(MANAGED_BY.1)
        }
    }
}

/// The project or ApplySet that an object belongs to, where that is not ours.
fn other_owner(live: &Value, managers: &Managers) -> Option<String> {
    let set = label(live, PART_OF).filter(|set| *set != managers.set)?;
    let project = label(live, PROJECT).filter(|_| label(live, MANAGED_BY.0) == Some(MANAGED_BY.1));
    Some(project.unwrap_or(set).to_owned())
}

fn label<'a>(live: &'a Value, name: &str) -> Option<&'a str> {
    live.get("metadata")?.get("labels")?.get(name)?.as_str()
}

fn version(object: &Value) -> Option<&str> {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str)
}

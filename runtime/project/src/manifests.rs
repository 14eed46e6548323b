//! Manifests that no API server would hold.

use std::{panic, thread};

use kspec_diagnostics::{Finding, Place, codes};
use kspec_model::cluster::Lift;
use kspec_schema::{ProblemKind, Schema, split_api_version};
use kspec_state::{ManifestDoc, is_withheld};
use serde_json::Value;

/// How many problems of one object are told.
const TOLD: usize = 3;

/// So many manifests take longer than a thread to begin.
const WORTH_A_THREAD: usize = 200;

/// A finding for each object that the API server would refuse: every answer is given without it.
pub(crate) fn refused(documents: &[ManifestDoc], schema: &Schema) -> Vec<Finding> {
    let bundled = Schema::bundled(schema.version());
    let look = |part: &[ManifestDoc]| -> Vec<Finding> {
        part.iter().filter_map(|document| finding(document, schema, &bundled)).collect()
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(documents.len() / WORTH_A_THREAD);
    if workers < 2 {
        return look(documents);
    }
    thread::scope(|scope| {
        let parts = documents.chunks(documents.len().div_ceil(workers));
        let found: Vec<_> = parts.map(|part| scope.spawn(|| look(part))).collect();
        // Work that panics does so here too.
        let found = found.into_iter().map(|part| part.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        found.flatten().collect()
    })
}

fn finding(document: &ManifestDoc, schema: &Schema, bundled: &Schema) -> Option<Finding> {
    let (problems, help) = problems(&document.value, schema, bundled);
    if problems.is_empty() {
        return None;
    }
    let text = |pointer: &str| document.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("/kind"), text("/metadata/name"));
    let mut told = problems.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = problems.len().saturating_sub(TOLD);
    if more > 0 {
        told.push_str(&format!("; and {more} more"));
    }
    let place = Place::File { path: document.file.as_ref().into(), line: document.line, column: 1 };
    let message = format!("the API server would refuse {kind} `{name}`: {told}");
    Some(Finding::new(codes::BAD_MANIFEST, message, place).help(help))
}

/// What is wrong with an object, and the remedy.
fn problems(object: &Value, schema: &Schema, bundled: &Schema) -> (Vec<String>, &'static str) {
    let mut help = "correct it, or keep it out of the project's `manifests`: every answer is given without it";
    let mut told = Vec::new();
    for problem in schema.validate(object) {
        match &problem.kind {
            // What nobody has described here may be a custom resource's.
            ProblemKind::UnknownKind { api_version, .. } if is_built_in(api_version, bundled) => {
                told.push(problem.to_string());
                help = "write an API version and kind that the target version serves";
            }
            ProblemKind::Malformed { found, .. } if is_withheld(found) => {}
            // Decoding fails. Unknown fields are dropped; what must be there, and what may stand there, is checked later and in code.
            ProblemKind::WrongType { .. } | ProblemKind::Malformed { .. } => told.push(problem.to_string()),
            _ => {}
        }
    }
    // Checks in code, of the kinds that mean something to access and connectivity.
    if told.is_empty() {
        let mut lift = Lift::default();
        lift.read(object);
        let (_, problems) = lift.finish();
        told.extend(problems.into_iter().map(|problem| problem.message));
    }
    if told.is_empty() {
        told = schema.refusals(object);
    }
    (told, help)
}

/// Whether a group is Kubernetes' own: those of custom resources need a dot, and a name that it does not have itself.
fn is_built_in(api_version: &str, bundled: &Schema) -> bool {
    let (group, _) = split_api_version(api_version);
    !group.contains('.') || bundled.groups().iter().any(|known| *known.name == *group)
}

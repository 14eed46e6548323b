//! The server's own opinion of what an apply would make.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use kspec_model::Object;
use kspec_plan::{DryRun, DryRunError, DryRunRequest};
use kspec_state::live::{Cluster, Connection};

use crate::{
    error::Failure,
    run::{defines, unknown_kind},
    send::{Applying, Refusal, Target},
};

/// Requests under way at a time: what keeps an API server of a few cores busy, and no more than it lets one person queue.
const AT_ONCE: usize = 32;

/// Tries objects on a live cluster, many at once, changing nothing.
#[derive(Debug)]
pub struct ServerDryRun<'a> {
    cluster: &'a Cluster,
    manager: String,
}

impl<'a> ServerDryRun<'a> {
    /// For a project's objects.
    #[must_use]
    pub fn new(cluster: &'a Cluster, project: &str) -> Self {
        Self { cluster, manager: kspec_plan::field_manager(project) }
    }
}

impl DryRun for ServerDryRun<'_> {
    fn dry_run(&mut self, requests: &[DryRunRequest<'_>]) -> Vec<Result<Object, DryRunError>> {
        self.cluster.block_on(dry_run(self.cluster.connection(), &self.manager, requests))
    }
}

/// Answers come in the order of the requests.
async fn dry_run(
    connection: &Connection,
    manager: &str,
    requests: &[DryRunRequest<'_>],
) -> Vec<Result<Object, DryRunError>> {
    let objects = || requests.iter().map(|request| request.object);
    let beside = Beside {
        kinds: objects().filter_map(defines).collect(),
        namespaces: objects().filter(|object| object.kind() == "Namespace").map(Object::name).collect(),
    };
    let asked = requests.iter().map(|request| one(connection, manager, *request, &beside));
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

/// What is applied together with an object, so that it need not be there yet.
struct Beside<'a> {
    /// Kinds that are defined, by group and name.
    kinds: BTreeSet<(String, String)>,
    namespaces: BTreeSet<&'a str>,
}

async fn one(
    connection: &Connection,
    manager: &str,
    request: DryRunRequest<'_>,
    beside: &Beside<'_>,
) -> Result<Object, DryRunError> {
    let key = request.object.key();
    let Some(target) = Target::new(connection, &key, request.object.api_version()) else {
        let unknown = unknown_kind(connection, request.object, &beside.kinds);
        return Err(unknown.map_or(DryRunError::NotYet, |unknown| DryRunError::Refused(unknown.to_string())));
    };
    let lacks_namespace = |message: &str| {
        let namespace = key.namespace.as_deref().filter(|name| !beside.namespaces.contains(name));
        namespace.is_some_and(|name| message.contains(&format!("namespaces \"{name}\" not found")))
    };
    let how = Applying { manager, force: request.force, dry_run: true };
    match target.apply(&request.object.0, how).await {
        Ok(answer) => Ok(Object(answer.object)),
        Err(Refusal::Status(status)) if status.code == 404 && lacks_namespace(&status.message) => {
            Err(DryRunError::Refused(status.message))
        }
        // The object is made where it is missing, so what is not found is its namespace, or what it refers to.
        Err(Refusal::Status(status)) if status.code == 404 => Err(DryRunError::NotYet),
        // A webhook that cannot tell a try from the real thing.
        Err(Refusal::Status(status)) if status.code == 400 && status.message.contains("does not support dry run") => {
            Err(DryRunError::Unavailable)
        }
        Err(refusal) => Err(match target.failure(refusal, "patch", request.force) {
            Failure::Forbidden { .. } | Failure::NoAnswer { .. } => DryRunError::Unavailable,
            Failure::Refused { message } => DryRunError::Refused(message),
            failure @ Failure::Conflict { .. } => DryRunError::Conflict(failure.to_string()),
            other => DryRunError::Refused(other.to_string()),
        }),
    }
}

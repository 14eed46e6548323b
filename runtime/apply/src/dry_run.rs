//! The server's own opinion of what an apply would make.

use futures::{StreamExt, stream};
use kspec_model::Object;
use kspec_plan::{DryRun, DryRunError, DryRunRequest};
use kspec_state::live::{Cluster, Connection};

use crate::{
    error::Failure,
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
    stream::iter(requests.iter().map(|request| one(connection, manager, *request))).buffered(AT_ONCE).collect().await
}

async fn one(connection: &Connection, manager: &str, request: DryRunRequest<'_>) -> Result<Object, DryRunError> {
    let key = request.object.key();
    // Its definition may come with the same program.
    let target = Target::new(connection, &key, request.object.api_version()).ok_or(DryRunError::NotYet)?;
    let how = Applying { manager, force: request.force, dry_run: true };
    match target.apply(&request.object.0, how).await {
        Ok(answer) => Ok(Object(answer.object)),
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

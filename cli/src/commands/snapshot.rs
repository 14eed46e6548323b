//! `kspec snapshot`.

use kspec_schema::{KubeVersion, Schema};

use super::state;
use crate::{
    args::Snapshot,
    context::Context,
    exit::{Exit, Failure},
};

pub(super) fn run(args: &Snapshot, context: &Context) -> Result<Exit, Failure> {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let wanted = args.state.state.clone().unwrap_or_else(|| "live".to_owned());
    let kube = state::Kube { context: args.state.context.as_deref(), expected: None };
    let state = state::read(&wanted, kube, &schema, std::path::Path::new("."), context)?;
    std::fs::write(&args.out, state.to_snapshot()).map_err(|error| Failure::io(&args.out, &error))?;
    context.note(&format!("{} objects of {} in {}", state.objects.len(), state.origin, args.out.display()));
    for unread in &state.unread {
        context.note(&format!("not read: {unread}"));
    }
    Ok(Exit::Done)
}

//! What the webhooks and policies of the state are weak in.

use kspec_analysis::admission;
use kspec_diagnostics::Place;
use kspec_state::State;

use crate::document::{Source, Weakness};

/// Of every webhook and policy, whoever wrote it.
pub(crate) fn weaknesses(state: &State) -> Vec<Weakness> {
    let objects: Vec<_> = state.objects.iter().map(|object| (&object.object, &object.place)).collect();
    let told = admission::weaknesses(&objects).into_iter().map(|finding| Weakness {
        code: finding.code.to_string(),
        message: finding.message,
        help: finding.help,
        source: finding.labels.first().and_then(|label| match &label.place {
            Place::File { path, line, .. } => Some(Source { file: path.to_string(), line: *line }),
            _ => None,
        }),
    });
    told.collect()
}

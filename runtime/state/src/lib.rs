//! Cluster state: what is there, wherever it was read from.
//!
//! Three sources make one [`State`]: a live API, a directory of manifests, and a saved snapshot. Everything downstream
//! (plan, drift, access and connectivity questions, import) reads `State` and cannot tell them apart.
//!
//! In: a cluster, a directory, a file. Out: [`State`] and the [`Problem`]s met on the way, as values.
//!
//! Invariant: a [`State`] never holds secret material. [`State::new`] is the only way to make one, and it withholds the
//! contents of Secrets and the keys of encryption files before anything else sees them.

mod directory;
mod files;
pub mod live;
mod manifests;
mod problem;
mod snapshot;
mod state;
mod withhold;
mod yaml;

use std::path::Path;

use kspec_schema::Schema;

pub use directory::read_directory;
pub use files::{FileName, MAX_FILE_BYTES};
pub use manifests::{ManifestDoc, manifest_files, read_manifest_file, read_manifest_text, read_manifests};
pub use problem::{Problem, ProblemKind};
pub use snapshot::{Part, SNAPSHOT_FORMAT, read_snapshot};
pub use state::{Flags, HostState, State, StateObject, StateOrigin};
pub use withhold::{WITHHELD, is_withheld, same_withheld, withhold_secret, without_marks};

/// Reads what `--state PATH` names: a directory of manifests, one manifest file, or a snapshot. Of a snapshot, `part` is read.
///
/// # Errors
/// The problem that leaves no state at all: a path that is not there, a snapshot that is damaged. What is wrong with single
/// files of a directory comes beside the state.
pub fn read_path(path: &Path, schema: &Schema, part: Part) -> Result<(State, Vec<Problem>), Problem> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && snapshot::is_snapshot(path) => {
            read_snapshot(path, part).map(|state| (state, Vec::new()))
        }
        Ok(_) => Ok(read_directory(path, schema)),
        Err(error) => Err(files::unreadable(&files::shown(path), &error)),
    }
}

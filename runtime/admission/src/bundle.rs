//! The bundle's rule table.

use std::fmt;
use std::path::{Path, PathBuf};

use kspec_model::rules::{Engine, Table};

/// A bundle that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for BundleError {}

/// Reads a bundle, or a rule table by itself, and keeps what the webhook decides.
pub(crate) fn read(path: &Path) -> Result<Table, BundleError> {
    let failed = |reason: String| BundleError { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let json = serde_json::from_slice(&bytes).map_err(|error| failed(format!("no JSON: {error}")))?;
    let mut table = kspec_rules::read_table(json).map_err(|error| failed(error.to_string()))?;
    table.rules.retain(|bound| bound.engine == Engine::Webhook);
    table.mutations.retain(|bound| bound.engine == Engine::Webhook);
    Ok(table)
}

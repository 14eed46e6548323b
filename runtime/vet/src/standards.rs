//! The Pod Security Standards, compiled when first asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kspec_compiler::{Library, pod_security};
use kspec_diagnostics::Finding;
use kspec_model::program::PodSecurityLevel;
use kspec_rules::Evaluator;
use kspec_schema::Schema;

/// Evaluators of the standards, each compiled once.
pub struct Standards {
    schema: Arc<Schema>,
    library: Library,
    compiled: BTreeMap<(PodSecurityLevel, u8), Arc<Evaluator>>,
}

/// Why a standard cannot be judged by: the library is at fault.
#[derive(Debug)]
pub enum StandardsError {
    /// The library has errors.
    Findings(Vec<Finding>),
    /// What it compiles to cannot be loaded.
    Load(kspec_rules::LoadError),
}

impl fmt::Display for StandardsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings(findings) => {
                f.write_str("std.pod_security has errors")?;
                findings.iter().try_for_each(|finding| write!(f, "; {}: {}", finding.code, finding.message))
            }
            Self::Load(error) => write!(f, "std.pod_security cannot be loaded: {error}"),
        }
    }
}

impl std::error::Error for StandardsError {}

impl Standards {
    /// The standards of a library, typed for a version of Kubernetes.
    #[must_use]
    pub const fn new(schema: Arc<Schema>, library: Library) -> Self {
        Self { schema, library, compiled: BTreeMap::new() }
    }

    /// A level in one edition.
    ///
    /// # Errors
    /// As [`StandardsError`].
    pub fn of(&mut self, level: PodSecurityLevel, minor: u8) -> Result<Arc<Evaluator>, StandardsError> {
        if let Some(known) = self.compiled.get(&(level, minor)) {
            return Ok(Arc::clone(known));
        }
        let table = pod_security(level, minor, &self.schema, self.library).map_err(StandardsError::Findings)?;
        let evaluator = Arc::new(Evaluator::load(table).map_err(StandardsError::Load)?);
        self.compiled.insert((level, minor), Arc::clone(&evaluator));
        Ok(evaluator)
    }
}

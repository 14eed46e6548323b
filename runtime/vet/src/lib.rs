//! Would these manifests be admitted?
//!
//! In: documents as they stand in files; a project's rule table, namespaces, and the objects of a state, where there are
//! any. Out: a [`Verdict`] each, by the project's mutations and rules and by Pod Security, decided by the one evaluator
//! (`kspec-rules`) after the defaults that the API server would fill in.

mod judge;
mod limits;
mod namespaces;
mod objects;
mod ranges;
mod verdict;

pub use judge::{Standard, Vet};
pub use kspec_compiler::{Library, Standards, StandardsError};
pub use namespaces::KnownNamespaces;
pub use objects::StateObjects;
pub use verdict::{VERDICT_FORMAT, Verdict, Violation, verdict_schema};

//! Cluster state: what is there, wherever it was read from.
//!
//! Three sources make one [`State`]: a live API, a directory of manifests, and a saved snapshot. Everything downstream
//! (plan, drift, access and connectivity questions, import) reads `State` and cannot tell them apart.
//!
//! In: a cluster, a directory, a file. Out: [`State`] and the [`Problem`]s met on the way, as values.
//!
//! Invariant: a [`State`] never holds secret material. [`State::new`] is the only way to make one, and it withholds the
//! contents of Secrets and the keys of encryption files before anything else sees them.

mod problem;
mod state;
mod withhold;

pub use problem::{Problem, ProblemKind};
pub use state::{HostState, State, StateObject, StateOrigin};
pub use withhold::WITHHELD;

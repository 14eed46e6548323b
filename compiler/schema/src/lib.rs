//! Kubernetes' types and resources by version, and custom ones from their CRDs.
//!
//! In: tables under `data/` that `cargo xtask schemas` derives from the Kubernetes module, compiled in; a project's CRDs.
//! Out: a [`Schema`], which answers what a kind's fields are, what a resource's verbs and subresources are, and what is
//! wrong with an object's fields. Pure: nothing is read, fetched or cached on disk.

mod bundled;
mod crd;
pub mod defaults;
pub mod derive;
pub mod facts;
mod held;
mod kinds;
pub mod names;
mod schema;
mod suggest;
mod table;
mod types;
mod validate;
mod version;
mod walk;

pub use crd::{CrdProblem, CrdProblemKind};
pub use kinds::{GroupInfo, KindInfo, Subresource};
pub use schema::{Schema, split_api_version};
pub use suggest::closest;
pub use table::TableError;
pub use types::{Field, ListMerge, ObjectType, Text, Type, TypeId};
pub use validate::{Problem, ProblemKind};
pub use version::{KubeVersion, UnknownVersion};
pub use walk::{Path, Place, Step};

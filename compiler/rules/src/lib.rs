//! Admission rules evaluated: what a rule table ([`kspec_model::rules::Table`]) decides about a request.
//!
//! The evaluator is the definition of what rules mean. It borrows from the request, bounds its work, and cannot panic. The
//! compiler, `vet`, `test` and the webhook all decide by it, and the CEL that the API server runs is held against it.

mod arithmetic;
pub mod cel;
mod compile;
mod convert;
mod equal;
mod eval;
mod fault;
mod judge;
pub mod literal;
mod methods;
mod mutate;
pub mod partial;
mod paths;
mod probe;
mod reads;
mod review;
mod statements;
mod target;
mod value;

pub use fault::Fault;
pub use judge::{Decision, Engines, Evaluator, Foreign, LoadError, Outcome, Violation, read_table};
pub use mutate::{Mutated, MutationFault};
pub use probe::{Probe, Told};
pub use reads::Reads;
pub use review::{Asked, NoObjects, Objects, Review};

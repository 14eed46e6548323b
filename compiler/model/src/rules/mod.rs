//! Admission rules as data: what a rule table holds, what CEL is written from, what the solver reasons about.
//!
//! A rule is closed: its parameters are filled in and its functions inlined. Expressions are typed trees over the request.
//! What they mean is defined by the evaluator in `kspec-rules`, and every other engine is held against it.

mod expr;
mod table;

pub use expr::*;
pub use table::*;

//! Admission rules evaluated: what a rule table ([`kspec_model::rules::Table`]) decides about a request.
//!
//! The evaluator is the definition of what rules mean. It borrows from the request, bounds its work, and cannot panic. The
//! compiler, `vet`, `test` and the webhook all decide by it, and the CEL that the API server runs is held against it.

pub mod literal;

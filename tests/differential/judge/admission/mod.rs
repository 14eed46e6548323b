//! Admission: what each engine decides of one request, against what the others do.
//!
//! The engines: policies (CEL) in the real API server; the webhook, registered there; `kspec vet`; `kspec test`. What binds
//! them is the evaluator's verdict of the object that the server itself makes of the request: a namespace out of every scope
//! answers a dry run with the object as defaulted. `vet` and `test` are asked about that object, and about the manifest as it
//! was written.

mod annotations;
mod bench;
mod kinds;
mod laptop;
mod lookups;
mod objects;
mod operations;
mod policies;
mod program;
pub(crate) mod rules;
mod told;
mod webhook;
mod witnesses;

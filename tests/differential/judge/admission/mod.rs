//! Admission: what the API server decides by the policies that rules lower to, against what the evaluator decides.
//!
//! The objects that are judged are those that the server itself makes of a request: a namespace out of every scope answers a
//! dry run with the object as defaulted, and the evaluator is asked about that.

mod objects;
mod rules;
mod server;

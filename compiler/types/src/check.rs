//! Checking of bodies.

use kspec_diagnostics::Span;
use kspec_syntax::tree::{Mutation, Record, Rule};

use crate::{Cx, FnDef};

/// Checks a function's body against its parameters' and result's types, and its parameters' defaults.
pub fn check_fn(_def: &FnDef, _cx: &mut Cx<'_>) {}

/// Checks a rule's body, for each kind that it is on.
pub fn check_rule(_rule: &Rule, _cx: &mut Cx<'_>) {}

/// Checks a mutation's body, for each kind that it is on.
pub fn check_mutation(_mutation: &Mutation, _cx: &mut Cx<'_>) {}

/// Checks a Kubernetes object that is given verbatim, against the type that its `apiVersion` and `kind` name. `head` is
/// the place to point at for what the object lacks. `None` where a finding was reported or a part of it is not known.
pub fn check_object(_body: &Record, _head: Span, _cx: &mut Cx<'_>) -> Option<serde_json::Value> {
    None
}

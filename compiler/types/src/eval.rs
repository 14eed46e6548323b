//! Evaluation of expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_diagnostics::Location;
use kspec_syntax::tree::{Arg, Expr, Str};

use crate::value::FnParam;
use crate::{Cx, Type, Value};

/// Evaluates an expression. With `expected`, the value is of that type or [`Value::Error`].
pub fn eval(_expr: &Expr, _expected: Option<&Type>, _cx: &mut Cx<'_>) -> Value {
    Value::Error
}

/// Evaluates the amount of a resource: a quantity in the unit that the resource (`memory`, `requests.cpu`, `pods`) is
/// counted in.
pub fn eval_resource(_expr: &Expr, _resource: &str, _cx: &mut Cx<'_>) -> Value {
    Value::Error
}

/// One of a fixed set of words, bare (`restricted`) or quoted. Reports what is none of them.
pub fn eval_word(_expr: &Expr, _words: &[&str], _cx: &mut Cx<'_>) -> Option<Arc<str>> {
    None
}

/// Text that interpolates: a name inside a template, a `because`. A [`Value::Str`], or unknown, or an error.
pub fn interpolate(_string: &Str, _cx: &mut Cx<'_>) -> Value {
    Value::Error
}

/// Evaluates a call's arguments against parameters: by position, then by name, then by default. Every parameter is in
/// the result. `callee` names what is called, in findings; `decl` is where its parameters are declared.
pub fn bind_args(
    _callee: &str,
    _decl: Option<Location>,
    _params: &[FnParam],
    _args: &[Arg],
    _call: &Expr,
    _cx: &mut Cx<'_>,
) -> BTreeMap<Arc<str>, Value> {
    BTreeMap::new()
}

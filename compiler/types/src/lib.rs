//! Types and values of expressions: checking and evaluation.
//!
//! One evaluator does both, since values may be abstract: [`Value::Unknown`] carries a type through every operation. A
//! template's or function's body is checked by evaluating it with abstract parameters, a rule's body with an abstract
//! `object`, and a declaration's fields by the same code with everything known.
//!
//! In: expressions of `kspec-syntax`, a [`Scope`] that knows what names mean, and the target's schema. Out: values, and
//! findings. Whatever a finding was reported about is [`Value::Error`] from there on, which silences what depends on it.

mod access;
mod call;
mod check;
mod coerce;
mod cx;
mod eval;
mod interpolate;
mod ir;
mod json;
mod methods;
mod ops;
mod report;
mod scope;
mod type_expr;
mod types;
mod unit;
mod value;

pub use call::{Callee, bind_args};
pub use check::{OnKind, check_fn, check_mutation, check_object, check_rule, connect_options, on_kinds};
pub use coerce::{coerce, coerce_text};
pub use cx::Cx;
pub use eval::{eval, eval_resource, eval_word};
pub use interpolate::interpolate;
pub use ir::{Bound, lower_claim, lower_mutation, lower_rule};
pub use json::to_json;
pub use kspec_rules::literal::{Duration, Image, ParseQuantityError, Port, Quantity};
pub use methods::method_usages;
pub use scope::{Lookup, Scope};
pub use type_expr::ty;
pub use types::{EntityKind, FunctionType, KubeType, Type};
pub use value::{EntityRef, FnDef, FnParam, Value, type_of};

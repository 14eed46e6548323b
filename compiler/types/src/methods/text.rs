//! Methods of text.

use std::sync::Arc;

use super::{MethodCall, argument};
use kspec_rules::literal;

use crate::{Cx, Type, Value};

/// Steps that a regular expression's compilation counts as.
const COMPILING: usize = 200;

/// Calls a method of text that is there.
pub(super) fn call(receiver: Value, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let name = call.method.name;
    let wanted = match name {
        "matches" => Type::Regex,
        "like" => Type::Glob,
        _ => Type::String,
    };
    let arguments: Vec<Value> = (0..call.arguments.len()).map(|at| argument(call, at, &wanted, cx)).collect();
    if arguments.contains(&Value::Error) {
        return Value::Error;
    }
    let texts: Option<Vec<Arc<str>>> = arguments.iter().map(|value| value.as_str().cloned()).collect();
    let (Some(text), Some(texts)) = (receiver.as_str(), texts) else { return Value::Unknown(result_type(name)) };
    let first = texts.first().map_or("", |text| &**text);
    match name {
        "size" => Value::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)),
        "is_empty" => Value::Bool(text.is_empty()),
        "contains" => Value::Bool(text.contains(first)),
        "starts_with" => Value::Bool(text.starts_with(first)),
        "ends_with" => Value::Bool(text.ends_with(first)),
        // Compiling is what costs; matching takes time linear in the text.
        "matches" if !cx.spend(COMPILING, call.span) => Value::Error,
        "matches" => literal::compile(first).map_or(Value::Error, |regex| Value::Bool(regex.is_match(text))),
        "like" => Value::Bool(literal::glob_matches(first, text)),
        "lower" => Value::str(text.to_lowercase()),
        "upper" => Value::str(text.to_uppercase()),
        "trim" => Value::str(text.trim()),
        "trim_prefix" => Value::str(text.strip_prefix(first).unwrap_or(text)),
        "trim_suffix" => Value::str(text.strip_suffix(first).unwrap_or(text)),
        "replace" => {
            let by = texts.get(1).map_or("", |text| &**text);
            // An upper bound before anything is made: every character may be replaced, and each end.
            let length = text.len().saturating_add(1).saturating_mul(by.len().saturating_add(1));
            if !cx.spend(length / 64 + 1, call.span) {
                return Value::Error;
            }
            cx.text(text.replace(first, by), call.span)
        }
        _ => {
            let parts = text.split(first).map(Value::str).collect();
            cx.list(parts, call.span)
        }
    }
}

fn result_type(name: &str) -> Type {
    match name {
        "size" => Type::Int,
        "is_empty" | "contains" | "starts_with" | "ends_with" | "matches" | "like" => Type::Bool,
        "split" => Type::list(Type::String),
        _ => Type::String,
    }
}

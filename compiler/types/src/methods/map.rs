//! Methods of maps, and of records as maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_diagnostics::{Finding, codes};

use super::lambda::{apply, test};
use super::list::mapped;
use super::{MethodCall, argument};
use crate::{Cx, Type, Value, coerce, type_of};

type Fields = BTreeMap<Arc<str>, Value>;

/// Calls a method of a map; an absent one is empty.
pub(super) fn call(receiver: Value, ty: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let of = match ty {
        Type::Map(_, of) => (**of).clone(),
        Type::Record(_) if matches!(call.method.name, "keys" | "has" | "size" | "is_empty") => Type::Any,
        Type::Record(fields) => {
            let mut joined = Type::Never;
            for field in fields.values() {
                let Some(next) = joined.join(field) else {
                    let message = format!("the fields of this record are `{joined}` and `{field}`");
                    let finding = Finding::new(codes::WRONG_TYPE, message, cx.at(call.base))
                        .help("a record is a map where its fields are of one type; read its fields by name");
                    return cx.report(finding);
                };
                joined = next;
            }
            joined.present().0.clone()
        }
        _ => return Value::Error,
    };
    let fields = match receiver {
        Value::Absent => Some(BTreeMap::new()),
        // What may be absent may not be there: which keys there are shows only later.
        Value::Map(fields) | Value::Record(fields)
            if fields.values().any(|value| matches!(value, Value::Unknown(Type::Optional(_)))) =>
        {
            None
        }
        Value::Map(fields) | Value::Record(fields) => {
            Some(fields.into_iter().filter(|(_, value)| *value != Value::Absent).collect())
        }
        _ => None,
    };
    match call.method.name {
        "any" | "all" | "none" | "one" | "count" | "filter" | "map" => over_entries(fields, &of, call, cx),
        "has" => {
            let key = argument(call, 0, &Type::String, cx);
            match (fields, key) {
                (_, Value::Error) => Value::Error,
                (Some(fields), Value::Str(key)) => Value::Bool(fields.contains_key(&key)),
                _ => Value::Unknown(Type::Bool),
            }
        }
        "merge" => merged(fields, of, call, cx),
        name => match (fields, name) {
            (Some(fields), "size") => Value::Int(i64::try_from(fields.len()).unwrap_or(i64::MAX)),
            (Some(fields), "is_empty") => Value::Bool(fields.is_empty()),
            (Some(fields), "keys") => Value::List(fields.into_keys().map(Value::Str).collect()),
            (Some(fields), _) => Value::List(fields.into_values().collect()),
            (None, "size") => Value::Unknown(Type::Int),
            (None, "is_empty") => Value::Unknown(Type::Bool),
            (None, "keys") => Value::Unknown(Type::list(Type::String)),
            (None, _) => Value::Unknown(Type::list(of)),
        },
    }
}

/// What applies a function to each key and value.
fn over_entries(fields: Option<Fields>, of: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let name = call.method.name;
    let Some(function) = call.arguments.first().map(|argument| &argument.value) else {
        let count = fields.map(|fields| Value::Int(i64::try_from(fields.len()).unwrap_or(i64::MAX)));
        return count.unwrap_or(Value::Unknown(Type::Int));
    };
    let judge = |key: Value, value: Value, cx: &mut Cx<'_>| {
        if name == "map" { apply(function, &[key, value], cx) } else { test(function, &[key, value], cx) }
    };
    let Some(fields) = fields else {
        let result = judge(Value::Unknown(Type::String), Value::Unknown(of.clone()), cx);
        return match (result, name) {
            (Value::Error, _) => Value::Error,
            (result, "map") => Value::Unknown(Type::list(type_of(&result))),
            (_, "filter") => Value::Unknown(Type::map(of.clone())),
            (_, "count") => Value::Unknown(Type::Int),
            _ => Value::Unknown(Type::Bool),
        };
    };
    let mut results = Vec::with_capacity(fields.len());
    for (key, value) in &fields {
        let result = judge(Value::Str(key.clone()), value.clone(), cx);
        if result == Value::Error {
            return Value::Error;
        }
        results.push(result);
    }
    if name == "map" {
        return mapped(results, call, cx);
    }
    if results.iter().any(Value::is_abstract) {
        return Value::Unknown(match name {
            "filter" => Type::map(of.clone()),
            "count" => Type::Int,
            _ => Type::Bool,
        });
    }
    let held = |result: &Value| *result == Value::Bool(true);
    let count = results.iter().filter(|result| held(result)).count();
    match name {
        "any" => Value::Bool(count > 0),
        "all" => Value::Bool(count == results.len()),
        "none" => Value::Bool(count == 0),
        "one" => Value::Bool(count == 1),
        "count" => Value::Int(i64::try_from(count).unwrap_or(i64::MAX)),
        _ => {
            let kept = fields.into_iter().zip(&results).filter(|(_, result)| held(result));
            Value::Map(kept.map(|(entry, _)| entry).collect())
        }
    }
}

/// Both maps' entries; where both have a key, the argument's.
fn merged(fields: Option<Fields>, of: Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let wanted = if of == Type::Never { Type::map(Type::Any) } else { Type::map(of.clone()) };
    let other = argument(call, 0, &wanted.clone().optional(), cx);
    let values = |fields: Fields, cx: &mut Cx<'_>| match &of {
        Type::Never => fields,
        of => fields.into_iter().map(|(key, value)| (key, coerce(value, of, call.base, cx))).collect(),
    };
    match (fields, other) {
        (_, Value::Error) => Value::Error,
        (Some(fields), Value::Absent) => Value::Map(values(fields, cx)),
        (Some(fields), Value::Map(other)) => {
            let mut merged = values(fields, cx);
            merged.extend(other);
            Value::Map(merged)
        }
        _ => Value::Unknown(wanted),
    }
}

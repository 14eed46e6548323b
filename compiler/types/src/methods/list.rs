//! Methods of lists.

use std::cmp::Ordering;

use kspec_diagnostics::{Finding, codes};

use super::lambda::{apply, test};
use super::{MethodCall, all_present, argument, sum};
use crate::ops::{compare, is_ordered};
use crate::{Cx, Type, Value, call::is_printable, call::text_of, coerce, type_of};

/// Calls a method of a list; an absent one is empty.
pub(super) fn call(receiver: Value, ty: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let Type::List(item) = ty else { return Value::Error };
    let items = match receiver {
        Value::List(items) => Some(items),
        Value::Absent => Some(Vec::new()),
        _ => None,
    };
    match call.method.name {
        "any" | "all" | "none" | "one" | "filter" | "map" | "count" => over_items(items, item, call, cx),
        "contains" => contains(items, item, call, cx),
        "min" | "max" | "sort" => ordered(items, item, call, cx),
        "sum" => summed(items, item, call, cx),
        "join" => joined(items, item, call, cx),
        "flatten" => flattened(items, item, call, cx),
        name => match (items, name) {
            (Some(items), "size") => Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)),
            (Some(items), "is_empty") => Value::Bool(items.is_empty()),
            (Some(items), "first") => items.into_iter().next().unwrap_or(Value::Absent),
            (Some(items), "last") => items.into_iter().next_back().unwrap_or(Value::Absent),
            (Some(items), "reverse") => Value::List(items.into_iter().rev().collect()),
            (Some(items), _) if items.iter().any(Value::is_abstract) => Value::Unknown(ty.clone()),
            (Some(items), _) => distinct(items, call, cx),
            (None, "size") => Value::Unknown(Type::Int),
            (None, "is_empty") => Value::Unknown(Type::Bool),
            (None, "first" | "last") => Value::Unknown((**item).clone().optional()),
            (None, _) => Value::Unknown(ty.clone()),
        },
    }
}

/// What applies a function to each item. One item's error is every item's: the rest is not looked at.
fn over_items(items: Option<Vec<Value>>, item: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let name = call.method.name;
    let Some(function) = call.arguments.first().map(|argument| &argument.value) else {
        // `count()` alone.
        let count = items.map(|items| Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)));
        return count.unwrap_or(Value::Unknown(Type::Int));
    };
    let judge = |value: &Value, cx: &mut Cx<'_>| {
        let values = std::slice::from_ref(value);
        if name == "map" { apply(function, values, cx) } else { test(function, values, cx) }
    };
    // An empty list's items are of no type, or of any: nothing of the function can be checked then.
    let Some(items) = items else {
        let result = judge(&Value::Unknown(item.clone()), cx);
        return match (result, name) {
            (Value::Error, _) => Value::Error,
            (result, "map") => Value::Unknown(Type::list(type_of(&result))),
            (_, "filter") => Value::Unknown(Type::list(item.clone())),
            (_, "count") => Value::Unknown(Type::Int),
            _ => Value::Unknown(Type::Bool),
        };
    };
    let mut results = Vec::with_capacity(items.len());
    for value in &items {
        let result = judge(value, cx);
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
            "filter" => Type::list(item.clone()),
            "count" => Type::Int,
            _ => Type::Bool,
        });
    }
    verdict(name, items, &results)
}

fn verdict(name: &str, items: Vec<Value>, results: &[Value]) -> Value {
    let held = |result: &&Value| **result == Value::Bool(true);
    let count = results.iter().filter(held).count();
    match name {
        "any" => Value::Bool(count > 0),
        "all" => Value::Bool(count == results.len()),
        "none" => Value::Bool(count == 0),
        "one" => Value::Bool(count == 1),
        "count" => Value::Int(i64::try_from(count).unwrap_or(i64::MAX)),
        _ => {
            let kept = items.into_iter().zip(results).filter(|(_, result)| held(result));
            Value::List(kept.map(|(item, _)| item).collect())
        }
    }
}

/// Results of `map`, made one type.
pub(super) fn mapped(results: Vec<Value>, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let joined = results.iter().try_fold(Type::Never, |joined, value| joined.join(&type_of(value)));
    match joined {
        Some(ty) => {
            let items = results.into_iter().map(|value| coerce(value, &ty, call.span, cx)).collect();
            cx.list(items, call.span)
        }
        None => {
            let finding = Finding::new(codes::WRONG_TYPE, "this maps to values of different types", cx.at(call.span))
                .help("a list holds values of one type");
            cx.report(finding)
        }
    }
}

fn contains(items: Option<Vec<Value>>, item: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let wanted = argument(call, 0, item.present().0, cx);
    match items {
        _ if wanted == Value::Error => Value::Error,
        Some(items) if !wanted.is_abstract() && !items.iter().any(Value::is_abstract) => {
            Value::Bool(items.contains(&wanted))
        }
        _ => Value::Unknown(Type::Bool),
    }
}

fn ordered(items: Option<Vec<Value>>, item: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let name = call.method.name;
    if !all_present(item, call, cx) {
        return Value::Error;
    }
    if !is_ordered(item) {
        let finding = Finding::new(codes::WRONG_TYPE, format!("values of `{item}` have no order"), cx.at(call.span));
        let finding = match item {
            Type::Kube(_) | Type::Record(_) => finding.help("map them to what they are to be ordered by"),
            _ => finding,
        };
        return cx.report(finding);
    }
    match items {
        Some(mut items) if !items.iter().any(Value::is_abstract) => {
            items.sort_by(|a, b| compare(a, b).unwrap_or(Ordering::Equal));
            match name {
                "sort" => Value::List(items),
                "min" => items.into_iter().next().unwrap_or(Value::Absent),
                _ => items.into_iter().next_back().unwrap_or(Value::Absent),
            }
        }
        _ if name == "sort" => Value::Unknown(Type::list(item.clone())),
        _ => Value::Unknown(item.clone().optional()),
    }
}

fn summed(items: Option<Vec<Value>>, item: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    if !all_present(item, call, cx) {
        return Value::Error;
    }
    if !matches!(item, Type::Int | Type::Float | Type::Quantity | Type::Duration | Type::Never | Type::Error) {
        let message = format!("values of `{item}` have no sum");
        return cx.report(Finding::new(codes::WRONG_TYPE, message, cx.at(call.span)));
    }
    match items {
        Some(items) if !items.iter().any(Value::is_abstract) => sum(items, item, call, cx),
        _ => Value::Unknown(if *item == Type::Never { Type::Int } else { item.clone() }),
    }
}

fn joined(items: Option<Vec<Value>>, item: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let separator = argument(call, 0, &Type::String, cx);
    if !all_present(item, call, cx) || separator == Value::Error {
        return Value::Error;
    }
    if !is_printable(item) && *item != Type::Never {
        let message = format!("values of `{item}` have no text to join");
        return cx.report(Finding::new(codes::WRONG_TYPE, message, cx.at(call.span)));
    }
    let texts = items.and_then(|items| items.iter().map(text_of).collect::<Option<Vec<String>>>());
    match (texts, separator.as_str()) {
        (Some(texts), Some(separator)) => {
            // Checked before it is made: a long separator times many items.
            let length = texts.iter().map(String::len).sum::<usize>() + separator.len().saturating_mul(texts.len());
            if !cx.spend(length / 64 + 1, call.span) {
                return Value::Error;
            }
            cx.text(texts.join(separator), call.span)
        }
        _ => Value::Unknown(Type::String),
    }
}

fn flattened(items: Option<Vec<Value>>, item: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let inner = match item.present().0 {
        Type::List(inner) => (**inner).clone(),
        Type::Never | Type::Error => Type::Never,
        other => {
            let message = format!("`flatten` joins lists of lists, and this is a list of `{other}`");
            return cx.report(Finding::new(codes::WRONG_TYPE, message, cx.at(call.span)));
        }
    };
    let Some(items) = items else { return Value::Unknown(Type::list(inner)) };
    let mut flat = Vec::new();
    for item in items {
        match item {
            Value::List(items) => flat.extend(items),
            Value::Absent => {}
            _ => return Value::Unknown(Type::list(inner)),
        }
    }
    cx.list(flat, call.span)
}

fn distinct(items: Vec<Value>, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !cx.spend(kept.len(), call.span) {
            return Value::Error;
        }
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    Value::List(kept)
}

//! When values are equal, and how they are ordered.

use std::cmp::Ordering;

use serde_json::Value;

use crate::literal::Quantity;
use crate::value::Val;

/// Whether two values are equal. An absent one equals nothing.
pub(crate) fn equal(a: &Val<'_>, b: &Val<'_>) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a number compared with a fraction is small")]
    match (a, b) {
        (Val::Absent, _) | (_, Val::Absent) => false,
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Int(a), Val::Int(b)) => a == b,
        (Val::Float(a), Val::Float(b)) => a.total_cmp(b).is_eq(),
        (Val::Int(a), Val::Float(b)) | (Val::Float(b), Val::Int(a)) => (*a as f64).total_cmp(b).is_eq(),
        (Val::Quantity(a), Val::Quantity(b)) => a == b,
        (Val::Int(number), Val::Quantity(quantity)) | (Val::Quantity(quantity), Val::Int(number)) => {
            *quantity == Quantity::of_int(*number)
        }
        (Val::Int(number), Val::Port(port)) | (Val::Port(port), Val::Int(number)) => {
            port.first == port.last && i64::from(port.first) == *number
        }
        (Val::Duration(a), Val::Duration(b)) => a == b,
        (Val::Date(a), Val::Date(b)) => a == b,
        (Val::Cidr(a), Val::Cidr(b)) => a == b,
        (Val::Port(a), Val::Port(b)) => a == b,
        (Val::Any(json), other) | (other, Val::Any(json)) => json_equal(json, other),
        (a, b) => match (a.as_text(), b.as_text()) {
            (Some(a), Some(b)) => a == b,
            (None, None) => collections_equal(a, b),
            _ => false,
        },
    }
}

fn collections_equal(a: &Val<'_>, b: &Val<'_>) -> bool {
    if let (Some(a), Some(b)) = (items(a), items(b)) {
        return a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| equal(a, b));
    }
    let (Some(a), Some(b)) = (entries(a), entries(b)) else { return false };
    a.len() == b.len() && a.iter().zip(&b).all(|((key, a), (other, b))| key == other && equal(a, b))
}

/// A list's items; one that cannot be read is as JSON.
fn items<'v>(value: &'v Val<'_>) -> Option<Vec<Val<'v>>> {
    match value {
        Val::List(items) => Some(items.to_vec()),
        Val::JsonList(items, ty) => Some(items.iter().map(|json| read(json, ty)).collect()),
        _ => None,
    }
}

/// What is in a map, in the order of its keys, without what is absent.
fn entries<'v>(value: &'v Val<'_>) -> Option<Vec<(&'v str, Val<'v>)>> {
    let there = |value: &Val<'_>| !matches!(value, Val::Absent);
    let mut entries: Vec<(&str, Val<'v>)> = match value {
        Val::Map(map) => map.iter().map(|(key, value)| (key.as_str(), value.clone())).collect(),
        Val::JsonMap(map, ty) => map.iter().map(|(key, json)| (key.as_str(), read(json, ty))).collect(),
        Val::JsonObject(map) => map.iter().map(|(key, json)| (key.as_str(), Val::Any(json))).collect(),
        _ => return None,
    };
    entries.retain(|(_, value)| there(value) && !matches!(value, Val::Any(Value::Null)));
    entries.sort_by_key(|(key, _)| *key);
    Some(entries)
}

fn read<'v>(json: &'v Value, ty: &'v kspec_model::rules::Ty) -> Val<'v> {
    Val::of_json(json, ty).unwrap_or(Val::Any(json))
}

/// Whether JSON of which no type is known says the same as a value.
fn json_equal(json: &Value, other: &Val<'_>) -> bool {
    match (json, other) {
        (json, Val::Any(other)) => json == *other,
        (Value::Bool(a), Val::Bool(b)) => a == b,
        (Value::Number(number), Val::Int(b)) => number.as_i64() == Some(*b),
        (Value::Number(number), Val::Float(b)) => number.as_f64().is_some_and(|a| a.total_cmp(b).is_eq()),
        (Value::String(text), Val::Quantity(b)) => Quantity::parse(text).is_ok_and(|a| a == *b),
        (Value::Number(number), Val::Quantity(b)) => number.as_i64().is_some_and(|a| Quantity::of_int(a) == *b),
        (Value::String(text), other) => match other.as_text() {
            Some(other) => text == other,
            None => other.printed().as_deref() == Some(text),
        },
        (Value::Array(a), other) => {
            items(other).is_some_and(|b| a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| json_equal(a, b)))
        }
        (Value::Object(a), other) => entries(other).is_some_and(|b| {
            a.values().filter(|value| !value.is_null()).count() == b.len()
                && b.iter().all(|(key, value)| a.get(*key).is_some_and(|json| json_equal(json, value)))
        }),
        _ => false,
    }
}

/// How two values of one ordered type compare.
pub(crate) fn compare(a: &Val<'_>, b: &Val<'_>) -> Option<Ordering> {
    #[expect(clippy::cast_precision_loss, reason = "a number compared with a fraction is small")]
    Some(match (a, b) {
        (Val::Int(a), Val::Int(b)) => a.cmp(b),
        (Val::Float(a), Val::Float(b)) => a.total_cmp(b),
        (Val::Int(a), Val::Float(b)) => (*a as f64).total_cmp(b),
        (Val::Float(a), Val::Int(b)) => a.total_cmp(&(*b as f64)),
        (Val::Quantity(a), Val::Quantity(b)) => a.cmp(b),
        (Val::Int(a), Val::Quantity(b)) => Quantity::of_int(*a).cmp(b),
        (Val::Quantity(a), Val::Int(b)) => a.cmp(&Quantity::of_int(*b)),
        (Val::Duration(a), Val::Duration(b)) => a.cmp(b),
        (Val::Date(a), Val::Date(b)) => a.cmp(b),
        (a, b) => a.as_text()?.cmp(b.as_text()?),
    })
}

//! Values from outside the language.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_diagnostics::Span;

use super::coerce;
use kspec_rules::literal;

use crate::{Cx, Port, Quantity, Type, Value};

/// As [`coerce`], for a value from outside the language (a parameter's in kspec.toml), where whatever has a literal of
/// its own is written as text: `"20Gi"`, `"2027-01-31"`, `"443/tcp"`.
pub fn coerce_text(value: Value, ty: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    let value = read_text(value, ty);
    coerce(value, ty, span, cx)
}

fn read_text(value: Value, ty: &Type) -> Value {
    let each = |fields: BTreeMap<Arc<str>, Value>, ty: &dyn Fn(&str) -> Option<Type>| {
        let read = fields.into_iter().map(|(name, value)| match ty(&name) {
            Some(ty) => (name, read_text(value, &ty)),
            None => (name, value),
        });
        read.collect()
    };
    match (value, ty.present().0) {
        (Value::Str(text), Type::Quantity) => match Quantity::parse(&text) {
            Ok(quantity) => Value::Quantity(quantity),
            Err(_) => Value::Str(text),
        },
        (Value::Str(text), Type::Date) => match literal::parse_date(&text) {
            Ok(date) => Value::Date(date),
            Err(_) => Value::Str(text),
        },
        (Value::Str(text), Type::Port) => match Port::parse(&text) {
            Some(port) => Value::Port(port),
            None => Value::Str(text),
        },
        (Value::List(items), Type::List(item)) => {
            Value::List(items.into_iter().map(|value| read_text(value, item)).collect())
        }
        (Value::Record(fields), Type::Record(types)) => Value::Record(each(fields, &|name| types.get(name).cloned())),
        (Value::Record(fields), Type::Map(_, of)) => Value::Map(each(fields, &|_| Some((**of).clone()))),
        (Value::Map(fields), Type::Map(_, of)) => Value::Map(each(fields, &|_| Some((**of).clone()))),
        (Value::Map(fields), Type::Record(types)) => Value::Map(each(fields, &|name| types.get(name).cloned())),
        (value, _) => value,
    }
}

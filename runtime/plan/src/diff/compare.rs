//! Whole values by type: for what one manager owns as a whole, and for what is left out.

use kspec_schema::{Field, ObjectType, Schema, Type, TypeId};
use serde_json::{Map, Number, Value};

use super::{defaults, quantity};

/// How values of one object compare.
#[derive(Clone, Copy)]
pub(crate) struct Compare<'a> {
    pub(crate) schema: &'a Schema,
    /// Built-in kinds are stored as protobuf, which knows no difference between an empty list or map and none.
    pub(crate) empty_is_absent: bool,
}

impl Compare<'_> {
    /// A value as the server would have it, so that what only looks different becomes the same.
    pub(crate) fn settled(self, ty: TypeId, value: &Value) -> Value {
        match (self.schema.ty(ty), value) {
            (Type::Object(object), Value::Object(fields)) => self.settled_object(object, fields),
            (Type::Map { value: item, .. }, Value::Object(fields)) => {
                fields.iter().map(|(name, value)| (name.clone(), self.settled(*item, value))).collect()
            }
            (Type::List { item, .. }, Value::Array(items)) => {
                items.iter().map(|value| self.settled(*item, value)).collect()
            }
            _ => value.clone(),
        }
    }

    fn settled_object(self, object: &ObjectType, fields: &Map<String, Value>) -> Value {
        let mut settled = fields.clone();
        settled.retain(|_, value| !value.is_null());
        defaults::complete(&object.name, &mut settled);
        for (name, field) in object.fields() {
            if let Some(default) = &field.default
                && !settled.contains_key(name)
            {
                settled.insert(name.to_owned(), default.clone());
            }
        }
        for (name, value) in &mut settled {
            if let Some(field) = object.field(name) {
                *value = self.settled(field.ty, value);
            }
        }
        settled.retain(|name, value| !object.field(name).is_some_and(|field| self.is_nothing(field, value)));
        Value::Object(settled)
    }

    /// Whether a settled value means the same as its absence.
    pub(crate) fn is_nothing(self, field: &Field, value: &Value) -> bool {
        match (self.schema.ty(field.ty), value) {
            (_, Value::Null) => true,
            (Type::List { .. }, Value::Array(items)) => self.empty_is_absent && items.is_empty(),
            (Type::Map { .. }, Value::Object(fields)) => self.empty_is_absent && fields.is_empty(),
            // `podSelector: {}` selects every pod of a peer, and is no absence: only where OpenAPI says that it is.
            (Type::Object(_), Value::Object(fields)) => {
                fields.is_empty()
                    && field.default.as_ref().is_some_and(|default| default.as_object().is_some_and(Map::is_empty))
            }
            _ => false,
        }
    }

    /// Whether two settled values are the same.
    pub(crate) fn same(self, ty: TypeId, left: &Value, right: &Value) -> bool {
        match (self.schema.ty(ty), left, right) {
            (Type::Object(object), Value::Object(left), Value::Object(right)) => {
                same_keys(left, right, |name, left, right| match object.field(name) {
                    Some(field) => self.same(field.ty, left, right),
                    None => same_plain(left, right),
                })
            }
            (Type::Map { value, .. }, Value::Object(left), Value::Object(right)) => {
                same_keys(left, right, |_, left, right| self.same(*value, left, right))
            }
            (Type::List { item, .. }, Value::Array(left), Value::Array(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| self.same(*item, left, right))
            }
            (Type::Quantity, left, right) => quantity::equal(left, right),
            (_, left, right) => same_plain(left, right),
        }
    }
}

fn same_keys(
    left: &Map<String, Value>,
    right: &Map<String, Value>,
    same: impl Fn(&str, &Value, &Value) -> bool,
) -> bool {
    left.len() == right.len()
        && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(name, value, other)))
}

/// JSON values, numbers by what they are worth.
pub(crate) fn same_plain(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || same_number(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_plain(left, right))
        }
        (Value::Object(left), Value::Object(right)) => same_keys(left, right, |_, left, right| same_plain(left, right)),
        (Value::String(left), Value::String(right)) => {
            left == right || kspec_state::same_withheld(left, right) == Some(true)
        }
        _ => left == right,
    }
}

fn same_number(left: &Number, right: &Number) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.to_bits() == right.to_bits(),
        _ => false,
    }
}

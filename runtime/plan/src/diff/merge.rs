//! What an object will be: the wanted fields laid over those that are there.

use kspec_model::Object;
use kspec_schema::{ListMerge, Schema, Type, TypeId};
use serde_json::Value;

use super::{
    Scope,
    compare::Compare,
    path::OwnedStep,
    removed,
    walk::{Place, Walk, item_key, text_of},
};

/// The object that server-side apply would make, but for what the server fills in.
///
/// What our manager gives up is taken out, or set back to its default.
#[must_use]
pub fn merge_object(desired: &Object, actual: &Object, schema: &Schema, manager: &str) -> Object {
    let scope = Scope::new(desired, schema);
    let mut merged = actual.0.clone();
    match scope.ty {
        Some(ty) => merge(scope.compare, Place::item(ty), &desired.0, &mut merged),
        None => merge_plain(&desired.0, &mut merged),
    }
    let mut walk = Walk::new(scope.compare, &actual.0, manager);
    removed::removed(&mut walk, scope.ty, &desired.0);
    for (steps, default) in walk.removals() {
        take_out(&mut merged, steps, default.as_ref());
    }
    Object(merged)
}

/// Takes a part out, or sets it back to its default.
fn take_out(value: &mut Value, steps: &[OwnedStep], default: Option<&Value>) {
    let Some((step, rest)) = steps.split_first() else { return };
    let next = match (step, value) {
        (OwnedStep::Field(name), Value::Object(fields)) => {
            if rest.is_empty() {
                match default {
                    Some(default) => fields.insert(name.clone(), default.clone()),
                    None => fields.remove(name),
                };
                return;
            }
            fields.get_mut(name)
        }
        (OwnedStep::Keyed(keys), Value::Array(items)) => {
            let is_it = |item: &Value| keys.iter().all(|(name, value)| item.get(name).is_none_or(|have| have == value));
            if rest.is_empty() {
                items.retain(|item| !is_it(item));
                return;
            }
            items.iter_mut().find(|item| is_it(item))
        }
        (OwnedStep::Member(member), Value::Array(items)) => {
            items.retain(|item| item != member);
            return;
        }
        _ => return,
    };
    if let Some(next) = next {
        take_out(next, rest, default);
    }
}

fn merge(compare: Compare<'_>, place: Place<'_>, desired: &Value, slot: &mut Value) {
    if desired.is_null() {
        return;
    }
    let schema = compare.schema;
    match (schema.ty(place.ty), desired, &mut *slot) {
        (Type::Object(object), Value::Object(desired), Value::Object(have)) if !place.is_atomic() && !object.atomic => {
            for (name, desired) in desired.iter().filter(|(_, desired)| !desired.is_null()) {
                let slot = have.entry(name.clone()).or_insert(Value::Null);
                match object.field(name) {
                    Some(field) => merge(compare, field.into(), desired, slot),
                    None => merge_plain(desired, slot),
                }
            }
        }
        (Type::Map { value, atomic: false }, Value::Object(desired), Value::Object(have)) if !place.is_atomic() => {
            for (name, desired) in desired.iter().filter(|(_, desired)| !desired.is_null()) {
                merge(compare, Place::item(*value), desired, have.entry(name.clone()).or_insert(Value::Null));
            }
        }
        (Type::List { item, merge: ListMerge::Map(_) }, Value::Array(desired), Value::Array(have))
            if !place.is_atomic() =>
        {
            merge_keyed(compare, place.ty, *item, desired, have);
        }
        (Type::List { merge: ListMerge::Set, .. }, Value::Array(desired), Value::Array(have)) if !place.is_atomic() => {
            for member in desired {
                if !have.contains(member) {
                    have.push(member.clone());
                }
            }
        }
        (Type::Any, ..) => merge_plain(desired, slot),
        _ => *slot = desired.clone(),
    }
}

fn merge_keyed(compare: Compare<'_>, list: TypeId, item: TypeId, desired: &[Value], have: &mut Vec<Value>) {
    let key_of = |item: &Value| item_key(compare, list, item).map(|key| text_of(&key));
    for desired in desired {
        let key = key_of(desired);
        match have.iter_mut().find(|have| key.is_some() && key_of(have) == key) {
            Some(have) => merge(compare, Place::item(item), desired, have),
            None => have.push(desired.clone()),
        }
    }
}

fn merge_plain(desired: &Value, slot: &mut Value) {
    match (desired, slot) {
        (Value::Null, _) => {}
        (Value::Object(desired), Value::Object(have)) => {
            for (name, desired) in desired.iter().filter(|(_, desired)| !desired.is_null()) {
                merge_plain(desired, have.entry(name.clone()).or_insert(Value::Null));
            }
        }
        (desired, slot) => *slot = desired.clone(),
    }
}

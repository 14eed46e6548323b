//! The wanted object's fields, one after the other.

use std::collections::BTreeMap;

use kspec_model::Object;
use kspec_schema::{Field, ListMerge, ObjectType, Type, TypeId};
use serde_json::{Map, Value};

use super::{
    FieldChange, FieldConflict, ObjectDiff,
    compare::{Compare, same_plain},
    defaults, fields, is_compared,
    path::{OwnedStep, Path},
};
use crate::immutable;

/// A type, and the field it was reached by.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) ty: TypeId,
    pub(crate) field: Option<&'a Field>,
}

impl Place<'_> {
    pub(crate) fn item(ty: TypeId) -> Self {
        Self { ty, field: None }
    }

    pub(crate) fn is_atomic(&self) -> bool {
        self.field.is_some_and(|field| field.atomic)
    }
}

impl<'a> From<&'a Field> for Place<'a> {
    fn from(field: &'a Field) -> Self {
        Self { ty: field.ty, field: Some(field) }
    }
}

/// Collects what differs.
pub(crate) struct Walk<'a> {
    pub(crate) compare: Compare<'a>,
    pub(crate) actual: &'a Value,
    pub(crate) manager: &'a str,
    changes: Vec<FieldChange>,
    conflicts: Vec<FieldConflict>,
    removals: Vec<(Vec<OwnedStep>, Option<Value>)>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(compare: Compare<'a>, actual: &'a Value, manager: &'a str) -> Self {
        Self { compare, actual, manager, changes: Vec::new(), conflicts: Vec::new(), removals: Vec::new() }
    }

    pub(crate) fn finish(mut self, desired: &Object) -> ObjectDiff {
        self.changes.sort_by(|left, right| left.path.cmp(&right.path));
        self.conflicts.sort_by(|left, right| left.path.cmp(&right.path));
        let verdict = immutable::verdict(desired.group(), desired.kind(), self.actual, &self.changes);
        ObjectDiff {
            changes: self.changes,
            conflicts: self.conflicts,
            replaces: verdict.replaces,
            immutable: verdict.refused,
        }
    }

    pub(crate) fn root(&mut self, ty: Option<TypeId>, desired: &Value) {
        match ty {
            Some(ty) => self.value(Place::item(ty), desired, Some(self.actual), &Path::Root),
            None => self.plain(desired, Some(self.actual), &Path::Root),
        }
    }

    /// Notes a field that the wanted object changes.
    fn changed(&mut self, path: &Path<'_>, before: Option<&Value>, after: &Value) {
        // One can own a field that is not there: by applying it empty.
        let managers = fields::others(self.actual, self.manager, path);
        if !managers.is_empty() {
            let managers = managers.into_iter().map(str::to_owned).collect();
            self.conflicts.push(FieldConflict { path: path.to_string(), managers });
        }
        self.changes.push(FieldChange::new(path.to_string(), before, Some(after)));
    }

    /// Notes a field that goes away, or back to its default.
    pub(crate) fn dropped(&mut self, path: &Path<'_>, before: &Value, after: Option<Value>) {
        self.removals.push((path.to_steps(), after.clone()));
        self.changes.push(FieldChange::new(path.to_string(), Some(before), after.as_ref()));
    }

    /// What goes away, with the default that it goes back to.
    pub(crate) fn removals(&self) -> &[(Vec<OwnedStep>, Option<Value>)] {
        &self.removals
    }

    fn value(&mut self, place: Place<'_>, desired: &Value, actual: Option<&Value>, path: &Path<'_>) {
        let actual = actual.filter(|actual| !actual.is_null());
        if desired.is_null() || actual == Some(desired) {
            return;
        }
        let schema = self.compare.schema;
        let Some(actual) = actual else {
            if !self.means_absence(place, desired) {
                self.changed(path, None, desired);
            }
            return;
        };
        match (schema.ty(place.ty), desired, actual) {
            (Type::Object(object), Value::Object(desired), Value::Object(actual))
                if !place.is_atomic() && !object.atomic =>
            {
                self.object(object, desired, actual, path);
            }
            (Type::Map { value, atomic: false }, Value::Object(desired), Value::Object(actual))
                if !place.is_atomic() =>
            {
                for (name, desired) in desired {
                    self.value(Place::item(*value), desired, actual.get(name), &Path::Field(path, name));
                }
            }
            (Type::List { item, merge: ListMerge::Map(_) }, Value::Array(desired), Value::Array(actual))
                if !place.is_atomic() =>
            {
                self.keyed(place.ty, *item, desired, actual, path);
            }
            (Type::List { item, merge: ListMerge::Set }, Value::Array(desired), Value::Array(actual))
                if !place.is_atomic() =>
            {
                for member in desired {
                    if !actual.iter().any(|have| self.compare.same(*item, member, have)) {
                        self.changed(&Path::Member(path, member), None, member);
                    }
                }
            }
            (Type::Any, ..) => self.plain(desired, Some(actual), path),
            _ => {
                let (left, right) = (self.compare.settled(place.ty, desired), self.compare.settled(place.ty, actual));
                if !self.compare.same(place.ty, &left, &right) {
                    self.changed(path, Some(actual), desired);
                }
            }
        }
    }

    fn object(
        &mut self,
        object: &ObjectType,
        desired: &Map<String, Value>,
        actual: &Map<String, Value>,
        path: &Path<'_>,
    ) {
        let missing = desired.keys().any(|name| actual.get(name).is_none_or(Value::is_null));
        // What was read from a file has not been through the server.
        let completed = (missing && defaults::known(&object.name)).then(|| {
            let mut completed = actual.clone();
            defaults::complete(&object.name, &mut completed);
            completed
        });
        let actual = completed.as_ref().unwrap_or(actual);
        for (name, desired) in desired.iter().filter(|(name, _)| is_compared(path, name)) {
            let step = Path::Field(path, name);
            match object.field(name) {
                Some(field) => self.value(field.into(), desired, actual.get(name), &step),
                None => self.plain(desired, actual.get(name), &step),
            }
        }
    }

    /// The order of items is nobody's: it is left as it is.
    fn keyed(&mut self, list: TypeId, item: TypeId, desired: &[Value], actual: &[Value], path: &Path<'_>) {
        let have = by_key(self.compare, list, actual);
        for desired in desired {
            match item_key(self.compare, list, desired) {
                Some(key) => {
                    let step = Path::Keyed(path, &key);
                    match have.get(&text_of(&key)) {
                        Some(actual) => self.value(Place::item(item), desired, Some(actual), &step),
                        None => self.changed(&step, None, desired),
                    }
                }
                // Without its keys the server refuses it; whoever sees the plan shall see it there.
                None if actual.contains(desired) => {}
                None => self.changed(&Path::Member(path, desired), None, desired),
            }
        }
    }

    /// Where no schema says how things merge: mappings by key, all else as a whole, as the server does it then.
    fn plain(&mut self, desired: &Value, actual: Option<&Value>, path: &Path<'_>) {
        if desired.is_null() {
            return;
        }
        match (desired, actual.filter(|actual| !actual.is_null())) {
            (Value::Object(desired), Some(Value::Object(actual))) => {
                for (name, desired) in desired.iter().filter(|(name, _)| is_compared(path, name)) {
                    self.plain(desired, actual.get(name), &Path::Field(path, name));
                }
            }
            (desired, Some(actual)) if same_plain(desired, actual) => {}
            (desired, actual) => self.changed(path, actual, desired),
        }
    }

    /// Whether writing this where nothing is changes nothing.
    fn means_absence(&self, place: Place<'_>, desired: &Value) -> bool {
        let Some(field) = place.field else { return false };
        let settled = self.compare.settled(field.ty, desired);
        if self.compare.is_nothing(field, &settled) {
            return true;
        }
        field.default.as_ref().is_some_and(|default| {
            let default = self.compare.settled(field.ty, default);
            self.compare.same(field.ty, &settled, &default)
        })
    }
}

/// An item's keys, in order; none where it lacks one.
pub(crate) fn item_key<'a>(compare: Compare<'a>, list: TypeId, item: &Value) -> Option<Vec<(&'a str, Value)>> {
    compare.schema.item_key(list, item).map(|key| key.into_iter().collect())
}

pub(crate) fn by_key<'v>(compare: Compare<'_>, list: TypeId, items: &'v [Value]) -> BTreeMap<String, &'v Value> {
    let mut by_key = BTreeMap::new();
    for item in items {
        if let Some(key) = item_key(compare, list, item) {
            by_key.entry(text_of(&key)).or_insert(item);
        }
    }
    by_key
}

/// A key as text that is the same for the same key.
pub(crate) fn text_of(key: &[(&str, Value)]) -> String {
    key.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

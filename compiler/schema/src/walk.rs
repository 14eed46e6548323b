//! Paths into objects, and the types that they lead to.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::schema::Schema;
use crate::types::{Field, ListMerge, Type, TypeId};

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A field of a struct, or a key of a map.
    Field(String),
    /// An item of a list.
    Index(usize),
}

/// The way from an object to a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(
    /// The steps, outermost first.
    pub Vec<Step>,
);

impl Path {
    /// The path to a field of what this leads to.
    #[must_use]
    pub fn field(&self, name: impl Into<String>) -> Self {
        self.then(Step::Field(name.into()))
    }

    /// The path to an item of what this leads to.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

/// `spec.containers[0].image`, `metadata.labels["app.kubernetes.io/name"]`; empty for the object itself.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if is_plain(name) => write!(f, "{}{name}", if at == 0 { "" } else { "." })?,
                Step::Field(name) => write!(f, "[{}]", Value::from(name.as_str()))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$'))
}

/// Where a step or a path ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place<'a> {
    /// The type there.
    pub ty: TypeId,
    /// The field that the last step went through; none for an item of a list, a value of a map, or the object itself.
    pub field: Option<&'a Field>,
}

impl Schema {
    /// The type one step into a type. `None` where it has no such field or no items. Into [`Type::Any`], every step leads
    /// to [`Type::Any`].
    #[must_use]
    pub fn step(&self, ty: TypeId, step: &Step) -> Option<Place<'_>> {
        match (self.ty(ty), step) {
            (Type::Object(object), Step::Field(name)) => {
                object.field(name).map(|field| Place { ty: field.ty, field: Some(field) })
            }
            (Type::Map { value, .. }, Step::Field(_)) => Some(Place { ty: *value, field: None }),
            (Type::List { item, .. }, Step::Index(_)) => Some(Place { ty: *item, field: None }),
            (Type::Any, _) => Some(Place { ty, field: None }),
            _ => None,
        }
    }

    /// The type at the end of a path.
    #[must_use]
    pub fn walk(&self, root: TypeId, path: &[Step]) -> Option<Place<'_>> {
        let start = Place { ty: root, field: None };
        path.iter().try_fold(start, |place, step| self.step(place.ty, step))
    }

    /// What tells an item of a keyed list from the others: its key fields, with the default where one is absent (a port
    /// without a protocol is TCP). `None` if the list is not keyed, or if a key is absent and has no default.
    #[must_use]
    pub fn item_key(&self, list: TypeId, item: &Value) -> Option<BTreeMap<&str, Value>> {
        let Type::List { item: item_type, merge: ListMerge::Map(keys) } = self.ty(list) else {
            return None;
        };
        let object = self.object(*item_type)?;
        let mut key = BTreeMap::new();
        for name in keys {
            let value = item.get(name.as_ref()).filter(|value| !value.is_null());
            let value = value.or_else(|| object.field(name)?.default.as_ref())?;
            key.insert(name.as_ref(), value.clone());
        }
        Some(key)
    }
}

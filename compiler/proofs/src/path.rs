//! Places of an object, as rules name them.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::base;

/// A place: fields and keys from the object, and items of lists. Every item of a list is one place: objects that are
/// searched have one item where it matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Path(pub(crate) Vec<Seg>);

/// A step of a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Seg {
    /// A field, or a map's key.
    Field(Arc<str>),
    /// A list's item.
    Item,
}

impl Seg {
    /// The name of a field.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Item => None,
        }
    }
}

impl Path {
    pub(crate) fn field(&self, name: &Arc<str>) -> Self {
        self.then(Seg::Field(Arc::clone(name)))
    }

    pub(crate) fn item(&self) -> Self {
        self.then(Seg::Item)
    }

    fn then(&self, seg: Seg) -> Self {
        let mut path = self.0.clone();
        path.push(seg);
        Self(path)
    }

    /// Whether it is a list's item.
    pub(crate) fn is_item(&self) -> bool {
        self.0.last() == Some(&Seg::Item)
    }

    /// Whether it stands inside another, or is it.
    pub(crate) fn is_within(&self, outer: &Self) -> bool {
        self.0.starts_with(&outer.0)
    }

    /// Puts a value, making maps and one-item lists on the way; `{}` stands for an object that is there. What is there already and is no map or list stays.
    pub(crate) fn put(&self, object: &mut Value, value: Value) {
        let mut place = object;
        for (at, seg) in self.0.iter().enumerate() {
            place = match seg {
                Seg::Field(name) => {
                    if !place.is_object() {
                        *place = Value::Object(Map::new());
                    }
                    let Value::Object(map) = place else { return };
                    map.entry(name.to_string()).or_insert(Value::Null)
                }
                Seg::Item => {
                    if place.as_array().is_none_or(Vec::is_empty) {
                        *place = Value::Array(vec![base::item(self.0.get(..at).unwrap_or_default())]);
                    }
                    let Some(first) = place.as_array_mut().and_then(|items| items.first_mut()) else { return };
                    first
                }
            };
        }
        // What is there is an object already, then: an item comes with what an item must have.
        if !(place.is_object() && value.as_object().is_some_and(Map::is_empty)) {
            *place = value;
        }
    }

    /// Whether it stands in an item of a list, and that item is not there.
    pub(crate) fn lacks_item(&self, object: &Value) -> bool {
        let items = self.0.iter().enumerate().filter(|(_, seg)| **seg == Seg::Item).map(|(at, _)| at + 1);
        let mut outer = items.filter(|end| *end < self.0.len()).filter_map(|end| self.0.get(..end));
        outer.any(|outer| !Self(outer.to_vec()).is_in(object))
    }

    /// Takes away what is there.
    pub(crate) fn remove(&self, object: &mut Value) {
        let Some((Seg::Field(last), base)) = self.0.split_last() else { return };
        let base = base.iter().try_fold(object, |place, seg| match seg {
            Seg::Field(name) => place.get_mut(&**name),
            Seg::Item => place.get_mut(0),
        });
        if let Some(Value::Object(map)) = base {
            map.remove(&**last);
        }
    }

    /// Whether something is there.
    pub(crate) fn is_in(&self, object: &Value) -> bool {
        let found = self.0.iter().try_fold(object, |place, seg| match seg {
            Seg::Field(name) => place.get(&**name),
            Seg::Item => place.get(0),
        });
        found.is_some_and(|value| !value.is_null())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, seg) in self.0.iter().enumerate() {
            match seg {
                Seg::Field(name) if at == 0 => f.write_str(name)?,
                Seg::Field(name) => write!(f, ".{name}")?,
                Seg::Item => f.write_str("[]")?,
            }
        }
        Ok(())
    }
}

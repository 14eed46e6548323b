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
                    map.entry(String::from(&**name)).or_insert(Value::Null)
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
        let mut place = Some(object);
        for (at, seg) in self.0.iter().enumerate() {
            place = place.and_then(|place| step(place, seg)).filter(|value| !value.is_null());
            if *seg == Seg::Item && place.is_none() {
                return at + 1 < self.0.len();
            }
        }
        false
    }

    /// Takes away what is there.
    pub(crate) fn remove(&self, object: &mut Value) {
        let Some((Seg::Field(last), base)) = self.0.split_last() else { return };
        if let Some(Value::Object(map)) = reach(object, base) {
            map.remove(&**last);
        }
    }

    /// What stands where [`Path::put`] and [`Path::remove`] would change the object.
    pub(crate) fn before(&self, object: &Value) -> Before {
        let mut place = object;
        for (at, seg) in self.0.iter().enumerate() {
            // What is none of the sort that is needed is replaced as a whole.
            let fits = match seg {
                Seg::Field(_) => place.is_object(),
                Seg::Item => place.as_array().is_some_and(|items| !items.is_empty()),
            };
            if !fits {
                return Before { len: at, was: Some(place.clone()) };
            }
            match step(place, seg) {
                Some(inner) => place = inner,
                None => return Before { len: at + 1, was: None },
            }
        }
        Before { len: self.0.len(), was: Some(place.clone()) }
    }

    /// Puts back what stood there.
    pub(crate) fn restore(&self, object: &mut Value, before: &Before) {
        let Some(path) = self.0.get(..before.len) else { return };
        match (&before.was, path.split_last()) {
            (Some(was), _) => {
                if let Some(place) = reach(object, path) {
                    place.clone_from(was);
                } else if let Some((Seg::Field(last), base)) = path.split_last()
                    && let Some(Value::Object(map)) = reach(object, base)
                {
                    map.insert(String::from(&**last), was.clone());
                }
            }
            (None, Some((Seg::Field(last), base))) => {
                if let Some(Value::Object(map)) = reach(object, base) {
                    map.remove(&**last);
                }
            }
            (None, _) => {}
        }
    }

    /// Whether something is there.
    pub(crate) fn is_in(&self, object: &Value) -> bool {
        self.of(object).is_some_and(|value| !value.is_null())
    }

    /// What is there.
    pub(crate) fn of<'o>(&self, object: &'o Value) -> Option<&'o Value> {
        self.0.iter().try_fold(object, step)
    }
}

/// What stood somewhere before it was changed.
#[derive(Debug)]
pub(crate) struct Before {
    /// How much of the path leads there.
    len: usize,
    was: Option<Value>,
}

fn step<'o>(place: &'o Value, seg: &Seg) -> Option<&'o Value> {
    match seg {
        Seg::Field(name) => place.get(&**name),
        Seg::Item => place.get(0),
    }
}

fn reach<'o>(object: &'o mut Value, path: &[Seg]) -> Option<&'o mut Value> {
    path.iter().try_fold(object, |place, seg| match seg {
        Seg::Field(name) => place.get_mut(&**name),
        Seg::Item => place.get_mut(0),
    })
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

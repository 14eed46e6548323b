//! What the API server fills in by code before anything judges an object, for whatever carries a pod.
//!
//! OpenAPI says little of it, and a manifest in a file has not been through the server yet: a volume without a source is an
//! `emptyDir` by the time a rule sees it. The tables are data ([`pod`], [`workload`]); what depends on other fields is a
//! function that a table names. Source: `pkg/apis/{core,apps,batch}/v1/*defaults.go` of Kubernetes 1.36.

mod limits;
mod pod;
mod workload;

use serde_json::{Map, Value};

pub use limits::limit_range;

type Fields = Map<String, Value>;

/// Defaults of an object's fields, and of what is inside it.
struct Defaults {
    /// Fields that have one default.
    fields: &'static [(&'static str, Filled)],
    /// Fields that hold objects with defaults.
    inside: &'static [(&'static str, Inside, &'static Defaults)],
    /// Defaults that depend on several fields, after the others.
    computed: &'static [fn(&mut Fields)],
}

/// What an absent field is filled with.
#[derive(Clone, Copy)]
enum Filled {
    Text(&'static str),
    Int(i64),
    /// As [`Filled::Int`], of a field for which the server takes zero for absence.
    Positive(i64),
    Bool(bool),
    /// `{}`.
    Object,
}

/// What a field holds.
#[derive(Clone, Copy)]
enum Inside {
    Object,
    /// Nothing is made where nothing is.
    List,
}

use Inside::{List, Object};

/// Fills in what the server would, on CREATE. Objects of kinds that carry no pod stay as they are.
///
/// Plugins that are on by default count where they say something of every pod: its service account.
pub fn complete(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else { return };
    if let Some(defaults) = workload::of(version, kind) {
        defaults.fill(fields);
    }
}

/// Whether objects of this one's kind are pods, or have a pod's template.
#[must_use]
pub fn carries_pod(object: &Value) -> bool {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else { return false };
    workload::of(version, kind).is_some()
}

impl Defaults {
    fn fill(&self, fields: &mut Fields) {
        for (name, filled) in self.fields {
            if filled.takes_the_place_of(fields.get(*name)) {
                fields.insert((*name).to_owned(), filled.value());
            }
        }
        for (name, inside, defaults) in self.inside {
            match (inside, fields.get_mut(*name)) {
                (Object, Some(Value::Object(inner))) => defaults.fill(inner),
                (List, Some(Value::Array(items))) => {
                    items.iter_mut().filter_map(Value::as_object_mut).for_each(|item| defaults.fill(item));
                }
                _ => {}
            }
        }
        for computed in self.computed {
            computed(fields);
        }
    }
}

impl Filled {
    fn takes_the_place_of(self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Positive(_), Some(value)) if value.as_i64() == Some(0) => true,
            (_, value) => is_absent(value),
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Text(text) => Value::from(text),
            Self::Int(number) | Self::Positive(number) => Value::from(number),
            Self::Bool(truth) => Value::from(truth),
            Self::Object => Value::Object(Fields::new()),
        }
    }
}

/// Absent, `null`, or empty text, which the server takes for absence.
fn is_absent(value: Option<&Value>) -> bool {
    value.is_none_or(|value| value.is_null() || value.as_str() == Some(""))
}

fn object<'f>(fields: &'f mut Fields, name: &str) -> Option<&'f mut Fields> {
    fields.get_mut(name)?.as_object_mut()
}

fn items<'f>(fields: &'f mut Fields, name: &str) -> impl Iterator<Item = &'f mut Fields> {
    fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

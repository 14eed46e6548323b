//! The way to a field, written out only when there is something to say of it.

use std::fmt;

use serde_json::Value;

/// A chain of steps on the stack: diffing allocates nothing for fields that do not differ.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The object itself.
    Root,
    /// A field of a struct or a key of a map.
    Field(&'a Path<'a>, &'a str),
    /// An item of a keyed list, by its keys.
    Keyed(&'a Path<'a>, &'a [(&'a str, Value)]),
    /// A member of a set.
    Member(&'a Path<'a>, &'a Value),
}

/// A step that outlives the walk.
#[derive(Debug, Clone)]
pub(crate) enum OwnedStep {
    Field(String),
    Keyed(Vec<(String, Value)>),
    Member(Value),
}

impl Path<'_> {
    /// The steps, outermost first.
    pub(crate) fn to_steps(self) -> Vec<OwnedStep> {
        let (parent, step) = match self {
            Self::Root => return Vec::new(),
            Self::Field(parent, name) => (parent, OwnedStep::Field(name.to_owned())),
            Self::Keyed(parent, keys) => {
                let keys = keys.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
                (parent, OwnedStep::Keyed(keys.collect()))
            }
            Self::Member(parent, value) => (parent, OwnedStep::Member(value.clone())),
        };
        let mut steps = parent.to_steps();
        steps.push(step);
        steps
    }
}

/// `spec.ports[port=80,protocol=TCP].targetPort`, `metadata.labels["kspec.dev/project"]`, `metadata.finalizers[="x"]`.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) if is_plain(name) => f.write_str(name),
            Self::Field(parent, name) if is_plain(name) => write!(f, "{parent}.{name}"),
            Self::Field(parent, name) => write!(f, "{parent}[{}]", Value::from(*name)),
            Self::Keyed(parent, keys) => {
                write!(f, "{parent}[")?;
                for (at, (name, value)) in keys.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    match value {
                        Value::String(text) => write!(f, "{comma}{name}={text}")?,
                        other => write!(f, "{comma}{name}={other}")?,
                    }
                }
                f.write_str("]")
            }
            Self::Member(parent, value) => write!(f, "{parent}[={value}]"),
        }
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$'))
}

//! Values of which a part is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::Const;
use serde_json::Value;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Nothing: it may be anything, or absent, or a fault.
    Unknown,
    /// It is absent, or outside CEL `null`.
    Absent,
    /// CEL's `null`, which is a value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that is this or more.
    AtLeast(i64),
    /// A text.
    Text(Arc<str>),
    /// A text that is not empty.
    SomeText,
    /// A text that is not this one.
    OtherText(Arc<str>),
    /// A list.
    List {
        /// Items that it has, in order where it is not open.
        items: Vec<Part>,
        /// Whether it may have more, anywhere among them.
        open: bool,
    },
    /// An object.
    Map {
        /// Fields that it has.
        fields: BTreeMap<Arc<str>, Part>,
        /// Whether it may have more.
        open: bool,
    },
}

impl Part {
    /// An object of which everything may be more than is said.
    #[must_use]
    pub fn open(value: &Value) -> Self {
        Self::of(value, true)
    }

    /// An object that is as it is said.
    #[must_use]
    pub fn closed(value: &Value) -> Self {
        Self::of(value, false)
    }

    fn of(value: &Value, open: bool) -> Self {
        match value {
            Value::Null => Self::Absent,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => number.as_i64().map_or(Self::Unknown, Self::Int),
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(items) => Self::List { items: items.iter().map(|item| Self::of(item, open)).collect(), open },
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.as_str().into(), Self::of(value, open)));
                Self::Map { fields: fields.collect(), open }
            }
        }
    }

    /// With a field, in the place of what it had there.
    #[must_use]
    pub fn with(mut self, name: &str, value: Self) -> Self {
        if let Self::Map { fields, .. } = &mut self {
            fields.insert(name.into(), value);
        }
        self
    }

    pub(super) fn of_const(value: &Const) -> Self {
        match value {
            Const::Absent => Self::Absent,
            Const::Bool(value) => Self::Bool(*value),
            Const::Int(value) => Self::Int(*value),
            Const::Text(text) => Self::Text(Arc::clone(text)),
            Const::List(items) => Self::List { items: items.iter().map(Self::of_const).collect(), open: false },
            Const::Map(fields) => {
                let fields = fields.iter().map(|(name, value)| (Arc::clone(name), Self::of_const(value)));
                Self::Map { fields: fields.collect(), open: false }
            }
            // Equal by more than their text.
            Const::Float(_)
            | Const::Quantity(_)
            | Const::Duration(_)
            | Const::Date(_)
            | Const::Cidr(_)
            | Const::Port(_)
            | Const::Image(_) => Self::Unknown,
        }
    }

    /// Its items, or its keys; and whether there may be more. None where it may be no list.
    pub(super) fn items(self, absent_is_empty: bool) -> Option<(Vec<Self>, bool)> {
        match self {
            Self::List { items, open } => Some((items, open)),
            Self::Map { fields, open } => Some((fields.into_keys().map(Self::Text).collect(), open)),
            Self::Absent if absent_is_empty => Some((Vec::new(), false)),
            _ => None,
        }
    }

    /// How many items or fields it has.
    pub(super) fn size(&self) -> Self {
        let (count, open) = match self {
            Self::List { items, open } => (items.len(), *open),
            Self::Map { fields, open } => (fields.len(), *open),
            Self::Text(text) => (text.chars().count(), false),
            Self::SomeText => (1, true),
            _ => return Self::Unknown,
        };
        Self::count(count, open)
    }

    pub(super) fn count(count: usize, open: bool) -> Self {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if open { Self::AtLeast(count) } else { Self::Int(count) }
    }

    pub(super) fn truth(holds: Option<bool>) -> Self {
        holds.map_or(Self::Unknown, Self::Bool)
    }
}

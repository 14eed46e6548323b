//! The shapes that fields of Kubernetes objects have.

use std::borrow::Cow;

use serde_json::Value;

/// Text that is borrowed from a bundled table, or owned where it came from a CRD.
pub type Text = Cow<'static, str>;

/// A type of one [`Schema`](crate::Schema), or of one made from it by [`with_crds`](crate::Schema::with_crds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub(crate) u32);

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// A struct: named fields, each of its own type.
    Object(ObjectType),
    /// A list, and how two managers' lists merge.
    List {
        /// The type of each item.
        item: TypeId,
        /// How server-side apply merges it.
        merge: ListMerge,
    },
    /// Free keys, one type of value.
    Map {
        /// The type of each value.
        value: TypeId,
        /// Whether one manager owns the whole map.
        atomic: bool,
    },
    /// Text.
    String {
        /// `byte` (base64) and the like, as OpenAPI says; `micro-time` for a moment with exactly six digits of a second's
        /// fraction, which OpenAPI does not tell from other times.
        format: Option<Text>,
        /// The only texts allowed; empty where any is.
        values: Vec<Text>,
    },
    /// A whole number.
    Integer {
        /// `int32`, `int64`, or nothing stated.
        format: Option<Text>,
    },
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A port, a percentage: a whole number or text.
    IntOrString,
    /// `500m`, `1Gi`, or a number.
    Quantity,
    /// A moment, as RFC 3339 text.
    Time,
    /// Anything at all: its fields are not known.
    Any,
}

impl Type {
    /// What a person calls a value of this type: `a list`, `a string`.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::List { .. } => "a list",
            Self::Map { .. } => "a map",
            Self::String { .. } => "a string",
            Self::Integer { .. } => "an integer",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::IntOrString => "an integer or a string",
            Self::Quantity => "a quantity",
            Self::Time => "a time",
            Self::Any => "any value",
        }
    }

    /// The struct behind it, if it is one.
    #[must_use]
    pub const fn as_object(&self) -> Option<&ObjectType> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// How server-side apply merges a list: what is not stated in OpenAPI is [`Atomic`](Self::Atomic).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListMerge {
    /// One manager owns the whole list.
    Atomic,
    /// Each item is owned by itself, and occurs once.
    Set,
    /// Items are told apart by these fields, each owned by itself.
    Map(Vec<Text>),
}

/// A struct.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectType {
    /// OpenAPI's name of the definition; for a part of a CRD, its group, version, kind and path.
    pub name: Text,
    /// First sentence of its description.
    pub doc: Option<Text>,
    /// Whether one manager owns the whole of it.
    pub atomic: bool,
    /// Whether fields that it does not name are kept (`x-kubernetes-preserve-unknown-fields`).
    pub open: bool,
    /// Whether it is a whole object inside another (`x-kubernetes-embedded-resource`).
    pub embedded: bool,
    pub(crate) fields: Vec<(Text, Field)>,
}

impl ObjectType {
    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        let at = self.fields.binary_search_by(|(have, _)| have.as_ref().cmp(name)).ok()?;
        self.fields.get(at).map(|(_, field)| field)
    }

    /// Every field with its name, by name.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &Field)> {
        self.fields.iter().map(|(name, field)| (name.as_ref(), field))
    }

    /// OpenAPI's name without its package: `PodSpec`.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// What it may hold.
    pub ty: TypeId,
    /// Whether it must be there.
    pub required: bool,
    /// Whether `null` is a value of it that is kept. Elsewhere, `null` means that the field is absent.
    pub nullable: bool,
    /// Whether one manager owns the whole of it, whatever its type says.
    pub atomic: bool,
    /// What OpenAPI says that its absence means. Defaults that only the server's code sets are not in OpenAPI.
    pub default: Option<Value>,
    /// First sentence of its description.
    pub doc: Option<Text>,
}

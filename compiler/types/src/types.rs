//! What an expression may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use kspec_schema::{Schema, Type as Shape, TypeId};

/// The type of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// `true`, `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A number of 64 bits.
    Float,
    /// Text.
    String,
    /// One of these texts.
    Literals(BTreeSet<Arc<str>>),
    /// `500m`, `1Gi`.
    Quantity,
    /// `30s`, `5min`.
    Duration,
    /// A moment, in Kubernetes' objects: RFC 3339 text.
    Time,
    /// `2027-01-31`.
    Date,
    /// `10.0.0.0/8`.
    Cidr,
    /// `443`, `443/tcp`, `8000..8100/udp`.
    Port,
    /// A container image's reference.
    Image,
    /// Text with `*` and `?`.
    Glob,
    /// A regular expression, matched in linear time.
    Regex,
    /// `80` or `"http"`, `"25%"`.
    IntOrString,
    /// A list.
    List(Box<Type>),
    /// A map: its keys' type and its values'.
    Map(Box<Type>, Box<Type>),
    /// A record of exactly these fields; those of type `T?` may be left out. Shared: types are copied often.
    Record(Arc<BTreeMap<Arc<str>, Type>>),
    /// `T?`: there or absent.
    Optional(Box<Type>),
    /// Something that is declared.
    Entity(EntityKind),
    /// A Kubernetes object, or a part of one.
    Kube(KubeType),
    /// A function.
    Function(Arc<FunctionType>),
    /// Anything: what a free-form field holds. Read only through a stated type.
    Any,
    /// Nothing: the type of what an empty list holds. Fits every type.
    Never,
    /// Not known since a finding was reported. Fits every type, both ways.
    Error,
}

/// What can be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKind {
    /// `namespace`
    Namespace,
    /// `workload`
    Workload,
    /// `service_account`
    ServiceAccount,
    /// `user`
    User,
    /// `group`
    Group,
    /// A user, a group, or a service account (a workload counts as its service account). A type, never a value's kind.
    Subject,
    /// `role`
    Role,
    /// `rule`
    Rule,
    /// `mutation`
    Mutation,
    /// `template`
    Template,
    /// What a template's stamp declares.
    Stamp,
    /// `network`
    Network,
    /// `runtime`
    Runtime,
    /// `manifest`
    Manifest,
    /// A module.
    Module,
    /// `cluster`, in a rule: what exists beside the object.
    Cluster,
}

/// A Kubernetes type of the target's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeType {
    /// Its id in the schema; always that of a struct.
    pub id: TypeId,
    /// As findings call it: `Pod`, `Container`.
    pub name: Arc<str>,
}

/// The type of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionType {
    /// Its parameters' names and types, and whether each has a default.
    pub params: Vec<(Arc<str>, Type, bool)>,
    /// Its result's type.
    pub result: Type,
}

impl Type {
    /// A list of this.
    #[must_use]
    pub fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// A record of these fields.
    pub fn record(fields: impl IntoIterator<Item = (Arc<str>, Self)>) -> Self {
        Self::Record(Arc::new(fields.into_iter().collect()))
    }

    /// A map from text to this.
    #[must_use]
    pub fn map(value: Self) -> Self {
        Self::Map(Box::new(Self::String), Box::new(value))
    }

    /// `T?`; once optional, always once.
    #[must_use]
    pub fn optional(self) -> Self {
        match self {
            Self::Optional(_) | Self::Error => self,
            ty => Self::Optional(Box::new(ty)),
        }
    }

    /// The type without its `?`, and whether it had one.
    #[must_use]
    pub fn present(&self) -> (&Self, bool) {
        match self {
            Self::Optional(ty) => (ty.present().0, true),
            ty => (ty, false),
        }
    }

    /// The least type that both fit, if there is one.
    #[must_use]
    pub fn join(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (a, b) if a == b => a.clone(),
            (Self::Error, _) | (_, Self::Error) => Self::Error,
            (Self::Never, ty) | (ty, Self::Never) => ty.clone(),
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Optional(a), b) | (b, Self::Optional(a)) => a.join(b.present().0)?.optional(),
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::Int, Self::Quantity) | (Self::Quantity, Self::Int) => Self::Quantity,
            (Self::Int, Self::Port) | (Self::Port, Self::Int) => Self::Port,
            (Self::IntOrString, Self::Int | Self::String) | (Self::Int | Self::String, Self::IntOrString) => {
                Self::IntOrString
            }
            (Self::Literals(a), Self::Literals(b)) => Self::Literals(a.union(b).cloned().collect()),
            (a, b) if a.is_text() && b.is_text() => Self::String,
            (Self::List(a), Self::List(b)) => Self::list(a.join(b)?),
            (Self::Map(key, a), Self::Map(_, b)) => Self::Map(key.clone(), Box::new(a.join(b)?)),
            (Self::Record(fields), Self::Map(key, value)) | (Self::Map(key, value), Self::Record(fields)) => {
                let joined = fields.values().try_fold((**value).clone(), |joined, ty| joined.join(ty))?;
                Self::Map(key.clone(), Box::new(joined))
            }
            (Self::Record(a), Self::Record(b)) => {
                let mut fields = BTreeMap::new();
                for name in a.keys().chain(b.keys()) {
                    let ty = match (a.get(name), b.get(name)) {
                        (Some(a), Some(b)) => a.join(b)?,
                        (one, other) => one.or(other)?.clone().optional(),
                    };
                    fields.insert(Arc::clone(name), ty);
                }
                Self::Record(Arc::new(fields))
            }
            (Self::Entity(a), Self::Entity(b)) if a.fits(EntityKind::Subject) && b.fits(EntityKind::Subject) => {
                Self::Entity(EntityKind::Subject)
            }
            _ => return None,
        })
    }

    /// Whether its values are text.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::String | Self::Literals(_) | Self::Image | Self::Glob | Self::Regex | Self::Time)
    }

    /// A union of literals.
    #[must_use]
    pub fn literals<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Literals(texts.into_iter().map(Arc::from).collect())
    }

    /// What a shape of the schema is here. Structs stay by reference, so that recursive ones end.
    #[must_use]
    pub fn of_schema(schema: &Schema, id: TypeId) -> Self {
        Self::of_shape(schema, id, 16)
    }

    fn of_shape(schema: &Schema, id: TypeId, depth: u8) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::Any };
        match schema.ty(id) {
            Shape::Object(object) => Self::Kube(KubeType { id, name: object.short_name().into() }),
            Shape::List { item, .. } => Self::list(Self::of_shape(schema, *item, depth)),
            Shape::Map { value, .. } => Self::map(Self::of_shape(schema, *value, depth)),
            Shape::String { values, .. } if !values.is_empty() => Self::literals(values.iter().map(AsRef::as_ref)),
            Shape::String { .. } => Self::String,
            Shape::Time => Self::Time,
            Shape::Integer { .. } => Self::Int,
            Shape::Number => Self::Float,
            Shape::Boolean => Self::Bool,
            Shape::IntOrString => Self::IntOrString,
            Shape::Quantity => Self::Quantity,
            Shape::Any => Self::Any,
        }
    }
}

impl EntityKind {
    /// As it is written in types; also what a person calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Workload => "Workload",
            Self::ServiceAccount => "ServiceAccount",
            Self::User => "User",
            Self::Group => "Group",
            Self::Subject => "Subject",
            Self::Role => "Role",
            Self::Rule => "Rule",
            Self::Mutation => "Mutation",
            Self::Template => "Template",
            Self::Stamp => "Stamp",
            Self::Network => "Network",
            Self::Runtime => "Runtime",
            Self::Manifest => "Manifest",
            Self::Module => "Module",
            Self::Cluster => "Cluster",
        }
    }

    /// With its article, for prose: `a namespace`.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Namespace => "a namespace",
            Self::Workload => "a workload",
            Self::ServiceAccount => "a service account",
            Self::User => "a user",
            Self::Group => "a group",
            Self::Subject => "a user, a group or a service account",
            Self::Role => "a role",
            Self::Rule => "a rule",
            Self::Mutation => "a mutation",
            Self::Template => "a template",
            Self::Stamp => "a template's stamp",
            Self::Network => "a network",
            Self::Runtime => "a runtime profile",
            Self::Manifest => "a manifest",
            Self::Module => "a module",
            Self::Cluster => "the cluster",
        }
    }

    /// Whether something of this kind may stand where `wanted` is asked for.
    #[must_use]
    pub fn fits(self, wanted: Self) -> bool {
        self == wanted
            || (wanted == Self::Subject
                && matches!(self, Self::User | Self::Group | Self::ServiceAccount | Self::Workload))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("Bool"),
            Self::Int => f.write_str("Int"),
            Self::Float => f.write_str("Float"),
            Self::String => f.write_str("String"),
            Self::Literals(texts) => {
                for (index, text) in texts.iter().enumerate() {
                    write!(f, "{}{text:?}", if index == 0 { "" } else { " | " })?;
                }
                Ok(())
            }
            Self::Quantity => f.write_str("Quantity"),
            Self::Duration => f.write_str("Duration"),
            Self::Time => f.write_str("Time"),
            Self::Date => f.write_str("Date"),
            Self::Cidr => f.write_str("Cidr"),
            Self::Port => f.write_str("Port"),
            Self::Image => f.write_str("Image"),
            Self::Glob => f.write_str("Glob"),
            Self::Regex => f.write_str("Regex"),
            Self::IntOrString => f.write_str("IntOrString"),
            Self::List(item) => write!(f, "List<{item}>"),
            Self::Map(key, value) => write!(f, "Map<{key}, {value}>"),
            Self::Record(fields) if fields.is_empty() => f.write_str("{}"),
            Self::Record(fields) => {
                f.write_str("{ ")?;
                for (index, (name, ty)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {ty}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(" }")
            }
            Self::Optional(ty) => match **ty {
                Self::Literals(_) => write!(f, "({ty})?"),
                _ => write!(f, "{ty}?"),
            },
            Self::Entity(kind) => f.write_str(kind.name()),
            Self::Kube(kube) => f.write_str(&kube.name),
            Self::Function(function) => {
                f.write_str("fn(")?;
                for (index, (name, ty, _)) in function.params.iter().enumerate() {
                    write!(f, "{}{name}: {ty}", if index == 0 { "" } else { ", " })?;
                }
                write!(f, ") -> {}", function.result)
            }
            Self::Any => f.write_str("Any"),
            Self::Never => f.write_str("nothing"),
            Self::Error => f.write_str("?"),
        }
    }
}

//! What an expression is.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use kspec_diagnostics::{ItemId, Location};
use kspec_model::program::Date;
use kspec_syntax::tree::Expr;

use crate::types::FunctionType;
use crate::{Duration, EntityKind, Image, KubeType, Port, Quantity, Type};

/// A value, or what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of this type, and no more is known: a parameter of a template that is being checked, the `object` of a rule.
    Unknown(Type),
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number; never infinite nor not-a-number.
    Float(f64),
    /// Text, globs and regular expressions included.
    Str(Arc<str>),
    /// A quantity.
    Quantity(Quantity),
    /// A duration.
    Duration(Duration),
    /// A day.
    Date(Date),
    /// An address block; its host bits are zero.
    Cidr(IpNet),
    /// A port or a range of ports.
    Port(Port),
    /// A container image's reference.
    Image(Image),
    /// A list.
    List(Vec<Value>),
    /// A record: of a literal's fields, or of a stated type's, where fields that were left out are [`Value::Absent`].
    Record(BTreeMap<Arc<str>, Value>),
    /// A map.
    Map(BTreeMap<Arc<str>, Value>),
    /// A Kubernetes object or a part of one: the fields that are there.
    Object(KubeType, BTreeMap<Arc<str>, Value>),
    /// Something declared.
    Entity(EntityRef),
    /// A function.
    Function(Arc<FnDef>),
    /// An optional value that is not there.
    Absent,
    /// A finding about it was reported already.
    Error,
}

/// A reference to something declared.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityRef {
    /// What it is.
    pub kind: EntityKind,
    /// Its namespace's Kubernetes name.
    pub namespace: Option<Arc<str>>,
    /// Its Kubernetes name, or a principal's value as the authenticator yields it.
    pub name: Arc<str>,
    /// Where it is declared.
    pub decl: Option<Location>,
    /// Whether others own it.
    pub existing: bool,
    /// What a stamp declares, or a module, by identifier.
    pub members: Option<Arc<BTreeMap<Arc<str>, Value>>>,
}

/// A function as declared.
#[derive(Debug, Clone, PartialEq)]
pub struct FnDef {
    /// Its name.
    pub name: Arc<str>,
    /// Its parameters; a default is evaluated in the function's own scope.
    pub params: Vec<FnParam>,
    /// Its result's type.
    pub result: Type,
    /// Its body.
    pub body: Arc<Expr>,
    /// The item that the body's spans are relative to.
    pub item: ItemId,
    /// The module whose names the body sees: [`crate::Scope::of_module`].
    pub module: Arc<str>,
    /// Its name's place.
    pub decl: Location,
}

/// A parameter of a function, or of anything else that is called with arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct FnParam {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Type,
    /// What it is when no argument is given.
    pub default: Option<Arc<Expr>>,
}

impl FnDef {
    /// Its type.
    #[must_use]
    pub fn ty(&self) -> Type {
        let params =
            self.params.iter().map(|param| (Arc::clone(&param.name), param.ty.clone(), param.default.is_some()));
        Type::Function(Arc::new(FunctionType { params: params.collect(), result: self.result.clone() }))
    }
}

impl Value {
    /// Text.
    pub fn str(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }

    /// The fields of a record, a map or an object.
    #[must_use]
    pub fn fields(&self) -> Option<&BTreeMap<Arc<str>, Value>> {
        match self {
            Self::Record(fields) | Self::Map(fields) | Self::Object(_, fields) => Some(fields),
            _ => None,
        }
    }

    /// The text, where it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&Arc<str>> {
        match self {
            Self::Str(text) => Some(text),
            Self::Image(image) => Some(&image.text),
            _ => None,
        }
    }

    /// Whether a finding was reported about it or a part of it.
    #[must_use]
    pub fn has_error(&self) -> bool {
        match self {
            Self::Error => true,
            Self::List(items) => items.iter().any(Self::has_error),
            Self::Record(fields) | Self::Map(fields) | Self::Object(_, fields) => fields.values().any(Self::has_error),
            _ => false,
        }
    }

    /// Whether it or a part of it is not known (or a finding was reported about it).
    #[must_use]
    pub fn is_abstract(&self) -> bool {
        match self {
            Self::Unknown(_) | Self::Error => true,
            Self::List(items) => items.iter().any(Self::is_abstract),
            Self::Record(fields) | Self::Map(fields) | Self::Object(_, fields) => {
                fields.values().any(Self::is_abstract)
            }
            _ => false,
        }
    }
}

/// The type of a value.
#[must_use]
pub fn type_of(value: &Value) -> Type {
    match value {
        Value::Unknown(ty) => ty.clone(),
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Float(_) => Type::Float,
        Value::Str(_) => Type::String,
        Value::Quantity(_) => Type::Quantity,
        Value::Duration(_) => Type::Duration,
        Value::Date(_) => Type::Date,
        Value::Cidr(_) => Type::Cidr,
        Value::Port(_) => Type::Port,
        Value::Image(_) => Type::Image,
        Value::List(items) => Type::list(join_all(items.iter())),
        Value::Record(fields) => Type::record(fields.iter().map(|(name, value)| (Arc::clone(name), type_of(value)))),
        Value::Map(fields) => Type::map(join_all(fields.values())),
        Value::Object(ty, _) => Type::Kube(ty.clone()),
        Value::Entity(entity) => Type::Entity(entity.kind),
        Value::Function(def) => def.ty(),
        Value::Absent => Type::Never.optional(),
        Value::Error => Type::Error,
    }
}

/// What values of a list have in common: anything at all, where that is nothing.
fn join_all<'a>(values: impl Iterator<Item = &'a Value>) -> Type {
    values
        .map(type_of)
        .try_fold(Type::Never, |joined, ty| if joined == ty { Some(joined) } else { joined.join(&ty) })
        .unwrap_or(Type::Any)
}

//! Types and values of the evaluator as those of the rule table.

use std::sync::Arc;

use kspec_model::rules::{Const, Ty};

use crate::{Duration, Port, Quantity, Type, Value};

/// A type as rule tables know it.
pub(super) fn ty(ty: &Type) -> Ty {
    match ty {
        Type::Bool => Ty::Bool,
        Type::Int => Ty::Int,
        Type::Float => Ty::Float,
        Type::String | Type::Literals(_) | Type::Time | Type::Glob | Type::Regex => Ty::Text,
        Type::Quantity => Ty::Quantity,
        Type::Duration => Ty::Duration,
        Type::Date => Ty::Date,
        Type::Cidr => Ty::Cidr,
        Type::Port => Ty::Port,
        Type::Image => Ty::Image,
        Type::IntOrString => Ty::IntOrString,
        Type::List(item) => Ty::List(Box::new(self::ty(item))),
        Type::Map(_, of) => Ty::Map(Box::new(self::ty(of))),
        Type::Optional(inner) => self::ty(inner).optional(),
        Type::Record(_) | Type::Kube(_) | Type::Entity(_) | Type::Function(_) => Ty::Object,
        Type::Any | Type::Never | Type::Error => Ty::Any,
    }
}

/// A value that is known whole, as a constant. Of what is declared, its name and namespace are all that a rule can ask.
pub(super) fn constant(value: &Value) -> Option<Const> {
    Some(match value {
        Value::Unknown(_) | Value::Function(_) | Value::Error => return None,
        Value::Bool(value) => Const::Bool(*value),
        Value::Int(value) => Const::Int(*value),
        Value::Float(value) => Const::Float(*value),
        Value::Str(text) => Const::Text(Arc::clone(text)),
        Value::Quantity(quantity) => Const::Quantity(quantity.canonical().into()),
        Value::Duration(duration) => Const::Duration(duration.nanos),
        Value::Date(date) => Const::Date(date.to_string().into()),
        Value::Cidr(block) => Const::Cidr(*block),
        Value::Port(port) => Const::Port(port.to_string().into()),
        Value::Image(image) => Const::Image(Arc::clone(&image.text)),
        Value::List(items) => Const::List(items.iter().map(constant).collect::<Option<_>>()?),
        Value::Record(fields) | Value::Map(fields) | Value::Object(_, fields) => {
            let present = fields.iter().filter(|(_, value)| **value != Value::Absent);
            Const::Map(present.map(|(name, value)| Some((Arc::clone(name), constant(value)?))).collect::<Option<_>>()?)
        }
        Value::Entity(entity) => {
            let name = (Arc::from("name"), Const::Text(Arc::clone(&entity.name)));
            let namespace =
                entity.namespace.as_ref().map(|text| (Arc::from("namespace"), Const::Text(Arc::clone(text))));
            Const::Map(std::iter::once(name).chain(namespace).collect())
        }
        Value::Absent => Const::Absent,
    })
}

/// A constant as one of another type, where that is told without running anything.
pub(super) fn convert(constant: &Const, to: &Ty) -> Option<Const> {
    Some(match (constant, to.present()) {
        (Const::Absent, _) => Const::Absent,
        #[expect(clippy::cast_precision_loss, reason = "a number where a fraction is wanted is small")]
        (Const::Int(value), Ty::Float) => Const::Float(*value as f64),
        (Const::Int(value), Ty::Quantity) => Const::Quantity(Quantity::of_int(*value).canonical().into()),
        (Const::Float(value), Ty::Quantity) => {
            Const::Quantity(Quantity::parse(&value.to_string()).ok()?.canonical().into())
        }
        (Const::Int(value), Ty::Port) => {
            let port = u16::try_from(*value).ok().filter(|port| *port > 0)?;
            Const::Port(Port { first: port, last: port, protocol: None }.to_string().into())
        }
        (Const::Image(text) | Const::Quantity(text) | Const::Date(text) | Const::Port(text), Ty::Text) => {
            Const::Text(Arc::clone(text))
        }
        (Const::Bool(value), Ty::Text) => Const::Text(value.to_string().into()),
        (Const::Int(value), Ty::Text) => Const::Text(value.to_string().into()),
        (Const::Float(value), Ty::Text) => Const::Text(value.to_string().into()),
        (Const::Duration(nanos), Ty::Text) => Const::Text(Duration { nanos: *nanos }.to_string().into()),
        (Const::Cidr(block), Ty::Text) => Const::Text(block.to_string().into()),
        (Const::Int(_) | Const::Text(_), Ty::IntOrString) => constant.clone(),
        (Const::List(items), Ty::List(item)) => {
            Const::List(items.iter().map(|value| convert_or_keep(value, item)).collect::<Option<_>>()?)
        }
        (Const::Map(fields), Ty::Map(of)) => {
            let fields = fields.iter().map(|(name, value)| Some((Arc::clone(name), convert_or_keep(value, of)?)));
            Const::Map(fields.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn convert_or_keep(constant: &Const, to: &Ty) -> Option<Const> {
    if is(constant, to.present()) { Some(constant.clone()) } else { convert(constant, to) }
}

/// Whether a constant is of a type as it stands.
fn is(constant: &Const, ty: &Ty) -> bool {
    matches!(
        (constant, ty),
        (Const::Absent, _)
            | (_, Ty::Any | Ty::Object)
            | (Const::Bool(_), Ty::Bool)
            | (Const::Int(_), Ty::Int | Ty::IntOrString)
            | (Const::Float(_), Ty::Float)
            | (Const::Text(_), Ty::Text | Ty::IntOrString)
            | (Const::Quantity(_), Ty::Quantity)
            | (Const::Duration(_), Ty::Duration)
            | (Const::Date(_), Ty::Date)
            | (Const::Cidr(_), Ty::Cidr)
            | (Const::Port(_), Ty::Port)
            | (Const::Image(_), Ty::Image)
    )
}

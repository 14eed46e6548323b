//! Values while a rule is evaluated: borrowed from the request wherever they stand there.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use kspec_model::program::Date;
use kspec_model::rules::{Const, Ty};
use serde_json::{Map, Number, Value};

use crate::fault::{Failed, fault};
use crate::literal::{Duration, Image, Port, Quantity, parse_date};

/// A value. `'a` is how long the request and the table live.
#[derive(Debug, Clone)]
pub(crate) enum Val<'a> {
    Absent,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text<'a>),
    Quantity(Quantity),
    Duration(Duration),
    Date(Date),
    Cidr(IpNet),
    Port(Port),
    Image(Arc<Image>),
    List(Arc<Vec<Val<'a>>>),
    Map(Arc<BTreeMap<Text<'a>, Val<'a>>>),
    /// A list of the request, and its items' type.
    JsonList(&'a [Value], &'a Ty),
    /// A map of the request, and its values' type.
    JsonMap(&'a Map<String, Value>, &'a Ty),
    /// A struct of the request: each field's type stands where it is read.
    JsonObject(&'a Map<String, Value>),
    /// What a free-form field holds.
    Any(&'a Value),
}

/// Text, of the request or made.
#[derive(Debug, Clone)]
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
impl Eq for Text<'_> {}
impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}
impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl<'a> Val<'a> {
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::Shared(text.into()))
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// A size as a number.
    pub(crate) fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// The text, of an image too.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Image(image) => Some(&image.text),
            _ => None,
        }
    }

    /// What a value of the request is, by the type that its place has.
    pub(crate) fn of_json(json: &'a Value, ty: &'a Ty) -> Result<Self, Failed> {
        let wrong = || fault(format!("the object holds {} where {} belongs", kind_of(json), name_of(ty)));
        Ok(match (ty.present(), json) {
            (_, Value::Null) => Self::Absent,
            (Ty::Any, json) => Self::Any(json),
            (Ty::Bool, Value::Bool(value)) => Self::Bool(*value),
            (Ty::Int, Value::Number(number)) => Self::Int(number.as_i64().ok_or_else(wrong)?),
            (Ty::Float, Value::Number(number)) => Self::Float(number.as_f64().ok_or_else(wrong)?),
            (Ty::IntOrString, Value::Number(number)) => Self::Int(number.as_i64().ok_or_else(wrong)?),
            (Ty::Text | Ty::IntOrString, Value::String(text)) => Self::Text(Text::Borrowed(text)),
            (Ty::Quantity, Value::String(text)) => Self::Quantity(Quantity::parse(text).map_err(|_| wrong())?),
            (Ty::Quantity, Value::Number(number)) => Self::Quantity(quantity(number).ok_or_else(wrong)?),
            (Ty::List(item), Value::Array(items)) => Self::JsonList(items, item),
            (Ty::Map(value), Value::Object(map)) => Self::JsonMap(map, value),
            (Ty::Object, Value::Object(map)) => Self::JsonObject(map),
            _ => return Err(wrong()),
        })
    }

    /// A constant.
    pub(crate) fn of_const(constant: &Const) -> Result<Val<'static>, String> {
        Ok(match constant {
            Const::Absent => Val::Absent,
            Const::Bool(value) => Val::Bool(*value),
            Const::Int(value) => Val::Int(*value),
            Const::Float(value) => Val::Float(*value),
            Const::Text(text) => Val::text(Arc::clone(text)),
            Const::Quantity(text) => {
                Val::Quantity(Quantity::parse(text).map_err(|_| format!("`{text}` is no quantity"))?)
            }
            Const::Duration(nanos) => Val::Duration(Duration { nanos: *nanos }),
            Const::Date(text) => Val::Date(parse_date(text).map_err(|why| format!("`{text}` {why}"))?),
            Const::Cidr(block) => Val::Cidr(*block),
            Const::Port(text) => Val::Port(Port::parse(text).ok_or_else(|| format!("`{text}` is no port"))?),
            Const::Image(text) => {
                Val::Image(Arc::new(Image::parse(text).map_err(|why| format!("the image `{text}` {why}"))?))
            }
            Const::List(items) => Val::list(items.iter().map(Val::of_const).collect::<Result<_, _>>()?),
            Const::Map(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| Ok::<_, String>((Text::Shared(Arc::clone(key)), Val::of_const(value)?)));
                Val::Map(Arc::new(fields.collect::<Result<_, _>>()?))
            }
        })
    }

    /// As JSON, for what a mutation writes. Ports, dates and the like are their texts.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::from(*value),
            Self::Float(value) => Value::from(*value),
            Self::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(fields) => Value::Object(
                fields
                    .iter()
                    .filter(|(_, value)| !matches!(value, Self::Absent))
                    .map(|(key, value)| (key.as_str().to_owned(), value.to_json()))
                    .collect(),
            ),
            Self::JsonList(items, _) => Value::Array(items.to_vec()),
            Self::JsonMap(map, _) | Self::JsonObject(map) => Value::Object((*map).clone()),
            Self::Any(json) => (*json).clone(),
            other => Value::String(other.printed().unwrap_or_default()),
        }
    }

    /// The text of what has one.
    pub(crate) fn printed(&self) -> Option<String> {
        Some(match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => text.as_str().to_owned(),
            Self::Quantity(value) => value.to_string(),
            Self::Duration(value) => value.to_string(),
            Self::Date(value) => value.to_string(),
            Self::Cidr(value) => value.to_string(),
            Self::Port(value) => value.to_string(),
            Self::Image(image) => image.text.to_string(),
            _ => return None,
        })
    }
}

/// A number of JSON as a quantity.
fn quantity(number: &Number) -> Option<Quantity> {
    match number.as_i64() {
        Some(whole) => Some(Quantity::of_int(whole)),
        None => Quantity::parse(&number.to_string()).ok(),
    }
}

fn kind_of(json: &Value) -> &'static str {
    match json {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn name_of(ty: &Ty) -> &'static str {
    match ty.present() {
        Ty::Bool => "a truth value",
        Ty::Int => "a whole number",
        Ty::Float => "a number",
        Ty::Quantity => "a quantity",
        Ty::IntOrString => "a number or text",
        Ty::List(_) => "a list",
        Ty::Map(_) | Ty::Object => "a map",
        _ => "text",
    }
}

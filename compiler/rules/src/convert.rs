//! Values as those of other types.

use kspec_model::rules::Ty;
use serde_json::Value;

use crate::fault::{Failed, fault};
use crate::literal::{Duration, Image, Quantity};
use crate::methods;
use crate::value::{Text, Val};

/// The value as one of a type.
pub(crate) fn convert<'a>(value: Val<'a>, ty: &Ty) -> Result<Val<'a>, Failed> {
    let wanted = ty.present();
    // What cannot be read is absent where that is allowed for.
    let read = |value: Option<Val<'a>>, text: &str| match value {
        Some(value) => Ok(value),
        None if ty.is_optional() => Ok(Val::Absent),
        None => Err(fault(format!("`{text}` cannot be read"))),
    };
    match (value, wanted) {
        (Val::Absent, _) => Ok(Val::Absent),
        (Val::Any(json), wanted) => Ok(stated(json, wanted)),
        (value, Ty::Text) => match value.printed() {
            Some(text) => Ok(Val::text(text)),
            None => Err(fault("a text of something that has none")),
        },
        (value @ Val::Image(_), Ty::Image) => Ok(value),
        (value @ Val::Quantity(_), Ty::Quantity) => Ok(value),
        (value @ Val::Duration(_), Ty::Duration) => Ok(value),
        (value @ Val::Cidr(_), Ty::Cidr) => Ok(value),
        (value @ (Val::Int(_) | Val::Text(_)), Ty::IntOrString) => Ok(value),
        (value @ Val::Int(_), Ty::Int) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "a number beside a fraction is small")]
        (Val::Int(value), Ty::Float) => Ok(Val::Float(value as f64)),
        (Val::Int(value), Ty::Quantity) => Ok(Val::Quantity(Quantity::of_int(value))),
        (value, wanted) => {
            let Some(text) = value.as_text() else { return Ok(value) };
            read(
                match wanted {
                    Ty::Image => Image::parse(text).ok().map(|image| Val::Image(std::sync::Arc::new(image))),
                    Ty::Quantity => Quantity::parse(text).ok().map(Val::Quantity),
                    Ty::Duration => Duration::parse_text(text).map(Val::Duration),
                    Ty::Cidr => methods::block(text).map(Val::Cidr),
                    Ty::Int => text.parse().ok().map(Val::Int),
                    Ty::Date => crate::literal::parse_date(text).ok().map(Val::Date),
                    _ => return Ok(value),
                },
                text,
            )
        }
    }
}

/// What a free-form field holds, if it is what it is stated to be.
fn stated<'a>(json: &'a Value, wanted: &Ty) -> Val<'a> {
    const ANY: &Ty = &Ty::Any;
    match (wanted, json) {
        (Ty::Text, Value::String(text)) => Val::Text(Text::Borrowed(text)),
        (Ty::Int, Value::Number(number)) => number.as_i64().map_or(Val::Absent, Val::Int),
        (Ty::Bool, Value::Bool(value)) => Val::Bool(*value),
        (Ty::List(_), Value::Array(items)) => Val::JsonList(items, ANY),
        (Ty::Map(_) | Ty::Object, Value::Object(map)) => Val::JsonMap(map, ANY),
        (Ty::Any, json) => Val::Any(json),
        _ => Val::Absent,
    }
}

//! Values as Kubernetes reads them.

use serde_json::{Map, Number, Value as Json};

use crate::Value;

/// JSON as Kubernetes reads it: quantities in canonical form, durations as Go writes them, days, blocks and ports as
/// text, a port of no stated protocol as a number, what is absent left out. `None` where something is not known, is a
/// function, or is an entity.
#[must_use]
pub fn to_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Unknown(_) | Value::Function(_) | Value::Entity(_) | Value::Error => return None,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::Number((*value).into()),
        Value::Float(value) => Json::Number(Number::from_f64(*value)?),
        Value::Str(text) => Json::String(text.to_string()),
        Value::Quantity(quantity) => Json::String(quantity.canonical()),
        Value::Duration(duration) => Json::String(duration.go()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::Cidr(block) => Json::String(block.to_string()),
        Value::Port(port) if port.protocol.is_none() && port.first == port.last => Json::Number(port.first.into()),
        Value::Port(port) => Json::String(port.to_string()),
        Value::Image(image) => Json::String(image.text.to_string()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect::<Option<_>>()?),
        Value::Record(fields) | Value::Map(fields) | Value::Object(_, fields) => {
            let mut object = Map::new();
            for (name, value) in fields.iter().filter(|(_, value)| **value != Value::Absent) {
                object.insert(name.to_string(), to_json(value)?);
            }
            Json::Object(object)
        }
        Value::Absent => Json::Null,
    })
}

//! Makes values of a type.

use kspec_schema::{Field, KindInfo, ListMerge, Schema, Type, TypeId};
use serde_json::{Map, Value, json};

/// How deep optional fields are filled. Required ones always are.
const DEPTH: usize = 7;

/// An object of this kind with its required fields alone.
pub(crate) fn minimal(schema: &Schema, kind: &KindInfo) -> Value {
    object(schema, kind, 0)
}

/// An object of this kind with every field.
pub(crate) fn maximal(schema: &Schema, kind: &KindInfo) -> Value {
    object(schema, kind, DEPTH)
}

fn object(schema: &Schema, kind: &KindInfo, depth: usize) -> Value {
    let mut value = sample(schema, kind.ty, depth);
    value["apiVersion"] = kind.api_version().into();
    value["kind"] = kind.kind.as_ref().into();
    value
}

fn sample(schema: &Schema, ty: TypeId, depth: usize) -> Value {
    let deeper = depth.saturating_sub(1);
    match schema.ty(ty) {
        Type::Object(object) => {
            let wanted = |field: &Field| field.required || depth > 0;
            let fields = object.fields().filter(|(_, field)| wanted(field));
            Value::Object(fields.map(|(name, field)| (name.to_owned(), sample(schema, field.ty, deeper))).collect())
        }
        Type::List { item, merge } => {
            let mut value = sample(schema, *item, deeper);
            if let (ListMerge::Map(keys), Some(object)) = (merge, schema.object(*item)) {
                for key in keys {
                    if let Some(field) = object.field(key) {
                        value[key.as_ref()] = sample(schema, field.ty, 0);
                    }
                }
            }
            json!([value])
        }
        Type::Map { value, .. } => {
            Value::Object(Map::from_iter([("a.b/c".to_owned(), sample(schema, *value, deeper))]))
        }
        Type::String { values, .. } if !values.is_empty() => values[0].as_ref().into(),
        Type::String { format: Some(format), .. } if format == "byte" => "YQ==".into(),
        Type::String { format: Some(format), .. } if format == "micro-time" => "2026-01-31T00:00:00.000000Z".into(),
        Type::String { .. } => "text".into(),
        Type::Integer { .. } => 1.into(),
        Type::Number => 1.5.into(),
        Type::Boolean => true.into(),
        Type::IntOrString => "25%".into(),
        Type::Quantity => "100m".into(),
        Type::Time => "2026-01-31T00:00:00Z".into(),
        Type::Any => json!({"anything": ["goes"]}),
    }
}

//! Keeps secret material out of states.

use serde_json::{Map, Value};

use crate::yaml::{self, Budget};

/// What stands where secret material stood.
pub const WITHHELD: &str = "<withheld>";

/// Withholds what a Secret holds, and leaves any other object alone; key names stay, since they say what there is.
///
/// `stringData` becomes `data`, as on the server. Applied objects repeat themselves in the annotation that `kubectl apply`
/// writes, so that goes too.
pub fn withhold_secret(object: &mut Value) {
    if object.get("kind").and_then(Value::as_str) != Some("Secret")
        || object.get("apiVersion").and_then(Value::as_str) != Some("v1")
    {
        return;
    }
    if let Some(fields) = object.as_object_mut() {
        if let Some(Value::Object(text)) = fields.remove("stringData")
            && let Value::Object(data) = fields.entry("data").or_insert_with(|| Value::Object(Map::new()))
        {
            data.extend(text);
        }
        match fields.get_mut("data") {
            Some(Value::Object(data)) => withhold_values(data),
            Some(_) => {
                fields.remove("data");
            }
            None => {}
        }
    }
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

fn withhold_values(values: &mut Map<String, Value>) {
    for value in values.values_mut() {
        *value = Value::String(WITHHELD.to_owned());
    }
}

/// A control-plane file as canonical JSON, without the keys of an `EncryptionConfiguration`; their names stay. A text that
/// is neither JSON nor YAML may be anything, so nothing of it is kept.
pub(crate) fn file(text: &str) -> String {
    let document = serde_json::from_str(text).ok().or_else(|| {
        let first = yaml::documents(text, Budget::default()).into_iter().next()?;
        first.ok().map(|document| document.value)
    });
    let Some(mut document) = document else { return WITHHELD.to_owned() };
    encryption_keys(&mut document);
    document.to_string()
}

fn encryption_keys(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "secret" && value.is_string() {
                    *value = Value::String(WITHHELD.to_owned());
                } else {
                    encryption_keys(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(encryption_keys),
        _ => {}
    }
}

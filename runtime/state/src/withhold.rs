//! Keeps secret material out of states.

use std::{
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::yaml::{self, Budget};

/// What stands where secret material stood, in everything that is shown or written.
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
        if let Some(Value::Object(mut text)) = fields.remove("stringData")
            && let Value::Object(data) = fields.entry("data").or_insert_with(|| Value::Object(Map::new()))
        {
            withhold_values(data, true);
            withhold_values(&mut text, false);
            data.extend(text);
        }
        match fields.get_mut("data") {
            Some(Value::Object(data)) => withhold_values(data, true),
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

fn withhold_values(values: &mut Map<String, Value>, decode: bool) {
    for value in values.values_mut() {
        let text = value.as_str().unwrap_or_default();
        if is_withheld(text) {
            continue;
        }
        let bytes = if decode { STANDARD.decode(text).ok() } else { None };
        let mark = fingerprint(bytes.as_deref().unwrap_or(text.as_bytes()));
        *value = Value::String(mark);
    }
}

/// What two withheld values have in common starts so.
const PREFIX: &str = "<withheld";

/// A mark that is the same for the same contents, in this process alone: its key is random and kept nowhere, so that it says
/// nothing of the contents to anybody.
fn fingerprint(contents: &[u8]) -> String {
    static KEYS: OnceLock<[RandomState; 2]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| [RandomState::new(), RandomState::new()]);
    let digits: String = keys.iter().map(|key| format!("{:016x}", key.hash_one(contents))).collect();
    format!("{PREFIX} {digits}>")
}

/// Whether a text stands for what was withheld: nothing is known of how that was written.
#[must_use]
pub fn is_withheld(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Whether two withheld values are the same as far as anybody can know: what was read back from a file has no mark.
#[must_use]
pub fn same_withheld(left: &str, right: &str) -> Option<bool> {
    (is_withheld(left) && is_withheld(right)).then(|| left == right || left == WITHHELD || right == WITHHELD)
}

/// Takes the marks off, for what is shown or written.
pub fn without_marks(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with(PREFIX) => WITHHELD.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(without_marks),
        Value::Object(fields) => fields.values_mut().for_each(without_marks),
        _ => {}
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
                if let ("secret", Some(text)) = (name.as_str(), value.as_str()) {
                    if text.starts_with(PREFIX) {
                        continue;
                    }
                    // How long a key is says whether it is one, and nothing that would help to guess it.
                    let bytes = STANDARD.decode(text.trim()).ok();
                    let mark =
                        bytes.map_or_else(|| WITHHELD.to_owned(), |bytes| format!("{PREFIX} {} bytes>", bytes.len()));
                    *value = Value::String(mark);
                } else {
                    encryption_keys(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(encryption_keys),
        _ => {}
    }
}

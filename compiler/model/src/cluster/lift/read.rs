//! Reading JSON that anyone may have written: what is absent or null is empty, what has another type is an error that
//! names its path.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{LabelSelector, Operator, Requirement};

/// What was read, or what is wrong and where.
pub(super) type Read<T> = Result<T, String>;

/// Typed access to an object's fields.
pub(super) trait Fields {
    /// The field, unless absent or null.
    fn present(&self, name: &str) -> Option<&Value>;
    /// The field as an object; an empty one where it is absent.
    fn field(&self, name: &str) -> Read<&Value>;
    /// Elements of a list.
    fn list(&self, name: &str) -> Read<&[Value]>;
    /// A string.
    fn text(&self, name: &str) -> Read<Option<&str>>;
    /// A boolean.
    fn boolean(&self, name: &str) -> Read<Option<bool>>;
    /// A list of strings.
    fn strings(&self, name: &str) -> Read<Vec<String>>;
    /// A map of strings.
    fn string_map(&self, name: &str) -> Read<BTreeMap<String, String>>;
    /// A port number.
    fn port(&self, name: &str) -> Read<Option<u16>>;
    /// A label selector.
    fn selector(&self, name: &str) -> Read<Option<LabelSelector>>;
}

impl Fields for Value {
    fn present(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }

    fn field(&self, name: &str) -> Read<&Value> {
        match self.present(name) {
            None => Ok(&Value::Null),
            Some(value) if value.is_object() => Ok(value),
            Some(_) => Err(format!("{name} is no object")),
        }
    }

    fn list(&self, name: &str) -> Read<&[Value]> {
        match self.present(name) {
            None => Ok(&[]),
            Some(value) => value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{name} is no list")),
        }
    }

    fn text(&self, name: &str) -> Read<Option<&str>> {
        match self.present(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| format!("{name} is no string")),
        }
    }

    fn boolean(&self, name: &str) -> Read<Option<bool>> {
        match self.present(name) {
            None => Ok(None),
            Some(value) => value.as_bool().map(Some).ok_or_else(|| format!("{name} is no boolean")),
        }
    }

    fn strings(&self, name: &str) -> Read<Vec<String>> {
        self.list(name)?
            .iter()
            .map(|value| {
                value.as_str().map(str::to_owned).ok_or_else(|| format!("{name} holds something that is no string"))
            })
            .collect()
    }

    fn string_map(&self, name: &str) -> Read<BTreeMap<String, String>> {
        let Some(map) = self.field(name)?.as_object() else { return Ok(BTreeMap::new()) };
        map.iter()
            .map(|(key, value)| match value.as_str() {
                Some(text) => Ok((key.clone(), text.to_owned())),
                None => Err(format!("{name}.{key} is no string")),
            })
            .collect()
    }

    fn port(&self, name: &str) -> Read<Option<u16>> {
        match self.present(name) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|number| u16::try_from(number).ok())
                .filter(|number| *number > 0)
                .map(Some)
                .ok_or_else(|| format!("{name} is no port number")),
        }
    }

    fn selector(&self, name: &str) -> Read<Option<LabelSelector>> {
        self.present(name).map(|selector| label_selector(selector).map_err(under(name))).transpose()
    }
}

/// Reads a label selector.
pub(super) fn label_selector(value: &Value) -> Read<LabelSelector> {
    if !value.is_object() {
        return Err("is no object".to_owned());
    }
    let match_labels = value.string_map("matchLabels")?;
    let match_expressions = value.list("matchExpressions")?.iter().map(requirement).collect::<Read<_>>()?;
    Ok(LabelSelector { match_labels, match_expressions })
}

fn requirement(value: &Value) -> Read<Requirement> {
    let key = value.text("key")?.unwrap_or_default().to_owned();
    let values = value.strings("values")?;
    let operator = match value.text("operator")?.unwrap_or_default() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        other => {
            return Err(format!(
                "matchExpressions has the operator `{other}`, which is none of In, NotIn, Exists, DoesNotExist"
            ));
        }
    };
    let wants_values = matches!(operator, Operator::In | Operator::NotIn);
    match (key.is_empty(), wants_values, values.is_empty()) {
        (true, ..) => Err("matchExpressions has an entry without a key".to_owned()),
        (_, true, true) => Err(format!("matchExpressions on `{key}` needs values")),
        (_, false, false) => Err(format!("matchExpressions on `{key}` must not have values")),
        _ => Ok(Requirement { key, operator, values }),
    }
}

/// Puts `path` before a message about something inside it.
pub(super) fn under(path: &str) -> impl Fn(String) -> String + '_ {
    move |message| format!("{path}.{message}")
}

/// Reads every element of a list, each error with its index.
pub(super) fn each<T>(parent: &Value, name: &str, read: impl Fn(&Value) -> Read<T>) -> Read<Vec<T>> {
    parent
        .list(name)?
        .iter()
        .enumerate()
        .map(|(index, value)| read(value).map_err(|message| format!("{name}[{index}].{message}")))
        .collect()
}

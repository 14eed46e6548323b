//! Pieces of kspec source.

use kspec_types::Quantity;
use serde_json::Value;

/// A string literal.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A key of a record: bare where it is an identifier, or a path of some.
pub(crate) fn key(text: &str) -> String {
    if text.split('.').all(is_identifier) { text.to_owned() } else { quoted(text) }
}

/// Whether a word is an identifier that may stand bare.
pub(crate) fn is_identifier(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !matches!(word, "true" | "false")
}

/// A record of strings: `{ app: "api" }`.
pub(crate) fn string_record<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let fields: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}: {}", key(name), quoted(value))).collect();
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

/// A quantity: as it is where the language reads it so, else as Kubernetes itself would write it.
pub(crate) fn quantity(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let suffix = text.get(digits.len()..).unwrap_or_default();
    let ends = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let plain = ends(digits.chars().next())
        && ends(digits.chars().last())
        && digits.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    let known = matches!(suffix, "" | "m" | "k" | "M" | "G" | "T" | "Ki" | "Mi" | "Gi" | "Ti");
    if plain && known {
        return Some(text);
    }
    Some(match Quantity::parse(&text) {
        // It keeps a stated exponent, and the language reads none below zero.
        Ok(quantity) => {
            let canonical = quantity.canonical();
            canonical.strip_suffix("e-3").map_or(canonical.clone(), |number| format!("{number}m"))
        }
        Err(_) => quoted(&text),
    })
}

/// A record of quantities; none where one is none.
pub(crate) fn quantity_record(value: &Value) -> Option<String> {
    let fields: Option<Vec<String>> =
        value.as_object()?.iter().map(|(name, value)| Some(format!("{}: {}", key(name), quantity(value)?))).collect();
    Some(format!("{{ {} }}", fields?.join(", ")))
}

/// A list of strings.
pub(crate) fn string_list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.into_iter().map(quoted).collect();
    format!("[{}]", items.join(", "))
}

/// Strings of a JSON list.
pub(crate) fn strings(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Strings of a JSON list, each once, in their order.
pub(crate) fn distinct(value: Option<&Value>) -> Vec<String> {
    let mut seen = Vec::new();
    for text in strings(value) {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}

/// A JSON value as an expression.
pub(crate) fn value(json: &Value) -> String {
    match json {
        Value::Null => "{}".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, item)| format!("{}: {}", json_key(name), value(item))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

/// A key of an object given verbatim: a dot in it is part of the key.
fn json_key(text: &str) -> String {
    if is_identifier(text) { text.to_owned() } else { quoted(text) }
}

/// `RequestReceived` → `request_received`.
pub(crate) fn snake(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

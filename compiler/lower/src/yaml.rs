//! YAML that every reader understands alike.
//!
//! Parsers of YAML 1.1 read `n`, `off` or `1_000` as something other than text, and Kubernetes' own reader is one of them
//! (mostly). So a scalar is written plain only if it begins with a letter, holds nothing but letters, digits and `-./_`,
//! and is none of the words that some version gives a type; everything else is in double quotes, JSON's way.

use std::fmt::Write;

use kspec_model::Object;
use serde_json::{Map, Number, Value};

use crate::scan;

/// Keys that come first, in this order; the rest follow by name.
const FIRST: [&str; 5] = ["apiVersion", "kind", "metadata", "name", "namespace"];

/// The object as one YAML document. The order of keys does not depend on how the object was built.
#[must_use]
pub fn to_yaml(object: &Object) -> String {
    value_to_yaml(&object.0)
}

/// Any value as one YAML document.
pub(crate) fn value_to_yaml(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, 0, Position::Line);
    out
}

/// Where a value begins.
#[derive(Clone, Copy, PartialEq)]
enum Position {
    /// At the start of a line, the indentation not yet written.
    Line,
    /// Behind `key:`.
    Key,
    /// Behind `- `.
    Dash,
}

fn write_value(out: &mut String, value: &Value, indent: usize, position: Position) {
    match value {
        Value::Object(map) if !map.is_empty() => write_map(out, map, indent, position),
        Value::Array(items) if !items.is_empty() => {
            // A list behind a key stands at the key's own indentation, as kubectl writes it.
            let indent = if position == Position::Key { indent.saturating_sub(2) } else { indent };
            if position == Position::Key {
                out.push('\n');
            }
            for (index, item) in items.iter().enumerate() {
                if index > 0 || position != Position::Dash {
                    pad(out, indent);
                }
                out.push_str("- ");
                write_value(out, item, indent + 2, Position::Dash);
            }
        }
        scalar => {
            if position == Position::Key {
                out.push(' ');
            }
            match scalar {
                Value::Object(_) => out.push_str("{}"),
                Value::Array(_) => out.push_str("[]"),
                Value::Null => out.push_str("null"),
                Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
                Value::Number(number) => out.push_str(&number_text(number)),
                Value::String(text) => write_string(out, text),
            }
            out.push('\n');
        }
    }
}

fn write_map(out: &mut String, map: &Map<String, Value>, indent: usize, position: Position) {
    if position == Position::Key {
        out.push('\n');
    }
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by_key(|(key, _)| (FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()), key.as_str()));
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 || position != Position::Dash {
            pad(out, indent);
        }
        write_string(out, key);
        out.push(':');
        write_value(out, value, indent + 2, Position::Key);
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// YAML 1.1 takes a number with an exponent for a float only if it has a point and the exponent a sign.
fn number_text(number: &Number) -> String {
    let text = number.to_string();
    if number.is_i64() || number.is_u64() {
        return text;
    }
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text.as_str(), None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    match exponent {
        None => format!("{mantissa}{point}"),
        Some(exponent) if exponent.starts_with(['-', '+']) => format!("{mantissa}{point}e{exponent}"),
        Some(exponent) => format!("{mantissa}{point}e+{exponent}"),
    }
}

fn write_string(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    let mut rest = text;
    while let Some((plain, escaped, after)) = next_escaped(rest) {
        out.push_str(plain);
        match escaped {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out.push('"');
}

/// What stands before the next character that is written in another way, the character, and what follows it.
fn next_escaped(text: &str) -> Option<(&str, char, &str)> {
    let mut from = 0;
    loop {
        // By bytes: most of what a policy is are long expressions, and hardly any character is escaped.
        let at = from + scan::position(text.as_bytes().get(from..)?, may_be_escaped)?;
        let (plain, rest) = text.split_at_checked(at)?;
        let mut chars = rest.chars();
        let first = chars.next()?;
        if is_escaped(first) {
            return Some((plain, first, chars.as_str()));
        }
        from = at + first.len_utf8();
    }
}

fn is_escaped(c: char) -> bool {
    matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') || c.is_control()
}

/// Whether a character that is escaped may begin with a byte: it is one, or begins one of `U+0080` to `U+009F`, `U+2028`,
/// `U+2029`, or of those from `U+FEFF` on.
const fn may_be_escaped(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\') | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xe2) | (byte == 0xef)
}

fn is_plain(text: &str) -> bool {
    const TYPED: [&str; 12] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'_'))
        && !TYPED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

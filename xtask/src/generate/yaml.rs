//! JSON values as block YAML, the way that clusters' manifests look. Every text is quoted, so that none is taken for
//! anything else.

use std::fmt::Write;

use serde_json::Value;

/// A document.
pub(super) fn document(value: &Value) -> String {
    let mut out = "---\n".to_owned();
    block(&mut out, value, 0, false);
    out
}

/// `inline` continues a line that a dash began.
fn block(out: &mut String, value: &Value, indent: usize, inline: bool) {
    let pad = |out: &mut String, first: bool| {
        if !(inline && first) {
            let _ = write!(out, "{:indent$}", "");
        }
    };
    match value {
        Value::Object(fields) => {
            for (at, (key, value)) in fields.iter().enumerate() {
                pad(out, at == 0);
                let _ = write!(out, "{}:", plain(key));
                nested(out, value, indent + 2);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(out, "{:indent$}-", "");
                match item {
                    Value::Object(fields) if !fields.is_empty() => {
                        out.push(' ');
                        block(out, item, indent + 2, true);
                    }
                    _ => nested(out, item, indent + 2),
                }
            }
        }
        scalar => {
            let _ = writeln!(out, " {scalar}");
        }
    }
}

fn nested(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            block(out, value, indent, false);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            block(out, value, indent - 2, false);
        }
        scalar => {
            let _ = writeln!(out, " {scalar}");
        }
    }
}

fn plain(key: &str) -> String {
    // YAML 1.1 takes these for something else than text.
    const WORDS: [&str; 9] = ["false", "n", "no", "null", "off", "on", "true", "y", "yes"];
    let word = WORDS.contains(&key.to_lowercase().as_str());
    let simple = !word && !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic());
    if simple { key.to_owned() } else { Value::from(key).to_string() }
}

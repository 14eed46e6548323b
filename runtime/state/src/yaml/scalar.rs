//! What a plain scalar means, as `sigs.k8s.io/yaml` (go-yaml 2) resolves it.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, Tag};
use serde_json::{Number, Value};

use super::Reason;

/// The value of a scalar.
pub(super) fn value(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Reason> {
    match tag {
        None if style == ScalarStyle::Plain => Ok(plain(&text).unwrap_or_else(|| Value::String(text.into_owned()))),
        None => Ok(Value::String(text.into_owned())),
        Some(tag) => match tag.core_suffix() {
            Some("str" | "binary" | "timestamp") => Ok(Value::String(text.into_owned())),
            Some("null") => Ok(Value::Null),
            Some(kind @ ("bool" | "int" | "float")) => plain(&text)
                .filter(|value| value.is_boolean() || value.is_number())
                .ok_or_else(|| Reason::NotJson(format!("`{text}` is no {kind}"))),
            _ if tag.original() == "!" => Ok(Value::String(text.into_owned())),
            _ => Err(Reason::NotJson(format!("the tag `{}` means nothing to Kubernetes", tag.original()))),
        },
    }
}

/// A scalar as the key of a mapping: JSON has text alone.
pub(super) fn key(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Result<String, Reason> {
    match value(text, style, tag)? {
        Value::String(text) => Ok(text),
        Value::Null => Err(Reason::NotJson("a key must be text, not null".to_owned())),
        other => Ok(other.to_string()),
    }
}

/// `None` where it is text.
fn plain(text: &str) -> Option<Value> {
    let first = match text.as_bytes().first() {
        None => return Some(Value::Null),
        Some(first) => *first,
    };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        _ => None,
    }
}

fn word(text: &str) -> Option<Value> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(Value::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Value::Bool(false))
        }
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    let digits: Cow<'_, str> = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    integer(&digits).or_else(|| float(&digits))
}

/// As Go's `strconv.ParseInt(text, 0, 64)`: a leading zero is octal.
fn integer(text: &str) -> Option<Value> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, text.strip_prefix('-')?),
        b'+' => (false, text.strip_prefix('+')?),
        _ => (false, text),
    };
    let (radix, digits) = match magnitude.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, magnitude.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, magnitude.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, magnitude.get(2..)?),
        [b'0', _, ..] => (8, magnitude.get(1..)?),
        _ => (10, magnitude),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let number = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        i64::try_from(i128::from(number).checked_neg()?).ok().map(Value::from)
    } else {
        Some(Value::from(number))
    }
}

/// As go-yaml's `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`; infinities and NaN have no JSON and stay text.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || (mantissa.contains('.') && !fraction.is_empty());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !has_digits || !all_digits(whole) || !all_digits(fraction) || !exponent_fits {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    // Go writes a whole float without a point, so `1.0` is the integer 1 to the server.
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        return Some(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_resolve_as_kubectl_reads_them() {
        let cases = [
            ("yes", json!(true)),
            ("off", json!(false)),
            ("n", json!(false)),
            ("~", json!(null)),
            ("", json!(null)),
            ("0644", json!(420)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("08", json!(8)),
            ("1_000", json!(1000)),
            ("1.0", json!(1)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000)),
            (".5", json!(0.5)),
            ("-3", json!(-3)),
            ("500m", json!("500m")),
            ("1Gi", json!("1Gi")),
            ("1.2.3", json!("1.2.3")),
            ("2027-01-01", json!("2027-01-01")),
            ("-", json!("-")),
            ("+", json!("+")),
            (".inf", json!(".inf")),
            ("10.0.0.0/8", json!("10.0.0.0/8")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("nope", json!("nope")),
            ("-9223372036854775808", json!(i64::MIN)),
            ("0x", json!("0x")),
            ("1e", json!("1e")),
            (".", json!(".")),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text.into(), ScalarStyle::Plain, None), Ok(expected), "{text}");
        }
    }

    #[test]
    fn quoted_scalars_are_text() {
        assert_eq!(value("yes".into(), ScalarStyle::DoubleQuoted, None), Ok(json!("yes")));
    }
}

//! How values are written that JSON has no type for.

use serde_json::Number;

/// Whether a whole number fits the integer that Go decodes it into.
pub(super) fn fits(number: &Number, format: Option<&str>) -> bool {
    match format {
        Some("int32") => number.as_i64().is_some_and(|value| i32::try_from(value).is_ok()),
        _ => number.is_i64(),
    }
}

/// A Kubernetes quantity: a signed decimal number and a binary suffix, a decimal suffix, or an exponent
/// (`k8s.io/apimachinery/pkg/api/resource`).
pub(super) fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = (unsigned.get(..end).unwrap_or_default(), unsigned.get(end..).unwrap_or_default());
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 || number.len() > digits + 1 {
        return false;
    }
    const SUFFIXES: [&str; 17] =
        ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e"];
    if suffix != "e" && SUFFIXES.contains(&suffix) {
        return true;
    }
    let exponent = suffix.strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    exponent.is_some_and(|exponent| !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An RFC 3339 moment, as Go's `time.RFC3339` reads it.
pub(super) fn is_time(text: &str) -> bool {
    let shape = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(have, want)| match want {
                b'0' => have.is_ascii_digit(),
                _ => have == want,
            })
    };
    const SECONDS: &str = "0000-00-00T00:00:00";
    let (Some(head), Some(tail)) = (text.get(..SECONDS.len()), text.get(SECONDS.len()..)) else {
        return false;
    };
    let zone = match tail.strip_prefix('.') {
        None => tail,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
    };
    let part = |text: &str, from: usize| text.get(from..from + 2).and_then(|part| part.parse::<u8>().ok());
    let within = |from: usize, least: u8, most: u8| part(head, from).is_some_and(|n| (least..=most).contains(&n));
    shape(head, SECONDS)
        && (within(5, 1, 12) && within(8, 1, 31) && within(11, 0, 23) && within(14, 0, 59) && within(17, 0, 59))
        && (zone == "Z" || shape(zone, "+00:00") || shape(zone, "-00:00"))
}

/// An RFC 3339 moment with exactly six digits after the seconds, as Kubernetes' `MicroTime` reads it.
pub(super) fn is_micro_time(text: &str) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    is_time(text) && fraction.bytes().take_while(u8::is_ascii_digit).count() == 6
}

/// Standard base64 with padding; Go's decoder skips line ends.
pub(super) fn is_base64(text: &str) -> bool {
    let bytes: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = bytes.iter().take(bytes.len() - padding);
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    bytes.len().is_multiple_of(4) && padding <= 2 && body.into_iter().all(alphabet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for text in ["1", "500m", "1Gi", "-1.5", ".5", "1.", "1e3", "12E-2", "1E", "+3k"] {
            assert!(is_quantity(text), "{text}");
        }
        for text in ["", "Gi", "1 Gi", "1gb", "1e", "1.2.3", "--1", "1kk"] {
            assert!(!is_quantity(text), "{text}");
        }
    }

    #[test]
    fn times() {
        for text in ["2026-01-31T00:00:00Z", "2026-01-31T00:00:00.123456Z", "2026-01-31T00:00:00+02:00"] {
            assert!(is_time(text), "{text}");
        }
        for text in ["", "2026-01-31", "2026-13-31T00:00:00Z", "2026-01-31T00:00:00", "2026-01-31T00:00:00.Z"] {
            assert!(!is_time(text), "{text}");
        }
        assert!(is_micro_time("2026-01-31T00:00:00.123456Z"));
        assert!(!is_micro_time("2026-01-31T00:00:00Z") && !is_micro_time("2026-01-31T00:00:00.123Z"));
    }

    #[test]
    fn base64() {
        for text in ["", "YQ==", "YWI=", "YWJj", "YW\nJj"] {
            assert!(is_base64(text), "{text}");
        }
        for text in ["YQ", "Y===", "a b=", "=YQ="] {
            assert!(!is_base64(text), "{text}");
        }
    }
}

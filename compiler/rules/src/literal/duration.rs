//! Durations.

use std::fmt;

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// A span of time, in nanoseconds as Go counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duration {
    /// Nanoseconds.
    pub nanos: i64,
}

impl Duration {
    /// Reads a literal of the language: one number and one of `ms`, `s`, `min`, `h`, `d`.
    #[must_use]
    pub fn parse_literal(text: &str) -> Option<Self> {
        let (nanos, unit, rest) = component(text)?;
        (rest.is_empty() && matches!(unit, "ms" | "s" | "min" | "h" | "d")).then_some(Self { nanos })
    }

    /// Reads what a string may say: Go's form (`1h30m`, where `m` is minutes) or the language's.
    #[must_use]
    pub fn parse_text(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self { nanos: 0 });
        }
        let mut rest = text;
        let mut sum = 0_i64;
        while !rest.is_empty() || text.is_empty() {
            let (nanos, _, next) = component(rest)?;
            sum = sum.checked_add(nanos)?;
            rest = next;
        }
        Some(Self { nanos: sum })
    }

    /// As Go and Kubernetes write it: `3s`, `1h30m0s`, `250ms`.
    #[must_use]
    pub fn go(self) -> String {
        let sign = if self.nanos < 0 { "-" } else { "" };
        let nanos = self.nanos.unsigned_abs();
        if nanos == 0 {
            return "0s".to_owned();
        }
        for (unit, size) in [("ns", 1), ("µs", 1_000), ("ms", 1_000_000)] {
            if nanos < size * 1000 {
                return format!("{sign}{}{unit}", decimal(nanos, size));
            }
        }
        let second = 1_000_000_000;
        let (minutes, seconds) = (nanos / (60 * second), decimal(nanos % (60 * second), second));
        match (minutes / 60, minutes % 60) {
            (0, 0) => format!("{sign}{seconds}s"),
            (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
            (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
        }
    }

    /// In whole seconds, where it is a whole number of them.
    #[must_use]
    pub const fn seconds(self) -> Option<i64> {
        if self.nanos % 1_000_000_000 == 0 { Some(self.nanos / 1_000_000_000) } else { None }
    }
}

/// The language's literal: the largest unit that leaves a whole number.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().rev().find(|(name, size)| *name != "m" && self.nanos % size == 0);
        match unit {
            Some((name, size)) if self.nanos != 0 => write!(f, "{}{name}", self.nanos / size),
            _ => f.write_str("0s"),
        }
    }
}

/// The first number and unit of a text: its nanoseconds, the unit, and what follows.
fn component(text: &str) -> Option<(i64, &str, &str)> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at_checked(number_end)?;
    let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(unit_end)?;
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut nanos = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.checked_mul(*size)? };
    let mut place = *size;
    for digit in fraction.bytes() {
        place /= 10;
        nanos =
            nanos.checked_add(i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?).checked_mul(place)?)?;
    }
    (!whole.is_empty() || !fraction.is_empty()).then_some((nanos, unit, rest))
}

/// `value / size` with as many decimals as it needs.
fn decimal(value: u64, size: u64) -> String {
    let (whole, part) = (value / size, value % size);
    if part == 0 {
        return whole.to_string();
    }
    let width = size.to_string().len() - 1;
    format!("{whole}.{part:0width$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_that_of_go() {
        for (text, go, literal) in [
            ("3s", "3s", "3s"),
            ("5min", "5m0s", "5min"),
            ("90min", "1h30m0s", "90min"),
            ("6h", "6h0m0s", "6h"),
            ("7d", "168h0m0s", "7d"),
            ("250ms", "250ms", "250ms"),
            ("1.5s", "1.5s", "1500ms"),
            ("1.5h", "1h30m0s", "90min"),
            ("0s", "0s", "0s"),
        ] {
            let duration = Duration::parse_literal(text).unwrap();
            assert_eq!((duration.go().as_str(), duration.to_string().as_str()), (go, literal), "{text}");
            assert_eq!(Duration::parse_text(go), Some(duration));
        }
        assert_eq!(Duration::parse_text("1h30m"), Duration::parse_literal("90min"));
        for text in ["5m", "1h30min", "5", "s", "5y", "99999999999d", ".s"] {
            assert_eq!(Duration::parse_literal(text), None, "{text}");
        }
        for text in ["", "5", "5x", "1h-3s"] {
            assert_eq!(Duration::parse_text(text), None, "{text}");
        }
    }
}

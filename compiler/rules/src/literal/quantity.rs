//! Kubernetes' quantities: `resource.Quantity`'s grammar, comparison and canonical text.

use std::cmp::Ordering;
use std::fmt;

/// Billionths in one.
const ONE: u128 = 1_000_000_000;
/// Kubernetes holds no more than this many whole units.
const MOST: u128 = i64::MAX as u128 * ONE;
/// Digits kept after the point; what is finer only rounds up.
const FRACTION: usize = 18;

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// An amount, exact to the billionth (what is finer rounds away from zero, as it does in Kubernetes). Amounts that are
/// written differently are equal: `1000m` and `1`.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// The suffixes in which it was written, which the canonical text keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Decimal,
    Binary,
    Exponent,
}

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseQuantityError {
    /// No number stands in front.
    NoNumber,
    /// What follows the number is no suffix.
    BadSuffix(String),
    /// More than 2⁶³-1, which is the most that Kubernetes can hold.
    TooLarge,
}

impl Quantity {
    /// Nothing at all.
    pub const ZERO: Self = Self { nanos: 0, format: Format::Decimal };

    /// A whole number, without a suffix.
    #[must_use]
    pub const fn of_int(value: i64) -> Self {
        Self { nanos: value as i128 * ONE as i128, format: Format::Decimal }
    }

    /// Reads Kubernetes' grammar: `500m`, `1.5Gi`, `2e3`, `-1`, `.5`.
    ///
    /// # Errors
    ///
    /// Texts that Kubernetes refuses, and amounts that it would cut to what it can hold.
    pub fn parse(text: &str) -> Result<Self, ParseQuantityError> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(ParseQuantityError::NoNumber);
        }
        let (format, ten, two) = suffix_of(suffix).ok_or_else(|| ParseQuantityError::BadSuffix(suffix.to_owned()))?;
        let nanos = scale(whole, fraction, ten, two)?;
        let format = if format == Format::Binary && nanos > 0 && nanos < ONE { Format::Decimal } else { format };
        let nanos = i128::try_from(nanos).map_err(|_| ParseQuantityError::TooLarge)?;
        Ok(Self { nanos: if negative { -nanos } else { nanos }, format })
    }

    /// As Kubernetes writes it after reading it: the largest suffix of its own family that leaves a whole number.
    #[must_use]
    pub fn canonical(&self) -> String {
        if self.nanos == 0 {
            return "0".to_owned();
        }
        let sign = if self.nanos < 0 { "-" } else { "" };
        let nanos = self.nanos.unsigned_abs();
        if self.format == Format::Binary && nanos.is_multiple_of(ONE) && nanos >= 1024 * ONE {
            let mut value = nanos / ONE;
            let mut suffix = "";
            for (name, _) in BINARY {
                if !value.is_multiple_of(1024) {
                    break;
                }
                value /= 1024;
                suffix = name;
            }
            return format!("{sign}{value}{suffix}");
        }
        let (mut value, mut exponent) = (nanos, -9);
        while value.is_multiple_of(1000) && exponent < 18 {
            value /= 1000;
            exponent += 3;
        }
        if self.format == Format::Exponent {
            return if exponent == 0 { format!("{sign}{value}") } else { format!("{sign}{value}e{exponent}") };
        }
        let suffix = DECIMAL.iter().find(|(_, of)| *of == exponent).map_or("", |(name, _)| name);
        format!("{sign}{value}{suffix}")
    }

    /// Whether it is a whole number of units.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.nanos % ONE as i128 == 0
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.nanos < 0
    }

    /// The number of whole units, rounded up as Kubernetes' `Value()` does.
    #[must_use]
    pub fn ceil(&self) -> i64 {
        let one = ONE as i128;
        let whole = self.nanos.div_euclid(one) + i128::from(self.nanos.rem_euclid(one) != 0);
        i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
    }

    /// The sum, in the first one's family of suffixes; `None` beyond what Kubernetes can hold.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::bounded(self.nanos.checked_add(other.nanos)?, self.format)
    }

    /// The difference.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::bounded(self.nanos.checked_sub(other.nanos)?, self.format)
    }

    /// So many times as much.
    #[must_use]
    pub fn checked_mul(self, by: i64) -> Option<Self> {
        Self::bounded(self.nanos.checked_mul(i128::from(by))?, self.format)
    }

    /// The part of it, rounded away from zero; `None` for a division by zero.
    #[must_use]
    pub fn checked_div(self, by: i64) -> Option<Self> {
        let by = i128::from(by);
        let (part, rest) = (self.nanos.checked_div(by)?, self.nanos.checked_rem(by)?);
        let away = if rest == 0 { 0 } else { self.nanos.signum() * by.signum() };
        Self::bounded(part + away, self.format)
    }

    /// How much is lacking to nothing.
    #[must_use]
    pub fn negate(self) -> Self {
        Self { nanos: -self.nanos, format: self.format }
    }

    fn bounded(nanos: i128, format: Format) -> Option<Self> {
        (nanos.unsigned_abs() <= MOST).then_some(Self { nanos, format })
    }
}

/// The family, the power of ten and the power of two that a suffix stands for.
fn suffix_of(suffix: &str) -> Option<(Format, i32, u32)> {
    if let Some((_, ten)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((Format::Decimal, *ten, 0));
    }
    if let Some((_, two)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((Format::Binary, 0, *two));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Beyond these, every number but zero is too large, or rounds to the smallest there is.
    let exponent = exponent.parse::<i64>().unwrap_or(if exponent.starts_with('-') { -1000 } else { 1000 });
    Some((Format::Exponent, i32::try_from(exponent.clamp(-1000, 1000)).ok()?, 0))
}

/// Billionths of `whole.fraction × 10^ten × 2^two`, rounded up.
fn scale(whole: &str, fraction: &str, ten: i32, two: u32) -> Result<u128, ParseQuantityError> {
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
    if digits.iter().all(|digit| *digit == 0) {
        return Ok(0);
    }
    // Where the point stands after the shift by `ten`, from the left of the digits.
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(i64::from(ten));
    let too_large = ParseQuantityError::TooLarge;
    let (mut units, mut part, mut rounded) = (0_u128, 0_u128, false);
    for (at, digit) in (0_i64..).zip(&digits) {
        let (digit, place) = (u128::from(*digit), at - point);
        if place < 0 {
            units = units.checked_mul(10).and_then(|units| units.checked_add(digit)).ok_or(too_large.clone())?;
        } else if place < FRACTION as i64 {
            part += digit * 10_u128.pow(u32::try_from(FRACTION as i64 - 1 - place).unwrap_or(0));
        } else {
            rounded |= digit != 0;
        }
        if units > MOST {
            return Err(too_large);
        }
    }
    let trailing = point.saturating_sub(i64::try_from(digits.len()).unwrap_or(i64::MAX));
    if trailing > 0 && units > 0 {
        let power = u32::try_from(trailing).ok().and_then(|trailing| 10_u128.checked_pow(trailing));
        units = power.and_then(|power| units.checked_mul(power)).ok_or(too_large.clone())?;
    }
    let factor = 1_u128 << two;
    let part = part.checked_mul(factor).ok_or(too_large.clone())?;
    let nanos = units.checked_mul(factor).and_then(|units| units.checked_mul(ONE)).ok_or(too_large.clone())?;
    let nanos = nanos.checked_add(part.div_ceil(ONE)).ok_or(too_large.clone())?;
    let nanos = if rounded && part.is_multiple_of(ONE) { nanos + 1 } else { nanos };
    if nanos > MOST { Err(too_large) } else { Ok(nanos) }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A few by hand, each of one rule; `tests/data/quantities.tsv` holds many as Kubernetes makes them.
    #[test]
    fn canonical_text_is_that_of_kubernetes() {
        for (text, canonical) in [
            ("0", "0"),
            ("0Ki", "0"),
            ("1", "1"),
            ("20", "20"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1.5", "1500m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("5.", "5"),
            ("1Ki", "1Ki"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("0.5Ki", "512"),
            ("0.1Mi", "104857600m"),
            ("0.0001Ki", "102400u"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("100e3", "100e3"),
            ("1e-3", "1e-3"),
            ("12e1", "120"),
            ("1E", "1E"),
            ("7Ei", "7Ei"),
            ("-1", "-1"),
            ("-500m", "-500m"),
            ("+5", "5"),
            ("0.0000000001", "1n"),
            ("1.1n", "2n"),
            ("1.0000000001", "1000000001n"),
            ("2048Mi", "2Gi"),
            ("1023Mi", "1023Mi"),
            ("1e1000", ""),
            ("8Ei", ""),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", ""),
            ("1e-1000", "1e-9"),
            ("0e1000", "0"),
        ] {
            let written = Quantity::parse(text).map(|quantity| quantity.canonical()).unwrap_or_default();
            assert_eq!(written, canonical, "{text}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        for text in ["", "-", "m", "1 Gi", "1MB", "512mb", "1KI", "1K", "1e", "1.2.3", "1e1.5", "--1", "1i", "0x10"] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn canonical_text_reads_back(whole in 0_u64..4_000_000, fraction in 0_u32..1000, suffix in 0_usize..17, negative: bool) {
            let suffixes = ["", "n", "u", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e0", "e3", "e-3", "E2", "e+1"];
            let text = format!("{}{whole}.{fraction:03}{}", if negative { "-" } else { "" }, suffixes[suffix]);
            if let Ok(quantity) = Quantity::parse(&text) {
                let canonical = quantity.canonical();
                let again = Quantity::parse(&canonical).unwrap();
                prop_assert_eq!(quantity, again);
                prop_assert_eq!(again.canonical(), canonical);
            }
        }

        #[test]
        fn reading_never_panics(text in "[-+]?[0-9.]{0,40}[a-zA-Z+-]{0,3}[0-9]{0,5}") {
            let _ = Quantity::parse(&text);
        }

        #[test]
        fn order_is_that_of_the_amounts(a in 0_u64..1_000_000, b in 0_u64..1_000_000) {
            let (milli, whole) = (Quantity::parse(&format!("{a}m")).unwrap(), Quantity::parse(&format!("{b}")).unwrap());
            prop_assert_eq!(milli.cmp(&whole), a.cmp(&(b * 1000)));
        }
    }
}

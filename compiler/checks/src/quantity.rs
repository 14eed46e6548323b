//! Kubernetes' amounts, as far as comparing them goes. What is no amount was reported where it was read.

/// Billionths in one: the finest that Kubernetes keeps.
const ONE: i128 = 1_000_000_000;

const SUFFIXES: [(&str, i128, u32); 16] = [
    ("n", 10, 0),
    ("u", 10, 3),
    ("m", 10, 6),
    ("", 10, 9),
    ("k", 10, 12),
    ("M", 10, 15),
    ("G", 10, 18),
    ("T", 10, 21),
    ("P", 10, 24),
    ("E", 10, 27),
    ("Ki", 2, 10),
    ("Mi", 2, 20),
    ("Gi", 2, 30),
    ("Ti", 2, 40),
    ("Pi", 2, 50),
    ("Ei", 2, 60),
];

/// The amount in billionths, what is finer rounded up as Kubernetes does; `None` if it is none, or too large to be one.
pub(crate) fn billionths(text: &str) -> Option<i128> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let factor = match SUFFIXES.iter().find(|(name, ..)| *name == suffix) {
        Some((_, 2, power)) => 2_i128.checked_pow(*power)?.checked_mul(ONE)?,
        Some((_, base, power)) => base.checked_pow(*power)?,
        None => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            10_i128.checked_pow(u32::try_from(exponent.checked_add(9)?).ok()?)?
        }
    };
    let divisor = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = digits.checked_mul(factor)?;
    Some(sign * (scaled / divisor + i128::from(scaled % divisor != 0)))
}

#[cfg(test)]
mod tests {
    use super::billionths;

    #[test]
    fn amounts_compare_across_suffixes() {
        let ascending =
            ["-1", "0", "1n", "0.5u", "1m", "100m", "0.5", "999m", "1", "1k", "1Ki", "1e6", "1Mi", "1.5Gi", "1Ei"];
        let amounts: Vec<i128> = ascending.iter().map(|text| billionths(text).unwrap()).collect();
        assert!(amounts.is_sorted_by(|one, other| one < other), "{amounts:?}");
        assert_eq!(billionths("1000m"), billionths("1"));
        assert_eq!(billionths("1.50Gi"), billionths("1536Mi"));
        assert_eq!(billionths("2E3"), billionths("2k"));
        for none in ["", ".", "Gi", "1Qi", "1.2.3", "1e999"] {
            assert_eq!(billionths(none), None, "{none}");
        }
    }
}

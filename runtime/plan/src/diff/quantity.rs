//! Quantities by value, as `k8s.io/apimachinery/pkg/api/resource` compares them.

use serde_json::Value;

/// Whether what is wanted and what is there are the same amount: `1000m` and `1`, `1Gi` and `1024Mi`, `2` and `"2"`.
pub(crate) fn equal(wanted: &Value, actual: &Value) -> bool {
    if wanted == actual {
        return true;
    }
    match (amount(wanted), amount(actual)) {
        (Some(wanted), Some(actual)) => wanted == actual || whole_millis(wanted) == Some(actual),
        _ => false,
    }
}

/// The server rounds the amounts of resource lists up to thousandths.
fn whole_millis(nanos: i128) -> Option<i128> {
    const MILLI: i128 = 1_000_000;
    let rest = nanos.checked_rem_euclid(MILLI)?;
    if rest == 0 { Some(nanos) } else { nanos.checked_sub(rest)?.checked_add(MILLI) }
}

/// Billionths; what is finer rounds away from zero, as it does in Kubernetes.
fn amount(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

fn parse(text: &str) -> Option<i128> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 27 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let (ten, two) = scale(suffix)?;
    let exponent = ten.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let scaled = digits.checked_mul(1_i128.checked_shl(two)?)?;
    let nanos = if exponent >= 0 {
        scaled.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?
    } else {
        let divisor = 10_i128.checked_pow(exponent.unsigned_abs())?;
        scaled.checked_add(divisor.checked_sub(1)?)?.checked_div(divisor)?
    };
    Some(if negative { nanos.checked_neg()? } else { nanos })
}

/// Powers of ten and of two.
fn scale(suffix: &str) -> Option<(i32, u32)> {
    Some(match suffix {
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "" => (0, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => (suffix.strip_prefix(['e', 'E'])?.parse().ok().filter(|exponent| (-18..=18).contains(exponent))?, 0),
    })
}

#[cfg(test)]
mod tests {
    use super::equal;
    use serde_json::json;

    #[test]
    fn amounts_count_not_spelling() {
        for (left, right) in [
            (json!("1000m"), json!("1")),
            (json!(1), json!("1")),
            (json!("1Gi"), json!("1024Mi")),
            (json!("1.5"), json!("1500m")),
            (json!("1e3"), json!("1k")),
            (json!("0"), json!("0Mi")),
            (json!("0.5Gi"), json!("512Mi")),
            (json!("-1"), json!("-1000m")),
            (json!("1500u"), json!("2m")),
        ] {
            assert!(equal(&left, &right), "{left} {right}");
        }
        for (left, right) in
            [(json!("1G"), json!("1Gi")), (json!("1"), json!("2")), (json!("x"), json!("y")), (json!(true), json!("1"))]
        {
            assert!(!equal(&left, &right), "{left} {right}");
        }
    }
}

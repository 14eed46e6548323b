//! Units: what resources are counted in, and what was meant by a unit that there is not.

use kspec_diagnostics::{Finding, Span, codes};

use crate::report::bad_value;
use crate::{Cx, ParseQuantityError, Quantity};

/// What a resource is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Processors; a thousandth is the least.
    Cpu,
    /// Bytes.
    Bytes,
    /// Whole things: pods, services, devices.
    Things,
}

/// What a resource of a container, a quota or a limit is counted in. Quotas say `requests.cpu` for what containers call
/// `cpu`.
pub(crate) fn resource_unit(resource: &str) -> Unit {
    let name = resource.strip_prefix("requests.").or_else(|| resource.strip_prefix("limits.")).unwrap_or(resource);
    match name {
        "cpu" => Unit::Cpu,
        "memory" | "storage" | "ephemeral-storage" => Unit::Bytes,
        name if name.starts_with("hugepages-") || name.ends_with(".storage.k8s.io/requests.storage") => Unit::Bytes,
        _ => Unit::Things,
    }
}

/// What is wrong with so much of a resource.
pub(crate) fn check_amount(quantity: Quantity, unit: Unit, resource: &str, span: Span, cx: &Cx<'_>) -> Option<Finding> {
    let text = quantity.canonical();
    if quantity.is_negative() {
        return Some(bad_value(format!("`{text}` of `{resource}` is less than nothing"), span, cx));
    }
    let wrong = |message: String| Finding::new(codes::WRONG_UNIT, message, cx.at(span));
    match unit {
        Unit::Bytes if !quantity.is_whole() => {
            let finding = wrong(format!("`{text}` of `{resource}` is a fraction of a byte"));
            Some(match text.strip_suffix('m') {
                Some(number) => finding
                    .because("`m` is a thousandth, here of a byte")
                    .help(format!("write `{number}Mi` for mebibytes, `{number}M` for megabytes"))
                    .fix(format!("write `{number}Mi`"), cx.at(span), format!("{number}Mi")),
                None => finding.help("write `256Mi` for mebibytes, `256M` for megabytes"),
            })
        }
        Unit::Cpu if text.ends_with('i') => Some(
            wrong(format!("`{text}` is an amount of bytes, and `{resource}` counts processors"))
                .help("write `500m` for half a processor, `2` for two"),
        ),
        Unit::Cpu if quantity.checked_mul(1000).is_some_and(|milli| !milli.is_whole()) => Some(
            wrong(format!("`{text}` of `{resource}` is finer than a thousandth of a processor"))
                .help("`1m` is the least there is"),
        ),
        Unit::Things if !quantity.is_whole() => Some(
            wrong(format!("`{text}` of `{resource}` is no whole number"))
                .help(format!("`{resource}` counts whole things: write `10`")),
        ),
        _ => None,
    }
}

/// A quantity literal that Kubernetes does not read.
pub(crate) fn unreadable(text: &str, error: &ParseQuantityError, span: Span, cx: &Cx<'_>) -> Finding {
    match error {
        ParseQuantityError::TooLarge => bad_value(format!("`{text}` is more than Kubernetes can hold"), span, cx)
            .help("the most is 9223372036854775807"),
        ParseQuantityError::BadSuffix(suffix) => {
            Finding::new(codes::WRONG_UNIT, format!("`{suffix}` is no unit"), cx.at(span))
                .help("quantities end in `m`, `k`, `M`, `G`, `T`, in `Ki`, `Mi`, `Gi`, `Ti`, or in nothing")
        }
        ParseQuantityError::NoNumber => bad_value(format!("`{text}` is no quantity"), span, cx),
    }
}

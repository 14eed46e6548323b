//! Limits that contradict each other: K0701, K0702; K0103 and K0106, limits that the API server takes in no object. Amounts
//! are compared exactly; what is no amount is reported where it is read.

use std::collections::BTreeMap;

use kspec_diagnostics::{Code, Finding, codes};
use kspec_model::program::{LimitKind, Limits, Namespace};

use crate::{Facts, quantity::billionths, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for namespace in &facts.program.namespaces {
        for limits in &namespace.limits {
            findings.extend(contradictions(&namespace.name, limits));
            findings.extend(ratios(&namespace.name, limits));
        }
        findings.extend(twice(namespace));
    }
}

/// A lower bound, an upper bound, what it means if they cross.
type Pair<'a> =
    (Code, (&'static str, &'a BTreeMap<String, String>), (&'static str, &'a BTreeMap<String, String>), &'static str);

fn contradictions(namespace: &str, limits: &Limits) -> Vec<Finding> {
    let default = ("default", &limits.default);
    let request = ("default_request", &limits.default_request);
    let (min, max) = (("min", &limits.min), ("max", &limits.max));
    let refused = "a container that states nothing is given values that the same limits refuse";
    let pairs: [Pair<'_>; 6] = [
        (
            codes::DEFAULT_BELOW_REQUEST,
            request,
            default,
            "a container that states nothing is given a request above its limit, and refused",
        ),
        (codes::DEFAULT_ABOVE_MAX, default, max, refused),
        (codes::DEFAULT_ABOVE_MAX, request, max, refused),
        (codes::DEFAULT_ABOVE_MAX, min, default, refused),
        (codes::DEFAULT_ABOVE_MAX, min, request, refused),
        (
            codes::DEFAULT_ABOVE_MAX,
            min,
            max,
            "no value lies between them, so every container that states one is refused",
        ),
    ];
    let mut findings = Vec::new();
    for (code, (low_name, low), (high_name, high), why) in pairs {
        for (resource, low_text) in low {
            let Some(high_text) = high.get(resource) else { continue };
            let (Some(low), Some(high)) = (billionths(low_text), billionths(high_text)) else { continue };
            if low > high {
                findings.push(
                    report::at(
                        code,
                        format!("{resource}: `{low_name}` of {low_text} is more than `{high_name}` of {high_text}"),
                        &limits.origin,
                    )
                    .witness(vec![format!("in `{namespace}`, {why}")])
                    .help(format!("raise `{high_name}` to {low_text} or more, or lower `{low_name}`")),
                );
            }
        }
    }
    findings
}

/// A billion: amounts are compared in billionths.
const WHOLE: i128 = 1_000_000_000;

/// `max_limit_request_ratio`, as `pkg/apis/core/validation`'s `ValidateLimitRange` and the LimitRanger's
/// `maxLimitRequestRatioConstraint` hold it.
fn ratios(namespace: &str, limits: &Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    let storage = limits.kind == LimitKind::PersistentVolumeClaim && !limits.max_limit_request_ratio.is_empty();
    if storage && limits.min.is_empty() && limits.max.is_empty() {
        findings.push(
            report::at(
                codes::BAD_VALUE,
                "limits of volume claims bound nothing but a ratio".to_owned(),
                &limits.origin,
            )
            .help("state `min` or `max` of storage: a claim has no limit beside its request"),
        );
    }
    for (resource, text) in &limits.max_limit_request_ratio {
        let Some(ratio) = billionths(text) else { continue };
        if ratio < WHOLE {
            findings.push(
                report::at(
                    codes::BAD_VALUE,
                    format!("{resource}: `max_limit_request_ratio` of {text} is less than 1"),
                    &limits.origin,
                )
                .help("no limit is below its request: write 1 or more"),
            );
            continue;
        }
        for (low_name, low, high_name, high, code, why) in [
            ("min", &limits.min, "max", &limits.max, codes::BAD_VALUE, "the API server refuses such limits"),
            (
                "default_request",
                &limits.default_request,
                "default",
                &limits.default,
                codes::DEFAULT_ABOVE_MAX,
                "a container that states nothing is given values that the same limits refuse",
            ),
        ] {
            let (Some(low_text), Some(high_text)) = (low.get(resource), high.get(resource)) else { continue };
            let (Some(low), Some(high)) = (billionths(low_text), billionths(high_text)) else { continue };
            // How far apart the two are, against how far apart they may be.
            let (apart, may) = (high.saturating_mul(WHOLE), low.saturating_mul(ratio));
            let wrong = if low_name == "min" { may > apart } else { apart > may };
            if wrong {
                let than = if low_name == "min" { "nearer together than" } else { "further apart than" };
                findings.push(
                    report::at(
                        code,
                        format!(
                            "{resource}: `{low_name}` of {low_text} and `{high_name}` of {high_text} are {than} the \
                             `max_limit_request_ratio` of {text}"
                        ),
                        &limits.origin,
                    )
                    .witness(vec![format!("in `{namespace}`, {why}")])
                    .help("change the ratio, or one of the two"),
                );
            }
        }
    }
    findings
}

/// Limits of one kind that go to one object, which holds one entry of a kind.
fn twice(namespace: &Namespace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, limits) in namespace.limits.iter().enumerate() {
        let same = |other: &&Limits| other.name == limits.name && other.kind == limits.kind;
        if let Some(first) = namespace.limits.iter().take(at).find(same) {
            findings.push(
                report::at(
                    codes::DUPLICATE_OBJECT,
                    format!("LimitRange {}/{} has limits of this kind already", namespace.name, limits.name),
                    &limits.origin,
                )
                .label(first.origin.at, "the first")
                .help("put them together, or give one a name of its own: `limits container \"others\" { … }`"),
            );
        }
    }
    findings
}

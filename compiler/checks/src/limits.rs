//! Limits that contradict each other: K0701, K0702. Amounts are compared exactly; what is no amount is reported where it
//! is read.

use std::collections::BTreeMap;

use kspec_diagnostics::{Code, Finding, codes};
use kspec_model::program::Limits;

use crate::{Facts, quantity::billionths, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for namespace in &facts.program.namespaces {
        for limits in &namespace.limits {
            findings.extend(contradictions(&namespace.name, limits));
        }
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

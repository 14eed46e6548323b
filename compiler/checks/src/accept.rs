//! Accepted findings.

use kspec_diagnostics::{Code, Finding, Location, Place, Severity, codes};
use kspec_model::program::{Accept, Date};

use crate::report;

/// Takes out the findings that `accept`s name, and reports each `accept` that takes out none (K0131). One past its end
/// takes out nothing, and K0109 tells so. What is an error has no meaning to accept. Of codes that nobody `looked` for it is
/// not known whether they occur.
#[must_use]
pub fn settle<'a>(
    accepts: impl IntoIterator<Item = &'a Accept>,
    findings: Vec<Finding>,
    looked: impl Fn(Code) -> bool,
    as_of: Date,
) -> Vec<Finding> {
    let accepts: Vec<&Accept> = accepts.into_iter().filter(|accept| accept.exception.until >= as_of).collect();
    if accepts.is_empty() {
        return findings;
    }
    let mut used = vec![false; accepts.len()];
    let mut refused = vec![false; accepts.len()];
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        let mut accepted = false;
        for ((accept, used), refused) in accepts.iter().zip(&mut used).zip(&mut refused) {
            if accept.code != finding.code || !is_about(&finding, accept.on) {
                continue;
            }
            if finding.severity == Severity::Error {
                *refused = true;
            } else {
                *used = true;
                accepted = true;
            }
        }
        if !accepted {
            kept.push(finding);
        }
    }
    for ((accept, used), refused) in accepts.iter().zip(used).zip(refused) {
        if used || !(refused || looked(accept.code)) {
            continue;
        }
        let (why, help) = if refused {
            ("it is an error, and errors cannot be accepted", "mend what it is about")
        } else {
            ("it does not occur there", "remove the `accept`: it would hide the finding if it came back")
        };
        let message = format!("{} is accepted, but {why}", accept.code);
        kept.push(
            report::at(codes::BROKEN_ACCEPT, message, &accept.origin).label(accept.on, "accepted for this").help(help),
        );
    }
    kept
}

/// Whether a finding's primary place lies in the declaration.
fn is_about(finding: &Finding, on: Location) -> bool {
    matches!(finding.labels.first().map(|label| &label.place), Some(Place::Source(place))
        if place.item == on.item && on.span.start <= place.span.start && place.span.end <= on.span.end)
}

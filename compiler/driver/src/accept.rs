//! Accepted findings.

use kspec_diagnostics::{Finding, Location, Place, codes};
use kspec_model::program::{Accept, Date, Program};

/// Leaves out findings that an `accept` in force covers, and reports one that covers nothing. Errors cannot be accepted:
/// a program with an error has no meaning to accept.
pub(crate) fn apply(findings: Vec<Finding>, program: &Program, as_of: Date) -> Vec<Finding> {
    if program.accepts.is_empty() {
        return findings;
    }
    let mut used = vec![false; program.accepts.len()];
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let mut accepted = false;
        for (accept, used) in program.accepts.iter().zip(&mut used) {
            if accept.code == finding.code && is_about(&finding, accept.on) {
                *used = true;
                accepted |= accept.exception.until >= as_of && finding.severity < kspec_diagnostics::Severity::Error;
            }
        }
        if !accepted {
            kept.push(finding);
        }
    }
    kept.extend(program.accepts.iter().zip(used).filter(|(_, used)| !used).map(|(accept, _)| unused(accept)));
    kept
}

fn unused(accept: &Accept) -> Finding {
    Finding::new(codes::BROKEN_ACCEPT, format!("{} does not occur there", accept.code), accept.origin.at)
        .label(accept.on, "in this declaration")
        .help("remove the `accept`: nothing is left to accept")
}

/// Whether a finding points into a declaration.
fn is_about(finding: &Finding, declaration: Location) -> bool {
    finding.labels.iter().any(|label| match &label.place {
        Place::Source(place) => {
            place.item == declaration.item
                && place.span.start >= declaration.span.start
                && place.span.end <= declaration.span.end
        }
        Place::File { .. } | Place::Object(_) => false,
    })
}

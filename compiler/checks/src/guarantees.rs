//! K0203: a guarantee that nothing proves yet. Silence would read as "holds".

use kspec_diagnostics::{Finding, codes};

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    findings.extend(facts.program.guarantees.iter().map(|guarantee| {
        report::at(codes::GUARANTEE_NOT_VERIFIED, format!("not verified: {}", guarantee.text), &guarantee.origin)
            .help("this version checks its names and types and proves nothing: do not rely on it yet")
    }));
}

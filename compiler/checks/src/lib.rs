//! What the model gets wrong: findings, a file a family.
//!
//! In: a program, what it lowers to, the day. Out: findings of the families K0106, K0109, K0126 and K02xx to K08xx that the
//! model shows. What only shows while lowering (K0401, K0402, K0407) is reported there, and what a declaration shows by
//! itself, where it is read. Each check is one row of [`CHECKS`] and takes time linear in what it reads.

mod accept;
mod access;
mod audit;
mod control_plane;
mod duplicates;
mod exceptions;
mod guarantees;
mod keys;
mod limits;
mod network;
mod pod_security;
mod quantity;
mod report;
mod selectors;

use kspec_diagnostics::{Code, Finding, codes};
use kspec_lower::OutlinedObject;
use kspec_model::program::{Date, Program};

pub use accept::settle;

/// What a check reads.
struct Facts<'a> {
    program: &'a Program,
    outline: &'a [OutlinedObject],
    as_of: Date,
}

/// One check: the codes it reports, and how.
struct Check {
    /// What it may report.
    codes: &'static [Code],
    run: fn(&Facts<'_>, &mut Vec<Finding>),
}

/// Every check, by the first code it reports.
const CHECKS: &[Check] = &[
    Check { codes: &[codes::DUPLICATE_OBJECT], run: duplicates::check },
    Check { codes: &[codes::EXPIRED], run: exceptions::check },
    Check { codes: &[codes::NO_PURPOSE], run: access::purposes },
    Check { codes: &[codes::WILDCARD, codes::ESCALATING_VERB], run: access::rules },
    Check { codes: &[codes::GUARANTEE_NOT_VERIFIED], run: guarantees::check },
    Check { codes: &[codes::DYNAMIC_SCOPE_LABELS, codes::DYNAMIC_SCOPE_NO_RECONCILER], run: access::dynamic_scopes },
    Check { codes: &[codes::EXPIRY_NOT_ENFORCED], run: exceptions::not_enforced },
    Check { codes: &[codes::NO_POD_SECURITY], run: pod_security::check },
    Check { codes: &[codes::REDUNDANT_EDGE], run: network::redundancy::check },
    Check { codes: &[codes::OVERLAPPING_SELECTORS], run: selectors::overlaps },
    Check { codes: &[codes::EMPTY_SELECTOR], run: selectors::contradictions },
    Check { codes: &[codes::DNS_FORGOTTEN], run: network::dns::check },
    Check { codes: &[codes::IDENTITY_FIRST, codes::SECRETS_NOT_COVERED, codes::WEAK_PROVIDER], run: keys::check },
    Check { codes: &[codes::DEFAULT_BELOW_REQUEST, codes::DEFAULT_ABOVE_MAX], run: limits::check },
    Check { codes: &[codes::UNREACHABLE_AUDIT_RULE], run: audit::unreachable },
    Check { codes: &[codes::SECRET_BODIES_RECORDED], run: audit::secret_bodies },
    Check { codes: &[codes::WEAK_FLAG], run: control_plane::check },
];

/// Runs every check. `outline` is what the same program lowers to, by name; `as_of` is the day that end dates are held against.
///
/// Findings come ordered and each once; [`settle`] applies the program's `accept`s to these and to those of other phases.
#[must_use]
pub fn check(program: &Program, outline: &[OutlinedObject], as_of: Date) -> Vec<Finding> {
    let facts = Facts { program, outline, as_of };
    let mut findings = Vec::new();
    for check in CHECKS {
        let before = findings.len();
        (check.run)(&facts, &mut findings);
        debug_assert!(findings.iter().skip(before).all(|finding| check.codes.contains(&finding.code)));
    }
    findings.sort();
    findings.dedup();
    findings
}

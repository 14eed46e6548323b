//! What the model gets wrong: findings, a file a family.
//!
//! In: a program, the day. Out: findings of the families K0106, K0109, K0126 and K02xx to K08xx that the model shows, and
//! those of lowering (K0401, K0402, K0407). What a declaration shows by itself is told where it is read. Each check is one
//! row of [`CHECKS`] and takes time linear in what it reads.
//!
//! So that an edit checks again only what it can change, a row says whether its check needs to see other declarations.
//! [`alone`] runs those that do not, an item at a time; [`together`] runs the others, on items that share a key ([`Keys`]).

mod accept;
mod access;
mod admission;
mod audit;
mod control_plane;
mod duplicates;
mod exceptions;
mod groups;
mod keys;
mod limits;
mod network;
mod pod_security;
mod quantity;
mod report;
mod selectors;

use std::collections::BTreeMap;

use kspec_diagnostics::{Code, Finding, codes};
use kspec_lower::OutlinedObject;
use kspec_lower::admission::{Lowering, Sourced};
use kspec_model::program::{Date, View};
use kspec_schema::Schema;

pub use accept::settle;
pub use groups::{Keys, seen_alike};

/// What a check reads.
struct Facts<'a> {
    program: &'a View<'a>,
    /// What the program lowers to; nothing for a check that reads declarations alone.
    outline: &'a [OutlinedObject<'a>],
    as_of: Date,
    /// The target's kinds; none for a check that reads declarations alone.
    schema: Option<&'a Schema>,
    /// The rule table; none where nothing is bound, and for a check that reads declarations alone.
    sourced: Option<&'a Sourced<'a>>,
}

/// How much of a program a check must see at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// One declaration, whatever others say.
    Alone,
    /// Every declaration that shares a key with it.
    Together,
}
use Reads::{Alone, Together};

/// One check: the codes it reports, what it must see, and how.
struct Check {
    /// What it may report.
    codes: &'static [Code],
    reads: Reads,
    run: fn(&Facts<'_>, &mut Vec<Finding>),
}

/// Every check, by the first code it reports.
const CHECKS: &[Check] = &[
    Check { codes: &[codes::DUPLICATE_OBJECT], reads: Together, run: duplicates::check },
    Check { codes: &[codes::EXPIRED], reads: Alone, run: exceptions::check },
    Check { codes: &[codes::STAGE_OVER], reads: Alone, run: exceptions::stages },
    Check { codes: &[codes::NO_PURPOSE], reads: Alone, run: access::purposes },
    Check { codes: &[codes::WILDCARD, codes::ESCALATING_VERB], reads: Alone, run: access::rules },
    Check {
        codes: &[codes::DYNAMIC_SCOPE_LABELS, codes::DYNAMIC_SCOPE_NO_RECONCILER],
        reads: Alone,
        run: access::dynamic_scopes,
    },
    Check { codes: &[codes::EXPIRY_NOT_ENFORCED], reads: Alone, run: exceptions::not_enforced },
    Check { codes: &[codes::NO_POD_SECURITY], reads: Alone, run: pod_security::check },
    Check { codes: &[codes::REDUNDANT_EDGE], reads: Together, run: network::redundancy::check },
    Check { codes: &[codes::OVERLAPPING_SELECTORS], reads: Together, run: selectors::overlaps },
    Check { codes: &[codes::EMPTY_SELECTOR], reads: Alone, run: selectors::contradictions },
    Check { codes: &[codes::DNS_FORGOTTEN], reads: Together, run: network::dns::check },
    Check {
        codes: &[codes::IDENTITY_FIRST, codes::SECRETS_NOT_COVERED, codes::WEAK_PROVIDER],
        reads: Together,
        run: keys::check,
    },
    Check {
        codes: &[codes::DEFAULT_BELOW_REQUEST, codes::DEFAULT_ABOVE_MAX, codes::BAD_VALUE, codes::DUPLICATE_OBJECT],
        reads: Alone,
        run: limits::check,
    },
    Check { codes: &[codes::UNREACHABLE_AUDIT_RULE], reads: Together, run: audit::unreachable },
    Check { codes: &[codes::SECRET_BODIES_RECORDED], reads: Together, run: audit::secret_bodies },
    Check { codes: &[codes::WIDE_EXEMPTION, codes::EXEMPT_FROM_NOTHING], reads: Together, run: admission::exemptions },
    Check {
        codes: &[
            codes::REFUSES_EVERYTHING,
            codes::NEVER_FIRES,
            codes::IMPLIED_RULE,
            codes::ORDER_DEPENDENT,
            codes::MUTATION_REFUSED,
            codes::BLOCKS_RECOVERY,
            codes::ADMISSION_NOT_DECIDED,
            codes::NOT_IN_CEL,
            codes::UNTRUSTED_WEBHOOK,
        ],
        reads: Together,
        run: admission::proofs,
    },
    Check { codes: &[codes::WEAK_FLAG], reads: Together, run: control_plane::check },
];

/// What one item's declarations show without regard to others. `as_of` is the day that end dates are held against.
#[must_use]
pub fn alone(item: &View<'_>, as_of: Date) -> Vec<Finding> {
    run(Alone, &Facts { program: item, outline: &[], as_of, schema: None, sourced: None })
}

/// What declarations show beside each other, lowering included. `group` is a program, or the part of one that shares no
/// [`Keys`] with the rest; `lowering` is its rule table, where it binds rules or mutations. Dynamic scopes range over its own
/// namespaces.
#[must_use]
pub fn together(group: &View<'_>, as_of: Date, schema: &Schema, lowering: Option<&Lowering>) -> Vec<Finding> {
    let state = BTreeMap::new();
    let sourced = lowering.map(|lowering| Sourced::of(group, lowering));
    let (outline, mut findings) = kspec_lower::outline(group, &state, as_of, sourced.as_ref());
    findings.extend(kspec_lower::host_findings(group));
    findings.extend(run(
        Together,
        &Facts { program: group, outline: &outline, as_of, schema: Some(schema), sourced: sourced.as_ref() },
    ));
    findings
}

fn run(reads: Reads, facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in CHECKS.iter().filter(|check| check.reads == reads) {
        let before = findings.len();
        (check.run)(facts, &mut findings);
        debug_assert!(findings.iter().skip(before).all(|finding| check.codes.contains(&finding.code)));
    }
    findings
}

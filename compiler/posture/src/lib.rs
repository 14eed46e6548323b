//! What a whole cluster shows: a module a family.
//!
//! In: a [`Survey`], which is a cluster, the objects behind it, each with its place, and the program where there is one. Out:
//! findings. The cluster is what a program makes by itself, what a state is, or what the state becomes by the program: the
//! same questions are put to all of them. It is a step of its own, after a program is found free of errors, since each answer
//! may depend on any object.

mod absences;
mod access;
mod admission;
pub mod controls;
pub mod guarantees;
pub mod keys;
mod limits;
mod network;
mod survey;

use std::sync::atomic::{AtomicUsize, Ordering};

use kspec_diagnostics::{Code, Finding, codes};

pub use access::dynamic_grants;
pub use survey::{ControlPlane, Survey, SurveyBuilder, Surveyed, lifted};

/// One family of findings.
struct Family {
    /// What it may report.
    codes: &'static [Code],
    /// What a check of declarations may report as well.
    shared: &'static [Code],
    run: fn(&Survey<'_>, &mut Vec<Finding>),
}

/// Every family, by the first code it reports.
const FAMILIES: &[Family] = &[
    Family { codes: guarantees::CODES, shared: &[], run: guarantees::check },
    Family { codes: access::CODES, shared: access::SHARED, run: access::check },
    Family {
        codes: &[codes::KEY_IN_USE_REMOVED, codes::WRONG_KEY_LENGTH],
        shared: &[codes::IDENTITY_FIRST, codes::SECRETS_NOT_COVERED, codes::WEAK_PROVIDER],
        run: keys::check,
    },
    Family {
        codes: &[
            codes::UNSET_UNDER_QUOTA,
            codes::UNBOUNDED_NAMESPACE,
            codes::REQUEST_ABOVE_DEFAULT_LIMIT,
            codes::BEYOND_QUOTA,
            codes::QUOTA_WITHOUT_LIMITS,
        ],
        shared: &[codes::NO_POD_SECURITY],
        run: limits::check,
    },
    Family {
        codes: &[
            codes::ONE_SIDED_RULE,
            codes::SHADOWED_RULE,
            codes::SUPERFLUOUS_POLICY,
            codes::VACUOUS_POLICY,
            codes::NO_DEFAULT_DENY,
            codes::UNKNOWN_PORT_NAME,
            codes::AMBIGUOUS_PRIORITY,
        ],
        shared: &[codes::EMPTY_SELECTOR, codes::DNS_FORGOTTEN],
        run: network::check,
    },
    Family {
        codes: &[
            codes::IGNORED_GUARD,
            codes::SLOW_GUARD,
            codes::GUARD_OVER_RECOVERY,
            codes::GUARD_WITH_SIDE_EFFECTS,
            codes::GUARD_ON_READS,
            codes::ADMISSION_NEVER_ASKED,
        ],
        shared: &[],
        run: admission::check,
    },
    Family {
        codes: &[
            codes::NO_ADMISSION_RULES,
            codes::NOTHING_SCANS_IMAGES,
            codes::NO_AUDIT_POLICY,
            codes::NOTHING_WATCHES_RUN_TIME,
        ],
        shared: &[],
        run: absences::check,
    },
];

/// Everything that a cluster shows, family by family. The families share two threads: none depends on another.
#[must_use]
pub fn findings(survey: &Survey<'_>) -> Vec<Finding> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(family) = FAMILIES.get(at) else { return found };
            found.push((at, family.findings(survey)));
        }
    };
    let mut found = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut found = work();
        // Work that panics does so here too.
        found.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        found
    });
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().flat_map(|(_, findings)| findings).collect()
}

impl Family {
    fn findings(&self, survey: &Survey<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        (self.run)(survey, &mut findings);
        let may = |code| self.codes.contains(&code) || self.shared.contains(&code);
        debug_assert!(findings.iter().all(|finding| may(finding.code)));
        findings
    }
}

/// What [`findings`] leaves out, since it is about what comes with every cluster: its built-in roles, bindings and components.
#[must_use]
pub fn left_out(survey: &Survey<'_>) -> Vec<Finding> {
    access::left_out(survey)
}

/// Whether only [`findings`] can tell it: whoever has not asked does not know whether it occurs.
#[must_use]
pub fn tells(code: Code) -> bool {
    FAMILIES.iter().any(|family| family.codes.contains(&code))
}

//! Exceptions: K0109 past their end, K0206 whose end nothing in Kubernetes keeps; K0522, stages past theirs.

use kspec_diagnostics::{Finding, codes};
use kspec_model::program::{Exception, Origin};
use kspec_model::rules::Action;

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let grants = facts.program.grants.iter().copied().filter_map(|grant| {
        let what = format!("this grant of {}", report::role(&grant.role));
        Some((what, &grant.origin, grant.exception.as_ref()?, "`plan` leaves it out, and `apply` ends it"))
    });
    let accepts = facts.program.accepts.iter().map(|accept| {
        (format!("accepting {}", accept.code), &accept.origin, &accept.exception, "the finding is reported again")
    });
    let exemptions = facts.program.exemptions.iter().map(|exemption| {
        let rules: Vec<&str> = exemption.rules.iter().map(|(name, _)| name.as_str()).collect();
        let what = format!("this exemption from {}", rules.join(", "));
        (what, &exemption.origin, &exemption.exception, "`plan` leaves it out, and the rules hold again")
    });
    for (what, origin, exception, effect) in grants.chain(accepts).chain(exemptions) {
        if exception.until < facts.as_of {
            findings.push(expired(facts, &what, origin, exception, effect));
        }
    }
}

fn expired(facts: &Facts<'_>, what: &str, origin: &Origin, exception: &Exception, effect: &str) -> Finding {
    let Exception { reason, owner, until, until_at } = exception;
    let at = Origin { at: *until_at, uses: origin.uses.clone() };
    report::at(codes::EXPIRED, format!("{what} ended on {until}"), &at)
        .because(format!("today is {}", facts.as_of))
        .label(origin.at, "what ended")
        .help(format!("remove it ({effect}), or ask {owner} for a new date: it was made for \"{reason}\""))
}

pub(crate) fn not_enforced(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for grant in &facts.program.grants {
        let Some(exception) = &grant.exception else { continue };
        if exception.until < facts.as_of {
            continue;
        }
        findings.push(
            report::at(
                codes::EXPIRY_NOT_ENFORCED,
                format!(
                    "Kubernetes does not end this grant of {} on {}: RBAC has no expiry",
                    report::role(&grant.role),
                    exception.until
                ),
                &grant.origin,
            )
            .label(exception.until_at, "the last day")
            .help("the first `apply` after that day ends it: have one run every day"),
        );
    }
}

/// Stages of bindings that are over: what they say of themselves holds no more.
pub(crate) fn stages(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for bound in &facts.program.rules {
        let Some((until, then)) = bound.then.filter(|(until, _)| *until < facts.as_of) else { continue };
        let word = |action: Action| match action {
            Action::Deny => "enforce",
            Action::Warn => "warn",
            Action::Audit => "audit",
        };
        findings.push(
            report::at(
                codes::STAGE_OVER,
                format!(
                    "`{}` of `{}` ended on {until}: it is `{}` now",
                    word(bound.action),
                    bound.rule.name,
                    word(then)
                ),
                &bound.origin,
            )
            .because("a cluster where nothing was applied since keeps the stage before")
            .help(format!("write `{} {}`, without stages", word(then), bound.rule.name)),
        );
    }
}

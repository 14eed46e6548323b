//! Rules whose engine is not the one asked for, and a webhook that the API server cannot speak to.

use kspec_diagnostics::{Finding, codes};
use kspec_lower::admission::Sourced;
use kspec_model::program::{EngineChoice, Origin, WebhookAuthority};

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, lowered: &Sourced<'_>, findings: &mut Vec<Finding>) {
    let admission = &facts.program.project.admission;
    let rules = lowered.table.rules.iter().map(|bound| bound.rule.name.as_str());
    let names = rules.chain(lowered.table.mutations.iter().map(|bound| bound.mutation.name.as_str()));
    let origins = lowered.rules.iter().chain(&lowered.mutations).copied();
    let mut elsewhere = names
        .zip(origins)
        .zip(lowered.reasons.iter())
        .filter_map(|((name, origin), reason)| Some((name, origin, reason.as_deref()?)));
    if admission.engine == EngineChoice::Cel {
        findings.extend(elsewhere.map(not_in_cel));
    } else if admission.webhook.url.is_none()
        && admission.webhook.authority == WebhookAuthority::Unsaid
        && let Some((name, origin, reason)) = elsewhere.next()
    {
        findings.push(
            report::at(
                codes::UNTRUSTED_WEBHOOK,
                format!("`{name}` is decided by the webhook, whose certificate the API server has no reason to trust"),
                origin,
            )
            .because(format!(
                "{reason}; and what the webhook is asked about is refused while the API server cannot verify it, unless \
                 the binding says `failure_policy: ignore`"
            ))
            .help(
                "write `ca = \"FILE.pem\"`, or `cert_manager = \"NAMESPACE/CERTIFICATE\"`, into [admission.webhook] of \
                 kspec.toml: it becomes `caBundle`",
            ),
        );
    }
}

fn not_in_cel((name, origin, reason): (&str, &Origin, &str)) -> Finding {
    report::at(codes::NOT_IN_CEL, format!("the API server cannot decide `{name}`"), origin)
        .because(reason)
        .help("rewrite it without that, or take `engine = \"cel\"` out of kspec.toml and run the webhook")
}

//! Exemptions that exempt from nothing, or from more than they say.

use kspec_diagnostics::{Finding, codes};
use kspec_model::program::{AdmissionScope, Exempt, Exemption, RuleBinding};

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let current = |exemption: &&&Exemption| exemption.exception.until >= facts.as_of;
    let exemptions: Vec<&Exemption> = facts.program.exemptions.iter().filter(current).copied().collect();
    for exemption in &exemptions {
        for (name, declared) in &exemption.rules {
            let bound = facts.program.rules.iter().copied().filter(|bound| bound.declared == *declared);
            let there: Vec<&RuleBinding> = bound.filter(|bound| holds(&bound.scope, namespace(exemption))).collect();
            let what = described(exemption);
            if there.is_empty() {
                findings.push(
                    report::at(
                        codes::EXEMPT_FROM_NOTHING,
                        format!("{what} is exempt from `{name}`, which holds nowhere there"),
                        &exemption.origin,
                    )
                    .label(*declared, "the rule")
                    .help("remove the exemption, or bind the rule where the exemption is"),
                );
                continue;
            }
            for bound in there.iter().filter(|bound| leaves_nothing(exemption, &bound.scope)) {
                findings.push(
                    report::at(
                        codes::WIDE_EXEMPTION,
                        format!("with {what} exempt, `{name}` holds for nothing that this binds it to"),
                        &bound.origin,
                    )
                    .label(exemption.origin.at, "the exemption")
                    .help("exempt a workload, or a container of it; or remove the binding"),
                );
            }
            let wider = exemptions.iter().find(|other| {
                !std::ptr::eq(**other, *exemption)
                    && other.rules.iter().any(|(_, other)| other == declared)
                    && covers(other, exemption)
            });
            if let Some(wider) = wider {
                findings.push(
                    report::at(
                        codes::WIDE_EXEMPTION,
                        format!("{} is exempt from `{name}` too, {what} included", described(wider)),
                        &wider.origin,
                    )
                    .label(exemption.origin.at, "the narrower exemption")
                    .help("keep the narrower one: the wider lets everything else there pass too"),
                );
            }
        }
        if let Exempt::Workload { pods, name, .. } = &exemption.what
            && pods.is_empty()
        {
            findings.push(
                report::at(
                    codes::WIDE_EXEMPTION,
                    format!("the workload {name} selects every pod of its namespace, and all are exempt"),
                    &exemption.origin,
                )
                .help("give the workload labels that select its own pods"),
            );
        }
    }
}

fn namespace(exemption: &Exemption) -> &str {
    match &exemption.what {
        Exempt::Namespace(name)
        | Exempt::Workload { namespace: name, .. }
        | Exempt::ServiceAccount { namespace: name, .. } => name,
    }
}

fn described(exemption: &Exemption) -> String {
    let what = match &exemption.what {
        Exempt::Namespace(name) => format!("the namespace {name}"),
        Exempt::Workload { namespace, name, .. } => format!("the workload {namespace}/{name}"),
        Exempt::ServiceAccount { namespace, name } => format!("what runs as {namespace}/{name}"),
    };
    match &exemption.container {
        Some(container) => format!("the container {container} of {what}"),
        None => what,
    }
}

/// Whether a scope may have to do with a namespace. Of labels nothing is known here.
fn holds(scope: &AdmissionScope, namespace: &str) -> bool {
    match scope {
        AdmissionScope::Namespaces { names, .. } => names.contains(namespace),
        AdmissionScope::Cluster { .. } | AdmissionScope::Selected { .. } => true,
    }
}

fn leaves_nothing(exemption: &Exemption, scope: &AdmissionScope) -> bool {
    match (&exemption.what, scope) {
        (Exempt::Namespace(name), AdmissionScope::Namespaces { names, .. }) => {
            exemption.container.is_none() && names.iter().all(|bound| bound == name)
        }
        _ => false,
    }
}

/// Whether one exemption is for all that another is for.
fn covers(wide: &Exemption, narrow: &Exemption) -> bool {
    if wide.container.is_some() && wide.container != narrow.container {
        return false;
    }
    match (&wide.what, &narrow.what) {
        (Exempt::Namespace(name), Exempt::Workload { .. } | Exempt::ServiceAccount { .. }) => name == namespace(narrow),
        (wide_what, narrow_what) => wide_what == narrow_what && wide.container.is_none() && narrow.container.is_some(),
    }
}

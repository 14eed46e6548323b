//! Exemptions that exempt from nothing, or from more than they say.

use kspec_diagnostics::{Finding, Location, codes};
use kspec_model::program::{AdmissionScope, Date, Exempt, Exemption, RuleBinding, View};
use kspec_proofs::refused_in;
use kspec_schema::Schema;

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let current = |exemption: &&&Exemption| exemption.exception.until >= facts.as_of;
    let exemptions: Vec<&Exemption> = facts.program.exemptions.iter().filter(current).copied().collect();
    let bare = Bare::new(facts);
    for exemption in &exemptions {
        for (name, declared) in &exemption.rules {
            let bound = facts.program.rules.iter().copied().filter(|bound| bound.declared == *declared);
            let there: Vec<&RuleBinding> = bound.filter(|bound| holds(&bound.scope, namespace(exemption))).collect();
            let what = described(exemption);
            if there.is_empty() {
                let finding = report::at(
                    codes::EXEMPT_FROM_NOTHING,
                    format!("{what} is exempt from `{name}`, which holds nowhere there"),
                    &exemption.origin,
                )
                .label(*declared, "the rule")
                .help("remove the exemption, or bind the rule where the exemption is");
                let shows = format!("`{name}` would refuse it, and it passes, exempt or not");
                findings.push(bare.shown(finding, *declared, namespace(exemption), &shows));
                continue;
            }
            for bound in there.iter().filter(|bound| leaves_nothing(exemption, &bound.scope)) {
                let finding = report::at(
                    codes::WIDE_EXEMPTION,
                    format!("with {what} exempt, `{name}` holds for nothing that this binds it to"),
                    &bound.origin,
                )
                .label(exemption.origin.at, "the exemption")
                .help("exempt a workload, or a container of it; or remove the binding");
                let shows = format!("passes, though `{name}` is bound there to refuse it");
                findings.push(bare.shown(finding, *declared, namespace(exemption), &shows));
            }
            let wider = exemptions.iter().find(|other| {
                !std::ptr::eq(**other, *exemption)
                    && other.rules.iter().any(|(_, other)| other == declared)
                    && covers(other, exemption)
            });
            if let Some(wider) = wider {
                let finding = report::at(
                    codes::WIDE_EXEMPTION,
                    format!("{} is exempt from `{name}` too, {what} included", described(wider)),
                    &wider.origin,
                )
                .label(exemption.origin.at, "the narrower exemption")
                .help("keep the narrower one: the wider lets everything else there pass too");
                // A plain object is of no workload: it passes by the wider one alone, where that is for all of the namespace.
                findings.push(if matches!(wider.what, Exempt::Namespace(_)) && wider.container.is_none() {
                    let shows =
                        format!("passes by the wider exemption alone, though `{name}` is bound there to refuse it");
                    bare.shown(finding, *declared, namespace(wider), &shows)
                } else {
                    finding
                });
            }
        }
        if let Exempt::Workload { pods, name, .. } = &exemption.what
            && pods.is_empty()
        {
            let finding = report::at(
                codes::WIDE_EXEMPTION,
                format!("the workload {name} selects every pod of its namespace, and all are exempt"),
                &exemption.origin,
            )
            .help("give the workload labels that select its own pods");
            let rule = exemption.rules.first().filter(|_| exemption.container.is_none());
            findings.push(match rule {
                Some((rule, declared)) => {
                    let shows = format!("of no workload, and passes, though `{rule}` is bound there to refuse it");
                    bare.shown(finding, *declared, namespace(exemption), &shows)
                }
                None => finding,
            });
        }
    }
}

/// The program's rules as they are without any exemption.
struct Bare<'a> {
    view: View<'a>,
    schema: Option<&'a Schema>,
    as_of: Date,
}

impl<'a> Bare<'a> {
    fn new(facts: &Facts<'a>) -> Self {
        let view = View { exemptions: Vec::new(), ..facts.program.clone() };
        Self { view, schema: facts.schema, as_of: facts.as_of }
    }

    /// A finding with an object of a namespace that a rule refuses, where some binding of the rule shows one.
    fn shown(&self, finding: Finding, declared: Location, namespace: &str, says: &str) -> Finding {
        let Some(schema) = self.schema else { return finding };
        let mut bindings = self.view.rules.iter().filter(|bound| bound.declared == declared);
        let Some(binding) = bindings.next() else { return finding };
        let view = View { rules: vec![binding], mutations: Vec::new(), ..self.view.clone() };
        let sourced = kspec_lower::admission::sourced(&view, self.as_of);
        match refused_in(&sourced.table, 0, namespace, schema) {
            Some(object) => finding.witness(vec![format!("{says}: {object}")]),
            None => finding,
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

//! A request admitted, or not: mutations first, then every rule.

use kspec_model::rules::{Action, Operation};
use kspec_rules::{Decision, Engines, Fault, Outcome, Violation};
use kspec_schema::defaults;

use crate::given::{Others, Request};
use crate::{Bench, Said, Verdict};

pub(crate) fn admit(request: &Request, others: &Others, bench: Bench<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    let review = match request.review(None, others) {
        Ok(review) => review,
        Err(why) => {
            verdict.refusals.push(Said::of_server(why));
            return verdict;
        }
    };
    let mut object = review.object.cloned();
    if matches!(review.operation, Operation::Create | Operation::Update) {
        let mutated = bench.evaluator.mutate(&review, Engines::All, others);
        let table = bench.evaluator.table();
        let bound = |id: &str| table.mutations.iter().find(|bound| bound.id == id);
        verdict.mutated = mutated
            .changed
            .iter()
            .map(|id| bound(id).map_or_else(|| id.clone(), |bound| bound.mutation.name.clone()))
            .collect();
        verdict.warnings.extend(mutated.warnings.into_iter().map(Said::of_server));
        for failed in &mutated.faults {
            let said = Said {
                rule: bound(&failed.id).map_or_else(|| failed.id.clone(), |bound| bound.mutation.name.clone()),
                source: bound(&failed.id).map(|bound| bound.mutation.source.clone()).unwrap_or_default(),
                messages: vec![(not_decided(&failed.fault), None)],
                ..Said::of_server(String::new())
            };
            if failed.denies { &mut verdict.refusals } else { &mut verdict.warnings }.push(said);
        }
        let mut after = mutated.object;
        defaults::complete(&mut after);
        object = Some(after);
    }
    if let Ok(review) = request.review(object.as_ref(), others) {
        for outcome in bench.evaluator.judge(&review, Engines::All, others) {
            sort(&outcome, &mut verdict);
        }
    }
    verdict.object = object;
    verdict
}

/// Puts what a rule says where its binding has it go.
fn sort(outcome: &Outcome<'_>, verdict: &mut Verdict) {
    let said = |messages: Vec<(String, Option<String>)>| Said {
        rule: outcome.bound.rule.name.clone(),
        source: outcome.bound.rule.source.clone(),
        severity: outcome.bound.rule.severity,
        messages,
        help: outcome.bound.rule.help.clone(),
    };
    let enforced = outcome.bound.action == Action::Deny && !outcome.advisory;
    match &outcome.decision {
        Decision::Pass => {}
        Decision::Fault(fault) => {
            let said = said(vec![(not_decided(fault), None)]);
            if outcome.denies() { &mut verdict.refusals } else { &mut verdict.warnings }.push(said);
        }
        Decision::Violations(violations) => {
            let (warned, denied): (Vec<&Violation>, Vec<&Violation>) =
                violations.iter().partition(|violation| violation.warn);
            let messages = |violations: &[&Violation]| -> Vec<_> {
                violations.iter().map(|violation| (violation.message.clone(), violation.path.clone())).collect()
            };
            if outcome.bound.action == Action::Audit {
                verdict.audited.push(said(messages(&violations.iter().collect::<Vec<_>>())));
                return;
            }
            if !denied.is_empty() {
                let list = if enforced { &mut verdict.refusals } else { &mut verdict.warnings };
                list.push(said(messages(&denied)));
            }
            if !warned.is_empty() {
                verdict.warnings.push(said(messages(&warned)));
            }
        }
    }
}

fn not_decided(fault: &Fault) -> String {
    match fault {
        Fault::Failed { message, line: 0 } => format!("gave no verdict: {message}"),
        Fault::Failed { message, line } => format!("gave no verdict (line {line}): {message}"),
        Fault::NeedsCluster(lookup) => format!("needs the cluster's objects of the kind {}", lookup.kind),
    }
}

impl Said {
    /// Said by no rule.
    fn of_server(message: String) -> Self {
        Self {
            rule: String::new(),
            source: String::new(),
            severity: kspec_model::rules::Severity::Low,
            messages: vec![(message, None)],
            help: None,
        }
    }
}

//! Expectations, held against a verdict.

use std::collections::BTreeSet;

use kspec_diagnostics::{Location, Place};
use kspec_model::LabelSelector;
use kspec_model::program::{Expectation, Expected};
use kspec_model::rules::{
    Action, Body, BoundRule, Engine, Expr, FailurePolicy, Namespaces, Operation, Rule, Scope, Severity, Stmt, Table,
    Target, Verdict as Statement,
};
use kspec_rules::{Decision, Engines, Evaluator};

use crate::given::{Others, Request};
use crate::{Bench, Said, Status, Verdict};

pub(crate) fn check(
    expected: &Expected,
    verdict: &Verdict,
    request: &Request,
    others: &Others,
    bench: Bench<'_>,
) -> (Status, String) {
    let held = match &expected.what {
        Expectation::Allowed => verdict.allowed(),
        Expectation::Denied(rules) if expected.negated && !rules.is_empty() => {
            return of(rules.iter().all(|rule| !among(rule, &verdict.refusals, bench)), || refused(verdict));
        }
        Expectation::Warned(rules) if expected.negated && !rules.is_empty() => {
            return of(rules.iter().all(|rule| !among(rule, &verdict.warnings, bench)), || warned(verdict));
        }
        Expectation::Denied(rules) => {
            !verdict.allowed() && rules.iter().all(|rule| among(rule, &verdict.refusals, bench))
        }
        Expectation::Warned(rules) => {
            !verdict.warnings.is_empty() && rules.iter().all(|rule| among(rule, &verdict.warnings, bench))
        }
        Expectation::Holds(expr) => match holds(expr, verdict, request, others, bench) {
            Ok(held) => held,
            Err(why) => return (Status::Failed, why),
        },
        Expectation::Claim(_) => return claimed(expected, bench),
        Expectation::NotDecided(why) => return (Status::NotDecided, why.clone()),
    };
    of(held != expected.negated, || match &expected.what {
        Expectation::Allowed | Expectation::Denied(_) => refused(verdict),
        Expectation::Warned(_) => warned(verdict),
        Expectation::Holds(_) if expected.negated => "it holds".to_owned(),
        Expectation::Holds(_) => "it does not hold".to_owned(),
        Expectation::Claim(_) | Expectation::NotDecided(_) => String::new(),
    })
}

/// What became of a claim.
pub(crate) fn claimed(expected: &Expected, bench: Bench<'_>) -> (Status, String) {
    match bench.claims.iter().find(|judged| judged.expected == expected) {
        Some(judged) => (judged.status, judged.why.clone()),
        None => (Status::NotDecided, "nobody has looked at the whole program".to_owned()),
    }
}

fn of(held: bool, why: impl FnOnce() -> String) -> (Status, String) {
    if held { (Status::Passed, String::new()) } else { (Status::Failed, why()) }
}

fn refused(verdict: &Verdict) -> String {
    match names(&verdict.refusals) {
        names if names.is_empty() => "no rule refused it".to_owned(),
        names => format!("refused by {names}"),
    }
}

fn warned(verdict: &Verdict) -> String {
    match names(&verdict.warnings) {
        names if names.is_empty() => "no rule warned of it".to_owned(),
        names => format!("warned of by {names}"),
    }
}

fn names(said: &[Said]) -> String {
    let mut names: Vec<&str> = said.iter().map(|said| said.rule.as_str()).collect();
    names.dedup();
    names.join(", ")
}

/// Whether a declared rule is among those that speak. Rules of one name are told apart by where they stand.
fn among((name, declared): &(String, Location), said: &[Said], bench: Bench<'_>) -> bool {
    let source = bench.sources.position(&Place::Source(*declared)).map(|at| format!("{}:{}", at.path, at.line));
    let of_name: Vec<&Said> = said.iter().filter(|said| said.rule == *name).collect();
    let places: BTreeSet<&str> = of_name.iter().map(|said| said.source.as_str()).collect();
    match source {
        Some(source) if places.len() > 1 => places.contains(source.as_str()),
        _ => !of_name.is_empty(),
    }
}

/// Whether an expression holds of the object as mutations leave it: a rule that refuses where it does not.
fn holds(expr: &Expr, verdict: &Verdict, request: &Request, others: &Others, bench: Bench<'_>) -> Result<bool, String> {
    let review = request.review(verdict.object.as_ref(), others)?;
    let (group, version, resource, kind) = request.target.clone();
    let target = Target {
        group,
        version,
        resource,
        subresource: review.subresource.map(str::to_owned),
        kind,
        namespaced: request.namespaced,
        operations: BTreeSet::from([Operation::Create, Operation::Update, Operation::Delete, Operation::Connect]),
        template: Vec::new(),
        advisory: false,
        applies: None,
        body: 0,
    };
    let statement =
        Statement { warn: false, when: expr.clone().negated(), message: Expr::text("does not hold"), line: 0 };
    let rule = Rule {
        name: "expected".to_owned(),
        help: None,
        severity: Severity::Low,
        controls: Vec::new(),
        source: String::new(),
        targets: vec![target],
        bodies: vec![Body::Statements(vec![Stmt::Verdict(statement)])],
    };
    let bound = BoundRule {
        id: "expected".to_owned(),
        rule,
        action: Action::Deny,
        scope: Scope {
            namespaces: Namespaces::Selected { labels: LabelSelector::default(), except: BTreeSet::new() },
            cluster: true,
        },
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 1,
        engine: Engine::Webhook,
        exemptions: Vec::new(),
    };
    let table = Table { rules: vec![bound], mutations: Vec::new(), ..bench.evaluator.table().clone() };
    let evaluator = Evaluator::load(table).map_err(|error| error.to_string())?;
    match evaluator.judge(&review, Engines::All, others).first().map(|outcome| &outcome.decision) {
        Some(Decision::Pass) => Ok(true),
        Some(Decision::Violations(_)) => Ok(false),
        Some(Decision::Fault(_)) => Err("it has no value here".to_owned()),
        None => Err("nothing is asked of this kind of request".to_owned()),
    }
}

//! `kspec test`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kspec_compiler::Compiler;
use kspec_model::program::{Claim, Expectation, Expected, Guarantee, Test as Declared};
use kspec_posture::guarantees::{Outcome, judge};
use kspec_rego::Rego;
use kspec_rules::Evaluator;
use kspec_trial::{Bench, Judged, Status, TestReport};

use super::{check, project};
use crate::{
    args::{ReportFormat, Test},
    context::Context,
    exit::{Exit, Failure},
    render,
};

/// How long one rule in Rego may take.
const REGO: Duration = Duration::from_secs(1);

pub(super) fn run(args: &Test, context: &Context) -> Result<Exit, Failure> {
    let root = &args.project.project;
    let checked = match project::load_clean(root, &args.project.choice, context)? {
        Ok(checked) => checked,
        Err(exit) => return Ok(exit),
    };
    let compiler = &checked.project.compiler;
    let sources = compiler.sources();
    let program = compiler.program();
    let evaluator =
        Evaluator::load(compiler.table()).map_err(|error| Failure::new(Exit::Unknown, error.to_string()))?;
    let evaluator = evaluator.with_foreign(Arc::new(Rego::new(REGO)));
    let none = BTreeMap::new();
    let view = program.view();
    let namespaces = kspec_lower::known_namespaces(&view, &none);
    let wanted = |test: &&Declared| args.filter.as_ref().is_none_or(|part| test.name.contains(part));
    let wanted: Vec<&Declared> = program.tests.iter().filter(wanted).collect();
    let claims = judged(compiler, &wanted);
    let schema = &compiler.facts().schema;
    let bench = Bench { evaluator: &evaluator, schema, namespaces: &namespaces, sources, claims: &claims };
    let ran = kspec_trial::run(wanted, bench);
    if ran.is_empty() && args.filter.is_some() && !program.tests.is_empty() {
        return Err(Failure::new(Exit::Usage, "no test has that in its name")
            .help("`kspec test` alone runs every test of the project"));
    }
    let report = TestReport::new(&ran, sources);
    context.answer(&match args.output {
        ReportFormat::Human => render::trial::human(&ran, &report, sources, context),
        ReportFormat::Json => check::json(&report),
    });
    Ok(if ran.iter().any(|test| test.status() == Status::Failed) { Exit::No } else { Exit::Done })
}

/// Judges the claims of tests as if each were a guarantee of the program.
fn judged<'p>(compiler: &Compiler, tests: &[&'p Declared]) -> Vec<Judged<'p>> {
    let mut expected: Vec<&Expected> = Vec::new();
    let mut guarantees = Vec::new();
    for test in tests {
        for one in &test.expect {
            let Expectation::Claim(claim) = &one.what else { continue };
            let always = !one.negated && holds_of_each(claim);
            let (claim, origin) = (claim.clone(), test.origin.clone());
            guarantees.push(Guarantee { text: String::new(), always, claim, origin });
            expected.push(one);
        }
    }
    if guarantees.is_empty() {
        return Vec::new();
    }
    let mut program = compiler.program().clone();
    program.guarantees = guarantees;
    let survey = compiler.survey().declared(program.view(), compiler.facts().as_of);
    let verdicts = judge(&survey).into_iter();
    let with_expected = verdicts.zip(expected);
    let judged = with_expected.map(|(verdict, expected)| {
        let some = !expected.negated && !verdict.guarantee.always;
        let (status, why) = match verdict.outcome {
            Outcome::NotDecided(why) => (Status::NotDecided, why),
            Outcome::Holds if some => (Status::Failed, "there is none".to_owned()),
            Outcome::Violated(_) if some => (Status::Passed, String::new()),
            Outcome::Holds => (Status::Passed, String::new()),
            Outcome::Violated(violation) => {
                let shown = violation.witness.join("; ");
                (Status::Failed, if shown.is_empty() { violation.message } else { shown })
            }
        };
        Judged { expected, status, why }
    });
    judged.collect()
}

/// Whether a claim that is not negated promises each of what it names. Of chains, and of two roles in one hand, it says that there is one.
const fn holds_of_each(claim: &Claim) -> bool {
    match claim {
        Claim::Can(can) => !can.by_any_path,
        Claim::Reaches(reaches) => !reaches.through_any_path,
        Claim::Audited(_) => true,
        Claim::Both { .. } => false,
    }
}

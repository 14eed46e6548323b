//! `kspec test`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kspec_compiler::worst;
use kspec_diagnostics::Severity;
use kspec_rego::Rego;
use kspec_rules::Evaluator;
use kspec_trial::{Bench, Status, TestReport};

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
    let checked = project::load(root, &args.project.choice, context)?;
    let compiler = &checked.project.compiler;
    let sources = compiler.sources();
    if worst(&checked.findings) == Some(Severity::Error) {
        let text = render::findings::human(&checked.findings, sources, root, Severity::Error, context.color_errors);
        context.note_always(&text);
        return Ok(Exit::No);
    }
    project::lock(&checked.project, &args.project.choice, context)?;
    let program = compiler.program();
    let evaluator =
        Evaluator::load(compiler.table()).map_err(|error| Failure::new(Exit::Unknown, error.to_string()))?;
    let evaluator = evaluator.with_foreign(Arc::new(Rego::new(REGO)));
    let none = BTreeMap::new();
    let view = program.view();
    let namespaces = kspec_lower::known_namespaces(&view, &none);
    let bench = Bench { evaluator: &evaluator, schema: &compiler.facts().schema, namespaces: &namespaces, sources };
    let wanted = program.tests.iter().filter(|test| args.filter.as_ref().is_none_or(|part| test.name.contains(part)));
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

//! `kspec check`.

use std::{mem::ManuallyDrop, path::Path};

use kspec_compiler::{CheckDocument, Compiler, worst};
use kspec_diagnostics::{Finding, Severity, SourceMap};
use kspec_state::{Part, State};

use super::{model, plan, project, state};
use crate::{
    args::{Check, FindingFormat},
    context::Context,
    exit::{Exit, Failure},
    render,
};

pub(super) fn run(args: &Check, context: &Context) -> Result<Exit, Failure> {
    let root = &args.project.project;
    if let Some(wanted) = &args.state.state
        && root == Path::new(".")
        && !root.join("kspec.toml").exists()
    {
        return state_alone(wanted, args, context);
    }
    let mut left_out = Vec::new();
    let checked = project::load_with(root, &args.project.choice, context, |compiler| match &args.state.state {
        // The process ends soon, and need not take the cluster apart before.
        None => Ok(std::mem::take(&mut ManuallyDrop::new(compiler.prove()).findings)),
        Some(wanted) => compiler.check_with(|compiler| {
            let state = read(wanted, args, compiler, context)?;
            let (findings, others) = plan::findings_after(compiler, &state);
            left_out = others;
            Ok(findings)
        }),
    })?;
    let compiler = &checked.project.compiler;
    tell((&checked.findings, &left_out), compiler.sources(), args, context, || webhook_rules(compiler));
    if worst(&checked.findings) == Some(Severity::Error) {
        return Ok(Exit::No);
    }
    project::lock(&checked.project, &args.project.choice, context)?;
    Ok(Exit::Done)
}

/// What a state shows by itself, whoever wrote it.
fn state_alone(wanted: &str, args: &Check, context: &Context) -> Result<Exit, Failure> {
    let choice = &args.project.choice;
    if choice.env.is_some() || choice.as_of.is_some() || choice.update_lock {
        return Err(Failure::new(Exit::Usage, "--env, --as-of and --update-lock go with a project")
            .help("drop them, or name the project's folder"));
    }
    let (state, schema) = model::read_alone(wanted, args.state.context.as_deref(), Part::Whole, context)?;
    let survey = kspec_plan::of_state(&state, &schema);
    let (findings, left_out) = (kspec_posture::findings(&survey), kspec_posture::left_out(&survey));
    tell((&findings, &left_out), &SourceMap::default(), args, context, String::new);
    Ok(if worst(&findings) == Some(Severity::Error) { Exit::No } else { Exit::Done })
}

fn read(wanted: &str, args: &Check, compiler: &Compiler, context: &Context) -> Result<State, Failure> {
    let facts = compiler.facts();
    let environment = facts.environment.as_ref().and_then(|name| facts.config.environments.get(name));
    let kube = state::Kube {
        context: args.state.context.as_deref(),
        expected: environment.and_then(|environment| environment.context.as_deref()),
    };
    state::read(wanted, kube, &facts.schema, Path::new(""), context)
}

/// `left_out` is about what comes with every cluster: counted, and with `-v` listed, each in a line.
fn tell(
    (findings, left_out): (&[Finding], &[Finding]),
    sources: &SourceMap,
    args: &Check,
    context: &Context,
    more: impl FnOnce() -> String,
) {
    let document = CheckDocument::new(findings, sources);
    let text = match args.output {
        FindingFormat::Human => {
            let mut text =
                render::findings::human(findings, sources, &args.project.project, context.least, context.color);
            if text.is_empty() {
                text.push_str("no findings\n");
            }
            if !left_out.is_empty() {
                let listed = if context.verbose { ":" } else { " (-v shows them)" };
                let number = left_out.len();
                let s = if number == 1 { "" } else { "s" };
                text.push_str(&format!(
                    "{number} finding{s} about Kubernetes' own roles and components left out{listed}\n"
                ));
            }
            if context.verbose {
                text.extend(left_out.iter().map(|finding| format!("  {}: {}\n", finding.code, finding.message)));
                text.push_str(&more());
            }
            text
        }
        FindingFormat::Json => json(&document),
        FindingFormat::Sarif => json(&render::sarif::log(&document)),
        FindingFormat::Github => render::github::annotations(&document),
    };
    context.answer(&text);
}

/// A line for each rule and mutation that the API server cannot decide itself, and why.
fn webhook_rules(compiler: &Compiler) -> String {
    let placements = kspec_lower::placements(compiler.program(), compiler.facts().as_of);
    let mut text = String::new();
    for placement in placements {
        let Some(reason) = placement.reason else { continue };
        let at = compiler.sources().position(&placement.origin.at.into());
        let at = at.map(|at| format!(" ({}:{})", at.path, at.line)).unwrap_or_default();
        text.push_str(&format!("{}{at} is decided by the webhook: {reason}\n", placement.name));
    }
    text
}

/// A document as text.
pub(super) fn json(document: &impl serde::Serialize) -> String {
    // Our documents have string keys and no floats that JSON lacks, so this cannot fail.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

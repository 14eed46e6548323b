//! Loading and checking a project, as most commands begin.

use std::{mem::ManuallyDrop, path::Path};

use kspec_compiler::{Compiler, stops};
use kspec_diagnostics::{Finding, Severity, SourceMap, codes};
use kspec_model::program::Date;
use kspec_project::{Choice, LoadError, Project};

use crate::{
    args::ChoiceArgs,
    context::Context,
    exit::{Exit, Failure},
    render,
};

/// A checked project.
pub(super) struct Checked {
    /// Never taken apart: the process ends with the command, and freeing a large project a node at a time would take a
    /// good part of the time that checking it does.
    pub(super) project: ManuallyDrop<Project>,
    /// Every finding, files' and program's, in order of place.
    pub(super) findings: Vec<Finding>,
}

/// What the person chose, the date read.
pub(super) fn choice(args: &ChoiceArgs) -> Result<Choice, Failure> {
    let as_of = match &args.as_of {
        Some(text) => parse_date(text).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("--as-of {text} is no date"))
                .help("write it as YYYY-MM-DD, such as 2027-01-31")
        })?,
        None => today(),
    };
    Ok(Choice { environment: args.env.clone(), as_of, update_lock: args.update_lock })
}

/// Loads and checks. Findings of `kspec.toml` itself are printed here, since there is no project to print them with.
pub(super) fn load(root: &Path, args: &ChoiceArgs, context: &Context) -> Result<Checked, Failure> {
    load_with(root, args, context, |compiler| Ok(compiler.check()))
}

/// As [`load`], checked in another way.
pub(super) fn load_with(
    root: &Path,
    args: &ChoiceArgs,
    context: &Context,
    check: impl FnOnce(&mut Compiler) -> Result<Vec<Finding>, Failure>,
) -> Result<Checked, Failure> {
    let choice = choice(args)?;
    let mut project = kspec_project::load(root, &choice).map_err(|error| failure(error, root, context))?;
    let mut findings = std::mem::take(&mut project.findings);
    findings.extend(check(&mut project.compiler)?);
    Ok(Checked { project: ManuallyDrop::new(project), findings })
}

/// As [`load`], for commands that go on only without errors: those are printed, and the command ends with 1. What is past
/// its end date is told, and the command goes on without it.
pub(super) fn load_clean(root: &Path, args: &ChoiceArgs, context: &Context) -> Result<Result<Checked, Exit>, Failure> {
    clean(load(root, args, context)?, root, args, context)
}

/// As [`load_clean`], of a project that is to be proved too where it promises something: nothing is made of promises that do
/// not hold.
pub(super) fn load_proved(root: &Path, args: &ChoiceArgs, context: &Context) -> Result<Result<Checked, Exit>, Failure> {
    let checked = load_with(root, args, context, |compiler| {
        let findings = compiler.check();
        if compiler.program().guarantees.is_empty() {
            return Ok(findings);
        }
        Ok(std::mem::take(&mut ManuallyDrop::new(compiler.prove()).findings))
    })?;
    clean(checked, root, args, context)
}

fn clean(
    checked: Checked,
    root: &Path,
    args: &ChoiceArgs,
    context: &Context,
) -> Result<Result<Checked, Exit>, Failure> {
    let stopped = checked.findings.iter().any(stops);
    let told: Vec<Finding> =
        checked.findings.iter().filter(|it| stopped || it.code == codes::EXPIRED).cloned().collect();
    let sources = checked.project.compiler.sources();
    if !told.is_empty() {
        context.note_always(&render::findings::human(&told, sources, root, context.least, context.color_errors));
    }
    if stopped {
        return Ok(Err(Exit::No));
    }
    lock(&checked.project, args, context)?;
    Ok(Ok(checked))
}

/// Writes the lock where there is none, where it lacks what the project has begun to draw on, or on request. Pins that
/// differ are findings, and end the command before.
pub(super) fn lock(project: &Project, args: &ChoiceArgs, context: &Context) -> Result<(), Failure> {
    if project.is_locked {
        return Ok(());
    }
    match project.write_lock() {
        Ok(()) => Ok(()),
        // A read-only checkout can be planned; it just cannot pin.
        Err(error) if !args.update_lock => {
            context.note(&format!("note: kspec.lock cannot be written ({error}); nothing is pinned"));
            Ok(())
        }
        Err(error) => Err(Failure::io(&project.root.join("kspec.lock"), &error)),
    }
}

/// A load error as the command's end.
pub(super) fn failure(error: LoadError, root: &Path, context: &Context) -> Failure {
    match error {
        LoadError::Unreadable(message) => Failure::new(Exit::Unknown, message),
        LoadError::Usage(message) => Failure::new(Exit::Usage, message),
        LoadError::Findings(findings) => {
            let text = render::findings::human(
                &findings,
                &SourceMap::default(),
                root,
                Severity::Information,
                context.color_errors,
            );
            context.note_always(&text);
            Failure::new(Exit::No, "kspec.toml cannot be used")
        }
    }
}

fn parse_date(text: &str) -> Option<Date> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    time::Date::parse(text, &format).ok().map(date)
}

/// Today, UTC. The only clock in kspec's answers: everything below takes the day as an input.
fn today() -> Date {
    date(time::OffsetDateTime::now_utc().date())
}

fn date(day: time::Date) -> Date {
    Date { year: day.year(), month: day.month().into(), day: day.day() }
}

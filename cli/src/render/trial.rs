//! What became of a project's tests, for people.

use std::fmt::Write as _;

use kspec_diagnostics::{Place, SourceMap};
use kspec_trial::{Check, Ran, Said, Status, TestReport, Verdict};

use crate::context::Context;

/// Each test, what failed with its source, and a closing count.
pub(crate) fn human(ran: &[Ran<'_>], report: &TestReport, sources: &SourceMap, context: &Context) -> String {
    let mut out = String::new();
    for (test, shown) in ran.iter().zip(&report.tests) {
        let status = test.status();
        if status == Status::Passed && context.quiet {
            continue;
        }
        let word = match status {
            Status::Passed => paint("ok", "32", context.color),
            Status::Failed => paint("FAILED", "1;31", context.color),
            Status::NotDecided => paint("not decided", "33", context.color),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{word}  {} ({}:{})", shown.name, shown.file, shown.line);
        for (check, words) in test.checks.iter().zip(&shown.expectations) {
            if check.status != Status::Passed {
                one(check, &words.expected, sources, &mut out);
            }
        }
        let explain = context.verbose || test.checks.iter().any(|check| check.status == Status::Failed);
        if let Some(verdict) = test.verdict.as_ref().filter(|_| explain) {
            verdict_of(verdict, &mut out);
        }
    }
    let summary = report.summary;
    let mut parts = vec![format!("{} passed", summary.passed), format!("{} failed", summary.failed)];
    if summary.not_decided > 0 {
        parts.push(format!("{} not decided", summary.not_decided));
    }
    let _ = writeln!(out, "{}", parts.join(", "));
    out
}

fn one(check: &Check<'_>, expected: &str, sources: &SourceMap, out: &mut String) {
    let word = if check.status == Status::Failed { "expected" } else { "not decided" };
    let at = sources.position(&Place::Source(check.expected.at));
    let place = at.as_ref().map(|at| format!("{}:{}:{}: ", at.path, at.line, at.column)).unwrap_or_default();
    let _ = writeln!(out, "  {place}{word}: {expected}");
    if check.status == Status::Failed {
        let _ = writeln!(out, "    happened: {}", check.why);
    } else if !check.why.is_empty() {
        let _ = writeln!(out, "    {}", check.why);
    }
}

fn verdict_of(verdict: &Verdict, out: &mut String) {
    if !verdict.mutated.is_empty() {
        let _ = writeln!(out, "    changed by {}", verdict.mutated.join(", "));
    }
    for (word, list) in [("refused", &verdict.refusals), ("warned", &verdict.warnings), ("audited", &verdict.audited)] {
        for said in list {
            said_by(word, said, out);
        }
    }
}

fn said_by(word: &str, said: &Said, out: &mut String) {
    for (message, path) in &said.messages {
        let by = if said.rule.is_empty() { String::new() } else { format!("{}: ", said.rule) };
        let path = path.as_ref().map(|path| format!(" [{path}]")).unwrap_or_default();
        let _ = writeln!(out, "    {word}: {by}{message}{path}");
    }
    if let Some(help) = &said.help {
        let _ = writeln!(out, "      help: {}", help.replace('\n', " "));
    }
}

fn paint(word: &str, code: &str, color: bool) -> String {
    if color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
}

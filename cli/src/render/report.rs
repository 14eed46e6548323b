//! What became of an apply, for people.

use std::fmt::Write as _;

use kspec_apply::{Effect, ObjectResult, Outcome, Report};

/// One object.
pub(crate) fn one(result: &ObjectResult) -> String {
    let word = match &result.outcome {
        Outcome::Created => "created".to_owned(),
        Outcome::Updated => "updated".to_owned(),
        Outcome::Adopted => "adopted".to_owned(),
        Outcome::Replaced => "replaced".to_owned(),
        Outcome::Unchanged => "unchanged".to_owned(),
        Outcome::Deleted => "deleted".to_owned(),
        Outcome::Released { because } => format!("released: {because}"),
        Outcome::Failed { failure } => format!("failed: {failure}"),
        Outcome::HeldBack { because } => format!("held back: {because}"),
        Outcome::NotTried { because } => format!("not tried: {because}"),
    };
    format!("{}: {word}", result.object)
}

/// Counts, what is not in force yet, what failed and what was not tried.
pub(crate) fn summary(report: &Report) -> String {
    let mut out = String::new();
    let count = |is: &dyn Fn(&Outcome) -> bool| report.results.iter().filter(|result| is(&result.outcome)).count();
    let parts: Vec<String> = [
        (count(&|outcome| *outcome == Outcome::Created), "created"),
        (count(&|outcome| *outcome == Outcome::Updated), "updated"),
        (count(&|outcome| *outcome == Outcome::Adopted), "adopted"),
        (count(&|outcome| *outcome == Outcome::Replaced), "replaced"),
        (count(&|outcome| *outcome == Outcome::Deleted), "deleted"),
        (count(&|outcome| matches!(outcome, Outcome::Released { .. })), "released"),
        (count(&|outcome| *outcome == Outcome::Unchanged), "unchanged"),
        (count(&|outcome| matches!(outcome, Outcome::Failed { .. })), "failed"),
        (count(&|outcome| matches!(outcome, Outcome::HeldBack { .. })), "held back"),
        (count(&|outcome| matches!(outcome, Outcome::NotTried { .. })), "not tried"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "Applied: {}", parts.join(", "));
    let silent = report.results.iter().filter(|result| result.effect == Some(Effect::NotObservable)).count();
    if silent > 0 {
        let _ =
            writeln!(out, "{silent} of them take effect where the API does not show it (network policies, for one)");
    }
    for result in &report.results {
        if let Some(Effect::NotYet { what }) = &result.effect {
            let _ = writeln!(out, "  not in force yet: {}: {what}", result.object);
        }
        for warning in &result.warnings {
            let _ = writeln!(out, "  the server warns of {}: {warning}", result.object);
        }
        for url in &result.unchecked {
            let _ = writeln!(
                out,
                "  {} is in force; whether anybody answers at {url} was not checked, and while nobody does, what it covers is refused",
                result.object
            );
        }
        if !result.outcome.is_done() {
            let _ = writeln!(out, "  {}", one(result));
        }
    }
    if let Some(stopped) = &report.stopped {
        let _ = writeln!(out, "stopped: {stopped}");
    }
    if let Some(failure) = &report.inventory {
        let _ = writeln!(out, "the inventory could not be brought up to date: {failure}");
    }
    if report.exit_code() != 0 {
        let _ = writeln!(out, "a second run goes on where this one ended");
    }
    out
}

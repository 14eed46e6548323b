//! Verdicts on manifests, for people and as JSON.

use std::fmt::Write as _;

use kspec_vet::{Verdict, Violation};

use crate::context::Context;

/// How many of each there were.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) admitted: usize,
    pub(crate) refused: usize,
    pub(crate) warned: usize,
    pub(crate) undecided: usize,
}

impl Tally {
    pub(crate) fn count(&mut self, verdict: &Verdict) {
        let place = if verdict.allowed { &mut self.admitted } else { &mut self.refused };
        *place += 1;
        self.warned += usize::from(!verdict.warnings.is_empty());
        self.undecided += usize::from(!verdict.needs_cluster.is_empty());
    }

    /// The last line.
    pub(crate) fn summary(&self, context: &Context, out: &mut String) {
        if context.quiet && self.refused == 0 {
            return;
        }
        let all = self.admitted + self.refused;
        let noun = if all == 1 { "object" } else { "objects" };
        let _ = write!(out, "{all} {noun}: {} admitted, {} refused", self.admitted, self.refused);
        if self.warned > 0 {
            let _ = write!(out, "; {} with warnings", self.warned);
        }
        if self.undecided > 0 {
            let _ = write!(out, "; {} not decided without the cluster", self.undecided);
        }
        out.push('\n');
    }
}

/// One document a line.
pub(crate) fn json(verdict: &Verdict, out: &mut String) {
    // String keys and no floats: this cannot fail.
    out.push_str(&serde_json::to_string(verdict).unwrap_or_default());
    out.push('\n');
}

/// What is refused, warned about, or not decided; with `-v`, what is admitted too.
pub(crate) fn human(verdict: &Verdict, context: &Context, out: &mut String) {
    let silent = verdict.allowed
        && (context.quiet
            || verdict.warnings.is_empty() && verdict.needs_cluster.is_empty() && verdict.notes.is_empty());
    if silent && !context.verbose {
        return;
    }
    let (word, color) = if verdict.allowed { ("admitted", "32") } else { ("refused", "31") };
    let place = match &verdict.namespace {
        Some(namespace) => format!("{namespace}/{}", verdict.name),
        None => verdict.name.clone(),
    };
    let word = painted(word, color, context);
    let _ = writeln!(out, "{}:{}: {} {place}: {word}", verdict.file, verdict.line, verdict.kind);
    for violation in &verdict.violations {
        line(violation, "", out);
    }
    if !context.quiet {
        for violation in &verdict.warnings {
            line(violation, "warning: ", out);
        }
        for needs in &verdict.needs_cluster {
            let _ = writeln!(out, "  needs cluster: {needs}");
        }
        for note in &verdict.notes {
            let _ = writeln!(out, "  note: {note}");
        }
    }
}

fn line(violation: &Violation, what: &str, out: &mut String) {
    let by = match (&violation.control, &violation.rule) {
        (Some(control), _) => format!("{control}: "),
        (None, Some(rule)) => format!("{rule} ({}): ", violation.severity.as_str()),
        (None, None) if violation.source.starts_with("LimitRange ") => format!("{}: ", violation.source),
        (None, None) => String::new(),
    };
    let _ = write!(out, "  {what}{by}{}", violation.message);
    if let Some(path) = &violation.path {
        let _ = write!(out, "\n    at {path}");
    }
    out.push('\n');
}

fn painted(word: &str, color: &str, context: &Context) -> String {
    if context.color { format!("\u{1b}[1;{color}m{word}\u{1b}[0m") } else { word.to_owned() }
}

//! Findings as GitHub workflow commands, which annotate a pull request.

use std::fmt::Write as _;

use kspec_compiler::CheckDocument;
use kspec_diagnostics::Severity;

/// One `::error file=…::` line a finding.
pub(crate) fn annotations(document: &CheckDocument) -> String {
    let mut out = String::new();
    for finding in &document.findings {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "notice",
        };
        let place = finding.labels.first().filter(|label| label.line > 0).map_or_else(String::new, |label| {
            format!(
                " file={},line={},col={},endLine={},endColumn={},title={}",
                property(&label.file),
                label.line,
                label.column,
                label.end_line,
                label.end_column,
                property(&finding.code)
            )
        });
        let mut message = finding.message.clone();
        if let Some(help) = &finding.help {
            message = format!("{message}\nhelp: {help}");
        }
        // Writing to a string cannot fail.
        let _ = writeln!(out, "::{level}{place}::{}", data(&format!("{} ({})", message, finding.code)));
    }
    out
}

/// Escapes a message as the runner's toolkit does (`actions/toolkit`, `command.ts`).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

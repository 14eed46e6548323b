//! What programs made by hand are told, family by family.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic as tests may")]

#[path = "../../../lower/tests/lowering/fixture.rs"]
#[allow(dead_code, reason = "what lowering's own tests make programs with; not all of it is needed here")]
mod fixture;

mod accept;
mod access;
mod control_plane;
mod exceptions;
mod networks;
mod objects;
mod speed;

use std::{collections::BTreeMap, fmt::Write};

use kspec_checks::{alone, together};
use kspec_diagnostics::{Finding, Severity};
use kspec_model::program::Program;
use kspec_schema::{KubeVersion, Schema};

/// Findings of the checks, without those that merely inform unless one asks for them.
fn told(program: &Program, least: Severity) -> String {
    let findings = checked(program);
    render(findings.iter().filter(|finding| finding.severity >= least))
}

fn checked(program: &Program) -> Vec<Finding> {
    let view = program.view();
    let mut findings = alone(&view, fixture::TODAY);
    // Lowering's own tests are about what lowering finds.
    let (_, lowering) = kspec_lower::outline(&view, &BTreeMap::new(), fixture::TODAY, None);
    let host = kspec_lower::host_findings(&view);
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let table = kspec_lower::admission::lowering(&view, fixture::TODAY);
    let beside = together(&view, fixture::TODAY, &schema, Some(&table)).into_iter();
    findings.extend(beside.filter(|finding| !lowering.contains(finding) && !host.contains(finding)));
    findings.sort();
    findings.dedup();
    findings
}

fn warned(program: &Program) -> String {
    told(program, Severity::Warning)
}

fn render<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let mut text = String::new();
    for finding in findings {
        writeln!(text, "{} {:?}: {}", finding.code, finding.severity, finding.message).unwrap();
        for label in finding.labels.iter().filter(|label| !label.text.is_empty()) {
            writeln!(text, "  at: {}", label.text).unwrap();
        }
        for step in finding.witness.iter().flat_map(|witness| &witness.steps) {
            writeln!(text, "  witness: {step}").unwrap();
        }
        for fix in &finding.fixes {
            let texts: Vec<&str> = fix.edits.iter().map(|edit| edit.text.as_str()).collect();
            writeln!(text, "  fix: {} {texts:?}", fix.title).unwrap();
        }
        writeln!(text, "  help: {}", finding.help.as_deref().unwrap()).unwrap();
    }
    text
}

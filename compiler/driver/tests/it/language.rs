//! The language reference's example, a whole project with its manifests and a pinned date.

use kspec_compiler::{Compiler, ManifestDoc};
use kspec_diagnostics::{Finding, Severity, codes};

use crate::support::{config, facts, show};

const PROJECT: &str = include_str!("../../../specs/language/project/kspec.toml");
const SOURCE: &str = include_str!("../../../specs/language/project/main.kspec");
const MANIFESTS: &str = include_str!("../../../specs/language/project/manifests/payments.yaml");

fn manifests() -> Vec<ManifestDoc> {
    MANIFESTS
        .split("---\n")
        .map(|text| ManifestDoc {
            value: serde_saphyr::from_str(text).expect("YAML"),
            file: "manifests/payments.yaml".into(),
            line: 1,
        })
        .collect()
}

#[test]
fn the_example_is_free_of_errors_and_warnings() {
    let mut compiler = Compiler::new(facts(config(PROJECT), Some("prod"), manifests()));
    compiler.set_source("main.kspec", SOURCE);
    let findings = compiler.prove().findings;
    let undecided = |finding: &Finding| finding.code == codes::GUARANTEE_NOT_DECIDED;
    let bad = |finding: &Finding| finding.severity > Severity::Information || undecided(finding);
    let bad: Vec<_> = findings.into_iter().filter(bad).collect();
    assert!(bad.is_empty(), "{}", show(&bad, compiler.sources()));
}

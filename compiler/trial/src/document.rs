//! `test -o json`: what became of each test. Its form is a contract; additions only.

use kspec_diagnostics::{Location, Place, Position, SourceMap};
use kspec_model::program::{Expectation, Expected};
use kspec_model::rules::Severity;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Ran, Said, Status, Verdict};

/// The form of [`TestReport`].
const FORMAT_VERSION: u32 = 1;

/// What `test -o json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TestReport {
    /// Form of this document.
    pub format_version: u32,
    /// In source order.
    pub tests: Vec<TestDocument>,
    /// How many came out how.
    pub summary: Summary,
}

/// How many tests came out how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Summary {
    /// As expected.
    pub passed: usize,
    /// Otherwise than expected.
    pub failed: usize,
    /// About what nothing here can say.
    pub not_decided: usize,
}

/// A test.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TestDocument {
    /// Its name.
    pub name: String,
    /// Path of its module.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// `passed`, `failed`, `not_decided`: the worst of its expectations.
    #[schemars(extend("enum" = ["passed", "failed", "not_decided"]))]
    pub status: String,
    /// What it expects, in order.
    pub expectations: Vec<ExpectationDocument>,
    /// What became of what it asks; absent where it asks nothing.
    pub verdict: Option<VerdictDocument>,
}

/// An expectation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExpectationDocument {
    /// `denied by no_latest_tag`.
    pub expected: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
    /// `passed`, `failed`, `not_decided`.
    #[schemars(extend("enum" = ["passed", "failed", "not_decided"]))]
    pub status: String,
    /// What happened instead; empty where it passed.
    pub happened: String,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct VerdictDocument {
    /// Whether it is let in.
    pub allowed: bool,
    /// Rules that refuse it.
    pub refused_by: Vec<SaidDocument>,
    /// Rules that warn of it.
    pub warned_by: Vec<SaidDocument>,
    /// Rules that write to the audit log.
    pub audited_by: Vec<SaidDocument>,
    /// Mutations that changed the object.
    pub mutated_by: Vec<String>,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SaidDocument {
    /// Its name; empty for what no rule says.
    pub rule: String,
    /// `file:line` of its declaration.
    pub source: String,
    /// `low`, `medium`, `high`, `critical`.
    #[schemars(extend("enum" = ["low", "medium", "high", "critical"]))]
    pub severity: String,
    /// What is wrong.
    pub violations: Vec<ViolationDocument>,
    /// Its doc comment.
    pub help: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ViolationDocument {
    /// In the rule's words.
    pub message: String,
    /// `spec.containers[0].image`, where it is known.
    pub path: Option<String>,
}

/// The JSON schema of [`TestReport`].
#[must_use]
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(TestReport).to_value()
}

impl TestReport {
    /// Tests that were run, with their places looked up.
    #[must_use]
    pub fn new(ran: &[Ran<'_>], sources: &SourceMap) -> Self {
        let mut summary = Summary::default();
        for test in ran {
            match test.status() {
                Status::Passed => summary.passed += 1,
                Status::Failed => summary.failed += 1,
                Status::NotDecided => summary.not_decided += 1,
            }
        }
        Self {
            format_version: FORMAT_VERSION,
            tests: ran.iter().map(|test| TestDocument::new(test, sources)).collect(),
            summary,
        }
    }
}

impl TestDocument {
    fn new(ran: &Ran<'_>, sources: &SourceMap) -> Self {
        let at = position(ran.test.origin.at, sources);
        Self {
            name: ran.test.name.clone(),
            file: at.path.to_string(),
            line: at.line,
            status: ran.status().word().to_owned(),
            expectations: ran
                .checks
                .iter()
                .map(|check| {
                    let at = position(check.expected.at, sources);
                    ExpectationDocument {
                        expected: in_words(check.expected, sources),
                        line: at.line,
                        column: at.column,
                        status: check.status.word().to_owned(),
                        happened: check.why.clone(),
                    }
                })
                .collect(),
            verdict: ran.verdict.as_ref().map(VerdictDocument::new),
        }
    }
}

impl VerdictDocument {
    fn new(verdict: &Verdict) -> Self {
        let all = |said: &[Said]| said.iter().map(SaidDocument::new).collect();
        Self {
            allowed: verdict.allowed(),
            refused_by: all(&verdict.refusals),
            warned_by: all(&verdict.warnings),
            audited_by: all(&verdict.audited),
            mutated_by: verdict.mutated.clone(),
        }
    }
}

impl SaidDocument {
    fn new(said: &Said) -> Self {
        let severity = match said.severity {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        };
        Self {
            rule: said.rule.clone(),
            source: said.source.clone(),
            severity: severity.to_owned(),
            violations: said
                .messages
                .iter()
                .map(|(message, path)| ViolationDocument { message: message.clone(), path: path.clone() })
                .collect(),
            help: said.help.clone(),
        }
    }
}

impl Status {
    /// As documents have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotDecided => "not_decided",
        }
    }
}

fn position(location: Location, sources: &SourceMap) -> Position {
    let nowhere = Position { path: "".into(), line: 0, column: 0, end_line: 0, end_column: 0 };
    sources.position(&Place::Source(location)).unwrap_or(nowhere)
}

/// An expectation as it is written, without its `expect`.
fn in_words(expected: &Expected, sources: &SourceMap) -> String {
    let by = |verdict: &str, rules: &[(String, Location)]| {
        let names: Vec<&str> = rules.iter().map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { verdict.to_owned() } else { format!("{verdict} by {}", names.join(", ")) }
    };
    let said = match &expected.what {
        Expectation::Allowed => "allowed".to_owned(),
        Expectation::Denied(rules) => by("denied", rules),
        Expectation::Warned(rules) => by("warned", rules),
        Expectation::Holds(_) | Expectation::Claim(_) | Expectation::NotDecided(_) => {
            let written = sources.absolute(expected.at).and_then(|(_, file, range)| {
                file.text
                    .get(range.start as usize..range.end as usize)
                    .map(|text| text.trim_start_matches("expect").split_whitespace().collect::<Vec<_>>().join(" "))
            });
            return written.unwrap_or_default();
        }
    };
    if expected.negated { format!("not {said}") } else { said }
}

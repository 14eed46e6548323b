//! `check -o json`: findings as a document. Its form is a contract; additions only.

use kspec_diagnostics::{Finding, Place, Position, SourceMap};
use schemars::JsonSchema;
use serde::Serialize;

/// The form of [`CheckDocument`].
pub(crate) const FORMAT_VERSION: u32 = 1;

/// What `check -o json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CheckDocument {
    /// Form of this document.
    pub format_version: u32,
    /// In order of place.
    pub findings: Vec<FindingDocument>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FindingDocument {
    /// `K0102`.
    pub code: String,
    /// `error`, `warning`, `information`.
    #[schemars(with = "String", extend("enum" = ["error", "warning", "information"]))]
    pub severity: kspec_diagnostics::Severity,
    /// One line.
    pub message: String,
    /// All parties, the primary one first.
    pub labels: Vec<LabelDocument>,
    /// The remedy in words.
    pub help: Option<String>,
    /// What shows it, a step a line.
    pub witness: Vec<String>,
    /// Mechanical mends.
    pub fixes: Vec<FixDocument>,
}

/// A party. Lines and columns count from 1; 0 for an object that no file holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LabelDocument {
    /// Path, or the object.
    pub file: String,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column past the last character.
    pub end_column: u32,
    /// What it has to do with the finding.
    pub text: String,
}

/// A mend.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FixDocument {
    /// What it does.
    pub title: String,
    /// Each a place and the text to put there.
    pub edits: Vec<LabelDocument>,
}

/// The JSON schema of [`CheckDocument`].
#[must_use]
pub fn check_schema() -> serde_json::Value {
    schemars::schema_for!(CheckDocument).to_value()
}

impl CheckDocument {
    /// Findings with their places looked up.
    #[must_use]
    pub fn new(findings: &[Finding], sources: &SourceMap) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            findings: findings.iter().map(|finding| FindingDocument::new(finding, sources)).collect(),
        }
    }
}

impl FindingDocument {
    /// A finding with its places looked up.
    #[must_use]
    pub fn new(finding: &Finding, sources: &SourceMap) -> Self {
        let place = |place: &Place, text: &str| {
            let position = sources.position(place);
            let name = match place {
                Place::Object(object) => object.to_string(),
                Place::Source(_) | Place::File { .. } => String::new(),
            };
            let Position { path, line, column, end_line, end_column } =
                position.unwrap_or(Position { path: name.into(), line: 0, column: 0, end_line: 0, end_column: 0 });
            LabelDocument { file: path.to_string(), line, column, end_line, end_column, text: text.to_owned() }
        };
        Self {
            code: finding.code.to_string(),
            severity: finding.severity,
            message: finding.message.clone(),
            labels: finding.labels.iter().map(|label| place(&label.place, &label.text)).collect(),
            help: finding.help.clone(),
            witness: finding.witness.iter().flat_map(|witness| witness.steps.iter().cloned()).collect(),
            fixes: finding
                .fixes
                .iter()
                .map(|fix| FixDocument {
                    title: fix.title.clone(),
                    edits: fix.edits.iter().map(|edit| place(&Place::Source(edit.location), &edit.text)).collect(),
                })
                .collect(),
        }
    }
}

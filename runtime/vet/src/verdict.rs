//! What `kspec vet -o json` prints, a document a line. The form is a contract; additions only.

use schemars::JsonSchema;
use serde::Serialize;

/// The form of [`Verdict`].
pub const VERDICT_FORMAT: u32 = 1;

/// What would become of one manifest document.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Verdict {
    /// Form of this document.
    pub format_version: u32,
    /// The file, as the person names it; `-` for standard input.
    pub file: String,
    /// The line at which the document begins, from 1.
    pub line: u32,
    /// Its `kind`.
    pub kind: String,
    /// The namespace that it would stand in; null for what stands in none.
    pub namespace: Option<String>,
    /// Its name; what it begins with, where the API server makes it up.
    pub name: String,
    /// Whether nothing refuses it, and for what stamps pods, nothing refuses them.
    pub allowed: bool,
    /// Why not.
    pub violations: Vec<Violation>,
    /// What it would be warned about, and what only an audit would note.
    pub warnings: Vec<Violation>,
    /// What could not be decided without the cluster, a line each: the rule, and the kind that it looks up.
    pub needs_cluster: Vec<String>,
    /// What was taken for granted, or may differ in the cluster, a line each.
    pub notes: Vec<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violation {
    /// The control of the Pod Security Standards, as Kubernetes names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// The project's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Where in the object, as far as one place can be named: `spec.containers[0].securityContext.privileged`.
    pub path: Option<String>,
    /// `low`, `medium`, `high`, `critical`.
    #[schemars(with = "String", extend("enum" = ["low", "medium", "high", "critical"]))]
    pub severity: kspec_model::rules::Severity,
    /// What judged: `restricted:v1.36` for a standard, `file:line` of the project's rule, `LimitRange shop/limits`.
    pub source: String,
}

/// The JSON schema of [`Verdict`].
#[must_use]
pub fn verdict_schema() -> serde_json::Value {
    schemars::schema_for!(Verdict).to_value()
}

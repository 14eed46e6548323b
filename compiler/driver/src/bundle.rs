//! `compile`'s `bundle.json`: everything that a program lowers to, in one file that operators and agents consume. Its form
//! is a contract; additions only.

use std::collections::BTreeMap;

use kspec_model::rules::Table;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Compiler, Lowered};

/// The form of [`BundleDocument`].
const FORMAT_VERSION: u32 = 1;

/// What `bundle.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BundleDocument {
    /// Form of this document.
    pub format_version: u32,
    /// The project's name.
    pub project: String,
    /// The target, `major.minor`.
    pub kubernetes: String,
    /// Kubernetes objects, in the order in which they are safe to apply.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub objects: Vec<serde_json::Value>,
    /// The control plane's files: path below the host folder to contents.
    pub host: BTreeMap<String, String>,
    /// The rule table of the day: bound rules and mutations, and which engine decides each. `kspec webhook` loads it.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub rule_table: Table,
}

/// The JSON Schema of `bundle.json`.
#[must_use]
pub fn bundle_schema() -> serde_json::Value {
    schemars::schema_for!(BundleDocument).to_value()
}

impl BundleDocument {
    /// Of what a compiler's program lowers to.
    #[must_use]
    pub fn new(compiler: &Compiler, lowered: &Lowered) -> Self {
        let config = &compiler.facts().config;
        Self {
            format_version: FORMAT_VERSION,
            project: config.name.clone(),
            kubernetes: config.kubernetes.to_string(),
            objects: lowered.objects.iter().map(|lowered| lowered.object.0.clone()).collect(),
            rule_table: compiler.table(),
            host: lowered.host.files.iter().map(|file| (file.path.clone(), file.contents.clone())).collect(),
        }
    }
}

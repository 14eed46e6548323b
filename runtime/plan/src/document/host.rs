//! Control-plane settings that differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;

/// A setting of the control plane's hosts that is not as the program says. Apply cannot change it: `kspec compile` writes the
/// files that do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostChange {
    /// Which.
    pub setting: HostSetting,
    /// The flag without dashes, or the part of the file: `anonymous-auth`, `resources`.
    pub name: String,
    /// What runs today, one line an element; empty where nothing is set.
    pub before: Vec<String>,
    /// What the program says.
    pub after: Vec<String>,
    /// Whether what runs today was seen at all: a directory without control-plane files, or a cluster that keeps them to
    /// itself, shows nothing.
    pub seen: bool,
    /// The API servers that it is about, by their pods; empty where it is about every one that is seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
    /// How much it weighs.
    pub severity: Severity,
    /// What it is about; one line.
    pub message: String,
    /// The declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Kinds of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostSetting {
    /// Admission plugins that are in effect.
    AdmissionPlugins,
    /// A flag of kube-apiserver.
    Flag,
    /// `EncryptionConfiguration`.
    Encryption,
    /// The audit policy.
    Audit,
    /// `AuthenticationConfiguration`.
    Authentication,
}

/// How much a difference weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What runs today was not seen.
    Information,
    /// It differs.
    Warning,
    /// What runs today lacks a protection that every cluster should have.
    Error,
}

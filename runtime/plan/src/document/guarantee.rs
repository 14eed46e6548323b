//! Guarantees in a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;

/// A guarantee, and whether it will hold once the plan is applied, objects of others included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuaranteeResult {
    /// As the formatter writes it.
    pub text: String,
    /// Whether it holds.
    pub status: GuaranteeStatus,
    /// Where it is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Of one that is violated, what is so against it; of one that is not decided, why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The chain, the packet or the request that shows a violation, a step a line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witness: Vec<String>,
    /// What a violation needs, none of which can be left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responsible: Vec<ResponsibleObject>,
    /// What the proof leaves out, and who could undo it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether a guarantee holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuaranteeStatus {
    /// It does.
    Holds,
    /// It does not: `plan` exits 1, and `apply` changes nothing.
    Violated,
    /// It is not known.
    NotDecided,
}

/// An object or declaration that a violation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResponsibleObject {
    /// The object, as `kind.group namespace/name`.
    pub object: String,
    /// What it contributes.
    pub text: String,
    /// Where it is declared, or read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

//! What became of each object.

use kspec_plan::ObjectName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Failure;

/// Format of [`Report`].
pub const REPORT_FORMAT: u32 = 1;

/// The result of an apply: one entry an object, in the order in which they were due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Format of this document.
    pub format_version: u32,
    /// Results.
    pub results: Vec<ObjectResult>,
    /// Whether the run was stopped before its end, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Whether the inventory is what the cluster holds now; a failure here is repaired by the next run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Failure>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectResult {
    /// The object.
    pub object: ObjectName,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it has taken effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What the server warned of, in its words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// URLs of webhooks that are now in force and refuse whatever they cover while nobody answers there: nobody looked whether
    /// somebody does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Outcome {
    /// It is new.
    Created,
    /// It differs from before.
    Updated,
    /// It was there, and is ours now.
    Adopted,
    /// It was removed and made anew, since what changed is immutable.
    Replaced,
    /// It was so already.
    Unchanged,
    /// It is gone.
    Deleted,
    /// It stays as it is, and is no longer ours.
    Released {
        /// Why it was not deleted.
        because: String,
    },
    /// It is as it was.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// It is as it was, since it would refuse whatever it covers for as long as something else is missing.
    HeldBack {
        /// What.
        because: String,
    },
    /// It is as it was, since something before it was not done.
    NotTried {
        /// What.
        because: String,
    },
}

/// Whether what was written is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Effect {
    /// The API shows that it is.
    Observed {
        /// What it shows.
        what: String,
    },
    /// The API would show it, and did not within the time given.
    NotYet {
        /// What was waited for.
        what: String,
    },
    /// The API does not show it for this kind.
    NotObservable,
}

impl Outcome {
    /// Whether the object is as the plan wants it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        !matches!(self, Self::Failed { .. } | Self::HeldBack { .. } | Self::NotTried { .. })
    }

    /// Whether the cluster is different for it.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.is_done() && *self != Self::Unchanged
    }
}

impl Default for Report {
    fn default() -> Self {
        Self { format_version: REPORT_FORMAT, results: Vec::new(), stopped: None, inventory: None }
    }
}

impl Report {
    /// The JSON schema of a report.
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Report).to_value()
    }

    /// How many objects changed.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.results.iter().filter(|result| result.outcome.is_change()).count()
    }

    /// Results that failed.
    pub fn failed(&self) -> impl Iterator<Item = (&ObjectName, &Failure)> {
        self.results.iter().filter_map(|result| match &result.outcome {
            Outcome::Failed { failure } => Some((&result.object, failure)),
            _ => None,
        })
    }

    /// Results that were not tried.
    pub fn not_tried(&self) -> impl Iterator<Item = (&ObjectName, &str)> {
        self.results.iter().filter_map(|result| match &result.outcome {
            Outcome::NotTried { because } => Some((&result.object, because.as_str())),
            _ => None,
        })
    }

    /// The exit code of the command line: 0 when all is done, 5 when a part is, and when nothing is, 6 where that could not be
    /// found out and 1 where it was refused.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let undone = self.results.iter().any(|result| !result.outcome.is_done());
        if !undone && self.inventory.is_none() {
            return 0;
        }
        if self.results.iter().any(|result| result.outcome.is_done()) {
            return 5;
        }
        self.failed()
            .map(|(_, failure)| failure.exit_code())
            .chain(self.inventory.as_ref().map(Failure::exit_code))
            .min()
            .unwrap_or(5)
    }
}

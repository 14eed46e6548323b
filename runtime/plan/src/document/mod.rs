//! The plan as a document: what `kspec plan -o json` prints.
//!
//! These types are the contract; the schema in the project's docs is generated from them. Lists are sorted, so that the same
//! plan is the same bytes.

mod access;
mod change;
mod guarantee;
mod host;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use access::{
    Access, AccessEntry, AccessReason, Connectivity, ConnectivityEntry, ConnectivityReason, SubjectName, short,
};
pub use change::{Action, Basis, Change, ObjectName, Refusal, RefusalKind, Source};
pub use guarantee::{GuaranteeResult, GuaranteeStatus, ResponsibleObject};
pub use host::{HostChange, HostSetting, Severity};

/// Format of [`Plan`].
pub const PLAN_FORMAT: u32 = 1;

/// What would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Format of this document.
    pub format_version: u32,
    /// The project.
    pub project: String,
    /// The environment picked, where the project declares some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The Kubernetes version that the project targets, e.g. `1.36`.
    pub kubernetes: String,
    /// The day that end dates were held against.
    pub as_of: String,
    /// What the plan was made against.
    pub state: StateName,
    /// Every object of the program, and what left it, in the order in which apply takes them.
    pub changes: Vec<Change>,
    /// Why apply would refuse; empty where it would not.
    pub refusals: Vec<Refusal>,
    /// Control-plane settings that differ.
    pub hosts: Vec<HostChange>,
    /// Who gains and loses which permissions.
    pub access: Access,
    /// Which connections open and close.
    pub connectivity: Connectivity,
    /// What the change does to running workloads.
    pub impact: Impact,
    /// The program's guarantees.
    pub guarantees: Vec<GuaranteeResult>,
    /// What the state's webhooks and policies are weak in, whoever wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weaknesses: Vec<Weakness>,
    /// What others changed since the last apply.
    pub drift: Vec<Change>,
    /// Counts.
    pub summary: Summary,
}

/// The state that a plan was made against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateName {
    /// In words: `directory state/`, `context prod (https://…)`.
    pub source: String,
    /// The server's version, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Names what of the state the plan depends on; where it is another one later, the plan is stale.
    pub hash: String,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// What the change does to running workloads. Nothing yet says so: both are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// Pods that would no longer be admitted.
    pub refused: Vec<ObjectName>,
    /// Pods that would be changed on admission.
    pub mutated: Vec<ObjectName>,
}

/// A weakness of a webhook or policy of the state: K0511 to K0516.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Weakness {
    /// The finding's code, for `kspec explain`.
    pub code: String,
    /// What is weak.
    pub message: String,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where the object was read, in a state of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "counts of what they are called")]
pub struct Summary {
    pub create: usize,
    pub update: usize,
    /// Updates that delete the object and create it anew; counted in `update` too.
    pub replace: usize,
    pub delete: usize,
    pub adopt: usize,
    pub release: usize,
    pub none: usize,
    /// Creations that are an old object under a new name; counted in `create` too.
    pub moved: usize,
    pub refusals: usize,
    pub hosts: usize,
    pub access_gained: usize,
    pub access_lost: usize,
    pub connectivity_opened: usize,
    pub connectivity_closed: usize,
    /// Guarantees that do not hold once the plan is applied.
    #[serde(default)]
    pub guarantees_violated: usize,
}

/// The JSON Schema of [`Plan`], for the project's docs.
#[must_use]
pub fn plan_schema() -> serde_json::Value {
    schemars::schema_for!(Plan).to_value()
}

impl Plan {
    /// Whether applying it would change anything in the cluster. Host settings are nothing that apply can change.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.changes.iter().any(|change| change.action != Action::None)
    }

    /// Guarantees that do not hold once it is applied: then nothing is.
    pub fn violations(&self) -> impl Iterator<Item = &GuaranteeResult> {
        self.guarantees.iter().filter(|guarantee| guarantee.status == GuaranteeStatus::Violated)
    }

    /// Counts anew.
    pub(crate) fn count(&mut self) {
        let of = |action: Action| self.changes.iter().filter(|change| change.action == action).count();
        self.summary = Summary {
            create: of(Action::Create),
            update: of(Action::Update),
            replace: self.changes.iter().filter(|change| change.replaces).count(),
            delete: of(Action::Delete),
            adopt: of(Action::Adopt),
            release: of(Action::Release),
            none: of(Action::None),
            moved: self.changes.iter().filter(|change| change.moved_from.is_some()).count(),
            refusals: self.refusals.len(),
            hosts: self.hosts.len(),
            access_gained: self.access.gained.len(),
            access_lost: self.access.lost.len(),
            connectivity_opened: self.connectivity.opened.len(),
            connectivity_closed: self.connectivity.closed.len(),
            guarantees_violated: self.violations().count(),
        };
    }
}

//! Plans in files, for `kspec apply PLAN`.

use std::{collections::BTreeSet, fmt};

use kspec_lower::{Inventory, Phase};
use kspec_model::{Object, ObjectKey};
use kspec_state::State;
use serde::{Deserialize, Serialize};

use crate::{Plan, Planned, Wanted, hash::state_hash};

/// Format of a saved plan.
pub const SAVED_PLAN_FORMAT: u32 = 1;
const KIND: &str = "kspec-plan";

/// Why a plan cannot be saved or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedPlanError {
    /// An object holds secret contents, which no file of kspec's ever does.
    HoldsSecret(Box<ObjectKey>),
    /// The file is no saved plan, or a damaged one.
    Unreadable(String),
    /// Another version wrote it.
    Format(u32),
}

impl fmt::Display for SavedPlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HoldsSecret(key) => {
                write!(f, "{key} holds secret contents, which are never written to a plan: apply the project itself")
            }
            Self::Unreadable(why) => write!(f, "is no saved plan: {why}: write it again with `kspec plan --out FILE`"),
            Self::Format(format) => write!(
                f,
                "is a plan of format {format}, and this version reads format {SAVED_PLAN_FORMAT}: write it again with `kspec plan --out FILE`"
            ),
        }
    }
}

impl std::error::Error for SavedPlanError {}

#[derive(Serialize, Deserialize)]
struct File {
    format_version: u32,
    kind: String,
    plan: Plan,
    inventory: SavedInventory,
    wanted: Vec<SavedObject>,
    removals: Vec<Object>,
}

#[derive(Serialize, Deserialize)]
struct SavedInventory {
    project: String,
    name: String,
    namespace: String,
    id: String,
}

#[derive(Serialize, Deserialize)]
struct SavedObject {
    phase: String,
    object: Object,
}

/// Phases by the name that files give them.
const PHASES: &[(Phase, &str)] = &[
    (Phase::Definitions, "definitions"),
    (Phase::Namespaces, "namespaces"),
    (Phase::Limits, "limits"),
    (Phase::Accounts, "accounts"),
    (Phase::Roles, "roles"),
    (Phase::Grants, "grants"),
    (Phase::NetworkAllow, "network_allow"),
    (Phase::NetworkWide, "network_wide"),
    (Phase::NetworkDeny, "network_deny"),
    (Phase::Rest, "rest"),
    (Phase::Policies, "policies"),
    (Phase::PolicyBindings, "policy_bindings"),
];

impl Planned {
    /// The plan as a file's text.
    ///
    /// # Errors
    /// If an object holds secret contents.
    pub fn to_file(&self) -> Result<String, SavedPlanError> {
        let secret = |object: &Object| {
            object.group().is_empty()
                && object.kind() == "Secret"
                && ["/data", "/stringData"].iter().any(|field| {
                    object.0.pointer(field).and_then(serde_json::Value::as_object).is_some_and(|data| !data.is_empty())
                })
        };
        if let Some(wanted) = self.wanted.iter().find(|wanted| secret(&wanted.object)) {
            return Err(SavedPlanError::HoldsSecret(Box::new(wanted.object.key())));
        }
        let phase = |phase: Phase| PHASES.iter().find(|(known, _)| *known == phase).map_or("rest", |(_, name)| name);
        let file = File {
            format_version: SAVED_PLAN_FORMAT,
            kind: KIND.to_owned(),
            plan: self.plan.clone(),
            inventory: SavedInventory {
                project: self.inventory.project.clone(),
                name: self.inventory.name.clone(),
                namespace: self.inventory.namespace.clone(),
                id: self.inventory.id.clone(),
            },
            wanted: self
                .wanted
                .iter()
                .map(|wanted| SavedObject { phase: phase(wanted.phase).to_owned(), object: wanted.object.clone() })
                .collect(),
            removals: self.removals.clone(),
        };
        let mut text =
            serde_json::to_string_pretty(&file).map_err(|error| SavedPlanError::Unreadable(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    /// If the text is none.
    pub fn of_file(text: &str) -> Result<Self, SavedPlanError> {
        let unreadable = |error: serde_json::Error| SavedPlanError::Unreadable(error.to_string());
        #[derive(Deserialize)]
        struct Head {
            format_version: u32,
            kind: String,
        }
        let head: Head = serde_json::from_str(text).map_err(unreadable)?;
        if head.kind != KIND {
            return Err(SavedPlanError::Unreadable(format!("its kind is `{}`", head.kind)));
        }
        if head.format_version != SAVED_PLAN_FORMAT {
            return Err(SavedPlanError::Format(head.format_version));
        }
        let file: File = serde_json::from_str(text).map_err(unreadable)?;
        if file.wanted.len() > file.plan.changes.len() {
            return Err(SavedPlanError::Unreadable("it has fewer changes than objects".to_owned()));
        }
        let wanted = file.wanted.into_iter().zip(&file.plan.changes).map(|(saved, change)| {
            let phase = PHASES.iter().find(|(_, name)| *name == saved.phase).map(|(phase, _)| *phase);
            let phase = phase.ok_or_else(|| SavedPlanError::Unreadable(format!("`{}` is no phase", saved.phase)))?;
            Ok(Wanted { object: saved.object, phase, action: change.action })
        });
        Ok(Self {
            wanted: wanted.collect::<Result<_, SavedPlanError>>()?,
            removals: file.removals,
            inventory: Inventory {
                project: file.inventory.project,
                name: file.inventory.name,
                namespace: file.inventory.namespace,
                id: file.inventory.id,
            },
            plan: file.plan,
        })
    }

    /// Whether what the plan read has changed since.
    #[must_use]
    pub fn is_stale(&self, state: &State) -> bool {
        let touched: BTreeSet<ObjectKey> = self.plan.changes.iter().map(|change| change.object.key()).collect();
        state_hash(state, &touched) != self.plan.state.hash
    }
}

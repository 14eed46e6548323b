//! Why nothing was begun, and why one object was not done.

use std::{collections::BTreeMap, fmt};

use kspec_model::ObjectKey;
use kspec_state::live::LiveError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::work::Deletion;

/// Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyError {
    /// The cluster cannot be asked, or is the wrong one.
    Live(LiveError),
    /// The server does not serve these kinds, and the program does not define them.
    UnknownKinds(Vec<UnknownKind>),
    /// The inventory's namespace is neither there nor declared.
    NoInventoryNamespace {
        /// The namespace.
        namespace: String,
        /// The inventory's name.
        inventory: String,
    },
    /// The inventory cannot be written.
    Inventory {
        /// The inventory.
        key: ObjectKey,
        /// Why.
        failure: Box<Failure>,
    },
    /// `--delete` names what the program still declares.
    StillDeclared {
        /// As the person wrote it.
        deletion: Deletion,
        /// The object.
        key: Box<ObjectKey>,
    },
    /// `--delete` names what this project neither has nor released.
    NotOurs {
        /// As the person wrote it.
        deletion: Deletion,
    },
    /// `--delete` means several objects.
    Ambiguous {
        /// As the person wrote it.
        deletion: Deletion,
        /// Those it could mean.
        keys: Vec<ObjectKey>,
    },
}

/// A kind that the server does not serve.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownKind {
    /// `apiVersion` as the program says it.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// An object of it.
    pub example: ObjectKey,
    /// Versions of the kind that are served.
    pub served: Vec<String>,
}

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server has no kind {} in {} ({})", self.kind, self.api_version, self.example)?;
        match self.served.as_slice() {
            [] => f.write_str("; install what defines it, or declare its CustomResourceDefinition"),
            served => write!(f, "; it serves {}", served.join(", ")),
        }
    }
}

impl ApplyError {
    /// The exit code of the command line.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Live(error) => error.exit_code(),
            Self::UnknownKinds(_) => 1,
            Self::Inventory { failure, .. } => failure.exit_code(),
            Self::NoInventoryNamespace { .. } => 6,
            Self::StillDeclared { .. } | Self::NotOurs { .. } => 3,
            Self::Ambiguous { .. } => 64,
        }
    }
}

impl From<LiveError> for ApplyError {
    fn from(error: LiveError) -> Self {
        Self::Live(error)
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(error) => write!(f, "{error}"),
            Self::UnknownKinds(kinds) => {
                for (position, unknown) in kinds.iter().enumerate() {
                    if position > 0 {
                        f.write_str("\n")?;
                    }
                    write!(f, "{unknown}")?;
                }
                f.write_str("; nothing was changed")
            }
            Self::NoInventoryNamespace { namespace, inventory } => write!(
                f,
                "there is no namespace `{namespace}` for the inventory `{inventory}`; create or declare it, or name another as \
                 `inventory_namespace` in kspec.toml; nothing was changed"
            ),
            Self::Inventory { key, failure } => {
                write!(f, "the inventory ({key}) cannot be written: {failure}; nothing else was changed")
            }
            Self::StillDeclared { deletion, key } => write!(
                f,
                "`--delete {deletion}`: {key} is still declared; remove its declaration first; nothing was changed"
            ),
            Self::NotOurs { deletion } => write!(
                f,
                "`--delete {deletion}`: this project has no such object, and released none; nothing was changed"
            ),
            Self::Ambiguous { deletion, keys } => {
                write!(f, "`--delete {deletion}` could mean ")?;
                for (position, key) in keys.iter().enumerate() {
                    write!(f, "{}{key}", if position == 0 { "" } else { ", " })?;
                }
                f.write_str("; write KIND.GROUP/NAMESPACE/NAME")
            }
        }
    }
}

impl std::error::Error for ApplyError {}

/// Why one object was not done. Save for [`Failure::Lost`], nothing of it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Failure {
    /// Other managers hold fields with other values.
    Conflict {
        /// Fields by manager.
        managers: BTreeMap<String, Vec<String>>,
        /// Whether the object is being adopted, so that they may be taken over.
        adopting: bool,
    },
    /// The object belongs to another project or ApplySet.
    Foreign {
        /// That project's name, or the ApplySet's id where it is not known.
        owner: String,
    },
    /// The person may not.
    Forbidden {
        /// In a sentence.
        message: String,
    },
    /// The server, or a policy of its own, refuses the object.
    Refused {
        /// The server's words.
        message: String,
    },
    /// The object changed between reading and removing it.
    Changed,
    /// The object is being deleted, and waits for whoever holds it back.
    Deleting,
    /// The object was not there when the plan was made, and is not ours.
    Appeared,
    /// The object was removed to be made anew, which then failed: the one failure that leaves something changed.
    Lost {
        /// Why, in a sentence.
        message: String,
    },
    /// The kind is not served (any more).
    NotServed {
        /// `apiVersion` and kind.
        kind: String,
    },
    /// The server could not be asked, or did not answer.
    NoAnswer {
        /// In a sentence.
        message: String,
    },
}

impl Failure {
    /// The exit code where nothing at all was done: a refusal is an answer, the rest could not be found out.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Conflict { .. }
            | Self::Foreign { .. }
            | Self::Refused { .. }
            | Self::Changed
            | Self::Deleting
            | Self::Appeared
            | Self::Lost { .. }
            | Self::NotServed { .. } => 1,
            Self::Forbidden { .. } | Self::NoAnswer { .. } => 6,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { managers, adopting } => {
                f.write_str("conflict: ")?;
                for (position, (manager, fields)) in managers.iter().enumerate() {
                    write!(f, "{}`{manager}` holds {}", if position == 0 { "" } else { "; " }, fields.join(", "))?;
                }
                f.write_str("; drop these fields here or there, so that one of the two owns them")?;
                if *adopting { f.write_str(", or take them over with `--adopt`") } else { Ok(()) }
            }
            Self::Foreign { owner } => {
                write!(f, "it belongs to `{owner}`; release it there first, or declare it as `existing` here")
            }
            Self::Forbidden { message } | Self::NoAnswer { message } => f.write_str(message),
            Self::Refused { message } => write!(f, "the server refuses it: {message}"),
            Self::Changed => f.write_str("it changed since it was read; plan again"),
            Self::Deleting => f.write_str("it is being deleted; apply again once it is gone"),
            Self::Appeared => f.write_str("it was made by someone else since the plan; plan again to adopt it"),
            Self::Lost { message } => {
                write!(
                    f,
                    "it was removed to be made anew, since what changes is immutable, and that failed: {message}; apply again"
                )
            }
            Self::NotServed { kind } => write!(f, "the server does not serve {kind}"),
        }
    }
}

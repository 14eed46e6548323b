//! What keeps a rule from a verdict.

use kspec_model::rules::Lookup;

/// Why a rule has no verdict about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Something in the rule or the object: a number too large, an object that is not as its schema says, too much work.
    Failed {
        /// What, in a few words.
        message: String,
        /// Line of the statement in the rule's file; 0 where it is not of one statement.
        line: u32,
    },
    /// Objects of a kind are needed, and there are none at hand.
    NeedsCluster(Lookup),
}

pub(crate) fn fault(message: impl Into<String>) -> Fault {
    Fault::Failed { message: message.into(), line: 0 }
}

impl Fault {
    /// The same, at a line of the rule's file.
    pub(crate) fn at(self, line: u32) -> Self {
        match self {
            Self::Failed { message, line: 0 } => Self::Failed { message, line },
            other => other,
        }
    }
}

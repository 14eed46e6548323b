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

/// A fault on its way: small, since every value that is evaluated comes with the room for one.
pub(crate) type Failed = Box<Fault>;

pub(crate) fn fault(message: impl Into<String>) -> Failed {
    Box::new(Fault::Failed { message: message.into(), line: 0 })
}

pub(crate) fn needs(lookup: Lookup) -> Failed {
    Box::new(Fault::NeedsCluster(lookup))
}

/// The same, at a line of the rule's file.
pub(crate) fn at_line(mut fault: Failed, line: u32) -> Failed {
    if let Fault::Failed { line: at @ 0, .. } = &mut *fault {
        *at = line;
    }
    fault
}

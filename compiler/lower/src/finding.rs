//! Findings with the chain of stamps that led to a declaration.

use kspec_diagnostics::{Code, Finding};
use kspec_model::program::Origin;

/// A finding at a declaration; each template use that led to it is a party.
pub(crate) fn at(code: Code, message: impl Into<String>, origin: &Origin) -> Finding {
    origin
        .uses
        .iter()
        .fold(Finding::new(code, message, origin.at), |finding, place| finding.label(*place, "stamped here"))
}

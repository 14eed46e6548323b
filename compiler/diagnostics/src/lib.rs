//! Findings as data.
//!
//! Every phase is a function `(input) -> (output, Vec<Finding>)`. A [`Finding`] names what is wrong with a stable
//! [`Code`], places every party to it, and offers fixes; terminals, JSON, SARIF and the editor render the same value.
//!
//! In: nothing. Out: the vocabulary every other crate speaks, and the catalogue with its `explain` pages.

mod catalogue;
mod finding;
mod place;
mod sources;

pub use catalogue::{CATALOGUE, Code, CodeInfo, codes};
pub use finding::{Edit, Finding, Fix, Label, Severity, Witness};
pub use place::{FileId, ItemId, Location, Place, Span};
pub use sources::{Position, SourceFile, SourceMap};

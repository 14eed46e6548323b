//! The syntax tree: what was written, names unresolved, nothing expanded.
//!
//! All spans are relative to the item's first byte (its doc comment's, where it has one).

mod declaration;
mod expression;
mod policy;

pub use declaration::*;
pub use expression::*;
pub use policy::*;

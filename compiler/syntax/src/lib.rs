//! Text to tree and back.
//!
//! In: the text of one module. Out: its items, each parsed on its own, with what was wrong. Parsing never fails; what
//! cannot be read is an error item, and its neighbours are unaffected.

pub mod tree;

//! What users of the crate see: trees, errors, formatted text.

mod errors;
mod example;
mod formatting;
mod pages;
mod properties;
mod recovery;
mod support;
mod trees;

//! What users of the crate see: trees, errors, formatted text.

mod example;
mod recovery;
mod support;

//! What users of the crate see: trees, errors, formatted text.

mod errors;
mod example;
mod properties;
mod recovery;
mod support;

//! What users of the crate see: trees, errors, formatted text.
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod errors;
mod example;
mod formatting;
mod pages;
mod printing;
mod properties;
mod recovery;
mod support;
mod trees;

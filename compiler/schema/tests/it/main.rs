//! What users of the crate see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bundled;
mod crds;
mod defaults;
mod facts;
mod properties;
mod sample;
mod validate;

//! Plans, from objects and states as values.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail the test")]

mod diff;
mod plans;
mod properties;
mod world;

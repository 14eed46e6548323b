//! Against a real API server: what is read of a cluster, by whom, and what is said where it cannot be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod connecting;
mod reading;

//! Against a real API server: what is applied is there, what is removed is gone, and what goes wrong is named.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

mod agreeing;
mod applying;
mod converging;
mod fixture;
mod immutable;
mod refusals;
mod removing;
mod subjects;
mod webhooks;

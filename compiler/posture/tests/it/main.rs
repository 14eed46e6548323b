//! What surveys show, over objects given as JSON.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod access;
mod audited;
mod coming;
mod controls;
mod keys;
mod limits;
mod network;
mod paths;
mod policies;
mod refusals;
mod review;
mod support;

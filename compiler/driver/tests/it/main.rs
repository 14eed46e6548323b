//! The compiler from text to findings and objects.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test may panic")]

mod admission;
mod edits;
mod holding;
mod host;
mod incremental;
mod language;
mod modules;
mod narrowing;
mod pages;
mod partial;
mod robustness;
mod specs;
mod stdlib;
mod support;
mod two_ways;

//! The compiler from text to findings and objects.
#![expect(clippy::expect_used, clippy::string_slice, reason = "a test may panic")]

mod admission;
mod incremental;
mod language;
mod modules;
mod pages;
mod robustness;
mod specs;
mod stdlib;
mod support;

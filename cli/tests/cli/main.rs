//! The command as people and pipelines meet it, and the documents that speak of it.
//!
//! `INSTA_UPDATE=always` rewrites what is generated: output blocks of READMEs, the index of findings, schemas, the list of
//! flags.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test")]

mod access;
mod arrows;
mod blocks;
mod boutique;
mod compiling;
mod exits;
mod formats;
mod formatting;
mod generated;
mod guarantees;
mod inputs;
mod net;
mod paths;
mod readmes;
mod secrets;
mod starting;
mod support;
mod testing;
mod vetting;
mod webhook;

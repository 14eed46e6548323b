//! The real API server as the judge of what the compiler writes and says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on fails"
)]

mod access;
mod admission;
mod audit;
mod authentication;
mod encryption;
mod escalation;
mod host;
mod host_refusals;
mod limit_ranges;
mod older;
mod pod_security;
mod pod_security_standards;
mod pods;
mod programs;
mod projects;
mod random;
mod refusals;
mod server_facts;

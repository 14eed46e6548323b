//! What expressions evaluate to, and what is reported about those that are wrong: source text in; values, messages, help
//! and underlined text out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails says so, and a file of a test's binary is not under cfg(test)"
)]

mod documented;
mod external;
mod harness;
mod kubernetes;
mod mistakes;
mod quantities;
mod robust;
mod values;

//! What expressions evaluate to, and what is reported about those that are wrong: source text in; values, messages, help
//! and underlined text out.

mod harness;
mod kubernetes;
mod mistakes;
mod robust;
mod values;

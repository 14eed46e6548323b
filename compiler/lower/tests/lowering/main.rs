//! What programs lower to, as files and objects that people read.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic as tests may")]

mod access;
mod admission;
mod files;
mod fixture;
mod host;
mod namespaces;
mod networks;
mod shop;
mod yaml;

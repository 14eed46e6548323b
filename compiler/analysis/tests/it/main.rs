//! The analyses, over clusters written as Kubernetes objects.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod access;
mod access_delta;
mod admission;
mod net;
mod net_findings;
mod net_findings_random;
mod net_random;
mod packets;
mod paths;
mod plain_access;
mod plain_net;
mod review;

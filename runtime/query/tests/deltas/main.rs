//! Deltas as documents: what `kspec plan`, `kspec access diff` and `kspec net diff` print as JSON, against every single
//! question and packet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "helpers of tests, some of them other tests'"
)]

mod applied;
mod deltas;
mod generated;
#[path = "../../../../compiler/analysis/tests/it/packets.rs"]
mod packets;
#[path = "../../../../compiler/analysis/tests/it/plain_access.rs"]
mod plain_access;
#[path = "../../../../compiler/analysis/tests/it/plain_net.rs"]
mod plain_net;
mod read_back;
#[path = "../../../plan/tests/plan/world.rs"]
mod world;

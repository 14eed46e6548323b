//! The server as its clients see it: over sockets, with real certificates, beside the real API server.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bad;
mod client;
mod cluster;
mod load;
mod pki;
mod reviews;
mod running;
mod table;
mod tls;

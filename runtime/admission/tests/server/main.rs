//! The server as its clients see it: over sockets, with real certificates, beside the real API server.

mod bad;
mod client;
mod cluster;
mod load;
mod pki;
mod reviews;
mod running;
mod table;
mod tls;

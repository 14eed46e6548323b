//! The same data for people, scripts, code scanning and pull requests.

pub(crate) mod access;
mod access_changes;
mod edges;
pub(crate) mod findings;
pub(crate) mod github;
pub(crate) mod graph;
mod host;
pub(crate) mod net;
pub(crate) mod paths;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod sarif;
pub(crate) mod trial;
pub(crate) mod vet;
pub(crate) mod vet_sarif;

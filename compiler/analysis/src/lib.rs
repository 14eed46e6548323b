//! Who can do what and who reaches whom, over a cluster model.
//!
//! [`access`] answers questions about RBAC and says which permissions two clusters differ in; [`net`] does the same for
//! NetworkPolicy; [`abuse`] follows permissions, pods and nodes to what they lead to, and [`review`] says what of a cluster's access
//! somebody should look at. [`admission`] says what a cluster's webhooks and policies are weak in. All read
//! [`kspec_model::cluster::Cluster`] and nothing else. Why the answers are exact is argued in `docs/analyses.md`.

pub mod abuse;
pub mod access;
pub mod admission;
pub mod net;
pub mod review;
mod system;

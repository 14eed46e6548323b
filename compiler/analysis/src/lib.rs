//! Who can do what and who reaches whom, over a cluster model.
//!
//! [`access`] answers questions about RBAC and says which permissions two clusters differ in.
//! It reads [`kspec_model::cluster::Cluster`] and nothing else.

pub mod access;

//! A real Kubernetes API server for tests, and a small blocking client that speaks to it.
//!
//! In: the control-plane binary (`tests/control-plane`, or the programs under `KUBEBUILDER_ASSETS`), or a kubeconfig
//! (`KSPEC_TEST_KUBECONFIG`) of a cluster that runs already. Out: a [`Cluster`] to ask, or a [`ControlPlane`] of the
//! test's own, with its own flags and files, which ends when it is dropped.
//!
//! ```no_run
//! use kspec_test_harness::{ControlPlane, Options};
//! use serde_json::json;
//! # fn main() -> kspec_test_harness::Result<()> {
//! // One server for the whole process (for all of them under scripts/test): use namespaces of your own.
//! let cluster = ControlPlane::shared()?;
//! let namespace = cluster.unique_namespace("edges")?;
//! let answer = cluster.admin().apply(&json!({"apiVersion": "v1", "kind": "ConfigMap",
//!     "metadata": {"name": "a", "namespace": namespace}}), "a-manager", true)?;
//! assert_eq!(answer.status, 201);
//!
//! // A server with its own flags; `options.audit_policy`, `.encryption`, `.authentication` take files.
//! let own = ControlPlane::start(Options::default().flag("anonymous-auth", "false"))?;
//! own.admin().get("/version")?;
//! # Ok(()) }
//! ```

mod binaries;
mod client;
mod cluster;
mod control_plane;
mod error;
mod etcd;
mod issuer;
mod kubeconfig;
mod options;
mod pki;
mod ports;
mod process;
mod wait;

pub use binaries::api_server_help;
pub use client::{Answer, Client, Question};
pub use cluster::Cluster;
pub use control_plane::ControlPlane;
pub use error::{Error, Result};
pub use etcd::Etcd;
pub use issuer::Issuer;
pub use options::Options;
pub use pki::write_server_certificate;
pub use wait::{skip, wait_until};

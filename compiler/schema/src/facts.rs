//! What differs between Kubernetes versions beyond types, and what no schema says: a row each, with its source.
//!
//! Sources are paths in the Go modules `k8s.io/kubernetes`, `k8s.io/apiserver` (`v1.36.3`, `v0.36.3` unless said).

mod authorization;
mod configuration;
mod server;

pub use authorization::{
    AuthorizationVerb, Subresources, VirtualResource, authorization_verbs, connect_verbs, virtual_resources,
    virtual_subresources,
};
pub use configuration::{
    Configuration, INSECURE_TLS_CIPHER_SUITES, TLS_CIPHER_SUITES, TLS_VERSIONS, configuration_api_version,
    pod_security_versions,
};
pub use server::{AdmissionPlugin, Flag, FlagKind, admission_plugin, admission_plugins, flag, flags};

use crate::version::KubeVersion;

/// A span of versions, both ends included; without an end, up to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    first: KubeVersion,
    last: KubeVersion,
}

impl Span {
    const ALWAYS: Self = Self { first: KubeVersion::V1_33, last: KubeVersion::NEWEST };

    const fn since(first: KubeVersion) -> Self {
        Self { first, last: KubeVersion::NEWEST }
    }

    fn holds(self, version: KubeVersion) -> bool {
        self.first <= version && version <= self.last
    }
}

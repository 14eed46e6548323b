//! Host and control plane: encryption, audit, authentication, flags.

use std::collections::BTreeMap;

use super::{Origin, Subject};

/// `EncryptionConfiguration` (`apiserver.config.k8s.io/v1`).
#[derive(Debug, Clone, PartialEq)]
pub struct Encryption {
    /// In order; the first rule that names a resource decides.
    pub rules: Vec<EncryptionRule>,
    /// Whence.
    pub origin: Origin,
}

/// One entry of `resources`.
#[derive(Debug, Clone, PartialEq)]
pub struct EncryptionRule {
    /// `secrets`, `deployments.apps`, `*.apps`, `*.*`.
    pub resources: Vec<String>,
    /// In order; the first writes, all read.
    pub providers: Vec<EncryptionProvider>,
    /// Whence.
    pub origin: Origin,
}

/// An encryption provider. Keys are names: the material is filled in on the host.
#[derive(Debug, Clone, PartialEq)]
pub enum EncryptionProvider {
    /// Keyed providers.
    Keyed {
        /// Which.
        algorithm: KeyedProvider,
        /// Key names in order; the first writes.
        keys: Vec<String>,
    },
    /// A KMS v2 plugin.
    Kms {
        /// Its name.
        name: String,
        /// `unix:///…`.
        endpoint: String,
        /// Timeout, as Kubernetes writes durations (`3s`).
        timeout: Option<String>,
    },
    /// Plain text.
    Identity,
}

/// Providers with local keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum KeyedProvider {
    AesCbc,
    AesGcm,
    SecretBox,
}

impl KeyedProvider {
    /// Kubernetes' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AesCbc => "aescbc",
            Self::AesGcm => "aesgcm",
            Self::SecretBox => "secretbox",
        }
    }
}

/// `audit.k8s.io/v1` Policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Stages never recorded (`RequestReceived`, …).
    pub omit_stages: Vec<String>,
    /// `omitManagedFields`.
    pub omit_managed_fields: Option<bool>,
    /// In order; the first match decides.
    pub rules: Vec<AuditRule>,
    /// Whence.
    pub origin: Origin,
}

/// One audit rule.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRule {
    /// How much.
    pub level: AuditLevel,
    /// Users and service accounts by name; groups. Empty: anybody.
    pub subjects: Vec<Subject>,
    /// Verbs; empty: any.
    pub verbs: Vec<String>,
    /// Resources by group; empty: any.
    pub resources: Vec<AuditResources>,
    /// Namespaces; empty: any. The empty string is "cluster-scoped".
    pub namespaces: Vec<String>,
    /// Non-resource URLs.
    pub urls: Vec<String>,
    /// Stages not recorded.
    pub omit_stages: Vec<String>,
    /// Whence.
    pub origin: Origin,
}

/// `GroupResources`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditResources {
    /// API group; `*` is every group (from Kubernetes 1.36 on).
    pub group: String,
    /// Resources with subresources; empty means all of the group.
    pub resources: Vec<String>,
    /// Object names; empty means any.
    pub resource_names: Vec<String>,
}

/// Audit levels, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum AuditLevel {
    None,
    Metadata,
    Request,
    RequestResponse,
}

impl AuditLevel {
    /// Kubernetes' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

/// `AuthenticationConfiguration`; its API version is a fact of the target version.
#[derive(Debug, Clone, PartialEq)]
pub struct Authentication {
    /// JWT issuers, in Kubernetes' own shape (camelCase), already checked.
    pub jwt: Vec<serde_json::Value>,
    /// Anonymous access; none leaves it to the flag.
    pub anonymous: Option<Anonymous>,
    /// Whence.
    pub origin: Origin,
}

/// `anonymous`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anonymous {
    /// Whether anonymous requests are let in at all.
    pub enabled: bool,
    /// On these paths only; empty means on all.
    pub paths: Vec<String>,
}

/// The API server's flags that kspec manages, typed; `None` and empty mean "not stated".
#[derive(Debug, Clone, PartialEq)]
pub struct ApiServer {
    /// Flag name without dashes to value, in the server's own spelling, typed and checked when elaborated: e.g.
    /// `anonymous-auth` → `false`, `enable-admission-plugins` → `NodeRestriction,PodSecurity`. Nothing here repeats a fact
    /// that a configuration file states.
    pub flags: BTreeMap<String, String>,
    /// Where each flag was stated.
    pub stated: BTreeMap<String, Origin>,
    /// Audit webhook kubeconfig etc. are paths on the host: what the README tells to put there, path to purpose.
    pub host_paths: BTreeMap<String, String>,
    /// Whence.
    pub origin: Origin,
}

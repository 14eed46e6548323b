//! Namespaces, service accounts, workloads.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Origin;
use crate::LabelSelector;

/// A namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct Namespace {
    /// Kubernetes name.
    pub name: String,
    /// Others own it: never created, labelled, changed or pruned.
    pub existing: bool,
    /// Labels beside those of Pod Security.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Pod Security.
    pub pod_security: Option<PodSecurity>,
    /// `automountServiceAccountToken` of the default service account, where stated.
    pub automount_token: Option<bool>,
    /// Resource quotas.
    pub quotas: Vec<Quota>,
    /// Limit ranges.
    pub limits: Vec<Limits>,
    /// Doc comment.
    pub doc: Option<String>,
    /// Whence.
    pub origin: Origin,
}

/// Pod Security levels of a namespace (the labels `pod-security.kubernetes.io/…`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSecurity {
    /// Level and version enforced.
    pub enforce: Option<PodSecurityMode>,
    /// Level and version warned about.
    pub warn: Option<PodSecurityMode>,
    /// Level and version audited.
    pub audit: Option<PodSecurityMode>,
}

/// One mode of Pod Security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSecurityMode {
    /// The level.
    pub level: PodSecurityLevel,
    /// `latest`, `v1.34`; none leaves the label out, which means `latest`.
    pub version: Option<String>,
}

/// Pod Security Standards' levels, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum PodSecurityLevel {
    Privileged,
    Baseline,
    Restricted,
}

impl PodSecurityLevel {
    /// The label's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// A ResourceQuota.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// Kubernetes name.
    pub name: String,
    /// `spec.hard`: resource name to canonical quantity text.
    pub hard: BTreeMap<String, String>,
    /// `spec.scopes`.
    pub scopes: Vec<String>,
    /// `spec.scopeSelector`, verbatim.
    pub scope_selector: Option<Value>,
    /// Whence.
    pub origin: Origin,
}

/// Limits of one LimitRange; several with one name are one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Kubernetes name of the LimitRange.
    pub name: String,
    /// `Container`, `Pod`, `PersistentVolumeClaim`.
    pub kind: LimitKind,
    /// `default`.
    pub default: BTreeMap<String, String>,
    /// `defaultRequest`.
    pub default_request: BTreeMap<String, String>,
    /// `min`.
    pub min: BTreeMap<String, String>,
    /// `max`.
    pub max: BTreeMap<String, String>,
    /// `maxLimitRequestRatio`.
    pub max_limit_request_ratio: BTreeMap<String, String>,
    /// Whence.
    pub origin: Origin,
}

/// What a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum LimitKind {
    Container,
    Pod,
    PersistentVolumeClaim,
}

impl LimitKind {
    /// `spec.limits[].type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Container => "Container",
            Self::Pod => "Pod",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
        }
    }
}

/// A service account.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceAccount {
    /// Namespace.
    pub namespace: String,
    /// Kubernetes name.
    pub name: String,
    /// Others own it.
    pub existing: bool,
    /// `automountServiceAccountToken`.
    pub automount_token: Option<bool>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// `imagePullSecrets` by name.
    pub image_pull_secrets: Vec<String>,
    /// Doc comment.
    pub doc: Option<String>,
    /// Whence.
    pub origin: Origin,
}

/// A workload: something that stamps pods. kspec never deploys it; it names pods for networks and grants.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Namespace.
    pub namespace: String,
    /// Kubernetes name: the controller's where bound, else the identifier's.
    pub name: String,
    /// Others own it.
    pub existing: bool,
    /// Selects its pods within the namespace.
    pub pods: LabelSelector,
    /// Labels its pods carry where bound to a manifest, else those of the selector.
    pub pod_labels: BTreeMap<String, String>,
    /// Named ports of its containers and of `ports`.
    pub ports: BTreeMap<String, Vec<PortSpec>>,
    /// Its service account's Kubernetes name.
    pub service_account: Option<String>,
    /// The controller it is bound to: kind, file, line.
    pub bound: Option<Bound>,
    /// Doc comment.
    pub doc: Option<String>,
    /// Whence.
    pub origin: Origin,
}

/// The manifest that a workload is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// `Deployment`, `StatefulSet`, …
    pub kind: String,
    /// Path as written in findings.
    pub file: String,
    /// Line of the document, from 1.
    pub line: u32,
}

/// A port, or a range with both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSpec {
    /// First.
    pub first: u16,
    /// Last.
    pub last: u16,
    /// Protocol.
    pub protocol: Protocol,
}

/// Transport protocols of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// Kubernetes' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// Reads Kubernetes' spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Sctp].into_iter().find(|protocol| protocol.as_str() == text)
    }
}

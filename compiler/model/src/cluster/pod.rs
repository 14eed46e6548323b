//! What a pod is to whoever runs code in it, and what is kept beside pods that leads further: secrets, and what is asked
//! before a write.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::PolicyFacts;
use crate::{LabelSelector, Labels, ObjectKey};

/// What a pod shares with its node, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodFacts {
    /// Containers, init and ephemeral ones included, that are privileged (`securityContext.privileged`).
    pub privileged: BTreeSet<String>,
    /// Containers that are administrators of their Windows node (`windowsOptions.hostProcess`, the container's own before its pod's).
    pub host_processes: BTreeSet<String>,
    /// Whether it is made for nodes of Windows (`spec.os`, or a node selector by `kubernetes.io/os`).
    pub windows: bool,
    /// Sees the node's processes (`hostPID`).
    pub host_pid: bool,
    /// Shares the node's memory segments (`hostIPC`).
    pub host_ipc: bool,
    /// Capabilities added to any of its containers, without the prefix `CAP_`; `ALL` is every one.
    pub capabilities: BTreeSet<String>,
    /// The node's paths that a container mounts, by volumes of the pod and by claims that are bound to volumes of a node's paths.
    pub host_paths: BTreeSet<HostPath>,
    /// The node's paths that its volumes are as a whole, mounted or not: a container that is added to it may mount any of them, and writes
    /// unless the volume itself is read-only.
    pub host_volumes: BTreeSet<HostPath>,
    /// Claims that a container mounts.
    pub claims: BTreeSet<ClaimMount>,
    /// Claims that are its volumes as a whole, mounted or not.
    pub claim_volumes: BTreeSet<ClaimMount>,
    /// Secrets of its namespace that are mounted or read into its environment.
    pub secrets: BTreeSet<String>,
    /// `automountServiceAccountToken`, where the pod states it.
    pub automount_token: Option<bool>,
    /// Whether a projected volume holds a token of its service account for the API server (no `audience` of its own).
    pub projected_token: bool,
    /// Whether that volume is the one that the API server adds to a pod by itself.
    pub injected_token: bool,
    /// The node it runs on, once it does.
    pub node: Option<String>,
    /// Addresses of a pod that runs (`status.podIPs`); those of pods on their node's network are the node's.
    pub addresses: BTreeSet<IpAddr>,
}

/// A path of the node as containers mount it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPath {
    /// Path on the node, down to the `subPath` that is mounted of it.
    pub path: String,
    /// Whether every container that mounts it does so without writing.
    pub read_only: bool,
    /// The PersistentVolume that it is of; none for a `hostPath` volume of the pod's own.
    pub volume: Option<String>,
}

/// A claim as containers mount it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimMount {
    /// Name of the PersistentVolumeClaim.
    pub name: String,
    /// The folder of it that is mounted (`subPath`); empty for the whole.
    pub sub_path: String,
    /// Whether the name is a StatefulSet's, which each of its pods completes by a number (`volumeClaimTemplates`).
    pub numbered: bool,
    /// Whether every container that mounts it does so without writing.
    pub read_only: bool,
}

impl PodFacts {
    /// Whether only a node of Windows runs it as it is meant.
    #[must_use]
    pub fn is_of_windows(&self) -> bool {
        self.windows || !self.host_processes.is_empty()
    }
}

impl HostPath {
    /// A folder within a path; the path itself where there is none.
    #[must_use]
    pub fn below(path: &str, sub_path: &str) -> String {
        if sub_path.is_empty() { path.to_owned() } else { format!("{}/{sub_path}", path.trim_end_matches('/')) }
    }
}

impl ClaimMount {
    /// Whether it is a claim of this name.
    #[must_use]
    pub fn is_of(&self, name: &str) -> bool {
        if !self.numbered {
            return self.name == name;
        }
        let number = name.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    }
}

/// A PersistentVolume, as far as it opens a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeFacts {
    /// The path of a node that it is (`hostPath`, `local`); none for storage elsewhere.
    pub path: Option<String>,
    /// Namespace and name of the claim that it is kept for (`claimRef`).
    pub claim: Option<(String, String)>,
}

/// A secret, without its contents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretFacts {
    /// The service account whose token it holds: type `kubernetes.io/service-account-token`, annotation
    /// `kubernetes.io/service-account.name`.
    pub token_of: Option<String>,
}

/// A webhook of a configuration, or a policy that a binding puts to use: something that may refuse a write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuardFacts {
    /// What it is asked about.
    pub rules: Vec<GuardRule>,
    /// Namespaces that it is asked in; empty for all.
    pub namespaces: LabelSelector,
    /// Namespaces that the bindings of a policy that alters put it to use in; empty for webhooks, and for policies that say
    /// what they validate, whose bindings say more.
    pub bound: Vec<LabelSelector>,
    /// The service that answers for it, by namespace and name; none for policies and for webhooks elsewhere.
    pub service: Option<(String, String)>,
    /// What a validating policy says; none for webhooks, and for policies that alter.
    pub policy: Option<PolicyFacts>,
}

/// Operations on resources, each list with `*` for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuardRule {
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`.
    pub operations: Vec<String>,
    /// API groups.
    pub groups: Vec<String>,
    /// Resources; `pods/*` is every subresource of pods, `*/*` everything.
    pub resources: Vec<String>,
    /// What it is about alone: objects in namespaces, or those in none; none for both.
    pub namespaced: Option<bool>,
}

impl GuardFacts {
    /// Whether it is asked in a namespace of these labels.
    #[must_use]
    pub fn is_asked_in(&self, labels: &Labels) -> bool {
        let bound = |policy: &PolicyFacts| policy.bindings.iter().any(|binding| binding.namespaces.matches(labels));
        self.namespaces.matches(labels)
            && self.policy.as_ref().is_none_or(bound)
            && (self.bound.is_empty() || self.bound.iter().any(|namespaces| namespaces.matches(labels)))
    }
}

impl GuardRule {
    /// Whether it is about an operation on a resource, as the API server matches admission rules
    /// (`staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules`).
    #[must_use]
    pub fn matches(&self, operation: &str, group: &str, resource: &str, subresource: &str) -> bool {
        let says = |words: &[String], word: &str| words.iter().any(|known| known == "*" || known == word);
        let resources = |pattern: &String| {
            let (kind, sub) = pattern.split_once('/').unwrap_or((pattern, ""));
            (kind == "*" || kind == resource) && (sub == "*" || sub == subresource)
        };
        says(&self.operations, operation) && says(&self.groups, group) && self.resources.iter().any(resources)
    }
}

/// Everything that may refuse a write, by the object that says so.
pub type Guards = BTreeMap<ObjectKey, Vec<GuardFacts>>;

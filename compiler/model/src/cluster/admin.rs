//! Policies of cluster administrators: `policy.networking.k8s.io`.
//!
//! AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1 and ClusterNetworkPolicy v1alpha2 (the types of
//! kubernetes-sigs/network-policy-api v0.1.7 and v0.2.0) are one thing here: a tier, a priority in it, and ordered rules.

use ipnet::IpNet;

use super::PolicyPortFacts;
use crate::LabelSelector;

/// Where a policy stands: before NetworkPolicies or after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyTier {
    /// Before them.
    Admin,
    /// After them, for pods that none of them isolates.
    Baseline,
}

/// A policy of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminPolicyFacts {
    /// Its tier.
    pub tier: PolicyTier,
    /// 0 to 1000; lower ones come first. Which of two policies with one priority comes first is not defined.
    pub priority: u16,
    /// Pods that it is about; never those on their node's network.
    pub subject: PodsFacts,
    /// Rules for incoming connections; the first that matches counts.
    pub ingress: Vec<AdminRuleFacts>,
    /// Rules for outgoing connections, likewise.
    pub egress: Vec<AdminRuleFacts>,
}

/// Pods of namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodsFacts {
    /// Namespaces.
    pub namespaces: LabelSelector,
    /// Pods there.
    pub pods: LabelSelector,
}

/// A rule: what becomes of connections with any of the peers, on any of the ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminRuleFacts {
    /// What becomes of them.
    pub action: AdminAction,
    /// Never empty.
    pub peers: Vec<AdminPeerFacts>,
    /// `None`: every port.
    pub ports: Option<Vec<PolicyPortFacts>>,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdminAction {
    /// Allowed, for good (`Allow`; `Accept` of ClusterNetworkPolicy).
    Allow,
    /// Denied, for good.
    Deny,
    /// Up to the next tier.
    Pass,
}

/// A peer of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminPeerFacts {
    /// Pods; never those on their node's network.
    Pods(PodsFacts),
    /// Addresses, those of pods included.
    Networks(Vec<IpNet>),
    /// Nodes' own addresses.
    Nodes(LabelSelector),
    /// Whatever addresses these names stand for.
    Domains(Vec<String>),
}

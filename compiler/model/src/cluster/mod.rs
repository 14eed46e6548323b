//! What Kubernetes objects mean for access and connectivity.
//!
//! [`Cluster::lift`] reads objects, whoever wrote them; what it does not understand it leaves out and says so.

mod admin;
mod custom;
mod gateway;
mod lift;
mod pod;
mod pod_security;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

pub use admin::{AdminAction, AdminPeerFacts, AdminPolicyFacts, AdminRuleFacts, PodsFacts, PolicyTier};
pub use custom::{CUSTOM_WORKLOADS, CustomWorkload};
pub use gateway::{GatewayFacts, GatewayRef, GrantFacts, ListenerFacts, RouteFacts, RouteNamespaces};
pub use lift::{Known, Lift, LiftProblem};
pub use pod::{ClaimMount, GuardFacts, GuardRule, Guards, HostPath, PodFacts, SecretFacts, VolumeFacts};
pub use pod_security::PodSecurityDefaults;
pub use policy::{MatchFacts, PolicyFacts};

use crate::{
    LabelSelector, ObjectKey,
    program::{PortSpec, Protocol, RoleRef, RoleRule, Subject},
};

/// Everything that analyses read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cluster {
    /// Namespaces by name; one that only appears in other objects' metadata is here too, with the one label that
    /// Kubernetes sets itself (`kubernetes.io/metadata.name`).
    pub namespaces: BTreeMap<String, NamespaceFacts>,
    /// Pods and everything that stamps pods, by kind, namespace and name.
    pub workloads: BTreeMap<ObjectKey, WorkloadFacts>,
    /// Services.
    pub services: BTreeMap<(String, String), ServiceFacts>,
    /// Workloads or services that outside callers reach, by Ingress backends.
    pub ingresses: BTreeMap<(String, String), IngressFacts>,
    /// Routes of the Gateway API that hang on a Gateway.
    pub routes: BTreeMap<ObjectKey, RouteFacts>,
    /// Gateways.
    pub gateways: BTreeMap<(String, String), GatewayFacts>,
    /// ReferenceGrants that are about services.
    pub grants: BTreeMap<(String, String), GrantFacts>,
    /// Roles (with a namespace) and ClusterRoles, aggregation resolved.
    pub roles: BTreeMap<RoleRef, RoleFacts>,
    /// RoleBindings and ClusterRoleBindings.
    pub bindings: BTreeMap<ObjectKey, BindingFacts>,
    /// NetworkPolicies by namespace and name.
    pub network_policies: BTreeMap<(String, String), NetworkPolicyFacts>,
    /// AdminNetworkPolicies, BaselineAdminNetworkPolicies and ClusterNetworkPolicies.
    pub admin_policies: BTreeMap<ObjectKey, AdminPolicyFacts>,
    /// Service accounts.
    pub service_accounts: BTreeMap<(String, String), ServiceAccountFacts>,
    /// Secrets by namespace and name; what they hold is not read.
    pub secrets: BTreeMap<(String, String), SecretFacts>,
    /// PersistentVolumes by name.
    pub volumes: BTreeMap<String, VolumeFacts>,
    /// PersistentVolumeClaims by namespace and name, with the volume that each states.
    pub claims: BTreeMap<(String, String), Option<String>>,
    /// Webhooks' configurations, and admission policies that a binding puts to use: each may refuse a write, or alter it.
    pub guards: Guards,
    /// What the API server's own configuration says of Pod Security; where it is not seen, nothing.
    pub pod_security: PodSecurityDefaults,
    /// Whether the API server is seen to run NodeRestriction, which refuses nodes tokens that their pods do not hold ("Admission
    /// Controllers Reference", Kubernetes documentation).
    pub nodes_restricted: bool,
    /// Whether the API server is seen to take no bootstrap tokens (`--enable-bootstrap-token-auth`).
    pub no_bootstrap_tokens: bool,
    /// Nodes of Windows, by the label that each kubelet gives its node (`kubernetes.io/os`).
    pub windows: BTreeSet<String>,
    /// Custom resources that the cluster defines: API group and plural.
    pub definitions: BTreeSet<(String, String)>,
    /// Objects of kinds whose meaning for connectivity or access kspec does not evaluate (Calico's, Cilium's, …): an answer
    /// they could change is "unknown".
    pub opaque: Vec<ObjectKey>,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceFacts {
    /// Labels, `kubernetes.io/metadata.name` included.
    pub labels: BTreeMap<String, String>,
}

/// A pod or a controller's pod template.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkloadFacts {
    /// Labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// The controller's own selector, where it has one.
    pub selector: Option<LabelSelector>,
    /// Named and unnamed container ports.
    pub ports: Vec<ContainerPort>,
    /// Service account name; `default` unless stated.
    pub service_account: String,
    /// Shares the node's network, so NetworkPolicy does not apply to it.
    pub host_network: bool,
    /// What its pods share with their nodes, and what they hold.
    pub pod: PodFacts,
    /// Key of the controller that owns it, where it has one: such a workload is the same as its owner.
    pub owner: Option<ObjectKey>,
}

/// A container's port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerPort {
    /// Name, if any.
    pub name: Option<String>,
    /// Number.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceFacts {
    /// Selector; none for services without one.
    pub selector: Option<BTreeMap<String, String>>,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.
    pub kind: String,
    /// Ports.
    pub ports: Vec<ServicePort>,
    /// Whether it has external addresses of its own (`externalIPs`).
    pub external_ips: bool,
}

impl ServiceFacts {
    /// Whether callers outside the cluster are led to it.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.external_ips || matches!(self.kind.as_str(), "NodePort" | "LoadBalancer")
    }
}

/// A service's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Name, if any.
    pub name: Option<String>,
    /// What callers of the service name.
    pub port: u16,
    /// Where that leads in the pods.
    pub target: PortTarget,
    /// Protocol.
    pub protocol: Protocol,
}

/// A port by number or name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortTarget {
    /// Number.
    Number(u16),
    /// Container port name.
    Name(String),
}

/// An Ingress: the services it sends traffic to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngressFacts {
    /// Service name and port.
    pub backends: Vec<(String, PortTarget)>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoleFacts {
    /// Its rules.
    pub rules: Vec<RoleRule>,
    /// `aggregationRule` selectors, where it has one.
    pub aggregation: Option<Vec<LabelSelector>>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A binding. A RoleBinding's namespace is its key's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingFacts {
    /// The role bound; a RoleBinding's Role has the binding's namespace.
    pub role: RoleRef,
    /// To whom.
    pub subjects: Vec<Subject>,
    /// Whether it carries the label of those that every API server creates (`kubernetes.io/bootstrapping: rbac-defaults`).
    pub built_in: bool,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceAccountFacts {
    /// `automountServiceAccountToken`.
    pub automount_token: Option<bool>,
}

/// A `networking.k8s.io/v1` NetworkPolicy with its defaults resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicyFacts {
    /// Pods it selects.
    pub pods: LabelSelector,
    /// Rules for incoming connections; `None` when the policy does not isolate them.
    pub ingress: Option<Vec<PolicyRuleFacts>>,
    /// Rules for outgoing connections; `None` when the policy does not isolate them.
    pub egress: Option<Vec<PolicyRuleFacts>>,
}

/// One rule: any of the peers, on any of the ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyRuleFacts {
    /// `None` (absent or empty in the object): every peer.
    pub peers: Option<Vec<PeerFacts>>,
    /// `None` (absent or empty in the object): every port.
    pub ports: Option<Vec<PolicyPortFacts>>,
}

/// A peer of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerFacts {
    /// Pods; `namespaces` absent means the policy's own namespace.
    Pods {
        /// Pod selector; absent in the object means all.
        pods: LabelSelector,
        /// Namespace selector.
        namespaces: Option<LabelSelector>,
    },
    /// Addresses.
    Block {
        /// The block.
        cidr: IpNet,
        /// Left out.
        except: Vec<IpNet>,
    },
}

/// A port of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyPortFacts {
    /// By number or range.
    Number(PortSpec),
    /// By container port name at the destination, and protocol; `None`: whichever it has. Policies of administrators state none
    /// (`namedPort`, `destinationNamedPort`: "selects a port on a pod based on name").
    Named(String, Option<Protocol>),
    /// Every port of the protocol.
    All(Protocol),
}

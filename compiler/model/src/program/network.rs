//! Networks: edges, denials, policies.

use ipnet::IpNet;

use super::{Origin, PortSpec};
use crate::LabelSelector;

/// A network block: its scope and what it says there.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Where; dynamic scopes are instantiated when lowering.
    pub scope: NetworkScope,
    /// Denials.
    pub denies: Vec<DefaultDeny>,
    /// Edges.
    pub edges: Vec<Edge>,
    /// Policies spelt out.
    pub policies: Vec<Policy>,
    /// Whence.
    pub origin: Origin,
}

/// Where a network holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkScope {
    /// These namespaces.
    Namespaces(Vec<String>),
    /// Every namespace, of the program and of the state, whose labels match.
    Where(LabelSelector),
}

/// `default deny`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultDeny {
    /// Isolates incoming connections.
    pub ingress: bool,
    /// Isolates outgoing connections.
    pub egress: bool,
    /// Kubernetes name where given.
    pub name: Option<String>,
    /// Whence.
    pub origin: Origin,
}

/// `allow from -> to : ports`, one edge for each pair of peers.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Who connects.
    pub from: Peer,
    /// To whom.
    pub to: Peer,
    /// On which ports.
    pub ports: Vec<PortRef>,
    /// Doc comment.
    pub doc: Option<String>,
    /// Whence.
    pub origin: Origin,
}

/// A NetworkPolicy spelt out.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Kubernetes name.
    pub name: String,
    /// Selects the pods it isolates, within the scope.
    pub pods: LabelSelector,
    /// `None`: not isolated in this direction; empty: isolated, nothing allowed.
    pub ingress: Option<Vec<PolicyRule>>,
    /// As `ingress`.
    pub egress: Option<Vec<PolicyRule>>,
    /// Doc comment.
    pub doc: Option<String>,
    /// Whence.
    pub origin: Origin,
}

/// One rule of a spelt-out policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRule {
    /// Far ends.
    pub peers: Vec<Peer>,
    /// Ports; empty means all.
    pub ports: Vec<PortRef>,
}

/// One end of a connection. `scope` below is the network block's namespace being lowered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// A workload's pods.
    Workload {
        /// Namespace.
        namespace: String,
        /// Kubernetes name.
        name: String,
    },
    /// Every pod of one namespace.
    Namespace(String),
    /// Every pod in scope.
    All,
    /// Every peer: pods and addresses alike.
    Any,
    /// The cluster's DNS pods on their target ports, UDP and TCP. The edge's own ports are ignored (and refused).
    Dns,
    /// Every address outside the pod, service and node ranges; as a source also callers of an Ingress, Gateway,
    /// LoadBalancer or NodePort, whose address is then outside or a node's.
    Internet,
    /// An address block.
    Cidr {
        /// The block.
        block: IpNet,
        /// Left out of it.
        except: Vec<IpNet>,
    },
    /// Pods by label.
    Pods {
        /// Pods.
        pods: LabelSelector,
        /// Namespaces; none means those in scope.
        namespaces: Option<LabelSelector>,
    },
}

/// A port of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortRef {
    /// By number.
    Number(PortSpec),
    /// By the name that a container of the destination gives it. The protocol is that of the port so named.
    Named {
        /// The name.
        name: String,
        /// Protocol.
        protocol: super::Protocol,
    },
    /// Every port of one protocol.
    Protocol(super::Protocol),
}

//! Connectivity: what NetworkPolicies and administrators' policies allow, and what a change to them opens and closes.
//!
//! The semantics are those of `networking.k8s.io/v1`: a pod that some policy selects for a direction is isolated in it, and
//! then has exactly what the rules of those policies add up to; a connection needs both ends' consent, and its replies
//! need none. Where the documentation leaves a choice to the network plugin, this is what is assumed:
//! pods on the node's network are never isolated, and no pod or namespace selector recognises them; an `ipBlock` is about
//! addresses outside the cluster, and about pods only where that is asked for ([`IpBlocks`]); traffic between a pod and its own node is not looked at.
//!
//! A delta also says whom `internet` gains or loses as a caller: who stands outside and is led in. A NodePort, a LoadBalancer
//! or an external address leads to a workload where its policies let some outside address in on that port. An Ingress or a
//! Gateway's route leads there where they let anyone in on it: which pods, or whose load balancer, hand the requests on is not
//! in the objects.

mod between;
mod causes;
mod classes;
mod columns;
mod connections;
mod delta;
mod exposure;
pub mod findings;
mod flip;
mod gateways;
mod names;
mod network;
mod opaque;
mod reach;
mod selectors;
mod side;
mod tiers;
mod universe;
mod verdict;

pub use between::{Ends, Packet};
pub use classes::{ClassEdges, EndClass, Summary};
pub use connections::Connections;
pub use delta::{Cause, Change, ConnectivityDelta, EdgeChange, delta};
pub use flip::{Deed, Flip};
pub use network::{Direction, End, Network};
pub use reach::{Edge, Exposure, Reach, Row, reach};
pub use verdict::{Effect, Half, Part, Say, Verdict, Why};

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetOptions {
    /// Outside addresses of IPv6.
    pub ipv6: Ipv6,
    /// Whom address blocks are about.
    pub blocks: IpBlocks,
}

/// Whom an `ipBlock` of a NetworkPolicy may mean. Kubernetes' documentation says that blocks "should be cluster-external IPs", and
/// leaves open what becomes of a pod whose address lies in one: network plugins differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IpBlocks {
    /// Addresses outside the cluster alone.
    #[default]
    Outside,
    /// Pods as well, by their addresses (`status.podIPs`). A block means a workload for certain where it has every address of all
    /// its pods; where it has some, or none is known, it may.
    Pods,
}

/// When outside addresses of IPv6 are part of an answer. Those of IPv4 always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ipv6 {
    /// Where some policy names an IPv6 block.
    #[default]
    WhenNamed,
    /// Always.
    Always,
    /// Never.
    Never,
}

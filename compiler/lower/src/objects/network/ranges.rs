//! What `internet` means in addresses.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use kspec_model::program::NetworkFacts;

use super::Direction;

/// All addresses of one family but some.
pub(super) struct Outside {
    pub(super) block: IpNet,
    pub(super) except: Vec<IpNet>,
}

/// Every address outside the cluster's ranges, or which of them are missing: without all three, "outside" would let pods,
/// services or nodes in.
///
/// Who calls a LoadBalancer or NodePort often arrives with the address of the node that took the call, so nodes count as
/// outside where they call.
pub(super) fn outside(facts: &NetworkFacts, direction: Direction) -> Result<[Outside; 2], Vec<&'static str>> {
    let tables = [("pods", &facts.pods), ("services", &facts.services), ("nodes", &facts.nodes)];
    let missing: Vec<&str> = tables.iter().filter(|(_, ranges)| ranges.is_empty()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let mut inside: Vec<IpNet> = facts.pods.iter().chain(&facts.services).copied().collect();
    if direction == Direction::Egress {
        inside.extend(&facts.nodes);
    }
    let mut inside: Vec<IpNet> = IpNet::aggregate(&inside.iter().map(IpNet::trunc).collect());
    inside.sort();
    let (v4, v6): (Vec<IpNet>, Vec<IpNet>) = inside.into_iter().partition(|range| matches!(range, IpNet::V4(_)));
    Ok([
        Outside { block: IpNet::V4(Ipv4Net::default()), except: v4 },
        Outside { block: IpNet::V6(Ipv6Net::default()), except: v6 },
    ])
}

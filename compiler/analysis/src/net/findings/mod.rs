//! What is odd about a cluster's policies: rules that nothing comes of, and ends that policies forgot.
//!
//! Each claim is about the workloads and the policies that are there, and is decided by classes of ends as the connections are.
//! *Superfluous* is what can be left out, all of it at once, with every connection staying as it is; a policy is only called so
//! where no end would consent to more without it, so that what guards one end is never called superfluous because the other
//! end refuses too, and neither is the default denial of a namespace, which is for pods to come.

mod admins;
mod empty;
mod halves;
mod missing;
mod needless;
mod one_sided;
mod superfluous;

use std::collections::BTreeSet;

use kspec_model::{LabelSelector, ObjectKey, cluster::Cluster, program::Protocol};

use self::halves::Halves;
use super::{
    Direction, NetOptions, Network,
    columns::LeftOut,
    side::Side,
    tiers::Bound,
    universe::{Universe, range_name, workload_name},
};

/// What the cluster's own services are.
#[derive(Debug, Clone, PartialEq)]
pub struct Services {
    /// Namespace of the DNS pods.
    pub dns_namespace: String,
    /// Their labels.
    pub dns_pods: LabelSelector,
    /// The ports that they listen on.
    pub dns_ports: Vec<u16>,
}

impl Default for Services {
    /// As kubeadm and most distributions have it.
    fn default() -> Self {
        Self {
            dns_namespace: "kube-system".to_owned(),
            dns_pods: LabelSelector::labels([("k8s-app", "kube-dns")]),
            dns_ports: vec![53],
        }
    }
}

/// A rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleAt {
    /// The policy.
    pub policy: ObjectKey,
    /// Which half of it.
    pub direction: Direction,
    /// Counted from 0.
    pub rule: usize,
}

/// A first packet between two ends, as they are written in answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// Who opens the connection.
    pub src: String,
    /// Who is called.
    pub dst: String,
    /// Protocol.
    pub protocol: Protocol,
    /// Port at the destination.
    pub port: u16,
}

impl std::fmt::Display for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {} : {} {}", self.src, self.dst, self.protocol.as_str(), self.port)
    }
}

/// Something odd.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oddity {
    /// A policy that selects no workload.
    SelectsNothing {
        /// The policy.
        policy: ObjectKey,
    },
    /// A rule that names nobody, or one peer of it.
    NamesNobody {
        /// The rule.
        at: RuleAt,
        /// The peer, counted from 0; none: every peer of the rule.
        peer: Option<usize>,
        /// Whether it would name pods on their node's network, if selectors recognised those.
        on_node: bool,
    },
    /// A port's name that no destination of the rule has.
    NoSuchPort {
        /// The rule.
        at: RuleAt,
        /// The name.
        port: String,
        /// Protocol; none: of no protocol is there one.
        protocol: Option<Protocol>,
        /// Whether the rule has no other port.
        whole: bool,
        /// One destination.
        destination: String,
    },
    /// A peer of a rule with whom no connection of the rule's passes, because the other end refuses.
    OneSided {
        /// The rule.
        at: RuleAt,
        /// The peer, counted from 0.
        peer: usize,
        /// The far ends that refuse, as they are written.
        refusing: Vec<String>,
        /// A connection that the rule gives and the other end refuses.
        example: Example,
        /// The policies that refuse the example.
        refused_by: Vec<ObjectKey>,
        /// Whether nothing else comes of the rule.
        whole: bool,
    },
    /// A NetworkPolicy or a rule of one that changes nothing, since others say as much.
    Superfluous {
        /// The policy.
        policy: ObjectKey,
        /// Which rule of it, counted from 0; none: all of it.
        rule: Option<(Direction, usize)>,
        /// Who allows what it allows: policies, each with the rule where one suffices.
        covered_by: Vec<Cover>,
        /// Whether the other ends refuse a part.
        refused: bool,
    },
    /// A NetworkPolicy that isolates and lets everything through.
    Vacuous {
        /// The policy.
        policy: ObjectKey,
        /// The half; none: all of it.
        direction: Option<Direction>,
    },
    /// A rule of an administrators' policy that others decide before.
    Shadowed {
        /// The rule.
        at: RuleAt,
        /// Who decides before it.
        by: Vec<RuleAt>,
        /// A connection that it names.
        example: Example,
    },
    /// An administrators' policy, or a rule of one, without which every connection fares the same, whatever NetworkPolicies there are.
    Needless {
        /// The policy.
        policy: ObjectKey,
        /// Which rule of it; none: all of it.
        rule: Option<(Direction, usize)>,
        /// Who decides the example without it; nobody where it goes on to the next tier, or is allowed by default.
        by: Vec<RuleAt>,
        /// A connection that it decides.
        example: Example,
    },
    /// Administrators' policies of one tier and priority that say different things.
    Ambiguous {
        /// What each says.
        says: Vec<RuleAt>,
        /// Of this connection.
        example: Example,
    },
    /// Workloads that may call others, and not ask for their addresses.
    DnsForgotten {
        /// They, as they are written.
        workloads: Vec<String>,
        /// The policies that isolate them.
        policies: Vec<ObjectKey>,
        /// A query that is dropped.
        example: Example,
        /// Whom they may call.
        calls: String,
    },
    /// A namespace in which a new pod is not isolated.
    NoDefaultDeny {
        /// The namespace.
        namespace: String,
        /// In which directions.
        directions: Vec<Direction>,
        /// Workloads there that nothing isolates in one of these, as they are written.
        open: Vec<String>,
    },
}

/// Who allows something too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cover {
    /// The policy.
    pub policy: ObjectKey,
    /// Its rule, counted from 0, where one is enough.
    pub rule: Option<usize>,
}

/// Everything odd about a cluster's policies, sorted.
#[must_use]
pub fn oddities(cluster: &Cluster, options: &NetOptions, services: &Services) -> Vec<Oddity> {
    let network = Network::new(cluster, options);
    let (universe, side) = (&network.universe, &network.side);
    let bounds = if side.may_be_ambiguous() { &[Bound::Certain, Bound::Possible][..] } else { &[Bound::Certain] };
    let mut halves: Vec<Halves> = bounds.iter().map(|bound| Halves::new(side, *bound)).collect();

    let mut found = empty::find(universe, side);
    let possible = halves.last_mut();
    if let Some(possible) = possible {
        found.extend(one_sided::find(&network, possible));
    }
    let told = told(side, &found);
    found.extend(superfluous::find(side, &mut halves, told));
    found.extend(admins::shadowed(universe, side));
    let nothing = found.iter().filter_map(nothing_comes_of).cloned().collect::<Vec<_>>();
    found.extend(needless::find(universe, side, &nothing));
    found.extend(admins::ambiguous(&network));
    found.extend(missing::default_deny(universe, side));
    found.extend(missing::dns(&network, &mut halves, services));
    found.sort();
    found
}

/// The rule of which this tells that nothing comes of it.
fn nothing_comes_of(oddity: &Oddity) -> Option<&RuleAt> {
    match oddity {
        Oddity::NamesNobody { at, peer: None, .. }
        | Oddity::NoSuchPort { at, whole: true, .. }
        | Oddity::OneSided { at, whole: true, .. }
        | Oddity::Shadowed { at, .. } => Some(at),
        _ => None,
    }
}

/// Rules of NetworkPolicies of which is told already that nothing comes of them.
fn told(side: &Side<'_>, found: &[Oddity]) -> LeftOut {
    let mut left_out = LeftOut::default();
    for at in found.iter().filter_map(nothing_comes_of) {
        let policy = side.policies.iter().position(|policy| policy.key() == at.policy);
        left_out.rules.extend(policy.map(|policy| (policy, at.direction, at.rule)));
    }
    let nothing: BTreeSet<_> = found
        .iter()
        .filter_map(|oddity| match oddity {
            Oddity::SelectsNothing { policy } => Some(policy),
            _ => None,
        })
        .collect();
    for (index, policy) in side.policies.iter().enumerate() {
        if nothing.contains(&policy.key()) {
            left_out.halves.extend([(index, Direction::Ingress), (index, Direction::Egress)]);
        }
    }
    left_out
}

/// An end as it is written.
fn written(universe: &Universe, position: usize) -> String {
    let range = || universe.ranges.get(position.checked_sub(universe.workloads.len())?);
    match (universe.workloads.get(position), range()) {
        (Some(key), _) => workload_name(key),
        (None, Some(range)) => range_name(range.v6, range.first, range.last),
        (None, None) => String::new(),
    }
}

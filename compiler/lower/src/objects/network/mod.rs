//! Networks.
//!
//! An edge has two halves: the source's pods must be let out, the destination's pods must be let in. Kubernetes isolates a
//! pod in a direction as soon as one policy selects it there, so
//! - a half is written only where this program denies that direction by default: elsewhere it would isolate pods that
//!   nobody asked to isolate;
//! - all halves of the same pods in one direction make one policy, what holds for every pod of the namespace included, so
//!   that no pod is ever selected by a part of what it may do.
//!
//! `any`, `internet`, `dns` and address blocks are far ends only: no half is written for them.

mod edges;
mod peers;
mod ranges;
mod written;

use std::borrow::Cow;

use kspec_model::{
    LabelSelector,
    cluster::{Known, NetworkPolicyFacts, PolicyPortFacts, PolicyRuleFacts},
    program::{DefaultDeny, Network, Policy, PolicyRule},
};
use rustc_hash::FxHashSet;
use serde_json::Value;

use self::peers::Peers;
use super::{Kind, OutlinedObject, Output, Phase, manifests::policy_phase, metadata::Metadata, world::World};

const POLICY: Kind = Kind { api_version: "networking.k8s.io/v1", kind: "NetworkPolicy" };

/// A direction, from the point of view of the pods that a policy selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    fn policy_type(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    /// The field of a NetworkPolicy's spec, and the end of a generated name.
    fn field(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The field of a rule that holds the far ends.
    fn peers_field(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }
}

/// A network with the namespaces it holds in.
struct Scoped<'w> {
    network: &'w Network,
    namespaces: Vec<&'w str>,
}

/// Which namespaces this program isolates, in which directions.
struct Denied<'w>(FxHashSet<(&'w str, Direction)>);

impl Denied<'_> {
    fn has(&self, namespace: &str, direction: Direction) -> bool {
        self.0.contains(&(namespace, direction))
    }
}

/// Names of policies that are taken, by namespace.
type Taken<'w> = FxHashSet<(&'w str, Cow<'w, str>)>;

pub(super) fn lower<'a>(world: &World<'a>, output: &mut Output<'a>) {
    let scoped: Vec<Scoped<'_>> = world
        .program
        .networks
        .iter()
        .copied()
        .map(|network| Scoped { network, namespaces: world.network_scope(&network.scope) })
        .collect();
    let denied = denied(&scoped);
    let mut taken = given_names(world, &scoped);
    policies(world, &scoped, output);
    edges::lower(world, &scoped, &denied, &mut taken, output);
    denials(world, &scoped, output);
}

fn denied<'w>(scoped: &[Scoped<'w>]) -> Denied<'w> {
    let mut denied = FxHashSet::default();
    for Scoped { network, namespaces } in scoped {
        let by_word = network.denies.iter().map(|deny| (deny.ingress, deny.egress));
        // A policy spelt out over every pod isolates as a default denial does.
        let spelt_out = network
            .policies
            .iter()
            .filter(|policy| policy.pods.is_empty())
            .map(|policy| (policy.ingress.is_some(), policy.egress.is_some()));
        let (ingress, egress) =
            by_word.chain(spelt_out).fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1));
        for namespace in namespaces {
            denied.extend(ingress.then_some((*namespace, Direction::Ingress)));
            denied.extend(egress.then_some((*namespace, Direction::Egress)));
        }
    }
    Denied(denied)
}

/// Names that the program gives itself; generated ones step aside.
fn given_names<'w>(world: &World<'w>, scoped: &[Scoped<'w>]) -> Taken<'w> {
    let mut names = FxHashSet::default();
    for Scoped { network, namespaces } in scoped {
        for namespace in namespaces {
            names.extend(network.policies.iter().map(|policy| (*namespace, Cow::Borrowed(policy.name.as_str()))));
            names.extend(network.denies.iter().map(|deny| (*namespace, Cow::Borrowed(deny_name(deny)))));
        }
    }
    for manifest in &world.program.manifests {
        let text = |pointer: &str| manifest.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if text("/kind") == "NetworkPolicy" {
            names.insert((text("/metadata/namespace"), Cow::Borrowed(text("/metadata/name"))));
        }
    }
    names
}

fn deny_name(deny: &DefaultDeny) -> &str {
    match (&deny.name, deny.ingress, deny.egress) {
        (Some(name), _, _) => name,
        (None, true, false) => "default-deny-ingress",
        (None, false, true) => "default-deny-egress",
        (None, _, _) => "default-deny",
    }
}

/// Denials without a name of their own say the same thing wherever they are written: one object a namespace.
fn denials<'a>(world: &World<'a>, scoped: &[Scoped<'a>], output: &mut Output<'a>) {
    let mut written = FxHashSet::default();
    for Scoped { network, namespaces } in scoped {
        let network: &'a Network = network;
        for deny in &network.denies {
            let name = deny_name(deny);
            for namespace in namespaces {
                if deny.name.is_none() && !written.insert((*namespace, name)) {
                    continue;
                }
                let outlined = POLICY.named(Some(*namespace), name, &deny.origin);
                output.policy(world, outlined, (0, Some(Phase::NetworkDeny)), || {
                    let nothing = |denied: bool| denied.then(Vec::new);
                    let (ingress, egress) = (nothing(deny.ingress), nothing(deny.egress));
                    (NetworkPolicyFacts { pods: LabelSelector::default(), ingress, egress }, None)
                });
            }
        }
    }
}

fn policies<'a>(world: &World<'a>, scoped: &[Scoped<'a>], output: &mut Output<'a>) {
    for Scoped { network, namespaces } in scoped {
        let network: &'a Network = network;
        for policy in &network.policies {
            for (direction, rules) in [(Direction::Ingress, &policy.ingress), (Direction::Egress, &policy.egress)] {
                let peers = rules.iter().flatten().flat_map(|rule| &rule.peers);
                output.findings.extend(peers.filter_map(|peer| peers::unsaid(world, peer, direction, &policy.origin)));
            }
            for namespace in namespaces {
                let outlined = POLICY.named(Some(*namespace), &policy.name, &policy.origin);
                output.policy(world, outlined, (2, None), || {
                    (policy_facts(world, policy, namespace), policy.doc.as_deref().map(Cow::Borrowed))
                });
            }
        }
    }
}

fn policy_facts(world: &World<'_>, policy: &Policy, namespace: &str) -> NetworkPolicyFacts {
    let lowered = |direction, rules: &Option<Vec<PolicyRule>>| -> Option<Vec<PolicyRuleFacts>> {
        let rules = rules.as_ref()?.iter();
        Some(rules.flat_map(|rule| policy_rules(world, rule, namespace, direction)).collect())
    };
    NetworkPolicyFacts {
        pods: policy.pods.clone(),
        ingress: lowered(Direction::Ingress, &policy.ingress),
        egress: lowered(Direction::Egress, &policy.egress),
    }
}

/// One rule as written, or, where its far ends want different ports (`dns` does), one for each run of equal ports. A rule
/// without far ends allows nothing: Kubernetes would read an empty list as everybody.
fn policy_rules(world: &World<'_>, rule: &PolicyRule, namespace: &str, direction: Direction) -> Vec<PolicyRuleFacts> {
    let mut runs: Vec<(Vec<PolicyPortFacts>, Peers)> = Vec::new();
    for peer in &rule.peers {
        let Some(values) = peers::far_end(world, peer, namespace, namespace, direction) else { continue };
        let ports = peers::ports(world, &rule.ports, peer, peers::Names::Kept);
        match runs.last_mut() {
            Some((last, peers)) if *last == ports => peers.add(values),
            _ => runs.push((ports, values)),
        }
    }
    runs.into_iter().map(|(ports, peers)| peers::rule(ports, peers)).collect()
}

impl<'a> Output<'a> {
    /// Adds a policy; `build` says what it means and what it is for. Its phase is told by what it means where none is given.
    fn policy<'m>(
        &mut self,
        world: &World<'_>,
        outlined: OutlinedObject<'a>,
        (rank, phase): (u8, Option<Phase>),
        build: impl FnOnce() -> (NetworkPolicyFacts, Option<Cow<'m, str>>),
    ) {
        if self.shows() {
            return self.show(&outlined, Known::NetworkPolicy(build().0));
        }
        self.object(world, POLICY, outlined, rank, |object| {
            let (facts, doc) = build();
            let spec = written::spec(&facts);
            let phase = phase.unwrap_or_else(|| policy_phase(&spec));
            object.insert("spec".to_owned(), spec);
            (phase, Metadata { doc, ..Metadata::default() })
        });
    }
}

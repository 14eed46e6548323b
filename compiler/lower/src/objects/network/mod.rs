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

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::program::{DefaultDeny, Network, Origin, Policy, PolicyRule};
use serde_json::{Map, Value, json};

use self::peers::{Peers, RuleSet};
use super::{Output, Phase, manifests::policy_phase, metadata::Metadata, world::World};

/// A direction, from the point of view of the pods that a policy selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
struct Scoped<'a> {
    network: &'a Network,
    namespaces: Vec<String>,
}

/// Which namespaces this program isolates, in which direction.
struct Denied(BTreeSet<(String, Direction)>);

impl Denied {
    fn has(&self, namespace: &str, direction: Direction) -> bool {
        self.0.contains(&(namespace.to_owned(), direction))
    }
}

pub(super) fn lower(world: &World<'_>, output: &mut Output) {
    let scoped: Vec<Scoped<'_>> = world
        .program
        .networks
        .iter()
        .map(|network| Scoped { network, namespaces: world.network_scope(&network.scope) })
        .collect();
    let denied = denied(&scoped);
    let mut names = given_names(world, &scoped);
    policies(world, &scoped, output);
    edges::lower(world, &scoped, &denied, &mut names, output);
    denials(world, &scoped, output);
}

fn denied(scoped: &[Scoped<'_>]) -> Denied {
    let mut denied = BTreeSet::new();
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
            if ingress {
                denied.insert((namespace.clone(), Direction::Ingress));
            }
            if egress {
                denied.insert((namespace.clone(), Direction::Egress));
            }
        }
    }
    Denied(denied)
}

/// Names that the program gives itself; generated ones step aside.
fn given_names(world: &World<'_>, scoped: &[Scoped<'_>]) -> BTreeSet<(String, String)> {
    let mut names = BTreeSet::new();
    for Scoped { network, namespaces } in scoped {
        for namespace in namespaces {
            names.extend(network.policies.iter().map(|policy| (namespace.clone(), policy.name.clone())));
            names.extend(network.denies.iter().map(|deny| (namespace.clone(), deny_name(deny).to_owned())));
        }
    }
    for manifest in &world.program.manifests {
        let text =
            |pointer: &str| manifest.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text("/kind") == "NetworkPolicy" {
            names.insert((text("/metadata/namespace"), text("/metadata/name")));
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
fn denials(world: &World<'_>, scoped: &[Scoped<'_>], output: &mut Output) {
    let mut written = BTreeSet::new();
    for Scoped { network, namespaces } in scoped {
        for deny in &network.denies {
            let name = deny_name(deny);
            for namespace in namespaces {
                if deny.name.is_none() && !written.insert((namespace.clone(), name.to_owned())) {
                    continue;
                }
                let directions = [(deny.ingress, Direction::Ingress), (deny.egress, Direction::Egress)];
                let types: Vec<&str> = directions
                    .iter()
                    .filter(|(denied, _)| *denied)
                    .map(|(_, direction)| direction.policy_type())
                    .collect();
                let metadata = Metadata { name, namespace: Some(namespace), ..Metadata::default() };
                let object = policy_object(world, &metadata, json!({ "podSelector": {}, "policyTypes": types }));
                output.push_ranked(Phase::NetworkDeny, 0, &deny.origin, object);
            }
        }
    }
}

fn policies(world: &World<'_>, scoped: &[Scoped<'_>], output: &mut Output) {
    for Scoped { network, namespaces } in scoped {
        for policy in &network.policies {
            for namespace in namespaces {
                let spec = policy_spec(world, policy, namespace, output);
                let phase = policy_phase(&spec);
                let metadata = Metadata {
                    name: &policy.name,
                    namespace: Some(namespace),
                    doc: policy.doc.as_deref(),
                    ..Metadata::default()
                };
                let object = policy_object(world, &metadata, spec);
                output.push_ranked(phase, 2, &policy.origin, object);
            }
        }
    }
}

fn policy_spec(world: &World<'_>, policy: &Policy, namespace: &str, output: &mut Output) -> Value {
    let mut spec = Map::from_iter([("podSelector".to_owned(), json!(policy.pods))]);
    let mut types = Vec::new();
    for (direction, rules) in [(Direction::Ingress, &policy.ingress), (Direction::Egress, &policy.egress)] {
        let Some(rules) = rules else { continue };
        types.push(direction.policy_type());
        let rules: Vec<Value> =
            rules.iter().flat_map(|rule| policy_rules(world, policy, rule, namespace, direction, output)).collect();
        if !rules.is_empty() {
            spec.insert(direction.field().to_owned(), Value::Array(rules));
        }
    }
    spec.insert("policyTypes".to_owned(), json!(types));
    Value::Object(spec)
}

/// One rule as written, or, where its far ends want different ports (`dns` does), one for each run of equal ports. A rule
/// without far ends allows nothing: Kubernetes would read an empty list as everybody.
fn policy_rules(
    world: &World<'_>,
    policy: &Policy,
    rule: &PolicyRule,
    namespace: &str,
    direction: Direction,
    output: &mut Output,
) -> Vec<Value> {
    let mut runs: Vec<(Vec<Value>, Peers)> = Vec::new();
    for peer in &rule.peers {
        let Some(values) =
            peers::far_end(world, peer, namespace, namespace, direction, &policy.origin, &mut output.findings)
        else {
            continue;
        };
        let ports = peers::ports(world, &rule.ports, peer, peers::Names::Kept);
        match runs.last_mut() {
            Some((last, peers)) if *last == ports => peers.add(values),
            _ => runs.push((ports, values)),
        }
    }
    runs.into_iter().map(|(ports, peers)| peers::rule_value(ports, peers, direction)).collect()
}

fn policy_object(world: &World<'_>, metadata: &Metadata<'_>, spec: Value) -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata.build(world), "spec": spec })
}

/// A policy of edges: one direction, the pods that it selects, what they may do.
fn edge_policy(world: &World<'_>, metadata: &Metadata<'_>, pods: Value, direction: Direction, rules: RuleSet) -> Value {
    let spec = Map::from_iter([
        ("podSelector".to_owned(), pods),
        ("policyTypes".to_owned(), json!([direction.policy_type()])),
        (direction.field().to_owned(), Value::Array(rules.into_rules(direction))),
    ]);
    policy_object(world, metadata, Value::Object(spec))
}

/// The first of several origins, in source order of the lists they come from.
fn first_origin<'a>(origins: impl IntoIterator<Item = &'a Origin>) -> Option<&'a Origin> {
    origins.into_iter().next()
}

/// Halves by what they are for.
type Halves<'a> = BTreeMap<(String, Direction), BTreeMap<edges::Subject, Vec<edges::Half<'a>>>>;

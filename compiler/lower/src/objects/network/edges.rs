//! Edges: halves collected by the pods they are for, then one policy for each of those and a direction.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::codes;
use kspec_model::{
    LabelSelector, Operator,
    program::{Edge, Origin, Peer},
};
use serde_json::{Value, json};

use super::peers::{Peers, RuleSet};
use super::{Denied, Direction, Halves, Scoped, edge_policy, first_origin, peers};
use crate::{
    finding, names,
    objects::{Output, Phase, metadata::Metadata, world::World},
};

/// The pods that a policy selects, within its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Workload(String),
    Pods(LabelSelector),
    All,
}

impl Subject {
    /// Order within a phase: narrow first, since a narrow policy holds what wider ones allow, and not the other way round.
    fn rank(&self) -> u8 {
        match self {
            Self::Workload(_) => 0,
            Self::Pods(_) => 1,
            Self::All => 2,
        }
    }
}

/// One half of an edge.
pub(super) struct Half<'a> {
    ports: Vec<Value>,
    far: Peers,
    doc: Option<&'a str>,
    origin: &'a Origin,
}

pub(super) fn lower(
    world: &World<'_>,
    scoped: &[Scoped<'_>],
    denied: &Denied,
    taken: &mut BTreeSet<(String, String)>,
    output: &mut Output,
) {
    let mut halves: Halves<'_> = BTreeMap::new();
    for scope in scoped {
        for edge in &scope.network.edges {
            collect(world, scope, edge, denied, &mut halves, output);
        }
    }
    for ((namespace, direction), subjects) in &halves {
        write_policies(world, namespace, *direction, subjects, taken, output);
    }
}

/// The pods of one end: namespaces, and which pods there. `None` for ends that are no pods of ours to select.
fn near_end(world: &World<'_>, peer: &Peer, scope: &str) -> Option<(Vec<String>, Subject)> {
    Some(match peer {
        Peer::Workload { namespace, name } => (vec![namespace.clone()], Subject::Workload(name.clone())),
        Peer::Namespace(namespace) => (vec![namespace.clone()], Subject::All),
        Peer::All => (vec![scope.to_owned()], Subject::All),
        Peer::Pods { pods, namespaces } => {
            let namespaces =
                namespaces.as_ref().map_or_else(|| vec![scope.to_owned()], |selector| world.matching(selector));
            (namespaces, if pods.is_empty() { Subject::All } else { Subject::Pods(pods.clone()) })
        }
        Peer::Any | Peer::Dns | Peer::Internet | Peer::Cidr { .. } => return None,
    })
}

fn collect<'a>(
    world: &World<'a>,
    scope: &Scoped<'_>,
    edge: &'a Edge,
    denied: &Denied,
    halves: &mut Halves<'a>,
    output: &mut Output,
) {
    let ends = [(&edge.from, &edge.to, Direction::Egress), (&edge.to, &edge.from, Direction::Ingress)];
    let mut not_ours = BTreeSet::new();
    for namespace in &scope.namespaces {
        let mut written = false;
        for (near, far, direction) in ends {
            let Some((near_namespaces, subject)) = near_end(world, near, namespace) else { continue };
            for near_namespace in near_namespaces {
                if !denied.has(&near_namespace, direction) {
                    if !scope.namespaces.contains(&near_namespace) {
                        not_ours.insert((near_namespace, direction));
                    }
                    continue;
                }
                written = true;
                let far = peers::far_end(
                    world,
                    far,
                    namespace,
                    &near_namespace,
                    direction,
                    &edge.origin,
                    &mut output.findings,
                );
                let Some(far) = far else { continue };
                let ports = peers::ports(world, &edge.ports, &edge.to, peers::Names::Resolved);
                let half = Half { ports, far, doc: edge.doc.as_deref(), origin: &edge.origin };
                halves.entry((near_namespace, direction)).or_default().entry(subject.clone()).or_default().push(half);
            }
        }
        let scope_denies = denied.has(namespace, Direction::Ingress) || denied.has(namespace, Direction::Egress);
        if !written || !scope_denies {
            output.findings.push(without_denial(scope, edge, namespace, scope_denies));
        }
    }
    if let Some((namespace, direction)) = not_ours.into_iter().next() {
        let (what, instead) = match direction {
            Direction::Egress => ("leave", "egress"),
            Direction::Ingress => ("enter", "ingress"),
        };
        output.findings.push(
            finding::at(
                codes::ONE_SIDED_EDGE,
                format!("half of this edge is not ours: this program does not say what may {what} the pods of `{namespace}`"),
                &edge.origin,
            )
            .help(format!("nothing to do if `{namespace}` lets them; a `default deny {instead}` there would have this program write that half too")),
        );
    }
}

fn without_denial(scope: &Scoped<'_>, edge: &Edge, namespace: &str, scope_denies: bool) -> kspec_diagnostics::Finding {
    let message = if scope_denies {
        format!("this edge allows what nothing in `{namespace}` denies: neither end is isolated in its direction")
    } else {
        format!("an edge in `{namespace}`, which has no `default deny`: everything is allowed there already")
    };
    finding::at(codes::EDGE_WITHOUT_DEFAULT_DENY, message, &edge.origin)
        .label(scope.network.origin.at, "in this network")
        .help("add `default deny` to the network, or drop the edge: a policy for this edge alone would isolate its pods from everything else")
}

fn write_policies(
    world: &World<'_>,
    namespace: &str,
    direction: Direction,
    subjects: &BTreeMap<Subject, Vec<Half<'_>>>,
    taken: &mut BTreeSet<(String, String)>,
    output: &mut Output,
) {
    // Only what selects by label or selects everything can cover another subject's pods.
    let wide: Vec<(&Subject, &Vec<Half<'_>>)> =
        subjects.iter().filter(|(subject, _)| !matches!(subject, Subject::Workload(_))).collect();
    for (subject, own) in subjects {
        let Some(selector) = selector(world, namespace, subject) else { continue };
        let Some(origin) = first_origin(own.iter().map(|half| half.origin)) else { continue };
        let mut rules = RuleSet::default();
        let covering = wide
            .iter()
            .filter(|(other, _)| *other != subject && covers(other, &selector))
            .flat_map(|(_, halves)| halves.iter());
        for half in own.iter().chain(covering) {
            rules.add(&half.ports, &half.far);
        }
        let mut docs: Vec<&str> = Vec::new();
        for doc in own.iter().filter_map(|half| half.doc) {
            if !docs.contains(&doc) {
                docs.push(doc);
            }
        }
        let doc = (!docs.is_empty()).then(|| docs.join("\n"));
        let name = policy_name(subject, namespace, direction, taken);
        let metadata = Metadata { name: &name, namespace: Some(namespace), doc: doc.as_deref(), ..Metadata::default() };
        let phase = if *subject == Subject::All { Phase::NetworkWide } else { Phase::NetworkAllow };
        let object = edge_policy(world, &metadata, json!(selector), direction, rules);
        output.push_ranked(phase, subject.rank(), origin, object);
    }
}

fn selector(world: &World<'_>, namespace: &str, subject: &Subject) -> Option<LabelSelector> {
    match subject {
        Subject::Workload(name) => world.workload(namespace, name).map(|workload| workload.pods.clone()),
        Subject::Pods(selector) => Some(selector.clone()),
        Subject::All => Some(LabelSelector::default()),
    }
}

/// Whether every pod that `narrow` selects belongs to `subject`, by what the selectors say and nothing else: what is not
/// certain must not widen.
fn covers(subject: &Subject, narrow: &LabelSelector) -> bool {
    let Subject::Pods(wide) = subject else { return *subject == Subject::All };
    let value = |key: &str| narrow.match_labels.get(key);
    wide.match_labels.iter().all(|(key, wanted)| value(key) == Some(wanted))
        && wide.match_expressions.iter().all(|requirement| {
            narrow.match_expressions.contains(requirement)
                || value(&requirement.key).is_some_and(|value| match requirement.operator {
                    Operator::In => requirement.values.contains(value),
                    Operator::NotIn => !requirement.values.contains(value),
                    Operator::Exists => true,
                    Operator::DoesNotExist => false,
                })
        })
}

/// `api-ingress`, `all-egress`, `pods-frontend-1a2b3c4d-ingress`.
fn policy_name(
    subject: &Subject,
    namespace: &str,
    direction: Direction,
    taken: &mut BTreeSet<(String, String)>,
) -> String {
    let (stem, identity) = match subject {
        Subject::Workload(name) => (name.clone(), format!("workload {name}")),
        Subject::All => ("all".to_owned(), "all".to_owned()),
        Subject::Pods(selector) => {
            let identity = format!("pods {}", json!(selector));
            let values: Vec<&str> = selector.match_labels.values().map(String::as_str).collect();
            (format!("pods-{}-{}", values.join("-"), names::hash(&identity, 8)).replace("--", "-"), identity)
        }
    };
    let field = direction.field();
    let identity = format!("{identity} {field}");
    let name = names::dns(&format!("{stem}-{field}"), &identity);
    let name =
        if taken.contains(&(namespace.to_owned(), name.clone())) { names::hashed(&name, &identity) } else { name };
    taken.insert((namespace.to_owned(), name.clone()));
    name
}

//! Edges: halves collected by the pods they are for, then one policy for each of those and a direction.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use kspec_diagnostics::{Finding, codes};
use kspec_model::{
    LabelSelector, Operator,
    cluster::NetworkPolicyFacts,
    program::{Edge, Peer},
};
use serde_json::json;

use super::{
    Denied, Direction, POLICY, Scoped, Taken,
    peers::{self, RuleSet},
};
use crate::{
    finding, names,
    objects::{Output, Phase, world::World},
};

/// The pods that a policy selects, within its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject<'w> {
    Workload(&'w str),
    Pods(&'w LabelSelector),
    All,
}

impl Subject<'_> {
    /// Order within a phase: narrow first, since a narrow policy holds what wider ones allow, and not the other way round.
    fn rank(self) -> u8 {
        match self {
            Self::Workload(_) => 0,
            Self::Pods(_) => 1,
            Self::All => 2,
        }
    }
}

/// One half of an edge: the direction is that of the policy it goes into.
struct Half<'w> {
    edge: &'w Edge,
    /// The namespace of the network being lowered.
    scope: &'w str,
}

/// Halves by what they are for.
type Halves<'w> = BTreeMap<(&'w str, Direction), BTreeMap<Subject<'w>, Vec<Half<'w>>>>;

pub(super) fn lower<'w>(
    world: &World<'w>,
    scoped: &[Scoped<'w>],
    denied: &Denied<'w>,
    taken: &mut Taken<'w>,
    output: &mut Output<'w>,
) {
    let mut halves: Halves<'w> = BTreeMap::new();
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
fn near_end<'w>(world: &World<'w>, peer: &'w Peer, scope: &'w str) -> Option<(Vec<&'w str>, Subject<'w>)> {
    Some(match peer {
        Peer::Workload { namespace, name } => (vec![namespace.as_str()], Subject::Workload(name)),
        Peer::Namespace(namespace) => (vec![namespace.as_str()], Subject::All),
        Peer::All => (vec![scope], Subject::All),
        Peer::Pods { pods, namespaces } => {
            let namespaces = namespaces.as_ref().map_or_else(|| vec![scope], |selector| world.matching(selector));
            (namespaces, if pods.is_empty() { Subject::All } else { Subject::Pods(pods) })
        }
        Peer::Any | Peer::Dns | Peer::Internet | Peer::Cidr { .. } => return None,
    })
}

fn collect<'w>(
    world: &World<'w>,
    scope: &Scoped<'w>,
    edge: &'w Edge,
    denied: &Denied<'w>,
    halves: &mut Halves<'w>,
    output: &mut Output<'w>,
) {
    let ends = [(&edge.from, &edge.to, Direction::Egress), (&edge.to, &edge.from, Direction::Ingress)];
    let mut not_ours = BTreeSet::new();
    for namespace in &scope.namespaces {
        let mut written = false;
        for (near, far, direction) in ends {
            let Some((near_namespaces, subject)) = near_end(world, near, namespace) else { continue };
            for near_namespace in near_namespaces {
                if denied.has(near_namespace, direction) {
                    written = true;
                    if let Some(finding) = peers::unsaid(world, far, direction, &edge.origin) {
                        output.findings.push(finding);
                        continue;
                    }
                    let half = Half { edge, scope: namespace };
                    halves.entry((near_namespace, direction)).or_default().entry(subject).or_default().push(half);
                } else if !scope.namespaces.contains(&near_namespace) {
                    not_ours.insert((near_namespace, direction));
                }
            }
        }
        let scope_denies = denied.has(namespace, Direction::Ingress) || denied.has(namespace, Direction::Egress);
        if !written || !scope_denies {
            output.findings.push(without_denial(scope, edge, namespace, scope_denies));
        }
    }
    if let Some((namespace, direction)) = not_ours.into_iter().next() {
        output.findings.push(one_sided(edge, namespace, direction));
    }
}

fn one_sided(edge: &Edge, namespace: &str, direction: Direction) -> Finding {
    let (what, instead) = match direction {
        Direction::Egress => ("leave", "egress"),
        Direction::Ingress => ("enter", "ingress"),
    };
    finding::at(
        codes::ONE_SIDED_EDGE,
        format!("half of this edge is not ours: this program does not say what may {what} the pods of `{namespace}`"),
        &edge.origin,
    )
    .help(format!(
        "nothing to do if `{namespace}` lets them; a `default deny {instead}` there would have this program write that half too"
    ))
}

fn without_denial(scope: &Scoped<'_>, edge: &Edge, namespace: &str, scope_denies: bool) -> Finding {
    let message = if scope_denies {
        format!("this edge allows what nothing in `{namespace}` denies: neither end is isolated in its direction")
    } else {
        format!("an edge in `{namespace}`, which has no `default deny`: everything is allowed there already")
    };
    finding::at(codes::EDGE_WITHOUT_DEFAULT_DENY, message, &edge.origin)
        .label(scope.network.origin.at, "in this network")
        .help("add `default deny` to the network, or drop the edge: a policy for this edge alone would isolate its pods from everything else")
}

fn write_policies<'w>(
    world: &World<'w>,
    namespace: &'w str,
    direction: Direction,
    subjects: &BTreeMap<Subject<'w>, Vec<Half<'w>>>,
    taken: &mut Taken<'w>,
    output: &mut Output<'w>,
) {
    // Only what selects by label or selects everything can cover another subject's pods.
    let wide: Vec<(&Subject<'_>, &Vec<Half<'_>>)> =
        subjects.iter().filter(|(subject, _)| !matches!(subject, Subject::Workload(_))).collect();
    for (subject, own) in subjects {
        let Some(pods) = selector(world, namespace, *subject) else { continue };
        let Some(first) = own.first() else { continue };
        let name = policy_name(*subject, namespace, direction, taken);
        let outlined = POLICY.named(Some(namespace), name, &first.edge.origin);
        let phase = if *subject == Subject::All { Phase::NetworkWide } else { Phase::NetworkAllow };
        output.policy(world, outlined, (subject.rank(), Some(phase)), || {
            let covering = wide.iter().filter(|(other, _)| *other != subject && covers(**other, &pods));
            let mut rules = RuleSet::default();
            for half in own.iter().chain(covering.flat_map(|(_, halves)| halves.iter())) {
                add_half(world, half, namespace, direction, &mut rules);
            }
            let pods = pods.clone().into_owned();
            let rules = Some(rules.into_rules());
            let facts = match direction {
                Direction::Ingress => NetworkPolicyFacts { pods, ingress: rules, egress: None },
                Direction::Egress => NetworkPolicyFacts { pods, ingress: None, egress: rules },
            };
            (facts, doc(own).map(Cow::Owned))
        });
    }
}

fn add_half(world: &World<'_>, half: &Half<'_>, namespace: &str, direction: Direction, rules: &mut RuleSet) {
    let far = match direction {
        Direction::Ingress => &half.edge.from,
        Direction::Egress => &half.edge.to,
    };
    let Some(far) = peers::far_end(world, far, half.scope, namespace, direction) else { return };
    rules.add(peers::ports(world, &half.edge.ports, &half.edge.to, peers::Names::Resolved), far);
}

/// What the edges are for, each reason once.
fn doc(halves: &[Half<'_>]) -> Option<String> {
    let mut docs: Vec<&str> = Vec::new();
    for doc in halves.iter().filter_map(|half| half.edge.doc.as_deref()) {
        if !docs.contains(&doc) {
            docs.push(doc);
        }
    }
    (!docs.is_empty()).then(|| docs.join("\n"))
}

fn selector<'w>(world: &World<'w>, namespace: &str, subject: Subject<'w>) -> Option<Cow<'w, LabelSelector>> {
    match subject {
        Subject::Workload(name) => world.workload(namespace, name).map(|workload| Cow::Borrowed(&workload.pods)),
        Subject::Pods(selector) => Some(Cow::Borrowed(selector)),
        Subject::All => Some(Cow::Owned(LabelSelector::default())),
    }
}

/// Whether every pod that `narrow` selects belongs to `subject`, by what the selectors say and nothing else: what is not
/// certain must not widen.
fn covers(subject: Subject<'_>, narrow: &LabelSelector) -> bool {
    let Subject::Pods(wide) = subject else { return subject == Subject::All };
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
fn policy_name<'w>(subject: Subject<'_>, namespace: &'w str, direction: Direction, taken: &mut Taken<'w>) -> String {
    let field = direction.field();
    let (stem, identity) = match subject {
        Subject::Workload(name) => (name.to_owned(), format!("workload {name} {field}")),
        Subject::All => ("all".to_owned(), format!("all {field}")),
        Subject::Pods(selector) => {
            let identity = format!("pods {}", json!(selector));
            let values: Vec<&str> = selector.match_labels.values().map(String::as_str).collect();
            let stem = format!("pods-{}-{}", values.join("-"), names::hash(&identity, 8)).replace("--", "-");
            (stem, format!("{identity} {field}"))
        }
    };
    let name = names::dns(&format!("{stem}-{field}"), &identity);
    let name =
        if taken.contains(&(namespace, Cow::Borrowed(name.as_str()))) { names::hashed(&name, &identity) } else { name };
    taken.insert((namespace, Cow::Owned(name.clone())));
    name
}

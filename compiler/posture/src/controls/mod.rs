//! What admission refuses of the ways to a node, and which policies let pods pass: the program's own rules, and
//! ValidatingAdmissionPolicies of the state.
//!
//! Each way is a pod of which only what makes it one is known ([`kspec_rules::partial`]): all else is the attacker's to choose. A way is
//! refused where some rule or policy refuses it for certain, and an attempt where each of its ways is. What faults let pass, or reads
//! objects of parameters, counts for nothing.

mod attempts;
mod policy;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use kspec_analysis::abuse::{Attempt, Controls, Refusal, Refuser};
use kspec_model::{
    LabelSelector, Labels, Operator,
    cluster::Cluster,
    rules::{Action, Body, BoundRule, FailurePolicy, Namespaces, Operation, Stmt, Table, Target},
};
use kspec_rules::partial::{Known, Part};

use self::{
    attempts::{harmless, request, ways},
    policy::Policy,
};

/// The label that names a namespace; nobody can change it.
const NAME: &str = "kubernetes.io/metadata.name";

/// Asks a table's rules and a cluster's policies.
#[must_use]
pub fn controls(table: Option<&Table>, cluster: &Cluster) -> Controls {
    let policies: Vec<Policy<'_>> =
        cluster.guards.iter().filter_map(|(key, guards)| Policy::new(key, guards)).collect();
    let rules: Vec<&BoundRule> =
        table.into_iter().flat_map(|table| &table.rules).filter(|rule| refuses(rule)).collect();
    let mut controls = Controls::default();
    if policies.is_empty() && rules.is_empty() {
        return controls;
    }
    let privileged: Vec<Part> = ways(Attempt::NewPod, true);
    for policy in &policies {
        if policy.passes(&harmless()) {
            controls.pass_harmless.insert(policy.key.clone());
        }
        if privileged.iter().any(|pod| policy.passes(pod)) {
            controls.pass_privileged.insert(policy.key.clone());
        }
    }
    for attempt in [Attempt::NewPod, Attempt::AddedContainer] {
        let asked = Asked::new(attempt, &rules, &policies, cluster);
        if asked.askable.is_empty() {
            continue;
        }
        for (name, facts) in &cluster.namespaces {
            let Some(by) = asked.refused(Place::Known(name, &facts.labels)) else { continue };
            let lasting = asked.refused(Place::Relabelled(name)).is_some();
            let by = by.into_iter().collect();
            controls.refusals.push(Refusal { namespace: Some(name.clone()), attempt, by, lasting });
        }
        let coming = asked.refused(Place::New).map(|by| by.into_iter().collect());
        controls.refusals.extend(coming.map(|by| Refusal { namespace: None, attempt, by, lasting: true }));
    }
    controls
}

/// Whether a rule refuses, and by a fault too.
fn refuses(bound: &BoundRule) -> bool {
    bound.action == Action::Deny && bound.failure_policy == FailurePolicy::Fail
}

/// Where it is asked.
#[derive(Clone, Copy)]
enum Place<'c> {
    /// A namespace, with its labels.
    Known(&'c str, &'c Labels),
    /// A namespace of which an attacker changes the labels.
    Relabelled(&'c str),
    /// A namespace that an attacker makes.
    New,
}

impl Place<'_> {
    /// What is known of the namespace's object.
    fn namespace(self) -> Part {
        let object = |name: &str, labels: Part| {
            let metadata = Part::open(&serde_json::json!({ "name": name })).with("labels", labels);
            Part::open(&serde_json::json!({})).with("metadata", metadata)
        };
        match self {
            Self::Known(name, labels) => object(name, Part::closed(&serde_json::json!(labels))),
            Self::Relabelled(name) => object(name, Part::open(&serde_json::json!({ NAME: name }))),
            Self::New => Part::Unknown,
        }
    }

    const fn name(&self) -> Option<&str> {
        match self {
            Self::Known(name, _) | Self::Relabelled(name) => Some(name),
            Self::New => None,
        }
    }

    /// Whether a selector selects it for certain.
    fn is_in(self, selector: &LabelSelector, cluster: &Cluster) -> bool {
        match self {
            Self::Known(_, labels) => selector.matches(labels),
            Self::Relabelled(name) => {
                let by_name = selector.match_labels.keys().all(|key| key == NAME)
                    && selector.match_expressions.iter().all(|requirement| requirement.key == NAME);
                by_name && selector.matches(&Labels::from([(NAME.to_owned(), name.to_owned())]))
            }
            // Names that are taken nobody can take.
            Self::New => {
                let taken = |name: &String| cluster.namespaces.contains_key(name);
                selector.match_labels.is_empty()
                    && selector.match_expressions.iter().all(|requirement| {
                        requirement.key == NAME
                            && requirement.operator == Operator::NotIn
                            && requirement.values.iter().all(taken)
                    })
            }
        }
    }
}

/// Something that may refuse an attempt.
enum Askable<'c> {
    Rule { bound: &'c BoundRule, target: &'c Target, statements: &'c [Stmt] },
    Policy(&'c Policy<'c>),
}

struct Asked<'c> {
    attempt: Attempt,
    cluster: &'c Cluster,
    askable: Vec<Askable<'c>>,
    ways: Vec<Part>,
    /// By way and what is asked: whether it refuses wherever it is. Most are never asked: one way that gets through is enough.
    everywhere: RefCell<BTreeMap<(usize, usize), bool>>,
}

impl<'c> Asked<'c> {
    fn new(attempt: Attempt, rules: &[&'c BoundRule], policies: &'c [Policy<'c>], cluster: &'c Cluster) -> Self {
        let (operation, subresource) = match attempt {
            Attempt::NewPod => (Operation::Create, None),
            Attempt::AddedContainer => (Operation::Update, Some("ephemeralcontainers")),
        };
        let mut askable = Vec::new();
        for &bound in rules {
            let fits = |target: &&Target| {
                target.group.is_empty()
                    && target.resource == "pods"
                    && target.subresource.as_deref() == subresource
                    && target.operations.contains(&operation)
            };
            let target = bound.rule.targets.iter().find(fits).filter(|target| !target.advisory);
            let Some(target) = target else { continue };
            if let Some(Body::Statements(statements)) = bound.rule.bodies.get(target.body) {
                askable.push(Askable::Rule { bound, target, statements });
            }
        }
        let asked = policies.iter().filter(|policy| policy.refuses && policy.is_about(attempt));
        askable.extend(asked.map(Askable::Policy));
        Self { attempt, cluster, askable, ways: ways(attempt, false), everywhere: RefCell::default() }
    }

    /// What together refuses every way there, unless one gets through.
    fn refused(&self, place: Place<'_>) -> Option<BTreeSet<Refuser>> {
        let there: Vec<usize> =
            (0..).zip(&self.askable).filter(|(_, one)| self.is_in(one, place)).map(|(at, _)| at).collect();
        let mut by: Vec<usize> = Vec::new();
        for way in 0..self.ways.len() {
            // What refuses one way for certain is asked first about the next.
            let refuses = |one: &&usize| {
                self.refuses_everywhere((way, **one))
                    || self.askable.get(**one).is_some_and(Askable::reads_namespace) && self.asks((way, **one), place)
            };
            let one = by.iter().find(refuses).or_else(|| there.iter().find(refuses)).copied()?;
            if !by.contains(&one) {
                by.push(one);
            }
        }
        Some(by.into_iter().filter_map(|one| self.askable.get(one)).map(Askable::name).collect())
    }

    fn is_in(&self, one: &Askable<'_>, place: Place<'_>) -> bool {
        match one {
            Askable::Rule { bound, .. } => match &bound.scope.namespaces {
                Namespaces::Named(names) => place.name().is_some_and(|name| names.contains(name)),
                Namespaces::Selected { labels, except } => {
                    let left_out = match place.name() {
                        Some(name) => except.contains(name),
                        None => !except.iter().all(|name| self.cluster.namespaces.contains_key(name)),
                    };
                    !left_out && place.is_in(labels, self.cluster)
                }
            },
            Askable::Policy(policy) => policy.holds_in(self.attempt, |selector| place.is_in(selector, self.cluster)),
        }
    }

    fn refuses_everywhere(&self, asked: (usize, usize)) -> bool {
        let known = self.everywhere.borrow().get(&asked).copied();
        known.unwrap_or_else(|| {
            let refuses = self.asks(asked, Place::New);
            self.everywhere.borrow_mut().insert(asked, refuses);
            refuses
        })
    }

    fn asks(&self, (way, one): (usize, usize), place: Place<'_>) -> bool {
        let (Some(object), Some(one)) = (self.ways.get(way), self.askable.get(one)) else { return false };
        let namespace = place.namespace();
        let request = request(self.attempt, place.name());
        let old = if self.attempt == Attempt::NewPod { Part::Absent } else { Part::Unknown };
        let known = Known { object, old: &old, request: &request, namespace: &namespace };
        match one {
            Askable::Rule { target, statements, .. } => known.violates(target, statements),
            Askable::Policy(policy) => policy.refuses(&known),
        }
    }
}

impl Askable<'_> {
    fn name(&self) -> Refuser {
        match self {
            Self::Rule { bound, .. } => Refuser::Rule(bound.rule.name.clone()),
            Self::Policy(policy) => Refuser::Policy(policy.key.name.clone()),
        }
    }

    /// Whether what it says may depend on the namespace.
    fn reads_namespace(&self) -> bool {
        match self {
            Self::Rule { bound, .. } => policy::rule_reads_namespace(&bound.rule),
            Self::Policy(policy) => policy.reads_namespace,
        }
    }
}

//! What admission refuses of what someone may try, and which policies let it pass: the program's own rules, and
//! ValidatingAdmissionPolicies of the state.
//!
//! Each way is an object of which only what makes it one is known ([`kspec_rules::partial`]): all else is the attacker's to choose. A way is
//! refused where some rule or policy refuses it for certain, and an attempt where each of its ways is. What faults let pass, or reads
//! objects of parameters, counts for nothing.

mod attempts;
mod policy;
mod senders;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use kspec_analysis::abuse::{Attempt, Controls, Refusal, Refuser};
use kspec_model::{
    LabelSelector, Labels, Operator,
    cluster::Cluster,
    program::{RoleRef, Subject},
    rules::{Action, Body, BoundRule, FailurePolicy, Namespaces, Stmt, Table, Target},
};
use kspec_rules::partial::{Known, Part};

use self::{
    attempts::{ATTEMPTS, RBAC, examples, harmless, objects, old, request, requested},
    policy::Policy,
    senders::{Alike, Sender, is_sent_directly, senders},
};

/// How expressions call whoever sends the request.
const SENDER: &str = "userInfo";

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
    let examples = ATTEMPTS.map(|attempt| (attempt, examples(attempt)));
    for policy in &policies {
        if policy.passes(Attempt::NewPod, &harmless()) {
            controls.pass_harmless.insert(policy.key.clone());
        }
        let lets_pass = |(attempt, objects): &&(Attempt, Vec<Part>)| {
            (*attempt == Attempt::NewPod || policy.is_about(*attempt))
                && objects.iter().any(|object| policy.passes(*attempt, object))
        };
        controls.passes.extend(examples.iter().filter(lets_pass).map(|(attempt, _)| (*attempt, policy.key.clone())));
    }
    let by_sender = policies.iter().any(|policy| policy.says(SENDER))
        || rules.iter().any(|rule| policy::rule_reads_sender(&rule.rule));
    let senders = if by_sender { senders(cluster) } else { Vec::new() };
    for policy in policies.iter().filter(|policy| policy.says(SENDER)) {
        senders::passes_to(policy, &examples, &senders, &mut controls);
    }
    for attempt in ATTEMPTS.into_iter().filter(|attempt| leads_on(*attempt, cluster)) {
        let asked = Asked::new(attempt, (&rules, &policies), cluster, &senders);
        if asked.askable.is_empty() {
            continue;
        }
        asked.ask(&mut controls);
    }
    controls
}

/// Whether the cluster has what an attempt is after.
fn leads_on(attempt: Attempt, cluster: &Cluster) -> bool {
    match attempt {
        Attempt::HostProcess => cluster.has_windows(),
        Attempt::NodeMemory => cluster.workloads.values().any(|facts| facts.pod.host_ipc),
        _ => true,
    }
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
    /// No namespace.
    Nowhere,
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
            Self::Nowhere => Part::Absent,
        }
    }

    const fn name(&self) -> Option<&str> {
        match self {
            Self::Known(name, _) | Self::Relabelled(name) => Some(name),
            Self::New | Self::Nowhere => None,
        }
    }

    /// Whether a selector selects it for certain.
    fn is_in(self, selector: &LabelSelector, cluster: &Cluster) -> bool {
        match self {
            // What belongs to no namespace is never left out by labels of namespaces.
            Self::Nowhere => true,
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
    /// Whether something may depend on the account or role that it is about.
    by_name: bool,
    /// Where nothing is known of the namespace.
    anywhere: (Part, Part),
    /// Those who may send it, where something may depend on that.
    senders: &'c [Sender],
    /// By sender, way and what is asked: whether it refuses wherever it is.
    to_sender: RefCell<BTreeMap<(usize, usize, usize), bool>>,
    /// By what is asked in a place, and once its labels are changed: to whom it is refused, where nothing there reads the namespace.
    alike: RefCell<Alike>,
}

/// A place, ready to be asked in.
struct Spot<'p> {
    place: Place<'p>,
    /// What is asked there.
    there: Vec<usize>,
    /// The namespace's object, and the request.
    known: (Part, Part),
}

/// The ways of an attempt, for an account or a role, or for whichever.
struct Ways {
    name: Option<String>,
    objects: Vec<Part>,
    /// What was there before.
    old: Part,
    /// By way and what is asked: whether it refuses wherever it is. Most are never asked: one way that gets through is enough.
    everywhere: RefCell<BTreeMap<(usize, usize), bool>>,
}

impl Ways {
    fn of(attempt: Attempt, name: Option<&str>) -> Self {
        Self {
            name: name.map(str::to_owned),
            objects: objects(attempt, name),
            old: old(attempt, name),
            everywhere: RefCell::default(),
        }
    }
}

impl<'c> Asked<'c> {
    fn new(
        attempt: Attempt,
        (rules, policies): (&[&'c BoundRule], &'c [Policy<'c>]),
        cluster: &'c Cluster,
        senders: &'c [Sender],
    ) -> Self {
        let asked = requested(attempt);
        let mut askable = Vec::new();
        for &bound in rules {
            let fits = |target: &&Target| {
                target.group == asked.group
                    && target.resource == asked.resource
                    && target.subresource.as_deref().unwrap_or_default() == asked.subresource
                    && target.operations.contains(&asked.operation)
            };
            let target = bound.rule.targets.iter().find(fits).filter(|target| !target.advisory);
            let Some(target) = target else { continue };
            if let Some(Body::Statements(statements)) = bound.rule.bodies.get(target.body) {
                askable.push(Askable::Rule { bound, target, statements });
            }
        }
        let policies = policies.iter().filter(|policy| policy.refuses && policy.is_about(attempt));
        askable.extend(policies.map(Askable::Policy));
        let by_name = asked.named_by.is_some_and(|word| askable.iter().any(|one| one.says(word)));
        let anywhere = (Part::Unknown, request(attempt, None));
        let depends = is_sent_directly(attempt) && askable.iter().any(Askable::reads_sender);
        let senders = if depends { senders } else { &[] };
        Self {
            attempt,
            cluster,
            askable,
            by_name,
            anywhere,
            senders,
            to_sender: RefCell::default(),
            alike: RefCell::default(),
        }
    }

    /// Adds what is refused there: for whichever account or role, or else for some.
    fn tell<'w, 'p>(
        &self,
        places: [Place<'p>; 2],
        named: impl IntoIterator<Item = &'w Ways>,
        whole: &Ways,
        to: &mut Controls,
    ) {
        let [here, relabelled] = places.map(|place| self.spot(place));
        if here.there.is_empty() {
            return;
        }
        let refusal = |ways: &Ways| {
            Some(Refusal {
                by: self.refused(&here, ways)?.into_iter().collect(),
                namespace: here.place.name().map(str::to_owned),
                attempt: self.attempt,
                name: ways.name.clone(),
                lasting: self.refused(&relabelled, ways).is_some(),
            })
        };
        match refusal(whole) {
            Some(refusal) => to.refusals.push(refusal),
            None => {
                if self.by_name {
                    to.refusals.extend(named.into_iter().filter_map(refusal));
                }
                self.tell_senders(&here, &relabelled, whole, to);
            }
        }
    }

    fn spot<'p>(&self, place: Place<'p>) -> Spot<'p> {
        let there = (0..).zip(&self.askable).filter(|(_, one)| self.is_in(one, place)).map(|(at, _)| at).collect();
        Spot { place, there, known: (place.namespace(), request(self.attempt, place.name())) }
    }

    /// Asks in every place that is known, and in namespaces that are not.
    fn ask(&self, controls: &mut Controls) {
        let (attempt, cluster) = (self.attempt, self.cluster);
        let whole = Ways::of(attempt, None);
        let of_role = |role: &&RoleRef| (role_name(role), Ways::of(attempt, Some(&role_name(role))));
        let is_binding = requested(attempt).group == RBAC;
        let roles = cluster.roles.keys().filter(|_| self.by_name && is_binding);
        let (wide, own): (Vec<&RoleRef>, Vec<&RoleRef>) = roles.partition(|role| role.namespace.is_none());
        let wide: BTreeMap<String, Ways> = wide.iter().map(of_role).collect();
        if attempt.is_cluster_wide() {
            return self.tell([Place::Nowhere; 2], wide.values(), &whole, controls);
        }
        let accounts = if self.by_name && !is_binding { accounts(cluster) } else { BTreeMap::new() };
        let bound = if attempt == Attempt::Rebind { bound_roles(cluster) } else { BTreeMap::new() };
        for (name, facts) in &cluster.namespaces {
            let here = accounts.get(name.as_str()).into_iter().flatten();
            let mut named: Vec<Ways> = here.map(|account| Ways::of(attempt, Some(account))).collect();
            let own = own.iter().filter(|role| role.namespace.as_ref() == Some(name));
            named.extend(own.map(|role| of_role(role).1));
            let places = [Place::Known(name, &facts.labels), Place::Relabelled(name)];
            // A binding that is there keeps its role.
            let bound = bound.get(name.as_str()).into_iter().flatten().filter_map(|role| wide.get(role));
            match attempt {
                Attempt::Rebind => self.tell(places, named.iter().chain(bound), &whole, controls),
                _ => self.tell(places, named.iter().chain(wide.values()), &whole, controls),
            }
        }
        self.tell([Place::New; 2], [], &whole, controls);
    }

    /// What together refuses every way there, unless one gets through.
    fn refused(&self, spot: &Spot<'_>, ways: &Ways) -> Option<BTreeSet<Refuser>> {
        let mut by: Vec<usize> = Vec::new();
        for way in 0..ways.objects.len() {
            // What refuses one way for certain is asked first about the next.
            let refuses = |one: &&usize| {
                self.refuses_everywhere((way, **one), ways)
                    || self.askable.get(**one).is_some_and(Askable::reads_namespace)
                        && self.asks((way, **one), ways, &spot.known)
            };
            let one = by.iter().find(refuses).or_else(|| spot.there.iter().find(refuses)).copied()?;
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
                // Of what is in no namespace, scopes of namespaces say nothing.
                Namespaces::Selected { labels, except } if matches!(place, Place::Nowhere) => {
                    *labels == LabelSelector::default() && except.is_empty()
                }
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

    fn refuses_everywhere(&self, asked: (usize, usize), ways: &Ways) -> bool {
        let known = ways.everywhere.borrow().get(&asked).copied();
        known.unwrap_or_else(|| {
            let refuses = self.asks(asked, ways, &self.anywhere);
            ways.everywhere.borrow_mut().insert(asked, refuses);
            refuses
        })
    }

    fn asks(&self, (way, one): (usize, usize), ways: &Ways, (namespace, request): &(Part, Part)) -> bool {
        let (Some(object), Some(one)) = (ways.objects.get(way), self.askable.get(one)) else { return false };
        let named = ways.name.as_deref().filter(|_| self.attempt == Attempt::Token);
        let named = named.map(|name| request.clone().with("name", Part::Text(name.into())));
        let request = named.as_ref().unwrap_or(request);
        let known = Known { object, old: &ways.old, request, namespace };
        match one {
            Askable::Rule { target, statements, .. } => known.violates(target, statements),
            Askable::Policy(policy) => policy.refuses(&known),
        }
    }
}

/// A role as refusals name it.
fn role_name(role: &RoleRef) -> String {
    let kind = if role.namespace.is_some() { "Role" } else { "ClusterRole" };
    format!("{kind}/{}", role.name)
}

/// ClusterRoles that are bound in a namespace, by namespace.
fn bound_roles(cluster: &Cluster) -> BTreeMap<&str, BTreeSet<String>> {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (binding, facts) in &cluster.bindings {
        if let Some(namespace) = binding.namespace.as_deref() {
            found.entry(namespace).or_default().insert(role_name(&facts.role));
        }
    }
    found
}

/// Accounts by namespace, whoever names them.
fn accounts(cluster: &Cluster) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (namespace, name) in cluster.service_accounts.keys() {
        found.entry(namespace).or_default().insert(name);
    }
    for (key, facts) in &cluster.workloads {
        found.entry(key.namespace.as_deref().unwrap_or_default()).or_default().insert(&facts.service_account);
    }
    for subject in cluster.bindings.values().flat_map(|facts| &facts.subjects) {
        if let Subject::ServiceAccount { namespace, name } = subject {
            found.entry(namespace).or_default().insert(name);
        }
    }
    found
}

impl Askable<'_> {
    fn name(&self) -> Refuser {
        match self {
            Self::Rule { bound, .. } => Refuser::Rule(bound.rule.name.clone()),
            Self::Policy(policy) => Refuser::Policy(policy.key.name.clone()),
        }
    }

    /// Whether its expressions say a word; of a rule that is not looked for.
    fn says(&self, word: &str) -> bool {
        match self {
            Self::Rule { .. } => true,
            Self::Policy(policy) => policy.says(word),
        }
    }

    /// Whether what it says may depend on who sends the request.
    fn reads_sender(&self) -> bool {
        match self {
            Self::Rule { bound, .. } => policy::rule_reads_sender(&bound.rule),
            Self::Policy(policy) => policy.says(SENDER),
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

//! The graph: its nodes, its edges, and the facts of the cluster by which they are drawn.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::{
    ObjectKey,
    cluster::{BindingFacts, Cluster, GuardFacts, HostPath, WorkloadFacts},
    program::{RoleRef, RoleRule, Subject},
};
use rustc_hash::FxHashMap;

use super::{
    answer::{DynamicGrant, Goal, Settings},
    applying::{Half, halves_by_role},
    controls::{Attempt, Controls, Refusal, SenderRefusal},
    host,
    nodes::{NODE, NODES},
    power::{Deed, LentPower, RulePower, by_role, lent_by_role},
    state::{Scope, State},
    step::StepKind,
    tokens::bootstrappers,
};
use crate::access::request::MASTERS;

/// Why an edge is there, as far as RBAC has a part in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) deed: &'static Deed,
    /// Whoever the binding names.
    pub(super) subject: Option<State<'a>>,
    pub(super) binding: Option<&'a ObjectKey>,
    pub(super) built_in: bool,
    pub(super) role: Option<&'a RoleRef>,
    pub(super) rule: Option<&'a RoleRule>,
}

/// How an edge counts and reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// One of a class: no step of its own.
    Choice,
    /// A subject has what its group has: no step either.
    Member,
    Step(StepKind),
}

/// A control that cuts an edge, in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut<'a> {
    /// The Pod Security level that its label enforces, or a configuration's default.
    Level { namespace: &'a str, level: &'a str, file: Option<&'a str> },
    /// Admission that was asked.
    Refused(&'a Refusal),
}

#[derive(Debug)]
pub(super) struct Edge<'a> {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) via: Via,
    pub(super) grounds: Vec<Ground<'a>>,
    pub(super) cut: Option<Cut<'a>>,
    /// What of the pod makes it possible.
    pub(super) fact: Option<String>,
    /// What it says of the request that the step before it sends.
    pub(super) of: Option<Attempt>,
}

/// A binding that exists, of a role that does.
#[derive(Debug, Clone, Copy)]
pub(super) struct GrantOf<'a> {
    pub(super) binding: &'a ObjectKey,
    pub(super) facts: &'a BindingFacts,
}

impl<'a> GrantOf<'a> {
    pub(super) fn scope(&self) -> Scope<'a> {
        self.binding.namespace.as_deref().map_or(Scope::Cluster, Scope::Namespace)
    }
}

/// What edges are drawn from.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) cluster: &'a Cluster,
    /// Whether `get` on `pods/exec` is enough to run a command.
    pub(super) exec_by_get: bool,
    /// What roles let someone do under another's name; empty where the server knows no constrained impersonation.
    pub(super) lent: FxHashMap<&'a RoleRef, Vec<LentPower<'a>>>,
    /// What roles let someone do of creating by an apply; empty where none names what may be created.
    pub(super) halves: FxHashMap<&'a RoleRef, Vec<(Half, RulePower<'a>)>>,
    /// Whether connections and traffic are asked about: nothing else leads from them.
    pub(super) connections: bool,
    pub(super) dynamic: &'a [DynamicGrant],
    /// What admission refuses, by namespace; none for those that are yet to be made.
    pub(super) refusals: BTreeMap<(Option<&'a str>, Attempt), Vec<&'a Refusal>>,
    /// What it refuses to some who send it.
    pub(super) of_senders: BTreeMap<(Option<&'a str>, Attempt), Vec<&'a SenderRefusal>>,
    /// What is refused somewhere.
    pub(super) refused: BTreeSet<Attempt>,
    /// What admission was asked, if it was.
    pub(super) controls: Option<&'a Controls>,
    /// Webhooks by the workloads that answer for them.
    pub(super) answers: BTreeMap<&'a ObjectKey, Vec<(&'a ObjectKey, &'a GuardFacts)>>,
    pub(super) powers: FxHashMap<&'a RoleRef, Vec<RulePower<'a>>>,
    pub(super) grants: FxHashMap<State<'a>, Vec<GrantOf<'a>>>,
    /// Every subject that a binding names and every service account, in a fixed order.
    pub(super) subjects: Vec<State<'a>>,
    pub(super) groups: FxHashMap<&'a str, State<'a>>,
    /// Groups and users that bootstrap tokens may be, where the API server may take any.
    pub(super) bootstrappers: Vec<State<'a>>,
    /// Users that are nodes, by the node's name.
    pub(super) nodes: BTreeMap<&'a str, State<'a>>,
    /// Every namespace that something mentions, subjects of bindings included.
    pub(super) namespaces: BTreeSet<&'a str>,
    pub(super) accounts: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Workloads that stand for themselves: no other in the cluster was made by them.
    pub(super) workloads: BTreeMap<&'a str, Vec<(&'a ObjectKey, &'a WorkloadFacts)>>,
    pub(super) by_node: BTreeMap<Option<&'a str>, Vec<(&'a ObjectKey, &'a WorkloadFacts)>>,
    /// Nodes that the API server or its store runs on.
    pub(super) control_plane: BTreeSet<Option<&'a str>>,
    /// Those of them that RKE2 or K3s set up.
    pub(super) rancher: BTreeSet<Option<&'a str>>,
    /// Workloads whose pods share their node's memory segments.
    pub(super) sharing: Vec<&'a ObjectKey>,
    /// Nodes of Windows, by what they or their pods say.
    pub(super) windows: BTreeSet<Option<&'a str>>,
    /// Groups and kinds of everything that runs.
    kinds: BTreeSet<(&'a str, &'a str)>,
    /// Namespaces with templates, by their groups and kinds.
    pub(super) templates: BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
    /// The level that keeps pods from being privileged, if one does, of the namespaces above.
    levels: FxHashMap<&'a str, Option<Cut<'a>>>,
    pub(super) secrets: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The node's paths that claims may be of, by namespace; those that any claim may be of without one.
    pub(super) claimable: BTreeMap<Option<&'a str>, Vec<HostPath>>,
    /// Those that the control plane fills with an account's token.
    pub(super) token_secrets: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Roles that bindings bind, by the bindings' namespace.
    pub(super) bound: BTreeMap<Option<&'a str>, BTreeSet<&'a RoleRef>>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        let mut facts = Self {
            cluster,
            exec_by_get: false,
            lent: FxHashMap::default(),
            halves: halves_by_role(cluster),
            connections: false,
            dynamic: &[],
            refusals: BTreeMap::new(),
            of_senders: BTreeMap::new(),
            refused: BTreeSet::new(),
            controls: None,
            answers: BTreeMap::new(),
            powers: by_role(cluster),
            grants: FxHashMap::default(),
            subjects: Vec::new(),
            groups: FxHashMap::from_iter([(MASTERS, State::Group(MASTERS))]),
            nodes: BTreeMap::new(),
            bootstrappers: Vec::new(),
            namespaces: cluster.namespaces.keys().map(String::as_str).collect(),
            accounts: BTreeMap::new(),
            workloads: BTreeMap::new(),
            by_node: BTreeMap::new(),
            control_plane: BTreeSet::new(),
            windows: cluster.windows.iter().map(|name| Some(name.as_str())).collect(),
            rancher: BTreeSet::new(),
            sharing: Vec::new(),
            kinds: cluster.workloads.keys().map(|key| (key.group.as_str(), key.kind.as_str())).collect(),
            templates: BTreeMap::new(),
            levels: FxHashMap::default(),
            secrets: BTreeMap::new(),
            claimable: cluster.claimable(),
            token_secrets: BTreeMap::new(),
            bound: BTreeMap::new(),
        };
        for (namespace, name) in cluster.service_accounts.keys() {
            facts.accounts.entry(namespace).or_default().insert(name);
        }
        facts.claimable.values_mut().for_each(|mounts| mounts.retain(|mount| !host::reach(mount, true).is_empty()));
        facts.claimable.retain(|_, mounts| !mounts.is_empty());
        facts.read_bindings();
        facts.read_workloads();
        facts.read_webhooks();
        for ((namespace, name), secret) in &cluster.secrets {
            facts.secrets.entry(namespace).or_default().insert(name);
            if secret.token_of.is_some() {
                facts.token_secrets.entry(namespace).or_default().insert(name);
            }
        }
        facts.namespaces.extend(facts.accounts.keys());
        facts.levels = facts.namespaces.iter().map(|name| (*name, level(cluster, name))).collect();
        let accounts = facts.accounts.iter().flat_map(|(namespace, names)| names.iter().map(|n| (*namespace, *n)));
        let accounts: Vec<_> = accounts.map(|(namespace, name)| State::Account(namespace, name)).collect();
        facts.subjects.extend(accounts);
        if !cluster.no_bootstrap_tokens {
            facts.bootstrappers = bootstrappers(&facts.subjects);
        }
        facts
    }

    /// The control that keeps pods of a namespace from being privileged.
    pub(super) fn pod_security(&self, namespace: &'a str) -> Option<Cut<'a>> {
        self.levels.get(namespace).map_or_else(|| level(self.cluster, namespace), |known| *known)
    }

    fn read_bindings(&mut self) {
        let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::from([MASTERS]));
        for (binding, facts) in &self.cluster.bindings {
            if !self.cluster.roles.contains_key(&facts.role) {
                continue;
            }
            self.bound.entry(binding.namespace.as_deref()).or_default().insert(&facts.role);
            for subject in &facts.subjects {
                let state = match subject {
                    Subject::User(name) => {
                        users.insert(name.as_str());
                        State::User(name)
                    }
                    Subject::Group(name) => {
                        groups.insert(name.as_str());
                        State::Group(name)
                    }
                    Subject::ServiceAccount { namespace, name } => {
                        self.accounts.entry(namespace).or_default().insert(name);
                        State::Account(namespace, name)
                    }
                };
                self.grants.entry(state).or_default().push(GrantOf { binding, facts });
            }
        }
        self.groups.extend(groups.iter().map(|name| (*name, State::Group(name))));
        let nodes = users.iter().filter_map(|name| Some((name.strip_prefix(NODE)?, State::User(name))));
        self.nodes.extend(nodes);
        self.subjects.extend(users.into_iter().map(State::User));
        self.subjects.extend(groups.into_iter().map(State::Group));
    }

    fn read_workloads(&mut self) {
        let workloads = &self.cluster.workloads;
        let owners: BTreeSet<_> = workloads.values().filter_map(|facts| facts.owner.as_ref()).collect();
        for (key, facts) in workloads {
            let namespace = key.namespace.as_deref().unwrap_or_default();
            if key.kind != "Pod" {
                self.templates.entry((key.group.as_str(), key.kind.as_str())).or_default().insert(namespace);
            }
            self.accounts.entry(namespace).or_default().insert(&facts.service_account);
            self.secrets.entry(namespace).or_default().extend(facts.pod.secrets.iter().map(String::as_str));
            if !owners.contains(key) {
                self.workloads.entry(namespace).or_default().push((key, facts));
                self.by_node.entry(facts.pod.node.as_deref()).or_default().push((key, facts));
                self.sharing.extend(facts.pod.host_ipc.then_some(key));
                if facts.pod.is_of_windows() {
                    self.windows.insert(facts.pod.node.as_deref());
                }
                if is_control_plane(key, facts) {
                    let node = facts.pod.node.as_deref();
                    self.control_plane.insert(node);
                    self.rancher.extend(host::is_of_rancher(&facts.pod).then_some(node));
                }
            }
        }
        self.secrets.retain(|_, names| !names.is_empty());
    }

    fn read_webhooks(&mut self) {
        let cluster = self.cluster;
        for (key, guards) in &cluster.guards {
            for guard in guards {
                let Some((namespace, name)) = &guard.service else { continue };
                for workload in self.behind(namespace, name) {
                    self.answers.entry(workload).or_default().push((key, guard));
                }
            }
        }
    }

    /// The workloads that a service leads to.
    pub(super) fn behind(&self, namespace: &str, service: &str) -> Vec<&'a ObjectKey> {
        let cluster = self.cluster;
        let facts = cluster.services.get(&(namespace.to_owned(), service.to_owned()));
        let Some(selector) = facts.and_then(|facts| facts.selector.as_ref()) else { return Vec::new() };
        let selected = |facts: &WorkloadFacts| selector.iter().all(|(key, value)| facts.labels.get(key) == Some(value));
        let there = self.workloads.get(namespace).into_iter().flatten();
        there.filter(|(_, facts)| selected(facts)).map(|(key, _)| *key).collect()
    }

    /// Whether the cluster has a kind that is not Kubernetes' own.
    pub(super) fn serves(&self, group: &str, plural: &str, kind: &str) -> bool {
        self.cluster.definitions.contains(&(group.to_owned(), plural.to_owned())) || self.kinds.contains(&(group, kind))
    }
}

/// The graph while it grows: a state that is named for the first time is expanded later.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) states: Vec<State<'a>>,
    pub(super) edges: Vec<Edge<'a>>,
    ids: FxHashMap<State<'a>, u32>,
}

impl<'a> Graph<'a> {
    /// Draws everything that the cluster's subjects and workloads, and `more` beside them, may come to.
    pub(super) fn new(cluster: &'a Cluster, more: &[State<'a>], settings: &Settings<'a>) -> Self {
        let lent = if settings.constrained_impersonation { lent_by_role(cluster) } else { FxHashMap::default() };
        let connections = settings.goals.iter().any(|goal| matches!(goal, Goal::Ports(_) | Goal::Traffic { .. }));
        let Settings { exec_by_get, dynamic, controls, .. } = *settings;
        let mut facts = Facts { exec_by_get, lent, connections, dynamic, ..Facts::new(cluster) };
        for refusal in controls.into_iter().flat_map(|controls| &controls.refusals) {
            facts.refusals.entry((refusal.namespace.as_deref(), refusal.attempt)).or_default().push(refusal);
            facts.refused.insert(refusal.attempt);
        }
        for of in controls.into_iter().flat_map(|controls| &controls.of_senders) {
            let key = (of.refusal.namespace.as_deref(), of.refusal.attempt);
            facts.of_senders.entry(key).or_default().push(of);
        }
        facts.refusals.values_mut().for_each(|here| here.sort_unstable());
        facts.controls = controls;
        for state in more {
            match *state {
                State::Account(namespace, name) => facts.accounts.entry(namespace).or_default().insert(name),
                State::Secret(namespace, name) => facts.secrets.entry(namespace).or_default().insert(name),
                State::User(name) => {
                    name.strip_prefix(NODE).is_some_and(|node| facts.nodes.insert(node, *state).is_none())
                }
                State::Group(NODES) => facts.groups.insert(NODES, *state).is_none(),
                _ => continue,
            };
        }
        let mut graph = Self { facts, states: Vec::new(), edges: Vec::new(), ids: FxHashMap::default() };
        for state in graph.facts.subjects.clone().into_iter().chain(more.iter().copied()) {
            graph.id(state);
        }
        let workloads: Vec<_> = graph.facts.workloads.values().flatten().map(|(key, _)| *key).collect();
        for key in workloads {
            graph.id(State::Inside(key));
        }
        let mut next = 0;
        while let Some(state) = graph.states.get(next).copied() {
            let id = u32::try_from(next).unwrap_or(u32::MAX);
            match state.subject() {
                Some(_) => graph.expand_subject(id, state),
                None => graph.expand_permissions(id, state),
            }
            graph.expand_bodies(id, state);
            next += 1;
        }
        graph
    }

    /// The number of a state, new or known.
    pub(super) fn id(&mut self, state: State<'a>) -> u32 {
        let next = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        let id = *self.ids.entry(state).or_insert(next);
        if id == next {
            self.states.push(state);
        }
        id
    }

    /// The number of a state that is in the graph.
    pub(super) fn known(&self, state: State<'a>) -> Option<u32> {
        self.ids.get(&state).copied()
    }

    pub(super) fn choice(&mut self, from: u32, to: State<'a>) {
        self.push(from, to, Via::Choice, Vec::new(), None, None);
    }

    /// One of a class, which admission may refuse to whoever asks.
    pub(super) fn cut_choice(&mut self, from: u32, to: State<'a>, refusal: Option<&'a Refusal>) {
        self.push(from, to, Via::Choice, Vec::new(), refusal.map(Cut::Refused), None);
    }

    pub(super) fn member(&mut self, from: u32, to: State<'a>) {
        self.push(from, to, Via::Member, Vec::new(), None, None);
    }

    pub(super) fn step(&mut self, from: u32, to: State<'a>, kind: StepKind, grounds: Vec<Ground<'a>>) {
        self.push(from, to, Via::Step(kind), grounds, None, None);
    }

    /// A step that takes permissions and a fact besides.
    pub(super) fn known_step(
        &mut self,
        from: u32,
        to: State<'a>,
        kind: StepKind,
        grounds: Vec<Ground<'a>>,
        fact: String,
        cut: Option<Cut<'a>>,
    ) {
        self.push(from, to, Via::Step(kind), grounds, cut, Some(fact));
    }

    /// A step that a pod makes possible, or a control takes away.
    pub(super) fn body_step(
        &mut self,
        from: u32,
        to: State<'a>,
        kind: StepKind,
        cut: Option<Cut<'a>>,
        fact: Option<String>,
    ) {
        self.push(from, to, Via::Step(kind), Vec::new(), cut, fact);
    }

    /// A step that says more of the request which the step before it sends: that the pod of one's own is privileged, or mounts a volume.
    pub(super) fn part_step(
        &mut self,
        from: u32,
        to: State<'a>,
        kind: StepKind,
        (attempt, cut): (Attempt, Option<Cut<'a>>),
        fact: Option<String>,
    ) {
        self.body_step(from, to, kind, cut, fact);
        self.is_part_of(attempt);
    }

    /// Of the step drawn last, that it is such a one.
    pub(super) fn is_part_of(&mut self, attempt: Attempt) {
        if let Some(edge) = self.edges.last_mut() {
            edge.of = Some(attempt);
        }
    }

    /// A step that is a request, which admission may refuse.
    pub(super) fn cut_step(
        &mut self,
        from: u32,
        to: State<'a>,
        kind: StepKind,
        grounds: Vec<Ground<'a>>,
        cut: Option<Cut<'a>>,
    ) {
        self.push(from, to, Via::Step(kind), grounds, cut, None);
    }

    fn push(
        &mut self,
        from: u32,
        to: State<'a>,
        via: Via,
        grounds: Vec<Ground<'a>>,
        cut: Option<Cut<'a>>,
        fact: Option<String>,
    ) {
        let to = self.id(to);
        self.edges.push(Edge { from, to, via, grounds, cut, fact, of: None });
    }
}

/// The control that keeps pods of a namespace from being privileged. A level that Pod Security does not know it takes for the strictest
/// (`staging/src/k8s.io/pod-security-admission/api/helpers.go`).
fn level<'a>(cluster: &'a Cluster, namespace: &'a str) -> Option<Cut<'a>> {
    let defaults = &cluster.pod_security;
    if defaults.off || defaults.by_runtime_class || defaults.namespaces.contains(namespace) {
        return None;
    }
    let labels = cluster.namespaces.get(namespace).map(|facts| &facts.labels);
    let (level, file) = match labels.and_then(|labels| labels.get("pod-security.kubernetes.io/enforce")) {
        Some(level) => (level.as_str(), None),
        None => (defaults.enforce.as_deref()?, Some(defaults.file.as_str())),
    };
    (level != "privileged").then_some(Cut::Level { namespace, level, file })
}

/// Whether a pod is the API server or its store, as kubeadm labels them; the cluster's keys lie on their nodes.
fn is_control_plane(key: &ObjectKey, facts: &WorkloadFacts) -> bool {
    key.namespace.as_deref() == Some("kube-system")
        && facts.labels.get("component").is_some_and(|name| ["kube-apiserver", "etcd"].contains(&name.as_str()))
}

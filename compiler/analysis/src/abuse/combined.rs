//! What takes a pod, and besides what its account may do, where it stands, or what it answers for.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::{
    ObjectKey,
    cluster::{CUSTOM_WORKLOADS, GuardFacts, HostPath, WorkloadFacts},
};

use super::{
    bodies::capabilities,
    graph::{Cut, Graph, Ground},
    host::{self, Reach},
    identity::{Held, Holdings, why},
    power::Power,
    state::{Scope, State},
    step::StepKind,
};
use crate::access::{SubjectRef, request::implied_groups};

impl<'a> Graph<'a> {
    pub(super) fn combined(&mut self, id: u32, key: &'a ObjectKey, facts: &'a WorkloadFacts) {
        self.read_through_logs(id, (key, facts), &facts.pod.host_paths, None);
        self.steer_pods(id, key, facts);
        self.share_memory(id, key, facts);
        for (configuration, guard) in self.facts.answers.get(key).cloned().unwrap_or_default() {
            self.answer(id, configuration, guard);
        }
    }

    /// What the account whose token a pod mounts holds, its groups' included.
    fn holdings_of_pod(&self, key: &'a ObjectKey, facts: &'a WorkloadFacts) -> Holdings<'a> {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        if self.has_token(namespace, facts) {
            self.holdings_of_account(namespace, &facts.service_account)
        } else {
            Holdings::default()
        }
    }

    /// What an account holds, its groups' included.
    pub(super) fn holdings_of_account(&self, namespace: &'a str, name: &'a str) -> Holdings<'a> {
        let mut holdings = Holdings::default();
        self.gather(State::Account(namespace, name), true, &mut holdings);
        let account = SubjectRef::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() };
        for group in implied_groups(&account) {
            if let Some(group) = self.facts.groups.get(group.as_str()).copied() {
                self.gather(group, true, &mut holdings);
            }
        }
        holdings
    }

    /// The kubelet follows links among the logs as root: for whoever may read logs of the pod, or the node's.
    pub(super) fn read_through_logs<'m>(
        &mut self,
        id: u32,
        (key, facts): (&'a ObjectKey, &'a WorkloadFacts),
        mounts: impl IntoIterator<Item = &'m HostPath>,
        cut: Option<Cut<'a>>,
    ) {
        let mut mounts = mounts.into_iter();
        let Some(mount) = mounts.find(|mount| host::reach(mount, false).contains(&Reach::Logs)) else { return };
        let holdings = self.holdings_of_pod(key, facts);
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let node = facts.pod.node.as_deref();
        let here = |held: &&Held<'a>| held.scope.meet(Scope::Namespace(namespace)).is_some();
        let of_pod = holdings.of(Power::ReadPodLogs).iter().filter(here);
        let of_node = holdings
            .of(Power::ReadNodeLogs)
            .iter()
            .filter(|held| node.map_or(held.names.is_empty(), |node| held.is_about(node)));
        let Some(held) = of_pod.chain(of_node).next().copied() else { return };
        let fact = host::said(mount);
        self.known_step(id, State::NodeRead(node), StepKind::ReadThroughLogs, why(&[&held]), fact, cut);
    }

    /// Whoever holds a node and may taint the others has their pods come to it.
    fn steer_pods(&mut self, id: u32, key: &'a ObjectKey, facts: &'a WorkloadFacts) {
        let pod = &facts.pod;
        let fact = if let Some(container) = pod.privileged.first() {
            format!("container {container} is privileged, so that the node is its own")
        } else if let Some(capability) = capabilities(pod).into_iter().next() {
            format!("{capability}, so that the node is its own")
        } else if let Some(mount) = pod.host_paths.iter().find(|mount| host::reach(mount, false).contains(&Reach::Node))
        {
            format!("{}, so that the node is its own", host::said(mount))
        } else {
            return;
        };
        let holdings = self.holdings_of_pod(key, facts);
        let Some(held) = holdings.of(Power::RewriteNodes).iter().find(|held| held.names.is_empty()).copied() else {
            return;
        };
        self.known_step(id, State::InsideAny(Scope::Namespaces), StepKind::SteerPods, why(&[&held]), fact, None);
    }

    /// Pods that share the node's memory segments share them with each other.
    fn share_memory(&mut self, id: u32, key: &'a ObjectKey, facts: &'a WorkloadFacts) {
        if !facts.pod.host_ipc {
            return;
        }
        for (other, neighbour) in self.facts.by_node.get(&facts.pod.node.as_deref()).cloned().unwrap_or_default() {
            if other != key && neighbour.pod.host_ipc {
                let fact = Some("hostIPC is true of both".to_owned());
                self.body_step(id, State::Inside(other), StepKind::ShareMemory, None, fact);
            }
        }
    }

    /// A mutating webhook's answer alters what it was asked about; any webhook sees it.
    fn answer(&mut self, id: u32, configuration: &'a ObjectKey, guard: &'a GuardFacts) {
        let asked = |operations: &[&str], resource: &str| {
            guard.rules.iter().any(|rule| operations.iter().any(|operation| rule.matches(operation, "", resource, "")))
        };
        let fact = || Some(format!("{} {} asks it", configuration.kind, configuration.name));
        let scopes: Vec<Scope<'a>> = if guard.namespaces.is_empty() {
            vec![Scope::Namespaces]
        } else {
            let covered = |name: &str| match self.facts.cluster.namespaces.get(name) {
                Some(facts) => guard.namespaces.matches(&facts.labels),
                // The label that every namespace has.
                None => guard
                    .namespaces
                    .matches(&BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())])),
            };
            let namespaces = self.facts.namespaces.iter().copied();
            namespaces.filter(|name| covered(name)).map(Scope::Namespace).collect()
        };
        for scope in scopes {
            if configuration.kind == "MutatingWebhookConfiguration" && asked(&["CREATE"], "pods") {
                self.body_step(id, State::NewPod(scope), StepKind::AnswerWebhook, None, fact());
            }
            if asked(&["CREATE", "UPDATE"], "secrets") {
                self.body_step(id, State::Secrets(scope), StepKind::AnswerWebhook, None, fact());
            }
        }
    }

    /// A definition's conversion webhook is handed every object of its kind, and gives back what it likes: pods, where the
    /// kind's controller makes them.
    pub(super) fn converted(&mut self, from: u32, held: &Held<'a>) {
        let is_custom = |key: &&'a ObjectKey| {
            let mut rows = CUSTOM_WORKLOADS.iter();
            let row = rows.find(|row| row.group == key.group && row.kind == key.kind);
            row.is_some_and(|row| held.is_about(&format!("{}.{}", row.plural, row.group)))
        };
        let keys = self.facts.cluster.workloads.keys().filter(is_custom);
        let namespaces: BTreeSet<&'a str> = keys.filter_map(|key| key.namespace.as_deref()).collect();
        for namespace in namespaces {
            let to = State::NewPod(Scope::Namespace(namespace));
            self.step(from, to, StepKind::AlterConversion, why(&[held]));
        }
    }

    /// Whoever may label namespaces, and is granted a role wherever labels match, has it wherever they may label.
    pub(super) fn join_scopes(&mut self, from: u32, holdings: &Holdings<'a>) {
        let Some(subject) = self.states.get(from as usize).and_then(State::subject) else { return };
        if self.facts.dynamic.is_empty() || holdings.of(Power::LabelNamespaces).is_empty() {
            return;
        }
        let groups = implied_groups(&subject);
        let named = |other: &SubjectRef| {
            *other == subject || matches!(other, SubjectRef::Group { name } if groups.contains(name))
        };
        for grant in self.facts.dynamic.iter().filter(|grant| grant.subjects.iter().any(named)) {
            let Some((role, _)) = self.facts.cluster.roles.get_key_value(&grant.role) else { continue };
            let labels: Vec<(Scope<'a>, Ground<'a>)> =
                holdings.of(Power::LabelNamespaces).iter().flat_map(|held| self.labelled(held)).collect();
            for (scope, ground) in labels {
                let to = self.held(role, scope);
                self.step(from, to, StepKind::JoinScope, vec![ground]);
            }
        }
    }

    fn labelled(&self, held: &Held<'a>) -> Vec<(Scope<'a>, Ground<'a>)> {
        match (held.scope.inside(), held.names) {
            (scope, []) => vec![(scope, held.ground)],
            (scope, names) => {
                let there = self.namespaces_of(scope).into_iter();
                there
                    .filter(|name| names.iter().any(|n| n == name))
                    .map(|n| (Scope::Namespace(n), held.ground))
                    .collect()
            }
        }
    }
}

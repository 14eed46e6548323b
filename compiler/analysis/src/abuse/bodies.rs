//! What pods, nodes, secrets and classes of them lead to.

use kspec_model::{
    ObjectKey,
    cluster::{PodFacts, WorkloadFacts},
    program::RoleRef,
};

use super::{
    controls::Attempt,
    graph::{Cut, Graph},
    lesser::LESS,
    state::{Scope, State},
    step::StepKind,
    tokens::{KUBE_SYSTEM, is_bootstrap_token},
};
use crate::access::request::MASTERS;

/// Capabilities that open the node to whoever has them, each by itself (capabilities(7)).
const CAPABILITIES: [&str; 5] = ["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH"];

impl<'a> Graph<'a> {
    /// Draws the edges of everything that is no subject.
    pub(super) fn expand_bodies(&mut self, id: u32, state: State<'a>) {
        match state {
            State::AnyRole(Scope::Namespace(namespace)) => {
                let first = RoleRef { namespace: Some(namespace.to_owned()), name: String::new() };
                let roles = self.facts.cluster.roles.range(first..).map(|(role, _)| role);
                for role in roles.take_while(|role| role.namespace.as_deref() == Some(namespace)) {
                    let to = self.held(role, Scope::Namespace(namespace));
                    self.choice(id, to);
                }
            }
            State::AnyBound(kind, scope @ (Scope::Cluster | Scope::Namespace(_))) => {
                let place = match scope {
                    Scope::Namespace(namespace) => Some(namespace),
                    _ => None,
                };
                for role in self.facts.bound.get(&place).cloned().unwrap_or_default() {
                    if role.namespace.is_none() == (kind == "ClusterRole") {
                        let to = self.held(role, scope);
                        self.choice(id, to);
                    }
                }
            }
            State::AnyUser => {
                for user in self.facts.subjects.clone().into_iter().filter(|state| matches!(state, State::User(_))) {
                    self.choice(id, user);
                }
            }
            State::AnySubject => {
                self.choice(id, State::AnyUser);
                self.choice(id, State::Accounts(Scope::Namespaces));
                let groups = self.facts.subjects.clone().into_iter();
                // The API server's CertificateSubjectRestriction refuses requests for `system:masters`.
                for group in groups.filter(|s| matches!(s, State::Group(name) if *name != MASTERS)) {
                    self.choice(id, group);
                }
                self.choice(id, State::AnyKubelet);
            }
            State::NewPod(Scope::Namespace(namespace)) => {
                self.taken_by_pod(id, namespace, false);
                let cut = self.facts.cut(namespace, Attempt::NewPod);
                self.part_step(id, State::AnyNode, StepKind::RunPrivileged, (Attempt::NewPod, cut), None);
                if cut.is_some() {
                    self.less(id, Some(namespace), false);
                }
            }
            State::FreePod(namespace, _) => {
                let cut = self.facts.lasting(namespace, Attempt::NewPod);
                self.part_step(id, State::AnyNode, StepKind::RunPrivileged, (Attempt::NewPod, cut), None);
                if cut.is_some() {
                    self.less(id, namespace, true);
                }
                let asks = self.facts.is_refused(Attempt::Account) || self.facts.is_refused(Attempt::Secret);
                if let Some(namespace) = namespace.filter(|_| asks) {
                    self.taken_by_pod(id, namespace, true);
                }
            }
            State::ClaimingPod { namespace, lifted, .. } => {
                let refusal = self.facts.refusal(Some(namespace), Attempt::Claim).filter(|_| !lifted);
                let claim = (Attempt::Claim, refusal.map(Cut::Refused));
                self.part_step(id, State::AnyNode, StepKind::MountVolume, claim, None);
            }
            State::Asked(attempt, scope) => self.asked(id, attempt, scope),
            State::UnruledPod(namespace, attempt @ (Attempt::BoundClaim | Attempt::Claim), _) => {
                self.claimed(id, Some(namespace), (attempt, None), false);
            }
            State::UnruledPod(_, attempt, _) if LESS.contains(&attempt) => self.less_by(id, attempt, None),
            State::UnruledPod(_, Attempt::NewPod, _) => {
                self.part_step(id, State::AnyNode, StepKind::RunPrivileged, (Attempt::NewPod, None), None);
            }
            State::Template(group, kind, Scope::Namespace(namespace)) => {
                if self.facts.templates.get(&(group, kind)).is_some_and(|there| there.contains(namespace)) {
                    self.choice(id, State::NewPod(Scope::Namespace(namespace)));
                }
            }
            State::Template(group, kind, _) => {
                for namespace in self.facts.templates.get(&(group, kind)).cloned().unwrap_or_default() {
                    self.choice(id, State::Template(group, kind, Scope::Namespace(namespace)));
                }
            }
            State::Added(key) | State::FreeContainer(key, _) | State::UnheldContainer(key, ..) => {
                self.container(id, state, key);
            }
            State::Inside(key) => {
                if let Some(facts) = self.facts.cluster.workloads.get(key) {
                    self.inside(id, key, facts);
                }
            }
            State::Node(node) => self.node(id, node),
            State::NodeRead(node) => {
                self.choice(id, State::NodeFiles(node));
                self.keys(id, node);
                self.body_step(id, State::Kubelet(node), StepKind::UseNodeCredentials, None, None);
            }
            State::Kubelet(node) => self.kubelet(id, node),
            State::AnyPorts(_) | State::AnyTraffic(_) | State::Traffic(..) => self.connection(id, state),
            State::NodeFiles(node) => {
                for (key, facts) in self.facts.by_node.get(&node).cloned().unwrap_or_default() {
                    self.held_by_pod(id, key, facts);
                }
            }
            State::AnyNode => {
                for node in self.facts.by_node.keys().copied().collect::<Vec<_>>() {
                    self.choice(id, State::Node(node));
                }
            }
            State::AnySharing => {
                for key in self.facts.sharing.clone() {
                    self.choice(id, State::Inside(key));
                }
            }
            State::AnyWindows => {
                for node in self.facts.windows.clone() {
                    self.choice(id, State::Node(node));
                }
            }
            State::AnyNodeRead => {
                for node in self.facts.by_node.keys().copied().collect::<Vec<_>>() {
                    self.choice(id, State::NodeRead(node));
                }
            }
            State::AnyKubelet => self.any_kubelet(id),
            State::AnyNodeFiles => {
                for node in self.facts.by_node.keys().copied().collect::<Vec<_>>() {
                    self.choice(id, State::NodeFiles(node));
                }
            }
            State::Bootstrappers => {
                for subject in self.facts.bootstrappers.clone() {
                    self.choice(id, subject);
                }
            }
            State::Secret(namespace, name) => {
                if namespace == KUBE_SYSTEM && is_bootstrap_token(name) && !self.facts.bootstrappers.is_empty() {
                    self.body_step(id, State::Bootstrappers, StepKind::ReadTokenSecret, None, None);
                }
                let key = (namespace.to_owned(), name.to_owned());
                if let Some(account) =
                    self.facts.cluster.secrets.get(&key).and_then(|secret| secret.token_of.as_deref())
                {
                    self.body_step(id, State::Account(namespace, account), StepKind::ReadTokenSecret, None, None);
                }
            }
            _ => self.members(id, state),
        }
    }

    /// The members of a class.
    fn members(&mut self, id: u32, state: State<'a>) {
        let facts = &self.facts;
        let all = |of: &dyn Fn(Scope<'a>) -> State<'a>, namespaces: Vec<&'a str>| {
            namespaces.into_iter().map(|namespace| of(Scope::Namespace(namespace))).collect::<Vec<_>>()
        };
        let here = |namespace: &str| facts.workloads.get(namespace).into_iter().flatten().map(|(key, _)| *key);
        let namespaces = || facts.namespaces.iter().copied().collect();
        let members = match state {
            State::AnyRole(_) => all(&State::AnyRole, namespaces()),
            State::AnyBound(kind, _) => {
                all(&|scope| State::AnyBound(kind, scope), facts.bound.keys().copied().flatten().collect())
            }
            State::Accounts(Scope::Namespace(namespace)) => {
                let names = facts.accounts.get(namespace).into_iter().flatten();
                names.map(|name| State::Account(namespace, name)).collect()
            }
            State::Accounts(_) => all(&State::Accounts, facts.accounts.keys().copied().collect()),
            State::NewPod(_) => all(&State::NewPod, namespaces()),
            State::InsideAny(Scope::Namespace(namespace)) => here(namespace).map(State::Inside).collect(),
            State::InsideAny(_) => all(&State::InsideAny, facts.workloads.keys().copied().collect()),
            State::AddedAny(Scope::Namespace(namespace)) => here(namespace).map(State::Added).collect(),
            State::AddedAny(_) => all(&State::AddedAny, facts.workloads.keys().copied().collect()),
            State::Secrets(Scope::Namespace(namespace)) => {
                let names = facts.secrets.get(namespace).into_iter().flatten();
                names.map(|name| State::Secret(namespace, name)).collect()
            }
            State::Secrets(_) => all(&State::Secrets, facts.secrets.keys().copied().collect()),
            _ => Vec::new(),
        };
        for member in members {
            self.choice(id, member);
        }
    }

    /// What code in a pod has: what the pod holds, and the node, where the pod is open to it.
    fn inside(&mut self, id: u32, key: &'a ObjectKey, facts: &'a WorkloadFacts) {
        self.held_by_pod(id, key, facts);
        let pod = &facts.pod;
        let node = pod.node.as_deref();
        for container in &pod.privileged {
            let fact = format!("container {container} is privileged");
            self.body_step(id, State::Node(node), StepKind::LeavePrivileged, None, Some(fact));
        }
        for container in &pod.host_processes {
            let fact = format!("container {container} is a host process");
            self.body_step(id, State::Node(node), StepKind::LeavePrivileged, None, Some(fact));
        }
        for capability in capabilities(pod) {
            self.body_step(id, State::Node(node), StepKind::LeaveByCapability, None, Some(capability));
        }
        for mount in &pod.host_paths {
            for (to, kind, fact) in self.mounted(&self.on(node), mount) {
                self.body_step(id, to, kind, None, Some(fact));
            }
        }
        self.combined(id, key, facts);
        if pod.host_pid {
            let fact = Some("hostPID is true".to_owned());
            self.body_step(id, State::NodeFiles(node), StepKind::ReadNeighbours, None, fact);
        }
    }

    /// A pod's token and secrets.
    pub(super) fn held_by_pod(&mut self, id: u32, key: &'a ObjectKey, facts: &'a WorkloadFacts) {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        if self.has_token(namespace, facts) {
            let fact = Some(format!("{} mounts it", State::Inside(key)));
            self.body_step(id, State::Account(namespace, &facts.service_account), StepKind::UseToken, None, fact);
        }
        for secret in &facts.pod.secrets {
            let fact = Some(format!("{} holds it", State::Inside(key)));
            self.body_step(id, State::Secret(namespace, secret), StepKind::UseSecret, None, fact);
        }
    }

    /// The pod's own word comes before its account's; a token that is projected by hand is there in any case.
    pub(super) fn has_token(&self, namespace: &str, facts: &WorkloadFacts) -> bool {
        let account = self.facts.cluster.service_accounts.get(&(namespace.to_owned(), facts.service_account.clone()));
        let automount = facts.pod.automount_token.or(account.and_then(|account| account.automount_token));
        facts.pod.projected_token || automount.unwrap_or(true)
    }
}

/// The capabilities of a pod that open its node.
pub(super) fn capabilities(pod: &PodFacts) -> Vec<String> {
    let mut found: Vec<_> = CAPABILITIES
        .iter()
        .filter(|name| pod.capabilities.contains(**name))
        .map(|name| format!("capability {name} is added"))
        .collect();
    if pod.host_pid && pod.capabilities.contains("SYS_PTRACE") {
        found.push("capability SYS_PTRACE is added, and hostPID is true".to_owned());
    }
    found
}

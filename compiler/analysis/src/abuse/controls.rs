//! What holds chains back: Pod Security, and admission that was asked before the graph is drawn; and how someone takes it away.

use std::collections::BTreeSet;

use kspec_model::ObjectKey;
use serde::{Deserialize, Serialize};

use super::{
    graph::{Cut, Facts, Graph},
    identity::{Held, Holdings, why},
    power::Power,
    state::{Scope, State},
    step::StepKind,
};

/// A control that keeps a step from being taken, in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Pod Security.
    PodSecurity {
        /// The namespace.
        namespace: String,
        /// The level that is enforced there.
        level: String,
        /// The API server's configuration, where the level is its default; none for the namespace's own label.
        file: Option<String>,
    },
    /// Admission rules and policies.
    Admission {
        /// The namespace; none for one that is yet to be made.
        namespace: Option<String>,
        /// Those that it takes, together.
        by: Vec<Refuser>,
    },
}

/// What refuses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refuser {
    /// An admission rule of the program, by name.
    Rule(String),
    /// A ValidatingAdmissionPolicy, by name.
    Policy(String),
}

impl std::fmt::Display for Refuser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rule(name) => write!(f, "rule {name}"),
            Self::Policy(name) => write!(f, "ValidatingAdmissionPolicy {name}"),
        }
    }
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PodSecurity { namespace, level, file: None } => {
                write!(f, "Pod Security level {level} of namespace {namespace}")
            }
            Self::PodSecurity { namespace, level, file: Some(file) } => {
                write!(f, "Pod Security level {level}, the default of {file}, in namespace {namespace}")
            }
            Self::Admission { namespace, by } => {
                let by: Vec<String> = by.iter().map(ToString::to_string).collect();
                let place =
                    namespace.as_ref().map_or_else(|| "new namespaces".into(), |name| format!("namespace {name}"));
                write!(f, "{} in {place}", by.join(", "))
            }
        }
    }
}

/// A way to a node that admission is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attempt {
    /// A new pod that would be root on its node.
    NewPod,
    /// A container like that, added to a pod that runs.
    AddedContainer,
}

/// That an attempt is refused in a namespace, however it is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The namespace; none for any that is yet to be made.
    pub namespace: Option<String>,
    /// What is attempted.
    pub attempt: Attempt,
    /// What refuses, together.
    pub by: Vec<Refuser>,
    /// Whether they refuse it whatever the namespace's labels are.
    pub lasting: bool,
}

/// What admission says of attempts: as far as it was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Controls {
    /// What is refused for certain.
    pub refusals: Vec<Refusal>,
    /// Policies that let a pod pass that does no harm to its node: they refuse no step that takes such a pod.
    pub pass_harmless: BTreeSet<ObjectKey>,
    /// Policies that let some pod pass that would be root on its node.
    pub pass_privileged: BTreeSet<ObjectKey>,
}

impl From<Cut<'_>> for Control {
    fn from(cut: Cut<'_>) -> Self {
        match cut {
            Cut::Level { namespace, level, file } => Self::PodSecurity {
                namespace: namespace.to_owned(),
                level: level.to_owned(),
                file: file.map(str::to_owned),
            },
            Cut::Refused(refusal) => Self::Admission { namespace: refusal.namespace.clone(), by: refusal.by.clone() },
        }
    }
}

impl<'a> Facts<'a> {
    /// The control that keeps pods of a namespace from being privileged. A level that Pod Security does not know it takes for the
    /// strictest (`staging/src/k8s.io/pod-security-admission/api/helpers.go`).
    pub(super) fn pod_security(&self, namespace: &'a str) -> Option<Cut<'a>> {
        let defaults = &self.cluster.pod_security;
        if defaults.off || defaults.by_runtime_class || defaults.namespaces.contains(namespace) {
            return None;
        }
        let labels = self.cluster.namespaces.get(namespace).map(|facts| &facts.labels);
        let (level, file) = match labels.and_then(|labels| labels.get("pod-security.kubernetes.io/enforce")) {
            Some(level) => (level.as_str(), None),
            None => (defaults.enforce.as_deref()?, Some(defaults.file.as_str())),
        };
        (level != "privileged").then_some(Cut::Level { namespace, level, file })
    }

    /// What keeps an attempt from its node: the level, or else admission.
    pub(super) fn cut(&self, namespace: &'a str, attempt: Attempt) -> Option<Cut<'a>> {
        self.pod_security(namespace).or_else(|| self.refusal(Some(namespace), attempt).map(Cut::Refused))
    }

    pub(super) fn refusal(&self, namespace: Option<&'a str>, attempt: Attempt) -> Option<&'a Refusal> {
        // A namespace that nobody is seen to have made is like one that is yet to come.
        let namespace = namespace.filter(|name| self.cluster.namespaces.contains_key(*name));
        self.refusals.get(&(namespace, attempt)).copied()
    }

    /// What still refuses a new pod once the namespace has other labels; without a namespace, in one that is made.
    pub(super) fn lasting(&self, namespace: Option<&'a str>) -> Option<Cut<'a>> {
        self.refusal(namespace, Attempt::NewPod).filter(|refusal| refusal.lasting).map(Cut::Refused)
    }
}

impl<'a> Graph<'a> {
    /// Pods and containers of whoever Pod Security asks nothing (`exemptions.usernames`); a controller's pods are the controller's.
    pub(super) fn exempt(&mut self, from: u32, held: &Held<'a>) {
        let users = &self.facts.cluster.pod_security.users;
        let exempt = |name: &String| self.states.get(from as usize) == Some(&State::User(name));
        if held.deed.kind != "Pod" || !users.iter().any(exempt) {
            return;
        }
        if held.deed.power == Power::CreatePods {
            let namespace = self.freest(self.namespaces_of(held.scope.inside()));
            return self.step(from, State::FreePod(namespace, from), StepKind::CreatePod, why(&[held]));
        }
        let keys: Vec<&'a ObjectKey> = if held.names.is_empty() {
            let inside = |namespace: &str| held.scope.meet(Scope::Namespace(namespace)).is_some();
            let there = self.facts.workloads.iter().filter(|(namespace, _)| inside(namespace));
            there.flat_map(|(_, pods)| pods.iter().map(|(key, _)| *key)).collect()
        } else {
            self.named_workloads(held)
        };
        for key in keys {
            self.step(from, State::FreeContainer(key, from), StepKind::AddContainer, why(&[held]));
        }
    }

    /// A namespace where nothing stands in the way but a level, if there is one; else the first. One will do.
    fn freest(&self, namespaces: Vec<&'a str>) -> Option<&'a str> {
        let free = namespaces.iter().find(|name| self.facts.lasting(Some(**name)).is_none());
        free.or(namespaces.first()).copied()
    }

    /// Ways around what holds pods of a namespace back.
    pub(super) fn namespaces(&mut self, from: u32, holdings: &Holdings<'a>) {
        for (scope, label, create) in holdings.both(Power::LabelNamespaces, Power::CreatePods) {
            let held =
                |namespace: &&'a str| label.is_about(namespace) && self.facts.cut(namespace, Attempt::NewPod).is_some();
            let namespaces = self.namespaces_of(scope.inside()).into_iter().filter(held).collect();
            if let Some(namespace) = self.freest(namespaces) {
                self.freed(from, Some(namespace), StepKind::LiftPodSecurity, (label, create));
            }
        }
        for (_, namespace, create) in holdings.both(Power::CreateNamespaces, Power::CreatePods) {
            if create.scope == Scope::Cluster {
                self.freed(from, None, StepKind::CreateNamespace, (namespace, create));
            }
        }
        self.policies(from, holdings);
    }

    fn freed(&mut self, from: u32, namespace: Option<&'a str>, kind: StepKind, (free, create): (Held<'a>, Held<'a>)) {
        let freed = State::Freed(namespace, from);
        self.step(from, freed, kind, why(&[&free]));
        let there = self.id(freed);
        self.step(there, State::FreePod(namespace, from), StepKind::CreatePod, why(&[&create]));
    }

    /// Policies that someone may take away or rewrite: of what they refuse together, nothing is sure without one of them.
    fn policies(&mut self, from: u32, holdings: &Holdings<'a>) {
        for take in [Power::TakePolicies, Power::TakeBindings, Power::TakeWebhooks] {
            for (scope, taken, create) in holdings.both(take, Power::CreatePods) {
                let meant = |refusal: &&Refusal| {
                    refusal.by.iter().any(|by| match by {
                        // A rule is a policy of the API server's, or a webhook, under a name of its own.
                        Refuser::Rule(_) => true,
                        Refuser::Policy(name) => {
                            take == Power::TakeBindings || (take == Power::TakePolicies && taken.is_about(name))
                        }
                    })
                };
                let namespaces: Vec<&'a str> = self
                    .namespaces_of(scope.inside())
                    .into_iter()
                    .filter(|name| self.facts.refusal(Some(*name), Attempt::NewPod).filter(meant).is_some())
                    .collect();
                let open = namespaces.iter().find(|name| self.facts.pod_security(name).is_none());
                // Whoever may change labels as well need not mind the level.
                let relabels = |name: &&'a str| {
                    let about =
                        |held: &&Held<'a>| held.is_about(name) && held.scope.meet(Scope::Namespace(name)).is_some();
                    holdings.of(Power::LabelNamespaces).iter().find(about).map(|held| (*name, why(&[held])))
                };
                let open = open.map(|name| (*name, Vec::new()));
                let Some((namespace, labels)) = open.or_else(|| namespaces.iter().find_map(relabels)) else { continue };
                let there = State::Unruled(namespace, from);
                let grounds = [why(&[&taken]), labels].concat();
                self.step(from, there, StepKind::TakePolicy, grounds);
                let there = self.id(there);
                self.step(there, State::UnruledPod(from), StepKind::CreatePod, why(&[&create]));
            }
        }
    }
}

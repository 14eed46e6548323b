//! What holds chains back: Pod Security, and admission that was asked before the graph is drawn; and how someone takes it away.

use std::{collections::BTreeSet, sync::Arc};

use kspec_model::ObjectKey;
use serde::{Deserialize, Serialize};

use super::{
    graph::{Cut, Facts, Graph},
    identity::{Held, Holdings, why},
    lesser::NODES,
    power::Power,
    refusals::{TAKES, relabels, takes_away},
    state::{Scope, State},
    step::StepKind,
    volumes::{CLAIMS, PODS},
};
use crate::access::SubjectRef;

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
    /// The same, of what is in no namespace.
    ClusterAdmission {
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

fn list(by: &[Refuser]) -> String {
    by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
            Self::ClusterAdmission { by } => f.write_str(&list(by)),
            Self::Admission { namespace, by } => {
                let place =
                    namespace.as_ref().map_or_else(|| "new namespaces".into(), |name| format!("namespace {name}"));
                write!(f, "{} in {place}", list(by))
            }
        }
    }
}

/// What somebody may try that admission is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attempt {
    /// A new pod that would be root on its node.
    NewPod,
    /// A container like that, added to a pod that runs.
    AddedContainer,
    /// A new pod that sees its node's processes (`hostPID`).
    NodeProcesses,
    /// A new pod that is its Windows node's own (`hostProcess`).
    HostProcess,
    /// A new pod that shares its node's memory segments (`hostIPC`).
    NodeMemory,
    /// Any container, added to a pod that runs.
    AnyContainer,
    /// One that mounts a `hostPath` volume of its pod's.
    AddedMount,
    /// One that mounts a persistent volume of its pod's.
    AddedClaim,
    /// One that holds a secret.
    AddedSecret,
    /// A new pod that runs as an account.
    Account,
    /// A new pod that holds a secret.
    Secret,
    /// A new pod that mounts a claim which is there.
    BoundClaim,
    /// A new pod that mounts a persistent volume, by a claim that is there or one that is made for it.
    Claim,
    /// A persistent volume of a node's path.
    Volume,
    /// A command in a pod.
    Exec,
    /// A pod's input and output.
    Attach,
    /// A connection to a pod's ports.
    Forward,
    /// Likewise, through the API server's proxy.
    ProxyPod,
    /// A connection to what is behind a service.
    ProxyService,
    /// A token of an account.
    Token,
    /// A secret that the control plane fills with a token of an account.
    TokenSecret,
    /// Such a secret that is there, rewritten to be another account's.
    RetargetedSecret,
    /// A RoleBinding of a role.
    Bind,
    /// Other subjects of one.
    Rebind,
    /// A ClusterRoleBinding of a role.
    BindEverywhere,
    /// Other subjects of one.
    RebindEverywhere,
}

impl Attempt {
    /// Whether it is made in no namespace.
    #[must_use]
    pub fn is_cluster_wide(self) -> bool {
        matches!(self, Self::Volume | Self::BindEverywhere | Self::RebindEverywhere)
    }
}

/// That an attempt is refused in a namespace, however it is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The namespace; none for any that is yet to be made, and for what is in none.
    pub namespace: Option<String>,
    /// What is attempted.
    pub attempt: Attempt,
    /// The account, or the role as `ClusterRole/NAME` or `Role/NAME`, that it is refused for; none for whichever.
    pub name: Option<String>,
    /// What refuses, together.
    pub by: Vec<Refuser>,
    /// Whether they refuse it whatever the namespace's labels are.
    pub lasting: bool,
}

/// That an attempt is refused to some who send it, though not to whoever does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SenderRefusal {
    /// What is refused to them.
    pub refusal: Refusal,
    /// They.
    pub senders: Arc<BTreeSet<SubjectRef>>,
}

/// What admission says of attempts: as far as it was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Controls {
    /// What is refused for certain.
    pub refusals: Vec<Refusal>,
    /// What is refused to some for certain.
    pub of_senders: Vec<SenderRefusal>,
    /// Policies that let a pod pass that does no harm to its node: they refuse no step that takes such a pod.
    pub pass_harmless: BTreeSet<ObjectKey>,
    /// Policies that let some way of an attempt pass.
    pub passes: BTreeSet<(Attempt, ObjectKey)>,
    /// Policies that let some way of an attempt pass for somebody who sends it.
    pub passes_to: BTreeSet<(Attempt, ObjectKey, SubjectRef)>,
}

impl From<Cut<'_>> for Control {
    fn from(cut: Cut<'_>) -> Self {
        match cut {
            Cut::Level { namespace, level, file } => Self::PodSecurity {
                namespace: namespace.to_owned(),
                level: level.to_owned(),
                file: file.map(str::to_owned),
            },
            Cut::Refused(refusal) if refusal.attempt.is_cluster_wide() => {
                Self::ClusterAdmission { by: refusal.by.clone() }
            }
            Cut::Refused(refusal) => Self::Admission { namespace: refusal.namespace.clone(), by: refusal.by.clone() },
        }
    }
}

impl<'a> Facts<'a> {
    /// What keeps an attempt from its node: the level, or else admission.
    pub(super) fn cut(&self, namespace: &'a str, attempt: Attempt) -> Option<Cut<'a>> {
        self.pod_security(namespace).or_else(|| self.refusal(Some(namespace), attempt).map(Cut::Refused))
    }

    pub(super) fn refusal(&self, namespace: Option<&'a str>, attempt: Attempt) -> Option<&'a Refusal> {
        self.refusal_of(namespace, attempt, None)
    }

    /// What refuses an attempt for one account or role; without a name, for whichever.
    pub(super) fn refusal_of(
        &self,
        namespace: Option<&'a str>,
        attempt: Attempt,
        name: Option<&str>,
    ) -> Option<&'a Refusal> {
        if !self.is_refused(attempt) {
            return None;
        }
        // A namespace that nobody is seen to have made is like one that is yet to come.
        let namespace = namespace.filter(|name| self.cluster.namespaces.contains_key(*name));
        let here = self.refusals.get(&(namespace, attempt))?;
        let of = |wanted: Option<&str>| {
            here.binary_search_by(|refusal| refusal.name.as_deref().cmp(&wanted))
                .ok()
                .and_then(|at| here.get(at))
                .copied()
        };
        of(None).or_else(|| name.and_then(|name| of(Some(name))))
    }

    /// What refuses an attempt to whoever sends it.
    pub(super) fn refusal_to(
        &self,
        sender: &SubjectRef,
        namespace: Option<&'a str>,
        attempt: Attempt,
    ) -> Option<&'a Refusal> {
        let namespace = namespace.filter(|name| self.cluster.namespaces.contains_key(*name));
        let here = self.of_senders.get(&(namespace, attempt))?;
        here.iter().find(|refusal| refusal.senders.contains(sender)).map(|of| &of.refusal)
    }

    /// What refuses an attempt there, for some name at least.
    pub(super) fn refusals_in(&self, namespace: &'a str, attempt: Attempt) -> &[&'a Refusal] {
        self.refusals_at(Some(namespace), attempt)
    }

    /// As [`Facts::refusals_in`], or in no namespace.
    pub(super) fn refusals_at(&self, namespace: Option<&'a str>, attempt: Attempt) -> &[&'a Refusal] {
        if !self.is_refused(attempt) {
            return &[];
        }
        let known = namespace.filter(|name| self.cluster.namespaces.contains_key(*name));
        self.refusals.get(&(known, attempt)).map_or(&[], Vec::as_slice)
    }

    /// Whether an attempt is refused anywhere.
    pub(super) fn is_refused(&self, attempt: Attempt) -> bool {
        self.refused.contains(&attempt)
    }

    /// What still refuses a new pod once the namespace has other labels; without a namespace, in one that is made.
    pub(super) fn lasting(&self, namespace: Option<&'a str>, attempt: Attempt) -> Option<Cut<'a>> {
        self.refusal(namespace, attempt).filter(|refusal| refusal.lasting).map(Cut::Refused)
    }
}

impl<'a> Graph<'a> {
    /// Pods and containers of whoever Pod Security asks nothing (`exemptions.usernames`); a controller's pods are the controller's.
    pub(super) fn exempt(&mut self, from: u32, held: &Held<'a>, holdings: &Holdings<'a>) {
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
            let asked = (key.namespace.as_deref(), Attempt::AnyContainer, None);
            self.ask(from, State::FreeContainer(key, from), StepKind::AddContainer, &[held], asked, holdings);
        }
    }

    /// A namespace where nothing stands in the way but a level, if there is one; else one where a pod has less of its node; else the
    /// first. One will do.
    fn freest(&self, namespaces: Vec<&'a str>) -> Option<&'a str> {
        let free = |attempt| namespaces.iter().find(move |name| self.facts.lasting(Some(**name), attempt).is_none());
        NODES.into_iter().find_map(free).or(namespaces.first()).copied()
    }

    /// Ways around what holds pods of a namespace back.
    pub(super) fn namespaces(&mut self, from: u32, holdings: &Holdings<'a>) {
        for (power, kind) in PODS {
            for (scope, label, pod) in holdings.both(Power::LabelNamespaces, power) {
                let mut places = self.places(&pod);
                places.retain(|place| scope.meet(Scope::Namespace(place)).is_some() && label.is_about(place));
                let by_labels = |place: &&&'a str| {
                    let claims = CLAIMS.into_iter().filter(|attempt| self.has_claims(place, *attempt));
                    let mut attempts = [Attempt::Account, Attempt::Secret].into_iter().chain(claims);
                    attempts
                        .any(|attempt| self.facts.refusals_in(place, attempt).iter().any(|refusal| !refusal.lasting))
                };
                let mut freed: Vec<&'a str> = places.iter().filter(by_labels).copied().collect();
                places.retain(|place| self.facts.cut(place, Attempt::NewPod).is_some());
                freed.extend(self.freest(places));
                for namespace in freed {
                    self.freed(from, Some(namespace), StepKind::LiftPodSecurity, &label, (&pod, kind));
                }
            }
        }
        for (_, namespace, create) in holdings.both(Power::CreateNamespaces, Power::CreatePods) {
            if create.scope == Scope::Cluster {
                self.freed(from, None, StepKind::CreateNamespace, &namespace, (&create, StepKind::CreatePod));
            }
        }
        self.policies(from, holdings);
    }

    fn freed(
        &mut self,
        from: u32,
        namespace: Option<&'a str>,
        kind: StepKind,
        free: &Held<'a>,
        (pod, makes): (&Held<'a>, StepKind),
    ) {
        let freed = State::Freed(namespace, from);
        self.step(from, freed, kind, why(&[free]));
        let there = self.id(freed);
        self.step(there, State::FreePod(namespace, from), makes, why(&[pod]));
    }

    /// Policies that someone may take away or rewrite: of what they refuse together, nothing is sure without one of them.
    fn policies(&mut self, from: u32, holdings: &Holdings<'a>) {
        if self.facts.refused.is_empty() {
            return;
        }
        for take in TAKES {
            for (power, kind) in PODS {
                for (_, taken, pod) in holdings.both(take, power) {
                    let places = self.places(&pod);
                    for attempt in NODES {
                        self.unruled(from, (&taken, attempt), (&pod, kind), &places, holdings);
                    }
                    for namespace in places {
                        self.unruled_account(from, &taken, (&pod, kind), namespace);
                        self.unruled_claims(from, &taken, (&pod, kind), namespace);
                    }
                }
            }
        }
    }

    /// A pod that would be root on its node, or see its processes, where nothing refuses it any more.
    fn unruled(
        &mut self,
        from: u32,
        (taken, attempt): (&Held<'a>, Attempt),
        (pod, kind): (&Held<'a>, StepKind),
        places: &[&'a str],
        holdings: &Holdings<'a>,
    ) {
        let refused =
            |name: &&&'a str| self.facts.refusal(Some(name), attempt).is_some_and(|refusal| takes_away(taken, refusal));
        let namespaces: Vec<&'a str> = places.iter().filter(refused).copied().collect();
        let open = namespaces.iter().find(|name| self.facts.pod_security(name).is_none());
        // Whoever may change labels as well need not mind the level.
        let relabels = |name: &&'a str| relabels(holdings, name).map(|held| (*name, why(&[held])));
        let open = open.map(|name| (*name, Vec::new()));
        let Some((namespace, labels)) = open.or_else(|| namespaces.iter().find_map(relabels)) else { return };
        let there = State::Unruled(Some(namespace), attempt, from);
        self.step(from, there, StepKind::TakePolicy, [why(&[taken]), labels].concat());
        let there = self.id(there);
        self.step(there, State::UnruledPod(namespace, attempt, from), kind, why(&[pod]));
    }

    /// A pod that runs as an account, or holds a secret, that was refused.
    fn unruled_account(&mut self, from: u32, taken: &Held<'a>, (pod, kind): (&Held<'a>, StepKind), namespace: &'a str) {
        for attempt in [Attempt::Account, Attempt::Secret] {
            let refusals: Vec<&'a Refusal> = self.facts.refusals_in(namespace, attempt).to_vec();
            for refusal in refusals.into_iter().filter(|refusal| takes_away(taken, refusal)) {
                let there = State::Unruled(Some(namespace), attempt, from);
                self.step(from, there, StepKind::TakePolicy, why(&[taken]));
                let there = self.id(there);
                let unruled = State::UnruledPod(namespace, attempt, from);
                self.step(there, unruled, kind, why(&[pod]));
                let here = Scope::Namespace(namespace);
                let (to, step) = match (attempt, refusal.name.as_deref()) {
                    (Attempt::Secret, _) => (State::Secrets(here), StepKind::MountSecret),
                    (_, Some(name)) => (State::Account(namespace, name), StepKind::RunAs),
                    (_, None) => (State::Accounts(here), StepKind::RunAs),
                };
                let unruled = self.id(unruled);
                self.body_step(unruled, to, step, None, None);
            }
        }
    }
}

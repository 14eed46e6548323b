//! What permissions lead to.

use std::collections::BTreeMap;

use kspec_model::{
    ObjectKey,
    program::{RoleRef, RoleRule},
};

use super::{
    applying::Half,
    controls::Attempt,
    graph::{Graph, Ground},
    nodes::NODES,
    power::{DEEDS, Deed, Mode, Power, RulePower},
    state::{Scope, State},
    step::StepKind,
};
use crate::{
    access::request::{MASTERS, implied_groups},
    system,
};

/// Every signer of Kubernetes' own.
const OWN_SIGNERS: &str = "kubernetes.io/*";
/// Signs what the API server takes for a user.
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// Signs what the API server takes for a node.
const KUBELET_SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";

/// A power that someone holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) deed: &'static Deed,
    pub(super) scope: Scope<'a>,
    /// Names of the objects that it is about; empty for all.
    pub(super) names: &'a [String],
    pub(super) ground: Ground<'a>,
    /// What it takes besides, where the request is an apply that creates.
    pub(super) also: Option<Ground<'a>>,
    /// Whether it is held by name, and not by a group that has an own node.
    pub(super) own: bool,
}

impl Held<'_> {
    pub(super) fn is_about(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|known| known == name)
    }

    /// Whether both can be about one object.
    pub(super) fn meets(&self, other: &Held<'_>) -> bool {
        self.names.is_empty() || other.names.is_empty() || self.names.iter().any(|name| other.is_about(name))
    }
}

/// Why several powers are held.
pub(super) fn why<'a>(held: &[&Held<'a>]) -> Vec<Ground<'a>> {
    held.iter().flat_map(|held| [Some(held.ground), held.also]).flatten().collect()
}

/// A role that someone is bound to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) role: &'a RoleRef,
    pub(super) scope: Scope<'a>,
    pub(super) own: bool,
}

/// Everything someone holds.
#[derive(Debug, Default)]
pub(super) struct Holdings<'a> {
    powers: BTreeMap<Power, Vec<Held<'a>>>,
    /// Halves of creating by an apply.
    pub(super) halves: Vec<(Half, Held<'a>)>,
    /// What may be done under another's name.
    pub(super) lent: Vec<(Mode, Held<'a>)>,
    pub(super) bound: Vec<Bound<'a>>,
}

impl<'a> Holdings<'a> {
    /// Adds a power.
    pub(super) fn hold(&mut self, held: Held<'a>) {
        self.powers.entry(held.deed.power).or_default().push(held);
    }

    /// Everything that is held.
    pub(super) fn all(&self) -> impl Iterator<Item = &Held<'a>> {
        self.powers.values().flatten()
    }

    pub(super) fn of(&self, power: Power) -> &[Held<'a>] {
        self.powers.get(&power).map_or(&[], Vec::as_slice)
    }

    /// Both powers at once, with the scope that both hold in.
    pub(super) fn pairs(&self, one: Power, other: Power) -> Vec<(Scope<'a>, Held<'a>, Held<'a>)> {
        let mut found = Vec::new();
        for a in self.of(one) {
            for b in self.of(other) {
                found.extend(a.scope.meet(b.scope).map(|scope| (scope, *a, *b)));
            }
        }
        found
    }

    /// As [`Holdings::pairs`], one of the two at least held by name: what a group has by itself leads on from its own node.
    pub(super) fn both(&self, one: Power, other: Power) -> Vec<(Scope<'a>, Held<'a>, Held<'a>)> {
        let mut found = self.pairs(one, other);
        found.retain(|(_, a, b)| a.own || b.own);
        found
    }
}

impl<'a> RulePower<'a> {
    /// As someone holds it.
    fn held(&self, scope: Scope<'a>, own: bool, ground: Ground<'a>) -> Held<'a> {
        Held { deed: self.deed, scope, names: &self.rule.resource_names, ground, also: None, own }
    }
}

impl<'a> Graph<'a> {
    /// What a subject may do: by name, and together with what its groups may.
    pub(super) fn expand_subject(&mut self, from: u32, state: State<'a>) {
        if state == State::Group(MASTERS) {
            self.step(from, State::ClusterAdmin, StepKind::HoldEverything, Vec::new());
        }
        let mut holdings = Holdings::default();
        self.gather(state, true, &mut holdings);
        let own = !holdings.bound.is_empty();
        let groups = state.subject().map(|subject| implied_groups(&subject)).unwrap_or_default();
        for group in groups {
            let Some(group) = self.facts.groups.get(group.as_str()).copied() else { continue };
            self.member(from, group);
            if own {
                self.gather(group, false, &mut holdings);
            }
        }
        self.apply(&mut holdings);
        self.lead_on(from, &holdings);
    }

    /// What a role would give whoever binds it, and what having everything gives.
    pub(super) fn expand_permissions(&mut self, from: u32, state: State<'a>) {
        let mut holdings = Holdings::default();
        let scope = match state {
            State::ClusterAdmin => Scope::Cluster,
            State::Everything(scope) | State::Holds(_, scope) => scope,
            _ => return,
        };
        if let State::Holds(role, scope) = state {
            let ground = |power: &RulePower<'a>| ground(power.deed, Some(role), Some(power.rule));
            self.take_on(Bound { role, scope, own: true }, ground, &mut holdings);
        } else {
            for deed in DEEDS.iter().filter(|deed| deed.namespaced || scope == Scope::Cluster) {
                let ground = ground(deed, None, None);
                holdings.hold(Held { deed, scope, names: &[], ground, also: None, own: true });
            }
        }
        self.apply(&mut holdings);
        self.lead_on(from, &holdings);
    }

    pub(super) fn gather(&self, subject: State<'a>, own: bool, holdings: &mut Holdings<'a>) {
        for grant in self.facts.grants.get(&subject).into_iter().flatten() {
            let (role, scope) = (&grant.facts.role, grant.scope());
            let ground = |power: &RulePower<'a>| Ground {
                subject: Some(subject),
                binding: Some(grant.binding),
                built_in: system::is_built_in(grant.binding, grant.facts),
                ..ground(power.deed, Some(role), Some(power.rule))
            };
            self.take_on(Bound { role, scope, own }, ground, holdings);
            for lent in self.facts.lent.get(role).into_iter().flatten().filter(|lent| lent.power.holds_in(scope)) {
                holdings.lent.push((lent.mode, lent.power.held(scope, own, ground(&lent.power))));
            }
        }
    }

    /// Adds a role that someone is bound to, and what it allows, but for what is lent.
    fn take_on(&self, bound: Bound<'a>, ground: impl Fn(&RulePower<'a>) -> Ground<'a>, holdings: &mut Holdings<'a>) {
        let Bound { role, scope, own } = bound;
        holdings.bound.push(bound);
        for power in self.facts.powers.get(role).into_iter().flatten().filter(|power| power.holds_in(scope)) {
            holdings.hold(power.held(scope, own, ground(power)));
        }
        for (half, power) in self.facts.halves.get(role).into_iter().flatten().filter(|(_, p)| p.holds_in(scope)) {
            holdings.halves.push((*half, power.held(scope, own, ground(power))));
        }
    }

    pub(super) fn lead_on(&mut self, from: u32, holdings: &Holdings<'a>) {
        // What a group's request is refused, a member may get around.
        let unruly = self.gets_around(holdings);
        for held in holdings.powers.values().flatten().filter(|held| held.own || unruly) {
            self.single(from, held, holdings);
        }
        self.bindings(from, holdings);
        self.roles(from, holdings);
        self.identities(from, holdings);
        self.acting(from, holdings);
        self.join_scopes(from, holdings);
        self.namespaces(from, holdings);
        self.volumes(from, holdings);
        self.logs(from, holdings);
        self.added(from, holdings);
    }

    /// Powers that need no other.
    fn single(&mut self, from: u32, held: &Held<'a>, holdings: &Holdings<'a>) {
        let (scope, why) = (held.scope.inside(), why(&[held]));
        let any = held.names.is_empty();
        match held.deed.power {
            Power::Everything => self.step(from, State::ClusterAdmin, StepKind::HoldEverything, why),
            Power::CreatePods => {
                self.exempt(from, held, holdings);
                self.step(from, State::NewPod(scope), StepKind::CreatePod, why);
            }
            Power::CreateCustom => {
                let deed = held.deed;
                if self.facts.serves(deed.group, deed.resource, deed.kind) {
                    self.step(from, State::NewPod(scope), StepKind::CreatePod, why);
                }
            }
            Power::RewriteTemplates if any => {
                let template = State::Template(held.deed.group, held.deed.kind, scope);
                self.step(from, template, StepKind::RewriteTemplate, why);
            }
            Power::RewriteTemplates => {
                for key in self.named_workloads(held) {
                    let namespace = key.namespace.as_deref().unwrap_or_default();
                    let to = State::NewPod(Scope::Namespace(namespace));
                    self.step(from, to, StepKind::RewriteTemplate, why.clone());
                }
            }
            Power::RewritePods => self.enter_pods(from, held, StepKind::RewritePod),
            Power::Exec => self.ask_pods(from, held, StepKind::Exec, Attempt::Exec, holdings),
            Power::Attach => self.ask_pods(from, held, StepKind::Attach, Attempt::Attach, holdings),
            Power::ExecByGet if self.facts.exec_by_get => {
                self.ask_pods(from, held, StepKind::Exec, Attempt::Exec, holdings)
            }
            Power::AttachByGet if self.facts.exec_by_get => {
                self.ask_pods(from, held, StepKind::Attach, Attempt::Attach, holdings)
            }
            Power::AddContainers if any => {
                self.exempt(from, held, holdings);
                self.ask_in(from, scope, StepKind::AddContainer, &[held], Attempt::AnyContainer, holdings);
            }
            Power::AddContainers => {
                self.exempt(from, held, holdings);
                for key in self.named_workloads(held) {
                    let asked = (key.namespace.as_deref(), Attempt::AnyContainer, None);
                    self.ask(from, State::Added(key), StepKind::AddContainer, &[held], asked, holdings);
                }
            }
            Power::Kubelet if any => self.step(from, State::InsideAny(scope), StepKind::Kubelet, why),
            Power::Kubelet => {
                for node in held.names {
                    let pods = self.facts.by_node.get(&Some(node.as_str())).cloned().unwrap_or_default();
                    for (key, _) in pods {
                        self.step(from, State::Inside(key), StepKind::Kubelet, why.clone());
                    }
                }
            }
            Power::IssueTokens if self.facts.is_refused(Attempt::Token) => self.ask_tokens(from, held, holdings),
            Power::IssueTokens => self.accounts(from, held, StepKind::IssueToken),
            Power::ImpersonateAccounts => self.accounts(from, held, StepKind::Impersonate),
            Power::ImpersonateUsers if any => self.step(from, State::AnyUser, StepKind::Impersonate, why),
            Power::ImpersonateUsers => {
                for name in held.names {
                    if self.facts.grants.contains_key(&State::User(name)) {
                        self.step(from, State::User(name), StepKind::Impersonate, why.clone());
                    }
                }
            }
            Power::ReadSecrets if any => self.step(from, State::Secrets(scope), StepKind::ReadSecret, why),
            Power::ReadSecrets => {
                for namespace in self.namespaces_of(scope) {
                    for name in held.names {
                        let known =
                            self.facts.secrets.get(namespace).is_some_and(|names| names.contains(name.as_str()));
                        if known || scope != Scope::Namespaces {
                            self.step(from, State::Secret(namespace, name), StepKind::ReadSecret, why.clone());
                        }
                    }
                }
            }
            Power::CreateSecrets | Power::RewriteSecrets => self.bootstraps(from, held),
            Power::CreateMutators => self.altered(from, why),
            Power::RewriteMutators | Power::RewriteMutatingPolicies if self.guards(held) => self.altered(from, why),
            Power::CreateObservers => self.observed(from, why),
            Power::RewriteObservers if self.guards(held) => self.observed(from, why),
            Power::RewriteDefinitions => self.converted(from, held),
            _ => self.connects(from, held, holdings),
        }
    }

    pub(super) fn altered(&mut self, from: u32, why: Vec<Ground<'a>>) {
        self.step(from, State::NewPod(Scope::Namespaces), StepKind::AlterWrites, why.clone());
        self.observed(from, why);
    }

    fn observed(&mut self, from: u32, why: Vec<Ground<'a>>) {
        self.step(from, State::Secrets(Scope::Namespaces), StepKind::ObserveWrites, why);
    }

    /// Whether there is a webhook or policy that it may rewrite.
    fn guards(&self, held: &Held<'a>) -> bool {
        self.facts.cluster.guards.keys().any(|key| key.kind == held.deed.kind && held.is_about(&key.name))
    }

    fn enter_pods(&mut self, from: u32, held: &Held<'a>, kind: StepKind) {
        if held.names.is_empty() {
            return self.step(from, State::InsideAny(held.scope.inside()), kind, why(&[held]));
        }
        for key in self.named_workloads(held) {
            self.step(from, State::Inside(key), kind, why(&[held]));
        }
    }

    /// As [`Graph::enter_pods`], by a request that admission may refuse.
    fn ask_pods(&mut self, from: u32, held: &Held<'a>, kind: StepKind, attempt: Attempt, holdings: &Holdings<'a>) {
        if held.names.is_empty() {
            return self.ask_in(from, held.scope.inside(), kind, &[held], attempt, holdings);
        }
        for key in self.named_workloads(held) {
            let asked = (key.namespace.as_deref(), attempt, None);
            self.ask(from, State::Inside(key), kind, &[held], asked, holdings);
        }
    }

    /// Tokens where admission refuses some.
    fn ask_tokens(&mut self, from: u32, held: &Held<'a>, holdings: &Holdings<'a>) {
        if held.names.is_empty() {
            let scope = held.scope.inside();
            return self.ask_in(from, scope, StepKind::IssueToken, &[held], Attempt::Token, holdings);
        }
        for namespace in self.namespaces_of(held.scope.inside()) {
            let names = self.facts.accounts.get(namespace).cloned().unwrap_or_default();
            for name in names.into_iter().filter(|name| held.is_about(name)) {
                let asked = (Some(namespace), Attempt::Token, Some(name));
                self.ask(from, State::Account(namespace, name), StepKind::IssueToken, &[held], asked, holdings);
            }
        }
    }

    pub(super) fn accounts(&mut self, from: u32, held: &Held<'a>, kind: StepKind) {
        let scope = held.scope.inside();
        if held.names.is_empty() {
            return self.step(from, State::Accounts(scope), kind, why(&[held]));
        }
        for namespace in self.namespaces_of(scope) {
            for name in held.names {
                if self.facts.accounts.get(namespace).is_some_and(|names| names.contains(name.as_str())) {
                    self.step(from, State::Account(namespace, name), kind, why(&[held]));
                }
            }
        }
    }

    /// Workloads of the deed's kind that its names name.
    pub(super) fn named_workloads(&self, held: &Held<'a>) -> Vec<&'a ObjectKey> {
        let mut found = Vec::new();
        for namespace in self.namespaces_of(held.scope.inside()) {
            for name in held.names {
                let key = ObjectKey {
                    group: held.deed.group.to_owned(),
                    kind: held.deed.kind.to_owned(),
                    namespace: Some(namespace.to_owned()),
                    name: name.clone(),
                };
                found.extend(self.facts.cluster.workloads.get_key_value(&key).map(|(key, _)| key));
            }
        }
        found
    }

    pub(super) fn namespaces_of(&self, scope: Scope<'a>) -> Vec<&'a str> {
        match scope {
            Scope::Namespace(namespace) => vec![namespace],
            _ => self.facts.namespaces.iter().copied().collect(),
        }
    }

    /// Ways to be someone else that take more than one permission.
    fn identities(&mut self, from: u32, holdings: &Holdings<'a>) {
        // A request that impersonates a group has to impersonate a user as well, no matter whom.
        for someone in [Power::ImpersonateUsers, Power::ImpersonateAccounts] {
            for (_, groups, someone) in holdings.both(Power::ImpersonateGroups, someone) {
                let why = why(&[&groups, &someone]);
                if groups.is_about(MASTERS) {
                    self.step(from, State::Group(MASTERS), StepKind::Impersonate, why.clone());
                }
                if someone.deed.power == Power::ImpersonateUsers && groups.is_about(NODES) {
                    for node in self.impersonated_nodes(someone.names) {
                        self.step(from, node, StepKind::Impersonate, why.clone());
                    }
                }
                for name in groups.names {
                    if let Some(group) = self.facts.groups.get(name.as_str()).copied() {
                        self.step(from, group, StepKind::Impersonate, why.clone());
                    }
                }
            }
        }
        self.token_secrets(from, holdings);
        for (_, create, approve) in holdings.both(Power::CreateRequests, Power::ApproveRequests) {
            if !create.meets(&approve) {
                continue;
            }
            for signer in holdings.of(Power::ApproveForSigner) {
                let why = why(&[&create, &approve, signer]);
                let signs = |name: &str| signer.is_about(name) || signer.is_about(OWN_SIGNERS);
                if signs(CLIENT_SIGNER) {
                    self.step(from, State::AnySubject, StepKind::ApproveCertificate, why.clone());
                }
                if signs(KUBELET_SIGNER) {
                    self.step(from, State::AnyKubelet, StepKind::ApproveCertificate, why);
                }
            }
        }
        for (_, create, approved) in holdings.both(Power::CreateRequests, Power::ApprovedAsNode) {
            let why = why(&[&create, &approved]);
            self.step(from, State::AnyKubelet, StepKind::RequestNodeCertificate, why);
        }
        for (_, policy, binding) in holdings.both(Power::CreateMutatingPolicies, Power::BindMutatingPolicies) {
            self.altered(from, why(&[&policy, &binding]));
        }
    }
}

fn ground<'a>(deed: &'static Deed, role: Option<&'a RoleRef>, rule: Option<&'a RoleRule>) -> Ground<'a> {
    Ground { deed, subject: None, binding: None, built_in: false, role, rule }
}

//! Steps that are requests of someone's own, which admission may refuse; and how they get around that.

use kspec_model::program::RoleRef;

use super::{
    controls::{Attempt, Refusal, Refuser},
    graph::{Cut, Graph, Ground},
    identity::{Held, Holdings, why},
    power::Power,
    state::{Scope, State},
    step::StepKind,
};
use crate::access::SubjectRef;

/// Powers over what refuses.
pub(super) const TAKES: [Power; 3] = [Power::TakePolicies, Power::TakeBindings, Power::TakeWebhooks];

/// Where an attempt is made, and for which account or role.
pub(super) type Asked<'a, 'n> = (Option<&'a str>, Attempt, Option<&'n str>);

/// Whether one of those that refuse together is gone, or lets pass, if someone wants it.
pub(super) fn takes_away(taken: &Held<'_>, refusal: &Refusal) -> bool {
    let power = taken.deed.power;
    refusal.by.iter().any(|by| match by {
        // A rule is a policy of the API server's, or a webhook, under a name of its own.
        Refuser::Rule(_) => true,
        Refuser::Policy(name) => power == Power::TakeBindings || (power == Power::TakePolicies && taken.is_about(name)),
    })
}

/// What lets someone change a namespace's labels.
pub(super) fn relabels<'h, 'a>(holdings: &'h Holdings<'a>, namespace: &str) -> Option<&'h Held<'a>> {
    let about = |held: &&Held<'a>| held.is_about(namespace) && held.scope.meet(Scope::Namespace(namespace)).is_some();
    holdings.of(Power::LabelNamespaces).iter().find(about)
}

/// The role that holds everything.
const ADMIN: &str = "ClusterRole/cluster-admin";

/// A role as refusals name it.
pub(super) fn role_name(role: &RoleRef) -> String {
    let kind = if role.namespace.is_some() { "Role" } else { "ClusterRole" };
    format!("{kind}/{}", role.name)
}

/// What a request leads to that is not refused.
fn target(attempt: Attempt, scope: Scope<'_>) -> State<'_> {
    match (attempt, scope) {
        (Attempt::AnyContainer, scope) => State::AddedAny(scope),
        (Attempt::Forward | Attempt::ProxyPod | Attempt::ProxyService, scope) => State::AnyPorts(scope),
        (Attempt::Token | Attempt::TokenSecret | Attempt::RetargetedSecret, scope) => State::Accounts(scope),
        // The role cluster-admin is among those that may be bound.
        (Attempt::Bind | Attempt::BindEverywhere, Scope::Cluster) => State::ClusterAdmin,
        (Attempt::Bind | Attempt::BindEverywhere, scope) => State::Everything(scope),
        (_, scope) => State::InsideAny(scope),
    }
}

impl<'a> Graph<'a> {
    /// A request: cut where admission refuses it, and beside that the way of whoever takes away what refuses it.
    pub(super) fn ask(
        &mut self,
        from: u32,
        to: State<'a>,
        kind: StepKind,
        held: &[&Held<'a>],
        (namespace, attempt, name): Asked<'a, '_>,
        holdings: &Holdings<'a>,
    ) {
        let refusal = self.facts.refusal_of(namespace, attempt, name);
        let refusal = refusal.or_else(|| self.facts.refusal_to(&self.sender(from, attempt)?, namespace, attempt));
        self.cut_step(from, to, kind, why(held), refusal.map(Cut::Refused));
        if let Some(refusal) = refusal {
            self.past(from, (to, kind), held, (namespace, refusal), holdings);
        }
    }

    /// The request once what refuses it is out of the way, for whoever sees to that.
    fn past(
        &mut self,
        from: u32,
        (to, kind): (State<'a>, StepKind),
        held: &[&Held<'a>],
        (namespace, refusal): (Option<&'a str>, &'a Refusal),
        holdings: &Holdings<'a>,
    ) {
        for (around, step, grounds) in self.around(from, namespace, refusal, holdings) {
            self.step(from, around, step, grounds);
            let there = self.id(around);
            self.step(there, to, kind, why(held));
        }
    }

    /// A request about any of a scope, by one class for everybody: its members are cut.
    pub(super) fn ask_in(
        &mut self,
        from: u32,
        scope: Scope<'a>,
        kind: StepKind,
        held: &[&Held<'a>],
        attempt: Attempt,
        holdings: &Holdings<'a>,
    ) {
        if let Some(sender) = self.sender(from, attempt) {
            return self.ask_each(from, scope, (kind, attempt), (held, holdings), &sender);
        }
        self.ask_class(from, scope, (kind, attempt), (held, holdings));
    }

    /// Whoever sends the requests of a state, where some are refused this attempt by that.
    fn sender(&self, from: u32, attempt: Attempt) -> Option<SubjectRef> {
        if !self.facts.of_senders.keys().any(|(_, of)| *of == attempt) {
            return None;
        }
        self.states.get(from as usize).and_then(State::subject)
    }

    /// By one class for each place: what is refused the sender is cut for them alone.
    fn ask_each(
        &mut self,
        from: u32,
        scope: Scope<'a>,
        (kind, attempt): (StepKind, Attempt),
        (held, holdings): (&[&Held<'a>], &Holdings<'a>),
        sender: &SubjectRef,
    ) {
        let places: Vec<Option<&'a str>> = match scope {
            Scope::Cluster => vec![None],
            scope => self.namespaces_of(scope).into_iter().map(Some).collect(),
        };
        let refusal = |graph: &Self, place| graph.facts.refusal_to(sender, place, attempt);
        if places.iter().all(|place| refusal(self, *place).is_none()) {
            return self.ask_class(from, scope, (kind, attempt), (held, holdings));
        }
        for place in places {
            let scope = place.map_or(Scope::Cluster, Scope::Namespace);
            let Some(refusal) = refusal(self, place) else {
                self.ask_class(from, scope, (kind, attempt), (held, holdings));
                continue;
            };
            let to = target(attempt, scope);
            self.cut_step(from, to, kind, why(held), Some(Cut::Refused(refusal)));
            self.past(from, (to, kind), held, (place, refusal), holdings);
        }
    }

    fn ask_class(
        &mut self,
        from: u32,
        scope: Scope<'a>,
        (kind, attempt): (StepKind, Attempt),
        (held, holdings): (&[&Held<'a>], &Holdings<'a>),
    ) {
        if !self.facts.is_refused(attempt) {
            let to = target(attempt, scope);
            return self.step(from, to, kind, why(held));
        }
        self.step(from, State::Asked(attempt, scope), kind, why(held));
        if !self.gets_around(holdings) {
            return;
        }
        let places: Vec<Option<&'a str>> = match scope {
            Scope::Cluster => vec![None],
            scope => self.namespaces_of(scope).into_iter().map(Some).collect(),
        };
        for place in places {
            for refusal in self.facts.refusals_at(place, attempt).to_vec() {
                let to = match (attempt, place, refusal.name.as_deref()) {
                    (
                        Attempt::Token | Attempt::TokenSecret | Attempt::RetargetedSecret,
                        Some(namespace),
                        Some(name),
                    ) => State::Account(namespace, name),
                    (Attempt::Bind | Attempt::BindEverywhere, _, Some(name)) if name != ADMIN => continue,
                    _ => target(attempt, place.map_or(Scope::Cluster, Scope::Namespace)),
                };
                self.past(from, (to, kind), held, (place, refusal), holdings);
            }
        }
    }

    /// The members of what a request leads to.
    pub(super) fn asked(&mut self, id: u32, attempt: Attempt, scope: Scope<'a>) {
        let place = match scope {
            Scope::Namespaces => {
                for namespace in self.namespaces_of(scope) {
                    self.choice(id, State::Asked(attempt, Scope::Namespace(namespace)));
                }
                return;
            }
            Scope::Namespace(namespace) => Some(namespace),
            Scope::Cluster => None,
        };
        let facts = &self.facts;
        let named = facts.refusals_at(place, attempt).iter().any(|refusal| refusal.name.is_some());
        match (attempt, place) {
            (Attempt::Token | Attempt::TokenSecret | Attempt::RetargetedSecret, Some(namespace)) if named => {
                for name in facts.accounts.get(namespace).cloned().unwrap_or_default() {
                    let refusal = self.facts.refusal_of(place, attempt, Some(name));
                    self.cut_choice(id, State::Account(namespace, name), refusal);
                }
            }
            (Attempt::Bind | Attempt::BindEverywhere, _) => {
                let refusal = facts.refusal_of(place, attempt, Some(ADMIN));
                self.cut_choice(id, target(attempt, scope), refusal);
                // Who may bind every role binds another.
                if refusal.is_some_and(|refusal| refusal.name.is_some()) {
                    let cluster = self.facts.cluster;
                    for role in cluster.roles.keys().filter(|role| role.namespace.is_none()) {
                        let refusal = self.facts.refusal_of(place, attempt, Some(&role_name(role)));
                        let to = self.held(role, scope);
                        self.cut_choice(id, to, refusal);
                    }
                }
            }
            _ => {
                let refusal = facts.refusal_of(place, attempt, None);
                self.cut_choice(id, target(attempt, scope), refusal);
            }
        }
    }

    /// Whether someone has by themselves what some refusal may give way to.
    pub(super) fn gets_around(&self, holdings: &Holdings<'a>) -> bool {
        let mut powers = TAKES.into_iter().chain([Power::LabelNamespaces]);
        let asked = !self.facts.refused.is_empty() || !self.facts.of_senders.is_empty();
        asked && powers.any(|power| holdings.of(power).iter().any(|held| held.own))
    }

    fn around(
        &self,
        from: u32,
        namespace: Option<&'a str>,
        refusal: &Refusal,
        holdings: &Holdings<'a>,
    ) -> Vec<(State<'a>, StepKind, Vec<Ground<'a>>)> {
        let powers = TAKES.into_iter().flat_map(|power| holdings.of(power));
        let taken = powers.into_iter().find(|held| takes_away(held, refusal));
        let mut found = Vec::new();
        if let Some(taken) = taken {
            let unruled = State::Unruled(namespace, refusal.attempt, from);
            found.push((unruled, StepKind::TakePolicy, why(&[taken])));
        }
        if let (false, Some(name)) = (refusal.lasting, namespace)
            && let Some(label) = relabels(holdings, name)
        {
            found.push((State::Freed(namespace, from), StepKind::LiftPodSecurity, why(&[label])));
        }
        found
    }

    /// What a new pod of one's own may be refused: to run as an account, or to hold a secret. Where the namespace's labels were changed,
    /// what goes by them refuses nothing.
    pub(super) fn taken_by_pod(&mut self, id: u32, namespace: &'a str, relabelled: bool) {
        let here = Scope::Namespace(namespace);
        let holds = |refusal: &&'a Refusal| refusal.lasting || !relabelled;
        let whole = |graph: &Self, attempt| graph.facts.refusal(Some(namespace), attempt).filter(holds);
        let cut = whole(self, Attempt::Account);
        let some = self.facts.refusals_in(namespace, Attempt::Account).iter().any(holds);
        if cut.is_some() || !some {
            self.body_step(id, State::Accounts(here), StepKind::RunAs, cut.map(Cut::Refused), None);
        } else {
            for name in self.facts.accounts.get(namespace).cloned().unwrap_or_default() {
                let refusal = self.facts.refusal_of(Some(namespace), Attempt::Account, Some(name)).filter(holds);
                let to = State::Account(namespace, name);
                self.body_step(id, to, StepKind::RunAs, refusal.map(Cut::Refused), None);
            }
        }
        let cut = whole(self, Attempt::Secret);
        self.body_step(id, State::Secrets(here), StepKind::MountSecret, cut.map(Cut::Refused), None);
    }
}

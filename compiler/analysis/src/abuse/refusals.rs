//! Steps that are requests of someone's own, which admission may refuse; and how they get around that.

use super::{
    controls::{Attempt, Refusal, Refuser},
    graph::{Cut, Graph, Ground},
    identity::{Held, Holdings, why},
    power::Power,
    state::{Scope, State},
    step::StepKind,
};

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
        self.cut_step(from, to, kind, why(held), refusal.map(Cut::Refused));
        let Some(refusal) = refusal else { return };
        for (around, step, grounds) in self.around(from, namespace, refusal, holdings) {
            self.step(from, around, step, grounds);
            let there = self.id(around);
            self.step(there, to, kind, why(held));
        }
    }

    /// A request about any of a scope, where it is refused in some namespaces told for each.
    pub(super) fn ask_in(
        &mut self,
        from: u32,
        of: impl Fn(Scope<'a>) -> State<'a>,
        kind: StepKind,
        held: &Held<'a>,
        attempt: Attempt,
        holdings: &Holdings<'a>,
    ) {
        let scope = held.scope.inside();
        if !self.facts.is_refused(attempt) {
            return self.step(from, of(scope), kind, why(&[held]));
        }
        for namespace in self.namespaces_of(scope) {
            let to = of(Scope::Namespace(namespace));
            self.ask(from, to, kind, &[held], (Some(namespace), attempt, None), holdings);
        }
    }

    /// Whether someone has by themselves what some refusal may give way to.
    pub(super) fn gets_around(&self, holdings: &Holdings<'a>) -> bool {
        let mut powers = TAKES.into_iter().chain([Power::LabelNamespaces]);
        !self.facts.refused.is_empty() && powers.any(|power| holdings.of(power).iter().any(|held| held.own))
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

//! Secrets that the control plane fills with a service account's token.
//!
//! It fills whichever secret of the type `kubernetes.io/service-account-token` names an account and holds no token of it
//! (`pkg/controller/serviceaccount/tokens_controller.go`). An update keeps the type, but neither the data nor the annotation that names
//! the account (`ValidateSecretUpdate` in `pkg/apis/core/validation`): a secret of one account becomes another's.

use super::{
    controls::Attempt,
    graph::Graph,
    identity::{Held, Holdings},
    power::Power,
    state::Scope,
    step::StepKind,
};

impl<'a> Graph<'a> {
    /// Tokens of accounts by secrets that someone makes or rewrites, and reads.
    pub(super) fn token_secrets(&mut self, from: u32, holdings: &Holdings<'a>) {
        for (scope, create, read) in holdings.both(Power::CreateSecrets, Power::ReadSecrets) {
            if create.meets(&read) {
                let (kind, both) = (StepKind::CreateTokenSecret, [&create, &read]);
                self.ask_in(from, scope.inside(), kind, &both, Attempt::TokenSecret, holdings);
            }
        }
        for (scope, rewrite, read) in holdings.both(Power::RewriteSecrets, Power::ReadSecrets) {
            let there = self.facts.token_secrets.iter().filter(|(namespace, names)| {
                let about = |name: &&str| rewrite.is_about(name) && read.is_about(name);
                scope.meet(Scope::Namespace(namespace)).is_some() && names.iter().any(about)
            });
            for namespace in there.map(|(namespace, _)| *namespace).collect::<Vec<_>>() {
                self.retarget(from, namespace, &[&rewrite, &read], holdings);
            }
            if self.facts.is_refused(Attempt::TokenSecret) {
                self.retarget_own(from, scope, (&rewrite, &read), holdings);
            }
        }
    }

    /// Where one account's secret is refused, another's may be made and rewritten.
    fn retarget_own(
        &mut self,
        from: u32,
        scope: Scope<'a>,
        (rewrite, read): (&Held<'a>, &Held<'a>),
        holdings: &Holdings<'a>,
    ) {
        for create in holdings.of(Power::CreateSecrets) {
            let one = match create.names {
                [] => rewrite.meets(read),
                names => names.iter().any(|name| rewrite.is_about(name) && read.is_about(name)),
            };
            let Some(scope) = create.scope.meet(scope).filter(|_| one) else { continue };
            for namespace in self.namespaces_of(scope.inside()) {
                let refusals = self.facts.refusals_in(namespace, Attempt::TokenSecret);
                if !refusals.is_empty() && refusals.iter().all(|refusal| refusal.name.is_some()) {
                    self.retarget(from, namespace, &[rewrite, create, read], holdings);
                }
            }
        }
    }

    fn retarget(&mut self, from: u32, namespace: &'a str, held: &[&Held<'a>], holdings: &Holdings<'a>) {
        let here = Scope::Namespace(namespace);
        self.ask_in(from, here, StepKind::RewriteTokenSecret, held, Attempt::RetargetedSecret, holdings);
    }
}

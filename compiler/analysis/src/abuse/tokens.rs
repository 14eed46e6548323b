//! Secrets that the control plane fills with a service account's token.
//!
//! It fills whichever secret of the type `kubernetes.io/service-account-token` names an account and holds no token of it
//! (`pkg/controller/serviceaccount/tokens_controller.go`). An update keeps the type, but neither the data nor the annotation that names
//! the account (`ValidateSecretUpdate` in `pkg/apis/core/validation`): a secret of one account becomes another's.
//!
//! And secrets that are tokens themselves: whoever writes one of type `bootstrap.kubernetes.io/token` in `kube-system` says which groups
//! below `system:bootstrappers` it is of ("Authenticating with Bootstrap Tokens", Kubernetes documentation).

use super::{
    controls::Attempt,
    graph::Graph,
    identity::{Held, Holdings, why},
    power::Power,
    state::{Scope, State},
    step::StepKind,
};

/// Where bootstrap tokens are looked for.
pub(super) const KUBE_SYSTEM: &str = "kube-system";
const BOOTSTRAPPERS: &str = "system:bootstrappers";

/// Whether a secret's name is one that bootstrap tokens have, which no secret of another type is taken for.
pub(super) fn is_bootstrap_token(name: &str) -> bool {
    let id = name.strip_prefix("bootstrap-token-");
    id.is_some_and(|id| id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

/// The groups and users among subjects that bootstrap tokens may be.
pub(super) fn bootstrappers<'a>(subjects: &[State<'a>]) -> Vec<State<'a>> {
    let is_one = |state: &&State<'a>| match state {
        State::Group(name) => {
            name.strip_prefix(BOOTSTRAPPERS).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        }
        State::User(name) => name.starts_with("system:bootstrap:"),
        _ => false,
    };
    subjects.iter().filter(is_one).copied().collect()
}

impl<'a> Graph<'a> {
    /// Bootstrap tokens that someone writes: what they hold is theirs to choose.
    pub(super) fn bootstraps(&mut self, from: u32, held: &Held<'a>) {
        if held.scope.meet(Scope::Namespace(KUBE_SYSTEM)).is_none() || self.facts.bootstrappers.is_empty() {
            return;
        }
        let there = self.facts.secrets.get(KUBE_SYSTEM).into_iter().flatten();
        let writes = match held.deed.power {
            // One that is named is created by an apply.
            Power::CreateSecrets => held.names.is_empty() || held.names.iter().any(|name| is_bootstrap_token(name)),
            // A secret keeps its type.
            _ => there.into_iter().any(|name| is_bootstrap_token(name) && held.is_about(name)),
        };
        if writes {
            self.step(from, State::Bootstrappers, StepKind::WriteBootstrapToken, why(&[held]));
        }
    }

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

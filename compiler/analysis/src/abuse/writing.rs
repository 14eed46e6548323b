//! Roles and bindings that are not there yet, and those that are and may grow: what the API server's escalation check lets someone write.

use kspec_model::{ObjectKey, program::RoleRef};

use super::{
    controls::Attempt,
    graph::Graph,
    identity::{Bound, Held, Holdings, why},
    power::Power,
    refusals::{Asked, role_name},
    state::{Scope, State},
    step::StepKind,
};

impl<'a> Graph<'a> {
    /// The bindings that someone may write: past the escalation check leads the verb `bind` alone, for whoever holds all of a role
    /// has nothing to gain by binding it.
    pub(super) fn bindings(&mut self, from: u32, holdings: &Holdings<'a>) {
        for (scope, create, bind) in holdings.both(Power::CreateClusterBindings, Power::BindClusterRoles) {
            if scope == Scope::Cluster {
                self.bind(from, scope, (&create, &bind), holdings);
            }
        }
        for power in [Power::BindClusterRoles, Power::BindRoles] {
            for (scope, create, bind) in holdings.both(Power::CreateBindings, power) {
                self.bind(from, scope.inside(), (&create, &bind), holdings);
            }
            for (scope, rewrite, bind) in holdings.both(Power::RewriteBindings, power) {
                self.rebind(from, scope.inside(), (&rewrite, &bind), holdings);
            }
        }
        for (scope, rewrite, bind) in holdings.both(Power::RewriteClusterBindings, Power::BindClusterRoles) {
            if scope == Scope::Cluster {
                self.rebind(from, scope, (&rewrite, &bind), holdings);
            }
        }
    }

    fn bind(&mut self, from: u32, scope: Scope<'a>, (write, bind): (&Held<'a>, &Held<'a>), holdings: &Holdings<'a>) {
        let attempt = if scope == Scope::Cluster { Attempt::BindEverywhere } else { Attempt::Bind };
        if bind.names.is_empty() && bind.deed.power == Power::BindClusterRoles {
            return self.ask_in(from, scope, StepKind::Bind, &[write, bind], attempt, holdings);
        }
        for scope in self.parts(scope, attempt) {
            self.bind_some(from, (scope, attempt), (write, bind), holdings);
        }
    }

    /// Binds roles that are named, or those of a namespace.
    fn bind_some(
        &mut self,
        from: u32,
        (scope, attempt): (Scope<'a>, Attempt),
        (write, bind): (&Held<'a>, &Held<'a>),
        holdings: &Holdings<'a>,
    ) {
        let place = match scope {
            Scope::Namespace(namespace) => Some(namespace),
            _ => None,
        };
        let asked = |name| (place, attempt, name);
        let both = [write, bind];
        let cluster = self.facts.cluster;
        match (bind.names.is_empty(), bind.deed.power == Power::BindClusterRoles) {
            (true, _) if !self.facts.is_refused(attempt) => {
                self.step(from, State::AnyRole(scope), StepKind::Bind, why(&both));
            }
            (true, _) => {
                for role in cluster.roles.keys().filter(|role| role.namespace.as_deref() == place) {
                    self.ask_bind(from, (role, scope), &both, asked(None), holdings);
                }
            }
            (false, true) => {
                for name in bind.names {
                    if let Some(role) = self.role(None, name) {
                        self.ask_bind(from, (role, scope), &both, asked(None), holdings);
                    }
                }
            }
            (false, false) => {
                for namespace in self.namespaces_of(scope) {
                    for name in bind.names {
                        if let Some(role) = self.role(Some(namespace), name) {
                            let scope = Scope::Namespace(namespace);
                            self.ask_bind(from, (role, scope), &both, asked(None), holdings);
                        }
                    }
                }
            }
        }
    }

    /// Binds one role.
    fn ask_bind(
        &mut self,
        from: u32,
        (role, scope): (&'a RoleRef, Scope<'a>),
        held: &[&Held<'a>],
        (place, attempt, _): Asked<'a, '_>,
        holdings: &Holdings<'a>,
    ) {
        let to = self.held(role, scope);
        let kind = match attempt {
            Attempt::Rebind | Attempt::RebindEverywhere => StepKind::Rebind,
            _ => StepKind::Bind,
        };
        self.ask(from, to, kind, held, (place, attempt, Some(&role_name(role))), holdings);
    }

    /// The scope itself, or where an attempt is refused in some namespaces, each.
    fn parts(&self, scope: Scope<'a>, attempt: Attempt) -> Vec<Scope<'a>> {
        if scope == Scope::Cluster || !self.facts.is_refused(attempt) {
            return vec![scope];
        }
        self.namespaces_of(scope).into_iter().map(Scope::Namespace).collect()
    }

    /// A binding that is there keeps its role; who may rewrite it may add subjects.
    fn rebind(&mut self, from: u32, scope: Scope<'a>, (write, bind): (&Held<'a>, &Held<'a>), holdings: &Holdings<'a>) {
        let both = [write, bind];
        let attempt = if scope == Scope::Cluster { Attempt::RebindEverywhere } else { Attempt::Rebind };
        let fits = |role: &RoleRef| {
            role.namespace.is_none() == (bind.deed.power == Power::BindClusterRoles) && bind.is_about(&role.name)
        };
        if write.names.is_empty() && bind.names.is_empty() && !self.facts.is_refused(attempt) {
            let state = State::AnyBound(bind.deed.kind, scope);
            return self.step(from, state, StepKind::Rebind, why(&both));
        }
        let places = match scope {
            Scope::Cluster => vec![None],
            scope => self.namespaces_of(scope).into_iter().map(Some).collect(),
        };
        for place in places {
            let scope = place.map_or(Scope::Cluster, Scope::Namespace);
            let roles: Vec<&'a RoleRef> = if write.names.is_empty() {
                self.facts.bound.get(&place).into_iter().flatten().copied().filter(|role| fits(role)).collect()
            } else {
                let named = write.names.iter().filter_map(|name| {
                    let key = ObjectKey {
                        group: write.deed.group.to_owned(),
                        kind: write.deed.kind.to_owned(),
                        namespace: place.map(str::to_owned),
                        name: name.clone(),
                    };
                    self.facts.cluster.bindings.get(&key).map(|binding| &binding.role)
                });
                named.filter(|role| fits(role)).collect()
            };
            for role in roles {
                self.ask_bind(from, (role, scope), &both, (place, attempt, None), holdings);
            }
        }
    }

    fn role(&self, namespace: Option<&str>, name: &str) -> Option<&'a RoleRef> {
        let role = RoleRef { namespace: namespace.map(str::to_owned), name: name.to_owned() };
        self.facts.cluster.roles.get_key_value(&role).map(|(role, _)| role)
    }

    /// What a role gives in a scope.
    pub(super) fn held(&self, role: &'a RoleRef, scope: Scope<'a>) -> State<'a> {
        let everything = self
            .facts
            .powers
            .get(role)
            .is_some_and(|powers| powers.iter().any(|power| power.deed.power == Power::Everything));
        match (everything, scope) {
            (true, Scope::Cluster) => State::ClusterAdmin,
            (true, scope) => State::Everything(scope),
            (false, scope) => State::Holds(role, scope),
        }
    }

    /// The roles that someone may write past the escalation check, by the verb `escalate`.
    pub(super) fn roles(&mut self, from: u32, holdings: &Holdings<'a>) {
        for (rewrite, escalate, wide) in [
            (Power::RewriteClusterRoles, Power::EscalateClusterRoles, true),
            (Power::RewriteRoles, Power::EscalateRoles, false),
        ] {
            for (scope, rewrite, escalate) in holdings.pairs(rewrite, escalate) {
                let fits = |bound: &&Bound<'a>| {
                    (rewrite.own || escalate.own || bound.own)
                        && bound.role.namespace.is_none() == wide
                        && rewrite.is_about(&bound.role.name)
                        && escalate.is_about(&bound.role.name)
                        && (wide || scope.meet(bound.scope).is_some())
                };
                let mut scopes: Vec<_> = holdings.bound.iter().filter(fits).map(|bound| bound.scope).collect();
                scopes.sort_unstable();
                scopes.dedup();
                for scope in scopes {
                    self.step(from, everything(scope), StepKind::Escalate, why(&[&rewrite, &escalate]));
                }
            }
        }
        self.aggregated(from, holdings);
        for (scope, write, escalate) in holdings.both(Power::CreateRoles, Power::EscalateRoles) {
            for (other, create, bind) in holdings.both(Power::CreateBindings, Power::BindRoles) {
                // A request that creates names the role only where it is an apply.
                let of_one = if write.names.is_empty() {
                    escalate.names.is_empty() && bind.names.is_empty()
                } else {
                    write.names.iter().any(|name| escalate.is_about(name) && bind.is_about(name))
                };
                if let (Some(scope), true) = (scope.meet(other), of_one) {
                    for scope in self.parts(scope.inside(), Attempt::Bind) {
                        let place = match scope {
                            Scope::Namespace(namespace) => Some(namespace),
                            _ => None,
                        };
                        let (to, all) = (State::Everything(scope), [&write, &escalate, &create, &bind]);
                        self.ask(from, to, StepKind::WriteRole, &all, (place, Attempt::Bind, None), holdings);
                    }
                }
            }
        }
    }

    /// A role that gathers others gets whatever a role with the right labels holds.
    fn aggregated(&mut self, from: u32, holdings: &Holdings<'a>) {
        let cluster = self.facts.cluster;
        let gathers = |role: &RoleRef| cluster.roles.get(role).is_some_and(|facts| facts.aggregation.is_some());
        let gathering: Vec<_> = holdings.bound.iter().filter(|bound| gathers(bound.role)).copied().collect();
        for power in [Power::CreateClusterRoles, Power::RewriteClusterRoles] {
            for (_, write, escalate) in holdings.pairs(power, Power::EscalateClusterRoles) {
                let any = write.names.is_empty() && escalate.names.is_empty();
                let fits = |role: &RoleRef| {
                    role.namespace.is_none() && write.is_about(&role.name) && escalate.is_about(&role.name)
                };
                let some = match power {
                    // A role that is created is not named in the request, but by an apply.
                    Power::CreateClusterRoles => any || write.names.iter().any(|name| escalate.is_about(name)),
                    _ => cluster.roles.keys().any(fits),
                };
                for bound in gathering.iter().filter(|bound| some && (write.own || escalate.own || bound.own)) {
                    let to = everything(bound.scope);
                    self.step(from, to, StepKind::WriteAggregated, why(&[&write, &escalate]));
                }
            }
        }
    }
}

/// Every permission in a scope.
fn everything(scope: Scope<'_>) -> State<'_> {
    match scope {
        Scope::Cluster => State::ClusterAdmin,
        scope => State::Everything(scope),
    }
}

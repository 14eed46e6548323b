//! Constrained impersonation: somebody else's name, for the requests that one may send under it (KEP-5284, on from Kubernetes 1.36).
//!
//! A request needs both: the impersonated may send it, and the one who does holds `impersonate:MODE` on the name and
//! `impersonate-on:MODE:VERB` on what is asked for.

use super::{
    graph::{Graph, Ground},
    identity::{Held, Holdings},
    nodes::{NODE, NODES},
    power::{Mode, Power},
    state::{Actor, Scope, State},
    step::StepKind,
};

impl<'a> Graph<'a> {
    /// The names that someone may send under, each with what is left of its permissions.
    pub(super) fn acting(&mut self, from: u32, holdings: &Holdings<'a>) {
        if holdings.lent.is_empty() {
            return;
        }
        let own = |held: &Held<'a>| held.own || holdings.lent.iter().any(|(_, lent)| lent.own);
        for held in holdings.of(Power::ActAsAccounts).iter().filter(|held| own(held)) {
            for namespace in self.namespaces_of(held.scope.inside()) {
                let names = self.facts.accounts.get(namespace).cloned().unwrap_or_default();
                for name in names.into_iter().filter(|name| held.is_about(name)) {
                    self.act_as(from, Actor::Account(namespace, name), Mode::Account, held.ground, holdings);
                }
            }
        }
        let subjects = self.facts.subjects.clone();
        for held in holdings.of(Power::ActAsUsers).iter().filter(|held| own(held)) {
            for user in &subjects {
                match *user {
                    State::User(name) if held.is_about(name) && !name.starts_with(NODE) => {
                        self.act_as(from, Actor::User(name), Mode::User, held.ground, holdings);
                    }
                    _ => {}
                }
            }
        }
        // A group needs some user as well, and any will do.
        if !holdings.of(Power::ActAsUsers).is_empty() {
            for held in holdings.of(Power::ActAsGroups).iter().filter(|held| own(held)) {
                for group in &subjects {
                    match *group {
                        State::Group(name) if held.is_about(name) => {
                            self.act_as(from, Actor::Group(name), Mode::User, held.ground, holdings);
                        }
                        _ => {}
                    }
                }
            }
        }
        self.act_as_nodes(from, holdings);
    }

    /// Draws what can be done as somebody, unless that is nothing.
    fn act_as(&mut self, from: u32, actor: Actor<'a>, mode: Mode, ground: Ground<'a>, holdings: &Holdings<'a>) {
        let theirs = match actor.node() {
            Some(node) => self.holdings_of_node(node),
            None => {
                let mut theirs = Holdings::default();
                self.gather(actor.state(), true, &mut theirs);
                theirs
            }
        };
        let mut both = Holdings::default();
        let mut grounds = vec![ground];
        if actor == Actor::Group(crate::access::request::MASTERS) {
            for (_, lent) in holdings.lent.iter().filter(|(lent, _)| *lent == mode) {
                both.hold(Held { own: true, ..*lent });
                grounds.push(lent.ground);
            }
        }
        for held in theirs.all() {
            for (_, lent) in holdings.lent.iter().filter(|(m, lent)| *m == mode && lent.deed == held.deed) {
                let Some(scope) = held.scope.meet(lent.scope) else { continue };
                let names = match (held.names, lent.names) {
                    ([], names) | (names, []) => names,
                    // What both name; the shorter list is a part of what they share, where it is.
                    (a, b) if a.iter().all(|name| b.contains(name)) => a,
                    (a, b) if b.iter().all(|name| a.contains(name)) => b,
                    _ => continue,
                };
                both.hold(Held { deed: held.deed, scope, names, ground: held.ground, also: held.also, own: true });
                grounds.push(lent.ground);
            }
        }
        if both.all().next().is_none() {
            return;
        }
        let acting = State::Acting(from, actor);
        self.step(from, acting, StepKind::Impersonate, grounds);
        let there = self.id(acting);
        self.lead_on(there, &both);
    }

    /// A node reads the secrets of its pods, and asks for tokens of their accounts (`plugin/pkg/auth/authorizer/node`); and it has what
    /// bindings give it.
    fn act_as_nodes(&mut self, from: u32, holdings: &Holdings<'a>) {
        for (mode, power) in [(Mode::Node, Power::ActAsNodes), (Mode::OwnNode, Power::ActAsOwnNode)] {
            for held in holdings.of(power) {
                let nodes: Vec<Option<&'a str>> = match mode {
                    Mode::OwnNode if held.is_about("*") => self.nodes_of(from),
                    Mode::OwnNode => Vec::new(),
                    _ => self.nodes_about(held),
                };
                let bound = |node: &&Option<&'a str>| {
                    self.facts.groups.contains_key(NODES)
                        || node.is_some_and(|node| self.facts.nodes.contains_key(node))
                };
                for node in nodes.iter().filter(bound).collect::<Vec<_>>() {
                    self.act_as(from, Actor::Node(*node), mode, held.ground, holdings);
                }
                for (_, lent) in holdings.lent.iter().filter(|(lent, _)| *lent == mode) {
                    for node in &nodes {
                        self.lent_by_node(from, *node, held.ground, lent);
                    }
                }
            }
        }
    }

    fn lent_by_node(&mut self, from: u32, node: Option<&'a str>, ground: Ground<'a>, lent: &Held<'a>) {
        let why = vec![ground, lent.ground];
        for (key, facts) in self.facts.by_node.get(&node).cloned().unwrap_or_default() {
            let namespace = key.namespace.as_deref().unwrap_or_default();
            if lent.scope.meet(Scope::Namespace(namespace)).is_none() {
                continue;
            }
            match lent.deed.power {
                Power::ReadSecrets => {
                    for secret in facts.pod.secrets.iter().filter(|secret| lent.is_about(secret)) {
                        self.step(from, State::Secret(namespace, secret), StepKind::Impersonate, why.clone());
                    }
                }
                Power::IssueTokens
                    if lent.is_about(&facts.service_account)
                        && (!self.tokens_restricted() || self.has_token(namespace, facts)) =>
                {
                    let account = State::Account(namespace, &facts.service_account);
                    self.step(from, account, StepKind::Impersonate, why.clone());
                }
                _ => {}
            }
        }
    }

    /// The nodes that a permission is about: those that are there, and any name that it or a binding names.
    fn nodes_about(&self, held: &Held<'a>) -> Vec<Option<&'a str>> {
        let there = self.facts.by_node.keys().copied().flatten().chain(self.facts.nodes.keys().copied());
        let named = held.names.iter().map(String::as_str);
        let mut nodes: Vec<_> = there.filter(|node| held.is_about(node)).chain(named).map(Some).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// The nodes that a service account's pods run on.
    fn nodes_of(&self, from: u32) -> Vec<Option<&'a str>> {
        let Some(State::Account(namespace, name)) = self.states.get(from as usize).copied() else { return Vec::new() };
        let pods = self.facts.workloads.get(namespace).into_iter().flatten();
        let mut nodes: Vec<_> = pods
            .filter(|(_, facts)| facts.service_account == name)
            .map(|(_, facts)| facts.pod.node.as_deref())
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

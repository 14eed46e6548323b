//! Connections that the API server makes for someone, and services that lead elsewhere. They lead to no permission, so that
//! they are drawn only where a goal asks for them.

use super::{
    controls::Attempt,
    graph::Graph,
    identity::{Held, Holdings, why},
    power::Power,
    state::{Scope, State},
    step::StepKind,
};

impl<'a> Graph<'a> {
    /// Powers over connections, none of which needs another.
    pub(super) fn connects(&mut self, from: u32, held: &Held<'a>, holdings: &Holdings<'a>) {
        if !self.facts.connections {
            return;
        }
        let (scope, why, any) = (held.scope.inside(), why(&[held]), held.names.is_empty());
        match held.deed.power {
            Power::ForwardByGet if !self.facts.exec_by_get => {}
            Power::Forward | Power::ForwardByGet | Power::ProxyPods if any => {
                self.ask_in(from, scope, StepKind::Connect, &[held], connection(held), holdings);
            }
            Power::Forward | Power::ForwardByGet | Power::ProxyPods => {
                for key in self.named_workloads(held) {
                    let asked = (key.namespace.as_deref(), connection(held), None);
                    self.ask(from, State::Ports(key), StepKind::Connect, &[held], asked, holdings);
                }
            }
            Power::ProxyServices => {
                for (namespace, name) in self.services(held) {
                    for key in self.facts.behind(namespace, name) {
                        let asked = (Some(namespace), connection(held), None);
                        self.ask(from, State::Ports(key), StepKind::Connect, &[held], asked, holdings);
                    }
                }
            }
            // A slice says by a label which service it is of, so that its own name tells nothing.
            Power::RewriteServices | Power::RewriteEndpoints if any => {
                self.step(from, State::AnyTraffic(scope), StepKind::Redirect, why);
            }
            Power::CreateEndpoints => self.step(from, State::AnyTraffic(scope), StepKind::Redirect, why),
            Power::RewriteServices | Power::RewriteEndpoints if held.deed.kind != "EndpointSlice" => {
                for (namespace, name) in self.services(held) {
                    self.step(from, State::Traffic(namespace, name), StepKind::Redirect, why.clone());
                }
            }
            _ => {}
        }
    }

    /// The services of a scope, by the names that the permission names.
    fn services(&self, held: &Held<'a>) -> Vec<(&'a str, &'a str)> {
        let services = self.facts.cluster.services.keys();
        let within = |namespace: &str| held.scope.meet(Scope::Namespace(namespace)).is_some();
        let meant = services.filter(|(namespace, name)| within(namespace) && held.is_about(name));
        meant.map(|(namespace, name)| (namespace.as_str(), name.as_str())).collect()
    }

    /// The members of a class.
    pub(super) fn connection(&mut self, id: u32, state: State<'a>) {
        let inside = |scope: Scope<'a>, namespace: &str| scope.meet(Scope::Namespace(namespace)).is_some();
        match state {
            State::AnyPorts(scope) => {
                let there = self.facts.workloads.iter().filter(|(namespace, _)| inside(scope, namespace));
                let pods: Vec<_> = there.flat_map(|(_, pods)| pods.iter().map(|(key, _)| *key)).collect();
                for key in pods {
                    self.choice(id, State::Ports(key));
                }
            }
            State::AnyTraffic(scope) => {
                let services = self.facts.cluster.services.keys();
                let there: Vec<_> = services.filter(|(namespace, _)| inside(scope, namespace)).collect();
                for (namespace, name) in there {
                    self.choice(id, State::Traffic(namespace, name));
                }
            }
            // Whoever is behind it has what is sent to it.
            State::Traffic(namespace, name) => {
                for key in self.facts.behind(namespace, name) {
                    let inside = self.id(State::Inside(key));
                    self.body_step(inside, state, StepKind::Serve, None, None);
                }
            }
            _ => {}
        }
    }
}

/// What admission is asked about it.
fn connection(held: &Held<'_>) -> Attempt {
    match held.deed.power {
        Power::ProxyPods => Attempt::ProxyPod,
        Power::ProxyServices => Attempt::ProxyService,
        _ => Attempt::Forward,
    }
}

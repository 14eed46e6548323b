//! Chains to a permission: who comes to hold it, though nobody granted it to them.

use kspec_model::{ObjectKey, program::RoleRef};

use super::{
    Origin, Path, Paths,
    search::Ways,
    state::{Scope, State},
};
use crate::access::{SubjectRef, role_key};

/// Where something holds that was got hold of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached<'p> {
    /// In the whole cluster.
    Cluster,
    /// In every namespace, but not on what belongs to none.
    Namespaces,
    /// In one namespace.
    Namespace(&'p str),
}

/// What someone has got hold of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder<'p> {
    /// A subject: whatever it may do.
    Subject(SubjectRef),
    /// A role, bound there by a binding that is not there yet.
    Role(&'p RoleRef, Reached<'p>),
    /// Every permission there.
    Everything(Reached<'p>),
    /// What a secret holds; without a name, what each of the namespace's holds, of every namespace without one.
    Secret(Option<&'p str>, Option<&'p str>),
}

/// A chain, and the objects that it leads through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The chain.
    pub path: Path,
    /// Workloads and secrets on it, and roles that are got hold of.
    pub through: Vec<ObjectKey>,
    /// The subject that it ends with, where that is one.
    pub ends_as: Option<SubjectRef>,
    /// Whether a component of the system goes it by nothing but what every API server gives it.
    pub of_the_system: bool,
}

impl Paths<'_> {
    /// The shortest chain from each origin to something that `carries` what is asked about, which no control cuts; from one origin,
    /// or from every one. Who carries it without a step is left out.
    #[must_use]
    pub fn to_permission(&self, carries: &dyn Fn(&Holder<'_>) -> bool, from: Option<&Origin>) -> Vec<Way> {
        let goals: Vec<u32> = (0..)
            .zip(&self.graph.states)
            .filter(|(_, state)| holder(state).is_some_and(|holder| carries(&holder)))
            .map(|(id, _)| id)
            .collect();
        let ways = Ways::to(&goals, self.graph.states.len(), &self.graph.edges, |edge| edge.cut.is_none());
        let mut found = Vec::new();
        for (state, origin) in self.origins(from) {
            let way = ways.from(state, &self.graph.edges);
            let Some(last) = way.last() else { continue };
            let states = way.iter().filter_map(|edge| self.graph.states.get(edge.to as usize));
            let mut through: Vec<ObjectKey> = states.filter_map(object).collect();
            if let Origin::Workload(key) = &origin {
                through.push(key.clone());
            }
            through.sort();
            through.dedup();
            found.push(Way {
                of_the_system: self.is_of_the_system(&origin, &way),
                path: self.path(origin, &way),
                through,
                ends_as: self.graph.states.get(last.to as usize).and_then(State::subject),
            });
        }
        found.sort_by(|a, b| (a.path.steps.len(), &a.path.from).cmp(&(b.path.steps.len(), &b.path.from)));
        found
    }
}

fn holder<'p>(state: &State<'p>) -> Option<Holder<'p>> {
    Some(match state {
        State::ClusterAdmin => Holder::Everything(Reached::Cluster),
        State::Everything(scope) => Holder::Everything(reached(*scope)),
        State::Holds(role, scope) => Holder::Role(role, reached(*scope)),
        State::Secret(namespace, name) => Holder::Secret(Some(namespace), Some(name)),
        State::Secrets(Scope::Namespace(namespace)) => Holder::Secret(Some(namespace), None),
        State::Secrets(_) => Holder::Secret(None, None),
        state => Holder::Subject(state.subject()?),
    })
}

fn reached(scope: Scope<'_>) -> Reached<'_> {
    match scope {
        Scope::Cluster => Reached::Cluster,
        Scope::Namespaces => Reached::Namespaces,
        Scope::Namespace(namespace) => Reached::Namespace(namespace),
    }
}

/// The object that a state is of.
fn object(state: &State<'_>) -> Option<ObjectKey> {
    match *state {
        State::Inside(key) | State::Added(key) => Some(key.clone()),
        State::Holds(role, _) => Some(role_key(role)),
        State::Secret(namespace, name) => Some(ObjectKey {
            group: String::new(),
            kind: "Secret".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        }),
        _ => None,
    }
}

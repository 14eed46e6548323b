//! `never both … and …`: one subject that holds two roles in one place.

use kspec_analysis::access::{SubjectRef, role_key};
use kspec_model::{
    ObjectKey,
    program::{ClaimScope, RoleRef},
};

use super::{Outcome, Prover, Violation, say, short};

/// That a subject is bound to a role.
struct Holding<'c> {
    subject: SubjectRef,
    binding: &'c ObjectKey,
}

impl Prover<'_, '_> {
    pub(super) fn never_both(&self, roles: [&RoleRef; 2], scope: &ClaimScope, notes: &mut Vec<String>) -> Outcome {
        notes.push(
            "who is in two groups at once only their authenticator knows: each is looked at by itself".to_owned(),
        );
        let [first, second] = roles;
        let (holdings, others) = (self.holdings(first), self.holdings(second));
        for one in &holdings {
            for other in &others {
                let subject = if one.subject.acts_as(&other.subject) {
                    &one.subject
                } else if other.subject.acts_as(&one.subject) {
                    &other.subject
                } else {
                    continue;
                };
                let Some(place) = self.meet(one.binding, other.binding, scope) else { continue };
                let message = format!(
                    "{} holds {} and {} in {place}",
                    say(subject),
                    short(&role_key(first)),
                    short(&role_key(second))
                );
                let binds = |role: &RoleRef, holding: &Holding<'_>| {
                    let role = short(&role_key(role));
                    format!("{} binds {role} to {}", short(holding.binding), say(&holding.subject))
                };
                let mut responsible = vec![self.responsible(one.binding, binds(first, one))];
                if other.binding != one.binding {
                    responsible.push(self.responsible(other.binding, binds(second, other)));
                }
                return Outcome::Violated(Violation {
                    witness: vec![message.clone(), binds(first, one), binds(second, other)],
                    message,
                    responsible,
                    help: "grant one of them to somebody else".to_owned(),
                });
            }
        }
        self.unread(&["rolebindings", "clusterrolebindings"]).map_or_else(|| self.whole(), Outcome::NotDecided)
    }

    fn holdings(&self, role: &RoleRef) -> Vec<Holding<'_>> {
        let bindings = self.coming.cluster.bindings.iter().filter(|(_, facts)| facts.role == *role);
        let of = bindings.flat_map(|(binding, facts)| {
            facts.subjects.iter().map(move |subject| Holding { subject: SubjectRef::from(subject), binding })
        });
        of.filter(|holding| !holding.subject.is_masters()).collect()
    }

    /// A place where two bindings hold at once, and that a claim is about.
    fn meet(&self, one: &ObjectKey, other: &ObjectKey, scope: &ClaimScope) -> Option<String> {
        let common = match (&one.namespace, &other.namespace) {
            (None, None) => None,
            (Some(namespace), None) | (None, Some(namespace)) => Some(namespace.as_str()),
            (Some(one), Some(other)) => {
                if one != other {
                    return None;
                }
                Some(one.as_str())
            }
        };
        let meant = |name: &str| match scope {
            ClaimScope::Anywhere => true,
            ClaimScope::Cluster => false,
            ClaimScope::Namespaces(names) => names.iter().any(|known| known == name),
            ClaimScope::Where(selector) => {
                let facts = self.coming.cluster.namespaces.get(name);
                facts.is_some_and(|facts| selector.matches(&facts.labels))
            }
        };
        match (common, scope) {
            (Some(name), _) => meant(name).then(|| self.coming.say(name)),
            (None, ClaimScope::Anywhere | ClaimScope::Cluster) => Some("the whole cluster".to_owned()),
            (None, _) => {
                self.coming.cluster.namespaces.keys().find(|name| meant(name)).map(|name| self.coming.say(name))
            }
        }
    }
}

//! Bindings by whom they name, and what roles allow, looked at once.

use std::collections::BTreeMap;

use kspec_model::{
    ObjectKey,
    cluster::{BindingFacts, Cluster},
    program::{RoleRef, RoleRule},
};

use crate::{
    access::{SubjectRef, rule::ALL},
    system,
};

/// A binding of a role that exists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant<'a> {
    pub(super) binding: &'a ObjectKey,
    pub(super) facts: &'a BindingFacts,
    pub(super) rules: &'a [RoleRule],
}

impl<'a> Grant<'a> {
    pub(super) fn namespace(&self) -> Option<&'a str> {
        self.binding.namespace.as_deref()
    }

    pub(super) fn is_built_in(&self) -> bool {
        system::is_built_in(self.binding, self.facts)
    }
}

/// Every grant, and whom it names.
#[derive(Debug, Default)]
pub(super) struct Grants<'a> {
    pub(super) all: Vec<Grant<'a>>,
    /// Positions in `all`.
    by_subject: BTreeMap<SubjectRef, Vec<usize>>,
}

impl<'a> Grants<'a> {
    pub(super) fn of(cluster: &'a Cluster) -> Self {
        let mut grants = Self::default();
        for (binding, facts) in &cluster.bindings {
            let Some(role) = cluster.roles.get(&facts.role) else { continue };
            for subject in &facts.subjects {
                grants.by_subject.entry(SubjectRef::from(subject)).or_default().push(grants.all.len());
            }
            grants.all.push(Grant { binding, facts, rules: &role.rules });
        }
        grants
    }

    pub(super) fn to(&self, subject: &SubjectRef) -> impl Iterator<Item = (usize, Grant<'a>)> {
        let positions = self.by_subject.get(subject).into_iter().flatten();
        positions.filter_map(|position| Some((*position, *self.all.get(*position)?)))
    }

    pub(super) fn subjects(&self) -> impl Iterator<Item = &SubjectRef> {
        self.by_subject.keys()
    }
}

/// `Role shop/reader`, `ClusterRole view`.
pub(super) fn role_name(role: &RoleRef) -> String {
    match &role.namespace {
        Some(namespace) => format!("Role {namespace}/{}", role.name),
        None => format!("ClusterRole {}", role.name),
    }
}

/// What roles alike are called: Roles of one name in many namespaces are most often one role.
pub(super) fn role_alike(role: &RoleRef) -> String {
    let kind = if role.namespace.is_some() { "Role" } else { "ClusterRole" };
    format!("{kind} {}", role.name)
}

/// `RoleBinding shop/readers`.
pub(super) fn object_name(key: &ObjectKey) -> String {
    match &key.namespace {
        Some(namespace) => format!("{} {namespace}/{}", key.kind, key.name),
        None => format!("{} {}", key.kind, key.name),
    }
}

/// `every namespace` or `namespace shop`.
pub(super) fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "every namespace".to_owned(), |name| format!("namespace {name}"))
}

pub(super) fn says(words: &[String], word: &str) -> bool {
    words.iter().any(|known| known == ALL || known == word)
}

/// Whether a rule says "everything" of resources or verbs: what such a rule gives is told of the wildcard.
pub(super) fn is_wild(rule: &RoleRule) -> bool {
    let all = |words: &[String]| words.iter().any(|word| word == ALL);
    all(&rule.verbs) || all(&rule.resources)
}

/// Whether a rule allows one of the verbs on a resource, by its name and not by a wildcard on resources.
pub(super) fn allows(rule: &RoleRule, verbs: &[&str], group: &str, resource: &str) -> bool {
    verbs.iter().any(|verb| says(&rule.verbs, verb))
        && says(&rule.api_groups, group)
        && rule.resources.iter().any(|known| known == resource)
}

//! Sets of requests, and who is allowed some of them or all: what a guarantee about access speaks of.
//!
//! Wildcards are compared as sets and never expanded: a rule *meets* a pattern where some request is in both, and *covers* it
//! where all of the pattern's are in the rule. Verbs, groups, resources and names are open, so that a pattern lies within a
//! union of rules exactly where it lies within one of them (as in [`super::permission`]).

use std::collections::BTreeSet;

use kspec_model::{
    ObjectKey,
    cluster::{BindingFacts, Cluster},
    program::{RoleRef, RoleRule},
};
use rustc_hash::FxHashMap;

use super::{
    Because, PolicyRule, SubjectRef,
    index::role_key,
    request::{AUTHENTICATED, MASTERS, SERVICE_ACCOUNTS, UNAUTHENTICATED, as_service_account, implied_groups},
    rule::{ALL, resource_matches},
};

/// Requests for one verb on one resource; `*` stands for all in each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern<'a> {
    /// Verb.
    pub verb: &'a str,
    /// API group.
    pub group: &'a str,
    /// Plural name. Alone, `*` is every resource and subresource.
    pub resource: &'a str,
    /// Subresource; empty for none.
    pub subresource: &'a str,
    /// Object name; none for some object, whatever it is called.
    pub name: Option<&'a str>,
}

/// Where requests are made.
#[derive(Debug, Clone, Copy)]
pub enum Spot<'a> {
    /// Over the whole cluster, or on what belongs to no namespace: only ClusterRoleBindings allow it.
    Cluster,
    /// In some of these namespaces.
    In(&'a BTreeSet<&'a str>),
    /// In whatever namespace, or in none.
    Anywhere,
}

/// How much of a pattern has to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Some request.
    Some,
    /// Every request: where it says `*`, the rule does.
    All,
}

impl Pattern<'_> {
    /// Whether a rule allows as much of it.
    #[must_use]
    pub fn is_allowed_by(&self, rule: &RoleRule, extent: Extent) -> bool {
        let one = |wanted: &str, allowed: &[String]| match (wanted, extent) {
            (ALL, Extent::Some) => !allowed.is_empty(),
            _ => allowed.iter().any(|word| word == ALL || word == wanted),
        };
        one(self.verb, &rule.verbs)
            && one(self.group, &rule.api_groups)
            && rule.resources.iter().any(|allowed| self.is_on(allowed, extent))
            && self.is_named_by(rule, extent)
    }

    fn is_on(&self, allowed: &str, extent: Extent) -> bool {
        if allowed == ALL {
            return true;
        }
        // One that ends in a slash matches no request.
        let (resource, subresource) = allowed.split_once('/').unwrap_or((allowed, ""));
        if allowed.ends_with('/') {
            return false;
        }
        match (self.resource, self.subresource) {
            (ALL, "") => extent == Extent::Some,
            (ALL, ALL) => extent == Extent::Some && !subresource.is_empty(),
            (ALL, wanted) => subresource == wanted && (extent == Extent::Some || resource == ALL),
            (wanted, ALL) => {
                extent == Extent::Some && !subresource.is_empty() && (resource == ALL || resource == wanted)
            }
            (wanted, subresource) => resource_matches(allowed, wanted, subresource),
        }
    }

    /// A request to create an object by POST, or to delete many, has no name for a rule to recognise (Kubernetes documentation,
    /// "Using RBAC Authorization", "Referring to resources"). An apply of an object that is not there is a request to create it by
    /// name (`patch.go` in `k8s.io/apiserver/pkg/endpoints/handlers`), so that such a rule is enough for some, and not for all.
    fn is_named_by(&self, rule: &RoleRule, extent: Extent) -> bool {
        if rule.resource_names.is_empty() {
            return true;
        }
        let nameless = |verb: &str| {
            let never = verb == "deletecollection" || verb == "create" && extent == Extent::All;
            never && self.subresource.is_empty()
        };
        let named = match (self.verb, extent) {
            (ALL, Extent::Some) => rule.verbs.iter().any(|verb| !nameless(verb)),
            (ALL, Extent::All) => !self.subresource.is_empty(),
            (verb, _) => !nameless(verb),
        };
        named && self.name.is_none_or(|name| rule.resource_names.iter().any(|known| known == name))
    }

    /// Every chain by which a subject, or anyone at all, is allowed as much of it, in the order of bindings. For more than a few
    /// questions about subjects, keep [`Grantees`].
    #[must_use]
    pub fn chains(&self, cluster: &Cluster, spot: Spot<'_>, who: Option<&SubjectRef>, extent: Extent) -> Vec<Because> {
        let acts_as = who.map(ActsAs::of);
        let mut roles = FxHashMap::default();
        let mut chains = Vec::new();
        for (binding, facts) in &cluster.bindings {
            if !spot.has(binding) {
                continue;
            }
            let Some(rule) = *roles.entry(&facts.role).or_insert_with(|| self.rule_of(cluster, &facts.role, extent))
            else {
                continue;
            };
            for subject in facts.subjects.iter().map(SubjectRef::from) {
                if acts_as.as_ref().is_none_or(|acts_as| acts_as.is(&subject)) {
                    chains.push(because(subject, binding, &facts.role, rule));
                }
            }
        }
        chains
    }

    fn rule_of<'c>(&self, cluster: &'c Cluster, role: &RoleRef, extent: Extent) -> Option<&'c RoleRule> {
        cluster.roles.get(role)?.rules.iter().find(|rule| self.is_allowed_by(rule, extent))
    }
}

impl Spot<'_> {
    /// Whether what a binding gives holds there.
    fn has(&self, binding: &ObjectKey) -> bool {
        match (&binding.namespace, self) {
            (None, _) | (Some(_), Self::Anywhere) => true,
            (Some(namespace), Self::In(namespaces)) => namespaces.contains(namespace.as_str()),
            (Some(_), Self::Cluster) => false,
        }
    }
}

/// Bindings by whom they name.
#[derive(Debug)]
pub struct Grantees<'a> {
    cluster: &'a Cluster,
    /// In the order of bindings.
    bindings: FxHashMap<SubjectRef, Vec<(&'a ObjectKey, &'a BindingFacts)>>,
}

impl<'a> Grantees<'a> {
    /// Sorts a cluster's bindings.
    #[must_use]
    pub fn new(cluster: &'a Cluster) -> Self {
        let mut bindings: FxHashMap<SubjectRef, Vec<_>> = FxHashMap::default();
        for (binding, facts) in &cluster.bindings {
            for subject in &facts.subjects {
                let known = bindings.entry(SubjectRef::from(subject).plain()).or_default();
                if known.last().is_none_or(|(last, _)| *last != binding) {
                    known.push((binding, facts));
                }
            }
        }
        Self { cluster, bindings }
    }

    /// As [`Pattern::chains`].
    #[must_use]
    pub fn chains(
        &self,
        pattern: &Pattern<'_>,
        spot: Spot<'_>,
        who: Option<&SubjectRef>,
        extent: Extent,
    ) -> Vec<Because> {
        let Some(who) = who else { return pattern.chains(self.cluster, spot, None, extent) };
        let ActsAs { own, groups } = ActsAs::of(who);
        let named = groups.into_iter().map(|name| SubjectRef::Group { name }).filter(|group| *group != own);
        let mut chains = Vec::new();
        for subject in named.chain([own.clone()]) {
            for (binding, facts) in self.bindings.get(&subject).into_iter().flatten() {
                let rule = pattern.rule_of(self.cluster, &facts.role, extent).filter(|_| spot.has(binding));
                chains.extend(rule.map(|rule| because(subject.clone(), binding, &facts.role, rule)));
            }
        }
        chains.sort_by(|one, other| one.binding.cmp(&other.binding));
        chains
    }
}

fn because(subject: SubjectRef, binding: &ObjectKey, role: &RoleRef, rule: &RoleRule) -> Because {
    let (binding, role) = (Some(binding.clone()), Some(role_key(role)));
    Because { subject, binding, role, rule: Some(PolicyRule::from(rule)) }
}

/// As whom a subject acts, by itself and by what authentication adds.
struct ActsAs {
    own: SubjectRef,
    groups: Vec<String>,
}

impl ActsAs {
    fn of(subject: &SubjectRef) -> Self {
        let own = subject.plain();
        Self { groups: implied_groups(&own), own }
    }

    fn is(&self, named: &SubjectRef) -> bool {
        match named {
            SubjectRef::Group { name } if self.groups.contains(name) => true,
            named => named.plain() == self.own,
        }
    }
}

impl SubjectRef {
    /// A service account, however it is spelt; any other subject as it is.
    #[must_use]
    pub fn plain(&self) -> Self {
        let account = match self {
            Self::User { name } => as_service_account(name),
            _ => None,
        };
        match account {
            Some((namespace, name)) => Self::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() },
            None => self.clone(),
        }
    }

    /// Whether whoever is this subject is `other` as well: it is the same, or a group that authentication adds.
    #[must_use]
    pub fn acts_as(&self, other: &Self) -> bool {
        ActsAs::of(self).is(other)
    }

    /// Whether it is a group that authentication adds: who is in it shows from a subject alone, as [`SubjectRef::acts_as`] says. Of
    /// every other group only the authenticator knows the members.
    #[must_use]
    pub fn has_known_members(&self) -> bool {
        let Self::Group { name } = self else { return false };
        let accounts = name.strip_prefix(SERVICE_ACCOUNTS).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
        accounts || [AUTHENTICATED, UNAUTHENTICATED].contains(&name.as_str())
    }

    /// Whether it is the group whose members the API server asks nothing.
    #[must_use]
    pub fn is_masters(&self) -> bool {
        matches!(self, Self::Group { name } if name == MASTERS)
    }
}

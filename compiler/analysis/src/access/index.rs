//! Many questions to one cluster.

use std::{borrow::Cow, collections::BTreeMap};

use kspec_model::{
    ObjectKey,
    cluster::{Cluster, RoleFacts},
    program::{RoleRef, RoleRule, Subject},
};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{
    Request, SubjectRef,
    delta::{SubjectGrant, Who},
    effective_groups,
    permission::{Permission, covers},
    request::{MASTERS, service_account_user},
    rule::{PolicyRule, allows},
};

/// Whether a request is allowed, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Whether RBAC allows it.
    pub allowed: bool,
    /// Every binding that allows it, ClusterRoleBindings first, each with its first rule that does; empty when denied.
    pub because: Vec<Because>,
}

/// One chain from a subject to a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Because {
    /// The subject of the binding that the request falls under.
    pub subject: SubjectRef,
    /// The binding; none for members of `system:masters`, who are allowed everything without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<ObjectKey>,
    /// The role it binds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ObjectKey>,
    /// The rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<PolicyRule>,
}

/// Answers one question; for more than a few, keep an [`Index`].
#[must_use]
pub fn allowed(cluster: &Cluster, request: &Request) -> Answer {
    Index::new(cluster).allowed(request)
}

/// A cluster's bindings by subject and scope.
#[derive(Debug)]
pub struct Index<'a> {
    grants: Vec<Grant<'a>>,
    everywhere: Scope<'a>,
    namespaces: FxHashMap<&'a str, Scope<'a>>,
    roles: &'a BTreeMap<RoleRef, RoleFacts>,
}

/// A rule that someone holds.
pub(super) struct Held<'s, 'a> {
    pub(super) grant: &'s Grant<'a>,
    pub(super) rule: &'a RoleRule,
    /// What of them the binding names.
    pub(super) subject: SubjectRef,
}

#[derive(Debug)]
pub(super) struct Grant<'a> {
    pub(super) binding: &'a ObjectKey,
    pub(super) role: &'a RoleRef,
    facts: &'a RoleFacts,
    subjects: &'a [Subject],
}

#[derive(Debug, Default)]
struct Scope<'a> {
    /// Positions of grants by user name, ascending.
    users: FxHashMap<Cow<'a, str>, Vec<usize>>,
    /// Positions of grants by group, ascending.
    groups: FxHashMap<&'a str, Vec<usize>>,
}

impl<'a> Index<'a> {
    /// Indexes a cluster. Bindings to roles that do not exist allow nothing and are left out.
    #[must_use]
    pub fn new(cluster: &'a Cluster) -> Self {
        let mut index = Self {
            grants: Vec::new(),
            everywhere: Scope::default(),
            namespaces: FxHashMap::default(),
            roles: &cluster.roles,
        };
        for (binding, facts) in &cluster.bindings {
            let Some(role) = cluster.roles.get(&facts.role) else { continue };
            let position = index.grants.len();
            index.grants.push(Grant { binding, role: &facts.role, facts: role, subjects: &facts.subjects });
            let scope = match &binding.namespace {
                None => &mut index.everywhere,
                Some(namespace) => index.namespaces.entry(namespace).or_default(),
            };
            for subject in &facts.subjects {
                let positions = match subject {
                    Subject::User(name) => scope.users.entry(Cow::Borrowed(name)).or_default(),
                    Subject::Group(name) => scope.groups.entry(name).or_default(),
                    Subject::ServiceAccount { namespace, name } => {
                        scope.users.entry(Cow::Owned(service_account_user(namespace, name))).or_default()
                    }
                };
                if positions.last() != Some(&position) {
                    positions.push(position);
                }
            }
        }
        index
    }

    /// Answers one question.
    #[must_use]
    pub fn allowed(&self, request: &Request) -> Answer {
        let groups = effective_groups(&request.user, &request.groups);
        if groups.iter().any(|group| group == MASTERS) {
            return Answer { allowed: true, because: masters() };
        }
        let mut chains = Vec::new();
        let namespaced = (request.path.is_none() && !request.namespace.is_empty())
            .then(|| self.namespaces.get(request.namespace.as_str()))
            .flatten();
        for scope in [Some(&self.everywhere), namespaced].into_iter().flatten() {
            for (position, group) in scope.candidates(&request.user, &groups) {
                let Some(grant) = self.grants.get(position) else { continue };
                if let Some(rule) = grant.facts.rules.iter().find(|rule| allows(rule, request)) {
                    chains.push(because(subject_of(&request.user, group), grant, rule));
                }
            }
        }
        Answer { allowed: !chains.is_empty(), because: chains }
    }

    /// Every rule that someone holds, by the binding that gives it.
    pub(super) fn rules_for<'s>(
        &'s self,
        user: &'s str,
        groups: &'s [String],
        namespace: &str,
    ) -> impl Iterator<Item = Held<'s, 'a>> {
        let namespaced = self.namespaces.get(namespace).filter(|_| !namespace.is_empty());
        let scopes = [Some(&self.everywhere), namespaced].into_iter().flatten();
        let candidates = scopes.flat_map(move |scope| scope.candidates(user, groups));
        candidates.filter_map(|(position, group)| Some((self.grants.get(position)?, group))).flat_map(
            move |(grant, group)| {
                grant.facts.rules.iter().map(move |rule| Held { grant, rule, subject: subject_of(user, group) })
            },
        )
    }

    /// Every subject of every binding that allows a request, with the chain.
    pub(super) fn all_that_allow(&self, request: &Request) -> impl Iterator<Item = (SubjectRef, Because)> {
        let reaches = |grant: &&Grant<'_>| match (&grant.binding.namespace, &request.path) {
            (None, _) => true,
            (Some(namespace), None) => *namespace == request.namespace,
            (Some(_), Some(_)) => false,
        };
        self.grants.iter().filter(reaches).flat_map(|grant| {
            let rule = grant.facts.rules.iter().find(|rule| allows(rule, request));
            rule.into_iter().flat_map(move |rule| {
                grant.subjects.iter().map(move |subject| {
                    let subject = SubjectRef::from(subject);
                    (subject.clone(), because(subject, grant, rule))
                })
            })
        })
    }

    /// The rules of a role that exists.
    pub(super) fn rules_of(&self, role: &RoleRef) -> Option<&'a [RoleRule]> {
        self.roles.get(role).map(|facts| facts.rules.as_slice())
    }

    /// Whether one of the grants to `who` holds all of `permission`.
    pub(super) fn holds(&self, who: &Who<'_>, permission: &Permission<'_>) -> bool {
        let namespaced = permission.namespace.and_then(|namespace| self.namespaces.get(namespace));
        [Some(&self.everywhere), namespaced].into_iter().flatten().any(|scope| {
            let user = who.user.and_then(|user| scope.users.get(user));
            let groups = who.groups.iter().filter_map(|group| scope.groups.get(group.as_str()));
            user.into_iter()
                .chain(groups)
                .flatten()
                .filter_map(|position| self.grants.get(*position))
                .any(|grant| grant.facts.rules.iter().any(|rule| covers(rule, permission)))
        })
    }

    /// Every subject named in a binding, with its grants.
    pub(super) fn grants_by_subject(&self) -> BTreeMap<SubjectRef, Vec<SubjectGrant<'a>>> {
        let mut grants: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for grant in &self.grants {
            for subject in grant.subjects {
                grants.entry(SubjectRef::from(subject)).or_default().push(SubjectGrant {
                    namespace: grant.binding.namespace.as_deref(),
                    binding: grant.binding,
                    role: grant.role,
                    rules: &grant.facts.rules,
                });
            }
        }
        grants
    }
}

impl Scope<'_> {
    /// Positions of the grants that name the user or one of the groups, ascending, each once; with the group that matched,
    /// or none for the user.
    fn candidates<'g>(&self, user: &str, groups: &'g [String]) -> Vec<(usize, Option<&'g str>)> {
        let mut found: Vec<_> = self.users.get(user).into_iter().flatten().map(|position| (*position, None)).collect();
        for group in groups {
            found.extend(self.groups.get(group.as_str()).into_iter().flatten().map(|p| (*p, Some(group.as_str()))));
        }
        found.sort_unstable();
        found.dedup_by_key(|(position, _)| *position);
        found
    }
}

/// Why members of `system:masters` may do everything.
pub(super) fn masters() -> Vec<Because> {
    let subject = SubjectRef::Group { name: MASTERS.to_owned() };
    vec![Because { subject, binding: None, role: None, rule: None }]
}

fn because(subject: SubjectRef, grant: &Grant<'_>, rule: &RoleRule) -> Because {
    Because {
        subject,
        binding: Some(grant.binding.clone()),
        role: Some(role_key(grant.role)),
        rule: Some(PolicyRule::from(rule)),
    }
}

/// The group that a binding was found by, or the user.
fn subject_of(name: &str, group: Option<&str>) -> SubjectRef {
    group.map_or_else(|| user(name), |group| SubjectRef::Group { name: group.to_owned() })
}

fn user(name: &str) -> SubjectRef {
    match super::request::as_service_account(name) {
        Some((namespace, account)) => {
            SubjectRef::ServiceAccount { namespace: namespace.to_owned(), name: account.to_owned() }
        }
        None => SubjectRef::User { name: name.to_owned() },
    }
}

/// A role's identity as an object.
#[must_use]
pub fn role_key(role: &RoleRef) -> ObjectKey {
    ObjectKey {
        group: "rbac.authorization.k8s.io".to_owned(),
        kind: if role.namespace.is_some() { "Role" } else { "ClusterRole" }.to_owned(),
        namespace: role.namespace.clone(),
        name: role.name.clone(),
    }
}

//! The API server's escalation check: who may write a role, or bind one, may give only what they hold themselves.
//!
//! As `pkg/registry/rbac` of Kubernetes 1.36 decides it ("Privilege escalation prevention" in its RBAC documentation): members of
//! `system:masters` pass, so do holders of the verb `escalate` on the role, or `bind` on the role that is bound; everyone
//! else must hold every single permission of the rules by one rule of their own, in the namespace that is written to.

use kspec_model::program::{RoleRef, RoleRule};
use serde::{Deserialize, Serialize};

use super::{
    Because, Index, PolicyRule, Request, effective_groups,
    index::masters,
    request::MASTERS,
    rule::{ALL, resource_matches, url_matches},
};

const GROUP: &str = "rbac.authorization.k8s.io";

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Grant<'a> {
    /// A role with these rules.
    Role {
        /// Which.
        role: &'a RoleRef,
        /// Its own rules.
        rules: &'a [RoleRule],
        /// Whether it gathers the rules of others: then only who holds everything may write it.
        aggregates: bool,
        /// Whether the request names the role, as an update or an apply does and a POST does not.
        named: bool,
    },
    /// A binding of a role.
    Binding {
        /// The namespace that the RoleBinding stands in; none for a ClusterRoleBinding.
        namespace: Option<&'a str>,
        /// The role bound.
        role: &'a RoleRef,
    },
}

/// Whether the check lets someone write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Whether it does.
    pub allowed: bool,
    /// Why it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Authority>,
    /// Bindings that give the verb, or membership of `system:masters`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Because>,
    /// What they do not hold, one permission each, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<PolicyRule>,
    /// Whether the role bound is missing: only a holder of `bind` may bind it then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub role_missing: bool,
}

/// What lets someone past the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// Membership of `system:masters`.
    Masters,
    /// The verb `escalate` on the role.
    Escalate,
    /// The verb `bind` on the role.
    Bind,
    /// All of the rules are held.
    Held,
}

impl Index<'_> {
    /// Whether the escalation check lets `user` write `grant`. Whether they may write the object at all is a question of its
    /// own ([`Index::allowed`]).
    #[must_use]
    pub fn covers(&self, user: &str, groups: &[String], grant: &Grant<'_>) -> Covered {
        let all_groups = effective_groups(user, groups);
        let pass =
            |by, because| Covered { allowed: true, by: Some(by), because, missing: Vec::new(), role_missing: false };
        if all_groups.iter().any(|group| group == MASTERS) {
            return pass(Authority::Masters, masters());
        }
        let (role, namespace, verb, authority, named) = match *grant {
            Grant::Role { role, named, .. } => {
                (role, role.namespace.as_deref(), "escalate", Authority::Escalate, named)
            }
            Grant::Binding { namespace, role } => (role, namespace, "bind", Authority::Bind, true),
        };
        let request = Request {
            user: user.to_owned(),
            groups: groups.to_vec(),
            verb: verb.to_owned(),
            group: GROUP.to_owned(),
            resource: if role.namespace.is_some() { "roles" } else { "clusterroles" }.to_owned(),
            name: if named { role.name.clone() } else { String::new() },
            namespace: namespace.unwrap_or_default().to_owned(),
            ..Request::default()
        };
        let answer = self.allowed(&request);
        if answer.allowed {
            return pass(authority, answer.because);
        }
        let held: Vec<&RoleRule> =
            self.rules_for(user, &all_groups, namespace.unwrap_or_default()).map(|held| held.rule).collect();
        let mut missing = Vec::new();
        let mut role_missing = false;
        match *grant {
            Grant::Role { rules, aggregates, .. } => {
                missing
                    .extend(rules.iter().flat_map(single).filter(|one| !held.iter().any(|rule| one.is_held_by(rule))));
                if aggregates {
                    missing.extend(EVERYTHING.into_iter().filter(|one| !held.iter().any(|rule| one.is_held_by(rule))));
                }
            }
            Grant::Binding { role, .. } => match self.rules_of(role) {
                Some(rules) => {
                    missing.extend(
                        rules.iter().flat_map(single).filter(|one| !held.iter().any(|rule| one.is_held_by(rule))),
                    );
                }
                None => role_missing = true,
            },
        }
        if missing.is_empty() && !role_missing {
            return pass(Authority::Held, Vec::new());
        }
        missing.sort_unstable();
        missing.dedup();
        let missing = missing.into_iter().map(PolicyRule::from).collect();
        Covered { allowed: false, by: None, because: Vec::new(), missing, role_missing }
    }

    /// The role that a reference names, as an object.
    #[must_use]
    pub fn has_role(&self, role: &RoleRef) -> bool {
        self.rules_of(role).is_some()
    }
}

/// What an aggregating role asks for: every verb on everything, and on every URL.
const EVERYTHING: [Single<'static>; 2] =
    [Single::Resource { verb: ALL, group: ALL, resource: ALL, name: None }, Single::Url { verb: ALL, url: ALL }];

/// One permission of a rule: one verb on one resource, by one name or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Single<'a> {
    Resource { verb: &'a str, group: &'a str, resource: &'a str, name: Option<&'a str> },
    Url { verb: &'a str, url: &'a str },
}

/// A rule's permissions, one by one.
fn single(rule: &RoleRule) -> Vec<Single<'_>> {
    let mut singles = Vec::new();
    let names: Vec<Option<&str>> = match rule.resource_names.as_slice() {
        [] => vec![None],
        names => names.iter().map(|name| Some(name.as_str())).collect(),
    };
    for verb in &rule.verbs {
        for group in &rule.api_groups {
            for resource in &rule.resources {
                singles.extend(names.iter().map(|name| Single::Resource { verb, group, resource, name: *name }));
            }
        }
        singles.extend(rule.urls.iter().map(|url| Single::Url { verb, url }));
    }
    singles
}

impl Single<'_> {
    fn is_held_by(&self, rule: &RoleRule) -> bool {
        let says = |words: &[String], word: &str| words.iter().any(|known| known == ALL || known == word);
        match *self {
            Self::Resource { verb, group, resource, name } => {
                let (kind, sub) = resource.split_once('/').unwrap_or((resource, ""));
                says(&rule.verbs, verb)
                    && says(&rule.api_groups, group)
                    && rule.resources.iter().any(|held| held == resource || resource_matches(held, kind, sub))
                    && (rule.resource_names.is_empty()
                        || name.is_some_and(|name| rule.resource_names.iter().any(|known| known == name)))
            }
            Self::Url { verb, url } => says(&rule.verbs, verb) && rule.urls.iter().any(|held| url_matches(held, url)),
        }
    }
}

impl From<Single<'_>> for PolicyRule {
    fn from(single: Single<'_>) -> Self {
        let owned = |text: &str| vec![text.to_owned()];
        match single {
            Single::Resource { verb, group, resource, name } => Self {
                verbs: owned(verb),
                api_groups: owned(group),
                resources: owned(resource),
                resource_names: name.map(owned).unwrap_or_default(),
                non_resource_urls: Vec::new(),
            },
            Single::Url { verb, url } => Self { verbs: owned(verb), non_resource_urls: owned(url), ..Self::default() },
        }
    }
}

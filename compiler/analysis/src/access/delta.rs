//! Which permissions two clusters differ in.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::{ObjectKey, cluster::Cluster, program::RoleRule};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::{
    Index, SubjectRef,
    index::role_key,
    permission::{Permission, Target, covers, maximal, permissions},
    request::{MASTERS, implied_groups, service_account_user},
};

/// Who gains and who loses what. A permission counts once, for the widest subject that it comes by: what everyone
/// authenticated gains is not repeated for each user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccessDelta {
    /// Allowed after, not before.
    pub gained: Vec<AccessChange>,
    /// Allowed before, not after.
    pub lost: Vec<AccessChange>,
}

impl AccessDelta {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }
}

/// Every verb on every resource or URL named, in one scope. With `*` somewhere, part of it may be held on the other side
/// as well; at least what no rule there mentions is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccessChange {
    /// Whose.
    pub subject: SubjectRef,
    /// Namespace; none for the whole cluster, objects outside namespaces included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Verbs, sorted.
    pub verbs: Vec<String>,
    /// Resources, sorted; empty where it is about URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceRef>,
    /// Object names, sorted; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// URLs, sorted; one that ends in `*` is every URL that begins so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// The bindings that give it, on the side that has it.
    pub because: Vec<GrantRef>,
}

/// A resource of a permission; `*` is all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceRef {
    /// API group; empty for the core group.
    pub group: String,
    /// Resource.
    pub resource: String,
    /// Subresource, if any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subresource: String,
}

impl std::fmt::Display for ResourceRef {
    /// `pods/log`, `deployments.apps/scale`; `*.*` is everything.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        Ok(())
    }
}

/// A binding and the role it binds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GrantRef {
    /// RoleBinding or ClusterRoleBinding.
    pub binding: ObjectKey,
    /// Role or ClusterRole.
    pub role: ObjectKey,
}

/// Compares what every subject may do.
#[must_use]
pub fn delta(before: &Cluster, after: &Cluster) -> AccessDelta {
    let (before, after) = (Index::new(before), Index::new(after));
    AccessDelta { gained: gained(&before, &after), lost: gained(&after, &before) }
}

/// What subjects of `after` may do there and not in `before`.
fn gained(before: &Index<'_>, after: &Index<'_>) -> Vec<AccessChange> {
    let held_grants = before.grants_by_subject();
    let mut changes = Vec::new();
    for (subject, grants) in after.grants_by_subject() {
        if matches!(&subject, SubjectRef::Group { name } if name == MASTERS) {
            continue;
        }
        // What a grant that stands on both sides gives is held on both.
        let held: FxHashSet<_> =
            held_grants.get(&subject).into_iter().flatten().map(|grant| (grant.namespace, grant.rules)).collect();
        let changed: BTreeSet<_> =
            grants.iter().map(|g| (g.namespace, g.rules)).filter(|g| !held.contains(g)).collect();
        if changed.is_empty() {
            continue;
        }
        let groups = implied_groups(&subject);
        let everyone = Who { user: None, groups: &groups };
        let own = own_names(&subject);
        let with_groups: Vec<String> = own.group.iter().cloned().chain(groups.iter().cloned()).collect();
        let myself = Who { user: own.user.as_deref(), groups: &with_groups };

        let mut new = FxHashSet::default();
        for (namespace, rules) in changed {
            for permission in rules.iter().flat_map(|rule| permissions(namespace, rule)) {
                if !new.contains(&permission)
                    && !before.holds(&myself, &permission)
                    && !after.holds(&everyone, &permission)
                {
                    new.insert(permission);
                }
            }
        }
        // Positions of the grants that give it.
        let because = |permission: &Permission<'_>| -> Vec<usize> {
            let gives = |grant: &SubjectGrant<'_>| {
                (grant.namespace.is_none() || grant.namespace == permission.namespace)
                    && grant.rules.iter().any(|rule| covers(rule, permission))
            };
            grants.iter().enumerate().filter(|(_, grant)| gives(grant)).map(|(position, _)| position).collect()
        };
        let new = maximal(&new).into_iter().map(|permission| (permission, because(&permission)));
        changes.extend(grouped(&subject, &grants, new));
    }
    changes.sort();
    changes
}

struct OwnNames {
    user: Option<String>,
    group: Option<String>,
}

fn own_names(subject: &SubjectRef) -> OwnNames {
    match subject {
        SubjectRef::User { name } => OwnNames { user: Some(name.clone()), group: None },
        SubjectRef::Group { name } => OwnNames { user: None, group: Some(name.clone()) },
        SubjectRef::ServiceAccount { namespace, name } => {
            OwnNames { user: Some(service_account_user(namespace, name)), group: None }
        }
    }
}

/// Puts permissions together for reading: verbs of one target, then names of one resource, then targets that agree in all
/// else.
fn grouped<'a>(
    subject: &SubjectRef,
    grants: &[SubjectGrant<'_>],
    new: impl Iterator<Item = (Permission<'a>, Vec<usize>)>,
) -> Vec<AccessChange> {
    type Words<'a> = BTreeSet<&'a str>;
    let mut verbs: BTreeMap<_, Words<'a>> = BTreeMap::new();
    for (permission, because) in new {
        verbs.entry((permission.namespace, because, permission.target)).or_default().insert(permission.verb);
    }
    let mut names: BTreeMap<_, Words<'a>> = BTreeMap::new();
    let mut urls: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for ((namespace, because, target), verbs) in verbs {
        match target {
            Target::Resource { group, resource, subresource, name } => {
                let key = (namespace, because, verbs, name.is_some(), (group, resource, subresource));
                names.entry(key).or_default().extend(name);
            }
            Target::Url(url) => {
                urls.entry((namespace, because, verbs)).or_default().insert(url.to_owned());
            }
            Target::Prefix(prefix) => {
                urls.entry((namespace, because, verbs)).or_default().insert(format!("{prefix}*"));
            }
        }
    }
    let mut resources: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for ((namespace, because, verbs, _, resource), names) in names {
        resources.entry((namespace, because, verbs, names)).or_default().insert(resource);
    }
    let owned = |words: Words<'a>| words.into_iter().map(str::to_owned).collect();
    let change = |namespace: Option<&str>, because: Vec<usize>, verbs: Words<'a>| AccessChange {
        subject: subject.clone(),
        namespace: namespace.map(str::to_owned),
        verbs: owned(verbs),
        resources: Vec::new(),
        names: Vec::new(),
        urls: Vec::new(),
        because: Vec::from_iter(
            because.iter().filter_map(|position| grants.get(*position)).map(GrantRef::from).collect::<BTreeSet<_>>(),
        ),
    };
    let on_resources = resources.into_iter().map(|((namespace, because, verbs, names), resources)| AccessChange {
        resources: resources.into_iter().map(ResourceRef::from).collect(),
        names: owned(names),
        ..change(namespace, because, verbs)
    });
    let on_urls = urls.into_iter().map(|((namespace, because, verbs), urls)| AccessChange {
        urls: Vec::from_iter(urls),
        ..change(namespace, because, verbs)
    });
    on_resources.chain(on_urls).collect()
}

impl From<(&str, &str, &str)> for ResourceRef {
    fn from(parts: (&str, &str, &str)) -> Self {
        let (group, resource, subresource) = parts;
        Self { group: group.to_owned(), resource: resource.to_owned(), subresource: subresource.to_owned() }
    }
}

impl From<&SubjectGrant<'_>> for GrantRef {
    fn from(grant: &SubjectGrant<'_>) -> Self {
        Self { binding: grant.binding.clone(), role: role_key(grant.role) }
    }
}

/// One binding's effect for one of its subjects.
pub(super) struct SubjectGrant<'a> {
    /// The binding's namespace.
    pub(super) namespace: Option<&'a str>,
    /// The binding.
    pub(super) binding: &'a ObjectKey,
    /// The role it binds.
    pub(super) role: &'a kspec_model::program::RoleRef,
    /// The role's rules.
    pub(super) rules: &'a [RoleRule],
}

/// A user, if any, and groups.
pub(super) struct Who<'q> {
    /// User name.
    pub(super) user: Option<&'q str>,
    /// Groups.
    pub(super) groups: &'q [String],
}

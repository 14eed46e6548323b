//! Permissions as sets of requests.
//!
//! A permission is a product: a scope, a verb, a resource (in a group) or a URL, and a name, each either one value or all
//! of them. What a subject may do is a union of permissions. Because verbs, groups, resources, names and namespaces are
//! open (a value no rule mentions always exists), a permission lies within a union exactly when it lies within one member
//! of it: take, where the permission says "all", a value that no rule mentions; whichever member allows that request says
//! "all" in the same places. So sets of permissions are compared member by member, and no wildcard is ever expanded.

use kspec_model::program::RoleRule;
use rustc_hash::FxHashSet;

use super::rule::{ALL, resource_matches, url_matches, url_prefix};

/// One permission. `*` stands for all, as in rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Permission<'a> {
    /// Namespace; none for the whole cluster, objects outside namespaces included.
    pub(crate) namespace: Option<&'a str>,
    /// What it is on.
    pub(crate) target: Target<'a>,
    /// Verb.
    pub(crate) verb: &'a str,
}

/// What a permission is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Target<'a> {
    /// A resource.
    Resource {
        /// API group.
        group: &'a str,
        /// Resource: `*`, `pods`.
        resource: &'a str,
        /// Subresource; empty for none. With the resource `*` and no subresource, everything.
        subresource: &'a str,
        /// Object name; none for any name, requests without one included.
        name: Option<&'a str>,
    },
    /// Exactly this URL.
    Url(&'a str),
    /// Every URL that begins so.
    Prefix(&'a str),
}

/// Whether `rule`, in a binding whose scope holds the permission's, allows all of it.
pub(crate) fn covers(rule: &RoleRule, permission: &Permission<'_>) -> bool {
    // A rule's own pattern matches a `*` only where it says `*` itself, so that "matches the pattern's text" and "holds
    // everything that the pattern holds" are the same.
    if !rule.verbs.iter().any(|verb| verb == ALL || verb == permission.verb) {
        return false;
    }
    match permission.target {
        Target::Resource { group, resource, subresource, name } => {
            rule.api_groups.iter().any(|allowed| allowed == ALL || allowed == group)
                && rule.resources.iter().any(|allowed| resource_matches(allowed, resource, subresource))
                && (rule.resource_names.is_empty()
                    || name.is_some_and(|name| rule.resource_names.iter().any(|n| n == name)))
        }
        Target::Url(url) => rule.urls.iter().any(|allowed| url_matches(allowed, url)),
        Target::Prefix(prefix) => {
            rule.urls.iter().any(|allowed| url_prefix(allowed).is_some_and(|allowed| prefix.starts_with(allowed)))
        }
    }
}

/// The permissions that a rule is the union of, in a binding with that scope. URLs have no namespace: a RoleBinding gives
/// none.
pub(crate) fn permissions<'a>(namespace: Option<&'a str>, rule: &'a RoleRule) -> Vec<Permission<'a>> {
    let mut targets = Vec::new();
    for group in &rule.api_groups {
        // One that ends in a slash matches no request, and must not pass for the resource before the slash.
        for resource in rule.resources.iter().filter(|resource| !resource.ends_with('/')) {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let target = |name| Target::Resource { group, resource, subresource, name };
            if rule.resource_names.is_empty() {
                targets.push(target(None));
            }
            targets.extend(rule.resource_names.iter().map(|name| target(Some(name))));
        }
    }
    if namespace.is_none() {
        targets.extend(rule.urls.iter().map(|url| url_prefix(url).map_or(Target::Url(url), Target::Prefix)));
    }
    let verbs = rule.verbs.iter();
    verbs.flat_map(|verb| targets.iter().map(move |target| Permission { namespace, target: *target, verb })).collect()
}

/// Leaves the members that no other member holds.
pub(super) fn maximal<'a>(set: &FxHashSet<Permission<'a>>) -> Vec<Permission<'a>> {
    let wildcards = Wildcards::of(set);
    let mut kept: Vec<_> =
        set.iter().copied().filter(|p| !wildcards.wider(p).iter().any(|wider| set.contains(wider))).collect();
    kept.sort_unstable();
    kept
}

/// In which places some member of a set says "all": only there can one hold another.
#[derive(Default)]
struct Wildcards {
    namespace: bool,
    verb: bool,
    group: bool,
    resource: bool,
    name: bool,
}

impl Wildcards {
    fn of(set: &FxHashSet<Permission<'_>>) -> Self {
        set.iter().fold(Self::default(), |found, permission| {
            let (group, resource, name) = match permission.target {
                Target::Resource { group, resource, name, .. } => (group == ALL, resource == ALL, name.is_none()),
                Target::Url(_) | Target::Prefix(_) => (false, false, false),
            };
            Self {
                namespace: found.namespace || permission.namespace.is_none(),
                verb: found.verb || permission.verb == ALL,
                group: found.group || group,
                resource: found.resource || resource,
                name: found.name || name,
            }
        })
    }

    /// Every permission that holds `permission` and may be in the set, itself left out.
    fn wider<'a>(&self, permission: &Permission<'a>) -> Vec<Permission<'a>> {
        let targets = match permission.target {
            Target::Resource { group, resource, subresource, name } => {
                let mut targets = Vec::new();
                for group in or_all(group, ALL, self.group) {
                    let own = [(resource, subresource)];
                    // Without a subresource, `*` is not one pattern among others but everything.
                    let all = [(ALL, subresource), (ALL, "")].into_iter().filter(|_| self.resource);
                    for (resource, subresource) in own.into_iter().chain(all) {
                        for name in or_all(name, None, self.name) {
                            targets.push(Target::Resource { group, resource, subresource, name });
                        }
                    }
                }
                targets
            }
            Target::Url(url) => prefixes(url).chain([Target::Url(url)]).collect(),
            Target::Prefix(prefix) => prefixes(prefix).collect(),
        };
        let mut wider = Vec::new();
        for namespace in or_all(permission.namespace, None, self.namespace) {
            for verb in or_all(permission.verb, ALL, self.verb) {
                wider.extend(targets.iter().map(|target| Permission { namespace, target: *target, verb }));
            }
        }
        wider.retain(|other| other != permission);
        wider
    }
}

/// A value, and "all" where that occurs.
fn or_all<T>(value: T, all: T, occurs: bool) -> impl Iterator<Item = T> {
    [value].into_iter().chain(occurs.then_some(all))
}

fn prefixes(text: &str) -> impl Iterator<Item = Target<'_>> {
    (0..=text.len()).filter_map(|end| text.get(..end)).map(Target::Prefix)
}

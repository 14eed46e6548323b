//! RBAC as its documentation words it, one request at a time, and deltas held against it. Shares nothing with the engine.

use kspec_analysis::access::{AccessChange, AccessDelta, Request, SubjectRef, effective_groups};
use kspec_model::{
    cluster::Cluster,
    program::{RoleRule, Subject},
};

/// Straight from Kubernetes' documentation, every binding and every rule in turn.
pub(crate) fn plainly_allowed(cluster: &Cluster, request: &Request) -> bool {
    let mut groups: Vec<String> = request.groups.clone();
    let parts: Vec<_> = request.user.split(':').collect();
    if let ["system", "serviceaccount", namespace, _] = parts.as_slice() {
        groups.extend(["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]);
    }
    if request.user == "system:anonymous" {
        groups.push("system:unauthenticated".to_owned());
    }
    if !groups.iter().any(|group| group == "system:unauthenticated") {
        groups.push("system:authenticated".to_owned());
    }
    if groups.iter().any(|group| group == "system:masters") {
        return true;
    }
    cluster.bindings.iter().any(|(key, binding)| {
        let in_scope = match &key.namespace {
            None => true,
            Some(namespace) => request.path.is_none() && *namespace == request.namespace,
        };
        let subject = binding.subjects.iter().any(|subject| match subject {
            Subject::User(name) => *name == request.user,
            Subject::Group(name) => groups.contains(name),
            Subject::ServiceAccount { namespace, name } => {
                request.user == format!("system:serviceaccount:{namespace}:{name}")
            }
        });
        let rules = cluster.roles.get(&binding.role).map_or(&[][..], |role| &role.rules);
        in_scope && subject && rules.iter().any(|rule| plainly_matches(rule, request))
    })
}

fn plainly_matches(rule: &RoleRule, request: &Request) -> bool {
    let has = |list: &[String], value: &str| list.iter().any(|item| item == "*" || item == value);
    if !has(&rule.verbs, &request.verb) {
        return false;
    }
    if let Some(path) = &request.path {
        return rule.urls.iter().any(|url| match url.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => url == path,
        });
    }
    let with_subresource = format!("{}/{}", request.resource, request.subresource);
    let any_with_subresource = format!("*/{}", request.subresource);
    let resource = if request.subresource.is_empty() {
        has(&rule.resources, &request.resource)
    } else {
        has(&rule.resources, &with_subresource) || rule.resources.contains(&any_with_subresource)
    };
    has(&rule.api_groups, &request.group)
        && resource
        && (rule.resource_names.is_empty() || rule.resource_names.contains(&request.name))
}

/// Whom generated grants are for, and questions about.
pub(crate) const SUBJECTS: &[&str] = &[
    "user alice",
    "user system:anonymous",
    "group devs",
    "group system:authenticated",
    "group system:unauthenticated",
    "group system:serviceaccounts",
    "group system:serviceaccounts:a",
    "account a/s",
    "account b/s",
];

pub(crate) fn subject(text: &str) -> Subject {
    match text.split_once(' ').unwrap() {
        ("user", name) => Subject::User(name.to_owned()),
        ("group", name) => Subject::Group(name.to_owned()),
        (_, account) => {
            let (namespace, name) = account.split_once('/').unwrap();
            Subject::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
        }
    }
}

/// Requests over every combination of values, each place with one that no rule mentions.
pub(crate) fn universe() -> Vec<Request> {
    let mut requests = Vec::new();
    for verb in ["get", "list", "unseen"] {
        for path in ["/a", "/a/", "/a/b", "/ab", "/b", "/unseen"] {
            requests.push(Request { verb: verb.into(), path: Some(path.into()), ..Request::default() });
        }
        for group in ["", "apps", "unseen"] {
            for (resource, subresource) in [
                ("pods", ""),
                ("pods", "log"),
                ("deployments", ""),
                ("deployments", "scale"),
                ("unseen", ""),
                ("unseen", "log"),
                ("unseen", "scale"),
                ("unseen", "unseen"),
            ] {
                for name in ["", "x", "y", "unseen"] {
                    for namespace in ["", "a", "b", "unseen"] {
                        requests.push(Request {
                            verb: verb.into(),
                            group: group.into(),
                            resource: resource.into(),
                            subresource: subresource.into(),
                            name: name.into(),
                            namespace: namespace.into(),
                            ..Request::default()
                        });
                    }
                }
            }
        }
    }
    requests
}

/// The request as that subject makes it; a group's as a member that is nothing else.
pub(crate) fn by(request: &Request, subject: &Subject) -> Request {
    let (user, groups) = match subject {
        Subject::User(name) => (name.clone(), vec![]),
        // Whoever is in one namespace's group of service accounts is in the group of all.
        Subject::Group(name) if name.starts_with("system:serviceaccounts:") => {
            (String::new(), vec![name.clone(), "system:serviceaccounts".to_owned()])
        }
        Subject::Group(name) => (String::new(), vec![name.clone()]),
        Subject::ServiceAccount { namespace, name } => (format!("system:serviceaccount:{namespace}:{name}"), vec![]),
    };
    Request { user, groups, ..request.clone() }
}

/// Whether a request is among those that a change speaks of, whoever makes it.
fn holds(change: &AccessChange, request: &Request) -> bool {
    let rule = RoleRule {
        verbs: change.verbs.clone(),
        urls: change.urls.clone(),
        resource_names: change.names.clone(),
        ..RoleRule::default()
    };
    let in_scope =
        change.namespace.as_ref().is_none_or(|namespace| request.path.is_none() && *namespace == request.namespace);
    in_scope
        && match request.path {
            Some(_) => plainly_matches(&rule, request),
            None => change.resources.iter().any(|resource| {
                let text = [resource.resource.as_str(), resource.subresource.as_str()].join("/");
                let resources = vec![text.trim_end_matches('/').to_owned()];
                plainly_matches(
                    &RoleRule { api_groups: vec![resource.group.clone()], resources, ..rule.clone() },
                    request,
                )
            }),
        }
}

/// Every single permission of a change, as a change of its own.
fn singles(change: &AccessChange) -> Vec<AccessChange> {
    let mut singles = Vec::new();
    for verb in &change.verbs {
        for url in &change.urls {
            singles.push(AccessChange { verbs: vec![verb.clone()], urls: vec![url.clone()], ..change.clone() });
        }
        for resource in &change.resources {
            let single =
                AccessChange { verbs: vec![verb.clone()], resources: vec![resource.clone()], ..change.clone() };
            if change.names.is_empty() {
                singles.push(single.clone());
            }
            singles
                .extend(change.names.iter().map(|name| AccessChange { names: vec![name.clone()], ..single.clone() }));
        }
    }
    singles
}

/// The request of a single permission that has, wherever the permission says "all", a value that no rule mentions.
fn unmentioned(single: &AccessChange) -> Request {
    let value = |text: &str| if text == "*" { "unmentioned".to_owned() } else { text.to_owned() };
    let first = |list: &[String]| list.first().map_or_else(|| "unmentioned".to_owned(), |text| value(text));
    let verb = first(&single.verbs);
    if let Some(url) = single.urls.first() {
        let path = url.strip_suffix('*').map_or_else(|| url.clone(), |prefix| format!("{prefix}unmentioned"));
        return Request { verb, path: Some(path), ..Request::default() };
    }
    let resource = &single.resources[0];
    Request {
        verb,
        group: value(&resource.group),
        resource: value(&resource.resource),
        subresource: if (resource.resource.as_str(), resource.subresource.as_str()) == ("*", "") {
            "unmentioned".to_owned()
        } else {
            value(&resource.subresource)
        },
        name: first(&single.names),
        namespace: single.namespace.clone().unwrap_or_else(|| "unmentioned".to_owned()),
        ..Request::default()
    }
}

/// Holds a delta against the two full answers about [`SUBJECTS`].
///
/// # Errors
/// What it says too much or too little.
pub(crate) fn is_the_difference(
    found: &AccessDelta,
    before: &Cluster,
    after: &Cluster,
    universe: &[Request],
) -> Result<(), String> {
    for (changes, without, with) in [(&found.gained, before, after), (&found.lost, after, before)] {
        // Complete: what one side allows and the other does not is spoken of, for the subject or for a group it is in.
        for text in SUBJECTS {
            let subject = subject(text);
            for request in universe.iter().map(|request| by(request, &subject)) {
                let differs = plainly_allowed(with, &request) && !plainly_allowed(without, &request);
                if !differs {
                    continue;
                }
                let groups = effective_groups(&request.user, &request.groups);
                let spoken_of = changes.iter().any(|change| {
                    let concerns = match &change.subject {
                        SubjectRef::Group { name } => groups.contains(name),
                        other => *other == SubjectRef::from(&subject),
                    };
                    concerns && holds(change, &request)
                });
                if !spoken_of {
                    return Err(format!("{text}: {request:?} is missing from {changes:#?}"));
                }
            }
        }
        // Sound: every single permission reported has a request that one side allows and the other does not.
        for change in changes {
            if change.because.is_empty() {
                return Err(format!("no reason for {change:?}"));
            }
            let subject = match &change.subject {
                SubjectRef::User { name } => Subject::User(name.clone()),
                SubjectRef::Group { name } => Subject::Group(name.clone()),
                SubjectRef::ServiceAccount { namespace, name } => {
                    Subject::ServiceAccount { namespace: namespace.clone(), name: name.clone() }
                }
            };
            for single in singles(change) {
                let request = by(&unmentioned(&single), &subject);
                let sides = (plainly_allowed(with, &request), plainly_allowed(without, &request));
                if sides != (true, false) {
                    return Err(format!("{request:?} is allowed {sides:?}: {single:#?}"));
                }
            }
        }
    }
    Ok(())
}

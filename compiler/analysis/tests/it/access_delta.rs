//! The access delta against a plain evaluator: over generated pairs of clusters, what it reports is the difference of the
//! two full answers, over a universe of questions that has values no rule mentions in every place.

use std::collections::BTreeSet;

use kspec_analysis::access::{AccessChange, Index, Request, SubjectRef, delta, effective_groups};
use kspec_model::{
    Object, ObjectKey,
    cluster::{BindingFacts, Cluster, RoleFacts},
    program::{RoleRef, RoleRule, Subject},
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Value, json};

/// Straight from Kubernetes' documentation, every binding and every rule in turn.
fn plainly_allowed(cluster: &Cluster, request: &Request) -> bool {
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

const SUBJECTS: &[&str] = &[
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

fn subject(text: &str) -> Subject {
    match text.split_once(' ').unwrap() {
        ("user", name) => Subject::User(name.to_owned()),
        ("group", name) => Subject::Group(name.to_owned()),
        (_, account) => {
            let (namespace, name) = account.split_once('/').unwrap();
            Subject::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
        }
    }
}

fn some(of: &'static [&'static str], at_most: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(of, 1..=at_most.min(of.len())).prop_map(|picked| picked.into_iter().map(str::to_owned).collect())
}

fn rule() -> impl Strategy<Value = RoleRule> {
    let names = prop_oneof![3 => Just(vec![]), 1 => some(&["x", "y"], 2)];
    let on_resources = (
        some(&["get", "list", "*"], 2),
        some(&["", "apps", "*"], 2),
        some(&["pods", "pods/log", "deployments", "deployments/scale", "*/log", "*/scale", "*"], 3),
        names,
    )
        .prop_map(|(verbs, api_groups, resources, resource_names)| RoleRule {
            verbs,
            api_groups,
            resources,
            resource_names,
            urls: vec![],
        });
    let on_urls = (some(&["get", "*"], 1), some(&["/a", "/a/*", "/a*", "*", "/b"], 2))
        .prop_map(|(verbs, urls)| RoleRule { verbs, urls, ..RoleRule::default() });
    prop_oneof![4 => on_resources, 1 => on_urls]
}

#[derive(Debug, Clone)]
struct Grant {
    namespace: Option<&'static str>,
    subjects: Vec<String>,
    rules: Vec<RoleRule>,
    /// On which sides it stands: 0 before, 1 after, others both.
    side: u8,
}

fn grant() -> impl Strategy<Value = Grant> {
    (option::of(select(&["a", "b"][..])), some(SUBJECTS, 2), vec(rule(), 1..3), 0..4_u8)
        .prop_map(|(namespace, subjects, rules, side)| Grant { namespace, subjects, rules, side })
}

fn cluster(grants: &[Grant], skip: u8) -> Cluster {
    let mut cluster = Cluster::default();
    for (position, grant) in grants.iter().enumerate().filter(|(_, grant)| grant.side != skip) {
        let role = RoleRef { namespace: None, name: format!("r{position}") };
        cluster.roles.insert(role.clone(), RoleFacts { rules: grant.rules.clone(), ..RoleFacts::default() });
        let kind = if grant.namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
        let key = ObjectKey {
            group: "rbac.authorization.k8s.io".into(),
            kind: kind.into(),
            namespace: grant.namespace.map(str::to_owned),
            name: format!("b{position}"),
        };
        cluster.bindings.insert(
            key,
            BindingFacts { role, subjects: grant.subjects.iter().map(|text| subject(text)).collect(), built_in: false },
        );
    }
    cluster
}

/// Requests over every combination of values, each place with one that no rule mentions.
fn universe() -> Vec<Request> {
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
fn by(request: &Request, subject: &Subject) -> Request {
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

fn check(before: &Cluster, after: &Cluster) {
    let universe = universe();
    let found = delta(before, after);
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
                assert!(spoken_of, "{text}: {request:?} is missing from {changes:#?}");
            }
        }
        // Sound: every single permission reported has a request that one side allows and the other does not.
        for change in changes {
            assert!(!change.because.is_empty(), "{change:?}");
            let subject = match &change.subject {
                SubjectRef::User { name } => Subject::User(name.clone()),
                SubjectRef::Group { name } => Subject::Group(name.clone()),
                SubjectRef::ServiceAccount { namespace, name } => {
                    Subject::ServiceAccount { namespace: namespace.clone(), name: name.clone() }
                }
            };
            for single in singles(change) {
                let witness = universe.iter().filter(|request| holds(&single, request)).any(|request| {
                    let request = by(request, &subject);
                    plainly_allowed(with, &request) && !plainly_allowed(without, &request)
                });
                assert!(witness, "nothing shows {single:#?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_delta_is_the_difference_of_all_answers(grants in vec(grant(), 0..7)) {
        check(&cluster(&grants, 1), &cluster(&grants, 0));
    }

    #[test]
    fn every_answer_is_the_plain_evaluators(grants in vec(grant(), 0..7)) {
        let cluster = cluster(&grants, 9);
        let index = Index::new(&cluster);
        for text in SUBJECTS {
            for request in universe() {
                let request = by(&request, &subject(text));
                let answer = index.allowed(&request);
                assert_eq!(answer.allowed, plainly_allowed(&cluster, &request), "{request:?}");
                assert_eq!(answer.allowed, !answer.because.is_empty());
            }
        }
    }

    #[test]
    fn a_rule_split_into_its_parts_changes_nothing(grants in vec(grant(), 0..7)) {
        let split = |rule: &RoleRule| {
            let mut parts = Vec::new();
            for verb in &rule.verbs {
                for url in &rule.urls {
                    parts.push(RoleRule { verbs: vec![verb.clone()], urls: vec![url.clone()], ..RoleRule::default() });
                }
                for group in &rule.api_groups {
                    for resource in &rule.resources {
                        parts.push(RoleRule { verbs: vec![verb.clone()], api_groups: vec![group.clone()], resources: vec![resource.clone()], ..rule.clone() });
                    }
                }
            }
            parts.reverse();
            parts
        };
        let apart: Vec<_> = grants.iter().map(|grant| Grant { rules: grant.rules.iter().flat_map(split).collect(), ..grant.clone() }).collect();
        assert!(delta(&cluster(&grants, 9), &cluster(&apart, 9)).is_empty());
        assert!(delta(&cluster(&apart, 9), &cluster(&grants, 9)).is_empty());
    }
}

fn lift(objects: impl IntoIterator<Item = Value>) -> Cluster {
    Cluster::lift(&objects.into_iter().map(Object).collect::<Vec<_>>()).0
}

fn objects(role: &str, namespace: Option<&str>, rules: Value, subjects: Value) -> [Value; 2] {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    [
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": role }, "rules": rules }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": role, "namespace": namespace }, "roleRef": { "kind": "ClusterRole", "name": role }, "subjects": subjects }),
    ]
}

#[test]
fn changes_are_put_together_for_reading() {
    let release = json!([
        { "verbs": ["get", "list", "watch"], "apiGroups": ["", "apps"], "resources": ["pods", "deployments"] },
        { "verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments/scale"] },
        { "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["tls", "api"] },
        { "verbs": ["get"], "nonResourceURLs": ["/healthz", "/metrics/*"] },
    ]);
    let devs =
        json!([{ "kind": "Group", "name": "devs" }, { "kind": "ServiceAccount", "name": "ci", "namespace": "x" }]);
    let view = json!([{ "verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods"] }]);
    let everyone = json!([{ "kind": "Group", "name": "system:serviceaccounts" }]);
    let before = lift(objects("view", None, view.clone(), everyone.clone()).into_iter().chain(objects(
        "old",
        Some("x"),
        view.clone(),
        json!([{ "kind": "User", "name": "bob" }]),
    )));
    let after = lift(
        objects("view", None, view, everyone)
            .into_iter()
            .chain(objects("release", Some("x"), release.clone(), devs.clone()))
            .chain(objects("ops", None, release, devs)),
    );
    let delta = delta(&before, &after);
    let lines = |changes: &[AccessChange]| -> Vec<String> {
        changes
            .iter()
            .map(|change| {
                let resources: BTreeSet<_> = change.resources.iter().map(ToString::to_string).collect();
                let targets: Vec<_> = resources.into_iter().chain(change.urls.clone()).collect();
                let names =
                    if change.names.is_empty() { String::new() } else { format!(" named {}", change.names.join(", ")) };
                let scope =
                    change.namespace.clone().map_or("everywhere".to_owned(), |namespace| format!("in {namespace}"));
                let because: Vec<_> = change.because.iter().map(|grant| grant.binding.to_string()).collect();
                format!(
                    "{}: {} on {}{names} {scope} by {}",
                    change.subject,
                    change.verbs.join(", "),
                    targets.join(", "),
                    because.join(", ")
                )
            })
            .collect()
    };
    let text = format!("gained\n{}\nlost\n{}", lines(&delta.gained).join("\n"), lines(&delta.lost).join("\n"));
    insta::assert_snapshot!(text);
    let json = serde_json::to_value(&delta.lost).unwrap();
    insta::assert_json_snapshot!(json);
}

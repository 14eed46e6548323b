//! Questions about RBAC whose answers are Kubernetes' documented behaviour, or its authorizer's source.

use kspec_analysis::access::{Index, Request, allowed};
use kspec_model::{Object, cluster::Cluster};
use serde_json::{Value, json};

fn cluster(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let objects: Vec<_> = objects.into_iter().map(Object).collect();
    let (cluster, problems) = Cluster::lift(&objects);
    assert_eq!(problems, []);
    cluster
}

fn role(namespace: Option<&str>, name: &str, rules: Value) -> Value {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name, "namespace": namespace }, "rules": rules })
}

fn bind(namespace: Option<&str>, role_kind: &str, role: &str, subjects: Value) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": format!("{role}-binding"), "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role }, "subjects": subjects,
    })
}

/// A cluster where `u` is bound to one ClusterRole with one rule, everywhere.
fn one_rule(rule: Value) -> Cluster {
    cluster([role(None, "r", json!([rule])), bind(None, "ClusterRole", "r", json!([{ "kind": "User", "name": "u" }]))])
}

fn ask(fields: Value) -> Request {
    let mut request: Request = serde_json::from_value(fields).unwrap();
    if request.user.is_empty() {
        request.user = "u".to_owned();
    }
    request
}

#[test]
fn rules_match_as_the_authorizer_does() {
    let cases = [
        // (rule's resources, resource, subresource, allowed)
        ("pods", "pods", "", true),
        ("pods", "pods", "log", false),
        ("pods/log", "pods", "log", true),
        ("pods/log", "pods", "", false),
        ("*", "pods", "", true),
        ("*", "pods", "log", true),
        ("*/scale", "deployments", "scale", true),
        ("*/scale", "deployments", "", false),
        ("*/scale", "deployments", "subscale", false),
        ("*/*", "deployments", "scale", false),
        ("pods/*", "pods", "log", false),
        ("pods/*", "pods", "*", true),
        ("pod*", "pods", "", false),
    ];
    for (pattern, resource, subresource, expected) in cases {
        let cluster = one_rule(json!({ "verbs": ["get"], "apiGroups": ["*"], "resources": [pattern] }));
        let request = ask(json!({ "verb": "get", "group": "apps", "resource": resource, "subresource": subresource }));
        assert_eq!(allowed(&cluster, &request).allowed, expected, "{pattern} on {resource}/{subresource}");
    }
}

#[test]
fn urls_match_exactly_or_by_prefix() {
    for (pattern, path, expected) in [
        ("/healthz", "/healthz", true),
        ("/healthz", "/healthz/", false),
        ("/healthz/*", "/healthz", false),
        ("/healthz/*", "/healthz/", true),
        ("/healthz/*", "/healthz/a/b", true),
        ("/health*", "/healthz", true),
        ("*", "/anything", true),
        ("/a**", "/ab", true),
        ("/a*b", "/axb", false),
    ] {
        let cluster = one_rule(json!({ "verbs": ["get"], "nonResourceURLs": [pattern] }));
        let answer = |verb: &str| allowed(&cluster, &ask(json!({ "verb": verb, "path": path }))).allowed;
        assert_eq!((answer("get"), answer("post")), (expected, false), "{pattern} on {path}");
    }
}

#[test]
fn a_role_binding_gives_resources_of_its_namespace_only() {
    let rule = json!([{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }, { "verbs": ["*"], "nonResourceURLs": ["*"] }]);
    let cluster =
        cluster([role(None, "r", rule), bind(Some("a"), "ClusterRole", "r", json!([{ "kind": "User", "name": "u" }]))]);
    let answer = |fields: Value| allowed(&cluster, &ask(fields)).allowed;
    assert!(answer(json!({ "verb": "get", "resource": "pods", "namespace": "a" })));
    assert!(!answer(json!({ "verb": "get", "resource": "pods", "namespace": "b" })));
    assert!(!answer(json!({ "verb": "get", "resource": "pods" })));
    assert!(!answer(json!({ "verb": "get", "path": "/healthz" })));
    assert!(!answer(json!({ "verb": "get", "path": "/healthz", "namespace": "a" })));
}

#[test]
fn names_restrict_requests_that_carry_one_and_refuse_those_without() {
    let cluster = one_rule(
        json!({ "verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["x"] }),
    );
    let answer = |fields: Value| allowed(&cluster, &ask(fields)).allowed;
    assert!(answer(json!({ "verb": "get", "resource": "secrets", "name": "x", "namespace": "n" })));
    assert!(!answer(json!({ "verb": "get", "resource": "secrets", "name": "y", "namespace": "n" })));
    assert!(!answer(json!({ "verb": "list", "resource": "secrets", "namespace": "n" })));
}

#[test]
fn groups_that_authentication_adds_count() {
    let group = |name: &str| json!([{ "kind": "Group", "name": name }]);
    let rule = |verb: &str| json!([{ "verbs": [verb], "apiGroups": [""], "resources": ["pods"] }]);
    let cluster = cluster([
        role(None, "in", rule("in")),
        bind(None, "ClusterRole", "in", group("system:authenticated")),
        role(None, "out", rule("out")),
        bind(None, "ClusterRole", "out", group("system:unauthenticated")),
        role(None, "accounts", rule("accounts")),
        bind(None, "ClusterRole", "accounts", group("system:serviceaccounts")),
        role(None, "accounts-a", rule("accounts-a")),
        bind(None, "ClusterRole", "accounts-a", group("system:serviceaccounts:a")),
        role(None, "account", rule("account")),
        bind(None, "ClusterRole", "account", json!([{ "kind": "ServiceAccount", "namespace": "a", "name": "s" }])),
    ]);
    let index = Index::new(&cluster);
    let verbs = |user: &str, groups: &[&str]| {
        ["in", "out", "accounts", "accounts-a", "account"]
            .into_iter()
            .filter(|verb| {
                index.allowed(&ask(json!({ "user": user, "groups": groups, "verb": verb, "resource": "pods" }))).allowed
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(verbs("alice", &[]), "in");
    assert_eq!(verbs("system:anonymous", &[]), "out");
    assert_eq!(verbs("system:serviceaccount:a:s", &[]), "in accounts accounts-a account");
    assert_eq!(verbs("system:serviceaccount:b:s", &[]), "in accounts");
    assert_eq!(verbs("alice", &["system:masters"]), "in out accounts accounts-a account");
}

#[test]
fn an_answer_names_every_chain() {
    let rule = json!([{ "verbs": ["list"], "apiGroups": [""], "resources": ["pods"] }, { "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }]);
    let cluster = cluster([
        role(None, "reader", rule.clone()),
        role(Some("n"), "reader", rule),
        bind(
            Some("n"),
            "Role",
            "reader",
            json!([{ "kind": "Group", "name": "devs" }, { "kind": "User", "name": "u" }]),
        ),
        bind(None, "ClusterRole", "reader", json!([{ "kind": "Group", "name": "devs" }])),
        bind(Some("n"), "ClusterRole", "gone", json!([{ "kind": "User", "name": "u" }])),
    ]);
    let request = ask(json!({ "groups": ["devs"], "verb": "get", "resource": "pods", "namespace": "n", "name": null }));
    insta::assert_json_snapshot!(allowed(&cluster, &request));
    assert_eq!(
        allowed(&cluster, &ask(json!({ "verb": "delete", "resource": "pods", "namespace": "n" }))),
        kspec_analysis::access::Answer::default()
    );
}

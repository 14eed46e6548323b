//! Chains of abuse: each kind of step leads on, and what is nearly one does not.

use kspec_analysis::abuse::{Answer, Goal, Origin, Path, Paths};
use kspec_model::{Object, cluster::Cluster};
use serde_json::{Value, json};

fn cluster(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let objects: Vec<_> = objects.into_iter().map(Object).collect();
    let (cluster, problems) = Cluster::lift(&objects);
    assert_eq!(problems, []);
    cluster
}

fn role(namespace: Option<&str>, name: &str, rules: &[&str]) -> Value {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let rules: Vec<_> = rules.iter().map(|text| rule(text)).collect();
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name, "namespace": namespace }, "rules": rules })
}

/// `create,get pods/exec named x`, `bind clusterroles.rbac.authorization.k8s.io`; `rbac` stands for that group.
fn rule(text: &str) -> Value {
    let words: Vec<_> = text.split(' ').collect();
    let (resource, sub) = words[1].split_once('/').map_or((words[1], String::new()), |(r, s)| (r, format!("/{s}")));
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let group = match group {
        "rbac" => "rbac.authorization.k8s.io",
        "cert" => "certificates.k8s.io",
        "adm" => "admissionregistration.k8s.io",
        other => other,
    };
    let names: Vec<_> = words.get(3).map(|names| names.split(',').collect()).unwrap_or_default();
    json!({ "verbs": words[0].split(',').collect::<Vec<_>>(), "apiGroups": [group], "resources": [format!("{resource}{sub}")], "resourceNames": names })
}

fn bind(namespace: Option<&str>, name: &str, role: &str, subject: Value) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let (role_kind, role) = role.strip_prefix("Role/").map_or(("ClusterRole", role), |role| ("Role", role));
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name, "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role }, "subjects": [subject],
    })
}

fn user(name: &str) -> Value {
    json!({ "kind": "User", "name": name })
}

fn account(namespace: &str, name: &str) -> Value {
    json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
}

fn namespace(name: &str, level: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": level } } })
}

fn pod(namespace: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

/// Chains one a line: `user u: reads secret … | finds in it …`.
fn lines(paths: &[Path]) -> Vec<String> {
    let origin = |origin: &Origin| match origin {
        Origin::Subject(subject) => subject.to_string(),
        Origin::Workload(key) => format!("{} {}/{}", key.kind, key.namespace.as_deref().unwrap_or_default(), key.name),
    };
    let text = |path: &Path| path.steps.iter().map(|step| step.text.clone()).collect::<Vec<_>>().join(" | ");
    paths.iter().map(|path| format!("{}: {}", origin(&path.from), text(path))).collect()
}

fn to(cluster: &Cluster, goal: &Goal) -> Answer {
    Paths::new(cluster, &[]).to(goal, None)
}

/// The admin's account `ops/root`, the role that makes it so, and whatever else is given.
fn with_admin(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let admin = [role(None, "cluster-admin", &["* *.*"]), bind(None, "root", "cluster-admin", account("ops", "root"))];
    cluster(admin.into_iter().chain(objects))
}

/// What `u` comes to in a cluster with an admin, with these rules everywhere or in namespaces.
fn of_user(rules: &[&str], place: Option<&str>, more: impl IntoIterator<Item = Value>) -> Vec<String> {
    let own = [role(place, "r", rules), bind(place, "b", if place.is_some() { "Role/r" } else { "r" }, user("u"))];
    let cluster = with_admin(own.into_iter().chain(more));
    let lines = lines(&to(&cluster, &Goal::ClusterAdmin).paths);
    lines.into_iter().filter_map(|line| line.strip_prefix("user u: ").map(str::to_owned)).collect()
}

#[test]
fn permissions_that_make_an_admin() {
    let cases: &[(&[&str], Option<&str>, &str)] = &[
        (&["* *.*"], None, "may do everything"),
        (&["create clusterrolebindings.rbac", "bind clusterroles.rbac"], None, "binds itself to cluster-admin"),
        (
            &["create clusterrolebindings.rbac", "bind clusterroles.rbac named cluster-admin"],
            None,
            "binds itself to cluster-admin",
        ),
        (
            &["patch clusterrolebindings.rbac", "bind clusterroles.rbac"],
            None,
            "adds itself to a binding of cluster-admin",
        ),
        (
            &["update clusterroles.rbac", "escalate clusterroles.rbac"],
            None,
            "raises a role of its own to cluster-admin",
        ),
        (&["impersonate users", "impersonate groups"], None, "impersonates group system:masters | may do everything"),
        (&["impersonate serviceaccounts"], Some("ops"), "impersonates service account ops/root | may do everything"),
        (
            &["create serviceaccounts/token"],
            Some("ops"),
            "asks for a token of service account ops/root | may do everything",
        ),
        (
            &["create secrets", "get secrets"],
            Some("ops"),
            "creates a secret for a token of service account ops/root | may do everything",
        ),
        (
            &["create pods"],
            Some("ops"),
            "creates a new pod in namespace ops | runs it as service account ops/root | may do everything",
        ),
        (
            &["create jobs.batch"],
            None,
            "creates a new pod in namespace ops | runs it as service account ops/root | may do everything",
        ),
    ];
    for (rules, place, expected) in cases {
        assert_eq!(of_user(rules, *place, []), [*expected], "{rules:?}");
    }
}

#[test]
fn permissions_that_nearly_do() {
    let cases: &[(&[&str], Option<&str>)] = &[
        (&["create clusterrolebindings.rbac"], None),
        (&["create clusterrolebindings.rbac", "bind clusterroles.rbac named view"], None),
        (&["create clusterrolebindings.rbac named x", "bind clusterroles.rbac"], None),
        (&["create clusterroles.rbac", "escalate clusterroles.rbac"], None),
        (&["update clusterroles.rbac named other", "escalate clusterroles.rbac"], None),
        (&["impersonate groups"], None),
        (&["impersonate userextras.authentication.k8s.io"], None),
        (&["impersonate serviceaccounts"], Some("shop")),
        (&["create serviceaccounts/token named other"], Some("ops")),
        (&["create secrets"], Some("ops")),
        (&["create pods"], Some("shop")),
        (&["create pods named x"], Some("ops")),
        (&["get,list,watch pods,pods/log"], None),
        (&["patch deployments.apps"], Some("ops")),
    ];
    for (rules, place) in cases {
        assert_eq!(of_user(rules, *place, []), [] as [&str; 0], "{rules:?}");
    }
}

#[test]
fn pod_security_holds_a_privileged_pod_back() {
    let deployer = |level: &str| {
        cluster([
            namespace("shop", level),
            role(Some("shop"), "deploy", &["create deployments.apps"]),
            bind(Some("shop"), "deploy", "Role/deploy", user("u")),
            pod("kube-system", "etcd", json!({ "nodeName": "n1" })),
        ])
    };
    let node = Goal::Node(None);
    let open = to(&deployer("privileged"), &node);
    assert_eq!(lines(&open.paths), ["user u: creates a new pod in namespace shop | makes it privileged, on any node"]);
    for level in ["baseline", "restricted", "misspelt"] {
        let held = to(&deployer(level), &node);
        assert_eq!(lines(&held.paths), [] as [&str; 0]);
        let control = held.held_back[0].steps[1].held_back_by.clone().unwrap();
        assert_eq!((control.namespace.as_str(), control.level.as_str()), ("shop", level));
    }
}

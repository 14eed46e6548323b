//! Chains of abuse: each kind of step leads on, and what is nearly one does not.

mod acting;
mod applying;
mod combined;
mod connections;
mod identities;
mod node_ways;
mod nodes;
mod pods;
mod random;
mod refusals;
mod volumes;

use kspec_analysis::abuse::{Answer, Goal, Origin, Path, Paths, Settings};
use kspec_model::{Object, ObjectKey, cluster::Cluster};
use serde_json::{Value, json};

pub(super) fn cluster(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let objects: Vec<_> = objects.into_iter().map(Object).collect();
    let (cluster, problems) = Cluster::lift(&objects);
    assert_eq!(problems, []);
    cluster
}

pub(super) fn role(namespace: Option<&str>, name: &str, rules: &[&str]) -> Value {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let rules: Vec<_> = rules.iter().map(|text| rule(text)).collect();
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name, "namespace": namespace }, "rules": rules })
}

/// `create,get pods/exec named x`, `bind clusterroles.rbac.authorization.k8s.io`; `rbac` stands for that group.
pub(super) fn rule(text: &str) -> Value {
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

pub(super) fn bind(namespace: Option<&str>, name: &str, role: &str, subject: Value) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let (role_kind, role) = role.strip_prefix("Role/").map_or(("ClusterRole", role), |role| ("Role", role));
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name, "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role }, "subjects": [subject],
    })
}

pub(super) fn user(name: &str) -> Value {
    json!({ "kind": "User", "name": name })
}

pub(super) fn account(namespace: &str, name: &str) -> Value {
    json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
}

pub(super) fn namespace(name: &str, level: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": level } } })
}

pub(super) fn pod(namespace: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

/// Chains one a line: `user u: reads secret … | finds in it …`.
pub(super) fn lines(paths: &[Path]) -> Vec<String> {
    let origin = |origin: &Origin| match origin {
        Origin::Subject(subject) => subject.to_string(),
        Origin::Workload(key) => format!("{} {}/{}", key.kind, key.namespace.as_deref().unwrap_or_default(), key.name),
    };
    let text = |path: &Path| path.steps.iter().map(|step| step.text.clone()).collect::<Vec<_>>().join(" | ");
    paths.iter().map(|path| format!("{}: {}", origin(&path.from), text(path))).collect()
}

pub(super) fn to(cluster: &Cluster, goal: &Goal) -> Answer {
    Paths::new(cluster, &Settings { goals: std::slice::from_ref(goal), ..Settings::default() }).to(goal, None)
}

/// The admin's account `ops/root`, the role that makes it so, and whatever else is given.
pub(super) fn with_admin(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let admin = [role(None, "cluster-admin", &["* *.*"]), bind(None, "root", "cluster-admin", account("ops", "root"))];
    cluster(admin.into_iter().chain(objects))
}

/// What `u` comes to in a cluster with an admin, with these rules everywhere or in namespaces.
pub(super) fn of_user(rules: &[&str], place: Option<&str>, more: impl IntoIterator<Item = Value>) -> Vec<String> {
    let own = [role(place, "r", rules), bind(place, "b", if place.is_some() { "Role/r" } else { "r" }, user("u"))];
    let cluster = with_admin(own.into_iter().chain(more));
    let lines = lines(&to(&cluster, &Goal::ClusterAdmin).paths);
    lines.into_iter().filter_map(|line| line.strip_prefix("user u: ").map(str::to_owned)).collect()
}

/// The chains of one origin to a goal.
pub(super) fn chains(cluster: &Cluster, goal: &Goal, origin: &str) -> Vec<String> {
    let begins = format!("{origin}: ");
    lines(&to(cluster, goal).paths).iter().filter_map(|line| line.strip_prefix(&begins)).map(str::to_owned).collect()
}

pub(super) fn grant(place: Option<&str>, name: &str, rules: &[&str], subject: Value) -> [Value; 2] {
    let bound = if place.is_some() { format!("Role/{name}") } else { name.to_owned() };
    [role(place, name, rules), bind(place, name, &bound, subject)]
}

pub(super) fn container(fields: Value) -> Value {
    let mut container = json!({ "name": "c", "image": "i" });
    container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "nodeName": "n1", "automountServiceAccountToken": false, "containers": [container] })
}

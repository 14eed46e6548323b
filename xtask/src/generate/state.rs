//! The objects of a cluster of teams.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::random::Random;
use super::yaml;

/// The files of a state: a namespace each, what has no namespace in one.
pub(super) fn files(objects: usize, seed: u64) -> BTreeMap<String, String> {
    let mut written: BTreeMap<String, String> = BTreeMap::new();
    let teams = (0..).flat_map(|team| team_objects(team, &mut Random::new(seed, team)));
    for object in teams.take(objects) {
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
        let file = namespace.map_or_else(|| "cluster.yaml".to_owned(), |namespace| format!("{namespace}.yaml"));
        written.entry(file).or_default().push_str(&yaml::document(&object));
    }
    written
}

fn team_objects(team: usize, random: &mut Random) -> Vec<Value> {
    let namespace = format!("team-{team}");
    let level = random.pick(&["baseline", "restricted", "privileged"]);
    let port = 8000 + random.below(1000);
    let mut objects = vec![
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": {"team": namespace, "pod-security.kubernetes.io/enforce": level}},
        }),
        in_namespace(&namespace, "v1", "ServiceAccount", "runner", json!({"automountServiceAccountToken": false})),
        in_namespace(&namespace, "v1", "ServiceAccount", "deployer", json!({})),
    ];
    objects.extend(access(&namespace, random));
    for app in ["web", "api", "db"] {
        let replicas = 1 + random.below(5);
        objects.push(deployment(&namespace, app, port, replicas));
        let spec = json!({"selector": {"app": app}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]});
        objects.push(in_namespace(&namespace, "v1", "Service", app, json!({"spec": spec})));
        objects.push(ingress_policy(&namespace, app, port));
    }
    objects.push(in_namespace(
        &namespace,
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "default-deny",
        json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}),
    ));
    objects.push(in_namespace(&namespace, "v1", "ConfigMap", "settings", json!({"data": {"log.level": "info"}})));
    objects
}

fn access(namespace: &str, random: &mut Random) -> Vec<Value> {
    let resource = random.pick(&["deployments", "statefulsets", "daemonsets"]);
    let group = json!({"kind": "Group", "apiGroup": RBAC, "name": format!("oidc:{namespace}")});
    let deployer = json!({"kind": "ServiceAccount", "name": "deployer", "namespace": namespace});
    let release = json!({"rules": [
        {"apiGroups": ["apps"], "resources": [resource], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [""], "resources": ["pods", "configmaps"], "verbs": ["get", "list", "watch"]},
    ]});
    let look = json!({"rules": [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}]});
    let bind = |name: &str, kind: &str, role: &str, subject: &Value| {
        let body = json!({"roleRef": {"apiGroup": RBAC, "kind": kind, "name": role}, "subjects": [subject]});
        in_namespace(namespace, RBAC_V1, "RoleBinding", name, body)
    };
    vec![
        in_namespace(namespace, RBAC_V1, "Role", "release", release),
        in_namespace(namespace, RBAC_V1, "Role", "look", look),
        bind("release", "Role", "release", &deployer),
        bind("look", "Role", "look", &group),
        bind("view", "ClusterRole", "view", &group),
    ]
}

const RBAC: &str = "rbac.authorization.k8s.io";
const RBAC_V1: &str = "rbac.authorization.k8s.io/v1";

fn in_namespace(namespace: &str, api_version: &str, kind: &str, name: &str, mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.insert("apiVersion".to_owned(), api_version.into());
        fields.insert("kind".to_owned(), kind.into());
        fields.insert("metadata".to_owned(), json!({"name": name, "namespace": namespace}));
    }
    body
}

fn deployment(namespace: &str, app: &str, port: usize, replicas: usize) -> Value {
    let container = json!({
        "name": app,
        "image": format!("registry.example.com/{namespace}/{app}:1.0.{replicas}"),
        "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "securityContext": {"allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]}},
    });
    let spec = json!({
        "replicas": replicas,
        "selector": {"matchLabels": {"app": app}},
        "template": {
            "metadata": {"labels": {"app": app}},
            "spec": {"serviceAccountName": "runner", "containers": [container]},
        },
    });
    in_namespace(namespace, "apps/v1", "Deployment", app, json!({"spec": spec}))
}

fn ingress_policy(namespace: &str, app: &str, port: usize) -> Value {
    let from = match app {
        "web" => json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]),
        "api" => json!([{"podSelector": {"matchLabels": {"app": "web"}}}]),
        _ => json!([{"podSelector": {"matchLabels": {"app": "api"}}}]),
    };
    let spec = json!({
        "podSelector": {"matchLabels": {"app": app}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": from, "ports": [{"protocol": "TCP", "port": port}]}],
    });
    in_namespace(namespace, "networking.k8s.io/v1", "NetworkPolicy", &format!("{app}-ingress"), json!({"spec": spec}))
}

//! Objects to judge: good ones, and what they become with a field dropped or changed.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// A pod that uses many fields.
pub(crate) fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "p", "labels": { "app": "a", "team": "b" }, "annotations": { "example.com/x": "y" } },
        "spec": {
            "serviceAccountName": "default",
            "automountServiceAccountToken": false,
            "hostNetwork": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
                "seccompProfile": { "type": "RuntimeDefault" },
                "sysctls": [{ "name": "net.ipv4.tcp_syncookies", "value": "1" }],
            },
            "initContainers": [container("init", "registry.example.com/init:1.2")],
            "containers": [
                container("app", "registry.example.com/app:1.0@sha256:0123456789012345678901234567890123456789012345678901234567890123"),
                container("side", "ghcr.io/platform/side:2"),
            ],
            "volumes": [
                { "name": "tmp", "emptyDir": { "sizeLimit": "64Mi" } },
                { "name": "config", "configMap": { "name": "c" } },
            ],
            "imagePullSecrets": [{ "name": "pull" }],
        },
    })
}

fn container(name: &str, image: &str) -> Value {
    json!({
        "name": name, "image": image, "imagePullPolicy": "Always",
        "ports": [{ "containerPort": 8080, "name": format!("p-{name}"), "protocol": "TCP" }],
        "env": [{ "name": "LEVEL", "value": "info" }],
        "resources": {
            "requests": { "cpu": "100m", "memory": "128Mi" },
            "limits": { "cpu": "1", "memory": "256Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "privileged": false,
            "capabilities": { "drop": ["ALL"], "add": ["NET_BIND_SERVICE"] },
            "runAsUser": 10002, "runAsNonRoot": true,
        },
        "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
    })
}

/// What stands at a path may be replaced by one of these.
fn other_values(name: &str) -> Vec<Value> {
    match name {
        "image" => vec![
            json!("nginx"),
            json!("nginx:latest"),
            json!("docker.io/library/bash:5"),
            json!("localhost:5000/a/b"),
            json!("registry.example.com/x"),
            json!("registry.example.com:5000/x:1"),
            json!("not an image"),
            json!("UPPER/case:1"),
            json!("a/b@sha256:0123456789012345678901234567890123456789012345678901234567890123"),
            json!("ghcr.io/platform"),
            json!("ghcr.io/platform/deep/er:latest"),
            json!("busybox:1.36"),
            json!("x.y/z:tag"),
        ],
        "runAsUser" | "runAsGroup" | "fsGroup" => vec![json!(0), json!(1), json!(9999), json!(10000)],
        "cpu" => vec![json!("0.1"), json!("2"), json!("2000m"), json!("12"), json!(3)],
        "memory" => vec![json!("1Gi"), json!("1024Mi"), json!("0.5Gi"), json!("64Gi"), json!(1_000_000), json!("1e3")],
        "sizeLimit" => vec![json!("20Gi"), json!("1Ti"), json!("5Gi")],
        "containerPort" => vec![json!(80), json!(1023), json!(1024), json!(65535)],
        "privileged"
        | "allowPrivilegeEscalation"
        | "readOnlyRootFilesystem"
        | "runAsNonRoot"
        | "hostNetwork"
        | "automountServiceAccountToken" => vec![json!(true), json!(false)],
        "drop" | "add" => vec![json!([]), json!(["NET_RAW"]), json!(["ALL", "SYS_ADMIN"]), json!(["NET_BIND_SERVICE"])],
        "type" => [
            "Unconfined",
            "RuntimeDefault",
            "Localhost",
            "ClusterIP",
            "NodePort",
            "Opaque",
            "kubernetes.io/tls",
            "kubernetes.io/service-account-token",
        ]
        .map(|text| json!(text))
        .to_vec(),
        "imagePullPolicy" => vec![json!("Always"), json!("Never"), json!("IfNotPresent")],
        "value" => vec![json!("debug"), json!("AKIAIOSFODNN7EXAMPLE"), json!("it's \"quoted\" \\ and long"), json!("")],
        "mountPath" => vec![json!("/var/run"), json!("/tmp/x"), json!("/data")],
        "labels" => vec![json!({}), json!({ "app": "other" }), json!({ "team": "b", "kspec.dev/x": "1" })],
        "annotations" => vec![json!({}), json!({ "other.example.com/é": "ü" }), json!({ "example.com/owner": "me" })],
        "emptyDir" => vec![json!({}), json!({ "medium": "Memory" })],
        "env" => vec![
            json!([{ "name": "PASSWORD", "value": "hunter2" }]),
            json!([{ "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }]),
        ],
        "host" => {
            ["*.example.com", "*", "evil.io", "b.example.com", "deep.a.example.com"].map(|text| json!(text)).to_vec()
        }
        "hosts" => vec![json!(["*.example.com"]), json!(["b.example.com", "c.example.com"])],
        "externalIPs" => vec![json!(["192.0.2.1", "203.0.113.7"])],
        "loadBalancerSourceRanges" => vec![json!(["10.0.0.0/8"]), json!(["::/0"])],
        "ingressClassName" | "storageClassName" => vec![json!("other"), json!("slow")],
        "storage" => vec![json!("1Ti"), json!("100Gi"), json!("107374182401")],
        "accessModes" => vec![json!(["ReadWriteMany"]), json!(["ReadOnlyMany", "ReadWriteOncePod"])],
        "verbs" => vec![json!(["*"]), json!(["get", "watch"]), json!(["create"])],
        "apiGroups" => vec![json!(["*"]), json!(["apps"])],
        "resources" => vec![json!(["*"]), json!(["secrets"]), json!(["pods/exec"])],
        "subjects" => vec![
            json!([{ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:masters" }]),
            json!([{ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:unauthenticated" }]),
            json!([{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:anonymous" }]),
        ],
        "minAvailable" | "maxUnavailable" => vec![json!("100%"), json!(0), json!("50%"), json!(7)],
        "replicas" | "minReplicas" | "maxReplicas" => vec![json!(0), json!(1), json!(51), json!(500)],
        "ttlSecondsAfterFinished" => vec![json!(0), json!(86_400), json!(86_401)],
        "data" => vec![json!({}), json!({ "url": "https://u:p@db.example.com", "KEY": "AKIAIOSFODNN7EXAMPLE" })],
        "stringData" => vec![json!({}), json!({ "password": "p" }), json!({ "username": "u" })],
        _ => Vec::new(),
    }
}

/// Pods by one change each: every field dropped in turn, and every value that has others replaced by each.
pub(crate) fn neighbours(object: &Value) -> Vec<Value> {
    let mut paths = Vec::new();
    collect(object, &mut Vec::new(), &mut paths);
    let mut all = vec![object.clone()];
    for path in &paths {
        let name = path.last().unwrap().trim_start_matches('/');
        let pointer = path.concat();
        let mut dropped = object.clone();
        if remove(&mut dropped, path) {
            all.push(dropped);
        }
        for value in other_values(name) {
            let mut changed = object.clone();
            *changed.pointer_mut(&pointer).unwrap() = value;
            all.push(changed);
        }
    }
    all
}

/// The path of every field and item below `spec` and `metadata`.
fn collect(value: &Value, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let mut step = |name: String, value: &Value, path: &mut Vec<String>| {
        path.push(format!("/{name}"));
        if path.len() > 1 && path.concat() != "/metadata/name" {
            paths.push(path.clone());
        }
        collect(value, path, paths);
        path.pop();
    };
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| step(name.replace('~', "~0").replace('/', "~1"), value, path));
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| step(at.to_string(), value, path)),
        _ => {}
    }
}

fn remove(object: &mut Value, path: &[String]) -> bool {
    let (last, base) = path.split_last().unwrap();
    let last = last.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(&base.concat()) {
        Some(Value::Object(map)) => map.remove(&last).is_some(),
        Some(Value::Array(items)) => {
            items.remove(last.parse().unwrap());
            true
        }
        _ => false,
    }
}

/// A pod with a few changes at once.
pub(crate) fn shaken(random: &mut Random, object: &Value, changes: usize) -> Value {
    let mut current = object.clone();
    for _ in 0..changes {
        let around = neighbours(&current);
        current = around[random.below(around.len())].clone();
    }
    current
}

/// Extra parts of a pod that a few of the generated ones have.
pub(crate) fn variants() -> Vec<Value> {
    let patches = [
        json!({ "hostNetwork": true, "hostPID": true, "hostIPC": true }),
        json!({ "volumes": [{ "name": "tmp", "hostPath": { "path": "/var/run/docker.sock" } }] }),
        json!({ "volumes": [{ "name": "tmp", "hostPath": { "path": "/" } }, { "name": "s", "secret": { "secretName": "x" } }] }),
        json!({ "nodeName": "n", "priorityClassName": "system-cluster-critical" }),
        json!({ "tolerations": [{ "operator": "Exists" }], "nodeSelector": { "node-role.kubernetes.io/control-plane": "" } }),
        json!({ "hostUsers": false, "dnsPolicy": "Default", "terminationGracePeriodSeconds": 5 }),
    ];
    let mut pods = vec![pod()];
    for patch in patches {
        let mut pod = pod();
        pod["spec"].as_object_mut().unwrap().extend(patch.as_object().cloned().unwrap_or_else(Map::new));
        pods.push(pod);
    }
    pods
}

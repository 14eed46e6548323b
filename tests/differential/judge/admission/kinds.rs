//! Objects of other kinds than Pod.

use serde_json::{Value, json};

use super::objects::pod;

/// A kind of object: its group, version and plural, its name, and one of it.
pub(crate) struct Kind {
    pub(crate) resource: (&'static str, &'static str, &'static str),
    pub(crate) kind: &'static str,
    pub(crate) object: Value,
}

fn kind(resource: (&'static str, &'static str, &'static str), kind: &'static str, mut object: Value) -> Kind {
    let (group, version, _) = resource;
    object["apiVersion"] = if group.is_empty() { json!(version) } else { json!(format!("{group}/{version}")) };
    object["kind"] = json!(kind);
    object["metadata"] = json!({
        "name": "x", "labels": { "app": "a", "team": "b" }, "annotations": { "example.com/x": "y" },
    });
    Kind { resource, kind, object }
}

/// What stands in a namespace and stamps no pods.
pub(crate) fn plain() -> Vec<Kind> {
    vec![
        kind(
            ("", "v1", "services"),
            "Service",
            json!({ "spec": {
                "type": "LoadBalancer", "selector": { "app": "a" }, "ports": [{ "port": 80, "targetPort": "http" }],
                "externalIPs": ["203.0.113.7"], "loadBalancerSourceRanges": ["10.0.0.0/8", "0.0.0.0/0"],
            }}),
        ),
        kind(
            ("networking.k8s.io", "v1", "ingresses"),
            "Ingress",
            json!({ "spec": {
                "ingressClassName": "nginx",
                "tls": [{ "hosts": ["a.example.com"], "secretName": "tls" }],
                "rules": [
                    { "host": "a.example.com", "http": { "paths": [backend()] } },
                    { "host": "b.example.com", "http": { "paths": [backend()] } },
                ],
            }}),
        ),
        kind(("", "v1", "configmaps"), "ConfigMap", json!({ "data": { "LEVEL": "info", "password": "hunter2" } })),
        kind(
            ("", "v1", "secrets"),
            "Secret",
            json!({ "type": "kubernetes.io/basic-auth", "stringData": { "username": "u", "password": "p" } }),
        ),
        kind(
            ("", "v1", "persistentvolumeclaims"),
            "PersistentVolumeClaim",
            json!({ "spec": {
                "storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem",
                "resources": { "requests": { "storage": "10Gi" } },
            }}),
        ),
        kind(
            ("", "v1", "serviceaccounts"),
            "ServiceAccount",
            json!({ "automountServiceAccountToken": false, "imagePullSecrets": [{ "name": "pull" }] }),
        ),
        kind(
            ("rbac.authorization.k8s.io", "v1", "roles"),
            "Role",
            json!({ "rules": [
                { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] },
                { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["one"] },
            ]}),
        ),
        kind(
            ("rbac.authorization.k8s.io", "v1", "rolebindings"),
            "RoleBinding",
            json!({
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
                "subjects": [
                    { "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "devs" },
                    { "kind": "ServiceAccount", "name": "default", "namespace": "elsewhere" },
                ],
            }),
        ),
        kind(
            ("policy", "v1", "poddisruptionbudgets"),
            "PodDisruptionBudget",
            json!({ "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": "a" } } } }),
        ),
        kind(
            ("autoscaling", "v2", "horizontalpodautoscalers"),
            "HorizontalPodAutoscaler",
            json!({ "spec": {
                "minReplicas": 2, "maxReplicas": 5,
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "x" },
            }}),
        ),
    ]
}

/// What stamps pods.
pub(crate) fn workloads() -> Vec<Kind> {
    let spec = pod()["spec"].clone();
    let labels = json!({ "app": "a", "team": "b" });
    let selector = json!({ "matchLabels": { "app": "a" } });
    let template = json!({ "metadata": { "labels": labels, "annotations": { "example.com/x": "y" } }, "spec": spec });
    let mut once = template.clone();
    once["spec"]["restartPolicy"] = json!("Never");
    let apps = |plural, name, extra: Value| {
        let mut object = json!({ "spec": { "selector": selector, "template": template } });
        object["spec"].as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap());
        kind(("apps", "v1", plural), name, object)
    };
    vec![
        apps("deployments", "Deployment", json!({ "replicas": 3 })),
        apps("statefulsets", "StatefulSet", json!({ "replicas": 1, "serviceName": "x" })),
        apps("daemonsets", "DaemonSet", json!({})),
        apps("replicasets", "ReplicaSet", json!({ "replicas": 2 })),
        kind(
            ("", "v1", "replicationcontrollers"),
            "ReplicationController",
            json!({ "spec": { "selector": { "app": "a" }, "template": template } }),
        ),
        kind(("batch", "v1", "jobs"), "Job", json!({ "spec": { "template": once, "ttlSecondsAfterFinished": 60 } })),
        kind(
            ("batch", "v1", "cronjobs"),
            "CronJob",
            json!({ "spec": { "schedule": "0 0 * * *", "jobTemplate": { "spec": { "template": once } } } }),
        ),
    ]
}

fn backend() -> Value {
    json!({
        "path": "/", "pathType": "Prefix",
        "backend": { "service": { "name": "a", "port": { "number": 80 } } },
    })
}

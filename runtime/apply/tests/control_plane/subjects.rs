//! What the diff is held against: an object of each kind, and what may become of its fields.

use serde_json::{Value, json};

/// A kind: an object, and what its fields may be instead. `null` takes a field away.
pub(crate) struct Subject {
    pub(crate) object: Value,
    pub(crate) edits: Vec<(&'static str, Vec<Value>)>,
}

/// One of each kind.
pub(crate) fn subjects(namespace: &str) -> Vec<Subject> {
    let at = |name: &str| json!({ "name": name, "namespace": namespace, "labels": { "team": "a", "tier": "x" } });
    let rbac = "rbac.authorization.k8s.io/v1";
    let rules = || {
        vec![
            json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]),
            json!([{ "apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"] }]),
            json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] },
                { "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["a"], "verbs": ["patch"] }]),
            json!([]),
            Value::Null,
        ]
    };
    let subjects = || {
        let group = "rbac.authorization.k8s.io";
        vec![
            json!([{ "apiGroup": group, "kind": "Group", "name": "devs" }]),
            // The group is filled in by default.
            json!([{ "kind": "Group", "name": "devs" }]),
            json!([{ "kind": "ServiceAccount", "name": "ci", "namespace": namespace }, { "apiGroup": group, "kind": "User", "name": "u" }]),
            Value::Null,
        ]
    };
    let quantities =
        || vec![json!("1"), json!("1000m"), json!(1), json!("2Gi"), json!("2048Mi"), json!("500m"), Value::Null];
    let role_ref = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" });
    vec![
        Subject {
            object: json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": format!("{namespace}-n"),
                "labels": { "team": "a", "pod-security.kubernetes.io/enforce": "restricted" } } }),
            edits: vec![(
                "/metadata/labels/pod-security.kubernetes.io~1enforce",
                vec![json!("baseline"), json!("privileged"), Value::Null],
            )],
        },
        Subject {
            object: json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": at("sa"), "automountServiceAccountToken": false }),
            edits: vec![
                ("/automountServiceAccountToken", vec![json!(true), json!(false), Value::Null]),
                (
                    "/imagePullSecrets",
                    vec![json!([{ "name": "a" }]), json!([{ "name": "b" }, { "name": "a" }]), Value::Null],
                ),
                ("/secrets", vec![json!([{ "name": "s" }]), Value::Null]),
            ],
        },
        Subject {
            object: json!({ "apiVersion": rbac, "kind": "Role", "metadata": at("role"), "rules": rules()[1] }),
            edits: vec![("/rules", rules())],
        },
        Subject {
            object: json!({ "apiVersion": rbac, "kind": "ClusterRole", "metadata": { "name": format!("{namespace}:r") }, "rules": rules()[0] }),
            edits: vec![("/rules", rules())],
        },
        Subject {
            object: json!({ "apiVersion": rbac, "kind": "RoleBinding", "metadata": at("binding"), "roleRef": role_ref, "subjects": subjects()[0] }),
            edits: vec![("/subjects", subjects())],
        },
        Subject {
            object: json!({ "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": { "name": format!("{namespace}:b") },
                "roleRef": role_ref, "subjects": subjects()[0] }),
            edits: vec![("/subjects", subjects())],
        },
        Subject {
            object: json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": at("quota"),
                "spec": { "hard": { "pods": "50", "requests.cpu": "20" } } }),
            edits: vec![
                ("/spec/hard/requests.cpu", quantities()),
                ("/spec/hard/limits.memory", quantities()),
                ("/spec/hard/pods", vec![json!("50"), json!(50), json!("5")]),
                ("/spec/scopes", vec![json!(["NotTerminating"]), Value::Null]),
            ],
        },
        Subject {
            object: json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": at("limits"), "spec": { "limits": [
                { "type": "Container", "default": { "cpu": "500m" }, "defaultRequest": { "cpu": "100m" } }] } }),
            edits: vec![(
                "/spec/limits",
                vec![
                    // What is left out of a default is filled in from its neighbour.
                    json!([{ "type": "Container", "default": { "cpu": "0.5" }, "defaultRequest": { "cpu": "100m" } }]),
                    json!([{ "type": "Container", "default": { "cpu": "1" } }]),
                    json!([{ "type": "Container", "max": { "memory": "1Gi" } }, { "type": "Pod", "max": { "cpu": "4" } }]),
                ],
            )],
        },
        Subject {
            object: json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": at("policy"),
                "spec": { "podSelector": { "matchLabels": { "app": "db" } }, "policyTypes": ["Ingress"],
                    "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "app": "api" } } }], "ports": [{ "port": 5432, "protocol": "TCP" }] }] } }),
            edits: vec![
                ("/spec/podSelector/matchLabels/app", vec![json!("db"), json!("web"), Value::Null]),
                (
                    "/spec/podSelector",
                    vec![
                        json!({}),
                        json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["a", "b"] }] }),
                    ],
                ),
                (
                    "/spec/policyTypes",
                    vec![json!(["Ingress"]), json!(["Egress", "Ingress"]), json!(["Ingress", "Egress"])],
                ),
                (
                    "/spec/ingress",
                    vec![
                        json!([]),
                        json!([{}]),
                        // The protocol is filled in by default.
                        json!([{ "ports": [{ "port": 5432 }] }]),
                        json!([{ "ports": [{ "port": 5432, "protocol": "TCP" }] }]),
                        json!([{ "from": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] } }] }]),
                        Value::Null,
                    ],
                ),
                ("/spec/egress", vec![json!([{ "to": [{ "namespaceSelector": {} }] }]), json!([]), Value::Null]),
            ],
        },
        Subject {
            object: json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": at("map"), "data": { "a": "1", "b": "2" } }),
            edits: vec![
                ("/data/a", vec![json!("1"), json!("3"), json!(""), Value::Null]),
                ("/data/c.d~1e", vec![json!("1"), Value::Null]),
                ("/data", vec![json!({}), Value::Null]),
                ("/immutable", vec![json!(false), Value::Null]),
            ],
        },
        Subject {
            object: json!({ "apiVersion": "v1", "kind": "Service", "metadata": at("service"), "spec": { "selector": { "app": "a" },
                "ports": [{ "name": "http", "port": 80, "targetPort": "http" }, { "name": "grpc", "port": 81 }] } }),
            edits: vec![
                (
                    "/spec/ports",
                    vec![
                        json!([{ "name": "grpc", "port": 81 }, { "name": "http", "port": 80, "targetPort": "http", "protocol": "TCP" }]),
                        json!([{ "name": "http", "port": 80, "targetPort": 8080 }]),
                        json!([{ "name": "http", "port": 80 }, { "name": "dns", "port": 53, "protocol": "UDP" }]),
                    ],
                ),
                ("/spec/selector/app", vec![json!("b"), Value::Null]),
                ("/spec/selector/x", vec![json!("y"), Value::Null]),
                ("/spec/sessionAffinity", vec![json!("None"), json!("ClientIP"), Value::Null]),
                ("/spec/type", vec![json!("ClusterIP"), Value::Null]),
            ],
        },
        Subject {
            object: json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": at("web"), "spec": { "replicas": 0,
                "selector": { "matchLabels": { "app": "web" } }, "template": { "metadata": { "labels": { "app": "web" } },
                    "spec": { "containers": [{ "name": "web", "image": "web:1", "env": [{ "name": "A", "value": "1" }] }] } } } }),
            edits: vec![
                ("/spec/replicas", vec![json!(0), json!(1), Value::Null]),
                ("/spec/template/spec/containers/0/image", vec![json!("web:1"), json!("web:2")]),
                (
                    "/spec/template/spec/containers/0/env",
                    vec![
                        json!([{ "name": "B", "value": "2" }, { "name": "A", "value": "1" }]),
                        json!([{ "name": "A", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }]),
                        Value::Null,
                    ],
                ),
                (
                    "/spec/template/spec/containers/0/resources",
                    vec![
                        json!({ "limits": { "cpu": "1000m" } }),
                        json!({ "limits": { "cpu": 1 } }),
                        json!({}),
                        Value::Null,
                    ],
                ),
                (
                    "/spec/template/spec/containers/0/ports",
                    vec![
                        json!([{ "containerPort": 80 }]),
                        json!([{ "containerPort": 80, "protocol": "TCP", "name": "http" }]),
                        Value::Null,
                    ],
                ),
                ("/spec/template/spec/containers/1", vec![json!({ "name": "side", "image": "side:1" }), Value::Null]),
                ("/spec/template/spec/securityContext", vec![json!({ "runAsNonRoot": true }), json!({}), Value::Null]),
                ("/spec/template/spec/tolerations", vec![json!([{ "operator": "Exists" }]), Value::Null]),
                (
                    "/spec/strategy",
                    vec![
                        json!({ "type": "Recreate" }),
                        json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1 } }),
                        Value::Null,
                    ],
                ),
            ],
        },
        Subject {
            object: json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": at("budget"),
                "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": "a" } } } }),
            edits: vec![
                ("/spec/minAvailable", vec![json!("50%"), json!(2)]),
                ("/spec/selector", vec![json!({ "matchLabels": { "app": "b" } }), json!({})]),
                ("/spec/unhealthyPodEvictionPolicy", vec![json!("AlwaysAllow"), Value::Null]),
            ],
        },
        Subject {
            object: json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
                "metadata": { "name": format!("{namespace}.policy") }, "spec": { "failurePolicy": "Fail",
                    "matchConstraints": { "resourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }] },
                    "validations": [{ "expression": "true", "message": "no" }] } }),
            edits: vec![
                ("/spec/failurePolicy", vec![json!("Ignore"), json!("Fail"), Value::Null]),
                (
                    "/spec/validations",
                    vec![
                        json!([{ "expression": "false" }]),
                        json!([{ "expression": "true", "message": "no" }, { "expression": "1 > 0" }]),
                    ],
                ),
                ("/spec/matchConstraints/matchPolicy", vec![json!("Exact"), json!("Equivalent"), Value::Null]),
                (
                    "/spec/variables",
                    vec![
                        json!([{ "name": "a", "expression": "1" }]),
                        json!([{ "name": "b", "expression": "2" }]),
                        Value::Null,
                    ],
                ),
            ],
        },
    ]
}

/// Edits of metadata, which every kind has.
pub(crate) fn common() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("/metadata/labels/team", vec![json!("a"), json!("b"), Value::Null]),
        ("/metadata/labels/example.com~1zone", vec![json!("z"), Value::Null]),
        ("/metadata/annotations/kspec.dev~1purpose", vec![json!("to serve"), json!("to wait"), Value::Null]),
        ("/metadata/annotations", vec![json!({}), Value::Null]),
    ]
}

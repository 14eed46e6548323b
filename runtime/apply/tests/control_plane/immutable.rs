//! What the plan says cannot change, the server refuses to change; what the server lets change, the plan does not refuse.

use kspec_model::Object;
use kspec_plan::{diff_object, is_replaced};
use kspec_schema::{KubeVersion, Schema};
use serde_json::{Value, json};

use crate::fixture::Bench;

const MANAGER: &str = "kspec.immutable";

/// Whether a change is let be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    Change,
    Replace,
    Not,
}

/// An object, and edits of it: a pointer, another value (`null` takes the field away), and what becomes of that.
struct Case {
    object: Value,
    edits: Vec<(&'static str, Value, May)>,
}

fn cases(namespace: &str, unique: &str) -> Vec<Case> {
    use May::{Change, Not, Replace};
    let at = |name: &str| json!({ "name": name, "namespace": namespace });
    let whole = |name: &str| json!({ "name": format!("{unique}-{name}") });
    let labels = json!({ "app": "a" });
    let template =
        json!({ "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "image": "c" }] } });
    let once = json!({ "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "c" }] } });
    let controller = |kind: &str, more: Value| {
        let mut spec = json!({ "selector": { "matchLabels": labels }, "template": template });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": at(&kind.to_lowercase()), "spec": spec })
    };
    let group = "rbac.authorization.k8s.io";
    let role_ref = json!({ "apiGroup": group, "kind": "ClusterRole", "name": "view" });
    let claim = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } });
    let scheduling =
        json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": whole("p"), "value": 5 });
    vec![
        Case {
            object: json!({ "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": at("b"), "roleRef": role_ref }),
            edits: vec![
                ("/roleRef/name", json!("edit"), Replace),
                ("/subjects", json!([{ "apiGroup": group, "kind": "User", "name": "u" }]), Change),
            ],
        },
        Case {
            object: json!({ "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": whole("b"), "roleRef": role_ref }),
            edits: vec![("/roleRef/name", json!("edit"), Replace)],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": at("scoped"),
                "spec": { "hard": { "pods": "1" }, "scopes": ["BestEffort"] } }),
            edits: vec![
                ("/spec/scopes", json!(["NotBestEffort"]), Replace),
                ("/spec/scopes", Value::Null, Replace),
                ("/spec/hard/pods", json!("2"), Change),
            ],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": at("plain"), "spec": { "hard": { "pods": "1" } } }),
            edits: vec![("/spec/scopes", json!(["NotBestEffort"]), Replace)],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": at("sealed"), "data": { "a": "1" }, "immutable": true }),
            edits: vec![
                ("/data/a", json!("2"), Not),
                ("/data/b", json!("2"), Not),
                ("/data", Value::Null, Not),
                ("/immutable", Value::Null, Not),
                ("/metadata/labels", json!({ "a": "b" }), Change),
            ],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": at("open"), "data": { "a": "1" } }),
            edits: vec![("/data/a", json!("2"), Change), ("/immutable", json!(true), Change)],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "Secret", "metadata": at("sealed"), "type": "Opaque", "data": { "a": "MQ==" }, "immutable": true }),
            edits: vec![("/data/a", json!("Mg=="), Not), ("/type", json!("example.com/x"), Not)],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "Pod", "metadata": at("pod"), "spec": template["spec"] }),
            edits: vec![
                ("/spec/containers/0/image", json!("d"), Change),
                ("/spec/containers/0/command", json!(["x"]), Not),
                ("/spec/serviceAccountName", json!("other"), Not),
                ("/spec/nodeSelector", json!({ "a": "b" }), Not),
            ],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "Service", "metadata": at("service"), "spec": { "clusterIP": "None", "selector": { "app": "a" }, "ports": [{ "port": 80 }] } }),
            edits: vec![
                ("/spec/clusterIP", json!("10.0.0.77"), Not),
                ("/spec/clusterIP", Value::Null, Change),
                ("/spec/selector", json!({ "app": "b" }), Change),
            ],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": at("claim"), "spec": claim }),
            edits: vec![
                ("/spec/accessModes", json!(["ReadWriteMany"]), Not),
                ("/spec/volumeMode", json!("Block"), Not),
                ("/spec/selector", json!({ "matchLabels": labels }), Not),
            ],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": at("classed"),
                "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "a", "resources": { "requests": { "storage": "1Gi" } } } }),
            edits: vec![("/spec/storageClassName", json!("b"), Not)],
        },
        Case {
            object: json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": whole("v"),
                "spec": { "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" }, "hostPath": { "path": "/a" } } }),
            edits: vec![("/spec/hostPath/path", json!("/b"), Not), ("/spec/capacity/storage", json!("2Gi"), Change)],
        },
        Case {
            object: controller("Deployment", json!({})),
            edits: vec![
                ("/spec/selector/matchLabels", json!({ "app": "a", "b": "c" }), Not),
                ("/spec/template/spec/containers/0/image", json!("d"), Change),
            ],
        },
        Case {
            object: controller("DaemonSet", json!({})),
            edits: vec![("/spec/selector/matchLabels", json!({ "app": "a", "b": "c" }), Not)],
        },
        Case {
            object: controller("ReplicaSet", json!({})),
            edits: vec![("/spec/selector/matchLabels", json!({ "app": "a", "b": "c" }), Not)],
        },
        Case {
            object: controller("StatefulSet", json!({ "serviceName": "s" })),
            edits: vec![
                ("/spec/selector/matchLabels", json!({ "app": "a", "b": "c" }), Not),
                ("/spec/serviceName", json!("t"), Not),
                ("/spec/podManagementPolicy", json!("Parallel"), Not),
                ("/spec/volumeClaimTemplates", json!([{ "metadata": { "name": "d" }, "spec": claim }]), Not),
                ("/spec/replicas", json!(3), Change),
            ],
        },
        Case {
            object: json!({ "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": at("r"), "revision": 1, "data": { "a": 1 } }),
            edits: vec![("/data/a", json!(2), Not), ("/revision", json!(2), Change)],
        },
        Case {
            object: json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": at("job"), "spec": { "completions": 1, "template": once } }),
            edits: vec![
                ("/spec/template/spec/containers/0/image", json!("d"), Not),
                ("/spec/template/spec/containers/0/env", json!([{ "name": "A", "value": "b" }]), Not),
                ("/spec/completions", json!(2), Not),
                ("/spec/completionMode", json!("Indexed"), Not),
                (
                    "/spec/podFailurePolicy",
                    json!({ "rules": [{ "action": "FailJob", "onExitCodes": { "operator": "In", "values": [3] } }] }),
                    Not,
                ),
                ("/spec/parallelism", json!(2), Change),
                ("/spec/backoffLimit", json!(2), Change),
            ],
        },
        Case {
            object: json!({ "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": whole("i"), "spec": { "controller": "a.b/c" } }),
            edits: vec![("/spec/controller", json!("a.b/d"), Not)],
        },
        Case {
            object: json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": at("e"), "addressType": "IPv4", "endpoints": [] }),
            edits: vec![("/addressType", json!("IPv6"), Not)],
        },
        Case {
            object: json!({ "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": whole("r"), "handler": "a" }),
            edits: vec![("/handler", json!("b"), Not)],
        },
        Case {
            object: scheduling,
            edits: vec![
                ("/value", json!(6), Not),
                ("/preemptionPolicy", json!("Never"), Not),
                ("/description", json!("d"), Change),
            ],
        },
        Case {
            object: json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": whole("s"), "provisioner": "a.b/c", "parameters": { "a": "b" } }),
            edits: vec![
                ("/provisioner", json!("a.b/d"), Not),
                ("/parameters/a", json!("c"), Not),
                ("/reclaimPolicy", json!("Retain"), Not),
                ("/volumeBindingMode", json!("WaitForFirstConsumer"), Not),
                ("/allowVolumeExpansion", json!(true), Change),
            ],
        },
        Case {
            object: json!({ "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass", "metadata": whole("a"), "driverName": "a.b", "parameters": { "a": "b" } }),
            edits: vec![("/driverName", json!("a.c"), Not), ("/parameters/a", json!("c"), Not)],
        },
    ]
}

#[test]
fn the_plan_and_the_server_agree_on_what_cannot_change() {
    let bench = Bench::new("immutable");
    let server = bench.server;
    let version = KubeVersion::parse(&format!("1.{}", server.minor().unwrap())).unwrap_or(KubeVersion::NEWEST);
    let schema = Schema::bundled(version);
    let namespace = server.namespace_for_pods("immutable").unwrap();
    let mut wrong = Vec::new();
    for Case { object, edits } in cases(&namespace, bench.project()) {
        let admin = server.admin();
        let live =
            admin.apply(&object, MANAGER, false).unwrap().ok().unwrap_or_else(|error| panic!("{object}: {error}"));
        for (pointer, value, may) in edits {
            let mut desired = object.clone();
            crate::agreeing::set(&mut desired, pointer, &value);
            let answer = admin.apply(&desired, MANAGER, true).unwrap();
            // Controllers write meanwhile; what they write is not what is asked about.
            let diff = diff_object(&Object(desired.clone()), &Object(live.clone()), &schema, MANAGER);
            let said = match (diff.replaces, diff.immutable.is_empty()) {
                (true, _) => May::Replace,
                (false, false) => May::Not,
                (false, true) => May::Change,
            };
            let about = format!("{} {pointer} {value}", object["kind"]);
            if said != may {
                wrong.push(format!("{about}: {said:?}, not {may:?}: {:?}", diff.changes));
            }
            if answer.is_ok() != (may == May::Change) {
                wrong.push(format!("{about}: the server says {} {}", answer.status, answer.message()));
            }
            if is_replaced(&Object(desired), &live) != (may == May::Replace) {
                wrong.push(format!("{about}: apply takes it otherwise than the plan"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_quota_of_other_scopes_is_made_anew() {
    let bench = Bench::new("scopes");
    let mut work = bench.work();
    bench.apply(&work);
    for wanted in work.wanted.iter_mut().filter(|wanted| wanted.object.kind() == "ResourceQuota") {
        wanted.object.0["spec"] = json!({ "hard": { "pods": "5" }, "scopes": ["NotTerminating"] });
    }
    let report = bench.apply(&work);
    let told = crate::fixture::outcomes(&report);
    assert!(told.contains(&"ResourceQuota quota: replaced".to_owned()), "{told:?}");
    let versions = bench.versions(&work);
    assert_eq!(bench.apply(&work).changed(), 0);
    assert_eq!(bench.versions(&work), versions);
}

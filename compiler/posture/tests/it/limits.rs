//! Quotas, limit ranges and the pods they are about: each finding, and what is nearly one.

use std::borrow::Cow;

use kspec_diagnostics::Severity;
use kspec_model::Object;
use kspec_posture::{ControlPlane, Survey, Surveyed, findings};
use kspec_schema::{KubeVersion, Schema};
use serde_json::{Value, json};

/// Findings of these families: code, severity, message, witness.
fn told(objects: &[Value], codes: &[&str]) -> Vec<String> {
    told_of(objects, codes, None, &[])
}

fn told_of(objects: &[Value], codes: &[&str], whole: Option<ControlPlane>, unread: &[&str]) -> Vec<String> {
    told_by(KubeVersion::NEWEST, objects, codes, whole, unread)
}

fn told_by(
    version: KubeVersion,
    objects: &[Value],
    codes: &[&str],
    whole: Option<ControlPlane>,
    unread: &[&str],
) -> Vec<String> {
    let schema = Schema::bundled(version);
    let objects = objects.iter().map(|value| Surveyed::itself(Cow::Owned(Object(value.clone()))));
    let unread: Vec<String> = unread.iter().map(|line| (*line).to_owned()).collect();
    let survey = Survey::new(objects, &schema).unread(&unread);
    let survey = match whole {
        Some(control_plane) => survey.whole(control_plane),
        None => survey,
    };
    let found = findings(&survey).into_iter().filter(|finding| codes.contains(&finding.code.to_string().as_str()));
    found
        .map(|finding| {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Information => "note",
            };
            let witness = finding.witness.map(|witness| witness.steps.join(" | ")).unwrap_or_default();
            format!("{} {severity}: {}\n  {witness}", finding.code, finding.message)
        })
        .collect()
}

fn namespace(name: &str) -> Value {
    let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
}

fn quota(hard: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "q", "namespace": "shop" }, "spec": { "hard": hard } })
}

fn range(item: Value) -> Value {
    let mut item = item;
    item["type"] = json!("Container");
    json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "l", "namespace": "shop" }, "spec": { "limits": [item] } })
}

fn deployment(replicas: i64, resources: Value) -> Value {
    let container = json!({ "name": "c", "image": "registry.example.com/c:1", "resources": resources });
    let template = json!({ "metadata": { "labels": { "app": "api" } }, "spec": { "containers": [container] } });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "api", "namespace": "shop" },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": "api" } }, "template": template },
    })
}

#[test]
fn what_a_quota_demands_and_nobody_gives() {
    let code = &["K0703"];
    let demands = || quota(json!({ "limits.memory": "8Gi", "pods": "10" }));
    assert_eq!(
        told(&[namespace("shop"), demands(), deployment(1, json!({}))], code),
        [
            "K0703 error: the quota shop/q bounds limits.memory, which pods there need not set\n  the pods of Deployment shop/api are refused: failed quota: q: must specify limits.memory for: c"
        ]
    );
    let states = deployment(1, json!({ "limits": { "memory": "1Gi" } }));
    assert_eq!(
        told(&[namespace("shop"), demands(), states], code),
        [
            "K0703 warning: the quota shop/q bounds limits.memory, which pods there need not set\n  a pod whose container says nothing is refused: failed quota: q: must specify limits.memory"
        ]
    );
    let given = range(json!({ "default": { "memory": "256Mi" } }));
    assert!(told(&[namespace("shop"), demands(), given, deployment(1, json!({}))], code).is_empty());
    // A default request is no limit; a limit is a request too.
    let request = range(json!({ "defaultRequest": { "memory": "256Mi" } }));
    assert_eq!(told(&[namespace("shop"), demands(), request, deployment(1, json!({}))], code).len(), 1);
    let limit = deployment(1, json!({ "limits": { "memory": "1Gi" } }));
    let warned = told(&[namespace("shop"), quota(json!({ "requests.memory": "8Gi" })), limit], code);
    assert!(warned[0].starts_with("K0703 warning"), "{warned:?}");
    assert!(told(&[namespace("shop"), quota(json!({ "pods": "8", "count/secrets": "9" }))], code).is_empty());
    // A limit range that was not read may give it.
    let unread =
        told_of(&[namespace("shop"), demands(), deployment(9, json!({}))], code, None, &["limitranges: forbidden"]);
    assert!(unread.is_empty(), "{unread:?}");
    // A quota of pods that end by themselves does not count those that do not.
    let mut scoped = demands();
    scoped["spec"]["scopes"] = json!(["Terminating"]);
    let warned = told(&[namespace("shop"), scoped, deployment(1, json!({}))], code);
    assert!(warned[0].starts_with("K0703 warning"), "{warned:?}");
}

#[test]
fn what_is_stated_of_the_whole_pod_no_quota_demands_of_containers() {
    let quota = || quota(json!({ "requests.cpu": "4", "limits.cpu": "8" }));
    let stating = |resources: Value| {
        let mut deployment = deployment(1, json!({}));
        deployment["spec"]["template"]["spec"]["resources"] = resources;
        [namespace("shop"), quota(), deployment]
    };
    let whole = || stating(json!({ "requests": { "cpu": "1" }, "limits": { "cpu": "2" } }));
    let by = |version, objects: &[Value]| told_by(version, objects, &["K0703"], None, &[])[0].clone();
    assert!(by(KubeVersion::NEWEST, &whole()).starts_with("K0703 warning"));
    assert!(by(KubeVersion::V1_34, &whole()).starts_with("K0703 warning"));
    assert!(by(KubeVersion::V1_33, &whole()).starts_with("K0703 error"));
    assert!(by(KubeVersion::NEWEST, &stating(json!({ "limits": {} }))).starts_with("K0703 error"));
    // A container may then take no more than its pod.
    let limited = stating(json!({ "limits": { "memory": "1Gi" } }));
    assert!(told(&limited, &["K0704"])[0].ends_with("may be scaled until the cluster is full"));
}

#[test]
fn a_quota_of_some_pods_says_which() {
    let mut scoped = quota(json!({ "limits.memory": "8Gi" }));
    let high = json!({ "scopeName": "PriorityClass", "operator": "In", "values": ["high"] });
    scoped["spec"]["scopeSelector"] = json!({ "matchExpressions": [high] });
    assert_eq!(
        told(&[namespace("shop"), scoped, deployment(1, json!({}))], &["K0703"]),
        [
            "K0703 warning: the quota shop/q bounds limits.memory, which pods there of its scope (PriorityClass in high) need not set\n  a pod of its scope (PriorityClass in high) whose container says nothing is refused: failed quota: q: must specify limits.memory"
        ]
    );
}

#[test]
fn what_is_not_about_pods_bounds_none() {
    let told = |quota_hard: Value, limits: Value| {
        let range = json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "l", "namespace": "shop" }, "spec": { "limits": limits } });
        let found = told(&[namespace("shop"), quota(quota_hard), range, deployment(1, json!({}))], &["K0704"]).pop();
        found.map(|text| text.lines().next().unwrap_or_default().to_owned())
    };
    let claims = || json!([{ "type": "PersistentVolumeClaim", "max": { "storage": "1Gi" } }]);
    let containers = || json!([{ "type": "Container", "max": { "memory": "1Gi" } }]);
    let without = |what: &str| Some(format!("K0704 note: the namespace `shop` has no {what}"));
    let both = without("quota that bounds its pods and no limit range for its containers");
    assert_eq!(told(json!({ "count/configmaps": "9" }), claims()), both);
    assert_eq!(told(Value::Null, json!([])), both);
    assert_eq!(told(json!({ "pods": "9" }), json!([])), without("limit range for its containers"));
    assert_eq!(told(json!({ "services": "9" }), containers()), without("quota that bounds its pods"));
    assert_eq!(told(json!({ "limits.memory": "9Gi" }), containers()), None);
}

#[test]
fn a_namespace_without_bounds() {
    let code = &["K0704"];
    assert_eq!(
        told(&[namespace("shop"), deployment(1, json!({}))], code),
        [
            "K0704 note: the namespace `shop` has no quota and no limit range\n  the container `c` of Deployment shop/api may take all memory of its node"
        ]
    );
    let limited = deployment(1, json!({ "limits": { "memory": "1Gi" } }));
    assert_eq!(
        told(&[namespace("shop"), range(json!({ "max": { "memory": "2Gi" } })), limited], code),
        [
            "K0704 note: the namespace `shop` has no quota\n  Deployment shop/api may be scaled until the cluster is full"
        ]
    );
    let bounded = [
        namespace("shop"),
        quota(json!({ "pods": "9" })),
        range(json!({ "max": { "memory": "1Gi" } })),
        deployment(1, json!({})),
    ];
    assert!(told(&bounded, code).is_empty());
    assert!(told(&[namespace("shop")], code).is_empty(), "no pods");
    let mut system = deployment(1, json!({}));
    system["metadata"]["namespace"] = json!("kube-system");
    assert!(told(&[system], code).is_empty());
    // What was not read may be there.
    assert!(
        told_of(&[namespace("shop"), deployment(1, json!({}))], code, None, &["limitranges: forbidden"]).is_empty()
    );
}

#[test]
fn a_request_above_the_default_limit() {
    let code = &["K0705"];
    let defaults = || range(json!({ "default": { "memory": "256Mi", "cpu": "1" } }));
    let asks = |memory: &str| deployment(1, json!({ "requests": { "memory": memory } }));
    assert_eq!(
        told(&[namespace("shop"), defaults(), asks("0.5Gi")], code),
        [
            "K0705 error: the container `c` of Deployment shop/api asks for memory 512Mi, above the limit of 256Mi that it is given\n  the API server refuses its pods: `spec.containers[…].resources.requests.memory` must be less than or equal to memory limit of 256Mi"
        ]
    );
    assert!(told(&[namespace("shop"), defaults(), asks("256Mi")], code).is_empty());
    let both = deployment(1, json!({ "requests": { "memory": "512Mi" }, "limits": { "memory": "1Gi" } }));
    assert!(told(&[namespace("shop"), defaults(), both], code).is_empty());
    assert!(told(&[namespace("shop"), range(json!({ "max": { "cpu": "1" } })), asks("1Gi")], code).is_empty());
}

#[test]
fn replicas_that_do_not_fit() {
    let code = &["K0706"];
    let each = || json!({ "requests": { "cpu": "500m", "memory": "1Gi" } });
    let of = |replicas, hard| told(&[namespace("shop"), quota(hard), deployment(replicas, each())], code);
    assert_eq!(
        of(5, json!({ "requests.cpu": "2" })),
        [
            "K0706 error: the quota shop/q allows requests.cpu 2, and the pods there need 2500m\n  Deployment shop/api: 5 × 500m"
        ]
    );
    // A quarter more, rounded up, while it is updated: of three none may be away, of four one.
    assert_eq!(
        of(3, json!({ "memory": "3Gi" })),
        [
            "K0706 warning: the quota shop/q allows memory 3Gi, and a rolling update of Deployment shop/api needs 4Gi\n  Deployment shop/api: 3 × 1Gi | 1 more of Deployment shop/api while it is updated (maxSurge)"
        ]
    );
    assert!(of(4, json!({ "memory": "4Gi" })).is_empty());
    assert!(of(4, json!({ "memory": "5Gi", "requests.cpu": "2500m", "pods": "5" })).is_empty());
    assert!(of(4, json!({ "limits.cpu": "1", "requests.storage": "1Gi", "count/secrets": "1" })).is_empty());
    let mut recreated = deployment(4, each());
    recreated["spec"]["strategy"] = json!({ "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
    assert_eq!(told(&[namespace("shop"), quota(json!({ "pods": "4" })), recreated.clone()], code).len(), 1);
    recreated["spec"]["strategy"] = json!({ "type": "Recreate" });
    assert!(told(&[namespace("shop"), quota(json!({ "pods": "4" })), recreated], code).is_empty());
    // An autoscaler sets more; its pods count once, not again with those that are there.
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "api", "namespace": "shop" },
        "spec": { "maxReplicas": 9, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "api" } },
    });
    let owned = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "name": "api-1", "namespace": "shop", "ownerReferences": [{
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "uid": "1", "controller": true,
        }] },
        "spec": { "replicas": 4, "selector": { "matchLabels": { "app": "api" } }, "template": deployment(1, each())["spec"]["template"] },
    });
    let nine =
        told(&[namespace("shop"), quota(json!({ "pods": "8" })), deployment(4, each()), scaler.clone(), owned], code);
    assert!(nine[0].contains("allows pods 8, and the pods there need 9"), "{nine:?}");
    let mut idle = deployment(0, each());
    idle["metadata"]["name"] = json!("api");
    let idle = [namespace("shop"), quota(json!({ "pods": "1" })), idle, scaler.clone()];
    assert_eq!(told(&idle, code), Vec::<String>::new());
    // What runs before counts where it is more than what runs.
    let mut before = deployment(1, each());
    before["spec"]["template"]["spec"]["initContainers"] =
        json!([{ "name": "i", "image": "i", "resources": { "requests": { "cpu": "3" } } }]);
    let peak = told(&[namespace("shop"), quota(json!({ "cpu": "2" })), before], code);
    assert!(peak[0].contains("need 3"), "{peak:?}");
}

#[test]
fn what_is_over_or_suspended_takes_no_quota() {
    let spec =
        json!({ "restartPolicy": "Never", "containers": [{ "name": "c", "image": "registry.example.com/c:1" }] });
    let job = |fields: Value, status: Value| {
        let mut body = fields;
        body["template"] = json!({ "spec": spec });
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j", "namespace": "shop" }, "spec": body, "status": status })
    };
    let pod = |phase: &str| json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "shop" }, "spec": spec, "status": { "phase": phase } });
    let cron = |suspend: bool| {
        let template = job(json!({}), json!({}))["spec"].clone();
        json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "c", "namespace": "shop" }, "spec": { "schedule": "@daily", "suspend": suspend, "jobTemplate": { "spec": template } } })
    };
    let ended = |kind: &str| json!({ "conditions": [{ "type": kind, "status": "True" }] });
    let is_too_much = |object: Value, pods: &str| {
        !told(&[namespace("shop"), quota(json!({ "pods": pods })), object], &["K0706"]).is_empty()
    };
    for (object, pods, expected) in [
        (job(json!({}), json!({})), "0", true),
        (job(json!({}), ended("Complete")), "0", false),
        (job(json!({}), ended("Failed")), "0", false),
        (job(json!({}), json!({ "conditions": [{ "type": "Complete", "status": "False" }] })), "0", true),
        (job(json!({ "suspend": true }), json!({})), "0", false),
        (job(json!({ "parallelism": 3, "completions": 2 }), json!({})), "2", false),
        (job(json!({ "parallelism": 3 }), json!({})), "2", true),
        (pod("Running"), "0", true),
        (pod("Succeeded"), "0", false),
        (pod("Failed"), "0", false),
        (cron(false), "0", true),
        (cron(true), "0", false),
    ] {
        assert_eq!(is_too_much(object.clone(), pods), expected, "{object}");
    }
}

#[test]
fn a_quota_on_requests_alone() {
    let code = &["K0707"];
    let of = |hard| told(&[namespace("shop"), quota(hard)], code);
    assert_eq!(
        of(json!({ "requests.cpu": "4", "memory": "8Gi" })),
        [
            "K0707 note: the quota shop/q bounds requests of cpu and memory, and no limits\n  a pod that requests next to nothing may take all cpu and memory of its node"
        ]
    );
    assert!(of(json!({ "requests.cpu": "4", "limits.cpu": "8" })).is_empty());
    assert!(of(json!({ "pods": "4", "limits.memory": "8Gi" })).is_empty());
}

#[test]
fn a_namespace_of_others_without_a_level() {
    let plain = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } });
    let told = |namespace| told(&[namespace], &["K0301"]);
    assert_eq!(
        told(plain.clone()),
        ["K0301 warning: the namespace `shop` enforces no Pod Security level\n  a privileged pod in `shop` is admitted".replace("warning", "note")]
    );
    assert!(told(namespace("shop")).is_empty());
    let mut system = plain;
    system["metadata"]["name"] = json!("kube-system");
    assert!(told(system).is_empty());
}

#[test]
fn what_is_nowhere_in_a_cluster() {
    let codes = &["K0523", "K0524", "K0805", "K0901"];
    let found = |objects: &[Value], whole, unread: &[&str]| -> Vec<String> {
        told_of(objects, codes, whole, unread).iter().map(|text| text.chars().take(5).collect()).collect()
    };
    let silent = Some(ControlPlane { audits: Some(false), encryption: None });
    assert_eq!(found(&[deployment(1, json!({}))], silent, &[]), ["K0523", "K0805", "K0524", "K0901"]);
    assert!(found(&[deployment(1, json!({}))], None, &[]).is_empty(), "a program alone");
    let unseen = Some(ControlPlane::default());
    assert_eq!(
        found(
            &[],
            unseen.clone(),
            &["pods: forbidden", "validatingadmissionpolicies.admissionregistration.k8s.io: forbidden"]
        ),
        [""; 0]
    );
    let running = |image: &str| {
        let mut daemon = deployment(1, json!({}));
        daemon["kind"] = json!("DaemonSet");
        daemon["metadata"]["name"] = json!(image.len().to_string());
        daemon["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        daemon
    };
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "w" }, "webhooks": [],
    });
    let all = [
        running("docker.io/falcosecurity/falco:0.43.0"),
        running("ghcr.io/aquasecurity/trivy-operator:0.30@sha256:a"),
        webhook,
    ];
    assert!(found(&all, Some(ControlPlane { audits: Some(true), encryption: None }), &[]).is_empty());
    // A name that only ends alike is another program.
    let near = [
        running("docker.io/shop/not-falco:1"),
        running("falco.example.com/shop/api"),
        running("registry:5000/shop/retrivy"),
    ];
    assert_eq!(found(&near, unseen, &[]), ["K0523", "K0524", "K0901"]);
}

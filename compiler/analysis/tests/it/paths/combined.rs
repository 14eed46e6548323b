//! What takes a pod and besides what its account may do, custom resources, and scopes that labels tell.

use kspec_analysis::{abuse::DynamicGrant, access::SubjectRef};
use kspec_model::{LabelSelector, program::RoleRef};

use super::*;

fn none() -> [&'static str; 0] {
    []
}

fn mount(path: &str, read_only: bool) -> Value {
    let mounts = json!([{ "name": "h", "mountPath": "/h", "readOnly": read_only }]);
    json!({
        "nodeName": "n1", "serviceAccountName": "agent", "volumes": [{ "name": "h", "hostPath": { "path": path } }],
        "containers": [{ "name": "c", "image": "i", "volumeMounts": mounts }],
    })
}

fn etcd() -> Value {
    let mut pod = pod("kube-system", "etcd", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
    pod["metadata"]["labels"] = json!({ "component": "etcd" });
    pod
}

#[test]
fn links_among_the_logs_are_followed_by_the_kubelet() {
    let with = |path: &str, read_only: bool, rule: &str| {
        let all = grant(None, "agent", &[rule], account("ops", "agent"));
        chains(
            &cluster(all.into_iter().chain([pod("ops", "agent", mount(path, read_only)), etcd()])),
            &Goal::ClusterAdmin,
            "Pod ops/agent",
        )
    };
    let way =
        ["reads through a link among the logs every file of node n1 | takes the control plane's keys, which lie there"];
    for rule in ["get pods/log", "get nodes/log", "get nodes/proxy named n1"] {
        assert_eq!(with("/var/log", false, rule).first().map(String::as_str), Some(way[0]), "{rule}");
    }
    assert_eq!(with("/var/log/", true, "get pods/log"), none());
    assert_eq!(with("/var/logs", false, "get pods/log"), none());
    assert_eq!(with("/var/log", false, "get pods"), none());
    assert_eq!(with("/var/log", false, "get nodes/log named n2"), none());
}

#[test]
fn pods_are_steered_to_a_node_that_is_held() {
    let with = |privileged: bool, rule: &str| {
        let own = grant(None, "agent", &[rule], account("net", "agent"));
        let mut spec = container(json!({ "securityContext": { "privileged": privileged } }));
        spec["serviceAccountName"] = json!("agent");
        spec["automountServiceAccountToken"] = json!(true);
        let root = pod("ops", "root", json!({ "serviceAccountName": "root", "nodeName": "n2" }));
        chains(
            &with_admin(own.into_iter().chain([pod("net", "agent", spec), root])),
            &Goal::ClusterAdmin,
            "Pod net/agent",
        )
    };
    let way = [
        "keeps pods off the other nodes, and enters on its own Pod ops/root | uses the token there of service account ops/root | may do everything",
    ];
    for rule in ["patch nodes", "update nodes", "patch nodes/status"] {
        assert_eq!(with(true, rule), way, "{rule}");
    }
    assert_eq!(with(false, "patch nodes"), none());
    assert_eq!(with(true, "patch nodes named n1"), none());
    assert_eq!(with(true, "get nodes"), none());
}

#[test]
fn memory_is_shared_with_whoever_shares_it() {
    let with = |own: bool, others: bool, node: &str| {
        let spec = |ipc: bool, node: &str, account: &str| json!({ "hostIPC": ipc, "nodeName": node, "serviceAccountName": account, "automountServiceAccountToken": account == "root" });
        let pods = [pod("ops", "a", spec(own, "n1", "a")), pod("ops", "b", spec(others, node, "root"))];
        chains(&with_admin(pods), &Goal::ClusterAdmin, "Pod ops/a")
    };
    assert_eq!(
        with(true, true, "n1"),
        [
            "alters the memory that it shares with Pod ops/b | uses the token there of service account ops/root | may do everything"
        ]
    );
    assert_eq!(with(false, true, "n1"), none());
    assert_eq!(with(true, false, "n1"), none());
    assert_eq!(with(true, true, "n2"), none());
}

fn webhook(kind: &str, resource: &str, selector: Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": "hook" },
        "webhooks": [{
            "name": "h", "namespaceSelector": selector,
            "clientConfig": { "service": { "namespace": "hooks", "name": "hook" } },
            "rules": [{ "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": [resource] }],
        }],
    })
}

#[test]
fn whoever_answers_for_a_webhook_alters_what_it_is_asked_about() {
    let with = |kind: &str, resource: &str, selector: Value, label: &str| {
        let mut server = pod("hooks", "server", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
        server["metadata"]["labels"] = json!({ "app": label });
        let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "hook", "namespace": "hooks" }, "spec": { "selector": { "app": "hook" }, "ports": [{ "port": 443 }] } });
        let all = with_admin([server, service, webhook(kind, resource, selector)]);
        chains(&all, &Goal::ClusterAdmin, "Pod hooks/server")
    };
    let (alters, sees) = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration");
    assert_eq!(
        with(alters, "pods", json!({}), "hook"),
        ["answers for a webhook: a new pod in namespace ops | runs it as service account ops/root | may do everything"]
    );
    let ops = json!({ "matchLabels": { "kubernetes.io/metadata.name": "ops" } });
    assert_eq!(with(alters, "pods", ops, "hook").len(), 1);
    let hooks = json!({ "matchLabels": { "kubernetes.io/metadata.name": "hooks" } });
    assert_eq!(with(alters, "pods", hooks, "hook"), none());
    assert_eq!(with(alters, "services", json!({}), "hook"), none());
    assert_eq!(with(alters, "pods", json!({}), "other"), none());
    assert_eq!(with(sees, "pods", json!({}), "hook"), none());
}

fn definition(plural: &str, group: &str) -> Value {
    json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": format!("{plural}.{group}") } })
}

#[test]
fn custom_resources_that_become_pods() {
    let way = ["creates a new pod in namespace ops | runs it as service account ops/root | may do everything"];
    for (plural, group) in
        [("rollouts", "argoproj.io"), ("services", "serving.knative.dev"), ("taskruns", "tekton.dev")]
    {
        let rule = format!("create {plural}.{group}");
        assert_eq!(of_user(&[&rule], Some("ops"), [definition(plural, group)]), way, "{rule}");
        // Where nothing defines it, nothing comes of it; and it is said.
        assert_eq!(of_user(&[&rule], Some("ops"), []), none());
    }
    let rollout = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": { "name": "web", "namespace": "ops" }, "spec": { "template": { "spec": { "containers": [] } } } });
    assert_eq!(
        of_user(&["patch rollouts.argoproj.io named web"], Some("ops"), [rollout.clone()]),
        [
            "rewrites a controller's template: a new pod in namespace ops | runs it as service account ops/root | may do everything"
        ]
    );
    assert_eq!(of_user(&["patch rollouts.argoproj.io named other"], Some("ops"), [rollout.clone()]), none());
    let converts = |rule: &str, more: Vec<Value>| of_user(&[rule], None, more);
    assert_eq!(
        converts("patch customresourcedefinitions.apiextensions.k8s.io", vec![rollout.clone()]),
        [
            "alters custom resources by their conversion: a new pod in namespace ops | runs it as service account ops/root | may do everything"
        ]
    );
    for nearly in [
        ("patch customresourcedefinitions.apiextensions.k8s.io", vec![]),
        ("patch customresourcedefinitions.apiextensions.k8s.io named widgets.example.com", vec![rollout.clone()]),
        ("create customresourcedefinitions.apiextensions.k8s.io", vec![rollout]),
    ] {
        assert_eq!(converts(nearly.0, nearly.1), none());
    }
}

#[test]
fn what_is_not_known_is_said() {
    let rules = ["create widgets.example.com", "create rollouts.argoproj.io", "get gadgets.example.com"];
    let all = grant(None, "r", &rules, user("u"));
    let defined = [definition("widgets", "example.com"), definition("gadgets", "example.com")];
    let cluster = cluster(all.into_iter().chain(defined));
    let unknown = Paths::new(&cluster, &Settings::default()).not_followed();
    assert_eq!(unknown.custom, ["widgets.example.com"]);
    assert_eq!(unknown.not_defined, ["rollouts.argoproj.io"]);
}

#[test]
fn whoever_labels_namespaces_joins_the_scopes_of_their_grants() {
    let with = |rules: &[&str], place: Option<&str>, to: &str| {
        let dynamic = [DynamicGrant {
            scope: LabelSelector {
                match_labels: [("team".to_owned(), "a".to_owned())].into(),
                match_expressions: vec![],
            },
            role: RoleRef { namespace: None, name: "runner".to_owned() },
            subjects: vec![SubjectRef::User { name: to.to_owned() }],
        }];
        let own = grant(place, "r", rules, user("u")).into_iter().chain([role(None, "runner", &["create pods"])]);
        let cluster = with_admin(own);
        let settings = Settings { dynamic: &dynamic, ..Settings::default() };
        let user = Origin::Subject(SubjectRef::User { name: "u".to_owned() });
        lines(&Paths::new(&cluster, &settings).to(&Goal::ClusterAdmin, Some(&user)).paths)
    };
    let end = "creates a new pod in namespace ops | runs it as service account ops/root | may do everything";
    assert_eq!(
        with(&["patch namespaces"], None, "u"),
        [format!(
            "user u: labels a namespace into the scope of a grant: ClusterRole runner in every namespace | {end}"
        )]
    );
    assert_eq!(
        with(&["patch namespaces named ops"], Some("ops"), "u"),
        [format!("user u: labels a namespace into the scope of a grant: ClusterRole runner in namespace ops | {end}")]
    );
    assert_eq!(with(&["get namespaces"], None, "u"), none());
    assert_eq!(with(&["patch namespaces"], None, "v"), none());
    assert_eq!(with(&["patch namespaces"], Some("shop"), "u"), none());
}

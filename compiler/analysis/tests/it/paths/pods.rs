//! What pods, nodes and namespaces lead to, and what holds it back.

use kspec_analysis::abuse::{Attempt, Controls, Refusal, Refuser};
use kspec_model::cluster::PodSecurityDefaults;

use super::*;

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
        assert_eq!(control.to_string(), format!("Pod Security level {level} of namespace shop"));
    }
}

#[test]
fn a_kubelets_certificate_reads_what_its_pods_hold() {
    let rules = ["create certificatesigningrequests.cert", "update certificatesigningrequests.cert/approval"];
    let signer = "approve signers.cert named kubernetes.io/kube-apiserver-client-kubelet";
    let with = |spec: Value| {
        let rules: Vec<_> = rules.iter().copied().chain([signer]).collect();
        let all = grant(None, "r", &rules, user("u")).into_iter().chain([pod("shop", "p", spec)]);
        chains(&cluster(all), &Goal::Secret { namespace: None, name: None }, "user u")
    };
    let mounts = json!({ "automountServiceAccountToken": false, "containers": [{ "name": "c", "envFrom": [{ "secretRef": { "name": "s" } }] }] });
    assert_eq!(
        with(mounts),
        ["approves a certificate for itself as what the node it runs on keeps of its pods | finds there secret shop/s"]
    );
    assert_eq!(with(json!({ "automountServiceAccountToken": false })), [] as [&str; 0]);
}

#[test]
fn pods_that_run_are_entered() {
    let root = || pod("ops", "web", json!({ "serviceAccountName": "root", "nodeName": "n1" }));
    let way =
        |say: &str| format!("{say} Pod ops/web | uses the token there of service account ops/root | may do everything");
    for (rule, say) in [
        ("create pods/exec", "runs a command in"),
        ("create pods/exec named web", "runs a command in"),
        ("create pods/attach", "attaches to"),
        ("update pods/ephemeralcontainers", "adds a container to"),
        ("patch pods/ephemeralcontainers named web", "adds a container to"),
        ("patch pods", "changes the image of"),
    ] {
        assert_eq!(of_user(&[rule], Some("ops"), [root()]), [way(say)], "{rule}");
    }
    for rule in ["get nodes/proxy", "create nodes/proxy", "get nodes/proxy named n1"] {
        assert_eq!(of_user(&[rule], None, [root()]), [way("runs a command through the kubelet in")], "{rule}");
    }
    for rule in [
        "create pods/exec named other",
        "get pods/attach",
        "create pods/portforward",
        "get pods/log",
        "get pods/ephemeralcontainers",
    ] {
        assert_eq!(of_user(&[rule], Some("ops"), [root()]), [] as [&str; 0], "{rule}");
    }
    for rule in ["get nodes", "get nodes/stats", "get nodes/proxy named n2"] {
        assert_eq!(of_user(&[rule], None, [root()]), [] as [&str; 0], "{rule}");
    }
    for rule in ["get pods/exec", "get pods/attach"] {
        let cluster = with_admin(grant(Some("ops"), "r", &[rule], user("u")).into_iter().chain([root()]));
        for (exec_by_get, expected) in [(true, 1), (false, 0)] {
            let user = Origin::Subject(kspec_analysis::access::SubjectRef::User { name: "u".into() });
            let paths = Paths::new(&cluster, &Settings { exec_by_get, ..Settings::default() });
            assert_eq!(paths.to(&Goal::ClusterAdmin, Some(&user)).paths.len(), expected);
        }
    }
    // No token, no way on; a token projected by hand is one.
    let spec = |automount: bool, audience: Value| {
        json!({
            "serviceAccountName": "root", "automountServiceAccountToken": automount,
            "containers": [{ "name": "c", "volumeMounts": [{ "name": "t", "mountPath": "/t" }] }],
            "volumes": [{ "name": "t", "projected": { "sources": [{ "serviceAccountToken": { "path": "t", "audience": audience } }] } }],
        })
    };
    let token = |spec: Value| !of_user(&["create pods/exec"], Some("ops"), [pod("ops", "web", spec)]).is_empty();
    assert!(token(spec(false, Value::Null)));
    assert!(!token(spec(false, json!("vault"))));
    assert!(token(spec(true, json!("vault"))));
    let silent = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "root", "namespace": "ops" }, "automountServiceAccountToken": false });
    let of_account =
        |spec: Value| of_user(&["create pods/exec"], Some("ops"), [silent.clone(), pod("ops", "web", spec)]).len();
    assert_eq!(of_account(json!({ "serviceAccountName": "root" })), 0);
    assert_eq!(of_account(json!({ "serviceAccountName": "root", "automountServiceAccountToken": true })), 1);
}

#[test]
fn templates_that_are_there_are_rewritten() {
    let kind = |api: &str, kind: &str| json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "web", "namespace": "ops" }, "spec": {} });
    let way = [
        "rewrites a controller's template: a new pod in namespace ops | runs it as service account ops/root | may do everything",
    ];
    for (api, name, resource) in [
        ("apps/v1", "Deployment", "deployments.apps"),
        ("apps/v1", "StatefulSet", "statefulsets.apps"),
        ("apps/v1", "DaemonSet", "daemonsets.apps"),
        ("apps/v1", "ReplicaSet", "replicasets.apps"),
        ("batch/v1", "CronJob", "cronjobs.batch"),
        ("v1", "ReplicationController", "replicationcontrollers"),
    ] {
        for place in [None, Some("ops")] {
            assert_eq!(of_user(&[&format!("patch {resource}")], place, [kind(api, name)]), way, "{resource}");
            assert_eq!(
                of_user(&[&format!("update {resource} named web")], place, [kind(api, name)]),
                way,
                "{resource}"
            );
        }
        assert_eq!(
            of_user(&[&format!("update {resource} named other")], Some("ops"), [kind(api, name)]),
            [] as [&str; 0]
        );
        assert_eq!(of_user(&[&format!("update {resource}/scale")], Some("ops"), [kind(api, name)]), [] as [&str; 0]);
    }
    assert_eq!(of_user(&["patch jobs.batch"], Some("ops"), [kind("batch/v1", "Job")]), [] as [&str; 0]);
}

#[test]
fn whoever_relabels_the_namespace_adds_a_privileged_container() {
    let running = |name: &str| pod(name, "web", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
    let strict = || [namespace("shop", "restricted"), running("shop"), namespace("pay", "baseline"), running("pay")];
    let node = |rules: &[&str]| {
        let cluster = cluster(strict().into_iter().chain(grant(Some("shop"), "r", rules, user("u"))));
        chains(&cluster, &Goal::Node(None), "user u")
    };
    let adds = "patch pods/ephemeralcontainers";
    let lifted = [
        "changes the labels that hold pods back of namespace shop | adds a container to Pod shop/web | makes it privileged, on node n1",
    ];
    assert_eq!(node(&[adds, "patch namespaces"]), lifted);
    assert_eq!(node(&["update pods/ephemeralcontainers named web", "update namespaces/status named shop"]), lifted);
    for near in [
        &[adds][..],
        &[adds, "patch namespaces named pay"],
        &["patch namespaces"],
        &["update pods/ephemeralcontainers named other", "patch namespaces"],
    ] {
        assert_eq!(node(near), [] as [&str; 0], "{near:?}");
    }
}

#[test]
fn an_added_container_holds_any_secret_of_its_namespace() {
    let key = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key", "namespace": "shop" } });
    let running = pod("shop", "web", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
    let secret = |rules: &[&str], more: Vec<Value>| {
        let there = [namespace("shop", "restricted"), key.clone()].into_iter().chain(more);
        let cluster = cluster(there.chain(grant(Some("shop"), "r", rules, user("u"))));
        chains(&cluster, &Goal::Secret { namespace: Some("shop".into()), name: Some("key".into()) }, "user u")
    };
    let way = ["adds a container to Pod shop/web | mounts secret shop/key"];
    assert_eq!(secret(&["patch pods/ephemeralcontainers"], vec![running.clone()]), way);
    assert_eq!(secret(&["update pods/ephemeralcontainers named web"], vec![running.clone()]), way);
    assert_eq!(secret(&["patch pods/ephemeralcontainers"], vec![]), [] as [&str; 0]);
    assert_eq!(secret(&["patch pods"], vec![running]), [] as [&str; 0]);
}

#[test]
fn labels_and_new_namespaces_get_around_pod_security() {
    let strict = || {
        [
            namespace("shop", "restricted"),
            pod("kube-system", "etcd", json!({ "nodeName": "n1" })),
            namespace("kube-system", "restricted"),
        ]
    };
    let node = |place: Option<&str>, rules: &[&str]| {
        chains(&cluster(strict().into_iter().chain(grant(place, "r", rules, user("u")))), &Goal::Node(None), "user u")
    };
    let lifted = [
        "changes the labels that hold pods back of namespace shop | creates a new pod there | makes it privileged, on any node",
    ];
    assert_eq!(node(Some("shop"), &["create pods", "patch namespaces"]), lifted);
    assert_eq!(node(Some("shop"), &["create deployments.apps", "update namespaces named shop"]), lifted);
    assert_eq!(node(None, &["create pods", "patch namespaces named shop"]), lifted);
    assert_eq!(node(Some("shop"), &["create pods", "patch namespaces named other"]), [] as [&str; 0]);
    // The strategies of its subresources keep the spec or the status as it was, but not the labels.
    for rule in [
        "patch namespaces/status",
        "update namespaces/status named shop",
        "update namespaces/finalize",
        "update namespaces/finalize named shop",
    ] {
        assert_eq!(node(Some("shop"), &["create pods", rule]), lifted, "{rule}");
    }
    for near in ["get namespaces/status", "patch namespaces/finalize", "update namespaces/finalize named other"] {
        assert_eq!(node(Some("shop"), &["create pods", near]), [] as [&str; 0], "{near}");
    }
    assert_eq!(node(Some("shop"), &["create pods", "get namespaces"]), [] as [&str; 0]);
    assert_eq!(node(None, &["patch namespaces"]), [] as [&str; 0]);
    assert_eq!(
        node(None, &["create pods", "create namespaces"]),
        ["creates a new namespace | creates a new pod there | makes it privileged, on any node"]
    );
    assert_eq!(node(Some("shop"), &["create pods", "create namespaces"]), [] as [&str; 0]);
}

#[test]
fn containers_that_open_their_node() {
    let opens = |spec: Value| {
        let found = lines(&to(&cluster([pod("shop", "p", spec)]), &Goal::Node(Some("n1".into()))).paths);
        found.first().map(|line| line.trim_start_matches("Pod shop/p: ").to_owned())
    };
    let security = |context: Value| container(json!({ "securityContext": context }));
    let mount = |path: &str, read_only: bool| {
        let mut spec =
            container(json!({ "volumeMounts": [{ "name": "h", "mountPath": "/h", "readOnly": read_only }] }));
        spec["volumes"] = json!([{ "name": "h", "hostPath": { "path": path } }]);
        spec
    };
    assert_eq!(
        opens(security(json!({ "privileged": true }))).as_deref(),
        Some("leaves a privileged container for node n1")
    );
    assert_eq!(opens(security(json!({ "privileged": false }))), None);
    for (name, expected) in [
        ("SYS_ADMIN", true),
        ("CAP_SYS_MODULE", true),
        ("ALL", true),
        ("cap_sys_admin", true),
        ("all", true),
        ("DAC_READ_SEARCH", true),
        ("SYS_RAWIO", true),
        ("NET_BIND_SERVICE", false),
        ("SYS_PTRACE", false),
    ] {
        assert_eq!(opens(security(json!({ "capabilities": { "add": [name] } }))).is_some(), expected, "{name}");
    }
    assert_eq!(opens(security(json!({ "capabilities": { "drop": ["SYS_ADMIN"] } }))), None);
    let mut traced = security(json!({ "capabilities": { "add": ["SYS_PTRACE"] } }));
    traced["hostPID"] = json!(true);
    assert!(opens(traced).is_some());
    for (path, read_only, expected) in [
        ("/", false, true),
        ("/", true, true),
        ("/etc", false, true),
        ("/etc", true, false),
        ("/etc/kubernetes/manifests/", false, true),
        ("/var/run/docker.sock", true, true),
        ("/run/containerd", true, true),
        ("/run/k3s/containerd/containerd.sock", true, true),
        ("/run/cri-dockerd.sock", true, true),
        ("/opt/cni/bin", false, true),
        ("/usr/sbin", false, true),
        ("/usr/sbin", true, false),
        ("/var/spool/cron", false, true),
        ("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs", false, true),
        ("/var/lib/docker/containers", false, false),
        ("/var/lib/app", false, false),
        ("/etcetera", false, false),
        ("/usr/share/zoneinfo", false, false),
        ("/var/log", false, false),
        ("/./", true, true),
        ("//", true, true),
        ("//etc", false, true),
        ("/etc/./cron.d", false, true),
        ("/var", true, false),
        ("/var/run/", true, true),
        ("/run/dbus", true, true),
        ("/var/run/dbus", true, true),
        ("/var/run/systemd", true, true),
        ("/run/podman/podman.sock", true, true),
        ("/run/k0s/containerd.sock", true, true),
        ("/run/udev", true, false),
        ("/etc/passwd", false, true),
        ("/etc/passwd", true, false),
        ("/etc/shadow", false, true),
        ("/etc/sudoers", false, true),
        ("/etc/sudoers.d", false, true),
        ("/etc/pam.d", false, true),
        ("/etc/ssh", false, true),
        ("/etc/profile.d", false, true),
        ("/etc/udev/rules.d", false, true),
        ("/etc/init.d", false, true),
        ("/etc/cron.daily", false, true),
        ("/etc/cron.hourly", false, true),
        ("/etc/containerd", false, true),
        ("/etc/ssl", false, false),
        ("/boot", false, true),
        ("/home", false, true),
        ("/home", true, false),
        ("/home/ann", false, true),
        ("/home/ann/data", false, false),
        ("/var/lib/k0s", false, true),
        ("/var/snap/microk8s", false, true),
        ("/var/snap/other", false, false),
    ] {
        assert_eq!(opens(mount(path, read_only)).is_some(), expected, "{path}, read-only {read_only}");
    }
    // A volume that no container mounts is no way out.
    let mut idle = mount("/", false);
    idle["containers"][0]["volumeMounts"] = json!([]);
    assert_eq!(opens(idle), None);
}

#[test]
fn neighbours_on_a_node() {
    let secret = Goal::Secret { namespace: Some("pay".into()), name: Some("key".into()) };
    let held = |node: &str| {
        let mut spec = container(
            json!({ "env": [{ "name": "K", "valueFrom": { "secretKeyRef": { "name": "key", "key": "k" } } }] }),
        );
        spec["nodeName"] = json!(node);
        pod("pay", "card", spec)
    };
    let of = |spec: Value, node: &str| lines(&to(&cluster([pod("shop", "a", spec), held(node)]), &secret).paths);
    let first = |found: Vec<String>| found.into_iter().find(|line| line.starts_with("Pod shop/a"));
    let mut pid = container(json!({}));
    pid["hostPID"] = json!(true);
    let read =
        "Pod shop/a: reads through the node's processes what node n1 keeps of its pods | finds there secret pay/key";
    assert_eq!(first(of(pid.clone(), "n1")).as_deref(), Some(read));
    assert_eq!(first(of(pid, "n2")), None);
    let mut files = container(json!({ "volumeMounts": [{ "name": "h", "mountPath": "/h", "readOnly": true }] }));
    files["volumes"] = json!([{ "name": "h", "hostPath": { "path": "/var/lib/kubelet" } }]);
    let read = "Pod shop/a: reads through a host path what node n1 keeps of its pods | finds there secret pay/key";
    assert_eq!(first(of(files, "n1")).as_deref(), Some(read));
    let privileged = container(json!({ "securityContext": { "privileged": true } }));
    let entered = "Pod shop/a: leaves a privileged container for node n1 | enters Pod pay/card, which runs there | finds there secret pay/key";
    assert_eq!(first(of(privileged, "n1")).as_deref(), Some(entered));
    assert_eq!(first(of(container(json!({})), "n1")), None);
}

#[test]
fn the_control_planes_node_holds_its_keys() {
    let with = |label: &str, node: &str| {
        let mut etcd = pod("kube-system", "etcd-a", json!({ "nodeName": node, "automountServiceAccountToken": false }));
        etcd["metadata"]["labels"] = json!({ "component": label });
        let open = pod("shop", "p", container(json!({ "securityContext": { "privileged": true } })));
        lines(&to(&cluster([etcd, open]), &Goal::ClusterAdmin).paths)
    };
    assert_eq!(
        with("etcd", "n1"),
        ["Pod shop/p: leaves a privileged container for node n1 | takes the control plane's keys, which lie there"]
    );
    assert_eq!(with("etcd", "n2"), [] as [&str; 0]);
    assert_eq!(with("kube-proxy", "n1"), [] as [&str; 0]);
}

#[test]
fn an_added_container_is_held_back_as_a_pod_is() {
    let answer = |level: &str| {
        let objects = [namespace("shop", level), pod("shop", "p", json!({ "nodeName": "n1" }))];
        to(
            &cluster(objects.into_iter().chain(grant(
                Some("shop"),
                "r",
                &["patch pods/ephemeralcontainers"],
                user("u"),
            ))),
            &Goal::Node(None),
        )
    };
    let way = ["user u: adds a container to Pod shop/p | makes it privileged, on node n1"];
    assert_eq!(
        (lines(&answer("privileged").paths), answer("privileged").held_back.len()),
        (way.map(str::to_owned).to_vec(), 0)
    );
    assert_eq!(
        (answer("baseline").paths.len(), lines(&answer("baseline").held_back)),
        (0, way.map(str::to_owned).to_vec())
    );
}

#[test]
fn guards_that_are_asked_are_named() {
    let webhook = |selector: Value| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": { "name": "guard" },
            "webhooks": [{ "name": "a.b.c", "namespaceSelector": selector, "rules": [{ "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"] }] }],
        })
    };
    let policy = |selector: Value| {
        let rules =
            json!([{ "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"] }]);
        let group = "admissionregistration.k8s.io/v1";
        [
            json!({ "apiVersion": group, "kind": "MutatingAdmissionPolicy", "metadata": { "name": "alters" }, "spec": { "matchConstraints": { "resourceRules": rules } } }),
            json!({ "apiVersion": group, "kind": "MutatingAdmissionPolicyBinding", "metadata": { "name": "b" }, "spec": { "policyName": "alters", "matchResources": { "namespaceSelector": selector } } }),
        ]
    };
    let by = |guards: Vec<Value>, rule: &str| {
        let cluster = with_admin(grant(Some("ops"), "r", &[rule], user("u")).into_iter().chain(guards).chain([pod(
            "ops",
            "p",
            json!({ "serviceAccountName": "root" }),
        )]));
        let answer = to(&cluster, &Goal::ClusterAdmin);
        let path = answer
            .paths
            .iter()
            .find(|path| path.from == Origin::Subject(kspec_analysis::access::SubjectRef::User { name: "u".into() }))
            .unwrap();
        path.steps[0].may_be_refused_by.iter().map(|key| key.name.clone()).collect::<Vec<_>>()
    };
    let named = |selector: Value, rule: &str| by(vec![webhook(selector)], rule);
    let label = |name: &str| json!({ "matchLabels": { "kubernetes.io/metadata.name": name } });
    assert_eq!(named(json!({}), "create pods"), ["guard"]);
    assert_eq!(named(label("ops"), "create deployments.apps"), ["guard"]);
    assert_eq!(named(label("shop"), "create pods"), [] as [&str; 0]);
    assert_eq!(named(json!({}), "create pods/exec"), [] as [&str; 0]);
    assert_eq!(by(policy(label("ops")).into(), "create pods"), ["alters"]);
    assert_eq!(by(policy(label("shop")).into(), "create pods"), [] as [&str; 0]);
}

#[test]
fn the_servers_own_defaults_and_exemptions_of_pod_security_count() {
    let file = |exemptions: Value| {
        json!({
            "kind": "AdmissionConfiguration",
            "plugins": [{ "name": "PodSecurity", "configuration": { "kind": "PodSecurityConfiguration", "defaults": { "enforce": "baseline" }, "exemptions": exemptions } }],
        })
    };
    let with = |configuration: &Value, level: Option<&str>| {
        let own = level.map(|level| namespace("shop", level));
        let mut cluster = cluster(grant(Some("shop"), "r", &["create pods"], user("u")).into_iter().chain(own));
        cluster.pod_security = PodSecurityDefaults::read("admission.yaml", configuration).unwrap();
        to(&cluster, &Goal::Node(None))
    };
    let held = with(&file(json!({})), None);
    assert_eq!(lines(&held.paths), [] as [&str; 0]);
    assert_eq!(
        held.held_back[0].steps[1].held_back_by.clone().unwrap().to_string(),
        "Pod Security level baseline, the default of admission.yaml, in namespace shop"
    );
    // The namespace's own label comes first.
    assert_eq!(with(&file(json!({})), Some("privileged")).paths.len(), 1);
    for exempt in
        [json!({ "namespaces": ["shop"] }), json!({ "usernames": ["u"] }), json!({ "runtimeClasses": ["kata"] })]
    {
        assert_eq!(with(&file(exempt.clone()), None).paths.len(), 1, "{exempt}");
    }
    for other in [json!({ "namespaces": ["other"] }), json!({ "usernames": ["v"] })] {
        assert_eq!(with(&file(other.clone()), None).paths.len(), 0, "{other}");
    }
}

/// Chains to a node where admission refuses an attempt in `shop`, and what holds back.
fn refused(
    refusals: Vec<Refusal>,
    rules: &[&str],
    objects: impl IntoIterator<Item = Value>,
) -> (Vec<String>, Vec<String>) {
    let controls = Controls { refusals, ..Controls::default() };
    let wide = grant(None, "r", rules, user("u"));
    let cluster = cluster(wide.into_iter().chain(objects));
    let settings = Settings { controls: Some(&controls), ..Settings::default() };
    let answer = Paths::new(&cluster, &settings).to(&Goal::Node(None), None);
    let steps = answer.held_back.iter().flat_map(|path| &path.steps);
    let by = steps.filter_map(|step| Some(step.held_back_by.clone()?.to_string())).collect();
    (lines(&answer.paths), by)
}

fn refusal(by: &[Refuser], attempt: Attempt, lasting: bool) -> Refusal {
    Refusal { namespace: Some("shop".into()), attempt, name: None, by: by.to_vec(), lasting }
}

#[test]
fn what_admission_refuses_is_held_back() {
    let by = [Refuser::Rule("privileged".into()), Refuser::Policy("host-paths".into())];
    let with = |attempt, lasting, rules: &[&str], level| {
        let running = pod("shop", "p", json!({ "nodeName": "a" }));
        refused(vec![refusal(&by, attempt, lasting)], rules, [namespace("shop", level), running])
    };
    let both = "rule privileged, ValidatingAdmissionPolicy host-paths in namespace shop".to_owned();
    assert_eq!(with(Attempt::NewPod, false, &["create pods"], "privileged"), (vec![], vec![both.clone()]));
    assert_eq!(with(Attempt::NewPod, false, &["create deployments.apps"], "privileged"), (vec![], vec![both.clone()]));
    // A container is added to a pod that runs: that is another request.
    let adds = ["patch pods/ephemeralcontainers"];
    assert_eq!(with(Attempt::NewPod, false, &adds, "privileged").0.len(), 1);
    assert_eq!(with(Attempt::AddedContainer, false, &adds, "privileged"), (vec![], vec![both]));
    assert_eq!(with(Attempt::AddedContainer, false, &["create pods"], "privileged").0.len(), 1);
    // Other labels lift the level, and what goes by labels; what does not, stays.
    let relabels = ["create pods", "patch namespaces"];
    assert_eq!(with(Attempt::NewPod, false, &relabels, "baseline").0.len(), 1);
    assert_eq!(with(Attempt::NewPod, false, &relabels, "privileged").0.len(), 1);
    assert_eq!(with(Attempt::NewPod, true, &relabels, "baseline").0, [] as [&str; 0]);
}

/// A pod `shop/p` on `n1` with these volumes, that mounts these.
fn with_volumes(volumes: Value, mounts: Value) -> Value {
    let mut spec = container(json!({ "volumeMounts": mounts }));
    spec["nodeName"] = json!("n1");
    spec["volumes"] = volumes;
    pod("shop", "p", spec)
}

#[test]
fn an_added_container_mounts_what_its_pod_has() {
    let by = |attempt| refusal(&[Refuser::Policy("p".into())], attempt, true);
    let privileged = || vec![by(Attempt::AddedContainer)];
    let both = |attempt| vec![by(Attempt::AddedContainer), by(attempt)];
    let found = |volumes: Value, mounts: Value, refusals: Vec<Refusal>, level| {
        let path = if volumes[0].get("persistentVolumeClaim").is_some() { "/etc" } else { "/unused" };
        let volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv" },
            "spec": { "hostPath": { "path": path }, "claimRef": { "namespace": "shop", "name": "data" } },
        });
        let there = with_volumes(volumes, mounts);
        refused(refusals, &["patch pods/ephemeralcontainers"], [namespace("shop", level), there, volume]).0
    };
    let host = |path: &str| json!([{ "name": "v", "hostPath": { "path": path } }]);
    let claim = |read_only: bool| json!([{ "name": "v", "persistentVolumeClaim": { "claimName": "data", "readOnly": read_only } }]);
    let read_only = || json!([{ "name": "v", "mountPath": "/v", "readOnly": true }]);
    let sub_path = || json!([{ "name": "v", "mountPath": "/v", "subPath": "hostname" }]);
    let way = ["user u: adds a container to Pod shop/p | writes through a host path to node n1"];
    for mounts in [read_only(), sub_path(), json!([])] {
        assert_eq!(found(host("/etc"), mounts.clone(), privileged(), "privileged"), way, "{mounts}");
        assert_eq!(found(claim(false), mounts.clone(), privileged(), "privileged"), way, "{mounts}");
        assert_eq!(found(host("/srv"), mounts.clone(), privileged(), "privileged"), [] as [&str; 0], "{mounts}");
        assert_eq!(found(claim(true), mounts.clone(), privileged(), "privileged"), [] as [&str; 0], "{mounts}");
    }
    // Each is another request.
    let held = [] as [&str; 0];
    assert_eq!(found(host("/etc"), read_only(), both(Attempt::AddedMount), "privileged"), held);
    assert_eq!(found(host("/etc"), read_only(), both(Attempt::AddedClaim), "privileged"), way);
    assert_eq!(found(claim(false), read_only(), both(Attempt::AddedClaim), "privileged"), held);
    assert_eq!(found(claim(false), read_only(), both(Attempt::AddedMount), "privileged"), way);
    // Pod Security looks at the whole pod, and not at what a claim stands for.
    assert_eq!(found(host("/etc"), read_only(), vec![], "baseline"), held);
    assert_eq!(found(claim(false), read_only(), vec![], "baseline"), way);
    // What may be mounted already leads on without a container.
    let others = json!([{ "name": "v", "emptyDir": {} }]);
    assert_eq!(found(others, json!([]), privileged(), "privileged"), held);
}

#[test]
fn an_added_container_reads_what_lies_on_the_node() {
    let by = |attempt| refusal(&[Refuser::Policy("p".into())], attempt, true);
    let found = |path: &str, refusals: Vec<Refusal>, rules: &[&str], goal: &Goal| {
        let controls = Controls { refusals, ..Controls::default() };
        let mut server = pod("kube-system", "a", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
        server["metadata"]["labels"] = json!({ "component": "kube-apiserver" });
        let key = json!({ "env": [{ "name": "K", "valueFrom": { "secretKeyRef": { "name": "key", "key": "k" } } }] });
        let there = with_volumes(json!([{ "name": "v", "hostPath": { "path": path } }]), json!([]));
        let more = [namespace("shop", "privileged"), there, server, pod("pay", "card", container(key))];
        let cluster = cluster(grant(Some("shop"), "r", rules, user("u")).into_iter().chain(more));
        let settings = Settings { controls: Some(&controls), ..Settings::default() };
        let lines = lines(&Paths::new(&cluster, &settings).to(goal, None).paths);
        lines
            .into_iter()
            .find_map(|line| line.strip_prefix("user u: adds a container to Pod shop/p | ").map(str::to_owned))
    };
    let adds = ["patch pods/ephemeralcontainers"];
    let key = Goal::Secret { namespace: Some("pay".into()), name: Some("key".into()) };
    let of = |path: &str, goal: &Goal| found(path, vec![by(Attempt::AddedContainer)], &adds, goal);
    let keys = "reads through a host path the control plane's keys";
    assert_eq!(of("/etc/kubernetes/pki", &Goal::ClusterAdmin).as_deref(), Some(keys));
    let files = "reads through a host path what node n1 keeps of its pods | finds there secret pay/key";
    assert_eq!(of("/var/lib/kubelet/pods", &key).as_deref(), Some(files));
    assert_eq!(of("/var/lib/kubelet/plugins", &key), None);
    let refused = || vec![by(Attempt::AddedContainer), by(Attempt::AddedMount)];
    assert_eq!(found("/etc/kubernetes/pki", refused(), &adds, &Goal::ClusterAdmin), None);
    // Whoever takes away what refuses the mount need not mind what refuses the rest.
    let other = refusal(&[Refuser::Policy("q".into())], Attempt::AddedContainer, true);
    let takes = |name: &str, goal: &Goal| {
        let rule = format!("delete validatingadmissionpolicies.adm named {name}");
        let controls = vec![other.clone(), by(Attempt::AddedMount)];
        let controls = Controls { refusals: controls, ..Controls::default() };
        let there = with_volumes(json!([{ "name": "v", "hostPath": { "path": "/etc" } }]), json!([]));
        let objects =
            grant(None, "r", &[adds[0], &rule], user("u")).into_iter().chain([namespace("shop", "privileged"), there]);
        let cluster = cluster(objects);
        let settings = Settings { controls: Some(&controls), ..Settings::default() };
        lines(&Paths::new(&cluster, &settings).to(goal, None).paths)
    };
    let way = "user u: takes away what refuses it in namespace shop | adds a container to Pod shop/p | writes through a host path to node n1";
    assert_eq!(takes("p", &Goal::Node(None)), [way]);
    assert_eq!(takes("x", &Goal::Node(None)), [] as [&str; 0]);
}

#[test]
fn a_new_pod_that_is_not_root_sees_its_nodes_processes() {
    let by = |name: &str, attempt, lasting| refusal(&[Refuser::Policy(name.into())], attempt, lasting);
    let name = "boss".to_owned();
    let boss = Goal::Subject(kspec_analysis::access::SubjectRef::ServiceAccount { namespace: "pay".into(), name });
    let found = |refusals: &[Refusal], more: &[&str], level| {
        let controls = Controls { refusals: refusals.to_vec(), ..Controls::default() };
        let victim = json!({ "nodeName": "n1", "serviceAccountName": "boss" });
        let wide = grant(None, "w", more, user("u")).into_iter().filter(|_| !more.is_empty());
        let objects = grant(Some("shop"), "r", &["create pods"], user("u")).into_iter().chain(wide);
        let cluster = cluster(objects.chain([namespace("shop", level), pod("pay", "victim", victim)]));
        let settings = Settings { controls: Some(&controls), ..Settings::default() };
        let lines = lines(&Paths::new(&cluster, &settings).to(&boss, None).paths);
        lines.into_iter().find_map(|line| line.strip_prefix("user u: ").map(str::to_owned))
    };
    let root = || by("p", Attempt::NewPod, true);
    let processes = |lasting| by("q", Attempt::NodeProcesses, lasting);
    let way = |makes: &str| {
        let reads = "reads through the node's processes what node n1 keeps of its pods";
        Some(format!("{makes} | {reads} | uses the token there of service account pay/boss"))
    };
    let made = way("creates a new pod in namespace shop");
    assert_eq!(found(&[root()], &[], "privileged"), made);
    assert_eq!(found(&[root(), processes(true)], &[], "privileged"), None);
    assert_eq!(found(&[root()], &[], "baseline"), None);
    // Whoever takes away what refuses it, or the labels by which it does.
    let both = [root(), processes(true)];
    let deletes = |name: &str| format!("delete validatingadmissionpolicies.adm named {name}");
    let taken = way("takes away what refuses pods of namespace shop | creates a new pod there");
    assert_eq!(found(&both, &[&deletes("q")], "privileged"), taken);
    assert_eq!(found(&both, &[&deletes("q")], "baseline"), None);
    assert_eq!(found(&both, &[&deletes("q"), "patch namespaces"], "baseline"), taken);
    assert_eq!(found(&both, &[&deletes("x")], "privileged"), None);
    let labelled = way("changes the labels that hold pods back of namespace shop | creates a new pod there");
    assert_eq!(found(&[root()], &["patch namespaces"], "baseline"), labelled);
    assert_eq!(found(&[root(), processes(false)], &["patch namespaces"], "privileged"), labelled);
    assert_eq!(found(&both, &["patch namespaces"], "privileged"), None);
}

#[test]
fn a_new_pod_shares_memory_with_those_that_do() {
    let by = |attempt| refusal(&[Refuser::Policy("p".into())], attempt, true);
    let found = |shares: bool, refusals: Vec<Refusal>, level| {
        let other = pod("pay", "db", json!({ "hostIPC": shares, "nodeName": "n1" }));
        let controls = Controls { refusals, ..Controls::default() };
        let own = grant(Some("shop"), "r", &["create pods"], user("u")).into_iter();
        let cluster = cluster(own.chain([namespace("shop", level), other]));
        let settings = Settings { controls: Some(&controls), ..Settings::default() };
        let db =
            ObjectKey { group: String::new(), kind: "Pod".into(), namespace: Some("pay".into()), name: "db".into() };
        lines(&Paths::new(&cluster, &settings).to(&Goal::Workload(db), None).paths)
    };
    let root = || vec![by(Attempt::NewPod)];
    let way = ["user u: creates a new pod in namespace shop | alters the memory that it shares with Pod pay/db"];
    assert_eq!(found(true, root(), "privileged"), way);
    assert_eq!(found(false, root(), "privileged"), [] as [&str; 0]);
    assert_eq!(found(true, vec![by(Attempt::NewPod), by(Attempt::NodeMemory)], "privileged"), [] as [&str; 0]);
    assert_eq!(found(true, root(), "baseline"), [] as [&str; 0]);
}

#[test]
fn a_host_process_is_its_windows_node() {
    let of = |spec: Value| {
        let mut spec = spec;
        spec["nodeName"] = json!("w1");
        let cluster = cluster([pod("shop", "p", spec)]);
        chains(&cluster, &Goal::Node(None), "Pod shop/p").into_iter().next()
    };
    let options = |on: bool| json!({ "windowsOptions": { "hostProcess": on } });
    let with = |pod: Value, own: Value| json!({ "securityContext": pod, "containers": [{ "name": "c", "image": "i", "securityContext": own }] });
    let way = Some("leaves a privileged container for node w1".to_owned());
    assert_eq!(of(with(options(true), json!({}))), way);
    assert_eq!(of(with(json!({}), options(true))), way);
    for (pod, own) in [
        (options(false), json!({})),
        (options(true), options(false)),
        (json!({ "windowsOptions": { "runAsUserName": "ContainerUser" } }), json!({})),
    ] {
        assert_eq!(of(with(pod.clone(), own.clone())), None, "{pod} {own}");
    }
}

#[test]
fn a_new_pod_is_a_host_process_where_windows_runs() {
    let by = |name: &str, attempt, lasting| refusal(&[Refuser::Policy(name.into())], attempt, lasting);
    let root = || by("p", Attempt::NewPod, true);
    let found = |windows: Value, refusals: &[Refusal], more: &[&str], level| {
        let rules = [&["create pods"][..], more].concat();
        refused(refusals.to_vec(), &rules, [namespace("shop", level), windows]).0
    };
    let node = |os: &str| json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "w1", "labels": { "kubernetes.io/os": os } } });
    let runs = |spec: Value| {
        let mut spec = spec;
        spec["nodeName"] = json!("w1");
        pod("shop", "web", spec)
    };
    let way = ["user u: creates a new pod in namespace shop | makes it privileged, on node w1"];
    for seen in [
        node("windows"),
        runs(json!({ "os": { "name": "windows" } })),
        runs(json!({ "nodeSelector": { "kubernetes.io/os": "windows" } })),
    ] {
        let of = |refusals: &[Refusal], level| found(seen.clone(), refusals, &[], level);
        assert_eq!(of(&[root()], "privileged"), way, "{seen}");
        assert_eq!(of(&[root(), by("q", Attempt::HostProcess, true)], "privileged"), [] as [&str; 0], "{seen}");
        assert_eq!(of(&[root()], "baseline"), [] as [&str; 0], "{seen}");
    }
    for near in [node("linux"), runs(json!({ "os": { "name": "linux" } })), runs(json!({}))] {
        assert_eq!(found(near.clone(), &[root()], &[], "privileged"), [] as [&str; 0], "{near}");
    }
    let both = |lasting| [root(), by("q", Attempt::HostProcess, lasting)];
    let taken = found(node("windows"), &both(true), &["delete validatingadmissionpolicies.adm named q"], "privileged");
    assert_eq!(
        taken,
        [
            "user u: takes away what refuses pods of namespace shop | creates a new pod there | makes it privileged, on node w1"
        ]
    );
    assert_eq!(found(node("windows"), &both(true), &["patch namespaces"], "privileged"), [] as [&str; 0]);
    assert_eq!(found(node("windows"), &both(false), &["patch namespaces"], "privileged").len(), 1);
}

#[test]
fn new_namespaces_are_held_back_by_what_holds_everywhere() {
    let creates = ["create pods", "create namespaces"];
    let there = refusal(&[Refuser::Policy("p".into())], Attempt::NewPod, true);
    let with = |refusals| refused(refusals, &creates, [namespace("shop", "privileged")]);
    assert_eq!(
        with(vec![there.clone()]).0,
        ["user u: creates a new namespace | creates a new pod there | makes it privileged, on any node"]
    );
    let everywhere = Refusal { namespace: None, ..there.clone() };
    assert_eq!(with(vec![there, everywhere]).0, [] as [&str; 0]);
}

#[test]
fn whoever_may_take_a_policy_away_is_not_held_back_by_it() {
    let with = |by: Refuser, rules: &[&str], level| {
        refused(vec![refusal(&[by], Attempt::NewPod, true)], rules, [namespace("shop", level)]).0
    };
    let policy = || Refuser::Policy("p".into());
    let deletes = |name: &str| format!("delete validatingadmissionpolicies.adm named {name}");
    let way = [
        "user u: takes away what refuses pods of namespace shop | creates a new pod there | makes it privileged, on any node",
    ];
    assert_eq!(with(policy(), &["create pods", &deletes("p")], "privileged"), way);
    assert_eq!(with(policy(), &["create pods", "patch validatingadmissionpolicybindings.adm"], "privileged"), way);
    for near in [
        deletes("other").as_str(),
        "create validatingadmissionpolicies.adm",
        "patch validatingwebhookconfigurations.adm",
    ] {
        assert_eq!(with(policy(), &["create pods", near], "privileged"), [] as [&str; 0], "{near}");
    }
    // The level stays, unless labels may be changed too.
    assert_eq!(with(policy(), &["create pods", &deletes("p")], "baseline"), [] as [&str; 0]);
    assert_eq!(with(policy(), &["create pods", &deletes("p"), "patch namespaces"], "baseline").len(), 1);
    // A rule of the program is a policy under another name, or a webhook.
    let rule = || Refuser::Rule("r".into());
    assert_eq!(with(rule(), &["create pods", "patch validatingwebhookconfigurations.adm"], "privileged"), way);
}

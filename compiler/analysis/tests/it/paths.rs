//! Chains of abuse: each kind of step leads on, and what is nearly one does not.

use kspec_analysis::abuse::{Answer, Goal, Origin, Path, Paths, Settings};
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
    Paths::new(cluster, &Settings { goals: std::slice::from_ref(goal), ..Settings::default() }).to(goal, None)
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

/// The chains of one origin to a goal.
fn chains(cluster: &Cluster, goal: &Goal, origin: &str) -> Vec<String> {
    let begins = format!("{origin}: ");
    lines(&to(cluster, goal).paths).iter().filter_map(|line| line.strip_prefix(&begins)).map(str::to_owned).collect()
}

fn grant(place: Option<&str>, name: &str, rules: &[&str], subject: Value) -> [Value; 2] {
    let bound = if place.is_some() { format!("Role/{name}") } else { name.to_owned() };
    [role(place, name, rules), bind(place, name, &bound, subject)]
}

fn container(fields: Value) -> Value {
    let mut container = json!({ "name": "c", "image": "i" });
    container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "nodeName": "n1", "automountServiceAccountToken": false, "containers": [container] })
}

#[test]
fn bindings_that_are_there_take_more_subjects() {
    let more = |place: Option<&'static str>| {
        let kind = if place.is_some() { "rolebindings" } else { "clusterrolebindings" };
        let admin =
            [role(None, "cluster-admin", &["* *.*"]), bind(place, "root", "cluster-admin", account("ops", "root"))];
        let of_rules = move |rules: [String; 2]| {
            let rules: Vec<_> = rules.iter().map(String::as_str).collect();
            let cluster = cluster(admin.clone().into_iter().chain(grant(None, "r", &rules, user("u"))));
            chains(&cluster, &Goal::Secret { namespace: Some("ops".into()), name: Some("s".into()) }, "user u")
        };
        (kind, of_rules)
    };
    for place in [None, Some("ops")] {
        let (kind, chains) = more(place);
        let bind = |named: &str| format!("bind clusterroles.rbac{named}");
        for (write, named, leads) in [
            (format!("update {kind}.rbac"), bind(""), true),
            (format!("patch {kind}.rbac named root"), bind(""), true),
            (format!("patch {kind}.rbac"), bind(" named cluster-admin"), true),
            (format!("patch {kind}.rbac named other"), bind(""), false),
            (format!("patch {kind}.rbac"), bind(" named view"), false),
            (format!("get {kind}.rbac"), bind(""), false),
        ] {
            let found = chains([write.clone(), named.clone()]);
            assert_eq!(!found.is_empty(), leads, "{write}, {named}: {found:?}");
            assert!(found.iter().all(|chain| chain.starts_with("adds itself to a binding of ")), "{found:?}");
        }
    }
}

#[test]
fn roles_of_ones_own_grow() {
    let everything = Goal::Secret { namespace: Some("shop".into()), name: Some("s".into()) };
    let chain = |rules: &[&str]| chains(&cluster(grant(Some("shop"), "r", rules, user("u"))), &everything, "user u");
    let raised = ["raises a role of its own to every permission in namespace shop | reads secret shop/s"];
    assert_eq!(chain(&["patch roles.rbac", "escalate roles.rbac"]), raised);
    assert_eq!(chain(&["patch roles.rbac named r", "escalate roles.rbac named r"]), raised);
    assert_eq!(chain(&["patch roles.rbac named other", "escalate roles.rbac"]), [] as [&str; 0]);
    assert_eq!(chain(&["patch roles.rbac"]), [] as [&str; 0]);
    let written = ["writes a role and binds it: every permission in namespace shop | reads secret shop/s"];
    let all = ["create roles.rbac", "escalate roles.rbac", "create rolebindings.rbac", "bind roles.rbac"];
    assert_eq!(chain(&all), written);
    for missing in 0..all.len() {
        let rest: Vec<_> = all.iter().enumerate().filter(|(i, _)| *i != missing).map(|(_, rule)| *rule).collect();
        assert_eq!(chain(&rest), [] as [&str; 0], "without {}", all[missing]);
    }
    // A role that gathers others takes in what is written for it.
    let gatherer = |rule: Value| {
        let mut gatherer = role(None, "gatherer", &[]);
        gatherer["aggregationRule"] = rule;
        gatherer
    };
    let selects = || json!({ "clusterRoleSelectors": [{ "matchLabels": { "a": "b" } }] });
    for (rules, rule, leads) in [
        (&["create,escalate clusterroles.rbac"][..], selects(), true),
        (&["update,escalate clusterroles.rbac named cluster-admin"], selects(), true),
        (&["update,escalate clusterroles.rbac named gone"], selects(), false),
        (&["create,escalate clusterroles.rbac"], Value::Null, false),
        (&["create clusterroles.rbac"], selects(), false),
        (&["create clusterroles.rbac", "escalate clusterroles.rbac named x"], selects(), false),
    ] {
        let found = of_user(rules, None, [gatherer(rule), bind(None, "gatherer", "gatherer", user("u"))]);
        let way = "writes a role that one of its own gathers: cluster-admin";
        assert_eq!(found, if leads { vec![way] } else { vec![] }, "{rules:?}");
    }
    // Whose role it is counts: the group may rewrite what only its member is bound to.
    let split = |subject: &str| {
        cluster(
            grant(
                None,
                "raiser",
                &["update,escalate clusterroles.rbac named mine"],
                json!({ "kind": "Group", "name": "system:authenticated" }),
            )
            .into_iter()
            .chain(grant(None, "mine", &["get pods"], user(subject))),
        )
    };
    assert_eq!(chains(&split("u"), &Goal::ClusterAdmin, "user u"), ["raises a role of its own to cluster-admin"]);
    assert_eq!(chains(&split("other"), &Goal::ClusterAdmin, "user u"), [] as [&str; 0]);
}

#[test]
fn certificates_make_anyone_but_masters() {
    let all = [
        "create certificatesigningrequests.cert",
        "update certificatesigningrequests.cert/approval",
        "approve signers.cert named kubernetes.io/kube-apiserver-client",
    ];
    let chain = |given: &[&str]| of_user(given, None, []);
    assert_eq!(chain(&all), ["approves a certificate for itself as service account ops/root | may do everything"]);
    for missing in 0..all.len() {
        let rest: Vec<_> = all.iter().enumerate().filter(|(i, _)| *i != missing).map(|(_, rule)| *rule).collect();
        assert_eq!(chain(&rest), [] as [&str; 0], "without {}", all[missing]);
    }
    let signer = |name: &str| chain(&[all[0], all[1], &format!("approve signers.cert named {name}")]);
    assert_eq!(signer("kubernetes.io/*").len(), 1);
    assert_eq!(signer("kubernetes.io/kubelet-serving"), [] as [&str; 0]);
    // Nobody but masters is admin: no certificate helps.
    let none = cluster(grant(None, "r", &all, user("u")));
    assert_eq!(chains(&none, &Goal::ClusterAdmin, "user u"), [] as [&str; 0]);
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
    let cluster = with_admin(grant(Some("ops"), "r", &["get pods/exec"], user("u")).into_iter().chain([root()]));
    for (exec_by_get, expected) in [(true, 1), (false, 0)] {
        let user = Origin::Subject(kspec_analysis::access::SubjectRef::User { name: "u".into() });
        let paths = Paths::new(&cluster, &Settings { exec_by_get, ..Settings::default() });
        assert_eq!(paths.to(&Goal::ClusterAdmin, Some(&user)).paths.len(), expected);
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
fn secrets_and_the_tokens_in_them() {
    let token = |kind: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": { "name": "t", "namespace": "ops", "annotations": { "kubernetes.io/service-account.name": "root" } },
        })
    };
    let legacy = "kubernetes.io/service-account-token";
    let way = ["reads secret ops/t | finds in it a token of service account ops/root | may do everything"];
    for rule in ["get secrets", "list secrets", "watch secrets", "get secrets named t"] {
        assert_eq!(of_user(&[rule], Some("ops"), [token(legacy)]), way, "{rule}");
        assert_eq!(of_user(&[rule], Some("ops"), [token("Opaque")]), [] as [&str; 0], "{rule}");
    }
    assert_eq!(of_user(&["get secrets named other"], Some("ops"), [token(legacy)]), [] as [&str; 0]);
    assert_eq!(of_user(&["update,delete secrets"], Some("ops"), [token(legacy)]), [] as [&str; 0]);
    // A pod of one's own mounts what there is.
    let mounted =
        cluster(grant(Some("shop"), "r", &["create pods"], user("u")).into_iter().chain([
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key", "namespace": "shop" } }),
        ]));
    let goal = Goal::Secret { namespace: Some("shop".into()), name: Some("key".into()) };
    assert_eq!(chains(&mounted, &goal, "user u"), ["creates a new pod in namespace shop | mounts secret shop/key"]);
}

#[test]
fn others_writes_are_altered_or_seen() {
    let altered = [
        "alters what others write: a new pod in namespace ops | runs it as service account ops/root | may do everything",
    ];
    let there = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": { "name": "inject" } });
    let both = ["create mutatingadmissionpolicies.adm", "create mutatingadmissionpolicybindings.adm"];
    assert_eq!(of_user(&["create mutatingwebhookconfigurations.adm"], None, []), altered);
    assert_eq!(of_user(&["patch mutatingwebhookconfigurations.adm named inject"], None, [there.clone()]), altered);
    assert_eq!(of_user(&both, None, []), altered);
    assert_eq!(of_user(&both[..1], None, []), [] as [&str; 0]);
    assert_eq!(of_user(&both[1..], None, []), [] as [&str; 0]);
    assert_eq!(of_user(&["patch mutatingwebhookconfigurations.adm"], None, []), [] as [&str; 0]);
    assert_eq!(
        of_user(&["patch mutatingwebhookconfigurations.adm named other"], None, [there.clone()]),
        [] as [&str; 0]
    );
    assert_eq!(of_user(&["create validatingwebhookconfigurations.adm"], None, []), [] as [&str; 0]);
    let policy = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": { "name": "p" } });
    let binding = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": { "name": "b" }, "spec": { "policyName": "p" } });
    let rewrite = ["update mutatingadmissionpolicies.adm"];
    assert_eq!(of_user(&rewrite, None, [policy.clone(), binding]), altered);
    assert_eq!(of_user(&rewrite, None, [policy]), [] as [&str; 0]);
    let seen = cluster(grant(None, "r", &["create validatingwebhookconfigurations.adm"], user("u")));
    let any = Goal::Secret { namespace: None, name: None };
    assert_eq!(chains(&seen, &any, "user u"), ["is shown what others write: any secret in every namespace"]);
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
        "changes the Pod Security labels of namespace shop | creates a new pod there | makes it privileged, on any node",
    ];
    assert_eq!(node(Some("shop"), &["create pods", "patch namespaces"]), lifted);
    assert_eq!(node(Some("shop"), &["create deployments.apps", "update namespaces named shop"]), lifted);
    assert_eq!(node(None, &["create pods", "patch namespaces named shop"]), lifted);
    assert_eq!(node(Some("shop"), &["create pods", "patch namespaces named other"]), [] as [&str; 0]);
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
        ("/opt/cni/bin", false, true),
        ("/var/lib/app", false, false),
        ("/etcetera", false, false),
        ("/usr/share/zoneinfo", false, false),
        ("/var/log", false, false),
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
fn impersonation_takes_a_user_for_a_group() {
    let other = || grant(None, "root", &["* *.*"], json!({ "kind": "Group", "name": "wheel" }));
    let chain = |rules: &[&str]| {
        of_user(
            rules,
            None,
            other().into_iter().map(|mut object| {
                if object["metadata"]["name"] == "root" {
                    object["metadata"]["name"] = json!("wheel-root");
                    object["roleRef"]["name"] = json!("wheel-root");
                }
                object
            }),
        )
    };
    assert_eq!(
        chain(&["impersonate groups named wheel", "impersonate users named nobody"]),
        ["impersonates group wheel | may do everything"]
    );
    assert_eq!(chain(&["impersonate groups named wheel"]), [] as [&str; 0]);
    assert_eq!(chain(&["impersonate groups named other", "impersonate users named nobody"]), [] as [&str; 0]);
    assert_eq!(chain(&["impersonate groups named system:masters", "impersonate serviceaccounts named x"]).len(), 1);
    let boss = grant(None, "boss", &["* *.*"], user("boss"));
    assert_eq!(
        of_user(&["impersonate users named boss"], None, boss.clone()),
        ["impersonates user boss | may do everything"]
    );
    assert_eq!(of_user(&["impersonate users named bos"], None, boss.clone()), [] as [&str; 0]);
    assert_eq!(of_user(&["impersonate users"], None, boss), ["impersonates user boss | may do everything"]);
}

#[test]
fn roles_that_may_be_bound_lead_as_far_as_they_go() {
    let strong = || role(None, "strong", &["create serviceaccounts/token"]);
    let way = "binds itself to ClusterRole strong in namespace ops | asks for a token of service account ops/root | may do everything";
    let rules = ["create rolebindings.rbac", "bind clusterroles.rbac named strong"];
    assert_eq!(of_user(&rules, Some("ops"), [strong()]), [way]);
    assert_eq!(of_user(&rules, Some("shop"), [strong()]), [] as [&str; 0]);
    assert_eq!(of_user(&rules, Some("ops"), []), [] as [&str; 0]);
    let local = role(Some("ops"), "local", &["create serviceaccounts/token"]);
    let way = "binds itself to Role ops/local | asks for a token of service account ops/root | may do everything";
    for bind in ["bind roles.rbac", "bind roles.rbac named local"] {
        assert_eq!(of_user(&["create rolebindings.rbac", bind], Some("ops"), [local.clone()]), [way], "{bind}");
    }
    assert_eq!(
        of_user(&["create rolebindings.rbac", "bind roles.rbac named r"], Some("ops"), [local]),
        [] as [&str; 0]
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
    let named = |selector: Value, rule: &str| {
        let cluster = with_admin(
            grant(Some("ops"), "r", &[rule], user("u"))
                .into_iter()
                .chain([webhook(selector), pod("ops", "p", json!({ "serviceAccountName": "root" }))]),
        );
        let answer = to(&cluster, &Goal::ClusterAdmin);
        let path = answer
            .paths
            .iter()
            .find(|path| path.from == Origin::Subject(kspec_analysis::access::SubjectRef::User { name: "u".into() }))
            .unwrap();
        path.steps[0].may_be_refused_by.iter().map(|key| key.name.clone()).collect::<Vec<_>>()
    };
    let label = |name: &str| json!({ "matchLabels": { "kubernetes.io/metadata.name": name } });
    assert_eq!(named(json!({}), "create pods"), ["guard"]);
    assert_eq!(named(label("ops"), "create deployments.apps"), ["guard"]);
    assert_eq!(named(label("shop"), "create pods"), [] as [&str; 0]);
    assert_eq!(named(json!({}), "create pods/exec"), [] as [&str; 0]);
}

#[test]
fn the_systems_own_are_set_apart_by_what_every_server_gives_them() {
    let labelled = |mut object: Value| {
        object["metadata"]["labels"] = json!({ "kubernetes.io/bootstrapping": "rbac-defaults" });
        object
    };
    let answer = |binding: Value| {
        let answer = to(&cluster([role(None, "cluster-admin", &["* *.*"]), binding]), &Goal::ClusterAdmin);
        (answer.paths.len(), answer.system.len())
    };
    // Members of system:masters are always among the system's.
    let own = || bind(None, "b", "cluster-admin", account("kube-system", "controller"));
    assert_eq!(answer(labelled(own())), (0, 2));
    assert_eq!(answer(own()), (1, 1));
    assert_eq!(answer(labelled(bind(None, "b", "cluster-admin", account("shop", "web")))), (1, 1));
    assert_eq!(
        answer(bind(None, "b", "cluster-admin", json!({ "kind": "Group", "name": "system:authenticated" }))),
        (1, 1)
    );
}

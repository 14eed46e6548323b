//! What a reviewer should see: each kind of concern, what is nearly one, and that a fresh cluster shows none.

use std::collections::BTreeSet;

use kspec_analysis::review::{Concern, ConcernKind, Issuers, Review, ReviewSettings, review};
use kspec_model::{Object, ObjectKey, cluster::Cluster};
use serde_json::{Value, json};

use crate::paths::{account, bind, cluster, grant, namespace, pod, role, user};

fn namespaced(group: &str, resource: &str) -> Option<bool> {
    match (group, resource) {
        ("", "nodes" | "namespaces" | "persistentvolumes") => Some(false),
        ("", _) | ("apps" | "batch" | "coordination.k8s.io", _) => Some(true),
        _ => None,
    }
}

fn settings<'a>(none: &'a BTreeSet<ObjectKey>) -> ReviewSettings<'a> {
    ReviewSettings {
        exec_by_get: false,
        constrained_impersonation: true,
        dynamic: &[],
        controls: None,
        complete: true,
        break_glass: none,
        own: &|_| false,
        namespaced: &namespaced,
        issuers: None,
    }
}

fn of(cluster: &Cluster) -> Review {
    review(cluster, &settings(&BTreeSet::new()))
}

/// Concerns of one kind.
fn only(objects: impl IntoIterator<Item = Value>, kind: ConcernKind) -> Vec<Concern> {
    of(&cluster(objects)).concerns.into_iter().filter(|concern| concern.kind == kind).collect()
}

fn evidence(objects: impl IntoIterator<Item = Value>, kind: ConcernKind) -> Vec<String> {
    only(objects, kind).into_iter().flat_map(|concern| concern.evidence).collect()
}

fn deployment(namespace: &str, name: &str, spec: Value) -> Value {
    let mut spec = spec;
    // Every volume is mounted.
    let volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
    let mounts: Vec<_> = volumes.iter().map(|volume| json!({ "name": volume["name"], "mountPath": "/v" })).collect();
    spec.as_object_mut()
        .unwrap()
        .entry("containers")
        .or_insert(json!([{ "name": "c", "image": "i", "volumeMounts": mounts }]));
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": { "matchLabels": { "app": name } }, "template": { "metadata": { "labels": { "app": name } }, "spec": spec } },
    })
}

fn service_account(namespace: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": namespace } })
}

fn secret(namespace: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace }, "type": "Opaque" })
}

/// Roles and bindings that an API server of 1.36 creates.
fn bootstrap() -> Vec<Value> {
    include_str!("../../../schema/data/1.36.rbac.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What `kubeadm init` and its add-ons leave behind: `cmd/kubeadm/app/phases` of Kubernetes.
fn kubeadm() -> Vec<Value> {
    let mut objects: Vec<Value> = ["default", "kube-system", "kube-public", "kube-node-lease"]
        .iter()
        .flat_map(|name| {
            let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            [namespace, service_account(name, "default")]
        })
        .collect();
    let group = |name: &str| json!({ "kind": "Group", "name": name });
    let tokens = || group("system:bootstrappers:kubeadm:default-node-token");
    objects.extend([
        bind(None, "kubeadm:cluster-admins", "cluster-admin", group("kubeadm:cluster-admins")),
        bind(None, "kubeadm:kubelet-bootstrap", "system:node-bootstrapper", tokens()),
        bind(
            None,
            "kubeadm:node-autoapprove-bootstrap",
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            tokens(),
        ),
        bind(
            None,
            "kubeadm:node-autoapprove-certificate-rotation",
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            group("system:nodes"),
        ),
        role(None, "kubeadm:get-nodes", &["get nodes"]),
        bind(None, "kubeadm:get-nodes", "kubeadm:get-nodes", tokens()),
        bind(None, "kubeadm:node-proxier", "system:node-proxier", account("kube-system", "kube-proxy")),
        role(Some("kube-system"), "kubeadm:kubelet-config", &["get configmaps named kubelet-config"]),
        bind(Some("kube-system"), "kubeadm:kubelet-config", "Role/kubeadm:kubelet-config", group("system:nodes")),
        role(Some("kube-system"), "kubeadm:nodes-kubeadm-config", &["get configmaps named kubeadm-config"]),
        bind(Some("kube-system"), "kubeadm:nodes-kubeadm-config", "Role/kubeadm:nodes-kubeadm-config", tokens()),
        role(Some("kube-system"), "kube-proxy", &["get configmaps named kube-proxy"]),
        bind(Some("kube-system"), "kube-proxy", "Role/kube-proxy", tokens()),
        role(Some("kube-public"), "kubeadm:bootstrap-signer-clusterinfo", &["get configmaps named cluster-info"]),
        bind(
            Some("kube-public"),
            "kubeadm:bootstrap-signer-clusterinfo",
            "Role/kubeadm:bootstrap-signer-clusterinfo",
            user("system:anonymous"),
        ),
        role(
            None,
            "system:coredns",
            &[
                "list,watch endpoints",
                "list,watch services",
                "list,watch pods",
                "list,watch namespaces",
                "list,watch endpointslices.discovery.k8s.io",
            ],
        ),
        bind(None, "system:coredns", "system:coredns", account("kube-system", "coredns")),
        service_account("kube-system", "coredns"),
        service_account("kube-system", "kube-proxy"),
        deployment("kube-system", "coredns", json!({ "serviceAccountName": "coredns" })),
    ]);
    let privileged = json!([{ "name": "kube-proxy", "image": "i", "securityContext": { "privileged": true } }]);
    objects.push(json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": { "name": "kube-proxy", "namespace": "kube-system" },
        "spec": { "selector": { "matchLabels": { "k8s-app": "kube-proxy" } }, "template": { "metadata": { "labels": { "k8s-app": "kube-proxy" } }, "spec": { "serviceAccountName": "kube-proxy", "hostNetwork": true, "containers": privileged } } },
    }));
    for component in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        let path = json!([{ "name": "pki", "hostPath": { "path": "/etc/kubernetes/pki" } }]);
        let mounts =
            json!([{ "name": component, "image": "i", "volumeMounts": [{ "name": "pki", "mountPath": "/pki" }] }]);
        let mut pod = pod(
            "kube-system",
            &format!("{component}-cp"),
            json!({ "nodeName": "cp", "hostNetwork": true, "volumes": path, "containers": mounts }),
        );
        pod["metadata"]["labels"] = json!({ "component": component, "tier": "control-plane" });
        objects.push(pod);
    }
    objects
}

#[test]
fn a_fresh_cluster_shows_nothing_and_says_what_it_left_out() {
    for objects in [bootstrap(), bootstrap().into_iter().chain(kubeadm()).collect()] {
        let review = of(&cluster(objects));
        assert_eq!(review.concerns, []);
        assert!(review.of_the_system.iter().any(|concern| concern.kind == ConcernKind::ToClusterAdmin));
    }
}

#[test]
fn the_systems_own_names_cover_nobody_elses_grants() {
    // An account of kube-system that somebody bound is somebody's.
    let tiller = bind(None, "tiller", "cluster-admin", account("kube-system", "tiller"));
    let review = of(&cluster(bootstrap().into_iter().chain(kubeadm()).chain([tiller])));
    let about: Vec<_> = review.concerns.iter().map(|concern| (concern.kind, concern.subjects.len())).collect();
    assert_eq!(about, [(ConcernKind::ToClusterAdmin, 1), (ConcernKind::UnusedAccount, 1)]);
    assert!(review.concerns[0].evidence[0].contains("kube-system/tiller"));
    // Nor does a group of everyone pass for a component.
    for everyone in ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"] {
        let open = bind(None, "open", "cluster-admin", json!({ "kind": "Group", "name": everyone }));
        let review = of(&cluster(bootstrap().into_iter().chain([open])));
        assert_eq!(review.concerns[0].severity, kspec_diagnostics::Severity::Error, "{everyone}");
    }
}

#[test]
fn hundreds_alike_are_one() {
    let mut objects =
        vec![role(None, "cluster-admin", &["* *.*"]), bind(None, "root", "cluster-admin", account("ops", "root"))];
    objects.push(role(None, "deployer", &["create pods"]));
    for number in 0..300 {
        let subject = user(&format!("u{number:03}"));
        objects.push(bind(Some("ops"), &format!("b{number}"), "deployer", subject));
    }
    let concerns = only(objects, ConcernKind::ToClusterAdmin);
    let counts: Vec<_> = concerns.iter().map(|concern| (concern.what.as_str(), concern.count)).collect();
    assert_eq!(counts, [("ClusterRole deployer: create-pod, run-as, hold-everything", 300), ("directly", 1)]);
    assert_eq!(
        concerns[0].evidence,
        [
            "user u000",
            "creates a new pod in namespace ops (RoleBinding ops/b0 of ClusterRole deployer)",
            "runs it as service account ops/root",
            "may do everything (ClusterRoleBinding root of ClusterRole cluster-admin)",
        ]
    );
}

#[test]
fn goals_are_ranked_and_the_furthest_is_said() {
    let privileged = json!({ "nodeName": "n1", "automountServiceAccountToken": false, "containers": [{ "name": "c", "securityContext": { "privileged": true } }] });
    let objects: Vec<_> = grant(None, "secrets", &["list secrets"], user("reader"))
        .into_iter()
        .chain(grant(None, "admin", &["* *.*"], user("admin")))
        .chain(grant(Some("shop"), "names", &["get secrets"], user("shopper")))
        .chain([pod("shop", "p", privileged)])
        .collect();
    let kinds = |objects: Vec<Value>| -> Vec<_> {
        let goals = [ConcernKind::ToClusterAdmin, ConcernKind::ToAllSecrets, ConcernKind::ToNode];
        let concerns = of(&cluster(objects)).concerns.into_iter().filter(|concern| goals.contains(&concern.kind));
        concerns.map(|concern| (concern.kind, concern.evidence[0].clone())).collect()
    };
    assert_eq!(
        kinds(objects),
        [
            (ConcernKind::ToNode, "whoever runs code in Pod shop/p".to_owned()),
            (ConcernKind::ToClusterAdmin, "user admin".to_owned()),
            (ConcernKind::ToAllSecrets, "user reader".to_owned()),
        ]
    );
}

#[test]
fn break_glass_is_given_on_purpose() {
    let objects = [role(None, "all", &["* *.*"]), bind(None, "glass", "all", user("oncall"))];
    let cluster = cluster(objects.clone());
    let key = Object(objects[1].clone()).key();
    let declared = BTreeSet::from([key]);
    let none = BTreeSet::new();
    let kinds = |settings: &ReviewSettings<'_>| -> Vec<_> {
        review(&cluster, settings).concerns.into_iter().map(|concern| concern.kind).collect()
    };
    assert_eq!(kinds(&settings(&none)), [ConcernKind::Wildcard, ConcernKind::ToClusterAdmin, ConcernKind::SingleUser]);
    assert_eq!(kinds(&ReviewSettings { break_glass: &declared, ..settings(&none) }), [ConcernKind::Wildcard]);
}

#[test]
fn secrets_of_a_namespace_are_read_without_names() {
    let lines = |rule: &str| evidence(grant(Some("shop"), "r", &[rule], user("u")), ConcernKind::ReadsAllSecrets);
    for (rule, verbs) in [("get secrets", "get"), ("list,create secrets", "list"), ("watch secrets", "watch")] {
        assert_eq!(
            lines(rule),
            [format!("user u may {verbs} secrets in namespace shop (RoleBinding shop/r of Role shop/r)")],
            "{rule}"
        );
    }
    // Who keeps the secrets is meant to see them.
    for (rule, severity) in [("get secrets", "Warning"), ("get,update secrets", "Information")] {
        let told = only(grant(Some("shop"), "r", &[rule], user("u")), ConcernKind::ReadsAllSecrets);
        assert_eq!(format!("{:?}", told[0].severity), severity, "{rule}");
    }
    for rule in ["get secrets named a", "create secrets", "get configmaps", "get secrets.example.com"] {
        assert_eq!(lines(rule), [] as [&str; 0], "{rule}");
    }
}

#[test]
fn secrets_that_an_accounts_workloads_use_are_theirs() {
    let state = |rules: &[&str], mounts: &[&str]| {
        let volumes: Vec<_> =
            mounts.iter().map(|name| json!({ "name": name, "secret": { "secretName": name } })).collect();
        let spec = json!({ "serviceAccountName": "api", "volumes": volumes });
        let own = grant(Some("shop"), "r", rules, account("shop", "api"));
        let all = own.into_iter().chain([
            deployment("shop", "api", spec),
            secret("shop", "a"),
            secret("shop", "b"),
            secret("other", "c"),
        ]);
        evidence(all, ConcernKind::ReadsUnusedSecrets)
    };
    let says = |which: &str| {
        vec![
            format!("service account shop/api may read {which}"),
            "used by none of its workloads: Deployment shop/api".to_owned(),
        ]
    };
    assert_eq!(state(&["list secrets"], &["a"]), says("secret shop/b"));
    assert_eq!(state(&["get secrets named b"], &["a"]), says("secret shop/b"));
    assert_eq!(state(&["get secrets"], &[]), says("secret shop/a, secret shop/b"));
    assert_eq!(state(&["get secrets named a"], &["a"]), [] as [&str; 0]);
    assert_eq!(state(&["get secrets named gone"], &["a"]), [] as [&str; 0]);
    assert_eq!(state(&["create secrets"], &[]), [] as [&str; 0]);
}

#[test]
fn a_token_that_may_do_nothing_is_needless() {
    let with = |spec: Value, more: Vec<Value>| {
        evidence([deployment("shop", "web", spec)].into_iter().chain(more), ConcernKind::NeedlessToken)
    };
    let says = ["Deployment shop/web mounts a token of service account shop/default, which nothing is granted to"];
    assert_eq!(with(json!({}), vec![]), says);
    assert_eq!(with(json!({ "automountServiceAccountToken": true }), vec![]), says);
    assert_eq!(with(json!({ "automountServiceAccountToken": false }), vec![]), [] as [&str; 0]);
    // The volume that the API server adds to a pod is not by hand.
    let live = json!({ "volumes": [{ "name": "kube-api-access-x2x4z", "projected": { "sources": [{ "serviceAccountToken": { "path": "token" } }] } }] });
    assert_eq!(with(live, vec![]), says);
    let quiet = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": "shop" }, "automountServiceAccountToken": false });
    assert_eq!(with(json!({}), vec![quiet]), [] as [&str; 0]);
    let projected = json!({ "volumes": [{ "name": "t", "projected": { "sources": [{ "serviceAccountToken": { "path": "t" } }] } }] });
    assert_eq!(with(projected, vec![]), [] as [&str; 0]);
    for subject in [account("shop", "default"), json!({ "kind": "Group", "name": "system:serviceaccounts:shop" })] {
        let granted = grant(Some("shop"), "r", &["get configmaps"], subject).to_vec();
        assert_eq!(with(json!({}), granted), [] as [&str; 0]);
    }
    let everyone =
        grant(None, "r", &["get configmaps"], json!({ "kind": "Group", "name": "system:authenticated" })).to_vec();
    assert_eq!(with(json!({}), everyone), says);
}

#[test]
fn an_account_is_one_applications() {
    let with = |first: &str, second: &str, granted: bool| {
        let app = |name: &str, part_of: &str| {
            let mut object = deployment("shop", name, json!({ "serviceAccountName": "sa" }));
            object["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/part-of"] = json!(part_of);
            object
        };
        let own = granted.then(|| grant(Some("shop"), "r", &["get configmaps"], account("shop", "sa")));
        let all = own.into_iter().flatten().chain([app("a", first), app("b", second)]);
        evidence(all, ConcernKind::SharedAccount)
    };
    assert_eq!(
        with("cart", "search", true),
        [
            "cart: Deployment shop/a runs as service account shop/sa",
            "search: Deployment shop/b runs as service account shop/sa"
        ]
    );
    assert_eq!(with("cart", "cart", true), [] as [&str; 0]);
    assert_eq!(with("cart", "search", false), [] as [&str; 0]);
}

#[test]
fn a_granted_account_that_nothing_uses() {
    let with = |more: Vec<Value>| {
        let own = grant(Some("ci"), "r", &["get configmaps"], account("ci", "old"));
        let other = deployment("ci", "other", json!({}));
        evidence(own.into_iter().chain([other]).chain(more), ConcernKind::UnusedAccount)
    };
    let says = |first: &str| vec![first.to_owned(), "RoleBinding ci/r gives it Role ci/r".to_owned()];
    assert_eq!(
        with(vec![service_account("ci", "old")]),
        says("no workload runs as service account ci/old, and no secret holds a token of it")
    );
    assert_eq!(
        with(vec![]),
        says("service account ci/old is not there: whoever creates it in namespace ci has what it is granted")
    );
    let mut token = secret("ci", "t");
    token["type"] = json!("kubernetes.io/service-account-token");
    token["metadata"]["annotations"] = json!({ "kubernetes.io/service-account.name": "old" });
    assert_eq!(with(vec![service_account("ci", "old"), token]), [] as [&str; 0]);
    assert_eq!(with(vec![deployment("ci", "d", json!({ "serviceAccountName": "old" }))]), [] as [&str; 0]);
}

#[test]
fn whoever_deploys_does_not_keep_the_secrets() {
    let mounts = json!({ "volumes": [{ "name": "v", "secret": { "secretName": "s" } }] });
    let with = |deploys: (&str, &str), keeps: (&str, &str)| {
        let all = grant(Some(deploys.0), "d", &[deploys.1], user("u"))
            .into_iter()
            .chain(grant(Some(keeps.0), "k", &[keeps.1], user("u")))
            .chain([deployment("shop", "web", mounts.clone())]);
        evidence(all, ConcernKind::DeploysAndKeepsSecrets)
    };
    for (deploys, keeps) in [
        ("create pods", "update secrets"),
        ("patch deployments.apps", "create secrets"),
        ("create cronjobs.batch", "delete secrets"),
    ] {
        assert_eq!(
            with(("shop", deploys), ("shop", keeps)),
            [
                "user u deploys in namespace shop (RoleBinding shop/d of Role shop/d)",
                "and writes its secrets (RoleBinding shop/k of Role shop/k)",
                "workloads there that use secrets: 1; a pod of one's own may mount any",
            ]
        );
    }
    assert_eq!(with(("shop", "create pods"), ("other", "update secrets")), [] as [&str; 0]);
    assert_eq!(with(("shop", "get pods"), ("shop", "update secrets")), [] as [&str; 0]);
    assert_eq!(with(("shop", "create pods"), ("shop", "get secrets")), [] as [&str; 0]);
    assert_eq!(with(("shop", "create pods"), ("shop", "update secrets named a")), [] as [&str; 0]);
}

#[test]
fn a_grant_over_the_cluster_that_one_in_a_namespace_would_serve() {
    let with = |rules: &[&str], subject: Value| {
        let all = grant(None, "r", rules, subject).into_iter().chain([
            secret("shop", "a"),
            secret("shop", "b"),
            secret("other", "b"),
            namespace("ops", "baseline"),
        ]);
        evidence(all, ConcernKind::WiderThanNeeded)
    };
    let wide = "ClusterRoleBinding r gives ClusterRole r in every namespace";
    assert_eq!(
        with(&["get secrets named a"], user("u")),
        [wide, "all that ClusterRole r is about lies in namespace shop"]
    );
    assert_eq!(
        with(&["get,list configmaps"], account("ops", "sa")),
        [wide, "its subjects live in namespace ops; all that ClusterRole r allows lies in namespaces"]
    );
    assert_eq!(with(&["get secrets named b"], user("u")), [] as [&str; 0]);
    assert_eq!(with(&["get secrets"], user("u")), [] as [&str; 0]);
    assert_eq!(with(&["get configmaps", "get nodes"], account("ops", "sa")), [] as [&str; 0]);
    assert_eq!(with(&["get widgets.example.com"], account("ops", "sa")), [] as [&str; 0]);
}

#[test]
fn users_and_groups_come_from_an_issuer() {
    let issuers = Issuers::of(&[json!({
        "issuer": { "url": "https://id.example.com" },
        "claimMappings": { "username": { "claim": "email", "prefix": "oidc:" }, "groups": { "expression": "'oidc:' + claims.team" } },
    })]);
    let none = BTreeSet::new();
    let strangers = |subject: Value| -> Vec<_> {
        let cluster = cluster(grant(Some("shop"), "r", &["get configmaps"], subject));
        let settings = ReviewSettings { issuers: Some(&issuers), ..settings(&none) };
        let concerns = review(&cluster, &settings).concerns.into_iter();
        concerns.filter(|concern| concern.kind == ConcernKind::NoIssuer).map(|concern| concern.what).collect()
    };
    let group = |name: &str| json!({ "kind": "Group", "name": name });
    assert_eq!(strangers(group("devs")), ["group devs"]);
    assert_eq!(strangers(user("ann@example.com")), ["user ann@example.com"]);
    assert_eq!(strangers(user("oidc:ann")), ["user oidc:ann"]);
    for known in [group("oidc:devs"), user("oidc:ann@example.com"), group("system:masters"), account("shop", "a")] {
        assert_eq!(strangers(known), [] as [&str; 0]);
    }
    let any = Issuers::of(&[json!({ "claimMappings": { "username": { "expression": "claims.sub.lowerAscii()" } } })]);
    let settings = ReviewSettings { issuers: Some(&any), ..settings(&none) };
    let cluster = cluster(grant(Some("shop"), "r", &["get configmaps"], user("ann")));
    assert!(review(&cluster, &settings).concerns.iter().all(|concern| concern.kind != ConcernKind::NoIssuer));
}

#[test]
fn grants_that_give_nothing_and_roles_that_do() {
    let narrow = || grant(Some("shop"), "narrow", &["get pods"], user("u"));
    let nothing = |objects: Vec<Value>| -> Vec<_> {
        let kinds = [ConcernKind::ChangesNothing, ConcernKind::SubsumedRole];
        let concerns = of(&cluster(objects)).concerns.into_iter();
        concerns.filter(|c| kinds.contains(&c.kind)).map(|c| (c.kind, c.evidence[0].clone())).collect()
    };
    let with = |more: [Value; 2]| nothing(narrow().into_iter().chain(more).collect());
    // Of a role that all of its holders have in another, the role is told.
    let subsumed = (ConcernKind::SubsumedRole, "ClusterRole wide allows all that Role shop/narrow allows".to_owned());
    assert_eq!(with(grant(None, "wide", &["get,list pods", "get services"], user("u"))), [subsumed]);
    // By a group that everyone is in.
    let everyone = json!({ "kind": "Group", "name": "system:authenticated" });
    assert_eq!(with(grant(None, "wide", &["* pods"], everyone)).len(), 1);
    for nearly in [
        grant(Some("other"), "wide", &["get pods"], user("u")),
        grant(None, "wide", &["list pods"], user("u")),
        grant(None, "wide", &["get pods named a"], user("u")),
        grant(None, "wide", &["get pods"], user("v")),
    ] {
        assert_eq!(with(nearly), []);
    }
    // Twice the same: one of them.
    let twice = [role(None, "r", &["get pods"]), bind(None, "a", "r", user("u")), bind(None, "b", "r", user("u"))];
    let says =
        (ConcernKind::ChangesNothing, "ClusterRoleBinding b gives nothing beside ClusterRoleBinding a".to_owned());
    assert_eq!(nothing(twice.to_vec()), [says]);
    // By two others together.
    let both = grant(None, "both", &["get pods", "get services"], user("u")).into_iter();
    let parts = grant(None, "p", &["get,list pods", "get nodes"], user("u")).into_iter().chain(grant(
        None,
        "s",
        &["get,list services", "get nodes"],
        user("u"),
    ));
    let by = (
        ConcernKind::ChangesNothing,
        "ClusterRoleBinding both gives nothing beside ClusterRoleBinding p, ClusterRoleBinding s".to_owned(),
    );
    assert_eq!(nothing(both.chain(parts).collect()), [by]);
    let empty = [role(None, "r", &[]), bind(None, "a", "r", user("u"))];
    let says =
        (ConcernKind::ChangesNothing, "ClusterRoleBinding a binds ClusterRole r, which allows nothing".to_owned());
    assert_eq!(nothing(empty.to_vec()), [says]);
}

#[test]
fn a_binding_of_a_role_that_is_not_there() {
    let dangling = bind(Some("shop"), "b", "Role/gone", user("u"));
    assert_eq!(
        evidence([dangling.clone()], ConcernKind::NoSuchRole),
        ["RoleBinding shop/b binds Role shop/gone, which is not there"]
    );
    let there = role(Some("shop"), "gone", &["get pods"]);
    assert_eq!(evidence([dangling.clone(), there], ConcernKind::NoSuchRole), [] as [&str; 0]);
    // What a part of a cluster does not show may be there.
    let none = BTreeSet::new();
    let part = ReviewSettings { complete: false, ..settings(&none) };
    assert!(review(&cluster([dangling]), &part).concerns.iter().all(|concern| concern.kind != ConcernKind::NoSuchRole));
}

#[test]
fn roles_of_others_with_wildcards_and_escalating_verbs() {
    let of_role = |rule: &str, bound: bool| -> Vec<_> {
        let mut objects = vec![role(None, "r", &[rule])];
        objects.extend(bound.then(|| bind(Some("shop"), "b", "r", user("u"))));
        let kinds = [ConcernKind::Wildcard, ConcernKind::EscalatingVerb];
        let concerns = of(&cluster(objects)).concerns.into_iter().filter(|c| kinds.contains(&c.kind));
        concerns.map(|concern| (concern.kind, concern.what)).collect()
    };
    assert_eq!(of_role("* pods", true), [(ConcernKind::Wildcard, "every verb".to_owned())]);
    assert_eq!(of_role("get *", true), [(ConcernKind::Wildcard, "every resource".to_owned())]);
    assert_eq!(
        of_role("bind,escalate clusterroles.rbac", true),
        [(ConcernKind::EscalatingVerb, "bind, escalate".to_owned())]
    );
    assert_eq!(of_role("* pods", false), []);
    assert_eq!(of_role("get pods", true), []);
}

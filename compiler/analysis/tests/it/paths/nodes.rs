//! What a node is to the API server, for whoever holds its kubelet's key.

use kspec_analysis::access::SubjectRef;

use super::*;

fn group(name: &str) -> Value {
    json!({ "kind": "Group", "name": name })
}

fn key() -> Goal {
    Goal::Secret { namespace: Some("pay".into()), name: Some("key".into()) }
}

/// The secret that nodes are after, which no pod holds.
fn secret() -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key", "namespace": "pay" } })
}

/// What root on `n1` comes to, where a role that reads the secret is bound to somebody.
fn of_root(subject: Value) -> Option<String> {
    let agent = pod("shop", "p", container(json!({ "securityContext": { "privileged": true } })));
    let objects = grant(Some("pay"), "r", &["get secrets"], subject).into_iter().chain([secret(), agent]);
    chains(&cluster(objects), &key(), "Pod shop/p").into_iter().next()
}

#[test]
fn whoever_holds_a_node_has_what_bindings_give_it() {
    let way = |subject: &str| {
        Some(format!(
            "leaves a privileged container for node n1 | uses the kubelet's key: {subject} | reads secret pay/key"
        ))
    };
    assert_eq!(of_root(group("system:nodes")), way("group system:nodes"));
    assert_eq!(of_root(user("system:node:n1")), way("node n1 itself"));
    for near in
        [group("system:node"), group("system:node:n1"), user("system:node:n2"), user("system:nodes"), user("n1")]
    {
        assert_eq!(of_root(near.clone()), None, "{near}");
    }
    // A node is one of its group: what either gives, it may together.
    let together = |binds: Value| {
        let agent = pod("shop", "p", container(json!({ "securityContext": { "privileged": true } })));
        let objects = grant(None, "b", &["bind clusterroles.rbac"], binds).into_iter();
        let objects = objects.chain(grant(None, "c", &["create clusterrolebindings.rbac"], user("system:node:n1")));
        chains(&with_admin(objects.chain([agent])), &Goal::ClusterAdmin, "Pod shop/p")
    };
    assert_eq!(
        together(group("system:nodes")),
        [
            "leaves a privileged container for node n1 | uses the kubelet's key: node n1 itself | binds itself to cluster-admin"
        ]
    );
    assert_eq!(together(group("devs")), [] as [&str; 0]);
}

#[test]
fn a_kubelets_key_is_mounted_from_its_node() {
    let of = |path: &str| {
        let mut spec = container(json!({ "volumeMounts": [{ "name": "v", "mountPath": "/v", "readOnly": true }] }));
        spec["volumes"] = json!([{ "name": "v", "hostPath": { "path": path } }]);
        let objects = grant(Some("pay"), "r", &["get secrets"], group("system:nodes")).into_iter();
        let cluster = cluster(objects.chain([secret(), pod("shop", "p", spec)]));
        chains(&cluster, &key(), "Pod shop/p").into_iter().next()
    };
    let way = Some("uses the kubelet's key: group system:nodes | reads secret pay/key".to_owned());
    for (path, expected) in [
        ("/var/lib/kubelet/pki", true),
        ("/var/lib/kubelet", true),
        ("/var/lib/k0s/kubelet/pki/kubelet-client-current.pem", true),
        ("/var/lib/rancher/rke2/agent", true),
        ("/var/lib/kubelet/pods", false),
        ("/var/lib/kubelet/config.yaml", false),
        ("/var/lib/rancher/rke2/agent/logs", false),
    ] {
        assert_eq!(of(path), way.clone().filter(|_| expected), "{path}");
    }
}

/// What a user comes to who holds these rules, where nodes read the secret, and a pod of `n1` holds another.
fn of_rules(rules: &[&str], goal: &Goal) -> Vec<String> {
    let card =
        container(json!({ "env": [{ "name": "K", "valueFrom": { "secretKeyRef": { "name": "card", "key": "k" } } }] }));
    let objects = grant(None, "u", rules, user("u")).into_iter();
    let objects = objects.chain(grant(Some("pay"), "r", &["get secrets named key"], group("system:nodes")));
    chains(&cluster(objects.chain([secret(), pod("pay", "card", card)])), goal, "user u")
}

fn card() -> Goal {
    Goal::Secret { namespace: Some("pay".into()), name: Some("card".into()) }
}

#[test]
fn a_nodes_certificate_is_a_node() {
    let approves = |signer: &str| {
        let signer = format!("approve signers.cert named kubernetes.io/{signer}");
        let rules =
            ["create certificatesigningrequests.cert", "update certificatesigningrequests.cert/approval", &signer];
        of_rules(&rules, &key())
    };
    let way = ["approves a certificate for itself as group system:nodes | reads secret pay/key"];
    assert_eq!(approves("kube-apiserver-client-kubelet"), way);
    assert_eq!(approves("kube-apiserver-client"), way);
    assert_eq!(approves("kubelet-serving"), [] as [&str; 0]);
    // The control plane approves what bootstrapping nodes ask for.
    let rules = ["create certificatesigningrequests.cert", "create certificatesigningrequests.cert/nodeclient"];
    let asked = |to: &str| format!("asks for a certificate, which is approved: {to}");
    assert_eq!(of_rules(&rules, &key()), [format!("{} | reads secret pay/key", asked("group system:nodes"))]);
    let held = format!("{} | finds there secret pay/card", asked("what node n1 keeps of its pods"));
    assert_eq!(of_rules(&rules, &card()), [held]);
    for near in [
        [rules[0], "create certificatesigningrequests.cert/selfnodeclient"],
        [rules[0], "update certificatesigningrequests.cert/nodeclient"],
        ["get certificatesigningrequests.cert", rules[1]],
    ] {
        assert_eq!(of_rules(&near, &card()), [] as [&str; 0], "{near:?}");
    }
}

#[test]
fn a_node_is_impersonated_by_its_user_and_its_group() {
    let users = |names: &str| format!("impersonate users{names}");
    let of = |user: &str, group: &str| of_rules(&[&users(user), &format!("impersonate groups named {group}")], &card());
    let way = ["impersonates what node n1 keeps of its pods | finds there secret pay/card"];
    assert_eq!(of("", "system:nodes"), way);
    assert_eq!(of(" named system:node:n1", "system:nodes"), way);
    for (user, group) in [(" named system:node:n2", "system:nodes"), (" named n1", "system:nodes"), ("", "devs")] {
        assert_eq!(of(user, group), [] as [&str; 0], "{user}, {group}");
    }
    let accounts = ["impersonate serviceaccounts", "impersonate groups named system:nodes"];
    assert_eq!(of_rules(&accounts, &card()), [] as [&str; 0]);
    assert_eq!(of_rules(&[&users("")], &card()), [] as [&str; 0]);
}

#[test]
fn a_node_asks_for_tokens_that_its_pods_do_not_mount() {
    let of = |restricted: bool, mounts: bool, node: &str| {
        let agent = pod("shop", "p", container(json!({ "securityContext": { "privileged": true } })));
        let root = json!({ "serviceAccountName": "root", "nodeName": node, "automountServiceAccountToken": mounts });
        let mut cluster = with_admin([agent, pod("ops", "web", root)]);
        cluster.nodes_restricted = restricted;
        chains(&cluster, &Goal::ClusterAdmin, "Pod shop/p")
    };
    let left = "leaves a privileged container for node n1";
    let asks = format!(
        "{left} | uses the kubelet's key: node n1 itself | asks for a token of service account ops/root | may do everything"
    );
    assert_eq!(of(false, false, "n1"), [asks]);
    assert_eq!(of(true, false, "n1"), [] as [&str; 0]);
    assert_eq!(of(false, false, "n2"), [] as [&str; 0]);
    let enters = format!(
        "{left} | enters Pod ops/web, which runs there | uses the token there of service account ops/root | may do everything"
    );
    assert_eq!(of(true, true, "n1"), [enters]);
}

#[test]
fn a_node_lends_what_bindings_give_it() {
    let of = |rules: &[&str], subject: Value| {
        let nodes = grant(Some("ops"), "n", &["create pods"], subject);
        let objects = grant(None, "r", rules, user("u")).into_iter().chain(nodes);
        let cluster = with_admin(objects.chain([pod("ops", "web", container(json!({})))]));
        let settings = Settings { constrained_impersonation: true, ..Settings::default() };
        let from = Origin::Subject(SubjectRef::User { name: "u".to_owned() });
        Paths::new(&cluster, &settings).to(&Goal::ClusterAdmin, Some(&from)).paths.len()
    };
    let any = "impersonate:arbitrary-node nodes.authentication.k8s.io";
    let named = |name: &str| format!("{any} named {name}");
    let pods = "impersonate-on:arbitrary-node:create pods";
    assert_eq!(of(&[any, pods], group("system:nodes")), 1);
    assert_eq!(of(&[any, pods], user("system:node:n1")), 1);
    assert_eq!(of(&[&named("n9"), pods], group("system:nodes")), 1, "whichever node");
    assert_eq!(of(&[&named("n9"), pods], user("system:node:n1")), 0);
    assert_eq!(of(&[any, pods], group("devs")), 0);
    assert_eq!(of(&[any, "impersonate-on:user-info:create pods"], group("system:nodes")), 0);
    assert_eq!(of(&[any, "impersonate-on:arbitrary-node:get pods"], group("system:nodes")), 0);
}

#[test]
fn a_bootstrap_token_is_a_node_to_come() {
    let token = |name: &str| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "kube-system" } });
    let of = |place: &str, rules: &[&str], there: &str, group_is: &str, off: bool| {
        let own = grant(Some(place), "u", rules, user("u")).into_iter();
        let asks = ["create certificatesigningrequests.cert", "create certificatesigningrequests.cert/nodeclient"];
        let joins = grant(None, "join", &asks, group(group_is)).into_iter();
        let nodes = grant(Some("pay"), "r", &["get secrets named key"], group("system:nodes"));
        let mut cluster = cluster(own.chain(joins).chain(nodes).chain([secret(), token(there)]));
        cluster.no_bootstrap_tokens = off;
        chains(&cluster, &key(), "user u")
    };
    let joining = "system:bootstrappers:kubeadm:default-node-token";
    let way = |begins: &str| {
        [format!(
            "{begins} group {joining} | asks for a certificate, which is approved: group system:nodes | reads secret pay/key"
        )]
    };
    let (writes, there) = (way("writes a bootstrap token of"), "bootstrap-token-abc123");
    assert_eq!(of("kube-system", &["create secrets"], "other", joining, false), writes);
    assert_eq!(of("kube-system", &["update secrets"], there, joining, false), writes);
    let reads = way(&format!("reads secret kube-system/{there} | finds in it a token of"));
    assert_eq!(of("kube-system", &["get secrets"], there, joining, false), reads);
    for (place, rule, there, group, off) in [
        ("shop", "create secrets", there, joining, false),
        ("kube-system", "update secrets", "bootstrap-token-abc12", joining, false),
        ("kube-system", "update secrets named other", there, joining, false),
        ("kube-system", "get secrets", "bootstrap-tokens", joining, false),
        ("kube-system", "create secrets", there, "system:bootstrapped", false),
        ("kube-system", "create secrets", there, joining, true),
    ] {
        assert_eq!(of(place, &[rule], there, group, off), [] as [&str; 0], "{place} {rule} {there} {group} {off}");
    }
}

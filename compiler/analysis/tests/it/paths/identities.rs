//! What permissions lead to.

use super::*;

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
fn a_token_secret_that_is_there_becomes_anothers() {
    let secret = |name: &str, of: Value| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "ops", "annotations": { "kubernetes.io/service-account.name": "web" } }, "type": of });
    let there = || [secret("t", json!("kubernetes.io/service-account-token")), secret("o", json!("Opaque"))];
    let with = |rules: &[&str], place: &str| of_user(rules, Some(place), there());
    let way = "rewrites a secret for a token of service account ops/root | may do everything";
    for rules in
        [&["get,update secrets"][..], &["get,patch secrets named t"], &["list secrets", "patch secrets named t"]]
    {
        assert_eq!(with(rules, "ops"), [way], "{rules:?}");
    }
    assert_eq!(of_user(&["get,update secrets"], None, there()), [way]);
    for near in
        [&["get,update secrets named o"][..], &["update secrets"], &["get secrets named t", "update secrets named o"]]
    {
        assert_eq!(with(near, "ops"), [] as [&str; 0], "{near:?}");
    }
    assert_eq!(with(&["get,update secrets"], "shop"), [] as [&str; 0]);
}

#[test]
fn every_kind_that_stamps_pods_is_as_good_as_a_pod() {
    let way = "creates a new pod in namespace ops | runs it as service account ops/root | may do everything";
    for resource in [
        "pods",
        "replicationcontrollers",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "cronjobs.batch",
    ] {
        assert_eq!(of_user(&[&format!("create {resource}")], Some("ops"), []), [way], "{resource}");
        assert_eq!(of_user(&[&format!("delete {resource}")], Some("ops"), []), [] as [&str; 0], "{resource}");
    }
    assert_eq!(of_user(&["create podtemplates"], Some("ops"), []), [] as [&str; 0]);
    assert_eq!(of_user(&["create deployments.extensions.example.com"], Some("ops"), []), [] as [&str; 0]);
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
    let observer = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": { "name": "see" } });
    for (name, found) in [("see", 1), ("other", 0)] {
        let rewrite = format!("patch validatingwebhookconfigurations.adm named {name}");
        let cluster = cluster(grant(None, "r", &[&rewrite], user("u")).into_iter().chain([observer.clone()]));
        assert_eq!(chains(&cluster, &Goal::Secret { namespace: None, name: None }, "user u").len(), found, "{name}");
    }
    let seen = cluster(grant(None, "r", &["create validatingwebhookconfigurations.adm"], user("u")));
    let any = Goal::Secret { namespace: None, name: None };
    assert_eq!(chains(&seen, &any, "user u"), ["is shown what others write: any secret in every namespace"]);
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

//! Requests that admission refuses: the step is held back, for those who cannot take away what refuses it.

use kspec_analysis::abuse::{Attempt, Controls, Refusal, Refuser, SenderRefusal};

use super::*;

fn refusal(namespace: Option<&str>, attempt: Attempt, name: Option<&str>) -> Refusal {
    Refusal {
        namespace: namespace.map(str::to_owned),
        attempt,
        name: name.map(str::to_owned),
        by: vec![Refuser::Policy("p".into())],
        lasting: true,
    }
}

fn in_ops(attempt: Attempt, name: Option<&str>) -> Refusal {
    refusal(Some("ops"), attempt, name)
}

/// What `u` comes to with these rules in `ops`, or everywhere, and what holds them back.
fn of(refusals: &[Refusal], rules: &[&str], place: Option<&str>, goal: &Goal) -> (Vec<String>, Vec<String>) {
    let controls = Controls { refusals: refusals.to_vec(), ..Controls::default() };
    let namespaces =
        ["ops", "shop"].map(|name| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
    let running = |place: &str| pod(place, "web", json!({ "serviceAccountName": "root", "nodeName": "n1" }));
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key", "namespace": "ops" } });
    let other = bind(None, "shop", "cluster-admin", account("shop", "root"));
    let more = namespaces.into_iter().chain([running("ops"), running("shop"), secret, other]);
    let cluster = with_admin(grant(place, "r", rules, user("u")).into_iter().chain(more));
    let settings = Settings { controls: Some(&controls), goals: std::slice::from_ref(goal), ..Settings::default() };
    let answer = Paths::new(&cluster, &settings).to(goal, None);
    let by_user = |paths: &[Path]| {
        paths
            .iter()
            .filter(|path| matches!(&path.from, Origin::Subject(subject) if subject.to_string() == "user u"))
            .cloned()
            .collect::<Vec<_>>()
    };
    let held = by_user(&answer.held_back);
    let by = held.iter().flat_map(|path| &path.steps).filter_map(|step| Some(step.held_back_by.clone()?.to_string()));
    let open = lines(&by_user(&answer.paths));
    (open.iter().filter_map(|line| line.strip_prefix("user u: ")).map(str::to_owned).collect(), by.collect())
}

/// That new pods become root on no node, whatever else holds.
fn no_node() -> [Refusal; 4] {
    [
        ("ops", Attempt::NewPod),
        ("ops", Attempt::NodeProcesses),
        ("shop", Attempt::NewPod),
        ("shop", Attempt::NodeProcesses),
    ]
    .map(|(name, attempt)| Refusal { by: vec![Refuser::Policy("nodes".into())], ..refusal(Some(name), attempt, None) })
}

fn held_by(text: &str) -> (Vec<String>, Vec<String>) {
    (Vec::new(), vec![text.to_owned()])
}

const OPS: &str = "ValidatingAdmissionPolicy p in namespace ops";

#[test]
fn what_is_refused_of_pods_that_run_is_held_back() {
    for (rule, attempt) in [
        ("create pods/exec", Attempt::Exec),
        ("create pods/exec named web", Attempt::Exec),
        ("create pods/attach", Attempt::Attach),
        ("update pods/ephemeralcontainers", Attempt::AnyContainer),
        ("update pods/ephemeralcontainers named web", Attempt::AnyContainer),
        ("create serviceaccounts/token", Attempt::Token),
        ("create serviceaccounts/token named root", Attempt::Token),
    ] {
        let with = |refusals: &[Refusal], place| of(refusals, &[rule], place, &Goal::ClusterAdmin);
        assert_eq!(with(&[in_ops(attempt, None)], Some("ops")), held_by(OPS), "{rule}");
        assert_eq!(with(&[], Some("ops")).0.len(), 1, "{rule}");
        // Another request, and another namespace.
        assert_eq!(with(&[in_ops(Attempt::Forward, None)], Some("ops")).0.len(), 1, "{rule}");
        assert_eq!(with(&[refusal(Some("shop"), attempt, None)], Some("ops")).0.len(), 1, "{rule}");
        let elsewhere = with(&[in_ops(attempt, None)], None).0;
        assert!(elsewhere.iter().all(|way| way.contains("shop/")) && elsewhere.len() == 1, "{rule}: {elsewhere:?}");
        let both = [in_ops(attempt, None), refusal(Some("shop"), attempt, None)];
        assert_eq!(with(&both, None).0, [] as [&str; 0], "{rule}");
    }
    // The kubelet asks nobody, and no other way in is the same request.
    assert_eq!(of(&[in_ops(Attempt::Exec, None)], &["get nodes/proxy"], None, &Goal::ClusterAdmin).0.len(), 1);
    let rules = ["create pods/exec", "create pods/attach"];
    assert_eq!(of(&[in_ops(Attempt::Exec, None)], &rules, Some("ops"), &Goal::ClusterAdmin).0.len(), 1);
    let named = [in_ops(Attempt::Token, Some("root"))];
    assert_eq!(of(&named, &["create serviceaccounts/token"], Some("ops"), &Goal::ClusterAdmin), held_by(OPS));
    let secrets = ["create,get secrets"];
    for name in [None, Some("root")] {
        let refused = [in_ops(Attempt::TokenSecret, name)];
        assert_eq!(of(&refused, &secrets, Some("ops"), &Goal::ClusterAdmin), held_by(OPS));
    }
    for near in [in_ops(Attempt::TokenSecret, Some("web")), in_ops(Attempt::Secret, None)] {
        assert_eq!(of(&[near], &secrets, Some("ops"), &Goal::ClusterAdmin).0.len(), 1);
    }
    let other = [in_ops(Attempt::Token, Some("web"))];
    assert_eq!(of(&other, &["create serviceaccounts/token"], Some("ops"), &Goal::ClusterAdmin).0.len(), 1);
}

#[test]
fn a_token_secret_of_one_account_becomes_anothers() {
    let admin = |refusals: &[Refusal], rules: &[&str]| of(refusals, rules, Some("ops"), &Goal::ClusterAdmin);
    let made = [in_ops(Attempt::TokenSecret, Some("root"))];
    let way = "rewrites a secret for a token of service account ops/root | may do everything";
    for rules in [&["create,get,update secrets"][..], &["create,patch secrets named t", "get,patch secrets named t"]] {
        assert_eq!(admin(&made, rules).0, [way], "{rules:?}");
    }
    for near in [
        &["create,get secrets"][..],
        &["create,update secrets"],
        &["create,patch secrets named t", "get secrets named u"],
    ] {
        assert_eq!(admin(&made, near).0, [] as [&str; 0], "{near:?}");
    }
    // Refused to be made for anyone, or to become this one's.
    assert_eq!(admin(&[in_ops(Attempt::TokenSecret, None)], &["create,get,update secrets"]).0, [] as [&str; 0]);
    for name in [None, Some("root")] {
        let both = [made[0].clone(), in_ops(Attempt::RetargetedSecret, name)];
        assert_eq!(admin(&both, &["create,get,update secrets"]), held_by(OPS));
    }
    let other = [made[0].clone(), in_ops(Attempt::RetargetedSecret, Some("web"))];
    assert_eq!(admin(&other, &["create,get,update secrets"]).0, [way]);
}

#[test]
fn connections_that_are_refused_are_held_back() {
    let key = ObjectKey { group: String::new(), kind: "Pod".into(), namespace: Some("ops".into()), name: "web".into() };
    let ports = Goal::Ports(key);
    for (rule, attempt) in [
        ("create pods/portforward", Attempt::Forward),
        ("create pods/portforward named web", Attempt::Forward),
        ("get pods/proxy", Attempt::ProxyPod),
    ] {
        assert_eq!(of(&[in_ops(attempt, None)], &[rule], Some("ops"), &ports), held_by(OPS), "{rule}");
        assert_eq!(of(&[in_ops(Attempt::Exec, None)], &[rule], Some("ops"), &ports).0.len(), 1, "{rule}");
    }
}

#[test]
fn what_a_new_pod_is_refused_is_held_back() {
    let of = |refusals: &[Refusal], rules: &[&str], place, goal: &Goal| {
        of(&[refusals, &no_node()].concat(), rules, place, goal)
    };
    let admin = |refusals: &[Refusal], rules: &[&str]| of(refusals, rules, Some("ops"), &Goal::ClusterAdmin);
    let creates = ["create pods"];
    assert_eq!(admin(&[in_ops(Attempt::Account, Some("root"))], &creates), held_by(OPS));
    assert_eq!(admin(&[in_ops(Attempt::Account, None)], &creates), held_by(OPS));
    assert_eq!(admin(&[in_ops(Attempt::Account, Some("web"))], &creates).0.len(), 1);
    assert_eq!(admin(&[refusal(Some("shop"), Attempt::Account, None)], &creates).0.len(), 1);
    let key = Goal::Secret { namespace: Some("ops".into()), name: Some("key".into()) };
    let both = [in_ops(Attempt::Account, None), in_ops(Attempt::Secret, None)];
    assert_eq!(of(&both, &creates, Some("ops"), &key), held_by(OPS));
    assert_eq!(of(&[in_ops(Attempt::Account, None)], &creates, Some("ops"), &key).0.len(), 1);

    // Whoever may take the policy away, or the labels that it goes by, is not held back.
    let root = in_ops(Attempt::Account, Some("root"));
    let way = |around: &str| {
        format!("{around} | creates a new pod there | runs it as service account ops/root | may do everything")
    };
    let wide = |refusals: &[Refusal], rules: &[&str]| of(refusals, rules, None, &Goal::ClusterAdmin).0;
    let everywhere = [root.clone(), refusal(Some("shop"), Attempt::Account, Some("root"))];
    let taken = wide(&everywhere, &["create pods", "delete validatingadmissionpolicies.adm named p"]);
    assert_eq!(taken, [way("takes away what refuses pods of namespace ops")]);
    assert_eq!(wide(&everywhere, &["create pods", "delete validatingadmissionpolicies.adm named q"]), [] as [&str; 0]);
    let by_labels = Refusal { lasting: false, ..root.clone() };
    let relabels = ["create pods", "patch namespaces"];
    assert_eq!(admin(&[by_labels], &relabels).0, [way("changes the labels that hold pods back of namespace ops")]);
    assert_eq!(admin(&[root], &relabels), held_by(OPS));
}

#[test]
fn whoever_may_take_the_policy_away_sends_the_request() {
    let refused = [in_ops(Attempt::Exec, None), refusal(Some("shop"), Attempt::Exec, None)];
    let with = |more: &str| of(&refused, &["create pods/exec", more], None, &Goal::ClusterAdmin).0;
    let way = "takes away what refuses it in namespace ops | runs a command in Pod ops/web | uses the token there of service account ops/root | may do everything";
    for rule in [
        "delete validatingadmissionpolicies.adm",
        "patch validatingadmissionpolicies.adm named p",
        "deletecollection validatingadmissionpolicybindings.adm",
    ] {
        assert_eq!(with(rule), [way], "{rule}");
    }
    for near in [
        "patch validatingadmissionpolicies.adm named q",
        "delete validatingwebhookconfigurations.adm",
        "patch namespaces",
    ] {
        assert_eq!(with(near), [] as [&str; 0], "{near}");
    }
    // What a group may, and a member's own permission gets through.
    let group = json!({ "kind": "Group", "name": "system:authenticated" });
    let shared = |own: &str| {
        let controls = Controls { refusals: vec![in_ops(Attempt::Exec, None)], ..Controls::default() };
        let ops = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ops" } });
        let running = pod("ops", "web", json!({ "serviceAccountName": "root" }));
        let own = grant(None, "own", &[own], user("u"));
        let of_all = grant(Some("ops"), "all", &["create pods/exec"], group.clone());
        let cluster = with_admin(own.into_iter().chain(of_all).chain([ops, running]));
        let settings = Settings { controls: Some(&controls), ..Settings::default() };
        lines(&Paths::new(&cluster, &settings).to(&Goal::ClusterAdmin, None).paths)
    };
    assert!(shared("delete validatingadmissionpolicies.adm").contains(&format!("user u: {way}")));
    assert!(!shared("get validatingadmissionpolicies.adm").iter().any(|line| line.starts_with("user u: ")));
    let by_labels = [Refusal { lasting: false, ..in_ops(Attempt::Exec, None) }];
    let of_labels = |more: &str| of(&by_labels, &["create pods/exec", more], Some("ops"), &Goal::ClusterAdmin).0.len();
    assert_eq!((of_labels("patch namespaces"), of_labels("get namespaces")), (1, 0));
}

#[test]
fn bindings_that_are_refused_are_held_back() {
    let wide = "ValidatingAdmissionPolicy p";
    let admin = Some("ClusterRole/cluster-admin");
    let of = |refusals: &[Refusal], rules: &[&str], place| of(refusals, rules, place, &Goal::ClusterAdmin);
    let everywhere = |name| refusal(None, Attempt::BindEverywhere, name);
    let rules = ["create clusterrolebindings.rbac", "bind clusterroles.rbac"];
    assert_eq!(of(&[everywhere(admin)], &rules, None), held_by(wide));
    assert_eq!(of(&[everywhere(None)], &rules, None), held_by(wide));
    assert_eq!(of(&[everywhere(Some("ClusterRole/view"))], &rules, None).0.len(), 1);
    let named = ["create clusterrolebindings.rbac", "bind clusterroles.rbac named cluster-admin"];
    assert_eq!(of(&[everywhere(admin)], &named, None), held_by(wide));
    assert_eq!(of(&[refusal(None, Attempt::RebindEverywhere, admin)], &named, None).0.len(), 1);
    let rewrites = ["update clusterrolebindings.rbac", "bind clusterroles.rbac"];
    assert_eq!(of(&[refusal(None, Attempt::RebindEverywhere, admin)], &rewrites, None), held_by(wide));
    assert_eq!(of(&[everywhere(admin)], &rewrites, None).0.len(), 1);

    // Every permission of a namespace: pods there, and with them its accounts.
    let rules = ["create rolebindings.rbac", "bind clusterroles.rbac"];
    assert_eq!(of(&[in_ops(Attempt::Bind, admin)], &rules, Some("ops")), held_by(OPS));
    assert_eq!(of(&[refusal(Some("shop"), Attempt::Bind, admin)], &rules, Some("ops")).0.len(), 1);
    let elsewhere = of(&[in_ops(Attempt::Bind, admin)], &rules, None).0;
    assert!(elsewhere.len() == 1 && elsewhere[0].contains("in namespace shop"), "{elsewhere:?}");
    let writes = ["create,escalate,bind roles.rbac", "create rolebindings.rbac"];
    assert_eq!(of(&[in_ops(Attempt::Bind, None)], &writes, Some("ops")), held_by(OPS));
    assert_eq!(of(&[in_ops(Attempt::Bind, admin)], &writes, Some("ops")).0.len(), 1);
}

#[test]
fn another_role_leads_on_where_one_is_refused() {
    let refused = Refusal { namespace: None, ..in_ops(Attempt::BindEverywhere, Some("ClusterRole/cluster-admin")) };
    let controls = Controls { refusals: vec![refused], ..Controls::default() };
    let rules = ["create clusterrolebindings.rbac", "bind clusterroles.rbac"];
    let helper = role(None, "helper", &["escalate,update clusterroles.rbac"]);
    let cluster = with_admin(grant(None, "r", &rules, user("u")).into_iter().chain([helper]));
    let settings = Settings { controls: Some(&controls), ..Settings::default() };
    let answer = Paths::new(&cluster, &settings).to(&Goal::ClusterAdmin, None);
    let way =
        "user u: binds itself to ClusterRole helper in the whole cluster | raises a role of its own to cluster-admin";
    assert!(lines(&answer.paths).contains(&way.to_owned()), "{:?}", lines(&answer.paths));
}

#[test]
fn volumes_that_are_refused_are_held_back() {
    let node = Goal::Node(None);
    let rules = ["create persistentvolumes", "create deployments.apps"];
    let accounts = ["ops", "shop"].map(|name| refusal(Some(name), Attempt::Account, None));
    let with = |more: &[Refusal], rule: &[&str]| {
        of(&[&no_node()[..], &accounts, more].concat(), &[&rules, rule].concat(), None, &node)
    };
    assert_eq!(with(&[], &[]).0.len(), 1);
    let volume = refusal(None, Attempt::Volume, None);
    let held = with(std::slice::from_ref(&volume), &[]);
    assert!(held.0.is_empty(), "{held:?}");
    let taken = with(&[volume], &["delete validatingadmissionpolicies.adm named p"]).0;
    assert_eq!(taken.len(), 1, "{taken:?}");
    let claims =
        |names: &[&str]| names.iter().map(|name| refusal(Some(name), Attempt::Claim, None)).collect::<Vec<_>>();
    assert_eq!(with(&claims(&["ops"]), &[]).0.len(), 1, "another namespace does");
    let both = claims(&["ops", "shop"]);
    assert_eq!(with(&both, &[]).0, [] as [&str; 0]);
    let way = |lifts: &str| {
        format!(
            "creates a persistent volume of a node's path | {lifts} | creates a new pod there | claims the volume, and writes through it to any node"
        )
    };
    let taken = way("takes away what refuses pods of namespace ops");
    assert_eq!(with(&both, &["delete validatingadmissionpolicies.adm named p"]).0, [taken]);
    assert_eq!(with(&both, &["delete validatingadmissionpolicies.adm named q"]).0, [] as [&str; 0]);
    assert_eq!(with(&both, &["patch namespaces"]).0, [] as [&str; 0]);
    let by_labels: Vec<_> = both.into_iter().map(|refusal| Refusal { lasting: false, ..refusal }).collect();
    let relabelled = way("changes the labels that hold pods back of namespace ops");
    assert_eq!(with(&by_labels, &["patch namespaces"]).0, [relabelled]);
}

#[test]
fn whoever_lifts_what_refuses_a_container_adds_it() {
    let rule = "patch pods/ephemeralcontainers";
    let to = |refusals: &[Refusal], rules: &[&str], goal: &Goal| {
        let controls = Controls { refusals: refusals.to_vec(), ..Controls::default() };
        let ops = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ops" } });
        let key = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key", "namespace": "ops" } });
        let web = pod("ops", "web", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
        let cluster = cluster(grant(None, "r", rules, user("u")).into_iter().chain([ops, key, web]));
        let settings = Settings { controls: Some(&controls), goals: std::slice::from_ref(goal), ..Settings::default() };
        lines(&Paths::new(&cluster, &settings).to(goal, None).paths)
    };
    let node = |refusals: &[Refusal], more: &[&str]| to(refusals, &[&[rule], more].concat(), &Goal::Node(None));
    let way =
        |lifts: &str| format!("user u: {lifts} | adds a container to Pod ops/web | makes it privileged, on node n1");
    let takes = ["delete validatingadmissionpolicies.adm named p"];
    let root = [in_ops(Attempt::AddedContainer, None)];
    let any = [in_ops(Attempt::AnyContainer, None)];
    let taken = way("takes away what refuses it in namespace ops");
    assert_eq!(node(&root, &[]), [] as [&str; 0]);
    assert_eq!(node(&root, &takes), [taken.as_str()]);
    assert_eq!(node(&[root.clone(), any.clone()].concat(), &takes), [taken.as_str()]);
    // Another policy is in the way still.
    let other = any.map(|refusal| Refusal { by: vec![Refuser::Policy("q".into())], ..refusal });
    assert_eq!(node(&[root.clone(), other].concat(), &takes), [] as [&str; 0]);
    assert_eq!(node(&root, &["delete validatingadmissionpolicies.adm named q"]), [] as [&str; 0]);
    assert_eq!(node(&root, &["patch namespaces"]), [] as [&str; 0]);
    let by_labels = root.map(|refusal| Refusal { lasting: false, ..refusal });
    let relabelled = way("changes the labels that hold pods back of namespace ops");
    assert_eq!(node(&by_labels, &["patch namespaces"]), [relabelled]);

    // Secrets in its variables are another attempt.
    let key = Goal::Secret { namespace: Some("ops".into()), name: Some("key".into()) };
    let holds = "adds a container to Pod ops/web | mounts secret ops/key";
    let secret = |refusals: &[Refusal], more: &[&str]| to(refusals, &[&[rule], more].concat(), &key);
    for near in [&[][..], &[in_ops(Attempt::Secret, None)], &[in_ops(Attempt::AddedContainer, None)]] {
        assert!(secret(near, &[]).contains(&format!("user u: {holds}")), "{near:?}");
    }
    for attempt in [Attempt::AddedSecret, Attempt::AnyContainer] {
        let refused = [in_ops(attempt, None), in_ops(Attempt::AddedContainer, None)];
        assert_eq!(secret(&refused, &[]), [] as [&str; 0]);
        let taken = format!("user u: takes away what refuses it in namespace ops | {holds}");
        assert_eq!(secret(&refused, &takes), [taken]);
    }
}

#[test]
fn what_is_refused_to_a_sender_is_held_back_from_them_alone() {
    let sender = |name: &str| kspec_analysis::access::SubjectRef::User { name: name.to_owned() };
    let of = |attempt, namespace: &str, senders: &[&str], rules: &[&str], who: &str| {
        let senders = std::sync::Arc::new(senders.iter().map(|name| sender(name)).collect());
        let refusal = refusal(Some(namespace), attempt, None);
        let of_senders = vec![SenderRefusal { refusal, senders }];
        let controls = Controls { of_senders, ..Controls::default() };
        let more = [
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ops" } }),
            pod("ops", "web", json!({ "serviceAccountName": "root" })),
        ];
        let friend = grant(None, "friend", &["create pods/exec"], user("friend"));
        let cluster = with_admin(grant(None, "r", rules, user("u")).into_iter().chain(more).chain(friend));
        let settings = Settings { controls: Some(&controls), ..Settings::default() };
        let from = Origin::Subject(sender(who));
        let answer = Paths::new(&cluster, &settings).to(&Goal::ClusterAdmin, Some(&from));
        (lines(&answer.paths), answer.held_back.len())
    };
    let exec = "create pods/exec";
    let named = "create pods/exec named web";
    for rule in [exec, named] {
        assert_eq!(of(Attempt::Exec, "ops", &["u"], &[rule], "u"), (vec![], 1), "{rule}");
        // Somebody else is refused it, or it is refused elsewhere, or another request is.
        assert_eq!(of(Attempt::Exec, "ops", &["v"], &[rule], "u").0.len(), 1, "{rule}");
        assert_eq!(of(Attempt::Exec, "shop", &["u"], &[rule], "u").0.len(), 1, "{rule}");
        assert_eq!(of(Attempt::Attach, "ops", &["u"], &[rule], "u").0.len(), 1, "{rule}");
    }
    // Whoever takes away what refuses it to them.
    let takes = [exec, "delete validatingadmissionpolicies.adm named p"];
    let taken = of(Attempt::Exec, "ops", &["u"], &takes, "u").0;
    assert!(taken.iter().any(|line| line.contains("takes away what refuses it in namespace ops")), "{taken:?}");
    // Under another name the request is the other's.
    let lent = [exec, "impersonate users named friend"];
    let other = of(Attempt::Exec, "ops", &["u"], &lent, "u").0;
    assert!(other.iter().any(|line| line.contains("impersonates user friend")), "{other:?}");
    assert_eq!(of(Attempt::Exec, "ops", &["u", "friend"], &lent, "u").0, [] as [&str; 0]);
}

//! Objects that are created by their names: an apply takes `patch` and `create`, each for the name.

use super::*;

const POD: &str = "creates a new pod in namespace ops | runs it as service account ops/root | may do everything";

#[test]
fn an_apply_creates_what_may_be_patched_and_created_by_name() {
    for rules in [
        &["create,patch pods named web"][..],
        &["* pods named web"],
        &["create pods named web", "patch pods named other,web"],
        &["create pods named web,other", "patch pods"],
        &["create,patch deployments.apps named web"],
    ] {
        assert_eq!(of_user(rules, Some("ops"), []), [POD], "{rules:?}");
    }
    for rules in [
        &["create pods named web"][..],
        &["patch pods named web"],
        &["create pods named web", "patch pods named other"],
        &["create pods named web", "patch deployments.apps named web"],
        // Only of RBAC's own kinds an update creates.
        &["create,update pods named web"],
        &["create,patch pods/status named web"],
        &["create,patch jobs.batch/status named web"],
    ] {
        assert_eq!(of_user(rules, Some("ops"), []), [] as [&str; 0], "{rules:?}");
    }
    // What is there is not created; one of that name in another namespace stands in nobody's way.
    let there = |place: &str| pod(place, "web", json!({ "automountServiceAccountToken": false }));
    let rules = ["create,patch pods named web"];
    assert_eq!(of_user(&rules, Some("ops"), [there("ops")]), [] as [&str; 0]);
    assert_eq!(of_user(&rules, Some("ops"), [there("shop")]), [POD]);
    assert_eq!(of_user(&rules, None, [there("ops"), there("shop")]), [] as [&str; 0]);
    assert_eq!(of_user(&rules, None, [there("shop")]), [POD]);
}

#[test]
fn both_halves_are_named_by_their_roles() {
    let [create, bound] = grant(Some("ops"), "c", &["create pods named web"], user("u"));
    let [patch, also] = grant(None, "p", &["patch pods"], user("u"));
    let answer = to(&with_admin([create, bound, patch, also]), &Goal::ClusterAdmin);
    let of_user = answer.paths.iter().find(|path| path.steps[0].kind == kspec_analysis::abuse::StepKind::CreatePod);
    let because: Vec<_> = of_user.unwrap().steps[0].because.iter().map(|reason| reason.role.name.clone()).collect();
    assert_eq!(because, ["c", "p"]);
}

#[test]
fn roles_and_bindings_are_created_by_an_update_too() {
    let bind = ["binds itself to cluster-admin"];
    let with = |write: &str| of_user(&[write, "bind clusterroles.rbac"], None, []);
    for verbs in ["create,patch", "create,update", "*"] {
        assert_eq!(with(&format!("{verbs} clusterrolebindings.rbac named mine")), bind, "{verbs}");
        // That one is there, so that it takes another subject.
        let there = ["adds itself to a binding of cluster-admin"];
        assert_eq!(with(&format!("{verbs} clusterrolebindings.rbac named root")), there, "{verbs}");
    }
    assert_eq!(with("create clusterrolebindings.rbac named mine"), [] as [&str; 0]);
    assert_eq!(with("update,patch clusterrolebindings.rbac named mine"), [] as [&str; 0]);

    let role = |name: &str| {
        let rules = [
            "create,patch roles.rbac named mine".to_owned(),
            format!("escalate,bind roles.rbac named {name}"),
            "create rolebindings.rbac".to_owned(),
        ];
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let cluster = with_admin(grant(Some("ops"), "r", &rules, user("u")));
        chains(&cluster, &Goal::Secret { namespace: Some("ops".into()), name: None }, "user u")
    };
    assert_eq!(role("mine").first().map(|way| way.starts_with("writes a role and binds it")), Some(true));
    assert_eq!(role("other"), [] as [&str; 0]);
}

#[test]
fn a_name_has_to_do_for_every_request_of_a_step() {
    let token = |read: &str| {
        let rules = ["create,patch secrets named t".to_owned(), format!("get secrets named {read}")];
        of_user(&[&rules[0], &rules[1]], Some("ops"), [])
    };
    assert_eq!(token("t"), ["creates a secret for a token of service account ops/root | may do everything"]);
    assert_eq!(token("other"), [] as [&str; 0]);
    let request = |approve: &str| {
        let rules = [
            "create,patch certificatesigningrequests.cert named r".to_owned(),
            format!("update certificatesigningrequests.cert/approval named {approve}"),
            "approve signers.cert named kubernetes.io/kube-apiserver-client".to_owned(),
        ];
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        !of_user(&rules, None, []).is_empty()
    };
    assert!(request("r"));
    assert!(!request("other"));
}

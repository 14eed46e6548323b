//! Constrained impersonation: both halves, and what the impersonated may do.

use kspec_analysis::access::SubjectRef;

use super::*;

fn of(rules: &[&str], on: bool, more: impl IntoIterator<Item = Value>) -> Vec<String> {
    let cluster = with_admin(grant(None, "r", rules, user("u")).into_iter().chain(more));
    let settings = Settings { constrained_impersonation: on, ..Settings::default() };
    let user = Origin::Subject(SubjectRef::User { name: "u".to_owned() });
    let lines = lines(&Paths::new(&cluster, &settings).to(&Goal::ClusterAdmin, Some(&user)).paths);
    lines.into_iter().filter_map(|line| line.strip_prefix("user u: ").map(str::to_owned)).collect()
}

const AS_ROOT: &str = "impersonate:serviceaccount serviceaccounts.authentication.k8s.io named root";

#[test]
fn a_service_account_is_used_for_what_both_may() {
    let way = [
        "impersonates service account ops/root, for some requests | creates a new pod in namespace ops | runs it as service account ops/root | may do everything",
    ];
    assert_eq!(of(&[AS_ROOT, "impersonate-on:serviceaccount:create pods"], true, []), way);
    assert_eq!(of(&[AS_ROOT, "impersonate-on:serviceaccount:create pods"], false, []), [] as [&str; 0]);
    for nearly in [
        [AS_ROOT, "impersonate-on:serviceaccount:get pods"],
        [AS_ROOT, "impersonate-on:user-info:create pods"],
        [AS_ROOT, "create configmaps"],
        [
            "impersonate:serviceaccount serviceaccounts.authentication.k8s.io named other",
            "impersonate-on:serviceaccount:create pods",
        ],
        ["impersonate:serviceaccount serviceaccounts named root", "impersonate-on:serviceaccount:create pods"],
        ["get configmaps", "impersonate-on:serviceaccount:create pods"],
    ] {
        assert_eq!(of(&nearly, true, []), [] as [&str; 0], "{nearly:?}");
    }
    // The impersonated has to be allowed it as well.
    let weak = grant(Some("ops"), "weak", &["get pods"], account("ops", "weak"));
    let rules = [
        "impersonate:serviceaccount serviceaccounts.authentication.k8s.io named weak",
        "impersonate-on:serviceaccount:create pods",
    ];
    assert_eq!(of(&rules, true, weak), [] as [&str; 0]);
}

#[test]
fn users_and_groups_are_used_likewise() {
    let strong = |subject: Value| grant(Some("ops"), "strong", &["create pods"], subject);
    let on = "impersonate-on:user-info:create pods";
    let users = "impersonate:user-info users.authentication.k8s.io";
    let groups = "impersonate:user-info groups.authentication.k8s.io";
    let group = json!({ "kind": "Group", "name": "devs" });
    assert_eq!(of(&[users, on], true, strong(user("ann"))).len(), 1);
    assert_eq!(of(&[users, groups, on], true, strong(group.clone())).len(), 1);
    assert_eq!(of(&[groups, on], true, strong(group.clone())), [] as [&str; 0]);
    assert_eq!(of(&[users, on], true, strong(group)), [] as [&str; 0]);
    assert_eq!(
        of(&["impersonate:user-info users.authentication.k8s.io named bob", on], true, strong(user("ann"))),
        [] as [&str; 0]
    );
    let masters = "impersonate:user-info groups.authentication.k8s.io named system:masters";
    assert_eq!(
        of(&["impersonate:user-info users.authentication.k8s.io named x", masters, on], true, []),
        [
            "impersonates group system:masters, for some requests | creates a new pod in namespace ops | runs it as service account ops/root | may do everything"
        ]
    );
}

#[test]
fn a_node_asks_for_its_pods_tokens_and_secrets() {
    let root = |node: &str| {
        pod(
            "ops",
            "web",
            json!({ "serviceAccountName": "root", "nodeName": node, "automountServiceAccountToken": false }),
        )
    };
    let any = "impersonate:arbitrary-node nodes.authentication.k8s.io";
    let token = "impersonate-on:arbitrary-node:create serviceaccounts/token";
    assert_eq!(of(&[any, token], true, [root("n1")]), ["impersonates service account ops/root | may do everything"]);
    assert_eq!(
        of(&["impersonate:arbitrary-node nodes.authentication.k8s.io named n2", token], true, [root("n1")]),
        [] as [&str; 0]
    );
    assert_eq!(of(&[any, "impersonate-on:arbitrary-node:get pods"], true, [root("n1")]), [] as [&str; 0]);
    // The node that one's own pod runs on.
    let own = |node: &str| {
        let rules = [
            "impersonate:associated-node nodes.authentication.k8s.io",
            "impersonate-on:associated-node:create serviceaccounts/token",
        ];
        let agent = grant(None, "agent", &rules, account("net", "agent"));
        let agent = agent
            .into_iter()
            .chain([pod("net", "agent", json!({ "serviceAccountName": "agent", "nodeName": "n1" })), root(node)]);
        let cluster = with_admin(agent);
        let settings = Settings { constrained_impersonation: true, ..Settings::default() };
        let from =
            Origin::Subject(SubjectRef::ServiceAccount { namespace: "net".to_owned(), name: "agent".to_owned() });
        Paths::new(&cluster, &settings).to(&Goal::ClusterAdmin, Some(&from)).paths.len()
    };
    assert_eq!((own("n1"), own("n2")), (1, 0));
}

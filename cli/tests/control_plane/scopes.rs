//! Dynamic scopes: the cluster's own namespaces decide what there is to read and to apply.

use kspec_test_harness::{ControlPlane, wait_until};
use serde_json::json;

use crate::Shop;

const PROGRAM: &str = r#"
/// Developers.
group devs = "oidc:{name}"

/// Whoever has a namespace of the team.
grant view in namespaces where labels.team == "{name}" to devs
"#;

#[test]
fn a_scope_over_the_clusters_namespaces_is_read_planned_and_applied_alike() {
    let cluster = ControlPlane::shared().expect("a control plane");
    let shop = Shop::on(cluster, PROGRAM);
    let home = format!("{}-theirs", shop.name);
    let namespace = |team: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": home, "labels": { "team": team } } });
    let make = |object| cluster.admin().apply(&object, "somebody", false).expect("an answer").ok().expect("made");
    make(namespace(&shop.name));
    shop.plan(&[]).ends(0).says(&[&home, "1 to create"]);
    shop.apply(&[]).ends(0);
    shop.plan(&["--detailed-exitcode"]).ends(0);

    // Whoever may read that namespace alone sees what is there: without it the grant would be planned anew.
    let user = format!("{}-reader", shop.name);
    let rbac = "rbac.authorization.k8s.io";
    let subjects = json!([{ "apiGroup": rbac, "kind": "User", "name": user }]);
    make(json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": { "name": user },
        "rules": [{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"] }],
    }));
    make(json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": user },
        "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": user }, "subjects": subjects,
    }));
    for (kind, place, rules) in [
        (
            "home",
            home.as_str(),
            json!([{ "apiGroups": [rbac], "resources": ["rolebindings"], "verbs": ["get", "list"] }]),
        ),
        ("inventory", "default", json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }])),
    ] {
        let name = format!("{user}-{kind}");
        make(json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": { "name": name, "namespace": place }, "rules": rules,
        }));
        make(json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": { "name": name, "namespace": place },
            "roleRef": { "apiGroup": rbac, "kind": "Role", "name": name }, "subjects": subjects,
        }));
    }
    let acting = cluster.admin().acting_as(&user, &["system:authenticated"]);
    wait_until("the reader's rights", || {
        let bindings = format!("/apis/{rbac}/v1/namespaces/{home}/rolebindings");
        let all = ["/api/v1/namespaces?limit=1", &bindings, "/api/v1/namespaces/default/configmaps/none"];
        let mut seen = true;
        for path in all {
            seen &= acting.request("GET", path, None)?.status != 403;
        }
        Ok(seen.then_some(()))
    })
    .expect("in force");
    shop.act_as(cluster, &user);
    shop.plan(&["--detailed-exitcode", "--no-dry-run"]).ends(0).says(&["not read"]);

    // The namespace leaves the team, and the grant leaves the namespace.
    shop.as_said_in(cluster.kubeconfig());
    make(namespace("others"));
    shop.plan(&["--detailed-exitcode"]).ends(2).says(&["1 to delete"]);
    shop.apply(&[]).ends(0);
    shop.plan(&["--detailed-exitcode"]).ends(0);
}

//! Exit codes that only a cluster brings about.

use kspec_test_harness::{Cluster, ControlPlane, Options, wait_until};
use serde_json::{Value, json};

use crate::{Shop, support::Done};

const PROGRAM: &str = r#"
/// The shop.
namespace shop = "{name}-a" { pod_security: restricted }

/// Developers.
group devs = "oidc:devs"

/// What a release needs.
role release in shop { allow get, list on pods }

/// What a look needs.
role look in shop { allow get on services }

/// Who releases.
grant release in shop to devs

/// Who looks.
grant look in shop to devs

network in shop { default deny }
"#;

const WIDGETS: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Cluster
  names: { plural: widgets, singular: widget, kind: Widget, listKind: WidgetList }
  versions:
  - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }
"#;

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

/// Outcomes of a report, by kind and name.
fn outcome(report: &Value, kind: &str, name: &str) -> String {
    let results = report["results"].as_array().expect("results");
    let is = |result: &&Value| {
        let given = result["object"]["name"].as_str().unwrap_or_default();
        result["object"]["kind"] == kind && given.starts_with(name)
    };
    let result = results.iter().find(is).unwrap_or_else(|| panic!("{kind} {name} is not in {report}"));
    result["outcome"]["is"].as_str().expect("an outcome").to_owned()
}

fn is_there(cluster: &Cluster, path: &str) -> bool {
    cluster.admin().request("GET", path, None).expect("an answer").is_ok()
}

#[test]
fn a_stale_plan_is_refused_and_nothing_is_changed() {
    // Of its own: on a shared one, others' namespaces and roles make every plan stale.
    let server = ControlPlane::start(Options::default()).expect("a control plane");
    let cluster = Cluster::from_kubeconfig(server.kubeconfig()).expect("a cluster");
    // The server makes these a moment after it is ready, and plans are held against them.
    wait_until("what the server makes by itself", || {
        let made = ["default", "kube-node-lease", "kube-public", "kube-system", "default/services/kubernetes"];
        Ok(made.iter().all(|path| is_there(&cluster, &format!("/api/v1/namespaces/{path}"))).then_some(()))
    })
    .expect("it is made");
    let shop = Shop::on(&cluster, PROGRAM);
    let at = format!("/api/v1/namespaces/{}-a", shop.name);
    let inventory = format!("/api/v1/namespaces/default/configmaps?labelSelector=kspec.dev/project={}", shop.name);

    shop.plan(&["--out", "plan.json"]).ends(0);
    // Somebody else was faster.
    cluster
        .admin()
        .apply(&namespace(&format!("{}-a", shop.name)), "somebody", false)
        .expect("an answer")
        .ok()
        .expect("made");
    shop.apply(&["plan.json"]).ends(4).says(&["another state of the cluster", "nothing was changed", "plan again"]);
    let live = cluster.admin().get(&at).expect("the namespace");
    assert_eq!(live.pointer("/metadata/labels/kspec.dev~1project"), None, "{live}");
    assert_eq!(cluster.admin().get(&inventory).expect("a list")["items"], json!([]));

    // A plan of the state as it is applies once, and is stale itself then.
    shop.plan(&["--out", "plan.json"]).ends(0).says(&["1 to adopt"]);
    shop.apply(&["plan.json"]).ends(3).says(&["--adopt"]);
    shop.apply(&["plan.json", "--adopt"]).ends(0);
    shop.apply(&["plan.json", "--adopt"]).ends(4);
    shop.plan(&["--detailed-exitcode"]).ends(0);

    // So does one that somebody's grant has overtaken, although it is no object of ours.
    shop.program(&PROGRAM.replace("get, list on pods", "get, list, watch on pods"));
    shop.plan(&["--out", "plan.json"]).ends(0);
    let stray = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "stray" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "x" }],
    });
    cluster.admin().apply(&stray, "somebody", false).expect("an answer").ok().expect("made");
    shop.apply(&["plan.json"]).ends(4);
    shop.plan(&["--detailed-exitcode"]).ends(2);
}

/// A policy that refuses the role `look` of this project, in force.
fn refuse_look(cluster: &Cluster, shop: &Shop) {
    let metadata = json!({ "name": shop.name });
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": metadata,
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": ["rbac.authorization.k8s.io"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                "resources": ["roles"],
            }] },
            "validations": [{ "expression": "object.metadata.name != 'look'", "message": "nobody looks here" }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata,
        "spec": {
            "policyName": shop.name, "validationActions": ["Deny"],
            "matchResources": { "namespaceSelector": { "matchExpressions": [{
                "key": "kubernetes.io/metadata.name", "operator": "In",
                "values": [format!("{}-a", shop.name), format!("{}-probe", shop.name)],
            }] } },
        },
    });
    let probe = format!("{}-probe", shop.name);
    for object in [policy, binding, namespace(&probe)] {
        cluster.admin().apply(&object, "test", false).expect("an answer").ok().expect("made");
    }
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "look", "namespace": probe },
        "rules": [],
    });
    wait_until("the policy", || Ok((!cluster.admin().apply(&role, "test", true)?.is_ok()).then_some(())))
        .expect("in force");
}

fn json_of(done: Done) -> Value {
    done.json()
}

#[test]
fn what_a_policy_refuses_midway_is_told_and_a_second_run_converges() {
    let cluster = ControlPlane::shared().expect("a control plane");
    let shop = Shop::on(cluster, PROGRAM);
    refuse_look(cluster, &shop);
    // Its namespace is not there yet, so that nobody can try the role before.
    shop.plan(&[]).ends(0);
    let report = json_of(shop.apply(&["-o", "json"]).ends(5));
    assert_eq!(outcome(&report, "Namespace", &shop.name), "created");
    assert_eq!(outcome(&report, "Role", "release"), "created");
    assert_eq!(outcome(&report, "Role", "look"), "failed");
    assert!(report.to_string().contains("nobody looks here"), "{report}");
    assert_eq!(outcome(&report, "RoleBinding", "release"), "created");
    assert_eq!(outcome(&report, "RoleBinding", "look"), "not_tried");
    assert_eq!(outcome(&report, "NetworkPolicy", ""), "created");

    // Now it can be tried: the plan knows, and nothing is begun.
    shop.plan(&[]).ends(1).says(&["nobody looks here", "main.kspec"]);
    shop.apply(&[]).ends(1).says(&["nothing was changed"]);

    let binding = format!("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/{}", shop.name);
    cluster.admin().delete(&binding).expect("an answer").ok().expect("deleted");
    wait_until("the policy's end", || Ok((shop.plan(&[]).code == 0).then_some(()))).expect("it ends");
    let report = json_of(shop.apply(&["-o", "json"]).ends(0));
    assert_eq!(outcome(&report, "Role", "look"), "created");
    assert_eq!(outcome(&report, "RoleBinding", "look"), "created");
    assert_eq!(outcome(&report, "Role", "release"), "unchanged");
    shop.plan(&["--detailed-exitcode"]).ends(0);
}

#[test]
fn rights_missing_for_one_object_are_told_and_a_second_run_converges() {
    let cluster = ControlPlane::shared().expect("a control plane");
    let shop = Shop::on(cluster, PROGRAM);
    let user = format!("{}-deployer", shop.name);
    let rbac = "rbac.authorization.k8s.io";
    let every = json!(["get", "list", "create", "patch", "update", "bind", "escalate"]);
    let role = json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": { "name": user },
        "rules": [
            { "apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"] },
            { "apiGroups": [""], "resources": ["namespaces", "configmaps"], "verbs": every },
            { "apiGroups": [rbac], "resources": ["roles", "rolebindings"], "verbs": every },
        ],
    });
    let binding = json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": user },
        "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": user },
        "subjects": [{ "apiGroup": rbac, "kind": "User", "name": user }],
    });
    for object in [role, binding] {
        cluster.admin().apply(&object, "test", false).expect("an answer").ok().expect("made");
    }
    let acting = cluster.admin().acting_as(&user, &["system:authenticated"]);
    wait_until("the deployer's rights", || {
        let path = format!("/apis/{rbac}/v1/roles?limit=1");
        Ok(acting.request("GET", &path, None)?.is_ok().then_some(()))
    })
    .expect("in force");

    shop.act_as(cluster, &user);
    let report = json_of(shop.apply(&["-o", "json"]).ends(5));
    assert_eq!(outcome(&report, "RoleBinding", "look"), "created");
    assert_eq!(outcome(&report, "NetworkPolicy", ""), "failed");
    let told = report.to_string();
    assert!(told.contains("networkpolicies") && told.contains(&user), "{told}");

    shop.as_said_in(cluster.kubeconfig());
    let report = json_of(shop.apply(&["-o", "json"]).ends(0));
    assert_eq!(outcome(&report, "NetworkPolicy", ""), "created");
    assert_eq!(outcome(&report, "Role", "look"), "unchanged");
    shop.plan(&["--detailed-exitcode"]).ends(0);
}

#[test]
fn a_guarantee_that_would_not_hold_keeps_everything_from_being_applied() {
    let cluster = ControlPlane::shared().expect("a control plane");
    let program = PROGRAM.replace("oidc:devs", "{name}:devs");
    let shop = Shop::on(cluster, &format!("{program}\nnever devs can get on secrets in shop\n"));
    let stray = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": shop.name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": format!("{}:devs", shop.name) }],
    });
    cluster.admin().apply(&stray, "somebody", false).expect("an answer").ok().expect("made");
    let refused = ["guarantees would not hold", "nothing was changed"];
    shop.place.kspec(&["check"]).ends(0);
    shop.place.kspec(&["check", "--state", "live"]).ends(1).says(&["K0211", &shop.name]);
    shop.plan(&["--out", "plan.json"]).ends(1).says(&["✗ violated", &format!("ClusterRoleBinding {}", shop.name)]);
    shop.apply(&[]).ends(1).says(&refused);
    shop.apply(&["plan.json"]).ends(1).says(&refused);
    assert!(!is_there(cluster, &format!("/api/v1/namespaces/{}-a", shop.name)));

    let binding = format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{}", shop.name);
    cluster.admin().delete(&binding).expect("an answer").ok().expect("deleted");
    shop.apply(&[]).ends(0);
}

/// What an apply would stop at, a plan says before.
#[test]
fn what_the_server_has_no_place_for_is_refused_by_the_plan() {
    let cluster = ControlPlane::shared().expect("a control plane");
    let lost = format!(
        "{PROGRAM}\nexisting namespace lost = \"{{name}}-lost\"\n/// What a look needs.\n\
         role there in lost {{ allow get on pods }}\n"
    );
    let shop = Shop::on(cluster, &lost);
    let missing = format!("namespaces \"{}-lost\" not found", shop.name);
    shop.plan(&[]).ends(1).says(&["Refused", &missing]);
    shop.apply(&[]).ends(1).says(&[&missing]);
    assert!(!is_there(cluster, &format!("/api/v1/namespaces/{}-a", shop.name)));

    let custom = "manifest widget { apiVersion: \"example.com/v1\", kind: \"Widget\", metadata: { name: \"w\" } }\n";
    let shop = Shop::on(cluster, &format!("{PROGRAM}\n{custom}"));
    shop.place.write("crds/widgets.yaml", WIDGETS);
    let config = shop.place.read("kspec.toml");
    shop.place.write("kspec.toml", config.replace("name =", "crds = [\"crds\"]\nname ="));
    shop.plan(&[]).ends(1).says(&["the server has no kind Widget in example.com/v1"]);
    shop.apply(&[]).ends(1).says(&["the server has no kind Widget in example.com/v1"]);
    assert!(!is_there(cluster, &format!("/api/v1/namespaces/{}-a", shop.name)));
}

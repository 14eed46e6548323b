//! How what was given could be abused, as people and pipelines read it.

use serde_json::Value;

use crate::support::{Place, repository};

/// A pipeline that may edit everywhere, developers of a namespace that Pod Security watches over, and an agent that is open.
const STATE: &str = r#"
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { pod-security.kubernetes.io/enforce: baseline } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ci }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit }
subjects: [{ kind: ServiceAccount, namespace: ci, name: deployer }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: devs, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit }
subjects: [{ kind: Group, apiGroup: rbac.authorization.k8s.io, name: devs }]
---
apiVersion: v1
kind: Pod
metadata: { name: agent, namespace: mon }
spec:
  containers: [{ name: agent, image: agent, securityContext: { privileged: true } }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: images }
webhooks:
  - name: images.example.com
    rules: [{ operations: [CREATE, UPDATE], apiGroups: [""], apiVersions: [v1], resources: [pods] }]
"#;

/// The namespaces of a cluster that is as it was made.
const CLEAN: &str = r#"
apiVersion: v1
kind: Namespace
metadata: { name: default }
---
apiVersion: v1
kind: Namespace
metadata: { name: kube-system }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: default, namespace: default }
"#;

fn ask(place: &Place, state: &str, more: &[&str]) -> crate::support::Done {
    place.kspec(&[&["access", "paths", "--state", state], more].concat())
}

#[test]
fn chains_say_what_allows_each_step_and_what_holds_them_back() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    insta::assert_snapshot!(ask(&place, "state", &["--to", "cluster-admin", "--to", "node"]).ends(0).out);
}

#[test]
fn a_clean_cluster_has_no_chain_but_the_systems_own() {
    let place = Place::with(&[("state/objects.yaml", CLEAN)]);
    let goals = ["--to", "cluster-admin", "--to", "node", "--to", "secret", "-o", "json"];
    let document = ask(&place, "state", &goals).ends(0).json();
    for goal in document["goals"].as_array().expect("goals") {
        assert_eq!((&goal["paths"], &goal["held_back"]), (&Value::Array(vec![]), &Value::Array(vec![])), "{goal}");
        assert!(!goal["system"].as_array().expect("a list").is_empty());
    }
    let quiet = ask(&place, "state", &[]).ends(0);
    let system = "of the system's own components, as every cluster has them: 11 paths";
    assert_eq!(quiet.out, format!("to cluster-admin: no path\n\n{system}; -v lists them\n"));
    let listed = ask(&place, "state", &["-v"]).ends(0).out;
    assert_eq!(listed.lines().filter(|line| line.starts_with("serviceaccount/kube-system/")).count(), 9, "{listed}");
}

#[test]
fn the_document_holds_by_its_schema() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    let document = ask(&place, "state", &["--to", "node", "--to", "secret/pay/key", "-o", "json"]).ends(0).json();
    let path = repository().join("docs/reference/schemas/access-paths.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("a schema")).expect("JSON");
    jsonschema::validate(&schema, &document).expect("a document of that schema");
    assert_eq!(document["goals"][1]["paths"][0]["from"], "serviceaccount/ci/deployer");
}

#[test]
fn from_one_nothing_is_left_out() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    let from = |from: &str| ask(&place, "state", &["--from", from]).ends(0).out;
    assert!(
        from("system:serviceaccount:ci:deployer")
            .starts_with("to cluster-admin: 1 path\n\nserviceaccount/ci/deployer\n")
    );
    assert!(from("group/system:masters").contains("1. may do everything"));
    assert_eq!(from("user/nobody"), "to cluster-admin: no path\n");
    let agent = ask(&place, "state", &["--from", "pod/mon/agent", "--to", "node"]).ends(0).out;
    assert!(agent.contains("container agent is privileged"), "{agent}");
}

#[test]
fn ends_that_mean_nothing_are_refused() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    ask(&place, "state", &["--to", "root"]).ends(64).says(&["`root`", "cluster-admin"]);
    ask(&place, "state", &["--from", "ann"]).ends(64).says(&["`ann`", "user/NAME"]);
    ask(&place, "state", &["--from", "pod/mon/gone"]).ends(6).says(&["pod/mon/gone"]);
    let unread = r#"{"format_version":1,"kind":"kspec-snapshot","version":"v1.36.0","source":{"directory":"x"},
        "unread":["clusterroles: forbidden"],"host":{"files":{}},"objects":[]}"#;
    place.write("snapshot.json", unread);
    ask(&place, "snapshot.json", &[]).ends(6).says(&["clusterroles: forbidden"]);
}

#[test]
fn a_state_is_told_what_of_its_access_to_look_at() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    let done = place.kspec(&["check", "--state", "state", "-v"]).ends(0);
    insta::assert_snapshot!(done.out);
    let document = place.kspec(&["check", "--state", "state", "-o", "json"]).ends(0).json();
    let codes: Vec<_> = document["findings"].as_array().expect("a list").iter().map(|f| f["code"].clone()).collect();
    assert!(codes.contains(&"K0221".into()) && codes.contains(&"K0223".into()), "{codes:?}");
}

#[test]
fn a_clean_cluster_has_no_finding_and_says_what_was_left_out() {
    let place = Place::with(&[("state/objects.yaml", CLEAN)]);
    let out = place.kspec(&["check", "--state", "state"]).ends(0).out;
    let (first, second) = out.split_once('\n').expect("two lines");
    assert_eq!(first, "no findings");
    assert!(second.ends_with(" about Kubernetes' own roles and components left out (-v shows them)\n"), "{second}");
}

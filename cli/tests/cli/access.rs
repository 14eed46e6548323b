//! Questions about RBAC, as people ask them.

use std::fs;

use serde_json::Value;

use crate::support::{PROJECT, Place, repository};

/// A deployer, what is bound to them, and a control plane whose flags are seen.
const STATE: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: release, namespace: shop }
rules:
  - { apiGroups: [apps], resources: [deployments], verbs: [get, patch] }
  - { apiGroups: [""], resources: [secrets], resourceNames: [web-tls], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: release, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: release }
subjects:
  - { kind: Group, apiGroup: rbac.authorization.k8s.io, name: devs }
  - { kind: ServiceAccount, name: ci, namespace: tools }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: binders }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: binder }
subjects: [{ kind: User, apiGroup: rbac.authorization.k8s.io, name: bob }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: binder }
rules:
  - { apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create] }
  - { apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], resourceNames: [view], verbs: [bind] }
---
apiVersion: v1
kind: Pod
metadata: { name: kube-apiserver-a, namespace: kube-system, labels: { component: kube-apiserver } }
spec:
  containers:
    - { name: kube-apiserver, image: "registry.k8s.io/kube-apiserver:v1.36.0", command: [kube-apiserver, "--authorization-mode=Node,RBAC"] }
"#;

fn place() -> Place {
    Place::with(&[("state/objects.yaml", STATE)])
}

/// The document holds by the schema that the docs have of it.
#[track_caller]
fn holds(schema: &str, document: &Value) {
    let path = repository().join(format!("docs/reference/schemas/{schema}.json"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).expect("a schema")).expect("JSON");
    jsonschema::validate(&schema, document).expect("a document of that schema");
}

#[test]
fn who_may_is_told_by_which_binding() {
    let place = place();
    let yes = place
        .kspec(&[
            "access",
            "can-i",
            "patch",
            "deploy",
            "-n",
            "shop",
            "--as",
            "ann",
            "--as-group",
            "devs",
            "--state",
            "state",
        ])
        .ends(0);
    assert_eq!(
        yes.out,
        "yes\n  as Group devs: RoleBinding shop/release → Role shop/release: get, patch on deployments.apps\n"
    );
    yes.says(&["what RBAC says", "Node"]);
    // Not elsewhere, not without a name, not someone else.
    for question in [
        ["patch", "deployments", "-n", "web", "--as-group", "devs"],
        ["get", "secrets", "-n", "shop", "--as-group", "devs"],
        ["patch", "deployments", "-n", "shop", "--as", "ann"],
    ] {
        let line: Vec<&str> = ["access", "can-i", "--state", "state"].into_iter().chain(question).collect();
        place.kspec(&line).ends(1).says(&["no\n"]);
    }
    let ci = "system:serviceaccount:tools:ci";
    place
        .kspec(&["access", "can-i", "get", "secrets", "web-tls", "-n", "shop", "--as", ci, "--state", "state"])
        .ends(0);
    let answer = place
        .kspec(&["access", "can-i", "get", "/healthz", "--as", "system:anonymous", "--state", "state", "-o", "json"])
        .ends(0);
    assert_eq!(answer.json()["because"][0]["binding"], "ClusterRoleBinding system:public-info-viewer");
    assert_eq!(answer.json()["not_covered"][0], "Node");
    holds("access-can-i", &answer.json());
    place.kspec(&["access", "can-i", "get", "pods", "--state", "state"]).ends(64).says(&["--as USER"]);
    place
        .kspec(&["access", "can-i", "get", "pdos", "--as", "ann", "--state", "state"])
        .ends(1)
        .says(&["did you mean `pods`"]);
}

#[test]
fn a_file_of_questions_is_answered_line_by_line() {
    let place = place();
    place.write(
        "questions",
        "{\"user\":\"ann\",\"groups\":[\"devs\"],\"verb\":\"get\",\"group\":\"apps\",\"resource\":\"deployments\",\"namespace\":\"shop\"}\n\
         {\"user\":\"ann\",\"verb\":\"get\",\"path\":\"/metrics\"}\n",
    );
    let answers = place.kspec(&["access", "can-i", "--batch", "questions", "--state", "state"]).ends(0);
    let allowed: Vec<Value> =
        answers.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["allowed"].clone()).collect();
    assert_eq!(allowed, [Value::Bool(true), Value::Bool(false)]);
    place.write("questions", "{\"user\":\"ann\",\"verb\":\"get\"}\n");
    place
        .kspec(&["access", "can-i", "--batch", "questions", "--state", "state"])
        .ends(6)
        .says(&["questions:1", "no resource or path"]);
    place.write("questions", "{\"usr\":\"ann\"}\n");
    place.kspec(&["access", "can-i", "--batch", "questions", "--state", "state"]).ends(6).says(&["questions:1", "usr"]);
}

#[test]
fn subjects_and_rules_are_listed() {
    let place = place();
    let who = place
        .kspec(&["access", "who-can", "patch", "deployments", "-n", "shop", "--state", "state", "-o", "json"])
        .ends(0)
        .json();
    holds("access-who-can", &who);
    let names: Vec<&str> =
        who["subjects"].as_array().expect("a list").iter().filter_map(|one| one["subject"]["name"].as_str()).collect();
    assert!(names.contains(&"devs") && names.contains(&"ci") && names.contains(&"system:masters"), "{names:?}");
    assert!(!names.contains(&"bob"), "{names:?}");

    let rules = place.kspec(&["access", "rules", "--as", "bob", "-n", "shop", "--state", "state"]).ends(0);
    rules.says(&[
        "everywhere, as User bob, by ClusterRoleBinding binders → ClusterRole binder",
        "bind on clusterroles.rbac.authorization.k8s.io named view",
    ]);
    holds(
        "access-rules",
        &place.kspec(&["access", "rules", "--as", "bob", "--state", "state", "-o", "json"]).ends(0).json(),
    );
}

#[test]
fn the_escalation_check_is_foretold() {
    let place = place();
    let bind = |role: &str, user: &str| {
        place.kspec(&["access", "covers", role, "-n", "shop", "--as", user, "--state", "state"])
    };
    bind("clusterrole/view", "bob").ends(0).says(&["they hold the verb bind on the role"]);
    bind("clusterrole/edit", "bob").ends(1).says(&["they do not hold", "create on deployments.apps"]);
    bind("clusterrole/view", "ann").ends(1).says(&["may not create such an object"]);
    bind("clusterrole/none", "bob").ends(1).says(&["the role does not exist"]);
    bind("edit", "bob").ends(64).says(&["clusterrole/NAME"]);
    place.write(
        "role.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: mine, namespace: shop }\nrules:\n- { apiGroups: [apps], resources: [deployments], verbs: [get] }\n",
    );
    let own = place
        .kspec(&["access", "covers", "-f", "role.yaml", "--as-group", "devs", "--state", "state", "-o", "json"])
        .ends(0)
        .json();
    assert_eq!(own["objects"][0]["by"], "held");
    assert_eq!(own["objects"][0]["may_create"], false);
    holds("access-covers", &own);
    place
        .kspec(&["access", "covers", "-f", "role.yaml", "--as", "ann", "--state", "state"])
        .ends(1)
        .says(&["get on deployments.apps"]);
}

#[test]
fn two_states_and_a_program_are_compared() {
    let place = place();
    place.write("later/objects.yaml", STATE.replace("verbs: [get, patch]", "verbs: [get, delete]"));
    let diff = place.kspec(&["access", "diff", "--state", "state", "--to", "later"]).ends(0);
    diff.says(&[
        "+ gains Group devs in shop\n      delete on deployments.apps\n      by ",
        "- loses Group devs in shop\n      patch on deployments.apps\n      by ",
    ]);
    let document = place.kspec(&["access", "diff", "--state", "state", "--to", "later", "-o", "json"]).ends(0).json();
    holds("access-diff", &document);
    place.kspec(&["access", "diff", "--state", "state", "--to", "state"]).ends(0).says(&["no difference"]);

    place.write("kspec.toml", PROJECT);
    place
        .write("main.kspec", "namespace shop {}\n\ngroup ops = \"ops\"\n\n/// They look.\ngrant view in shop to ops\n");
    place
        .kspec(&["access", "diff", "--project", ".", "--state", "state", "--as-of", "2026-11-21"])
        .ends(0)
        .says(&["+ gains Group ops"]);
    // Alone, the program knows its own and the built-in roles; as applied, the state's too; without either, the state's.
    let ask = |more: &[&str]| {
        let line = ["access", "can-i", "get", "pods", "-n", "shop", "--as-group", "ops"];
        place.kspec(&line.iter().chain(more).copied().collect::<Vec<_>>())
    };
    ask(&["--project", "."]).ends(0);
    ask(&["--project", ".", "--state", "state"]).ends(0);
    ask(&[]).ends(1);
}

#[test]
fn what_was_not_read_is_no_no() {
    let place = place();
    place.kspec(&["access", "can-i", "get", "pods", "--as", "ann", "--state", "nowhere"]).ends(6);
    place.kspec(&["access", "can-i", "get", "pods", "--as", "ann"]).ends(64).says(&["--state"]);
}

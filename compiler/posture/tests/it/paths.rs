//! `by any path`: what is said to be responsible is enough, and none of it can be left out.

use kspec_model::program::{Can, Claim, ClaimResource, ClaimScope, Subject, Who};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use kspec_posture::guarantees::Outcome;

use crate::support::{outcome, program, violation};

const API: &str = "rbac.authorization.k8s.io";
/// Verbs, group and resource of powers that lead on, and of some that do not.
const POWERS: [(&str, &str, &str); 10] = [
    ("create", "", "pods"),
    ("create", "", "pods/exec"),
    ("create", "", "serviceaccounts/token"),
    ("impersonate", "", "serviceaccounts"),
    ("get", "", "secrets"),
    ("patch", "", "configmaps"),
    ("bind", API, "roles"),
    ("create", API, "rolebindings"),
    ("patch", "apps", "deployments"),
    ("get", "", "pods"),
];

/// Roles of two namespaces, bound to a group, a user and the accounts that pods run as.
fn objects() -> impl Strategy<Value = Vec<Value>> {
    let bound = (vec(select(&POWERS[..]), 1..=2), 0..4_usize, select(vec!["one", "two"]));
    vec(bound, 1..=5).prop_map(|bound| {
        let mut objects = Vec::new();
        for namespace in ["one", "two"] {
            objects.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }));
            objects.push(json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "app", "namespace": namespace },
                "spec": { "serviceAccountName": "robot", "containers": [{ "name": "c" }] },
            }));
            for name in ["robot", "keeper"] {
                objects.push(json!({
                    "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": namespace },
                }));
            }
        }
        for (at, (powers, who, namespace)) in bound.into_iter().enumerate() {
            let rules: Vec<Value> = powers
                .iter()
                .map(
                    |(verb, group, resource)| json!({ "verbs": [verb], "apiGroups": [group], "resources": [resource] }),
                )
                .collect();
            let subject = match who {
                0 | 1 => json!({ "kind": "Group", "apiGroup": API, "name": "devs" }),
                2 => json!({ "kind": "ServiceAccount", "namespace": namespace, "name": "robot" }),
                _ => json!({ "kind": "ServiceAccount", "namespace": namespace, "name": "keeper" }),
            };
            let metadata = json!({ "name": format!("r{at}"), "namespace": namespace });
            objects.push(
                json!({ "apiVersion": format!("{API}/v1"), "kind": "Role", "metadata": metadata, "rules": rules }),
            );
            objects.push(json!({
                "apiVersion": format!("{API}/v1"), "kind": "RoleBinding", "metadata": metadata, "subjects": [subject],
                "roleRef": { "apiGroup": API, "kind": "Role", "name": format!("r{at}") },
            }));
        }
        objects
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_a_chain_needs_is_all_of_it(
        objects in objects(),
        (verb, resource) in select(vec![("patch", "configmaps"), ("get", "secrets")]),
        group in select(vec!["devs", "system:serviceaccounts:one", "system:serviceaccounts:two", "system:authenticated"]),
    ) {
        let claim = |by_any_path: bool| Claim::Can(Can {
            subjects: vec![Who::Subject(Subject::Group(group.to_owned()))],
            verbs: vec![verb.to_owned()],
            resources: vec![ClaimResource { group: String::new(), resource: resource.to_owned(), subresource: String::new() }],
            names: Vec::new(),
            scope: ClaimScope::Namespaces(vec!["one".to_owned()]),
            except: Vec::new(),
            by_any_path,
        });
        let by_path = program(false, claim(true));
        let violated = violation(outcome(&by_path, &objects));
        let direct = violation(outcome(&program(false, claim(false)), &objects)).is_some();
        prop_assert!(!direct || violated.is_some(), "what is granted is within reach");
        let Some(violation) = violated else { return Ok(()) };
        let is = |object: &Value, key: &kspec_model::ObjectKey| {
            object["kind"] == key.kind.as_str()
                && object["metadata"]["name"] == key.name.as_str()
                && object["metadata"]["namespace"].as_str() == key.namespace.as_deref()
        };
        let broken = |left_out: Option<&kspec_model::ObjectKey>| {
            let kept = objects.iter().filter(|object| {
                matches!(object["kind"].as_str(), Some("Namespace" | "ServiceAccount"))
                    || violation.responsible.iter().any(|one| is(object, &one.object) && Some(&one.object) != left_out)
            });
            let kept: Vec<Value> = kept.cloned().collect();
            crate::support::violation(outcome(&by_path, &kept)).is_some()
        };
        prop_assert!(broken(None), "{:#?} do not suffice", violation);
        for one in &violation.responsible {
            prop_assert!(!broken(Some(&one.object)), "{} can be left out of {:#?}", one.object, violation);
        }
    }
}

/// Developers who may write some resource, and a pod with an account that may patch configuration.
fn writers(group: &str, resource: &str) -> Vec<Value> {
    let role = |name: &str, rule: Value| {
        json!({
            "apiVersion": format!("{API}/v1"), "kind": "Role", "metadata": { "name": name, "namespace": "one" }, "rules": [rule],
        })
    };
    let binding = |name: &str, subject: Value| {
        json!({
            "apiVersion": format!("{API}/v1"), "kind": "RoleBinding", "metadata": { "name": name, "namespace": "one" },
            "subjects": [subject], "roleRef": { "apiGroup": API, "kind": "Role", "name": name },
        })
    };
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "one" } }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "keeper", "namespace": "one" } }),
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": "runs.example.com" },
            "spec": {
                "group": "example.com", "names": { "plural": "runs", "kind": "Run" }, "scope": "Namespaced",
                "versions": [{ "name": "v1", "served": true, "storage": true }],
            },
        }),
        role("writes", json!({ "verbs": ["create"], "apiGroups": [group], "resources": [resource] })),
        binding("writes", json!({ "kind": "Group", "apiGroup": API, "name": "devs" })),
        role("keeps", json!({ "verbs": ["patch"], "apiGroups": [""], "resources": ["configmaps"] })),
        binding("keeps", json!({ "kind": "ServiceAccount", "namespace": "one", "name": "keeper" })),
    ]
}

#[test]
fn what_may_make_pods_and_is_not_known_to_leaves_it_undecided() {
    let claim = Claim::Can(Can {
        subjects: vec![Who::Subject(Subject::Group("devs".to_owned()))],
        verbs: vec!["patch".to_owned()],
        resources: vec![ClaimResource {
            group: String::new(),
            resource: "configmaps".to_owned(),
            subresource: String::new(),
        }],
        names: Vec::new(),
        scope: ClaimScope::Anywhere,
        except: Vec::new(),
        by_any_path: true,
    });
    let program = program(false, claim);
    match outcome(&program, &writers("example.com", "runs")) {
        Outcome::NotDecided(why) => assert!(why.contains("runs.example.com"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(outcome(&program, &writers("", "services")), Outcome::Holds);
    assert!(violation(outcome(&program, &writers("", "pods"))).is_some());
}

//! The access delta against a plain evaluator: over generated pairs of clusters, what it reports is the difference of the
//! two full answers, over a universe of questions that has values no rule mentions in every place.

use std::collections::BTreeSet;

use kspec_analysis::access::{AccessChange, Index, delta};
use kspec_model::{
    Object, ObjectKey,
    cluster::{BindingFacts, Cluster, RoleFacts},
    program::{RoleRef, RoleRule},
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Value, json};

use crate::plain_access::{SUBJECTS, by, is_the_difference, plainly_allowed, subject, universe};

fn some(of: &'static [&'static str], at_most: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(of, 1..=at_most.min(of.len())).prop_map(|picked| picked.into_iter().map(str::to_owned).collect())
}

fn rule() -> impl Strategy<Value = RoleRule> {
    let names = prop_oneof![3 => Just(vec![]), 1 => some(&["x", "y"], 2)];
    let on_resources = (
        some(&["get", "list", "*"], 2),
        some(&["", "apps", "*"], 2),
        some(&["pods", "pods/log", "deployments", "deployments/scale", "*/log", "*/scale", "*"], 3),
        names,
    )
        .prop_map(|(verbs, api_groups, resources, resource_names)| RoleRule {
            verbs,
            api_groups,
            resources,
            resource_names,
            urls: vec![],
        });
    let on_urls = (some(&["get", "*"], 1), some(&["/a", "/a/*", "/a*", "*", "/b"], 2))
        .prop_map(|(verbs, urls)| RoleRule { verbs, urls, ..RoleRule::default() });
    prop_oneof![4 => on_resources, 1 => on_urls]
}

#[derive(Debug, Clone)]
struct Grant {
    namespace: Option<&'static str>,
    subjects: Vec<String>,
    rules: Vec<RoleRule>,
    /// On which sides it stands: 0 before, 1 after, others both.
    side: u8,
}

fn grant() -> impl Strategy<Value = Grant> {
    (option::of(select(&["a", "b"][..])), some(SUBJECTS, 2), vec(rule(), 1..3), 0..4_u8)
        .prop_map(|(namespace, subjects, rules, side)| Grant { namespace, subjects, rules, side })
}

fn cluster(grants: &[Grant], skip: u8) -> Cluster {
    let mut cluster = Cluster::default();
    for (position, grant) in grants.iter().enumerate().filter(|(_, grant)| grant.side != skip) {
        let role = RoleRef { namespace: None, name: format!("r{position}") };
        cluster.roles.insert(role.clone(), RoleFacts { rules: grant.rules.clone(), ..RoleFacts::default() });
        let kind = if grant.namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
        let key = ObjectKey {
            group: "rbac.authorization.k8s.io".into(),
            kind: kind.into(),
            namespace: grant.namespace.map(str::to_owned),
            name: format!("b{position}"),
        };
        cluster.bindings.insert(
            key,
            BindingFacts { role, subjects: grant.subjects.iter().map(|text| subject(text)).collect(), built_in: false },
        );
    }
    cluster
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_delta_is_the_difference_of_all_answers(grants in vec(grant(), 0..7)) {
        let (before, after) = (cluster(&grants, 1), cluster(&grants, 0));
        is_the_difference(&delta(&before, &after), &before, &after, &universe()).unwrap();
    }

    #[test]
    fn every_answer_is_the_plain_evaluators(grants in vec(grant(), 0..7)) {
        let cluster = cluster(&grants, 9);
        let index = Index::new(&cluster);
        for text in SUBJECTS {
            for request in universe() {
                let request = by(&request, &subject(text));
                let answer = index.allowed(&request);
                assert_eq!(answer.allowed, plainly_allowed(&cluster, &request), "{request:?}");
                assert_eq!(answer.allowed, !answer.because.is_empty());
            }
        }
    }

    #[test]
    fn a_rule_split_into_its_parts_changes_nothing(grants in vec(grant(), 0..7)) {
        let split = |rule: &RoleRule| {
            let mut parts = Vec::new();
            for verb in &rule.verbs {
                for url in &rule.urls {
                    parts.push(RoleRule { verbs: vec![verb.clone()], urls: vec![url.clone()], ..RoleRule::default() });
                }
                for group in &rule.api_groups {
                    for resource in &rule.resources {
                        parts.push(RoleRule { verbs: vec![verb.clone()], api_groups: vec![group.clone()], resources: vec![resource.clone()], ..rule.clone() });
                    }
                }
            }
            parts.reverse();
            parts
        };
        let apart: Vec<_> = grants.iter().map(|grant| Grant { rules: grant.rules.iter().flat_map(split).collect(), ..grant.clone() }).collect();
        assert!(delta(&cluster(&grants, 9), &cluster(&apart, 9)).is_empty());
        assert!(delta(&cluster(&apart, 9), &cluster(&grants, 9)).is_empty());
    }
}

fn lift(objects: impl IntoIterator<Item = Value>) -> Cluster {
    Cluster::lift(&objects.into_iter().map(Object).collect::<Vec<_>>()).0
}

fn objects(role: &str, namespace: Option<&str>, rules: Value, subjects: Value) -> [Value; 2] {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    [
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": role }, "rules": rules }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": role, "namespace": namespace }, "roleRef": { "kind": "ClusterRole", "name": role }, "subjects": subjects }),
    ]
}

#[test]
fn changes_are_put_together_for_reading() {
    let release = json!([
        { "verbs": ["get", "list", "watch"], "apiGroups": ["", "apps"], "resources": ["pods", "deployments"] },
        { "verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments/scale"] },
        { "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["tls", "api"] },
        { "verbs": ["get"], "nonResourceURLs": ["/healthz", "/metrics/*"] },
    ]);
    let devs =
        json!([{ "kind": "Group", "name": "devs" }, { "kind": "ServiceAccount", "name": "ci", "namespace": "x" }]);
    let view = json!([{ "verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods"] }]);
    let everyone = json!([{ "kind": "Group", "name": "system:serviceaccounts" }]);
    let before = lift(objects("view", None, view.clone(), everyone.clone()).into_iter().chain(objects(
        "old",
        Some("x"),
        view.clone(),
        json!([{ "kind": "User", "name": "bob" }]),
    )));
    let after = lift(
        objects("view", None, view, everyone)
            .into_iter()
            .chain(objects("release", Some("x"), release.clone(), devs.clone()))
            .chain(objects("ops", None, release, devs)),
    );
    let delta = delta(&before, &after);
    let lines = |changes: &[AccessChange]| -> Vec<String> {
        changes
            .iter()
            .map(|change| {
                let resources: BTreeSet<_> = change.resources.iter().map(ToString::to_string).collect();
                let targets: Vec<_> = resources.into_iter().chain(change.urls.clone()).collect();
                let names =
                    if change.names.is_empty() { String::new() } else { format!(" named {}", change.names.join(", ")) };
                let scope =
                    change.namespace.clone().map_or("everywhere".to_owned(), |namespace| format!("in {namespace}"));
                let because: Vec<_> = change.because.iter().map(|grant| grant.binding.to_string()).collect();
                format!(
                    "{}: {} on {}{names} {scope} by {}",
                    change.subject,
                    change.verbs.join(", "),
                    targets.join(", "),
                    because.join(", ")
                )
            })
            .collect()
    };
    let text = format!("gained\n{}\nlost\n{}", lines(&delta.gained).join("\n"), lines(&delta.lost).join("\n"));
    insta::assert_snapshot!(text);
    let json = serde_json::to_value(&delta.lost).unwrap();
    insta::assert_json_snapshot!(json);
}

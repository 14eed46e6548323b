//! Namespaces yet to come, against every namespace of a small world of labels.

use std::collections::BTreeMap;

use kspec_model::{
    LabelSelector, Labels, Operator, Requirement,
    program::{Can, Claim, ClaimResource, ClaimScope, Grant, GrantScope, RoleRef, Subject, Who},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use crate::support::{origin, outcome, program, violation};

fn requirement() -> impl Strategy<Value = Requirement> {
    let operator = select(vec![Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist]);
    (select(vec!["a", "b"]), operator, select(vec![vec!["x"], vec!["y"], vec!["x", "y"]])).prop_map(
        |(key, operator, values)| {
            let named = matches!(operator, Operator::In | Operator::NotIn);
            let values = values.into_iter().filter(|_| named).map(str::to_owned).collect();
            Requirement { key: key.to_owned(), operator, values }
        },
    )
}

fn selector() -> impl Strategy<Value = LabelSelector> {
    vec(requirement(), 0..=3)
        .prop_map(|match_expressions| LabelSelector { match_labels: BTreeMap::new(), match_expressions })
}

/// Every namespace that selectors over two keys and two values can tell apart.
fn worlds() -> Vec<Labels> {
    let values = [None, Some("x"), Some("y"), Some("z")];
    let mut worlds = Vec::new();
    for a in values {
        for b in values {
            let pairs = [("a", a), ("b", b)].into_iter();
            worlds.push(pairs.filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect());
        }
    }
    worlds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn scopes_of_the_future_are_what_every_namespace_says(
        scope in selector(),
        scopes in vec(selector(), 0..=3),
        always in any::<bool>(),
    ) {
        let devs = Subject::Group("devs".to_owned());
        let claim = Can {
            subjects: vec![Who::Subject(devs.clone())],
            verbs: vec!["get".to_owned()],
            resources: vec![ClaimResource { group: String::new(), resource: "pods".to_owned(), subresource: String::new() }],
            names: Vec::new(),
            scope: ClaimScope::Where(scope.clone()),
            except: Vec::new(),
            by_any_path: false,
        };
        let mut program = program(always, Claim::Can(claim));
        program.grants = scopes.iter().map(|selector| Grant {
            role: RoleRef { namespace: None, name: "looks".to_owned() },
            scope: GrantScope::Where(selector.clone()),
            scope_at: None,
            subjects: vec![devs.clone()],
            name: None,
            exception: None,
            break_glass: false,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            doc: None,
            origin: origin(),
        }).collect();
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "looks" },
            "rules": [{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }],
        });
        let violated = violation(outcome(&program, &[role])).is_some();
        let granted = |labels: &Labels| scopes.iter().any(|selector| selector.matches(labels));
        let wrong = worlds().iter().any(|labels| scope.matches(labels) && granted(labels) != always);
        prop_assert_eq!(violated, wrong);
    }
}

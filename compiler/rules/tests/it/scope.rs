//! Where bindings hold.

use std::collections::BTreeSet;

use kspec_model::LabelSelector;
use kspec_model::rules::*;
use kspec_rules::{Decision, Engines, Evaluator, Fault, NoObjects, Review};
use serde_json::{Value, json};

use crate::build::*;

/// `None` where the rule is not asked.
fn decide(scope: Scope, request: &Value, namespace: Option<&Value>) -> Option<Decision> {
    let mut bound = rule(
        "r",
        vec![target("pods", "Pod"), target("namespaces", "Namespace"), target("nodes", "Node")],
        vec![deny(Expr::bool(true), Expr::text("no"))],
    );
    bound.scope = scope;
    let evaluator = Evaluator::load(table(vec![bound], vec![])).unwrap();
    let review = Review::from_request(request).unwrap().in_namespace(namespace);
    evaluator.judge(&review, Engines::All, &NoObjects).first().map(|outcome| outcome.decision.clone())
}

fn request(resource: &str, namespace: Option<&str>, object: Value) -> Value {
    json!({
        "operation": "CREATE", "namespace": namespace, "name": object.pointer("/metadata/name"), "object": object,
        "resource": { "group": "", "version": "v1", "resource": resource },
    })
}

#[test]
fn namespaces_are_told_by_name_and_by_label() {
    let pod = |namespace| request("pods", Some(namespace), json!({ "metadata": { "name": "p" } }));
    let namespace = |name: &str, labels: Value| json!({ "metadata": { "name": name, "labels": labels } });
    let named = |cluster| Scope { namespaces: Namespaces::Named(BTreeSet::from(["shop".to_owned()])), cluster };
    let labelled = || Scope {
        namespaces: Namespaces::Selected {
            labels: LabelSelector::labels([("environment", "staging")]),
            except: BTreeSet::from(["kube-system".to_owned()]),
        },
        cluster: false,
    };
    let staging = json!({ "environment": "staging" });

    assert!(decide(named(false), &pod("shop"), None).is_some());
    assert!(decide(named(false), &pod("edge"), None).is_none());
    let of_node = request("nodes", None, json!({ "metadata": { "name": "n" } }));
    assert!(decide(named(false), &of_node, None).is_none());
    assert!(decide(named(true), &of_node, None).is_some());

    assert!(decide(labelled(), &pod("a"), Some(&namespace("a", staging.clone()))).is_some());
    assert!(decide(labelled(), &pod("a"), Some(&namespace("a", json!({})))).is_none());
    assert!(decide(labelled(), &pod("kube-system"), Some(&namespace("kube-system", staging.clone()))).is_none());
    // Nothing is known of the namespace: doubt is not a pass.
    assert!(matches!(decide(labelled(), &pod("a"), None), Some(Decision::Fault(Fault::NeedsCluster(_)))));

    // A Namespace is judged as if it stood in itself.
    let of_namespace = |name: &str, labels: Value| request("namespaces", Some(name), namespace(name, labels));
    assert!(decide(labelled(), &of_namespace("a", staging), None).is_some());
    assert!(decide(labelled(), &of_namespace("a", json!({})), None).is_none());
    assert!(decide(named(false), &of_namespace("shop", json!({})), None).is_some());
}

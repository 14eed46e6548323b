//! Weaknesses of webhooks and policies, each with a near miss that is none.

use kspec_analysis::admission::weaknesses;
use kspec_diagnostics::Place;
use kspec_model::Object;
use serde_json::{Value, json};

fn codes(objects: &[Value]) -> Vec<String> {
    let objects: Vec<(Object, Place)> =
        objects.iter().map(|object| (Object(object.clone()), Place::Object("object".into()))).collect();
    let objects: Vec<(&Object, &Place)> = objects.iter().map(|(object, place)| (object, place)).collect();
    weaknesses(&objects).iter().map(|finding| finding.code.to_string()).collect()
}

/// A webhook without a weakness, changed.
fn webhook(change: impl FnOnce(&mut Value)) -> Value {
    let mut webhook = json!({
        "name": "pods.example.com", "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 5,
        "clientConfig": { "service": { "namespace": "policy", "name": "policy" } },
        "namespaceSelector": { "matchExpressions": [
            { "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "policy"] }
        ] },
        "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }],
    });
    change(&mut webhook);
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "w" }, "webhooks": [webhook],
    })
}

#[test]
fn each_weakness_has_its_code_and_its_near_miss() {
    let none: [&str; 0] = [];
    assert_eq!(codes(&[webhook(|_| {})]), none);

    assert_eq!(codes(&[webhook(|it| it["failurePolicy"] = json!("Ignore"))]), ["K0511"]);
    let of_widgets =
        json!([{ "apiGroups": ["x.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["widgets"] }]);
    assert_eq!(
        codes(&[webhook(|it| {
            it["failurePolicy"] = json!("Ignore");
            it["rules"] = of_widgets.clone();
        })]),
        none
    );

    assert_eq!(codes(&[webhook(|it| it["timeoutSeconds"] = json!(30))]), ["K0512"]);
    assert_eq!(codes(&[webhook(|it| it["timeoutSeconds"] = json!(10))]), none);

    let except = |names: Value| json!({ "matchExpressions": [{ "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names }] });
    assert_eq!(codes(&[webhook(|it| it["namespaceSelector"] = json!({}))]), ["K0513", "K0513"]);
    assert_eq!(codes(&[webhook(|it| it["namespaceSelector"] = except(json!(["kube-system"])))]), ["K0513"]);
    // Labels that its own namespace carries in this very cluster.
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "policy", "labels": { "guard": "no" } } });
    let by_label = json!({ "matchExpressions": [
        { "key": "guard", "operator": "NotIn", "values": ["no"] },
        { "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"] },
    ] });
    assert_eq!(codes(&[namespace, webhook(|it| it["namespaceSelector"] = by_label)]), none);

    assert_eq!(codes(&[webhook(|it| it["sideEffects"] = json!("Some"))]), ["K0514"]);
    assert_eq!(codes(&[webhook(|it| it["sideEffects"] = json!("NoneOnDryRun"))]), none);

    assert_eq!(codes(&[webhook(|it| it["rules"][0]["resources"] = json!(["*"]))]), ["K0515"]);
    assert_eq!(codes(&[webhook(|it| it["rules"][0]["resources"] = json!(["pods", "services"]))]), none);
    assert_eq!(
        codes(&[webhook(|it| {
            it["rules"][0]["resources"] = json!(["pods", "leases"]);
            it["rules"][0]["operations"] = json!(["DELETE"]);
        })]),
        none
    );

    assert_eq!(codes(&[webhook(|it| it["rules"] = json!([]))]), ["K0516"]);
    let never =
        json!({ "matchLabels": { "a": "1" }, "matchExpressions": [{ "key": "a", "operator": "In", "values": ["2"] }] });
    assert_eq!(codes(&[webhook(|it| it["objectSelector"] = never)]), ["K0516"]);
}

#[test]
fn policies_and_bindings_need_each_other() {
    let of = |kind: &str, spec: Value| json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": "p" }, "spec": spec });
    let policy = of(
        "ValidatingAdmissionPolicy",
        json!({ "failurePolicy": "Fail", "matchConstraints": { "resourceRules": [{ "resources": ["pods"] }] } }),
    );
    let binding = of("ValidatingAdmissionPolicyBinding", json!({ "policyName": "p" }));
    assert_eq!(codes(std::slice::from_ref(&policy)), ["K0516"]);
    assert_eq!(codes(std::slice::from_ref(&binding)), ["K0516"]);
    assert_eq!(codes(&[policy, binding]), Vec::<String>::new());
}

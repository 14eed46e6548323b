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

/// The requests that show what webhooks are weak in.
fn shown(objects: &[Value]) -> Vec<String> {
    let objects: Vec<(Object, Place)> =
        objects.iter().map(|object| (Object(object.clone()), Place::Object("object".into()))).collect();
    let objects: Vec<(&Object, &Place)> = objects.iter().map(|(object, place)| (object, place)).collect();
    let findings = weaknesses(&objects);
    findings.iter().flat_map(|finding| finding.witness.iter().flat_map(|witness| witness.steps.clone())).collect()
}

#[test]
fn a_request_shows_a_weakness() {
    let pods =
        r#"{"namespace":"default","operation":"CREATE","resource":{"group":"","resource":"pods","version":"v1"}}"#;
    assert_eq!(
        shown(&[webhook(|it| it["failurePolicy"] = json!("Ignore"))]),
        [format!("passes while it is down: {pods}")]
    );
    assert_eq!(shown(&[webhook(|it| it["timeoutSeconds"] = json!(30))]), [format!("waits that long: {pods}")]);
    assert_eq!(
        shown(&[webhook(|it| it["sideEffects"] = json!("Some"))]),
        [format!("is refused: {}", pods.replacen('{', r#"{"dryRun":true,"#, 1))]
    );
    let all = |it: &mut Value| {
        it["namespaceSelector"] = json!({ "matchLabels": { "team": "a" } });
        it["rules"][0]["resources"] = json!(["*"]);
        it["timeoutSeconds"] = json!(30);
    };
    let labelled = pods.replace(r#""default""#, r#""example","namespaceLabels":{"team":"a"}"#);
    let events = labelled.replace(r#""pods""#, r#""events""#);
    assert_eq!(shown(&[webhook(all)]), [format!("waits that long: {labelled}"), format!("asks it: {events}")]);
    let open = |it: &mut Value| it["namespaceSelector"] = json!({});
    let refused = |name: &str| format!("is refused while it is down: {}", pods.replace("default", name));
    assert_eq!(shown(&[webhook(open)]), [refused("kube-system"), refused("policy")]);
    // What a condition leaves out is not known.
    let conditional = |it: &mut Value| {
        it["failurePolicy"] = json!("Ignore");
        it["matchConditions"] = json!([{ "name": "some", "expression": "false" }]);
    };
    assert_eq!(shown(&[webhook(conditional)]), [""; 0]);
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

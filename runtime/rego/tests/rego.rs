//! Modules as they are found in the wild.

use std::time::Duration;

use kspec_rego::Rego;
use kspec_rules::Foreign as _;
use serde_json::{Map, Value, json};

/// Gatekeeper's library, `general/requiredlabels`, in short.
const GATEKEEPER: &str = r#"
package k8srequiredlabels

get_message(parameters, _default) := _default {
  not parameters.message
}

violation[{"msg": msg, "details": {"missing_labels": missing}}] {
  provided := {label | input.review.object.metadata.labels[label]}
  required := {label | label := ["team", "tier"][_]}
  missing := required - provided
  count(missing) > 0
  def_msg := sprintf("you must provide labels: %v", [missing])
  msg := get_message(input.parameters, def_msg)
}
"#;

/// The Open Policy Agent's own tutorial.
const OPA: &str = r#"
package kubernetes.admission

deny[msg] {
  input.request.kind.kind == "Pod"
  image := input.request.object.spec.containers[_].image
  not startswith(image, "hooli.com/")
  msg := sprintf("image '%v' comes from untrusted registry", [image])
}
"#;

/// The same in Rego 1.0.
const ONE: &str = r#"
package kubernetes.admission

deny contains msg if {
  some container in input.request.object.spec.containers
  not startswith(container.image, "hooli.com/")
  msg := sprintf("image '%v' comes from untrusted registry", [container.image])
}
"#;

fn pod(images: &[&str], labels: Value) -> Value {
    let containers: Vec<Value> = images.iter().map(|image| json!({ "name": "c", "image": image })).collect();
    json!({
        "uid": "u", "operation": "CREATE", "kind": { "group": "", "version": "v1", "kind": "Pod" },
        "object": { "metadata": { "name": "p", "labels": labels }, "spec": { "containers": containers } },
        "oldObject": null,
    })
}

fn judge(source: &str, request: &Value) -> Result<Vec<String>, String> {
    Rego::new(Duration::from_secs(5)).rego("policy.rego", source, &Map::new(), request)
}

#[test]
fn gatekeepers_modules_read_the_review() {
    assert_eq!(judge(GATEKEEPER, &pod(&[], json!({ "team": "a", "tier": "b" }))), Ok(vec![]));
    let told = judge(GATEKEEPER, &pod(&[], json!({ "team": "a" })));
    assert_eq!(told, Ok(vec![r#"you must provide labels: {"tier"}"#.to_owned()]));
}

#[test]
fn a_delete_is_about_what_goes() {
    let mut request = pod(&[], json!({ "team": "a" }));
    request["operation"] = json!("DELETE");
    request["oldObject"] = request["object"].take();
    assert_eq!(judge(GATEKEEPER, &request).map(|told| told.len()), Ok(1));
}

#[test]
fn both_versions_of_rego_read_the_request() {
    for source in [OPA, ONE] {
        let told = judge(source, &pod(&["hooli.com/a", "evil.example/b", "docker.io/c"], json!({})));
        let expected = [
            "image 'docker.io/c' comes from untrusted registry".to_owned(),
            "image 'evil.example/b' comes from untrusted registry".to_owned(),
        ];
        assert_eq!(told, Ok(expected.to_vec()));
        assert_eq!(judge(source, &pod(&["hooli.com/a"], json!({}))), Ok(vec![]));
    }
}

#[test]
fn one_engine_answers_again_and_again() {
    let rego = Rego::new(Duration::from_secs(5));
    for round in 0..20 {
        let image = format!("evil.example/{round}");
        let told = rego.rego("policy.rego", OPA, &Map::new(), &pod(&[&image], json!({})));
        assert_eq!(told, Ok(vec![format!("image '{image}' comes from untrusted registry")]));
        assert_eq!(rego.rego("policy.rego", OPA, &Map::new(), &pod(&[], json!({}))), Ok(vec![]));
    }
}

#[test]
fn what_cannot_be_decided_says_why() {
    let pod = pod(&["a"], json!({}));
    assert_eq!(judge("package p\nx := 1", &pod), Err("policy.rego declares neither `violation` nor `deny`".to_owned()));
    let why = judge("package p\ndeny[msg] {", &pod).expect_err("no module");
    assert!(why.contains("policy.rego:2"), "{why}");
    let endless = "package p\ndeny[msg] { x := numbers.range(1, 3000)\n x[i] * x[j] * x[k] == 7.5\n msg := \"never\" }";
    let why =
        Rego::new(Duration::from_millis(50)).rego("policy.rego", endless, &Map::new(), &pod).expect_err("no verdict");
    assert!(why.contains("time"), "{why}");
}

#[test]
fn parameters_are_its_input() {
    let module = OPA.replace("\"hooli.com/\"", "input.parameters.prefix");
    let rego = Rego::new(Duration::from_secs(5));
    let request = pod(&["example.com/a"], json!({}));
    let told = |prefix: &str| {
        let parameters = Map::from_iter([("prefix".to_owned(), json!(prefix))]);
        rego.rego("policy.rego", &module, &parameters, &request).expect("a verdict")
    };
    assert_eq!(told("example.com/"), Vec::<String>::new());
    assert_eq!(told("hooli.com/"), ["image 'example.com/a' comes from untrusted registry"]);
}

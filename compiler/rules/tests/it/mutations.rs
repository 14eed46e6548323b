//! What mutations make of objects.

use kspec_model::rules::*;
use kspec_rules::{Engines, Evaluator, Mutated, NoObjects, Review};
use serde_json::{Value, json};

use crate::build::*;

fn mutate(changes: Vec<Change>, spec: Value) -> Mutated {
    let evaluator = Evaluator::load(table(vec![], vec![mutation("m", changes)])).unwrap();
    let once = run(&evaluator, &pod(spec));
    let twice = run(&evaluator, &once.object);
    assert_eq!(once.object, twice.object, "applying twice changes nothing");
    assert_eq!(twice.patch, json!([]));
    once
}

fn run(evaluator: &Evaluator, pod: &Value) -> Mutated {
    let request = request("CREATE", pod, &Value::Null);
    let mutated = evaluator.mutate(&Review::from_request(&request).unwrap(), Engines::All, &NoObjects);
    let mut patched = pod.clone();
    let patch: json_patch::Patch = serde_json::from_value(mutated.patch.clone()).expect("a patch");
    json_patch::patch(&mut patched, &patch).expect("applies");
    assert_eq!(patched, mutated.object, "the patch makes the object");
    mutated
}

fn write(write: Write, place: Expr, value: Expr) -> Change {
    Change::Write { write, place, value, keys: Vec::new(), line: 4 }
}

fn each_container(body: Vec<Change>) -> Change {
    Change::For { item: "c".into(), over: vec![objects("spec.containers")], body }
}

fn of_container(names: &str, ty: Ty) -> Expr {
    let names: Vec<&str> = names.split('.').collect();
    let (last, before) = names.split_last().unwrap();
    let base = before.iter().fold(var("c", Ty::Object), |base, name| field(base, name, Ty::Object));
    field(base, last, ty)
}

fn memory(text: &str) -> Expr {
    Expr::new(Ty::Quantity, Op::Const(Const::Quantity(text.into())))
}

#[test]
fn a_default_fills_in_what_is_not_there() {
    let changes = || {
        vec![each_container(vec![
            write(Write::Default, of_container("resources.limits.memory", Ty::Quantity), memory("256Mi")),
            write(Write::Default, of_container("securityContext.readOnlyRootFilesystem", Ty::Bool), Expr::bool(true)),
        ])]
    };
    let spec = json!({ "containers": [
        { "name": "a" },
        { "name": "b", "resources": { "limits": { "memory": "1Gi" } }, "securityContext": { "readOnlyRootFilesystem": false } },
    ] });
    let mutated = mutate(changes(), spec);
    insta::assert_json_snapshot!(mutated.object["spec"], @r#"
    {
      "containers": [
        {
          "name": "a",
          "resources": {
            "limits": {
              "memory": "256Mi"
            }
          },
          "securityContext": {
            "readOnlyRootFilesystem": true
          }
        },
        {
          "name": "b",
          "resources": {
            "limits": {
              "memory": "1Gi"
            }
          },
          "securityContext": {
            "readOnlyRootFilesystem": false
          }
        }
      ]
    }
    "#);
    assert_eq!(mutated.changed, ["m"]);
    assert_eq!(mutate(changes(), json!({})).patch, json!([]), "no containers, nothing to do");
}

#[test]
fn a_default_that_contradicts_is_left_out_and_told() {
    let limit = write(Write::Default, of_container("resources.limits.memory", Ty::Quantity), memory("256Mi"));
    let spec = json!({ "containers": [{ "name": "a", "resources": { "requests": { "memory": "1Gi" } } }] });
    let mutated = mutate(vec![each_container(vec![limit])], spec);
    assert_eq!(mutated.patch, json!([]));
    assert_eq!(
        mutated.warnings,
        ["m: spec.containers[0].resources.limits.memory is left out: the default 256Mi is below the request 1Gi"]
    );
}

#[test]
fn what_is_appended_is_there_once() {
    let drop = Change::Write {
        write: Write::Append,
        place: of_container("securityContext.capabilities.drop", Ty::List(Box::new(Ty::Text))),
        value: texts(&["ALL"]),
        keys: Vec::new(),
        line: 1,
    };
    let spec = json!({ "containers": [
        { "name": "a", "securityContext": { "capabilities": { "drop": ["ALL"] } } },
        { "name": "b", "securityContext": { "capabilities": { "drop": ["NET_RAW"] } } },
    ] });
    let mutated = mutate(vec![each_container(vec![drop])], spec);
    assert_eq!(mutated.object.pointer("/spec/containers/0/securityContext/capabilities/drop"), Some(&json!(["ALL"])));
    assert_eq!(
        mutated.object.pointer("/spec/containers/1/securityContext/capabilities/drop"),
        Some(&json!(["NET_RAW", "ALL"]))
    );
}

#[test]
fn conditions_read_the_object_as_earlier_statements_left_it() {
    let host = || path("spec.hostNetwork", Ty::Bool);
    let changes = vec![
        write(Write::Default, host(), Expr::bool(false)),
        Change::If {
            when: equal(host(), Expr::bool(false)),
            body: vec![Change::Remove { place: path("spec.nodeName", Ty::Text), line: 2 }],
        },
    ];
    let mutated = mutate(changes, json!({ "nodeName": "n1" }));
    assert_eq!(mutated.object["spec"], json!({ "hostNetwork": false }));
}

#[test]
fn a_fault_leaves_the_object_as_it_was() {
    let broken = write(Write::Set, path("spec.hostNetwork.inside", Ty::Bool), Expr::bool(true));
    let mutated = mutate(
        vec![write(Write::Set, path("spec.nodeName", Ty::Text), Expr::text("n2")), broken],
        json!({ "hostNetwork": true }),
    );
    assert_eq!(mutated.patch, json!([]));
    assert!(mutated.faults.iter().all(|fault| fault.denies && fault.id == "m"), "{:?}", mutated.faults);
    assert_eq!(mutated.faults.len(), 1);
}

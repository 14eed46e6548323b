//! Objects of every kind, right and wrong.

use kspec_schema::{KubeVersion, Path, Problem, ProblemKind, Schema, Type};
use serde_json::{Value, json};

use crate::sample::{maximal, minimal};

#[test]
fn an_object_of_every_kind_is_right() {
    for version in KubeVersion::all() {
        let schema = Schema::bundled(*version);
        for kind in schema.kinds() {
            for object in [minimal(&schema, kind), maximal(&schema, kind)] {
                assert_eq!(schema.validate(&object), [], "{version} {}", kind.kind);
            }
        }
    }
}

#[test]
fn one_mistake_in_an_object_of_any_kind_is_one_problem() {
    for version in KubeVersion::all() {
        let schema = Schema::bundled(*version);
        for kind in schema.kinds() {
            let right = maximal(&schema, kind);

            let mut wrong = right.clone();
            wrong["metdata"] = json!({});
            let suggestion = schema.object(kind.ty).unwrap().field("metadata").map(|_| "metadata".to_owned());
            let problem =
                Problem { path: Path::default().field("metdata"), kind: ProblemKind::UnknownField { suggestion } };
            assert_eq!(schema.validate(&wrong), [problem], "{version} {}", kind.kind);

            for (name, field) in
                schema.object(kind.ty).unwrap().fields().filter(|(name, _)| !["apiVersion", "kind"].contains(name))
            {
                let (value, found) = match schema.ty(field.ty) {
                    Type::Any => continue,
                    Type::Boolean => (json!([]), "a list"),
                    _ => (json!(true), "a boolean"),
                };
                let expected = schema.ty(field.ty).noun();
                let mut wrong = right.clone();
                wrong[name] = value;
                let problem =
                    Problem { path: Path::default().field(name), kind: ProblemKind::WrongType { expected, found } };
                assert_eq!(schema.validate(&wrong), [problem], "{version} {} {name}", kind.kind);
                deeper(&schema, &right, name);
            }
        }
    }
}

/// The same inside a field that is a struct.
fn deeper(schema: &Schema, right: &Value, field: &str) {
    if let Some(Value::Object(_)) = right.get(field) {
        let mut wrong = right.clone();
        wrong[field]["noSuchThingHere"] = json!(1);
        let problems = schema.validate(&wrong);
        let path = Path::default().field(field).field("noSuchThingHere");
        let is_map = problems.is_empty() || matches!(problems[0].kind, ProblemKind::WrongType { .. });
        assert!(is_map || problems == [Problem { path, kind: ProblemKind::UnknownField { suggestion: None } }]);
    }
}

fn problems(object: Value) -> String {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    schema.validate(&object).iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn problems_say_where_and_what() {
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "labels": {"app.kubernetes.io/name": 1}, "creationTimestamp": null},
        "spec": {
            "replica": 2,
            "selector": {"matchLabels": {"app": "api"}},
            "template": {
                "metadata": {"labels": {"app": "api"}},
                "spec": {
                    "serviceAcountName": "api",
                    "containers": [
                        {
                            "name": "api",
                            "imagePullPolicy": "always",
                            "ports": [{"containerPort": "8080"}, {"containerPort": 81}, {"containerPort": 81, "protocol": "TCP"}],
                            "resources": {"limits": {"memory": "1GB", "cpu": 1}},
                            "securityContext": {"runAsNonRoot": "true", "runAsUser": 1.5},
                        },
                        {"image": "b"},
                    ],
                },
            },
            "progressDeadlineSeconds": 9_999_999_999_u64,
        },
    });
    insta::assert_snapshot!(problems(deployment));
}

#[test]
fn kinds_that_are_not_served_are_named() {
    let of = |api_version: &str, kind: &str| problems(json!({"apiVersion": api_version, "kind": kind}));
    let all = [
        of("extensions/v1beta1", "Deployment"),
        of("v1", "Deployment"),
        of("apps/v1", "Deploymnet"),
        of("acme.example/v1", "Rocket"),
        problems(json!({"kind": "Pod"})),
        problems(json!({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secert"}]})),
    ];
    insta::assert_snapshot!(all.concat());
}

#[test]
fn special_values_are_what_the_server_takes() {
    let right = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "a"},
        "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}, {"port": "http", "protocol": "TCP"}]}]},
    });
    assert_eq!(problems(right), "");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "YQ==", "b": "not base64"}});
    assert_eq!(problems(secret), "data.b: `not base64` is not base64\n");
    let list = json!({"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"nam": "a"}}]});
    assert_eq!(problems(list), "items[0].metadata.nam: unknown field, did you mean `name`\n");
}

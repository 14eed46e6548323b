//! Mistakes anywhere, and input of any shape.

use kspec_schema::{KubeVersion, Path, Problem, ProblemKind, Schema, Step, Type};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sample::maximal;

/// Goes down a value by choices, and gives back the path to where it ends.
fn descend(value: &Value, choices: &[usize]) -> Path {
    let mut steps = Vec::new();
    let mut here = value;
    for choice in choices {
        let (step, next) = match here {
            Value::Object(fields) if !fields.is_empty() => {
                let (name, next) = fields.iter().nth(choice % fields.len()).unwrap();
                (Step::Field(name.clone()), next)
            }
            Value::Array(items) if !items.is_empty() => (Step::Index(0), &items[0]),
            _ => break,
        };
        steps.push(step);
        here = next;
    }
    Path(steps)
}

fn at<'a>(value: &'a mut Value, path: &Path) -> &'a mut Value {
    path.0.iter().fold(value, |value, step| match step {
        Step::Field(name) => &mut value[name.as_str()],
        Step::Index(index) => &mut value[*index],
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9./-]{0,8}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-zA-Z]{1,6}",
        proptest::sample::select(vec![
            "apiVersion",
            "kind",
            "metadata",
            "spec",
            "items",
            "type",
            "properties",
            "versions"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn a_wrong_value_anywhere_is_one_problem_there(
        version in proptest::sample::select(KubeVersion::all()),
        kind in any::<usize>(),
        choices in proptest::collection::vec(any::<usize>(), 1..9),
    ) {
        let schema = Schema::bundled(version);
        let kind = &schema.kinds()[kind % schema.kinds().len()];
        let mut object = maximal(&schema, kind);
        let path = descend(&object, &choices);
        prop_assume!(!matches!(path.0.as_slice(), [Step::Field(name)] if name == "apiVersion" || name == "kind"));
        let place = schema.walk(kind.ty, &path.0).expect("a path of the object is a path of its type");
        let ty = schema.ty(place.ty);
        let (wrong, found) = match ty {
            Type::Any => return Ok(()),
            Type::Object(_) | Type::Map { .. } => (json!("text"), "a string"),
            _ => (json!({"not": "this"}), "an object"),
        };
        *at(&mut object, &path) = wrong;
        let problem = Problem { path, kind: ProblemKind::WrongType { expected: ty.noun(), found } };
        prop_assert_eq!(schema.validate(&object), [problem]);
    }

    #[test]
    fn an_unknown_field_anywhere_is_one_problem_there(
        version in proptest::sample::select(KubeVersion::all()),
        kind in any::<usize>(),
        choices in proptest::collection::vec(any::<usize>(), 0..9),
    ) {
        let schema = Schema::bundled(version);
        let kind = &schema.kinds()[kind % schema.kinds().len()];
        let mut object = maximal(&schema, kind);
        let mut path = descend(&object, &choices);
        let is_struct = |path: &Path| schema.walk(kind.ty, &path.0).is_some_and(|place| schema.object(place.ty).is_some());
        while !is_struct(&path) {
            path.0.pop();
        }
        at(&mut object, &path)["thereIsNoSuchFieldAnywhere"] = json!(null);
        let path = path.field("thereIsNoSuchFieldAnywhere");
        prop_assert_eq!(schema.validate(&object), [Problem { path, kind: ProblemKind::UnknownField { suggestion: None } }]);
    }

    #[test]
    fn anything_may_be_asked_about(value in any_json(), kind in any::<usize>()) {
        let schema = Schema::bundled(KubeVersion::NEWEST);
        let kind = &schema.kinds()[kind % schema.kinds().len()];
        let _ = schema.validate(&value);
        let _ = schema.validate_as(kind.ty, &value);
    }

    #[test]
    fn anything_may_be_taken_for_a_crd(value in any_json(), choices in proptest::collection::vec(any::<usize>(), 1..12)) {
        let mut crd: Value = serde_json::from_str(include_str!("certificates.crd.json")).unwrap();
        let path = descend(&crd, &choices);
        *at(&mut crd, &path) = value;
        let (schema, _) = Schema::bundled(KubeVersion::NEWEST).with_crds(&[crd]);
        for kind in schema.kinds().iter().filter(|kind| kind.group == "cert-manager.io") {
            prop_assert!(schema.object(kind.ty).is_some());
        }
    }
}

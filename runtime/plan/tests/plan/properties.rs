//! What holds for every object.

use kspec_model::Object;
use kspec_plan::{diff_object, merge_object};
use kspec_schema::{KubeVersion, Schema};
use proptest::{prelude::*, sample::subsequence};
use serde_json::{Map, Value, json};

const MANAGER: &str = "kspec.shop";

/// A mapping of some of these names, each with one of a few values.
fn labels() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[ab]|kspec.dev/x", "[12]", 0..3).prop_map(|labels| json!(labels))
}

fn some(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let count = fields.len();
    (
        subsequence((0..count).collect::<Vec<_>>(), 0..=count),
        fields.into_iter().map(|(name, value)| value.prop_map(move |value| (name, value))).collect::<Vec<_>>(),
    )
        .prop_map(|(chosen, fields)| {
            let chosen = fields.into_iter().enumerate().filter(|(at, _)| chosen.contains(at));
            Value::Object(chosen.map(|(_, (name, value))| (name.to_owned(), value)).collect::<Map<_, _>>())
        })
        .boxed()
}

fn one_of(values: Vec<Value>) -> BoxedStrategy<Value> {
    proptest::sample::select(values).boxed()
}

/// A list whose items differ in a field.
fn list(item: BoxedStrategy<Value>, key: &'static str, most: usize) -> BoxedStrategy<Value> {
    proptest::collection::vec(item, 0..=most)
        .prop_map(move |items| {
            let mut seen = Vec::new();
            let distinct = items.into_iter().filter(|item| {
                let identity = (item.get(key).cloned(), item.get("protocol").cloned().unwrap_or(json!("TCP")));
                let new = item.get(key).is_some() && !seen.contains(&identity);
                seen.push(identity);
                new
            });
            Value::Array(distinct.collect())
        })
        .boxed()
}

fn spec(kind: &'static str) -> BoxedStrategy<Value> {
    let protocol = || one_of(vec![json!("TCP"), json!("UDP")]);
    match kind {
        "Service" => some(vec![
            ("type", one_of(vec![json!("ClusterIP"), json!("NodePort")])),
            ("selector", labels().boxed()),
            ("sessionAffinity", one_of(vec![json!("None"), json!("ClientIP")])),
            (
                "ports",
                list(
                    some(vec![
                        ("port", one_of(vec![json!(80), json!(90)])),
                        ("protocol", protocol()),
                        ("name", one_of(vec![json!("a"), json!("b")])),
                        ("targetPort", one_of(vec![json!(80), json!("http")])),
                    ]),
                    "port",
                    3,
                ),
            ),
        ]),
        "NetworkPolicy" => some(vec![
            ("podSelector", some(vec![("matchLabels", labels().boxed())])),
            ("policyTypes", one_of(vec![json!(["Ingress"]), json!(["Ingress", "Egress"]), json!([])])),
            (
                "ingress",
                list(
                    some(vec![
                        (
                            "from",
                            one_of(vec![json!([]), json!([{"podSelector": {}}]), json!([{"namespaceSelector": {}}])]),
                        ),
                        (
                            "ports",
                            one_of(vec![json!([{"port": 80}]), json!([{"port": 80, "protocol": "TCP"}]), json!([])]),
                        ),
                    ]),
                    "from",
                    2,
                ),
            ),
        ]),
        "LimitRange" => some(vec![(
            "limits",
            list(
                some(vec![
                    ("type", one_of(vec![json!("Container"), json!("Pod")])),
                    ("max", one_of(vec![json!({"cpu": "1"}), json!({"cpu": "1000m"}), json!({})])),
                    ("default", one_of(vec![json!({"cpu": "500m"}), json!({"memory": "1Gi"})])),
                ]),
                "type",
                2,
            ),
        )]),
        _ => some(vec![
            ("replicas", one_of(vec![json!(1), json!(2)])),
            (
                "template",
                some(vec![
                    ("metadata", some(vec![("labels", labels().boxed())])),
                    (
                        "spec",
                        some(vec![
                            ("serviceAccountName", one_of(vec![json!("a"), json!("b")])),
                            ("securityContext", one_of(vec![json!({}), json!({"runAsNonRoot": true})])),
                            (
                                "containers",
                                list(
                                    some(vec![
                                        ("name", one_of(vec![json!("a"), json!("b")])),
                                        ("image", one_of(vec![json!("x:1"), json!("x")])),
                                        ("imagePullPolicy", one_of(vec![json!("Always"), json!("IfNotPresent")])),
                                        (
                                            "resources",
                                            one_of(vec![
                                                json!({}),
                                                json!({"limits": {"cpu": "1"}}),
                                                json!({"limits": {"cpu": "1000m"}}),
                                            ]),
                                        ),
                                        (
                                            "ports",
                                            list(
                                                some(vec![
                                                    ("containerPort", one_of(vec![json!(80), json!(90)])),
                                                    ("protocol", protocol()),
                                                ]),
                                                "containerPort",
                                                2,
                                            ),
                                        ),
                                    ]),
                                    "name",
                                    2,
                                ),
                            ),
                        ]),
                    ),
                ]),
            ),
        ]),
    }
}

fn objects() -> impl Strategy<Value = (Object, Object)> {
    let kinds = vec![
        ("v1", "Service"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("v1", "LimitRange"),
        ("apps/v1", "Deployment"),
    ];
    proptest::sample::select(kinds).prop_flat_map(|(api_version, kind)| {
        let object = move || {
            (labels(), spec(kind)).prop_map(move |(labels, spec)| {
                Object(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "n", "labels": labels}, "spec": spec}))
            })
        };
        (object(), object())
    })
}

/// Every way to something that is no mapping, outside lists.
fn leaves(value: &Value, path: &str, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                leaves(value, &format!("{path}/{}", name.replace('/', "~1")), out);
            }
        }
        other => out.push((path.to_owned(), other.clone())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_merged_differs_no_more((desired, actual) in objects()) {
        let schema = Schema::bundled(KubeVersion::NEWEST);
        let merged = merge_object(&desired, &actual, &schema, MANAGER);
        let diff = diff_object(&desired, &merged, &schema, MANAGER);
        prop_assert!(diff.is_empty(), "{diff:?}\nmerged {merged:?}");
    }

    #[test]
    fn an_object_does_not_differ_from_itself((desired, _) in objects()) {
        let schema = Schema::bundled(KubeVersion::NEWEST);
        prop_assert!(diff_object(&desired, &desired, &schema, MANAGER).is_empty());
    }

    #[test]
    fn only_fields_that_are_wanted_show((desired, actual) in objects()) {
        let schema = Schema::bundled(KubeVersion::NEWEST);
        for change in diff_object(&desired, &actual, &schema, MANAGER).changes {
            let own_removal = change.path.contains("kspec.dev/") && change.after.is_none();
            prop_assert!(own_removal || change.after.is_some(), "{change:?}");
            let first = change.path.split(['.', '[']).take(2).map(|part| part.trim_matches(['"', ']'])).collect::<Vec<_>>();
            let pointer = format!("/{}", first.join("/"));
            prop_assert!(own_removal || desired.0.pointer(&pointer).is_some(), "{change:?} {pointer}");
        }
    }

    #[test]
    fn merging_leaves_alone_what_is_not_wanted((desired, actual) in objects()) {
        let schema = Schema::bundled(KubeVersion::NEWEST);
        let merged = merge_object(&desired, &actual, &schema, MANAGER);
        let mut before = Vec::new();
        leaves(&actual.0, "", &mut before);
        for (path, value) in before {
            let wanted = (0..=path.matches('/').count()).any(|cut| {
                let pointer = path.split('/').take(cut + 1).collect::<Vec<_>>().join("/");
                !pointer.is_empty() && desired.0.pointer(&pointer).is_some_and(|value| !value.is_object())
            }) || desired.0.pointer(&path).is_some();
            let ours = path.contains("kspec.dev");
            // A selector is one value to the server.
            let atomic = path.starts_with("/spec/podSelector") || path.starts_with("/spec/selector");
            if !wanted && !ours && !atomic {
                prop_assert_eq!(merged.0.pointer(&path), Some(&value), "{}", path);
            }
        }
    }
}

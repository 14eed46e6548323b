//! States of every shape.

use kspec_schema::KubeVersion;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::round_trip::{complaints, state};

const RBAC: &str = "rbac.authorization.k8s.io";
/// Namespaces that the state holds, and one that it does not.
const NAMESPACES: &[&str] = &["shop", "default", "kube-system", "in", "1st", "network", "ghost"];
const NAMES: &[&str] = &[
    "api",
    "db-1",
    "1st",
    "in",
    "all",
    "role",
    "default",
    "x.y",
    "cidr",
    "to",
    "a-name-that-is-longer-than-the-sixty-three-characters-that-a-label-holds-at-most",
];

fn one(of: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(of).prop_map(str::to_owned)
}

fn some(of: &'static [&'static str], least: usize) -> impl Strategy<Value = Vec<String>> {
    vec(one(of), least..4)
}

/// An object of the fields that are there.
fn object(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>())
}

fn rule() -> impl Strategy<Value = Value> {
    let verbs =
        || some(&["get", "list", "*", "use", "bind", "escalate", "impersonate", "post", "x", "odd verb", "any"], 0);
    let groups = some(&["", "apps", "*", "example.com", "batch", "kspec.dev"], 0);
    let resources = some(
        &[
            "pods",
            "*",
            "deployments",
            "pods/log",
            "*/scale",
            "pods/*",
            "widgets",
            "widgets/status",
            "users",
            "secrets",
            "in",
            "*/*",
        ],
        0,
    );
    let names = some(&["a", "b.c", "d:e", "*", "with \"quote\""], 0);
    prop_oneof![
        4 => (verbs(), groups, resources, option::of(names)).prop_map(|(verbs, groups, resources, names)| object([
            ("verbs", Some(json!(verbs))),
            ("apiGroups", Some(json!(groups))),
            ("resources", Some(json!(resources))),
            ("resourceNames", names.map(|names| json!(names))),
        ])),
        1 => (verbs(), some(&["*", "/healthz", "/logs/*", "/metrics"], 1))
            .prop_map(|(verbs, urls)| json!({ "verbs": verbs, "nonResourceURLs": urls })),
    ]
}

fn metadata(name: &str, namespace: Option<&str>, ours: bool) -> Value {
    object([
        ("name", Some(json!(name))),
        ("namespace", namespace.map(|namespace| json!(namespace))),
        ("labels", ours.then(|| json!({ "kspec.dev/project": "ours", "app.kubernetes.io/managed-by": "kspec" }))),
    ])
}

fn role() -> impl Strategy<Value = Value> {
    let labels = option::of(select(vec![
        json!({ "example.com/to": "view" }),
        json!({ "a": "b", "app.kubernetes.io/name": "x" }),
    ]));
    let aggregation = option::weighted(
        0.2,
        select(vec![
            json!({ "clusterRoleSelectors": [{ "matchLabels": { "example.com/to": "view", "a": "b" } }] }),
            json!({ "clusterRoleSelectors": [{ "matchExpressions": [{ "key": "a", "operator": "Exists" }] }] }),
        ]),
    );
    (one(NAMES), option::of(one(NAMESPACES)), vec(rule(), 0..4), labels, aggregation).prop_map(
        |(name, namespace, rules, labels, aggregation)| {
            let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
            let mut metadata = metadata(&name, namespace.as_deref(), false);
            if let (Some(labels), None, Some(metadata)) = (labels, &namespace, metadata.as_object_mut()) {
                metadata.insert("labels".to_owned(), labels);
            }
            // Roles of one namespace say no paths, and none aggregates.
            let rules: Vec<Value> =
                rules.into_iter().filter(|rule| namespace.is_none() || rule.get("nonResourceURLs").is_none()).collect();
            object([
                ("apiVersion", Some(json!(format!("{RBAC}/v1")))),
                ("kind", Some(json!(kind))),
                ("metadata", Some(metadata)),
                ("rules", Some(json!(rules))),
                ("aggregationRule", aggregation.filter(|_| namespace.is_none())),
            ])
        },
    )
}

fn subject() -> impl Strategy<Value = Value> {
    prop_oneof![
        one(&["alice@example.com", "user", "system:node:a", "oidc:x"])
            .prop_map(|name| json!({ "apiGroup": RBAC, "kind": "User", "name": name })),
        one(&["system:masters", "oidc:x", "group", "system:serviceaccounts:shop"])
            .prop_map(|name| json!({ "apiGroup": RBAC, "kind": "Group", "name": name })),
        (one(NAMES), one(NAMESPACES))
            .prop_map(|(name, namespace)| json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace })),
    ]
}

fn binding() -> impl Strategy<Value = Value> {
    let role = prop_oneof![one(NAMES), one(&["view", "cluster-admin", "system:node", "no:such"])];
    (one(NAMES), option::of(one(NAMESPACES)), any::<bool>(), role, vec(subject(), 0..4)).prop_map(
        |(name, namespace, own, role, subjects)| {
            let own = own && namespace.is_some();
            json!({
                "apiVersion": format!("{RBAC}/v1"),
                "kind": if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" },
                "metadata": metadata(&name, namespace.as_deref(), false),
                "roleRef": { "apiGroup": RBAC, "kind": if own { "Role" } else { "ClusterRole" }, "name": role },
                "subjects": subjects,
            })
        },
    )
}

fn account() -> impl Strategy<Value = Value> {
    (one(NAMES), one(NAMESPACES), option::of(any::<bool>()), some(&["registry", "a.b"], 0), any::<bool>()).prop_map(
        |(name, namespace, automount, mut secrets, ours)| {
            secrets.dedup();
            secrets.truncate(1);
            object([
                ("apiVersion", Some(json!("v1"))),
                ("kind", Some(json!("ServiceAccount"))),
                ("metadata", Some(metadata(&name, Some(&namespace), ours))),
                ("automountServiceAccountToken", automount.map(|automount| json!(automount))),
                (
                    "imagePullSecrets",
                    (!secrets.is_empty()).then(|| secrets.iter().map(|name| json!({ "name": name })).collect()),
                ),
            ])
        },
    )
}

fn amount() -> impl Strategy<Value = Value> {
    prop_oneof![
        one(&["1", "0", "500m", "1e3", "0.5", "1Gi", "1.5Gi", "100k", "3k", "5e-1", "+3", "1E2", "2500m", ".5"])
            .prop_map(Value::from),
        // What the language refuses somewhere: parts of a byte, less than a thousandth, signs, large exponents, no amounts.
        one(&["0.0001", "100u", "1n", "-1", "1e-9", "1e30", "9Ei", "0.5Ki", "1.0000001Gi", "12x", "", "1 Gi", "5."])
            .prop_map(Value::from),
        (0..50_u32).prop_map(Value::from),
        Just(json!(0.5)),
    ]
}

fn quota() -> impl Strategy<Value = Value> {
    let hard = proptest::collection::btree_map(
        one(&[
            "pods",
            "requests.cpu",
            "limits.memory",
            "count/deployments.apps",
            "requests.nvidia.com/gpu",
            "services.nodeports",
            "gold.storageclass.storage.k8s.io/requests.storage",
            "hugepages-2Mi",
            "cpu",
        ]),
        Just(()),
        0..5,
    );
    // Half of them fit what they count; of the rest the language refuses most, and the server some.
    let hard =
        (hard, vec(amount(), 5), vec(0..90_u32, 5), any::<bool>()).prop_map(|(names, amounts, whole, fitting)| {
            let amounts = amounts.into_iter().zip(whole);
            let fits = |name: String, (amount, whole): (Value, u32)| match name.as_str() {
                _ if !fitting => (name, amount),
                "limits.memory" => (name, json!(format!("{whole}.5Gi"))),
                _ => (name, json!(whole)),
            };
            names
                .into_keys()
                .zip(amounts)
                .map(|(name, amount)| fits(name, amount))
                .collect::<std::collections::BTreeMap<_, _>>()
        });
    let scopes = option::weighted(
        0.3,
        select(vec![json!(["BestEffort"]), json!(["NotTerminating", "NotBestEffort"]), json!([])]),
    );
    let selector = option::weighted(
        0.3,
        select(vec![
            json!({ "matchExpressions": [{ "scopeName": "PriorityClass", "operator": "In", "values": ["high"] }] }),
            json!({ "matchExpressions": [{ "scopeName": "BestEffort", "operator": "Exists" }] }),
        ]),
    );
    (one(NAMES), one(NAMESPACES), hard, scopes, selector).prop_map(|(name, namespace, hard, scopes, selector)| {
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata(&name, Some(&namespace), false),
            "spec": object([("hard", Some(json!(hard))), ("scopes", scopes), ("scopeSelector", selector)]),
        })
    })
}

fn limit_range() -> impl Strategy<Value = Value> {
    let amounts = || {
        let amounts =
            proptest::collection::btree_map(one(&["cpu", "memory", "storage", "nvidia.com/gpu"]), amount(), 0..3);
        option::weighted(0.4, amounts.prop_map(|amounts| json!(amounts)))
    };
    let kinds = one(&["Container", "Pod", "PersistentVolumeClaim", "Container", "Image"]);
    let limit = (kinds, amounts(), amounts(), amounts(), amounts(), amounts()).prop_map(
        |(kind, max, min, default, request, ratio)| {
            let container = kind == "Container";
            object([
                ("type", Some(json!(kind))),
                ("max", max),
                ("min", min),
                ("default", default.filter(|_| container)),
                ("defaultRequest", request.filter(|_| container)),
                ("maxLimitRequestRatio", ratio),
            ])
        },
    );
    (one(NAMES), one(NAMESPACES), vec(limit, 0..4)).prop_map(|(name, namespace, limits)| {
        json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": metadata(&name, Some(&namespace), false),
            "spec": { "limits": limits },
        })
    })
}

fn selector() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({ "matchLabels": { "app": "api" } }),
        json!({ "matchLabels": { "app.kubernetes.io/name": "db", "in": "true" } }),
        json!({ "matchLabels": {} }),
        json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["api", "db"] }] }),
        json!({ "matchExpressions": [{ "key": "a/b", "operator": "NotIn", "values": ["x"] }, { "key": "c", "operator": "Exists" }] }),
        json!({ "matchLabels": { "app": "api" }, "matchExpressions": [{ "key": "old", "operator": "DoesNotExist" }] }),
    ])
}

fn peer() -> impl Strategy<Value = Value> {
    let named = one(NAMESPACES).prop_map(|name| json!({ "matchLabels": { "kubernetes.io/metadata.name": name } }));
    prop_oneof![
        selector().prop_map(|pods| json!({ "podSelector": pods })),
        prop_oneof![selector(), named.clone()].prop_map(|namespaces| json!({ "namespaceSelector": namespaces })),
        (selector(), prop_oneof![selector(), named])
            .prop_map(|(pods, namespaces)| json!({ "podSelector": pods, "namespaceSelector": namespaces })),
        select(vec![
            json!({ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] } }),
            json!({ "ipBlock": { "cidr": "0.0.0.0/0" } }),
            json!({ "ipBlock": { "cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"] } }),
        ]),
    ]
}

fn port() -> impl Strategy<Value = Value> {
    select(vec![
        json!({ "port": 80 }),
        json!({ "port": 53, "protocol": "UDP" }),
        json!({ "port": "http", "protocol": "TCP" }),
        json!({ "port": "udp" }),
        json!({ "port": "dns", "protocol": "UDP" }),
        json!({ "port": 8000, "endPort": 8100 }),
        json!({ "port": 8000, "endPort": 8000, "protocol": "SCTP" }),
        json!({ "protocol": "SCTP" }),
        json!({}),
    ])
}

fn policy() -> impl Strategy<Value = Value> {
    let rules = |far: &'static str| {
        let rule = (option::of(vec(peer(), 0..3)), option::of(vec(port(), 0..3))).prop_map(move |(peers, ports)| {
            object([(far, peers.map(|peers| json!(peers))), ("ports", ports.map(|ports| json!(ports)))])
        });
        option::of(vec(rule, 0..3))
    };
    let types = option::of(select(vec![json!(["Ingress"]), json!(["Egress"]), json!(["Ingress", "Egress"])]));
    (one(NAMES), one(NAMESPACES), selector(), rules("from"), rules("to"), types).prop_map(
        |(name, namespace, pods, ingress, egress, types)| {
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": metadata(&name, Some(&namespace), false),
                "spec": object([
                    ("podSelector", Some(pods)),
                    ("ingress", ingress.map(|rules| json!(rules))),
                    ("egress", egress.map(|rules| json!(rules))),
                    ("policyTypes", types),
                ]),
            })
        },
    )
}

fn namespace(name: &'static str) -> impl Strategy<Value = Value> {
    let level = || option::weighted(0.4, one(&["privileged", "baseline", "restricted"]));
    let version = || option::weighted(0.3, one(&["latest", "v1.33", "v1.34"]));
    ((level(), version()), (level(), version()), (level(), version()), any::<bool>()).prop_map(
        move |(enforce, audit, warn, labelled)| {
            let mut labels = Map::new();
            for (mode, (level, version)) in [("enforce", enforce), ("audit", audit), ("warn", warn)] {
                let mut label = |mode: &str, value: Option<String>| {
                    labels.extend(value.map(|value| (format!("pod-security.kubernetes.io/{mode}"), json!(value))));
                };
                label(mode, level);
                label(&format!("{mode}-version"), version);
            }
            labels.insert("kubernetes.io/metadata.name".to_owned(), json!(name));
            if labelled {
                labels.insert("example.com/team".to_owned(), json!("a_team.1-x"));
            }
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
        },
    )
}

fn deployment() -> impl Strategy<Value = Value> {
    (one(NAMES), one(NAMESPACES), select(vec![json!({ "app": "api" }), json!({ "app.kubernetes.io/name": "db", "in": "true" })])).prop_map(
        |(name, namespace, labels)| {
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(&name, Some(&namespace), false),
                "spec": {
                    "selector": { "matchLabels": labels },
                    "template": {
                        "metadata": { "labels": labels },
                        "spec": { "containers": [{ "name": "c", "image": "c", "ports": [{ "name": "http", "containerPort": 80 }] }] },
                    },
                },
            })
        },
    )
}

fn objects() -> impl Strategy<Value = Vec<Value>> {
    let held: Vec<_> = NAMESPACES.iter().filter(|name| **name != "ghost").map(|name| namespace(name)).collect();
    let other = prop_oneof![
        3 => role(), 3 => binding(), 2 => account(), 2 => quota(), 2 => limit_range(), 4 => policy(), 2 => deployment(),
    ];
    (held, vec(other, 0..16)).prop_map(|(mut objects, others)| {
        objects.extend(others);
        objects
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn planning_an_import_against_its_own_state_only_adopts(objects in objects()) {
        let (imported, complaints) = complaints(&state(objects), KubeVersion::NEWEST);
        prop_assert!(complaints.is_empty(), "{}\n{:#?}", complaints.join("\n"), imported.files);
    }
}

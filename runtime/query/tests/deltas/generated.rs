//! Objects of access and connectivity, each in two shapes.

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Map, Value, json};

use crate::plain_access::{SUBJECTS, subject};
use kspec_model::program::Subject;

const RBAC: &str = "rbac.authorization.k8s.io";
const NAMESPACES: [&str; 3] = ["a", "b", "c"];

/// Where an object stands, seen from a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The project's, and it left the program.
    Left,
    /// The project's, and not there yet.
    New,
    /// The project's, and the program now says something else.
    Changed,
    /// There before the program declared it.
    Adopted,
    /// Somebody else's.
    Others,
}

/// An object in the shape that it has, and the one that it is to have.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) stands: Stands,
    /// Whether the state has a record of which fields the project set.
    pub(crate) tracked: bool,
    pub(crate) first: Value,
    pub(crate) second: Value,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stands, tracked, first, second } = self;
        write!(f, "\n{stands:?} (tracked: {tracked})\n  {first}\n  {second}")
    }
}

fn object(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>())
}

fn some(of: &'static [&'static str], least: usize, most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(of, least..=most.min(of.len()))
}

fn rules(of_namespace: bool) -> impl Strategy<Value = Value> {
    let names = option::weighted(0.25, some(&["x", "y"], 1, 2));
    let on_resources = (
        some(&["get", "list", "*"], 1, 2),
        some(&["", "apps", "*"], 1, 2),
        some(&["pods", "pods/log", "deployments", "deployments/scale", "*/log", "*/scale", "*"], 1, 3),
        names,
    )
        .prop_map(|(verbs, groups, resources, names)| {
            object([
                ("verbs", Some(json!(verbs))),
                ("apiGroups", Some(json!(groups))),
                ("resources", Some(json!(resources))),
                ("resourceNames", names.map(|names| json!(names))),
            ])
        });
    let on_urls = (some(&["get", "*"], 1, 1), some(&["/a", "/a/*", "/a*", "*", "/b"], 1, 2))
        .prop_map(|(verbs, urls)| json!({ "verbs": verbs, "nonResourceURLs": urls }));
    let rule = if of_namespace { on_resources.boxed() } else { prop_oneof![4 => on_resources, 1 => on_urls].boxed() };
    vec(rule, 0..3).prop_map(Value::Array)
}

fn metadata(namespace: Option<&str>, name: String, labels: Option<Value>) -> Value {
    let namespace = namespace.map(|namespace| json!(namespace));
    object([("name", Some(json!(name))), ("namespace", namespace), ("labels", labels)])
}

/// One that may add to the built-in role `view`, or to the aggregated role `team`.
fn role(at: usize) -> BoxedStrategy<(Value, Value)> {
    let labels = || {
        option::weighted(
            0.3,
            select(vec![json!({ "rbac.authorization.k8s.io/aggregate-to-view": "true" }), json!({ "team": "x" })]),
        )
    };
    option::weighted(0.4, select(NAMESPACES.to_vec()))
        .prop_flat_map(move |namespace| {
            let of_namespace = namespace.is_some();
            let shape = move || {
                (rules(of_namespace), labels()).prop_map(move |(rules, labels)| {
                    json!({
                        "apiVersion": format!("{RBAC}/v1"),
                        "kind": if of_namespace { "Role" } else { "ClusterRole" },
                        "metadata": metadata(namespace, format!("r{at}"), labels.filter(|_| !of_namespace)),
                        "rules": rules,
                    })
                })
            };
            (shape(), shape())
        })
        .boxed()
}

fn team() -> BoxedStrategy<(Value, Value)> {
    let shape = || {
        any::<bool>().prop_map(|selects| {
            let selectors = if selects { json!([{ "matchLabels": { "team": "x" } }]) } else { json!([]) };
            json!({
                "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": { "name": "team" },
                "aggregationRule": { "clusterRoleSelectors": selectors },
            })
        })
    };
    (shape(), shape()).boxed()
}

fn subjects() -> impl Strategy<Value = Value> {
    some(SUBJECTS, 0, 2).prop_map(|texts| {
        let written = texts.into_iter().map(|text| match subject(text) {
            Subject::User(name) => json!({ "apiGroup": RBAC, "kind": "User", "name": name }),
            Subject::Group(name) => json!({ "apiGroup": RBAC, "kind": "Group", "name": name }),
            Subject::ServiceAccount { namespace, name } => {
                json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
            }
        });
        Value::Array(written.collect())
    })
}

/// Binds one of the generated roles (its kind is guessed: a role that is not there grants nothing), or one that is built in.
fn binding(at: usize) -> BoxedStrategy<(Value, Value)> {
    option::of(select(NAMESPACES.to_vec()))
        .prop_flat_map(move |namespace| {
            let name = prop_oneof![
                8 => (0..4_usize).prop_map(|role| format!("r{role}")),
                2 => Just("team".to_owned()),
                1 => select(vec!["view".to_owned(), "cluster-admin".to_owned()]),
            ];
            let role = (prop::bool::weighted(0.4), name).prop_map(move |(own, name)| {
                let own = own && namespace.is_some();
                json!({ "apiGroup": RBAC, "kind": if own { "Role" } else { "ClusterRole" }, "name": name })
            });
            // What a binding binds seldom changes: then it is made anew.
            let other = (role.clone(), prop::bool::weighted(0.2));
            (role, other, subjects(), subjects()).prop_map(move |(role, (other, rebinds), first, second)| {
                let shape = |role: &Value, subjects: Value| {
                    json!({
                        "apiVersion": format!("{RBAC}/v1"),
                        "kind": if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" },
                        "metadata": metadata(namespace, format!("b{at}"), None),
                        "roleRef": role, "subjects": subjects,
                    })
                };
                (shape(&role, first), shape(if rebinds { &other } else { &role }, second))
            })
        })
        .boxed()
}

fn labels() -> impl Strategy<Value = Value> + Clone {
    (option::of(select(vec!["p", "q"])), option::of(select(vec!["1", "2"])))
        .prop_map(|(app, tier)| object([("app", app.map(|app| json!(app))), ("tier", tier.map(|tier| json!(tier)))]))
}

fn namespace(name: &'static str) -> BoxedStrategy<(Value, Value)> {
    let shape = move || {
        labels().prop_map(move |labels| {
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata(None, name.to_owned(), Some(labels)) })
        })
    };
    (shape(), shape()).boxed()
}

fn selector() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        1 => Just(json!({})),
        2 => labels().prop_map(|labels| json!({ "matchLabels": labels })),
        1 => (select(vec!["app", "tier"]), select(vec!["In", "NotIn"]), select(vec!["p", "1"]))
            .prop_map(|(key, operator, value)| json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": [value] }] })),
        1 => (select(vec!["app", "tier"]), select(vec!["Exists", "DoesNotExist"]))
            .prop_map(|(key, operator)| json!({ "matchExpressions": [{ "key": key, "operator": operator }] })),
    ]
}

fn protocol() -> impl Strategy<Value = &'static str> + Clone {
    prop_oneof![4 => Just("TCP"), 2 => Just("UDP"), 1 => Just("SCTP")]
}

fn ports() -> impl Strategy<Value = Value> + Clone {
    let number = (option::of(protocol()), select(vec![(80, None), (53, None), (79, Some(90)), (81, Some(8080))]))
        .prop_map(|(protocol, (port, end))| {
            object([
                ("protocol", protocol.map(|protocol| json!(protocol))),
                ("port", Some(json!(port))),
                ("endPort", end.map(|end| json!(end))),
            ])
        });
    let port = prop_oneof![
        3 => number,
        1 => (select(vec!["http", "dns"]), protocol()).prop_map(|(name, protocol)| json!({ "port": name, "protocol": protocol })),
        1 => protocol().prop_map(|protocol| json!({ "protocol": protocol })),
    ];
    vec(port, 0..3).prop_map(Value::Array)
}

fn peers() -> impl Strategy<Value = Value> + Clone {
    let block = prop_oneof![
        4 => select(vec![
            json!({ "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"] }),
            json!({ "cidr": "0.0.0.0/0" }),
            json!({ "cidr": "10.0.0.0/8", "except": ["10.0.5.0/24"] }),
            json!({ "cidr": "10.0.5.0/24" }),
        ]),
        1 => Just(json!({ "cidr": "fd00::/8", "except": ["fd00::/16"] })),
    ];
    let peer = prop_oneof![
        3 => (selector(), option::of(selector())).prop_map(|(pods, namespaces)| {
            object([("podSelector", Some(pods)), ("namespaceSelector", namespaces)])
        }),
        1 => selector().prop_map(|namespaces| json!({ "namespaceSelector": namespaces })),
        1 => block.prop_map(|block| json!({ "ipBlock": block })),
    ];
    vec(peer, 0..3).prop_map(Value::Array)
}

fn policy(at: usize) -> BoxedStrategy<(Value, Value)> {
    let allows = |direction: &'static str| {
        let rule = (peers(), ports()).prop_map(move |(peers, ports)| json!({ direction: peers, "ports": ports }));
        option::weighted(0.7, vec(rule, 0..3).prop_map(Value::Array))
    };
    let types =
        option::weighted(0.8, select(vec![json!(["Ingress"]), json!(["Egress"]), json!(["Ingress", "Egress"])]));
    let spec = (selector(), types, allows("from"), allows("to")).prop_map(|(pods, types, ingress, egress)| {
        object([("podSelector", Some(pods)), ("policyTypes", types), ("ingress", ingress), ("egress", egress)])
    });
    (select(NAMESPACES.to_vec()), spec.clone(), spec)
        .prop_map(move |(namespace, first, second)| {
            let shape = |spec| {
                json!({
                    "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                    "metadata": { "namespace": namespace, "name": format!("p{at}") }, "spec": spec,
                })
            };
            (shape(first), shape(second))
        })
        .boxed()
}

/// A cluster's own policy; both shapes are in force where it is somebody else's.
fn admin_policy(at: usize) -> BoxedStrategy<(Value, Value)> {
    let shape = move || {
        let about = (selector(), selector())
            .prop_map(|(namespaces, pods)| json!({ "pods": { "namespaceSelector": namespaces, "podSelector": pods } }));
        let rule = (select(vec!["Accept", "Deny", "Pass"]), about.clone())
            .prop_map(|(action, from)| json!({ "action": action, "from": [from] }));
        (select(vec!["Admin", "Baseline"]), 0..3, about, vec(rule, 0..3)).prop_map(
            move |(tier, priority, subject, ingress)| {
                json!({
                    "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
                    "metadata": { "name": format!("c{at}") },
                    "spec": { "tier": tier, "priority": priority, "subject": subject, "ingress": ingress },
                })
            },
        )
    };
    (shape(), shape()).boxed()
}

fn workload(at: usize) -> BoxedStrategy<(Value, Value)> {
    let ports = vec((option::of(select(vec!["http", "dns"])), select(vec![80, 8080, 53]), protocol()), 0..3).prop_map(
        |ports| {
            let written = ports.into_iter().map(|(name, port, protocol)| {
                object([
                    ("name", name.map(|name| json!(name))),
                    ("containerPort", Some(json!(port))),
                    ("protocol", Some(json!(protocol))),
                ])
            });
            Value::Array(written.collect())
        },
    );
    let spec = (labels(), prop::bool::weighted(0.1), ports).prop_map(|(labels, host, ports)| {
        json!({
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "hostNetwork": host, "containers": [{ "name": "c", "image": "x:1", "ports": ports }] },
            },
        })
    });
    (select(NAMESPACES.to_vec()), spec.clone(), spec)
        .prop_map(move |(namespace, first, second)| {
            let shape = |spec| {
                json!({
                    "apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": { "namespace": namespace, "name": format!("w{at}") }, "spec": spec,
                })
            };
            (shape(first), shape(second))
        })
        .boxed()
}

/// Leads callers from outside to pods.
fn service(at: usize) -> BoxedStrategy<(Value, Value)> {
    let shape = (labels(), select(vec![json!(80), json!(8080), json!("http")]), protocol(), any::<bool>());
    (select(NAMESPACES.to_vec()), shape.clone(), shape)
        .prop_map(move |(namespace, first, second)| {
            let shape = |(labels, target, protocol, outside): (Value, Value, &str, bool)| {
                json!({
                    "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": namespace, "name": format!("s{at}") },
                    "spec": {
                        "type": if outside { "NodePort" } else { "ClusterIP" }, "selector": labels,
                        "ports": [{ "port": 443, "targetPort": target, "protocol": protocol }],
                    },
                })
            };
            (shape(first), shape(second))
        })
        .boxed()
}

fn stands() -> BoxedStrategy<Stands> {
    use Stands::{Adopted, Changed, Left, New, Others};
    select(vec![Left, New, Changed, Changed, Adopted, Others]).boxed()
}

fn items(
    count: std::ops::Range<usize>,
    stands: fn() -> BoxedStrategy<Stands>,
    shapes: fn(usize) -> BoxedStrategy<(Value, Value)>,
) -> BoxedStrategy<Vec<Item>> {
    count
        .prop_flat_map(move |count| {
            let each = move |at| {
                (stands(), any::<bool>(), shapes(at)).prop_map(|(stands, tracked, (first, second))| Item {
                    stands,
                    tracked,
                    first,
                    second,
                })
            };
            (0..count).map(each).collect::<Vec<_>>()
        })
        .boxed()
}

fn others() -> BoxedStrategy<Stands> {
    Just(Stands::Others).boxed()
}

/// Objects of a cluster that a project is about. `free` are those that no program of kspec writes: of all the kinds that
/// decide, seen from two states; somebody else's, seen from a plan.
pub(crate) fn objects(free: bool) -> impl Strategy<Value = Vec<Item>> {
    let deployed = if free { stands } else { others };
    let access = (items(0..5, stands, role), items(0..2, stands, |_| team()), items(0..6, stands, binding));
    let network = (
        items(1..4, stands, |at| namespace(NAMESPACES[at])),
        items(1..6, deployed, workload),
        items(0..6, stands, policy),
        prop_oneof![1 => Just(Vec::new()), 1 => items(0..3, deployed, admin_policy)],
        items(0..3, deployed, service),
    );
    (access, network).prop_map(|((roles, team, bindings), (namespaces, workloads, policies, admins, services))| {
        [roles, team, bindings, namespaces, workloads, policies, admins, services].concat()
    })
}

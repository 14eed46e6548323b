//! Service accounts, roles, bindings and pods: mostly harmless, a few of them on the way to more.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::random::Random;
use super::yaml;

/// Service accounts a namespace.
const NAMESPACE: usize = 50;
/// Nodes that pods run on.
const NODES: usize = 200;
/// One role in so many leads on to what others hold; one binding in so many is for the whole cluster.
const ONE_IN: usize = 50;
const RBAC: &str = "rbac.authorization.k8s.io";

/// How many of each.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    pub(super) accounts: usize,
    pub(super) roles: usize,
    pub(super) bindings: usize,
    pub(super) pods: usize,
}

/// Verbs, API group and resource of a role: the harmless ones.
const HARMLESS: [(&[&str], &str, &str); 4] = [
    (&["get"], "", "configmaps"),
    (&["get", "list", "watch"], "", "pods"),
    (&["get", "list"], "apps", "deployments"),
    (&["get", "list", "watch"], "batch", "jobs"),
];
/// Those that lead on.
const LEADING: [(&[&str], &str, &str); 5] = [
    (&["update"], "apps", "deployments"),
    (&["create"], "", "pods"),
    (&["create"], "", "pods/exec"),
    (&["get", "list"], "", "secrets"),
    (&["impersonate"], "", "serviceaccounts"),
];

/// The files of a state: one a namespace, and one of what has none.
pub(super) fn files(counts: Counts, seed: u64) -> BTreeMap<String, String> {
    let namespaces = counts.accounts.div_ceil(NAMESPACE).max(1);
    let home = |account: usize| format!("ns-{}", account / NAMESPACE);
    let mut written: BTreeMap<String, String> = BTreeMap::new();
    let mut write = |namespace: Option<&str>, mut object: Value, name: &str| {
        if let Some(fields) = object.as_object_mut() {
            let metadata = namespace.map_or_else(|| json!({"name": name}), |at| json!({"name": name, "namespace": at}));
            fields.insert("metadata".to_owned(), metadata);
        }
        written
            .entry(format!("{}.yaml", namespace.unwrap_or("cluster")))
            .or_default()
            .push_str(&yaml::document(&object));
    };
    for number in 0..namespaces {
        write(None, json!({"apiVersion": "v1", "kind": "Namespace"}), &format!("ns-{number}"));
    }
    for number in 0..counts.accounts {
        write(Some(&home(number)), json!({"apiVersion": "v1", "kind": "ServiceAccount"}), &format!("a-{number}"));
    }
    for number in 0..counts.roles {
        let role = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "rules": rules(number, seed)});
        write(None, role, &format!("r-{number}"));
    }
    for number in 0..counts.bindings {
        let random = &mut Random::new(seed, number);
        let account = random.below(counts.accounts);
        let role =
            json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": format!("r-{}", random.below(counts.roles))});
        let subject = json!({"kind": "ServiceAccount", "name": format!("a-{account}"), "namespace": home(account)});
        let wide = random.below(ONE_IN) == 0;
        let kind = if wide { "ClusterRoleBinding" } else { "RoleBinding" };
        let binding = json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "roleRef": role, "subjects": [subject]});
        write((!wide).then(|| home(account)).as_deref(), binding, &format!("b-{number}"));
    }
    for number in 0..counts.pods {
        let random = &mut Random::new(!seed, number);
        let account = random.below(counts.accounts);
        let spec = json!({
            "serviceAccountName": format!("a-{account}"),
            "nodeName": format!("node-{}", random.below(NODES)),
            "containers": [{"name": "c", "image": "registry.example.com/c:1.0"}],
        });
        write(Some(&home(account)), json!({"apiVersion": "v1", "kind": "Pod", "spec": spec}), &format!("p-{number}"));
    }
    written
}

/// The first role may do everything.
fn rules(number: usize, seed: u64) -> Value {
    let random = &mut Random::new(seed.rotate_left(32), number);
    let rule = |(verbs, group, resource): (&[&str], &str, &str)| json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
    if number == 0 {
        return json!([rule((&["*"], "*", "*"))]);
    }
    let from: &[_] = if number.is_multiple_of(ONE_IN) { &LEADING } else { &HARMLESS };
    let picked: Vec<Value> = (0..2).filter_map(|_| from.get(random.below(from.len())).copied().map(rule)).collect();
    json!(picked)
}

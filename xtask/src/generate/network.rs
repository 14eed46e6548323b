//! Workloads and network policies: namespaces of twenty that deny what comes in, and rules that let a part of the cluster reach a few.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::random::Random;
use super::yaml;

/// Workloads a namespace.
const NAMESPACE: usize = 20;
/// Labels that workloads and namespaces are told apart by.
const TIERS: usize = 5;
const TEAMS: usize = 10;

/// The files of a state, one a namespace. With 500 workloads and 300 policies some 52,000 pairs have connections.
pub(super) fn files(workloads: usize, policies: usize, seed: u64) -> BTreeMap<String, String> {
    let namespaces = workloads.div_ceil(NAMESPACE).max(1);
    let mut written: BTreeMap<String, String> = BTreeMap::new();
    let mut write = |namespace: usize, object: &Value| {
        written.entry(format!("ns-{namespace}.yaml")).or_default().push_str(&yaml::document(object));
    };
    for namespace in 0..namespaces {
        let labels = json!({"team": format!("team-{}", namespace % TEAMS)});
        let metadata = json!({"name": format!("ns-{namespace}"), "labels": labels});
        write(namespace, &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
    }
    for number in 0..workloads {
        write(number / NAMESPACE, &deployment(number));
    }
    for number in 0..policies {
        let random = &mut Random::new(seed, number);
        let namespace = if number < namespaces { number } else { random.below(namespaces) };
        let spec = if number < namespaces {
            json!({"podSelector": {}, "policyTypes": ["Ingress"]})
        } else {
            rules(number, random)
        };
        let metadata = json!({"name": format!("p-{number}"), "namespace": format!("ns-{namespace}")});
        let policy =
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec});
        write(namespace, &policy);
    }
    written
}

fn deployment(number: usize) -> Value {
    let name = format!("app-{number}");
    let labels = json!({"app": name, "tier": format!("t{}", number % TIERS)});
    let ports = json!([{"name": "http", "containerPort": 8000 + number % 7}]);
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": format!("ns-{}", number / NAMESPACE)},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "c", "ports": ports}]}},
        },
    })
}

/// Lets the workloads of one team's namespaces, and a block outside, reach those of one tier.
fn rules(number: usize, random: &mut Random) -> Value {
    let (tier, team) = (random.below(TIERS), random.below(TEAMS));
    let team = json!({"namespaceSelector": {"matchLabels": {"team": format!("team-{team}")}}});
    let block = number % 200;
    let outside = json!({"ipBlock": {"cidr": format!("10.{block}.0.0/16"), "except": [format!("10.{block}.7.0/24")]}});
    json!({
        "podSelector": {"matchLabels": {"tier": format!("t{tier}")}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [team], "ports": [{"port": "http"}, {"port": 9000 + random.below(13)}]},
            {"from": [outside], "ports": [{"port": 443}]},
        ],
    })
}

//! A NetworkPolicy as its object writes it.

use kspec_model::cluster::{NetworkPolicyFacts, PeerFacts, PolicyPortFacts, PolicyRuleFacts};
use serde_json::{Map, Value, json};

use super::Direction;

/// The `spec`. A direction that nothing is allowed in has no field of its own beside `policyTypes`.
pub(super) fn spec(policy: &NetworkPolicyFacts) -> Value {
    let mut spec = Map::from_iter([("podSelector".to_owned(), json!(policy.pods))]);
    let mut types = Vec::new();
    for (direction, rules) in [(Direction::Ingress, &policy.ingress), (Direction::Egress, &policy.egress)] {
        let Some(rules) = rules else { continue };
        types.push(direction.policy_type());
        if !rules.is_empty() {
            let rules = rules.iter().map(|policy| rule(policy, direction)).collect();
            spec.insert(direction.field().to_owned(), Value::Array(rules));
        }
    }
    spec.insert("policyTypes".to_owned(), json!(types));
    Value::Object(spec)
}

fn rule(facts: &PolicyRuleFacts, direction: Direction) -> Value {
    let mut rule = Map::new();
    if let Some(peers) = &facts.peers {
        rule.insert(direction.peers_field().to_owned(), peers.iter().map(peer).collect());
    }
    if let Some(ports) = &facts.ports {
        rule.insert("ports".to_owned(), ports.iter().map(port).collect());
    }
    Value::Object(rule)
}

/// A far end. All pods of some namespaces are those namespaces; without namespaces, pods are of the policy's own.
pub(super) fn peer(facts: &PeerFacts) -> Value {
    match facts {
        PeerFacts::Pods { pods, namespaces: None } => json!({ "podSelector": pods }),
        PeerFacts::Pods { pods, namespaces: Some(namespaces) } if pods.is_empty() => {
            json!({ "namespaceSelector": namespaces })
        }
        PeerFacts::Pods { pods, namespaces: Some(namespaces) } => {
            json!({ "namespaceSelector": namespaces, "podSelector": pods })
        }
        PeerFacts::Block { cidr, except } => {
            let mut block = Map::from_iter([("cidr".to_owned(), json!(cidr.to_string()))]);
            if !except.is_empty() {
                block.insert("except".to_owned(), except.iter().map(|block| json!(block.to_string())).collect());
            }
            json!({ "ipBlock": block })
        }
    }
}

/// A port, or ports.
pub(super) fn port(facts: &PolicyPortFacts) -> Value {
    match facts {
        PolicyPortFacts::Number(spec) => {
            let mut value = Map::from_iter([
                ("port".to_owned(), json!(spec.first)),
                ("protocol".to_owned(), json!(spec.protocol.as_str())),
            ]);
            if spec.last > spec.first {
                value.insert("endPort".to_owned(), json!(spec.last));
            }
            Value::Object(value)
        }
        PolicyPortFacts::Named(name, None) => json!({ "port": name }),
        PolicyPortFacts::Named(name, Some(protocol)) => json!({ "port": name, "protocol": protocol.as_str() }),
        PolicyPortFacts::All(protocol) => json!({ "protocol": protocol.as_str() }),
    }
}

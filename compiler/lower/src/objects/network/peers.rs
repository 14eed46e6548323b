//! Far ends and ports as a NetworkPolicy writes them.

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, codes};
use kspec_model::{
    LabelSelector,
    program::{Origin, Peer, PortRef, PortSpec, Protocol},
};
use serde_json::{Map, Value, json};

use super::{Direction, ranges};
use crate::{
    finding,
    objects::world::{NAMESPACE_NAME, World},
};

/// The far ends of a rule.
#[derive(Debug, Clone)]
pub(super) enum Peers {
    /// Everybody: the field is left out.
    Any,
    /// These; never empty.
    Some(Vec<Value>),
}

impl Peers {
    /// Adds others, keeping the order and each once.
    pub(super) fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Any, _) => {}
            (_, Self::Any) => *self = Self::Any,
            (Self::Some(values), Self::Some(more)) => {
                for value in more {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
            }
        }
    }
}

/// A far end. `scope` is the namespace of the network being lowered, `own` that of the policy.
///
/// `None` where it cannot be said, as [`unsaid`] reports; the rule is left out then: absence never widens.
pub(super) fn far_end(world: &World<'_>, peer: &Peer, scope: &str, own: &str, direction: Direction) -> Option<Peers> {
    let one = |value: Value| Some(Peers::Some(vec![value]));
    match peer {
        Peer::Any => Some(Peers::Any),
        Peer::Workload { namespace, name } => {
            // The front end refuses names that do not exist.
            let workload = world.workload(namespace, name)?;
            one(pods(&workload.pods, namespace, own))
        }
        Peer::Namespace(namespace) => one(all_pods(namespace, own)),
        Peer::All => one(all_pods(scope, own)),
        Peer::Pods { pods: selector, namespaces: None } => one(pods(selector, scope, own)),
        Peer::Pods { pods: selector, namespaces: Some(namespaces) } => {
            let mut value = Map::from_iter([("namespaceSelector".to_owned(), json!(namespaces))]);
            if !selector.is_empty() {
                value.insert("podSelector".to_owned(), json!(selector));
            }
            one(Value::Object(value))
        }
        Peer::Dns => {
            let facts = &world.program.project.network;
            let selector = LabelSelector { match_labels: facts.dns_pods.clone(), match_expressions: Vec::new() };
            one(json!({ "namespaceSelector": named(&facts.dns_namespace), "podSelector": selector }))
        }
        Peer::Cidr { block, except } => {
            one(ip_block(&block.to_string(), except.iter().map(ToString::to_string).collect()))
        }
        Peer::Internet => {
            let families = ranges::outside(&world.program.project.network, direction).ok()?;
            let blocks = families.iter().map(|outside| {
                ip_block(&outside.block.to_string(), outside.except.iter().map(ToString::to_string).collect())
            });
            Some(Peers::Some(blocks.collect()))
        }
    }
}

/// Why a far end cannot be said.
pub(super) fn unsaid(world: &World<'_>, peer: &Peer, direction: Direction, origin: &Origin) -> Option<Finding> {
    if *peer != Peer::Internet {
        return None;
    }
    let missing = ranges::outside(&world.program.project.network, direction).err()?;
    let tables = missing.iter().map(|name| format!("`{name} = [\"…\"]`")).collect::<Vec<_>>().join(", ");
    let message =
        format!("`internet` needs the cluster's ranges, and `[network]` does not give {}", missing.join(", "));
    Some(
        finding::at(codes::INTERNET_WITHOUT_RANGES, message, origin)
            .help(format!("add {tables} to `[network]` in kspec.toml, or write the address block with `cidr`")),
    )
}

fn named(namespace: &str) -> Value {
    json!({ "matchLabels": { (NAMESPACE_NAME): namespace } })
}

fn pods(selector: &LabelSelector, namespace: &str, own: &str) -> Value {
    if namespace == own {
        json!({ "podSelector": selector })
    } else {
        json!({ "namespaceSelector": named(namespace), "podSelector": selector })
    }
}

fn all_pods(namespace: &str, own: &str) -> Value {
    if namespace == own { json!({ "podSelector": {} }) } else { json!({ "namespaceSelector": named(namespace) }) }
}

fn ip_block(cidr: &str, except: Vec<String>) -> Value {
    let mut block = Map::from_iter([("cidr".to_owned(), json!(cidr))]);
    if !except.is_empty() {
        block.insert("except".to_owned(), json!(except));
    }
    json!({ "ipBlock": block })
}

/// What becomes of ports by name.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Names {
    /// Kept, for the destination's pods to resolve.
    Kept,
    /// Written as the numbers that the destination's workload gives, where it gives any: that holds whether or not a
    /// container of every pod carries the name.
    Resolved,
}

/// The ports of a rule whose destination is `destination`; empty means all.
pub(super) fn ports(world: &World<'_>, ports: &[PortRef], destination: &Peer, names: Names) -> Vec<Value> {
    if *destination == Peer::Dns {
        let numbers = &world.program.project.network.dns_ports;
        return numbers
            .iter()
            .flat_map(|port| {
                [Protocol::Udp, Protocol::Tcp].map(|protocol| number(PortSpec { first: *port, last: *port, protocol }))
            })
            .collect();
    }
    let mut values: Vec<Value> = Vec::new();
    for port in ports {
        match port {
            PortRef::Number(spec) => values.push(number(*spec)),
            PortRef::Protocol(protocol) => values.push(json!({ "protocol": protocol.as_str() })),
            PortRef::Named { name, protocol } => {
                let known = if names == Names::Resolved {
                    resolve(world, destination, name, *protocol)
                } else {
                    Default::default()
                };
                if known.is_empty() {
                    values.push(json!({ "port": name, "protocol": protocol.as_str() }));
                }
                values.extend(known.into_iter().map(number));
            }
        }
    }
    // Order and repetition mean nothing here, so that they change nothing either.
    values.sort_by_cached_key(|value| (value.get("port").and_then(Value::as_u64), value.to_string()));
    values.dedup();
    values
}

fn resolve(world: &World<'_>, destination: &Peer, name: &str, protocol: Protocol) -> Vec<PortSpec> {
    let Peer::Workload { namespace, name: workload } = destination else { return Vec::new() };
    let ports = world.workload(namespace, workload).and_then(|workload| workload.ports.get(name));
    ports.into_iter().flatten().filter(|port| port.protocol == protocol).copied().collect()
}

fn number(spec: PortSpec) -> Value {
    let mut value = Map::from_iter([
        ("port".to_owned(), json!(spec.first)),
        ("protocol".to_owned(), json!(spec.protocol.as_str())),
    ]);
    if spec.last > spec.first {
        value.insert("endPort".to_owned(), json!(spec.last));
    }
    Value::Object(value)
}

/// A rule of a policy.
pub(super) fn rule_value(ports: Vec<Value>, peers: Peers, direction: Direction) -> Value {
    let mut rule = Map::new();
    if let Peers::Some(values) = peers {
        rule.insert(direction.peers_field().to_owned(), Value::Array(values));
    }
    if !ports.is_empty() {
        rule.insert("ports".to_owned(), Value::Array(ports));
    }
    Value::Object(rule)
}

/// Rules by their ports: what edges add up to, in an order that does not depend on theirs.
#[derive(Default)]
pub(super) struct RuleSet(BTreeMap<String, (Vec<Value>, Peers)>);

impl RuleSet {
    pub(super) fn add(&mut self, ports: &[Value], peers: &Peers) {
        let key = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match self.0.get_mut(&key) {
            Some((_, known)) => known.add(peers.clone()),
            None => {
                self.0.insert(key, (ports.to_vec(), peers.clone()));
            }
        }
    }

    pub(super) fn into_rules(self, direction: Direction) -> Vec<Value> {
        self.0
            .into_values()
            .map(|(ports, mut peers)| {
                if let Peers::Some(values) = &mut peers {
                    values.sort_by_cached_key(ToString::to_string);
                }
                rule_value(ports, peers, direction)
            })
            .collect()
    }
}

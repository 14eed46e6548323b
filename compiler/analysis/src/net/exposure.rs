//! Whom callers from outside are led to: by services of type NodePort and LoadBalancer, by Ingresses, by Gateways' routes.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use kspec_model::{
    ObjectKey,
    cluster::{Cluster, PortTarget, ServiceFacts, ServicePort},
};

use super::{
    Cause, Change, Connections, Direction, EdgeChange,
    causes::Causes,
    columns::{Parts, Sets},
    gateways,
    side::Side,
    universe::{Universe, workload_name},
};

/// How callers from outside are written.
const INTERNET: &str = "internet";

/// Workloads by position, each with the ports that callers are led to and what leads them.
pub(super) type Exposed = BTreeMap<usize, (Connections, BTreeSet<ObjectKey>)>;

/// Finds whom a cluster's objects expose, as far as its policies let callers through.
pub(super) fn exposed(universe: &Universe, side: &Side<'_>, columns: &[Parts], sets: &Sets) -> Exposed {
    let cluster = side.cluster;
    let mut finder = Finder { universe, side, columns, sets, exposed: Exposed::new() };
    for (name, service) in cluster.services.iter().filter(|(_, service)| service.is_exposed()) {
        for port in &service.ports {
            finder.lead(name, service, port, None);
        }
    }
    for (name, ingress) in &cluster.ingresses {
        let key = key("networking.k8s.io", "Ingress", name);
        for (service, port) in &ingress.backends {
            finder.lead_to(&(name.0.clone(), service.clone()), port, &key);
        }
    }
    for (route, facts) in &cluster.routes {
        for (namespace, service, port) in gateways::led_to(cluster, route, facts) {
            finder.lead_to(&(namespace.clone(), service.clone()), &PortTarget::Number(*port), route);
        }
    }
    finder.exposed
}

struct Finder<'f, 'a> {
    universe: &'f Universe,
    side: &'f Side<'a>,
    columns: &'f [Parts],
    sets: &'f Sets,
    exposed: Exposed,
}

impl Finder<'_, '_> {
    /// Through a service, by the port that a backend names.
    fn lead_to(&mut self, name: &(String, String), port: &PortTarget, by: &ObjectKey) {
        let Some(service) = self.side.cluster.services.get(name) else { return };
        let is_meant = |candidate: &&ServicePort| match port {
            PortTarget::Number(number) => candidate.port == *number,
            PortTarget::Name(name) => candidate.name.as_ref() == Some(name),
        };
        for port in service.ports.iter().filter(is_meant) {
            self.lead(name, service, port, Some(by));
        }
    }

    /// Through one port of a service; `by` is what stands before it, where something hands requests on.
    fn lead(&mut self, name: &(String, String), service: &ServiceFacts, port: &ServicePort, by: Option<&ObjectKey>) {
        let Some(selector) = &service.selector else { return };
        for (position, workload) in self.universe.workloads.iter().enumerate() {
            let Some(facts) = self.side.facts.get(position).copied().flatten() else { continue };
            let selected = workload.namespace.as_ref() == Some(&name.0)
                && selector.iter().all(|(label, value)| facts.labels.get(label) == Some(value));
            if !selected {
                continue;
            }
            let numbers = match &port.target {
                PortTarget::Number(number) => vec![*number],
                PortTarget::Name(name) => {
                    let named = self.side.numbers(position, (name, Some(port.protocol)));
                    named.into_iter().map(|(_, number)| number).collect()
                }
            };
            let led = numbers
                .into_iter()
                .fold(Connections::none(), |all, number| all.union(&Connections::range(port.protocol, number, number)));
            let open = led.intersection(&self.let_in(position, by.is_some()));
            if !open.is_empty() {
                let (connections, leads) = self.exposed.entry(position).or_default();
                *connections = connections.union(&open);
                leads.insert(key("", "Service", name));
                leads.extend(by.cloned());
            }
        }
    }

    /// What a workload's policies let in: from outside addresses, and where somebody in between hands requests on, from
    /// anyone.
    fn let_in(&self, position: usize, from_anyone: bool) -> Connections {
        let outside = self.universe.workloads.len();
        let counts = |source: usize| source >= outside || from_anyone && source != position;
        self.columns
            .get(position)
            .into_iter()
            .flatten()
            .filter(|(_, sources)| sources.ones().any(counts))
            .fold(Connections::none(), |all, (set, _)| all.union(&self.sets.get(*set)))
    }
}

/// What `have` exposes and `lack` does not; `reversed` when `lack` is the later side.
pub(super) fn edges(
    universe: &Universe,
    (lack, lacking): (&Side<'_>, &Exposed),
    (have, having): (&Side<'_>, &Exposed),
    reversed: bool,
    causes: &Causes<'_, '_>,
) -> Vec<EdgeChange> {
    let mut edges = Vec::new();
    for (position, (connections, leads)) in having {
        let more = match lacking.get(position) {
            Some((held, _)) => connections.difference(held),
            None => connections.clone(),
        };
        let Some(workload) = universe.workloads.get(*position).filter(|_| !more.is_empty()) else { continue };
        let mut end = FixedBitSet::with_capacity(universe.len());
        end.insert(*position);
        let mut others = FixedBitSet::with_capacity(universe.len());
        others.insert_range(..);
        others.set(*position, false);
        let mut because = causes.of(causes.near(&end, Direction::Ingress).towards(&others));
        let deciders = leads.iter().flat_map(|lead| {
            let of = |cluster| gateways::deciders(cluster, lead);
            of(lack.cluster).into_iter().chain(of(have.cluster))
        });
        let objects: BTreeSet<ObjectKey> = leads.iter().cloned().chain(deciders).collect();
        because.extend(objects.iter().filter_map(|object| changed(object, lack.cluster, have.cluster, reversed)));
        because.sort();
        because.dedup();
        edges.push(EdgeChange { src: INTERNET.to_owned(), dst: workload_name(workload), connections: more, because });
    }
    edges
}

/// How an object that leads callers in, or decides over one that does, differs; none where it is the same on both sides.
fn changed(object: &ObjectKey, lack: &Cluster, have: &Cluster, reversed: bool) -> Option<Cause> {
    let name = (object.namespace.clone().unwrap_or_default(), object.name.clone());
    let (in_lack, in_have, same) = match object.kind.as_str() {
        "Service" => compared(&lack.services, &have.services, &name),
        "Ingress" => compared(&lack.ingresses, &have.ingresses, &name),
        "Gateway" => compared(&lack.gateways, &have.gateways, &name),
        "ReferenceGrant" => compared(&lack.grants, &have.grants, &name),
        "Namespace" => compared(&lack.namespaces, &have.namespaces, &object.name),
        _ => compared(&lack.routes, &have.routes, object),
    };
    let (before, after) = if reversed { (in_have, in_lack) } else { (in_lack, in_have) };
    let change = match (before, after) {
        _ if same => return None,
        (true, true) => Change::Changed,
        (false, _) => Change::Added,
        (true, false) => Change::Removed,
    };
    Some(Cause { object: object.clone(), change })
}

/// Whether each side has it, and whether both have the same or none.
fn compared<K: Ord, V: PartialEq>(lack: &BTreeMap<K, V>, have: &BTreeMap<K, V>, key: &K) -> (bool, bool, bool) {
    let (lacking, having) = (lack.get(key), have.get(key));
    (lacking.is_some(), having.is_some(), lacking == having)
}

fn key(group: &str, kind: &str, (namespace, name): &(String, String)) -> ObjectKey {
    ObjectKey { group: group.to_owned(), kind: kind.to_owned(), namespace: Some(namespace.clone()), name: name.clone() }
}

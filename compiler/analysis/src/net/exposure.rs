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
        for (namespace, service, port) in &facts.backends {
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
        because.extend(leads.iter().filter_map(|lead| changed(lead, lack.cluster, have.cluster, reversed)));
        because.sort();
        edges.push(EdgeChange { src: INTERNET.to_owned(), dst: workload_name(workload), connections: more, because });
    }
    edges
}

/// How what leads callers in differs; none where it is the same on both sides.
fn changed(lead: &ObjectKey, lack: &Cluster, have: &Cluster, reversed: bool) -> Option<Cause> {
    let name = (lead.namespace.clone().unwrap_or_default(), lead.name.clone());
    let (held, same) = match lead.kind.as_str() {
        "Service" => (lack.services.contains_key(&name), lack.services.get(&name) == have.services.get(&name)),
        "Ingress" => (lack.ingresses.contains_key(&name), lack.ingresses.get(&name) == have.ingresses.get(&name)),
        _ => (lack.routes.contains_key(lead), lack.routes.get(lead) == have.routes.get(lead)),
    };
    let change = match (held, reversed) {
        (true, _) if same => return None,
        (true, _) => Change::Changed,
        (false, false) => Change::Added,
        (false, true) => Change::Removed,
    };
    Some(Cause { object: lead.clone(), change })
}

fn key(group: &str, kind: &str, (namespace, name): &(String, String)) -> ObjectKey {
    ObjectKey { group: group.to_owned(), kind: kind.to_owned(), namespace: Some(namespace.clone()), name: name.clone() }
}

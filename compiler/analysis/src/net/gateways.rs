//! Which routes of the Gateway API lead callers in: those that a Gateway takes in, to services that they may refer to.
//!
//! As the specification of the Gateway API has it (`allowedRoutes`, `sectionName`, `port`, host names, ReferenceGrant). Of a Gateway that is
//! not in the objects nobody knows what it takes in: a route on it leads in, and to all its backends. Whether an implementation has accepted
//! what is there is not looked at.

use std::collections::BTreeSet;

use kspec_model::{
    ObjectKey,
    cluster::{Cluster, GatewayFacts, GatewayRef, ListenerFacts, RouteFacts, RouteNamespaces},
};

/// The services, and ports of them, to which a route leads callers in.
pub(super) fn led_to<'a>(
    cluster: &'a Cluster,
    key: &ObjectKey,
    route: &'a RouteFacts,
) -> Vec<&'a (String, String, u16)> {
    let found = |gateway: &GatewayRef| cluster.gateways.get(&(gateway.namespace.clone(), gateway.name.clone()));
    let takes =
        |gateway: &GatewayRef| found(gateway).is_none_or(|facts| takes_in(cluster, (gateway, facts), (key, route)));
    let is_unknown = route.elsewhere || route.gateways.iter().any(|gateway| found(gateway).is_none());
    if !is_unknown && !route.gateways.iter().any(takes) {
        return Vec::new();
    }
    route.backends.iter().filter(|backend| is_unknown || is_granted(cluster, key, backend)).collect()
}

/// Whether some listener that a route may mean takes it in.
fn takes_in(
    cluster: &Cluster,
    (meant, gateway): (&GatewayRef, &GatewayFacts),
    (route, facts): (&ObjectKey, &RouteFacts),
) -> bool {
    let namespace = route.namespace.as_deref().unwrap_or_default();
    gateway.listeners.iter().any(|listener: &ListenerFacts| {
        meant.section.as_ref().is_none_or(|section| *section == listener.name)
            && (meant.port.is_none() || meant.port == listener.port)
            && listener
                .kinds
                .as_ref()
                .is_none_or(|kinds| kinds.iter().any(|(group, kind)| *group == route.group && *kind == route.kind))
            && listener.hostname.as_ref().is_none_or(|host| {
                facts.hostnames.is_empty() || facts.hostnames.iter().any(|other| intersect(host, other))
            })
            && match &listener.namespaces {
                RouteNamespaces::All => true,
                RouteNamespaces::Same => namespace == meant.namespace,
                RouteNamespaces::Selector(selector) => {
                    cluster.namespaces.get(namespace).is_some_and(|facts| selector.matches(&facts.labels))
                }
                RouteNamespaces::None => false,
            }
    })
}

/// Whether some host is meant by both names. `*.` is any one before the rest, of however many labels, and never the rest alone
/// ("Hostnames in Gateway API", and `hostnames` of each route).
fn intersect(one: &str, other: &str) -> bool {
    let is_below =
        |name: &str, of: &str| name.strip_suffix(of).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1);
    match (one.strip_prefix("*."), other.strip_prefix("*.")) {
        (None, None) => one == other,
        (Some(of), None) => is_below(other, of),
        (None, Some(of)) => is_below(one, of),
        (Some(a), Some(b)) => a == b || is_below(a, b) || is_below(b, a),
    }
}

/// Whether a route may refer to a service: one of its own namespace, or one that a ReferenceGrant there grants it.
fn is_granted(cluster: &Cluster, route: &ObjectKey, (namespace, service, _): &(String, String, u16)) -> bool {
    let own = route.namespace.as_deref().unwrap_or_default();
    namespace == own
        || cluster.grants.iter().filter(|((of, _), _)| of == namespace).any(|(_, grant)| {
            let is_from = |(group, kind, from): &(String, String, String)| {
                *group == route.group && *kind == route.kind && from == own
            };
            grant.from.iter().any(is_from) && grant.to.iter().any(|to| to.as_ref().is_none_or(|name| name == service))
        })
}

/// What decides over a route beside itself: its Gateways, the grants of the namespaces that it refers to, and its own namespace, by whose
/// labels listeners may select it.
pub(super) fn deciders(cluster: &Cluster, key: &ObjectKey) -> BTreeSet<ObjectKey> {
    let Some(route) = cluster.routes.get(key) else { return BTreeSet::new() };
    let object = |kind: &str, namespace: &str, name: &str| ObjectKey {
        group: key.group.clone(),
        kind: kind.to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    };
    let gateways = route.gateways.iter().map(|gateway| object("Gateway", &gateway.namespace, &gateway.name));
    let elsewhere: BTreeSet<&String> = route.backends.iter().map(|(namespace, ..)| namespace).collect();
    let grants = cluster.grants.keys().filter(|(namespace, _)| elsewhere.contains(namespace));
    let grants = grants.map(|(namespace, name)| object("ReferenceGrant", namespace, name));
    let selects = |gateway: &GatewayRef| {
        let facts = cluster.gateways.get(&(gateway.namespace.clone(), gateway.name.clone()));
        let mut listeners = facts.into_iter().flat_map(|facts| &facts.listeners);
        listeners.any(|listener| matches!(listener.namespaces, RouteNamespaces::Selector(_)))
    };
    let own = route.gateways.iter().any(selects).then(|| ObjectKey {
        group: String::new(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: key.namespace.clone().unwrap_or_default(),
    });
    gateways.chain(grants).chain(own).collect()
}

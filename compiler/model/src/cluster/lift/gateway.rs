//! Gateways, their routes, and grants of references, with the defaults of their CRDs.

use serde_json::Value;

use super::{
    Lift, name_of,
    read::{Fields, Read, each, under},
};
use crate::{
    ObjectKey,
    cluster::{GatewayFacts, GatewayRef, GrantFacts, ListenerFacts, RouteFacts, RouteNamespaces},
};

/// The group of all of them.
pub(super) const GROUP: &str = "gateway.networking.k8s.io";
/// Kinds that listen for a Gateway: a route on one of them is led to as well.
const LISTENER_SETS: [&str; 2] = ["ListenerSet", "XListenerSet"];

/// Protocols that tell hosts apart; of others a listener's `hostname` is ignored ("Listener", Gateway API specification).
const BY_HOST: [&str; 3] = ["HTTP", "HTTPS", "TLS"];
/// Routes that tell hosts apart.
const HOST_ROUTES: [&str; 3] = ["GRPCRoute", "HTTPRoute", "TLSRoute"];

pub(super) fn gateway(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let listeners = each(spec, "listeners", listener).map_err(under("spec"))?;
    lift.cluster.gateways.insert(name_of(key), GatewayFacts { listeners });
    Ok(())
}

fn listener(value: &Value) -> Read<ListenerFacts> {
    let allowed = value.field("allowedRoutes")?;
    let kinds = each(allowed, "kinds", |kind| {
        Ok((kind.text("group")?.unwrap_or(GROUP).to_owned(), kind.text("kind")?.unwrap_or_default().to_owned()))
    })
    .map_err(under("allowedRoutes"))?;
    let namespaces = allowed.field("namespaces").and_then(namespaces).map_err(under("allowedRoutes"))?;
    let protocol = value.text("protocol")?.unwrap_or_default();
    let hostname = value.text("hostname")?.filter(|name| !name.is_empty() && BY_HOST.contains(&protocol));
    Ok(ListenerFacts {
        name: value.text("name")?.unwrap_or_default().to_owned(),
        port: value.port("port")?,
        hostname: hostname.map(str::to_owned),
        kinds: if kinds.is_empty() { of_protocol(protocol) } else { Some(kinds) },
        namespaces,
    })
}

/// The kinds that a listener takes in by its protocol ("Supported Route Kinds", Gateway API specification). Protocols of
/// implementations' own are theirs to say; whether TLS is terminated does not matter here.
fn of_protocol(protocol: &str) -> Option<Vec<(String, String)>> {
    let kinds: &[&str] = match protocol {
        "HTTP" | "HTTPS" => &["GRPCRoute", "HTTPRoute"],
        "TLS" => &["TCPRoute", "TLSRoute"],
        "TCP" => &["TCPRoute"],
        "UDP" => &["UDPRoute"],
        _ => return None,
    };
    Some(kinds.iter().map(|kind| (GROUP.to_owned(), (*kind).to_owned())).collect())
}

fn namespaces(value: &Value) -> Read<RouteNamespaces> {
    match value.text("from").map_err(under("namespaces"))? {
        None | Some("Same") => Ok(RouteNamespaces::Same),
        Some("All") => Ok(RouteNamespaces::All),
        Some("None") => Ok(RouteNamespaces::None),
        Some("Selector") => {
            let selector = value.selector("selector").map_err(under("namespaces"))?;
            Ok(RouteNamespaces::Selector(selector.ok_or("namespaces.selector is missing")?))
        }
        Some(other) => Err(format!("namespaces.from is `{other}`, which is none of All, Same, Selector, None")),
    }
}

/// A route; one that hangs on services alone steers traffic inside the cluster, and leads nobody in.
pub(super) fn route(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let own = key.namespace.as_deref().unwrap_or_default();
    let read = || {
        let mut facts = RouteFacts::default();
        for parent in spec.list("parentRefs")? {
            let kind = parent.text("kind")?.unwrap_or("Gateway");
            facts.elsewhere |= LISTENER_SETS.contains(&kind);
            if kind == "Gateway" {
                facts.gateways.push(GatewayRef {
                    namespace: parent.text("namespace")?.unwrap_or(own).to_owned(),
                    name: parent.text("name")?.unwrap_or_default().to_owned(),
                    section: parent.text("sectionName")?.filter(|name| !name.is_empty()).map(str::to_owned),
                    port: parent.port("port")?,
                });
            }
        }
        if HOST_ROUTES.contains(&key.kind.as_str()) {
            facts.hostnames = spec.strings("hostnames")?;
        }
        for rule in spec.list("rules")? {
            for backend in rule.list("backendRefs")? {
                if !is_service(backend)? {
                    continue;
                }
                if let (Some(name), Some(port)) = (backend.text("name")?, backend.port("port")?) {
                    let namespace = backend.text("namespace")?.unwrap_or(own);
                    facts.backends.push((namespace.to_owned(), name.to_owned(), port));
                }
            }
        }
        facts.backends.sort();
        facts.backends.dedup();
        Ok(facts)
    };
    let facts = read().map_err(under("spec"))?;
    if facts.elsewhere || !facts.gateways.is_empty() {
        lift.cluster.routes.insert(key.clone(), facts);
    }
    Ok(())
}

/// Whether a reference is to a service, which it is unless it says otherwise.
fn is_service(reference: &Value) -> Read<bool> {
    Ok(reference.text("kind")?.is_none_or(|kind| kind == "Service")
        && reference.text("group")?.is_none_or(str::is_empty))
}

fn text(value: &Value, field: &str) -> Read<String> {
    Ok(value.text(field)?.unwrap_or_default().to_owned())
}

pub(super) fn grant(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let from = each(spec, "from", |value| Ok((text(value, "group")?, text(value, "kind")?, text(value, "namespace")?)));
    let to = each(spec, "to", |value| {
        let name = value.text("name")?.filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(is_service(value)?.then_some(name))
    });
    let facts = GrantFacts {
        from: from.map_err(under("spec"))?,
        to: to.map_err(under("spec"))?.into_iter().flatten().collect(),
    };
    lift.cluster.grants.insert(name_of(key), facts);
    Ok(())
}

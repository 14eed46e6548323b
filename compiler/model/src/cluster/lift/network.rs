//! NetworkPolicies with the API server's defaults.

use ipnet::IpNet;
use serde_json::Value;

use super::{
    Lift, name_of,
    read::{Fields, Read, each, under},
    workload::{protocol, target},
};
use crate::{
    ObjectKey,
    cluster::{NetworkPolicyFacts, PeerFacts, PolicyPortFacts, PolicyRuleFacts, PortTarget},
    program::PortSpec,
};

pub(super) fn policy(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let facts = spec(value.field("spec")?).map_err(under("spec"))?;
    lift.cluster.network_policies.insert(name_of(key), facts);
    Ok(())
}

fn spec(spec: &Value) -> Read<NetworkPolicyFacts> {
    let ingress = each(spec, "ingress", |value| rule(value, "from"))?;
    let egress = each(spec, "egress", |value| rule(value, "to"))?;
    let types = spec.strings("policyTypes")?;
    if let Some(other) = types.iter().find(|kind| !["Ingress", "Egress"].contains(&kind.as_str())) {
        return Err(format!("policyTypes has `{other}`, which is neither Ingress nor Egress"));
    }
    let isolates_ingress = types.is_empty() || types.iter().any(|kind| kind == "Ingress");
    let isolates_egress = if types.is_empty() { !egress.is_empty() } else { types.iter().any(|kind| kind == "Egress") };
    Ok(NetworkPolicyFacts {
        pods: spec.selector("podSelector")?.unwrap_or_default(),
        ingress: isolates_ingress.then_some(ingress),
        egress: isolates_egress.then_some(egress),
    })
}

fn rule(value: &Value, peers: &str) -> Read<PolicyRuleFacts> {
    Ok(PolicyRuleFacts {
        peers: Some(each(value, peers, peer)?).filter(|peers| !peers.is_empty()),
        ports: Some(each(value, "ports", port)?).filter(|ports| !ports.is_empty()),
    })
}

fn peer(value: &Value) -> Read<PeerFacts> {
    let pods = value.selector("podSelector")?;
    let namespaces = value.selector("namespaceSelector")?;
    let block = value.present("ipBlock").is_some();
    match (block, pods, namespaces) {
        (true, None, None) => ip_block(value.field("ipBlock")?).map_err(under("ipBlock")),
        (true, ..) => Err("ipBlock stands beside a selector".to_owned()),
        (false, None, None) => Err("podSelector, namespaceSelector or ipBlock is missing".to_owned()),
        (false, pods, namespaces) => Ok(PeerFacts::Pods { pods: pods.unwrap_or_default(), namespaces }),
    }
}

fn ip_block(value: &Value) -> Read<PeerFacts> {
    let cidr = block(value.text("cidr")?.unwrap_or_default()).map_err(|message| format!("cidr {message}"))?;
    let mut except = Vec::new();
    for text in value.strings("except")? {
        let inner = block(&text).map_err(|message| format!("except {message}"))?;
        // The API server asks for a strict part of the block.
        if !cidr.contains(&inner) || cidr == inner {
            return Err(format!("except has {inner}, which is no part of {cidr}"));
        }
        except.push(inner);
    }
    Ok(PeerFacts::Block { cidr, except })
}

/// Reads a block; host bits are dropped, as Kubernetes does.
pub(super) fn block(text: &str) -> Read<IpNet> {
    text.parse::<IpNet>().map(|block| block.trunc()).map_err(|_| format!("is `{text}`, which is no address block"))
}

fn port(value: &Value) -> Read<PolicyPortFacts> {
    let protocol = protocol(value)?;
    let end = value.port("endPort")?;
    match (target(value, "port")?, end) {
        (None, None) if value.present("port").is_none() => Ok(PolicyPortFacts::All(protocol)),
        (None, None) => Err("port is neither a number from 1 to 65535 nor a name".to_owned()),
        (Some(PortTarget::Number(first)), end) => {
            let last = end.unwrap_or(first);
            if last < first {
                return Err(format!("endPort {last} is below port {first}"));
            }
            Ok(PolicyPortFacts::Number(PortSpec { first, last, protocol }))
        }
        // Without a letter it is no port name; the API server refuses `"80"` as text.
        (Some(PortTarget::Name(name)), None) if name.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
            Ok(PolicyPortFacts::Named(name, Some(protocol)))
        }
        (Some(PortTarget::Name(name)), None) => Err(format!("port is `{name}` as text, which is no port name")),
        (_, Some(_)) => Err("endPort needs a port by number".to_owned()),
    }
}

//! Policies of cluster administrators, as their CRDs hold them.

use serde_json::Value;

use super::{
    Lift,
    network::block,
    read::{Fields, Read, each, under},
    workload::protocol,
};
use crate::{
    ObjectKey,
    cluster::{AdminAction, AdminPeerFacts, AdminPolicyFacts, AdminRuleFacts, PodsFacts, PolicyPortFacts, PolicyTier},
    program::{PortSpec, Protocol},
};

/// The group of all of them.
pub(super) const GROUP: &str = "policy.networking.k8s.io";

/// The CRD's highest priority.
const LAST_PRIORITY: u64 = 1000;

/// How the two generations of the API spell the same.
#[derive(Clone, Copy, PartialEq)]
enum Spelling {
    /// AdminNetworkPolicy and BaselineAdminNetworkPolicy.
    V1Alpha1,
    /// ClusterNetworkPolicy.
    V1Alpha2,
}

/// A policy, or what could not be made sense of: a version or a peer that this kspec does not know leaves the whole policy
/// not evaluated, for implementations differ in what they make of it.
pub(super) fn policy(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let version = value.text("apiVersion")?.unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let spelling = match (key.kind.as_str(), version) {
        ("ClusterNetworkPolicy", "v1alpha2") => Spelling::V1Alpha2,
        ("AdminNetworkPolicy" | "BaselineAdminNetworkPolicy", "v1alpha1") => Spelling::V1Alpha1,
        _ => {
            lift.cluster.opaque.push(key.clone());
            return Ok(());
        }
    };
    let read = value.field("spec").and_then(|value| spec(&key.kind, spelling, value).map_err(under("spec")));
    if let Ok(Some(facts)) = read {
        lift.cluster.admin_policies.insert(key.clone(), facts);
        return Ok(());
    }
    // One that a CRD of another release let in is there, whatever this one would say to it.
    lift.cluster.opaque.push(key.clone());
    read.map(|_| ())
}

/// Where both generations are in use, what of the older one counts against the newer is not defined: the older is not evaluated.
pub(super) fn one_generation(lift: &mut Lift) {
    let policies = &mut lift.cluster.admin_policies;
    if policies.keys().any(|key| key.kind == "ClusterNetworkPolicy") {
        let older: Vec<_> = policies.keys().filter(|key| key.kind != "ClusterNetworkPolicy").cloned().collect();
        for key in older {
            policies.remove(&key);
            lift.cluster.opaque.push(key);
        }
    }
}

fn spec(kind: &str, spelling: Spelling, spec: &Value) -> Read<Option<AdminPolicyFacts>> {
    let tier = match (kind, spec.text("tier")?) {
        ("AdminNetworkPolicy", _) | ("ClusterNetworkPolicy", Some("Admin")) => PolicyTier::Admin,
        ("BaselineAdminNetworkPolicy", _) | ("ClusterNetworkPolicy", Some("Baseline")) => PolicyTier::Baseline,
        (_, tier) => return Err(format!("tier is `{}`, neither Admin nor Baseline", tier.unwrap_or_default())),
    };
    // There is one BaselineAdminNetworkPolicy, which has no priority.
    let priority = match (kind, spec.present("priority")) {
        ("BaselineAdminNetworkPolicy", _) => 0,
        (_, Some(value)) => value
            .as_u64()
            .filter(|number| *number <= LAST_PRIORITY)
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| format!("priority is no number from 0 to {LAST_PRIORITY}"))?,
        (_, None) => return Err("priority is missing".to_owned()),
    };
    let subject = match peer(spec.field("subject")?).map_err(under("subject"))? {
        Some(AdminPeerFacts::Pods(subject)) => subject,
        Some(_) => return Err("subject has neither namespaces nor pods".to_owned()),
        None => return Ok(None),
    };
    let may_pass = kind != "BaselineAdminNetworkPolicy";
    let ingress = each(spec, "ingress", |value| rule(value, "from", spelling, may_pass))?;
    let egress = each(spec, "egress", |value| rule(value, "to", spelling, may_pass))?;
    let whole = |rules: Vec<Option<AdminRuleFacts>>| rules.into_iter().collect::<Option<Vec<_>>>();
    Ok(whole(ingress).zip(whole(egress)).map(|(ingress, egress)| AdminPolicyFacts {
        tier,
        priority,
        subject,
        ingress,
        egress,
    }))
}

/// None where a peer is of a sort that is not known.
fn rule(value: &Value, peers: &str, spelling: Spelling, may_pass: bool) -> Read<Option<AdminRuleFacts>> {
    let action = match (value.text("action")?.unwrap_or_default(), spelling) {
        ("Allow", Spelling::V1Alpha1) | ("Accept", Spelling::V1Alpha2) => AdminAction::Allow,
        ("Deny", _) => AdminAction::Deny,
        ("Pass", _) if may_pass => AdminAction::Pass,
        (other, _) => return Err(format!("action is `{other}`, which is none of this kind's")),
    };
    if value.list(peers)?.is_empty() {
        return Err(format!("{peers} is empty"));
    }
    let found: Option<Vec<_>> = each(value, peers, peer)?.into_iter().collect();
    let incoming = peers == "from";
    if incoming && found.iter().flatten().any(|peer| !matches!(peer, AdminPeerFacts::Pods(_))) {
        return Ok(None);
    }
    let name = if spelling == Spelling::V1Alpha1 { "ports" } else { "protocols" };
    let ports = match value.present(name) {
        None => None,
        Some(_) if value.list(name)?.is_empty() => return Err(format!("{name} is empty")),
        Some(_) if spelling == Spelling::V1Alpha1 => Some(each(value, name, port)?),
        Some(_) => Some(each(value, name, by_protocol)?),
    };
    Ok(found.map(|peers| AdminRuleFacts { action, peers, ports }))
}

/// Whether an object has fields other than these.
fn has_more(value: Option<&Value>, fields: &[&str]) -> bool {
    value.and_then(Value::as_object).is_some_and(|object| object.keys().any(|key| !fields.contains(&key.as_str())))
}

/// None where a field is of another release of the API: to leave it out would select something else.
fn peer(value: &Value) -> Read<Option<AdminPeerFacts>> {
    let fields = ["namespaces", "pods", "networks", "nodes", "domainNames"];
    let selector = ["matchLabels", "matchExpressions"];
    let pods = value.get("pods");
    let inner = |name: &str| pods.and_then(|pods| pods.get(name));
    let selectors = [value.get("namespaces"), value.get("nodes"), inner("namespaceSelector"), inner("podSelector")];
    if has_more(Some(value), &fields)
        || has_more(pods, &["namespaceSelector", "podSelector"])
        || selectors.into_iter().any(|found| has_more(found, &selector))
    {
        return Ok(None);
    }
    if fields.iter().filter(|field| value.present(field).is_some()).count() > 1 {
        return Err("several sorts of peers stand together".to_owned());
    }
    if let Some(namespaces) = value.selector("namespaces")? {
        return Ok(Some(AdminPeerFacts::Pods(PodsFacts { namespaces, ..PodsFacts::default() })));
    }
    if value.present("pods").is_some() {
        let pods = value.field("pods")?;
        let selector = |name: &str| pods.selector(name).map(Option::unwrap_or_default).map_err(under("pods"));
        let (namespaces, pods) = (selector("namespaceSelector")?, selector("podSelector")?);
        return Ok(Some(AdminPeerFacts::Pods(PodsFacts { namespaces, pods })));
    }
    if let Some(nodes) = value.selector("nodes")? {
        return Ok(Some(AdminPeerFacts::Nodes(nodes)));
    }
    if value.present("networks").is_some() {
        let blocks = value.strings("networks")?.iter().map(|text| block(text)).collect::<Read<Vec<_>>>();
        return blocks.map_err(|message| format!("networks {message}")).map(AdminPeerFacts::Networks).map(Some);
    }
    Ok(value
        .present("domainNames")
        .is_some()
        .then(|| value.strings("domainNames"))
        .transpose()?
        .map(AdminPeerFacts::Domains))
}

fn single(value: &Value, name: &str, protocol: Protocol) -> Read<PolicyPortFacts> {
    let port = value.port(name)?.ok_or_else(|| format!("{name} is missing"))?;
    Ok(PolicyPortFacts::Number(PortSpec { first: port, last: port, protocol }))
}

fn range(value: &Value, protocol: Protocol) -> Read<PolicyPortFacts> {
    let bound = |name: &str| value.port(name)?.ok_or_else(|| format!("{name} is missing"));
    let (first, last) = (bound("start")?, bound("end")?);
    if last < first {
        return Err(format!("end {last} is below start {first}"));
    }
    Ok(PolicyPortFacts::Number(PortSpec { first, last, protocol }))
}

fn port(value: &Value) -> Read<PolicyPortFacts> {
    let inner = |name: &str| value.field(name);
    match ["portNumber", "namedPort", "portRange"].map(|name| value.present(name).is_some()) {
        [true, false, false] => {
            let number = inner("portNumber")?;
            single(number, "port", protocol(number)?).map_err(under("portNumber"))
        }
        [false, true, false] => {
            let name = value.text("namedPort")?.unwrap_or_default();
            Ok(PolicyPortFacts::Named(name.to_owned(), None))
        }
        [false, false, true] => {
            let bounds = inner("portRange")?;
            range(bounds, protocol(bounds)?).map_err(under("portRange"))
        }
        _ => Err("portNumber, namedPort or portRange is missing, or several are there".to_owned()),
    }
}

fn by_protocol(value: &Value) -> Read<PolicyPortFacts> {
    let protocols = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];
    let mut stated = protocols.into_iter().filter(|(name, _)| value.present(name).is_some());
    let (one, other, by_name) = (stated.next(), stated.next(), value.text("destinationNamedPort")?);
    match (one, other, by_name) {
        (None, None, Some(name)) => Ok(PolicyPortFacts::Named(name.to_owned(), None)),
        (Some((name, protocol)), None, None) => {
            let port = value.field(name)?.field("destinationPort").map_err(under(name))?;
            let found = match (port.present("number"), port.present("range")) {
                (Some(_), None) => single(port, "number", protocol),
                (None, Some(_)) => range(port.field("range")?, protocol).map_err(under("range")),
                _ => Err("number or range is missing, or both are there".to_owned()),
            };
            found.map_err(under("destinationPort")).map_err(under(name))
        }
        _ => Err("tcp, udp, sctp or destinationNamedPort is missing, or several are there".to_owned()),
    }
}

//! What runs, and what leads to it: pods, controllers, services, ingresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde_json::Value;

use super::{
    Lift, name_of,
    pod::{mounts, pod_facts},
    read::{Fields, Read, each, under},
};
use crate::{
    LabelSelector, ObjectKey,
    cluster::{ClaimMount, ContainerPort, IngressFacts, PortTarget, ServiceFacts, ServicePort, WorkloadFacts},
    program::Protocol,
};

/// A pod that is over runs nothing: nobody enters it, nothing reaches it, and its addresses may be another's by now.
pub(super) fn pod(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    if matches!(value.field("status")?.text("phase").map_err(under("status"))?, Some("Succeeded" | "Failed")) {
        return Ok(());
    }
    let mut facts = pods(value, None, owner(key, value), Some(&key.name))?;
    facts.pod.addresses = addresses(value.field("status")?).map_err(under("status"))?;
    lift.cluster.workloads.insert(key.clone(), facts);
    Ok(())
}

/// Addresses of a pod; none where one of them cannot be read, so that nothing is concluded from the others.
fn addresses(status: &Value) -> Read<BTreeSet<IpAddr>> {
    let mut texts = Vec::from_iter(status.text("podIP")?.filter(|text| !text.is_empty()));
    for entry in status.list("podIPs")? {
        texts.extend(entry.text("ip").map_err(under("podIPs"))?);
    }
    Ok(texts.into_iter().map(str::parse).collect::<Result<_, _>>().unwrap_or_default())
}

/// Controllers that keep their template at `spec.template`.
pub(super) fn templated(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let template = spec.field("template").map_err(under("spec"))?;
    // A replication controller's selector is a plain map, and its template's labels unless stated.
    let selector = if key.kind == "ReplicationController" {
        let mut labels = spec.string_map("selector").map_err(under("spec"))?;
        if labels.is_empty() {
            labels = template.field("metadata")?.string_map("labels").map_err(under("spec.template.metadata"))?;
        }
        Some(LabelSelector { match_labels: labels, match_expressions: Vec::new() })
    } else {
        spec.selector("selector").map_err(under("spec"))?
    };
    let mut facts = pods(template, selector, owner(key, value), None).map_err(under("spec.template"))?;
    if key.kind == "StatefulSet" {
        let mounts = mounts(template.field("spec")?)?;
        for claim in spec.list("volumeClaimTemplates").map_err(under("spec"))? {
            let Some(name) = claim.field("metadata")?.text("name")? else { continue };
            let full = format!("{name}-{}", key.name);
            let whole = ClaimMount { name: full.clone(), sub_path: String::new(), numbered: true, read_only: false };
            facts.pod.claim_volumes.insert(whole);
            for (folder, read_only) in mounts.get(name).into_iter().flatten() {
                let (name, sub_path) = (full.clone(), (*folder).to_owned());
                facts.pod.claims.insert(ClaimMount { name, sub_path, numbered: true, read_only: *read_only });
            }
        }
    }
    if key.kind == "Job" && !spec.boolean("manualSelector").map_err(under("spec"))?.unwrap_or_default() {
        // The API server labels a job's pods with its name.
        for label in ["batch.kubernetes.io/job-name", "job-name"] {
            facts.labels.insert(label.to_owned(), key.name.clone());
        }
    }
    lift.cluster.workloads.insert(key.clone(), facts);
    Ok(())
}

pub(super) fn cron_job(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let job = value.field("spec")?.field("jobTemplate").map_err(under("spec"))?;
    let template = job
        .field("spec")
        .and_then(|spec| spec.field("template").map_err(under("spec")))
        .map_err(under("spec.jobTemplate"))?;
    let facts = pods(template, None, owner(key, value), None).map_err(under("spec.jobTemplate.spec.template"))?;
    lift.cluster.workloads.insert(key.clone(), facts);
    Ok(())
}

/// Reads a pod, which has a name, or a pod template.
fn pods(
    template: &Value,
    selector: Option<LabelSelector>,
    owner: Option<ObjectKey>,
    name: Option<&str>,
) -> Read<WorkloadFacts> {
    let labels = template.field("metadata")?.string_map("labels").map_err(under("metadata"))?;
    let spec = template.field("spec")?;
    let read = || {
        let mut ports = Vec::new();
        for container in spec.list("containers")? {
            ports.extend(container_ports(container).map_err(under("containers"))?);
        }
        for container in spec.list("initContainers")? {
            // An init container that restarts is a sidecar: it keeps running and listening.
            if container.text("restartPolicy").map_err(under("initContainers"))? == Some("Always") {
                ports.extend(container_ports(container).map_err(under("initContainers"))?);
            }
        }
        let account = spec.text("serviceAccountName")?.filter(|name| !name.is_empty());
        let deprecated = spec.text("serviceAccount")?.filter(|name| !name.is_empty());
        Ok(WorkloadFacts {
            labels,
            selector,
            ports,
            service_account: account.or(deprecated).unwrap_or("default").to_owned(),
            host_network: spec.boolean("hostNetwork")?.unwrap_or_default(),
            pod: pod_facts(spec, name)?,
            owner,
        })
    };
    read().map_err(under("spec"))
}

fn container_ports(container: &Value) -> Read<Vec<ContainerPort>> {
    each(container, "ports", |port| {
        Ok(ContainerPort {
            name: port.text("name")?.filter(|name| !name.is_empty()).map(str::to_owned),
            port: port.port("containerPort")?.ok_or("containerPort is missing")?,
            protocol: protocol(port)?,
        })
    })
}

/// `protocol`, TCP unless stated.
pub(super) fn protocol(value: &Value) -> Read<Protocol> {
    match value.text("protocol")?.filter(|text| !text.is_empty()) {
        None => Ok(Protocol::Tcp),
        Some(text) => Protocol::parse(text).ok_or_else(|| format!("protocol is `{text}`, not TCP, UDP or SCTP")),
    }
}

/// The controller that owns an object.
fn owner(key: &ObjectKey, value: &Value) -> Option<ObjectKey> {
    let owners = value.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?;
    let api_version = owner.get("apiVersion").and_then(Value::as_str)?;
    Some(ObjectKey {
        group: api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
        kind: owner.get("kind").and_then(Value::as_str)?.to_owned(),
        namespace: key.namespace.clone(),
        name: owner.get("name").and_then(Value::as_str)?.to_owned(),
    })
}

pub(super) fn service(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let read = || {
        let selector: BTreeMap<_, _> = spec.string_map("selector")?;
        let ports = each(spec, "ports", |port| {
            let number = port.port("port")?.ok_or("port is missing")?;
            Ok(ServicePort {
                name: port.text("name")?.filter(|name| !name.is_empty()).map(str::to_owned),
                port: number,
                target: target(port, "targetPort")?.unwrap_or(PortTarget::Number(number)),
                protocol: protocol(port)?,
            })
        })?;
        Ok(ServiceFacts {
            selector: Some(selector).filter(|selector| !selector.is_empty()),
            kind: spec.text("type")?.filter(|kind| !kind.is_empty()).unwrap_or("ClusterIP").to_owned(),
            ports,
            external_ips: !spec.list("externalIPs")?.is_empty(),
        })
    };
    let facts = read().map_err(under("spec"))?;
    lift.cluster.services.insert(name_of(key), facts);
    Ok(())
}

/// A port by number or name; 0 and the empty string count as absent.
pub(super) fn target(value: &Value, name: &str) -> Read<Option<PortTarget>> {
    match value.present(name) {
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(PortTarget::Name(text.clone()))),
        Some(number) if number.as_u64() == Some(0) => Ok(None),
        _ => Ok(value.port(name)?.map(PortTarget::Number)),
    }
}

pub(super) fn ingress(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let mut backends = backends(spec).map_err(under("spec"))?;
    backends.sort();
    backends.dedup();
    lift.cluster.ingresses.insert(name_of(key), IngressFacts { backends });
    Ok(())
}

fn backends(spec: &Value) -> Read<Vec<(String, PortTarget)>> {
    let mut backends = Vec::from_iter(backend(spec, "defaultBackend")?);
    for rule in spec.list("rules")? {
        for path in rule.field("http")?.list("paths")? {
            backends.extend(backend(path, "backend")?);
        }
    }
    Ok(backends)
}

/// The service behind a backend; one that leads to some other resource has none.
fn backend(parent: &Value, name: &str) -> Read<Option<(String, PortTarget)>> {
    let service = parent.field(name)?.field("service").map_err(under(name))?;
    let Some(to) = service.text("name").map_err(under(name))? else { return Ok(None) };
    let port = service.field("port").map_err(under(name))?;
    let target = match target(port, "number").map_err(under(name))? {
        Some(number) => Some(number),
        None => target(port, "name").map_err(under(name))?,
    };
    Ok(target.map(|target| (to.to_owned(), target)))
}

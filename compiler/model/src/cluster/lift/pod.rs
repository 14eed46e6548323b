//! What pods share with their nodes and what they hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Lift, name_of,
    read::{Fields, Read, label_selector, under},
};
use crate::{
    ObjectKey,
    cluster::{GuardFacts, GuardRule, HostPath, PodFacts, SecretFacts},
};

const TOKEN: &str = "kubernetes.io/service-account-token";

/// Reads a pod's spec.
pub(super) fn pod_facts(spec: &Value) -> Read<PodFacts> {
    let mut facts = PodFacts {
        host_pid: spec.boolean("hostPID")?.unwrap_or_default(),
        host_ipc: spec.boolean("hostIPC")?.unwrap_or_default(),
        automount_token: spec.boolean("automountServiceAccountToken")?,
        node: spec.text("nodeName")?.filter(|name| !name.is_empty()).map(str::to_owned),
        ..PodFacts::default()
    };
    // By volume: whether every mount of it is read-only.
    let mut mounts: BTreeMap<&str, bool> = BTreeMap::new();
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.list(list)? {
            container_facts(container, &mut facts, &mut mounts).map_err(under(list))?;
        }
    }
    for volume in spec.list("volumes")? {
        volume_facts(volume, &mounts, &mut facts).map_err(under("volumes"))?;
    }
    Ok(facts)
}

fn container_facts<'v>(container: &'v Value, facts: &mut PodFacts, mounts: &mut BTreeMap<&'v str, bool>) -> Read<()> {
    let security = container.field("securityContext")?;
    if security.boolean("privileged").map_err(under("securityContext"))?.unwrap_or_default() {
        facts.privileged.insert(container.text("name")?.unwrap_or_default().to_owned());
    }
    let added = security.field("capabilities")?.strings("add").map_err(under("securityContext.capabilities"))?;
    // Runtimes take them in any case, with and without the prefix.
    let added = added.iter().map(|name| name.to_ascii_uppercase());
    facts.capabilities.extend(added.map(|name| name.strip_prefix("CAP_").unwrap_or(&name).to_owned()));
    for mount in container.list("volumeMounts")? {
        let read_only = mount.boolean("readOnly").map_err(under("volumeMounts"))?.unwrap_or_default();
        if let Some(volume) = mount.text("name").map_err(under("volumeMounts"))? {
            mounts.entry(volume).and_modify(|all| *all &= read_only).or_insert(read_only);
        }
    }
    for (list, reference) in [("env", "/valueFrom/secretKeyRef/name"), ("envFrom", "/secretRef/name")] {
        let names = container.list(list)?.iter().filter_map(|entry| entry.pointer(reference).and_then(Value::as_str));
        facts.secrets.extend(names.map(str::to_owned));
    }
    Ok(())
}

fn volume_facts(volume: &Value, mounts: &BTreeMap<&str, bool>, facts: &mut PodFacts) -> Read<()> {
    // A volume that no container mounts leads nowhere.
    let Some(read_only) = mounts.get(volume.text("name")?.unwrap_or_default()).copied() else { return Ok(()) };
    if let Some(path) = volume.field("hostPath")?.text("path").map_err(under("hostPath"))? {
        facts.host_paths.insert(HostPath { path: path.to_owned(), read_only });
    }
    let mut secrets = BTreeSet::from_iter(volume.field("secret")?.text("secretName").map_err(under("secret"))?);
    for source in volume.field("projected")?.list("sources").map_err(under("projected"))? {
        secrets.extend(source.pointer("/secret/name").and_then(Value::as_str));
        if let Some(token) = source.present("serviceAccountToken") {
            let for_the_server = token.text("audience")?.is_none_or(str::is_empty);
            facts.projected_token |= for_the_server;
            facts.injected_token |=
                for_the_server && volume.text("name")?.is_some_and(|name| name.starts_with(INJECTED));
        }
    }
    facts.secrets.extend(secrets.into_iter().map(str::to_owned));
    Ok(())
}

/// How the volume is called that the service account admission plugin adds to pods (`plugin/pkg/admission/serviceaccount`).
const INJECTED: &str = "kube-api-access-";

pub(super) fn secret(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let annotations = value.field("metadata")?.field("annotations")?;
    let account = annotations.get("kubernetes.io/service-account.name").and_then(Value::as_str);
    let token_of = account.filter(|_| value.get("type").and_then(Value::as_str) == Some(TOKEN)).map(str::to_owned);
    lift.cluster.secrets.insert(name_of(key), SecretFacts { token_of });
    Ok(())
}

/// A configuration of webhooks.
pub(super) fn webhooks(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let mut guards = Vec::new();
    for webhook in value.list("webhooks")? {
        guards.push(guard(webhook, "rules").map_err(under("webhooks"))?);
    }
    lift.cluster.guards.insert(key.clone(), guards);
    Ok(())
}

pub(super) fn guard(value: &Value, rules: &str) -> Read<GuardFacts> {
    let mut facts = GuardFacts::default();
    let service = value.field("clientConfig")?.field("service").map_err(under("clientConfig"))?;
    if let (Some(namespace), Some(name)) = (service.text("namespace")?, service.text("name")?) {
        facts.service = Some((namespace.to_owned(), name.to_owned()));
    }
    for rule in value.list(rules)? {
        facts.rules.push(guard_rule(rule)?);
    }
    if let Some(selector) = value.present("namespaceSelector") {
        facts.namespaces = label_selector(selector).map_err(under("namespaceSelector"))?;
    }
    Ok(facts)
}

pub(super) fn guard_rule(rule: &Value) -> Read<GuardRule> {
    Ok(GuardRule {
        operations: rule.strings("operations")?,
        groups: rule.strings("apiGroups")?,
        resources: rule.strings("resources")?,
    })
}

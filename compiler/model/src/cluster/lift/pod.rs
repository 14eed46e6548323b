//! What pods share with their nodes and what they hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Lift, OS, name_of,
    read::{Fields, Read, label_selector, under},
};
use crate::{
    ObjectKey,
    cluster::{ClaimMount, GuardFacts, GuardRule, HostPath, PodFacts, SecretFacts},
};

const TOKEN: &str = "kubernetes.io/service-account-token";

/// Reads a pod's spec; a template's pods have no name yet.
pub(super) fn pod_facts(spec: &Value, name: Option<&str>) -> Read<PodFacts> {
    let mut facts = PodFacts {
        host_pid: spec.boolean("hostPID")?.unwrap_or_default(),
        host_ipc: spec.boolean("hostIPC")?.unwrap_or_default(),
        automount_token: spec.boolean("automountServiceAccountToken")?,
        node: spec.text("nodeName")?.filter(|name| !name.is_empty()).map(str::to_owned),
        windows: is_of_windows(spec)?,
        ..PodFacts::default()
    };
    let of_pod = host_process(spec)?.unwrap_or_default();
    for list in CONTAINERS {
        for container in spec.list(list)? {
            if host_process(container).map_err(under(list))?.unwrap_or(of_pod) {
                facts.host_processes.insert(container.text("name")?.unwrap_or_default().to_owned());
            }
            container_facts(container, &mut facts).map_err(under(list))?;
        }
    }
    let mounts = mounts(spec)?;
    for volume in spec.list("volumes")? {
        volume_facts(volume, &mounts, name, &mut facts).map_err(under("volumes"))?;
    }
    Ok(facts)
}

fn is_of_windows(spec: &Value) -> Read<bool> {
    let selected = spec.string_map("nodeSelector")?.get(OS).is_some_and(|os| os == "windows");
    Ok(selected || spec.field("os")?.text("name").map_err(under("os"))? == Some("windows"))
}

/// What a pod, or a container, says of being its node's own ("Create a Windows HostProcess Pod", Kubernetes documentation).
fn host_process(value: &Value) -> Read<Option<bool>> {
    let options = value.field("securityContext")?.field("windowsOptions").map_err(under("securityContext"))?;
    options.boolean("hostProcess").map_err(under("securityContext.windowsOptions"))
}

const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// By folder of a volume, empty for the whole: whether every mount of it is read-only.
type Folders<'a> = BTreeMap<&'a str, bool>;

/// What containers mount, by volume.
pub(super) fn mounts(spec: &Value) -> Read<BTreeMap<&str, Folders<'_>>> {
    let mut mounts: BTreeMap<&str, Folders<'_>> = BTreeMap::new();
    for list in CONTAINERS {
        for container in spec.list(list)? {
            for mount in container.list("volumeMounts").map_err(under(list))? {
                mounted(mount, &mut mounts).map_err(under("volumeMounts")).map_err(under(list))?;
            }
        }
    }
    Ok(mounts)
}

fn mounted<'a>(mount: &'a Value, mounts: &mut BTreeMap<&'a str, Folders<'a>>) -> Read<()> {
    let read_only = mount.boolean("readOnly")?.unwrap_or_default();
    // What variables make of a `subPathExpr` is known on the node alone: it counts as the whole volume.
    let folder = mount.text("subPath")?.unwrap_or_default();
    if let Some(volume) = mount.text("name")? {
        mounts.entry(volume).or_default().entry(folder).and_modify(|all| *all &= read_only).or_insert(read_only);
    }
    Ok(())
}

fn container_facts(container: &Value, facts: &mut PodFacts) -> Read<()> {
    let security = container.field("securityContext")?;
    if security.boolean("privileged").map_err(under("securityContext"))?.unwrap_or_default() {
        facts.privileged.insert(container.text("name")?.unwrap_or_default().to_owned());
    }
    let added = security.field("capabilities")?.strings("add").map_err(under("securityContext.capabilities"))?;
    // Runtimes take them in any case, with and without the prefix.
    let added = added.iter().map(|name| name.to_ascii_uppercase());
    facts.capabilities.extend(added.map(|name| name.strip_prefix("CAP_").unwrap_or(&name).to_owned()));
    for (list, reference) in [("env", "/valueFrom/secretKeyRef/name"), ("envFrom", "/secretRef/name")] {
        let names = container.list(list)?.iter().filter_map(|entry| entry.pointer(reference).and_then(Value::as_str));
        facts.secrets.extend(names.map(str::to_owned));
    }
    Ok(())
}

fn volume_facts(
    volume: &Value,
    mounts: &BTreeMap<&str, Folders<'_>>,
    pod: Option<&str>,
    facts: &mut PodFacts,
) -> Read<()> {
    let name = volume.text("name")?.unwrap_or_default();
    let path = volume.field("hostPath")?.text("path").map_err(under("hostPath"))?;
    let claim = volume.field("persistentVolumeClaim")?;
    let claimed = claim.text("claimName").map_err(under("persistentVolumeClaim"))?;
    let claimed_to_read = claim.boolean("readOnly").map_err(under("persistentVolumeClaim"))? == Some(true);
    // The claim that the control plane makes of it ("Ephemeral Volumes", Kubernetes documentation).
    let made = pod.filter(|_| volume.present("ephemeral").is_some()).map(|pod| format!("{pod}-{name}"));
    let whole = |name: String, read_only| ClaimMount { name, sub_path: String::new(), numbered: false, read_only };
    facts.host_volumes.extend(path.map(|path| HostPath { path: path.to_owned(), read_only: false, volume: None }));
    facts.claim_volumes.extend(claimed.map(|name| whole(name.to_owned(), claimed_to_read)));
    facts.claim_volumes.extend(made.clone().map(|name| whole(name, false)));
    // A volume that no container mounts leads nowhere by itself.
    let Some(folders) = mounts.get(name) else { return Ok(()) };
    for (folder, read_only) in folders {
        let claim =
            |name: String, read_only| ClaimMount { name, sub_path: (*folder).to_owned(), numbered: false, read_only };
        if let Some(path) = path {
            let path = HostPath::below(path, folder);
            facts.host_paths.insert(HostPath { path, read_only: *read_only, volume: None });
        }
        facts.claims.extend(claimed.map(|name| claim(name.to_owned(), *read_only || claimed_to_read)));
        facts.claims.extend(made.clone().map(|name| claim(name, *read_only)));
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
        namespaced: match rule.text("scope")? {
            Some("Namespaced") => Some(true),
            Some("Cluster") => Some(false),
            _ => None,
        },
    })
}

//! Storage that may be a node's own, and the pods that claim it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Lift, name_of,
    read::{Fields, Read, under},
};
use crate::{
    ObjectKey,
    cluster::{Cluster, HostPath, VolumeFacts},
};

pub(super) fn volume(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let mut facts = VolumeFacts::default();
    for source in ["hostPath", "local"] {
        let path = spec.field(source).and_then(|source| source.text("path")).map_err(under("spec"))?;
        facts.path = facts.path.or_else(|| path.map(str::to_owned));
    }
    let claim = spec.field("claimRef").map_err(under("spec"))?;
    if let (Some(namespace), Some(name)) = (claim.text("namespace")?, claim.text("name")?) {
        facts.claim = Some((namespace.to_owned(), name.to_owned()));
    }
    lift.cluster.volumes.insert(key.name.clone(), facts);
    Ok(())
}

pub(super) fn claim(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let volume = value.field("spec")?.text("volumeName").map_err(under("spec"))?.filter(|name| !name.is_empty());
    lift.cluster.claims.insert(name_of(key), volume.map(str::to_owned));
    Ok(())
}

/// Gives pods the paths of nodes that they claim. A volume and a claim are bound where one states the other, and the other states
/// nothing else ("Persistent Volumes", Kubernetes documentation).
pub(super) fn mount(cluster: &mut Cluster) {
    let Cluster { volumes, claims, workloads, .. } = cluster;
    // By namespace: the claim, the volume and its path.
    let mut bound: BTreeMap<&str, Vec<(&str, &str, &str)>> = BTreeMap::new();
    for (name, facts) in volumes.iter() {
        let Some(path) = facts.path.as_deref() else { continue };
        let stating = |volume: &Option<String>| volume.as_ref() == Some(name);
        let mut add = |namespace, claim| bound.entry(namespace).or_default().push((claim, name.as_str(), path));
        match &facts.claim {
            Some(key) if claims.get(key).is_none_or(|volume| volume.is_none() || stating(volume)) => {
                add(key.0.as_str(), key.1.as_str());
            }
            Some(_) => {}
            None => {
                for ((namespace, claim), _) in claims.iter().filter(|(_, volume)| stating(volume)) {
                    add(namespace.as_str(), claim.as_str());
                }
            }
        }
    }
    for (key, facts) in workloads.iter_mut() {
        let pod = &mut facts.pod;
        let here = bound.get(key.namespace.as_deref().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        for (mounts, paths) in [(&pod.claims, &mut pod.host_paths), (&pod.claim_volumes, &mut pod.host_volumes)] {
            for mount in mounts {
                let of = here.iter().filter(|(claim, ..)| mount.is_of(claim));
                paths.extend(of.map(|(_, volume, path)| HostPath {
                    path: HostPath::below(path, &mount.sub_path),
                    read_only: mount.read_only,
                    volume: Some((*volume).to_owned()),
                }));
            }
        }
    }
}

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

/// By namespace, of volumes of a node's path: the claim, the volume and its path. Without a namespace and a claim, those that are kept
/// for none. A volume and a claim are bound where one states the other, and the other states nothing else ("Persistent Volumes",
/// Kubernetes documentation).
type Bound<'c> = BTreeMap<Option<&'c str>, Vec<(&'c str, &'c str, &'c str)>>;

fn bound<'c>(
    volumes: &'c BTreeMap<String, VolumeFacts>,
    claims: &'c BTreeMap<(String, String), Option<String>>,
) -> Bound<'c> {
    let mut bound = Bound::new();
    for (name, facts) in volumes {
        let Some(path) = facts.path.as_deref() else { continue };
        let stating = |volume: &Option<String>| volume.as_ref() == Some(name);
        let mut add = |namespace, claim| bound.entry(namespace).or_default().push((claim, name.as_str(), path));
        match &facts.claim {
            Some(key) if claims.get(key).is_none_or(|volume| volume.is_none() || stating(volume)) => {
                add(Some(key.0.as_str()), key.1.as_str());
            }
            Some(_) => {}
            None => {
                let mut free = true;
                for ((namespace, claim), _) in claims.iter().filter(|(_, volume)| stating(volume)) {
                    free = false;
                    add(Some(namespace.as_str()), claim.as_str());
                }
                if free {
                    add(None, "");
                }
            }
        }
    }
    bound
}

impl Cluster {
    /// The node's paths that a pod of a namespace may mount by claims which are bound there; without a namespace, those that any claim
    /// may be bound to.
    #[must_use]
    pub fn claimable(&self) -> BTreeMap<Option<&str>, Vec<HostPath>> {
        let mounts = |of: Vec<(&str, &str, &str)>| {
            let mount = |(_, volume, path): (&str, &str, &str)| HostPath {
                path: path.to_owned(),
                read_only: false,
                volume: Some(volume.to_owned()),
            };
            of.into_iter().map(mount).collect()
        };
        bound(&self.volumes, &self.claims).into_iter().map(|(place, of)| (place, mounts(of))).collect()
    }
}

/// Gives pods the paths of nodes that they claim.
pub(super) fn mount(cluster: &mut Cluster) {
    let Cluster { volumes, claims, workloads, .. } = cluster;
    let bound = bound(volumes, claims);
    for (key, facts) in workloads.iter_mut() {
        let pod = &mut facts.pod;
        let here = bound.get(&Some(key.namespace.as_deref().unwrap_or_default())).map_or(&[][..], Vec::as_slice);
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

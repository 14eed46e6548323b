//! The same flags for clusters that kubeadm runs: its static pod sees only what is mounted into it.

use std::collections::BTreeMap;

use kspec_model::program::{EncryptionProvider, View};
use serde_json::{Map, Value, json};

use super::{FOLDER, HostSettings};
use crate::names;

/// What kubeadm mounts into the API server by itself.
const MOUNTED: &str = "/etc/kubernetes/pki/";

/// A `kubeadm.k8s.io/v1beta4` ClusterConfiguration that holds nothing but the API server's arguments and volumes.
pub(super) fn patch(program: &View<'_>, settings: &HostSettings) -> Value {
    let arguments: Vec<Value> =
        settings.flags.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let volumes: Vec<Value> =
        volumes(program, settings).into_iter().map(|(path, volume)| volume.value(&path)).collect();
    let mut server = Map::from_iter([("extraArgs".to_owned(), Value::Array(arguments))]);
    if !volumes.is_empty() {
        server.insert("extraVolumes".to_owned(), Value::Array(volumes));
    }
    json!({ "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "apiServer": server })
}

struct Volume {
    read_only: bool,
    path_type: &'static str,
}

impl Volume {
    fn value(&self, path: &str) -> Value {
        json!({
            "name": format!("kspec-{}", names::hash(path, 8)),
            "hostPath": path,
            "mountPath": path,
            "readOnly": self.read_only,
            "pathType": self.path_type,
        })
    }
}

fn volumes(program: &View<'_>, settings: &HostSettings) -> BTreeMap<String, Volume> {
    let mut volumes = BTreeMap::new();
    let file = |path: &str| (path.to_owned(), Volume { read_only: true, path_type: "File" });
    let outside =
        |path: &str| path.starts_with('/') && !path.starts_with(MOUNTED) && !path.starts_with(&format!("{FOLDER}/"));
    let ours = [super::flags::ENCRYPTION, super::flags::AUDIT, super::flags::AUTHENTICATION];
    for path in ours.iter().filter_map(|flag| settings.flags.get(*flag)) {
        if outside(path) {
            volumes.extend([file(path)]);
        } else if path.starts_with(FOLDER) {
            volumes.insert(FOLDER.to_owned(), Volume { read_only: true, path_type: "DirectoryOrCreate" });
        }
    }
    if let Some((folder, _)) = settings
        .flags
        .get("audit-log-path")
        .and_then(|path| path.rsplit_once('/'))
        .filter(|(folder, _)| !folder.is_empty())
    {
        volumes.insert(folder.to_owned(), Volume { read_only: false, path_type: "DirectoryOrCreate" });
    }
    let host_paths = program.api_server.iter().flat_map(|server| server.host_paths.keys());
    volumes.extend(host_paths.filter(|path| outside(path)).map(|path| file(path)));
    for socket in kms_sockets(program) {
        // A plugin that restarts makes a new socket, which only a mount of its folder shows; a folder that belongs to the
        // whole host is not handed to the API server, though.
        match socket.rsplit_once('/') {
            Some((folder, _)) if !matches!(folder, "" | "/run" | "/var/run" | "/tmp" | "/var" | "/etc") => {
                volumes.insert(folder.to_owned(), Volume { read_only: false, path_type: "DirectoryOrCreate" });
            }
            _ => {
                volumes.insert(socket, Volume { read_only: false, path_type: "Socket" });
            }
        }
    }
    volumes
}

fn kms_sockets(program: &View<'_>) -> impl Iterator<Item = String> {
    let rules = program.encryption.iter().flat_map(|encryption| &encryption.rules);
    rules.flat_map(|rule| &rule.providers).filter_map(|provider| match provider {
        EncryptionProvider::Kms { endpoint, .. } => endpoint.strip_prefix("unix://").map(str::to_owned),
        EncryptionProvider::Keyed { .. } | EncryptionProvider::Identity => None,
    })
}

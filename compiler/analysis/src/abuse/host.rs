//! Which of a node's paths open the node to a container that mounts them.

use kspec_model::cluster::HostPath;

/// How far a mounted path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Root on the node.
    Node,
    /// Keys that everything can be done with, where the node is one of the control plane.
    Keys,
    /// The control plane's store, written, on such a node.
    StoreWritten,
    /// The control plane's store, on such a node.
    Store,
    /// The tokens and secrets of the pods there.
    Pods,
    /// Every file, by a link that the kubelet follows: for whoever may read logs through it.
    Logs,
}

/// What a path is good for.
struct Opening {
    path: &'static str,
    /// Whether it takes writing.
    by_writing: bool,
    reach: Reach,
}

const fn opening(path: &'static str, by_writing: bool, reach: Reach) -> Opening {
    Opening { path, by_writing, reach }
}

/// Paths that lead on; mounting one that lies above leads as far. "Pod Security Standards" forbids all host paths; these are those
/// that lead to the node by themselves.
const OPENINGS: [Opening; 58] = [
    // A read-only mount of a socket still lets a process connect to it.
    opening("/var/run/docker.sock", false, Reach::Node),
    opening("/run/docker.sock", false, Reach::Node),
    opening("/run/containerd/containerd.sock", false, Reach::Node),
    opening("/var/run/containerd/containerd.sock", false, Reach::Node),
    opening("/run/crio/crio.sock", false, Reach::Node),
    opening("/var/run/crio/crio.sock", false, Reach::Node),
    opening("/run/k3s/containerd/containerd.sock", false, Reach::Node),
    opening("/var/run/k3s/containerd/containerd.sock", false, Reach::Node),
    opening("/run/cri-dockerd.sock", false, Reach::Node),
    opening("/var/run/cri-dockerd.sock", false, Reach::Node),
    opening("/run/systemd/private", false, Reach::Node),
    // What the node runs, or reads as root.
    opening("/etc/kubernetes/manifests", true, Reach::Node),
    opening("/etc/cron.d", true, Reach::Node),
    opening("/etc/systemd/system", true, Reach::Node),
    opening("/etc/ld.so.preload", true, Reach::Node),
    opening("/etc/cni/net.d", true, Reach::Node),
    opening("/opt/cni/bin", true, Reach::Node),
    opening("/root/.ssh", true, Reach::Node),
    opening("/usr/bin", true, Reach::Node),
    opening("/usr/local/bin", true, Reach::Node),
    opening("/usr/lib", true, Reach::Node),
    opening("/bin", true, Reach::Node),
    opening("/lib", true, Reach::Node),
    opening("/lib64", true, Reach::Node),
    opening("/sbin", true, Reach::Node),
    opening("/usr/sbin", true, Reach::Node),
    opening("/usr/libexec/kubernetes", true, Reach::Node),
    opening("/etc/crontab", true, Reach::Node),
    opening("/var/spool/cron", true, Reach::Node),
    // Other containers' files, those of the node's own among them.
    opening("/var/lib/containerd", true, Reach::Node),
    opening("/var/lib/containers/storage", true, Reach::Node),
    opening("/var/lib/docker/overlay2", true, Reach::Node),
    opening("/var/lib/rancher", true, Reach::Node),
    opening("/run/containerd/io.containerd.runtime.v2.task", true, Reach::Node),
    opening("/proc/sys/kernel/core_pattern", true, Reach::Node),
    // "PKI certificates and requirements" (Kubernetes documentation): who has them is an admin, signs for one, or says that a caller is one.
    opening("/etc/kubernetes/admin.conf", false, Reach::Keys),
    opening("/etc/kubernetes/super-admin.conf", false, Reach::Keys),
    opening("/etc/kubernetes/controller-manager.conf", false, Reach::Keys),
    opening("/etc/kubernetes/pki/ca.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/sa.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/front-proxy-ca.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/front-proxy-client.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/apiserver-kubelet-client.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/apiserver-etcd-client.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/etcd/ca.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/etcd/server.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/etcd/peer.key", false, Reach::Keys),
    opening("/etc/kubernetes/pki/etcd/healthcheck-client.key", false, Reach::Keys),
    opening("/etc/rancher/rke2/rke2.yaml", false, Reach::Keys),
    opening("/var/lib/rancher/rke2/server/cred", false, Reach::Keys),
    opening("/var/lib/rancher/rke2/server/tls", false, Reach::Keys),
    opening("/var/lib/etcd", true, Reach::StoreWritten),
    opening("/var/lib/etcd", false, Reach::Store),
    opening("/var/lib/rancher/rke2/server/db/etcd", false, Reach::Store),
    opening("/var/lib/kubelet/pods", false, Reach::Pods),
    // The kubelet's own credentials, which read what its pods may.
    opening("/var/lib/kubelet/pki", false, Reach::Pods),
    // The kubelet keeps links there from each container's log, and follows them as root.
    opening("/var/log", true, Reach::Logs),
    opening("/var/lib/docker/containers", true, Reach::Logs),
];

/// What is mounted, as it is said of a step.
pub(super) fn said(mount: &HostPath) -> String {
    let of = mount.volume.as_ref().map(|name| format!(" of PersistentVolume {name}")).unwrap_or_default();
    format!("{}{of} is mounted{}", mount.path, if mount.read_only { " read-only" } else { "" })
}

/// How far a mount leads, the furthest of what it opens first.
pub(super) fn reach(mount: &HostPath) -> Vec<Reach> {
    let path = mount.path.trim_end_matches('/');
    let opens = |opening: &&Opening| {
        let within = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        (within(path, opening.path) || within(opening.path, path)) && !(opening.by_writing && mount.read_only)
    };
    let mut reaches: Vec<_> = OPENINGS.iter().filter(opens).map(|opening| opening.reach).collect();
    reaches.sort_unstable();
    reaches.dedup();
    reaches
}

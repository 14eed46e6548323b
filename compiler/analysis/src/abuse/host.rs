//! Which of a node's paths open the node to a container that mounts them.

use kspec_model::cluster::{HostPath, PodFacts};

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
    /// What the node is to the API server: its kubelet's key.
    Kubelet,
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
    /// The folder that only nodes of one distribution have: a mount of what lies above is no sign of it.
    within: Option<&'static str>,
}

const fn opening(path: &'static str, by_writing: bool, reach: Reach) -> Opening {
    Opening { path, by_writing, reach, within: None }
}

/// A socket that does as root what it is asked; one that is mounted read-only still takes connections.
const fn socket(path: &'static str) -> Opening {
    opening(path, false, Reach::Node)
}

/// What the node runs, or believes, as root.
const fn written(path: &'static str) -> Opening {
    opening(path, true, Reach::Node)
}

const fn keys(path: &'static str) -> Opening {
    opening(path, false, Reach::Keys)
}

/// What only nodes of one distribution have.
const fn own(path: &'static str, within: &'static str, reach: Reach) -> Opening {
    Opening { path, by_writing: false, reach, within: Some(within) }
}

const RANCHER: &str = "/var/lib/rancher";
const RANCHER_SETTINGS: &str = "/etc/rancher";

/// Where a distribution keeps the volumes that it makes (K3s' local storage).
const STORAGE: &str = "/var/lib/rancher/k3s/storage";

/// Paths that lead on; mounting one that lies above leads as far. "Pod Security Standards" forbids all host paths; these are those
/// that lead to the node by themselves. A part `*` is any name; `/var/run` is `/run` (Filesystem Hierarchy Standard 3.0).
const OPENINGS: [Opening; 90] = [
    // Of container runtimes.
    socket("/run/docker.sock"),
    socket("/run/containerd/containerd.sock"),
    socket("/run/crio/crio.sock"),
    socket("/run/k3s/containerd/containerd.sock"),
    socket("/run/k0s/containerd.sock"),
    socket("/run/podman/podman.sock"),
    socket("/run/cri-dockerd.sock"),
    own("/var/snap/microk8s/common/run/containerd.sock", "/var/snap/microk8s", Reach::Node),
    // Of systemd, which starts what it is told to; by the system's bus too (org.freedesktop.systemd1).
    socket("/run/systemd/private"),
    socket("/run/dbus/system_bus_socket"),
    // What the kubelet and the runtimes run.
    written("/etc/kubernetes/manifests"),
    written("/etc/cni/net.d"),
    written("/opt/cni/bin"),
    written("/usr/libexec/kubernetes"),
    written("/etc/containerd"),
    // What runs at a time, at the start, when a device appears, or by a fault.
    written("/etc/cron.d"),
    written("/etc/cron.hourly"),
    written("/etc/cron.daily"),
    written("/etc/cron.weekly"),
    written("/etc/cron.monthly"),
    written("/etc/crontab"),
    written("/var/spool/cron"),
    written("/etc/systemd/system"),
    written("/etc/init.d"),
    written("/etc/udev/rules.d"),
    written("/boot"),
    written("/proc/sys/kernel/core_pattern"),
    // Who may log in, and as whom, and what runs for those who do.
    written("/etc/passwd"),
    written("/etc/shadow"),
    written("/etc/sudoers"),
    written("/etc/sudoers.d"),
    written("/etc/pam.d"),
    written("/etc/ssh"),
    written("/etc/profile.d"),
    written("/root/.ssh"),
    written("/root/.bashrc"),
    written("/root/.profile"),
    written("/home/*/.ssh"),
    written("/home/*/.bashrc"),
    written("/home/*/.profile"),
    // Programs and libraries.
    written("/etc/ld.so.preload"),
    written("/usr/bin"),
    written("/usr/local/bin"),
    written("/usr/lib"),
    written("/bin"),
    written("/lib"),
    written("/lib64"),
    written("/sbin"),
    written("/usr/sbin"),
    // Other containers' files, those of the node's own among them, and a distribution's programs and settings.
    written("/var/lib/containerd"),
    written("/var/lib/containers/storage"),
    written("/var/lib/docker/overlay2"),
    written("/run/containerd/io.containerd.runtime.v2.task"),
    written(RANCHER),
    written("/var/lib/k0s/bin"),
    written("/var/lib/k0s/containerd"),
    written("/var/lib/k0s/manifests"),
    written("/var/lib/k0s/pki"),
    written("/var/snap/microk8s/*/args"),
    written("/var/snap/microk8s/*/certs"),
    written("/var/snap/microk8s/*/credentials"),
    written("/var/snap/microk8s/common/var/lib/containerd"),
    // "PKI certificates and requirements" (Kubernetes documentation): who has them is an admin, signs for one, or says that a caller is one.
    keys("/etc/kubernetes/admin.conf"),
    keys("/etc/kubernetes/super-admin.conf"),
    keys("/etc/kubernetes/controller-manager.conf"),
    keys("/etc/kubernetes/pki/ca.key"),
    keys("/etc/kubernetes/pki/sa.key"),
    keys("/etc/kubernetes/pki/front-proxy-ca.key"),
    keys("/etc/kubernetes/pki/front-proxy-client.key"),
    keys("/etc/kubernetes/pki/apiserver-kubelet-client.key"),
    keys("/etc/kubernetes/pki/apiserver-etcd-client.key"),
    keys("/etc/kubernetes/pki/etcd/ca.key"),
    keys("/etc/kubernetes/pki/etcd/server.key"),
    keys("/etc/kubernetes/pki/etcd/peer.key"),
    keys("/etc/kubernetes/pki/etcd/healthcheck-client.key"),
    own("/etc/rancher/rke2/rke2.yaml", RANCHER_SETTINGS, Reach::Keys),
    own("/var/lib/rancher/rke2/server/cred", RANCHER, Reach::Keys),
    own("/var/lib/rancher/rke2/server/tls", RANCHER, Reach::Keys),
    own("/var/lib/rancher/rke2/server/db/etcd", RANCHER, Reach::Store),
    opening("/var/lib/etcd", true, Reach::StoreWritten),
    opening("/var/lib/etcd", false, Reach::Store),
    opening("/var/lib/kubelet/pods", false, Reach::Pods),
    opening("/var/lib/k0s/kubelet/pods", false, Reach::Pods),
    opening("/var/snap/microk8s/common/var/lib/kubelet/pods", false, Reach::Pods),
    opening("/var/lib/kubelet/pki", false, Reach::Kubelet),
    opening("/var/lib/k0s/kubelet/pki", false, Reach::Kubelet),
    own("/var/lib/rancher/rke2/agent/client-kubelet.key", RANCHER, Reach::Kubelet),
    own("/var/lib/rancher/k3s/agent/client-kubelet.key", RANCHER, Reach::Kubelet),
    // The kubelet keeps links there from each container's log, and follows them as root.
    opening("/var/log", true, Reach::Logs),
    opening("/var/lib/docker/containers", true, Reach::Logs),
];

/// What is mounted, as it is said of a step.
pub(super) fn said(mount: &HostPath) -> String {
    let of = mount.volume.as_ref().map(|name| format!(" of PersistentVolume {name}")).unwrap_or_default();
    format!("{}{of} is mounted{}", mount.path, if mount.read_only { " read-only" } else { "" })
}

/// A path as the node resolves it: the API server refuses `..` only.
fn resolved(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let path: String = parts.flat_map(|part| ["/", part]).collect();
    match path.strip_prefix("/var/run") {
        Some(rest) if is_below(rest) => format!("/run{rest}"),
        _ => path,
    }
}

fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// Whether one of two paths lies in the other.
fn meet(a: &str, b: &str) -> bool {
    a.split('/').zip(b.split('/')).all(|(a, b)| a == b || a == "*")
}

/// Whether a path lies in a folder.
fn is_in(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(is_below)
}

/// Whether a pod mounts what only nodes have that RKE2 or K3s set up.
pub(super) fn is_of_rancher(pod: &PodFacts) -> bool {
    pod.host_paths.iter().any(|mount| is_in(RANCHER, &resolved(&mount.path)))
}

/// How far a mount leads, the furthest of what it opens first; on a node of `rancher` or another.
pub(super) fn reach(mount: &HostPath, rancher: bool) -> Vec<Reach> {
    let path = resolved(&mount.path);
    if is_in(STORAGE, &path) {
        return Vec::new();
    }
    let opens = |opening: &&Opening| {
        let is_there =
            opening.within.is_none_or(|folder| is_in(folder, &path) || rancher && folder.ends_with("/rancher"));
        meet(opening.path, &path) && is_there && !(opening.by_writing && mount.read_only)
    };
    let mut reaches: Vec<_> = OPENINGS.iter().filter(opens).map(|opening| opening.reach).collect();
    reaches.sort_unstable();
    reaches.dedup();
    reaches
}

//! Which of a node's paths open the node to a container that mounts them.

use kspec_model::cluster::HostPath;

/// How far a mounted path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Root on the node.
    Node,
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
const OPENINGS: [Opening; 38] = [
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
    opening("/var/lib/kubelet/pods", false, Reach::Pods),
    // The kubelet keeps links there from each container's log, and follows them as root.
    opening("/var/log", true, Reach::Logs),
    opening("/var/lib/docker/containers", true, Reach::Logs),
];

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

//! Where a node's paths lead whoever mounts them, on one node or on any.

use kspec_model::cluster::HostPath;

use super::{
    graph::Graph,
    host::{self, Reach},
    state::{Scope, State},
    step::StepKind,
};

/// The node that a path is of.
#[derive(Debug)]
pub(super) struct OnNode<'a> {
    root: State<'a>,
    kubelet: State<'a>,
    files: State<'a>,
    /// Whether it is one of the control plane.
    controls: bool,
    /// Whether RKE2 or K3s set it up.
    rancher: bool,
}

impl<'a> Graph<'a> {
    /// One node.
    pub(super) fn on(&self, node: Option<&'a str>) -> OnNode<'a> {
        OnNode {
            root: State::Node(node),
            kubelet: State::Kubelet(node),
            files: State::NodeFiles(node),
            controls: self.facts.control_plane.contains(&node),
            rancher: self.facts.rancher.contains(&node),
        }
    }

    /// Any node that somebody has a pod of their own placed on.
    pub(super) fn anywhere(&self) -> OnNode<'a> {
        OnNode {
            root: State::AnyNode,
            kubelet: State::AnyKubelet,
            files: State::AnyNodeFiles,
            controls: !self.facts.control_plane.is_empty(),
            rancher: !self.facts.rancher.is_empty(),
        }
    }

    /// What a path leads to, by which step, and how it is said.
    pub(super) fn mounted(&self, on: &OnNode<'a>, mount: &HostPath) -> Vec<(State<'a>, StepKind, String)> {
        let reaches = host::reach(mount, on.rancher);
        // Whoever holds the node has everything on it.
        if reaches.contains(&Reach::Node) {
            return vec![(on.root, StepKind::LeaveByHostPath, host::said(mount))];
        }
        let step = |reach: Reach| {
            let (to, kind) = match reach {
                Reach::Keys if on.controls => (State::ClusterAdmin, StepKind::TakeKeys),
                Reach::StoreWritten if on.controls => (State::ClusterAdmin, StepKind::WriteStore),
                Reach::Store if on.controls => (State::Secrets(Scope::Namespaces), StepKind::ReadStore),
                Reach::Kubelet => (on.kubelet, StepKind::UseNodeCredentials),
                Reach::Pods => (on.files, StepKind::ReadNodeFiles),
                Reach::Node | Reach::Logs | Reach::Keys | Reach::StoreWritten | Reach::Store => return None,
            };
            let of_one = matches!(reach, Reach::Kubelet | Reach::Pods);
            let of = if of_one { "" } else { ", on a node of the control plane" };
            Some((to, kind, format!("{}{of}", host::said(mount))))
        };
        reaches.into_iter().filter_map(step).collect()
    }
}

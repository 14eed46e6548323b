//! Nodes, and what each is to the API server: user `system:node:NAME` of group `system:nodes` ("Using Node Authorization", Kubernetes
//! documentation), for whoever holds its kubelet's key.

use super::{
    graph::Graph,
    identity::Holdings,
    state::{Actor, State},
    step::StepKind,
};
use crate::access::request::AUTHENTICATED;

/// The group that every node is of.
pub(super) const NODES: &str = "system:nodes";
/// What the users that nodes are begin with.
pub(super) const NODE: &str = "system:node:";

impl<'a> Graph<'a> {
    /// What lies on the node of the API server or its store.
    pub(super) fn keys(&mut self, id: u32, node: Option<&'a str>) {
        if self.facts.control_plane.contains(&node) {
            self.body_step(id, State::ClusterAdmin, StepKind::TakeControlPlane, None, None);
        }
    }

    /// Root on a node: what runs there, and the node's own credentials.
    pub(super) fn node(&mut self, id: u32, node: Option<&'a str>) {
        self.keys(id, node);
        for (key, _) in self.facts.by_node.get(&node).cloned().unwrap_or_default() {
            self.body_step(id, State::Inside(key), StepKind::EnterPods, None, None);
        }
        self.body_step(id, State::Kubelet(node), StepKind::UseNodeCredentials, None, None);
    }

    /// A node reads the secrets of its pods, and asks for tokens of their accounts (`plugin/pkg/auth/authorizer/node`); and it has what
    /// bindings give it and its group.
    pub(super) fn kubelet(&mut self, id: u32, node: Option<&'a str>) {
        self.choice(id, State::NodeFiles(node));
        let user = node.and_then(|name| self.facts.nodes.get(name)).copied();
        for subject in user.into_iter().chain(self.facts.groups.get(NODES).copied()) {
            self.choice(id, subject);
        }
        // What it may only together with its group.
        if user.is_some() {
            let mut holdings = self.holdings_of_node(node);
            self.apply(&mut holdings);
            self.lead_on(id, &holdings);
        }
        for (key, facts) in self.facts.by_node.get(&node).cloned().unwrap_or_default() {
            let namespace = key.namespace.as_deref().unwrap_or_default();
            if !self.tokens_restricted() && !self.has_token(namespace, facts) {
                let fact = Some(format!("{} runs there", State::Inside(key)));
                let account = State::Account(namespace, &facts.service_account);
                self.body_step(id, account, StepKind::IssueToken, None, fact);
            }
        }
    }

    /// The credentials of whichever node, one that is not there included.
    pub(super) fn any_kubelet(&mut self, id: u32) {
        for node in self.facts.by_node.keys().copied().collect::<Vec<_>>() {
            self.choice(id, State::Kubelet(node));
        }
        let subjects = self.facts.nodes.values().chain(self.facts.groups.get(NODES));
        for subject in subjects.copied().collect::<Vec<_>>() {
            self.choice(id, subject);
        }
    }

    /// Whether a node is refused a token for the API server that no pod of its holds: NodeRestriction asks for what the pod projects
    /// (`ServiceAccountNodeAudienceRestriction`, on from Kubernetes 1.32).
    pub(super) fn tokens_restricted(&self) -> bool {
        self.facts.cluster.nodes_restricted
    }

    /// What bindings give a node, its group's included.
    pub(super) fn holdings_of_node(&self, node: Option<&'a str>) -> Holdings<'a> {
        let mut holdings = Holdings::default();
        let user = node.and_then(|name| self.facts.nodes.get(name)).copied();
        if let Some(user) = user {
            self.gather(user, true, &mut holdings);
        }
        for group in [NODES, AUTHENTICATED] {
            if let Some(group) = self.facts.groups.get(group).copied() {
                self.gather(group, user.is_none(), &mut holdings);
            }
        }
        holdings
    }

    /// Requests under a node's name, by a user and a group that are impersonated together.
    pub(super) fn impersonated_nodes(&self, names: &'a [String]) -> Vec<State<'a>> {
        if names.is_empty() {
            return vec![State::AnyKubelet];
        }
        names.iter().filter_map(|name| name.strip_prefix(NODE)).map(|name| State::Kubelet(Some(name))).collect()
    }
}

impl<'a> Actor<'a> {
    /// The node that it is, if it is one.
    pub(super) fn node(self) -> Option<Option<&'a str>> {
        match self {
            Self::Node(node) => Some(node),
            _ => None,
        }
    }
}

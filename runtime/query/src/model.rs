//! What is asked: a cluster, and what the answers about it do not cover.

use std::collections::BTreeSet;

use kspec_model::{Object, cluster::Cluster};
use kspec_schema::Schema;
use kspec_state::{State, StateObject, StateOrigin};

/// Kinds of which a part unread would make a "no" a guess.
const RBAC: [&str; 4] = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"];

/// Of what chains of abuse go through beside them.
const BODIES: &[&str] = &[
    "cronjobs",
    "customresourcedefinitions",
    "daemonsets",
    "deployments",
    "jobs",
    "mutatingwebhookconfigurations",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "replicasets",
    "replicationcontrollers",
    "secrets",
    "serviceaccounts",
    "services",
    "statefulsets",
    "validatingadmissionpolicies",
    "validatingwebhookconfigurations",
];

/// Likewise for connectivity.
const NETWORK: &[&str] = &[
    "adminnetworkpolicies",
    "adminpolicybasedexternalroutes",
    "authorizationpolicies",
    "baselineadminnetworkpolicies",
    "ciliumclusterwidenetworkpolicies",
    "ciliumegressgatewaypolicies",
    "ciliumlocalredirectpolicies",
    "ciliumnetworkpolicies",
    "clusternetworkpolicies",
    "cronjobs",
    "daemonsets",
    "deployments",
    "egressfirewalls",
    "gateways",
    "globalnetworkpolicies",
    "grpcroutes",
    "hostendpoints",
    "httproutes",
    "ingresses",
    "jobs",
    "namespaces",
    "networkpolicies",
    "peerauthentications",
    "pods",
    "referencegrants",
    "replicasets",
    "replicationcontrollers",
    "serverauthorizations",
    "services",
    "stagednetworkpolicies",
    "statefulsets",
    "tcproutes",
    "tiers",
    "tlsroutes",
    "udproutes",
];

/// A cluster to ask.
#[derive(Debug)]
pub struct Model {
    /// What the objects mean.
    pub cluster: Cluster,
    /// Authorizers beside RBAC that the API server is seen to ask: what they allow, no answer covers.
    pub authorizers: Vec<String>,
    /// RBAC objects that could not be read, and those left out because the API server would refuse them; one line each.
    pub unread: Vec<String>,
    /// As `unread`, of what decides connectivity.
    pub unread_network: Vec<String>,
    /// Likewise of what holds identities and secrets: pods, accounts, what guards them.
    pub unread_bodies: Vec<String>,
    /// Names of the nodes that there are objects of.
    pub nodes: Vec<String>,
}

impl Model {
    /// What is there. Roles and bindings that every API server creates are added where the state lacks them.
    #[must_use]
    pub fn of_state(state: &State, schema: &Schema) -> Self {
        Self {
            cluster: kspec_plan::cluster(state, schema),
            authorizers: state.authorizers(),
            unread: unread(state, &RBAC),
            unread_network: unread(state, NETWORK),
            unread_bodies: unread_bodies(state),
            nodes: nodes(state),
        }
    }

    /// What a program alone makes: of its objects, and the manifests beside it.
    #[must_use]
    pub fn of_program(objects: impl IntoIterator<Item = Object>, schema: &Schema) -> Self {
        let objects = objects.into_iter().map(StateObject::live).collect();
        let origin = StateOrigin::Directory(String::new());
        Self::of_state(&State::new(origin, objects, kspec_state::HostState::default()), schema)
    }

    /// Every node that is known: by its object, or because a pod runs there.
    #[must_use]
    pub fn known_nodes(&self) -> BTreeSet<&str> {
        let running = self.cluster.workloads.values().filter_map(|facts| facts.pod.node.as_deref());
        self.nodes.iter().map(String::as_str).chain(running).collect()
    }

    /// What the cluster is once a plan is applied.
    #[must_use]
    pub fn after(cluster: Cluster, state: &State) -> Self {
        Self {
            cluster,
            authorizers: state.authorizers(),
            unread: unread(state, &RBAC),
            unread_network: unread(state, NETWORK),
            unread_bodies: unread_bodies(state),
            nodes: nodes(state),
        }
    }
}

fn nodes(state: &State) -> Vec<String> {
    let objects = state.objects.iter().map(|known| &known.object);
    objects
        .filter(|object| object.kind() == "Node" && object.group().is_empty())
        .map(|object| object.name().to_owned())
        .collect()
}

/// A live cluster's secrets are never listed, since whoever may list them may read them.
fn unread_bodies(state: &State) -> Vec<String> {
    let mut lines = unread(state, BODIES);
    let listed = state.objects.iter().any(|known| known.object.kind() == "Secret");
    if !listed && !matches!(state.origin, StateOrigin::Directory(_)) && !lines.iter().any(|l| l.starts_with("secrets"))
    {
        lines.push("secrets, but for those that pods use".to_owned());
    }
    lines
}

fn unread(state: &State, kinds: &[&str]) -> Vec<String> {
    let is_meant = |line: &&String| kinds.iter().any(|kind| line.split([':', '.', ' ']).next() == Some(*kind));
    state.unread.iter().filter(is_meant).cloned().collect()
}

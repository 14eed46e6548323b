//! Which declarations can change what is said of each other.
//!
//! Declarations that share a key are judged together, and so are those that share one with any of these. A key too many
//! costs time and nothing else; a key too few would lose findings.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use kspec_model::program::{Edge, GrantScope, Network, NetworkScope, Part, Peer, Project};
use serde_json::Value;

/// What an item's declarations share with others, as hashes: two keys that collide only join what could be apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Each once, ascending.
    pub shared: Vec<u64>,
    /// A condition on namespaces: what it says depends on everything that is in one.
    pub any: bool,
    /// Something in a namespace, or a namespace.
    pub placed: bool,
}

#[derive(Hash)]
enum Key<'a> {
    /// What lives in a namespace, the namespace itself included.
    Namespace(&'a str),
    /// An object of the cluster's scope.
    Object(&'a str, &'a str),
    /// Bindings in the cluster's scope, whose names are generated.
    ClusterBindings,
    /// Edges that name no pods.
    Outside,
    /// Blocks that a program has one of.
    ControlPlane,
    /// Bound rules and mutations, and exemptions from them.
    Admission,
}

/// Kinds of objects that bound rules are lowered to.
const ADMISSION: [&str; 6] = [
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
];

impl Keys {
    /// The keys of one item's part of a project.
    #[must_use]
    pub fn of(part: &Part, project: &Project) -> Self {
        let mut keys = Self::default();
        for namespace in &part.namespaces {
            keys.add(&Key::Namespace(&namespace.name));
        }
        for workload in &part.workloads {
            keys.add(&Key::Namespace(&workload.namespace));
        }
        for account in &part.service_accounts {
            keys.add(&Key::Namespace(&account.namespace));
        }
        for role in &part.roles {
            keys.add(&role.namespace.as_deref().map_or(Key::Object("ClusterRole", &role.name), Key::Namespace));
        }
        for grant in &part.grants {
            match &grant.scope {
                GrantScope::Cluster => keys.add(&Key::ClusterBindings),
                GrantScope::Namespaces(names) => names.iter().for_each(|name| keys.add(&Key::Namespace(name))),
                GrantScope::Where(_) => keys.any = true,
            }
        }
        for network in &part.networks {
            keys.network(network);
        }
        for manifest in &part.manifests {
            keys.object(&manifest.object);
        }
        let blocks = part.encryption.len() + part.audit.len() + part.authentication.len() + part.api_server.len();
        if blocks > 0 {
            keys.add(&Key::ControlPlane);
        }
        if part.rules.len() + part.mutations.len() + part.exemptions.len() > 0 {
            keys.admission(project);
        }
        keys.shared.sort_unstable();
        keys.shared.dedup();
        keys
    }

    /// Whether nothing is shared, so that there is nobody to be judged with.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty() && !self.any
    }

    fn add(&mut self, key: &Key<'_>) {
        self.placed |= matches!(key, Key::Namespace(_));
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.shared.push(hasher.finish());
    }

    /// Of bound rules, and of what they are lowered to: policies with names that are made up, and what runs the webhook.
    fn admission(&mut self, project: &Project) {
        self.add(&Key::Admission);
        if project.admission.webhook.image.is_some() {
            let (namespace, name) = kspec_lower::admission::service(project);
            self.add(&Key::Namespace(namespace));
            self.add(&Key::Object("ClusterRole", &format!("{}:{name}", project.name)));
            self.add(&Key::ClusterBindings);
        }
    }

    fn network(&mut self, network: &Network) {
        match &network.scope {
            NetworkScope::Namespaces(names) => names.iter().for_each(|name| self.add(&Key::Namespace(name))),
            NetworkScope::Where(_) => self.any = true,
        }
        for Edge { from, to, .. } in &network.edges {
            for end in [from, to] {
                match end {
                    Peer::Workload { namespace, .. } | Peer::Namespace(namespace) => {
                        self.add(&Key::Namespace(namespace));
                    }
                    Peer::Pods { namespaces: Some(_), .. } => self.any = true,
                    // Relative to the network's own namespaces.
                    Peer::All | Peer::Pods { namespaces: None, .. } => {}
                    Peer::Any | Peer::Dns | Peer::Internet | Peer::Cidr { .. } => {}
                }
            }
            if is_outside(from) && is_outside(to) {
                self.add(&Key::Outside);
            }
        }
    }

    fn object(&mut self, object: &Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        match (kind, text("/metadata/namespace")) {
            ("Namespace", "") => self.add(&Key::Namespace(name)),
            ("ClusterRoleBinding", "") => self.add(&Key::ClusterBindings),
            (_, "") if ADMISSION.contains(&kind) => self.add(&Key::Admission),
            (_, "") => self.add(&Key::Object(kind, name)),
            (_, namespace) => self.add(&Key::Namespace(namespace)),
        }
    }
}

fn is_outside(peer: &Peer) -> bool {
    matches!(peer, Peer::Any | Peer::Dns | Peer::Internet | Peer::Cidr { .. })
}

/// Whether [`together`](crate::together) sees the same in both: what a role allows, for one, is between the role and
/// whoever reads it alone.
#[must_use]
pub fn seen_alike(one: &Part, other: &Part) -> bool {
    let Part {
        namespaces,
        workloads,
        service_accounts,
        principals: _,
        roles,
        grants,
        networks,
        manifests,
        moved: _,
        accepts: _,
        guarantees: _,
        rules,
        mutations,
        exemptions,
        tests: _,
        encryption,
        audit,
        authentication,
        api_server,
    } = one;
    let called = |part: &Part| -> Vec<_> {
        let roles = part.roles.iter();
        roles.map(|role| (role.namespace.clone(), role.name.clone(), role.existing, role.origin.clone())).collect()
    };
    *namespaces == other.namespaces
        && *workloads == other.workloads
        && *service_accounts == other.service_accounts
        && (*roles == other.roles || called(one) == called(other))
        && *grants == other.grants
        && *networks == other.networks
        && *manifests == other.manifests
        && *rules == other.rules
        && *mutations == other.mutations
        && *exemptions == other.exemptions
        && *encryption == other.encryption
        && *audit == other.audit
        && *authentication == other.authentication
        && *api_server == other.api_server
}

//! From objects to [`Cluster`].
//!
//! An object is read the way the API server would hold it: with its defaults applied. What the API server would refuse is
//! left out, whole where half of it would mean something else (a role, a policy, a binding), and reported.

mod access;
mod admin;
mod gateway;
mod network;
mod pod;
mod policy;
mod read;
#[cfg(test)]
mod tests;
mod volume;
mod workload;

use std::collections::BTreeMap;

use serde_json::Value;

use self::read::{Fields, Read, under};
use super::{
    BindingFacts, CUSTOM_WORKLOADS, Cluster, NamespaceFacts, NetworkPolicyFacts, PodSecurityDefaults, RoleFacts,
    ServiceAccountFacts,
};
use crate::{Object, ObjectKey};

/// The label that the API server puts on every namespace.
const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// An object, or a part of one, that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiftProblem {
    /// The object.
    pub object: ObjectKey,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for LiftProblem {
    /// `networkpolicies: NetworkPolicy shop/web: spec.podSelector …`, which begins as lines about resources do that may not be
    /// listed. The resource is guessed from the kind as `meta.UnsafeGuessKindToResource` of `k8s.io/apimachinery` does.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.object.kind.to_lowercase();
        let resource = match kind.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None if kind.ends_with('s') => format!("{kind}es"),
            None => format!("{kind}s"),
        };
        write!(f, "{resource}: {}: {}", self.object, self.message)
    }
}

impl Cluster {
    /// Takes over the facts of other objects. A namespace that both mention has the labels that either knows.
    fn join(&mut self, other: Self) {
        let Self {
            namespaces,
            workloads,
            services,
            ingresses,
            routes,
            gateways,
            grants,
            roles,
            bindings,
            mut network_policies,
            admin_policies,
            service_accounts,
            secrets,
            volumes,
            claims,
            guards,
            pod_security,
            nodes_restricted,
            no_bootstrap_tokens,
            windows,
            definitions,
            opaque,
        } = other;
        for (name, facts) in namespaces {
            self.namespaces.entry(name).or_default().labels.extend(facts.labels);
        }
        self.workloads.extend(workloads);
        self.services.extend(services);
        self.ingresses.extend(ingresses);
        self.routes.extend(routes);
        self.gateways.extend(gateways);
        self.grants.extend(grants);
        self.roles.extend(roles);
        self.bindings.extend(bindings);
        self.network_policies.append(&mut network_policies);
        self.admin_policies.extend(admin_policies);
        self.service_accounts.extend(service_accounts);
        self.secrets.extend(secrets);
        self.volumes.extend(volumes);
        self.claims.extend(claims);
        self.guards.extend(guards);
        if pod_security != PodSecurityDefaults::default() {
            self.pod_security = pod_security;
        }
        self.nodes_restricted |= nodes_restricted;
        self.no_bootstrap_tokens |= no_bootstrap_tokens;
        self.windows.extend(windows);
        self.definitions.extend(definitions);
        self.opaque.extend(opaque);
    }

    /// Whether some node is seen to be of Windows, by its own label or by a pod that is made for one.
    #[must_use]
    pub fn has_windows(&self) -> bool {
        !self.windows.is_empty() || self.workloads.values().any(|facts| facts.pod.is_of_windows())
    }

    /// Reads objects, lists unwrapped. Order does not matter; of two with one key the later wins.
    #[must_use]
    pub fn lift<'a>(objects: impl IntoIterator<Item = &'a Object>) -> (Self, Vec<LiftProblem>) {
        let mut lift = Lift::default();
        objects.into_iter().for_each(|object| lift.read(&object.0));
        lift.finish()
    }
}

/// What an object means, where that is known before the object is.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Of a NetworkPolicy.
    NetworkPolicy(NetworkPolicyFacts),
    /// Of a Role or ClusterRole.
    Role(RoleFacts),
    /// Of a RoleBinding or ClusterRoleBinding.
    Binding(BindingFacts),
}

/// [`Cluster::lift`], an object at a time.
#[derive(Debug, Default)]
pub struct Lift {
    cluster: Cluster,
    problems: Vec<LiftProblem>,
    /// Bindings by kind and name of the admission policies that they put to use.
    bound_policies: BTreeMap<(String, String), Vec<policy::Binding>>,
}

impl Lift {
    /// Reads an object, or a list of them. Of two with one key the later wins.
    pub fn read(&mut self, object: &Value) {
        self.document(object, None);
    }

    /// Takes what an object means that nobody need read; its key states the namespace that it is in.
    pub fn take(&mut self, key: &ObjectKey, known: Known) {
        if let Some(namespace) = &key.namespace {
            self.meet(namespace);
        }
        match known {
            Known::NetworkPolicy(facts) => {
                self.cluster.network_policies.insert(name_of(key), facts);
            }
            Known::Role(facts) => access::insert_role(self, key, facts),
            Known::Binding(facts) => access::insert_binding(self, key, facts),
        }
    }

    /// A namespace that something is in is there.
    fn meet(&mut self, namespace: &str) {
        if !self.cluster.namespaces.contains_key(namespace) {
            self.cluster.namespaces.insert(namespace.to_owned(), namespace_facts(namespace, BTreeMap::new()));
        }
    }

    /// Takes over what another read, which is no object that this one did.
    pub fn join(&mut self, other: Self) {
        let Self { cluster, problems, bound_policies } = other;
        self.cluster.join(cluster);
        self.problems.extend(problems);
        for (policy, bindings) in bound_policies {
            self.bound_policies.entry(policy).or_default().extend(bindings);
        }
    }

    /// What all of them mean together.
    #[must_use]
    pub fn finish(mut self) -> (Cluster, Vec<LiftProblem>) {
        admin::one_generation(&mut self);
        self.cluster.aggregate();
        policy::put_to_use(&mut self);
        volume::mount(&mut self.cluster);
        self.cluster.opaque.sort();
        self.cluster.opaque.dedup();
        (self.cluster, self.problems)
    }
}

/// How a kind is read.
type Reader = fn(&mut Lift, &ObjectKey, &Value) -> Read<()>;

/// Every kind that means something here: API group, kind, whether it lives in a namespace, its reader.
const KINDS: &[(&str, &str, bool, Reader)] = &[
    ("", "Namespace", false, namespace),
    ("", "Node", false, node),
    ("", "ServiceAccount", true, service_account),
    ("", "Pod", true, workload::pod),
    ("", "ReplicationController", true, workload::templated),
    ("", "PersistentVolume", false, volume::volume),
    ("", "PersistentVolumeClaim", true, volume::claim),
    ("", "Secret", true, pod::secret),
    ("", "Service", true, workload::service),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy", false, policy::policy),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", false, policy::binding),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration", false, pod::webhooks),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", false, policy::policy),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", false, policy::binding),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false, pod::webhooks),
    ("apiextensions.k8s.io", "CustomResourceDefinition", false, definition),
    ("apps", "Deployment", true, workload::templated),
    ("apps", "StatefulSet", true, workload::templated),
    ("apps", "DaemonSet", true, workload::templated),
    ("apps", "ReplicaSet", true, workload::templated),
    ("batch", "Job", true, workload::templated),
    ("batch", "CronJob", true, workload::cron_job),
    (gateway::GROUP, "Gateway", true, gateway::gateway),
    (gateway::GROUP, "GRPCRoute", true, gateway::route),
    (gateway::GROUP, "HTTPRoute", true, gateway::route),
    (gateway::GROUP, "ReferenceGrant", true, gateway::grant),
    (gateway::GROUP, "TCPRoute", true, gateway::route),
    (gateway::GROUP, "TLSRoute", true, gateway::route),
    (gateway::GROUP, "UDPRoute", true, gateway::route),
    ("networking.k8s.io", "Ingress", true, workload::ingress),
    ("networking.k8s.io", "NetworkPolicy", true, network::policy),
    (admin::GROUP, "AdminNetworkPolicy", false, admin::policy),
    (admin::GROUP, "BaselineAdminNetworkPolicy", false, admin::policy),
    (admin::GROUP, "ClusterNetworkPolicy", false, admin::policy),
    ("rbac.authorization.k8s.io", "Role", true, access::role),
    ("rbac.authorization.k8s.io", "ClusterRole", false, access::role),
    ("rbac.authorization.k8s.io", "RoleBinding", true, access::binding),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", false, access::binding),
];

/// Kinds that change who reaches whom in ways that are not evaluated: API group, kinds (none: every kind of the group).
const OPAQUE: &[(&str, &[&str])] = &[
    (
        "cilium.io",
        &[
            "CiliumNetworkPolicy",
            "CiliumClusterwideNetworkPolicy",
            "CiliumLocalRedirectPolicy",
            "CiliumEgressGatewayPolicy",
        ],
    ),
    ("projectcalico.org", &["NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "HostEndpoint", "Tier"]),
    ("crd.projectcalico.org", &["NetworkPolicy", "GlobalNetworkPolicy", "HostEndpoint", "Tier"]),
    (admin::GROUP, &[]),
    ("crd.antrea.io", &["NetworkPolicy", "ClusterNetworkPolicy"]),
    ("k8s.ovn.org", &["EgressFirewall", "AdminPolicyBasedExternalRoute"]),
    ("security.istio.io", &["AuthorizationPolicy", "PeerAuthentication"]),
    ("policy.linkerd.io", &["AuthorizationPolicy", "ServerAuthorization"]),
];

impl Lift {
    /// Reads one document; `item_of` is the (apiVersion, kind) that an item of a typed list has when it states none.
    fn document(&mut self, value: &Value, item_of: Option<(&str, &str)>) {
        let stated = |field: &str| value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (default_version, default_kind) = item_of.unwrap_or_default();
        let api_version = stated("apiVersion").unwrap_or(default_version);
        let kind = stated("kind").unwrap_or(default_kind);

        if let Some(of) = kind.strip_suffix("List")
            && let Some(items) = value.get("items").and_then(Value::as_array)
        {
            for item in items {
                self.document(item, Some((api_version, of)));
            }
            return;
        }

        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let metadata = value.get("metadata");
        let at = |field: &str| metadata.and_then(|m| m.get(field)).and_then(Value::as_str).unwrap_or_default();
        let known = KINDS.iter().find(|(g, k, ..)| *g == group && *k == kind).or_else(|| custom(group, kind, value));
        let stated_namespace = Some(at("namespace")).filter(|namespace| !namespace.is_empty());
        let namespace = match known {
            Some((_, _, true, _)) => Some(stated_namespace.unwrap_or("default")),
            Some((_, _, false, _)) => None,
            None => stated_namespace,
        };
        let key = ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: at("name").to_owned(),
        };
        if let Some(namespace) = namespace {
            self.meet(namespace);
        }
        match known {
            Some(_) if key.name.is_empty() => self.problem(&key, "metadata.name is missing".to_owned()),
            Some((.., read)) => {
                if let Err(message) = read(self, &key, value) {
                    self.problem(&key, message);
                }
            }
            None if is_opaque(group, kind) => self.cluster.opaque.push(key),
            None => {}
        }
    }

    fn problem(&mut self, object: &ObjectKey, message: String) {
        self.problems.push(LiftProblem { object: object.clone(), message });
    }
}

/// How a custom resource that makes pods is read. One that leaves its template to another object says nothing of its own.
fn custom(group: &str, kind: &str, value: &Value) -> Option<&'static (&'static str, &'static str, bool, Reader)> {
    const TEMPLATED: &(&str, &str, bool, Reader) = &("", "", true, workload::templated);
    let known = CUSTOM_WORKLOADS.iter().any(|row| row.templated && row.group == group && row.kind == kind);
    (known && value.pointer("/spec/template/spec").is_some()).then_some(TEMPLATED)
}

fn is_opaque(group: &str, kind: &str) -> bool {
    OPAQUE.iter().any(|(g, kinds)| *g == group && (kinds.is_empty() || kinds.contains(&kind)))
}

fn namespace_facts(name: &str, mut labels: BTreeMap<String, String>) -> NamespaceFacts {
    labels.insert(NAMESPACE_NAME_LABEL.to_owned(), name.to_owned());
    NamespaceFacts { labels }
}

/// The label by which a node says what it runs; "Well-Known Labels" (Kubernetes documentation).
const OS: &str = "kubernetes.io/os";

fn node(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let labels = value.field("metadata")?.field("labels").map_err(under("metadata"))?;
    if labels.get(OS).and_then(Value::as_str) == Some("windows") {
        lift.cluster.windows.insert(key.name.clone());
    }
    Ok(())
}

fn namespace(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let labels = value.field("metadata")?.string_map("labels")?;
    lift.cluster.namespaces.insert(key.name.clone(), namespace_facts(&key.name, labels));
    Ok(())
}

fn service_account(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let automount_token = value.boolean("automountServiceAccountToken")?;
    lift.cluster.service_accounts.insert(name_of(key), ServiceAccountFacts { automount_token });
    Ok(())
}

/// A definition is called `PLURAL.GROUP`, which is all that a request for metadata shows.
fn definition(lift: &mut Lift, key: &ObjectKey, _: &Value) -> Read<()> {
    if let Some((plural, group)) = key.name.split_once('.') {
        lift.cluster.definitions.insert((group.to_owned(), plural.to_owned()));
    }
    Ok(())
}

/// Namespace and name of an object of a namespaced kind.
fn name_of(key: &ObjectKey) -> (String, String) {
    (key.namespace.clone().unwrap_or_default(), key.name.clone())
}

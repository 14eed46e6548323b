//! Permissions that lead further than what they name.
//!
//! "Good practices for Kubernetes RBAC" (Kubernetes documentation) names most; the rest is read off what the API server does with the
//! request.

use kspec_model::{
    cluster::Cluster,
    program::{RoleRef, RoleRule},
};
use rustc_hash::FxHashMap;

use super::state::Scope;
use crate::access::rule::{ALL, resource_matches};

/// What a permission is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Power {
    Everything,
    CreatePods,
    CreateCustom,
    CreateVolumes,
    RewriteTemplates,
    RewritePods,
    Exec,
    Attach,
    ExecByGet,
    AttachByGet,
    AddContainers,
    Kubelet,
    IssueTokens,
    ImpersonateAccounts,
    ImpersonateUsers,
    ImpersonateGroups,
    ReadSecrets,
    CreateSecrets,
    RewriteSecrets,
    CreateBindings,
    CreateClusterBindings,
    RewriteBindings,
    RewriteClusterBindings,
    BindRoles,
    BindClusterRoles,
    CreateRoles,
    CreateClusterRoles,
    EscalateRoles,
    EscalateClusterRoles,
    RewriteRoles,
    RewriteClusterRoles,
    CreateRequests,
    ApproveRequests,
    ApproveForSigner,
    ApprovedAsNode,
    CreateMutators,
    RewriteMutators,
    CreateObservers,
    RewriteObservers,
    CreateMutatingPolicies,
    BindMutatingPolicies,
    RewriteMutatingPolicies,
    LabelNamespaces,
    CreateNamespaces,
    RewriteNodes,
    RewriteDefinitions,
    ReadPodLogs,
    ReadNodeLogs,
    Forward,
    ForwardByGet,
    ProxyPods,
    ProxyServices,
    RewriteServices,
    CreateEndpoints,
    RewriteEndpoints,
    TakePolicies,
    TakeBindings,
    TakeWebhooks,
    ActAsAccounts,
    ActAsUsers,
    ActAsGroups,
    ActAsNodes,
    ActAsOwnNode,
}

/// A request that gives a [`Power`]; any of the verbs will do.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Deed {
    pub(super) power: Power,
    pub(super) verbs: &'static [&'static str],
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    pub(super) subresource: &'static str,
    /// Kind of the objects.
    pub(super) kind: &'static str,
    /// Whether a RoleBinding can give it.
    pub(super) namespaced: bool,
    /// Whether the request names an object, so that a rule with resource names can allow it.
    pub(super) named: bool,
}

pub(super) const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";
const DISCOVERY: &str = "discovery.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
pub(super) const CREATE: &[&str] = &["create"];
const REWRITE: &[&str] = &["update", "patch"];
/// Changed to let everything pass, or gone.
const TAKE: &[&str] = &["update", "patch", "delete"];
/// A collection has no name.
const CLEAR: &[&str] = &["deletecollection"];
const IMPERSONATE: &[&str] = &["impersonate"];

/// How wide a deed is, and whether it names its object.
#[derive(Clone, Copy)]
enum Of {
    Namespaced(bool),
    Cluster(bool),
}
use Of::{Cluster as Wide, Namespaced as Inside};

const fn deed(
    power: Power,
    verbs: &'static [&'static str],
    group: &'static str,
    resource: (&'static str, &'static str),
    kind: &'static str,
    of: Of,
) -> Deed {
    let (namespaced, named) = match of {
        Inside(named) => (true, named),
        Wide(named) => (false, named),
    };
    Deed { power, verbs, group, resource: resource.0, subresource: resource.1, kind, namespaced, named }
}

/// Every deed that leads further.
pub(super) static DEEDS: &[Deed] = &[
    deed(Power::CreatePods, CREATE, "", ("pods", ""), "Pod", Inside(false)),
    deed(Power::CreatePods, CREATE, "", ("replicationcontrollers", ""), "ReplicationController", Inside(false)),
    deed(Power::CreatePods, CREATE, "apps", ("deployments", ""), "Deployment", Inside(false)),
    deed(Power::CreatePods, CREATE, "apps", ("replicasets", ""), "ReplicaSet", Inside(false)),
    deed(Power::CreatePods, CREATE, "apps", ("statefulsets", ""), "StatefulSet", Inside(false)),
    deed(Power::CreatePods, CREATE, "apps", ("daemonsets", ""), "DaemonSet", Inside(false)),
    deed(Power::CreatePods, CREATE, "batch", ("jobs", ""), "Job", Inside(false)),
    deed(Power::CreatePods, CREATE, "batch", ("cronjobs", ""), "CronJob", Inside(false)),
    // What a volume is of cannot change once it is made.
    deed(Power::CreateVolumes, CREATE, "", ("persistentvolumes", ""), "PersistentVolume", Wide(false)),
    // A job's template cannot change once it is made.
    deed(Power::RewriteTemplates, REWRITE, "", ("replicationcontrollers", ""), "ReplicationController", Inside(true)),
    deed(Power::RewriteTemplates, REWRITE, "apps", ("deployments", ""), "Deployment", Inside(true)),
    deed(Power::RewriteTemplates, REWRITE, "apps", ("replicasets", ""), "ReplicaSet", Inside(true)),
    deed(Power::RewriteTemplates, REWRITE, "apps", ("statefulsets", ""), "StatefulSet", Inside(true)),
    deed(Power::RewriteTemplates, REWRITE, "apps", ("daemonsets", ""), "DaemonSet", Inside(true)),
    deed(Power::RewriteTemplates, REWRITE, "batch", ("cronjobs", ""), "CronJob", Inside(true)),
    // Of a pod that runs, only the images may change.
    deed(Power::RewritePods, REWRITE, "", ("pods", ""), "Pod", Inside(true)),
    deed(Power::Exec, CREATE, "", ("pods", "exec"), "Pod", Inside(true)),
    deed(Power::Attach, CREATE, "", ("pods", "attach"), "Pod", Inside(true)),
    deed(Power::ExecByGet, &["get"], "", ("pods", "exec"), "Pod", Inside(true)),
    deed(Power::AttachByGet, &["get"], "", ("pods", "attach"), "Pod", Inside(true)),
    deed(Power::AddContainers, REWRITE, "", ("pods", "ephemeralcontainers"), "Pod", Inside(true)),
    // A WebSocket begins with GET, by which the kubelet runs commands too.
    deed(Power::Kubelet, &["create", "get"], "", ("nodes", "proxy"), "Node", Wide(true)),
    deed(Power::IssueTokens, CREATE, "", ("serviceaccounts", "token"), "ServiceAccount", Inside(true)),
    deed(Power::ImpersonateAccounts, IMPERSONATE, "", ("serviceaccounts", ""), "ServiceAccount", Inside(true)),
    deed(Power::ImpersonateUsers, IMPERSONATE, "", ("users", ""), "User", Wide(true)),
    deed(Power::ImpersonateGroups, IMPERSONATE, "", ("groups", ""), "Group", Wide(true)),
    // A list may select by name.
    deed(Power::ReadSecrets, &["get", "list", "watch"], "", ("secrets", ""), "Secret", Inside(true)),
    deed(Power::CreateSecrets, CREATE, "", ("secrets", ""), "Secret", Inside(false)),
    deed(Power::RewriteSecrets, REWRITE, "", ("secrets", ""), "Secret", Inside(true)),
    deed(Power::CreateBindings, CREATE, RBAC, ("rolebindings", ""), "RoleBinding", Inside(false)),
    deed(Power::CreateClusterBindings, CREATE, RBAC, ("clusterrolebindings", ""), "ClusterRoleBinding", Wide(false)),
    deed(Power::RewriteBindings, REWRITE, RBAC, ("rolebindings", ""), "RoleBinding", Inside(true)),
    deed(Power::RewriteClusterBindings, REWRITE, RBAC, ("clusterrolebindings", ""), "ClusterRoleBinding", Wide(true)),
    deed(Power::BindRoles, &["bind"], RBAC, ("roles", ""), "Role", Inside(true)),
    // A RoleBinding may bind a ClusterRole: then it is asked for in its namespace.
    deed(Power::BindClusterRoles, &["bind"], RBAC, ("clusterroles", ""), "ClusterRole", Inside(true)),
    deed(Power::CreateRoles, CREATE, RBAC, ("roles", ""), "Role", Inside(false)),
    deed(Power::CreateClusterRoles, CREATE, RBAC, ("clusterroles", ""), "ClusterRole", Wide(false)),
    deed(Power::EscalateRoles, &["escalate"], RBAC, ("roles", ""), "Role", Inside(true)),
    deed(Power::EscalateClusterRoles, &["escalate"], RBAC, ("clusterroles", ""), "ClusterRole", Wide(true)),
    deed(Power::RewriteRoles, REWRITE, RBAC, ("roles", ""), "Role", Inside(true)),
    deed(Power::RewriteClusterRoles, REWRITE, RBAC, ("clusterroles", ""), "ClusterRole", Wide(true)),
    deed(
        Power::CreateRequests,
        CREATE,
        CERTIFICATES,
        ("certificatesigningrequests", ""),
        "CertificateSigningRequest",
        Wide(false),
    ),
    deed(
        Power::ApproveRequests,
        REWRITE,
        CERTIFICATES,
        ("certificatesigningrequests", "approval"),
        "CertificateSigningRequest",
        Wide(true),
    ),
    // The control plane approves what a node asks for of whoever may this (`pkg/controller/certificates/approver`).
    deed(
        Power::ApprovedAsNode,
        CREATE,
        CERTIFICATES,
        ("certificatesigningrequests", "nodeclient"),
        "CertificateSigningRequest",
        Wide(false),
    ),
    deed(Power::ApproveForSigner, &["approve"], CERTIFICATES, ("signers", ""), "signer", Wide(true)),
    deed(
        Power::CreateMutators,
        CREATE,
        ADMISSION,
        ("mutatingwebhookconfigurations", ""),
        "MutatingWebhookConfiguration",
        Wide(false),
    ),
    deed(
        Power::RewriteMutators,
        REWRITE,
        ADMISSION,
        ("mutatingwebhookconfigurations", ""),
        "MutatingWebhookConfiguration",
        Wide(true),
    ),
    deed(
        Power::CreateObservers,
        CREATE,
        ADMISSION,
        ("validatingwebhookconfigurations", ""),
        "ValidatingWebhookConfiguration",
        Wide(false),
    ),
    deed(
        Power::RewriteObservers,
        REWRITE,
        ADMISSION,
        ("validatingwebhookconfigurations", ""),
        "ValidatingWebhookConfiguration",
        Wide(true),
    ),
    deed(
        Power::TakePolicies,
        TAKE,
        ADMISSION,
        ("validatingadmissionpolicies", ""),
        "ValidatingAdmissionPolicy",
        Wide(true),
    ),
    deed(
        Power::TakePolicies,
        CLEAR,
        ADMISSION,
        ("validatingadmissionpolicies", ""),
        "ValidatingAdmissionPolicy",
        Wide(false),
    ),
    deed(
        Power::TakeBindings,
        TAKE,
        ADMISSION,
        ("validatingadmissionpolicybindings", ""),
        "ValidatingAdmissionPolicyBinding",
        Wide(true),
    ),
    deed(
        Power::TakeBindings,
        CLEAR,
        ADMISSION,
        ("validatingadmissionpolicybindings", ""),
        "ValidatingAdmissionPolicyBinding",
        Wide(false),
    ),
    deed(
        Power::TakeWebhooks,
        TAKE,
        ADMISSION,
        ("validatingwebhookconfigurations", ""),
        "ValidatingWebhookConfiguration",
        Wide(true),
    ),
    deed(
        Power::TakeWebhooks,
        CLEAR,
        ADMISSION,
        ("validatingwebhookconfigurations", ""),
        "ValidatingWebhookConfiguration",
        Wide(false),
    ),
    deed(
        Power::CreateMutatingPolicies,
        CREATE,
        ADMISSION,
        ("mutatingadmissionpolicies", ""),
        "MutatingAdmissionPolicy",
        Wide(false),
    ),
    deed(
        Power::BindMutatingPolicies,
        CREATE,
        ADMISSION,
        ("mutatingadmissionpolicybindings", ""),
        "MutatingAdmissionPolicyBinding",
        Wide(false),
    ),
    deed(
        Power::RewriteMutatingPolicies,
        REWRITE,
        ADMISSION,
        ("mutatingadmissionpolicies", ""),
        "MutatingAdmissionPolicy",
        Wide(true),
    ),
    // The server takes a namespace's own name for the request's namespace, so that a RoleBinding there can allow it.
    deed(Power::LabelNamespaces, REWRITE, "", ("namespaces", ""), "Namespace", Inside(true)),
    // Subresources keep the spec or the status as it was, and take labels (`pkg/registry/core/namespace/strategy.go`); `finalize` takes
    // no patch.
    deed(Power::LabelNamespaces, REWRITE, "", ("namespaces", "status"), "Namespace", Inside(true)),
    deed(Power::LabelNamespaces, &["update"], "", ("namespaces", "finalize"), "Namespace", Inside(true)),
    deed(Power::CreateNamespaces, CREATE, "", ("namespaces", ""), "Namespace", Wide(false)),
    // The status subresource takes labels, and capacities by which the scheduler passes a node by.
    deed(Power::RewriteNodes, REWRITE, "", ("nodes", ""), "Node", Wide(true)),
    deed(Power::RewriteNodes, REWRITE, "", ("nodes", "status"), "Node", Wide(true)),
    deed(
        Power::RewriteDefinitions,
        REWRITE,
        "apiextensions.k8s.io",
        ("customresourcedefinitions", ""),
        "CustomResourceDefinition",
        Wide(true),
    ),
    deed(Power::ReadPodLogs, &["get"], "", ("pods", "log"), "Pod", Inside(true)),
    // What the kubelet asks for its own `/logs/` (`pkg/kubelet/server/auth.go`).
    deed(Power::ReadNodeLogs, &["get"], "", ("nodes", "log"), "Node", Wide(true)),
    deed(Power::ReadNodeLogs, &["get"], "", ("nodes", "proxy"), "Node", Wide(true)),
    deed(Power::Forward, CREATE, "", ("pods", "portforward"), "Pod", Inside(true)),
    deed(Power::ForwardByGet, &["get"], "", ("pods", "portforward"), "Pod", Inside(true)),
    deed(Power::ProxyPods, &["get", "create"], "", ("pods", "proxy"), "Pod", Inside(true)),
    deed(Power::ProxyServices, &["get", "create"], "", ("services", "proxy"), "Service", Inside(true)),
    deed(Power::RewriteServices, REWRITE, "", ("services", ""), "Service", Inside(true)),
    deed(Power::CreateEndpoints, CREATE, DISCOVERY, ("endpointslices", ""), "EndpointSlice", Inside(false)),
    deed(Power::RewriteEndpoints, REWRITE, DISCOVERY, ("endpointslices", ""), "EndpointSlice", Inside(true)),
    // Of the same name as their service.
    deed(Power::RewriteEndpoints, REWRITE, "", ("endpoints", ""), "Endpoints", Inside(true)),
    deed(
        Power::ActAsAccounts,
        &["impersonate:serviceaccount"],
        AUTHENTICATION,
        ("serviceaccounts", ""),
        "ServiceAccount",
        Inside(true),
    ),
    deed(Power::ActAsUsers, &["impersonate:user-info"], AUTHENTICATION, ("users", ""), "User", Wide(true)),
    deed(Power::ActAsGroups, &["impersonate:user-info"], AUTHENTICATION, ("groups", ""), "Group", Wide(true)),
    deed(Power::ActAsNodes, &["impersonate:arbitrary-node"], AUTHENTICATION, ("nodes", ""), "Node", Wide(true)),
    deed(Power::ActAsOwnNode, &["impersonate:associated-node"], AUTHENTICATION, ("nodes", ""), "Node", Wide(true)),
    custom("apps.kruise.io", "clonesets", "CloneSet"),
    custom("apps.kruise.io", "daemonsets", "DaemonSet"),
    custom("apps.kruise.io", "statefulsets", "StatefulSet"),
    custom("apps.openshift.io", "deploymentconfigs", "DeploymentConfig"),
    custom("argoproj.io", "cronworkflows", "CronWorkflow"),
    custom("argoproj.io", "rollouts", "Rollout"),
    custom("argoproj.io", "workflows", "Workflow"),
    custom("batch.volcano.sh", "jobs", "Job"),
    custom("flink.apache.org", "flinkdeployments", "FlinkDeployment"),
    custom("kubeflow.org", "mpijobs", "MPIJob"),
    custom("kubeflow.org", "notebooks", "Notebook"),
    custom("kubeflow.org", "pytorchjobs", "PyTorchJob"),
    custom("kubeflow.org", "tfjobs", "TFJob"),
    custom("monitoring.coreos.com", "alertmanagers", "Alertmanager"),
    custom("monitoring.coreos.com", "prometheuses", "Prometheus"),
    custom("ray.io", "rayclusters", "RayCluster"),
    custom("serving.knative.dev", "configurations", "Configuration"),
    custom("serving.knative.dev", "services", "Service"),
    custom("sparkoperator.k8s.io", "sparkapplications", "SparkApplication"),
    custom("tekton.dev", "pipelineruns", "PipelineRun"),
    custom("tekton.dev", "taskruns", "TaskRun"),
    rewritten("apps.kruise.io", "clonesets", "CloneSet"),
    rewritten("apps.kruise.io", "daemonsets", "DaemonSet"),
    rewritten("apps.kruise.io", "statefulsets", "StatefulSet"),
    rewritten("apps.openshift.io", "deploymentconfigs", "DeploymentConfig"),
    rewritten("argoproj.io", "rollouts", "Rollout"),
    rewritten("serving.knative.dev", "configurations", "Configuration"),
    rewritten("serving.knative.dev", "services", "Service"),
];

/// Creating a custom resource whose controller makes pods of it (`kspec_model::cluster::CUSTOM_WORKLOADS`).
const fn custom(group: &'static str, plural: &'static str, kind: &'static str) -> Deed {
    deed(Power::CreateCustom, CREATE, group, (plural, ""), kind, Inside(false))
}

/// Rewriting one that is read as a Deployment is.
const fn rewritten(group: &'static str, plural: &'static str, kind: &'static str) -> Deed {
    deed(Power::RewriteTemplates, REWRITE, group, (plural, ""), kind, Inside(true))
}

/// Everything at once; not among [`DEEDS`], since no single request asks for it.
pub(super) static EVERYTHING: Deed = deed(Power::Everything, &[ALL], ALL, (ALL, ""), "", Wide(false));

/// Under whose name constrained impersonation sends a request: the part of `impersonate-on:MODE:VERB` in the middle
/// (`staging/src/k8s.io/apiserver/pkg/endpoints/filters/impersonation/mode.go`, KEP-5284).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Account,
    User,
    Node,
    OwnNode,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Account, Self::User, Self::Node, Self::OwnNode];

    fn word(self) -> &'static str {
        match self {
            Self::Account => "serviceaccount",
            Self::User => "user-info",
            Self::Node => "arbitrary-node",
            Self::OwnNode => "associated-node",
        }
    }
}

/// A deed that someone may do under another's name, if the other may.
#[derive(Debug, Clone, Copy)]
pub(super) struct LentPower<'a> {
    pub(super) mode: Mode,
    pub(super) power: RulePower<'a>,
}

/// The deeds that the verbs `impersonate-on:…` of every role let someone do under another's name.
pub(super) fn lent_by_role(cluster: &Cluster) -> FxHashMap<&RoleRef, Vec<LentPower<'_>>> {
    const PREFIX: &str = "impersonate-on:";
    let lends = |rule: &&RoleRule| rule.verbs.iter().any(|verb| verb.starts_with(PREFIX));
    let of_rule = |rule| {
        let allowed = move |mode: Mode, deed: &Deed| {
            let verb = |verb: &&str| format!("{PREFIX}{}:{verb}", mode.word());
            deed.verbs.iter().any(|v| rule_says(rule, &verb(v))) && deed.is_about(rule)
        };
        Mode::ALL.into_iter().flat_map(move |mode| {
            let deeds = DEEDS.iter().filter(move |deed| allowed(mode, deed));
            deeds.map(move |deed| LentPower { mode, power: RulePower { deed, rule } })
        })
    };
    let of_role = |facts: &'_ kspec_model::cluster::RoleFacts| -> bool { facts.rules.iter().any(|rule| lends(&rule)) };
    let roles = cluster.roles.iter().filter(|(_, facts)| of_role(facts));
    roles.map(|(role, facts)| (role, facts.rules.iter().filter(lends).flat_map(of_rule).collect())).collect()
}

fn rule_says(rule: &RoleRule, verb: &str) -> bool {
    rule.verbs.iter().any(|known| known == verb)
}

impl Deed {
    /// Whether a rule allows it, on some object at least.
    fn allowed_by(&self, rule: &RoleRule) -> bool {
        rule.verbs.iter().any(|verb| verb == ALL || self.verbs.contains(&verb.as_str())) && self.is_about(rule)
    }

    /// Whether a rule is about what it is done to.
    fn is_about(&self, rule: &RoleRule) -> bool {
        self.is_of_kind(rule) && (self.named || rule.resource_names.is_empty())
    }

    /// Whether a rule is about objects of the kind, some at least.
    pub(super) fn is_of_kind(&self, rule: &RoleRule) -> bool {
        rule.api_groups.iter().any(|group| group == ALL || group == self.group)
            && rule.resources.iter().any(|resource| resource_matches(resource, self.resource, self.subresource))
    }
}

/// A rule's dangerous half: what it allows of [`DEEDS`].
#[derive(Debug, Clone, Copy)]
pub(super) struct RulePower<'a> {
    pub(super) deed: &'static Deed,
    pub(super) rule: &'a RoleRule,
}

impl RulePower<'_> {
    /// Whether it still holds when the role is bound in a scope.
    pub(super) fn holds_in(&self, scope: Scope<'_>) -> bool {
        self.deed.namespaced || scope == Scope::Cluster
    }
}

/// The powers of every role, each looked at once; rules that differ in the names of objects alone, or in nothing, together.
pub(super) fn by_role<'c>(cluster: &'c Cluster) -> FxHashMap<&'c RoleRef, Vec<RulePower<'c>>> {
    let mut known = FxHashMap::default();
    let mut of_rules = |rules: &'c [RoleRule]| {
        let mut powers = Vec::new();
        for rule in rules {
            let RoleRule { verbs, api_groups, resources, resource_names, .. } = rule;
            let deeds = known
                .entry((verbs, api_groups, resources, resource_names.is_empty()))
                .or_insert_with(|| deeds_of(rule));
            powers.extend(deeds.iter().map(|deed| RulePower { deed, rule }));
        }
        powers
    };
    cluster.roles.iter().map(|(role, facts)| (role, of_rules(&facts.rules))).collect()
}

fn deeds_of(rule: &RoleRule) -> Vec<&'static Deed> {
    let all = |words: &[String]| words.iter().any(|word| word == ALL);
    if all(&rule.verbs) && all(&rule.api_groups) && all(&rule.resources) && rule.resource_names.is_empty() {
        return [&EVERYTHING].into_iter().chain(DEEDS).collect();
    }
    DEEDS.iter().filter(|deed| deed.allowed_by(rule)).collect()
}

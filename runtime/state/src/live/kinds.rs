//! What is read of a cluster whatever the program says: everything that bears on access, connectivity and admission.

/// How much of an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// All of it.
    Whole,
    /// Name, labels and annotations, by a metadata-only request: the rest never leaves the server.
    Metadata,
}

/// A kind that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) kind: &'static str,
    pub(super) depth: Depth,
}

const fn whole(group: &'static str, kind: &'static str) -> Kind {
    Kind { group, kind, depth: Depth::Whole }
}

const fn metadata(group: &'static str, kind: &'static str) -> Kind {
    Kind { group, kind, depth: Depth::Metadata }
}

/// Read wherever the server serves them. Secrets are not here: whoever reads their names by `list` may read their contents,
/// and a plan must not ask for that right.
pub(super) const SECURITY_KINDS: &[Kind] = &[
    whole("", "Namespace"),
    whole("", "ServiceAccount"),
    whole("", "Pod"),
    whole("", "Service"),
    whole("", "ResourceQuota"),
    whole("", "LimitRange"),
    whole("", "ReplicationController"),
    whole("", "Node"),
    whole("", "PersistentVolume"),
    whole("", "PersistentVolumeClaim"),
    whole("apps", "Deployment"),
    whole("apps", "StatefulSet"),
    whole("apps", "DaemonSet"),
    whole("apps", "ReplicaSet"),
    whole("batch", "Job"),
    whole("batch", "CronJob"),
    whole("apps.kruise.io", "CloneSet"),
    whole("apps.kruise.io", "DaemonSet"),
    whole("apps.kruise.io", "StatefulSet"),
    whole("apps.openshift.io", "DeploymentConfig"),
    whole("argoproj.io", "Rollout"),
    whole("serving.knative.dev", "Configuration"),
    whole("serving.knative.dev", "Service"),
    whole("rbac.authorization.k8s.io", "Role"),
    whole("rbac.authorization.k8s.io", "ClusterRole"),
    whole("rbac.authorization.k8s.io", "RoleBinding"),
    whole("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    whole("networking.k8s.io", "NetworkPolicy"),
    whole("networking.k8s.io", "Ingress"),
    whole("gateway.networking.k8s.io", "Gateway"),
    whole("gateway.networking.k8s.io", "GRPCRoute"),
    whole("gateway.networking.k8s.io", "HTTPRoute"),
    whole("gateway.networking.k8s.io", "ReferenceGrant"),
    whole("gateway.networking.k8s.io", "TCPRoute"),
    whole("gateway.networking.k8s.io", "TLSRoute"),
    whole("gateway.networking.k8s.io", "UDPRoute"),
    whole("policy.networking.k8s.io", "AdminNetworkPolicy"),
    whole("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
    whole("policy.networking.k8s.io", "ClusterNetworkPolicy"),
    // Kinds that restrict or steer traffic and are not evaluated: that they are there is what counts.
    whole("projectcalico.org", "NetworkPolicy"),
    whole("projectcalico.org", "GlobalNetworkPolicy"),
    whole("projectcalico.org", "StagedNetworkPolicy"),
    whole("projectcalico.org", "HostEndpoint"),
    whole("projectcalico.org", "Tier"),
    whole("crd.projectcalico.org", "NetworkPolicy"),
    whole("crd.projectcalico.org", "GlobalNetworkPolicy"),
    whole("crd.projectcalico.org", "HostEndpoint"),
    whole("crd.projectcalico.org", "Tier"),
    whole("cilium.io", "CiliumNetworkPolicy"),
    whole("cilium.io", "CiliumClusterwideNetworkPolicy"),
    whole("cilium.io", "CiliumLocalRedirectPolicy"),
    whole("cilium.io", "CiliumEgressGatewayPolicy"),
    whole("crd.antrea.io", "NetworkPolicy"),
    whole("crd.antrea.io", "ClusterNetworkPolicy"),
    whole("k8s.ovn.org", "EgressFirewall"),
    whole("k8s.ovn.org", "AdminPolicyBasedExternalRoute"),
    whole("security.istio.io", "AuthorizationPolicy"),
    whole("security.istio.io", "PeerAuthentication"),
    whole("policy.linkerd.io", "AuthorizationPolicy"),
    whole("policy.linkerd.io", "ServerAuthorization"),
    whole("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    whole("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    whole("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    whole("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    whole("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    whole("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    metadata("apiextensions.k8s.io", "CustomResourceDefinition"),
];

//! How far objects of kinds that are not evaluated reach.

use kspec_model::ObjectKey;

/// Kinds whose objects are about the pods of their own namespace alone: API group, kind. All others may be about any pod;
/// Istio's are among those, for what stands in its root namespace holds for the whole mesh, and which one that is is not in
/// the objects.
const OF_THEIR_NAMESPACE: &[(&str, &str)] = &[
    ("cilium.io", "CiliumNetworkPolicy"),
    ("projectcalico.org", "NetworkPolicy"),
    ("projectcalico.org", "StagedNetworkPolicy"),
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("crd.antrea.io", "NetworkPolicy"),
    ("k8s.ovn.org", "EgressFirewall"),
    ("policy.linkerd.io", "AuthorizationPolicy"),
    ("policy.linkerd.io", "ServerAuthorization"),
];

/// The namespace of which an object concerns the pods; none: any pod.
pub(super) fn scope(object: &ObjectKey) -> Option<&str> {
    let scoped = OF_THEIR_NAMESPACE.iter().any(|(group, kind)| *group == object.group && *kind == object.kind);
    object.namespace.as_deref().filter(|_| scoped)
}

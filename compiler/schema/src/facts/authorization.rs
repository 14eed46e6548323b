//! What roles may speak of that discovery does not list.

use super::Span;
use crate::version::KubeVersion;

/// A verb that authorization knows and that no resource is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthorizationVerb {
    /// `bind`; ends with `:` where a verb follows (`impersonate-on:user-info:get`).
    pub verb: &'static str,
    /// API group of the resource it is checked on.
    pub group: &'static str,
    /// Resource that it is checked on; `*` for any.
    pub resource: &'static str,
    span: Span,
}

const fn verb(verb: &'static str, group: &'static str, resource: &'static str) -> AuthorizationVerb {
    AuthorizationVerb { verb, group, resource, span: Span::ALWAYS }
}

/// Constrained impersonation is on from 1.36. Source: `apiserver/pkg/endpoints/filters/impersonation/mode.go` and
/// `apiserver/pkg/features/kube_features.go` (`ConstrainedImpersonation`).
const fn constrained(verb: &'static str, group: &'static str, resource: &'static str) -> AuthorizationVerb {
    AuthorizationVerb { verb, group, resource, span: Span::since(KubeVersion::V1_36) }
}

/// A part of a claim's status is written by those who may this, from 1.36. Source:
/// `kubernetes/pkg/registry/resource/utils.go`.
const fn claim_driver(verb: &'static str) -> AuthorizationVerb {
    let span = Span::since(KubeVersion::V1_36);
    AuthorizationVerb { verb, group: "resource.k8s.io", resource: "resourceclaims/driver", span }
}

/// Sources: `kubernetes/pkg/registry/rbac/*/policybased/storage.go` (`bind`, `escalate`),
/// `apiserver/pkg/endpoints/filters/impersonation` (`impersonate`), `kubernetes/plugin/pkg/admission/certificates`
/// (`approve`, `sign`, `attest`).
const VERBS: &[AuthorizationVerb] = &[
    claim_driver("arbitrary-node:"),
    claim_driver("associated-node:"),
    verb("approve", "certificates.k8s.io", "signers"),
    verb("attest", "certificates.k8s.io", "signers"),
    verb("bind", "rbac.authorization.k8s.io", "clusterroles"),
    verb("bind", "rbac.authorization.k8s.io", "roles"),
    verb("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    verb("escalate", "rbac.authorization.k8s.io", "roles"),
    verb("impersonate", "", "groups"),
    verb("impersonate", "", "serviceaccounts"),
    verb("impersonate", "", "users"),
    verb("impersonate", "authentication.k8s.io", "uids"),
    verb("impersonate", "authentication.k8s.io", "userextras"),
    constrained("impersonate:arbitrary-node", "authentication.k8s.io", "nodes"),
    constrained("impersonate:associated-node", "authentication.k8s.io", "nodes"),
    constrained("impersonate:serviceaccount", "authentication.k8s.io", "serviceaccounts"),
    constrained("impersonate:user-info", "authentication.k8s.io", "groups"),
    constrained("impersonate:user-info", "authentication.k8s.io", "uids"),
    constrained("impersonate:user-info", "authentication.k8s.io", "userextras"),
    constrained("impersonate:user-info", "authentication.k8s.io", "users"),
    constrained("impersonate-on:arbitrary-node:", "*", "*"),
    constrained("impersonate-on:associated-node:", "*", "*"),
    constrained("impersonate-on:serviceaccount:", "*", "*"),
    constrained("impersonate-on:user-info:", "*", "*"),
    verb("sign", "certificates.k8s.io", "signers"),
];

/// The verbs that only authorization knows, and what each is checked on.
pub fn authorization_verbs(version: KubeVersion) -> impl Iterator<Item = &'static AuthorizationVerb> {
    VERBS.iter().filter(move |row| row.span.holds(version))
}

/// A resource that authorization knows and that has no objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VirtualResource {
    /// API group.
    pub group: &'static str,
    /// Its name, as a plural.
    pub resource: &'static str,
    /// Which subresources it may have.
    pub subresources: Subresources,
    span: Span,
}

/// Which subresources a virtual resource has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subresources {
    /// None.
    None,
    /// Any: `userextras/scopes` names the extra field.
    Any,
}

const fn resource(group: &'static str, resource: &'static str) -> VirtualResource {
    VirtualResource { group, resource, subresources: Subresources::None, span: Span::ALWAYS }
}

const fn since_1_36(group: &'static str, resource: &'static str) -> VirtualResource {
    VirtualResource { group, resource, subresources: Subresources::None, span: Span::since(KubeVersion::V1_36) }
}

const RESOURCES: &[VirtualResource] = &[
    resource("", "groups"),
    resource("", "users"),
    since_1_36("authentication.k8s.io", "groups"),
    since_1_36("authentication.k8s.io", "nodes"),
    since_1_36("authentication.k8s.io", "serviceaccounts"),
    resource("authentication.k8s.io", "uids"),
    VirtualResource {
        group: "authentication.k8s.io",
        resource: "userextras",
        subresources: Subresources::Any,
        span: Span::ALWAYS,
    },
    since_1_36("authentication.k8s.io", "users"),
    resource("certificates.k8s.io", "signers"),
];

/// The resources that only authorization knows.
pub fn virtual_resources(version: KubeVersion) -> impl Iterator<Item = &'static VirtualResource> {
    RESOURCES.iter().filter(move |row| row.span.holds(version))
}

/// Subresources of real resources that authorization knows and discovery does not list. Sources:
/// `kubernetes/pkg/kubelet/server/auth.go` (`nodes`),
/// `kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go` (`restricted`),
/// `kubernetes/pkg/controller/certificates/approver` (`nodeclient`, `selfnodeclient`),
/// `kubernetes/pkg/registry/resource/utils.go` (`binding`, `driver`).
const SUBRESOURCES: &[(&str, &str, &str, Span)] = &[
    ("", "endpoints", "restricted", Span::ALWAYS),
    ("", "nodes", "checkpoint", Span::ALWAYS),
    ("", "nodes", "configz", Span::ALWAYS),
    ("", "nodes", "healthz", Span::ALWAYS),
    ("", "nodes", "log", Span::ALWAYS),
    ("", "nodes", "metrics", Span::ALWAYS),
    ("", "nodes", "pods", Span::ALWAYS),
    ("", "nodes", "stats", Span::ALWAYS),
    ("", "nodes", "statusz", Span::ALWAYS),
    ("certificates.k8s.io", "certificatesigningrequests", "nodeclient", Span::ALWAYS),
    ("certificates.k8s.io", "certificatesigningrequests", "selfnodeclient", Span::ALWAYS),
    ("resource.k8s.io", "resourceclaims", "binding", Span::since(KubeVersion::V1_36)),
    ("resource.k8s.io", "resourceclaims", "driver", Span::since(KubeVersion::V1_36)),
];

/// The subresources of a resource that only authorization knows. Every resource has `finalizers`: who may set an owner
/// that blocks deletion is asked for `update` on it (`kubernetes/plugin/pkg/admission/gc`).
pub fn virtual_subresources(
    version: KubeVersion,
    group: &str,
    resource: &str,
) -> impl Iterator<Item = &'static str> + use<> {
    let rows: Vec<&'static str> = SUBRESOURCES
        .iter()
        .filter(|(row_group, row_resource, _, span)| {
            *row_group == group && *row_resource == resource && span.holds(version)
        })
        .map(|(_, _, name, _)| *name)
        .collect();
    rows.into_iter().chain(std::iter::once("finalizers"))
}

/// The verbs that a client needs for `exec`, `attach` or `portforward` over WebSocket. Source:
/// `kubernetes/pkg/features/kube_features.go` (`AuthorizePodWebsocketUpgradeCreatePermission`).
#[must_use]
pub fn connect_verbs(version: KubeVersion) -> &'static [&'static str] {
    if version >= KubeVersion::V1_35 { &["create", "get"] } else { &["get"] }
}

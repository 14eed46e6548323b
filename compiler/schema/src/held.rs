//! What the API server checks of an object in code, on top of its schema: names, labels, selectors, ports, hosts and paths, RBAC.
//!
//! Only checks that refuse whatever else is in the cluster are here, and only those of kinds that access and connectivity
//! depend on. Read in the validation packages of Kubernetes 1.33 to 1.36 (`pkg/apis/*/validation`, `k8s.io/apimachinery`).

mod ingress;
mod ports;
mod probes;
mod rbac;
mod selectors;
mod text;

use serde_json::Value;

use self::text::Name;
use crate::schema::{Schema, split_api_version};
use crate::version::KubeVersion;

/// A check of an object, which adds what is wrong.
type Check = fn(&Value, &mut Vec<String>);

/// A kind, how it wants its name, and what else is checked of it.
struct Row {
    group: &'static str,
    kinds: &'static [&'static str],
    name: Name,
    checks: &'static [Check],
}

const fn row(group: &'static str, kinds: &'static [&'static str], name: Name, checks: &'static [Check]) -> Row {
    Row { group, kinds, name, checks }
}

const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// `ValidateObjectMeta` of each kind's validation takes the name's form. What is defined by a CustomResourceDefinition has a DNS
/// subdomain (`apiextensions-apiserver/pkg/registry/customresource/validator.go`).
const KINDS: &[Row] = &[
    row("", &["Namespace"], Name::Label, &[]),
    row("", &["Pod"], Name::Subdomain, &[ports::pod]),
    row(
        "",
        &["ReplicationController"],
        Name::Subdomain,
        &[selectors::replication, selectors::template, ports::template],
    ),
    row("", &["Service"], Name::Service, &[selectors::service, ports::service]),
    row(
        "",
        &[
            "ConfigMap",
            "LimitRange",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "ResourceQuota",
            "Secret",
            "ServiceAccount",
        ],
        Name::Subdomain,
        &[],
    ),
    row(
        ADMISSION,
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
        Name::Subdomain,
        &[],
    ),
    row(
        "apps",
        &["DaemonSet", "Deployment", "ReplicaSet"],
        Name::Subdomain,
        &[selectors::controller, selectors::selects_own, selectors::template, ports::template],
    ),
    row(
        "apps",
        &["StatefulSet"],
        Name::Label,
        &[selectors::controller, selectors::selects_own, selectors::template, ports::template],
    ),
    row("batch", &["CronJob"], Name::CronJob, &[selectors::jobs, ports::jobs]),
    row(
        "batch",
        &["Job"],
        Name::Subdomain,
        &[selectors::job, selectors::controller, selectors::template, ports::template],
    ),
    row(
        "gateway.networking.k8s.io",
        &["Gateway", "GRPCRoute", "HTTPRoute", "ReferenceGrant", "TCPRoute", "TLSRoute", "UDPRoute"],
        Name::Subdomain,
        &[],
    ),
    row("networking.k8s.io", &["Ingress"], Name::Subdomain, &[ingress::ingress]),
    row("networking.k8s.io", &["NetworkPolicy"], Name::Subdomain, &[selectors::network_policy, ports::network_policy]),
    row("policy.networking.k8s.io", &["AdminNetworkPolicy", "ClusterNetworkPolicy"], Name::Subdomain, &[]),
    // A rule of its CRD: there is one.
    row("policy.networking.k8s.io", &["BaselineAdminNetworkPolicy"], Name::Default, &[]),
    row(RBAC, &["ClusterRole", "Role"], Name::PathSegment, &[rbac::rules, rbac::aggregation]),
    row(RBAC, &["ClusterRoleBinding", "RoleBinding"], Name::PathSegment, &[rbac::binding]),
];

impl Schema {
    /// Why the API server would refuse an object whose fields have the right types: each reason begins with the field. Kinds that
    /// are not looked at have none.
    #[must_use]
    pub fn refusals(&self, object: &Value) -> Vec<String> {
        let stated = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let (group, _) = split_api_version(stated("apiVersion"));
        let kind = stated("kind");
        let Some(row) = KINDS.iter().find(|row| row.group == group && row.kinds.contains(&kind)) else {
            return Vec::new();
        };
        let mut told = Vec::new();
        metadata(object, row.name, self.version(), &mut told);
        for check in row.checks {
            check(object, &mut told);
        }
        told
    }
}

/// `ValidateObjectMeta`: a name that is generated is not there yet.
fn metadata(object: &Value, name: Name, version: KubeVersion, told: &mut Vec<String>) {
    let at = |field: &str| object.pointer(&format!("/metadata/{field}"));
    let stated = |field: &str| at(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(text) = stated("name")
        && let Some(wanted) = name.refuses(text, version)
    {
        told.push(format!("metadata.name is `{text}`, {wanted}"));
    }
    if let Some(text) = stated("namespace")
        && let Some(wanted) = Name::Label.refuses(text, version)
    {
        told.push(format!("metadata.namespace is `{text}`, {wanted}"));
    }
    selectors::labels(at("labels"), "metadata.labels", told);
    for key in at("annotations").and_then(Value::as_object).into_iter().flat_map(|map| map.keys()) {
        // Case does not matter in these.
        if let Some(wanted) = text::no_label_key(&key.to_lowercase()) {
            told.push(format!("metadata.annotations has the key `{key}`, {wanted}"));
        }
    }
}

/// Items of a list; of what is no list, none.
fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A field's text; empty where it has none.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

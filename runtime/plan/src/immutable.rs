//! Fields that Kubernetes never lets change, by kind.
//!
//! Where nothing is lost by it, the object is deleted and made anew; everywhere else the plan refuses, since an apply that
//! finds out at that object has done half of its work. Source: `ValidateXUpdate` in `kubernetes/pkg/apis/*/validation`; the
//! tests hold each row against a running server.

use kspec_model::Object;
use serde_json::Value;

use crate::diff::FieldChange;

/// What can be done about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// The object holds nothing that a new one would not: it is replaced.
    Replace,
    /// The object holds data, or others hold on to it: a person decides.
    Refuse,
}

/// Which changes of a field count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Every one.
    Every,
    /// From one value to another: the server, or a controller, fills the field in and lets the program be silent of it.
    BetweenValues,
}

struct Row {
    group: &'static str,
    kind: &'static str,
    remedy: Remedy,
    counts: Counts,
    /// Whether an object is so that its fields are immutable.
    when: fn(&Value) -> bool,
    /// Immutable fields with all below them, list items and keys left out of the path.
    fields: &'static [&'static str],
    /// Fields below these that may change.
    except: &'static [&'static str],
}

const fn refused(group: &'static str, kind: &'static str, fields: &'static [&'static str]) -> Row {
    Row { group, kind, remedy: Remedy::Refuse, counts: Counts::Every, when: always, fields, except: &[] }
}

const fn filled_in(group: &'static str, kind: &'static str, fields: &'static [&'static str]) -> Row {
    Row { counts: Counts::BetweenValues, ..refused(group, kind, fields) }
}

const fn replaced(group: &'static str, kind: &'static str, fields: &'static [&'static str]) -> Row {
    Row { remedy: Remedy::Replace, ..refused(group, kind, fields) }
}

const RBAC: &str = "rbac.authorization.k8s.io";

const ROWS: &[Row] = &[
    replaced(RBAC, "RoleBinding", &["roleRef"]),
    replaced(RBAC, "ClusterRoleBinding", &["roleRef"]),
    replaced("", "ResourceQuota", &["spec.scopes"]),
    Row { when: sealed, ..refused("", "ConfigMap", &["data", "binaryData", "immutable"]) },
    Row { when: sealed, ..refused("", "Secret", &["data", "stringData", "immutable"]) },
    refused("", "Secret", &["type"]),
    Row {
        when: is_scheduled_freely,
        except: &[
            "spec.activeDeadlineSeconds",
            "spec.containers.image",
            "spec.initContainers.image",
            "spec.terminationGracePeriodSeconds",
            "spec.tolerations",
        ],
        ..refused("", "Pod", &["spec"])
    },
    filled_in("", "Service", &["spec.clusterIP"]),
    refused(
        "",
        "PersistentVolumeClaim",
        &["spec.accessModes", "spec.selector", "spec.volumeMode", "spec.dataSource", "spec.dataSourceRef"],
    ),
    filled_in("", "PersistentVolumeClaim", &["spec.storageClassName", "spec.volumeName"]),
    refused(
        "",
        "PersistentVolume",
        &["spec.csi", "spec.hostPath", "spec.iscsi", "spec.local", "spec.nfs", "spec.volumeMode"],
    ),
    refused("apps", "Deployment", &["spec.selector"]),
    refused("apps", "ReplicaSet", &["spec.selector"]),
    refused("apps", "DaemonSet", &["spec.selector"]),
    refused(
        "apps",
        "StatefulSet",
        &["spec.podManagementPolicy", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"],
    ),
    refused("apps", "ControllerRevision", &["data"]),
    refused(
        "batch",
        "Job",
        &["spec.backoffLimitPerIndex", "spec.completionMode", "spec.podFailurePolicy", "spec.successPolicy"],
    ),
    filled_in("batch", "Job", &["spec.managedBy", "spec.selector"]),
    Row { when: is_begun, ..refused("batch", "Job", &["spec.template"]) },
    Row { when: is_not_indexed, ..refused("batch", "Job", &["spec.completions"]) },
    refused("networking.k8s.io", "IngressClass", &["spec.controller"]),
    refused("discovery.k8s.io", "EndpointSlice", &["addressType"]),
    refused("node.k8s.io", "RuntimeClass", &["handler"]),
    refused("scheduling.k8s.io", "PriorityClass", &["preemptionPolicy", "value"]),
    refused("storage.k8s.io", "StorageClass", &["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]),
    refused("storage.k8s.io", "VolumeAttributesClass", &["driverName", "parameters"]),
    refused("apiextensions.k8s.io", "CustomResourceDefinition", &["spec.group", "spec.names.kind", "spec.scope"]),
];

fn always(_: &Value) -> bool {
    true
}

/// Marked `immutable: true`.
fn sealed(actual: &Value) -> bool {
    actual.get("immutable").and_then(Value::as_bool) == Some(true)
}

/// Not held back by scheduling gates, while which placement may still change.
fn is_scheduled_freely(actual: &Value) -> bool {
    actual.pointer("/spec/schedulingGates").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// Not suspended: a suspended job's template may still change in part, which is the server's to say.
fn is_begun(actual: &Value) -> bool {
    actual.pointer("/spec/suspend").and_then(Value::as_bool) != Some(true)
}

/// An indexed job may grow with its parallelism.
fn is_not_indexed(actual: &Value) -> bool {
    actual.pointer("/spec/completionMode").and_then(Value::as_str) != Some("Indexed")
}

/// What of an object's changes Kubernetes does not let be.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Whether the object is deleted and made anew.
    pub(crate) replaces: bool,
    /// Paths that change and cannot.
    pub(crate) refused: Vec<String>,
}

/// Looks at the changes of an object of this group and kind, which is there as `actual`.
pub(crate) fn verdict(group: &str, kind: &str, actual: &Value, changes: &[FieldChange]) -> Verdict {
    let mut verdict = Verdict::default();
    let rows = ROWS.iter().filter(|row| row.group == group && row.kind == kind && (row.when)(actual));
    for row in rows {
        let touched = changes.iter().filter(|change| {
            let path = without_keys(&change.path);
            let among = |fields: &[&str]| fields.iter().any(|field| is_at_or_below(&path, field));
            let counts = row.counts == Counts::Every || change.before.is_some() && change.after.is_some();
            counts && among(row.fields) && !among(row.except)
        });
        match row.remedy {
            Remedy::Replace => verdict.replaces |= touched.count() > 0,
            Remedy::Refuse => verdict.refused.extend(touched.map(|change| change.path.clone())),
        }
    }
    verdict.refused.sort();
    verdict.refused.dedup();
    verdict
}

/// Whether what the program says of an object differs from a live one in a field that replaces it.
#[must_use]
pub fn is_replaced(wanted: &Object, live: &Value) -> bool {
    ROWS.iter()
        .filter(|row| row.remedy == Remedy::Replace && row.group == wanted.group() && row.kind == wanted.kind())
        .flat_map(|row| row.fields)
        .any(|field| {
            let pointer = format!("/{}", field.replace('.', "/"));
            differs(wanted.0.pointer(&pointer), live.pointer(&pointer))
        })
}

/// Fields that are left out say nothing, a list left out is an empty one, and the order of a list means nothing.
fn differs(wanted: Option<&Value>, live: Option<&Value>) -> bool {
    let texts = |list: Option<&Value>| {
        let mut texts: Vec<String> =
            list.and_then(Value::as_array).into_iter().flatten().map(Value::to_string).collect();
        texts.sort();
        texts
    };
    match (wanted, live) {
        (Some(Value::Object(wanted)), Some(Value::Object(live))) => {
            wanted.iter().any(|(name, value)| live.get(name) != Some(value))
        }
        (None | Some(Value::Array(_)), None | Some(Value::Array(_))) => texts(wanted) != texts(live),
        (wanted, live) => wanted.is_some() && wanted != live,
    }
}

/// `spec.containers[name=c].image` as `spec.containers.image`.
fn without_keys(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let (mut inside, mut quoted) = (false, false);
    for letter in path.chars() {
        match letter {
            '"' if inside => quoted = !quoted,
            '[' if !inside => inside = true,
            ']' if inside && !quoted => inside = false,
            _ if !inside => out.push(letter),
            _ => {}
        }
    }
    out
}

fn is_at_or_below(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_without_its_keys() {
        assert_eq!(without_keys("spec.containers[name=a].image"), "spec.containers.image");
        assert_eq!(without_keys("data[\"a]b.c\"]"), "data");
        assert_eq!(without_keys("spec.scopes[\"BestEffort\"]"), "spec.scopes");
    }
}

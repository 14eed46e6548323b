//! What the API server fills in by code, which OpenAPI does not say: from `pkg/apis/*/v1/defaults.go` of Kubernetes 1.36.
//!
//! It matters in two places: an object read from a file has not been through the server yet, and an atomic list comes back
//! from it with its items filled in.

use serde_json::{Map, Value, json};

/// Fields that have one default whatever stands beside them: type, field, value.
const FIXED: &[(&str, &str, &str)] = &[
    ("admissionregistration.v1.MatchResources", "matchPolicy", r#""Equivalent""#),
    ("admissionregistration.v1.MatchResources", "namespaceSelector", "{}"),
    ("admissionregistration.v1.MatchResources", "objectSelector", "{}"),
    ("admissionregistration.v1.MutatingAdmissionPolicySpec", "failurePolicy", r#""Fail""#),
    ("admissionregistration.v1.NamedRuleWithOperations", "scope", r#""*""#),
    ("admissionregistration.v1.RuleWithOperations", "scope", r#""*""#),
    ("admissionregistration.v1.ValidatingAdmissionPolicySpec", "failurePolicy", r#""Fail""#),
    ("apps.v1.DaemonSetSpec", "revisionHistoryLimit", "10"),
    ("apps.v1.DeploymentSpec", "progressDeadlineSeconds", "600"),
    ("apps.v1.DeploymentSpec", "replicas", "1"),
    ("apps.v1.DeploymentSpec", "revisionHistoryLimit", "10"),
    ("apps.v1.DeploymentStrategy", "type", r#""RollingUpdate""#),
    ("apps.v1.ReplicaSetSpec", "replicas", "1"),
    ("apps.v1.StatefulSetSpec", "podManagementPolicy", r#""OrderedReady""#),
    ("apps.v1.StatefulSetSpec", "replicas", "1"),
    ("apps.v1.StatefulSetSpec", "revisionHistoryLimit", "10"),
    ("batch.v1.CronJobSpec", "concurrencyPolicy", r#""Allow""#),
    ("batch.v1.CronJobSpec", "failedJobsHistoryLimit", "1"),
    ("batch.v1.CronJobSpec", "successfulJobsHistoryLimit", "3"),
    ("batch.v1.CronJobSpec", "suspend", "false"),
    ("core.v1.ConfigMapVolumeSource", "defaultMode", "420"),
    ("core.v1.Container", "terminationMessagePath", r#""/dev/termination-log""#),
    ("core.v1.Container", "terminationMessagePolicy", r#""File""#),
    ("core.v1.HTTPGetAction", "path", r#""/""#),
    ("core.v1.HTTPGetAction", "scheme", r#""HTTP""#),
    ("core.v1.ObjectFieldSelector", "apiVersion", r#""v1""#),
    ("core.v1.PersistentVolumeClaimSpec", "volumeMode", r#""Filesystem""#),
    ("core.v1.PodSpec", "dnsPolicy", r#""ClusterFirst""#),
    ("core.v1.PodSpec", "enableServiceLinks", "true"),
    ("core.v1.PodSpec", "restartPolicy", r#""Always""#),
    ("core.v1.PodSpec", "schedulerName", r#""default-scheduler""#),
    ("core.v1.PodSpec", "securityContext", "{}"),
    ("core.v1.PodSpec", "terminationGracePeriodSeconds", "30"),
    ("core.v1.Probe", "failureThreshold", "3"),
    ("core.v1.Probe", "periodSeconds", "10"),
    ("core.v1.Probe", "successThreshold", "1"),
    ("core.v1.Probe", "timeoutSeconds", "1"),
    ("core.v1.ProjectedVolumeSource", "defaultMode", "420"),
    ("core.v1.Secret", "type", r#""Opaque""#),
    ("core.v1.SecretVolumeSource", "defaultMode", "420"),
    ("core.v1.ServicePort", "protocol", r#""TCP""#),
    ("core.v1.ServiceSpec", "internalTrafficPolicy", r#""Cluster""#),
    ("core.v1.ServiceSpec", "sessionAffinity", r#""None""#),
    ("core.v1.ServiceSpec", "type", r#""ClusterIP""#),
    ("networking.v1.NetworkPolicyPort", "protocol", r#""TCP""#),
    ("rbac.v1.RoleRef", "apiGroup", r#""rbac.authorization.k8s.io""#),
];

/// Whether [`complete`] has anything to say of a type, by its OpenAPI name.
pub(crate) fn known(type_name: &str) -> bool {
    let Some(name) = type_name.strip_prefix("io.k8s.api.") else { return false };
    COMPUTED.contains(&name) || !fixed(name).is_empty()
}

fn fixed(name: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    let start = FIXED.partition_point(|(of, ..)| *of < name);
    let end = FIXED.partition_point(|(of, ..)| *of <= name);
    FIXED.get(start..end).unwrap_or_default()
}

/// Types whose defaults depend on their other fields.
const COMPUTED: &[&str] = &[
    "core.v1.Container",
    "core.v1.LimitRangeItem",
    "core.v1.ServicePort",
    "networking.v1.NetworkPolicySpec",
    "rbac.v1.Subject",
];

/// Fills in what the server would.
pub(crate) fn complete(type_name: &str, fields: &mut Map<String, Value>) {
    let Some(name) = type_name.strip_prefix("io.k8s.api.") else { return };
    for (_, field, default) in fixed(name) {
        if is_absent(fields.get(*field))
            && let Ok(default) = serde_json::from_str(default)
        {
            fields.insert((*field).to_owned(), default);
        }
    }
    match name {
        "core.v1.Container" => image_pull_policy(fields),
        "core.v1.LimitRangeItem" => limit_range_item(fields),
        "core.v1.ServicePort" if is_absent(fields.get("targetPort")) => {
            if let Some(port) = fields.get("port").cloned() {
                fields.insert("targetPort".to_owned(), port);
            }
        }
        "networking.v1.NetworkPolicySpec" if is_empty(fields.get("policyTypes")) => {
            let types = if is_empty(fields.get("egress")) { json!(["Ingress"]) } else { json!(["Ingress", "Egress"]) };
            fields.insert("policyTypes".to_owned(), types);
        }
        "rbac.v1.Subject" if is_absent(fields.get("apiGroup")) => {
            if matches!(fields.get("kind").and_then(Value::as_str), Some("User" | "Group")) {
                fields.insert("apiGroup".to_owned(), json!("rbac.authorization.k8s.io"));
            }
        }
        _ => {}
    }
}

fn is_absent(value: Option<&Value>) -> bool {
    value.is_none_or(|value| value.is_null() || value.as_str() == Some(""))
}

fn is_empty(value: Option<&Value>) -> bool {
    value.and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// `:latest`, or no tag at all, is pulled always.
fn image_pull_policy(container: &mut Map<String, Value>) {
    if !is_absent(container.get("imagePullPolicy")) {
        return;
    }
    let Some(image) = container.get("image").and_then(Value::as_str) else { return };
    let last = image.rsplit('/').next().unwrap_or(image);
    let always = !last.contains('@') && last.rsplit_once(':').is_none_or(|(_, tag)| tag == "latest");
    let policy = if always { "Always" } else { "IfNotPresent" };
    container.insert("imagePullPolicy".to_owned(), json!(policy));
}

/// Maximums are default limits, limits are default requests, and minimums are what is left of those.
fn limit_range_item(item: &mut Map<String, Value>) {
    if item.get("type").and_then(Value::as_str) != Some("Container") {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let Some(source) = item.get(from).and_then(Value::as_object).cloned() else { continue };
        let target = item.entry(to).or_insert_with(|| json!({}));
        if target.is_null() {
            *target = json!({});
        }
        if let Some(target) = target.as_object_mut() {
            for (resource, amount) in source {
                target.entry(resource).or_insert(amount);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_reads() {
        assert!(FIXED.windows(2).all(|pair| (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1)));
        for (_, _, default) in FIXED {
            assert!(serde_json::from_str::<Value>(default).is_ok(), "{default}");
        }
    }

    #[test]
    fn limits_fill_in_as_the_server_does() {
        let mut item = json!({"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}});
        complete("io.k8s.api.core.v1.LimitRangeItem", item.as_object_mut().unwrap());
        assert_eq!(item["default"], json!({"cpu": "2"}));
        assert_eq!(item["defaultRequest"], json!({"cpu": "2", "memory": "1Mi"}));
    }
}

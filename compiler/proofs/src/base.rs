//! The plainest object of a kind, which a search starts from, and what the API server demands of an object in any case.

use std::collections::BTreeMap;

use kspec_model::rules::Target;
use serde_json::{Value, json};

use crate::path::{Path, Seg};
use crate::place::Place;

/// The plainest object of a target's kind that the API server would take, as far as kinds that rules are usually on go;
/// of others, their head alone.
pub(crate) fn object(target: &Target, namespace: Option<&str>) -> Value {
    let version =
        if target.group.is_empty() { target.version.clone() } else { format!("{}/{}", target.group, target.version) };
    let metadata = match namespace.filter(|_| target.namespaced) {
        Some(namespace) => json!({ "name": "example", "namespace": namespace }),
        None => json!({ "name": "example" }),
    };
    let containers = || json!([{ "name": "app", "image": "registry.example.com/app:1.0" }]);
    let pod = || json!({ "containers": containers() });
    let labels = || json!({ "app": "example" });
    let template = || json!({ "metadata": { "labels": labels() }, "spec": pod() });
    let job = || json!({ "spec": { "containers": containers(), "restartPolicy": "Never" } });
    let spec = match (target.group.as_str(), target.resource.as_str()) {
        ("", "pods") => pod(),
        ("apps", "statefulsets" | "daemonsets" | "deployments" | "replicasets") => {
            json!({ "selector": { "matchLabels": labels() }, "template": template() })
        }
        ("", "replicationcontrollers") => json!({ "selector": labels(), "template": template() }),
        ("batch", "jobs") => json!({ "template": job() }),
        ("batch", "cronjobs") => {
            json!({ "schedule": "0 0 * * *", "jobTemplate": { "spec": { "template": job() } } })
        }
        ("", "services") => json!({ "ports": [{ "port": 80 }] }),
        ("networking.k8s.io", "ingresses") => {
            json!({ "defaultBackend": { "service": { "name": "example", "port": { "number": 80 } } } })
        }
        ("networking.k8s.io", "networkpolicies") => json!({ "podSelector": {} }),
        ("networking.k8s.io", "ingressclasses") => json!({ "controller": "example.com/controller" }),
        ("", "persistentvolumeclaims") => {
            json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } })
        }
        ("", "persistentvolumes") => json!({
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" }, "nfs": { "server": "nfs.example.com", "path": "/" },
        }),
        ("autoscaling", "horizontalpodautoscalers") => json!({
            "maxReplicas": 1, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "example" },
        }),
        ("", "limitranges") => json!({ "limits": [] }),
        _ => {
            let mut object = json!({ "apiVersion": version, "kind": target.kind, "metadata": metadata });
            if let (Some(fields), Some(rest)) = (object.as_object_mut(), beside_spec(target).as_object()) {
                fields.extend(rest.clone());
            }
            return object;
        }
    };
    json!({ "apiVersion": version, "kind": target.kind, "metadata": metadata, "spec": spec })
}

/// What an object must have that has no `spec`.
fn beside_spec(target: &Target) -> Value {
    match (target.group.as_str(), target.resource.as_str()) {
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            json!({ "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" } })
        }
        ("storage.k8s.io", "storageclasses") => json!({ "provisioner": "example.com/disk" }),
        ("scheduling.k8s.io", "priorityclasses") => json!({ "value": 1 }),
        _ => json!({}),
    }
}

/// The plainest item of the list at a place, as far as lists that rules are usually about go.
pub(crate) fn item(list: &[Seg]) -> Value {
    let names: Vec<&str> = list.iter().filter_map(Seg::name).collect();
    let container = |name: &str| json!({ "name": name, "image": "registry.example.com/app:1.0" });
    match names.as_slice() {
        [.., "containers"] => container("app"),
        [.., "initContainers"] => container("init"),
        [.., "ephemeralContainers"] => container("debug"),
        [.., "containers" | "initContainers", "ports"] => json!({ "containerPort": 8080 }),
        [.., "env"] => json!({ "name": "NAME" }),
        [.., "volumes"] => json!({ "name": "data" }),
        [.., "imagePullSecrets"] => json!({ "name": "pull" }),
        ["spec", "ports"] => json!({ "port": 80 }),
        ["subjects"] => json!({ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane" }),
        ["rules"] => json!({ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }),
        _ => Value::Null,
    }
}

/// Containers have an image and a name of their own: the API server takes no other.
pub(crate) fn must_have(target: &Target, places: &mut BTreeMap<Path, Place>) {
    if !matches!(target.group.as_str(), "" | "apps" | "batch") {
        return;
    }
    for (path, place) in places {
        let [.., Seg::Field(list), Seg::Item, Seg::Field(field)] = path.0.as_slice() else { continue };
        let own = match &**list {
            "containers" => "app",
            "initContainers" => "init",
            "ephemeralContainers" => "debug",
            _ => continue,
        };
        match &**field {
            "image" => place.optional = false,
            "name" => {
                place.optional = false;
                place.ordinary(json!(own));
            }
            _ => {}
        }
    }
}

//! The ways that an attempt has, as the requests that the API server would be sent.

use kspec_analysis::abuse::Attempt;
use kspec_rules::partial::Part;
use serde_json::{Value, json};

/// Capabilities that open the node by themselves (capabilities(7)); with the node's processes in sight, one more.
const CAPABILITIES: [&str; 5] = ["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH"];
const WITH_PROCESSES: &str = "SYS_PTRACE";

/// The pods that would be root on their node. Each is known as far as it takes for that; where they are `whole`, there is nothing else
/// to them.
pub(super) fn ways(attempt: Attempt, whole: bool) -> Vec<Part> {
    let lists: &[&str] = match attempt {
        Attempt::NewPod => &["containers", "initContainers"],
        Attempt::AddedContainer => &["ephemeralContainers"],
    };
    let mut specs: Vec<Value> = Vec::new();
    for list in lists {
        let container = |context: Value| json!({ "name": "main", "image": "image", "securityContext": context });
        specs.push(json!({ *list: [container(json!({ "privileged": true }))] }));
        for capability in CAPABILITIES.into_iter().flat_map(spellings) {
            specs.push(json!({ *list: [container(json!({ "capabilities": { "add": [capability] } }))] }));
        }
        for capability in spellings(WITH_PROCESSES) {
            let container = container(json!({ "capabilities": { "add": [capability] } }));
            specs.push(json!({ "hostPID": true, *list: [container] }));
        }
    }
    if attempt == Attempt::NewPod {
        specs.push(json!({ "volumes": [{ "name": "host", "hostPath": {} }] }));
    }
    let pod = |spec: Value| json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec });
    let part = |spec: Value| {
        if !whole {
            return Part::open(&without(&pod(spec), &["name", "image"]));
        }
        let mut spec = spec;
        if let Some(fields) = spec.as_object_mut() {
            fields.entry("containers").or_insert_with(|| json!([{ "name": "main", "image": "image" }]));
        }
        Part::closed(&pod(spec))
    };
    specs.into_iter().map(part).collect()
}

/// containerd takes lower case, CRI-O the kernel's name.
fn spellings(capability: &str) -> [String; 3] {
    [capability.to_owned(), capability.to_ascii_lowercase(), format!("CAP_{capability}")]
}

/// The value without fields that are the attacker's to choose.
fn without(value: &Value, names: &[&str]) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !names.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), without(value, names))).collect())
        }
        Value::Array(items) => items.iter().map(|item| without(item, names)).collect(),
        value => value.clone(),
    }
}

/// A pod that Pod Security's `restricted` would let in; the account, the image and the secret are anything.
pub(super) fn harmless() -> Part {
    let container = Part::closed(&json!({
        "name": "main",
        "resources": { "requests": { "cpu": "1", "memory": "1Gi" }, "limits": { "cpu": "1", "memory": "1Gi" } },
        "securityContext": {
            "privileged": false, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "runAsUser": 1000, "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" },
        },
    }));
    let containers = Part::List { items: vec![container.with("image", Part::Unknown)], open: false };
    let secret = Part::closed(&json!({})).with("secretName", Part::Unknown);
    let volume = Part::closed(&json!({ "name": "secret" })).with("secret", secret);
    let spec = Part::closed(&json!({
        "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
        "securityContext": { "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": { "type": "RuntimeDefault" } },
    }));
    let spec = spec
        .with("containers", containers)
        .with("volumes", Part::List { items: vec![volume], open: false })
        .with("serviceAccountName", Part::Unknown);
    let metadata = Part::closed(&json!({ "labels": {} })).with("name", Part::Unknown).with("namespace", Part::Unknown);
    Part::closed(&json!({ "apiVersion": "v1", "kind": "Pod" })).with("metadata", metadata).with("spec", spec)
}

/// What is known of the request; who sends it is the attacker's to choose.
pub(super) fn request(attempt: Attempt, namespace: Option<&str>) -> Part {
    let operation = match attempt {
        Attempt::NewPod => "CREATE",
        Attempt::AddedContainer => "UPDATE",
    };
    let request = Part::open(&json!({
        "operation": operation,
        "kind": { "group": "", "version": "v1", "kind": "Pod" },
        "resource": { "group": "", "version": "v1", "resource": "pods" },
    }));
    match namespace {
        Some(name) => request.with("namespace", Part::Text(name.into())),
        None => request,
    }
}

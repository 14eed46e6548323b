//! The ways that an attempt has, as the requests that the API server would be sent.

use kspec_analysis::abuse::Attempt;
use kspec_model::rules::Operation;
use kspec_rules::partial::Part;
use serde_json::{Value, json};

pub(super) const RBAC: &str = "rbac.authorization.k8s.io";

/// The request of an attempt.
pub(super) struct Request {
    pub(super) operation: Operation,
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    pub(super) subresource: &'static str,
    /// Group and kind of the object in it.
    kind: (&'static str, &'static str),
    /// What expressions say of whatever it is refused by name.
    pub(super) named_by: Option<&'static str>,
}

/// Every attempt that is asked about.
pub(super) const ATTEMPTS: [Attempt; 26] = [
    Attempt::NewPod,
    Attempt::NodeProcesses,
    Attempt::HostProcess,
    Attempt::NodeMemory,
    Attempt::AddedContainer,
    Attempt::AnyContainer,
    Attempt::AddedMount,
    Attempt::AddedClaim,
    Attempt::AddedSecret,
    Attempt::Account,
    Attempt::Secret,
    Attempt::BoundClaim,
    Attempt::Claim,
    Attempt::Volume,
    Attempt::Exec,
    Attempt::Attach,
    Attempt::Forward,
    Attempt::ProxyPod,
    Attempt::ProxyService,
    Attempt::Token,
    Attempt::TokenSecret,
    Attempt::RetargetedSecret,
    Attempt::Bind,
    Attempt::Rebind,
    Attempt::BindEverywhere,
    Attempt::RebindEverywhere,
];

/// What the API server is asked ("Dynamic Admission Control", Kubernetes documentation; options of a connection are its object).
pub(super) const fn requested(attempt: Attempt) -> Request {
    use Operation::{Connect, Create, Update};
    let (operation, group, resource, subresource, kind) = match attempt {
        Attempt::NewPod
        | Attempt::NodeProcesses
        | Attempt::HostProcess
        | Attempt::NodeMemory
        | Attempt::Account
        | Attempt::Secret
        | Attempt::BoundClaim
        | Attempt::Claim => (Create, "", "pods", "", ("", "Pod")),
        Attempt::AddedContainer
        | Attempt::AnyContainer
        | Attempt::AddedMount
        | Attempt::AddedClaim
        | Attempt::AddedSecret => (Update, "", "pods", "ephemeralcontainers", ("", "Pod")),
        Attempt::Volume => (Create, "", "persistentvolumes", "", ("", "PersistentVolume")),
        Attempt::Exec => (Connect, "", "pods", "exec", ("", "PodExecOptions")),
        Attempt::Attach => (Connect, "", "pods", "attach", ("", "PodAttachOptions")),
        Attempt::Forward => (Connect, "", "pods", "portforward", ("", "PodPortForwardOptions")),
        Attempt::ProxyPod => (Connect, "", "pods", "proxy", ("", "PodProxyOptions")),
        Attempt::ProxyService => (Connect, "", "services", "proxy", ("", "ServiceProxyOptions")),
        Attempt::Token => (Create, "", "serviceaccounts", "token", ("authentication.k8s.io", "TokenRequest")),
        Attempt::TokenSecret => (Create, "", "secrets", "", ("", "Secret")),
        Attempt::RetargetedSecret => (Update, "", "secrets", "", ("", "Secret")),
        Attempt::Bind => (Create, RBAC, "rolebindings", "", (RBAC, "RoleBinding")),
        Attempt::Rebind => (Update, RBAC, "rolebindings", "", (RBAC, "RoleBinding")),
        Attempt::BindEverywhere => (Create, RBAC, "clusterrolebindings", "", (RBAC, "ClusterRoleBinding")),
        Attempt::RebindEverywhere => (Update, RBAC, "clusterrolebindings", "", (RBAC, "ClusterRoleBinding")),
    };
    let named_by = match attempt {
        Attempt::Account => Some("erviceAccount"),
        Attempt::Token => Some("request"),
        Attempt::TokenSecret | Attempt::RetargetedSecret => Some("service-account.name"),
        Attempt::Bind | Attempt::Rebind | Attempt::BindEverywhere | Attempt::RebindEverywhere => Some("roleRef"),
        _ => None,
    };
    Request { operation, group, resource, subresource, kind, named_by }
}

/// An operation as policies name it.
pub(super) const fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "CREATE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
        Operation::Connect => "CONNECT",
    }
}

/// The objects of an attempt, for an account or a role; without a name, for whichever.
pub(super) fn objects(attempt: Attempt, name: Option<&str>) -> Vec<Part> {
    let pod = |spec: Value| json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec });
    let values = match attempt {
        Attempt::NewPod | Attempt::AddedContainer => return ways(attempt, false),
        Attempt::NodeProcesses => vec![pod(json!({ "hostPID": true }))],
        Attempt::NodeMemory => vec![pod(json!({ "hostIPC": true }))],
        Attempt::HostProcess => {
            // The API server asks for the node's network, and for all containers to be alike.
            let own = json!({ "windowsOptions": { "hostProcess": true } });
            let containers = json!([{ "securityContext": own }]);
            vec![
                pod(json!({ "hostNetwork": true, "securityContext": own })),
                pod(json!({ "hostNetwork": true, "containers": containers })),
            ]
        }
        Attempt::AddedMount => vec![mounting("hostPath")],
        Attempt::AddedClaim => CLAIMS.map(mounting).to_vec(),
        Attempt::AnyContainer => vec![pod(json!({ "ephemeralContainers": [{}] }))],
        Attempt::Account => vec![pod(name.map_or_else(|| json!({}), |name| json!({ "serviceAccountName": name })))],
        Attempt::AddedSecret => holding_secrets().map(|container| pod(json!({ "ephemeralContainers": [container] }))).to_vec(),
        Attempt::Secret => {
            let in_lists = ["containers", "initContainers"].into_iter().flat_map(|list| {
                holding_secrets().map(|container| json!({ list: [container] }))
            });
            let volumes = [json!({ "secret": {} }), json!({ "projected": { "sources": [{ "secret": {} }] } })];
            in_lists.chain(volumes.map(|volume| json!({ "volumes": [volume] }))).map(pod).collect()
        }
        Attempt::BoundClaim => vec![pod(json!({ "volumes": [{ "persistentVolumeClaim": {} }] }))],
        Attempt::Claim => CLAIMS.map(|source| pod(json!({ "volumes": [{ source: {} }] }))).to_vec(),
        Attempt::Volume => ["hostPath", "local"]
            .map(|source| json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {}, "spec": { source: {} } }))
            .to_vec(),
        Attempt::Bind | Attempt::Rebind | Attempt::BindEverywhere | Attempt::RebindEverywhere => {
            // Who is of `system:masters` has no use for a binding.
            let own = Part::open(&json!({})).with("name", Part::OtherText("system:masters".into()));
            return vec![bound(name).with("subjects", Part::List { items: vec![own], open: true })];
        }
        Attempt::TokenSecret | Attempt::RetargetedSecret => {
            let annotations = name.map_or_else(|| json!({}), |name| json!({ "kubernetes.io/service-account.name": name }));
            let metadata = json!({ "annotations": annotations });
            vec![json!({ "type": "kubernetes.io/service-account-token", "metadata": metadata })]
        }
        Attempt::Exec
        | Attempt::Attach
        | Attempt::Forward
        | Attempt::ProxyPod
        | Attempt::ProxyService
        | Attempt::Token => vec![json!({})],
    };
    values.iter().map(Part::open).collect()
}

/// Volumes that are claims, or become some.
const CLAIMS: [&str; 2] = ["persistentVolumeClaim", "ephemeral"];

/// A pod that has a volume, and an added container that mounts it.
fn mounting(source: &str) -> Value {
    let spec = json!({ "volumes": [{ source: {} }], "ephemeralContainers": [{ "volumeMounts": [{}] }] });
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec })
}

/// Containers that hold a secret in their variables.
fn holding_secrets() -> [Value; 2] {
    [json!({ "env": [{ "valueFrom": { "secretKeyRef": {} } }] }), json!({ "envFrom": [{ "secretRef": {} }] })]
}

/// A binding of a role.
fn bound(name: Option<&str>) -> Part {
    let role = name.and_then(|name| name.split_once('/')).map_or_else(
        || json!({ "apiGroup": RBAC }),
        |(kind, name)| json!({ "apiGroup": RBAC, "kind": kind, "name": name }),
    );
    Part::open(&json!({ "metadata": {}, "roleRef": role }))
}

/// What an object was before: a binding keeps its role.
pub(super) fn old(attempt: Attempt, name: Option<&str>) -> Part {
    match (attempt, requested(attempt).operation) {
        (Attempt::Rebind | Attempt::RebindEverywhere, _) => bound(name),
        (_, Operation::Update) => Part::Unknown,
        _ => Part::Absent,
    }
}

/// Capabilities that open the node by themselves (capabilities(7)); with the node's processes in sight, one more.
const CAPABILITIES: [&str; 5] = ["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH"];
const WITH_PROCESSES: &str = "SYS_PTRACE";

/// The pods that would be root on their node. Each is known as far as it takes for that; where they are `whole`, there is nothing else
/// to them.
pub(super) fn ways(attempt: Attempt, whole: bool) -> Vec<Part> {
    let lists: &[&str] = match attempt {
        Attempt::AddedContainer => &["ephemeralContainers"],
        _ => &["containers", "initContainers"],
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
    if attempt != Attempt::AddedContainer {
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

/// Runtimes take them in any case, CRI-O with the kernel's prefix too; a list of spellings leaves some out.
fn spellings(capability: &str) -> [String; 5] {
    let prefixed = format!("CAP_{capability}");
    [capability.to_owned(), capability.to_ascii_lowercase(), mixed(capability), mixed(&prefixed), prefixed]
}

/// In a case that nobody lists.
fn mixed(name: &str) -> String {
    let letters = (0_u8..).zip(name.chars());
    letters.map(|(at, letter)| if at % 2 == 0 { letter.to_ascii_lowercase() } else { letter }).collect()
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

/// Objects of an attempt that leave a policy as little as possible to say against them: what it lets pass of these it does not refuse.
pub(super) fn examples(attempt: Attempt) -> Vec<Part> {
    let list = |items: Vec<Part>| Part::List { items, open: false };
    let volume = |source: &str| Part::closed(&json!({ "name": "there", source: {} }));
    let mounts = |source: &str| harmless_with(vec![("volumes", list(vec![volume(source)]))]);
    let added = |source: &str| {
        let volume = volume(source);
        let mounts = Part::closed(&json!([{ "name": "there", "mountPath": "/there" }]));
        harmless_with(vec![
            ("volumes", list(vec![volume])),
            ("ephemeralContainers", list(vec![harmless_container().with("volumeMounts", mounts)])),
        ])
    };
    match attempt {
        Attempt::NewPod | Attempt::AddedContainer => ways(attempt, true),
        Attempt::NodeProcesses => vec![harmless_with(vec![("hostPID", Part::Bool(true))])],
        Attempt::NodeMemory => vec![harmless_with(vec![("hostIPC", Part::Bool(true))])],
        Attempt::HostProcess => {
            let own = json!({ "windowsOptions": { "hostProcess": true, "runAsUserName": "NT AUTHORITY\\SYSTEM" } });
            let fields = [("hostNetwork", json!(true)), ("securityContext", own)];
            vec![harmless_with(fields.map(|(name, value)| (name, Part::closed(&value))).to_vec())]
        }
        Attempt::AddedMount => vec![added("hostPath")],
        Attempt::AddedClaim => CLAIMS.map(added).to_vec(),
        Attempt::BoundClaim => vec![mounts("persistentVolumeClaim")],
        Attempt::Claim => CLAIMS.map(mounts).to_vec(),
        _ => objects(attempt, None),
    }
}

/// A pod that Pod Security's `restricted` would let in; the account, the image and the secret are anything.
pub(super) fn harmless() -> Part {
    harmless_with(Vec::new())
}

fn harmless_container() -> Part {
    let container = Part::closed(&json!({
        "name": "main",
        "resources": { "requests": { "cpu": "1", "memory": "1Gi" }, "limits": { "cpu": "1", "memory": "1Gi" } },
        "securityContext": {
            "privileged": false, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "runAsUser": 1000, "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" },
        },
    }));
    container.with("image", Part::Unknown)
}

/// As [`harmless`], but for some fields of its spec.
fn harmless_with(fields: Vec<(&str, Part)>) -> Part {
    let containers = Part::List { items: vec![harmless_container()], open: false };
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
    let spec = fields.into_iter().fold(spec, |spec, (name, value)| spec.with(name, value));
    let metadata = Part::closed(&json!({ "labels": {} })).with("name", Part::Unknown).with("namespace", Part::Unknown);
    Part::closed(&json!({ "apiVersion": "v1", "kind": "Pod" })).with("metadata", metadata).with("spec", spec)
}

/// What is known of the request; who sends it is the attacker's to choose, and what it is about where that is not named. Nobody is the
/// API server itself, which the names that begin with `system:` are kept for.
pub(super) fn request(attempt: Attempt, namespace: Option<&str>) -> Part {
    let Request { operation, group, resource, subresource, kind, .. } = requested(attempt);
    let mut known = json!({
        "operation": word(operation),
        "kind": { "group": kind.0, "version": "v1", "kind": kind.1 },
        "resource": { "group": group, "version": "v1", "resource": resource },
    });
    if let Some(fields) = known.as_object_mut().filter(|_| !subresource.is_empty()) {
        fields.insert("subResource".to_owned(), json!(subresource));
    }
    let sender = Part::open(&json!({ "groups": [] })).with("username", Part::OtherText("system:apiserver".into()));
    let request = Part::open(&known).with("userInfo", sender);
    match namespace {
        Some(name) => request.with("namespace", Part::Text(name.into())),
        None => request,
    }
}

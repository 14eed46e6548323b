//! Pods.

use serde_json::Value;

use super::Filled::{Bool, Int, Object as Empty, Positive, Text};
use super::{Defaults, Fields, List, Object, is_absent, items, object};

/// A Pod: what its specification has in templates too, and what pods alone get (`SetDefaults_Pod`, the plugin
/// `ServiceAccount`, `applyAppArmorVersionSkew` of `pkg/registry/core/pod/strategy.go`).
pub(super) static POD: Defaults = Defaults {
    fields: &[],
    inside: &[("spec", Object, &SPEC)],
    computed: &[
        |pod| {
            if let Some(spec) = object(pod, "spec") {
                alone(spec);
            }
        },
        apparmor,
    ],
};

/// A pod's template.
pub(super) static TEMPLATE: Defaults = Defaults { fields: &[], inside: &[("spec", Object, &SPEC)], computed: &[] };

static SPEC: Defaults = Defaults {
    fields: &[
        ("dnsPolicy", Text("ClusterFirst")),
        ("restartPolicy", Text("Always")),
        ("schedulerName", Text("default-scheduler")),
        ("securityContext", Empty),
        ("terminationGracePeriodSeconds", Int(30)),
    ],
    inside: &[
        ("containers", List, &CONTAINER),
        ("initContainers", List, &CONTAINER),
        ("ephemeralContainers", List, &CONTAINER),
        ("volumes", List, &VOLUME),
    ],
    computed: &[service_account_alias],
};

static CONTAINER: Defaults = Defaults {
    fields: &[
        ("resources", Empty),
        ("terminationMessagePath", Text("/dev/termination-log")),
        ("terminationMessagePolicy", Text("File")),
    ],
    inside: &[
        ("ports", List, &PORT),
        ("env", List, &VARIABLE),
        ("livenessProbe", Object, &PROBE),
        ("readinessProbe", Object, &PROBE),
        ("startupProbe", Object, &PROBE),
        ("lifecycle", Object, &LIFECYCLE),
    ],
    computed: &[|container| pull_policy(container, "image", "imagePullPolicy")],
};

static PORT: Defaults = Defaults { fields: &[("protocol", Text("TCP"))], inside: &[], computed: &[] };

static VARIABLE: Defaults = Defaults { fields: &[], inside: &[("valueFrom", Object, &VARIABLE_SOURCE)], computed: &[] };

static VARIABLE_SOURCE: Defaults =
    Defaults { fields: &[], inside: &[("fieldRef", Object, &FIELD), ("fileKeyRef", Object, &FILE_KEY)], computed: &[] };

static FIELD: Defaults = Defaults { fields: &[("apiVersion", Text("v1"))], inside: &[], computed: &[] };

static FILE_KEY: Defaults = Defaults { fields: &[("optional", Bool(false))], inside: &[], computed: &[] };

static PROBE: Defaults = Defaults {
    fields: &[
        ("failureThreshold", Positive(3)),
        ("periodSeconds", Positive(10)),
        ("successThreshold", Positive(1)),
        ("timeoutSeconds", Positive(1)),
    ],
    inside: &[("httpGet", Object, &HTTP), ("grpc", Object, &GRPC)],
    computed: &[],
};

static GRPC: Defaults = Defaults { fields: &[("service", Text(""))], inside: &[], computed: &[] };

static HTTP: Defaults =
    Defaults { fields: &[("path", Text("/")), ("scheme", Text("HTTP"))], inside: &[], computed: &[] };

static LIFECYCLE: Defaults =
    Defaults { fields: &[], inside: &[("postStart", Object, &HOOK), ("preStop", Object, &HOOK)], computed: &[] };

static HOOK: Defaults = Defaults { fields: &[], inside: &[("httpGet", Object, &HTTP)], computed: &[] };

static VOLUME: Defaults = Defaults {
    fields: &[],
    inside: &[
        ("hostPath", Object, &HOST_PATH),
        ("secret", Object, &MODE),
        ("configMap", Object, &MODE),
        ("downwardAPI", Object, &DOWNWARD),
        ("projected", Object, &PROJECTED),
        ("iscsi", Object, &ISCSI),
        ("rbd", Object, &RBD),
        ("azureDisk", Object, &AZURE_DISK),
        ("scaleIO", Object, &SCALE_IO),
        ("ephemeral", Object, &EPHEMERAL),
    ],
    computed: &[source, |volume| {
        if let Some(image) = object(volume, "image") {
            pull_policy(image, "reference", "pullPolicy");
        }
    }],
};

static HOST_PATH: Defaults = Defaults { fields: &[("type", Text(""))], inside: &[], computed: &[] };

static MODE: Defaults = Defaults { fields: &[("defaultMode", Int(420))], inside: &[], computed: &[] };

static DOWNWARD: Defaults =
    Defaults { fields: &[("defaultMode", Int(420))], inside: &[("items", List, &DOWNWARD_ITEM)], computed: &[] };

static DOWNWARD_ITEM: Defaults = Defaults { fields: &[], inside: &[("fieldRef", Object, &FIELD)], computed: &[] };

static PROJECTED: Defaults =
    Defaults { fields: &[("defaultMode", Int(420))], inside: &[("sources", List, &PROJECTION)], computed: &[] };

static PROJECTION: Defaults = Defaults {
    fields: &[],
    inside: &[("downwardAPI", Object, &DOWNWARD_PROJECTION), ("serviceAccountToken", Object, &TOKEN)],
    computed: &[],
};

static DOWNWARD_PROJECTION: Defaults =
    Defaults { fields: &[], inside: &[("items", List, &DOWNWARD_ITEM)], computed: &[] };

static TOKEN: Defaults = Defaults { fields: &[("expirationSeconds", Int(3600))], inside: &[], computed: &[] };

static ISCSI: Defaults = Defaults { fields: &[("iscsiInterface", Text("default"))], inside: &[], computed: &[] };

static RBD: Defaults = Defaults {
    fields: &[("keyring", Text("/etc/ceph/keyring")), ("pool", Text("rbd")), ("user", Text("admin"))],
    inside: &[],
    computed: &[],
};

static AZURE_DISK: Defaults = Defaults {
    fields: &[
        ("cachingMode", Text("ReadWrite")),
        ("fsType", Text("ext4")),
        ("kind", Text("Shared")),
        ("readOnly", Bool(false)),
    ],
    inside: &[],
    computed: &[],
};

static SCALE_IO: Defaults = Defaults {
    fields: &[("fsType", Text("xfs")), ("storageMode", Text("ThinProvisioned"))],
    inside: &[],
    computed: &[],
};

static EPHEMERAL: Defaults =
    Defaults { fields: &[], inside: &[("volumeClaimTemplate", Object, &CLAIM)], computed: &[] };

static CLAIM: Defaults = Defaults { fields: &[], inside: &[("spec", Object, &CLAIM_SPEC)], computed: &[] };

static CLAIM_SPEC: Defaults = Defaults { fields: &[("volumeMode", Text("Filesystem"))], inside: &[], computed: &[] };

/// A volume's sources (`VolumeSource`): without any of them, it is an `emptyDir`. A name that is no source is no source:
/// the server drops fields that it does not know.
const SOURCES: &[&str] = &[
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "hostPath",
    "image",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "photonPersistentDisk",
    "portworxVolume",
    "projected",
    "quobyte",
    "rbd",
    "scaleIO",
    "secret",
    "storageos",
    "vsphereVolume",
];

/// `SetDefaults_Volume`.
fn source(volume: &mut Fields) {
    let has_source = SOURCES.iter().any(|source| volume.get(*source).is_some_and(|value| !value.is_null()));
    if !has_source {
        volume.insert("emptyDir".to_owned(), Value::Object(Fields::new()));
    }
}

/// The tag `latest`, or none and no digest either, is pulled always.
fn pull_policy(fields: &mut Fields, image: &str, policy: &str) {
    if !is_absent(fields.get(policy)) {
        return;
    }
    let Some(image) = fields.get(image).and_then(Value::as_str) else { return };
    let last = image.rsplit('/').next().unwrap_or(image);
    let name = last.split('@').next().unwrap_or(last);
    let always = match name.rsplit_once(':') {
        Some((_, tag)) => tag == "latest",
        None => !last.contains('@'),
    };
    fields.insert(policy.to_owned(), Value::from(if always { "Always" } else { "IfNotPresent" }));
}

/// The older name of `serviceAccountName` and the newer one say the same.
fn service_account_alias(spec: &mut Fields) {
    for (from, to) in [("serviceAccount", "serviceAccountName"), ("serviceAccountName", "serviceAccount")] {
        if is_absent(spec.get(to))
            && let Some(name) = spec.get(from).cloned().filter(|name| !is_absent(Some(name)))
        {
            spec.insert(to.to_owned(), name);
        }
    }
}

/// What pods get, and templates do not.
fn alone(spec: &mut Fields) {
    if is_absent(spec.get("enableServiceLinks")) {
        spec.insert("enableServiceLinks".to_owned(), Value::Bool(true));
    }
    if is_absent(spec.get("serviceAccountName")) {
        spec.insert("serviceAccountName".to_owned(), Value::from("default"));
        service_account_alias(spec);
    }
    let on_host = spec.get("hostNetwork").and_then(Value::as_bool) == Some(true);
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests(container);
            if on_host {
                items(container, "ports").for_each(host_port);
            }
        }
    }
}

/// What is limited is requested, unless said otherwise.
fn requests(container: &mut Fields) {
    let Some(resources) = object(container, "resources") else { return };
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { return };
    let requests = resources.entry("requests").or_insert_with(|| Value::Object(Fields::new()));
    if requests.is_null() {
        *requests = Value::Object(Fields::new());
    }
    if let Some(requests) = requests.as_object_mut() {
        for (resource, amount) in limits {
            requests.entry(resource).or_insert(amount);
        }
    }
}

/// On the host's network, a port is a port of the host.
fn host_port(port: &mut Fields) {
    if Positive(0).takes_the_place_of(port.get("hostPort"))
        && let Some(number) = port.get("containerPort").cloned()
    {
        port.insert("hostPort".to_owned(), number);
    }
}

/// What the deprecated annotations of AppArmor say of a container that says nothing itself becomes its field.
fn apparmor(pod: &mut Fields) {
    const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
    let Some(annotations) = pod.get("metadata").and_then(|metadata| metadata.get("annotations")) else { return };
    let annotated = |(name, value): (&String, &Value)| {
        let container = name.strip_prefix(ANNOTATION)?.to_owned();
        Some((container, profile(value.as_str()?)?))
    };
    let profiles: Fields = annotations.as_object().into_iter().flatten().filter_map(annotated).collect();
    if profiles.is_empty() {
        return;
    }
    let Some(spec) = object(pod, "spec") else { return };
    if spec.get("os").and_then(|os| os.get("name")).and_then(Value::as_str) == Some("windows") {
        return;
    }
    let of_pod = spec.get("securityContext").and_then(|context| context.get("appArmorProfile")).cloned();
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in items(spec, list) {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            let Some(profile) = profiles.get(name).filter(|profile| of_pod.as_ref() != Some(*profile)) else {
                continue;
            };
            let context = container.entry("securityContext").or_insert(Value::Null);
            if context.is_null() {
                *context = Value::Object(Fields::new());
            }
            if let Some(context) = context.as_object_mut()
                && is_absent(context.get("appArmorProfile"))
            {
                context.insert("appArmorProfile".to_owned(), profile.clone());
            }
        }
    }
}

/// The field that an annotation's value means.
fn profile(value: &str) -> Option<Value> {
    let kind = match value {
        "unconfined" => "Unconfined",
        "runtime/default" => "RuntimeDefault",
        _ => "Localhost",
    };
    let mut profile = Fields::from_iter([("type".to_owned(), Value::from(kind))]);
    if kind == "Localhost" {
        let name = value.strip_prefix("localhost/").filter(|name| !name.is_empty())?;
        profile.insert("localhostProfile".to_owned(), Value::from(name));
    }
    Some(Value::Object(profile))
}

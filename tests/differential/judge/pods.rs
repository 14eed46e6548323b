//! Pods for the judge of Pod Security: what each control looks at, alone and in pairs, at the edges of what it permits.

use serde_json::{Map, Value, json};

/// One thing about a pod: where it is written, and what.
#[derive(Debug, Clone)]
pub(crate) struct Trait(pub(crate) Vec<(String, Value)>);

/// A pod that says nothing about security.
pub(crate) fn bare() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "pod" },
        "spec": {
            "containers": [{ "name": "main", "image": "example.com/a:1" }, { "name": "other", "image": "example.com/b" }],
            "initContainers": [{ "name": "setup", "image": "example.com/c:1" }],
        },
    })
}

/// A pod that every edition of `restricted` admits.
pub(crate) fn hardened() -> Value {
    let mut pod = bare();
    write(&mut pod, "/spec/securityContext/runAsNonRoot", json!(true));
    write(&mut pod, "/spec/securityContext/seccompProfile", json!({ "type": "RuntimeDefault" }));
    for container in CONTAINERS {
        write(&mut pod, &format!("{container}/securityContext/allowPrivilegeEscalation"), json!(false));
        write(&mut pod, &format!("{container}/securityContext/capabilities/drop"), json!(["ALL"]));
    }
    pod
}

/// Writes a value at a JSON pointer, making what is not there. `-` appends to a list.
fn write(pod: &mut Value, pointer: &str, value: Value) {
    let mut place = pod;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/");
        if step == "-" {
            if !place.is_array() {
                *place = json!([]);
            }
            let items = place.as_array_mut().unwrap();
            items.push(Value::Null);
            place = items.last_mut().unwrap();
        } else if place.is_array() {
            place = &mut place[step.parse::<usize>().unwrap()];
        } else {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = place.as_object_mut().unwrap().entry(step).or_insert(Value::Null);
        }
    }
    *place = value;
}

impl Trait {
    /// The pod with it.
    pub(crate) fn on(&self, pod: &Value) -> Value {
        let mut pod = pod.clone();
        for (pointer, value) in &self.0 {
            write(&mut pod, pointer, value.clone());
        }
        pod
    }
}

const CONTAINERS: [&str; 3] = ["/spec/containers/0", "/spec/containers/1", "/spec/initContainers/0"];

/// Everything that a control looks at, and values on both sides of what it permits.
pub(crate) fn traits() -> Vec<Trait> {
    let mut traits = Vec::new();
    let mut one = |pointer: String, value: Value| traits.push(Trait(vec![(pointer, value)]));
    for (pointer, values) in pod_fields() {
        for value in values {
            one(format!("/spec/{pointer}"), value);
        }
    }
    for (pointer, values) in both_fields() {
        for value in values {
            one(format!("/spec/securityContext/{pointer}"), value.clone());
            one(format!("{}/securityContext/{pointer}", CONTAINERS[0]), value.clone());
            one(format!("{}/securityContext/{pointer}", CONTAINERS[2]), value);
        }
    }
    for (pointer, values) in container_fields() {
        for value in values {
            one(format!("{}/{pointer}", CONTAINERS[0]), value.clone());
            one(format!("{}/{pointer}", CONTAINERS[2]), value);
        }
    }
    for (pointer, value) in handlers() {
        one(format!("{}/{pointer}", CONTAINERS[0]), value);
    }
    for (name, value) in annotations() {
        one(format!("/metadata/annotations/{}", name.replace('/', "~1")), json!(value));
    }
    for volume in volumes() {
        one("/spec/volumes/-".to_owned(), volume);
    }
    traits.extend(several());
    traits
}

/// What is only valid together.
fn several() -> Vec<Trait> {
    let on_host = |pointer: &str| {
        Trait(vec![
            ("/spec/hostNetwork".to_owned(), json!(true)),
            (format!("{pointer}/securityContext/windowsOptions/hostProcess"), json!(true)),
        ])
    };
    let unmasked = |container: &str| {
        Trait(vec![
            ("/spec/hostUsers".to_owned(), json!(false)),
            (format!("{container}/securityContext/procMount"), json!("Unmasked")),
        ])
    };
    let mut all = vec![on_host("/spec"), unmasked(CONTAINERS[0]), unmasked(CONTAINERS[2])];
    all.push(Trait(
        std::iter::once(("/spec/hostNetwork".to_owned(), json!(true)))
            .chain(CONTAINERS.map(|at| (format!("{at}/securityContext/windowsOptions/hostProcess"), json!(true))))
            .collect(),
    ));
    // On the host's network, the server makes every port one of the host's.
    all.push(Trait(vec![
        ("/spec/hostNetwork".to_owned(), json!(true)),
        (format!("{}/ports", CONTAINERS[0]), json!([{ "containerPort": 8443 }])),
    ]));
    for (user, expected) in [(0, "root"), (1000, "user")] {
        all.push(Trait(vec![
            ("/spec/hostUsers".to_owned(), json!(false)),
            ("/spec/securityContext/runAsUser".to_owned(), json!(user)),
            ("/metadata/labels/expected".to_owned(), json!(expected)),
        ]));
    }
    for value in [true, false] {
        all.push(Trait(vec![
            ("/spec/hostUsers".to_owned(), json!(false)),
            (format!("{}/securityContext/runAsNonRoot", CONTAINERS[0]), json!(value)),
        ]));
        all.push(Trait(
            CONTAINERS.map(|at| (format!("{at}/securityContext/runAsNonRoot"), json!(value))).into_iter().collect(),
        ));
        all.push(Trait(
            CONTAINERS
                .map(|at| (format!("{at}/securityContext/runAsNonRoot"), json!(value)))
                .into_iter()
                .chain([("/spec/securityContext/runAsNonRoot".to_owned(), json!(!value))])
                .collect(),
        ));
    }
    for profile in ["RuntimeDefault", "Unconfined"] {
        all.push(Trait(
            CONTAINERS
                .map(|at| (format!("{at}/securityContext/seccompProfile/type"), json!(profile)))
                .into_iter()
                .collect(),
        ));
    }
    for name in ["liveness", "readiness", "startup"] {
        all.push(Trait(vec![
            (format!("{}/restartPolicy", CONTAINERS[2]), json!("Always")),
            (
                format!("{}/{name}Probe", CONTAINERS[2]),
                json!({ "tcpSocket": { "port": 80, "host": "db.example.com" } }),
            ),
        ]));
    }
    all
}

fn pod_fields() -> Vec<(&'static str, Vec<Value>)> {
    let sysctls = [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
        "net.ipv4.tcp_mem",
        "kernel.msgmax",
        "net/ipv4/tcp_syncookies",
    ];
    let sysctls = sysctls.map(|name| json!([{ "name": name, "value": "1" }])).into_iter().chain([
        json!([]),
        json!([{ "name": "kernel.sem", "value": "1" }, { "name": "net.core.somaxconn", "value": "1" }]),
    ]);
    vec![
        ("hostNetwork", vec![json!(true), json!(false)]),
        ("hostPID", vec![json!(true), json!(false)]),
        ("hostIPC", vec![json!(true), json!(false)]),
        ("hostUsers", vec![json!(true), json!(false)]),
        ("os", vec![json!({ "name": "linux" }), json!({ "name": "windows" })]),
        ("securityContext/sysctls", sysctls.collect()),
        ("securityContext", vec![json!({}), Value::Null]),
        ("volumes", vec![json!([]), Value::Null]),
        ("ephemeralContainers", vec![json!([])]),
    ]
}

/// What a pod and a container may say.
fn both_fields() -> Vec<(&'static str, Vec<Value>)> {
    let profiles = || {
        vec![
            json!({ "type": "RuntimeDefault" }),
            json!({ "type": "Localhost", "localhostProfile": "a" }),
            json!({ "type": "Unconfined" }),
            Value::Null,
        ]
    };
    vec![
        ("runAsNonRoot", vec![json!(true), json!(false), Value::Null]),
        ("runAsUser", vec![json!(0), json!(1), json!(1000), Value::Null]),
        ("seccompProfile", profiles()),
        ("appArmorProfile", profiles()),
        (
            "seLinuxOptions",
            vec![
                json!({}),
                json!({ "type": "" }),
                json!({ "type": "container_t" }),
                json!({ "type": "container_init_t" }),
                json!({ "type": "container_kvm_t" }),
                json!({ "type": "container_engine_t" }),
                json!({ "type": "spc_t" }),
                json!({ "type": "container_t", "level": "s0:c1,c2" }),
                json!({ "user": "system_u" }),
                json!({ "role": "system_r" }),
                json!({ "user": "", "role": "" }),
                json!({ "type": "spc_t", "user": "system_u", "role": "system_r" }),
            ],
        ),
        ("windowsOptions", vec![json!({ "hostProcess": false }), json!({})]),
    ]
}

fn container_fields() -> Vec<(&'static str, Vec<Value>)> {
    let capabilities = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
        "NET_RAW",
        "SYS_ADMIN",
        "ALL",
        "CAP_CHOWN",
        "chown",
    ];
    let capabilities = capabilities.map(|name| json!([name])).into_iter();
    vec![
        ("securityContext/privileged", vec![json!(true), json!(false)]),
        ("securityContext/allowPrivilegeEscalation", vec![json!(true), json!(false), Value::Null]),
        (
            "securityContext/capabilities/add",
            capabilities.chain([json!([]), json!(["NET_ADMIN", "CHOWN", "SYS_PTRACE"])]).collect(),
        ),
        (
            "securityContext/capabilities/drop",
            vec![json!([]), json!(["all"]), json!(["NET_RAW"]), json!(["NET_RAW", "ALL"]), Value::Null],
        ),
        ("securityContext/capabilities", vec![json!({}), Value::Null]),
        ("securityContext/procMount", vec![json!("Default"), Value::Null]),
        ("securityContext", vec![json!({}), Value::Null]),
        (
            "ports",
            vec![
                json!([]),
                json!([{ "containerPort": 8080 }]),
                json!([{ "containerPort": 8080, "hostPort": 0 }]),
                json!([{ "containerPort": 8080, "hostPort": 8080 }]),
                json!([{ "containerPort": 80 }, { "containerPort": 81, "hostPort": 8081 }, { "containerPort": 82, "hostPort": 8082 }]),
            ],
        ),
    ]
}

/// Probes and hooks, which may name a host.
fn handlers() -> Vec<(String, Value)> {
    let mut handlers = Vec::new();
    for place in ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"] {
        for action in ["httpGet", "tcpSocket"] {
            for host in [Some("127.0.0.1"), Some("metadata.example.com"), Some(""), None] {
                let mut fields = json!({ "port": 80 });
                if let Some(host) = host {
                    fields["host"] = json!(host);
                }
                handlers.push((format!("{place}/{action}"), fields));
            }
        }
        handlers.push((format!("{place}/exec"), json!({ "command": ["true"] })));
    }
    handlers
}

fn annotations() -> Vec<(String, &'static str)> {
    let mut annotations = Vec::new();
    let pairs = [
        (
            "container.apparmor.security.beta.kubernetes.io/main",
            &["unconfined", "runtime/default", "localhost/a", ""][..],
        ),
        ("container.apparmor.security.beta.kubernetes.io/setup", &["unconfined"]),
        ("seccomp.security.alpha.kubernetes.io/pod", SECCOMP),
        ("container.seccomp.security.alpha.kubernetes.io/main", SECCOMP),
        ("container.seccomp.security.alpha.kubernetes.io/setup", &["unconfined"]),
        ("container.seccomp.security.alpha.kubernetes.io/nobody", &["unconfined"]),
    ];
    for (name, values) in pairs {
        annotations.extend(values.iter().map(|value| (name.to_owned(), *value)));
    }
    annotations
}

const SECCOMP: &[&str] =
    &["unconfined", "runtime/default", "docker/default", "localhost/a", "localhost", "", "Localhost/a"];

/// A volume of each kind, of none, and of one that no server knows.
fn volumes() -> Vec<Value> {
    let secret = || json!({ "name": "s" });
    let sources = [
        ("hostPath", json!({ "path": "/a" })),
        ("emptyDir", json!({})),
        ("gcePersistentDisk", json!({ "pdName": "a" })),
        ("awsElasticBlockStore", json!({ "volumeID": "a" })),
        ("gitRepo", json!({ "repository": "a" })),
        ("secret", json!({ "secretName": "a" })),
        ("nfs", json!({ "server": "a", "path": "/a" })),
        ("iscsi", json!({ "targetPortal": "a", "iqn": "iqn.2001-04.com.example:storage", "lun": 0 })),
        ("glusterfs", json!({ "endpoints": "a", "path": "a" })),
        ("persistentVolumeClaim", json!({ "claimName": "a" })),
        ("rbd", json!({ "monitors": ["a"], "image": "a" })),
        ("flexVolume", json!({ "driver": "example.com/a" })),
        ("cinder", json!({ "volumeID": "a" })),
        ("cephfs", json!({ "monitors": ["a"] })),
        ("flocker", json!({ "datasetName": "a" })),
        ("downwardAPI", json!({})),
        ("fc", json!({ "targetWWNs": ["a"], "lun": 0 })),
        ("azureFile", json!({ "secretName": "a", "shareName": "a" })),
        ("configMap", json!({ "name": "a" })),
        ("vsphereVolume", json!({ "volumePath": "a" })),
        ("quobyte", json!({ "registry": "a:1", "volume": "a" })),
        ("azureDisk", json!({ "diskName": "a", "diskURI": "https://blob/a.vhd" })),
        ("photonPersistentDisk", json!({ "pdID": "a" })),
        ("projected", json!({ "sources": [] })),
        ("portworxVolume", json!({ "volumeID": "a" })),
        ("scaleIO", json!({ "gateway": "a", "system": "a", "secretRef": secret(), "volumeName": "a" })),
        ("storageos", json!({ "volumeName": "a", "secretRef": secret() })),
        ("csi", json!({ "driver": "a.example.com" })),
        (
            "ephemeral",
            json!({ "volumeClaimTemplate": { "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
            } } }),
        ),
        ("image", json!({ "reference": "example.com/a:1" })),
        ("noSuchSource", json!({})),
        ("hostPath", Value::Null),
    ];
    let mut volumes: Vec<Value> =
        sources.into_iter().map(|(source, fields)| json!({ "name": "v", source: fields })).collect();
    volumes.push(json!({ "name": "v" }));
    volumes
}

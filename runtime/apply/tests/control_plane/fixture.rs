//! A small project of its own for each test, and ways to look at what became of it.

use std::{
    collections::BTreeMap,
    net::{Shutdown, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use kspec_apply::{ApplyError, Intent, Options, Outcome, Removal, Report, Wanted, Work, apply};
use kspec_lower::{Inventory, Phase, inventory};
use kspec_model::{
    Object, ObjectKey,
    program::{NetworkFacts, Project},
};
use kspec_state::live::{Cluster, ConnectOptions};
use kspec_test_harness::{ControlPlane, wait_until};
use serde_json::{Value, json};

/// A project on the shared cluster.
pub(crate) struct Bench {
    pub(crate) server: &'static kspec_test_harness::Cluster,
    pub(crate) inventory: Inventory,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new(stem: &str) -> Self {
        let server = ControlPlane::shared().unwrap();
        let project = Project {
            name: server.unique_name(stem),
            owner: None,
            kubernetes: "1.36".to_owned(),
            inventory_namespace: "default".to_owned(),
            environment: None,
            network: NetworkFacts::default(),
            admission: kspec_model::program::AdmissionFacts::default(),
        };
        Self { server, inventory: inventory(&project), folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn project(&self) -> &str {
        &self.inventory.project
    }

    /// A namespace that the project declares.
    pub(crate) fn namespace(&self) -> String {
        format!("{}-a", self.project())
    }

    pub(crate) fn manager(&self) -> String {
        format!("kspec.{}", self.project())
    }

    /// Labels as lowering puts them.
    pub(crate) fn owned(&self, mut object: Value) -> Value {
        let labels = json!({
            "app.kubernetes.io/managed-by": "kspec",
            "kspec.dev/project": self.project(),
            "applyset.kubernetes.io/part-of": self.inventory.id,
        });
        let metadata = object["metadata"].as_object_mut().unwrap();
        let all = metadata.entry("labels").or_insert_with(|| json!({})).as_object_mut().unwrap();
        all.extend(labels.as_object().unwrap().clone());
        object
    }

    pub(crate) fn wanted(&self, phase: Phase, object: Value) -> Wanted {
        Wanted { object: Object(self.owned(object)), phase, intent: Intent::Write }
    }

    /// One object of every phase.
    pub(crate) fn work(&self) -> Work {
        let namespace = self.namespace();
        let at = |name: &str| json!({ "name": name, "namespace": namespace });
        let rbac = "rbac.authorization.k8s.io";
        let wanted = vec![
            self.wanted(
                Phase::Namespaces,
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": {
                    "name": namespace, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } }),
            ),
            self.wanted(
                Phase::Limits,
                json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": at("quota"),
                    "spec": { "hard": { "pods": "50", "requests.cpu": "20" } } }),
            ),
            self.wanted(
                Phase::Accounts,
                json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": at("db"),
                    "automountServiceAccountToken": false }),
            ),
            self.wanted(
                Phase::Accounts,
                json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": at("default"),
                    "automountServiceAccountToken": false }),
            ),
            self.wanted(
                Phase::Roles,
                json!({ "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": at("release"),
                    "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] }] }),
            ),
            self.wanted(
                Phase::Roles,
                json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole",
                    "metadata": { "name": format!("{}:viewer", self.project()) },
                    "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }] }),
            ),
            self.wanted(Phase::Grants, self.binding("release-devs", "Role", "release")),
            self.wanted(
                Phase::NetworkAllow,
                json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": at("db-ingress"),
                    "spec": { "podSelector": { "matchLabels": { "app": "db" } }, "policyTypes": ["Ingress"],
                        "ingress": [{ "from": [{ "podSelector": {} }] }] } }),
            ),
            self.wanted(
                Phase::NetworkDeny,
                json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": at("default-deny"),
                    "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] } }),
            ),
            self.wanted(
                Phase::Rest,
                json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": at("settings"), "data": { "a": "1" } }),
            ),
        ];
        Work { inventory: self.inventory.clone(), wanted, removals: Vec::new() }
    }

    pub(crate) fn binding(&self, name: &str, kind: &str, role: &str) -> Value {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": name, "namespace": self.namespace() },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "devs" }],
        })
    }

    /// Moves the objects that `leaves` picks from the wanted to the removals, as they are in the cluster.
    pub(crate) fn without(&self, mut work: Work, leaves: impl Fn(&ObjectKey) -> bool) -> Work {
        let (left, wanted) = work.wanted.into_iter().partition(|wanted| leaves(&wanted.object.key()));
        work.wanted = wanted;
        for wanted in left {
            work.removals
                .push(Removal { object: Object(self.get(&wanted.object.key()).expect("it was applied")), keep: None });
        }
        work
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        ConnectOptions { kubeconfig: Some(self.server.kubeconfig().into()), ..ConnectOptions::default() }
    }

    /// Host and port of the API server.
    pub(crate) fn address(&self) -> String {
        let config: Value =
            serde_saphyr::from_str(&std::fs::read_to_string(self.server.kubeconfig()).unwrap()).unwrap();
        config["clusters"][0]["cluster"]["server"].as_str().unwrap().trim_start_matches("https://").to_owned()
    }

    /// The same server at another address.
    pub(crate) fn through(&self, address: &str) -> ConnectOptions {
        let mut config: Value =
            serde_saphyr::from_str(&std::fs::read_to_string(self.server.kubeconfig()).unwrap()).unwrap();
        config["clusters"][0]["cluster"]["server"] = json!(format!("https://{address}"));
        let path = self.folder.path().join("through.kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        ConnectOptions { kubeconfig: Some(path.into()), ..ConnectOptions::default() }
    }

    pub(crate) fn admin(&self) -> Cluster {
        Cluster::open(&self.options()).unwrap()
    }

    /// A kubeconfig that acts as somebody with these rules and no more.
    pub(crate) fn person(&self, rules: &Value) -> (Cluster, String) {
        let user = format!("{}-person", self.server.unique_name("u"));
        let rbac = "rbac.authorization.k8s.io";
        let role = json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": { "name": user }, "rules": rules });
        let binding = json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": user },
            "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": user },
            "subjects": [{ "apiGroup": rbac, "kind": "User", "name": user }] });
        for object in [role, binding] {
            self.server.admin().apply(&object, "test", false).unwrap().ok().unwrap();
        }
        let path = self.kubeconfig_as(&user);
        let options = ConnectOptions { kubeconfig: Some(path.into()), ..ConnectOptions::default() };
        // RBAC takes effect a moment after it is written.
        let acting = self.server.admin().acting_as(&user, &["system:authenticated"]);
        wait_until("the person's rights", || {
            Ok(acting.get("/api/v1/namespaces/default/configmaps?limit=1").is_ok().then_some(()))
        })
        .unwrap();
        (Cluster::open(&options).unwrap(), user)
    }

    pub(crate) fn kubeconfig_as(&self, user: &str) -> PathBuf {
        let text = std::fs::read_to_string(self.server.kubeconfig()).unwrap();
        let mut config: Value = serde_saphyr::from_str(&text).unwrap();
        config["users"][0]["user"]["as"] = json!(user);
        config["users"][0]["user"]["as-groups"] = json!(["system:authenticated"]);
        let path = self.folder.path().join(format!("{user}.kubeconfig"));
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    pub(crate) fn apply(&self, work: &Work) -> Report {
        self.apply_with(work, &Options::default()).unwrap()
    }

    pub(crate) fn apply_with(&self, work: &Work, options: &Options) -> Result<Report, ApplyError> {
        apply_as(&self.admin(), work, options)
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<Value> {
        let mut object = json!({ "apiVersion": api_version(key), "kind": key.kind, "metadata": { "name": key.name } });
        if let Some(namespace) = &key.namespace {
            object["metadata"]["namespace"] = json!(namespace);
        }
        // A kind that is not served has no objects.
        let path = self.server.admin().path_of(&object).ok()?;
        let answer = self.server.admin().request("GET", &path, None).unwrap();
        (answer.status != 404).then(|| answer.ok().unwrap())
    }

    /// Resource versions of everything of the work, and of the inventory.
    pub(crate) fn versions(&self, work: &Work) -> BTreeMap<ObjectKey, String> {
        work.wanted
            .iter()
            .map(|wanted| wanted.object.key())
            .chain([self.inventory.key()])
            .filter_map(|key| {
                let live = self.get(&key)?;
                Some((key, live["metadata"]["resourceVersion"].as_str()?.to_owned()))
            })
            .collect()
    }
}

pub(crate) fn apply_as(cluster: &Cluster, work: &Work, options: &Options) -> Result<Report, ApplyError> {
    cluster.block_on(apply(cluster.connection(), work, options, &|_| {}))
}

fn api_version(key: &ObjectKey) -> String {
    if key.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", key.group) }
}

/// `Kind name: outcome`, a line an object.
pub(crate) fn outcomes(report: &Report) -> Vec<String> {
    report
        .results
        .iter()
        .map(|result| {
            let outcome = match &result.outcome {
                Outcome::Released { .. } => "released".to_owned(),
                Outcome::Failed { failure } => format!("failed: {failure}"),
                Outcome::HeldBack { because } => format!("held back: {because}"),
                Outcome::NotTried { because } => format!("not tried: {because}"),
                other => format!("{other:?}").to_lowercase(),
            };
            format!("{} {}: {outcome}", result.object.kind, result.object.name)
        })
        .collect()
}

pub(crate) fn of_kind(kind: &'static str) -> impl Fn(&ObjectKey) -> bool {
    move |key| key.kind == kind
}

/// A line to a server that can be cut.
pub(crate) struct Line {
    pub(crate) address: String,
    ends: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Line {
    pub(crate) fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ends = Arc::new(Mutex::new(Some(Vec::new())));
        let (held, server) = (Arc::clone(&ends), server.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let mut held = held.lock().unwrap();
                // Cut: what still arrives is hung up on.
                let Some(held) = held.as_mut() else { continue };
                let far = TcpStream::connect(&server).unwrap();
                for (mut from, mut to) in
                    [(&near, &far), (&far, &near)].map(|(a, b)| (a.try_clone().unwrap(), b.try_clone().unwrap()))
                {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                held.extend([near, far]);
            }
        });
        Self { address, ends }
    }

    pub(crate) fn cut(&self) {
        for end in self.ends.lock().unwrap().take().into_iter().flatten() {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

//! Other kinds, other operations, scopes: judged on a server of their own, since rules on the whole cluster would be in
//! everybody's way. Each engine has its turn there.

use std::collections::BTreeMap;
use std::path::Path;

use kspec_model::rules::Operation;
use kspec_rules::Evaluator;
use kspec_schema::KubeVersion;
use kspec_schema::defaults::carries_pod;
use kspec_test_harness::{Answer, Client, ControlPlane, Options, wait_until};
use serde_json::{Value, json};

use super::bench::{Ask, Verdicts, tell};
use super::kinds::{self, Kind};
use super::laptop::{Laptop, USER, given};
use super::objects::pod;
use super::policies::{self, Policies};
use super::program::{Compiled, compiled, folder, source};
use super::webhook::{self, Webhook};

/// Groups of who asks.
const GROUPS: [&str; 1] = ["system:authenticated"];

/// A request, and what the server makes of it.
struct Case {
    what: String,
    ask: Ask,
    namespace: Option<String>,
    object: Option<Value>,
    old: Option<Value>,
    /// The server's answer where no rule is.
    own: Vec<String>,
}

impl Case {
    fn request(&self) -> Value {
        let mut request = self.ask.request(self.namespace.as_deref(), self.object.as_ref(), self.old.as_ref());
        if self.ask.operation == Operation::Connect {
            // What is connected to is named by the URL alone.
            request["name"] = json!("p");
        }
        request
    }

    fn send(&self, client: &Client) -> Answer {
        self.ask.send(client, "", self.ask.body.as_ref())
    }
}

/// A server, what stands there, and the cases so far.
struct Stage {
    server: ControlPlane,
    client: Client,
    cases: Vec<Case>,
    left_out: Vec<String>,
}

const NAMESPACES: [(&str, &str); 4] = [("shop", "b"), ("legacy", "c"), ("other", "x"), ("kept", "b")];

type Resource = (&'static str, &'static str, &'static str);

fn root((group, version, plural): Resource, namespace: Option<&str>) -> String {
    let api = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let namespace = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    format!("{api}{namespace}/{plural}")
}

impl Stage {
    fn new() -> Self {
        let server = ControlPlane::start(Options::default()).unwrap();
        let admin = server.admin();
        let apply = |object: Value| {
            admin.apply(&object, "kspec.judge", false).unwrap().ok().unwrap();
        };
        for (name, team) in NAMESPACES {
            let labels = json!({
                "team": team, "keep": if name == "kept" { "yes" } else { "no" },
                "pod-security.kubernetes.io/enforce": "privileged",
            });
            apply(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } }));
            let metadata = json!({ "name": "default", "namespace": name });
            apply(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }));
        }
        let subjects = json!([{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": USER }]);
        let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" });
        apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": "judge" }, "roleRef": role, "subjects": subjects,
        }));
        let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join("projects/everything/crds/widgets.yaml");
        let (documents, _) = kspec_state::read_manifests(definition.parent().unwrap(), &["widgets.yaml".to_owned()]);
        apply(documents[0].value.clone());
        let client = admin.acting_as(USER, &[]);
        wait_until("widgets are served, and the administrator is one", || {
            let path = root(WIDGETS, Some("shop"));
            Ok(client.request("GET", &path, None)?.is_ok().then_some(()))
        })
        .unwrap();
        wait_until("kube-public is there", || {
            Ok(client.request("GET", "/api/v1/namespaces/kube-public", None)?.is_ok().then_some(()))
        })
        .unwrap();
        let metadata = json!({ "name": "default", "namespace": "kube-public" });
        apply(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }));
        Self { server, client, cases: Vec::new(), left_out: Vec::new() }
    }

    fn ask(
        operation: Operation,
        resource: Resource,
        kind: &'static str,
        method: &'static str,
        path: String,
        body: Option<Value>,
    ) -> Ask {
        let groups = GROUPS.map(str::to_owned).to_vec();
        Ask { operation, resource, subresource: None, kind, method, path, body, groups }
    }

    fn add(&mut self, ask: Ask, namespace: Option<&str>, old: Option<Value>, object: Option<Value>) {
        let name = |object: &Option<Value>| {
            object.as_ref().and_then(|object| object["metadata"]["name"].as_str()).unwrap_or_default().to_owned()
        };
        let named = if old.is_some() { name(&old) } else { name(&ask.body) };
        let what = format!("{:?} {} {}/{named}", ask.operation, ask.kind, namespace.unwrap_or_default());
        let answer = ask.send(&self.client, "", ask.body.as_ref());
        if ask.operation != Operation::Connect && !answer.is_ok() {
            // Not every combination is an object; that most are is checked in the end.
            self.left_out.push(format!("{what}: {}", answer.message()));
            return;
        }
        let object = match ask.operation {
            Operation::Create | Operation::Update => Some(answer.json().unwrap()),
            _ => object,
        };
        let namespace = namespace.map(str::to_owned);
        let own = super::told::warnings(&answer);
        self.cases.push(Case { what, ask, namespace, object, old, own });
    }

    /// Each of these in each namespace; `None` stands for objects that are in none.
    fn create(&mut self, kind: &Kind, namespaces: &[Option<&str>]) {
        for namespace in namespaces {
            let path = format!("{}?dryRun=All", root(kind.resource, *namespace));
            let ask = Self::ask(Operation::Create, kind.resource, kind.kind, "POST", path, Some(kind.object.clone()));
            self.add(ask, *namespace, None, None);
        }
    }

    /// Stores an object, and asks about its deletion and about updates of it.
    fn stored(&mut self, kind: &Kind, namespace: Option<&str>, changes: &[(&str, Value)]) {
        let name = kind.object["metadata"]["name"].as_str().unwrap();
        let path = format!("{}/{name}", root(kind.resource, namespace));
        let there = self.client.request("GET", &path, None).unwrap();
        let stored = match there.is_ok() {
            true => there.json().unwrap(),
            false => self.client.post(&root(kind.resource, namespace), &kind.object).unwrap().ok().unwrap(),
        };
        let dry = format!("{path}?dryRun=All");
        let ask = Self::ask(Operation::Delete, kind.resource, kind.kind, "DELETE", dry.clone(), None);
        self.add(ask, namespace, Some(stored.clone()), None);
        for (pointer, value) in changes {
            let mut object = stored.clone();
            let (base, last) = pointer.rsplit_once('/').unwrap();
            let last = last.replace("~1", "/");
            let there = object.pointer_mut(base).unwrap();
            if value.is_null() {
                there.as_object_mut().unwrap().remove(&last);
            } else {
                there[last] = value.clone();
            }
            let body = Some(object);
            let ask = Self::ask(Operation::Update, kind.resource, kind.kind, "PUT", dry.clone(), body);
            self.add(ask, namespace, Some(stored.clone()), None);
        }
    }

    /// Whoever connects to the pod `p`.
    fn connect(&mut self, namespace: &str, subresource: &'static str, query: &str, options: Value) {
        let (kind, mut object) = match subresource {
            "exec" => ("PodExecOptions", json!({ "stdout": true, "stderr": true })),
            "attach" => ("PodAttachOptions", json!({ "stdout": true, "stderr": true })),
            _ => ("PodPortForwardOptions", json!({})),
        };
        object["apiVersion"] = json!("v1");
        object["kind"] = json!(kind);
        object.as_object_mut().unwrap().extend(options.as_object().cloned().unwrap());
        let path = format!("/api/v1/namespaces/{namespace}/pods/p/{subresource}?{query}");
        let mut ask = Self::ask(Operation::Connect, ("", "v1", "pods"), kind, "POST", path, None);
        ask.subresource = Some(subresource);
        self.add(ask, Some(namespace), None, Some(object));
    }
}

const WIDGETS: Resource = ("example.com", "v1", "widgets");

fn of(resource: Resource, kind: &'static str, name: &str, labels: Value, rest: Value) -> Kind {
    let (group, version, _) = resource;
    let mut object = rest;
    object["apiVersion"] = if group.is_empty() { json!(version) } else { json!(format!("{group}/{version}")) };
    object["kind"] = json!(kind);
    object["metadata"] = json!({ "name": name, "labels": labels });
    Kind { resource, kind, object }
}

fn cases(stage: &mut Stage) {
    let everywhere = [Some("shop"), Some("legacy"), Some("other"), Some("kube-public")];
    let rbac = |plural| ("rbac.authorization.k8s.io", "v1", plural);
    // What stands in no namespace.
    for (at, role) in ["cluster-admin", "view", "nobody"].into_iter().enumerate() {
        let role_ref = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role });
        let subject = |kind: &str, name: &str| match kind {
            "ServiceAccount" => json!({ "kind": kind, "name": name, "namespace": "shop" }),
            _ => json!({ "kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io" }),
        };
        let subjects = [
            json!([subject("Group", "system:masters")]),
            json!([subject("User", "system:anonymous"), subject("User", "jane")]),
            json!([subject("Group", "system:unauthenticated")]),
            json!([subject("ServiceAccount", "default")]),
            json!([subject("Group", "devs")]),
            json!([]),
        ];
        for subjects in subjects {
            let body = json!({ "roleRef": role_ref, "subjects": subjects });
            stage.create(&of(rbac("clusterrolebindings"), "ClusterRoleBinding", "b", json!({}), body.clone()), &[None]);
            stage.create(&of(rbac("rolebindings"), "RoleBinding", "b", json!({}), body), &everywhere);
        }
        let body = json!({ "roleRef": role_ref });
        let name = format!("stored-{at}");
        let kind = of(rbac("clusterrolebindings"), "ClusterRoleBinding", &name, json!({}), body);
        stage.stored(&kind, None, &[("/subjects", json!([subject("Group", "system:masters")]))]);
    }
    for verbs in [json!(["*"]), json!(["get"])] {
        let rules = json!({ "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": verbs }] });
        stage.create(&of(rbac("clusterroles"), "ClusterRole", "r", json!({}), rules.clone()), &[None]);
        stage.create(&of(rbac("roles"), "Role", "r", json!({}), rules), &everywhere);
    }
    for keep in ["yes", "no"] {
        let name = format!("role-{keep}");
        let kind = of(rbac("clusterroles"), "ClusterRole", &name, json!({ "keep": keep }), json!({ "rules": [] }));
        stage.stored(&kind, None, &[("/rules", json!([{ "nonResourceURLs": ["*"], "verbs": ["get"] }]))]);
    }
    let volume = |source: Value| {
        let mut spec = json!({ "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"] });
        spec.as_object_mut().unwrap().extend(source.as_object().cloned().unwrap());
        of(
            ("", "v1", "persistentvolumes"),
            "PersistentVolume",
            "v",
            json!({ "protected": "true" }),
            json!({ "spec": spec }),
        )
    };
    let mut on_host = volume(json!({ "hostPath": { "path": "/data" } }));
    on_host.object["metadata"]["name"] = json!("on-host");
    stage.create(&on_host, &[None]);
    stage.stored(&volume(json!({ "nfs": { "server": "n", "path": "/" } })), None, &[]);

    // Namespaces are judged as if they stood in themselves.
    let level = "pod-security.kubernetes.io/enforce";
    for labels in [
        json!({}),
        json!({ "team": "b" }),
        json!({ "team": "b", level: "restricted" }),
        json!({ "team": "x", level: "privileged" }),
    ] {
        for name in ["new", "kube-system-too"] {
            stage.create(&of(("", "v1", "namespaces"), "Namespace", name, labels.clone(), json!({})), &[None]);
        }
    }
    for name in ["shop", "kept", "kube-public", "other"] {
        let kind = of(("", "v1", "namespaces"), "Namespace", name, json!({}), json!({}));
        let restricted = json!({ "team": "b", level: "restricted", "kubernetes.io/metadata.name": name });
        let moved = json!({ "team": "c", "protected": "true", "kubernetes.io/metadata.name": name });
        stage.stored(&kind, None, &[("/metadata/labels", restricted), ("/metadata/labels", moved)]);
    }
    let held =
        of(("", "v1", "namespaces"), "Namespace", "held", json!({ "protected": "true", level: "baseline" }), json!({}));
    stage.stored(&held, None, &[("/metadata/labels/pod-security.kubernetes.io~1enforce", json!("privileged"))]);

    // Of a kind that the cluster learned of.
    for (size, colour, labels) in [
        (1, json!("blue"), json!({})),
        (4, json!("red"), json!({ "a": "a" })),
        (9, json!(null), json!({ "a": "b" })),
        (3, json!("red"), json!({ "b": "c", "c": "c" })),
    ] {
        let mut spec = json!({ "size": size, "colour": colour, "labels": labels });
        if colour.is_null() {
            spec.as_object_mut().unwrap().remove("colour");
        }
        let kind = of(WIDGETS, "Widget", "w", json!({ "keep": "yes" }), json!({ "spec": spec }));
        stage.create(&kind, &everywhere);
        for namespace in everywhere {
            let changes = [
                ("/spec/size", json!(2)),
                ("/spec/size", json!(8)),
                ("/spec/colour", json!("blue")),
                ("/spec/colour", json!(null)),
                ("/metadata/labels/keep", json!("no")),
            ];
            let name = format!("stored-{size}");
            let kind = of(WIDGETS, "Widget", &name, json!({ "keep": "yes" }), json!({ "spec": spec }));
            stage.stored(&kind, namespace, &changes);
        }
    }

    // What stands in namespaces, made, changed and deleted.
    for kind in kinds::plain().iter().chain(&kinds::workloads()) {
        stage.create(kind, &everywhere);
        if kind.kind == "ServiceAccount" || kind.kind == "PersistentVolumeClaim" {
            continue;
        }
        for namespace in ["shop", "kube-public"] {
            let mut object = kind.object.clone();
            object["metadata"]["labels"]["protected"] = json!("true");
            object["metadata"]["name"] = json!("stored");
            let labels = |value: Value| ("/metadata/labels", value);
            let stored = Kind { object, ..*kind };
            stage.stored(&stored, Some(namespace), &[labels(json!({ "team": "c" })), labels(json!({}))]);
        }
    }
    for namespace in everywhere {
        let data = json!({ "data": { "a": "1", "b": "2" } });
        for keep in ["yes", "no"] {
            let name = format!("config-{keep}");
            let kind = of(("", "v1", "configmaps"), "ConfigMap", &name, json!({ "keep": keep }), data.clone());
            let changes = [("/data", json!({ "a": "1" })), ("/data", json!({ "a": "1", "b": "2", "c": "3" }))];
            stage.stored(&kind, namespace, &changes);
        }
        let service = of(
            ("", "v1", "services"),
            "Service",
            "inside",
            json!({}),
            json!({ "spec": { "ports": [{ "port": 80 }] } }),
        );
        stage.stored(&service, namespace, &[("/spec/type", json!("NodePort")), ("/spec/type", json!("LoadBalancer"))]);
        let secret =
            of(("", "v1", "secrets"), "Secret", "locked", json!({ "locked": "yes" }), json!({ "type": "Opaque" }));
        let mut new = secret.object.clone();
        new["metadata"]["name"] = json!("new");
        stage.create(&Kind { object: new, ..secret }, &[namespace]);
        stage.stored(&secret, namespace, &[("/metadata/labels", json!({ "team": "b" }))]);
    }

    // Pods, and who connects to them.
    let labelled = |labels: Value, image: &str| {
        let mut pod = pod();
        pod["metadata"] = json!({ "name": "new", "labels": labels });
        pod["spec"]["containers"][1]["image"] = json!(image);
        Kind { resource: ("", "v1", "pods"), kind: "Pod", object: pod }
    };
    for image in ["x.example.com/a:1", "x.example.com/a", "x.example.com/a:latest"] {
        for labels in [json!({}), json!({ "tier": "web" }), json!({ "app": "db" })] {
            stage.create(&labelled(labels.clone(), image), &everywhere);
            let mut deployment = kinds::workloads().remove(0);
            deployment.object["metadata"]["name"] = json!("stamped");
            deployment.object["spec"]["template"]["spec"]["containers"][1]["image"] = json!(image);
            deployment.object["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] =
                json!(true);
            deployment.object["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] =
                json!(true);
            if labels["tier"] == "web" {
                deployment.object["spec"]["template"]["metadata"]["labels"]["tier"] = json!("web");
            }
            stage.create(&deployment, &everywhere);
        }
    }
    for namespace in ["shop", "other", "legacy"] {
        let pods = root(("", "v1", "pods"), Some(namespace));
        let mut pod = labelled(json!({}), "x.example.com/a:1").object;
        pod["metadata"]["name"] = json!("p");
        stage.client.post(&pods, &pod).unwrap().ok().unwrap();
        stage.connect(namespace, "exec", "stdout=true&stderr=true", json!({}));
        let shell = json!({ "command": ["sh", "-c", "id"], "stdin": true, "container": "side" });
        stage.connect(
            namespace,
            "exec",
            "command=sh&command=-c&command=id&stdin=true&stdout=true&stderr=true&container=side",
            shell,
        );
        stage.connect(namespace, "exec", "command=ls&stdout=true&stderr=true", json!({ "command": ["ls"] }));
        stage.connect(namespace, "attach", "stdout=true&stderr=true", json!({}));
        stage.connect(namespace, "portforward", "ports=80", json!({ "ports": [80] }));
    }
}

/// Asks until an engine agrees about every case, or for as long as rules may take to be in force; yields what differs then.
fn settled(cases: &[Case], judge: impl Fn(&Case) -> Result<usize, String>) -> (usize, Vec<String>) {
    let mut last = (0, Vec::new());
    let _ = wait_until("the engine agrees", || {
        last = (0, Vec::new());
        for case in cases {
            match judge(case) {
                Ok(count) => last.0 += count,
                Err(why) => last.1.push(format!("{}: {why}", case.what)),
            }
        }
        Ok(last.1.is_empty().then_some(()))
    });
    last
}

#[test]
fn every_engine_decides_every_operation_alike() {
    let mut stage = Stage::new();
    cases(&mut stage);
    let Stage { server, client, cases, left_out } = stage;
    let admin = server.admin();
    assert!(left_out.len() < 5, "{} of {}: {left_out:#?}", left_out.len(), cases.len());
    let root = folder("operations");
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join("projects/everything/crds/widgets.yaml");
    std::fs::copy(definition, root.join("widgets.yaml")).unwrap();
    let settings = "crds = [\"widgets.yaml\"]\n";
    let Compiled { program, schema, .. } =
        compiled(&root, "operations", &source("operations"), KubeVersion::NEWEST, settings);
    let namespaces: BTreeMap<String, Value> = ["shop", "legacy", "other", "kept", "kube-public"]
        .into_iter()
        .map(|name| (name.to_owned(), admin.get(&format!("/api/v1/namespaces/{name}")).unwrap()))
        .collect();
    let standing = |case: &Case| case.namespace.as_ref().map(|name| &namespaces[name]);

    let policies = Policies::install(admin, &program);
    let (by_policies, mut failures) =
        settled(&cases, |case| policies.compare(&case.request(), standing(case), &case.send(&client)));
    policies.remove(admin);
    wait_until("the policies are gone", || {
        Ok(cases.iter().all(|case| !policies::is_denial(&case.send(&client))).then_some(()))
    })
    .unwrap();

    let evaluator = Evaluator::load(policies.table().clone()).unwrap();
    let webhook = Webhook::start(&server, policies.table());
    webhook.register(admin);
    let (by_webhook, more) = settled(&cases, |case| {
        let told = tell(&evaluator, &case.request(), standing(case))?;
        webhook::compare(&case.send(&client), &told, &case.own)
    });
    failures.extend(more);
    webhook.remove(admin);

    let known: Vec<&Value> = namespaces.values().collect();
    let laptop = Laptop::new(policies.table(), schema, &known);
    let groups = GROUPS.map(str::to_owned);
    let mut verdicts =
        Verdicts { requests: cases.len(), policies: by_policies, webhook: by_webhook, ..Verdicts::default() };
    for case in &cases {
        let told = tell(&evaluator, &case.request(), standing(case)).unwrap();
        let mut count = |into: &mut usize, outcome: Result<usize, String>| match outcome {
            Ok(more) => *into += more,
            Err(why) => failures.push(format!("{}: {why}", case.what)),
        };
        let written = case.ask.body.as_ref().map(|body| {
            let mut body = body.clone();
            if let Some(namespace) = &case.namespace {
                body["metadata"]["namespace"] = json!(namespace);
            }
            body
        });
        let raw = written.filter(|object| carries_pod(object) && case.ask.operation == Operation::Create);
        if case.ask.operation == Operation::Create {
            count(&mut verdicts.vet, laptop.vet(case.object.as_ref().unwrap(), &told));
        }
        if let Some(raw) = &raw {
            count(&mut verdicts.vet_raw, laptop.vet(raw, &told));
            let given = given(case.ask.operation, raw, None, &groups);
            count(&mut verdicts.test_raw, laptop.test(given, &told));
        }
        // A test says nothing of what is asked of a pod that is connected to.
        if case.ask.operation != Operation::Connect {
            let object = case.object.as_ref().or(case.old.as_ref()).unwrap();
            let old = case.old.as_ref().filter(|_| case.ask.operation == Operation::Update);
            count(&mut verdicts.test, laptop.test(given(case.ask.operation, object, old, &groups), &told));
        }
    }
    eprintln!("{} cases, {} left out, {verdicts:?}", cases.len(), left_out.len());
    super::rules::report(&failures, cases.len());
    assert!(verdicts.policies > 600 && verdicts.webhook >= verdicts.policies && verdicts.test > 600, "{verdicts:?}");
}

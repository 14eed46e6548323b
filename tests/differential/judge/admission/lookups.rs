//! Rules that look other objects up, and rules in Rego, on a server of their own: the webhook's index follows the cluster, and
//! `vet` and `test` are given the same objects. What is expected is written with each case.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kspec_compiler::Standards;
use kspec_diagnostics::SourceMap;
use kspec_model::Object;
use kspec_model::program::{Expectation, Expected, PodSecurityLevel, Test};
use kspec_model::rules::{Operation, Table};
use kspec_rego::Rego;
use kspec_rules::{Engines, Evaluator, Review};
use kspec_schema::{KubeVersion, Schema};
use kspec_state::{HostState, ManifestDoc, State, StateObject, StateOrigin};
use kspec_test_harness::{Client, ControlPlane, Options, wait_until};
use kspec_trial::Bench;
use kspec_vet::{KnownNamespaces, Standard, StateObjects, Vet};
use serde_json::{Value, json};

use super::bench::{Ask, client, groups, namespace};
use super::laptop::given;
use super::program::{AS_OF, Compiled, compiled, folder, source};
use super::told::{self, Told};
use super::webhook::{self, Webhook};
use crate::programs::origin;

const HOSTS: &str = r#"
package hosts

violation[{"msg": msg}] {
  host := input.review.object.spec.rules[_].host
  startswith(host, input.parameters.prefix)
  msg := sprintf("%v is for administrators", [host])
}
"#;

type Resource = (&'static str, &'static str, &'static str);
const SERVICES: Resource = ("", "v1", "services");
const INGRESSES: Resource = ("networking.k8s.io", "v1", "ingresses");
const DEPLOYMENTS: Resource = ("apps", "v1", "deployments");
const STATEFUL: Resource = ("apps", "v1", "statefulsets");
const DAEMONS: Resource = ("apps", "v1", "daemonsets");
const PODS: Resource = ("", "v1", "pods");

fn object(version: &str, kind: &str, namespace: &str, name: &str, rest: Value) -> Value {
    let mut object = rest;
    object["apiVersion"] = json!(version);
    object["kind"] = json!(kind);
    object["metadata"] = json!({ "name": name, "namespace": namespace });
    object
}

fn service(namespace: &str, name: &str, selector: Value) -> Value {
    object("v1", "Service", namespace, name, json!({ "spec": { "selector": selector, "ports": [{ "port": 80 }] } }))
}

fn ingress(namespace: &str, name: &str, hosts: &[(&str, &str)]) -> Value {
    let rules: Vec<Value> = hosts
        .iter()
        .map(|(host, path)| {
            let backend = json!({ "service": { "name": "web", "port": { "number": 80 } } });
            let paths = json!([{ "path": path, "pathType": "Prefix", "backend": backend }]);
            json!({ "host": host, "http": { "paths": paths } })
        })
        .collect();
    object("networking.k8s.io/v1", "Ingress", namespace, name, json!({ "spec": { "rules": rules } }))
}

fn workload(kind: &str, name: &str, replicas: Option<i64>, labels: Value) -> Value {
    let pod = json!({ "containers": [{ "name": "c", "image": "registry.example.com/c:1" }] });
    let template = json!({ "metadata": { "labels": labels }, "spec": pod });
    let mut spec = json!({ "selector": { "matchLabels": labels }, "template": template });
    if let Some(replicas) = replicas {
        spec["replicas"] = json!(replicas);
    }
    if kind == "StatefulSet" {
        spec["serviceName"] = json!("web");
    }
    object("apps/v1", kind, "shop", name, json!({ "spec": spec }))
}

fn pod(secrets: &[&str]) -> Value {
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({ "name": name })).collect();
    let spec =
        json!({ "containers": [{ "name": "c", "image": "registry.example.com/c:1" }], "imagePullSecrets": secrets });
    object("v1", "Pod", "shop", "p", json!({ "spec": spec }))
}

fn secret(namespace: &str, name: &str, ty: &str) -> Value {
    let key = if ty == "Opaque" { "a" } else { ".dockerconfigjson" };
    let data = json!({ "type": ty, "stringData": { key: r#"{"auths":{}}"# } });
    object("v1", "Secret", namespace, name, data)
}

/// What stands in the cluster.
fn standing() -> Vec<Value> {
    let selector = |selector: Value| json!({ "spec": { "selector": selector, "maxUnavailable": 1 } });
    let policy = |selector: Value| json!({ "spec": { "podSelector": selector, "policyTypes": ["Ingress"] } });
    let listed = json!({ "matchExpressions": [
        { "key": "app", "operator": "In", "values": ["api", "cache"] }, { "key": "batch", "operator": "DoesNotExist" },
    ] });
    let budget = |namespace, name, rest| object("policy/v1", "PodDisruptionBudget", namespace, name, selector(rest));
    let network =
        |namespace, name, rest| object("networking.k8s.io/v1", "NetworkPolicy", namespace, name, policy(rest));
    let docker = "kubernetes.io/dockerconfigjson";
    vec![
        service("shop", "web", json!({ "app": "web" })),
        service("shop", "api", json!({ "app": "api", "tier": "back" })),
        service("other", "db", json!({ "app": "db" })),
        ingress("shop", "main", &[("shop.example.com", "/"), ("shop.example.com", "/cart")]),
        ingress("other", "theirs", &[("taken.example.com", "/")]),
        budget("shop", "web", json!({ "matchLabels": { "app": "web" } })),
        budget("shop", "listed", listed),
        budget("other", "db", json!({ "matchLabels": { "app": "db" } })),
        network("shop", "web", json!({ "matchLabels": { "app": "web" } })),
        network("other", "all", json!({})),
        secret("shop", "registry", docker),
        secret("shop", "plain", "Opaque"),
        secret("other", "theirs", "Opaque"),
    ]
}

/// An object that is made, and the rules that refuse it.
type Case = (Resource, Value, &'static [&'static str]);

const BUDGET: &str = "require_disruption_budget";
const NETWORK: &str = "require_network_policy";

fn cases() -> Vec<Case> {
    let web = || json!({ "app": "web" });
    let db = || json!({ "app": "db" });
    vec![
        (SERVICES, service("shop", "new", json!({ "app": "new" })), &[]),
        (SERVICES, service("shop", "again", web()), &["unique_service_selectors"]),
        (SERVICES, service("shop", "db", db()), &[]),
        (SERVICES, service("shop", "part", json!({ "app": "api" })), &[]),
        (SERVICES, object("v1", "Service", "shop", "none", json!({ "spec": { "ports": [{ "port": 1 }] } })), &[]),
        (INGRESSES, ingress("shop", "new", &[("new.example.com", "/")]), &[]),
        (INGRESSES, ingress("shop", "new", &[("shop.example.com", "/cart")]), &["unique_hosts"]),
        (INGRESSES, ingress("shop", "new", &[("shop.example.com", "/other")]), &[]),
        (INGRESSES, ingress("shop", "new", &[("taken.example.com", "/else")]), &["unique_hosts"]),
        (INGRESSES, ingress("shop", "new", &[("admin.example.com", "/")]), &["no_admin_hosts"]),
        (
            INGRESSES,
            ingress("shop", "new", &[("admin.example.com", "/"), ("taken.example.com", "/")]),
            &["no_admin_hosts", "unique_hosts"],
        ),
        (DEPLOYMENTS, workload("Deployment", "web", Some(2), web()), &[]),
        (DEPLOYMENTS, workload("Deployment", "one", Some(1), db()), &[NETWORK]),
        (DEPLOYMENTS, workload("Deployment", "db", Some(2), db()), &[BUDGET, NETWORK]),
        (DEPLOYMENTS, workload("Deployment", "api", Some(3), json!({ "app": "api" })), &[NETWORK]),
        (
            DEPLOYMENTS,
            workload("Deployment", "batch", Some(3), json!({ "app": "api", "batch": "x" })),
            &[BUDGET, NETWORK],
        ),
        (STATEFUL, workload("StatefulSet", "db", Some(2), db()), &[BUDGET, NETWORK]),
        (STATEFUL, workload("StatefulSet", "cache", Some(2), json!({ "app": "cache" })), &[NETWORK]),
        (DAEMONS, workload("DaemonSet", "logs", None, json!({ "app": "logs" })), &[NETWORK]),
        (DAEMONS, workload("DaemonSet", "web", None, web()), &[]),
        (PODS, pod(&[]), &[]),
        (PODS, pod(&["registry"]), &[]),
        (PODS, pod(&["plain"]), &["pull_secret_types"]),
        (PODS, pod(&["theirs", "absent"]), &[]),
    ]
}

/// What stands there, as `vet --state` has it.
fn looked_up(objects: &[Value]) -> StateObjects {
    let objects = objects.iter().map(|object| StateObject::live(Object(object.clone()))).collect();
    StateObjects::new(&State::new(StateOrigin::Directory("state".to_owned()), objects, HostState::default()))
}

fn evaluator(table: &Table) -> Evaluator {
    Evaluator::load(table.clone()).unwrap().with_foreign(Arc::new(Rego::new(Duration::from_secs(10))))
}

/// How the webhook, `vet` and `test` differ from what is expected, with these objects in the cluster.
struct Judge<'a> {
    client: &'a Client,
    table: &'a Table,
    schema: &'a Arc<Schema>,
    namespaces: Vec<Value>,
}

impl Judge<'_> {
    fn differences(&self, cases: &[Case], standing: &[Value]) -> Vec<String> {
        let objects = looked_up(standing);
        let evaluator = evaluator(self.table);
        let mut vet = self.vet(&objects);
        let mut differences = Vec::new();
        for (resource, body, expected) in cases {
            let ask = Ask::create(*resource, body["kind"].as_str().unwrap().to_owned().leak(), body);
            let what = format!("{} {}", body["kind"], body["metadata"]["name"]);
            let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
            let mut differ = |engine: &str, given: BTreeSet<String>| {
                if given != expected {
                    differences.push(format!("{engine} of {what}: {given:?}, expected {expected:?}"));
                }
            };
            // Where no rule is, the server answers with the object as it completes it.
            let mut elsewhere = body.clone();
            elsewhere["metadata"]["namespace"] = json!("plain");
            let plain = ask.send(self.client, "plain", Some(&elsewhere));
            let own = told::warnings(&plain);
            let mut made = plain.ok().unwrap();
            made["metadata"]["namespace"] = json!("shop");
            let request = ask.request(Some("shop"), Some(&made), None);
            let review = Review::from_request(&request).unwrap().in_namespace(self.namespaces.first());
            let told = Told::of(&evaluator.judge(&review, Engines::All, &objects)).unwrap();
            differ("evaluator", told.refusals.iter().map(|(rule, _)| rule.clone()).collect());
            for (engine, value) in [("vet", body), ("vet of the completed object", &made)] {
                let document = ManifestDoc { value: value.clone(), file: "manifest.yaml".into(), line: 1 };
                let verdict = vet.judge(document).unwrap();
                differ(engine, verdict.violations.iter().filter_map(|it| it.rule.clone()).collect());
            }
            differ("test", self.test(&evaluator, body, standing));
            let answer = ask.send(self.client, "shop", Some(body));
            if let Err(why) = webhook::compare(&answer, &told, &own) {
                differences.push(format!("webhook of {what}: {why}"));
            }
        }
        differences
    }

    fn vet<'v>(&self, objects: &'v StateObjects) -> Vet<'v> {
        let mut known = KnownNamespaces::default();
        self.namespaces.iter().for_each(|namespace| known.add(namespace));
        let standard = Standard::Given { level: PodSecurityLevel::Privileged, minor: self.schema.version().minor() };
        let standards = Standards::new(Arc::clone(self.schema), kspec_stdlib::FILES);
        Vet::new(Arc::clone(self.schema), standards, standard)
            .with_project(evaluator(self.table))
            .with_namespaces(known)
            .with_objects(objects)
    }

    fn test(&self, evaluator: &Evaluator, body: &Value, standing: &[Value]) -> BTreeSet<String> {
        let groups = groups();
        let ask = |object: &Value| given(Operation::Create, object, None, &groups);
        let mut all: Vec<_> = standing.iter().map(ask).collect();
        all.push(ask(body));
        let expect = vec![Expected { negated: false, what: Expectation::Allowed, at: origin().at }];
        let test = Test { name: "generated".to_owned(), given: all, expect, origin: origin() };
        let (sources, namespaces) = (SourceMap::default(), BTreeMap::new());
        let bench = Bench { evaluator, schema: self.schema, namespaces: &namespaces, sources: &sources, claims: &[] };
        let ran = kspec_trial::run([&test], bench);
        let verdict = ran[0].verdict.as_ref().unwrap_or_else(|| panic!("{:?}", ran[0].checks));
        verdict.refusals.iter().map(|said| said.rule.clone()).collect()
    }

    /// Asks until everybody agrees, for as long as the index may take to hear of a change.
    fn agree(&self, cases: &[Case], standing: &[Value]) {
        let mut last = Vec::new();
        let agreed = wait_until("the index is up to date", || {
            last = self.differences(cases, standing);
            Ok(last.is_empty().then_some(()))
        });
        assert!(agreed.is_ok(), "{}", last.join("\n"));
    }
}

#[test]
fn every_engine_sees_the_same_cluster() {
    let server = ControlPlane::start(Options::default()).unwrap();
    let client = client(&server);
    let namespaces = ["shop", "other", "plain"].map(|name| namespace(&client, name)).to_vec();
    let mut standing = standing();
    for object in &standing {
        client.apply(object, "kspec.judge", false).unwrap().ok().unwrap();
    }
    let root = folder("lookups");
    std::fs::write(root.join("hosts.rego"), HOSTS).unwrap();
    let Compiled { program, schema, .. } = compiled(&root, "lookups", &source("lookups"), KubeVersion::NEWEST, "");
    let (table, _) = kspec_lower::table(&program, AS_OF);
    let webhook = Webhook::start(&server, &table);
    webhook.register(&client);
    let judge = Judge { client: &client, table: &table, schema: &schema, namespaces };
    judge.agree(&cases(), &standing);

    // The index follows: what goes no longer counts, what comes does.
    let delete = |kind: &str, namespace: &str, name: &str, standing: &mut Vec<Value>| {
        let is = |object: &Value| {
            object["kind"] == kind && object["metadata"]["name"] == name && object["metadata"]["namespace"] == namespace
        };
        let at = standing.iter().position(is).unwrap();
        client.delete(&client.path_of(&standing.remove(at)).unwrap()).unwrap().ok().unwrap();
    };
    delete("Ingress", "other", "theirs", &mut standing);
    delete("Service", "shop", "api", &mut standing);
    delete("NetworkPolicy", "shop", "web", &mut standing);
    // Made where rules are: they let it in.
    for object in
        [service("shop", "third", json!({ "app": "third" })), service("shop", "fourth", json!({ "app": "fourth" }))]
    {
        client.apply(&object, "kspec.judge", false).unwrap().ok().unwrap();
        standing.push(object);
    }
    let after: Vec<Case> = vec![
        (SERVICES, service("shop", "new", json!({ "app": "new" })), &["few_services"]),
        (SERVICES, service("shop", "again", json!({ "app": "web" })), &["few_services", "unique_service_selectors"]),
        (INGRESSES, ingress("shop", "new", &[("taken.example.com", "/else")]), &[]),
        (DEPLOYMENTS, workload("Deployment", "web", Some(2), json!({ "app": "web" })), &["require_network_policy"]),
    ];
    judge.agree(&after, &standing);
    webhook.remove(&client);
}

//! What `kspec vet` says that LimitRanges refuse, against the real LimitRanger.

use std::collections::BTreeSet;

use kspec_compiler::Standards;
use kspec_model::program::PodSecurityLevel;
use kspec_schema::{KubeVersion, Schema};
use kspec_state::ManifestDoc;
use kspec_test_harness::{Client, Cluster, ControlPlane};
use kspec_vet::{Standard, Vet};
use serde_json::{Map, Value, json};

use crate::random::Random;

const RANGES: usize = 48;
/// Of each range.
const OBJECTS: usize = 24;

const AMOUNTS: [&str; 12] = ["0", "1", "2", "100m", "250m", "0.5", "1500m", "1k", "64Mi", "128Mi", "1Gi", "10P"];
/// Resources that any container may ask for, and one that no range bounds.
const RESOURCES: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "example.com/gpu"];

/// Some resources, each with an amount.
fn amounts(random: &mut Random, most: usize) -> Value {
    let names = random.some(&RESOURCES, most);
    // Extended resources are whole numbers, and their requests are their limits.
    let amount = |random: &mut Random, name: &str| if name.contains('/') { "2" } else { *random.pick(&AMOUNTS) };
    Value::Object(names.into_iter().map(|name| (name.to_owned(), json!(amount(random, name)))).collect())
}

fn maybe(random: &mut Random, fields: &mut Map<String, Value>, name: &str, make: impl Fn(&mut Random) -> Value) {
    if random.one_in(2) {
        let value = make(random);
        fields.insert(name.to_owned(), value);
    }
}

fn range(random: &mut Random, name: &str) -> Value {
    let item = |random: &mut Random, kind: &str| {
        let mut item = Map::from_iter([("type".to_owned(), json!(kind))]);
        if kind == "PersistentVolumeClaim" {
            maybe(random, &mut item, "min", |random| json!({ "storage": random.pick(&["1Gi", "2Gi"]) }));
            maybe(random, &mut item, "max", |random| json!({ "storage": random.pick(&["2Gi", "10Gi"]) }));
        } else {
            for part in ["min", "max"] {
                maybe(random, &mut item, part, |random| amounts(random, 2));
            }
            if kind == "Container" {
                for part in ["default", "defaultRequest"] {
                    maybe(random, &mut item, part, |random| amounts(random, 2));
                }
            }
            maybe(random, &mut item, "maxLimitRequestRatio", |random| {
                let name = *random.pick(&["cpu", "memory"]);
                json!({ name: random.pick(&["1", "2", "1500m", "10"]) })
            });
        }
        Value::Object(item)
    };
    let kinds = random.some(&["Container", "Pod", "PersistentVolumeClaim"], 3);
    let items: Vec<Value> = kinds.into_iter().map(|kind| item(random, kind)).collect();
    json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": name }, "spec": { "limits": items } })
}

fn pod(random: &mut Random) -> Value {
    let container = |random: &mut Random, name: String, sidecar: bool| {
        let mut resources = Map::new();
        maybe(random, &mut resources, "requests", |random| amounts(random, 3));
        maybe(random, &mut resources, "limits", |random| amounts(random, 3));
        let mut container = json!({ "name": name, "image": "example.com/c:1", "resources": resources });
        if sidecar {
            container["restartPolicy"] = json!("Always");
        }
        container
    };
    let containers: Vec<Value> = (0..=random.below(2)).map(|at| container(random, format!("c{at}"), false)).collect();
    let first: Vec<Value> = (0..random.below(4))
        .map(|at| {
            let sidecar = random.one_in(2);
            container(random, format!("i{at}"), sidecar)
        })
        .collect();
    let mut spec = json!({ "containers": containers, "initContainers": first });
    if random.one_in(4) {
        let mut whole = Map::new();
        let own =
            |random: &mut Random| json!({ (*random.pick(&["cpu", "memory"])): random.pick(&["250m", "2", "1Gi"]) });
        maybe(random, &mut whole, "requests", own);
        maybe(random, &mut whole, "limits", own);
        if !whole.is_empty() {
            spec["resources"] = Value::Object(whole);
        }
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x" }, "spec": spec })
}

fn claim(random: &mut Random) -> Value {
    let storage = random.pick(&["512Mi", "1Gi", "1.5Gi", "2Gi", "11Gi"]);
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "x" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": storage } } },
    })
}

/// What stamps it.
fn workload(object: &Value) -> Value {
    let labels = json!({ "app": "x" });
    let (template, claims) = match object["kind"].as_str() {
        Some("Pod") => (object["spec"].clone(), json!([])),
        _ => (json!({ "containers": [{ "name": "c", "image": "example.com/c:1" }] }), json!([object])),
    };
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "x" },
        "spec": {
            "serviceName": "x", "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": template }, "volumeClaimTemplates": claims,
        },
    })
}

/// What the server refuses, a message each; none where the object is not valid, so that nobody asks the plugin.
fn served(client: &Client, namespace: &str, object: &Value) -> Option<BTreeSet<String>> {
    let kind = if object["kind"] == "Pod" { "pods" } else { "persistentvolumeclaims" };
    let answer = client.post(&format!("/api/v1/namespaces/{namespace}/{kind}?dryRun=All"), object).unwrap();
    let message = answer.message();
    match answer.status {
        201 => Some(BTreeSet::new()),
        422 => None,
        403 => {
            let told =
                message.strip_prefix(&format!("{kind} \"x\" is forbidden: ")).unwrap_or_else(|| panic!("{message}"));
            let told = told.strip_prefix('[').and_then(|told| told.strip_suffix(']')).unwrap_or(told);
            // A message has a comma of its own before `but`.
            let mut messages: Vec<String> = Vec::new();
            for part in told.split(", ") {
                match messages.last_mut() {
                    Some(last) if part.starts_with("but ") => *last = format!("{last}, {part}"),
                    _ => messages.push(part.to_owned()),
                }
            }
            Some(messages.into_iter().collect())
        }
        status => panic!("{status}: {message}"),
    }
}

#[test]
fn limit_ranges_refuse_what_vet_says() {
    judge(ControlPlane::shared().unwrap());
}

fn judge(cluster: &Cluster) {
    let client = cluster.admin();
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let mut random = Random::new(26);
    let (mut asked, mut refused) = (0, 0);
    let mut differences = Vec::new();
    let mut ranges = 0;
    while ranges < RANGES {
        let namespace = cluster.namespace_for_pods("limits").unwrap();
        let range = range(&mut random, "r");
        let answer = client.post(&format!("/api/v1/namespaces/{namespace}/limitranges"), &range).unwrap();
        if answer.status == 422 {
            continue;
        }
        ranges += 1;
        // As `vet` reads it: what was written, and where.
        let mut known = range.clone();
        known["metadata"]["namespace"] = json!(namespace);
        answer.ok().unwrap();
        let standards = Standards::new(schema.clone(), kspec_stdlib::FILES);
        let standard = Standard::Given { level: PodSecurityLevel::Privileged, minor: schema.version().minor() };
        let mut vet = Vet::new(schema.clone(), standards, standard);
        vet.add_known(&known);
        for at in 0..OBJECTS {
            let object = if at % 6 == 0 { claim(&mut random) } else { pod(&mut random) };
            let Some(served) = served(client, &namespace, &object) else { continue };
            asked += 1;
            refused += usize::from(!served.is_empty());
            let stamps = workload(&object);
            // The pod of a set that only stamps claims says nothing of the claim.
            let stamping = (object["kind"] == "Pod").then_some(&stamps);
            for object in [Some(&object), stamping].into_iter().flatten() {
                let mut value = object.clone();
                value["metadata"]["namespace"] = json!(namespace);
                let verdict = vet.judge(ManifestDoc { value, file: "x.yaml".into(), line: 1 }).unwrap();
                let said: BTreeSet<String> = verdict.violations.iter().map(|said| said.message.clone()).collect();
                if said != served || verdict.allowed != served.is_empty() {
                    differences.push(format!("{range}\n{object}\n  vet: {said:#?}\n  server: {served:#?}"));
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differ, the first:\n{}",
        differences.len(),
        differences.iter().take(6).cloned().collect::<Vec<_>>().join("\n\n")
    );
    assert!(asked > RANGES * OBJECTS / 4 && refused * 4 > asked && refused < asked, "{refused} of {asked} refused");
}

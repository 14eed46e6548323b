//! The library's rules, and rules made for what CEL could get wrong.

use kspec_model::rules::{Engine, Operation};
use kspec_rules::{Engines, NoObjects, Review};
use kspec_schema::KubeVersion;
use kspec_test_harness::{Cluster, ControlPlane};
use serde_json::{Value, json};

use super::bench::{Ask, Bench, Place, Verdicts, groups, wait};
use super::kinds;
use super::laptop::given;
use super::objects::{neighbours, pod, shaken, variants};
use crate::random::Random;

/// Threads that ask the server.
const WORKERS: usize = 8;

/// How many objects of each kind that stamps pods.
const SOME_WORKLOADS: usize = 30;

/// A pod that most rules refuse, and that the server takes.
fn bad() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" },
        "spec": { "automountServiceAccountToken": false, "containers": [{ "name": "c", "image": "nginx" }] },
    })
}

/// Each field dropped and each value replaced in turn, and several at once.
fn pods(together: usize) -> Vec<Value> {
    let mut random = Random::new(7);
    let base = variants();
    let mut pods: Vec<Value> = neighbours(&base[0]);
    for _ in 0..together {
        let start = random.pick(&base).clone();
        pods.push(shaken(&mut random, &start, 3));
    }
    pods
}

/// Asks every engine about the creation of pods, none for good.
fn judge_pods(bench: &Bench, pods: &[Value]) -> Verdicts {
    let ask = |pod: &Value| Ask::create(("", "v1", "pods"), "Pod", pod);
    bench.in_force(&ask(&bad()));
    let (verdicts, failures) = parallel(pods, |pod| bench.judge(&ask(pod)));
    eprintln!("{} pods, {verdicts:?}", pods.len());
    report(&failures, pods.len());
    verdicts
}

/// Fails with what went wrong, one of each kind first.
pub(crate) fn report(failures: &[String], cases: usize) {
    let mut told: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    for failure in failures {
        told.entry(failure.chars().take(60).collect()).or_insert_with(|| failure.chars().take(1500).collect());
    }
    let told: Vec<&str> = told.values().take(20).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {cases}:\n{}", failures.len(), told.join("\n\n"));
}

#[test]
fn every_engine_decides_the_library_alike() {
    let cluster = ControlPlane::shared().unwrap();
    let bench = Bench::new(cluster, KubeVersion::NEWEST, "library");
    // What CEL is known not to say; whatever else goes to the webhook is a loss to be looked at.
    let known = ["no_literal_credentials", "no_credentials_in_config"];
    for placement in &bench.placements {
        let reason = placement.reason.as_deref().unwrap_or_default();
        assert!(reason.is_empty() || known.contains(&placement.name.as_str()), "{}: {reason}", placement.name);
    }
    let verdicts = judge_pods(&bench, &pods(300));
    let Verdicts { policies, webhook, vet, vet_raw, test, test_raw, .. } = verdicts;
    assert!([policies, webhook, vet, vet_raw, test, test_raw].iter().all(|count| *count > 20_000), "{verdicts:?}");
}

#[test]
fn every_engine_decides_other_kinds_alike() {
    let cluster = ControlPlane::shared().unwrap();
    let bench = Bench::new(cluster, KubeVersion::NEWEST, "library");
    bench.in_force(&Ask::create(("", "v1", "pods"), "Pod", &bad()));
    let mut random = Random::new(11);
    let mut cases = Vec::new();
    for kind in kinds::plain() {
        cases.extend(neighbours(&kind.object).iter().map(|object| Ask::create(kind.resource, kind.kind, object)));
        let shaken = (0..20).map(|_| shaken(&mut random, &kind.object, 3));
        cases.extend(shaken.map(|object| Ask::create(kind.resource, kind.kind, &object)));
    }
    for kind in kinds::workloads() {
        // What is in a template is in a pod, of which every neighbour was asked about.
        let around = neighbours(&kind.object);
        let some = (0..SOME_WORKLOADS).map(|_| random.pick(&around).clone());
        cases.extend(some.map(|object| Ask::create(kind.resource, kind.kind, &object)));
    }
    // Each policy takes effect in its own time: the one that is last is waited for by asking.
    wait(|| cases.iter().step_by(97).all(|ask| bench.judge(ask).is_ok()));
    let (verdicts, failures) = parallel(&cases, |ask| bench.judge(ask));
    eprintln!("{} objects, {verdicts:?}", cases.len());
    report(&failures, cases.len());
    let Verdicts { policies, webhook, vet, test, vet_raw, test_raw, .. } = verdicts;
    assert!([policies, webhook, vet, test, vet_raw, test_raw].iter().all(|count| *count > 10_000), "{verdicts:?}");
}

#[test]
fn every_engine_decides_every_construct_alike() {
    constructs_on(ControlPlane::shared().unwrap(), KubeVersion::NEWEST);
}

/// One rule for each thing that CEL could say otherwise.
pub(crate) fn constructs_on(cluster: &Cluster, version: KubeVersion) {
    let bench = Bench::new(cluster, version, "constructs");
    for placement in &bench.placements {
        // Lists are sorted by CEL since 1.35, and what a map yields has no other order.
        let since = if placement.name == "maps" { KubeVersion::V1_35 } else { KubeVersion::V1_33 };
        let engine = if version < since { Engine::Webhook } else { Engine::Cel };
        assert_eq!(placement.engine, engine, "{}: {:?}", placement.name, placement.reason);
    }
    judge_pods(&bench, &pods(200));
}

#[test]
fn subresources_and_updates_are_judged_as_pods_are() {
    let cluster = ControlPlane::shared().unwrap();
    // The pods stand there before the rules do.
    let bench = Bench::with(cluster, KubeVersion::NEWEST, "constructs", |client, namespace| {
        client.post(&format!("/api/v1/namespaces/{namespace}/pods"), &pod()).unwrap().ok().unwrap();
    });
    bench.in_force(&Ask::create(("", "v1", "pods"), "Pod", &bad()));
    let stored = |place: &Place| bench.client.get(&format!("/api/v1/namespaces/{}/pods/p", place.name)).unwrap();
    let debugger = json!({ "name": "debug", "image": "docker.io/library/busybox", "targetContainerName": "app" });
    let changes: [(&str, &str, Value); 4] = [
        ("", "/metadata/labels", json!({ "app": "other", "team": "c" })),
        ("", "/metadata/annotations", json!({ "other.example.com/x": "y" })),
        ("ephemeralcontainers", "/spec/ephemeralContainers", json!([debugger])),
        ("resize", "/spec/containers/1/resources/limits/memory", json!("300Mi")),
    ];
    let mut verdicts = Verdicts::default();
    for (sub, pointer, value) in changes {
        let changed = |place: &Place| {
            let mut object = stored(place);
            match object.pointer_mut(pointer) {
                Some(there) => *there = value.clone(),
                None => object["spec"]["ephemeralContainers"] = value.clone(),
            }
            object
        };
        let slash = if sub.is_empty() { "" } else { "/" };
        let ask = Ask {
            operation: Operation::Update,
            resource: ("", "v1", "pods"),
            subresource: Some(sub).filter(|sub| !sub.is_empty()),
            kind: "Pod",
            method: "PUT",
            path: format!("/api/v1/namespaces/{{}}/pods/p{slash}{sub}?dryRun=All"),
            body: None,
            groups: groups(),
        };
        // What the server makes of it where no rule is, as the pod in scope.
        let made = ask.send(&bench.client, &bench.plain.name, Some(&changed(&bench.plain))).ok().unwrap();
        let request = |place: &Place| {
            let (mut object, old) = (made.clone(), stored(place));
            object["metadata"]["namespace"] = json!(place.name);
            object["metadata"]["uid"] = old["metadata"]["uid"].clone();
            ask.request(Some(&place.name), Some(&object), Some(&old))
        };
        let here = request(&bench.judged);
        let bodies = (changed(&bench.judged), changed(&bench.hooked));
        let judge = || bench.judge_servers(&ask, &here, (Some(&bodies.0), Some(&bodies.1)), &[], request);
        // Each policy takes effect in its own time: the warning ones need not be there with the first that refuses.
        wait(|| judge().is_ok());
        let (told, mut counted) = judge().unwrap_or_else(|why| panic!("{sub} {pointer}: {why}"));
        let mut given = given(ask.operation, &here["object"], Some(&here["oldObject"]), &groups());
        given.subresource = ask.subresource.map(str::to_owned);
        counted.test = bench.test(given, &told).unwrap_or_else(|why| panic!("{sub} {pointer}: {why}"));
        verdicts = verdicts + counted;
    }
    eprintln!("{verdicts:?}");
    assert!(verdicts.policies > 40 && verdicts.webhook > 40 && verdicts.test > 40, "{verdicts:?}");
}

#[test]
fn mutations_make_the_evaluators_object_and_nothing_more_the_second_time() {
    mutations_on(ControlPlane::shared().unwrap(), KubeVersion::NEWEST);
}

/// The library's mutations, and one of our own.
pub(crate) fn mutations_on(cluster: &Cluster, version: KubeVersion) {
    let bench = Bench::new(cluster, version, "mutations");
    // Older servers take none in CEL.
    let engine = if version < KubeVersion::NEWEST { Engine::Webhook } else { Engine::Cel };
    for placement in &bench.placements {
        assert_eq!(placement.engine, engine, "{}: {:?}", placement.name, placement.reason);
    }
    let by_policies = engine == Engine::Cel;
    let path = |place: &Place| format!("/api/v1/namespaces/{}/pods?dryRun=All", place.name);
    let made_by_all = |place: &Place| {
        let answer = bench.client.post(&path(place), &bad()).unwrap();
        let object = answer.json().unwrap();
        answer.is_ok()
            && object["metadata"]["labels"]["tier"] == "back"
            && object["spec"]["securityContext"]["runAsNonRoot"] == true
            && object["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] == true
            && object["metadata"]["annotations"].get("a/b_c").is_some()
    };
    wait(|| (!by_policies || made_by_all(&bench.judged)) && made_by_all(&bench.hooked));
    let outcome = |pod: &Value| -> Result<Verdicts, String> {
        let plain = bench.client.post(&path(&bench.plain), pod).unwrap();
        let Ok(mut object) = plain.ok() else { return Ok(Verdicts::default()) };
        // The token's volume has a name that is made up each time.
        if object.to_string().contains("kube-api-access") {
            return Ok(Verdicts::default());
        }
        object["metadata"]["namespace"] = json!(bench.judged.name);
        let ask = Ask::create(("", "v1", "pods"), "Pod", pod);
        let request = ask.request(Some(&bench.judged.name), Some(&object), None);
        let review = Review::from_request(&request).unwrap().in_namespace(Some(&bench.judged.object));
        let mutated = bench.policies.evaluator().mutate(&review, Engines::All, &NoObjects);
        if !mutated.faults.is_empty() {
            return Err(format!("{:?}", mutated.faults));
        }
        let expected = bare(mutated.object);
        let mut verdicts = Verdicts { requests: 1, ..Verdicts::default() };
        let engines = [(&bench.hooked, &mut verdicts.webhook), (&bench.judged, &mut verdicts.policies)];
        for (place, count) in engines.into_iter().take(if by_policies { 2 } else { 1 }) {
            let answer = bench.client.post(&path(place), pod).unwrap();
            if !answer.is_ok() {
                // What validation refuses of the mutated object is no matter of the mutation.
                if answer.status == 422 {
                    continue;
                }
                return Err(answer.message());
            }
            let made = bare(answer.json().unwrap());
            if made != expected {
                return Err(format!("the server makes\n  {made}\nthe evaluator\n  {expected}"));
            }
            let again = bench.client.post(&path(place), &made).unwrap();
            let again = bare(again.ok().map_err(|error| error.to_string())?);
            if again != made {
                return Err(format!("the second time makes\n  {again}\nof\n  {made}"));
            }
            *count += 1;
        }
        Ok(verdicts)
    };
    let pods = pods(100);
    let (same, failures) = parallel(&pods, outcome);
    report(&failures, pods.len());
    eprintln!("{same:?}");
    assert!(same.webhook > 150 && (!by_policies || same.policies == same.webhook), "{same:?} of {}", pods.len());
}

/// An object without what the server makes up each time.
fn bare(mut object: Value) -> Value {
    for name in ["uid", "creationTimestamp", "managedFields", "resourceVersion", "generation", "selfLink"] {
        object["metadata"].as_object_mut().unwrap().remove(name);
    }
    // Each engine is asked in its own namespace.
    object["metadata"].as_object_mut().unwrap().remove("namespace");
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    object
}

/// Judges many objects at once; the verdicts, and what went wrong.
pub(crate) fn parallel<T: Sync>(
    cases: &[T],
    outcome: impl Fn(&T) -> Result<Verdicts, String> + Sync,
) -> (Verdicts, Vec<String>) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let (mut verdicts, mut failures) = (Verdicts::default(), Vec::new());
        while let Some(case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            match outcome(case) {
                Ok(more) => verdicts = verdicts + more,
                Err(failure) => failures.push(failure),
            }
        }
        (verdicts, failures)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold((Verdicts::default(), Vec::new()), |all, one| {
            (all.0 + one.0, all.1.into_iter().chain(one.1).collect())
        })
    })
}

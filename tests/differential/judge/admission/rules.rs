//! The library's rules, and rules made for what CEL could get wrong.

use kspec_model::rules::{Engine, Operation};
use kspec_rules::{Asked, Engines, NoObjects, Review};
use kspec_test_harness::ControlPlane;
use serde_json::{Value, json};

use super::objects::{neighbours, pod, shaken, variants};
use super::server::{Bench, created};
use crate::random::Random;

/// Threads that ask the server.
const WORKERS: usize = 8;

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

/// Creates pods, none for good; the number of verdicts that agree.
fn judge_pods(bench: &Bench<'_>, pods: &[Value]) -> usize {
    let path = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    bench.judged.wait(|| bench.client.post(&path(&bench.inside), &bad()).unwrap().status == 403);
    let outcome = |pod: &Value| -> Result<usize, String> {
        let plain = bench.client.post(&path(&bench.outside), pod).unwrap();
        if !plain.is_ok() {
            return Ok(0);
        }
        let mut object = plain.json().unwrap();
        object["metadata"]["namespace"] = json!(bench.inside);
        let request = created(("", "v1", "pods"), "Pod", Some(&bench.inside), &object);
        let answer = bench.client.post(&path(&bench.inside), pod).unwrap();
        bench.judged.compare(&request, &bench.namespace, &answer).map_err(|why| format!("{why}\nof {object}"))
    };
    let (verdicts, failures) = parallel(pods, outcome);
    eprintln!("{} pods, {verdicts} verdicts", pods.len());
    let told: Vec<String> = failures.iter().take(12).map(|failure| failure.chars().take(1500).collect()).collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), pods.len(), told.join("\n\n"));
    verdicts
}

#[test]
fn the_server_decides_the_library_as_the_evaluator_does() {
    let cluster = ControlPlane::shared().unwrap();
    let bench = Bench::new(cluster, "library");
    // What CEL is known not to say; whatever else goes to the webhook is a loss to be looked at.
    let known = ["no_literal_credentials", "no_credentials_in_config"];
    for placement in &bench.placements {
        let reason = placement.reason.as_deref().unwrap_or_default();
        assert!(reason.is_empty() || known.contains(&placement.name.as_str()), "{}: {reason}", placement.name);
    }
    let verdicts = judge_pods(&bench, &pods(300));
    assert!(verdicts > 20_000, "{verdicts}");
}

#[test]
fn the_server_decides_every_construct_as_the_evaluator_does() {
    let cluster = ControlPlane::shared().unwrap();
    let bench = Bench::new(cluster, "constructs");
    for placement in &bench.placements {
        assert_eq!(placement.engine, Engine::Cel, "{}: {:?}", placement.name, placement.reason);
    }
    judge_pods(&bench, &pods(200));
}

#[test]
fn subresources_and_updates_are_judged_as_pods_are() {
    let cluster = ControlPlane::shared().unwrap();
    // The pods stand there before the rules do.
    let bench = Bench::with(cluster, "constructs", |client, inside, outside| {
        for namespace in [inside, outside] {
            client.post(&format!("/api/v1/namespaces/{namespace}/pods"), &pod()).unwrap().ok().unwrap();
        }
    });
    let create = format!("/api/v1/namespaces/{}/pods?dryRun=All", bench.inside);
    bench.judged.wait(|| bench.client.post(&create, &bad()).unwrap().status == 403);
    let path = |namespace: &str, sub: &str| format!("/api/v1/namespaces/{namespace}/pods/p{sub}");
    let stored = bench.client.get(&path(&bench.inside, "")).unwrap();
    let twin = bench.client.get(&path(&bench.outside, "")).unwrap();
    let debugger = json!({ "name": "debug", "image": "docker.io/library/busybox", "targetContainerName": "app" });
    let changes: [(&str, &str, Value); 4] = [
        ("", "/metadata/labels", json!({ "app": "other", "team": "c" })),
        ("", "/metadata/annotations", json!({ "other.example.com/x": "y" })),
        ("/ephemeralcontainers", "/spec/ephemeralContainers", json!([debugger])),
        ("/resize", "/spec/containers/1/resources/limits/memory", json!("300Mi")),
    ];
    let groups = ["system:masters".to_owned(), "system:authenticated".to_owned()];
    let mut verdicts = 0;
    for (sub, pointer, value) in changes {
        let changed = |object: &Value| {
            let mut object = object.clone();
            match object.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => object["spec"]["ephemeralContainers"] = value.clone(),
            }
            object
        };
        let put = |namespace: &str, object: &Value| {
            let body = object.to_string();
            let path = format!("{}?dryRun=All", path(namespace, sub));
            bench.client.request("PUT", &path, Some(("application/json", &body))).unwrap()
        };
        // What the server makes of it where no rule is, as the pod in scope.
        let mut object = put(&bench.outside, &changed(&twin)).ok().unwrap();
        object["metadata"]["namespace"] = json!(bench.inside);
        object["metadata"]["uid"] = stored["metadata"]["uid"].clone();
        let request = Asked {
            operation: Operation::Update,
            resource: ("", "v1", "pods"),
            subresource: Some(sub.trim_start_matches('/')).filter(|sub| !sub.is_empty()),
            kind: "Pod",
            namespace: Some(&bench.inside),
            object: Some(&object),
            old: Some(&stored),
            user: "admin",
            groups: &groups,
        }
        .request();
        // Each policy takes effect in its own time: the warning ones need not be there with the first that refuses.
        let ask = || bench.judged.compare(&request, &bench.namespace, &put(&bench.inside, &changed(&stored)));
        bench.judged.wait(|| ask().is_ok());
        verdicts += ask().unwrap_or_else(|why| panic!("{sub} {pointer}: {why}"));
    }
    assert!(verdicts > 40, "{verdicts}");
}

#[test]
fn mutations_make_the_evaluators_object_and_nothing_more_the_second_time() {
    let cluster = ControlPlane::shared().unwrap();
    let bench = Bench::new(cluster, "mutations");
    for placement in &bench.placements {
        assert_eq!(placement.engine, Engine::Cel, "{}: {:?}", placement.name, placement.reason);
    }
    let path = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    bench.judged.wait(|| {
        let answer = bench.client.post(&path(&bench.inside), &bad()).unwrap();
        let object = answer.json().unwrap();
        answer.is_ok()
            && object["metadata"]["labels"]["tier"] == "back"
            && object["spec"]["securityContext"]["runAsNonRoot"] == true
            && object["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] == true
            && object["metadata"]["annotations"].get("a/b_c").is_some()
    });
    let outcome = |pod: &Value| -> Result<usize, String> {
        let plain = bench.client.post(&path(&bench.outside), pod).unwrap();
        let Ok(mut object) = plain.ok() else { return Ok(0) };
        // The token's volume has a name that is made up each time.
        if object.to_string().contains("kube-api-access") {
            return Ok(0);
        }
        object["metadata"]["namespace"] = json!(bench.inside);
        let request = created(("", "v1", "pods"), "Pod", Some(&bench.inside), &object);
        let review = Review::from_request(&request).unwrap().in_namespace(Some(&bench.namespace));
        let mutated = bench.judged.evaluator.mutate(&review, Engines::All, &NoObjects);
        if !mutated.faults.is_empty() {
            return Err(format!("{:?}", mutated.faults));
        }
        let answer = bench.client.post(&path(&bench.inside), pod).unwrap();
        if !answer.is_ok() {
            // What validation refuses of the mutated object is no matter of the mutation.
            return if answer.status == 422 { Ok(0) } else { Err(answer.message()) };
        }
        let made = bare(answer.json().unwrap());
        let expected = bare(mutated.object);
        if made != expected {
            return Err(format!("the server makes\n  {made}\nthe evaluator\n  {expected}"));
        }
        let again = bench.client.post(&path(&bench.inside), &made).unwrap();
        let again = bare(again.ok().map_err(|error| error.to_string())?);
        if again != made {
            return Err(format!("the second time makes\n  {again}\nof\n  {made}"));
        }
        Ok(1)
    };
    let pods = pods(100);
    let (same, failures) = parallel(&pods, outcome);
    let told: Vec<String> = failures.iter().take(6).map(|failure| failure.chars().take(4000).collect()).collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), pods.len(), told.join("\n\n"));
    assert!(same > 150, "{same} of {}", pods.len());
}

/// An object without what the server makes up each time.
fn bare(mut object: Value) -> Value {
    for name in ["uid", "creationTimestamp", "managedFields", "resourceVersion", "generation", "selfLink"] {
        object["metadata"].as_object_mut().unwrap().remove(name);
    }
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    object
}

/// Judges many objects at once; the number of verdicts, and what went wrong.
fn parallel(objects: &[Value], outcome: impl Fn(&Value) -> Result<usize, String> + Sync) -> (usize, Vec<String>) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let (mut verdicts, mut failures) = (0, Vec::new());
        while let Some(object) = objects.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            match outcome(object) {
                Ok(count) => verdicts += count,
                Err(failure) => failures.push(failure),
            }
        }
        (verdicts, failures)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold((0, Vec::new()), |mut all, one| {
            all.0 += one.0;
            all.1.extend(one.1);
            all
        })
    })
}

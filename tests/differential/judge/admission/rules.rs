//! The library's rules, and rules made for what CEL could get wrong.

use kspec_test_harness::{ControlPlane, Options};
use serde_json::{Value, json};

use super::objects::{neighbours, shaken, variants};
use super::server::{JUDGED, Judged, PLAIN, compile, created, namespace};
use crate::random::Random;

/// Threads that ask the server.
const WORKERS: usize = 16;

#[test]
fn the_server_decides_as_the_evaluator_does() {
    let server = ControlPlane::start(Options::default()).unwrap();
    let client = server.admin();
    let judged_namespace = namespace(client, JUDGED, json!({ "team": "b" }));
    namespace(client, PLAIN, json!({ "team": "b" }));
    let program = compile("library", "1.36", &super::server::source("library"));
    let judged = Judged::new(client, &program);
    let webhook: Vec<String> =
        kspec_lower::placements(&program, super::server::AS_OF).iter().filter_map(|placement| {
            placement.reason.as_ref().map(|reason| format!("{}: {reason}", placement.name))
        }).collect();
    eprintln!("{} rules, {} of them for the webhook:\n  {}", judged.table.rules.len(), judged.left_to_the_webhook().len(), webhook.join("\n  "));

    let mut random = Random::new(7);
    let mut pods: Vec<Value> = variants().iter().flat_map(neighbours).collect();
    let base = variants();
    for _ in 0..400 {
        let start = random.pick(&base).clone();
        pods.push(shaken(&mut random, &start, 3));
    }
    let bad = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "containers": [{ "name": "c", "image": "nginx" }] } });
    let path = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    judged.wait(|| {
        let answer = client.post(&path(JUDGED), &bad).unwrap();
        answer.status == 403
    });
    let outcome = |pod: &Value| -> Result<usize, String> {
        let plain = client.post(&path(PLAIN), pod).unwrap();
        if !plain.is_ok() {
            return Ok(0);
        }
        let mut object = plain.json().unwrap();
        object["metadata"]["namespace"] = json!(JUDGED);
        let request = created(("", "v1", "pods"), "Pod", Some(JUDGED), &object);
        let answer = client.post(&path(JUDGED), pod).unwrap();
        judged.compare(&request, &judged_namespace, &answer).map_err(|why| format!("{why}\nof {object}"))
    };
    let (verdicts, failures) = parallel(&pods, outcome);
    eprintln!("{} pods, {verdicts} verdicts", pods.len());
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), pods.len(), failures.iter().take(12).map(|failure| failure.chars().take(1500).collect::<String>()).collect::<Vec<_>>().join("\n\n"));
    assert!(verdicts > 20_000, "{verdicts}");
}

/// Judges many objects at once; the number of verdicts, and what went wrong.
pub(crate) fn parallel(
    objects: &[Value],
    outcome: impl Fn(&Value) -> Result<usize, String> + Sync,
) -> (usize, Vec<String>) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                scope.spawn(|| {
                    let (mut verdicts, mut failures) = (0, Vec::new());
                    while let Some(object) = objects.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                        match outcome(object) {
                            Ok(count) => verdicts += count,
                            Err(failure) => failures.push(failure),
                        }
                    }
                    (verdicts, failures)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold((0, Vec::new()), |mut all, one| {
            all.0 += one.0;
            all.1.extend(one.1);
            all
        })
    })
}

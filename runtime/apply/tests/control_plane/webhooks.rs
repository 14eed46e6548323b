//! A webhook that nobody answers for is not put in force.

use std::time::Duration;

use kspec_apply::{Options, Outcome};
use kspec_lower::Phase;
use serde_json::json;

use crate::fixture::{Bench, outcomes};

const GROUP: &str = "admissionregistration.k8s.io/v1";

/// A configuration that would refuse every ConfigMap of the bench's namespace while its Service has no endpoint.
fn configuration(bench: &Bench, policy: &str) -> serde_json::Value {
    json!({
        "apiVersion": GROUP, "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": format!("{}-kspec", bench.project()) },
        "webhooks": [{
            "name": "fail.validate.kspec.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": policy, "timeoutSeconds": 1,
            "clientConfig": { "service": { "name": "webhook", "namespace": bench.namespace() } },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": bench.namespace() } },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"] }],
        }],
    })
}

fn slice(bench: &Bench, ready: bool) -> serde_json::Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": { "name": "webhook-1", "namespace": bench.namespace(),
            "labels": { "kubernetes.io/service-name": "webhook" } },
        "endpoints": [{ "addresses": ["10.1.2.3"], "conditions": { "ready": ready } }],
        "ports": [{ "port": 8443, "protocol": "TCP" }],
    })
}

#[test]
fn what_would_refuse_while_nobody_answers_is_held_back_until_somebody_does() {
    let bench = Bench::new("held");
    let mut work = bench.work();
    work.wanted.push(bench.wanted(Phase::PolicyBindings, configuration(&bench, "Fail")));
    let key = work.wanted.last().unwrap().object.key();
    let options = Options { webhooks: Duration::ZERO, ..Options::default() };

    let report = bench.apply_with(&work, &options).unwrap();
    let Outcome::HeldBack { because } = &report.results.last().unwrap().outcome else {
        panic!("{:#?}", outcomes(&report))
    };
    let service = format!("Service {}/webhook has no endpoint that is ready", bench.namespace());
    assert!(because.starts_with(&service), "{because}");
    assert!(because.contains("start the webhook, then apply again"), "{because}");
    assert_eq!(report.exit_code(), 5);
    assert_eq!(report.failed().count() + report.not_tried().count(), 0, "the rest is done: {:#?}", outcomes(&report));
    assert_eq!(bench.get(&key), None, "nothing of it is there");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["results"].as_array().unwrap().last().unwrap()["outcome"]["is"], "held_back");

    // An endpoint that is not ready answers as little as none.
    let admin = bench.server.admin();
    admin.apply(&slice(&bench, false), "test", false).unwrap().ok().unwrap();
    assert!(matches!(
        bench.apply_with(&work, &options).unwrap().results.last().unwrap().outcome,
        Outcome::HeldBack { .. }
    ));
    // Whoever may be refused by it may still work.
    let map =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m", "namespace": bench.namespace() } });
    admin.apply(&map, "test", false).unwrap().ok().unwrap();

    admin.apply(&slice(&bench, true), "test", false).unwrap().ok().unwrap();
    let report = bench.apply_with(&work, &options).unwrap();
    assert_eq!(report.results.last().unwrap().outcome, Outcome::Created, "{:#?}", outcomes(&report));
    assert_eq!(report.exit_code(), 0);
}

#[test]
fn what_passes_while_nobody_answers_is_not_held_back() {
    let bench = Bench::new("ignores");
    let mut work = bench.work();
    work.wanted.push(bench.wanted(Phase::PolicyBindings, configuration(&bench, "Ignore")));
    let options = Options { webhooks: Duration::ZERO, ..Options::default() };
    let report = bench.apply_with(&work, &options).unwrap();
    assert_eq!(report.results.last().unwrap().outcome, Outcome::Created, "{:#?}", outcomes(&report));
}

#[test]
fn the_endpoint_is_waited_for() {
    let bench = Bench::new("waits");
    let mut work = bench.work();
    work.wanted.push(bench.wanted(Phase::PolicyBindings, configuration(&bench, "Fail")));
    bench.apply_with(&work, &Options { webhooks: Duration::ZERO, ..Options::default() }).unwrap();
    let options = Options { webhooks: Duration::from_secs(600), ..Options::default() };
    std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.apply_with(&work, &options).unwrap());
        bench.server.admin().apply(&slice(&bench, true), "test", false).unwrap().ok().unwrap();
        let report = run.join().unwrap();
        assert_eq!(report.results.last().unwrap().outcome, Outcome::Created, "{:#?}", outcomes(&report));
    });
}

/// Of an address nobody but the API server can tell whether it answers: that is said, and it comes last.
#[test]
fn what_is_named_by_its_url_is_put_in_force_unchecked() {
    let bench = Bench::new("url");
    let mut work = bench.work();
    let url = "https://127.0.0.1:1/validate/fail/1";
    let mut named = configuration(&bench, "Fail");
    named["webhooks"][0]["clientConfig"] = json!({ "url": url });
    let mut ignores = configuration(&bench, "Ignore");
    ignores["metadata"]["name"] = json!(format!("{}-other", bench.project()));
    ignores["webhooks"][0]["clientConfig"] = json!({ "url": url });
    for configuration in [named, ignores] {
        work.wanted.push(bench.wanted(Phase::PolicyBindings, configuration));
    }
    let report = bench.apply(&work);
    let told: Vec<_> = report.results.iter().filter(|result| !result.unchecked.is_empty()).collect();
    let [one] = told[..] else { panic!("{:#?}", outcomes(&report)) };
    assert_eq!((one.outcome.clone(), one.unchecked.clone()), (Outcome::Created, vec![url.to_owned()]));
    assert!(one.object.to_string().ends_with("-kspec"), "{}", one.object);
    // A second run writes nothing, and has nothing to say.
    let report = bench.apply(&work);
    assert!(report.results.iter().all(|result| result.unchecked.is_empty()), "{:#?}", outcomes(&report));
}

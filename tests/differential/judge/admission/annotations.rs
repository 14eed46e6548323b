//! What the API server's audit log holds of rules: annotations of policies, and of the webhook.

use std::collections::BTreeMap;

use kspec_model::rules::{Action, Severity, Table};
use kspec_rules::{Decision, Engines, Evaluator, NoObjects, Review};
use kspec_schema::KubeVersion;
use kspec_test_harness::{ControlPlane, Options, wait_until};
use serde_json::{Value, json};

use super::bench::{Ask, moved, namespace, wait};
use super::policies::{self, Policies};
use super::program::{Compiled, compiled, folder};
use super::webhook::{self, Webhook};

const SOURCE: &str = r#"
existing namespace here = "audited"
rule refused on ConfigMap { severity: critical; deny if object.metadata.labels.refused == "yes" because "it is refused"; warn if object.metadata.labels.refused == "nearly" because "nearly" }
rule warned on ConfigMap { severity: medium; deny if object.metadata.labels.warned == "yes" because "it is warned of" }
rule noted on ConfigMap { severity: high; deny if object.metadata.labels.noted == "yes" because "it is \"noted\""; deny if object.metadata.labels.has("more") because "and more" }
rule also_noted on ConfigMap { severity: low; deny if object.metadata.labels.also == "yes" because "also" }
rule staged on ConfigMap { deny if object.metadata.labels.staged == "yes" because "not yet refused" }
enforce refused in here
warn warned in here
audit noted, also_noted in here
audit staged in here until 2099-01-01 then enforce
"#;

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// Of each rule that says something, in the table's order: its id, its action, how bad that is, and what it says.
fn said(evaluator: &Evaluator, request: &Value) -> Vec<(String, Action, &'static str, Vec<String>)> {
    let review = Review::from_request(request).unwrap();
    let outcomes = evaluator.judge(&review, Engines::All, &NoObjects);
    let said = outcomes.into_iter().filter_map(|outcome| match outcome.decision {
        Decision::Violations(violations) => {
            let messages = violations.into_iter().map(|violation| violation.message).collect();
            let bound = outcome.bound;
            Some((bound.id.clone(), bound.action, severity(bound.rule.severity), messages))
        }
        _ => None,
    });
    said.collect()
}

/// The annotations of the event of each request, by what follows `case=` in its URL.
fn logged(server: &ControlPlane) -> BTreeMap<String, Value> {
    let events = server.audit_events().unwrap();
    let complete = events.iter().filter(|event| event["stage"] == "ResponseComplete");
    let of = |event: &Value| {
        let (_, case) = event["requestURI"].as_str()?.split_once("case=")?;
        Some((case.to_owned(), event["annotations"].clone()))
    };
    complete.filter_map(of).collect()
}

#[test]
fn the_audit_log_holds_what_rules_say() {
    let mut server = ControlPlane::start(Options::default()).unwrap();
    let policy = server.folder().join("audit-policy.yaml");
    let metadata = json!({ "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{ "level": "Metadata" }] });
    std::fs::write(&policy, metadata.to_string()).unwrap();
    server.restart(Options::default().audit_policy(&policy)).unwrap();
    let admin = server.admin();
    for name in ["audited", "noticed"] {
        namespace(admin, name);
    }
    let Compiled { program, .. } = compiled(&folder("annotations"), "annotations", SOURCE, KubeVersion::NEWEST, "");
    let policies = Policies::install(admin, &program);
    let elsewhere: Table = moved(policies.table(), "audited", "noticed");
    let webhook = Webhook::start(&server, &elsewhere);
    webhook.register(admin);
    let there = Evaluator::load(elsewhere).unwrap();

    let config = |labels: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "labels": labels } });
    let resource = ("", "v1", "configmaps");
    let everything = json!({ "refused": "yes", "warned": "yes", "noted": "yes", "also": "yes", "staged": "yes" });
    let probe = Ask::create(resource, "ConfigMap", &config(everything));
    wait(|| {
        let answers = ["audited", "noticed"].map(|name| probe.send(admin, name, probe.body.as_ref()));
        policies::is_denial(&answers[0])
            && webhook::is_denial(&answers[1])
            && answers.iter().all(|answer| !answer.warnings.is_empty())
    });
    let cases = [
        json!({}),
        json!({ "noted": "yes" }),
        json!({ "also": "yes" }),
        json!({ "noted": "yes", "also": "yes", "more": "yes" }),
        json!({ "staged": "yes" }),
        json!({ "warned": "yes" }),
        json!({ "warned": "yes", "noted": "yes" }),
        json!({ "refused": "nearly", "also": "yes" }),
        json!({ "refused": "yes" }),
        json!({ "refused": "yes", "noted": "yes", "staged": "yes" }),
    ];
    // A policy that only notes may be in force later than the others.
    let mut round = 0;
    let mut differences = Vec::new();
    let _ = wait_until("the log is as expected", || {
        round += 1;
        for name in ["audited", "noticed"] {
            for (number, labels) in cases.iter().enumerate() {
                let path = format!("/api/v1/namespaces/{name}/configmaps?dryRun=All&case={name}-{round}-{number}");
                admin.post(&path, &config(labels.clone()))?;
            }
        }
        let last = format!("noticed-{round}-{}", cases.len() - 1);
        wait_until("the last is logged", || Ok(logged(&server).get(&last).map(|_| ())))?;
        differences = differing(&logged(&server), round, &cases, (&policies, &there));
        Ok(differences.is_empty().then_some(()))
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn differing(
    logged: &BTreeMap<String, Value>,
    round: usize,
    cases: &[Value],
    (policies, there): (&Policies, &Evaluator),
) -> Vec<String> {
    let mut differences = Vec::new();
    for (number, labels) in cases.iter().enumerate() {
        let of = |name: &str| {
            let mut ours: BTreeMap<String, String> = BTreeMap::new();
            for (key, value) in logged[&format!("{name}-{round}-{number}")].as_object().unwrap() {
                if !key.starts_with("authorization.k8s.io/") && !key.starts_with("pod-security.kubernetes.io/") {
                    ours.insert(key.clone(), value.as_str().unwrap().to_owned());
                }
            }
            ours
        };
        let request = |name: &str| {
            let object = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "c", "namespace": name, "labels": labels },
            });
            Ask::create(("", "v1", "configmaps"), "ConfigMap", &object).request(Some(name), Some(&object), None)
        };
        // Policies: `violated` of the policy that notes, and Kubernetes' own account of the first failure.
        let mut given = of("audited");
        let failure = given.remove("validation.policy.admission.k8s.io/validation_failure");
        let outcomes = said(policies.evaluator(), &request("audited"));
        if failure.is_some() == outcomes.is_empty() {
            differences.push(format!("{labels}: {outcomes:?}, and the failure {failure:?}"));
        }
        let mut expected: BTreeMap<String, String> = BTreeMap::new();
        let noted: Vec<String> = outcomes
            .iter()
            .filter(|(_, action, ..)| *action == Action::Audit)
            .map(|(id, _, severity, _)| format!("{id} ({severity})"))
            .collect();
        if !noted.is_empty() {
            let [policy]: [String; 1] = policies.auditing().try_into().unwrap();
            expected.insert(format!("{policy}/violated"), noted.join(", "));
        }
        if given != expected {
            differences.push(format!("{labels}: policies note {given:#?}, expected {expected:#?}"));
        }
        // The webhook: one annotation for each rule that is violated.
        let expected: BTreeMap<String, String> = said(there, &request("noticed"))
            .into_iter()
            .map(|(id, _, severity, messages)| {
                (format!("fail-10.validate.annotations.kspec.dev/{id}"), format!("{severity}: {}", messages.join("; ")))
            })
            .collect();
        let given = of("noticed");
        if given != expected {
            differences.push(format!("{labels}: the webhook notes {given:#?}, expected {expected:#?}"));
        }
    }
    differences
}

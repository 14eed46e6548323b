//! What the API server gets back.

use base64::Engine as _;
use kspec_model::rules::{Action, Body, FailurePolicy, Namespaces};
use serde_json::{Value, json};

use crate::running::{Running, Said, asked, limits, review, until};
use crate::table::{exists_config_map, labelled, mutation, overflow, plain, rule, table};

#[tokio::test]
async fn a_refusal_names_every_violated_rule() {
    let rules = vec![
        rule("no-bad", labelled("bad", "yes")),
        rule("no-worse", labelled("worse", "yes")),
        rule("no-other", labelled("other", "yes")),
    ];
    let server = Running::of(&table("first", rules, Vec::new())).await;
    let answer = server.dial().review("/validate", &review(json!({ "bad": "yes", "worse": "yes" }))).await;
    assert_eq!(answer.status, 200);
    let review = answer.json();
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(review["kind"], "AdmissionReview");
    let response = answer.response();
    assert_eq!(response["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["code"], 403);
    assert_eq!(response["status"]["message"], "no-bad (high): no-bad says no; no-worse (high): no-worse says no");
    assert_eq!(response["status"]["details"]["causes"][1]["reason"], "no-worse");
    assert_eq!(response["auditAnnotations"]["no-bad"], "high: no-bad says no");
    assert_eq!(
        server
            .metric(
                r#"kspec_admission_verdicts_total{rule="no-bad",action="deny",severity="high",verdict="violation"}"#
            )
            .await,
        Some(1.0)
    );
    assert_eq!(
        server
            .metric(r#"kspec_admission_verdicts_total{rule="no-other",action="deny",severity="high",verdict="pass"}"#)
            .await,
        Some(1.0)
    );
    assert_eq!(server.metric(r#"kspec_admission_rule_seconds_count{rule="no-worse"}"#).await, Some(1.0));
}

#[tokio::test]
async fn what_no_rule_refuses_passes() {
    let server = Running::of(&plain()).await;
    let response = server.dial().review("/validate", &review(json!({}))).await.response();
    assert_eq!(response, json!({ "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": true }));
}

#[tokio::test]
async fn a_delete_is_judged_by_what_goes() {
    let server = Running::of(&plain()).await;
    let old = json!({ "metadata": { "name": "settings", "namespace": "shop", "labels": { "bad": "yes" } } });
    let response = server.dial().review("/validate", &asked("DELETE", Value::Null, old)).await.response();
    assert_eq!(response["allowed"], false);
}

#[tokio::test]
async fn warnings_and_audits_do_not_refuse() {
    let mut warns = rule("warns", labelled("bad", "yes"));
    warns.action = Action::Warn;
    let mut audits = rule("audits", labelled("bad", "yes"));
    audits.action = Action::Audit;
    let mut advises = rule("advises", labelled("bad", "yes"));
    advises.rule.targets[0].advisory = true;
    let server = Running::of(&table("first", vec![warns, audits, advises], Vec::new())).await;
    let response = server.dial().review("/validate", &review(json!({ "bad": "yes" }))).await.response();
    assert_eq!(response["allowed"], true);
    assert_eq!(response["warnings"], json!(["warns (high): warns says no", "advises (high): advises says no"]));
    assert_eq!(response["auditAnnotations"]["audits"], "high: audits says no");
}

#[tokio::test]
async fn a_fault_hides_no_other_verdict() {
    let mut ignored = rule("ignored", overflow());
    ignored.failure_policy = FailurePolicy::Ignore;
    let rules = vec![rule("faulty", overflow()), ignored, rule("no-bad", labelled("bad", "yes"))];
    let server = Running::of(&table("first", rules, Vec::new())).await;
    let response = server.dial().review("/validate", &review(json!({ "bad": "yes", "fault": "yes" }))).await.response();
    let message = response["status"]["message"].as_str().expect("a message");
    assert!(message.starts_with("faulty (high): has no verdict: "), "{message}");
    assert!(message.ends_with("; no-bad (high): no-bad says no"), "{message}");
    assert!(response["auditAnnotations"]["ignored"].is_string(), "{response}");
    assert_eq!(server.metric(r#"kspec_admission_faults_total{rule="ignored"}"#).await, Some(1.0));
}

#[tokio::test]
async fn a_path_chooses_by_failure_policy_and_timeout() {
    let mut ignore = rule("ignore", labelled("bad", "yes"));
    ignore.failure_policy = FailurePolicy::Ignore;
    let mut quick = rule("quick", labelled("bad", "yes"));
    quick.timeout_seconds = 2;
    let rules = vec![ignore, rule("fail", labelled("bad", "yes")), quick];
    let server = Running::of(&table("first", rules, Vec::new())).await;
    let bad = review(json!({ "bad": "yes" }));
    for (path, named) in [
        ("/validate", vec!["ignore", "fail", "quick"]),
        ("/validate/fail", vec!["fail", "quick"]),
        ("/validate/fail/10?timeout=10s", vec!["fail"]),
        ("/validate/fail/2", vec!["quick"]),
        ("/validate/ignore", vec!["ignore"]),
        ("/validate/ignore/3", vec![]),
    ] {
        let response = server.dial().review(path, &bad).await.response();
        let causes = response["status"]["details"]["causes"].as_array().cloned().unwrap_or_default();
        let rules: Vec<&str> = causes.iter().filter_map(|cause| cause["reason"].as_str()).collect();
        assert_eq!(rules, named, "{path}");
    }
    assert_eq!(server.dial().review("/validate/maybe", &bad).await.status, 404);
}

#[tokio::test]
async fn a_mutation_is_a_json_patch() {
    let mutations = vec![mutation("team", "team", "shop"), mutation("tier", "tier", "web")];
    let server = Running::of(&table("first", Vec::new(), mutations)).await;
    let response = server.dial().review("/mutate", &review(json!({ "team": "other" }))).await.response();
    assert_eq!(response["allowed"], true);
    assert_eq!(response["patchType"], "JSONPatch");
    let patch = response["patch"].as_str().expect("a patch");
    let patch = base64::engine::general_purpose::STANDARD.decode(patch).expect("base64");
    let patch: Value = serde_json::from_slice(&patch).expect("JSON");
    let expected = json!([
        { "op": "replace", "path": "/metadata/labels/team", "value": "shop" },
        { "op": "add", "path": "/metadata/labels/tier", "value": "web" },
    ]);
    assert_eq!(patch, expected);
    let done = server.dial().review("/mutate", &review(json!({ "team": "shop", "tier": "web" }))).await.response();
    assert_eq!(done, json!({ "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": true }));
}

#[tokio::test]
async fn a_namespace_made_a_moment_ago_is_asked_for() {
    let mut only_prod = rule("only-prod", labelled("bad", "yes"));
    let labels = kspec_model::LabelSelector {
        match_labels: [("tier".to_owned(), "prod".to_owned())].into_iter().collect(),
        ..Default::default()
    };
    only_prod.scope.namespaces = Namespaces::Selected { labels, except: Default::default() };
    let source = Said::default();
    *source.objects.lock().expect("a lock") = Some(Vec::new());
    *source.namespaces.lock().expect("a lock") = vec![json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop", "labels": { "tier": "prod" } },
    })];
    let server =
        Running::start(&table("first", vec![only_prod], Vec::new()), limits(), None, std::sync::Arc::new(source)).await;
    until("ready", async || (server.dial().ask("GET", "/readyz", "").await.status == 200).then_some(())).await;
    let bad = review(json!({ "bad": "yes" }));
    assert_eq!(server.dial().review("/validate", &bad).await.response()["allowed"], false);
    let mut elsewhere = bad.clone();
    elsewhere["request"]["namespace"] = json!("nowhere");
    let response = server.dial().review("/validate", &elsewhere).await.response();
    let message = response["status"]["message"].as_str().expect("a message");
    assert_eq!(message, "only-prod (high): has no verdict: its namespace is not among the cluster's namespaces");
}

#[tokio::test]
async fn a_lookup_is_never_silent() {
    let looks = rule("looks", exists_config_map("lock"));
    let mut lenient = rule("lenient", exists_config_map("lock"));
    lenient.failure_policy = FailurePolicy::Ignore;
    let source = std::sync::Arc::new(Said::default());
    let mut limits = limits();
    limits.stale = std::time::Duration::from_millis(300);
    let rules = table("first", vec![looks, lenient], Vec::new());
    let server = Running::start(&rules, limits, None, source.clone()).await;
    let innocent = review(json!({}));

    // The cluster is away: the failure policies act, and it is tried again.
    let ready = server.dial().ask("GET", "/readyz", "").await;
    assert_eq!(ready.text(), "the cluster's configmaps are not known yet");
    let response = server.dial().review("/validate", &innocent).await.response();
    assert_eq!(
        response["status"]["message"],
        "looks (high): has no verdict: the cluster's configmaps are not known yet"
    );
    until("tried again", async || (source.follows.load(std::sync::atomic::Ordering::SeqCst) > 1).then_some(())).await;

    // It is back.
    let lock = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "lock", "namespace": "a" } });
    *source.objects.lock().expect("a lock") = Some(vec![lock]);
    until("a verdict", async || {
        let response = server.dial().review("/validate", &innocent).await.response();
        (response["status"]["message"] == "looks (high): looks says no; lenient (high): lenient says no").then_some(())
    })
    .await;
    assert_eq!(server.metric(r#"kspec_admission_index_objects{resource="configmaps"}"#).await, Some(1.0));

    // And then says nothing for too long.
    until("stale", async || {
        let response = server.dial().review("/validate", &innocent).await.response();
        let message = response["status"]["message"].as_str().unwrap_or_default().to_owned();
        message.starts_with("looks (high): has no verdict: nothing was heard of the cluster's configmaps").then_some(())
    })
    .await;
    assert!(server.metric(r#"kspec_admission_index_age_seconds{resource="configmaps"}"#).await > Some(0.25));
}

#[tokio::test]
async fn a_rule_in_rego_is_decided_beside_the_others() {
    let mut rego = rule("team", labelled("bad", "yes"));
    let source = r#"
        package team
        violation[{"msg": msg}] {
          not input.review.object.metadata.labels.team
          msg := sprintf("%v has no team", [input.review.name])
        }
    "#;
    rego.rule.bodies =
        vec![Body::Rego { file: "team.rego".to_owned(), source: source.to_owned(), parameters: Default::default() }];
    let rules = vec![rego, rule("no-bad", labelled("bad", "yes"))];
    let server = Running::of(&table("first", rules, Vec::new())).await;
    let response = server.dial().review("/validate", &review(json!({ "bad": "yes" }))).await.response();
    assert_eq!(response["status"]["message"], "team (high): settings has no team; no-bad (high): no-bad says no");
    let response = server.dial().review("/validate", &review(json!({ "team": "a" }))).await.response();
    assert_eq!(response["allowed"], true);
}

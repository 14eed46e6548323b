//! The real API server asks.

use std::path::PathBuf;
use std::sync::Arc;

use kspec_admission::{Live, TlsFiles};
use kspec_model::rules::{FailurePolicy, Namespaces};
use kspec_state::live::ConnectOptions;
use kspec_test_harness::{Answer, Client, Cluster, ControlPlane};
use serde_json::{Value, json};

use crate::pki::Authority;
use crate::running::{Running, limits, until};
use crate::table::{exists_config_map, labelled, mutation, overflow, rule, table};

/// A webhook that a namespace of a real cluster asks.
struct Registered {
    cluster: &'static Cluster,
    namespace: String,
    server: Running,
}

fn admin(cluster: &Cluster) -> Client {
    cluster.admin().clone()
}

/// Blocking calls, off the threads that the server under test answers on.
async fn away<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

fn entry(registered: &Registered, authority: &str, path: &str, policy: &str) -> Value {
    json!({
        "name": format!("{}.{}.kspec.test", path.replace('/', "-").trim_matches('-'), registered.namespace),
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "url": format!("https://127.0.0.1:{}{path}", registered.server.address.port()),
            "caBundle": base64(authority),
        },
        "failurePolicy": policy,
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": registered.namespace } },
        "rules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
            "operations": ["CREATE", "UPDATE", "DELETE"],
        }],
        "sideEffects": "None",
        "timeoutSeconds": 5,
    })
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

impl Registered {
    async fn create(&self, name: &str, labels: Value) -> Answer {
        let (client, path) = (admin(self.cluster), format!("/api/v1/namespaces/{}/configmaps", self.namespace));
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "labels": labels } });
        away(move || client.post(&path, &object).expect("an answer")).await
    }

    async fn delete(&self, name: &str) -> Answer {
        let path = format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace);
        let client = admin(self.cluster);
        away(move || client.delete(&path).expect("an answer")).await
    }
}

async fn registered() -> Registered {
    let cluster = away(|| ControlPlane::shared().expect("a cluster")).await;
    let namespace = away(move || cluster.unique_namespace("webhook").expect("a namespace")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("authority");
    authority.server("a").write(folder.path());
    let tls = TlsFiles {
        certificate: folder.path().join("tls.crt"),
        key: folder.path().join("tls.key"),
        clients: None,
        client_names: Default::default(),
    };

    let mut ignored = rule("ignored", overflow());
    ignored.failure_policy = FailurePolicy::Ignore;
    let mut warned = rule("warned", labelled("odd", "yes"));
    warned.action = kspec_model::rules::Action::Warn;
    let mut selected = rule("selected", labelled("selected", "yes"));
    let labels = kspec_model::LabelSelector {
        match_labels: [("kubernetes.io/metadata.name".to_owned(), namespace.clone())].into_iter().collect(),
        ..Default::default()
    };
    selected.scope.namespaces = Namespaces::Selected { labels, except: Default::default() };
    let lock = format!("lock-{namespace}");
    let rules = vec![
        rule("no-bad", labelled("bad", "yes")),
        rule("no-worse", labelled("worse", "yes")),
        ignored,
        warned,
        selected,
        rule("locked", exists_config_map(&lock)),
    ];
    let rules = table("first", rules, vec![mutation("team", "team", "shop")]);
    let kubeconfig: PathBuf = cluster.kubeconfig().to_owned();
    let live = Live::new(ConnectOptions { kubeconfig: Some(kubeconfig.into_os_string()), ..Default::default() });
    let server = Running::start(&rules, limits(), Some(tls), Arc::new(live)).await;
    let registered = Registered { cluster, namespace, server };
    for (kind, webhooks) in [
        (
            "ValidatingWebhookConfiguration",
            json!([
                entry(&registered, &authority.pem(), "/validate/fail", "Fail"),
                entry(&registered, &authority.pem(), "/validate/ignore", "Ignore"),
            ]),
        ),
        ("MutatingWebhookConfiguration", json!([entry(&registered, &authority.pem(), "/mutate", "Fail")])),
    ] {
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
            "metadata": { "name": registered.namespace }, "webhooks": webhooks,
        });
        let client = admin(cluster);
        away(move || client.apply(&configuration, "test", false).expect("an answer").ok().expect("registered")).await;
    }
    // It takes a moment until the API server asks, and until it asks with the index filled.
    let mut count = 0;
    until("it is asked", async || {
        count += 1;
        let answer = registered.create(&format!("probe-{count}"), json!({ "bad": "yes" })).await;
        (answer.status == 403 && answer.message().ends_with("no-bad (high): no-bad says no")).then_some(())
    })
    .await;
    registered
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_acts_on_every_verdict() {
    let it = registered().await;

    let refused = it.create("a", json!({ "bad": "yes", "worse": "yes", "selected": "yes" })).await;
    assert_eq!(refused.status, 403);
    let told = "denied the request: no-bad (high): no-bad says no; no-worse (high): no-worse says no; selected (high): selected says no";
    assert!(refused.message().ends_with(told), "{}", refused.message());
    let causes = refused.json().expect("a status")["details"]["causes"].clone();
    assert_eq!(causes[1], json!({ "reason": "no-worse", "message": "no-worse says no", "field": "metadata.labels" }));

    let admitted = it.create("b", json!({ "odd": "yes", "fault": "yes" })).await;
    assert_eq!(admitted.status, 201, "{}", admitted.message());
    assert_eq!(admitted.warnings, [r#"299 - "warned (high): warned says no""#]);
    assert_eq!(admitted.json().expect("an object")["metadata"]["labels"]["team"], "shop", "mutated");

    // What goes is judged as it was when it came: a lock stops a DELETE too.
    let lock = format!("lock-{}", it.namespace);
    assert_eq!(it.create(&lock, json!({})).await.status, 201);
    let refused = until("the index knows the lock", async || {
        let answer = it.create("c", json!({})).await;
        (!answer.is_ok()).then_some(answer)
    })
    .await;
    assert!(refused.message().ends_with("denied the request: locked (high): locked says no"), "{}", refused.message());
    let refused = it.delete("b").await;
    assert!(refused.message().ends_with("denied the request: locked (high): locked says no"), "{}", refused.message());

    // The server ends; what asked it fails closed, and says so.
    let Registered { cluster, namespace, server } = it;
    assert_eq!(server.ended().await, kspec_admission::Ended::Clean);
    let (client, path) = (admin(cluster), format!("/api/v1/namespaces/{namespace}/configmaps"));
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "d" } });
    let refused = away(move || client.post(&path, &object).expect("an answer")).await;
    assert_eq!(refused.status, 500);
    assert!(refused.message().contains("failed calling webhook"), "{}", refused.message());
}

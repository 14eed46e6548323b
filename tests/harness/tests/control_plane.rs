//! The harness itself against a real server: what other tests build on must hold.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kspec_test_harness::{ControlPlane, Options, Question, wait_until};
use serde_json::{Value, json};

fn secret(namespace: &str, name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace },
        "stringData": { "password": value },
    })
}

#[test]
fn shared_server_applies_strictly_and_reviews_access() {
    let cluster = ControlPlane::shared().unwrap();
    let admin = cluster.admin();
    let namespace = cluster.namespace_for_pods("harness").unwrap();
    let mut map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": namespace },
        "data": { "x": "1" },
    });
    let path = admin.path_of(&map).unwrap();

    assert_eq!(admin.apply(&map, "harness", true).unwrap().status, 201);
    assert_eq!(admin.request("GET", &path, None).unwrap().status, 404, "a dry run stores nothing");
    assert_eq!(admin.apply(&map, "harness", false).unwrap().status, 201);
    assert_eq!(admin.get(&path).unwrap()["data"]["x"], "1");
    map["datum"] = json!({});
    let refused = admin.apply(&map, "harness", true).unwrap();
    assert!(!refused.is_ok() && refused.message().contains("datum"), "{}", refused.message());

    let question = |user: &str| Question {
        user: user.into(),
        verb: "get".into(),
        resource: "secrets".into(),
        namespace: namespace.clone(),
        ..Question::default()
    };
    assert!(!admin.can(&question("nobody")).unwrap());
    assert!(admin.can(&Question { groups: vec!["system:masters".into()], ..question("root") }).unwrap());
    let denied = admin.acting_as("nobody", &["nogroup"]).request("GET", &path, None).unwrap();
    assert_eq!(denied.status, 403);
    assert!(denied.message().contains("nobody"), "{}", denied.message());
}

#[test]
fn own_server_restarts_with_other_options_on_the_same_etcd() {
    let mut server = ControlPlane::start(Options::default()).unwrap();
    let path = "/api/v1/namespaces/default/secrets";
    assert_eq!(server.admin().post(path, &secret("default", "plain", "readable-1")).unwrap().status, 201);
    let stored = |server: &ControlPlane, name: &str| {
        let stored = server.etcd().get(&format!("/registry/secrets/default/{name}")).unwrap().unwrap();
        String::from_utf8_lossy(&stored).into_owned()
    };
    assert!(stored(&server, "plain").contains("readable-1"));
    assert_eq!(server.anonymous().unwrap().request("GET", "/version", None).unwrap().status, 200);

    let encryption = server.folder().join("encryption.json");
    let key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=";
    let config = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
        "resources": [{ "resources": ["secrets"], "providers": [
            { "secretbox": { "keys": [{ "name": "one", "secret": key }] } }, { "identity": {} }] }],
    });
    std::fs::write(&encryption, config.to_string()).unwrap();
    let policy = server.folder().join("audit.json");
    let rules = json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
        "rules": [{ "level": "Metadata", "resources": [{ "group": "", "resources": ["secrets"] }] }],
    });
    std::fs::write(&policy, rules.to_string()).unwrap();
    let options = Options::default().encryption(&encryption).audit_policy(&policy).flag("anonymous-auth", "false");
    server.restart(options).unwrap();

    assert_eq!(server.anonymous().unwrap().request("GET", "/version", None).unwrap().status, 401);
    assert_eq!(server.admin().post(path, &secret("default", "sealed", "readable-2")).unwrap().status, 201);
    assert!(stored(&server, "sealed").starts_with("k8s:enc:secretbox:v1:one:"));
    assert!(!stored(&server, "sealed").contains("readable-2"));
    assert_eq!(server.etcd().list("/registry/secrets/default/").unwrap().len(), 2);
    let old = server.admin().get(&format!("{path}/plain")).unwrap();
    assert_eq!(old["data"]["password"], "cmVhZGFibGUtMQ==");
    let verbs = wait_until("both requests are in the audit log", || {
        // The API server itself watches secrets too.
        let mut events = server.audit_events()?;
        events.retain(|event| event["user"]["username"] == "admin");
        let verbs: Vec<String> = events.iter().map(|event| event["verb"].as_str().unwrap().to_owned()).collect();
        Ok((verbs.len() >= 2).then_some(verbs))
    })
    .unwrap();
    assert_eq!(verbs, ["create", "get"]);

    let alice = server.client_with_certificate("alice", &["devs"]).unwrap();
    let denied = alice.request("GET", path, None).unwrap();
    assert_eq!(denied.status, 403);
    assert!(denied.message().contains(r#"User "alice""#), "{}", denied.message());
}

#[test]
fn a_panic_ends_the_servers_and_removes_their_files() {
    let mut seen = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let server = ControlPlane::start(Options::default()).unwrap();
        seen = Some((server.folder().to_owned(), server.anonymous().unwrap()));
        panic!("a test fails");
    }));
    assert!(outcome.is_err());
    let (folder, client) = seen.unwrap();
    assert!(!folder.exists());
    assert!(client.request("GET", "/version", None).is_err(), "nobody listens any more");
}

#[test]
fn a_server_that_refuses_its_flags_says_so() {
    let refused = ControlPlane::start(Options::default().flag("authorization-mode", "Nonsense"));
    let message = refused.err().unwrap().to_string();
    assert!(message.contains("Nonsense"), "{message}");
}

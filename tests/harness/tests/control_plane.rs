//! The harness itself against a real server: what other tests build on must hold.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kspec_test_harness::{ControlPlane, Options, Question, skip, wait_until};
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

/// The programs of `KUBEBUILDER_ASSETS` are used: here a folder with our own under their names, and without a controller
/// manager, as envtest's has none. In a process of its own, since the environment is the process's.
#[test]
fn programs_of_kubebuilder_assets_are_used() {
    if std::env::var_os("KUBEBUILDER_ASSETS").is_some() {
        return skip("programs_of_kubebuilder_assets_are_used", "every other test shows it: KUBEBUILDER_ASSETS is set");
    }
    let folder = std::env::temp_dir().join(format!("kspec-assets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let build = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../control-plane/build.sh");
    let ours = std::process::Command::new(build).env_remove("KUBEBUILDER_ASSETS").output().unwrap();
    let ours = String::from_utf8(ours.stdout).unwrap();
    for name in ["etcd", "kube-apiserver"] {
        std::os::unix::fs::symlink(ours.trim(), folder.join(name)).unwrap();
    }
    // `env` shows what the command that is run with the server is given.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_with-control-plane"))
        .arg("env")
        .env("KUBEBUILDER_ASSETS", &folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let unlikely = std::process::Command::new(env!("CARGO_BIN_EXE_with-control-plane"))
        .arg("env")
        .env("KUBEBUILDER_ASSETS", "/nowhere")
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{complained}");
    assert!(said.contains("KSPEC_TEST_KUBECONFIG="), "{said}");
    assert!(!unlikely.status.success());
    assert!(String::from_utf8_lossy(&unlikely.stderr).contains("/nowhere, where there is no etcd"));
}

#[test]
fn a_command_with_a_control_plane_ends_as_the_command_does() {
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_with-control-plane"))
        .args(["sh", "-c", "test -f \"$KSPEC_TEST_KUBECONFIG\" && exit 7"])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(7));
}

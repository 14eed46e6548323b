use std::path::Path;

use kspec_state::live::{Cluster, ConnectOptions, LiveError};
use kspec_test_harness::ControlPlane;
use serde_json::{Value, json};

/// The shared cluster's kubeconfig, changed, as a file of its own.
pub(crate) fn kubeconfig(folder: &Path, change: impl FnOnce(&mut Value)) -> ConnectOptions {
    let shared = ControlPlane::shared().unwrap().kubeconfig();
    let mut config: Value = serde_saphyr::from_str(&std::fs::read_to_string(shared).unwrap()).unwrap();
    config["current-context"] = json!("here");
    config["contexts"][0]["name"] = json!("here");
    change(&mut config);
    let path = folder.join("config");
    std::fs::write(&path, config.to_string()).unwrap();
    ConnectOptions { kubeconfig: Some(path.into()), ..ConnectOptions::default() }
}

/// What is said where the kubeconfig is changed like this. The folder's name is left out.
fn refused(change: impl FnOnce(&mut Value)) -> (u8, String) {
    refused_with(change, |_| {})
}

fn refused_with(change: impl FnOnce(&mut Value), choose: impl FnOnce(&mut ConnectOptions)) -> (u8, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = kubeconfig(folder.path(), change);
    choose(&mut options);
    let error = Cluster::open(&options).unwrap_err();
    (error.exit_code(), error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn a_context_is_used_by_name_or_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = kubeconfig(folder.path(), |_| {});
    for context in [None, Some("here".to_owned())] {
        options.context = context;
        let cluster = Cluster::open(&options).unwrap();
        assert_eq!(cluster.connection().context(), Some("here"));
        assert!(cluster.connection().version().starts_with("v1."), "{}", cluster.connection().version());
    }
}

#[test]
fn files_of_a_kubeconfig_path_are_merged_and_those_that_are_missing_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let options = kubeconfig(folder.path(), |config| {
        config.as_object_mut().unwrap().remove("current-context");
    });
    let other = folder.path().join("other");
    std::fs::write(&other, r#"{"apiVersion": "v1", "kind": "Config", "current-context": "here"}"#).unwrap();
    let missing = folder.path().join("missing");
    let paths = [missing, other, options.kubeconfig.clone().unwrap().into()];
    let options = ConnectOptions { kubeconfig: Some(std::env::join_paths(paths).unwrap()), ..options };
    assert_eq!(Cluster::open(&options).unwrap().connection().context(), Some("here"));
}

#[test]
fn an_unknown_context_names_those_there_are() {
    let (code, text) = refused_with(|_| {}, |options| options.context = Some("prod".to_owned()));
    assert_eq!((code, text.as_str()), (6, "config has no context `prod`; its only one is `here`"));
    let (_, text) = refused(|config| {
        config.as_object_mut().unwrap().remove("current-context");
    });
    assert_eq!(text, "config has no current context; choose one with `--context`: `here`");
}

#[test]
fn another_context_than_the_environments_is_refused_before_anything_is_asked() {
    // The login command would leave a trace.
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let login = |config: &mut Value| {
        config["users"][0]["user"] = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1",
            "interactiveMode": "Never", "command": "touch", "args": [trace.display().to_string()] } });
    };
    let (code, text) = refused_with(login, |options| options.expected_context = Some("prod".to_owned()));
    assert_eq!(code, 3);
    assert!(
        text.starts_with("the kube context is `here`, but this environment belongs to `prod`; nothing was asked"),
        "{text}"
    );
    assert!(!trace.exists());
}

#[test]
fn a_file_that_is_no_kubeconfig_is_named() {
    for (bytes, expected) in [
        (b"a: [b".as_slice(), "config is no kubeconfig: "),
        (b"\xff\x00\xc3".as_slice(), "config cannot be read: "),
        (b"just words".as_slice(), "config is no kubeconfig: "),
        (b"".as_slice(), "config has no current context"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, bytes).unwrap();
        let error = Cluster::open(&ConnectOptions { kubeconfig: Some(path.into()), ..Default::default() }).unwrap_err();
        let text = error.to_string().replace(&format!("{}/", folder.path().display()), "");
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(error.exit_code(), 6);
    }
    let options = ConnectOptions { kubeconfig: Some("/no/such/config".into()), ..Default::default() };
    let text = Cluster::open(&options).unwrap_err().to_string();
    assert!(text.starts_with("KUBECONFIG=/no/such/config does not exist; "), "{text}");
}

#[test]
fn what_the_context_points_to_is_named_where_it_is_missing() {
    for (change, expected) in [
        (
            json!({ "cluster": { "certificate-authority": "/no/ca.crt" } }),
            "names a `certificate-authority` that cannot be read: /no/ca.crt",
        ),
        (json!({ "cluster": {} }), "has no `server` for the context's cluster"),
        (json!({ "cluster": { "server": "::" } }), "has a `server` that is no URL"),
    ] {
        let (code, text) = refused(|config| {
            let server = config["clusters"][0]["cluster"]["server"].clone();
            config["clusters"][0]["cluster"] = change["cluster"].clone();
            if expected.contains("authority") {
                config["clusters"][0]["cluster"]["server"] = server;
            }
        });
        assert!(text.contains(expected), "{text}");
        assert_eq!(code, 6);
    }
    let (_, text) = refused(|config| config["contexts"][0]["context"]["cluster"] = json!("elsewhere"));
    assert!(text.starts_with("config has no cluster `elsewhere`"), "{text}");
}

#[test]
fn a_cluster_that_does_not_answer_is_told_from_one_that_is_not_trusted_and_one_that_does_not_trust_us() {
    let (code, text) = refused(|config| config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1"));
    assert_eq!(code, 6);
    assert!(text.starts_with("no answer from https://127.0.0.1:1: Connection refused"), "{text}");

    let (_, text) = refused(|config| config["clusters"][0]["cluster"]["server"] = json!("https://nowhere.invalid"));
    assert!(text.starts_with("no answer from https://nowhere.invalid: "), "{text}");

    let (_, text) = refused(|config| {
        let cluster = config["clusters"][0]["cluster"].as_object_mut().unwrap();
        cluster.remove("certificate-authority-data");
        cluster.remove("certificate-authority");
    });
    assert!(text.starts_with("no trusted connection to https://127.0.0.1:"), "{text}");
    assert!(text.contains("`certificate-authority`"), "{text}");

    let (_, text) = refused(|config| config["users"][0]["user"] = json!({ "token": "stale" }));
    assert!(text.contains("does not accept these credentials: it answered 401"), "{text}");
}

#[test]
fn a_login_command_that_fails_is_quoted_without_what_it_printed() {
    let login = |script: &'static str| {
        move |config: &mut Value| {
            config["users"][0]["user"] = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1",
                "interactiveMode": "Never", "command": "sh", "args": ["-c", script] } });
        }
    };
    let (_, text) = refused(login("echo sesame; echo session expired >&2; exit 3"));
    assert!(text.contains("the kubeconfig's login command ended with exit status: 3: session expired"), "{text}");
    assert!(!text.contains("sesame"));
    let (_, text) = refused(login("echo sesame"));
    assert!(text.contains("did not print an ExecCredential"), "{text}");
    assert!(!text.contains("sesame"));
    let (_, text) = refused(|config| {
        config["users"][0]["user"] = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1",
            "interactiveMode": "Never", "command": "no-such-login" } });
    });
    assert!(text.contains("the kubeconfig's login command does not start: No such file"), "{text}");
}

#[test]
fn a_server_that_is_no_api_server_is_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html></html>");
        }
    });
    let (code, text) =
        refused(|config| config["clusters"][0]["cluster"]["server"] = json!(format!("http://{address}")));
    assert_eq!(code, 6);
    assert!(text.contains("does not answer like a Kubernetes API server"), "{text}");
}

#[test]
fn nothing_to_connect_to_says_what_to_give() {
    let error = LiveError::NoConfiguration { place: "/home/me/.kube/config".to_owned() };
    assert_eq!(
        error.to_string(),
        "no cluster to talk to: /home/me/.kube/config does not exist and this is no pod of a cluster; set KUBECONFIG, or give \
         `--state` a directory or a snapshot"
    );
}

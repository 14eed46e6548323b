//! Encryption at rest: what kspec writes for the host makes the API server store what it should, and a rotation loses
//! nothing.

use std::path::PathBuf;

use kspec_model::program::{Encryption, EncryptionProvider, EncryptionRule, KeyedProvider};
use kspec_test_harness::{ControlPlane, Options};
use serde_json::json;

use crate::host;
use crate::programs::{empty, origin};

fn keyed(algorithm: KeyedProvider, keys: &[&str]) -> EncryptionProvider {
    EncryptionProvider::Keyed { algorithm, keys: keys.iter().map(|key| (*key).to_owned()).collect() }
}

/// The file that a server starts with, for a program that encrypts secrets and configmaps with these providers.
fn file(server: &ControlPlane, step: &str, providers: Vec<EncryptionProvider>) -> PathBuf {
    let mut program = empty("sealed");
    let keyless = providers.iter().all(|provider| matches!(provider, EncryptionProvider::Identity));
    let resources = vec!["secrets".to_owned(), "configmaps".to_owned()];
    let rules = vec![EncryptionRule { resources, providers, origin: origin() }];
    program.encryption = Some(Encryption { rules, origin: origin() });
    let folder = server.folder().join(step);
    host::write(&host::lower(&program), &folder);
    if keyless { folder.join("encryption.yaml") } else { host::render(&folder, &server.folder().join("keys")) }
}

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

fn create(server: &ControlPlane, name: &str) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": { "password": "in-the-clear" },
    });
    server.admin().post(SECRETS, &secret).unwrap().ok().unwrap();
}

/// What etcd holds of a secret: everything before the ciphertext, and whether the password can be read there.
fn stored(server: &ControlPlane, name: &str) -> (String, bool) {
    let bytes = server.etcd().get(&format!("/registry/secrets/default/{name}")).unwrap().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let prefix: Vec<&str> = text.splitn(6, ':').take(5).collect();
    let prefix = if text.starts_with("k8s:enc:") { prefix.join(":") } else { String::new() };
    (prefix, text.contains("in-the-clear"))
}

fn readable(server: &ControlPlane, names: &[&str]) {
    for name in names {
        let secret = server.admin().get(&format!("{SECRETS}/{name}")).unwrap();
        assert_eq!(secret["data"]["password"], "aW4tdGhlLWNsZWFy", "{name}");
    }
}

/// What the README of the host folder says to do so that the first key encrypts everything: each of its lines
/// `kubectl get RESOURCE --all-namespaces -o json | kubectl replace -f -`, done here.
fn write_all_again(server: &ControlPlane, step: &str) {
    let readme = std::fs::read_to_string(server.folder().join(step).join("README.md")).unwrap();
    let line = |line: &str| -> Option<String> {
        let resource = line.strip_prefix("kubectl get ")?;
        Some(resource.strip_suffix(" --all-namespaces -o json | kubectl replace -f -")?.to_owned())
    };
    let resources: Vec<String> = readme.lines().filter_map(line).collect();
    assert_eq!(resources, ["secrets", "configmaps"], "{readme}");
    for resource in resources {
        let list = server.admin().get(&format!("/api/v1/{resource}")).unwrap();
        for item in list["items"].as_array().unwrap() {
            let mut item = item.clone();
            item["apiVersion"] = "v1".into();
            item["kind"] = if resource == "secrets" { "Secret" } else { "ConfigMap" }.into();
            let path = server.admin().path_of(&item).unwrap();
            let body = item.to_string();
            server.admin().request("PUT", &path, Some(("application/json", &body))).unwrap().ok().unwrap();
        }
    }
}

fn with(file: &std::path::Path) -> Options {
    Options::default().encryption(file)
}

/// Plain text first, then encrypted, then a new key, then without the old one: at every step everything is readable
/// through the API, and in etcd only where it should be.
fn seals_and_rotates(algorithm: KeyedProvider, key_bytes: usize) {
    let mut server = ControlPlane::start(Options::default()).unwrap();
    let keys = server.folder().join("keys");
    host::write_key(&keys, "first", key_bytes);
    host::write_key(&keys, "second", 32);
    let prefix = |key: &str| format!("k8s:enc:{}:v1:{key}", algorithm.as_str());

    let plain = file(&server, "plain", vec![EncryptionProvider::Identity]);
    server.restart(with(&plain)).unwrap();
    create(&server, "old");
    assert_eq!(stored(&server, "old"), (String::new(), true));

    let sealed = file(&server, "sealed", vec![keyed(algorithm, &["first"]), EncryptionProvider::Identity]);
    server.restart(with(&sealed)).unwrap();
    create(&server, "new");
    assert_eq!(stored(&server, "new"), (prefix("first"), false));
    readable(&server, &["old", "new"]);
    write_all_again(&server, "sealed");
    assert_eq!(stored(&server, "old"), (prefix("first"), false));

    // The README's rotation: every server must be able to read the new key before one writes with it.
    let known = file(&server, "known", vec![keyed(algorithm, &["first", "second"])]);
    server.restart(with(&known)).unwrap();
    create(&server, "between");
    assert_eq!(stored(&server, "between"), (prefix("first"), false));
    let rotated = file(&server, "rotated", vec![keyed(algorithm, &["second", "first"])]);
    server.restart(with(&rotated)).unwrap();
    readable(&server, &["old", "new", "between"]);
    create(&server, "newest");
    assert_eq!(stored(&server, "newest"), (prefix("second"), false));
    assert_eq!(stored(&server, "old"), (prefix("first"), false));
    write_all_again(&server, "rotated");

    let retired = file(&server, "retired", vec![keyed(algorithm, &["second"])]);
    server.restart(with(&retired)).unwrap();
    let names = ["old", "new", "between", "newest"];
    readable(&server, &names);
    for name in names {
        assert_eq!(stored(&server, name), (prefix("second"), false), "{name}");
    }
}

#[test]
fn aescbc_seals_and_rotates() {
    seals_and_rotates(KeyedProvider::AesCbc, 32);
}

#[test]
fn aesgcm_seals_and_rotates() {
    seals_and_rotates(KeyedProvider::AesGcm, 16);
}

#[test]
fn secretbox_seals_and_rotates() {
    seals_and_rotates(KeyedProvider::SecretBox, 32);
}

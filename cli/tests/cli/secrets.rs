//! What a cluster keeps secret reaches no output.

use crate::support::{DAY, PROJECT, Place, tree};

/// A Secret in both of its forms, what kubectl keeps of it, and an encryption file with its key.
const STATE: &str = r#"
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"hunter2hunter2"}}'
data: { password: aHVudGVyMmh1bnRlcjI= }
stringData: { other: hunter2hunter2 }
---
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - secretbox:
          keys:
            - { name: k1, secret: c2l4dGVlbmJ5dGVzc2l4dGVlbmJ5dGVzMTIzNDU2Nzg= }
      - identity: {}
"#;

const HIDDEN: &[&str] = &["hunter2", "aHVudGVyMmh1bnRlcjI", "c2l4dGVlbmJ5dGVz"];

const MODULE: &str = r#"
namespace shop { pod_security: restricted }
encryption { encrypt secrets with secretbox("k2", "k1"), identity }
"#;

#[track_caller]
fn clean(what: &str, text: &str) {
    for hidden in HIDDEN {
        assert!(!text.contains(hidden), "{what} shows {hidden}\n{text}");
    }
}

#[test]
fn no_output_shows_them() {
    let place = Place::with(&[("kspec.toml", PROJECT), ("main.kspec", MODULE), ("state/all.yaml", STATE)]);
    for format in ["human", "json", "markdown"] {
        let done = place.kspec(&["plan", "-v", "--as-of", DAY, "-o", format]).ends(0);
        clean("plan", &done.out);
        clean("plan", &done.err);
    }
    place.kspec(&["plan", "--as-of", DAY, "--out", "saved.json"]);
    if place.path("saved.json").exists() {
        clean("a saved plan", &place.read("saved.json"));
    }
    place.kspec(&["snapshot", "--state", "state", "--out", "snapshot"]).ends(0);
    clean("a snapshot", &place.read("snapshot"));
    for state in ["state", "snapshot"] {
        let out = format!("imported-{state}");
        let done = place.kspec(&["import", "--state", state, "--out", &out]).ends(0);
        clean("import", &done.out);
        for (path, text) in tree(&place.path(&out)) {
            clean(&path, &String::from_utf8_lossy(&text));
        }
    }
}

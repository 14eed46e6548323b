//! Bad input: each with a message that names the place and the remedy, and nothing written.

use crate::support::{PROJECT, Place};

const MODULE: &str = "/// The shop.\nnamespace shop { pod_security: restricted }\n";

fn project(more: &[(&str, &str)]) -> Place {
    let place = Place::with(&[("kspec.toml", PROJECT), ("main.kspec", MODULE)]);
    for (path, text) in more {
        place.write(path, text);
    }
    place
}

#[cfg(unix)]
#[test]
fn a_module_that_cannot_be_read() {
    let place = project(&[]);
    std::os::unix::fs::symlink("nowhere", place.path("gone.kspec")).expect("a link");
    place.kspec(&["check"]).ends(1).says(&["K0005", "gone.kspec"]);
}

#[test]
fn a_module_that_is_no_text() {
    let place = project(&[]);
    place.write("latin.kspec", b"// caf\xe9\n");
    place.kspec(&["check"]).ends(1).says(&["K0005", "latin.kspec", "UTF-8", "byte 6"]);
}

#[test]
fn a_module_that_is_too_large() {
    let place = project(&[]);
    place.write("huge.kspec", "// a log, by mistake\n".repeat(500_000));
    place.kspec(&["check"]).ends(1).says(&["K0005", "huge.kspec", "8 MiB"]);
}

#[cfg(unix)]
#[test]
fn a_module_that_is_no_file() {
    let place = project(&[]);
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe.kspec")).status();
    assert!(made.expect("mkfifo").success());
    place.kspec(&["check"]).ends(1).says(&["K0005", "pipe.kspec", "no regular file"]);
}

#[test]
fn a_line_that_is_too_long_to_show() {
    let place = project(&[]);
    place.write("long.kspec", format!("namespace a {{ {}pod_security: restricteed }}\n", " ".repeat(100_000)));
    let done = place.kspec(&["check"]).ends(1).says(&["K0103", "long.kspec:1:", "restricted"]);
    assert!(done.out.len() < 2_000, "{}", done.out.len());
}

/// Ten levels of ten: ten thousand million nodes.
fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        let list = [below.as_str(); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    text
}

#[test]
fn anchors_that_multiply() {
    let place = project(&[("manifests/bomb.yaml", &bomb())]);
    place.write("kspec.toml", format!("{PROJECT}manifests = [\"manifests\"]\n"));
    place.kspec(&["check"]).ends(1).says(&["K0125", "manifests/bomb.yaml"]);
    place.write("kspec.toml", PROJECT);
    place.write("state/bomb.yaml", bomb());
    place.kspec(&["plan"]).ends(6).says(&["bomb.yaml"]);
}

#[test]
fn a_manifest_that_is_no_yaml() {
    let place = project(&[("manifests/broken.yaml", "kind: Deployment\n  metadata: [\n")]);
    place.write("kspec.toml", format!("{PROJECT}manifests = [\"manifests\"]\n"));
    place.kspec(&["check"]).ends(1).says(&["K0125", "manifests/broken.yaml"]);
}

/// Of the project's own manifests, what no API server would hold is told where it stands, and every other document is read.
#[test]
fn manifests_that_no_server_would_hold() {
    const MANIFESTS: &str = "\
# 2: a field of another type
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: {port: 80}}
---
# 8: a kind that there is not
apiVersion: apps/v1
kind: Deploymnt
metadata: {name: web, namespace: shop}
---
# 13: an API version that is served no more
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: web, namespace: shop}
---
# 18: what the server checks in code
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchExpressions: [{key: app, operator: in, values: [web]}]}}
---
# 24: a boolean to YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: y, namespace: shop}
---
# 29: a number to YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: 12, namespace: shop}
---
# 34: no name
apiVersion: v1
kind: ConfigMap
metadata: {namespace: shop}
---
# 38: a rule that asks for nothing, and one of no group
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{resources: [pods]}, {verbs: [get]}]
---
# 44: a name of another form, and a label of none
apiVersion: apps/v1
kind: Deployment
metadata: {name: Web_1, namespace: shop, labels: {app: web server}}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: []}}}
---
# 50: a port's name is 15 characters at most
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: metrics, namespace: shop}
spec: {podSelector: {}, ingress: [{ports: [{port: metrics-and-more}]}]}
---
# 56: there is one, called default
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {name: base}
spec: {subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}
---
# A resource of a definition that the project does not give is anybody's guess, and an empty list is empty.
apiVersion: example.com/v1
kind: Wheel
metadata: {name: a, namespace: shop}
spec: 4
---
apiVersion: v1
kind: List
items: null
";
    let place = project(&[("manifests/all.yaml", MANIFESTS)]);
    place.write("kspec.toml", format!("{PROJECT}manifests = [\"manifests\"]\n"));
    let done = place.kspec(&["check", "-o", "json"]).ends(1);
    let document = done.json();
    let findings = document["findings"].as_array().expect("findings");
    let told: Vec<(u64, &str)> = findings
        .iter()
        .filter(|finding| finding["code"] == "K0125" && finding["labels"][0]["file"] == "manifests/all.yaml")
        .map(|finding| {
            (finding["labels"][0]["line"].as_u64().expect("a line"), finding["message"].as_str().expect("a message"))
        })
        .collect();
    insta::assert_debug_snapshot!(told);
}

/// What a Secret holds is withheld before anything is looked at.
#[test]
fn a_secret_among_the_manifests_is_nothing_that_a_server_would_refuse() {
    const SECRETS: &str = "
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
data: {password: aGVsbG8=}
---
apiVersion: v1
kind: Secret
metadata: {name: api, namespace: shop}
stringData: {token: y1}
";
    let place = project(&[("manifests/secrets.yaml", SECRETS)]);
    place.write("kspec.toml", format!("{PROJECT}manifests = [\"manifests\"]\n"));
    place.kspec(&["check"]).ends(0);
    place.kspec(&["vet", "manifests", "--pss", "restricted"]).ends(0);
}

#[test]
fn modules_that_need_each_other() {
    let place = project(&[
        ("a.kspec", "use b.{y}\nlet x = y\nnamespace one { labels: { a: x }, pod_security: restricted }\n"),
        ("b.kspec", "use a.{x}\nlet y = x\n"),
    ]);
    place.kspec(&["check"]).ends(1).says(&["K0108", "a.kspec", "b.kspec"]);
}

#[test]
fn no_project() {
    let place = Place::empty();
    place.kspec(&["check"]).ends(6).says(&["kspec.toml", "kspec init"]);
    place.kspec(&["plan"]).ends(6).says(&["kspec.toml"]);
}

#[test]
fn a_wrong_project_file() {
    let place = project(&[]);
    place.write("kspec.toml", PROJECT.replace("1.36", "1.12"));
    place.kspec(&["check"]).ends(1).says(&["K0123", "kspec.toml:3", "1.12", "1.36"]);
    place.write("kspec.toml", format!("{PROJECT}kubernets = \"1.36\"\n"));
    place.kspec(&["check"]).ends(1).says(&["K0123", "kubernets"]);
    place.write("kspec.toml", "name = \n");
    place.kspec(&["check"]).ends(1).says(&["K0123", "kspec.toml:1"]);
}

#[test]
fn every_error_in_one_run() {
    let place = project(&[
        ("a.kspec", "namespace one { pod_security: restrictd }\nnamespace two {\n  labels: { team: 1 }\n"),
        ("b.kspec", "role r in shopp { allow gett on pods }\ngrant nobody in cluster to any\n"),
    ]);
    let done = place.kspec(&["check", "-o", "json"]).ends(1);
    let document = done.json();
    let findings = document["findings"].as_array().expect("findings");
    for (file, line) in [("a.kspec", 1), ("a.kspec", 2), ("b.kspec", 1), ("b.kspec", 2)] {
        let there = findings.iter().any(|finding| {
            finding["severity"] == "error"
                && finding["labels"][0]["file"] == file
                && finding["labels"][0]["line"] == line
        });
        assert!(there, "nothing at {file}:{line}\n{document:#}");
    }
}

#[test]
fn a_lock_of_another_library() {
    let place = project(&[]);
    let source = place.read("main.kspec");
    let drawing =
        format!("use std.roles.{{viewer}}\n{source}/// They look.\ngrant viewer in cluster to group \"sre\"\n");
    place.kspec(&["check"]).ends(0);
    assert!(!place.read("kspec.lock").contains("std."), "nothing of the library is used yet");
    place.write("main.kspec", &drawing);
    place.kspec(&["check"]).ends(0);
    let lock = place.read("kspec.lock");
    assert_eq!(lock.matches("std.").count(), 1, "a module is pinned once it is drawn on\n{lock}");

    let pin = "\"std.roles\" = \"";
    let at = lock.find(pin).expect("a pin") + pin.len();
    let other = if lock.get(at..=at) == Some("0") { "1" } else { "0" };
    let mut changed = lock.clone();
    changed.replace_range(at..=at, other);
    place.write("kspec.lock", &changed);
    place.kspec(&["check"]).ends(1).says(&["K0124", "std.roles", "--update-lock"]);
    assert_eq!(place.read("kspec.lock"), changed, "a pin changes on request only");

    // What changed is no matter where it is not drawn on.
    place.write("main.kspec", &source);
    place.kspec(&["check"]).ends(0);
    place.write("main.kspec", &drawing);
    place.write("kspec.lock", &changed);
    place.kspec(&["check", "--update-lock"]).ends(0);
    assert_eq!(place.read("kspec.lock"), lock);
    place.write("kspec.lock", "version = 1\nkubernetes = \"1.36\"\nschema = \"a\"\nstdlib = \"b\"\n");
    place.kspec(&["check"]).ends(1).says(&["K0124", "form 1", "--update-lock"]);
}

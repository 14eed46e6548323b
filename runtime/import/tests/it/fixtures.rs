//! States written by hand, one oddity after another.

use std::path::Path;

use kspec_schema::{KubeVersion, Schema};
use kspec_state::State;
use serde_json::{Value, json};

use crate::round_trip::{self, assert_adopts};

fn read(path: &str) -> State {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    assert!(root.exists(), "{}", root.display());
    let (state, problems) = kspec_state::read_directory(&root, &Schema::bundled(KubeVersion::NEWEST));
    assert_eq!(problems, [], "{path}");
    state
}

#[test]
fn the_examples_states_are_only_adopted() {
    for example in ["shop", "tenants", "hardened-control-plane"] {
        assert_adopts(&read(&format!("../../examples/{example}/state")), KubeVersion::NEWEST);
    }
}

#[test]
fn nothing_of_access_needs_a_manifest() {
    let imported = assert_adopts(&read("tests/it/fixtures/access.yaml"), KubeVersion::NEWEST);
    assert_eq!(imported.report.verbatim, []);
}

#[test]
fn nothing_of_namespaces_needs_a_manifest() {
    let imported = assert_adopts(&read("tests/it/fixtures/namespaces.yaml"), KubeVersion::NEWEST);
    assert_eq!(imported.report.verbatim, []);
}

#[test]
fn nothing_of_networks_needs_a_manifest() {
    let imported = assert_adopts(&read("tests/it/fixtures/networks.yaml"), KubeVersion::NEWEST);
    assert_eq!(imported.report.verbatim, []);
}

#[test]
fn what_belongs_to_a_namespace_that_the_state_does_not_hold_is_adopted_too() {
    assert_adopts(&read("tests/it/fixtures/elsewhere.yaml"), KubeVersion::NEWEST);
}

#[test]
fn what_an_api_server_runs_with_is_said_as_it_is() {
    let held = read("tests/it/fixtures/host.yaml");
    let imported = assert_adopts(&held, KubeVersion::NEWEST);
    let host = &imported.files["host.kspec"];
    for said in [
        "encrypt secrets, configmaps with secretbox(\"2026-11\"), kms(",
        "timeout: 2500ms",
        "encrypt any.apps, \"widgets.example.com\" with aescbc(\"a\", \"b\"), identity",
        "encrypt any with aescbc(\"a\")",
        "authorization_mode: [\"Node\", \"RBAC\"]",
        "request_timeout: 90s",
        "profiling: false",
        "discovery_url: \"https://id.example.com/discovery\"",
        "metadata on secrets, configmaps",
        "on pods/exec, any.core/scale,",
        "\"widgets.example.com\", any.apps named \"a\", \"b\" in kube_system, gone omit response_started",
        "none url \"/healthz*\", \"/livez\"",
        "metadata otherwise",
    ] {
        assert!(host.contains(said), "{said}\n{host}\n{:?}", imported.report.left_out);
    }
    let left_out: Vec<&str> = imported.report.left_out.iter().map(|kept| kept.object.as_str()).collect();
    assert_eq!(left_out, ["API server flag enable-admission-plugins"]);
}

#[test]
fn what_no_block_says_of_a_host_is_left_out_and_told() {
    let file = |text: serde_json::Value| text.to_string();
    let policy =
        |rule: serde_json::Value| file(json!({ "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [rule] }));
    let encryption = |provider: serde_json::Value| {
        let entry = json!({ "resources": ["secrets"], "providers": [provider, { "identity": {} }] });
        file(
            json!({ "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": [entry] }),
        )
    };
    let odd = [
        policy(json!({ "level": "Metadata", "users": ["a"], "userGroups": ["b"] })),
        policy(json!({ "level": "Metadata", "namespaces": [""] })),
        policy(json!({ "level": "Metadata", "omitManagedFields": true })),
        policy(json!({ "level": "Metadata", "verbs": ["*"] })),
        policy(
            json!({ "level": "Metadata", "resources": [{ "resources": ["pods"], "resourceNames": ["a"] }, { "group": "apps" }] }),
        ),
        encryption(json!({ "kms": { "name": "old", "endpoint": "unix:///run/kms.sock", "cachesize": 5 } })),
        encryption(json!({ "aescbc": { "keys": [{ "name": "no file/name" }] } })),
        encryption(json!({ "rot13": { "keys": [{ "name": "a" }] } })),
        file(
            json!({ "kind": "AuthenticationConfiguration", "jwt": [{ "issuer": { "url": "http://plain", "audiences": ["a"] } }] }),
        ),
    ];
    for text in odd {
        let mut held = round_trip::state([]);
        held.host.files.insert("file.yaml".to_owned(), text.clone());
        let imported = assert_adopts(&held, KubeVersion::NEWEST);
        assert_eq!(imported.report.left_out.len(), 1, "{text}: {:?}", imported.files);
    }
}

#[test]
fn amounts_that_the_language_refuses_stay_as_they_are() {
    let imported = assert_adopts(&read("tests/it/fixtures/amounts.yaml"), KubeVersion::NEWEST);
    let kept: Vec<String> =
        imported.report.verbatim.iter().map(|kept| format!("{}: {}", kept.object, kept.reason)).collect();
    insta::assert_snapshot!(kept.join("\n"));
    assert_eq!(imported.report.left_out, []);
    assert_eq!(imported.report.declared, 3);
}

#[test]
fn what_the_language_refuses_is_kept_whole_or_left_out() {
    let policy = |name: &str, block: Value| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "name": name, "namespace": "n" },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [{ "ipBlock": block }] }] }
        })
    };
    let held = round_trip::state([
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "n", "labels": {
                "pod-security.kubernetes.io/enforce": "baseline",
                "pod-security.kubernetes.io/enforce-version": "v1.99",
                "pod-security.kubernetes.io/warn": "strict",
            } }
        }),
        policy("hosts", json!({ "cidr": "10.0.0.1/8" })),
        policy("except", json!({ "cidr": "10.0.0.0/8", "except": ["10.1.0.1/16"] })),
        policy("mapped", json!({ "cidr": "::ffff:10.0.0.0/104" })),
        policy("written-otherwise", json!({ "cidr": "2001:DB8::/32" })),
        policy("plain", json!({ "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] })),
    ]);
    let imported = assert_adopts(&held, KubeVersion::NEWEST);
    let kept: Vec<&str> = imported.report.verbatim.iter().map(|kept| kept.object.as_str()).collect();
    assert_eq!(kept, ["except", "hosts", "mapped", "written-otherwise"].map(|name| format!("NetworkPolicy n/{name}")));
    let reasons: Vec<&str> = imported.report.left_out.iter().map(|left| left.reason.as_str()).collect();
    insta::assert_debug_snapshot!(reasons);
    insta::assert_snapshot!(imported.files["namespaces.kspec"]);
}

/// The program goes by the name of the project that applied all this, so that what it does not say would be deleted.
#[test]
fn what_a_project_applied_and_no_declaration_says_is_kept_whole() {
    let inventory = kspec_lower::inventory_in("live", "ops");
    let mine = |mut object: Value| {
        object["metadata"]["labels"] = json!({
            "app.kubernetes.io/managed-by": "kspec",
            "applyset.kubernetes.io/part-of": inventory.id,
            "kspec.dev/project": "live",
        });
        object
    };
    let namespace = |name: &str| {
        mine(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "annotations": { "kspec.dev/purpose": "Where it lives." } }
        }))
    };
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": "live-enforce-pods" },
        "spec": { "policyName": "live-enforce-pods", "validationActions": ["Deny"] }
    });
    let priority = json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "high" }, "value": 7
    });
    let held = [namespace("app"), namespace("ops"), mine(binding), mine(priority), inventory.object([]).0];
    let held = round_trip::state(held);
    let imported = assert_adopts(&held, KubeVersion::NEWEST);
    let kept: Vec<&str> = imported.report.verbatim.iter().map(|kept| kept.object.as_str()).collect();
    assert_eq!(kept, ["ValidatingAdmissionPolicyBinding live-enforce-pods", "PriorityClass high"]);
    insta::assert_snapshot!(imported.files["kspec.toml"]);
}

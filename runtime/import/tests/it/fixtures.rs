//! States written by hand, one oddity after another.

use std::path::Path;

use kspec_schema::{KubeVersion, Schema};
use kspec_state::State;

use crate::round_trip::assert_adopts;

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
        "encrypt secrets, configmaps with secretbox(\"2026-11\"), identity",
        "authorization_mode: [\"Node\", \"RBAC\"]",
        "request_timeout: 90s",
        "profiling: false",
        "discovery_url: \"https://id.example.com/discovery\"",
        "metadata on \"secrets\"",
    ] {
        assert!(host.contains(said), "{said}\n{host}");
    }
    let left_out: Vec<&str> = imported.report.left_out.iter().map(|kept| kept.object.as_str()).collect();
    assert_eq!(left_out, ["API server flag enable-admission-plugins"]);
}

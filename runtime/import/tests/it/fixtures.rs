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

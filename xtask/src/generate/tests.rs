//! What is generated is valid, as many as asked for, and the same each time.

use std::collections::BTreeMap;

use kspec_compiler::{Compiler, Facts, parse_config};
use kspec_diagnostics::Severity;
use kspec_model::program::Date;
use kspec_schema::{KubeVersion, Schema};
use serde_json::Value;

use super::{access, network, project, state};

const HEADS: [&str; 7] = ["namespace", "service_account", "workload", "network", "group", "role", "grant"];

fn declarations(files: &BTreeMap<String, String>) -> usize {
    let lines = files.iter().filter(|(name, _)| name.ends_with(".kspec")).flat_map(|(_, text)| text.lines());
    lines.filter(|line| HEADS.contains(&line.split(' ').next().unwrap_or_default())).count()
}

#[test]
fn a_project_has_what_was_asked_for() {
    for (count, files) in [(13, 2), (100, 7), (1000, 20)] {
        let made = project::files(count, files, 7).unwrap();
        assert_eq!((declarations(&made), made.len()), (count, files + 1), "{count} in {files}");
        assert_eq!(made, project::files(count, files, 7).unwrap());
    }
    assert_ne!(project::files(100, 7, 7), project::files(100, 7, 8));
    assert!(project::files(3, 2, 1).is_err());
}

#[test]
fn a_project_has_no_errors_and_no_warnings() {
    let files = project::files(400, 12, 3).unwrap();
    let config = parse_config("kspec.toml", &files["kspec.toml"]).unwrap();
    let mut compiler = Compiler::new(Facts {
        schema: Schema::bundled(config.kubernetes),
        config,
        manifests: Vec::new(),
        environment: None,
        as_of: Date { year: 2026, month: 11, day: 21 },
        library: kspec_stdlib::FILES,
        rego: std::collections::BTreeMap::new(),
        webhook_ca: None,
    });
    for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".kspec")) {
        compiler.set_source(name, text.as_str());
    }
    let bad: Vec<String> = compiler
        .check()
        .into_iter()
        .filter(|finding| finding.severity > Severity::Information)
        .map(|finding| format!("{}: {}", finding.code, finding.message))
        .collect();
    assert_eq!(bad, Vec::<String>::new());
}

#[test]
fn a_state_is_objects_that_the_server_would_take() {
    let files = state::files(500, 7);
    assert_eq!(files, state::files(500, 7));
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let mut count = 0;
    for text in files.values() {
        for document in text.split("---\n").skip(1) {
            let object: Value = serde_saphyr::from_str(document).unwrap();
            assert_eq!(schema.validate(&object), [], "{document}");
            count += 1;
        }
    }
    assert_eq!(count, 500);
}

#[test]
fn a_network_has_as_many_workloads_and_policies_as_asked_for_and_is_the_same_for_a_seed() {
    let files = network::files(50, 30, 7);
    assert_eq!(files, network::files(50, 30, 7));
    assert_ne!(files, network::files(50, 30, 8));
    let text: String = files.values().map(String::as_str).collect();
    assert_eq!(text.matches("Deployment").count(), 50);
    assert_eq!(text.matches("NetworkPolicy").count(), 30);
}

#[test]
fn an_estate_has_what_was_asked_for_and_its_objects_are_what_the_server_would_take() {
    let counts = access::Counts { accounts: 60, roles: 110, bindings: 200, pods: 70 };
    let files = access::files(counts, 7);
    assert_eq!(files, access::files(counts, 7));
    assert_ne!(files, access::files(counts, 8));
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for document in files.values().flat_map(|text| text.split("---\n").skip(1)) {
        let object: Value = serde_saphyr::from_str(document).unwrap();
        assert_eq!(schema.validate(&object), [], "{document}");
        *kinds.entry(object["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let bindings = kinds.remove("RoleBinding").unwrap() + kinds.remove("ClusterRoleBinding").unwrap();
    assert_eq!(bindings, 200);
    let counted = [("ClusterRole", 110), ("Namespace", 2), ("Pod", 70), ("ServiceAccount", 60)];
    assert_eq!(kinds, counted.map(|(kind, count)| (kind.to_owned(), count)).into());
}

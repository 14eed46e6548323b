//! Rules of a program hold chains of abuse back, where they refuse every pod that would be root on its node.

use std::collections::BTreeMap;

use kspec_diagnostics::codes;
use kspec_model::cluster::Cluster;
use kspec_posture::controls::controls;

use crate::support::compile;

fn source(rules: &str, more: &str) -> String {
    format!(
        "use std.pod_security.{{privileged, hostNamespaces, hostPathVolumes, capabilities_baseline}}\nnamespace build {{ pod_security: privileged; labels: {{ team: \"a\" }} }}\ngroup devs = \"oidc:devs\"\n/// Builds.\nrole builder in build {{ allow create on pods }}\n/// They build.\ngrant builder to devs\nenforce {rules} in build\n{more}"
    )
}

/// Whether developers who make pods come to a node.
fn reaches(rules: &str, more: &str) -> bool {
    let (_, findings) = compile(&source(rules, more));
    let errors: Vec<_> = findings.iter().filter(|it| it.severity == kspec_diagnostics::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    findings.iter().any(|finding| finding.code == codes::PATH_TO_NODE)
}

#[test]
fn every_way_to_the_node_has_to_be_refused() {
    let all = "privileged, hostNamespaces, hostPathVolumes, capabilities_baseline(36)";
    assert!(!reaches(all, ""));
    for left in [
        "hostNamespaces, hostPathVolumes, capabilities_baseline(36)",
        "privileged, hostNamespaces, capabilities_baseline(36)",
        "privileged, hostNamespaces, hostPathVolumes",
    ] {
        assert!(reaches(left, ""), "{left}");
    }
}

#[test]
fn what_an_attacker_chooses_holds_nothing_back() {
    let others = "hostNamespaces, hostPathVolumes, capabilities_baseline(36)";
    let rule = |also: &str| {
        format!(
            "enforce closed in build\nrule closed on Pod {{\n  for c in containers, init_containers, ephemeral_containers {{\n    deny if (c.securityContext.privileged ?? false){also} because \"privileged\"\n  }}\n}}\n"
        )
    };
    assert!(!reaches(others, &rule("")));
    for also in [
        " && !(c.image.starts_with(\"own.example.com/\") ?? false)",
        " && !(\"exempt\" in object.metadata.labels)",
        " && request.userInfo.username != \"ops\"",
    ] {
        assert!(reaches(others, &rule(also)), "{also}");
    }
}

#[test]
fn rules_that_the_api_server_runs_are_found_in_a_state_as_well() {
    let all = "privileged, hostNamespaces, hostPathVolumes, capabilities_baseline(36)";
    let (compiler, _) = compile(&source(all, ""));
    let lowered = compiler.lower(&BTreeMap::new());
    let (cluster, problems) = Cluster::lift(lowered.objects.iter().map(|lowered| &lowered.object));
    assert_eq!(problems, []);
    let refused = |table| {
        let found = controls(table, &cluster).refusals.into_iter();
        found.map(|refusal| (refusal.namespace, refusal.attempt, refusal.lasting)).collect::<Vec<_>>()
    };
    let table = compiler.table();
    let of_table = refused(Some(&table));
    assert_eq!(of_table.len(), 4);
    assert_eq!(refused(None), of_table);
}

//! The language reference's example, a whole project with its manifests and a pinned date.

use kspec_compiler::{Compiler, ManifestDoc};
use kspec_diagnostics::{Finding, Severity, codes};

use crate::support::{CONFIG, config, facts, show};

const PROJECT: &str = include_str!("../../../specs/language/project/kspec.toml");
const SOURCE: &str = include_str!("../../../specs/language/project/main.kspec");
const MANIFESTS: &str = include_str!("../../../specs/language/project/manifests/payments.yaml");

fn manifests() -> Vec<ManifestDoc> {
    MANIFESTS
        .split("---\n")
        .map(|text| ManifestDoc {
            value: serde_saphyr::from_str(text).expect("YAML"),
            file: "manifests/payments.yaml".into(),
            line: 1,
        })
        .collect()
}

#[test]
fn the_example_is_free_of_errors_and_warnings() {
    let mut compiler = Compiler::new(facts(config(PROJECT), Some("prod"), manifests()));
    compiler.set_source("main.kspec", SOURCE);
    let findings = compiler.prove().findings;
    let undecided = |finding: &Finding| finding.code == codes::GUARANTEE_NOT_DECIDED;
    let bad = |finding: &Finding| finding.severity > Severity::Information || undecided(finding);
    let bad: Vec<_> = findings.into_iter().filter(bad).collect();
    assert!(bad.is_empty(), "{}", show(&bad, compiler.sources()));
}

/// Each of these made an object that the API server refuses, or pods that it refuses all of.
#[test]
fn quotas_limits_labels_and_ports_that_no_server_takes() {
    let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    compiler.set_source(
        "main.kspec",
        r#"
/// N.
namespace n {
  pod_security: restricted
  quota "conflicting" { pods: 3, scopes: ["Terminating", "NotTerminating"] }
  quota "unknown" { pods: 3, scopes: ["Nope"] }
  quota "unsupported" { requests.cpu: 1, scopes: ["BestEffort"] }
  quota "nothing" { "count/": 1 }
  quota "unnamed" { pods: 1, scope_selector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In" }] } }
  quota "exists" { pods: 1, scope_selector: { matchExpressions: [{ scopeName: "BestEffort", operator: "In", values: ["a"] }] } }
  quota "right" { pods: 1, "count/deployments.apps": 3, scope_selector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] } }
  limits container { default: { cpu: 1 }, default_request: { cpu: 100m }, max_limit_request_ratio: { cpu: 2 } }
  limits container { max_limit_request_ratio: { memory: 0.5 } }
  limits container "apart" { min: { cpu: 1 }, max: { cpu: 2 }, max_limit_request_ratio: { cpu: 3 } }
  limits container "right" { min: { cpu: 1 }, max: { cpu: 4 }, max_limit_request_ratio: { cpu: 3 } }
  limits persistent_volume_claim "claims" { max_limit_request_ratio: { storage: 2 } }
}
network in n {
  policy labels for pods where labels["a b"] == "y" && labels.x == "y z" { ingress from any }
  policy ports for all { ingress from any : "toolongportnamexxx", "123", "a--b", "http" }
  policy mapped for all { ingress from cidr "::ffff:10.0.0.0/104" }
}
"#,
    );
    let findings = compiler.check();
    insta::assert_snapshot!(show(&findings, compiler.sources()));
}

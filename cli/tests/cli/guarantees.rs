//! Guarantees: over the program, over the cluster after apply, and how commands end.

use crate::support::{PROJECT, Place};

const MODULE: &str = r#"namespace shop { pod_security: restricted }
group devs = "oidc:devs"
never devs can get on secrets in shop
always devs can get on pods in shop
/// They look.
grant view in shop to devs
"#;

const STATE: &str = r#"apiVersion: v1
kind: Namespace
metadata: { name: shop }
"#;

/// What somebody else left in the cluster.
const OTHERS: &str = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: helpers, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: "oidc:devs" }]
"#;

const WEAK: &str = r#"apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: guard }
webhooks:
- name: guard.example.com
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig: { url: "https://guard.example.com" }
  rules: [{ operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods] }]
"#;

fn project() -> Place {
    Place::with(&[("kspec.toml", PROJECT), ("main.kspec", MODULE), ("state/cluster.yaml", STATE)])
}

#[test]
fn what_holds_is_said_by_the_plan_and_needs_no_word_from_check() {
    let place = project();
    place.kspec(&["check"]).ends(0).says(&["no findings"]);
    place.kspec(&["check", "--state", "state"]).ends(0);
    let plan = place.kspec(&["plan", "-o", "json"]).ends(0).json();
    assert_eq!(plan["guarantees"][0]["status"], "holds");
    assert_eq!(plan["guarantees"][0]["source"]["line"], 3);
    assert!(plan["guarantees"][0]["notes"][0].as_str().unwrap().contains("system:masters"));
    place.kspec(&["plan"]).ends(0).says(&["✓ holds: never devs can get on secrets in shop"]);
}

#[test]
fn a_violation_by_the_program_alone_is_an_error_of_every_command() {
    let place = project();
    place.write("main.kspec", MODULE.replace("grant view", "grant edit"));
    place.kspec(&["check"]).ends(1).says(&[
        "K0211",
        "group `oidc:devs` may `get` secrets in namespace `shop`",
        "RoleBinding shop/edit:group:oidc:devs",
    ]);
    let found = place.kspec(&["check", "-o", "json"]).ends(1).json();
    let finding = &found["findings"][0];
    assert_eq!(finding["code"], "K0211");
    let lines: Vec<_> = finding["labels"].as_array().unwrap().iter().map(|label| label["line"].as_u64()).collect();
    assert_eq!(lines[..2], [Some(3), Some(6)], "the guarantee, and the grant: {finding}");
    place.kspec(&["plan"]).ends(1).says(&["✗ violated: never devs can get on secrets in shop", "main.kspec:6"]);
    place.kspec(&["plan"]).ends(1).says(&["\n1 guarantee violated. Objects: "]);
    place.kspec(&["compile", "--out", "out"]).ends(1).says(&["K0211"]);
    assert!(!place.path("out").exists());
    place.kspec(&["plan", "--detailed-exitcode"]).ends(1);
    place.kspec(&["check", "-o", "sarif"]).ends(1).says(&["K0211"]);
    place.kspec(&["check", "-o", "github"]).ends(1).says(&["::error", "K0211"]);
}

#[test]
fn what_others_left_in_the_cluster_counts() {
    let place = project();
    place.write("state/others.yaml", OTHERS);
    place.kspec(&["check"]).ends(0);
    place.kspec(&["check", "--state", "state"]).ends(1).says(&["K0211", "others.yaml", "helpers"]);
    let plan = place.kspec(&["plan", "-o", "json"]).ends(1).json();
    let broken = &plan["guarantees"][0];
    assert_eq!(broken["status"], "violated");
    assert!(broken["responsible"][0]["source"]["file"].as_str().unwrap().ends_with("others.yaml"), "{broken}");
    assert_eq!(plan["summary"]["guarantees_violated"], 1);
    // A promise that the cluster alone keeps is kept all the same.
    place.write("main.kspec", MODULE.replace("grant view in shop to devs", "grant view in shop to group \"oidc:sre\""));
    place.kspec(&["check"]).ends(1).says(&["K0212", "nothing allows group `oidc:devs`"]);
    let plan = place.kspec(&["plan", "-o", "json"]).ends(1).json();
    assert_eq!(plan["guarantees"][1]["status"], "holds");
}

#[test]
fn a_state_is_looked_at_without_a_project() {
    let place = Place::with(&[("state/cluster.yaml", STATE), ("state/guard.yaml", WEAK)]);
    place.kspec(&["check", "--state", "state"]).ends(0).says(&["K0511", "guard.yaml"]);
    place.kspec(&["check", "--state", "nowhere"]).ends(6);
    place.kspec(&["check", "--state", "state", "--env", "prod"]).ends(64);
    place.kspec(&["check"]).ends(6);
}

#[test]
fn what_is_not_decided_is_said() {
    let place = project();
    place.write("main.kspec", "namespace shop { pod_security: restricted }\nalways audited mutations\n");
    place.kspec(&["check", "-v"]).ends(0).says(&["K0203", "declares no audit policy"]);
    place.kspec(&["plan"]).ends(0).says(&["? not decided: always audited mutations", "declares no audit policy"]);
}

#[test]
fn what_is_wrong_elsewhere_hides_no_violation() {
    let place = project();
    let ended = "user oncall = \"oncall@example.com\"\nbreak_glass view to oncall { reason: \"r\", owner: devs, until: 2020-01-31 }\n";
    place.write("main.kspec", MODULE.replace("grant view", "grant edit") + ended);
    for args in [&["check"][..], &["check", "--state", "state"]] {
        place.kspec(args).ends(1).says(&["K0109", "K0211", "group `oidc:devs` may `get` secrets in namespace `shop`"]);
    }
    // Of what is not known, nothing is claimed.
    place.write("main.kspec", MODULE.replace("grant view in shop to devs", "grant edit in shop to dev"));
    for args in [&["check"][..], &["check", "--state", "state"]] {
        place.kspec(args).ends(1).says(&["K0101", "K0203", "2 guarantees are not looked at"]);
    }
}

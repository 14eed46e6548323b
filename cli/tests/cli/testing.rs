//! `kspec test`: the library's own tests, and what people and pipelines see of theirs.

use std::collections::BTreeMap;

use kspec_syntax::tree::{Expectation, ItemKind, RuleBody, RuleStmt, TestStep};

use crate::support::{DAY, PROJECT, Place, copy, repository};

/// A project with a rule, a mutation, and tests of every outcome.
const SOURCE: &str = r#"
/// Payments.
namespace payments { pod_security: restricted }

/// Tags that move are not for production.
rule pinned on Pod {
  severity: high
  for c in all_containers {
    deny if c.image.ends_with(":latest") ?? true because "{c.name} uses a tag that moves"
    warn if c.image.starts_with("docker.io/") ?? false because "{c.name} comes from Docker Hub"
  }
}

/// Whose it is.
mutation owned on Pod {
  default object.metadata.labels["team"]: "payments"
}

enforce pinned, owned in payments

test "passes" {
  given pod in payments { containers: [{ name: "c", image: "registry.example.com/c:1" }] }
  expect allowed
  expect object.metadata.labels["team"] == "payments"
}

test "refuses" {
  given pod in payments { containers: [{ name: "c", image: "docker.io/c:latest" }] }
  expect denied by pinned
  expect warned by pinned
  expect not allowed
}

test "is wrong" {
  given pod in payments { containers: [{ name: "c", image: "docker.io/c:latest" }] }
  expect allowed
  expect not warned by pinned
  expect object.metadata.labels["team"] == "shop"
}

test "is not decided" {
  given event exec { path: "/bin/sh" }
  expect killed
}
"#;

fn place() -> Place {
    Place::with(&[("kspec.toml", PROJECT), ("main.kspec", SOURCE)])
}

#[test]
fn a_failed_test_says_what_was_expected_and_what_happened() {
    let done = place().kspec(&["test", "--as-of", DAY]).ends(1);
    insta::assert_snapshot!(done.out, @r#"
    ok  passes (main.kspec:21)
    ok  refuses (main.kspec:27)
    FAILED  is wrong (main.kspec:34)
      main.kspec:36:3: expected: allowed
        happened: refused by pinned
      main.kspec:37:3: expected: not warned by pinned
        happened: warned of by pinned
      main.kspec:38:3: expected: object.metadata.labels["team"] == "shop"
        happened: it does not hold
        changed by owned
        refused: pinned: c uses a tag that moves [spec.containers[0].image]
          help: Tags that move are not for production.
        warned: pinned: c comes from Docker Hub [spec.containers[0].image]
          help: Tags that move are not for production.
    not decided  is not decided (main.kspec:41)
      main.kspec:43:3: not decided: killed
        what happens at run time
    2 passed, 1 failed, 1 not decided
    "#);
    assert_eq!(done.err, "");
}

#[test]
fn tests_are_picked_by_name() {
    let done = place().kspec(&["test", "--as-of", DAY, "--filter", "se"]).ends(0);
    assert_eq!(done.out, "ok  passes (main.kspec:21)\nok  refuses (main.kspec:27)\n2 passed, 0 failed\n");
    let done = place().kspec(&["test", "--as-of", DAY, "--filter", "se", "-q"]).ends(0);
    assert_eq!(done.out, "2 passed, 0 failed\n");
    place().kspec(&["test", "--as-of", DAY, "--filter", "xyz"]).ends(64).says(&["no test has that in its name"]);
}

#[test]
fn a_document_says_it_to_machines() {
    let done = place().kspec(&["test", "--as-of", DAY, "-o", "json"]).ends(1);
    let document = done.json();
    assert_eq!(document["summary"], serde_json::json!({ "passed": 2, "failed": 1, "not_decided": 1 }));
    let refused = &document["tests"][1]["verdict"]["refused_by"];
    assert_eq!(refused[0]["rule"], "pinned");
    assert_eq!(refused[0]["severity"], "high");
    assert_eq!(refused[0]["source"], "main.kspec:6");
    assert_eq!(refused[0]["violations"][0]["path"], "spec.containers[0].image");
    assert_eq!(document["tests"][2]["expectations"][0]["happened"], "refused by pinned");
    let validator = jsonschema::validator_for(&kspec_trial::report_schema()).expect("a schema");
    assert!(validator.is_valid(&document), "{document:#}");
}

/// What tests claim of access and connections is judged over what the program makes by itself.
#[test]
fn claims_of_the_whole_program_are_judged() {
    const SOURCE: &str = r#"
/// Payments.
namespace payments { pod_security: restricted }
/// The shop.
namespace shop { pod_security: restricted }
workload api in payments { pods: { app: "api" }, ports: { http: 8080 } }
workload db in payments { pods: { app: "db" }, ports: { pg: 5432 } }
workload web in shop { pods: { app: "web" }, ports: { http: 8080 } }
group devs = "oidc:devs"

/// What a release needs.
role release in payments {
  allow get, list, create on pods
  allow patch on deployments.apps
}
/// They release.
grant release to devs

/// Reads what is there.
role reader in payments { allow get on configmaps }
/// So that both are held.
grant reader to devs
/// Watches over it.
role watcher in payments { allow watch on configmaps }
/// So that not all are held by the same.
grant watcher to group "oidc:sre"

audit {
  metadata on secrets
  metadata verbs create, update, patch, delete on pods
  none otherwise
}

network in payments {
  default deny
  allow api -> db : pg
}

test "holds" {
  expect devs can get, list on pods in payments
  expect not devs can get on secrets in payments
  expect not devs can list on pods in shop
  expect api reaches db : pg
  expect not web reaches db
  expect devs can get on secrets in payments by any path
  expect not devs can get on secrets in shop by any path
  expect audited verbs get, list on secrets
  expect not audited verbs get on pods
  expect both release and reader in payments
  expect not both release and watcher
}

test "does not hold" {
  expect devs can get, delete on pods in payments
  expect not devs can list on pods in payments
  expect db reaches api
  expect not api reaches db : pg
  expect web reaches db through any path
  expect audited mutations
  expect not audited verbs delete on secrets
  expect both release and watcher
  expect not both release and reader
}

test "stands beside what is asked of an object" {
  given pod in payments { containers: [{ name: "c", image: "registry.example.com/c:1" }] }
  expect allowed
  expect devs can patch on deployments.apps in payments
}
"#;
    let place = Place::with(&[("kspec.toml", PROJECT), ("main.kspec", SOURCE)]);
    insta::assert_snapshot!(place.kspec(&["test", "--as-of", DAY]).ends(1).out);
}

#[test]
fn a_project_with_errors_tests_nothing() {
    let place =
        Place::with(&[("kspec.toml", PROJECT), ("main.kspec", "namespace payments { pod_securty: restricted }\n")]);
    let done = place.kspec(&["test", "--as-of", DAY]).ends(1).says(&["pod_securty"]);
    assert_eq!(done.out, "");
}

#[test]
fn every_rule_of_the_library_does_what_its_tests_say() {
    let place = Place::empty();
    copy(&repository().join("stdlib/tests/admission"), &place.path("admission"));
    let done = place.kspec(&["test", "admission", "--as-of", DAY, "-q"]).ends(0);
    assert!(done.out.ends_with(" passed, 0 failed\n"), "{}", done.out);
    place.kspec(&["fmt", "--check", "admission"]).ends(0);
}

/// Each rule of the library has a test in which it refuses and one in which it does not, says how bad a violation is, and
/// says what is wrong in words of its own.
#[test]
fn no_rule_of_the_library_is_without_tests() {
    let mut tested: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut bound = String::new();
    for (path, text) in crate::support::tree(&repository().join("stdlib/tests/admission")) {
        let text = String::from_utf8(text).expect("text");
        if path.ends_with(".kspec") {
            bound.push_str(&text);
        }
        for (_, item) in kspec_syntax::parse_module(&text).items.iter().filter(|_| path.ends_with(".kspec")) {
            let ItemKind::Test(test) = &item.item.kind else { continue };
            for step in &test.steps {
                let TestStep::Expect { negated, what: Expectation::Verdict(_, rules), .. } = step else { continue };
                for rule in rules {
                    let name = rule.segments.last().expect("a name").text.to_string();
                    let (refuses, passes) = tested.entry(name).or_default();
                    *if *negated { passes } else { refuses } += 1;
                }
            }
        }
    }
    let mut wrong = Vec::new();
    let mut count = 0;
    for (path, text) in kspec_stdlib::FILES.iter().filter(|(path, _)| path.starts_with("std/admission/")) {
        for (_, item) in &kspec_syntax::parse_module(text).items {
            match &item.item.kind {
                ItemKind::Rule(rule) => {
                    count += 1;
                    let name = rule.name.text.to_string();
                    let (refuses, passes) = tested.get(&name).copied().unwrap_or_default();
                    if refuses == 0 || passes == 0 {
                        wrong.push(format!("{path}: {name} refuses in {refuses} tests and passes in {passes}"));
                    }
                    let RuleBody::Stmts(statements) = &rule.body else { continue };
                    let severe = statements
                        .iter()
                        .any(|statement| matches!(statement, RuleStmt::Field(field) if &*field.key.text == "severity"));
                    if !severe || says_nothing(statements) {
                        wrong.push(format!("{path}: {name} has no severity, or a verdict without a reason"));
                    }
                }
                ItemKind::Mutation(mutation) if !bound.contains(&*mutation.name.text) => {
                    wrong.push(format!("{path}: {} is in no test", mutation.name.text));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 90, "only {count} rules were found");
}

fn says_nothing(statements: &[RuleStmt]) -> bool {
    statements.iter().any(|statement| match statement {
        RuleStmt::Verdict { because, .. } => because.is_none(),
        RuleStmt::For(_, _, body) => says_nothing(body),
        _ => false,
    })
}

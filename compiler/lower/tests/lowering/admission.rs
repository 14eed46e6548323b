//! Bound rules as a table and as the API server's policies.

use std::collections::BTreeSet;
use std::sync::Arc;

use kspec_lower::{Phase, placements, table};
use kspec_model::LabelSelector;
use kspec_model::program::*;
use kspec_model::rules::*;
use serde_json::{Value, json};

use crate::fixture::{TODAY, objects_of, origin, place, program};

fn object() -> Expr {
    Expr::new(Ty::Object, Op::Root(Root::Object))
}

fn field(base: Expr, name: &str, ty: Ty) -> Expr {
    Expr::new(ty, Op::Field(Box::new(base), Arc::from(name)))
}

fn var(name: &str) -> Expr {
    Expr::new(Ty::Object, Op::Var(Arc::from(name)))
}

fn containers() -> Expr {
    let spec = field(object(), "spec", Ty::Object.optional());
    field(spec, "containers", Ty::List(Box::new(Ty::Object)).optional())
}

fn target(resource: &str, kind: &str, template: &[&str]) -> Target {
    Target {
        group: if template.is_empty() { "" } else { "apps" }.to_owned(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        subresource: None,
        kind: kind.to_owned(),
        namespaced: true,
        operations: BTreeSet::from([Operation::Create, Operation::Update]),
        template: template.iter().map(|name| Arc::from(*name)).collect(),
        advisory: !template.is_empty(),
        applies: None,
        body: 0,
    }
}

/// `for c in containers { deny if c.securityContext.privileged == true because "{c.name} is privileged" }`
fn no_privileged() -> Rule {
    let security = field(var("c"), "securityContext", Ty::Object.optional());
    let privileged = field(security, "privileged", Ty::Bool.optional());
    let when = Expr::new(Ty::Bool, Op::Equal(Box::new(privileged), Box::new(Expr::bool(true))));
    let message = Op::Text(vec![field(var("c"), "name", Ty::Text), Expr::text(" is privileged")]);
    let verdict = Verdict { warn: false, when, message: Expr::new(Ty::Text, message), line: 3 };
    Rule {
        name: "no_privileged".to_owned(),
        help: None,
        severity: Severity::High,
        controls: Vec::new(),
        source: "main.kspec:1".to_owned(),
        targets: vec![target("pods", "Pod", &[]), target("deployments", "Deployment", &["spec", "template"])],
        bodies: vec![Body::Statements(vec![Stmt::For {
            item: Arc::from("c"),
            over: vec![containers()],
            body: vec![Stmt::Verdict(verdict)],
        }])],
    }
}

fn binding(rule: Rule, scope: AdmissionScope) -> RuleBinding {
    RuleBinding {
        rule,
        declared: place(),
        action: Action::Deny,
        then: None,
        scope,
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 10,
        origin: origin(),
    }
}

fn in_payments() -> AdmissionScope {
    AdmissionScope::Namespaces { names: BTreeSet::from(["payments".to_owned()]), pods: None }
}

fn exemption(binding: &RuleBinding, container: Option<&str>) -> Exemption {
    Exemption {
        what: Exempt::Workload {
            namespace: "payments".to_owned(),
            name: "db".to_owned(),
            pods: LabelSelector::labels([("app", "db")]),
        },
        container: container.map(str::to_owned),
        rules: vec![("no_privileged".to_owned(), binding.declared)],
        exception: Exception { reason: "vendor".to_owned(), owner: "devs".to_owned(), until: TODAY, until_at: place() },
        origin: origin(),
    }
}

const TOMORROW: Date = Date { day: TODAY.day + 1, ..TODAY };

fn admission_objects(program: &Program, as_of: Date) -> Vec<(Phase, Value)> {
    objects_of(program, as_of)
        .into_iter()
        .filter(|lowered| lowered.object.group() == "admissionregistration.k8s.io")
        .map(|lowered| (lowered.phase, lowered.object.0))
        .collect()
}

#[test]
fn a_rule_makes_a_policy_for_pods_and_one_for_what_stamps_them() {
    let mut program = program();
    program.rules.push(binding(no_privileged(), in_payments()));
    let objects = admission_objects(&program, TODAY);
    insta::assert_json_snapshot!(objects.iter().map(|(_, object)| object).collect::<Vec<_>>());
    // No binding before its policy.
    let phases: Vec<Phase> = objects.iter().map(|(phase, _)| *phase).collect();
    assert_eq!(phases, [Phase::Policies, Phase::Policies, Phase::PolicyBindings, Phase::PolicyBindings]);
}

#[test]
fn a_stage_holds_to_the_end_of_its_last_day() {
    let mut program = program();
    let mut staged = binding(no_privileged(), in_payments());
    (staged.action, staged.then) = (Action::Audit, Some((TODAY, Action::Deny)));
    program.rules.push(staged);
    assert_eq!(table(&program, TODAY).0.rules[0].action, Action::Audit);
    assert_eq!(table(&program, TOMORROW).0.rules[0].action, Action::Deny);
}

#[test]
fn an_exemption_is_part_of_the_rule_until_its_last_day() {
    let mut program = program();
    let bound = binding(no_privileged(), in_payments());
    program.exemptions.push(exemption(&bound, None));
    program.rules.push(bound);
    let (before, _) = table(&program, TODAY);
    assert!(before.rules[0].rule.targets.iter().all(|target| target.applies.is_some()));
    assert_eq!(before.rules[0].exemptions[0].what, "workload payments/db");
    let (after, _) = table(&program, TOMORROW);
    assert!(after.rules[0].rule.targets.iter().all(|target| target.applies.is_none()));
    assert_ne!(before.revision, after.revision);
    assert_eq!(before.revision, table(&program, TODAY).0.revision);
}

#[test]
fn an_exempt_container_is_left_out_of_the_lists() {
    let mut program = program();
    let bound = binding(no_privileged(), in_payments());
    program.exemptions.push(exemption(&bound, Some("sidecar")));
    program.rules.push(bound);
    let objects = admission_objects(&program, TODAY);
    let spec = objects[0].1["spec"].to_string();
    assert!(spec.contains(".filter(exempted1, "), "{spec}");
    assert!(spec.contains("exempted1.?name.orValue(dyn(null)) == 'sidecar'"), "{spec}");
}

#[test]
fn ids_are_numbered_and_the_webhook_is_told_why() {
    let mut program = program();
    let mut lookup = no_privileged();
    let secrets = Lookup { group: "".into(), version: "v1".into(), resource: "secrets".into(), kind: "Secret".into() };
    let all = Expr::new(Ty::List(Box::new(Ty::Object)), Op::All(secrets));
    lookup.bodies = vec![Body::Statements(vec![Stmt::Verdict(Verdict {
        warn: false,
        when: Expr::new(Ty::Bool, Op::Call(Method::IsEmpty, Box::new(all), Vec::new())),
        message: Expr::text("none"),
        line: 1,
    })])];
    program.rules.push(binding(no_privileged(), in_payments()));
    program.rules.push(binding(lookup, AdmissionScope::Cluster { pods: None }));
    let placements = placements(&program, TODAY);
    let ids: Vec<&str> = placements.iter().map(|placement| placement.id.as_str()).collect();
    assert_eq!(ids, ["no-privileged", "no-privileged-2"]);
    assert_eq!(placements[0].reason, None);
    let reason = placements[1].reason.as_deref().unwrap();
    assert_eq!(reason, "it looks up objects of the kind Secret, which CEL cannot");
    let webhook = admission_objects(&program, TODAY)
        .into_iter()
        .map(|(_, object)| object)
        .find(|object| object["kind"] == "ValidatingWebhookConfiguration")
        .unwrap();
    assert_eq!(webhook["webhooks"][0]["clientConfig"]["service"]["path"], "/validate/fail/10");
    assert_eq!(
        webhook["webhooks"][0]["namespaceSelector"]["matchExpressions"],
        json!([{ "key": "kubernetes.io/metadata.name", "operator": "NotIn",
            "values": ["kspec-system", "kube-node-lease", "kube-public", "kube-system"] }])
    );
}

#[test]
fn a_namespaces_exemption_can_leave_nothing() {
    let mut program = program();
    let bound = binding(no_privileged(), in_payments());
    let mut exempt = exemption(&bound, None);
    exempt.what = Exempt::Namespace("payments".to_owned());
    program.exemptions.push(exempt);
    program.rules.push(bound);
    assert!(table(&program, TODAY).0.rules.is_empty());
    assert_eq!(table(&program, TOMORROW).0.rules.len(), 1);
}

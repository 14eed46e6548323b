//! What is proved of tables written by hand. What source proves is tested through the compiler.

#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../../../rules/tests/it/build.rs"]
mod build;
mod claims;

use build::*;
use kspec_model::rules::*;
use kspec_proofs::{Proof, Question};
use kspec_schema::{KubeVersion, Schema};
use serde_json::json;

fn each_container(when: Expr) -> Vec<Stmt> {
    let message = Expr::text("no");
    vec![Stmt::For { item: "c".into(), over: vec![objects("spec.containers")], body: vec![deny(when, message)] }]
}

fn security(name: &str, ty: Ty) -> Expr {
    field(field(var("c", Ty::Object), "securityContext", Ty::Object), name, ty)
}

fn on_pods(id: &str, statements: Vec<Stmt>) -> BoundRule {
    rule(id, vec![target("pods", "Pod")], statements)
}

fn is(name: &str, value: bool) -> Expr {
    equal(security(name, Ty::Bool), Expr::bool(value))
}

fn prove(table: &Table, system: &[&str]) -> Vec<Proof> {
    kspec_proofs::prove(table, system, &Schema::bundled(KubeVersion::NEWEST))
}

fn proved(rules: Vec<BoundRule>, mutations: Vec<BoundMutation>) -> Vec<Proof> {
    prove(&table(rules, mutations), &[])
}

/// What is not undecided.
fn decided(proofs: Vec<Proof>) -> Vec<Proof> {
    proofs.into_iter().filter(|proof| !matches!(proof, Proof::NotDecided { .. })).collect()
}

#[test]
fn rules_that_refuse_everything_are_told_with_the_least_of_them() {
    let proofs = proved(
        vec![
            on_pods("read-only", each_container(is("readOnlyRootFilesystem", true).negated())),
            on_pods("unprivileged", each_container(is("privileged", true))),
            on_pods("writable", each_container(is("readOnlyRootFilesystem", true))),
        ],
        vec![],
    );
    let [Proof::RefuseAll { rules, kind, witnesses, .. }] = proofs.as_slice() else { panic!("{proofs:#?}") };
    assert_eq!((rules.as_slice(), kind.as_str()), (&[0, 2][..], "Pod"));
    // What each of the two lets pass alone.
    assert_eq!(witnesses.len(), 2);
    let read_only = |at: usize| {
        witnesses.get(at).and_then(|pod| pod.pointer("/spec/containers/0/securityContext/readOnlyRootFilesystem"))
    };
    assert_eq!((read_only(0), read_only(1)), (None, Some(&json!(true))));
}

#[test]
fn rules_that_some_object_passes_are_no_finding() {
    let rules = || {
        vec![
            on_pods("a", each_container(is("readOnlyRootFilesystem", true).negated())),
            on_pods("b", each_container(is("privileged", false).negated())),
        ]
    };
    assert_eq!(proved(rules(), vec![]), []);
}

#[test]
fn a_rule_that_contradicts_itself_never_fires() {
    let both = Expr::new(Ty::Bool, Op::And(vec![is("privileged", true), is("privileged", false)]));
    let proofs = proved(vec![on_pods("never", each_container(both))], vec![]);
    assert_eq!(proofs, [Proof::NeverFires { rule: 0, kind: "Pod".to_owned() }]);
}

#[test]
fn a_rule_is_implied_by_a_wider_one() {
    let user = |at: i64, op: Comparison| {
        let user = Expr::new(Ty::Int, Op::Coalesce(Box::new(security("runAsUser", Ty::Int)), Box::new(int(0))));
        Expr::new(Ty::Bool, Op::Compare(op, Box::new(user), Box::new(int(at))))
    };
    let rules = vec![
        on_pods("no-root", each_container(user(1, Comparison::Lt))),
        on_pods("no-system-user", each_container(user(1000, Comparison::Lt))),
    ];
    let proofs = proved(rules, vec![]);
    let [Proof::Implied { rule: 0, by: 1, witness, .. }] = proofs.as_slice() else { panic!("{proofs:#?}") };
    assert!(witness.pointer("/spec/containers/0/securityContext/runAsUser").is_none_or(|user| *user == json!(0)));
}

#[test]
fn what_lies_outside_is_not_decided() {
    let counts = |op: Comparison, at: i64| {
        let count = Expr::new(Ty::Int, Op::Call(Method::Size, Box::new(objects("spec.containers")), vec![]));
        vec![deny(Expr::new(Ty::Bool, Op::Compare(op, Box::new(count), Box::new(int(at)))), Expr::text("no"))]
    };
    let proofs =
        proved(vec![on_pods("few", counts(Comparison::Gt, 3)), on_pods("many", counts(Comparison::Lt, 4))], vec![]);
    assert!(!proofs.is_empty());
    assert!(proofs.iter().all(|proof| matches!(proof, Proof::NotDecided { .. })), "{proofs:#?}");
}

fn set(place: Expr, value: Expr) -> Change {
    Change::Write { write: Write::Set, place, value, keys: Vec::new(), line: 1 }
}

#[test]
fn mutations_that_write_different_values_depend_on_order() {
    let host = |value| vec![set(path("spec.hostNetwork", Ty::Bool), Expr::bool(value))];
    let proofs = proved(vec![], vec![mutation("on", host(true)), mutation("off", host(false))]);
    let [Proof::OrderDependent { first: 0, second: 1, one, other, .. }] = proofs.as_slice() else {
        panic!("{proofs:#?}")
    };
    assert_eq!(
        (one.pointer("/spec/hostNetwork"), other.pointer("/spec/hostNetwork")),
        (Some(&json!(false)), Some(&json!(true)))
    );
    let proofs = proved(vec![], vec![mutation("on", host(true)), mutation("too", host(true))]);
    assert_eq!(proofs, []);
}

#[test]
fn a_mutation_whose_result_is_refused_is_told() {
    let read_only = security("readOnlyRootFilesystem", Ty::Bool);
    let changes = vec![Change::For {
        item: "c".into(),
        over: vec![objects("spec.containers")],
        body: vec![Change::Write {
            write: Write::Default,
            place: read_only,
            value: Expr::bool(true),
            keys: Vec::new(),
            line: 2,
        }],
    }];
    let writable = on_pods("writable", each_container(is("readOnlyRootFilesystem", true)));
    let proofs = proved(vec![writable], vec![mutation("defaults", changes)]);
    let [Proof::MutationRefused { mutation: 0, rule: 0, witness, mutated }] = proofs.as_slice() else {
        panic!("{proofs:#?}")
    };
    let place = "/spec/containers/0/securityContext/readOnlyRootFilesystem";
    assert_eq!((witness.pointer(place), mutated.pointer(place)), (None, Some(&json!(true))));
}

#[test]
fn what_can_block_recovery_is_told_with_what_it_blocks() {
    let mut bound = on_pods("unprivileged", each_container(is("privileged", true)));
    bound.scope.namespaces = Namespaces::Named(["kube-system".to_owned()].into());
    let proofs = prove(&table(vec![bound], vec![]), &["kube-system", "kspec-system"]);
    let [Proof::Lockout { rule: 0, namespace, witness: Some(_) }] = proofs.as_slice() else { panic!("{proofs:#?}") };
    assert_eq!(namespace, "kube-system");
}

#[test]
fn a_pattern_with_a_fallback_is_outside_of_the_fragment() {
    let image = field(var("c", Ty::Object), "image", Ty::Text);
    let like = Op::Call(Method::Like, Box::new(image), vec![Expr::text("r0.example.com/*")]);
    let like = Expr::new(Ty::Bool.optional(), like);
    let when = Expr::new(Ty::Bool, Op::Coalesce(Box::new(like), Box::new(Expr::bool(false))));
    let proofs = proved(vec![on_pods("registry", each_container(when))], vec![]);
    assert!(!proofs.iter().any(|proof| matches!(proof, Proof::NeverFires { .. })), "{proofs:#?}");
}

/// Pairs that one object tells apart are not searched for: what is implied is found all the same, and told once.
#[test]
fn an_implied_rule_is_found_among_many() {
    let user = |at: i64| equal(security("runAsUser", Ty::Int), int(at));
    let mut rules: Vec<BoundRule> =
        (0..40).map(|at| on_pods(&format!("user-{at}"), each_container(user(at)))).collect();
    let any = Expr::new(Ty::Bool, Op::Or(vec![user(7), user(11)]));
    rules.push(on_pods("either", each_container(any)));
    let proofs = proved(rules, vec![]);
    let implied: Vec<(usize, usize)> = proofs
        .iter()
        .filter_map(|proof| match proof {
            Proof::Implied { rule, by, .. } => Some((*rule, *by)),
            _ => None,
        })
        .collect();
    assert_eq!(implied, [(7, 40), (11, 40)]);
}

fn policy() -> Expr {
    field(var("c", Ty::Object), "imagePullPolicy", Ty::Text.optional())
}

fn pulls(policies: &[&str]) -> Expr {
    Expr::new(Ty::Bool, Op::In(Box::new(policy()), Box::new(texts(policies))))
}

/// The API server takes three policies and no other: together these leave none, but for what says nothing.
#[test]
fn a_place_whose_values_are_listed_takes_no_other() {
    let rules = vec![
        on_pods("pulled", each_container(pulls(&["Never", "IfNotPresent"]))),
        on_pods("cached", each_container(pulls(&["Always"]))),
        on_pods("said", each_container(Expr::new(Ty::Bool, Op::Exists(Box::new(policy()))).negated())),
    ];
    let proofs = proved(rules, vec![]);
    let [Proof::RefuseAll { rules, witnesses, .. }] = proofs.as_slice() else { panic!("{proofs:#?}") };
    assert_eq!((rules.as_slice(), witnesses.len()), (&[0, 1, 2][..], 3));
    // A policy that there is not is never met.
    let proofs = proved(vec![on_pods("never", each_container(pulls(&["never"])))], vec![]);
    assert_eq!(proofs, [Proof::NeverFires { rule: 0, kind: "Pod".to_owned() }]);
    // What is listed is decided whatever is asked of it: here a pattern.
    let matches = Op::Call(Method::EndsWith, Box::new(policy()), vec![Expr::text("Present")]);
    let matches = Expr::new(
        Ty::Bool,
        Op::Coalesce(Box::new(Expr::new(Ty::Bool.optional(), matches)), Box::new(Expr::bool(false))),
    );
    let rules = vec![
        on_pods("present", each_container(matches)),
        on_pods("one", each_container(pulls(&["IfNotPresent", "Never"]))),
    ];
    let proofs = proved(rules, vec![]);
    let [Proof::Implied { rule: 0, by: 1, .. }] = proofs.as_slice() else { panic!("{proofs:#?}") };
}

/// Silence about two rules means that neither implies the other.
#[test]
fn rules_that_may_imply_each_other_are_told() {
    let image = || field(var("c", Ty::Object), "image", Ty::Text.optional());
    let ends = |with: &str| {
        let call =
            Expr::new(Ty::Bool.optional(), Op::Call(Method::EndsWith, Box::new(image()), vec![Expr::text(with)]));
        each_container(Expr::new(Ty::Bool, Op::Coalesce(Box::new(call), Box::new(Expr::bool(false)))))
    };
    let proofs = proved(vec![on_pods("latest", ends(":latest")), on_pods("test", ends("test"))], vec![]);
    let open: Vec<&[usize]> = proofs
        .iter()
        .filter_map(|proof| match proof {
            Proof::NotDecided { rules, question: Question::Implied, .. } => Some(rules.as_slice()),
            _ => None,
        })
        .collect();
    // What ends in `:latest` ends in `test`: patterns are not followed that far. The other way round `xtest` tells them apart.
    assert_eq!(open, [&[0][..]], "{proofs:#?}");
    assert_eq!(decided(proofs), []);
}

/// A pod has 299 or 300 containers: outside of the fragment, and none of the pods that a search makes.
fn counted() -> BoundRule {
    let count = Expr::new(Ty::Int, Op::Call(Method::Size, Box::new(objects("spec.containers")), vec![]));
    let is = |op: Comparison, at: i64| Expr::new(Ty::Bool, Op::Compare(op, Box::new(count.clone()), Box::new(int(at))));
    let either = Expr::new(Ty::Bool, Op::Or(vec![is(Comparison::Gt, 300), is(Comparison::Lt, 299)]));
    on_pods("counted", vec![deny(either, Expr::text("no"))])
}

fn host(field: &str) -> Expr {
    equal(path(&format!("spec.{field}"), Ty::Bool), Expr::bool(true))
}

fn on_host(id: &str, when: Expr) -> BoundRule {
    on_pods(id, vec![deny(when, Expr::text("no"))])
}

/// What reads nothing that the undecided rule reads is not in doubt.
#[test]
fn an_undecided_rule_leaves_the_others_decided() {
    let rules = vec![on_host("network", host("hostNetwork")), counted(), on_host("pid", host("hostPID").negated())];
    let passable: Vec<Vec<usize>> = proved(rules, vec![])
        .into_iter()
        .filter_map(|proof| match proof {
            Proof::NotDecided { rules, question: Question::Passable, .. } => Some(rules),
            _ => None,
        })
        .collect();
    assert_eq!(passable, [vec![1]]);
}

/// Nor does it hide that others leave nothing.
#[test]
fn an_undecided_rule_hides_no_contradiction() {
    let rules = vec![counted(), on_host("shared", host("hostPID")), on_host("own", host("hostPID").negated())];
    let proofs = proved(rules, vec![]);
    let refused: Vec<&[usize]> = proofs
        .iter()
        .filter_map(|proof| match proof {
            Proof::RefuseAll { rules, .. } => Some(rules.as_slice()),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [&[1, 2][..]], "{proofs:#?}");
}

//! Claims that there is no object of a kind, held against objects made without regard to how the search makes them.

use std::sync::Arc;

use kspec_model::rules::*;
use kspec_proofs::Proof;
use kspec_rules::{Decision, Engines, Evaluator, NoObjects, Review};
use serde_json::{Value, json};

use crate::build::*;
use crate::prove;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).expect("a limit")).expect("below it")
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len())).expect("one of them").clone()
    }
}

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const TEXTS: [&str; 3] = ["x", "xx", "app"];
const USERS: [i64; 4] = [0, 1, 1000, 1001];
const AMOUNTS: [&str; 4] = ["500m", "600m", "1", "2"];

fn of(name: &str, ty: Ty) -> Expr {
    field(var("c", Ty::Object), name, ty.optional())
}

fn part(name: &str) -> Expr {
    let image = Expr::new(Ty::Image.optional(), Op::Convert(Box::new(of("image", Ty::Text))));
    field(image, name, Ty::Text.optional())
}

fn amount(text: &str) -> Expr {
    Expr::new(Ty::Quantity, Op::Const(Const::Quantity(text.into())))
}

fn or_else(value: Expr, otherwise: Expr) -> Expr {
    let ty = otherwise.ty.clone();
    Expr::new(ty, Op::Coalesce(Box::new(value), Box::new(otherwise)))
}

fn truth(op: Op) -> Expr {
    Expr::new(Ty::Bool, op)
}

fn compared(random: &mut Random, a: Expr, b: Expr) -> Expr {
    let by = random.pick(&[Comparison::Lt, Comparison::Le, Comparison::Gt, Comparison::Ge]);
    truth(Op::Compare(by, Box::new(a), Box::new(b)))
}

/// A condition on a container.
fn condition(random: &mut Random, depth: usize) -> Expr {
    if depth > 0 && random.below(2) == 0 {
        let parts = vec![condition(random, depth - 1), condition(random, depth - 1)];
        return truth(if random.below(2) == 0 { Op::And(parts) } else { Op::Or(parts) });
    }
    let text = |random: &mut Random, texts: &[&str]| Expr::text(random.pick(texts));
    let list = |texts: &[&str]| {
        let items = texts.iter().map(|text| Const::Text(Arc::from(*text))).collect();
        Expr::new(Ty::List(Box::new(Ty::Text)), Op::Const(Const::List(items)))
    };
    let found = match random.below(12) {
        0 => equal(of("name", Ty::Text), text(random, &TEXTS)),
        1 => equal(of("privileged", Ty::Bool), Expr::bool(random.below(2) == 0)),
        2 => {
            let (otherwise, at) = (int(random.pick(&USERS)), int(random.pick(&USERS)));
            compared(random, or_else(of("user", Ty::Int), otherwise), at)
        }
        3 => {
            let (otherwise, at) = (amount(random.pick(&AMOUNTS)), amount(random.pick(&AMOUNTS)));
            compared(random, or_else(of("cpu", Ty::Quantity), otherwise), at)
        }
        4 => {
            let otherwise = random.pick(&["", "a.example.com"]);
            let registry = or_else(part("registry"), Expr::text(otherwise));
            truth(Op::In(Box::new(registry), Box::new(list(&["a.example.com", "b.example.com"]))))
        }
        5 => equal(part("registry"), text(random, &["a.example.com", "b.example.com"])),
        6 => equal(part("tag"), text(random, &["latest", "1"])),
        7 => {
            let name = random.pick(&["digest", "tag", "registry"]);
            truth(Op::Exists(Box::new(part(name))))
        }
        8 => truth(Op::Exists(Box::new(of("user", Ty::Int)))),
        // The API server takes three policies, and `never` is none.
        9 => equal(of("imagePullPolicy", Ty::Text), text(random, &["Always", "Never", "never"])),
        10 => {
            let part = text(random, &["e", "N", "Present", "x"]);
            let call = Op::Call(Method::Contains, Box::new(of("imagePullPolicy", Ty::Text)), vec![part]);
            or_else(Expr::new(Ty::Bool.optional(), call), Expr::bool(false))
        }
        _ => {
            // Outside of the fragment: nothing may be claimed.
            let suffix = Expr::text(random.pick(&["app", ":2"]));
            let call = Op::Call(Method::EndsWith, Box::new(of("image", Ty::Text)), vec![suffix]);
            or_else(Expr::new(Ty::Bool.optional(), call), Expr::bool(false))
        }
    };
    if random.below(2) == 0 { found.negated() } else { found }
}

fn containers(random: &mut Random) -> Value {
    let mut container = json!({ "name": random.pick(&["x", "xx", "xxx", "app", "other"]) });
    let registry = random.pick(&["a.example.com/", "b.example.com/", "c.example.com/", ""]);
    let tag = random.pick(&["", ":latest", ":1", ":2"]);
    let digest = random.pick(&["", "", "@"]);
    let digest = if digest.is_empty() { String::new() } else { format!("@{DIGEST}") };
    let image =
        random.pick(&[format!("{registry}app{tag}{digest}"), format!("{registry}app{tag}{digest}"), "NO".into()]);
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            container.as_object_mut().expect("an object").insert(name.to_owned(), value);
        }
    };
    put("image", Some(json!(image)));
    put("privileged", random.pick(&[None, Some(json!(true)), Some(json!(false))]));
    put(
        "user",
        random.pick(&[None, Some(json!(0)), Some(json!(1)), Some(json!(2)), Some(json!(1000)), Some(json!(1500))]),
    );
    let policy = random.pick(&["Always", "IfNotPresent", "Never"]);
    put("imagePullPolicy", random.pick(&[None, Some(json!(policy))]));
    let amounts = ["400m", "500m", "550m", "600m", "900m", "1", "1500m", "2", "3"];
    let amount = random.pick(&amounts);
    put("cpu", random.pick(&[None, Some(json!(amount))]));
    json!([container])
}

fn refuses(evaluator: &Evaluator, object: &Value) -> Vec<bool> {
    let request = request("CREATE", object, &Value::Null);
    let review = Review::from_request(&request).expect("a request");
    let outcomes = evaluator.judge(&review, Engines::All, &NoObjects);
    outcomes.iter().map(|outcome| matches!(outcome.decision, Decision::Violations(_))).collect()
}

#[test]
fn no_object_is_otherwise_than_claimed() {
    let mut random = Random(2026);
    let (mut counts, mut wrong) = ([0; 3], Vec::new());
    for number in 0..600 {
        let mut rules = Vec::new();
        for at in 0..2 + random.below(3) {
            let when = condition(&mut random, 2);
            let body = vec![Stmt::For {
                item: "c".into(),
                over: vec![objects("spec.containers")],
                body: vec![deny(when, Expr::text("no"))],
            }];
            rules.push(rule(&format!("r{at}"), vec![target("pods", "Pod")], body));
        }
        let table = table(rules, Vec::new());
        let proofs = prove(&table, &[]);
        let evaluator = Evaluator::load(table.clone()).expect("a table");
        for _ in 0..150 {
            let object = pod(json!({ "containers": containers(&mut random) }));
            let refused = refuses(&evaluator, &object);
            assert_eq!(refused.len(), table.rules.len(), "{refused:?}");
            let by = |rule: &usize| refused.get(*rule).copied().expect("a verdict");
            for proof in &proofs {
                let (holds, kind) = match proof {
                    Proof::RefuseAll { rules, .. } => (rules.iter().any(by), 0),
                    Proof::NeverFires { rule, .. } => (!by(rule), 1),
                    Proof::Implied { rule, by: other, .. } => (!by(rule) || by(other), 2),
                    _ => continue,
                };
                if let Some(count) = counts.get_mut(kind) {
                    *count += 1;
                }
                if !holds {
                    wrong.push(format!("{number}: {proof:?}\nand {object}"));
                }
            }
        }
    }
    // Something is claimed of each kind, and nothing wrongly.
    assert!(counts.iter().all(|count| *count > 1000), "{counts:?}");
    assert!(
        wrong.is_empty(),
        "{} wrong, {}",
        wrong.len(),
        wrong.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n")
    );
}

/// More registries than are tried: that none refuses is not claimed.
#[test]
fn what_is_not_tried_in_full_is_not_decided() {
    let names: Vec<String> = (0..200).map(|number| format!("r{number}.example.com")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let known = truth(Op::In(Box::new(part("registry")), Box::new(crate::build::texts(&texts))));
    let there = truth(Op::Exists(Box::new(part("registry"))));
    let statements = vec![Stmt::For {
        item: "c".into(),
        over: vec![objects("spec.containers")],
        body: vec![deny(truth(Op::And(vec![there, known.negated()])), Expr::text("no"))],
    }];
    let proofs = prove(&table(vec![rule("trusted", vec![target("pods", "Pod")], statements)], vec![]), &[]);
    assert!(proofs.iter().all(|proof| matches!(proof, Proof::NotDecided { .. })), "{proofs:#?}");
}

//! A request read as far as rules ask is judged as the whole of it.

use kspec_model::rules::*;
use kspec_rules::{Decision, Engines, Evaluator, NoObjects, Reads, Review};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::build::*;

fn boxed<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Box<T>> {
    strategy.prop_map(Box::new)
}

/// Fields that hold objects.
fn part() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("spec"), Just("security")]
}

/// Fields that hold texts.
fn leaf() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("image"), Just("app")]
}

fn list_ty() -> Ty {
    Ty::List(Box::new(Ty::Object))
}

fn of(base: Expr, name: &str, ty: Ty) -> Expr {
    field(base, name, ty)
}

/// Objects; `c` is the item that every rule here goes over.
fn structure() -> BoxedStrategy<Expr> {
    let leaf = || {
        prop_oneof![
            Just(object()),
            Just(var("c", Ty::Object)),
            Just(Expr::new(Ty::Object.optional(), Op::Root(Root::Old)))
        ]
    };
    let deeper = leaf().prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            4 => (inner.clone(), part()).prop_map(|(base, name)| of(base, name, Ty::Object)),
            1 => (boxed(inner.clone()), boxed(inner.clone()))
                .prop_map(|(a, b)| Expr::new(Ty::Object.optional(), Op::Coalesce(a, b))),
            1 => inner.clone().prop_map(|base| {
                let first = Op::Call(Method::First, Box::new(of(base, "containers", list_ty())), vec![]);
                Expr::new(Ty::Object.optional(), first)
            }),
            1 => inner.prop_map(|base| {
                let second = Op::Index(Box::new(of(base, "containers", list_ty())), Box::new(int(1)));
                Expr::new(Ty::Object.optional(), second)
            }),
        ]
    });
    prop_oneof![3 => leaf(), 2 => deeper].boxed()
}

fn text() -> impl Strategy<Value = Expr> {
    prop_oneof![
        (structure(), leaf()).prop_map(|(base, name)| of(base, name, Ty::Text)),
        (structure(), leaf()).prop_map(|(base, key)| {
            let map = Box::new(of(base, "data", Ty::Map(Box::new(Ty::Text))));
            Expr::new(Ty::Text.optional(), Op::Index(map, Box::new(Expr::text(key))))
        }),
    ]
}

/// Something that the request says beside its objects: who asks, in which group, and of which kind it is.
fn asked() -> impl Strategy<Value = Expr> {
    let request = || Expr::new(Ty::Object, Op::Root(Root::Request));
    let user = move || of(request(), "userInfo", Ty::Object);
    let held = move || Expr::new(Ty::Object, Op::Coalesce(Box::new(request()), Box::new(request())));
    let equals = |base: Expr, name: &str, text: &str| equal(of(base, name, Ty::Text.optional()), Expr::text(text));
    prop_oneof![
        Just(equals(user(), "username", "ann")),
        Just(Expr::new(
            Ty::Bool,
            Op::In(
                Box::new(Expr::text("devs")),
                Box::new(of(user(), "groups", Ty::List(Box::new(Ty::Text)).optional()))
            )
        )),
        Just(equals(of(request(), "kind", Ty::Object), "kind", "Pod")),
        Just(equals(held(), "operation", "UPDATE")),
        Just(equals(of(held(), "kind", Ty::Object.optional()), "version", "v1")),
    ]
}

fn list() -> impl Strategy<Value = Expr> {
    let plain = || structure().prop_map(|base| of(base, "containers", list_ty()));
    prop_oneof![
        3 => plain(),
        1 => (boxed(plain()), boxed(plain()))
            .prop_map(|(a, b)| Expr::new(list_ty(), Op::Arithmetic(Arithmetic::Add, a, b))),
        1 => (boxed(plain()), boxed(text())).prop_map(|(over, text)| {
            let body = Box::new(Expr::new(Ty::Bool, Op::Exists(text)));
            let filter = Op::Each { what: Each::Filter, over, item: "c".into(), value: None, body };
            Expr::new(list_ty(), filter)
        }),
        1 => (boxed(plain()), boxed(structure())).prop_map(|(over, body)| {
            let mapped = Op::Each { what: Each::Map, over, item: "c".into(), value: None, body };
            Expr::new(list_ty(), mapped)
        }),
    ]
}

fn condition() -> impl Strategy<Value = Expr> {
    let ask = |op| Expr::new(Ty::Bool, op);
    let leaf = prop_oneof![
        asked(),
        (text(), "[a-c]").prop_map(|(a, b)| equal(a, Expr::text(b))),
        (text(), text()).prop_map(|(a, b)| equal(a, b)),
        (structure(), structure()).prop_map(|(a, b)| equal(a, b)),
        boxed(text()).prop_map(move |text| ask(Op::Exists(text))),
        boxed(structure()).prop_map(move |part| ask(Op::Exists(part))),
        structure().prop_map(move |base| {
            let map = Box::new(of(base, "data", Ty::Map(Box::new(Ty::Text))));
            ask(Op::In(Box::new(Expr::text("app")), map))
        }),
        structure().prop_map(move |base| {
            let over = Box::new(of(base, "data", Ty::Map(Box::new(Ty::Text))));
            let body = Box::new(equal(var("v", Ty::Text), Expr::text("a")));
            ask(Op::Each { what: Each::Any, over, item: "k".into(), value: Some("v".into()), body })
        }),
        structure().prop_map(move |base| {
            let map = Box::new(of(base, "data", Ty::Map(Box::new(Ty::Text))));
            let size = Expr::new(Ty::Int, Op::Call(Method::Size, map, vec![]));
            ask(Op::Compare(Comparison::Gt, Box::new(size), Box::new(int(1))))
        }),
        list().prop_map(move |list| {
            let size = Expr::new(Ty::Int, Op::Call(Method::Size, Box::new(list), vec![]));
            ask(Op::Compare(Comparison::Gt, Box::new(size), Box::new(int(1))))
        }),
    ];
    leaf.prop_recursive(3, 8, 2, move |inner| {
        let each = prop_oneof![Just(Each::Any), Just(Each::All), Just(Each::One)];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(move |parts| ask(Op::And(parts))),
            (each, boxed(list()), boxed(inner.clone())).prop_map(move |(what, over, body)| {
                ask(Op::Each { what, over, item: "c".into(), value: None, body })
            }),
            (boxed(structure()), boxed(inner)).prop_map(move |(value, body)| ask(Op::Let("c".into(), value, body))),
        ]
    })
}

fn json_value() -> impl Strategy<Value = Value> {
    let texts = proptest::collection::btree_map("(image|app|unread)", "[a-c]", 0..3);
    let data = proptest::collection::btree_map("(app|team|spec)", "[a-c]", 0..3);
    let leaf = (texts, proptest::option::weighted(0.8, data)).prop_map(|(texts, data)| {
        let mut part = json!(texts);
        if let Some(data) = data {
            part["data"] = json!(data);
        }
        part
    });
    leaf.prop_recursive(4, 32, 4, |inner| {
        let parts = proptest::collection::btree_map("(spec|security|unread)", inner.clone(), 0..3);
        (inner.clone(), parts, proptest::collection::vec(inner, 1..3)).prop_map(|(mut part, parts, items)| {
            for (name, value) in parts {
                part[name] = value;
            }
            part["containers"] = Value::from(items);
            part
        })
    })
}

fn decisions(table: &Table, review: &Value) -> Vec<Decision> {
    let evaluator = Evaluator::load(table.clone()).unwrap();
    let review = Review::from_request(&review["request"]).unwrap();
    evaluator.judge(&review, Engines::All, &NoObjects).into_iter().map(|outcome| outcome.decision).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_left_out_changes_no_verdict(
        conditions in proptest::collection::vec((condition(), text()), 1..4), object in json_value(), old in json_value(),
    ) {
        let rules = conditions.into_iter().enumerate().map(|(at, (when, told))| {
            let told = Expr::new(Ty::Text, Op::Coalesce(Box::new(told), Box::new(Expr::text("nothing"))));
            let over = vec![path("containers", list_ty())];
            let body = vec![Stmt::For { item: "c".into(), over, body: vec![deny(when, told)] }];
            rule(&format!("r{at}"), vec![target("pods", "Pod")], body)
        });
        let table = table(rules.collect(), vec![]);
        let review = json!({ "kind": "AdmissionReview", "request": request("UPDATE", &object, &old) });
        let reads = Reads::of(&table.rules);
        let pruned = reads.review(review.to_string().as_bytes()).unwrap();
        prop_assert_eq!(decisions(&table, &review), decisions(&table, &pruned), "of {}", pruned);
    }
}

#[test]
fn only_what_is_asked_is_kept() {
    let c = || var("c", Ty::Object);
    let privileged = equal(of(of(c(), "securityContext", Ty::Object), "privileged", Ty::Bool), Expr::bool(true));
    let body = vec![Stmt::For {
        item: "c".into(),
        over: vec![objects("spec.containers")],
        body: vec![deny(privileged, Expr::text("no"))],
    }];
    let reads = Reads::of(&[rule("r", vec![target("pods", "Pod")], body)]);
    let mut object = pod(json!({
        "containers": [{ "name": "c", "image": "a", "securityContext": { "privileged": true, "runAsUser": 0 } }],
        "volumes": [{ "name": "v" }],
    }));
    object["metadata"]["managedFields"] = json!([{ "manager": "kubectl" }]);
    let review = json!({ "request": request("CREATE", &object, &Value::Null) });
    let read = reads.review(review.to_string().as_bytes()).unwrap();
    let kept = json!({
        "metadata": { "name": "p" },
        "spec": { "containers": [{ "name": "c", "securityContext": { "privileged": true } }] },
    });
    assert_eq!(read["request"]["object"], kept);
    // Of the request what everyone reads, and what a rule names.
    let (request, given) = (&read["request"], &review["request"]);
    assert_eq!(request["userInfo"], json!({ "username": "ann" }));
    assert_eq!((&request["resource"], request.get("kind")), (&given["resource"], None));
    let groups = of(of(Expr::new(Ty::Object, Op::Root(Root::Request)), "userInfo", Ty::Object), "groups", Ty::Any);
    let body = vec![deny(Expr::new(Ty::Bool, Op::Exists(Box::new(groups))), Expr::text("no"))];
    let read = Reads::of(&[rule("r", vec![target("pods", "Pod")], body)]);
    let read = read.review(review.to_string().as_bytes()).unwrap();
    assert_eq!(read["request"]["userInfo"], given["userInfo"]);
    assert_eq!(Reads::everything().review(review.to_string().as_bytes()).unwrap(), review);
}

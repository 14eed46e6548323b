//! Whatever the table and the request: an answer, never a panic.

use kspec_model::rules::*;
use kspec_rules::{Decision, Engines, Evaluator, NoObjects, Review, read_table};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::build::*;

fn ty() -> impl Strategy<Value = Ty> {
    let leaf = prop_oneof![
        Just(Ty::Bool),
        Just(Ty::Int),
        Just(Ty::Float),
        Just(Ty::Text),
        Just(Ty::Quantity),
        Just(Ty::Image),
        Just(Ty::Cidr),
        Just(Ty::Duration),
        Just(Ty::Object),
        Just(Ty::Any),
        Just(Ty::IntOrString),
    ];
    leaf.prop_recursive(2, 6, 1, |inner| {
        prop_oneof![
            inner.clone().prop_map(|ty| Ty::List(Box::new(ty))),
            inner.clone().prop_map(|ty| Ty::Map(Box::new(ty))),
            inner.prop_map(Ty::optional),
        ]
    })
}

const METHODS: [Method; 29] = [
    Method::Size,
    Method::IsEmpty,
    Method::Contains,
    Method::First,
    Method::Last,
    Method::Min,
    Method::Max,
    Method::Sum,
    Method::Sort,
    Method::Reverse,
    Method::Distinct,
    Method::Flatten,
    Method::Join,
    Method::Has,
    Method::Keys,
    Method::Values,
    Method::Merge,
    Method::StartsWith,
    Method::EndsWith,
    Method::Matches,
    Method::Like,
    Method::Lower,
    Method::Upper,
    Method::Trim,
    Method::TrimPrefix,
    Method::TrimSuffix,
    Method::Replace,
    Method::Split,
    Method::Overlaps,
];

fn expr() -> impl Strategy<Value = Expr> {
    let constant = prop_oneof![
        Just(Const::Absent),
        any::<bool>().prop_map(Const::Bool),
        prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(i64::MAX)].prop_map(Const::Int),
        Just(Const::Float(f64::MAX)),
        "[a-c*?]{0,4}".prop_map(|text| Const::Text(text.into())),
        Just(Const::Quantity("9E".into())),
        Just(Const::List(vec![Const::Int(1), Const::Text("a".into())])),
        Just(Const::Cidr("10.0.0.0/8".parse().expect("a block"))),
    ];
    let op = prop_oneof![
        4 => constant.prop_map(Op::Const),
        2 => Just(Op::Root(Root::Object)),
        1 => Just(Op::Root(Root::Old)),
        1 => Just(Op::Root(Root::Namespace)),
        2 => Just(Op::Var("x".into())),
    ];
    let leaf = (ty(), op).prop_map(|(ty, op)| Expr::new(ty, op));
    leaf.prop_recursive(6, 40, 3, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let name = prop_oneof![Just("spec"), Just("containers"), Just("name"), Just("registry")];
        let arithmetic = prop_oneof![
            Just(Arithmetic::Add),
            Just(Arithmetic::Sub),
            Just(Arithmetic::Mul),
            Just(Arithmetic::Div),
            Just(Arithmetic::Rem)
        ];
        let each =
            prop_oneof![Just(Each::Any), Just(Each::One), Just(Each::Count), Just(Each::Filter), Just(Each::Map)];
        let method = (0..METHODS.len()).prop_map(|at| METHODS[at]);
        let op = prop_oneof![
            (boxed(), name).prop_map(|(base, name)| Op::Field(base, name.into())),
            (boxed(), boxed()).prop_map(|(a, b)| Op::Index(a, b)),
            boxed().prop_map(Op::Not),
            boxed().prop_map(Op::Negate),
            (arithmetic, boxed(), boxed()).prop_map(|(op, a, b)| Op::Arithmetic(op, a, b)),
            (boxed(), boxed()).prop_map(|(a, b)| Op::Compare(Comparison::Le, a, b)),
            (boxed(), boxed()).prop_map(|(a, b)| Op::Equal(a, b)),
            (boxed(), boxed()).prop_map(|(a, b)| Op::Coalesce(a, b)),
            (boxed(), boxed()).prop_map(|(a, b)| Op::In(a, b)),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Op::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Op::List),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Op::Text),
            boxed().prop_map(Op::Convert),
            boxed().prop_map(Op::Exists),
            (each, boxed(), any::<bool>(), boxed()).prop_map(|(what, over, map, body)| Op::Each {
                what,
                over,
                item: "x".into(),
                value: map.then(|| "y".into()),
                body
            }),
            (method, boxed(), proptest::collection::vec(inner.clone(), 0..3))
                .prop_map(|(method, base, arguments)| Op::Call(method, base, arguments)),
        ];
        (ty(), op).prop_map(|(ty, op)| Expr::new(ty, op))
    })
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z:/.0-9]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("(spec|containers|name|image)", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_rule_answers_about_any_object(when in expr(), message in expr(), over in expr(), object in json_value()) {
        let statements = vec![
            Stmt::Let("x".into(), over.clone()),
            deny(when.clone(), message),
            Stmt::For { item: "x".into(), over: vec![over], body: vec![deny(when, Expr::text("in"))] },
        ];
        let table = table(vec![rule("r", vec![target("pods", "Pod")], statements)], vec![]);
        // What is written is what is read.
        let written = serde_json::to_value(&table).unwrap();
        prop_assert_eq!(&read_table(json!({ "rule_table": written })).unwrap(), &table);
        if let Ok(evaluator) = Evaluator::load(table) {
            let request = request("UPDATE", &object, &object);
            let review = Review::from_request(&request).unwrap();
            let _ = evaluator.judge(&review, Engines::All, &NoObjects);
        }
    }

    /// What rules have in common is read once: no rule may tell from it that there are others.
    #[test]
    fn a_rule_says_the_same_alone_and_among_others(
        bodies in proptest::collection::vec((expr(), expr(), expr()), 2..5),
        object in json_value(),
        old in json_value(),
    ) {
        let bound = |at: usize, (over, when, message): &(Expr, Expr, Expr)| {
            let x = || field(var("x", Ty::Object), "name", Ty::Text);
            let spec = || path("spec", Ty::Object);
            let statements = vec![
                Stmt::Let("x".into(), over.clone()),
                deny(when.clone(), message.clone()),
                deny(equal(x(), Expr::text("a")), Expr::text("let")),
                Stmt::For {
                    item: "x".into(),
                    over: vec![objects("spec.containers"), over.clone(), field(spec(), "containers", Ty::List(Box::new(Ty::Any)))],
                    body: vec![
                        deny(when.clone(), Expr::text("in")),
                        deny(equal(x(), Expr::text("a")), message.clone()),
                    ],
                },
            ];
            rule(&format!("r{at}"), vec![target("pods", "Pod")], statements)
        };
        let rules: Vec<BoundRule> = bodies.iter().enumerate().map(|(at, body)| bound(at, body)).collect();
        let alone: Result<Vec<Evaluator>, _> =
            rules.iter().map(|rule| Evaluator::load(table(vec![rule.clone()], vec![]))).collect();
        let Ok(alone) = alone else { return Ok(()) };
        let mut pod = pod(object.clone());
        if let (Some(fields), Value::Object(more)) = (pod.as_object_mut(), object) {
            fields.extend(more);
        }
        let request = request("UPDATE", &pod, &old);
        let review = Review::from_request(&request).unwrap();
        let alone: Vec<_> = alone
            .iter()
            .flat_map(|evaluator| evaluator.judge(&review, Engines::All, &NoObjects))
            .map(|outcome| outcome.decision)
            .collect();
        // Each twice: the second finds everything read.
        let twice = rules.iter().chain(&rules).cloned().collect();
        let among = Evaluator::load(table(twice, vec![])).expect("each loads alone");
        let among: Vec<_> = among.judge(&review, Engines::All, &NoObjects).into_iter().map(|it| it.decision).collect();
        prop_assert_eq!(&among[..alone.len()], &alone[..]);
        prop_assert_eq!(&among[alone.len()..], &alone[..]);
    }

    #[test]
    fn any_mutation_answers_about_any_object(place in expr(), value in expr(), object in json_value()) {
        let changes = vec![Change::Write { write: Write::Default, place, value, keys: Vec::new(), line: 1 }];
        if let Ok(evaluator) = Evaluator::load(table(vec![], vec![mutation("m", changes)])) {
            let request = request("CREATE", &object, &Value::Null);
            let review = Review::from_request(&request).unwrap();
            let _ = evaluator.mutate(&review, Engines::All, &NoObjects);
        }
    }
}

#[test]
fn a_list_too_long_to_be_remembered_is_judged_like_a_short_one() {
    let privileged = || {
        let security = field(var("c", Ty::Object), "securityContext", Ty::Object);
        equal(field(security, "privileged", Ty::Bool), Expr::bool(true))
    };
    let over = || vec![objects("spec.containers")];
    let statements =
        || vec![Stmt::For { item: "c".into(), over: over(), body: vec![deny(privileged(), Expr::text("no"))] }];
    let rules = (0..3).map(|at| rule(&format!("r{at}"), vec![target("pods", "Pod")], statements())).collect();
    let evaluator = Evaluator::load(table(rules, vec![])).unwrap();
    for count in [3_usize, 20_000] {
        let containers: Vec<Value> =
            (0..count).map(|at| json!({ "securityContext": { "privileged": at % 2 == 1 } })).collect();
        let request = request("CREATE", &pod(json!({ "containers": containers })), &Value::Null);
        let review = Review::from_request(&request).unwrap();
        for outcome in evaluator.judge(&review, Engines::All, &NoObjects) {
            let Decision::Violations(violations) = outcome.decision else { panic!("no violations") };
            assert_eq!(violations.len(), count / 2);
            assert_eq!(violations[0].path.as_deref(), Some("spec.containers[1].securityContext.privileged"));
        }
    }
}

//! What expressions mean, absence first.

use kspec_model::rules::*;
use kspec_rules::{Decision, Engines, Evaluator, Fault, NoObjects, Review};
use serde_json::{Value, json};

use crate::build::*;

/// What one rule of one `deny if` says of a pod.
fn ask(when: Expr, spec: Value) -> Decision {
    let message = Expr::text("no");
    let table = table(vec![rule("r", vec![target("pods", "Pod")], vec![deny(when, message)])], vec![]);
    let evaluator = Evaluator::load(table).expect("loads");
    let pod = pod(spec);
    let request = request("CREATE", &pod, &Value::Null);
    let review = Review::from_request(&request).expect("a request");
    let outcomes = evaluator.judge(&review, Engines::All, &NoObjects);
    assert_eq!(outcomes.len(), 1);
    outcomes[0].decision.clone()
}

fn holds(when: Expr, spec: Value) -> bool {
    match ask(when, spec) {
        Decision::Pass => false,
        Decision::Violations(_) => true,
        Decision::Fault(fault) => panic!("{fault:?}"),
    }
}

fn each(what: Each, over: Expr, body: Expr) -> Expr {
    let ty = if what == Each::Count { Ty::Int } else { Ty::Bool };
    Expr::new(ty, Op::Each { what, over: Box::new(over), item: "x".into(), value: None, body: Box::new(body) })
}

#[test]
fn absence_equals_nothing_and_never_fails() {
    let host = || path("spec.hostNetwork", Ty::Bool);
    let truth = || Expr::bool(true);
    for (spec, is, is_not) in [
        (json!({}), false, true),
        (json!({ "hostNetwork": null }), false, true),
        (json!({ "hostNetwork": false }), false, true),
        (json!({ "hostNetwork": true }), true, false),
    ] {
        assert_eq!(holds(equal(host(), truth()), spec.clone()), is, "{spec}");
        assert_eq!(holds(equal(host(), truth()).negated(), spec.clone()), is_not, "{spec}");
    }
    // Absent on both sides.
    assert!(!holds(equal(host(), path("spec.hostPID", Ty::Bool)), json!({})));
    // Deep inside what is not there.
    assert!(!holds(equal(path("spec.securityContext.seLinuxOptions.type", Ty::Text), Expr::text("t")), json!({})));
}

#[test]
fn an_absent_list_is_empty() {
    let containers = || objects("spec.containers");
    let named = || equal(field(var("x", Ty::Object), "name", Ty::Text), Expr::text("a"));
    for (what, on_none, on_one) in
        [(Each::Any, false, true), (Each::All, true, true), (Each::None, true, false), (Each::One, false, true)]
    {
        assert_eq!(holds(each(what, containers(), named()), json!({})), on_none, "{what:?}");
        let one = json!({ "containers": [{ "name": "a" }] });
        assert_eq!(holds(each(what, containers(), named()), one), on_one, "{what:?}");
    }
    let count = each(Each::Count, containers(), named());
    assert!(holds(equal(count, int(0)), json!({})));
}

#[test]
fn an_absent_list_joins_as_an_empty_one() {
    let list = |name: &str| objects(&format!("spec.{name}"));
    let of = |a: Expr, b: Expr| {
        let ty = Ty::List(Box::new(Ty::Object));
        Expr::new(ty, Op::Arithmetic(Arithmetic::Add, Box::new(a), Box::new(b)))
    };
    let some = |joined: Expr| each(Each::Any, joined, Expr::bool(true));
    let spec = json!({ "containers": [{ "name": "a" }] });
    assert!(holds(some(of(list("containers"), list("initContainers"))), spec.clone()));
    assert!(holds(some(of(list("initContainers"), list("containers"))), spec.clone()));
    assert!(!holds(some(of(list("initContainers"), list("ephemeralContainers"))), spec));
}

#[test]
fn values_are_read_as_their_type_says() {
    let memory = || path("spec.resources.limits.memory", Ty::Quantity);
    let gibibyte = || Expr::new(Ty::Quantity, Op::Const(Const::Quantity("1Gi".into())));
    let above = || Expr::new(Ty::Bool, Op::Compare(Comparison::Gt, Box::new(memory()), Box::new(gibibyte())));
    for (amount, expected) in [("1Gi", false), ("1025Mi", true), ("1073741824", false), ("2G", true)] {
        assert_eq!(holds(above(), json!({ "resources": { "limits": { "memory": amount } } })), expected, "{amount}");
    }
    assert!(holds(equal(memory(), gibibyte()), json!({ "resources": { "limits": { "memory": 1_073_741_824 } } })));
    assert!(!holds(above(), json!({})), "an absent amount is above nothing");
    let wrong = ask(above(), json!({ "resources": { "limits": { "memory": true } } }));
    assert!(matches!(wrong, Decision::Fault(Fault::Failed { line: 3, .. })), "{wrong:?}");
}

#[test]
fn images_are_read_as_the_runtime_reads_them() {
    let image = Expr::new(Ty::Image.optional(), Op::Convert(Box::new(path("spec.image", Ty::Text))));
    let registry = |image: &Expr| field(image.clone(), "registry", Ty::Text);
    let known = Expr::new(Ty::Bool, Op::In(Box::new(registry(&image)), Box::new(texts(&["docker.io"]))));
    assert!(holds(known.clone(), json!({ "image": "nginx" })));
    assert!(!holds(known.clone(), json!({ "image": "registry.example.com/nginx" })));
    // What cannot be read is absent, where that is allowed for: it is in no list.
    assert!(!holds(known, json!({ "image": "A b" })));
}

#[test]
fn a_violation_names_its_place_and_every_other_is_told_too() {
    let container = || var("c", Ty::Object);
    let privileged =
        equal(field(field(container(), "securityContext", Ty::Object), "privileged", Ty::Bool), Expr::bool(true));
    let name = field(container(), "name", Ty::Text);
    let body = vec![deny(privileged, Expr::new(Ty::Text, Op::Text(vec![name, Expr::text(" is privileged")])))];
    let statements = vec![Stmt::For {
        item: "c".into(),
        over: vec![objects("spec.initContainers"), objects("spec.containers")],
        body,
    }];
    let mut workload = target("deployments", "Deployment");
    workload.group = "apps".to_owned();
    workload.template = vec!["spec".into(), "template".into()];
    workload.advisory = true;
    let table = table(vec![rule("r", vec![target("pods", "Pod"), workload], statements)], vec![]);
    let evaluator = Evaluator::load(table).unwrap();
    let spec = json!({ "containers": [
        { "name": "a" },
        { "name": "b", "securityContext": { "privileged": true } },
        { "name": "c", "securityContext": { "privileged": true } },
    ] });
    let pod = pod(spec.clone());
    let requests = [
        request("CREATE", &pod, &Value::Null),
        json!({
            "operation": "CREATE", "namespace": "shop",
            "resource": { "group": "apps", "version": "v1", "resource": "deployments" },
            "object": { "metadata": { "name": "d" }, "spec": { "template": { "spec": spec } } },
        }),
    ];
    for (request, prefix, advisory) in [(&requests[0], "", false), (&requests[1], "spec.template.", true)] {
        let review = Review::from_request(request).unwrap();
        let outcomes = evaluator.judge(&review, Engines::All, &NoObjects);
        let Decision::Violations(found) = &outcomes[0].decision else { panic!("{outcomes:?}") };
        let told: Vec<(String, &str)> =
            found.iter().map(|one| (one.path.clone().unwrap(), one.message.as_str())).collect();
        let path = |at: usize| format!("{prefix}spec.containers[{at}].securityContext.privileged");
        assert_eq!(told, [(path(1), "b is privileged"), (path(2), "c is privileged")]);
        assert_eq!((outcomes[0].advisory, outcomes[0].denies()), (advisory, !advisory));
    }
}

#[test]
fn a_delete_is_judged_by_what_goes() {
    let host = equal(path("spec.hostNetwork", Ty::Bool), Expr::bool(true));
    let table = table(vec![rule("r", vec![target("pods", "Pod")], vec![deny(host, Expr::text("no"))])], vec![]);
    let evaluator = Evaluator::load(table).unwrap();
    let gone = pod(json!({ "hostNetwork": true }));
    let request = request("DELETE", &Value::Null, &gone);
    let review = Review::from_request(&request).unwrap();
    assert!(evaluator.judge(&review, Engines::All, &NoObjects)[0].denies());
}

#[test]
fn work_is_bounded() {
    // Every pair of every pair of containers.
    let containers = || objects("spec.containers");
    let nested = (0..6).fold(Expr::bool(false), |body, _| each(Each::Any, containers(), body));
    let many: Vec<Value> = (0..200).map(|at| json!({ "name": format!("c{at}") })).collect();
    let decision = ask(nested, json!({ "containers": many }));
    assert!(matches!(decision, Decision::Fault(Fault::Failed { .. })), "{decision:?}");
}

#[test]
fn a_lookup_without_objects_says_what_it_needs() {
    let lookup = Lookup {
        group: "networking.k8s.io".into(),
        version: "v1".into(),
        resource: "ingresses".into(),
        kind: "Ingress".into(),
    };
    let all = Expr::new(Ty::List(Box::new(Ty::Object)), Op::All(lookup.clone()));
    let some = each(Each::Any, all, Expr::bool(true));
    assert_eq!(ask(some, json!({})), Decision::Fault(Fault::NeedsCluster(lookup)));
}

//! One review: rules on a pod, the evaluator alone.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench fails by panicking")]

#[path = "../tests/it/build.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod build;

use build::*;
use kspec_model::rules::*;
use kspec_rules::{Engines, Evaluator, NoObjects, Review};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// A pod as the API server has it: two containers, probes, volumes, the defaults filled in.
fn usual_pod() -> Value {
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example.com/shop/{name}:1.4.2"), "imagePullPolicy": "IfNotPresent",
            "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
            "env": [{ "name": "LOG_LEVEL", "value": "info" }, { "name": "DB", "valueFrom": { "secretKeyRef": { "name": "db", "key": "url" } } }],
            "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "cpu": "500m", "memory": "256Mi" } },
            "livenessProbe": { "httpGet": { "path": "/healthz", "port": "http", "scheme": "HTTP" }, "periodSeconds": 10 },
            "securityContext": { "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
                "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" } },
            "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
        })
    };
    let mut pod = pod(json!({
        "containers": [container("api"), container("sidecar")],
        "volumes": [{ "name": "tmp", "emptyDir": {} }], "serviceAccountName": "api",
        "securityContext": { "runAsUser": 1000 }, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
    }));
    pod["metadata"]["labels"] = json!({ "app": "api", "team": "payments", "version": "1.4.2" });
    pod
}

/// A rule over every container: as most of the standard library's are.
fn of_containers(id: &str, when: Expr) -> BoundRule {
    let message =
        Expr::new(Ty::Text, Op::Text(vec![field(var("c", Ty::Object), "name", Ty::Text), Expr::text(" may not")]));
    let over = vec![objects("spec.initContainers"), objects("spec.ephemeralContainers"), objects("spec.containers")];
    let statements = vec![Stmt::For { item: "c".into(), over, body: vec![deny(when, message)] }];
    rule(id, vec![target("pods", "Pod")], statements)
}

fn evaluator(count: usize) -> Evaluator {
    let c = || var("c", Ty::Object);
    let security = |name: &str, ty: Ty| field(field(c(), "securityContext", Ty::Object), name, ty);
    let image = || Expr::new(Ty::Image.optional(), Op::Convert(Box::new(field(c(), "image", Ty::Text))));
    let limit =
        |name: &str| field(field(field(c(), "resources", Ty::Object), "limits", Ty::Object), name, Ty::Quantity);
    let exists = |expr: Expr| Expr::new(Ty::Bool, Op::Exists(Box::new(expr)));
    let list = |name: &str| {
        let capabilities = security("capabilities", Ty::Object);
        field(capabilities, name, Ty::List(Box::new(Ty::Text)))
    };
    let within = |a: Expr, b: Expr| Expr::new(Ty::Bool, Op::In(Box::new(a), Box::new(b)));
    let kinds: Vec<Box<dyn Fn() -> Expr>> = vec![
        Box::new(move || {
            within(field(image(), "registry", Ty::Text), texts(&["registry.example.com", "docker.io"])).negated()
        }),
        Box::new(move || equal(security("privileged", Ty::Bool), Expr::bool(true))),
        Box::new(move || equal(security("allowPrivilegeEscalation", Ty::Bool), Expr::bool(false)).negated()),
        Box::new(move || equal(security("readOnlyRootFilesystem", Ty::Bool), Expr::bool(true)).negated()),
        Box::new(move || exists(limit("memory")).negated()),
        Box::new(move || {
            let high = Expr::new(Ty::Quantity, Op::Const(Const::Quantity("4Gi".into())));
            let memory = Expr::new(Ty::Quantity, Op::Coalesce(Box::new(limit("memory")), Box::new(high.clone())));
            Expr::new(Ty::Bool, Op::Compare(Comparison::Gt, Box::new(memory), Box::new(high)))
        }),
        Box::new(move || within(Expr::text("ALL"), list("drop")).negated()),
        Box::new(move || {
            let each = Each::Any;
            let body = within(var("x", Ty::Text), texts(&["NET_BIND_SERVICE"])).negated();
            Expr::new(
                Ty::Bool,
                Op::Each {
                    what: each,
                    over: Box::new(list("add")),
                    item: "x".into(),
                    value: None,
                    body: Box::new(body),
                },
            )
        }),
        Box::new(move || equal(field(image(), "tag", Ty::Text), Expr::text("latest"))),
        Box::new(move || exists(field(c(), "livenessProbe", Ty::Object)).negated()),
    ];
    let rules = (0..count)
        .filter_map(|at| Some(of_containers(&format!("rule-{at}"), kinds.get(at % kinds.len())?())))
        .collect();
    Evaluator::load(table(rules, vec![])).unwrap()
}

#[divan::bench(args = [20, 100])]
fn rules_on_a_pod(bencher: divan::Bencher<'_, '_>, count: usize) {
    let evaluator = evaluator(count);
    let request = request("CREATE", &usual_pod(), &Value::Null);
    let review = Review::from_request(&request).unwrap();
    assert!(evaluator.judge(&review, Engines::All, &NoObjects).iter().all(|outcome| !outcome.denies()));
    bencher.bench_local(|| evaluator.judge(&review, Engines::All, &NoObjects).len());
}

/// The baseline: reading the request, which any webhook must.
#[divan::bench]
fn reading_the_request(bencher: divan::Bencher<'_, '_>) {
    let text = request("CREATE", &usual_pod(), &Value::Null).to_string();
    bencher.bench_local(|| serde_json::from_str::<Value>(&text).unwrap());
}

//! Rules over a pod's containers, as most of the standard library's are, and a pod that they pass.

use std::collections::BTreeSet;

use kspec_model::LabelSelector;
use kspec_model::rules::{
    Action, Body, BoundRule, Comparison, Const, Each, Engine, Expr, FailurePolicy, Namespaces, Op, Operation, Root,
    Rule, Scope, Severity, Stmt, Table, Target, Ty, Verdict,
};
use serde_json::{Value, json};

fn of(base: Expr, path: &str, ty: Ty) -> Expr {
    let mut names = path.split('.').peekable();
    let mut expr = base;
    while let Some(name) = names.next() {
        let ty = if names.peek().is_some() { Ty::Object.optional() } else { ty.clone() };
        expr = Expr::new(ty, Op::Field(Box::new(expr), name.into()));
    }
    expr
}

fn container(path: &str, ty: Ty) -> Expr {
    of(Expr::new(Ty::Object, Op::Var("c".into())), path, ty.optional())
}

fn not(expr: Expr) -> Expr {
    expr.negated()
}

fn equal(a: Expr, b: Expr) -> Expr {
    Expr::new(Ty::Bool, Op::Equal(Box::new(a), Box::new(b)))
}

fn within(a: Expr, b: Expr) -> Expr {
    Expr::new(Ty::Bool, Op::In(Box::new(a), Box::new(b)))
}

fn texts(texts: &[&str]) -> Expr {
    let items = texts.iter().map(|text| Const::Text((*text).into())).collect();
    Expr::new(Ty::List(Box::new(Ty::Text)), Op::Const(Const::List(items)))
}

fn image(part: &str) -> Expr {
    let image = Expr::new(Ty::Image.optional(), Op::Convert(Box::new(container("image", Ty::Text))));
    of(image, part, Ty::Text.optional())
}

/// Ten kinds of question.
fn question(kind: usize) -> Expr {
    let list = || Ty::List(Box::new(Ty::Text));
    match kind {
        0 => not(within(image("registry"), texts(&["registry.example.com", "docker.io"]))),
        1 => equal(container("securityContext.privileged", Ty::Bool), Expr::bool(true)),
        2 => not(equal(container("securityContext.allowPrivilegeEscalation", Ty::Bool), Expr::bool(false))),
        3 => not(equal(container("securityContext.readOnlyRootFilesystem", Ty::Bool), Expr::bool(true))),
        4 => not(Expr::new(Ty::Bool, Op::Exists(Box::new(container("resources.limits.memory", Ty::Quantity))))),
        5 => {
            let high = Expr::new(Ty::Quantity, Op::Const(Const::Quantity("4Gi".into())));
            let memory =
                Op::Coalesce(Box::new(container("resources.limits.memory", Ty::Quantity)), Box::new(high.clone()));
            let memory = Expr::new(Ty::Quantity, memory);
            Expr::new(Ty::Bool, Op::Compare(Comparison::Gt, Box::new(memory), Box::new(high)))
        }
        6 => not(within(Expr::text("ALL"), container("securityContext.capabilities.drop", list()))),
        7 => Expr::new(
            Ty::Bool,
            Op::Each {
                what: Each::Any,
                over: Box::new(container("securityContext.capabilities.add", list())),
                item: "x".into(),
                value: None,
                body: Box::new(not(within(Expr::new(Ty::Text, Op::Var("x".into())), texts(&["NET_BIND_SERVICE"])))),
            },
        ),
        8 => equal(image("tag"), Expr::text("latest")),
        _ => not(Expr::new(Ty::Bool, Op::Exists(Box::new(container("livenessProbe", Ty::Object))))),
    }
}

/// So many rules on pods.
pub(crate) fn table(count: usize) -> Table {
    let list =
        |path| of(Expr::new(Ty::Object, Op::Root(Root::Object)), path, Ty::List(Box::new(Ty::Object)).optional());
    let rules = (0..count).map(|at| {
        let message =
            Expr::new(Ty::Text, Op::Text(vec![container("name", Ty::Text).required(), Expr::text(" may not")]));
        let verdict = Verdict { warn: false, when: question(at % 10), message, line: 3 };
        let over = vec![list("spec.initContainers"), list("spec.ephemeralContainers"), list("spec.containers")];
        let body = vec![Stmt::For { item: "c".into(), over, body: vec![Stmt::Verdict(verdict)] }];
        BoundRule {
            id: format!("rule-{at}"),
            rule: Rule {
                name: format!("rule_{at}"),
                help: None,
                severity: Severity::High,
                controls: Vec::new(),
                source: "rules.kspec:1".to_owned(),
                targets: vec![target()],
                bodies: vec![Body::Statements(body)],
            },
            action: Action::Deny,
            scope: Scope {
                namespaces: Namespaces::Selected {
                    labels: LabelSelector::default(),
                    except: BTreeSet::from(["kube-system".to_owned()]),
                },
                cluster: false,
            },
            failure_policy: FailurePolicy::Fail,
            timeout_seconds: 10,
            engine: Engine::Webhook,
            exemptions: Vec::new(),
        }
    });
    Table {
        format_version: Table::FORMAT,
        project: "bench".to_owned(),
        kubernetes: "1.36".to_owned(),
        revision: format!("{count}-rules"),
        rules: rules.collect(),
        mutations: Vec::new(),
    }
}

fn target() -> Target {
    Target {
        group: String::new(),
        version: "v1".to_owned(),
        resource: "pods".to_owned(),
        subresource: None,
        kind: "Pod".to_owned(),
        namespaced: true,
        operations: BTreeSet::from([Operation::Create, Operation::Update]),
        template: Vec::new(),
        advisory: false,
        applies: None,
        body: 0,
    }
}

trait Required {
    fn required(self) -> Self;
}

impl Required for Expr {
    /// Texts that are joined are not absent.
    fn required(self) -> Self {
        Self { ty: self.ty.present().clone(), op: self.op }
    }
}

/// A pod as the API server has it: two containers, probes, volumes, defaults, managed fields.
pub(crate) fn review() -> Value {
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example.com/shop/{name}:1.4.2"), "imagePullPolicy": "IfNotPresent",
            "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
            "env": [
                { "name": "LOG_LEVEL", "value": "info" },
                { "name": "DB", "valueFrom": { "secretKeyRef": { "name": "db", "key": "url" } } },
            ],
            "resources": {
                "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "cpu": "500m", "memory": "256Mi" },
            },
            "livenessProbe": { "httpGet": { "path": "/healthz", "port": "http", "scheme": "HTTP" }, "periodSeconds": 10 },
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
                "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" },
            },
            "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        })
    };
    let managed = |name: &str| {
        json!({ format!("k:{{\"name\":\"{name}\"}}"): {
            ".": {}, "f:env": { ".": {}, "k:{\"name\":\"DB\"}": { ".": {}, "f:name": {}, "f:valueFrom": {} } },
            "f:image": {}, "f:imagePullPolicy": {}, "f:livenessProbe": {}, "f:name": {}, "f:ports": {},
            "f:resources": { ".": {}, "f:limits": {}, "f:requests": {} }, "f:securityContext": {},
        } })
    };
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "api-7d4b9c6f5d-x2x7k", "generateName": "api-7d4b9c6f5d-", "namespace": "shop",
            "uid": "6d2b6d5e-6f3c-4a43-9d84-5f4c5a0f1c11", "creationTimestamp": "2026-11-21T13:00:00Z",
            "labels": { "app": "api", "team": "payments", "version": "1.4.2", "pod-template-hash": "7d4b9c6f5d" },
            "managedFields": [{
                "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
                "time": "2026-11-21T13:00:00Z", "fieldsType": "FieldsV1",
                "fieldsV1": { "f:spec": { "f:containers": [managed("api"), managed("sidecar")] } },
            }],
        },
        "spec": {
            "containers": [container("api"), container("sidecar")],
            "volumes": [{ "name": "tmp", "emptyDir": {} }], "serviceAccountName": "api",
            "securityContext": { "runAsUser": 1000 }, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
            "tolerations": [{ "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute" }],
        },
        "status": { "phase": "Pending", "qosClass": "Burstable" },
    });
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "requestKind": { "group": "", "version": "v1", "kind": "Pod" },
            "requestResource": { "group": "", "version": "v1", "resource": "pods" },
            "name": "api-7d4b9c6f5d-x2x7k", "namespace": "shop", "operation": "CREATE",
            "userInfo": {
                "username": "system:serviceaccount:kube-system:replicaset-controller",
                "uid": "1", "groups": ["system:serviceaccounts", "system:authenticated"],
            },
            "object": pod, "oldObject": null, "dryRun": false,
            "options": { "apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions" },
        },
    })
}

//! Short ways to write tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use kspec_model::LabelSelector;
use kspec_model::rules::*;
use serde_json::{Value, json};

pub(crate) fn object() -> Expr {
    Expr::new(Ty::Object, Op::Root(Root::Object))
}

pub(crate) fn var(name: &str, ty: Ty) -> Expr {
    Expr::new(ty, Op::Var(name.into()))
}

/// An optional field of an object.
pub(crate) fn field(base: Expr, name: &str, ty: Ty) -> Expr {
    Expr::new(ty.optional(), Op::Field(Box::new(base), name.into()))
}

/// `object.a.b`, the last of a type.
pub(crate) fn path(names: &str, ty: Ty) -> Expr {
    let (before, last) = names.rsplit_once('.').unwrap_or(("", names));
    let before = before.split('.').filter(|name| !name.is_empty());
    field(before.fold(object(), |base, name| field(base, name, Ty::Object)), last, ty)
}

pub(crate) fn objects(names: &str) -> Expr {
    path(names, Ty::List(Box::new(Ty::Object)))
}

pub(crate) fn equal(a: Expr, b: Expr) -> Expr {
    Expr::new(Ty::Bool, Op::Equal(Box::new(a), Box::new(b)))
}

pub(crate) fn int(value: i64) -> Expr {
    Expr::new(Ty::Int, Op::Const(Const::Int(value)))
}

pub(crate) fn target(resource: &str, kind: &str) -> Target {
    Target {
        group: String::new(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        subresource: None,
        kind: kind.to_owned(),
        namespaced: true,
        operations: BTreeSet::from([Operation::Create, Operation::Update, Operation::Delete]),
        template: Vec::new(),
        advisory: false,
        applies: None,
        body: 0,
    }
}

pub(crate) fn everywhere() -> Scope {
    Scope {
        namespaces: Namespaces::Selected { labels: LabelSelector::default(), except: BTreeSet::new() },
        cluster: true,
    }
}

pub(crate) fn deny(when: Expr, message: Expr) -> Stmt {
    Stmt::Verdict(Verdict { warn: false, when, message, line: 3 })
}

pub(crate) fn rule(id: &str, targets: Vec<Target>, statements: Vec<Stmt>) -> BoundRule {
    BoundRule {
        id: id.to_owned(),
        rule: Rule {
            name: id.to_owned(),
            help: None,
            severity: Severity::Medium,
            controls: Vec::new(),
            source: "main.kspec:1".to_owned(),
            targets,
            bodies: vec![Body::Statements(statements)],
        },
        action: Action::Deny,
        scope: everywhere(),
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 10,
        engine: Engine::Webhook,
        exemptions: Vec::new(),
    }
}

pub(crate) fn mutation(id: &str, changes: Vec<Change>) -> BoundMutation {
    BoundMutation {
        id: id.to_owned(),
        mutation: Mutation {
            name: id.to_owned(),
            help: None,
            source: "main.kspec:1".to_owned(),
            targets: vec![target("pods", "Pod")],
            bodies: vec![changes],
        },
        scope: everywhere(),
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 10,
        engine: Engine::Webhook,
    }
}

pub(crate) fn table(rules: Vec<BoundRule>, mutations: Vec<BoundMutation>) -> Table {
    Table {
        format_version: Table::FORMAT,
        project: "test".to_owned(),
        kubernetes: "1.36".to_owned(),
        revision: String::new(),
        rules,
        mutations,
    }
}

pub(crate) fn pod(spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "shop" }, "spec": spec })
}

pub(crate) fn request(operation: &str, object: &Value, old: &Value) -> Value {
    json!({
        "uid": "1", "operation": operation, "namespace": "shop", "name": "p",
        "kind": { "group": "", "version": "v1", "kind": "Pod" },
        "resource": { "group": "", "version": "v1", "resource": "pods" },
        "userInfo": { "username": "ann", "groups": ["devs"] },
        "object": object, "oldObject": old,
    })
}

/// A list constant of texts.
pub(crate) fn texts(texts: &[&str]) -> Expr {
    let items = texts.iter().map(|text| Const::Text(Arc::from(*text))).collect();
    Expr::new(Ty::List(Box::new(Ty::Text)), Op::Const(Const::List(items)))
}

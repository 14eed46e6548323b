//! Rule tables by hand.

use std::collections::BTreeSet;

use kspec_model::LabelSelector;
use kspec_model::rules::{
    Action, Body, BoundMutation, BoundRule, Change, Engine, Expr, FailurePolicy, Lookup, Method, Mutation, Namespaces,
    Op, Operation, Root, Rule, Scope, Severity, Stmt, Table, Target, Ty, Verdict, Write,
};

pub(crate) fn field(base: Expr, name: &str, ty: Ty) -> Expr {
    Expr::new(ty, Op::Field(Box::new(base), name.into()))
}

pub(crate) fn object() -> Expr {
    Expr::new(Ty::Object, Op::Root(Root::Object))
}

/// `object.metadata.labels["key"]`.
pub(crate) fn label(key: &str) -> Expr {
    let labels = field(field(object(), "metadata", Ty::Object), "labels", Ty::Map(Box::new(Ty::Text)).optional());
    Expr::new(Ty::Text.optional(), Op::Index(Box::new(labels), Box::new(Expr::text(key))))
}

/// `object.metadata.labels["key"] == value`.
pub(crate) fn labelled(key: &str, value: &str) -> Expr {
    Expr::new(Ty::Bool, Op::Equal(Box::new(label(key)), Box::new(Expr::text(value))))
}

/// `cluster.all(ConfigMap).any(c => c.metadata.name == name)`.
pub(crate) fn exists_config_map(name: &str) -> Expr {
    let item = Expr::new(Ty::Object, Op::Var("c".into()));
    let its_name = field(field(item, "metadata", Ty::Object), "name", Ty::Text);
    Expr::new(
        Ty::Bool,
        Op::Each {
            what: kspec_model::rules::Each::Any,
            over: Box::new(Expr::new(Ty::List(Box::new(Ty::Object)), Op::All(config_maps()))),
            item: "c".into(),
            value: None,
            body: Box::new(Expr::new(Ty::Bool, Op::Equal(Box::new(its_name), Box::new(Expr::text(name))))),
        },
    )
}

pub(crate) fn config_maps() -> Lookup {
    Lookup { group: "".into(), version: "v1".into(), resource: "configmaps".into(), kind: "ConfigMap".into() }
}

/// A number that is too large: a fault, where the label is there.
pub(crate) fn overflow() -> Expr {
    let int = |value| Expr::new(Ty::Int, Op::Const(kspec_model::rules::Const::Int(value)));
    let size = Expr::new(
        Ty::Int,
        Op::Call(Method::Size, Box::new(field(field(object(), "metadata", Ty::Object), "name", Ty::Text)), Vec::new()),
    );
    let sum = Expr::new(
        Ty::Int,
        Op::Arithmetic(kspec_model::rules::Arithmetic::Add, Box::new(int(i64::MAX)), Box::new(size)),
    );
    let compared = Op::Compare(kspec_model::rules::Comparison::Gt, Box::new(sum), Box::new(int(0)));
    Expr::new(Ty::Bool, Op::And(vec![labelled("fault", "yes"), Expr::new(Ty::Bool, compared)]))
}

pub(crate) fn config_map_target() -> Target {
    Target {
        group: String::new(),
        version: "v1".to_owned(),
        resource: "configmaps".to_owned(),
        subresource: None,
        kind: "ConfigMap".to_owned(),
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
        namespaces: Namespaces::Selected {
            labels: LabelSelector::default(),
            except: BTreeSet::from(["kube-system".to_owned()]),
        },
        cluster: true,
    }
}

/// `deny if …` on ConfigMaps, everywhere.
pub(crate) fn rule(name: &str, when: Expr) -> BoundRule {
    let verdict = Verdict { warn: false, when, message: Expr::text(format!("{name} says no")), line: 7 };
    BoundRule {
        id: name.to_owned(),
        rule: Rule {
            name: name.to_owned(),
            help: None,
            severity: Severity::High,
            controls: Vec::new(),
            source: "rules.kspec:3".to_owned(),
            targets: vec![config_map_target()],
            bodies: vec![Body::Statements(vec![Stmt::Verdict(verdict)])],
        },
        action: Action::Deny,
        scope: everywhere(),
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 10,
        engine: Engine::Webhook,
        exemptions: Vec::new(),
    }
}

/// `set object.metadata.labels["key"]: value` on ConfigMaps, everywhere.
pub(crate) fn mutation(name: &str, key: &str, value: &str) -> BoundMutation {
    BoundMutation {
        id: name.to_owned(),
        mutation: Mutation {
            name: name.to_owned(),
            help: None,
            source: "rules.kspec:30".to_owned(),
            targets: vec![Target {
                operations: BTreeSet::from([Operation::Create, Operation::Update]),
                ..config_map_target()
            }],
            bodies: vec![vec![Change::Write {
                write: Write::Set,
                place: label(key),
                value: Expr::text(value),
                keys: Vec::new(),
                line: 31,
            }]],
        },
        scope: everywhere(),
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 10,
        engine: Engine::Webhook,
    }
}

pub(crate) fn table(revision: &str, rules: Vec<BoundRule>, mutations: Vec<BoundMutation>) -> Table {
    Table {
        format_version: Table::FORMAT,
        project: "shop".to_owned(),
        kubernetes: "1.36".to_owned(),
        revision: revision.to_owned(),
        rules,
        mutations,
    }
}

/// Refuses what is labelled `bad=yes`.
pub(crate) fn plain() -> Table {
    table("first", vec![rule("no-bad", labelled("bad", "yes"))], Vec::new())
}

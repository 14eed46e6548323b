//! Where a binding holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use kspec_model::program::{AdmissionScope, View};
use kspec_model::rules::{Const, Expr, Namespaces, Op, Operation, Root, Scope, Target, Ty};
use kspec_model::{LabelSelector, Operator};

use super::SYSTEM_NAMESPACES;

/// A binding's scope as the table has it.
pub(super) fn of(program: &View<'_>, scope: &AdmissionScope) -> Scope {
    let own = program.project.inventory_namespace.as_str();
    let webhook = program.project.admission.webhook.namespace.as_deref();
    let own = || [Some(own), webhook].into_iter().flatten();
    let except = || SYSTEM_NAMESPACES.iter().copied().chain(own()).map(str::to_owned).collect::<BTreeSet<_>>();
    match scope {
        AdmissionScope::Cluster { .. } => Scope {
            namespaces: Namespaces::Selected { labels: LabelSelector::default(), except: except() },
            cluster: true,
        },
        AdmissionScope::Namespaces { names, .. } => {
            Scope { namespaces: Namespaces::Named(names.clone()), cluster: false }
        }
        AdmissionScope::Selected { labels, .. } => {
            Scope { namespaces: Namespaces::Selected { labels: labels.clone(), except: except() }, cluster: false }
        }
    }
}

/// Whether no namespace is left in it.
pub(super) fn is_empty(scope: &Scope) -> bool {
    matches!(&scope.namespaces, Namespaces::Named(names) if names.is_empty())
}

/// Narrows targets to the pods that a binding is for.
pub(super) fn narrow(targets: &mut [Target], pods: Option<&LabelSelector>) {
    let Some(pods) = pods else { return };
    for target in targets.iter_mut().filter(|target| is_pod(target)) {
        require(target, selected(pods));
    }
}

/// Whether a rule's object is a pod or a pod's template, with its labels.
pub(super) fn is_pod(target: &Target) -> bool {
    // What a CONNECT sends has no labels: nothing narrows it, so that doubt does not widen what is allowed.
    !target.operations.contains(&Operation::Connect)
        && (!target.template.is_empty() || (target.group.is_empty() && target.kind == "Pod"))
}

/// Adds a condition to a target.
pub(super) fn require(target: &mut Target, condition: Expr) {
    target.applies = Some(match target.applies.take() {
        None => condition,
        Some(Expr { op: Op::And(mut parts), ty }) => {
            parts.push(condition);
            Expr::new(ty, Op::And(parts))
        }
        Some(other) => Expr::new(Ty::Bool, Op::And(vec![other, condition])),
    });
}

/// Whether the object's labels match.
pub(super) fn selected(selector: &LabelSelector) -> Expr {
    let metadata = field(Expr::new(Ty::Object, Op::Root(Root::Object)), "metadata", Ty::Object.optional());
    let labels = field(metadata, "labels", Ty::Map(Box::new(Ty::Text)).optional());
    let label = |key: &str| {
        let index = Op::Index(Box::new(labels.clone()), Box::new(Expr::text(key)));
        Expr::new(Ty::Text.optional(), index)
    };
    let mut parts: Vec<Expr> = Vec::new();
    for (key, value) in &selector.match_labels {
        parts.push(equal(label(key), Expr::text(value.as_str())));
    }
    for requirement in &selector.match_expressions {
        let values = requirement.values.iter().map(|value| Const::Text(Arc::from(value.as_str()))).collect();
        let values = Expr::new(Ty::List(Box::new(Ty::Text)), Op::Const(Const::List(values)));
        let label = label(&requirement.key);
        let among = |label: Expr| Expr::new(Ty::Bool, Op::In(Box::new(label), Box::new(values.clone())));
        let exists = |label: Expr| Expr::new(Ty::Bool, Op::Exists(Box::new(label)));
        parts.push(match requirement.operator {
            Operator::In => among(label),
            Operator::NotIn => among(label).negated(),
            Operator::Exists => exists(label),
            Operator::DoesNotExist => exists(label).negated(),
        });
    }
    match parts.len() {
        1 => parts.pop().unwrap_or_else(|| Expr::bool(true)),
        _ => Expr::new(Ty::Bool, Op::And(parts)),
    }
}

/// `base.name`
pub(super) fn field(base: Expr, name: &str, ty: Ty) -> Expr {
    Expr::new(ty, Op::Field(Box::new(base), Arc::from(name)))
}

/// `a == b`
pub(super) fn equal(a: Expr, b: Expr) -> Expr {
    Expr::new(Ty::Bool, Op::Equal(Box::new(a), Box::new(b)))
}

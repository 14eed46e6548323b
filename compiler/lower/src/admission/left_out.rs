//! Defaults of amounts that a mutation leaves out because they contradict what is there: a limit below the request. A
//! mutation in CEL can leave one out, and cannot say so. A policy beside it warns whoever asked.

use std::sync::Arc;

use kspec_model::rules::{
    Action, Body, BoundMutation, BoundRule, Change, Comparison, Const, Engine, Expr, FailurePolicy, Op, Rule, Severity,
    Stmt, Ty, Verdict, Write,
};

/// Whether a default is of an amount that another may contradict; if so, the other, and how it would.
pub(super) fn contradicted(place: &Expr) -> Option<(Expr, Comparison)> {
    let (base, leaf) = match &place.op {
        Op::Field(base, _) | Op::Index(base, _) => (base, &place.op),
        _ => return None,
    };
    let Op::Field(resources, side) = &base.op else { return None };
    if !matches!(&resources.op, Op::Field(_, name) if &**name == "resources") {
        return None;
    }
    // There, a request above the default limit; a limit below the default request.
    let (other, how) = match &**side {
        "limits" => ("requests", Comparison::Gt),
        "requests" => ("limits", Comparison::Lt),
        _ => return None,
    };
    let amounts = Expr::new(base.ty.clone(), Op::Field(resources.clone(), Arc::from(other)));
    let op = match leaf {
        Op::Field(_, name) => Op::Field(Box::new(amounts), Arc::clone(name)),
        Op::Index(_, key) => Op::Index(Box::new(amounts), key.clone()),
        _ => return None,
    };
    Some((Expr::new(Ty::Quantity.optional(), op), how))
}

/// A rule that warns of what a mutation left out; none where it leaves nothing out.
pub(super) fn rule(bound: &BoundMutation) -> Option<BoundRule> {
    let bodies: Vec<Vec<Stmt>> =
        bound.mutation.bodies.iter().map(|body| statements(body, &mut Vec::new(), None)).collect();
    if bodies.iter().all(Vec::is_empty) {
        return None;
    }
    let mutation = &bound.mutation;
    Some(BoundRule {
        id: format!("{}-left-out", bound.id),
        rule: Rule {
            name: mutation.name.clone(),
            help: None,
            severity: Severity::Low,
            controls: Vec::new(),
            source: mutation.source.clone(),
            targets: mutation.targets.clone(),
            bodies: bodies.into_iter().map(Body::Statements).collect(),
        },
        action: Action::Warn,
        scope: bound.scope.clone(),
        // Nothing hangs on it.
        failure_policy: FailurePolicy::Ignore,
        timeout_seconds: bound.timeout_seconds,
        engine: Engine::Cel,
        exemptions: Vec::new(),
    })
}

fn statements(changes: &[Change], conditions: &mut Vec<Expr>, item: Option<&Arc<str>>) -> Vec<Stmt> {
    let mut said = Vec::new();
    for change in changes {
        match change {
            Change::For { item, over, body } => {
                let body = statements(body, conditions, Some(item));
                if !body.is_empty() {
                    said.push(Stmt::For { item: Arc::clone(item), over: over.clone(), body });
                }
            }
            Change::If { when, body } => {
                conditions.push(when.clone());
                said.extend(statements(body, conditions, item));
                conditions.pop();
            }
            Change::Write { write: Write::Default, place, value, line, .. } => {
                let Some((other, how)) = contradicted(place) else { continue };
                let truth = |op: Op| Expr::new(Ty::Bool, op);
                let mut all = conditions.clone();
                all.push(truth(Op::Exists(Box::new(place.clone()))).negated());
                all.push(truth(Op::Compare(how, Box::new(other.clone()), Box::new(value.clone()))));
                let relation = if how == Comparison::Gt { "below the request " } else { "above the limit " };
                let mut message = vec![Expr::text(dotted(place))];
                if let Some(item) = item {
                    let var = Expr::new(Ty::Object, Op::Var(Arc::clone(item)));
                    message.push(Expr::text(" of "));
                    message.push(Expr::new(Ty::Text.optional(), Op::Field(Box::new(var), Arc::from("name"))));
                }
                message.extend([
                    Expr::text(" is left out: the default "),
                    value.clone(),
                    Expr::text(format!(" is {relation}")),
                    other,
                ]);
                said.push(Stmt::Verdict(Verdict {
                    warn: true,
                    when: truth(Op::And(all)),
                    message: Expr::new(Ty::Text, Op::Text(message)),
                    line: *line,
                }));
            }
            Change::Write { .. } | Change::Remove { .. } => {}
        }
    }
    said
}

/// A place by its names, from the object or the item on.
fn dotted(place: &Expr) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut at = place;
    loop {
        match &at.op {
            Op::Field(base, name) => {
                names.push(name);
                at = base;
            }
            Op::Index(base, key) => {
                if let Op::Const(Const::Text(name)) = &key.op {
                    names.push(name);
                }
                at = base;
            }
            _ => break,
        }
    }
    names.reverse();
    names.join(".")
}

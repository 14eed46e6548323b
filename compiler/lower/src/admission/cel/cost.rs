//! What an expression may cost the API server.
//!
//! The server counts while it evaluates, and refuses by failure policy what costs more than 1,000,000 units an
//! expression. How long an object's lists are nobody knows: this takes the lengths that large real objects have, so that a
//! rule whose loops nest too deeply goes to the webhook and not to the limit.

use kspec_model::rules::{Expr, Method, Op, Root, Stmt};

/// The most that one rule may cost by this estimate, a fifth of the server's limit.
pub(in crate::admission) const LIMIT: u64 = 200_000;
/// Items of a list of the object's own: containers, volumes, rules.
const OUTER: u64 = 24;
/// Items of a list inside another one: ports of a container, capabilities.
const INNER: u64 = 12;
/// Units of a regular expression over a short text, by the length of the pattern.
const PATTERN: u64 = 6;

/// An estimate of what a rule's statements cost.
pub(in crate::admission) fn cost(statements: &[Stmt]) -> u64 {
    of_statements(statements, 0)
}

fn of_statements(statements: &[Stmt], depth: u32) -> u64 {
    statements.iter().fold(0, |sum: u64, statement| {
        sum.saturating_add(match statement {
            Stmt::Let(_, value) => of(value, depth),
            Stmt::For { over, body, .. } => over.iter().fold(0, |sum: u64, list| {
                let body = of_statements(body, depth + 1).saturating_add(4);
                sum.saturating_add(of(list, depth)).saturating_add(items(list, depth).saturating_mul(body))
            }),
            Stmt::Verdict(verdict) => of(&verdict.when, depth).saturating_add(of(&verdict.message, depth)),
        })
    })
}

fn items(list: &Expr, depth: u32) -> u64 {
    match &list.op {
        Op::Const(kspec_model::rules::Const::List(items)) => items.len() as u64,
        Op::Call(Method::Flatten, base, _) => match &base.op {
            Op::List(lists) => OUTER + 2 * lists.len() as u64,
            _ => OUTER * INNER,
        },
        _ if depth == 0 => OUTER,
        _ => INNER,
    }
}

fn of(expr: &Expr, depth: u32) -> u64 {
    let mut sum = match &expr.op {
        Op::Const(_) | Op::Var(_) | Op::Root(Root::Object | Root::Old) => 1,
        Op::Call(Method::Matches | Method::Like, _, arguments) => {
            let pattern = arguments.first().map_or(0, |pattern| match &pattern.op {
                Op::Const(kspec_model::rules::Const::Text(text)) => text.len() as u64,
                _ => 64,
            });
            PATTERN.saturating_mul(pattern / 4 + 1)
        }
        // A reference to an image is read by a long pattern.
        Op::Convert(_) if *expr.ty.present() == kspec_model::rules::Ty::Image => 480,
        _ => 2,
    };
    if let Op::Each { over, body, .. } = &expr.op {
        let body = of(body, depth + 1).saturating_add(4);
        return of(over, depth).saturating_add(items(over, depth).saturating_mul(body)).saturating_add(sum);
    }
    expr.op.for_each_child(&mut |child| sum = sum.saturating_add(of(child, depth)));
    sum
}

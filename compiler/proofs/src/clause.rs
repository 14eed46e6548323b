//! A rule taken apart: each of its clauses is one verdict over one list of each `for` around it.
//!
//! A rule refuses exactly where one of its clauses does, and lets pass what all of them do. A clause reads fewer places than
//! the rule, so that clauses are searched where the rule would be a product of them.

use kspec_model::rules::{Expr, Op, Stmt, Target, Var};
use kspec_rules::{Probe, Review, Told};

use crate::closed::Closed;
use crate::reads::{Reads, of_condition, of_statements};

/// One clause of a rule.
#[derive(Debug)]
pub(crate) struct Clause {
    probe: Probe,
    pub(crate) reads: Reads,
    /// Its verdict is a `warn`: it never refuses.
    pub(crate) warns: bool,
}

impl Clause {
    /// What it says of a request; `None` where there is no verdict.
    pub(crate) fn tell(&self, review: &Review<'_>) -> Option<Told> {
        self.probe.tell(review).ok()
    }
}

/// The clauses of statements for a target; `None` for what cannot be loaded.
pub(crate) fn clauses(target: &Target, statements: &[Stmt], closed: Closed<'_>) -> Option<Vec<Clause>> {
    let applies = target.applies.as_ref().map(|applies| of_condition(applies, closed));
    let clause = |statements: Vec<Stmt>| {
        let mut reads = of_statements(&statements, closed);
        if let Some(applies) = &applies {
            reads.join(applies);
        }
        let warns = verdict_warns(&statements);
        Some(Clause { probe: Probe::new(target, &statements).ok()?, reads, warns })
    };
    split(statements).into_iter().map(clause).collect()
}

/// Statements as clauses, each with the `let`s that it draws on.
fn split(statements: &[Stmt]) -> Vec<Vec<Stmt>> {
    let mut lets: Vec<(&Var, &Expr)> = Vec::new();
    let mut clauses = Vec::new();
    for statement in statements {
        let inner: Vec<Stmt> = match statement {
            Stmt::Let(name, value) => {
                lets.push((name, value));
                continue;
            }
            Stmt::For { item, over, body } => {
                let bodies = split(body);
                let one = |list: &Expr, body: &Vec<Stmt>| Stmt::For {
                    item: item.clone(),
                    over: vec![list.clone()],
                    body: body.clone(),
                };
                over.iter().flat_map(|list| bodies.iter().map(move |body| one(list, body))).collect()
            }
            Stmt::Verdict(_) => vec![statement.clone()],
        };
        clauses.extend(inner.into_iter().map(|statement| with_lets(&lets, statement)));
    }
    clauses
}

fn with_lets(lets: &[(&Var, &Expr)], statement: Stmt) -> Vec<Stmt> {
    let mut clause = vec![statement];
    for (name, value) in lets.iter().rev() {
        if clause.iter().any(|statement| draws_on(statement, name)) {
            clause.insert(0, Stmt::Let((*name).clone(), (*value).clone()));
        }
    }
    clause
}

/// Whether a statement mentions a name, bound inside of it or not.
fn draws_on(statement: &Stmt, name: &Var) -> bool {
    let within = |expr: &Expr| {
        let mut found = false;
        expr.walk(&mut |expr| found |= matches!(&expr.op, Op::Var(var) if var == name));
        found
    };
    match statement {
        Stmt::Let(_, value) => within(value),
        Stmt::For { over, body, .. } => {
            over.iter().any(within) || body.iter().any(|statement| draws_on(statement, name))
        }
        Stmt::Verdict(verdict) => within(&verdict.when) || within(&verdict.message),
    }
}

fn verdict_warns(statements: &[Stmt]) -> bool {
    statements.iter().any(|statement| match statement {
        Stmt::Let(..) => false,
        Stmt::For { body, .. } => verdict_warns(body),
        Stmt::Verdict(verdict) => verdict.warn,
    })
}

//! Rules' bodies, and what a test expects of an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::{Const, Expr, Op, Stmt, Verdict};
use kspec_syntax::tree::{self, RuleStmt};

use super::methods::matches_a_variable;
use super::operators::and;
use super::{Bound, Low, Lower, Names};
use crate::check::environment::OnKind;
use crate::check::rule::items;
use crate::{Cx, Type, Value};

/// The statements of a rule on one kind, its parameters bound. `otherwise` is said where a verdict says nothing.
///
/// The rule has passed its check; what it cannot be decided for is a finding, and `None`. A verdict's line is the byte
/// offset of its statement in the item, until the rule is placed in its file.
pub fn lower_rule(
    statements: &[RuleStmt],
    kind: &OnKind,
    params: &[tree::Param],
    bound: &BTreeMap<Arc<str>, Bound>,
    otherwise: &str,
    cx: &mut Cx<'_>,
) -> Option<Vec<Stmt>> {
    let mut names = Names::default();
    let mut lower = Lower::new(cx, &mut names);
    lower.bind_environment(kind, params, bound);
    let result = lower.stmts(statements, otherwise);
    lower.unbind(0);
    result
}

/// A condition over an object of a kind: what a test expects.
pub fn lower_claim(expr: &tree::Expr, kind: &OnKind, cx: &mut Cx<'_>) -> Option<Expr> {
    let mut names = Names::default();
    let mut lower = Lower::new(cx, &mut names);
    lower.bind_environment(kind, &[], &BTreeMap::new());
    // Nobody has checked it before.
    let checked = crate::ops::condition(expr, lower.cx);
    let result = if checked == Value::Error { None } else { lower.condition(expr) };
    lower.unbind(0);
    result
}

impl Lower<'_, '_> {
    fn stmts(&mut self, statements: &[RuleStmt], otherwise: &str) -> Option<Vec<Stmt>> {
        let bound = self.bound();
        let mut lowered = Vec::with_capacity(statements.len());
        for statement in statements {
            self.cx.refuel();
            match statement {
                RuleStmt::Field(_) => {}
                RuleStmt::Let(name, value) => {
                    let before = self.cx.findings.len();
                    let typed = crate::eval(value, None, self.cx);
                    self.cx.findings.truncate(before);
                    let mut low = if matches!(typed, Value::Function(_)) {
                        Low {
                            expr: Expr::new(kspec_model::rules::Ty::Any, Op::Const(Const::Absent)),
                            ty: Type::Any,
                            known: Some(typed.clone()),
                        }
                    } else {
                        self.expr(value, None)?
                    };
                    if !matches!(low.expr.op, Op::Const(_)) {
                        let var = self.names.fresh(&name.text);
                        let op = std::mem::replace(&mut low.expr.op, Op::Var(Arc::clone(&var)));
                        lowered.push(Stmt::Let(var, Expr::new(low.expr.ty.clone(), op)));
                    }
                    self.bind_as(&name.text, typed, low);
                }
                RuleStmt::For(name, over, body) => self.each(name, over, body, otherwise, &mut lowered)?,
                RuleStmt::Verdict { warn, condition, unless, because, span } => {
                    let mut tests = Vec::new();
                    if let Some(test) = condition {
                        tests.push(self.condition(test)?);
                    }
                    if let Some(test) = unless {
                        tests.push(self.condition(test)?.negated());
                    }
                    let message = match because {
                        Some(because) => self.text(because)?,
                        None => Expr::text(otherwise),
                    };
                    lowered.push(Stmt::Verdict(Verdict { warn: *warn, when: and(tests), message, line: span.start }));
                }
            }
        }
        self.unbind(bound);
        Some(lowered)
    }

    fn each(
        &mut self,
        name: &tree::Name,
        over: &[tree::Expr],
        body: &[RuleStmt],
        otherwise: &str,
        into: &mut Vec<Stmt>,
    ) -> Option<()> {
        let (item, lists) = self.ranges(over)?;
        let bound = self.bound();
        // A pattern is a constant: where it is an item of a list of constants, each has its own statements.
        if let [low] = lists.as_slice()
            && let (Op::Const(Const::List(_)), Some(Value::List(values))) = (&low.expr.op, &low.known)
        {
            let var = self.names.fresh(&name.text);
            self.bind(&name.text, Low::new(item.clone(), Op::Var(var)));
            let tried = self.stmts(body, otherwise);
            self.unbind(bound);
            if tried.is_some_and(|statements| statements.iter().any(reads_a_pattern)) {
                for value in values.clone() {
                    let mut low = Low::value(item.clone(), value)?;
                    low.ty = item.clone();
                    self.bind(&name.text, low);
                    let statements = self.stmts(body, otherwise);
                    self.unbind(bound);
                    into.extend(statements?);
                }
                return Some(());
            }
        }
        let var = self.bind_var(&name.text, &item);
        let body = self.stmts(body, otherwise);
        self.unbind(bound);
        let over = lists.into_iter().map(|low| low.expr).collect();
        into.push(Stmt::For { item: var, over, body: body? });
        Some(())
    }

    /// The lists that a `for` ranges over, and the type of their items.
    pub(super) fn ranges(&mut self, over: &[tree::Expr]) -> Option<(Type, Vec<Low>)> {
        let before = self.cx.findings.len();
        let item = items(over, self.cx);
        self.cx.findings.truncate(before);
        let mut lists = Vec::with_capacity(over.len());
        for list in over {
            let low = self.expr(list, None)?;
            // `all_containers` is three lists, one after the other.
            match low.expr.op {
                Op::Call(kspec_model::rules::Method::Flatten, inner, arguments) => match inner.op {
                    Op::List(parts) => {
                        lists.extend(parts.into_iter().map(|expr| Low { expr, ty: low.ty.clone(), known: None }));
                    }
                    op => {
                        let inner = Box::new(Expr::new(inner.ty, op));
                        let op = Op::Call(kspec_model::rules::Method::Flatten, inner, arguments);
                        lists.push(Low { expr: Expr::new(low.expr.ty, op), ..low });
                    }
                },
                op => lists.push(Low { expr: Expr::new(low.expr.ty, op), ty: low.ty, known: low.known }),
            }
        }
        Some((item, lists))
    }
}

fn reads_a_pattern(statement: &Stmt) -> bool {
    match statement {
        Stmt::Let(_, value) => matches_a_variable(value),
        Stmt::For { over, body, .. } => over.iter().any(matches_a_variable) || body.iter().any(reads_a_pattern),
        Stmt::Verdict(verdict) => matches_a_variable(&verdict.when) || matches_a_variable(&verdict.message),
    }
}

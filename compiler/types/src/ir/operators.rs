//! Operators.

use kspec_model::rules::{Arithmetic, Comparison, Const, Expr, Op, Ty};
use kspec_syntax::tree::{self, BinaryOp, ExprKind, UnaryOp};

use super::{Low, Lower};
use crate::coerce::fits;
use crate::{Port, Type, Value};

impl Lower<'_, '_> {
    pub(super) fn unary(&mut self, op: UnaryOp, operand: &tree::Expr, of: &Type) -> Option<Low> {
        let low = self.expr(operand, None)?;
        Some(match op {
            UnaryOp::Not => truth(low.expr.negated()),
            UnaryOp::Negate => Low::new(of.clone(), Op::Negate(Box::new(low.expr))),
        })
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        left: &tree::Expr,
        right: &tree::Expr,
        of: &Type,
        expected: Option<&Type>,
    ) -> Option<Low> {
        match op {
            BinaryOp::And => {
                let (a, b) = (self.condition(left)?, self.condition(right)?);
                Some(truth(and([a, b])))
            }
            BinaryOp::Or => {
                let (a, b) = (self.condition(left)?, self.condition(right)?);
                Some(truth(or([a, b])))
            }
            BinaryOp::Coalesce => self.coalesce(left, right, of, expected),
            BinaryOp::Eq => self.equality(left, right).map(truth),
            BinaryOp::Ne => self.equality(left, right).map(|equal| truth(equal.negated())),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                let op = match op {
                    BinaryOp::Lt => Comparison::Lt,
                    BinaryOp::Le => Comparison::Le,
                    BinaryOp::Gt => Comparison::Gt,
                    _ => Comparison::Ge,
                };
                let (a, b) = (self.expr(left, None)?, self.expr(right, None)?);
                let (a, b) = self.alike(a, b);
                Some(Low::new(Type::Bool, Op::Compare(op, Box::new(a), Box::new(b))))
            }
            BinaryOp::In => self.membership(left, right).map(truth),
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => {
                self.arithmetic(op, left, right, of)
            }
        }
    }

    fn coalesce(&mut self, left: &tree::Expr, right: &tree::Expr, of: &Type, expected: Option<&Type>) -> Option<Low> {
        let wanted = expected.map(|ty| ty.clone().optional());
        let first = self.expr(left, wanted.as_ref())?;
        if first.expr.op == Op::Const(Const::Absent) {
            let wanted = expected.cloned().map(Type::optional);
            let second = self.expr(right, wanted.as_ref())?;
            return Some(self.convert(second, of));
        }
        if !first.expr.ty.is_optional() {
            return Some(first);
        }
        let present = first.ty.present().0.clone();
        let hint = match expected {
            Some(ty) => ty.clone().optional(),
            None if matches!(present, Type::Never | Type::Error | Type::Any) => of.clone().optional(),
            None => present.optional(),
        };
        let second = self.expr(right, Some(&hint))?;
        let (first, second) = (self.convert(first, of), self.convert(second, of));
        let ty = if second.expr.ty.is_optional() { of.clone().optional() } else { of.clone() };
        Some(Low::new(ty, Op::Coalesce(Box::new(first.expr), Box::new(second.expr))))
    }

    fn equality(&mut self, left: &tree::Expr, right: &tree::Expr) -> Option<Expr> {
        let (a, b) = (self.expr(left, None)?, self.expr(right, None)?);
        self.equal(left, a, right, b)
    }

    /// `a == b`: a literal is read as what the other side is, as the checker reads it.
    fn equal(&mut self, left: &tree::Expr, mut a: Low, right: &tree::Expr, mut b: Low) -> Option<Expr> {
        let (ta, tb) = (a.ty.present().0.clone(), b.ty.present().0.clone());
        if !fits(&tb, &ta) && !fits(&ta, &tb) {
            if is_literal(right) {
                b = self.expr(right, Some(&ta.optional()))?;
            } else if is_literal(left) {
                a = self.expr(left, Some(&tb.optional()))?;
            }
        }
        if a.expr.op == Op::Const(Const::Absent) || b.expr.op == Op::Const(Const::Absent) {
            return Some(Expr::bool(false));
        }
        // A number is a port whatever the protocol.
        if let Some(expr) = port_equals(&a, &b).or_else(|| port_equals(&b, &a)) {
            return Some(expr);
        }
        let (a, b) = self.alike(a, b);
        Some(Expr::new(Ty::Bool, Op::Equal(Box::new(a), Box::new(b))))
    }

    /// Both sides as values of the type that they have in common. Images are compared as they are written.
    fn alike(&mut self, a: Low, b: Low) -> (Expr, Expr) {
        let (ta, tb) = (a.ty.present().0.clone(), b.ty.present().0.clone());
        let common = if ta.is_text() && tb.is_text() { Some(Type::String) } else { ta.join(&tb) };
        match common {
            Some(common) if !matches!(common, Type::Any | Type::Error | Type::Never) => {
                (self.convert(a, &common).expr, self.convert(b, &common).expr)
            }
            _ => (a.expr, b.expr),
        }
    }

    fn membership(&mut self, left: &tree::Expr, right: &tree::Expr) -> Option<Expr> {
        let needle = self.expr(left, None)?;
        if let ExprKind::Range(first, last) = &right.kind {
            let (low, high) = (self.expr(first, Some(&Type::Int))?, self.expr(last, Some(&Type::Int))?);
            let needle = self.convert(needle, &Type::Int);
            let parts = (Box::new(needle.expr), Box::new(low.expr), Box::new(high.expr));
            return Some(Expr::new(Ty::Bool, Op::InRange(parts.0, parts.1, parts.2)));
        }
        if let ExprKind::List(items) = &right.kind {
            let mut tests = Vec::with_capacity(items.len());
            for item in items {
                let value = self.expr(item, None)?;
                tests.push(self.equal(left, needle.clone(), item, value)?);
            }
            return Some(gathered(needle.expr, tests));
        }
        let container = self.expr(right, None)?;
        let needle = match container.ty.present().0 {
            Type::List(item) => {
                let item = item.present().0.clone();
                let found = needle.ty.present().0.clone();
                if !fits(&found, &item) && !fits(&item, &found) && is_literal(left) {
                    self.expr(left, Some(&item.optional()))?.expr
                } else {
                    let common = found.join(&item).unwrap_or(found);
                    let container = self.convert(container, &Type::list(common.clone()));
                    let needle = self.convert(needle, &common).expr;
                    return Some(Expr::new(Ty::Bool, Op::In(Box::new(needle), Box::new(container.expr))));
                }
            }
            Type::Map(..) | Type::Record(_) => self.convert(needle, &Type::String).expr,
            _ => needle.expr,
        };
        Some(Expr::new(Ty::Bool, Op::In(Box::new(needle), Box::new(container.expr))))
    }

    fn arithmetic(&mut self, op: BinaryOp, left: &tree::Expr, right: &tree::Expr, of: &Type) -> Option<Low> {
        let (a, b) = (self.expr(left, None)?, self.expr(right, None)?);
        let sign = match op {
            BinaryOp::Add => Arithmetic::Add,
            BinaryOp::Sub => Arithmetic::Sub,
            BinaryOp::Mul => Arithmetic::Mul,
            BinaryOp::Div => Arithmetic::Div,
            _ => Arithmetic::Rem,
        };
        // A quantity or a duration is multiplied by a number.
        let scales = matches!(of, Type::Quantity | Type::Duration) && matches!(op, BinaryOp::Mul | BinaryOp::Div);
        let (a, b) = if scales { (a, b) } else { (self.convert(a, of), self.convert(b, of)) };
        Some(Low::new(of.clone(), Op::Arithmetic(sign, Box::new(a.expr), Box::new(b.expr))))
    }
}

/// What is read as the other side's type, where it stands as it is written.
const fn is_literal(expr: &tree::Expr) -> bool {
    matches!(expr.kind, ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Record(_))
}

fn truth(expr: Expr) -> Low {
    let known = match expr.op {
        Op::Const(Const::Bool(value)) => Some(Value::Bool(value)),
        _ => None,
    };
    Low { expr, ty: Type::Bool, known }
}

/// A number beside a port that is a constant.
fn port_equals(number: &Low, port: &Low) -> Option<Expr> {
    let Some(Value::Port(Port { first, last, .. })) = port.known.as_ref() else { return None };
    if *number.ty.present().0 != Type::Int {
        return None;
    }
    if first != last {
        return Some(Expr::bool(false));
    }
    let port = Expr::new(Ty::Int, Op::Const(Const::Int(i64::from(*first))));
    Some(Expr::new(Ty::Bool, Op::Equal(Box::new(number.expr.clone()), Box::new(port))))
}

/// `x in [a, b]` where each comparison is against a constant of one type: one membership test; else each comparison.
fn gathered(needle: Expr, tests: Vec<Expr>) -> Expr {
    let mut constants = Vec::with_capacity(tests.len());
    for test in &tests {
        match &test.op {
            Op::Equal(a, b) if **a == needle => match &b.op {
                Op::Const(value) => constants.push((b.ty.clone(), value.clone())),
                _ => return or(tests),
            },
            _ => return or(tests),
        }
    }
    let Some((ty, _)) = constants.first() else { return Expr::bool(false) };
    let ty = ty.clone();
    if constants.iter().any(|(other, _)| *other != ty) {
        return or(tests);
    }
    let values = constants.into_iter().map(|(_, value)| value).collect();
    let list = Expr::new(Ty::List(Box::new(ty)), Op::Const(Const::List(values)));
    Expr::new(Ty::Bool, Op::In(Box::new(needle), Box::new(list)))
}

/// Every one holds. What holds in any case is left out.
pub(super) fn and(parts: impl IntoIterator<Item = Expr>) -> Expr {
    joined(parts, true)
}

/// One holds.
pub(super) fn or(parts: impl IntoIterator<Item = Expr>) -> Expr {
    joined(parts, false)
}

fn joined(parts: impl IntoIterator<Item = Expr>, neutral: bool) -> Expr {
    let mut kept = Vec::new();
    for part in parts {
        match part.op {
            Op::Const(Const::Bool(value)) if value == neutral => {}
            // What comes after is never asked.
            Op::Const(Const::Bool(value)) => {
                kept.push(Expr::bool(value));
                break;
            }
            Op::And(inner) if neutral => kept.extend(inner),
            Op::Or(inner) if !neutral => kept.extend(inner),
            op => kept.push(Expr { ty: part.ty, op }),
        }
    }
    match kept.len() {
        0 => Expr::bool(neutral),
        1 => kept.pop().unwrap_or_else(|| Expr::bool(neutral)),
        // A part before what decides can fault, but not change the verdict.
        _ if kept.last().is_some_and(|last| last.op == Op::Const(Const::Bool(!neutral))) => Expr::bool(!neutral),
        _ => Expr::new(Ty::Bool, if neutral { Op::And(kept) } else { Op::Or(kept) }),
    }
}

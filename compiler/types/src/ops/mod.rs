//! Operators.

mod arithmetic;
mod comparison;

use kspec_diagnostics::{Finding, codes};
use kspec_syntax::tree::{BinaryOp, Expr, UnaryOp};

pub(crate) use comparison::{compare, is_ordered};

use crate::eval::is_closed;
use crate::report::{absent, mismatch};
use crate::{Cx, Duration, Type, Value, coerce, eval, type_of};

pub(crate) fn unary(op: UnaryOp, operand: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
    match op {
        UnaryOp::Not => match operand_condition(operand, cx) {
            Value::Bool(value) => Value::Bool(!value),
            other => other,
        },
        UnaryOp::Negate => {
            let value = needed(operand, cx);
            let negated = match &value {
                Value::Int(value) => value.checked_neg().map(Value::Int),
                Value::Float(value) => Some(Value::Float(-value)),
                Value::Quantity(value) => Some(Value::Quantity(value.negate())),
                Value::Duration(value) => value.nanos.checked_neg().map(|nanos| Value::Duration(Duration { nanos })),
                Value::Error => return Value::Error,
                Value::Unknown(Type::Int | Type::Float | Type::Quantity | Type::Duration) => return value,
                other => {
                    let message = format!("`-` applies to numbers, not to `{}`", type_of(other));
                    return cx.report(Finding::new(codes::WRONG_TYPE, message, cx.at(expr.span)));
                }
            };
            negated.unwrap_or_else(|| arithmetic::overflow(expr, cx))
        }
    }
}

/// A condition: a `Bool` that is there. Known, unknown, or an error.
pub(crate) fn condition(expr: &Expr, cx: &mut Cx<'_>) -> Value {
    truth(expr, is_closed(expr), cx)
}

/// A condition beside an operator, which binds tighter than `??`.
fn operand_condition(expr: &Expr, cx: &mut Cx<'_>) -> Value {
    truth(expr, false, cx)
}

fn truth(expr: &Expr, closed: bool, cx: &mut Cx<'_>) -> Value {
    let value = eval(expr, None, cx);
    match type_of(&value) {
        Type::Bool | Type::Error => value,
        ty if ty.present() == (&Type::Bool, true) || value == Value::Absent => absent(&ty, expr.span, closed, cx),
        ty => {
            let finding =
                Finding::new(codes::WRONG_TYPE, format!("a condition is `Bool`, not `{ty}`"), cx.at(expr.span))
                    .because(format!("this is `{ty}`"));
            let finding = match ty.present().0 {
                Type::String | Type::Literals(_) => finding.help("compare it: `… != \"\"`"),
                Type::List(_) | Type::Map(..) => finding.help("ask whether something is in it: `!….is_empty()`"),
                Type::Int | Type::Quantity => finding.help("compare it: `… != 0`"),
                _ if ty.present().1 => finding.help("ask whether it is there: `….exists()`"),
                _ => finding,
            };
            cx.report(finding)
        }
    }
}

/// An operand that must be there.
fn needed(expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let value = eval(expr, None, cx);
    let ty = type_of(&value);
    if matches!(ty, Type::Optional(_)) { absent(&ty, expr.span, false, cx) } else { value }
}

pub(crate) fn binary(
    op: BinaryOp,
    left: &Expr,
    right: &Expr,
    expected: Option<&Type>,
    expr: &Expr,
    cx: &mut Cx<'_>,
) -> Value {
    match op {
        BinaryOp::And => logic(left, right, false, cx),
        BinaryOp::Or => logic(left, right, true, cx),
        BinaryOp::Coalesce => coalesce(left, right, expected, cx),
        BinaryOp::Eq | BinaryOp::Ne => {
            let equal = comparison::equality(left, right, expr, cx);
            match equal {
                Value::Bool(equal) => Value::Bool(equal == (op == BinaryOp::Eq)),
                other => other,
            }
        }
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => comparison::order(op, left, right, expr, cx),
        BinaryOp::In => comparison::membership(left, right, expr, cx),
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => {
            arithmetic::arithmetic(op, left, right, expr, cx)
        }
    }
}

/// `&&` and `||`: the right side counts unless the left one is `decides`.
fn logic(left: &Expr, right: &Expr, decides: bool, cx: &mut Cx<'_>) -> Value {
    let first = operand_condition(left, cx);
    if first == Value::Bool(decides) {
        if cx.checks_untaken() && cx.speculatively(|cx| operand_condition(right, cx)) == Value::Error {
            return Value::Error;
        }
        return first;
    }
    let second = operand_condition(right, cx);
    match (first, second) {
        (Value::Error, _) | (_, Value::Error) => Value::Error,
        (_, Value::Bool(value)) if value == decides => Value::Bool(decides),
        (Value::Bool(_), second) => second,
        (first, _) => first,
    }
}

/// `a ?? b`
fn coalesce(left: &Expr, right: &Expr, expected: Option<&Type>, cx: &mut Cx<'_>) -> Value {
    let wanted = expected.map(|ty| ty.clone().optional());
    let first = eval(left, wanted.as_ref(), cx);
    let ty = type_of(&first);
    let (present, optional) = ty.present();
    let hint = (!matches!(present, Type::Never | Type::Error)).then(|| present.clone()).filter(|_| expected.is_none());
    if first == Value::Error {
        cx.speculatively(|cx| eval(right, None, cx));
        return Value::Error;
    }
    if !optional {
        // What is there already leaves nothing to fill in; the other side is still read.
        if cx.checks_untaken() {
            let other = cx.speculatively(|cx| eval(right, None, cx));
            let other_ty = type_of(&other);
            if ty.join(&other_ty).is_none() {
                let finding =
                    mismatch(&ty, &other_ty, right.span, cx).label(cx.at(left.span), format!("this is `{ty}`"));
                return cx.report(finding);
            }
        }
        return first;
    }
    let second = eval(right, None, cx);
    let second = match expected.or(hint.as_ref()) {
        Some(wanted) => {
            let wanted = if type_of(&second).present().1 { wanted.clone().optional() } else { wanted.clone() };
            let at = cx.at(left.span);
            cx.labelled(Some(at), || format!("this is `{ty}`"), |cx| coerce(second, &wanted, right.span, cx))
        }
        None => second,
    };
    match (first, second) {
        (_, Value::Error) => Value::Error,
        (Value::Absent, second) => second,
        (_, second) => {
            let other = type_of(&second);
            Value::Unknown(present.join(&other).unwrap_or_else(|| present.clone()))
        }
    }
}

/// `if a then b else c`
pub(crate) fn if_else(
    test: &Expr,
    then: &Expr,
    otherwise: &Expr,
    expected: Option<&Type>,
    expr: &Expr,
    cx: &mut Cx<'_>,
) -> Value {
    let condition = condition(test, cx);
    // Whatever is wanted where anything may stand, the outcomes tell it better.
    let expected = expected.filter(|ty| **ty != Type::Any);
    let wanted = expected.map(|ty| ty.clone().optional());
    let mut branch = |branch: &Expr, taken: bool| {
        if taken {
            Some(eval(branch, wanted.as_ref(), cx))
        } else if cx.checks_untaken() {
            Some(cx.speculatively(|cx| eval(branch, wanted.as_ref(), cx)))
        } else {
            None
        }
    };
    let first = branch(then, condition != Value::Bool(false));
    let second = branch(otherwise, condition != Value::Bool(true));
    if let (Some(a), Some(b)) = (&first, &second) {
        if condition == Value::Error || *a == Value::Error || *b == Value::Error {
            return Value::Error;
        }
        let (a, b) = (type_of(a), type_of(b));
        let Some(joined) = a.join(&b) else {
            let finding = Finding::new(codes::WRONG_TYPE, "the two outcomes are of different types", cx.at(expr.span))
                .label(cx.at(then.span), format!("this is `{a}`"))
                .label(cx.at(otherwise.span), format!("this is `{b}`"));
            return cx.report(finding);
        };
        if !matches!(condition, Value::Bool(_)) {
            // Both outcomes fit what is wanted; a text's own type no longer shows which of the wanted ones it is.
            let ty = match (expected, &joined) {
                (Some(ty), Type::Optional(_)) => ty.clone().optional(),
                (Some(ty), _) => ty.clone(),
                (None, _) => joined,
            };
            return Value::Unknown(ty);
        }
    }
    let taken = if condition == Value::Bool(true) { first } else { second };
    taken.unwrap_or(Value::Error)
}

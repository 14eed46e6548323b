//! Arithmetic; what is beyond 64 bits is a finding.

use kspec_diagnostics::{Finding, Location, codes};
use kspec_syntax::tree::{BinaryOp, Expr};

use super::needed;
use crate::report::bad_value;
use crate::{Cx, Duration, Type, Value, type_of};

pub(super) fn arithmetic(op: BinaryOp, left: &Expr, right: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let (a, b) = (needed(left, cx), needed(right, cx));
    if a == Value::Error || b == Value::Error {
        return Value::Error;
    }
    let (at, bt) = (type_of(&a), type_of(&b));
    let Some(ty) = result_type(op, &at, &bt) else {
        let sign = match op {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            _ => "%",
        };
        let mut finding =
            Finding::new(codes::WRONG_TYPE, format!("`{sign}` does not apply to `{at}` and `{bt}`"), cx.at(expr.span))
                .label(cx.at(left.span), format!("this is `{at}`"))
                .label(cx.at(right.span), format!("this is `{bt}`"));
        if op == BinaryOp::Add && (at.is_text() || bt.is_text()) {
            finding = finding.help("`string(…)` makes text of a value");
        }
        return cx.report(finding);
    };
    if a.is_abstract() || b.is_abstract() {
        return Value::Unknown(ty);
    }
    let zero = matches!(b, Value::Int(0)) || matches!(b, Value::Float(value) if value == 0.0);
    if zero && matches!(op, BinaryOp::Div | BinaryOp::Rem) {
        let finding = bad_value("this divides by zero", right.span, cx);
        return cx.report_value(finding);
    }
    compute(op, a, b, expr, cx).unwrap_or_else(|| overflow(expr, cx))
}

/// The type that an operator yields, where it applies.
fn result_type(op: BinaryOp, a: &Type, b: &Type) -> Option<Type> {
    use Type::{Duration, Float, Int, Quantity};
    Some(match (op, a, b) {
        (_, Type::Error, ty) | (_, ty, Type::Error) => ty.clone(),
        (_, Int, Int) => Int,
        (BinaryOp::Rem, ..) => return None,
        (_, Int | Float, Int | Float) => Float,
        (BinaryOp::Add, a, b) if a.is_text() && b.is_text() => Type::String,
        (BinaryOp::Add, Type::List(_), Type::List(_)) => a.join(b)?,
        (BinaryOp::Add | BinaryOp::Sub, Quantity | Int, Quantity | Int) => Quantity,
        (BinaryOp::Add | BinaryOp::Sub, Duration, Duration) => Duration,
        (BinaryOp::Mul | BinaryOp::Div, Quantity, Int) | (BinaryOp::Mul, Int, Quantity) => Quantity,
        (BinaryOp::Mul | BinaryOp::Div, Duration, Int) | (BinaryOp::Mul, Int, Duration) => Duration,
        _ => return None,
    })
}

fn compute(op: BinaryOp, a: Value, b: Value, expr: &Expr, cx: &mut Cx<'_>) -> Option<Value> {
    use crate::Quantity;
    Some(match (a, b) {
        (Value::Int(a), Value::Int(b)) => Value::Int(integer(op, a, b)?),
        (Value::Quantity(a), Value::Quantity(b)) => Value::Quantity(quantity(op, a, b)?),
        (Value::Quantity(a), Value::Int(b)) => Value::Quantity(match op {
            BinaryOp::Mul => a.checked_mul(b)?,
            BinaryOp::Div => a.checked_div(b)?,
            op => quantity(op, a, Quantity::of_int(b))?,
        }),
        (Value::Int(a), Value::Quantity(b)) => Value::Quantity(match op {
            BinaryOp::Mul => b.checked_mul(a)?,
            op => quantity(op, Quantity::of_int(a), b)?,
        }),
        (Value::Duration(a), Value::Duration(b)) => Value::Duration(Duration { nanos: integer(op, a.nanos, b.nanos)? }),
        (Value::Duration(a), Value::Int(b)) => Value::Duration(Duration { nanos: integer(op, a.nanos, b)? }),
        (Value::Int(a), Value::Duration(b)) => Value::Duration(Duration { nanos: integer(op, a, b.nanos)? }),
        (Value::List(mut a), Value::List(b)) => {
            a.extend(b);
            cx.list(a, expr.span)
        }
        (a, b) => match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => cx.text(format!("{a}{b}"), expr.span),
            _ => Value::Float(float(op, number(&a)?, number(&b)?)?),
        },
    })
}

fn integer(op: BinaryOp, a: i64, b: i64) -> Option<i64> {
    match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a.checked_mul(b),
        BinaryOp::Div => a.checked_div(b),
        _ => a.checked_rem(b),
    }
}

fn quantity(op: BinaryOp, a: crate::Quantity, b: crate::Quantity) -> Option<crate::Quantity> {
    if op == BinaryOp::Add { a.checked_add(b) } else { a.checked_sub(b) }
}

fn float(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    let value = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        _ => a / b,
    };
    value.is_finite().then_some(value)
}

#[expect(clippy::cast_precision_loss, reason = "a number beside a fraction is small")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

pub(super) fn overflow(expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let at: Location = cx.at(expr.span);
    cx.report_value(Finding::new(codes::TOO_LARGE, "the result is too large", at).because("beyond 64 bits"))
}

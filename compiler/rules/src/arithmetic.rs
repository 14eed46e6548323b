//! Numbers, amounts and durations, and what is joined by `+`.

use kspec_model::rules::Arithmetic;

use crate::eval::Frame;
use crate::fault::{Failed, fault};
use crate::literal::{Duration, Quantity};
use crate::methods;
use crate::value::Val;

impl<'a> Frame<'a> {
    /// `a op b`.
    pub(crate) fn arithmetic(&mut self, op: Arithmetic, a: Val<'a>, b: Val<'a>) -> Result<Val<'a>, Failed> {
        let value = match (a, b) {
            // An absent list counts as empty.
            (Val::Absent, list @ (Val::List(_) | Val::JsonList(..)))
            | (list @ (Val::List(_) | Val::JsonList(..)), Val::Absent) => Some(list),
            (Val::Absent, _) | (_, Val::Absent) => Some(Val::Absent),
            (Val::Int(a), Val::Int(b)) => integer(op, a, b).map(Val::Int),
            (Val::Quantity(a), Val::Quantity(b)) => quantity(op, a, b).map(Val::Quantity),
            (Val::Quantity(a), Val::Int(b)) => match op {
                Arithmetic::Mul => a.checked_mul(b),
                Arithmetic::Div => a.checked_div(b),
                op => quantity(op, a, Quantity::of_int(b)),
            }
            .map(Val::Quantity),
            (Val::Int(a), Val::Quantity(b)) => match op {
                Arithmetic::Mul => b.checked_mul(a),
                op => quantity(op, Quantity::of_int(a), b),
            }
            .map(Val::Quantity),
            (Val::Duration(a), Val::Duration(b)) => duration(integer(op, a.nanos, b.nanos)),
            (Val::Duration(a), Val::Int(b)) => duration(integer(op, a.nanos, b)),
            (Val::Int(a), Val::Duration(b)) => duration(integer(op, a, b.nanos)),
            (a, b) => {
                if let (Some(a), Some(b)) = (a.as_text(), b.as_text()) {
                    return self.text(format!("{a}{b}"));
                }
                if let (Some(mut items), Some(more)) = (methods::items(&a)?, methods::items(&b)?) {
                    self.spend(items.len() + more.len())?;
                    items.extend(more);
                    return Ok(Val::list(items));
                }
                match (number(&a), number(&b)) {
                    (Some(a), Some(b)) => float(op, a, b).map(Val::Float),
                    _ => return Err(fault("values that cannot be reckoned with")),
                }
            }
        };
        value.ok_or_else(|| fault("a number too large, or a division by zero"))
    }
}

/// `-value`.
pub(crate) fn negate(value: Val<'_>) -> Result<Val<'_>, Failed> {
    Ok(match value {
        Val::Absent => Val::Absent,
        Val::Int(value) => Val::Int(value.checked_neg().ok_or_else(|| fault("a number too large"))?),
        Val::Float(value) => Val::Float(-value),
        Val::Quantity(value) => Val::Quantity(value.negate()),
        Val::Duration(value) => {
            let nanos = value.nanos.checked_neg().ok_or_else(|| fault("a duration too long"))?;
            Val::Duration(Duration { nanos })
        }
        _ => return Err(fault("the negative of something that is no number")),
    })
}

fn duration<'a>(nanos: Option<i64>) -> Option<Val<'a>> {
    nanos.map(|nanos| Val::Duration(Duration { nanos }))
}

const fn integer(op: Arithmetic, a: i64, b: i64) -> Option<i64> {
    match op {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Sub => a.checked_sub(b),
        Arithmetic::Mul => a.checked_mul(b),
        Arithmetic::Div => a.checked_div(b),
        Arithmetic::Rem => a.checked_rem(b),
    }
}

fn quantity(op: Arithmetic, a: Quantity, b: Quantity) -> Option<Quantity> {
    match op {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Sub => a.checked_sub(b),
        _ => None,
    }
}

fn float(op: Arithmetic, a: f64, b: f64) -> Option<f64> {
    let value = match op {
        Arithmetic::Add => a + b,
        Arithmetic::Sub => a - b,
        Arithmetic::Mul => a * b,
        Arithmetic::Div => a / b,
        Arithmetic::Rem => a % b,
    };
    value.is_finite().then_some(value)
}

#[expect(clippy::cast_precision_loss, reason = "a number beside a fraction is small")]
const fn number(value: &Val<'_>) -> Option<f64> {
    match value {
        Val::Int(value) => Some(*value as f64),
        Val::Float(value) => Some(*value),
        _ => None,
    }
}

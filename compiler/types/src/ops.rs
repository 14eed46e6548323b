//! Operators.

use std::cmp::Ordering;

use kspec_diagnostics::{Finding, Location, codes};
use kspec_syntax::tree::{BinaryOp, Expr, ExprKind, UnaryOp};

use crate::coerce::fits;
use crate::eval::is_closed;
use crate::report::{absent, bad_value};
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
            negated.unwrap_or_else(|| overflow(expr, cx))
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
            let equal = equality(left, right, expr, cx);
            match equal {
                Value::Bool(equal) => Value::Bool(equal == (op == BinaryOp::Eq)),
                other => other,
            }
        }
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => order(op, left, right, expr, cx),
        BinaryOp::In => membership(left, right, expr, cx),
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => {
            arithmetic(op, left, right, expr, cx)
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
    let taken = optional || first == Value::Absent || !cx.checks_untaken();
    if matches!(first, Value::Error) || !taken {
        // What is there already leaves nothing to fill in; the other side is still read.
        let other = cx.speculatively(|cx| eval(right, None, cx));
        return if other == Value::Error { Value::Error } else { first };
    }
    if !optional && first != Value::Absent {
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
            return Value::Unknown(joined);
        }
    }
    let taken = if condition == Value::Bool(true) { first } else { second };
    taken.unwrap_or(Value::Error)
}

/// The type of an operand: a name's declared one where known, since a value has lost what it could have been.
fn operand_type(expr: &Expr, value: &Value, cx: &Cx<'_>) -> Type {
    let declared = match &expr.kind {
        ExprKind::Name(name) if !cx.is_local(&name.text) => cx.scope.declared_type(&name.text),
        _ => None,
    };
    declared.unwrap_or_else(|| type_of(value))
}

fn equality(left: &Expr, right: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let first = eval(left, None, cx);
    let second = eval(right, None, cx);
    compare_equal(left, first, right, second, expr, cx)
}

fn compare_equal(left: &Expr, a: Value, right: &Expr, b: Value, expr: &Expr, cx: &mut Cx<'_>) -> Value {
    if a == Value::Error || b == Value::Error {
        return Value::Error;
    }
    let (at, bt) = (operand_type(left, &a, cx), operand_type(right, &b, cx));
    let (ta, tb) = (at.present().0.clone(), bt.present().0.clone());
    // A literal is read as what the other side is; so `port == 443` and `c.image == "nginx"` mean what they say.
    let (a, b) = if fits(&tb, &ta) || fits(&ta, &tb) {
        (a, b)
    } else if let Some(b) = literal_as(right, &b, &ta, cx) {
        (a, b)
    } else if let Some(a) = literal_as(left, &a, &tb, cx) {
        (a, b)
    } else {
        return incomparable(left, &at, right, &bt, expr, "are never equal", cx);
    };
    // A literal that is none of a union's members is a slip of the pen.
    for (literal, side, other) in [(right, &b, &ta), (left, &a, &tb)] {
        if let (ExprKind::Str(_), Type::Literals(_)) = (&literal.kind, other)
            && coerce(side.clone(), other, literal.span, cx) == Value::Error
        {
            return Value::Error;
        }
    }
    match (&a, &b) {
        // An absent value equals nothing, an absent one included.
        (Value::Absent, _) | (_, Value::Absent) => Value::Bool(false),
        (a, b) if a.is_abstract() || b.is_abstract() => Value::Unknown(Type::Bool),
        (a, b) => Value::Bool(equal(a, b)),
    }
}

/// A literal as a value of the other side's type, if that is how it can be read.
fn literal_as(expr: &Expr, value: &Value, ty: &Type, cx: &mut Cx<'_>) -> Option<Value> {
    let literal = matches!(expr.kind, ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Record(_));
    let readable = matches!(
        (value, ty),
        (Value::Str(_), Type::Literals(_) | Type::Image | Type::Cidr | Type::Regex | Type::Time)
            | (Value::Record(_), Type::Kube(_) | Type::Record(_) | Type::Map(..))
    );
    (literal && readable).then(|| coerce(value.clone(), ty, expr.span, cx))
}

fn equal(a: &Value, b: &Value) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a number compared with a fraction is small")]
    match (a, b) {
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => {
            (*a as f64).total_cmp(b) == Ordering::Equal
        }
        (Value::Int(number), Value::Quantity(quantity)) | (Value::Quantity(quantity), Value::Int(number)) => {
            *quantity == crate::Quantity::of_int(*number)
        }
        (Value::Int(number), Value::Port(port)) | (Value::Port(port), Value::Int(number)) => {
            port.first == port.last && i64::from(port.first) == *number
        }
        (Value::Image(image), Value::Str(text)) | (Value::Str(text), Value::Image(image)) => image.text == *text,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Entity(a), Value::Entity(b)) => (a.kind, &a.namespace, &a.name) == (b.kind, &b.namespace, &b.name),
        (a, b) => match (a.fields(), b.fields()) {
            (Some(a), Some(b)) => {
                let present = |fields: &std::collections::BTreeMap<_, Value>| {
                    fields.values().filter(|value| **value != Value::Absent).count()
                };
                present(a) == present(b)
                    && a.iter()
                        .all(|(key, value)| *value == Value::Absent || b.get(key).is_some_and(|b| equal(value, b)))
            }
            _ => a == b,
        },
    }
}

/// How two values of one ordered type compare.
pub(crate) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    #[expect(clippy::cast_precision_loss, reason = "a number compared with a fraction is small")]
    Some(match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Int(a), Value::Float(b)) => (*a as f64).total_cmp(b),
        (Value::Float(a), Value::Int(b)) => a.total_cmp(&(*b as f64)),
        (Value::Quantity(a), Value::Quantity(b)) => a.cmp(b),
        (Value::Int(a), Value::Quantity(b)) => crate::Quantity::of_int(*a).cmp(b),
        (Value::Quantity(a), Value::Int(b)) => a.cmp(&crate::Quantity::of_int(*b)),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (a, b) => a.as_str()?.cmp(b.as_str()?),
    })
}

/// Whether values of a type have an order.
pub(crate) fn is_ordered(ty: &Type) -> bool {
    matches!(ty, Type::Int | Type::Float | Type::Quantity | Type::Duration | Type::Date | Type::Error | Type::Never)
        || ty.is_text()
}

fn order(op: BinaryOp, left: &Expr, right: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let (a, b) = (needed(left, cx), needed(right, cx));
    if a == Value::Error || b == Value::Error {
        return Value::Error;
    }
    let (at, bt) = (type_of(&a), type_of(&b));
    let comparable = at.join(&bt).is_some_and(|joined| is_ordered(&joined));
    if !comparable {
        return incomparable(left, &at, right, &bt, expr, "have no common order", cx);
    }
    match compare(&a, &b) {
        _ if a.is_abstract() || b.is_abstract() => Value::Unknown(Type::Bool),
        None => Value::Error,
        Some(ordering) => Value::Bool(match op {
            BinaryOp::Lt => ordering.is_lt(),
            BinaryOp::Le => ordering.is_le(),
            BinaryOp::Gt => ordering.is_gt(),
            _ => ordering.is_ge(),
        }),
    }
}

fn incomparable(left: &Expr, a: &Type, right: &Expr, b: &Type, expr: &Expr, why: &str, cx: &mut Cx<'_>) -> Value {
    let mut finding = Finding::new(codes::WRONG_TYPE, format!("`{a}` and `{b}` {why}"), cx.at(expr.span))
        .label(cx.at(left.span), format!("this is `{a}`"))
        .label(cx.at(right.span), format!("this is `{b}`"));
    for (literal, other) in [(right, a), (left, b)] {
        if let ExprKind::Str(text) = &literal.kind
            && reads_as(&text.value, other.present().0)
        {
            let text = &text.value;
            finding = finding.help(format!("`{}` is written without quotes", other.present().0)).fix(
                format!("write `{text}`"),
                cx.at(literal.span),
                text.to_string(),
            );
        }
        if let (ExprKind::Quantity(text), Type::Duration) = (&literal.kind, other.present().0)
            && let Some(number) = text.strip_suffix('m')
        {
            let minutes = format!("{number}min");
            finding.code = codes::WRONG_UNIT;
            finding = finding.help(format!("`m` is a thousandth; minutes are written `{minutes}`")).fix(
                format!("write `{minutes}`"),
                cx.at(literal.span),
                minutes,
            );
        }
    }
    cx.report(finding)
}

/// Whether a text without its quotes is a literal of a type.
fn reads_as(text: &str, ty: &Type) -> bool {
    match ty {
        Type::Int => text.parse::<i64>().is_ok(),
        Type::Quantity => crate::Quantity::parse(text).is_ok(),
        Type::Duration => Duration::parse_literal(text).is_some(),
        Type::Date => crate::literal::parse_date(text).is_ok(),
        Type::Bool => matches!(text, "true" | "false"),
        _ => false,
    }
}

/// `a in b`: a value in a list, a key in a map, a block in a block, a number in a range.
fn membership(left: &Expr, right: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
    if let ExprKind::Range(first, last) = &right.kind {
        let value = eval(left, None, cx);
        let (low, high) = (eval(first, Some(&Type::Int), cx), eval(last, Some(&Type::Int), cx));
        let value = match type_of(&value).present() {
            (Type::Int | Type::Error, _) => value,
            _ if value == Value::Absent => value,
            _ => coerce(value, &Type::Int, left.span, cx),
        };
        return match (&value, &low, &high) {
            (Value::Error, ..) | (_, Value::Error, _) | (.., Value::Error) => Value::Error,
            (Value::Absent, ..) => Value::Bool(false),
            (Value::Int(value), Value::Int(low), Value::Int(high)) => Value::Bool((low..=high).contains(&value)),
            _ => Value::Unknown(Type::Bool),
        };
    }
    let (value, container) = (eval(left, None, cx), eval(right, None, cx));
    if value == Value::Error || container == Value::Error {
        return Value::Error;
    }
    let (ty, of) = (operand_type(left, &value, cx), type_of(&container));
    let needle = ty.present().0.clone();
    match of.present().0 {
        Type::Error | Type::Never => return Value::Bool(false),
        Type::List(item) => {
            let item = item.present().0.clone();
            if let ExprKind::List(items) = &right.kind {
                return any_equal(left, &value, items, container, expr, cx);
            }
            if !fits(&needle, &item) && !fits(&item, &needle) && literal_as(left, &value, &item, cx).is_none() {
                return incomparable(left, &ty, right, &of, expr, "have nothing in common: it is never in there", cx);
            }
        }
        Type::Map(..) | Type::Record(_) if needle.is_text() => {}
        Type::Cidr if needle == Type::Cidr => {}
        found => {
            let message = format!("`in` looks into lists, maps, ranges and blocks, not into `{found}`");
            let mut finding =
                Finding::new(codes::WRONG_TYPE, message, cx.at(right.span)).because(format!("this is `{of}`"));
            if found.is_text() {
                finding = finding.help("a text is searched by `.contains(…)`");
            }
            return cx.report(finding);
        }
    }
    match (&value, &container) {
        (Value::Absent, _) | (_, Value::Absent) => Value::Bool(false),
        (value, container) if value.is_abstract() || container.is_abstract() => Value::Unknown(Type::Bool),
        (value, Value::List(items)) => Value::Bool(items.iter().any(|item| equal(item, value))),
        (Value::Cidr(inner), Value::Cidr(outer)) => Value::Bool(outer.contains(inner)),
        (key, container) => {
            let has = |fields: &std::collections::BTreeMap<_, Value>| {
                key.as_str().and_then(|key| fields.get(key)).is_some_and(|value| *value != Value::Absent)
            };
            Value::Bool(container.fields().is_some_and(has))
        }
    }
}

/// `x in [a, b]`: each item is compared as by `==`, so that each is checked.
fn any_equal(left: &Expr, value: &Value, items: &[Expr], container: Value, expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let Value::List(values) = container else { return Value::Unknown(Type::Bool) };
    let mut known = true;
    let mut found = false;
    for (item, item_value) in items.iter().zip(values) {
        match compare_equal(left, value.clone(), item, item_value, expr, cx) {
            Value::Bool(equal) => found |= equal,
            Value::Error => return Value::Error,
            _ => known = false,
        }
    }
    if found || known { Value::Bool(found) } else { Value::Unknown(Type::Bool) }
}

fn arithmetic(op: BinaryOp, left: &Expr, right: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
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

fn overflow(expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let at: Location = cx.at(expr.span);
    cx.report_value(Finding::new(codes::TOO_LARGE, "the result is too large", at).because("beyond 64 bits"))
}

//! Comparisons and membership.

use std::cmp::Ordering;

use kspec_diagnostics::{Finding, codes};
use kspec_syntax::tree::{BinaryOp, Expr, ExprKind};

use super::needed;
use crate::coerce::fits;
use crate::{Cx, Duration, Type, Value, coerce, eval, type_of};

/// The type of an operand: a name's declared one where known, since a value has lost what it could have been.
fn operand_type(expr: &Expr, value: &Value, cx: &Cx<'_>) -> Type {
    let declared = match &expr.kind {
        ExprKind::Name(name) if !cx.is_local(&name.text) => cx.scope.declared_type(&name.text),
        _ => None,
    };
    declared.unwrap_or_else(|| type_of(value))
}

pub(super) fn equality(left: &Expr, right: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
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

pub(super) fn order(op: BinaryOp, left: &Expr, right: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
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
        Type::Date => kspec_rules::literal::parse_date(text).is_ok(),
        Type::Bool => matches!(text, "true" | "false"),
        _ => false,
    }
}

/// `a in b`: a value in a list, a key in a map, a block in a block, a number in a range.
pub(super) fn membership(left: &Expr, right: &Expr, expr: &Expr, cx: &mut Cx<'_>) -> Value {
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

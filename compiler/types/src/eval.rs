//! Evaluation of expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_diagnostics::{Finding, Severity, Span, codes};
use kspec_model::program::Protocol;
use kspec_syntax::tree::{self, Expr, ExprKind, Field, Name, PortLit};

use crate::coerce::{cidr_of, missing_fields, missing_of, not_a_member};
use crate::report::{absent, bad_value, listing, mismatch, unknown};
use crate::unit::{check_amount, resource_unit, unreadable};
use crate::{Cx, Duration, KubeType, Lookup, Port, Quantity, Type, Value, access, call, check, coerce, ops, type_of};
use kspec_rules::literal::parse_date;

/// The longest range that becomes a list.
const RANGE: i64 = 10_000;

/// Evaluates an expression. With `expected`, the value is of that type or [`Value::Error`].
pub fn eval(expr: &Expr, expected: Option<&Type>, cx: &mut Cx<'_>) -> Value {
    if !cx.enter(expr.span) {
        return Value::Error;
    }
    let value = eval_kind(expr, expected, cx);
    cx.leave();
    let Some(ty) = expected else { return value };
    if value == Value::Absent && !matches!(ty, Type::Optional(_) | Type::Any) {
        return absent(&type_of(&value), expr.span, is_closed(expr), cx);
    }
    let before = cx.findings.len();
    let value = coerce(value, ty, expr.span, cx);
    // A name's declaration is a party; it is looked for only where something is wrong.
    if let ExprKind::Name(name) = &expr.kind
        && cx.findings.len() > before
        && let Some(declared) = cx.declared(&name.text)
    {
        cx.label_since(before, declared, "declared here");
    }
    value
}

/// Whether something can be written behind an expression that applies to all of it.
pub(crate) fn is_closed(expr: &Expr) -> bool {
    !matches!(expr.kind, ExprKind::Binary(..) | ExprKind::If(..) | ExprKind::Lambda(..) | ExprKind::Range(..))
}

fn eval_kind(expr: &Expr, expected: Option<&Type>, cx: &mut Cx<'_>) -> Value {
    let expected = expected.map(|ty| ty.present().0);
    match &expr.kind {
        ExprKind::Bool(value) => Value::Bool(*value),
        ExprKind::Int(value) => Value::Int(*value),
        ExprKind::Float(value) => Value::Float(*value),
        ExprKind::Str(text) => Value::Str(text.value.clone()),
        ExprKind::Quantity(text) => match Quantity::parse(text) {
            Ok(quantity) => Value::Quantity(quantity),
            Err(error) => {
                let finding = unreadable(text, &error, expr.span, cx);
                cx.report(finding)
            }
        },
        ExprKind::Duration(text) => match Duration::parse_literal(text) {
            Some(duration) => Value::Duration(duration),
            None => {
                let finding = Finding::new(codes::WRONG_UNIT, format!("`{text}` is no duration"), cx.at(expr.span))
                    .help("durations are a number and one of `ms`, `s`, `min`, `h`, `d`, and no longer than 292 years");
                cx.report(finding)
            }
        },
        ExprKind::Date(text) => match parse_date(text) {
            Ok(date) => Value::Date(date),
            Err(why) => {
                let finding = bad_value(format!("`{text}` {why}"), expr.span, cx);
                cx.report(finding)
            }
        },
        ExprKind::Cidr(text) => cidr_of(text, expr.span, cx),
        ExprKind::Port(port) => eval_port(*port, expr.span, cx),
        ExprKind::Name(name) => eval_name(name, expected, cx),
        ExprKind::Field(base, name) => access::field(base, name, expr, cx),
        ExprKind::Index(base, key) => access::index(base, key, cx),
        ExprKind::Call(callee, arguments) => call::call(callee, arguments, expr, cx),
        ExprKind::List(items) => eval_list(items, expected, expr.span, cx),
        ExprKind::Record(fields) => eval_record(fields, expected, expr.span, cx),
        ExprKind::Lambda(..) => {
            let finding =
                Finding::new(codes::WRONG_TYPE, "a function stands only as a method's argument", cx.at(expr.span))
                    .help("`list.any(x => …)` takes one; what has a name of its own is declared by `fn`");
            cx.report(finding)
        }
        ExprKind::Unary(op, operand) => ops::unary(*op, operand, expr, cx),
        ExprKind::Binary(op, left, right) => ops::binary(*op, left, right, expected, expr, cx),
        ExprKind::Range(first, last) => eval_range(first, last, expected, expr.span, cx),
        ExprKind::If(condition, then, otherwise) => ops::if_else(condition, then, otherwise, expected, expr, cx),
        ExprKind::Error => Value::Error,
    }
}

fn eval_name(name: &Name, expected: Option<&Type>, cx: &mut Cx<'_>) -> Value {
    match cx.lookup(&name.text, name.span) {
        Lookup::Found(value) => value,
        Lookup::Poisoned => Value::Error,
        Lookup::Unknown => {
            if call::is_builtin(&name.text) {
                let message = format!("`{}` is a function: it is called", name.text);
                let finding = Finding::new(codes::WRONG_TYPE, message, cx.at(name.span))
                    .help(format!("write `{}(…)`", name.text));
                return cx.report(finding);
            }
            let message = format!("nothing is called `{}` here", name.text);
            if let Some(Type::Literals(texts)) = expected {
                let finding =
                    Finding { code: codes::UNKNOWN_NAME, message, ..not_a_member(&name.text, texts, name.span, cx) };
                return cx.report(finding);
            }
            let names = cx.names();
            let names = names.iter().map(|name| &**name);
            let mut finding = unknown(codes::UNKNOWN_NAME, message, &name.text, name.span, names, cx);
            if check::LISTS.contains(&&*name.text) && cx.is_local("object") {
                finding.help =
                    Some(format!("`{}` is there for kinds with pods: Pod, Deployment, CronJob, …", name.text));
            }
            cx.report(finding)
        }
    }
}

/// A port literal.
fn eval_port(port: PortLit, span: Span, cx: &mut Cx<'_>) -> Value {
    let protocol = port.protocol.map(|protocol| match protocol {
        tree::Protocol::Tcp => Protocol::Tcp,
        tree::Protocol::Udp => Protocol::Udp,
        tree::Protocol::Sctp => Protocol::Sctp,
    });
    ports(i64::from(port.first), i64::from(port.last), protocol, span, cx)
}

fn ports(first: i64, last: i64, protocol: Option<Protocol>, span: Span, cx: &mut Cx<'_>) -> Value {
    let number = |port: i64| u16::try_from(port).ok().filter(|port| *port > 0);
    let (Some(low), Some(high)) = (number(first), number(last)) else {
        let wrong = if number(first).is_none() { first } else { last };
        let finding = bad_value(format!("`{wrong}` is no port"), span, cx).help("ports are numbered 1 to 65535");
        return cx.report_value(finding);
    };
    if low > high {
        let finding = bad_value(format!("the range ends at {high}, before it begins at {low}"), span, cx)
            .help(format!("write `{high}..{low}`"));
        return cx.report_value(finding);
    }
    Value::Port(Port { first: low, last: high, protocol })
}

fn eval_range(first: &Expr, last: &Expr, expected: Option<&Type>, span: Span, cx: &mut Cx<'_>) -> Value {
    let low = eval(first, Some(&Type::Int), cx);
    let high = eval(last, Some(&Type::Int), cx);
    let ports_wanted = matches!(expected, Some(Type::Port));
    match (low, high) {
        (Value::Int(low), Value::Int(high)) if ports_wanted => ports(low, high, None, span, cx),
        (Value::Int(low), Value::Int(high)) if high.saturating_sub(low) >= RANGE => {
            let finding = Finding::new(codes::TOO_LARGE, "this range is too long to be a list", cx.at(span))
                .because(format!("{low} to {high}; at most {RANGE} numbers become a list"));
            cx.report_value(finding)
        }
        (Value::Int(low), Value::Int(high)) => Value::List((low..=high).map(Value::Int).collect()),
        (Value::Error, _) | (_, Value::Error) => Value::Error,
        _ if ports_wanted => Value::Unknown(Type::Port),
        _ => Value::Unknown(Type::list(Type::Int)),
    }
}

fn eval_list(items: &[Expr], expected: Option<&Type>, span: Span, cx: &mut Cx<'_>) -> Value {
    if let Some(Type::List(item)) = expected {
        let values = items.iter().map(|expr| eval(expr, Some(item), cx)).collect();
        return cx.list(values, span);
    }
    let values: Vec<Value> = items.iter().map(|item| eval(item, None, cx)).collect();
    let mut joined = Type::Never;
    for (expr, value) in items.iter().zip(&values) {
        let ty = type_of(value);
        match joined.join(&ty) {
            Some(ty) => joined = ty,
            None => {
                let mut finding = mismatch(&joined, &ty, expr.span, cx).help("a list holds values of one type");
                if let Some(first) = items.first() {
                    finding = finding.label(cx.at(first.span), format!("the first is `{joined}`"));
                }
                return cx.report(finding);
            }
        }
    }
    let values = items.iter().zip(values).map(|(expr, value)| coerce(value, &joined, expr.span, cx)).collect();
    cx.list(values, span)
}

pub(crate) fn eval_record(fields: &[Field], expected: Option<&Type>, span: Span, cx: &mut Cx<'_>) -> Value {
    if let Some(duplicate) = duplicate_key(fields, cx) {
        cx.report(duplicate);
    }
    match expected {
        Some(Type::Kube(kube)) => eval_object(fields, kube, span, cx),
        Some(Type::Map(_, of)) => eval_map(fields, of, cx),
        Some(Type::Record(types)) => eval_typed_record(fields, types, span, cx),
        _ => {
            let evaluated = fields.iter().map(|field| (field.key.text.clone(), eval(&field.value, None, cx)));
            Value::Record(evaluated.collect())
        }
    }
}

fn duplicate_key(fields: &[Field], cx: &Cx<'_>) -> Option<Finding> {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    fields.iter().find_map(|field| {
        let first = seen.insert(&field.key.text, field.key.span)?;
        let message = format!("the field `{}` is given twice", field.key.text);
        Some(
            Finding::new(codes::DUPLICATE_FIELD, message, cx.at(field.key.span))
                .label(cx.at(first), "first given here"),
        )
    })
}

fn eval_map(fields: &[Field], of: &Type, cx: &mut Cx<'_>) -> Value {
    let mut map = BTreeMap::new();
    for field in fields {
        let value = match of {
            // Quoted in an object, an amount is meant as written: the API server takes parts of a byte, and so must the
            // escape hatch.
            Type::Quantity if cx.is_inside_object() && is_text(&field.value) => {
                eval_amount(&field.value, &field.key.text, Severity::Warning, cx)
            }
            Type::Quantity => eval_resource(&field.value, &field.key.text, cx),
            // A key whose value is absent is left out of a Kubernetes object.
            of if cx.is_inside_object() => eval(&field.value, Some(&of.clone().optional()), cx),
            of => eval(&field.value, Some(of), cx),
        };
        if value != Value::Absent || matches!(of, Type::Optional(_)) {
            map.insert(field.key.text.clone(), value);
        }
    }
    Value::Map(map)
}

fn eval_typed_record(fields: &[Field], types: &Arc<BTreeMap<Arc<str>, Type>>, span: Span, cx: &mut Cx<'_>) -> Value {
    let mut record = BTreeMap::new();
    for field in fields {
        let key = &field.key;
        let Some(ty) = types.get(&key.text) else {
            let message = format!("there is no field `{}` here", key.text);
            let names = types.keys().map(|name| &**name);
            let finding = unknown(codes::UNKNOWN_FIELD, message, &key.text, key.span, names, cx);
            if let Some(meant) = meant(&finding) {
                record.entry(meant).or_insert(Value::Error);
            }
            cx.report(finding);
            eval(&field.value, None, cx);
            continue;
        };
        record.insert(key.text.clone(), eval(&field.value, Some(ty), cx));
    }
    let absent = |name: &Arc<str>| !record.contains_key(name);
    let missing: Vec<&str> = types
        .iter()
        .filter(|(name, ty)| absent(name) && !matches!(ty, Type::Optional(_) | Type::Error))
        .map(|(name, _)| &**name)
        .collect();
    let lacking = !missing.is_empty();
    if lacking {
        let finding = missing_fields(&Type::Record(Arc::clone(types)), &missing, span, cx);
        cx.report(finding);
    }
    for name in types.keys() {
        record.entry(Arc::clone(name)).or_insert(if lacking { Value::Error } else { Value::Absent });
    }
    Value::Record(record)
}

/// The field that was meant by one that there is not: it is not missing as well.
fn meant(finding: &Finding) -> Option<Arc<str>> {
    let edit = finding.fixes.first()?.edits.first()?;
    Some(Arc::from(edit.text.as_str()))
}

/// A Kubernetes object, or a part of one.
fn eval_object(fields: &[Field], kube: &KubeType, span: Span, cx: &mut Cx<'_>) -> Value {
    let schema = cx.schema;
    let Some(object) = schema.object(kube.id) else { return Value::Error };
    let mut result = BTreeMap::new();
    for field in fields {
        let key = &field.key;
        let ty = match object.field(&key.text) {
            Some(found) => Type::of_schema(schema, found.ty),
            None if object.open => Type::Any,
            None => {
                let message = format!("`{}` has no field `{}`", kube.name, key.text);
                let names = object.fields().map(|(name, _)| name);
                let mut finding = unknown(codes::UNKNOWN_FIELD, message, &key.text, key.span, names, cx);
                if key.text.contains('.') && finding.fixes.is_empty() {
                    finding = finding.help("fields inside others are written in braces: `spec: { replicas: 1 }`");
                }
                if let Some(meant) = meant(&finding) {
                    result.entry(meant).or_insert(Value::Error);
                }
                cx.report(finding);
                Type::Error
            }
        };
        // What may be absent is left out when it is.
        let value = cx.inside_object(|cx| eval(&field.value, Some(&ty.optional()), cx));
        if value != Value::Absent {
            result.insert(key.text.clone(), value);
        }
    }
    let missing = missing_of(kube, |name| result.contains_key(name), cx);
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|name| &**name).collect();
        let finding = missing_fields(&Type::Kube(kube.clone()), &names, span, cx);
        cx.report(finding);
        result.extend(missing.into_iter().map(|name| (name, Value::Error)));
    }
    Value::Object(kube.clone(), result)
}

/// Evaluates the amount of a resource: a quantity in the unit that the resource (`memory`, `requests.cpu`, `pods`) is
/// counted in.
pub fn eval_resource(expr: &Expr, resource: &str, cx: &mut Cx<'_>) -> Value {
    eval_amount(expr, resource, Severity::Error, cx)
}

/// As [`eval_resource`]; what is wrong with the unit is told as `severity`, and less than an error leaves the amount as it is.
fn eval_amount(expr: &Expr, resource: &str, severity: Severity, cx: &mut Cx<'_>) -> Value {
    let value = eval(expr, Some(&Type::Quantity), cx);
    let Value::Quantity(quantity) = value else { return value };
    match check_amount(quantity, resource_unit(resource), resource, expr.span, cx) {
        Some(mut finding) if severity < Severity::Error && finding.code == codes::WRONG_UNIT => {
            finding.severity = severity;
            cx.report(finding);
            Value::Quantity(quantity)
        }
        Some(finding) => cx.report_value(finding),
        None => Value::Quantity(quantity),
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Str(_))
}

/// One of a fixed set of words, bare (`restricted`) or quoted. Reports what is none of them.
pub fn eval_word(expr: &Expr, words: &[&str], cx: &mut Cx<'_>) -> Option<Arc<str>> {
    if let ExprKind::Name(name) = &expr.kind {
        if words.contains(&&*name.text) {
            return Some(name.text.clone());
        }
        if cx.lookup(&name.text, name.span) == Lookup::Unknown {
            let message = format!("`{}` is none of the words that may stand here", name.text);
            let finding = unknown(codes::WRONG_TYPE, message, &name.text, name.span, words.iter().copied(), cx)
                .help(format!("one of {}", listing(words)));
            cx.report(finding);
            return None;
        }
    }
    let value = eval(expr, Some(&Type::literals(words.iter().copied())), cx);
    value.as_str().cloned()
}

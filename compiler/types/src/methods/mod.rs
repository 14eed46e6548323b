//! Methods of values. Which there are is data: [`METHODS`]; what each does is in the file of its receiver.

mod lambda;
mod list;
mod map;
mod text;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_schema::closest;
use kspec_syntax::tree::{Arg, Expr, Name};

use crate::report::{absent, unknown};
use crate::{Cx, Quantity, Type, Value, call, eval, type_of};

/// What a method is called on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    List,
    Map,
    Text,
    Cidr,
    Any,
    Optional,
}

/// A method.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) on: On,
    pub(crate) name: &'static str,
    /// Its arguments, as help shows them.
    pub(crate) usage: &'static str,
    /// Fewest and most arguments.
    arguments: (usize, usize),
}

const fn method(on: On, name: &'static str, usage: &'static str, least: usize, most: usize) -> Method {
    Method { on, name, usage, arguments: (least, most) }
}

/// Every method there is.
pub(crate) const METHODS: &[Method] = &[
    method(On::List, "any", "x => Bool", 1, 1),
    method(On::List, "all", "x => Bool", 1, 1),
    method(On::List, "none", "x => Bool", 1, 1),
    method(On::List, "one", "x => Bool", 1, 1),
    method(On::List, "filter", "x => Bool", 1, 1),
    method(On::List, "map", "x => T", 1, 1),
    method(On::List, "count", "[x => Bool]", 0, 1),
    method(On::List, "size", "", 0, 0),
    method(On::List, "is_empty", "", 0, 0),
    method(On::List, "contains", "item", 1, 1),
    method(On::List, "first", "", 0, 0),
    method(On::List, "last", "", 0, 0),
    method(On::List, "min", "", 0, 0),
    method(On::List, "max", "", 0, 0),
    method(On::List, "sum", "", 0, 0),
    method(On::List, "sort", "", 0, 0),
    method(On::List, "reverse", "", 0, 0),
    method(On::List, "distinct", "", 0, 0),
    method(On::List, "flatten", "", 0, 0),
    method(On::List, "join", "separator", 1, 1),
    method(On::Map, "any", "(key, value) => Bool", 1, 1),
    method(On::Map, "all", "(key, value) => Bool", 1, 1),
    method(On::Map, "none", "(key, value) => Bool", 1, 1),
    method(On::Map, "one", "(key, value) => Bool", 1, 1),
    method(On::Map, "count", "[(key, value) => Bool]", 0, 1),
    method(On::Map, "filter", "(key, value) => Bool", 1, 1),
    method(On::Map, "map", "(key, value) => T", 1, 1),
    method(On::Map, "size", "", 0, 0),
    method(On::Map, "is_empty", "", 0, 0),
    method(On::Map, "has", "key", 1, 1),
    method(On::Map, "keys", "", 0, 0),
    method(On::Map, "values", "", 0, 0),
    method(On::Map, "merge", "map", 1, 1),
    method(On::Text, "size", "", 0, 0),
    method(On::Text, "is_empty", "", 0, 0),
    method(On::Text, "contains", "text", 1, 1),
    method(On::Text, "starts_with", "text", 1, 1),
    method(On::Text, "ends_with", "text", 1, 1),
    method(On::Text, "matches", "regex", 1, 1),
    method(On::Text, "like", "glob", 1, 1),
    method(On::Text, "lower", "", 0, 0),
    method(On::Text, "upper", "", 0, 0),
    method(On::Text, "trim", "", 0, 0),
    method(On::Text, "trim_prefix", "text", 1, 1),
    method(On::Text, "trim_suffix", "text", 1, 1),
    method(On::Text, "replace", "text, by", 2, 2),
    method(On::Text, "split", "separator", 1, 1),
    method(On::Cidr, "contains", "cidr", 1, 1),
    method(On::Cidr, "overlaps", "cidr", 1, 1),
    method(On::Any, "string", "", 0, 0),
    method(On::Any, "int", "", 0, 0),
    method(On::Any, "bool", "", 0, 0),
    method(On::Any, "list", "", 0, 0),
    method(On::Any, "map", "", 0, 0),
    method(On::Optional, "exists", "", 0, 0),
];

/// Every method as the reference shows it: `map((key, value) => T)`.
#[must_use]
pub fn method_usages() -> Vec<String> {
    METHODS.iter().map(|method| format!("{}({})", method.name, method.usage)).collect()
}

/// Whether values of a type have a method.
pub(crate) fn has(ty: &Type, name: &str) -> bool {
    receiver_of(ty).is_some_and(|on| METHODS.iter().any(|method| method.on == on && method.name == name))
}

fn receiver_of(ty: &Type) -> Option<On> {
    Some(match ty.present().0 {
        Type::List(_) => On::List,
        Type::Map(..) | Type::Record(_) => On::Map,
        Type::Cidr => On::Cidr,
        Type::Any => On::Any,
        ty if ty.is_text() => On::Text,
        _ => return None,
    })
}

/// A call of a method being evaluated.
pub(crate) struct MethodCall<'c> {
    pub(crate) method: &'static Method,
    pub(crate) arguments: &'c [Arg],
    /// The receiver.
    pub(crate) base: Span,
    /// All of it.
    pub(crate) span: Span,
}

/// `base.name(arguments)`
pub(crate) fn call(
    receiver: Value,
    base: &Expr,
    name: &Name,
    arguments: &[Arg],
    expr: &Expr,
    cx: &mut Cx<'_>,
) -> Value {
    let ty = type_of(&receiver);
    let (present, optional) = ty.present();
    if receiver == Value::Error || *present == Type::Error {
        call::eval_all(arguments, cx);
        return Value::Error;
    }
    if &*name.text == "exists" && arguments.is_empty() {
        return exists(&receiver, &ty, expr.span, cx);
    }
    // Nothing is known of what is absent: whatever is asked of it is absent too.
    if *present == Type::Never && receiver == Value::Absent {
        call::eval_all(arguments, cx);
        return absent_result(name);
    }
    let on = receiver_of(present);
    let found = METHODS.iter().find(|method| Some(method.on) == on && *method.name == *name.text);
    let Some(method) = found else {
        call::eval_all(arguments, cx);
        return no_method(present, on, name, cx);
    };
    if let Some(named) = arguments.iter().find_map(|argument| argument.name.as_ref()) {
        let finding = Finding::new(codes::WRONG_ARITY, "a method's arguments have no names", cx.at(named.span))
            .help(format!("write `.{}({})`", method.name, method.usage));
        return cx.report(finding);
    }
    let (least, most) = method.arguments;
    if arguments.len() < least || arguments.len() > most {
        call::eval_all(arguments, cx);
        let message = format!("`{}` is given {} arguments", method.name, arguments.len());
        let finding = Finding::new(codes::WRONG_ARITY, message, cx.at(expr.span))
            .help(format!("write `.{}({})`", method.name, method.usage));
        return cx.report(finding);
    }
    let method_call = MethodCall { method, arguments, base: base.span, span: expr.span };
    match method.on {
        // An absent list or map counts as empty.
        On::List => list::call(receiver, present, &method_call, cx),
        On::Map => map::call(receiver, present, &method_call, cx),
        On::Text => chained(receiver, optional, &method_call, cx, text::call),
        On::Cidr => chained(receiver, optional, &method_call, cx, cidr),
        On::Any | On::Optional => state_type(receiver, method.name),
    }
}

/// A method of something optional yields something optional.
fn chained(
    receiver: Value,
    optional: bool,
    call: &MethodCall<'_>,
    cx: &mut Cx<'_>,
    of: fn(Value, &MethodCall<'_>, &mut Cx<'_>) -> Value,
) -> Value {
    if !optional {
        return of(receiver, call, cx);
    }
    let present = match &receiver {
        Value::Unknown(ty) => Value::Unknown(ty.present().0.clone()),
        other => other.clone(),
    };
    match of(present, call, cx) {
        Value::Error => Value::Error,
        value => Value::Unknown(type_of(&value).optional()),
    }
}

/// What a method yields on something absent of which not even the type is known.
fn absent_result(name: &Name) -> Value {
    match &*name.text {
        "any" | "one" | "contains" | "has" => Value::Bool(false),
        "all" | "none" | "is_empty" => Value::Bool(true),
        "count" | "size" => Value::Int(0),
        "filter" | "map" | "sort" | "distinct" | "flatten" | "reverse" | "keys" | "values" => Value::List(Vec::new()),
        _ => Value::Absent,
    }
}

fn exists(receiver: &Value, ty: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    match receiver {
        Value::Absent => Value::Bool(false),
        Value::Unknown(Type::Optional(_) | Type::Any) => Value::Unknown(Type::Bool),
        Value::Unknown(_) => {
            let finding = Finding::new(codes::WRONG_TYPE, "this is always there", cx.at(span))
                .because(format!("it is `{ty}`, not `{}`", ty.clone().optional()));
            cx.report(finding)
        }
        _ => Value::Bool(true),
    }
}

/// What methods are called in other languages, and here.
const ELSEWHERE: [(&str, &str); 14] = [
    ("len", "size"),
    ("length", "size"),
    ("includes", "contains"),
    ("startsWith", "starts_with"),
    ("endsWith", "ends_with"),
    ("exists", "any"),
    ("exists_one", "one"),
    ("unique", "distinct"),
    ("lowerAscii", "lower"),
    ("upperAscii", "upper"),
    ("to_lower", "lower"),
    ("to_upper", "upper"),
    ("strip", "trim"),
    ("contains_key", "has"),
];

fn no_method(ty: &Type, on: Option<On>, name: &Name, cx: &mut Cx<'_>) -> Value {
    let message = format!("`{ty}` has no method `{}`", name.text);
    let meant = |text: &str| ELSEWHERE.iter().find(|(name, _)| *name == text).map(|(_, ours)| *ours);
    let alias = meant(&name.text).or_else(|| meant(closest(&name.text, ELSEWHERE.iter().map(|(name, _)| *name))?));
    let names = METHODS.iter().filter(|method| Some(method.on) == on).map(|method| method.name);
    let names: Vec<&str> = names.collect();
    let alias = alias.filter(|alias| names.contains(alias));
    let finding = match alias.filter(|_| closest(&name.text, names.iter().copied()).is_none()) {
        Some(alias) => Finding::new(codes::UNKNOWN_FIELD, message, cx.at(name.span))
            .because(format!("did you mean `{alias}`?"))
            .fix(format!("write `{alias}`"), cx.at(name.span), alias),
        None => unknown(codes::UNKNOWN_FIELD, message, &name.text, name.span, names, cx),
    };
    cx.report(finding)
}

/// What a free-form field holds, as one of the types that JSON has; absent if it is something else.
fn state_type(receiver: Value, name: &str) -> Value {
    let ty = match name {
        "string" => Type::String,
        "int" => Type::Int,
        "bool" => Type::Bool,
        "list" => Type::list(Type::Any),
        _ => Type::map(Type::Any),
    };
    match (receiver, name) {
        (Value::Unknown(_), _) => Value::Unknown(ty.optional()),
        (value @ Value::Str(_), "string")
        | (value @ Value::Int(_), "int")
        | (value @ Value::Bool(_), "bool")
        | (value @ Value::List(_), "list") => value,
        _ => Value::Absent,
    }
}

fn cidr(receiver: Value, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let other = argument(call, 0, &Type::Cidr, cx);
    match (receiver, other) {
        (_, Value::Error) => Value::Error,
        (Value::Cidr(outer), Value::Cidr(inner)) => Value::Bool(match call.method.name {
            "contains" => outer.contains(&inner),
            _ => outer.contains(&inner) || inner.contains(&outer),
        }),
        _ => Value::Unknown(Type::Bool),
    }
}

/// A method's argument, of a stated type.
fn argument(call: &MethodCall<'_>, at: usize, ty: &Type, cx: &mut Cx<'_>) -> Value {
    call.arguments.get(at).map_or(Value::Error, |argument| eval(&argument.value, Some(ty), cx))
}

/// The sum of values of one type; nothing at all is zero.
fn sum(values: Vec<Value>, ty: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    let zero = match ty {
        Type::Float => Value::Float(0.0),
        Type::Quantity => Value::Quantity(Quantity::ZERO),
        Type::Duration => Value::Duration(crate::Duration { nanos: 0 }),
        _ => Value::Int(0),
    };
    let total = values.into_iter().try_fold(zero, |total, value| match (total, value) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(b).map(Value::Int),
        (Value::Float(a), Value::Float(b)) => Some(Value::Float(a + b)),
        (Value::Quantity(a), Value::Quantity(b)) => a.checked_add(b).map(Value::Quantity),
        (Value::Duration(a), Value::Duration(b)) => {
            a.nanos.checked_add(b.nanos).map(|nanos| Value::Duration(crate::Duration { nanos }))
        }
        _ => None,
    });
    match total {
        Some(Value::Float(sum)) if !sum.is_finite() => too_large(call, cx),
        Some(total) => total,
        None => too_large(call, cx),
    }
}

fn too_large(call: &MethodCall<'_>, cx: &mut Cx<'_>) -> Value {
    cx.report_value(Finding::new(codes::TOO_LARGE, "the sum is too large", cx.at(call.span)))
}

/// Items that must be there.
fn all_present(item: &Type, call: &MethodCall<'_>, cx: &mut Cx<'_>) -> bool {
    if matches!(item, Type::Optional(_)) {
        absent(&item.clone(), call.base, true, cx);
        return false;
    }
    true
}

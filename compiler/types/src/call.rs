//! Calls of functions, and the functions that are built in.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_diagnostics::{Finding, Location, Span, codes};
use kspec_syntax::tree::{Arg, Expr, ExprKind, Name};

use crate::report::{listing, unknown};
use crate::type_expr::kube_type;
use crate::value::FnParam;
use crate::{Cx, EntityKind, FnDef, Lookup, Type, Value, access, coerce, eval, methods, type_of};

/// What arguments are bound to.
#[derive(Debug, Clone, Copy)]
pub struct Callee<'c> {
    /// As findings call it.
    pub name: &'c str,
    /// Its parameters.
    pub params: &'c [FnParam],
    /// Where it is declared; nowhere, if it is built in.
    pub decl: Option<Location>,
    /// The module whose names its defaults see; the current scope's where there is none.
    pub module: Option<&'c str>,
}

/// `callee(arguments)`
pub(crate) fn call(callee: &Expr, arguments: &[Arg], expr: &Expr, cx: &mut Cx<'_>) -> Value {
    match &callee.kind {
        ExprKind::Name(name) => match cx.lookup(&name.text, name.span) {
            Lookup::Found(value) => call_value(&value, &name.text, arguments, expr, cx),
            Lookup::Poisoned => {
                eval_all(arguments, cx);
                Value::Error
            }
            Lookup::Unknown => builtin(name, arguments, expr, cx),
        },
        ExprKind::Field(base, name) => {
            let receiver = eval(base, None, cx);
            if let Value::Entity(_) = &receiver {
                let member = access::field_of(&receiver, name, callee.span, cx);
                return call_value(&member, &name.text, arguments, expr, cx);
            }
            if let Value::Unknown(Type::Entity(EntityKind::Cluster)) = receiver {
                return cluster(name, arguments, expr, cx);
            }
            methods::call(receiver, base, name, arguments, expr, cx)
        }
        _ => {
            let value = eval(callee, None, cx);
            call_value(&value, "this", arguments, expr, cx)
        }
    }
}

/// `cluster.all(Service)`: the objects of a kind that exist beside the one that is asked about.
fn cluster(name: &Name, arguments: &[Arg], expr: &Expr, cx: &mut Cx<'_>) -> Value {
    if &*name.text != "all" {
        let message = format!("`cluster` has no method `{}`", name.text);
        let finding = unknown(codes::UNKNOWN_FIELD, message, &name.text, name.span, ["all"], cx);
        return cx.report(finding);
    }
    let [Arg { name: None, value }] = arguments else {
        let finding = Finding::new(codes::WRONG_ARITY, "`all` takes the name of a kind", cx.at(expr.span))
            .help("write `cluster.all(Service)`");
        return cx.report(finding);
    };
    let Some(text) = dotted(value) else {
        let finding = Finding::new(codes::WRONG_TYPE, "the name of a kind is wanted here", cx.at(value.span))
            .help("write `cluster.all(Service)`");
        return cx.report(finding);
    };
    match kube_type(&text, cx) {
        Ok(kube) => Value::Unknown(Type::list(Type::Kube(kube))),
        Err(_) => {
            let names: Vec<&str> = cx.schema.kinds().iter().map(|kind| kind.kind.as_ref()).collect();
            let message = format!("there is no kind `{text}`");
            let finding = unknown(codes::UNKNOWN_RESOURCE, message, &text, value.span, names, cx);
            cx.report(finding)
        }
    }
}

/// `a.b.c` as it is written.
fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.text.to_string()),
        ExprKind::Field(base, name) => Some(format!("{}.{}", dotted(base)?, name.text)),
        ExprKind::Str(text) => Some(text.value.to_string()),
        _ => None,
    }
}

/// Evaluates arguments for their own findings alone.
pub(crate) fn eval_all(arguments: &[Arg], cx: &mut Cx<'_>) {
    for argument in arguments {
        // What a function of one's own is applied to is not known.
        if !matches!(argument.value.kind, ExprKind::Lambda(..)) {
            eval(&argument.value, None, cx);
        }
    }
}

fn call_value(value: &Value, name: &str, arguments: &[Arg], expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let (message, help) = match value {
        Value::Function(def) => return call_fn(def, arguments, expr, cx),
        Value::Unknown(Type::Function(function)) => {
            let params: Vec<FnParam> = function
                .params
                .iter()
                .map(|(name, ty, _)| FnParam { name: name.clone(), ty: ty.clone(), default: None })
                .collect();
            let callee = Callee { name, params: &params, decl: None, module: None };
            bind_args(callee, arguments, expr.span, cx);
            return Value::Unknown(function.result.clone());
        }
        Value::Error | Value::Unknown(Type::Error) => {
            eval_all(arguments, cx);
            return Value::Error;
        }
        Value::Entity(entity) => match entity.kind {
            EntityKind::Template => (
                format!("`{name}` is a template: it is stamped, and has no value inside an expression"),
                "stamp it by a declaration: `let alpha = team(…)`, or `team(…)` alone",
            ),
            kind => (format!("`{name}` is {}, and is not called", kind.noun()), "leave the `(…)` out"),
        },
        other => (format!("`{name}` is `{}`, and is not called", type_of(other)), "leave the `(…)` out"),
    };
    eval_all(arguments, cx);
    let mut finding = Finding::new(codes::WRONG_TYPE, message, cx.at(expr.span)).help(help);
    if let Value::Entity(entity) = value
        && let Some(decl) = entity.decl
    {
        finding = finding.label(decl, "declared here");
    }
    cx.report(finding)
}

fn call_fn(def: &Arc<FnDef>, arguments: &[Arg], expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let callee = Callee { name: &def.name, params: &def.params, decl: Some(def.decl), module: Some(&def.module) };
    let values = bind_args(callee, arguments, expr.span, cx);
    call_bound(def, values, expr.span, cx)
}

/// Calls a function whose arguments are values already.
pub(crate) fn call_values(def: &Arc<FnDef>, values: &[Value], span: Span, cx: &mut Cx<'_>) -> Value {
    if def.params.len() != values.len() {
        let message = format!("`{}` takes {}, and is given {} here", def.name, count(def.params.len()), values.len());
        return cx.report(Finding::new(codes::WRONG_ARITY, message, cx.at(span)).label(def.decl, "declared here"));
    }
    let bound = def.params.iter().zip(values).map(|(param, value)| {
        let value = cx.labelled(Some(def.decl), || declared(param), |cx| coerce(value.clone(), &param.ty, span, cx));
        (param.name.clone(), value)
    });
    let bound = bound.collect();
    call_bound(def, bound, span, cx)
}

fn call_bound(def: &Arc<FnDef>, values: BTreeMap<Arc<str>, Value>, span: Span, cx: &mut Cx<'_>) -> Value {
    if cx.is_calling(def) {
        let finding = Finding::new(codes::RECURSION, format!("`{}` calls itself", def.name), cx.at(span))
            .label(def.decl, "declared here")
            .help("functions do not recur: use `map`, `filter`, `sum` and the like over a list");
        return cx.report_value(finding);
    }
    if values.values().any(Value::has_error) {
        return Value::Error;
    }
    // The body was checked where it is declared: with something unknown, its stated type is all that a call adds.
    if values.values().any(Value::is_abstract) {
        return Value::Unknown(def.result.clone());
    }
    if !cx.enter(span) {
        return Value::Error;
    }
    let at = cx.at(span);
    let value = cx.in_module(Some(&def.module), def.item, Some((def, at)), |cx| {
        for (name, value) in values {
            cx.bind(&name, value, None);
        }
        eval(&def.body, Some(&def.result), cx)
    });
    cx.leave();
    value
}

fn declared(param: &FnParam) -> String {
    format!("`{}: {}` is declared here", param.name, param.ty)
}

fn count(params: usize) -> String {
    match params {
        0 => "no argument".to_owned(),
        1 => "one argument".to_owned(),
        several => format!("{several} arguments"),
    }
}

/// Evaluates a call's arguments against parameters: by position, then by name, then by default. Every parameter is in
/// the result; one whose argument is missing or wrong is [`Value::Error`]. `call` is the place to point at for what is
/// missing.
pub fn bind_args(callee: Callee<'_>, arguments: &[Arg], call: Span, cx: &mut Cx<'_>) -> BTreeMap<Arc<str>, Value> {
    let mut bound: BTreeMap<Arc<str>, (Value, Span)> = BTreeMap::new();
    let mut position = 0;
    for argument in arguments {
        let param = match &argument.name {
            Some(name) => {
                let param = callee.params.iter().find(|param| param.name == name.text);
                if param.is_none() {
                    let message = format!("`{}` has no parameter `{}`", callee.name, name.text);
                    let names = callee.params.iter().map(|param| &*param.name);
                    let mut finding = unknown(codes::WRONG_ARITY, message, &name.text, name.span, names, cx);
                    if let Some(decl) = callee.decl {
                        finding = finding.label(decl, "declared here");
                    }
                    cx.report(finding);
                }
                param
            }
            None => {
                let param = callee.params.get(position);
                position += 1;
                if param.is_none() && position == callee.params.len() + 1 {
                    let given = arguments.iter().filter(|argument| argument.name.is_none()).count();
                    let message =
                        format!("`{}` takes {}, and is given {given}", callee.name, count(callee.params.len()));
                    let mut finding =
                        Finding::new(codes::WRONG_ARITY, message, cx.at(argument.value.span)).because("one too many");
                    if let Some(decl) = callee.decl {
                        finding = finding.label(decl, "declared here");
                    }
                    cx.report(finding);
                }
                param
            }
        };
        let Some(param) = param else {
            eval_all(std::slice::from_ref(argument), cx);
            continue;
        };
        let value = cx.labelled(callee.decl, || declared(param), |cx| eval(&argument.value, Some(&param.ty), cx));
        if let Some((_, first)) = bound.get(&param.name) {
            let finding = Finding::new(
                codes::WRONG_ARITY,
                format!("`{}` is given twice", param.name),
                cx.at(argument.value.span),
            )
            .label(cx.at(*first), "first given here");
            cx.report(finding);
            continue;
        }
        bound.insert(param.name.clone(), (value, argument.value.span));
    }
    let mut values: BTreeMap<Arc<str>, Value> = bound.into_iter().map(|(name, (value, _))| (name, value)).collect();
    let mut missing = Vec::new();
    for param in callee.params {
        if values.contains_key(&param.name) {
            continue;
        }
        let value = match (&param.default, &param.ty) {
            (Some(default), ty) => {
                let item = callee.decl.map_or(cx.item, |decl| decl.item);
                cx.in_module(callee.module, item, None, |cx| eval(default, Some(ty), cx))
            }
            (None, Type::Optional(_)) => Value::Absent,
            (None, _) => {
                missing.push(&*param.name);
                Value::Error
            }
        };
        values.insert(param.name.clone(), value);
    }
    if !missing.is_empty() {
        let listed = listing(&missing);
        let noun = if missing.len() == 1 { "argument" } else { "arguments" };
        let mut finding =
            Finding::new(codes::WRONG_ARITY, format!("`{}` lacks its {noun} {listed}", callee.name), cx.at(call));
        if let Some(decl) = callee.decl {
            finding = finding.label(decl, "declared here");
        }
        let signature: Vec<String> =
            callee.params.iter().map(|param| format!("{}: {}", param.name, param.ty)).collect();
        cx.report(finding.help(format!("it is `{}({})`", callee.name, signature.join(", "))));
    }
    values
}

/// Functions that are always there: their names, what they take, what they yield.
const BUILTINS: [(&str, Type, Type); 6] = [
    ("image", Type::String, Type::Image),
    ("quantity", Type::String, Type::Quantity),
    ("duration", Type::String, Type::Duration),
    ("cidr", Type::String, Type::Cidr),
    ("int", Type::String, Type::Int),
    ("string", Type::Any, Type::String),
];

/// Whether a name is that of a function that is built in.
pub(crate) fn is_builtin(name: &str) -> bool {
    BUILTINS.iter().any(|(builtin, ..)| *builtin == name)
}

fn builtin(name: &Name, arguments: &[Arg], expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let Some((_, takes, yields)) = BUILTINS.iter().find(|(builtin, ..)| *builtin == &*name.text) else {
        eval_all(arguments, cx);
        let names = cx.names();
        let message = format!("nothing is called `{}` here", name.text);
        let names = names.iter().map(|name| &**name).chain(BUILTINS.iter().map(|(name, ..)| *name));
        let finding = unknown(codes::UNKNOWN_NAME, message, &name.text, name.span, names, cx);
        return cx.report(finding);
    };
    let params = [FnParam { name: "value".into(), ty: Type::Any, default: None }];
    let callee = Callee { name: &name.text, params: &params, decl: None, module: None };
    let value = bind_args(callee, arguments, expr.span, cx).remove("value").unwrap_or(Value::Error);
    let span = arguments.first().map_or(expr.span, |argument| argument.value.span);
    let ty = type_of(&value);
    let (present, optional) = ty.present();
    if value == Value::Error || value == Value::Absent {
        return value;
    }
    if *takes == Type::Any {
        return match text_of(&value) {
            Some(text) => cx.text(text, expr.span),
            None if is_printable(present) => {
                Value::Unknown(if optional { Type::String.optional() } else { Type::String })
            }
            None => {
                let finding = Finding::new(codes::WRONG_TYPE, format!("`{ty}` has no text"), cx.at(span));
                cx.report(finding)
            }
        };
    }
    if present == yields {
        return value;
    }
    match &value {
        Value::Str(text) if *yields == Type::Int => match text.parse() {
            Ok(number) => Value::Int(number),
            Err(_) => {
                let finding = crate::report::bad_value(format!("`{text}` is no whole number"), span, cx);
                cx.report_value(finding)
            }
        },
        // As a field of an object that holds the same would read it.
        Value::Str(_) => cx.inside_object(|cx| coerce(value, yields, span, cx)),
        Value::Unknown(_) if present.is_text() => {
            Value::Unknown(if optional { yields.clone().optional() } else { yields.clone() })
        }
        _ => match coerce(value, takes, span, cx) {
            Value::Error => Value::Error,
            _ => Value::Unknown(yields.clone()),
        },
    }
}

/// The text of a value that interpolates, or of `string(…)`.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Str(text) => text.to_string(),
        Value::Quantity(value) => value.to_string(),
        Value::Duration(value) => value.to_string(),
        Value::Date(value) => value.to_string(),
        Value::Cidr(value) => value.to_string(),
        Value::Port(value) => value.to_string(),
        Value::Image(image) => image.text.to_string(),
        Value::Entity(entity) if crate::coerce::is_named_object(entity.kind) => entity.name.to_string(),
        _ => return None,
    })
}

/// Whether values of a type have a text.
pub(crate) fn is_printable(ty: &Type) -> bool {
    match ty {
        Type::Entity(kind) => crate::coerce::is_named_object(*kind) || *kind == EntityKind::Subject,
        Type::Bool | Type::Int | Type::Float | Type::Quantity | Type::Duration | Type::Date | Type::Cidr => true,
        Type::Port | Type::IntOrString | Type::Error => true,
        ty => ty.is_text(),
    }
}

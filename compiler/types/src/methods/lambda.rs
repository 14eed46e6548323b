//! Functions as arguments.

use kspec_diagnostics::{Finding, codes};
use kspec_syntax::tree::{Expr, ExprKind};

use crate::report::absent;
use crate::{Cx, Lookup, Type, Value, call, eval, type_of};

/// Applies a method's argument to values: a lambda, or a declared function by its name.
pub(crate) fn apply(function: &Expr, values: &[Value], cx: &mut Cx<'_>) -> Value {
    match &function.kind {
        ExprKind::Lambda(names, body) => {
            if names.len() != values.len() {
                let shape = if values.len() == 1 { "x => …" } else { "(key, value) => …" };
                let finding = Finding::new(
                    codes::WRONG_ARITY,
                    format!("this takes {} values", names.len()),
                    cx.at(function.span),
                )
                .because(format!("{} are given", values.len()))
                .help(format!("write `{shape}`"));
                return cx.report(finding);
            }
            let bound = cx.bound();
            for (name, value) in names.iter().zip(values) {
                let at = cx.at(name.span);
                cx.bind(&name.text, value.clone(), Some(at));
            }
            let result = eval(body, None, cx);
            cx.unbind(bound);
            result
        }
        ExprKind::Name(name) => match cx.lookup(&name.text, name.span) {
            Lookup::Found(Value::Function(def)) => call::call_values(&def, values, function.span, cx),
            Lookup::Found(Value::Error) | Lookup::Poisoned => Value::Error,
            _ => not_a_function(function, values.len(), cx),
        },
        ExprKind::Error => Value::Error,
        _ => not_a_function(function, values.len(), cx),
    }
}

fn not_a_function(expr: &Expr, takes: usize, cx: &mut Cx<'_>) -> Value {
    let shape = if takes == 1 { "x => …" } else { "(key, value) => …" };
    let ty = type_of(&eval(expr, None, cx));
    if ty == Type::Error {
        return Value::Error;
    }
    let finding = Finding::new(codes::WRONG_TYPE, format!("a function is wanted here, not `{ty}`"), cx.at(expr.span))
        .help(format!("write `{shape}`"));
    cx.report(finding)
}

/// Applies a condition: `Bool` that is there.
pub(crate) fn test(function: &Expr, values: &[Value], cx: &mut Cx<'_>) -> Value {
    let value = apply(function, values, cx);
    let body = match &function.kind {
        ExprKind::Lambda(_, body) => body,
        _ => function,
    };
    match type_of(&value) {
        Type::Bool | Type::Error => value,
        ty if ty.present() == (&Type::Bool, true) || value == Value::Absent => {
            absent(&ty, body.span, crate::eval::is_closed(body), cx)
        }
        ty => {
            let finding =
                Finding::new(codes::WRONG_TYPE, format!("a condition is `Bool`, not `{ty}`"), cx.at(body.span))
                    .because(format!("this is `{ty}`"));
            cx.report(finding)
        }
    }
}

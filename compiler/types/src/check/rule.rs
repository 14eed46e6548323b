//! Rules.

use kspec_diagnostics::codes;
use kspec_syntax::tree::{Expr, Field, Rule, RuleBody, RuleStmt};

use super::environment;
use crate::ops::condition;
use crate::report::unknown;
use crate::{Cx, Type, Value, eval, eval_word, interpolate, type_of};

/// Checks a rule's body, for each kind that it is on.
pub fn check_rule(rule: &Rule, cx: &mut Cx<'_>) {
    let kinds = environment::kinds(&rule.on, cx);
    match &rule.body {
        RuleBody::Stmts(statements) => {
            environment::for_each_kind(&kinds, &rule.params, cx, |cx| stmts(statements, cx));
            super::containers::alone(statements, (&kinds, &rule.params), cx);
        }
        // What stands behind it is in another language.
        RuleBody::Foreign(_) => environment::for_each_kind(&kinds, &rule.params, cx, |_| {}),
    }
}

fn stmts(statements: &[RuleStmt], cx: &mut Cx<'_>) {
    let bound = cx.bound();
    for statement in statements {
        match statement {
            RuleStmt::Field(field) => about(field, cx),
            RuleStmt::Let(name, value) => {
                let value = eval(value, None, cx);
                let at = cx.at(name.span);
                cx.bind(&name.text, value, Some(at));
            }
            RuleStmt::For(name, over, body) => {
                let item = items(over, cx);
                let at = cx.at(name.span);
                cx.with_local(&name.text, Value::Unknown(item), Some(at), |cx| stmts(body, cx));
            }
            RuleStmt::Verdict { condition: test, unless, because, .. } => {
                for test in test.iter().chain(unless) {
                    condition(test, cx);
                }
                if let Some(because) = because {
                    interpolate(because, cx);
                }
            }
        }
    }
    cx.unbind(bound);
}

/// What a rule says of itself.
fn about(field: &Field, cx: &mut Cx<'_>) {
    match &*field.key.text {
        "severity" => {
            eval_word(&field.value, &["low", "medium", "high", "critical"], cx);
        }
        "message" | "url" => {
            eval(&field.value, Some(&Type::String), cx);
        }
        // Of compliance catalogues, by their own numbers.
        "controls" => {
            eval(&field.value, Some(&Type::list(Type::String)), cx);
        }
        other => {
            let names = ["severity", "message", "url", "controls"];
            let message = format!("a rule has no field `{other}`");
            let finding = unknown(codes::UNKNOWN_FIELD, message, other, field.key.span, names, cx);
            cx.report(finding);
        }
    }
}

/// The type of what a `for` ranges over: lists of one type, absent ones counting as empty.
pub(crate) fn items(over: &[Expr], cx: &mut Cx<'_>) -> Type {
    let mut joined = Type::Never;
    for list in over {
        let value = eval(list, None, cx);
        let ty = type_of(&value);
        let item = match ty.present().0 {
            Type::List(item) => (**item).clone(),
            Type::Error => Type::Error,
            Type::Never => Type::Never,
            other => {
                let wanted = Type::list(Type::Any);
                let mut finding = crate::report::mismatch(&wanted, other, list.span, cx);
                finding.message = format!("`for` ranges over lists, not over `{other}`");
                if matches!(other, Type::Map(..) | Type::Record(_)) {
                    finding = finding.help("range over `.keys()` or `.values()`");
                }
                cx.report(finding);
                Type::Error
            }
        };
        match joined.join(&item) {
            Some(ty) => joined = ty,
            // An ephemeral container has all of an ordinary one's fields.
            None if is_container(&joined) && is_container(&item) => {}
            None => {
                let finding =
                    crate::report::mismatch(&joined, &item, list.span, cx).help("`for` ranges over lists of one type");
                cx.report(finding);
                return Type::Error;
            }
        }
    }
    if joined == Type::Never { Type::Error } else { joined }
}

fn is_container(ty: &Type) -> bool {
    matches!(ty, Type::Kube(kube) if matches!(&*kube.name, "Container" | "EphemeralContainer"))
}

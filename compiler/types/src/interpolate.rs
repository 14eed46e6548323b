//! Text with expressions in it.

use kspec_diagnostics::{Finding, codes};
use kspec_syntax::Part;
use kspec_syntax::tree::Str;

use crate::call::{is_printable, text_of};
use crate::eval::is_closed;
use crate::report::absent;
use crate::{Cx, Type, Value, eval, type_of};

/// Text that interpolates: a name inside a template, a `because`. A [`Value::Str`], or unknown, or an error.
pub fn interpolate(string: &Str, cx: &mut Cx<'_>) -> Value {
    if string.raw {
        return Value::Str(string.value.clone());
    }
    let (parts, errors) = kspec_syntax::interpolation(string);
    let mut failed = !errors.is_empty();
    for error in errors {
        let finding = error.into_finding(cx.item);
        cx.report(finding);
    }
    let mut text = String::new();
    let mut known = true;
    let before = cx.findings.len();
    for part in parts {
        let expr = match part {
            Part::Text(part) => {
                text.push_str(&part);
                continue;
            }
            Part::Expr(expr) => expr,
        };
        let value = eval(&expr, None, cx);
        let ty = type_of(&value);
        match text_of(&value) {
            _ if value == Value::Error => failed = true,
            Some(part) => text.push_str(&part),
            None if matches!(&ty, Type::Optional(of) if is_printable(of) || **of == Type::Never) => {
                absent(&ty, expr.span, is_closed(&expr), cx);
                failed = true;
            }
            None if is_printable(&ty) => known = false,
            None => {
                let message = format!("`{ty}` has no text to stand in a string");
                let finding =
                    Finding::new(codes::WRONG_TYPE, message, cx.at(expr.span)).because(format!("this is `{ty}`"));
                cx.report(finding);
                failed = true;
            }
        }
    }
    // What is mended stands in a string: a mend's own quotes are escaped.
    let edits =
        cx.findings.iter_mut().skip(before).flat_map(|finding| &mut finding.fixes).flat_map(|fix| &mut fix.edits);
    for edit in edits {
        edit.text = edit.text.replace('"', "\\\"");
    }
    match (failed, known) {
        (true, _) => Value::Error,
        (_, false) => Value::Unknown(Type::String),
        _ => cx.text(text, string.span),
    }
}

//! Findings that several operations report.

use kspec_diagnostics::{Code, Edit, Finding, Fix, Span, codes};
use kspec_schema::closest;

use crate::{Cx, Type, Value};

/// A finding about a name that is not among `names`, with the one that was most likely meant.
pub(crate) fn unknown<'n>(
    code: Code,
    message: String,
    written: &str,
    span: Span,
    names: impl IntoIterator<Item = &'n str>,
    cx: &Cx<'_>,
) -> Finding {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    let finding = Finding::new(code, message, cx.at(span));
    match closest(written, names.iter().copied()) {
        Some(name) => {
            finding.because(format!("did you mean `{name}`?")).fix(format!("write `{name}`"), cx.at(span), name)
        }
        // What can be named is a matter of the whole project; what a thing has is a matter of it alone.
        None if names.is_empty() || code == codes::UNKNOWN_NAME => finding,
        None if names.len() <= 12 => finding.help(format!("there is {}", listing(&names))),
        None => finding,
    }
}

/// `a`, `b` and `c`
pub(crate) fn listing(names: &[&str]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == names.len() => " and ",
            _ => ", ",
        };
        text.push_str(separator);
        text.push('`');
        text.push_str(name);
        text.push('`');
    }
    text
}

/// A value of the wrong type.
pub(crate) fn mismatch(wanted: &Type, found: &Type, span: Span, cx: &Cx<'_>) -> Finding {
    let finding = Finding::new(codes::WRONG_TYPE, format!("`{wanted}` is wanted here, not `{found}`"), cx.at(span))
        .because(format!("this is `{found}`"));
    match (wanted.present().0, found) {
        // Where a function or a parameter says `String`, any text may come.
        (Type::Literals(_), Type::String) => {
            finding.help(format!("any text is a `String`: declare what this comes from as `{}`", wanted.present().0))
        }
        _ => finding,
    }
}

/// A value that may be absent, where it must not be. `closed` says that `??` can be written behind it as it stands.
pub(crate) fn absent(ty: &Type, span: Span, closed: bool, cx: &mut Cx<'_>) -> Value {
    let present = ty.present().0;
    let default = match present {
        Type::Bool => "false",
        Type::Int | Type::Quantity | Type::Float => "0",
        Type::String | Type::Image | Type::Glob => "\"\"",
        Type::Duration => "0s",
        Type::List(_) => "[]",
        Type::Map(..) => "({})",
        _ => "",
    };
    let shown = if default.is_empty() { "…" } else { default };
    let message = if matches!(present, Type::Never) {
        "this is absent, and a value is needed".to_owned()
    } else {
        format!("this is `{}`: it may be absent", present.clone().optional())
    };
    let mut finding = Finding::new(codes::OPTIONAL_VALUE, message, cx.at(span))
        .help(format!("say what holds when it is absent: `?? {shown}`"));
    if !default.is_empty() {
        let (start, end) = (Span::new(span.start, span.start), Span::new(span.end, span.end));
        let mut edits =
            vec![Edit { location: cx.at(end), text: format!(" ?? {default}{}", if closed { "" } else { ")" }) }];
        if !closed {
            edits.insert(0, Edit { location: cx.at(start), text: "(".to_owned() });
        }
        finding.fixes.push(Fix { title: format!("count what is absent as `{default}`"), edits });
    }
    cx.report(finding)
}

/// A value that can be of no use: it is malformed, or out of range.
pub(crate) fn bad_value(message: impl Into<String>, span: Span, cx: &Cx<'_>) -> Finding {
    Finding::new(codes::BAD_VALUE, message, cx.at(span))
}

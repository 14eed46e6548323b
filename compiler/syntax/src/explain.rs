//! Prose for what the grammar refuses.

use kspec_diagnostics::{Span, codes};

use crate::SyntaxError;
use crate::classify::Spanned;
use crate::context::Cx;
use crate::heads::{self, Head};
use crate::terminal::{Kw, Mark, T};

/// A chunk that the grammar refused.
pub(crate) struct Unreadable<'c, 'a> {
    pub(crate) mark: Mark,
    pub(crate) head: &'c Head,
    /// The first terminal that does not fit; none where the chunk ends too early.
    pub(crate) found: Option<Spanned<'a>>,
    /// The grammar's names of what would fit.
    pub(crate) expected: &'c [String],
    pub(crate) terminals: &'c [Spanned<'a>],
}

/// The nearest of `words`, if one is near enough to be what was meant.
pub(crate) fn nearest<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    // Suggestions are for words that people type; beyond that, comparing costs more than it helps.
    if text.len() > 40 {
        return None;
    }
    words
        .map(|word| (strsim::damerau_levenshtein(text, word), word))
        .filter(|(distance, word)| {
            *distance > 0 && *distance <= (word.len().min(text.len()) / 3).clamp(1, 3) && word.len() > 1
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn list(parts: &[String], word: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} {word} {last}", init.join(", ")),
    }
}

/// That a word begins no chunk of this kind.
pub(crate) fn nowhere(text: &str, mark: Mark) -> String {
    if mark == Mark::Item {
        format!("`{text}` begins no declaration")
    } else {
        format!("`{text}` begins nothing in {}", heads::place(mark))
    }
}

/// The places where a word does begin a statement.
pub(crate) fn elsewhere(word: &str) -> Option<String> {
    const MARKS: [Mark; 11] = [
        Mark::Item,
        Mark::Namespace,
        Mark::Role,
        Mark::Network,
        Mark::NetRule,
        Mark::Encryption,
        Mark::Audit,
        Mark::Rule,
        Mark::Mutation,
        Mark::Runtime,
        Mark::Test,
    ];
    let kw = Kw::of(word)?;
    let places: Vec<String> =
        MARKS
            .into_iter()
            .filter(|mark| heads::head(*mark, kw).is_some())
            .map(|mark| {
                if mark == Mark::Item {
                    "at the top of a file".to_owned()
                } else {
                    format!("in {}", heads::place(mark))
                }
            })
            .collect();
    (!places.is_empty()).then(|| format!("`{word}` stands {}", list(&places, "or")))
}

/// A piece of source short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    if text.chars().count() > 40 {
        format!("{}…", text.chars().take(40).collect::<String>())
    } else {
        text.to_owned()
    }
}

/// Whether a statement declares the name that follows its first word.
pub(crate) fn declares(word: Kw) -> bool {
    matches!(
        word,
        Kw::Param
            | Kw::Let
            | Kw::Fn
            | Kw::Template
            | Kw::Manifest
            | Kw::Namespace
            | Kw::Workload
            | Kw::ServiceAccount
            | Kw::User
            | Kw::Group
            | Kw::Role
            | Kw::Rule
            | Kw::Mutation
            | Kw::Runtime
    )
}

/// What to say of a chunk that the grammar refused.
pub(crate) fn unreadable(cx: &Cx<'_>, chunk: &Unreadable<'_, '_>) -> SyntaxError {
    let before = chunk.terminals.iter().filter(|(start, terminal, end)| {
        !matches!(terminal, T::Mark(_) | T::Claim) && chunk.found.is_none_or(|(at, _, _)| *start < at) && start < end
    });
    let last = before.copied().next_back();
    let after = last.map(|spanned| format!(" after `{}`", described(cx, spanned))).unwrap_or_default();
    let mut expected = wanted(chunk.expected);
    let separable = chunk.mark.by_comma() && !chunk.expected.iter().any(|e| e == "\":\"");
    if separable
        && chunk.found.is_some_and(|(_, terminal, _)| !matches!(terminal, T::Eq))
        && last.is_some_and(ends_value)
    {
        expected.push("a comma".to_owned());
    }
    let (found, span) = match (chunk.found, last) {
        (Some((start, terminal, end)), _) => {
            let end = if matches!(terminal, T::Braces(_) | T::Body(_)) { start + 1 } else { end };
            (format!("found `{}`", source(cx, start, end)), cx.span(start, end))
        }
        (None, Some((start, terminal, end))) => {
            let start = if matches!(terminal, T::Braces(_) | T::Body(_)) { end.saturating_sub(1) } else { start };
            (format!("the {} ends", unit(chunk.mark)), cx.span(start, end))
        }
        (None, None) => (String::from("nothing follows"), Span::default()),
    };
    let message = match (chunk.found, last) {
        (Some((start, _, end)), Some(last)) if expected.is_empty() => {
            format!("`{}` cannot follow `{}`", source(cx, start, end), described(cx, last))
        }
        (Some(_), _) => format!("expected {}{after}, {found}", list(&expected, "or")),
        (None, _) => format!("expected {}{after}, but {found}", list(&expected, "or")),
    };
    let mut error = SyntaxError::new(codes::UNEXPECTED_TOKEN, message, span);
    if let Some((_, T::Name(name) | T::Res(name), _)) = chunk.found {
        let words = chunk.expected.iter().map(|word| word.trim_matches('"')).filter(|word| Kw::of(word).is_some());
        if let Some(meant) = nearest(name, words) {
            return error.help(format!("did you mean `{meant}`?")).fix(format!("write `{meant}`"), span, meant);
        }
    }
    error.help = help(chunk);
    error
}

fn help(chunk: &Unreadable<'_, '_>) -> Option<String> {
    match (chunk.mark, chunk.found) {
        (_, Some((_, T::Star, _))) => Some("the word for everything is `any`".to_owned()),
        (Mark::Role, Some((_, T::Str(_), _))) => None,
        (_, Some((_, T::Eq, _))) if chunk.mark == Mark::Field => Some("a field is written `name: value`".to_owned()),
        (Mark::Field, _) => Some("fields are written `name: value`, one a line or separated by commas".to_owned()),
        (Mark::TypeField, _) => Some("fields of a type are written `name: Type`".to_owned()),
        (Mark::UseName, _) => Some("names to use are written `name` or `name as alias`".to_owned()),
        (Mark::Stamp, _) => Some("a template is stamped like this: `team(\"alpha\", devs)`".to_owned()),
        (Mark::Expr, _) => None,
        _ => Some(format!("the form is `{}`", chunk.head.form)),
    }
}

/// Whether a value or a name may end here.
fn ends_value((_, terminal, _): Spanned<'_>) -> bool {
    matches!(
        terminal,
        T::Name(_)
            | T::Str(_)
            | T::Int(_)
            | T::Float(_)
            | T::Quantity(_)
            | T::Duration(_)
            | T::Date(_)
            | T::Cidr(_)
            | T::Port(_)
            | T::BadValue
            | T::Braces(_)
            | T::RParen
            | T::RBracket
            | T::Kw(Kw::True | Kw::False)
    )
}

fn unit(mark: Mark) -> &'static str {
    match mark {
        Mark::Item | Mark::Stamp => "declaration",
        Mark::Field | Mark::TypeField => "field",
        Mark::Expr => "expression",
        Mark::UseName => "list",
        _ => "statement",
    }
}

fn source(cx: &Cx<'_>, start: u32, end: u32) -> String {
    shown(cx.text.get(start as usize..end as usize).unwrap_or_default())
}

fn described(cx: &Cx<'_>, (start, terminal, end): Spanned<'_>) -> String {
    match terminal {
        T::Braces(_) | T::Body(_) => "}".to_owned(),
        _ => source(cx, start, end),
    }
}

/// What would fit, in the user's terms: a value rather than a list of all that may begin one.
fn wanted(expected: &[String]) -> Vec<String> {
    let has = |name: &str| expected.iter().any(|e| e.trim_matches('"') == name);
    let mut out: Vec<String> = Vec::new();
    let value = has("Int");
    let operators = has("??") && has("+");
    if value {
        out.push("a value".to_owned());
    }
    let (peer, subject) = (has("internet"), has("user") && has("group"));
    if subject {
        out.push("a user or group".to_owned());
    }
    if peer {
        out.push("a workload or another peer".to_owned());
    }
    for name in expected.iter().map(|e| e.trim_matches('"')) {
        let text = match name {
            "Name" if value || peer || subject => continue,
            "all" | "any" | "cidr" | "dns" | "internet" | "namespaces" | "pods" if peer => continue,
            "any" | "user" | "group" if subject => continue,
            "Name" if has("any") && has("Str") => "a verb".to_owned(),
            "Name" => "a name".to_owned(),
            "Str" if value || has("Res") || has("any") && has("Name") => continue,
            "Str" => "a quoted text".to_owned(),
            "Key" => "a field's name".to_owned(),
            "Res" => "a resource".to_owned(),
            "Body" => "`{`".to_owned(),
            "Braces" if value => continue,
            "Braces" => "`{`".to_owned(),
            "Verdict" => "a verdict such as `denied`".to_owned(),
            "Int" | "Float" | "Quantity" | "Duration" | "Date" | "Cidr" | "Port" | "BadValue" | "lambda("
            | "except," | "a claim" => continue,
            "(" | "[" | "!" | "-" | "true" | "false" | "if" if value => continue,
            "*" | "/" | "%" | "+" | "-" | ".." | "==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||" | "??"
            | "op in"
                if operators =>
            {
                continue;
            }
            // What may always follow a name or a value is never what was forgotten.
            "." | "[" | "(" | "=>" | ".." if expected.len() > 1 => continue,
            "=>" if !has(")") && !value => continue,
            "," if expected.len() > 1 && !has(")") && !has("]") => continue,
            other => format!("`{other}`"),
        };
        if !out.contains(&text) {
            out.push(text);
        }
    }
    out
}

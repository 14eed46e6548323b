//! The entry points.

use kspec_diagnostics::{Span, codes};

use crate::context::{Cx, Parsed, Range};
use crate::format::file;
use crate::group::group;
use crate::lexer::lex;
use crate::split::ranges;
use crate::terminal::Mark;
use crate::tree::{Expr, ExprKind, Item, ItemKind, Str};
use crate::{SyntaxError, explain, print};

/// One top-level declaration's text, doc comment included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemText<'a> {
    /// Its first byte in the file.
    pub offset: u32,
    /// Its text.
    pub text: &'a str,
}

/// One item and what was wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedItem {
    /// The item; what could not be read is left out of it, or an error node in it.
    pub item: Item,
    /// In the order of the text; spans relative to the item's start.
    pub errors: Vec<SyntaxError>,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// Its items, each with its first byte in the file.
    pub items: Vec<(u32, ParsedItem)>,
}

/// A piece of an interpolating string.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Literal text, braces resolved.
    Text(String),
    /// `{expr}`.
    Expr(Expr),
}

/// Splits a file at its top-level declarations. Plain comments between declarations belong to none of them.
///
/// The text of an indented declaration begins with its indentation, so that its place can be told to be wrong.
#[must_use]
pub fn split(text: &str) -> Vec<ItemText<'_>> {
    let tokens = lex(text);
    ranges(text, &tokens)
        .into_iter()
        .filter_map(|(start, end)| Some(ItemText { offset: start, text: text.get(start as usize..end as usize)? }))
        .collect()
}

/// Parses one declaration, as [`split`] yields it.
#[must_use]
pub fn parse_item(text: &str) -> ParsedItem {
    let mut errors = Vec::new();
    let grouped = group(text, lex(text), &mut errors);
    let mut cx = Cx::new(text, &grouped, errors);
    let item = item(&mut cx);
    ParsedItem { item, errors: sorted(cx.errors) }
}

pub(crate) fn item(cx: &mut Cx<'_>) -> Item {
    let all = cx.grouped.tokens.len();
    let mut from = 0;
    let Some(chunk) = cx.next_chunk(&mut from, all, Mark::Item) else {
        let span = cx.range_span(Range { lo: 0, hi: all });
        if let Some(stray) = cx.grouped.tokens.iter().find(|token| !token.kind.is_trivia()) {
            let message = format!("`{}` separates nothing", stray.text(cx.text));
            let error = SyntaxError::new(codes::UNEXPECTED_TOKEN, message, cx.span(stray.start, stray.end));
            cx.errors.push(error.help("declarations stand on lines of their own, with nothing between them"));
        }
        return Item { doc: None, kind: ItemKind::Error(None), span };
    };
    let span = cx.range_span(chunk.range);
    if let Some(first) = cx.token(chunk.range.lo) {
        let line = cx.text.get(..first.start as usize).unwrap_or_default();
        let indent = line.rsplit('\n').next().unwrap_or_default().trim_start_matches('\u{feff}');
        if !indent.is_empty() {
            let gap = cx.span(first.start - u32::try_from(indent.len()).unwrap_or(0), first.start);
            cx.errors.push(
                SyntaxError::new(
                    codes::INDENTED_DECLARATION,
                    "this declaration does not start at column 0",
                    cx.span(first.start, first.end),
                )
                .help("remove the blanks before it, which `kspec fmt` does too; what is indented belongs to a body")
                .fix("remove the indentation", gap, ""),
            );
        }
    }
    let doc = chunk.doc.map(|doc| cx.doc_text(doc));
    let kind = match cx.chunk(Mark::Item, chunk.range).map(|parsed| *parsed) {
        Some(Parsed::Item(kind)) => *kind,
        _ => ItemKind::Error(None),
    };
    // Lines that follow a whole declaration, and begin none.
    while let Some(extra) = cx.next_chunk(&mut from, all, Mark::Item) {
        let Some(first) = cx.token(extra.range.lo) else { continue };
        let span = cx.span(first.start, first.end);
        cx.errors.push(
            SyntaxError::new(codes::UNEXPECTED_TOKEN, format!("`{}` continues nothing", explain::shown(first.text(cx.text))), span)
                .help("the declaration above is complete; a declaration begins at column 0, a statement stands in a body `{ … }`"),
        );
    }
    Item { doc, kind, span }
}

/// By place, and each once.
pub(crate) fn sorted(mut errors: Vec<SyntaxError>) -> Vec<SyntaxError> {
    errors.sort_by_key(|error| (error.span, error.code));
    errors.dedup();
    errors
}

/// Splits and parses a file.
#[must_use]
pub fn parse_module(text: &str) -> Module {
    Module { items: split(text).iter().map(|item| (item.offset, parse_item(item.text))).collect() }
}

/// Parses one expression; spans are shifted by `base`.
#[must_use]
pub fn parse_expr(text: &str, base: u32) -> (Expr, Vec<SyntaxError>) {
    expression(text, base, None)
}

fn expression(text: &str, base: u32, fixed_span: Option<Span>) -> (Expr, Vec<SyntaxError>) {
    let mut errors = Vec::new();
    let grouped = group(text, lex(text), &mut errors);
    let errors = errors.into_iter().map(|e| e.shifted(base)).collect();
    let mut cx = Cx::new(text, &grouped, errors);
    (cx.base, cx.fixed_span) = (base, fixed_span);
    let all = Range { lo: 0, hi: grouped.tokens.len() };
    let expr = if grouped.tokens.iter().all(|token| token.kind.is_trivia()) {
        let span = cx.span(0, u32::try_from(text.len()).unwrap_or(0));
        cx.errors.push(SyntaxError::new(codes::UNEXPECTED_TOKEN, "an expression is missing here", span));
        None
    } else {
        cx.chunk(Mark::Expr, all)
    };
    let expr = match expr.map(|parsed| *parsed) {
        Some(Parsed::Expr(expr)) => expr,
        _ => Expr { kind: ExprKind::Error, span: cx.span(0, u32::try_from(text.len()).unwrap_or(0)) },
    };
    (expr, sorted(cx.errors))
}

/// The parts of a string that interpolates (`because`, names inside templates); `{{` and `}}` are braces.
/// Spans are the string's own item's; where escapes make positions in the string unknowable, all of the string's.
#[must_use]
pub fn interpolation(string: &Str) -> (Vec<Part>, Vec<SyntaxError>) {
    let value: &str = &string.value;
    if string.raw {
        return (vec![Part::Text(value.to_owned())], Vec::new());
    }
    let exact = string.span.end.saturating_sub(string.span.start) as usize == value.len() + 2;
    let place = |at: usize| string.span.start.saturating_add(1).saturating_add(u32::try_from(at).unwrap_or(0));
    let span = |start: usize, end: usize| if exact { Span::new(place(start), place(end)) } else { string.span };
    let (mut parts, mut errors, mut text) = (Vec::new(), Vec::new(), String::new());
    let mut rest = value.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '{' | '}' if rest.peek().is_some_and(|(_, next)| *next == c) => {
                rest.next();
                text.push(c);
            }
            '}' => {
                errors.push(
                    SyntaxError::new(codes::BAD_LITERAL, "this `}` closes nothing", span(at, at + 1))
                        .help("write `}}` for a brace of the text"),
                );
                text.push(c);
            }
            '{' => {
                let Some(end) = closing_brace(value, at) else {
                    errors.push(
                        SyntaxError::new(codes::BAD_LITERAL, "this `{` is never closed", span(at, at + 1))
                            .help("write `{{` for a brace of the text"),
                    );
                    text.push(c);
                    continue;
                };
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                let inner = value.get(at + 1..end).unwrap_or_default();
                let (expr, mut wrong) = if exact {
                    expression(inner, place(at + 1), None)
                } else {
                    expression(inner, 0, Some(string.span))
                };
                errors.append(&mut wrong);
                parts.push(Part::Expr(expr));
                while rest.next_if(|(next, _)| *next <= end).is_some() {}
            }
            c => text.push(c),
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    (parts, errors)
}

/// The brace that closes the one at `open`; braces of records nest.
fn closing_brace(value: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in value.char_indices().skip_while(|(at, _)| *at < open) {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Formats a file. With syntax errors nothing is formatted, and they are listed with spans relative to the file.
///
/// # Errors
///
/// What could not be read; a declaration's wrong column is mended rather than listed.
pub fn format(text: &str) -> Result<String, Vec<SyntaxError>> {
    let (formatted, errors) = file(text);
    if errors.is_empty() { Ok(formatted) } else { Err(errors) }
}

/// Formats what can be read and leaves the text of every other declaration as it is.
#[must_use]
pub fn format_lossy(text: &str) -> String {
    file(text).0
}

/// The canonical text of a tree built by hand, with a line end; spans are ignored. An error node prints as nothing.
#[must_use]
pub fn print_item(item: &Item) -> String {
    format_lossy(&print::item(item))
}

//! The entry points.

use kspec_diagnostics::Span;

use crate::SyntaxError;
use crate::tree::{Expr, ExprKind, Item, ItemKind, Str};

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
#[must_use]
pub fn split(_text: &str) -> Vec<ItemText<'_>> {
    Vec::new()
}

/// Parses one declaration, as [`split`] yields it.
#[must_use]
pub fn parse_item(_text: &str) -> ParsedItem {
    ParsedItem { item: Item { doc: None, kind: ItemKind::Error(None), span: Span::new(0, 0) }, errors: Vec::new() }
}

/// Splits and parses a file.
#[must_use]
pub fn parse_module(text: &str) -> Module {
    Module { items: split(text).iter().map(|item| (item.offset, parse_item(item.text))).collect() }
}

/// Parses one expression; spans are shifted by `base`.
#[must_use]
pub fn parse_expr(_text: &str, base: u32) -> (Expr, Vec<SyntaxError>) {
    (Expr { kind: ExprKind::Error, span: Span::new(base, base) }, Vec::new())
}

/// The parts of a string that interpolates (`because`, names inside templates); `{{` and `}}` are braces.
/// Spans are the string's own item's.
#[must_use]
pub fn interpolation(string: &Str) -> (Vec<Part>, Vec<SyntaxError>) {
    (vec![Part::Text(string.value.to_string())], Vec::new())
}

/// Formats a file; errors are listed with spans relative to the file.
pub fn format(text: &str) -> Result<String, Vec<SyntaxError>> {
    Ok(text.to_owned())
}

/// Formats what can be read and leaves the text of everything else as it is.
#[must_use]
pub fn format_lossy(text: &str) -> String {
    text.to_owned()
}

/// The canonical text of a tree built by hand; spans are ignored.
#[must_use]
pub fn print_item(_item: &Item) -> String {
    String::new()
}

//! Text to canonical text.
//!
//! Works on tokens, so that nothing the author wrote can be lost: the parse only says where blanks go and how each
//! pair of brackets is divided. What an author wrote on one line stays on one line if it fits; what was broken over
//! lines is broken in the one way there is.

use crate::context::{Cx, Inside, Range};
use crate::group::group;
use crate::lexer::{Kind, lex};
use crate::parse::split;
use crate::terminal::{Kw, Mark};
use crate::{SyntaxError, parse};

/// The longest line that is made where there is a choice.
const WIDTH: usize = 100;
const INDENT: usize = 2;
/// Of the lines that continue a statement.
const CONTINUATION: usize = 4;

/// Whether an error leaves the text's layout knowable: a wrong column, a stray doc comment.
pub(crate) fn is_harmless(error: &SyntaxError) -> bool {
    use kspec_diagnostics::codes;
    error.code == codes::INDENTED_DECLARATION || error.code == codes::ORPHAN_DOC
}

/// A whole file. Items with errors stay as they are; the errors' spans are relative to the file.
pub(crate) fn file(text: &str) -> (String, Vec<SyntaxError>) {
    let mut errors = Vec::new();
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut end = 0;
    for piece in split(text) {
        let start = piece.offset as usize;
        let blank = gap(text.get(end..start).unwrap_or_default(), &mut out);
        if !out.is_empty() {
            out.push_str(if blank { "\n\n" } else { "\n" });
        }
        end = start + piece.text.len();
        let mut own = Vec::new();
        let grouped = group(piece.text, lex(piece.text), &mut own);
        let mut cx = Cx::new(piece.text, &grouped, own);
        parse::item(&mut cx);
        let own = std::mem::take(&mut cx.errors);
        if own.iter().all(is_harmless) {
            item(&mut cx, &mut out);
        } else {
            out.push_str(piece.text);
            errors.extend(parse::sorted(own).into_iter().filter(|e| !is_harmless(e)).map(|e| e.shifted(piece.offset)));
        }
    }
    gap(text.get(end..).unwrap_or_default(), &mut out);
    if !out.is_empty() {
        out.push('\n');
    }
    (out, errors)
}

/// The comments between two items, the first perhaps on the line of what precedes; says whether a blank line precedes
/// what follows.
fn gap(text: &str, out: &mut String) -> bool {
    let mut blank = false;
    let mut lines = text.trim_start_matches('\u{feff}').split('\n').map(str::trim);
    if let Some(trailing) = lines.next().filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push_str("  ");
        }
        out.push_str(trailing);
    }
    // What follows the last line end is the beginning of the next item's line.
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        if !line.is_empty() {
            if !out.is_empty() {
                out.push_str(if blank { "\n\n" } else { "\n" });
            }
            out.push_str(line);
            blank = false;
        } else if lines.peek().is_some() {
            blank = true;
        }
    }
    blank
}

/// Appends an item's text to `out`, which is at the start of a line.
fn item(cx: &mut Cx<'_>, out: &mut String) {
    let all = Range { lo: 0, hi: cx.grouped.tokens.len() };
    let mut printer = Printer { cx, out: std::mem::take(out), line: 0 };
    printer.line = printer.out.len();
    printer.block(all, Some(Mark::Item), 0, false);
    *out = printer.out;
}

struct Printer<'c, 'a> {
    cx: &'c mut Cx<'a>,
    out: String,
    /// Where the current line begins in `out`.
    line: usize,
}

impl Printer<'_, '_> {
    fn newline(&mut self, indent: usize) {
        self.out.push('\n');
        self.line = self.out.len();
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn column(&self) -> usize {
        self.out.get(self.line..).unwrap_or_default().chars().count()
    }

    /// A comment, or a doc comment, without the line end.
    fn comment(&mut self, at: usize) {
        let text = self.cx.text_at(at).trim_end();
        self.out.push_str(text);
    }

    fn is_break(&self, at: usize) -> bool {
        self.cx.kind(at) == Some(Kind::Newline)
    }

    /// The chunks or elements of `range`, each on a line of its own. `mark` is none for elements of `( )` and `[ ]`,
    /// which keep their commas. Begins on the current line unless `lead` asks for a line end first.
    fn block(&mut self, range: Range, mark: Option<Mark>, indent: usize, lead: bool) {
        let (mut at, mut breaks, mut first) = (range.lo, 0_usize, true);
        // No blank line follows the opening bracket, nor a comment beside it.
        let mut opening = true;
        while at < range.hi {
            let Some(kind) = self.cx.kind(at) else { break };
            match kind {
                Kind::Newline => breaks += 1,
                Kind::Comma | Kind::Semi => {}
                Kind::Comment | Kind::Doc => {
                    if breaks == 0 && (lead || !first) {
                        self.out.push_str("  ");
                    } else {
                        self.start_line(indent, breaks > 1 && !opening, first && !lead);
                        opening = false;
                    }
                    self.comment(at);
                    (first, breaks) = (false, 0);
                }
                _ => {
                    let chunk = match mark {
                        Some(mark) => {
                            let mut from = at;
                            self.cx.next_chunk(&mut from, range.hi, mark).map(|chunk| chunk.range)
                        }
                        None => Some(self.element(at, range.hi)),
                    };
                    let Some(chunk) = chunk.filter(|chunk| chunk.hi > at) else { break };
                    self.start_line(indent, breaks > 1 && !opening, first && !lead);
                    opening = false;
                    self.chunk(chunk, indent);
                    if mark.is_none() {
                        self.out.push(',');
                    }
                    (first, breaks) = (false, 0);
                    at = chunk.hi;
                    continue;
                }
            }
            at += 1;
        }
    }

    fn start_line(&mut self, indent: usize, blank: bool, on_it: bool) {
        if on_it {
            return;
        }
        if blank {
            self.out.push('\n');
        }
        self.newline(indent);
    }

    /// The element that begins at `at`, up to its comma.
    fn element(&self, mut at: usize, hi: usize) -> Range {
        let lo = at;
        let mut end = at;
        while at < hi {
            match self.cx.kind(at) {
                Some(Kind::Comma) | None => break,
                Some(kind) if kind.opens() => at = self.cx.partner(at).max(at),
                _ => {}
            }
            if self.cx.kind(at).is_some_and(|kind| !kind.is_trivia()) {
                end = at + 1;
            }
            at += 1;
        }
        Range { lo, hi: end.max(lo + 1).min(hi) }
    }

    /// A statement, a field, an element: on one line if that is possible, else broken.
    fn chunk(&mut self, range: Range, indent: usize) {
        let before = self.out.len();
        if self.flat(range, WIDTH - 1) {
            return;
        }
        self.out.truncate(before);
        let breaks = self.keeps_breaks(range);
        self.broken(range, indent, breaks);
    }

    // ---- On one line

    /// Appends `range` on the current line; says whether that was possible within `limit` columns.
    fn flat(&mut self, range: Range, limit: usize) -> bool {
        let mut at = range.lo;
        while at < range.hi {
            let Some(token) = self.cx.token(at) else { return false };
            match token.kind {
                Kind::Newline => {
                    at += 1;
                    continue;
                }
                Kind::Comment | Kind::Doc => return false,
                _ => {}
            }
            self.blank(at, range.lo);
            match (token.kind, self.inside(at)) {
                (Kind::LBrace, inside) => {
                    let close = self.cx.partner(at).max(at);
                    let mark = if let Inside::Chunks(mark) = inside { mark } else { Mark::Field };
                    if !self.flat_braces(Range { lo: at + 1, hi: close }, mark, limit) {
                        return false;
                    }
                    at = close + 1;
                }
                (kind, Inside::Elements) if kind.opens() => {
                    let close = self.cx.partner(at).max(at);
                    self.out.push_str(token.text(self.cx.text));
                    if self.is_break(at + 1) || !self.flat_elements(Range { lo: at + 1, hi: close }, limit) {
                        return false;
                    }
                    let closer = self.cx.text_at(close);
                    self.out.push_str(closer);
                    at = close + 1;
                }
                _ => {
                    self.out.push_str(token.text(self.cx.text));
                    at += 1;
                }
            }
            // Bytes are no fewer than columns; count only where that is too coarse.
            if self.out.len() - self.line > limit && self.column() > limit {
                return false;
            }
        }
        true
    }

    fn blank(&mut self, at: usize, chunk_start: usize) {
        if at > chunk_start && self.cx.layout.get(at).is_some_and(|layout| layout.blank) {
            self.out.push(' ');
        }
    }

    fn is_apart(&self, at: usize) -> bool {
        self.cx.layout.get(at).is_some_and(|layout| layout.blank)
    }

    fn inside(&self, at: usize) -> Inside {
        self.cx.layout.get(at).map(|layout| layout.inside).unwrap_or_default()
    }

    fn is_empty(&self, range: Range) -> bool {
        (range.lo..range.hi).all(|at| matches!(self.cx.kind(at), Some(Kind::Newline | Kind::Comma | Kind::Semi)))
    }

    fn flat_braces(&mut self, range: Range, mark: Mark, limit: usize) -> bool {
        if self.is_empty(range) {
            self.out.push_str("{}");
            return true;
        }
        if (range.lo..range.hi).any(|at| self.is_break(at)) {
            return false;
        }
        // Names to use read as one path: `std.roles.{viewer}`.
        let pad = if mark == Mark::UseName { "" } else { " " };
        self.out.push('{');
        self.out.push_str(pad);
        let (mut from, mut first) = (range.lo, true);
        while let Some(chunk) = self.cx.next_chunk(&mut from, range.hi, mark) {
            if chunk.doc.is_some() {
                return false;
            }
            if !std::mem::take(&mut first) {
                self.out.push_str(if mark.by_comma() { ", " } else { "; " });
            }
            if !self.flat(chunk.range, limit) {
                return false;
            }
        }
        if (range.lo..range.hi).any(|at| self.cx.kind(at) == Some(Kind::Comment)) {
            return false;
        }
        self.out.push_str(pad);
        self.out.push('}');
        self.column() <= limit
    }

    fn flat_elements(&mut self, range: Range, limit: usize) -> bool {
        let (mut at, mut first) = (range.lo, true);
        while at < range.hi {
            match self.cx.kind(at) {
                Some(Kind::Newline | Kind::Comma) => at += 1,
                Some(Kind::Comment | Kind::Doc) | None => return false,
                _ => {
                    if !std::mem::take(&mut first) {
                        self.out.push_str(", ");
                    }
                    let element = self.element(at, range.hi);
                    if !self.flat(element, limit) {
                        return false;
                    }
                    at = element.hi;
                }
            }
        }
        true
    }

    // ---- Broken over lines

    /// Whether the author's line ends in a chunk, outside its divided brackets, stay: they do where it cannot be
    /// joined to one line.
    fn keeps_breaks(&self, range: Range) -> bool {
        let mut at = range.lo;
        while at < range.hi {
            match (self.cx.kind(at), self.inside(at)) {
                (Some(Kind::Newline | Kind::Comment | Kind::Doc), _) => return true,
                (Some(kind), inside) if kind.opens() && (kind == Kind::LBrace || inside == Inside::Elements) => {
                    at = self.cx.partner(at).max(at);
                }
                _ => {}
            }
            at += 1;
        }
        false
    }

    /// Breaks where the author did; where nowhere, after the tokens that continue a line, as late as possible.
    fn broken(&mut self, range: Range, indent: usize, breaks: bool) {
        let mut at = range.lo;
        let mut hanging = indent;
        // A line end is owed, after a comment or where the author broke.
        let mut owed = false;
        let mut last = None;
        while at < range.hi {
            let Some(token) = self.cx.token(at) else { return };
            match token.kind {
                Kind::Newline => {
                    owed |= breaks;
                    at += 1;
                    continue;
                }
                Kind::Comment | Kind::Doc => {
                    if owed {
                        self.newline(indent + CONTINUATION);
                    } else {
                        self.out.push_str("  ");
                    }
                    self.comment(at);
                    owed = true;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            // A line that begins with a keyword might read like a statement of its own.
            let word = token.kind == Kind::Ident && Kw::of(token.text(self.cx.text)).is_some();
            // A sign without a blank behind it belongs to one word: `pods/log`, `8080/tcp`.
            let apart = self.is_apart(at);
            if !breaks && !word && apart && last.is_some_and(Kind::continues) && !self.segment_fits(at, range.hi) {
                owed = true;
            }
            if std::mem::take(&mut owed) {
                hanging = indent + CONTINUATION;
                self.newline(hanging);
            } else {
                self.blank(at, range.lo);
            }
            last = Some(token.kind);
            if token.kind == Kind::LBrace {
                let ends = self.cx.partner(at) + 1 >= range.hi;
                at = self.braces(at, range.hi, if ends { indent } else { hanging });
            } else if token.kind.opens() && self.inside(at) == Inside::Elements {
                at = self.elements(at, range.hi, hanging);
            } else {
                self.out.push_str(token.text(self.cx.text));
                at += 1;
            }
        }
    }

    /// Whether the tokens from `at` up to the next place for a line end fit on the line.
    fn segment_fits(&self, at: usize, hi: usize) -> bool {
        let mut column = self.column();
        for at in at..hi {
            let Some(token) = self.cx.token(at) else { break };
            column += token.text(self.cx.text).chars().count() + 1;
            if token.kind.continues() && self.is_apart(at + 1) || token.kind.opens() {
                break;
            }
        }
        column <= WIDTH + 1
    }

    /// How many columns the rest of the line takes that follows a bracket on it, up to where it may be broken.
    fn tail(&self, from: usize, hi: usize) -> usize {
        let mut columns = 0;
        for at in from..hi {
            let Some(token) = self.cx.token(at) else { break };
            if token.kind.is_trivia() {
                break;
            }
            columns +=
                token.text(self.cx.text).chars().count() + usize::from(self.cx.layout.get(at).is_some_and(|l| l.blank));
            if token.kind.opens() || token.kind.continues() {
                break;
            }
        }
        columns
    }

    fn braces(&mut self, at: usize, hi: usize, indent: usize) -> usize {
        let close = self.cx.partner(at).max(at);
        let range = Range { lo: at + 1, hi: close };
        let mark = if let Inside::Chunks(mark) = self.inside(at) { mark } else { Mark::Field };
        let before = self.out.len();
        let limit = WIDTH.saturating_sub(self.tail(close + 1, hi));
        if !self.flat_braces(range, mark, limit) {
            self.out.truncate(before);
            self.out.push('{');
            self.block(range, Some(mark), indent + INDENT, true);
            self.newline(indent);
            self.out.push('}');
        }
        close + 1
    }

    fn elements(&mut self, at: usize, hi: usize, indent: usize) -> usize {
        let close = self.cx.partner(at).max(at);
        let range = Range { lo: at + 1, hi: close };
        let (opener, closer) = (self.cx.text_at(at), self.cx.text_at(close));
        let before = self.out.len();
        let limit = WIDTH.saturating_sub(self.tail(close, hi));
        self.out.push_str(opener);
        if self.is_break(at + 1)
            || !self.flat_elements(range, limit) && !self.hug(range, before + opener.len(), limit, indent)
        {
            self.out.truncate(before);
            self.out.push_str(opener);
            self.block(range, None, indent + INDENT, true);
            self.newline(indent);
        }
        self.out.push_str(closer);
        close + 1
    }

    /// Elements on the bracket's own line, the last of which ends in braces that the author broke over lines.
    fn hug(&mut self, range: Range, from: usize, limit: usize, indent: usize) -> bool {
        self.out.truncate(from);
        let last = (range.lo..range.hi)
            .rev()
            .find(|at| !self.cx.kind(*at).is_some_and(|kind| kind.is_trivia() || kind == Kind::Comma));
        let Some(last) = last.filter(|last| self.cx.kind(*last) == Some(Kind::RBrace)) else { return false };
        let open = self.cx.partner(last);
        let inner = Range { lo: open + 1, hi: last };
        let hugged = !self.is_empty(inner) && (inner.lo..inner.hi).any(|at| self.is_break(at));
        let comments = (range.lo..open).chain(last..range.hi).any(|at| self.cx.kind(at).is_some_and(Kind::is_trivia));
        if !hugged || comments || open < range.lo {
            return false;
        }
        if !self.flat_lead(Range { lo: range.lo, hi: open }, limit) {
            return false;
        }
        self.blank(open, range.lo);
        if self.column() > limit {
            return false;
        }
        self.braces(open, range.hi, indent);
        true
    }

    /// What precedes the hugged braces: whole elements, then the beginning of the last one.
    fn flat_lead(&mut self, range: Range, limit: usize) -> bool {
        let mut at = range.lo;
        let mut first = true;
        while at < range.hi {
            let element = self.element(at, range.hi);
            if !std::mem::take(&mut first) {
                self.out.push(' ');
            }
            if !self.flat(element, limit) {
                return false;
            }
            at = element.hi;
            if self.cx.kind(at) == Some(Kind::Comma) && at < range.hi {
                self.out.push(',');
                at += 1;
            }
        }
        true
    }
}

//! Chunks: a declaration, a statement, a field. One is parsed at a time, so that one bad chunk hides no other.

use kspec_diagnostics::{Span, codes};
use lalrpop_util::ParseError;

use crate::SyntaxError;
use crate::classify::{Classifier, Spanned};
use crate::context::{Cx, Parsed, Range};
use crate::explain::{self, Unreadable};
use crate::grammar::ChunkParser;
use crate::heads::{self, Body, Head};
use crate::lexer::Kind;
use crate::mend::{self, Failure, Mend, Reading};
use crate::terminal::{Kw, Mark, T};
use crate::tree::{Expr, ExprKind, Field, ItemKind, Key, Name};

/// A chunk's tokens, and the `///` lines above it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    pub(crate) range: Range,
    pub(crate) doc: Option<Range>,
}

impl<'a> Cx<'a> {
    /// The next chunk at or after `from`, which moves past it and its separator.
    pub(crate) fn next_chunk(&mut self, from: &mut usize, hi: usize, mark: Mark) -> Option<Chunk> {
        let by_comma = mark.by_comma();
        let mut doc: Option<Range> = None;
        let mut range: Option<Range> = None;
        let mut field = false;
        let mut breaks = 0_u32;
        let mut at = *from;
        while at < hi {
            let Some(kind) = self.kind(at) else { break };
            let mut next = at + 1;
            match kind {
                Kind::Comment => breaks = 0,
                Kind::Newline => {
                    breaks += 1;
                    if breaks > 1 && range.is_none() {
                        // A doc comment belongs to what is right under it.
                        if let Some(doc) = doc.take() {
                            self.orphan_doc(doc);
                        }
                    }
                    if let Some(range) = range {
                        match self.continuation(range, next, hi, mark) {
                            Some(following) => next = following,
                            None => {
                                at = next;
                                break;
                            }
                        }
                    }
                }
                Kind::Doc => {
                    breaks = 0;
                    let line = Range { lo: at, hi: next };
                    match (&range, &mut doc) {
                        (Some(_), _) => self.orphan_doc(line),
                        (None, Some(doc)) => doc.hi = next,
                        (None, None) => doc = Some(line),
                    }
                }
                Kind::Semi if range.is_some() => {
                    at = next;
                    break;
                }
                Kind::Semi => {}
                Kind::Comma if by_comma && range.is_some() => {
                    at = next;
                    break;
                }
                Kind::Comma if range.is_some() && (field || mark == Mark::Namespace) => {
                    self.comma_between_statements(at);
                    at = next;
                    break;
                }
                _ if by_comma && mark != Mark::UseName && self.comma_forgotten(range, at, hi) => break,
                kind => {
                    if range.is_none() {
                        field = heads::has_fields(mark) && self.is_field(at, hi);
                    }
                    if kind.opens() {
                        next = self.partner(at).max(at) + 1;
                    }
                    range = Some(Range { lo: range.map_or(at, |range| range.lo), hi: next.min(hi) });
                }
            }
            at = next;
        }
        *from = at;
        match (range, doc) {
            (Some(range), doc) => Some(Chunk { range, doc }),
            (None, Some(doc)) => {
                self.orphan_doc(doc);
                None
            }
            (None, None) => None,
        }
    }

    /// Where the chunk goes on after the line end that follows `range`, if it does.
    fn continuation(&mut self, range: Range, next: usize, hi: usize, mark: Mark) -> Option<usize> {
        let following = (next..hi).find(|at| self.kind(*at).is_some_and(|kind| !kind.is_trivia()))?;
        let last = range.hi.checked_sub(1).and_then(|last| self.kind(last))?;
        let goes_on = match self.kind(following) {
            Some(Kind::Dot) => true,
            Some(Kind::LBrace) if last != Kind::Colon => {
                self.brace_on_next_line(range, following);
                true
            }
            _ => last.continues() && !self.begins_chunk(following, hi, mark),
        };
        if !goes_on {
            return None;
        }
        for at in next..following {
            if self.kind(at) == Some(Kind::Doc) {
                self.orphan_doc(Range { lo: at, hi: at + 1 });
            }
        }
        Some(following)
    }

    /// Whether what stands at `at` looks like a whole chunk, so that the line above it is half typed rather than
    /// continued.
    fn begins_chunk(&self, at: usize, hi: usize, mark: Mark) -> bool {
        let fields = mark == Mark::Field || heads::has_fields(mark);
        if fields && self.is_field(at, hi) {
            return true;
        }
        let word = self.text_at(at);
        let begins = match Kw::of(word) {
            Some(kw) => heads::head(mark, kw).is_some() || mark == Mark::Item && kw == Kw::Existing,
            None => false,
        };
        begins
            && match self.kind(at + 1) {
                Some(Kind::Ident | Kind::LBrace | Kind::Arrow) => true,
                // `user "x"` and `group "x"` are subjects, not declarations.
                Some(Kind::Str) => mark != Mark::Item || word == Kw::Test.text(),
                _ => false,
            }
    }

    fn brace_on_next_line(&mut self, range: Range, brace: usize) {
        let (Some(last), Some(brace)) = (range.hi.checked_sub(1).and_then(|at| self.token(at)), self.token(brace))
        else {
            return;
        };
        let (gap, span) = (self.span(last.end, brace.start), self.span(brace.start, brace.end));
        self.errors.push(
            SyntaxError::new(codes::UNEXPECTED_TOKEN, "this `{` stands on a line of its own", span)
                .help("a body begins on the line of what it belongs to")
                .fix("join the lines", gap, " "),
        );
    }

    /// Whether a field begins at `at` right after another one's value, which is then told.
    fn comma_forgotten(&mut self, range: Option<Range>, at: usize, hi: usize) -> bool {
        let Some(last) = range.and_then(|range| range.hi.checked_sub(1)).and_then(|last| self.token(last)) else {
            return false;
        };
        let (true, true, Some(token)) = (last.kind.ends_value(), self.is_field(at, hi), self.token(at)) else {
            return false;
        };
        let (before, found) = (explain::shown(last.text(self.text)), token.text(self.text));
        let message = format!("expected a comma after `{before}`, found `{found}`");
        self.errors.push(
            SyntaxError::new(codes::UNEXPECTED_TOKEN, message, self.span(token.start, token.end))
                .help("fields are written `name: value`, one a line or separated by commas")
                .fix("write the comma", self.span(last.end, last.end), ","),
        );
        true
    }

    fn comma_between_statements(&mut self, at: usize) {
        let Some(token) = self.token(at) else { return };
        let span = self.span(token.start, token.end);
        let ends_line = matches!(self.kind(at + 1), Some(Kind::Newline | Kind::Comment) | None);
        let (title, text) = if ends_line { ("remove the comma", "") } else { ("write `;`", ";") };
        self.errors.push(
            SyntaxError::new(codes::UNEXPECTED_TOKEN, "a comma between statements", span)
                .help("statements stand on lines of their own, or are separated by `;`")
                .fix(title, span, text),
        );
    }

    /// Whether `name:`, `a.b:` or `"text":` stands at `at`.
    pub(crate) fn is_field(&self, at: usize, hi: usize) -> bool {
        match self.kind(at) {
            Some(Kind::Str) => at + 1 < hi && self.kind(at + 1) == Some(Kind::Colon),
            Some(Kind::Ident) => {
                let mut next = at + 1;
                while self.kind(next) == Some(Kind::Dot) && self.kind(next + 1) == Some(Kind::Ident) {
                    next += 2;
                }
                next < hi && self.kind(next) == Some(Kind::Colon)
            }
            _ => false,
        }
    }

    /// Parses a chunk; what is wrong with it is reported.
    pub(crate) fn chunk(&mut self, mark: Mark, range: Range) -> Option<Box<Parsed>> {
        match mark {
            Mark::Field | Mark::TypeField | Mark::Expr | Mark::Stamp => self.read(mark, &heads::PLAIN, range, &[]),
            Mark::UseName => self.read(mark, &heads::USE_NAME, range, &[]),
            _ => self.statement(mark, range),
        }
    }

    fn statement(&mut self, mark: Mark, range: Range) -> Option<Box<Parsed>> {
        if heads::has_fields(mark) && self.is_field(range.lo, range.hi) {
            return self.read(Mark::Field, &heads::PLAIN, range, &[]);
        }
        let mut words: Vec<(usize, Kw)> = Vec::new();
        let mut at = range.lo;
        if mark == Mark::Item && self.text_at(at) == "existing" && self.kind(at + 1) == Some(Kind::Ident) {
            words.push((at, Kw::Existing));
            at += 1;
        }
        let text = self.text_at(at);
        let followed = self.kind(at + 1).filter(|_| at + 1 < range.hi);
        if self.kind(at) != Some(Kind::Ident) {
            self.no_statement(mark, at, None);
            return self.lost(mark, None);
        }
        let known = Kw::of(text).and_then(|kw| heads::head(mark, kw));
        if mark == Mark::Item && words.is_empty() && matches!(followed, Some(Kind::LParen | Kind::Dot)) {
            return self.read(Mark::Stamp, &heads::PLAIN, range, &[]);
        }
        let head = match known {
            Some(head) => head,
            None => match explain::nearest(text, heads::heads(mark).iter().map(|head| head.kw.text())) {
                Some(meant) => {
                    self.misspelt(mark, at, meant);
                    Kw::of(meant).and_then(|kw| heads::head(mark, kw))?
                }
                None => {
                    self.no_statement(mark, at, followed);
                    let name = self.name_at(at + 1, range.hi);
                    return self.lost(mark, name);
                }
            },
        };
        let head = self.variant(mark, head, Range { lo: at + 1, hi: range.hi });
        words.push((at, head.kw));
        match self.read(mark, head, range, &words) {
            Some(parsed) => Some(parsed),
            None => {
                let name = self.name_at(at + 1, range.hi).filter(|_| explain::declares(head.kw));
                self.lost(mark, name)
            }
        }
    }

    /// `audit` and `expect` begin two forms each.
    fn variant(&self, mark: Mark, head: &'static Head, rest: Range) -> &'static Head {
        let other = match (mark, head.kw) {
            (Mark::Item, Kw::Audit) => rest.lo < rest.hi && self.kind(rest.lo) != Some(Kind::LBrace),
            (Mark::Test, Kw::Expect) => self.is_claim(rest),
            _ => false,
        };
        heads::other(head.kw).filter(|_| other).unwrap_or(head)
    }

    /// Whether a word of claims stands between operands, outside brackets, or one begins it, perhaps after `not`.
    fn is_claim(&self, range: Range) -> bool {
        let is_word = |at: usize| at < range.hi && self.kind(at) == Some(Kind::Ident);
        let first = if is_word(range.lo) && self.text_at(range.lo) == "not" { range.lo + 1 } else { range.lo };
        let begins = is_word(first) && matches!(self.text_at(first), "audited" | "both");
        if begins && is_word(first + 1) && !matches!(self.text_at(first + 1), "in" | "by") {
            return true;
        }
        let mut at = range.lo;
        while at < range.hi {
            match self.kind(at) {
                Some(kind) if kind.opens() => at = self.partner(at),
                Some(Kind::Ident) if at > first && matches!(self.text_at(at), "can" | "reaches") => return true,
                _ => {}
            }
            at += 1;
        }
        false
    }

    fn name_at(&mut self, at: usize, hi: usize) -> Option<Name> {
        let token = self.token(at).filter(|token| token.kind == Kind::Ident && at < hi)?;
        Some(self.name(token.text(self.text), token.start, token.end))
    }

    /// What stands for a chunk that could not be read: an error item, or nothing.
    fn lost(&mut self, mark: Mark, name: Option<Name>) -> Option<Box<Parsed>> {
        (mark == Mark::Item).then(|| Box::new(Parsed::Item(Box::new(ItemKind::Error(name)))))
    }

    /// Reads a chunk; where the grammar refuses it, with the smallest changes that let it be read on.
    fn read(&mut self, mark: Mark, head: &Head, range: Range, words: &[(usize, Kw)]) -> Option<Box<Parsed>> {
        let reading = Reading { mark, head, range, words };
        let known = self.errors.len();
        let mut failure = match self.attempt(reading, &[]) {
            Ok(parsed) => return Some(parsed),
            Err(failure) => failure,
        };
        let (mut mends, mut told) = (Vec::new(), Vec::new());
        loop {
            // What does not fit beside a character that was reported is no second mistake.
            let bad = self.errors.get(known..).unwrap_or_default().iter().any(|e| e.code == codes::BAD_CHARACTER);
            if bad {
                break;
            }
            told.push(explain::unreadable(
                self,
                &Unreadable {
                    mark,
                    head,
                    found: failure.found,
                    expected: &failure.expected,
                    terminals: &failure.terminals,
                },
            ));
            if told.len() == mend::MOST || !self.mend(reading, &mut mends, &failure) || !self.spend(range) {
                break;
            }
            self.errors.truncate(known);
            match self.attempt(reading, &mends) {
                Ok(parsed) => {
                    self.recycle(failure.terminals);
                    self.errors.append(&mut told);
                    return Some(parsed);
                }
                Err(next) => self.recycle(std::mem::replace(&mut failure, next).terminals),
            }
        }
        self.errors.append(&mut told);
        if let Some((_, T::Body(open), _)) = failure.terminals.last() {
            self.salvage(*open, head.body);
        }
        let field = self.field_without_value(mark, &failure.terminals);
        self.recycle(failure.terminals);
        field
    }

    /// The field that could not be read, so that it counts as given.
    fn field_without_value(&mut self, mark: Mark, terminals: &[Spanned<'a>]) -> Option<Box<Parsed>> {
        let (start, terminal, end) = *terminals.get(1).filter(|_| mark == Mark::Field)?;
        let key = match terminal {
            T::Key(text) => self.key(text, start, end),
            T::Str(text) => {
                let text = self.string(text, start, end);
                Key { text: text.value, quoted: true, span: text.span }
            }
            _ => return None,
        };
        let value = Expr { kind: ExprKind::Error, span: key.span };
        Some(Box::new(Parsed::Field(Field { key, value })))
    }

    /// Reads a chunk with changes to its tokens; what the grammar refuses is for the caller to tell.
    pub(crate) fn attempt(&mut self, reading: Reading<'_>, mends: &[Mend]) -> Result<Box<Parsed>, Failure<'a>> {
        let outer = self.loose_record.take();
        let terminals = Classifier::new(self, reading, mends).run();
        let loose = std::mem::replace(&mut self.loose_record, outer);
        match ChunkParser::new().parse(self, terminals.iter().copied().map(Ok::<_, ()>)) {
            Ok(parsed) => {
                self.recycle(terminals);
                if let Some(span) = loose {
                    self.errors.push(
                        SyntaxError::new(codes::UNEXPECTED_TOKEN, "a record here reads like the body", span)
                            .help("put the record in parentheses: `({ … })`"),
                    );
                }
                Ok(parsed)
            }
            Err(error) => {
                let found = match &error {
                    ParseError::UnrecognizedToken { token: (start, terminal, end), .. }
                    | ParseError::ExtraToken { token: (start, terminal, end) } => Some((*start, *terminal, *end)),
                    _ => None,
                };
                let expected = match error {
                    ParseError::UnrecognizedToken { expected, .. } | ParseError::UnrecognizedEof { expected, .. } => {
                        expected
                    }
                    _ => Vec::new(),
                };
                Err(Failure { terminals, found, expected })
            }
        }
    }

    /// Reads a body whose statement could not be, for the body's own errors.
    fn salvage(&mut self, open: u32, body: Body) {
        match body {
            Body::None => {}
            Body::Record => self.errors_inside(open, Mark::Field),
            Body::Of(mark) => self.errors_inside(open, mark),
        }
    }

    fn misspelt(&mut self, mark: Mark, at: usize, meant: &'static str) {
        let (text, Some(token)) = (self.text_at(at), self.token(at)) else { return };
        let span = self.span(token.start, token.end);
        self.errors.push(
            SyntaxError::new(codes::UNEXPECTED_TOKEN, explain::nowhere(text, mark), span)
                .help(format!("did you mean `{meant}`?"))
                .fix(format!("write `{meant}`"), span, meant),
        );
    }

    fn no_statement(&mut self, mark: Mark, at: usize, followed: Option<Kind>) {
        let Some(token) = self.token(at) else { return };
        if token.kind == Kind::Bad {
            self.bad_character(token);
            return;
        }
        let text = explain::shown(token.text(self.text));
        let span: Span = self.span(token.start, token.end);
        let words = heads::heads(mark).iter().map(|head| format!("`{}`", head.kw.text())).collect::<Vec<_>>();
        let begins = match mark {
            Mark::Item => {
                "a declaration begins with a word such as `namespace`, `role`, `grant` or `network`".to_owned()
            }
            _ => format!("here statements begin with {}", explain::list(&words, "or")),
        };
        let help = if let Some(elsewhere) = explain::elsewhere(&text) {
            format!("{elsewhere}; {begins}")
        } else if heads::has_fields(mark) && token.kind == Kind::Ident {
            let written =
                if followed == Some(Kind::Eq) { "a field is written with a colon" } else { "a field is written" };
            format!("{written}: `{text}: value`; {begins}")
        } else {
            begins
        };
        self.errors.push(SyntaxError::new(codes::UNEXPECTED_TOKEN, explain::nowhere(&text, mark), span).help(help));
    }
}

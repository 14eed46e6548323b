//! A file's tokens to its top-level declarations.
//!
//! A declaration starts at column 0, or after a whole one; lines that begin none belong to the one above. Inside
//! brackets a line at column 0 begins a declaration only if its first word says so: the brackets were left open.

use crate::heads::begins_item;
use crate::lexer::{Kind, Tok};
use crate::terminal::Kw;

/// The byte ranges of the declarations, doc comments included.
pub(crate) fn ranges(text: &str, tokens: &[Tok]) -> Vec<(u32, u32)> {
    let mut splitter = Splitter { text, tokens, out: Vec::new() };
    splitter.run(0, tokens.len(), false);
    splitter.out
}

struct Splitter<'a> {
    text: &'a str,
    tokens: &'a [Tok],
    out: Vec<(u32, u32)>,
}

/// A declaration under way.
struct Current {
    first: usize,
    /// One past its last token that is no line end or comment.
    end: usize,
    /// Whether there is nothing but doc comments yet.
    only_docs: bool,
    /// Where its first line begins.
    start: u32,
}

/// What is known where a line begins.
#[derive(Clone, Copy)]
struct Line {
    column: u32,
    /// How many brackets are open.
    depth: usize,
    /// The last token before it.
    last: Option<Kind>,
    blank_line: bool,
    shattered: bool,
}

impl Splitter<'_> {
    /// Splits the tokens `lo..hi`; `shattered` takes any word at column 0 for a beginning.
    fn run(&mut self, lo: usize, hi: usize, shattered: bool) {
        let mut current: Option<Current> = None;
        let mut depth = 0_usize;
        let mut line_start = self.line_start(lo);
        let mut fresh = true;
        let mut last = None;
        let mut breaks = 0_u32;
        for at in lo..hi {
            let Some(token) = self.tokens.get(at).copied() else { break };
            match token.kind {
                Kind::Newline => {
                    (line_start, fresh) = (token.end, true);
                    breaks += 1;
                    continue;
                }
                Kind::Comment => {
                    breaks = 0;
                    continue;
                }
                _ => {}
            }
            let blank_line = std::mem::take(&mut breaks) > 1;
            if std::mem::take(&mut fresh) || current.is_none() {
                let column = self.column(line_start, token.start);
                let begins = match &current {
                    None => true,
                    Some(current) => {
                        self.begins(at, token, Line { column, depth, last, blank_line, shattered }, current.only_docs)
                    }
                };
                if begins {
                    self.finish(current.take(), depth, shattered);
                    let start = if column == 0 { token.start } else { line_start.min(token.start) };
                    current = Some(Current { first: at, end: at, only_docs: true, start });
                    depth = 0;
                }
            }
            if let Some(current) = &mut current {
                current.end = at + 1;
                current.only_docs &= token.kind == Kind::Doc;
            }
            if token.kind.opens() {
                depth += 1;
            } else if token.kind.closes() {
                depth = depth.saturating_sub(1);
            }
            if token.kind != Kind::Doc {
                last = Some(token.kind);
            }
        }
        self.finish(current, depth, shattered);
    }

    /// Whether the first token of a line begins a declaration although one is under way.
    fn begins(&self, at: usize, token: Tok, line: Line, only_docs: bool) -> bool {
        let Line { column, depth, last, blank_line, shattered } = line;
        if only_docs {
            // A doc comment belongs to what is right under it.
            return blank_line;
        }
        let text = token.text(self.text);
        match token.kind {
            Kind::Doc => column == 0 || depth == 0 && !last.is_some_and(Kind::continues),
            Kind::Ident if depth > 0 => column == 0 && (shattered || self.is_declaration(at, text)),
            Kind::Ident if column > 0 => !last.is_some_and(Kind::continues) && self.is_declaration(at, text),
            Kind::Ident => !last.is_some_and(Kind::continues) || self.is_declaration(at, text),
            Kind::Dot => false,
            Kind::LBrace => depth == 0 && blank_line,
            kind if kind.closes() || depth > 0 || column > 0 => false,
            _ => !last.is_some_and(Kind::continues),
        }
    }

    /// Whether a word that begins declarations is followed by what may follow one.
    fn is_declaration(&self, at: usize, text: &str) -> bool {
        begins_item(text)
            && self.tokens.get(at + 1).is_none_or(|next| {
                match next.kind {
                    Kind::Ident | Kind::LBrace | Kind::Newline | Kind::Comment => true,
                    // `user "x"` and `group "x"` are subjects.
                    Kind::Str | Kind::UnclosedStr => text == Kw::Test.text(),
                    _ => false,
                }
            })
    }

    fn finish(&mut self, current: Option<Current>, depth: usize, shattered: bool) {
        let Some(current) = current else { return };
        if depth > 0 && !shattered {
            // Brackets were left open, so that what follows may have been swallowed.
            self.run(current.first, current.end, true);
            return;
        }
        if let Some(end) = current.end.checked_sub(1).and_then(|last| self.tokens.get(last)).map(|token| token.end) {
            self.out.push((current.start, end));
        }
    }

    fn line_start(&self, at: usize) -> u32 {
        let before = self.tokens.get(..at).unwrap_or_default();
        before.iter().rev().find(|token| token.kind == Kind::Newline).map_or(0, |newline| newline.end)
    }

    /// The column in bytes; a byte order mark takes none.
    fn column(&self, line_start: u32, at: u32) -> u32 {
        let blanks = self.text.get(line_start as usize..at as usize).unwrap_or_default();
        u32::try_from(blanks.trim_start_matches('\u{feff}').len()).unwrap_or(u32::MAX)
    }
}

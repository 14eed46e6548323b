//! Brackets: which belongs to which, also where some are missing.
//!
//! In: an item's tokens. Out: the tokens with every bracket matched, and what had to be mended. Where the brackets
//! do not balance, indentation tells which one is missing: a line that stands no deeper than the line of an opening
//! bracket is no longer inside it.

use kspec_diagnostics::{Span, codes};

use crate::SyntaxError;
use crate::lexer::{Kind, Tok};

/// How deep brackets may nest.
pub(crate) const MAX_NESTING: usize = 64;

/// Tokens whose brackets all match.
#[derive(Debug, Default)]
pub(crate) struct Grouped {
    pub(crate) tokens: Vec<Tok>,
    /// For each bracket the index of its partner; of no meaning for other tokens.
    pub(crate) partner: Vec<u32>,
}

impl Grouped {
    /// The index of a bracket's partner.
    pub(crate) fn partner(&self, of: usize) -> usize {
        self.partner.get(of).map_or(of, |at| *at as usize)
    }
}

/// Matches brackets.
pub(crate) fn group(text: &str, tokens: Vec<Tok>, errors: &mut Vec<SyntaxError>) -> Grouped {
    let (mut partner, balance) = match_brackets(&tokens);
    let mut tokens = tokens;
    if balance == Balance::Broken {
        tokens = repair(text, &tokens, errors);
        let (mended, _) = match_brackets(&tokens);
        partner = mended;
    }
    if balance != Balance::Even && depth(&tokens) > MAX_NESTING {
        tokens = prune(&tokens, &partner, errors);
        let (pruned, _) = match_brackets(&tokens);
        partner = pruned;
    }
    Grouped { tokens, partner }
}

#[derive(PartialEq, Eq)]
enum Balance {
    Even,
    /// Even, yet nested beyond the bound.
    Deep,
    Broken,
}

fn match_brackets(tokens: &[Tok]) -> (Vec<u32>, Balance) {
    let mut partner = vec![0; tokens.len()];
    let mut open: Vec<usize> = Vec::new();
    let mut deep = false;
    for (at, token) in tokens.iter().enumerate() {
        if token.kind.opens() {
            open.push(at);
            deep |= open.len() > MAX_NESTING;
        } else if token.kind.closes() {
            let Some(opener) = open.pop() else { return (partner, Balance::Broken) };
            if tokens.get(opener).is_none_or(|opener| opener.kind.closer() != token.kind) {
                return (partner, Balance::Broken);
            }
            set(&mut partner, opener, at);
            set(&mut partner, at, opener);
        }
    }
    let balance = match (open.is_empty(), deep) {
        (false, _) => Balance::Broken,
        (true, true) => Balance::Deep,
        (true, false) => Balance::Even,
    };
    (partner, balance)
}

fn set(partner: &mut [u32], at: usize, to: usize) {
    if let (Some(slot), Ok(to)) = (partner.get_mut(at), u32::try_from(to)) {
        *slot = to;
    }
}

fn depth(tokens: &[Tok]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in tokens {
        if token.kind.opens() {
            depth += 1;
            deepest = deepest.max(depth);
        } else if token.kind.closes() {
            depth = depth.saturating_sub(1);
        }
    }
    deepest
}

/// Replaces what lies beyond the bound by one token that stands for a value already reported.
fn prune(tokens: &[Tok], partner: &[u32], errors: &mut Vec<SyntaxError>) -> Vec<Tok> {
    let mut kept = Vec::new();
    let (mut at, mut depth) = (0, 0);
    while let Some(token) = tokens.get(at) {
        if token.kind.opens() {
            if depth == MAX_NESTING {
                let close = partner.get(at).map_or(at, |close| *close as usize);
                let end = tokens.get(close).map_or(token.end, |close| close.end);
                if !errors.iter().any(|e| e.code == codes::NESTED_TOO_DEEPLY) {
                    let message = format!("brackets nest more than {MAX_NESTING} deep here");
                    let span = Span::new(token.start, token.end);
                    errors.push(
                        SyntaxError::new(codes::NESTED_TOO_DEEPLY, message, span).help("name a part of it with `let`"),
                    );
                }
                kept.push(Tok { kind: Kind::Deep, start: token.start, end });
                at = close + 1;
                continue;
            }
            depth += 1;
        } else if token.kind.closes() {
            depth = depth.saturating_sub(1);
        }
        kept.push(*token);
        at += 1;
    }
    kept
}

struct Open {
    token: Tok,
    /// The indentation of the line it stands in.
    indent: u32,
}

/// The tokens with missing closing brackets put in and stray ones left out.
fn repair(text: &str, tokens: &[Tok], errors: &mut Vec<SyntaxError>) -> Vec<Tok> {
    let out = Vec::with_capacity(tokens.len() + 8);
    let mut repair = Repair { text, open: Vec::new(), counts: [0; 3], out, errors };
    repair.run(tokens);
    repair.out
}

struct Repair<'r> {
    text: &'r str,
    /// The brackets that are open, outermost first.
    open: Vec<Open>,
    /// How many of each sign are open: a file of closing brackets must not search the open ones for each.
    counts: [usize; 3],
    out: Vec<Tok>,
    errors: &'r mut Vec<SyntaxError>,
}

impl Repair<'_> {
    fn run(&mut self, tokens: &[Tok]) {
        let (mut line_start, mut indent, mut fresh_line) = (0, 0, true);
        for token in tokens {
            if token.kind == Kind::Newline {
                (line_start, fresh_line) = (token.end, true);
            } else if !token.kind.is_trivia() {
                if std::mem::take(&mut fresh_line) {
                    indent = if line_start == 0 { 0 } else { token.start.saturating_sub(line_start) };
                    self.leave_by_indentation(*token, indent);
                }
                if token.kind.opens() {
                    self.count(token.kind, 1);
                    self.open.push(Open { token: *token, indent });
                } else if token.kind.closes() {
                    self.close(*token, line_start);
                    continue;
                }
            }
            self.out.push(*token);
        }
        self.close_down_to(0);
    }

    /// Closes what the first token of a line shows to be behind.
    fn leave_by_indentation(&mut self, token: Tok, indent: u32) {
        if token.kind.closes() {
            let own = |entry: &Open| entry.indent == indent && entry.token.kind.closer() == token.kind;
            if self.is_open(token.kind)
                && let Some(owner) = self.open.iter().rposition(own)
            {
                self.close_down_to(owner + 1);
            }
        } else if let Some(left) = self.open.iter().position(|entry| entry.indent >= indent) {
            self.close_down_to(left);
        }
    }

    fn close(&mut self, token: Tok, line_start: u32) {
        if self.is_open(token.kind)
            && let Some(owner) = self.open.iter().rposition(|entry| entry.token.kind.closer() == token.kind)
        {
            self.close_down_to(owner + 1);
            self.pop();
            self.out.push(token);
            return;
        }
        let (bracket, span) = (token.text(self.text), Span::new(token.start, token.end));
        // The wrong sign where the innermost bracket of the same line ends.
        if self.open.last().is_some_and(|top| top.token.start >= line_start)
            && let Some(Open { token: top, .. }) = self.pop()
        {
            let right = closer_of(top.kind);
            let message = format!("this `{bracket}` closes a `{}`", top.text(self.text));
            self.errors.push(
                SyntaxError::new(codes::UNCLOSED_BRACKET, message, span)
                    .label(Span::new(top.start, top.end), "opened here")
                    .help(format!("write `{right}`"))
                    .fix(format!("write `{right}`"), span, right),
            );
            self.out.push(Tok { kind: top.kind.closer(), ..token });
            return;
        }
        self.errors.push(
            SyntaxError::new(codes::UNCLOSED_BRACKET, format!("this `{bracket}` closes nothing"), span)
                .help(format!("remove it, or open its `{}`", opener_of(token.kind)))
                .fix(format!("remove `{bracket}`"), span, ""),
        );
    }

    /// Closes all but the outermost `keep` brackets after the last token that is no line end or comment.
    fn close_down_to(&mut self, keep: usize) {
        if self.open.len() <= keep {
            return;
        }
        let at = self.out.iter().rposition(|token| !token.kind.is_trivia()).map_or(0, |last| last + 1);
        let end = at.checked_sub(1).and_then(|last| self.out.get(last)).map_or(0, |last| last.end);
        let mut closers = Vec::new();
        while self.open.len() > keep {
            let Some(Open { token, .. }) = self.pop() else { break };
            let (bracket, closer) = (token.text(self.text), closer_of(token.kind));
            let span = Span::new(token.start, token.end);
            self.errors.push(
                SyntaxError::new(codes::UNCLOSED_BRACKET, format!("this `{bracket}` is never closed"), span)
                    .label(Span::new(end, end), format!("a `{closer}` was expected by here"))
                    .help(format!("write the `{closer}` that closes it")),
            );
            closers.push(Tok { kind: token.kind.closer(), start: end, end });
        }
        self.out.splice(at..at, closers);
    }

    fn pop(&mut self) -> Option<Open> {
        let top = self.open.pop()?;
        self.count(top.token.kind, -1);
        Some(top)
    }

    fn is_open(&self, closer: Kind) -> bool {
        self.counts.get(slot(closer)).is_some_and(|count| *count > 0)
    }

    fn count(&mut self, kind: Kind, by: isize) {
        if let Some(count) = self.counts.get_mut(slot(kind)) {
            *count = count.saturating_add_signed(by);
        }
    }
}

/// The same for a bracket and its partner.
fn slot(kind: Kind) -> usize {
    match kind {
        Kind::LParen | Kind::RParen => 0,
        Kind::LBracket | Kind::RBracket => 1,
        _ => 2,
    }
}

fn closer_of(kind: Kind) -> &'static str {
    match kind {
        Kind::LParen => ")",
        Kind::LBracket => "]",
        _ => "}",
    }
}

fn opener_of(kind: Kind) -> char {
    match kind {
        Kind::RParen => '(',
        Kind::RBracket => '[',
        _ => '{',
    }
}

//! Tokens of one chunk to the grammar's terminals.
//!
//! In: a chunk's tokens and its head. Out: terminals, and for each token whether the formatter puts a blank before it.
//! Two rules make keywords contextual: where a name or a value is expected a word is a name (bar a few prefixes such
//! as `pods where`), and after one it is a keyword of its statement, since two names never stand side by side.

use crate::context::{Cx, Inside as Divided, Range};
use crate::heads::{After, Body, Head, On};
use crate::lexer::{Kind, Tok};
use crate::mend::{Change, Mend, Reading};
use crate::terminal::{Kw, KwSet, Mark, T};

/// A terminal and where it stands.
pub(crate) type Spanned<'a> = (u32, T<'a>, u32);

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Operand,
    Operator,
}

/// What an open parenthesis or bracket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Expressions,
    Params,
}

pub(crate) struct Classifier<'c, 'a> {
    cx: &'c mut Cx<'a>,
    head: &'c Head,
    mark: Mark,
    out: Vec<Spanned<'a>>,
    next: Next,
    inside: Vec<Inside>,
    /// Whether names are resources or kinds until the next keyword.
    resources: bool,
    /// Whether a type is being read.
    types: bool,
    /// How many `<` of it are open.
    angles: u32,
    /// Whether the condition after `where` is being read.
    condition: bool,
    /// Whether an `except` of a block of addresses is being read.
    except: bool,
    /// Whether the `in` that a `for` or a scope has is behind.
    seen_in: bool,
    /// Names still to be taken as names, whatever they spell.
    names_due: u8,
    /// Conditionals whose `then` or `else` is still to come.
    conditionals: u32,
    /// No blank before the next token.
    tight: bool,
    last: usize,
    /// The chunk's first words, which are known.
    words: &'c [(usize, Kw)],
    range: Range,
    mends: &'c [Mend],
}

const RESERVED: KwSet = KwSet::of(&[Kw::Any, Kw::All, Kw::Dns, Kw::Internet]);

impl<'c, 'a> Classifier<'c, 'a> {
    /// For the tokens of a chunk, with changes to them.
    pub(crate) fn new(cx: &'c mut Cx<'a>, reading: Reading<'c>, mends: &'c [Mend]) -> Self {
        let Reading { mark, head, range, words } = reading;
        let out = cx.buffer();
        Self {
            cx,
            head,
            mark,
            out,
            next: Next::Operand,
            inside: Vec::new(),
            resources: false,
            types: false,
            angles: 0,
            condition: false,
            except: false,
            seen_in: false,
            names_due: 0,
            conditionals: 0,
            tight: false,
            last: 0,
            words,
            range,
            mends,
        }
    }

    /// The terminals of the chunk's tokens.
    pub(crate) fn run(mut self) -> Vec<Spanned<'a>> {
        let (range, heads) = (self.range, self.words);
        let start = self.cx.token(range.lo).map_or(0, |t| t.start);
        self.out.push((start, T::Mark(self.mark), start));
        for (at, kw) in heads {
            if let Some(token) = self.cx.token(*at) {
                self.push(*at, token.start, T::Kw(*kw), token.end);
            }
        }
        let mut at = heads.last().map_or(range.lo, |(at, _)| at + 1);
        if !heads.is_empty() {
            match self.head.after {
                After::Operand => {}
                After::Keyword => self.next = Next::Operator,
                After::KindAndName => self.names_due = 2,
            }
            self.resources = self.head.kw == Kw::Encrypt;
        }
        self.last = range.hi;
        if self.mark == Mark::Field {
            at = self.key(at);
        }
        if self.mark == Mark::Test && self.head.kw == Kw::Expect {
            at = self.expectation(at);
        }
        while at < range.hi {
            at = match self.mended(at) {
                Some(next) => next,
                None => self.step(at),
            };
        }
        self.out
    }

    /// Takes the token at `at` as it was changed, if it was; yields the next one's index.
    fn mended(&mut self, at: usize) -> Option<usize> {
        let mend = self.mends.iter().find(|mend| mend.at == at)?;
        let token = self.cx.token(at)?;
        match mend.change {
            Change::Skip => return Some(if token.kind.opens() { self.cx.partner(at) + 1 } else { at + 1 }),
            Change::Keyword(kw) => {
                self.next = self.joint(kw);
                self.push(at, token.start, T::Kw(kw), token.end);
                return Some(at + 1);
            }
            Change::Insert(terminal) => {
                self.next = match terminal {
                    T::Kw(kw) => self.joint(kw),
                    T::BadValue => Next::Operator,
                    _ => Next::Operand,
                };
                self.out.push((token.start, terminal, token.start));
            }
        }
        None
    }

    fn push(&mut self, at: usize, start: u32, terminal: T<'a>, end: u32) {
        let blank = self.out.len() > 1 && !self.tight;
        self.cx.set_blank(at, blank);
        self.tight = false;
        self.out.push((start, terminal, end));
    }

    /// The first token at or after `at` that is no line end or comment.
    fn peek(&self, mut at: usize) -> Option<Tok> {
        while at < self.last {
            let token = self.cx.token(at)?;
            if !token.kind.is_trivia() {
                return Some(token);
            }
            at += 1;
        }
        None
    }

    fn peek_word(&self, at: usize) -> Option<&'a str> {
        self.peek(at).filter(|t| t.kind == Kind::Ident).map(|t| t.text(self.cx.text))
    }

    /// A record's key: all up to the colon is one terminal.
    fn key(&mut self, at: usize) -> usize {
        let Some(first) = self.cx.token(at) else { return at };
        if first.kind != Kind::Ident {
            return at;
        }
        let (mut end, mut next) = (first.end, at + 1);
        while let (Some(dot), Some(word)) = (self.cx.token(next), self.cx.token(next + 1)) {
            if dot.kind != Kind::Dot || word.kind != Kind::Ident || next + 1 >= self.last {
                break;
            }
            self.cx.set_blank(next, false);
            self.cx.set_blank(next + 1, false);
            end = word.end;
            next += 2;
        }
        let text = self.cx.text.get(first.start as usize..end as usize).unwrap_or_default();
        self.push(at, first.start, T::Key(text), end);
        self.next = Next::Operator;
        next
    }

    /// What stands after `expect`: perhaps `not`, then a verdict, a claim or an expression.
    fn expectation(&mut self, mut at: usize) -> usize {
        let Some(mut token) = self.cx.token(at).filter(|_| at < self.last) else { return at };
        if token.text(self.cx.text) == "not" && self.peek(at + 1).is_some() {
            self.push(at, token.start, T::Kw(Kw::NotWord), token.end);
            at += 1;
            let Some(next) = self.cx.token(at) else { return at };
            token = next;
        }
        if self.head.parties {
            self.out.push((token.start, T::Claim, token.start));
        } else if token.kind == Kind::Ident {
            let ends = self.peek(at + 1).is_none() || self.peek_word(at + 1) == Some("by");
            if ends && !matches!(token.text(self.cx.text), "true" | "false") {
                self.push(at, token.start, T::Verdict(token.text(self.cx.text)), token.end);
                self.next = Next::Operator;
                return at + 1;
            }
        }
        at
    }

    /// Takes one token, or several that are one terminal; yields the next one's index.
    fn step(&mut self, at: usize) -> usize {
        let Some(token) = self.cx.token(at) else { return self.last };
        let (start, end) = (token.start, token.end);
        let text = token.text(self.cx.text);
        if token.kind == Kind::LBrace {
            return self.braces(at, token);
        }
        let operator = self.next == Next::Operator;
        let (terminal, next) = match token.kind {
            Kind::Newline | Kind::Comment => return at + 1,
            Kind::Doc => return at + 1,
            Kind::Bad => {
                self.cx.bad_character(token);
                return at + 1;
            }
            Kind::Ident => return self.word(at, token, text),
            Kind::Str | Kind::RawStr => {
                self.names_due = 0;
                (T::Str(text), Next::Operator)
            }
            Kind::UnclosedStr => {
                self.cx.unclosed_string(token);
                (T::Str(text), Next::Operator)
            }
            Kind::Int => (T::Int(text), Next::Operator),
            Kind::Float => (T::Float(text), Next::Operator),
            Kind::Unit => (self.cx.unit(token), Next::Operator),
            Kind::Dotted => {
                self.cx.bad_dotted(token);
                (T::BadValue, Next::Operator)
            }
            Kind::Deep => (T::BadValue, Next::Operator),
            Kind::Date => (T::Date(text), Next::Operator),
            Kind::Cidr => (T::Cidr(text), Next::Operator),
            Kind::Port => (T::Port(text), Next::Operator),
            Kind::LParen => return self.open(at, token, T::LParen),
            Kind::LBracket => return self.open(at, token, T::LBracket),
            Kind::RParen | Kind::RBracket => {
                self.inside.pop();
                self.tight = true;
                self.types = false;
                self.next = Next::Operator;
                let terminal = if token.kind == Kind::RParen { T::RParen } else { T::RBracket };
                self.push(at, start, terminal, end);
                return at + 1;
            }
            Kind::Comma => {
                self.tight = true;
                if self.inside.last() == Some(&Inside::Params) && self.angles == 0 {
                    self.types = false;
                }
                (self.comma(at), Next::Operand)
            }
            Kind::Colon => return self.colon(at, token),
            Kind::Dot => {
                self.tight = true;
                self.push(at, start, T::Dot, end);
                self.tight = true;
                self.next = Next::Operand;
                return self.after_dot(at + 1);
            }
            Kind::DotDot => {
                self.tight = true;
                self.push(at, start, T::DotDot, end);
                self.tight = true;
                self.next = Next::Operand;
                return at + 1;
            }
            Kind::Lt if self.types => {
                self.angles += 1;
                self.tight = true;
                self.push(at, start, T::Lt, end);
                self.tight = true;
                self.next = Next::Operand;
                return at + 1;
            }
            Kind::Gt if self.types => {
                self.angles = self.angles.saturating_sub(1);
                self.tight = true;
                (T::Gt, Next::Operator)
            }
            Kind::Question => {
                self.tight = true;
                (T::Question, Next::Operator)
            }
            // `T??` is twice optional, which is once too often, yet no operator.
            Kind::Coalesce if self.types => {
                self.tight = true;
                self.push(at, start, T::Question, start + 1);
                self.out.push((start + 1, T::Question, end));
                self.next = Next::Operator;
                return at + 1;
            }
            Kind::Not | Kind::Minus if !operator => {
                let terminal = if token.kind == Kind::Not { T::Not } else { T::Minus };
                self.push(at, start, terminal, end);
                self.tight = true;
                return at + 1;
            }
            Kind::Eq => {
                self.types = false;
                self.resources = false;
                (T::Eq, Next::Operand)
            }
            Kind::Arrow => {
                // After a function's parameters a type follows, between peers another peer.
                self.types = self.head.kw == Kw::Fn && self.inside.is_empty();
                self.except = false;
                (T::Arrow, Next::Operand)
            }
            kind => (plain(kind), Next::Operand),
        };
        self.push(at, start, terminal, end);
        self.next = next;
        at + 1
    }

    fn open(&mut self, at: usize, token: Tok, terminal: T<'a>) -> usize {
        let close = self.cx.partner(at);
        let lambda = token.kind == Kind::LParen
            && self.next == Next::Operand
            && self.peek(close + 1).is_some_and(|t| t.kind == Kind::FatArrow);
        let declares = matches!(self.head.kw, Kw::Fn | Kw::Template | Kw::Rule | Kw::Mutation);
        let first = self.mark == Mark::Item && declares && self.inside.is_empty() && self.out.len() == 3;
        let called = self.next == Next::Operator;
        if lambda || called == (token.kind == Kind::LParen) {
            self.cx.set_inside(at, Divided::Elements);
        }
        self.tight |= called;
        self.push(at, token.start, if lambda { T::LambdaParen } else { terminal }, token.end);
        self.inside.push(if first { Inside::Params } else { Inside::Expressions });
        self.tight = true;
        self.next = Next::Operand;
        at + 1
    }

    fn braces(&mut self, at: usize, token: Tok) -> usize {
        let close = self.cx.partner(at);
        let end = self.cx.token(close).map_or(token.end, |close| close.end);
        let ends = self.peek(close + 1).is_none();
        let open = u32::try_from(at).unwrap_or(u32::MAX);
        let outermost = self.head.body != Body::None && self.inside.is_empty();
        let body = ends && outermost;
        if outermost && !body {
            self.cx.loose_record = Some(self.cx.span(token.start, end));
        }
        self.push(at, token.start, if body { T::Body(open) } else { T::Braces(open) }, end);
        self.next = Next::Operator;
        close + 1
    }

    fn after_dot(&mut self, at: usize) -> usize {
        let Some(token) = self.cx.token(at).filter(|t| t.kind == Kind::Ident && at < self.last) else { return at };
        self.push(at, token.start, T::Name(token.text(self.cx.text)), token.end);
        self.next = Next::Operator;
        at + 1
    }

    fn comma(&self, at: usize) -> T<'a> {
        let literal = |token: Tok| matches!(token.kind, Kind::Cidr | Kind::Str);
        if self.except && self.inside.is_empty() && self.peek(at + 1).is_some_and(literal) {
            T::ExceptComma
        } else {
            T::Comma
        }
    }

    fn colon(&mut self, at: usize, token: Tok) -> usize {
        let ports = self.head.parties && self.inside.is_empty();
        self.tight = !ports;
        self.push(at, token.start, T::Colon, token.end);
        self.next = Next::Operand;
        self.except = false;
        self.condition = false;
        self.angles = 0;
        self.types = match self.inside.last() {
            Some(Inside::Params) => true,
            Some(Inside::Expressions) => false,
            None => {
                self.mark == Mark::TypeField || self.mark == Mark::Item && matches!(self.head.kw, Kw::Param | Kw::Let)
            }
        };
        at + 1
    }

    fn word(&mut self, at: usize, token: Tok, text: &'a str) -> usize {
        let (start, end) = (token.start, token.end);
        let kw = Kw::of(text);
        let dangling = kw.is_some_and(|kw| self.dangles(at, kw));
        if self.names_due > 0 && !dangling {
            self.names_due -= 1;
            self.push(at, start, T::Name(text), end);
            self.next = Next::Operator;
            return at + 1;
        }
        if let Some(kw) = kw {
            let terminal = match self.next {
                Next::Operand if !dangling => self.prefix(at, kw),
                _ => self.infix(at, kw),
            };
            if let Some((terminal, next)) = terminal {
                self.push(at, start, terminal, end);
                self.next = next;
                return at + 1;
            }
        }
        if self.resources && self.next == Next::Operand && self.inside.is_empty() {
            return self.resource(at, token);
        }
        self.push(at, start, T::Name(text), end);
        self.next = Next::Operator;
        at + 1
    }

    /// Whether a word where a name is due is rather a keyword whose left side was forgotten: a name follows it.
    fn dangles(&self, at: usize, kw: Kw) -> bool {
        let connects = self.inside.is_empty() && self.head.infix.has(kw) && !matches!(kw, Kw::If | Kw::Verbs);
        connects
            && self.peek(at + 1).is_some_and(|next| next.kind == Kind::Ident)
            && self.peek_word(at + 1).and_then(Kw::of).is_none_or(|next| !self.head.infix.has(next))
    }

    /// A keyword where an operand has just ended.
    fn infix(&mut self, at: usize, kw: Kw) -> Option<(T<'a>, Next)> {
        match kw {
            Kw::Then | Kw::Else if self.conditionals > 0 => {
                if kw == Kw::Else {
                    self.conditionals -= 1;
                }
                return Some((T::Kw(kw), Next::Operand));
            }
            Kw::In => {
                let bracket = self.peek(at + 1).is_some_and(|t| matches!(t.kind, Kind::LBracket | Kind::LParen));
                let scoped = self.head.infix.has(Kw::In) && self.inside.is_empty();
                let condition = self.condition && bracket;
                let iterated = self.head.kw == Kw::For && self.seen_in;
                if !scoped || condition || iterated {
                    return Some((T::OpIn, Next::Operand));
                }
                self.seen_in = true;
            }
            _ => {}
        }
        if !self.inside.is_empty() || !self.head.infix.has(kw) {
            return None;
        }
        Some((T::Kw(kw), self.joint(kw)))
    }

    /// What a keyword between parts changes, and what is expected after it.
    fn joint(&mut self, kw: Kw) -> Next {
        self.resources = kw == Kw::On && self.head.on == On::Resources;
        self.condition = kw == Kw::Where;
        self.except = kw == Kw::Except;
        match kw {
            Kw::Otherwise | Kw::Deny | Kw::Ingress | Kw::Egress | Kw::Path => Next::Operator,
            _ => Next::Operand,
        }
    }

    /// A keyword where an operand is expected.
    fn prefix(&mut self, at: usize, kw: Kw) -> Option<(T<'a>, Next)> {
        let following = self.peek(at + 1);
        let string = following.is_some_and(|t| matches!(t.kind, Kind::Str | Kind::RawStr | Kind::UnclosedStr));
        let top = self.inside.is_empty();
        let (parties, scoped) = (self.head.parties && top, self.head.infix.has(Kw::Where) && top);
        let next = match kw {
            Kw::True | Kw::False => Next::Operator,
            Kw::If if following.is_some_and(|t| begins_operand(t.kind)) && !self.resources => {
                self.conditionals += 1;
                Next::Operand
            }
            // A resource `any` may have further parts.
            Kw::Any if parties && self.resources => return None,
            _ if parties && RESERVED.has(kw) => Next::Operator,
            Kw::User | Kw::Group if parties && string => Next::Operand,
            Kw::Url
                if self.resources
                    && (string || following.is_some_and(|t| t.kind == Kind::Slash && !self.touches(at))) =>
            {
                self.resources = false;
                Next::Operand
            }
            Kw::Cidr if parties => Next::Operand,
            Kw::Namespaces | Kw::Pods if scoped && self.peek_word(at + 1) == Some("where") => Next::Operator,
            Kw::Cluster if self.after_in() && scoped => Next::Operator,
            Kw::Audited | Kw::Both if self.first_of_claim() => self.claim_word(at, kw)?,
            _ => return None,
        };
        Some((T::Kw(kw), next))
    }

    /// Whether the next token follows without a blank.
    fn touches(&self, at: usize) -> bool {
        matches!((self.cx.token(at), self.cx.token(at + 1)), (Some(a), Some(b)) if a.end == b.start)
    }

    fn after_in(&self) -> bool {
        matches!(self.out.last(), Some((_, T::Kw(Kw::In), _)))
    }

    fn first_of_claim(&self) -> bool {
        let claims = self.head.infix.has(Kw::Reaches);
        claims
            && matches!(
                self.out.last(),
                Some((_, T::Kw(Kw::Never | Kw::Always | Kw::Expect | Kw::NotWord) | T::Claim, _))
            )
    }

    /// `audited` and `both` begin a claim unless they are the subject of one.
    fn claim_word(&self, at: usize, kw: Kw) -> Option<Next> {
        let word = self.peek_word(at + 1)?;
        if matches!(word, "can" | "reaches") {
            return None;
        }
        Some(if kw == Kw::Audited && word == "verbs" { Next::Operator } else { Next::Operand })
    }

    /// `deployments.apps/scale`: words, dots and a slash that are one terminal.
    fn resource(&mut self, at: usize, first: Tok) -> usize {
        let (mut end, mut next) = (first.end, at + 1);
        while let (Some(joint), Some(part)) = (self.cx.token(next), self.cx.token(next + 1)) {
            let adjacent = matches!(joint.kind, Kind::Dot | Kind::Slash)
                && part.kind == Kind::Ident
                && (end, joint.end) == (joint.start, part.start);
            if !adjacent || next + 1 >= self.last {
                break;
            }
            self.cx.set_blank(next, false);
            self.cx.set_blank(next + 1, false);
            end = part.end;
            next += 2;
        }
        let text = self.cx.text.get(first.start as usize..end as usize).unwrap_or_default();
        self.push(at, first.start, T::Res(text), end);
        self.next = Next::Operator;
        next
    }
}

fn begins_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Ident
            | Kind::Str
            | Kind::RawStr
            | Kind::UnclosedStr
            | Kind::Int
            | Kind::Float
            | Kind::Unit
            | Kind::Date
            | Kind::Cidr
            | Kind::Port
            | Kind::LBrace
            | Kind::LParen
            | Kind::LBracket
            | Kind::Not
            | Kind::Minus
    )
}

/// The terminal of a token that has but one meaning.
fn plain<'a>(kind: Kind) -> T<'a> {
    match kind {
        Kind::FatArrow => T::FatArrow,
        Kind::EqEq => T::EqEq,
        Kind::Ne => T::Ne,
        Kind::Lt => T::Lt,
        Kind::Le => T::Le,
        Kind::Gt => T::Gt,
        Kind::Ge => T::Ge,
        Kind::Plus => T::Plus,
        Kind::Minus => T::Minus,
        Kind::Star => T::Star,
        Kind::Slash => T::Slash,
        Kind::Percent => T::Percent,
        Kind::Not => T::Not,
        Kind::AndAnd => T::AndAnd,
        Kind::Or => T::Or,
        Kind::OrOr => T::OrOr,
        Kind::Coalesce => T::Coalesce,
        _ => T::BadValue,
    }
}

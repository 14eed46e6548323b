//! Text to tokens. Never fails: what begins no token is a token of its own kind.
//!
//! In: text. Out: [`Tok`]s in order, comments and line ends included, blanks left out. Byte ranges are the text's.

use logos::Logos;

/// The kinds of token.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[logos(skip r"[ \t\r\f\u{feff}]+")]
pub(crate) enum Kind {
    #[token("\n")]
    Newline,
    #[regex(r"//[^\n]*", comment, allow_greedy = true)]
    Comment,
    /// `///`, but not `////`.
    Doc,
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*")]
    Ident,
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    Str,
    #[regex(r#"r"[^"\n]*""#)]
    RawStr,
    /// A string that the line ends before its closing quote.
    #[regex(r#"r?"([^"\\\n]|\\[^\n])*\\?"#, priority = 1)]
    UnclosedStr,
    #[regex(r"[0-9]+")]
    Int,
    #[regex(r"[0-9]+\.[0-9]+")]
    Float,
    /// Digits and a unit: a quantity, a duration, or neither.
    #[regex(r"[0-9]+(\.[0-9]+)?[A-Za-z_][A-Za-z0-9_]*")]
    Unit,
    #[regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")]
    Date,
    #[regex(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/[0-9]+")]
    Cidr,
    /// An address without a prefix length, or a version: no literal of the language.
    #[regex(r"[0-9]+\.[0-9]+\.[0-9]+(\.[0-9]+)*")]
    Dotted,
    #[regex(r"[0-9]+(\.\.[0-9]+)?/(tcp|udp|sctp)")]
    #[regex(r"[0-9]+(\.\.[0-9]+)?/(TCP|UDP|SCTP)")]
    Port,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
    #[token(";")]
    Semi,
    #[token(".")]
    Dot,
    #[token("..")]
    DotDot,
    #[token("=")]
    Eq,
    #[token("=>")]
    FatArrow,
    #[token("->")]
    Arrow,
    #[token("==")]
    EqEq,
    #[token("!=")]
    Ne,
    #[token("<")]
    Lt,
    #[token("<=")]
    Le,
    #[token(">")]
    Gt,
    #[token(">=")]
    Ge,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("!")]
    Not,
    #[token("&&")]
    AndAnd,
    #[token("|")]
    Or,
    #[token("||")]
    OrOr,
    #[token("?")]
    Question,
    #[token("??")]
    Coalesce,
    /// Begins no token.
    Bad,
    /// A bracket group nested beyond the bound; made by `group`, never by the lexer.
    Deep,
}

fn comment(lex: &mut logos::Lexer<'_, Kind>) -> Kind {
    let text = lex.slice();
    if text.starts_with("///") && !text.starts_with("////") { Kind::Doc } else { Kind::Comment }
}

impl Kind {
    /// Whether a line that ends in this token continues on the next.
    pub(crate) fn continues(self) -> bool {
        matches!(
            self,
            Self::Comma
                | Self::Colon
                | Self::Eq
                | Self::FatArrow
                | Self::Arrow
                | Self::Or
                | Self::OrOr
                | Self::AndAnd
                | Self::Coalesce
                | Self::EqEq
                | Self::Ne
                | Self::Lt
                | Self::Le
                | Self::Ge
                | Self::Plus
                | Self::Minus
                | Self::Slash
        )
    }

    /// Whether a value, a name or a type may end in this token.
    pub(crate) fn ends_value(self) -> bool {
        matches!(
            self,
            Self::Ident
                | Self::Str
                | Self::RawStr
                | Self::Int
                | Self::Float
                | Self::Unit
                | Self::Date
                | Self::Cidr
                | Self::Port
                | Self::RBrace
                | Self::RParen
                | Self::RBracket
                | Self::Question
        )
    }

    pub(crate) fn opens(self) -> bool {
        matches!(self, Self::LBrace | Self::LParen | Self::LBracket)
    }

    pub(crate) fn closes(self) -> bool {
        matches!(self, Self::RBrace | Self::RParen | Self::RBracket)
    }

    /// The closing bracket of an opening one.
    pub(crate) fn closer(self) -> Self {
        match self {
            Self::LParen => Self::RParen,
            Self::LBracket => Self::RBracket,
            _ => Self::RBrace,
        }
    }

    /// Whether the parser passes over it.
    pub(crate) fn is_trivia(self) -> bool {
        matches!(self, Self::Newline | Self::Comment | Self::Doc)
    }
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tok {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Tok {
    /// Its text.
    pub(crate) fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The tokens of a text.
pub(crate) fn lex(text: &str) -> Vec<Tok> {
    let mut tokens: Vec<Tok> = Vec::with_capacity(text.len() / 4);
    // Text beyond 4 GiB has no spans; the reader of files refuses far smaller ones.
    let mut lexer = Kind::lexer(text);
    while let Some(kind) = lexer.next() {
        let span = lexer.span();
        let (start, end) = (position(span.start), position(span.end));
        match kind {
            Ok(kind) => tokens.push(Tok { kind, start, end }),
            // Neighbouring bad characters are one mistake.
            Err(()) => match tokens.last_mut() {
                Some(last) if last.kind == Kind::Bad && last.end == start => last.end = end,
                _ => tokens.push(Tok { kind: Kind::Bad, start, end }),
            },
        }
    }
    tokens
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

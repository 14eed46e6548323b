//! What the parse of one item shares: its tokens, its errors, and what the formatter wants to know afterwards.

use std::sync::Arc;

use kspec_diagnostics::{Span, codes};

use crate::SyntaxError;
use crate::classify::Spanned;
use crate::group::Grouped;
use crate::lexer::{Kind, Tok};
use crate::terminal::{Mark, T};
use crate::tree::{
    AuditStmt, Encrypt, Expr, Field, Item, ItemKind, MutationStmt, Name, NamespaceStmt, NetRule, NetworkStmt, RoleStmt,
    RuleStmt, RuntimeRule, TestStep, TypeExpr,
};

/// What one chunk turned out to be.
pub(crate) enum Parsed {
    Item(Box<ItemKind>),
    Field(Field),
    TypeField(Name, TypeExpr),
    UseName(Name, Option<Name>),
    Expr(Expr),
    Namespace(NamespaceStmt),
    Role(RoleStmt),
    Network(NetworkStmt),
    NetRule(NetRule),
    Encrypt(Encrypt),
    Audit(AuditStmt),
    Rule(RuleStmt),
    Mutation(MutationStmt),
    Runtime(RuntimeRule),
    Test(TestStep),
}

/// Indices of tokens, `hi` excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) lo: usize,
    pub(crate) hi: usize,
}

/// How the inside of a pair of brackets is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Inside {
    /// Not at all: parentheses around an expression, an index.
    #[default]
    Whole,
    /// Elements separated by commas: a list, arguments, parameters.
    Elements,
    /// Chunks of a kind, in braces.
    Chunks(Mark),
}

/// What the formatter needs of each token.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Layout {
    /// Whether a blank stands before it on a line.
    pub(crate) blank: bool,
    /// Of an opening bracket: how its inside is divided.
    pub(crate) inside: Inside,
}

/// The parse of one item.
pub(crate) struct Cx<'a> {
    pub(crate) text: &'a str,
    pub(crate) grouped: &'a Grouped,
    pub(crate) errors: Vec<SyntaxError>,
    pub(crate) layout: Vec<Layout>,
    /// Added to every position.
    pub(crate) base: u32,
    /// What every span is, where positions of the text mean nothing.
    pub(crate) fixed_span: Option<Span>,
    /// A record that a body would be mistaken for.
    pub(crate) loose_record: Option<Span>,
    /// Whether only the outside of braces is read.
    pub(crate) probing: bool,
    /// How many tokens may still be read again.
    pub(crate) spare: usize,
    buffers: Vec<Vec<Spanned<'a>>>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(text: &'a str, grouped: &'a Grouped, errors: Vec<SyntaxError>) -> Self {
        Self {
            text,
            grouped,
            errors,
            layout: vec![Layout::default(); grouped.tokens.len()],
            base: 0,
            fixed_span: None,
            loose_record: None,
            probing: false,
            spare: grouped.tokens.len().saturating_mul(8).saturating_add(1000),
            buffers: Vec::new(),
        }
    }

    pub(crate) fn token(&self, at: usize) -> Option<Tok> {
        self.grouped.tokens.get(at).copied()
    }

    pub(crate) fn kind(&self, at: usize) -> Option<Kind> {
        self.grouped.tokens.get(at).map(|token| token.kind)
    }

    pub(crate) fn text_at(&self, at: usize) -> &'a str {
        self.token(at).map_or("", |token| token.text(self.text))
    }

    pub(crate) fn partner(&self, at: usize) -> usize {
        self.grouped.partner(at)
    }

    pub(crate) fn set_blank(&mut self, at: usize, blank: bool) {
        if let Some(layout) = self.layout.get_mut(at) {
            layout.blank = blank;
        }
    }

    pub(crate) fn set_inside(&mut self, open: usize, inside: Inside) {
        if let Some(layout) = self.layout.get_mut(open) {
            layout.inside = inside;
        }
    }

    /// An empty buffer for a chunk's terminals; give it back with [`Self::recycle`].
    pub(crate) fn buffer(&mut self) -> Vec<Spanned<'a>> {
        self.buffers.pop().unwrap_or_default()
    }

    pub(crate) fn recycle(&mut self, mut buffer: Vec<Spanned<'a>>) {
        buffer.clear();
        self.buffers.push(buffer);
    }

    // ---- Insides of braces

    /// Parses the inside of a `{ … }` chunk by chunk.
    fn inside<X>(
        &mut self,
        open: u32,
        mark: Mark,
        mut take: impl FnMut(&mut Self, Parsed, Option<Arc<str>>, Span) -> Option<X>,
    ) -> Vec<X> {
        if self.probing {
            return Vec::new();
        }
        let open = open as usize;
        self.set_inside(open, Inside::Chunks(mark));
        let range = Range { lo: open + 1, hi: self.partner(open) };
        let mut out = Vec::new();
        let mut from = range.lo;
        while let Some(chunk) = self.next_chunk(&mut from, range.hi, mark) {
            let doc = chunk.doc.map(|doc| self.doc_text(doc));
            let span = self.range_span(chunk.range);
            if let Some(parsed) = self.chunk(mark, chunk.range).map(|parsed| *parsed) {
                let documented = mark == Mark::Item
                    || matches!(parsed, Parsed::Network(NetworkStmt::Edge(_) | NetworkStmt::Policy(_)));
                if let Some(doc) = chunk.doc.filter(|_| !documented) {
                    self.orphan_doc(doc);
                }
                if let Some(x) = take(self, parsed, doc, span) {
                    out.push(x);
                }
            }
        }
        out
    }

    pub(crate) fn record(&mut self, open: u32) -> crate::tree::Record {
        let fields = self.inside(open, Mark::Field, |_, parsed, _, _| match parsed {
            Parsed::Field(field) => Some(field),
            _ => None,
        });
        crate::tree::Record { fields, span: self.group_span(open) }
    }

    pub(crate) fn group_span(&self, open: u32) -> Span {
        let open = open as usize;
        self.range_span(Range { lo: open, hi: self.partner(open) + 1 })
    }

    pub(crate) fn type_fields(&mut self, open: u32) -> Vec<(Name, TypeExpr)> {
        self.inside(open, Mark::TypeField, |_, parsed, _, _| match parsed {
            Parsed::TypeField(name, ty) => Some((name, ty)),
            _ => None,
        })
    }

    pub(crate) fn use_names(&mut self, open: u32) -> Vec<(Name, Option<Name>)> {
        self.inside(open, Mark::UseName, |_, parsed, _, _| match parsed {
            Parsed::UseName(name, alias) => Some((name, alias)),
            _ => None,
        })
    }

    pub(crate) fn items(&mut self, open: u32) -> Vec<Item> {
        self.inside(open, Mark::Item, |_, parsed, doc, span| match parsed {
            Parsed::Item(kind) => Some(Item { doc, kind: *kind, span }),
            _ => None,
        })
    }

    pub(crate) fn namespace(&mut self, open: u32) -> Vec<NamespaceStmt> {
        self.inside(open, Mark::Namespace, |_, parsed, _, _| match parsed {
            Parsed::Namespace(stmt) => Some(stmt),
            Parsed::Field(field) => Some(NamespaceStmt::Field(field)),
            _ => None,
        })
    }

    pub(crate) fn role(&mut self, open: u32) -> Vec<RoleStmt> {
        self.inside(open, Mark::Role, |_, parsed, _, _| match parsed {
            Parsed::Role(stmt) => Some(stmt),
            Parsed::Field(field) => Some(RoleStmt::Field(field)),
            _ => None,
        })
    }

    pub(crate) fn network(&mut self, open: u32) -> Vec<NetworkStmt> {
        self.inside(open, Mark::Network, |_, parsed, doc, _| match parsed {
            Parsed::Network(NetworkStmt::Edge(edge)) => Some(NetworkStmt::Edge(crate::tree::Edge { doc, ..edge })),
            Parsed::Network(NetworkStmt::Policy(policy)) => {
                Some(NetworkStmt::Policy(crate::tree::NetPolicy { doc, ..policy }))
            }
            Parsed::Network(stmt) => Some(stmt),
            _ => None,
        })
    }

    pub(crate) fn net_rules(&mut self, open: u32) -> Vec<NetRule> {
        self.inside(open, Mark::NetRule, |_, parsed, _, _| match parsed {
            Parsed::NetRule(rule) => Some(rule),
            _ => None,
        })
    }

    pub(crate) fn encryption(&mut self, open: u32) -> Vec<Encrypt> {
        self.inside(open, Mark::Encryption, |_, parsed, _, _| match parsed {
            Parsed::Encrypt(rule) => Some(rule),
            _ => None,
        })
    }

    pub(crate) fn audit(&mut self, open: u32) -> Vec<AuditStmt> {
        self.inside(open, Mark::Audit, |_, parsed, _, _| match parsed {
            Parsed::Audit(stmt) => Some(stmt),
            Parsed::Field(field) => Some(AuditStmt::Field(field)),
            _ => None,
        })
    }

    pub(crate) fn rule(&mut self, open: u32) -> Vec<RuleStmt> {
        self.inside(open, Mark::Rule, |_, parsed, _, _| match parsed {
            Parsed::Rule(stmt) => Some(stmt),
            Parsed::Field(field) => Some(RuleStmt::Field(field)),
            _ => None,
        })
    }

    pub(crate) fn mutation(&mut self, open: u32) -> Vec<MutationStmt> {
        self.inside(open, Mark::Mutation, |_, parsed, _, _| match parsed {
            Parsed::Mutation(stmt) => Some(stmt),
            _ => None,
        })
    }

    pub(crate) fn runtime(&mut self, open: u32) -> Vec<RuntimeRule> {
        self.inside(open, Mark::Runtime, |_, parsed, _, _| match parsed {
            Parsed::Runtime(rule) => Some(rule),
            _ => None,
        })
    }

    pub(crate) fn test(&mut self, open: u32) -> Vec<TestStep> {
        self.inside(open, Mark::Test, |_, parsed, _, _| match parsed {
            Parsed::Test(step) => Some(step),
            _ => None,
        })
    }

    /// Parses a body for its errors alone, where its statement could not be read.
    pub(crate) fn errors_inside(&mut self, open: u32, mark: Mark) {
        self.inside(open, mark, |_, _, _, _| None::<()>);
    }

    // ---- Docs

    pub(crate) fn range_span(&self, range: Range) -> Span {
        let start = self.token(range.lo).map_or(0, |token| token.start);
        let end = range.hi.checked_sub(1).and_then(|last| self.token(last)).map_or(start, |token| token.end);
        self.span(start, end)
    }

    /// The text of the `///` lines in a range.
    pub(crate) fn doc_text(&self, range: Range) -> Arc<str> {
        let mut text = String::new();
        for token in self.grouped.tokens.get(range.lo..range.hi).unwrap_or_default() {
            if token.kind == Kind::Doc {
                if !text.is_empty() {
                    text.push('\n');
                }
                let line = token.text(self.text);
                let line = line.strip_prefix("///").unwrap_or(line);
                text.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
            }
        }
        text.into()
    }

    pub(crate) fn orphan_doc(&mut self, range: Range) {
        let span = self.range_span(range);
        self.errors.push(
            SyntaxError::new(codes::ORPHAN_DOC, "this doc comment documents nothing", span)
                .help("put it above a declaration or a network edge, or write `//` for a plain comment"),
        );
    }

    // ---- Literals

    pub(crate) fn bad_character(&mut self, token: Tok) {
        let text = token.text(self.text);
        let span = self.span(token.start, token.end);
        let message = format!("`{text}` begins nothing in kspec");
        // The other quote of a pair is no second mistake.
        if self.errors.last().is_some_and(|last| last.code == codes::BAD_CHARACTER && last.message == message) {
            return;
        }
        let help = match text.chars().next() {
            Some('\'' | '`' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}') => {
                "strings stand in straight double quotes: `\"…\"`"
            }
            Some('#') => "comments begin with `//`",
            Some('&') => "write `&&` for “and”",
            Some('$') => "`because` strings and names in templates interpolate with braces alone: `{name}`",
            Some(c) if c.is_alphabetic() => "names are made of ASCII letters, digits and `_`; quote any other text",
            _ => "remove it, or quote it if it belongs to a text",
        };
        self.errors.push(SyntaxError::new(codes::BAD_CHARACTER, message, span).help(help));
    }

    pub(crate) fn unclosed_string(&mut self, token: Tok) {
        let span = self.span(token.start, token.end);
        self.errors.push(
            SyntaxError::new(codes::BAD_LITERAL, "this string has no closing quote on its line", span)
                .help("close it with `\"`; a line break in a string is written `\\n`")
                .fix("close the string", self.span(token.end, token.end), "\""),
        );
    }

    pub(crate) fn bad_dotted(&mut self, token: Tok) {
        let text = token.text(self.text);
        let span = self.span(token.start, token.end);
        let error = SyntaxError::new(
            codes::BAD_LITERAL,
            format!("`{text}` is neither a number nor a block of addresses"),
            span,
        );
        self.errors.push(if text.split('.').count() == 4 {
            error.help(format!("a single address is the block `{text}/32`")).fix(
                format!("write `{text}/32`"),
                span,
                format!("{text}/32"),
            )
        } else {
            error.help("quote it if it is a version or a name")
        });
    }

    /// A number with a unit: a quantity or a duration.
    pub(crate) fn unit(&mut self, token: Tok) -> T<'a> {
        let text = token.text(self.text);
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        match unit {
            "ms" | "s" | "min" | "h" | "d" => T::Duration(text),
            "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" => {
                T::Quantity(text)
            }
            _ => {
                let exponent =
                    unit.strip_prefix(['e', 'E']).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
                if exponent {
                    return T::Quantity(text);
                }
                let span = self.span(token.start, token.end);
                let number = text.strip_suffix(unit).unwrap_or(text);
                let mut error = SyntaxError::new(codes::BAD_LITERAL, format!("`{unit}` is no unit"), span).help(
                    "quantities end in `m`, `k`, `M`, `G`, `Ki`, `Mi`, `Gi`, … and durations in `ms`, `s`, `min`, `h`, `d`; \
                     quote it if it is a name",
                );
                if let Some(meant) = meant_unit(unit) {
                    error = error.fix(format!("write `{number}{meant}`"), span, format!("{number}{meant}"));
                    error.help = Some(format!("did you mean `{number}{meant}`?"));
                }
                self.errors.push(error);
                T::BadValue
            }
        }
    }
}

/// The unit that a well-known other spelling stands for.
fn meant_unit(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "K" | "KB" | "kb" | "KiB" | "ki" => "Ki",
        "MB" | "mb" | "MiB" | "mi" => "Mi",
        "GB" | "gb" | "GiB" | "gi" | "g" => "Gi",
        "TB" | "tb" | "TiB" => "Ti",
        "sec" | "secs" | "second" | "seconds" => "s",
        "mins" | "minute" | "minutes" => "min",
        "hr" | "hrs" | "hour" | "hours" | "H" => "h",
        "day" | "days" | "D" => "d",
        _ => return None,
    })
}

//! What the grammar's actions build with.

use std::sync::Arc;

use kspec_diagnostics::{Span, codes};

use crate::SyntaxError;
use crate::context::Cx;
use crate::tree::{
    Arg, AuditRule, BinaryOp, Expr, ExprKind, Key, KindRef, Name, Path, PortLit, Protocol, Resource, Str, Subject,
    TypeExpr, TypeExprKind, UnaryOp, Verb,
};

/// How deep an expression's tree may grow: whatever walks a tree recurses this far and no farther.
pub(crate) const MAX_DEPTH: u16 = 200;

/// An expression and the depth of its tree.
pub(crate) struct E {
    pub(crate) e: Expr,
    pub(crate) depth: u16,
}

/// An infix operator.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Binary(BinaryOp),
    Range,
}

impl Op {
    /// The tighter, the greater.
    fn precedence(self) -> u8 {
        match self {
            Self::Binary(BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem) => 7,
            Self::Binary(BinaryOp::Add | BinaryOp::Sub) => 6,
            Self::Range => 5,
            Self::Binary(
                BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::In,
            ) => 4,
            Self::Binary(BinaryOp::And) => 3,
            Self::Binary(BinaryOp::Or) => 2,
            Self::Binary(BinaryOp::Coalesce) => 1,
        }
    }
}

/// One clause of an audit rule.
pub(crate) enum AuditPart {
    Subjects(Vec<Subject>),
    Verbs(Vec<Verb>),
    Resources(Vec<Resource>),
    Named(Vec<Expr>),
    Namespaces(Vec<Path>),
    Urls(Vec<Str>),
    Omit(Vec<Name>),
    Otherwise,
}

pub(crate) fn leaf(kind: ExprKind, span: Span) -> E {
    E { e: Expr { kind, span }, depth: 1 }
}

pub(crate) fn exprs(list: Vec<E>) -> Vec<Expr> {
    list.into_iter().map(|e| e.e).collect()
}

pub(crate) fn inner<X>(boxed: Option<Box<X>>) -> Option<X> {
    boxed.map(|x| *x)
}

pub(crate) fn unboxed<X>(list: Vec<Box<X>>) -> Vec<X> {
    list.into_iter().map(|x| *x).collect()
}

/// A type and the depth of its tree.
type Ty = (Box<TypeExpr>, u16);

impl Cx<'_> {
    pub(crate) fn span(&self, start: u32, end: u32) -> Span {
        self.fixed_span.unwrap_or(Span::new(self.base.saturating_add(start), self.base.saturating_add(end)))
    }

    pub(crate) fn name(&mut self, text: &str, l: u32, r: u32) -> Name {
        Name { text: text.into(), span: self.span(l, r) }
    }

    pub(crate) fn key(&mut self, text: &str, l: u32, r: u32) -> Key {
        let text: Arc<str> = if text.contains(char::is_whitespace) {
            text.split_whitespace().collect::<String>().into()
        } else {
            text.into()
        };
        Key { text, quoted: false, span: self.span(l, r) }
    }

    pub(crate) fn word_path(&mut self, text: &str, l: u32, r: u32) -> Path {
        let name = self.name(text, l, r);
        Path { span: name.span, segments: vec![name] }
    }

    pub(crate) fn verb(&mut self, text: &str, l: u32, r: u32) -> Verb {
        Verb { text: text.into(), span: self.span(l, r) }
    }

    pub(crate) fn resource(&mut self, text: &str, l: u32, r: u32) -> Resource {
        let compact: String;
        let text = if text.contains(char::is_whitespace) {
            compact = text.split_whitespace().collect();
            &compact
        } else {
            text
        };
        resource(text, "any", self.span(l, r))
    }

    pub(crate) fn quoted_resource(&mut self, text: &Str) -> Resource {
        resource(&text.value, "*", text.span)
    }

    pub(crate) fn kind_ref(&mut self, text: &str, l: u32, r: u32) -> KindRef {
        KindRef { text: text.split_whitespace().collect::<String>().into(), span: self.span(l, r) }
    }

    pub(crate) fn string(&mut self, token: &str, l: u32, r: u32) -> Str {
        let span = self.span(l, r);
        if let Some(raw) = token.strip_prefix('r') {
            let inner = raw.strip_prefix('"').unwrap_or(raw);
            return Str { value: inner.strip_suffix('"').unwrap_or(inner).into(), raw: true, span };
        }
        let inner = token.strip_prefix('"').unwrap_or(token);
        // The lexer has reported a string without its closing quote.
        let inner = if token.len() > 1 { inner.strip_suffix('"').unwrap_or(inner) } else { inner };
        if !inner.contains('\\') {
            return Str { value: inner.trim_end_matches('\r').into(), raw: false, span };
        }
        let mut value = String::with_capacity(inner.len());
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            if c != '\\' {
                value.push(c);
                continue;
            }
            match chars.next().map(|(_, c)| c) {
                Some(c @ ('"' | '\\')) => value.push(c),
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('u') => {
                    let rest = chars.as_str();
                    let code = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(hex, _)| hex);
                    let c = code.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
                    if let (Some(code), Some(c)) = (code, c) {
                        value.push(c);
                        chars = skip(chars, code.len() + 2);
                    } else {
                        self.bad_escape("\\u", l, at, "write the code point in braces: `\\u{e9}`");
                    }
                }
                Some(other) => {
                    let help = "the escapes are `\\\"`, `\\\\`, `\\n`, `\\t`, `\\r` and `\\u{…}`; a raw string, `r\"…\"`, has none";
                    self.bad_escape(&format!("\\{other}"), l, at, help);
                    value.push(other);
                }
                None => {}
            }
        }
        Str { value: value.into(), raw: false, span }
    }

    fn bad_escape(&mut self, escape: &str, string_start: u32, at: usize, help: &str) {
        let start = string_start.saturating_add(u32::try_from(at).unwrap_or(0)).saturating_add(1);
        let span = self.span(start, start.saturating_add(u32::try_from(escape.len()).unwrap_or(2)));
        self.errors.push(SyntaxError::new(codes::BAD_LITERAL, format!("`{escape}` is no escape"), span).help(help));
    }

    pub(crate) fn int(&mut self, text: &str, l: u32, r: u32) -> E {
        let span = self.span(l, r);
        match text.parse() {
            Ok(value) => leaf(ExprKind::Int(value), span),
            Err(_) => {
                let message = format!("`{text}` is beyond the greatest integer, {}", i64::MAX);
                self.errors.push(SyntaxError::new(codes::BAD_LITERAL, message, span));
                leaf(ExprKind::Error, span)
            }
        }
    }

    pub(crate) fn float(&mut self, text: &str, l: u32, r: u32) -> E {
        let span = self.span(l, r);
        leaf(text.parse().map_or(ExprKind::Error, ExprKind::Float), span)
    }

    pub(crate) fn port(&mut self, text: &str, l: u32, r: u32) -> E {
        let span = self.span(l, r);
        let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = numbers.split_once("..").unwrap_or((numbers, numbers));
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "udp" => Protocol::Udp,
            "sctp" => Protocol::Sctp,
            _ => Protocol::Tcp,
        };
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) => leaf(ExprKind::Port(PortLit { first, last, protocol: Some(protocol) }), span),
            _ => {
                let message = format!("`{text}` is no port: ports go from 1 to 65535");
                self.errors.push(SyntaxError::new(codes::BAD_LITERAL, message, span));
                leaf(ExprKind::Error, span)
            }
        }
    }

    /// `a..b` where a port is expected.
    pub(crate) fn port_range(&mut self, a: E, b: E) -> Expr {
        let span = a.e.span.to(b.e.span);
        match (&a.e.kind, &b.e.kind) {
            (ExprKind::Int(first), ExprKind::Int(last)) => match (u32::try_from(*first), u32::try_from(*last)) {
                (Ok(first), Ok(last)) => Expr { kind: ExprKind::Port(PortLit { first, last, protocol: None }), span },
                _ => Expr { kind: ExprKind::Error, span },
            },
            _ => Expr { kind: range(a.e, b.e), span },
        }
    }

    // ---- Expressions. Every node goes through `node`, which keeps the tree's depth bounded.

    fn node(&mut self, kind: ExprKind, span: Span, depth: u16) -> E {
        let depth = depth.saturating_add(1);
        if depth > MAX_DEPTH {
            self.too_deep(span);
            return leaf(ExprKind::Error, span);
        }
        E { e: Expr { kind, span }, depth }
    }

    pub(crate) fn too_deep(&mut self, span: Span) {
        let told = self.errors.iter().any(|e| e.code == codes::NESTED_TOO_DEEPLY);
        if !told {
            self.errors.push(
                SyntaxError::new(codes::NESTED_TOO_DEEPLY, "this is nested too deeply to be read", span)
                    .help("name a part of it with `let`"),
            );
        }
    }

    /// `first op x op y …` as the tree that the operators' precedence makes of it.
    pub(crate) fn chain(&mut self, first: E, rest: Vec<(Op, E)>) -> E {
        let mut operands = vec![first];
        let mut operators: Vec<Op> = Vec::new();
        for (op, operand) in rest {
            while operators.last().is_some_and(|top| top.precedence() >= op.precedence()) {
                self.reduce(&mut operands, &mut operators);
            }
            operators.push(op);
            operands.push(operand);
        }
        while !operators.is_empty() {
            self.reduce(&mut operands, &mut operators);
        }
        operands.pop().unwrap_or_else(|| leaf(ExprKind::Error, Span::default()))
    }

    fn reduce(&mut self, operands: &mut Vec<E>, operators: &mut Vec<Op>) {
        if let (Some(op), Some(right), Some(left)) = (operators.pop(), operands.pop(), operands.pop()) {
            let (span, depth) = (left.e.span.to(right.e.span), left.depth.max(right.depth));
            let kind = match op {
                Op::Binary(op) => ExprKind::Binary(op, Box::new(left.e), Box::new(right.e)),
                Op::Range => range(left.e, right.e),
            };
            let node = self.node(kind, span, depth);
            operands.push(node);
        }
    }

    pub(crate) fn unary(&mut self, op: UnaryOp, e: E, l: u32) -> E {
        let span = self.span(l, l).to(e.e.span);
        self.node(ExprKind::Unary(op, Box::new(e.e)), span, e.depth)
    }

    pub(crate) fn lambda(&mut self, params: Vec<Name>, body: E, l: u32) -> E {
        let span = self.span(l, l).to(body.e.span);
        self.node(ExprKind::Lambda(params, Box::new(body.e)), span, body.depth)
    }

    pub(crate) fn conditional(&mut self, c: E, a: E, b: E, l: u32) -> E {
        let (span, depth) = (self.span(l, l).to(b.e.span), c.depth.max(a.depth).max(b.depth));
        self.node(ExprKind::If(Box::new(c.e), Box::new(a.e), Box::new(b.e)), span, depth)
    }

    pub(crate) fn field_of(&mut self, base: E, name: Name) -> E {
        let span = base.e.span.to(name.span);
        self.node(ExprKind::Field(Box::new(base.e), name), span, base.depth)
    }

    pub(crate) fn index(&mut self, base: E, index: E, r: u32) -> E {
        let (span, depth) = (base.e.span.to(self.span(r, r)), base.depth.max(index.depth));
        self.node(ExprKind::Index(Box::new(base.e), Box::new(index.e)), span, depth)
    }

    pub(crate) fn call(&mut self, callee: E, args: Vec<(Option<Name>, E)>, r: u32) -> E {
        let span = callee.e.span.to(self.span(r, r));
        let depth = args.iter().map(|arg| arg.1.depth).fold(callee.depth, u16::max);
        let args = args.into_iter().map(|arg| Arg { name: arg.0, value: arg.1.e }).collect();
        self.node(ExprKind::Call(Box::new(callee.e), args), span, depth)
    }

    pub(crate) fn list(&mut self, items: Vec<E>, l: u32, r: u32) -> E {
        let (span, depth) = (self.span(l, r), items.iter().map(|e| e.depth).fold(0, u16::max));
        self.node(ExprKind::List(exprs(items)), span, depth)
    }

    /// Parentheses leave no node; the expression's span then covers them.
    pub(crate) fn parenthesised(&mut self, mut e: E, l: u32, r: u32) -> E {
        e.e.span = self.span(l, r);
        e
    }

    pub(crate) fn record_expr(&mut self, open: u32, l: u32, r: u32) -> E {
        let record = self.record(open);
        // The brackets' own bound keeps records shallow; their depth starts anew.
        leaf(ExprKind::Record(record.fields), self.span(l, r))
    }

    // ---- Types

    fn type_node(&mut self, kind: TypeExprKind, l: u32, r: u32, depth: u16) -> Ty {
        let (span, depth) = (self.span(l, r), depth.saturating_add(1));
        if depth > MAX_DEPTH {
            self.too_deep(span);
            return (Box::new(TypeExpr { kind: TypeExprKind::Error, span }), 1);
        }
        (Box::new(TypeExpr { kind, span }), depth)
    }

    pub(crate) fn literals(&mut self, first: Str, rest: Vec<Str>, l: u32, r: u32) -> Ty {
        let all = std::iter::once(first).chain(rest).collect();
        self.type_node(TypeExprKind::Literals(all), l, r, 0)
    }

    pub(crate) fn named_type(&mut self, path: Path, args: Vec<Ty>, l: u32, r: u32) -> Ty {
        let depth = args.iter().map(|(_, depth)| *depth).fold(0, u16::max);
        let args = args.into_iter().map(|(ty, _)| *ty).collect();
        self.type_node(TypeExprKind::Named(path, args), l, r, depth)
    }

    pub(crate) fn record_type(&mut self, open: u32, l: u32, r: u32) -> Ty {
        let fields = self.type_fields(open);
        self.type_node(TypeExprKind::Record(fields), l, r, 0)
    }

    pub(crate) fn optional_type(&mut self, inner: Ty, l: u32, r: u32) -> Ty {
        self.type_node(TypeExprKind::Optional(inner.0), l, r, inner.1)
    }

    // ---- Statements

    pub(crate) fn audit_rule(&mut self, level: Name, parts: Vec<(Span, AuditPart)>, l: u32, r: u32) -> AuditRule {
        let mut rule = AuditRule {
            level,
            subjects: Vec::new(),
            verbs: Vec::new(),
            resources: Vec::new(),
            named: Vec::new(),
            namespaces: Vec::new(),
            urls: Vec::new(),
            omit: Vec::new(),
            otherwise: false,
            span: self.span(l, r),
        };
        for (span, part) in parts {
            let fresh = match part {
                AuditPart::Subjects(v) => put(&mut rule.subjects, v),
                AuditPart::Verbs(v) => put(&mut rule.verbs, v),
                AuditPart::Resources(v) => put(&mut rule.resources, v),
                AuditPart::Named(v) => put(&mut rule.named, v),
                AuditPart::Namespaces(v) => put(&mut rule.namespaces, v),
                AuditPart::Urls(v) => put(&mut rule.urls, v),
                AuditPart::Omit(v) => put(&mut rule.omit, v),
                AuditPart::Otherwise => !std::mem::replace(&mut rule.otherwise, true),
            };
            if !fresh {
                self.errors.push(
                    SyntaxError::new(codes::UNEXPECTED_TOKEN, "this clause stands twice in one audit rule", span)
                        .help("join the two with a comma, or write two rules"),
                );
            }
        }
        rule
    }
}

/// `a..b`; with blanks or without, `8000..8100/udp` is one literal.
fn range(a: Expr, b: Expr) -> ExprKind {
    match (&a.kind, &b.kind) {
        (ExprKind::Int(first), ExprKind::Port(port)) if port.first == port.last => match u32::try_from(*first) {
            Ok(first) => ExprKind::Port(PortLit { first, ..*port }),
            Err(_) => ExprKind::Range(Box::new(a), Box::new(b)),
        },
        _ => ExprKind::Range(Box::new(a), Box::new(b)),
    }
}

/// Fills an empty list; says whether it was empty.
fn put<X>(slot: &mut Vec<X>, mut list: Vec<X>) -> bool {
    let fresh = slot.is_empty();
    slot.append(&mut list);
    fresh
}

fn skip(mut chars: std::str::CharIndices<'_>, count: usize) -> std::str::CharIndices<'_> {
    for _ in 0..count {
        chars.next();
    }
    chars
}

/// `name[.group][/subresource]`, where the word `any` stands for everything.
fn resource(text: &str, any: &str, span: Span) -> Resource {
    let part = |text: &str| -> Arc<str> { if text == any { "*".into() } else { text.into() } };
    let (path, subresource) = match text.split_once('/') {
        Some((path, subresource)) => (path, Some(part(subresource))),
        None => (text, None),
    };
    let (name, group) = match path.split_once('.') {
        Some((name, group)) => (part(name), Some(part(group))),
        // `any` alone is every resource of every group; the core group's alone are the quoted `"*"`.
        None if path == "any" && any == "any" => ("*".into(), Some("*".into())),
        None => (part(path), None),
    };
    Resource { name, group, subresource, quoted: any != "any", span }
}

//! Names, literals, expressions, types.

use std::sync::Arc;

use kspec_diagnostics::Span;

/// An identifier as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// The identifier.
    pub text: Arc<str>,
    /// Where.
    pub span: Span,
}

/// A string literal, escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Str {
    /// Its value. Braces are still as written: whether `{x}` interpolates depends on where the string stands.
    pub value: Arc<str>,
    /// Whether written `r"…"`; a raw string never interpolates.
    pub raw: bool,
    /// Where, quotes included.
    pub span: Span,
}

/// A dotted path of names, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    /// Its segments.
    pub segments: Vec<Name>,
    /// Where.
    pub span: Span,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `true`, `false`.
    Bool(bool),
    /// `42`.
    Int(i64),
    /// `0.5`.
    Float(f64),
    /// `"text"`, `r"text"`.
    Str(Str),
    /// `500m`, `1Gi`: as written.
    Quantity(Arc<str>),
    /// `30s`, `5min`, `6h`, `250ms`, `7d`: as written.
    Duration(Arc<str>),
    /// `2027-01-31`: as written, eight digits and two hyphens; whether the day exists is the type checker's to say.
    Date(Arc<str>),
    /// `10.0.0.0/8`: as written, IPv4 only.
    Cidr(Arc<str>),
    /// `443/tcp`, `8000..8100/udp`.
    Port(PortLit),
    /// `name`.
    Name(Name),
    /// `base.name`; `base.r"…"` does not exist, quoted keys are [`ExprKind::Index`].
    Field(Box<Expr>, Name),
    /// `base[key]`.
    Index(Box<Expr>, Box<Expr>),
    /// `callee(arguments)`.
    Call(Box<Expr>, Vec<Arg>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{ key: value }`.
    Record(Vec<Field>),
    /// `x => body`, `(x, y) => body`.
    Lambda(Vec<Name>, Box<Expr>),
    /// `!x`, `-x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a op b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a..b`, both inclusive.
    Range(Box<Expr>, Box<Expr>),
    /// `if condition then a else b`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Stands where an expression could not be read.
    Error,
}

/// An argument, positional or by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// `name:` where given.
    pub name: Option<Name>,
    /// The value.
    pub value: Expr,
}

/// `443/tcp`, or a range of ports with both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortLit {
    /// First port.
    pub first: u32,
    /// Last port; equals `first` for a single one.
    pub last: u32,
    /// The protocol; absent in a bare range of a port position, where TCP is meant.
    pub protocol: Option<Protocol>,
}

/// Transport protocols of Kubernetes ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// `tcp`.
    Tcp,
    /// `udp`.
    Udp,
    /// `sctp`.
    Sctp,
}

/// Prefix operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `!`
    Not,
    /// `-`
    Negate,
}

/// Infix operators, by falling precedence: `* / %`, `+ -`, `..`, comparisons and `in`, `&&`, `||`, `??`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the operator of its name")]
pub enum BinaryOp {
    Mul,
    Div,
    Rem,
    Add,
    Sub,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `a in b`
    In,
    And,
    Or,
    /// `a ?? b`
    Coalesce,
}

/// A key of a record: `name`, `requests.cpu`, `"requests.nvidia.com/gpu"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The text without quotes, dots kept.
    pub text: Arc<str>,
    /// Whether it was quoted.
    pub quoted: bool,
    /// Where.
    pub span: Span,
}

/// `key: value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Expr,
}

impl Field {
    /// Key and value.
    #[must_use]
    pub fn span(&self) -> Span {
        self.key.span.to(self.value.span)
    }
}

/// A record body `{ … }`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// In the order written.
    pub fields: Vec<Field>,
    /// Braces included.
    pub span: Span,
}

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeExpr {
    /// What.
    pub kind: TypeExprKind,
    /// Where.
    pub span: Span,
}

/// The forms of a type.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeExprKind {
    /// `String`, `Group`, `Deployment`, `List<T>`, `Map<K, V>`.
    Named(Path, Vec<TypeExpr>),
    /// `"dev" | "prod"`.
    Literals(Vec<Str>),
    /// `{ name: String, devs: Group }`.
    Record(Vec<(Name, TypeExpr)>),
    /// `T?`.
    Optional(Box<TypeExpr>),
    /// Could not be read.
    Error,
}

/// `name: Type [= default]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// Value when none is given.
    pub default: Option<Expr>,
}

//! Expressions.
//!
//! **Absence.** An optional field that is not there is *absent*, and so is JSON's `null`. Absence goes through fields,
//! keys, conversions and methods of text. It equals nothing, an absent value included: `==` is false and `!=` true. An
//! absent list or map counts as empty. The type checker lets nothing else meet it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The type of an expression's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ty {
    /// `true`, `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A number of 64 bits.
    Float,
    /// Text; a glob, a regular expression and a moment (RFC 3339) are text too.
    Text,
    /// `resource.Quantity`; text or a number in JSON.
    Quantity,
    /// A duration.
    Duration,
    /// A day.
    Date,
    /// An address block.
    Cidr,
    /// A port or a range of ports.
    Port,
    /// A reference to an image.
    Image,
    /// A number or text.
    IntOrString,
    /// A list.
    List(Box<Ty>),
    /// A map from text.
    Map(Box<Ty>),
    /// A Kubernetes struct, or a record.
    Object,
    /// What a free-form field holds.
    Any,
    /// May be absent.
    Optional(Box<Ty>),
}

impl Ty {
    /// The type without its `?`.
    #[must_use]
    pub fn present(&self) -> &Self {
        match self {
            Self::Optional(ty) => ty.present(),
            ty => ty,
        }
    }

    /// Whether a value of it may be absent.
    #[must_use]
    pub const fn is_optional(&self) -> bool {
        matches!(self, Self::Optional(_))
    }

    /// `T?`; once optional, always once.
    #[must_use]
    pub fn optional(self) -> Self {
        match self {
            Self::Optional(_) => self,
            ty => Self::Optional(Box::new(ty)),
        }
    }
}

/// A local variable's name, unique in its rule: `c`, `c_2`. A valid CEL identifier that is no reserved word.
pub type Var = Arc<str>;

/// Words that CEL reserves or reads as literals and operators: none of them is a variable. (The CEL specification, "Syntax".)
pub const CEL_RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// A typed expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// Its value's type.
    pub ty: Ty,
    /// What it is.
    pub op: Op,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// A value.
    Const(Const),
    /// A local variable: of `let`, `for`, a quantifier.
    Var(Var),
    /// A part of the request.
    Root(Root),
    /// `base.name`. Absent where the base or the field is absent.
    Field(Box<Expr>, Arc<str>),
    /// `base[key]`: an item of a list (absent out of bounds) or a value of a map (absent without that key).
    Index(Box<Expr>, Box<Expr>),
    /// `!a`.
    Not(Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `a + b` and the like. Overflow and division by zero are faults. `Add` joins texts and lists too.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `a < b` and the like; neither is absent.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `a == b`; false where either is absent. `a != b` is the [`Op::Not`] of it.
    Equal(Box<Expr>, Box<Expr>),
    /// Every one holds; later ones are not evaluated once one does not.
    And(Vec<Expr>),
    /// One holds; later ones are not evaluated once one does.
    Or(Vec<Expr>),
    /// `if a then b else c`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `a ?? b`.
    Coalesce(Box<Expr>, Box<Expr>),
    /// `a in b` where `b` is a list: some item equals `a`. Where it is a map: it has the key. Where it is an address
    /// block: it contains `a`. False where either is absent.
    In(Box<Expr>, Box<Expr>),
    /// `a in low..high`, both included; false where `a` is absent.
    InRange(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A list of these.
    List(Vec<Expr>),
    /// A record or map of these; absent ones are left out.
    Record(BTreeMap<Arc<str>, Expr>),
    /// `over.any(item => body)` and the like.
    Each {
        /// What is asked.
        what: Each,
        /// A list, or a map; absent counts as empty.
        over: Box<Expr>,
        /// The item; a map's key.
        item: Var,
        /// A map's value; none over a list.
        value: Option<Var>,
        /// What is asked of each.
        body: Box<Expr>,
    },
    /// A method of a list, a map, a text, an address block.
    Call(Method, Box<Expr>, Vec<Expr>),
    /// The value as one of [`Expr::ty`]: an image of a text, a quantity of a text, a text of anything printable, what a
    /// free-form field holds as what it is stated to be. Absent stays absent; of a free-form field that holds something
    /// else, absent. A text that cannot be read (`image("a b")`) is absent where the type is optional, else a fault.
    Convert(Box<Expr>),
    /// `a.exists()`.
    Exists(Box<Expr>),
    /// `let var = value` in front of an expression.
    Let(Var, Box<Expr>, Box<Expr>),
    /// Texts joined; none is absent.
    Text(Vec<Expr>),
    /// `cluster.all(Kind)`: every object of a kind, as a list, in the index that the engine keeps.
    All(Lookup),
}

/// A part of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// The object; for a DELETE the one that goes (`oldObject`). For a pod's rule on a workload, the pod's template.
    Object,
    /// The object as it was; absent on CREATE and CONNECT.
    Old,
    /// The request: `AdmissionRequest`.
    Request,
    /// The namespace's object; absent for cluster-scoped objects.
    Namespace,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the value of its type")]
pub enum Const {
    Absent,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// Canonical text.
    Quantity(Arc<str>),
    /// Nanoseconds.
    Duration(i64),
    /// `2027-01-31`.
    Date(Arc<str>),
    Cidr(ipnet::IpNet),
    /// As written: `443/tcp`.
    Port(Arc<str>),
    /// As written.
    Image(Arc<str>),
    List(Vec<Const>),
    /// A record, a map, or a part of a Kubernetes object.
    Map(BTreeMap<Arc<str>, Const>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the operator of its name")]
pub enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the operator of its name")]
pub enum Comparison {
    Lt,
    Le,
    Gt,
    Ge,
}

/// What is asked of a list's or a map's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// Whether it holds for one or more.
    Any,
    /// Whether it holds for every one.
    All,
    /// Whether it holds for none.
    None,
    /// Whether it holds for exactly one.
    One,
    /// For how many it holds.
    Count,
    /// Those for which it holds.
    Filter,
    /// What it yields for each, as a list.
    Map,
}

/// Methods without a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Of a text: its characters. Of a list or a map: its items.
    Size,
    /// Whether a text, list or map is empty.
    IsEmpty,
    /// Whether a list has an item, a text a text, a block a block.
    Contains,
    /// Of a list; absent where it is empty.
    First,
    /// Of a list; absent where it is empty.
    Last,
    /// Of a list; absent where it is empty.
    Min,
    /// Of a list; absent where it is empty.
    Max,
    /// Of a list; zero where it is empty.
    Sum,
    /// A list in order.
    Sort,
    /// A list backwards.
    Reverse,
    /// A list without repetitions, firsts kept.
    Distinct,
    /// A list of lists as one.
    Flatten,
    /// A list's texts with one between.
    Join,
    /// Whether a map has a key.
    Has,
    /// A map's keys in order.
    Keys,
    /// A map's values in the order of its keys.
    Values,
    /// Both maps' entries; where both have a key, the argument's.
    Merge,
    /// Of text.
    StartsWith,
    /// Of text.
    EndsWith,
    /// Whether a regular expression, a constant, is found in a text.
    Matches,
    /// Whether a glob covers the whole text.
    Like,
    /// Of text.
    Lower,
    /// Of text.
    Upper,
    /// Of text: without the white space at its ends.
    Trim,
    /// Of text.
    TrimPrefix,
    /// Of text.
    TrimSuffix,
    /// Of text: every occurrence of the first by the second.
    Replace,
    /// Of text.
    Split,
    /// Whether two address blocks have an address in common.
    Overlaps,
}

/// Which objects a lookup yields.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lookup {
    /// API group.
    pub group: Arc<str>,
    /// API version.
    pub version: Arc<str>,
    /// Plural resource name.
    pub resource: Arc<str>,
    /// Kind.
    pub kind: Arc<str>,
}

impl Expr {
    /// An expression of a type.
    #[must_use]
    pub const fn new(ty: Ty, op: Op) -> Self {
        Self { ty, op }
    }

    /// A constant truth.
    #[must_use]
    pub const fn bool(value: bool) -> Self {
        Self { ty: Ty::Bool, op: Op::Const(Const::Bool(value)) }
    }

    /// A constant text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self { ty: Ty::Text, op: Op::Const(Const::Text(text.into())) }
    }

    /// `!self`, without doubling.
    #[must_use]
    pub fn negated(self) -> Self {
        match self.op {
            Op::Not(inner) => *inner,
            Op::Const(Const::Bool(value)) => Self::bool(!value),
            op => Self { ty: Ty::Bool, op: Op::Not(Box::new(Self { ty: self.ty, op })) },
        }
    }

    /// Calls `see` on this and on every expression inside.
    pub fn walk<'e>(&'e self, see: &mut impl FnMut(&'e Self)) {
        see(self);
        self.op.for_each_child(&mut |child| child.walk(see));
    }
}

impl Op {
    /// Calls `see` on each direct operand.
    pub fn for_each_child<'e>(&'e self, see: &mut impl FnMut(&'e Expr)) {
        match self {
            Self::Const(_) | Self::Var(_) | Self::Root(_) | Self::All(_) => {}
            Self::Field(a, _) | Self::Not(a) | Self::Negate(a) | Self::Convert(a) | Self::Exists(a) => see(a),
            Self::Index(a, b)
            | Self::Arithmetic(_, a, b)
            | Self::Compare(_, a, b)
            | Self::Equal(a, b)
            | Self::Coalesce(a, b)
            | Self::In(a, b)
            | Self::Let(_, a, b) => {
                see(a);
                see(b);
            }
            Self::If(a, b, c) | Self::InRange(a, b, c) => {
                see(a);
                see(b);
                see(c);
            }
            Self::And(parts) | Self::Or(parts) | Self::List(parts) | Self::Text(parts) => parts.iter().for_each(see),
            Self::Record(fields) => fields.values().for_each(see),
            Self::Each { over, body, .. } => {
                see(over);
                see(body);
            }
            Self::Call(_, base, arguments) => {
                see(base);
                arguments.iter().for_each(see);
            }
        }
    }

    /// Calls `see` on each direct operand, to change it.
    pub fn for_each_child_mut(&mut self, see: &mut impl FnMut(&mut Expr)) {
        match self {
            Self::Const(_) | Self::Var(_) | Self::Root(_) | Self::All(_) => {}
            Self::Field(a, _) | Self::Not(a) | Self::Negate(a) | Self::Convert(a) | Self::Exists(a) => see(a),
            Self::Index(a, b)
            | Self::Arithmetic(_, a, b)
            | Self::Compare(_, a, b)
            | Self::Equal(a, b)
            | Self::Coalesce(a, b)
            | Self::In(a, b)
            | Self::Let(_, a, b) => {
                see(a);
                see(b);
            }
            Self::If(a, b, c) | Self::InRange(a, b, c) => {
                see(a);
                see(b);
                see(c);
            }
            Self::And(parts) | Self::Or(parts) | Self::List(parts) | Self::Text(parts) => {
                parts.iter_mut().for_each(see)
            }
            Self::Record(fields) => fields.values_mut().for_each(see),
            Self::Each { over, body, .. } => {
                see(over);
                see(body);
            }
            Self::Call(_, base, arguments) => {
                see(base);
                arguments.iter_mut().for_each(see);
            }
        }
    }
}

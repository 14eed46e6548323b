//! From a table's expressions to what is evaluated: names to slots, constants and patterns read once.

use std::sync::Arc;

use kspec_model::rules::{Arithmetic, Comparison, Const, Each, Expr, Lookup, Method, Op, Root, Ty, Var};
use regex::Regex;

use crate::literal;
use crate::value::Val;

/// How deep an expression may nest: evaluation takes the stack.
const DEPTH: usize = 200;

/// An expression, ready to be evaluated.
#[derive(Debug)]
pub(crate) enum Node {
    Const(Val<'static>),
    Slot(usize),
    Root(Root),
    Field(Box<Node>, Arc<str>, Ty),
    Index(Box<Node>, Box<Node>, Ty),
    Not(Box<Node>),
    Negate(Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Equal(Box<Node>, Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Coalesce(Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    InRange(Box<Node>, Box<Node>, Box<Node>),
    List(Vec<Node>),
    Record(Vec<(Arc<str>, Node)>),
    Each { what: Each, over: Box<Node>, item: usize, value: Option<usize>, body: Box<Node> },
    Matches(Box<Node>, Regex),
    Call(Method, Box<Node>, Vec<Node>, Ty),
    Convert(Box<Node>, Ty),
    Exists(Box<Node>),
    Let(usize, Box<Node>, Box<Node>),
    Text(Vec<Node>),
    All(Lookup),
}

/// Names in scope, each with its slot.
#[derive(Debug, Default)]
pub(crate) struct Names {
    bound: Vec<Var>,
    /// The most that were bound at once: the size of a frame.
    pub(crate) slots: usize,
}

impl Names {
    /// Binds a name to the next slot.
    pub(crate) fn bind(&mut self, name: &Var) -> usize {
        self.bound.push(Arc::clone(name));
        self.slots = self.slots.max(self.bound.len());
        self.bound.len() - 1
    }

    /// How many are bound.
    pub(crate) fn len(&self) -> usize {
        self.bound.len()
    }

    /// Forgets those bound since [`Names::len`] was `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bound.truncate(len);
    }

    fn slot(&self, name: &str) -> Result<usize, String> {
        self.bound.iter().rposition(|bound| **bound == *name).ok_or_else(|| format!("nothing is called `{name}`"))
    }

    /// Compiles an expression.
    pub(crate) fn compile(&mut self, expr: &Expr) -> Result<Node, String> {
        self.node(expr, 0)
    }

    fn node(&mut self, expr: &Expr, depth: usize) -> Result<Node, String> {
        if depth > DEPTH {
            return Err(format!("an expression nests more than {DEPTH} levels deep"));
        }
        let depth = depth + 1;
        let ty = || expr.ty.clone();
        Ok(match &expr.op {
            Op::Const(constant) => Node::Const(Val::of_const(constant)?),
            Op::Var(name) => Node::Slot(self.slot(name)?),
            Op::Root(root) => Node::Root(*root),
            Op::Field(base, name) => Node::Field(self.boxed(base, depth)?, Arc::clone(name), ty()),
            Op::Index(base, key) => Node::Index(self.boxed(base, depth)?, self.boxed(key, depth)?, ty()),
            Op::Not(inner) => Node::Not(self.boxed(inner, depth)?),
            Op::Negate(inner) => Node::Negate(self.boxed(inner, depth)?),
            Op::Arithmetic(op, a, b) => Node::Arithmetic(*op, self.boxed(a, depth)?, self.boxed(b, depth)?),
            Op::Compare(op, a, b) => Node::Compare(*op, self.boxed(a, depth)?, self.boxed(b, depth)?),
            Op::Equal(a, b) => Node::Equal(self.boxed(a, depth)?, self.boxed(b, depth)?),
            Op::And(parts) => Node::And(self.nodes(parts, depth)?),
            Op::Or(parts) => Node::Or(self.nodes(parts, depth)?),
            Op::If(a, b, c) => Node::If(self.boxed(a, depth)?, self.boxed(b, depth)?, self.boxed(c, depth)?),
            Op::Coalesce(a, b) => Node::Coalesce(self.boxed(a, depth)?, self.boxed(b, depth)?),
            Op::In(a, b) => Node::In(self.boxed(a, depth)?, self.boxed(b, depth)?),
            Op::InRange(a, b, c) => Node::InRange(self.boxed(a, depth)?, self.boxed(b, depth)?, self.boxed(c, depth)?),
            Op::List(parts) => Node::List(self.nodes(parts, depth)?),
            Op::Record(fields) => {
                let fields =
                    fields.iter().map(|(name, value)| Ok::<_, String>((Arc::clone(name), self.node(value, depth)?)));
                Node::Record(fields.collect::<Result<_, _>>()?)
            }
            Op::Each { what, over, item, value, body } => {
                let over = self.boxed(over, depth)?;
                let bound = self.len();
                let item = self.bind(item);
                let value = value.as_ref().map(|value| self.bind(value));
                let body = self.boxed(body, depth)?;
                self.truncate(bound);
                Node::Each { what: *what, over, item, value, body }
            }
            Op::Call(Method::Matches, base, arguments) => match arguments.as_slice() {
                [Expr { op: Op::Const(Const::Text(pattern)), .. }] => {
                    let regex = literal::compile(pattern).map_err(|why| format!("`{pattern}`: {why}"))?;
                    Node::Matches(self.boxed(base, depth)?, regex)
                }
                _ => return Err("a regular expression is no constant".to_owned()),
            },
            Op::Call(method, base, arguments) => {
                Node::Call(*method, self.boxed(base, depth)?, self.nodes(arguments, depth)?, ty())
            }
            Op::Convert(base) => Node::Convert(self.boxed(base, depth)?, ty()),
            Op::Exists(base) => Node::Exists(self.boxed(base, depth)?),
            Op::Let(name, value, body) => {
                let value = self.boxed(value, depth)?;
                let bound = self.len();
                let slot = self.bind(name);
                let body = self.boxed(body, depth)?;
                self.truncate(bound);
                Node::Let(slot, value, body)
            }
            Op::Text(parts) => Node::Text(self.nodes(parts, depth)?),
            Op::All(lookup) => Node::All(lookup.clone()),
        })
    }

    fn boxed(&mut self, expr: &Expr, depth: usize) -> Result<Box<Node>, String> {
        self.node(expr, depth).map(Box::new)
    }

    fn nodes(&mut self, exprs: &[Expr], depth: usize) -> Result<Vec<Node>, String> {
        exprs.iter().map(|expr| self.node(expr, depth)).collect()
    }
}

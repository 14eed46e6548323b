//! From a table's expressions to what is evaluated: names to slots, constants and patterns read once.

use std::sync::Arc;

use kspec_model::rules::{Arithmetic, Comparison, Const, Each, Expr, Lookup, Method, Op, Root, Ty, Var};
use regex::Regex;

use crate::literal;
use crate::paths::{Paths, Shared, Step};
use crate::value::Val;

/// How deep an expression may nest: evaluation takes the stack.
const DEPTH: usize = 200;

/// An expression, ready to be evaluated.
#[derive(Debug)]
pub(crate) enum Node {
    Const(Val<'static>),
    Slot(usize),
    Root(Root),
    Shared(Shared),
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
pub(crate) struct Names<'p> {
    bound: Vec<(Var, Meaning)>,
    /// The most that were bound at once: the size of a frame.
    pub(crate) slots: usize,
    /// The paths of the whole table; none where what they lead to changes while it is read.
    paths: Option<&'p mut Paths>,
}

/// What is known of a name.
#[derive(Debug)]
enum Meaning {
    /// Nothing.
    Value,
    /// It is an item of a list that a path leads to.
    Item,
    /// It is what a path leads to.
    Path(Shared),
}

impl<'p> Names<'p> {
    /// Names of expressions that have paths in common with others.
    pub(crate) fn sharing(paths: &'p mut Paths) -> Self {
        Self { paths: Some(paths), ..Self::default() }
    }

    /// Binds a name to the next slot.
    pub(crate) fn bind(&mut self, name: &Var) -> usize {
        self.bind_as(name, Meaning::Value)
    }

    /// Binds the name of an item of one of these lists.
    pub(crate) fn bind_item<'n>(&mut self, name: &Var, mut lists: impl Iterator<Item = &'n Node>) -> usize {
        let of_path = lists.any(|list| matches!(list, Node::Shared(_)));
        self.bind_as(name, if of_path { Meaning::Item } else { Meaning::Value })
    }

    /// Binds the name of a value.
    pub(crate) fn bind_value(&mut self, name: &Var, value: &Node) -> usize {
        self.bind_as(name, if let Node::Shared(path) = value { Meaning::Path(path.clone()) } else { Meaning::Value })
    }

    fn bind_as(&mut self, name: &Var, meaning: Meaning) -> usize {
        self.bound.push((Arc::clone(name), meaning));
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

    fn named(&self, name: &str) -> Result<Node, String> {
        let found = self.bound.iter().enumerate().rfind(|(_, (bound, _))| **bound == *name);
        match found {
            Some((_, (_, Meaning::Path(path)))) => Ok(Node::Shared(path.clone())),
            Some((slot, _)) => Ok(Node::Slot(slot)),
            None => Err(format!("nothing is called `{name}`")),
        }
    }

    /// A step from a node: along a path where it is one.
    fn step(
        &mut self,
        from: Node,
        step: impl FnOnce() -> Step,
        ty: &Ty,
        plain: impl FnOnce(Box<Node>) -> Node,
    ) -> Node {
        let bound = &self.bound;
        let item = |slot: usize| matches!(bound.get(slot), Some((_, Meaning::Item)));
        let number = self.paths.as_mut().and_then(|paths| paths.step(&from, step, ty, item));
        let plain = plain(Box::new(from));
        match number {
            Some(number) => Node::Shared(Shared::new(number, plain)),
            None => plain,
        }
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
            Op::Var(name) => self.named(name)?,
            Op::Root(root) => Node::Root(*root),
            Op::Field(base, name) => {
                let base = self.node(base, depth)?;
                let step = || Step::Field(Arc::clone(name));
                self.step(base, step, &expr.ty, |base| Node::Field(base, Arc::clone(name), ty()))
            }
            Op::Index(base, key) => {
                let (base, index) = (self.node(base, depth)?, self.boxed(key, depth)?);
                match &key.op {
                    Op::Const(Const::Text(key)) => {
                        let step = || Step::Key(Arc::clone(key));
                        self.step(base, step, &expr.ty, |base| Node::Index(base, index, ty()))
                    }
                    _ => Node::Index(Box::new(base), index, ty()),
                }
            }
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
                let item = self.bind_item(item, std::iter::once(&*over));
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
            Op::Convert(base) => {
                let base = self.node(base, depth)?;
                self.step(base, || Step::Convert, &expr.ty, |base| Node::Convert(base, ty()))
            }
            Op::Exists(base) => Node::Exists(self.boxed(base, depth)?),
            Op::Let(name, value, body) => {
                let value = self.boxed(value, depth)?;
                let bound = self.len();
                let slot = self.bind_value(name, &value);
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

//! A body's statements, made ready to be evaluated.

use kspec_model::rules::{Const, Expr, Op, Root, Stmt, Var};

use crate::compile::{Names, Node};

/// A statement, ready to be evaluated.
#[derive(Debug)]
pub(crate) enum Statement {
    Let(usize, Node),
    For {
        item: usize,
        over: Vec<(Node, Option<Place>)>,
        body: Vec<Statement>,
    },
    /// Apart is what is read only where something is found.
    Verdict {
        when: Node,
        found: Box<Found>,
    },
}

/// What is said where a condition holds.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) warn: bool,
    pub(crate) message: Node,
    pub(crate) place: Option<Place>,
    pub(crate) line: u32,
}

/// A place in the object, as far as the rule's text tells.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The slot of the item that it begins at; none: the object.
    pub(crate) item: Option<usize>,
    /// The fields from there: `securityContext.privileged`.
    pub(crate) fields: String,
}

/// A body's statements made ready, and how many slots they take.
pub(crate) fn compiled(statements: &[Stmt], names: Names<'_>) -> Result<(Vec<Statement>, usize), String> {
    let mut compiler = Compiler { names, items: Vec::new(), lets: Vec::new() };
    let statements = compiler.statements(statements, 0)?;
    Ok((statements, compiler.names.slots))
}

/// How many places of an expression are kept.
const READS: usize = 16;

/// How deep `for`s nest.
const NESTING: usize = 32;

struct Compiler<'p> {
    names: Names<'p>,
    /// Items of `for`s in scope, each with its slot.
    items: Vec<(Var, usize)>,
    /// `let`s in scope: the place that each is, and those that it reads.
    lets: Vec<(Var, Option<Place>, Vec<Place>)>,
}

impl Compiler<'_> {
    fn statements(&mut self, statements: &[Stmt], depth: usize) -> Result<Vec<Statement>, String> {
        if depth > NESTING {
            return Err(format!("`for`s nest more than {NESTING} deep"));
        }
        let (bound, items, lets) = (self.names.len(), self.items.len(), self.lets.len());
        let compiled = statements.iter().map(|statement| self.statement(statement, depth)).collect();
        self.names.truncate(bound);
        self.items.truncate(items);
        self.lets.truncate(lets);
        compiled
    }

    fn statement(&mut self, statement: &Stmt, depth: usize) -> Result<Statement, String> {
        Ok(match statement {
            Stmt::Let(name, value) => {
                self.lets.push((name.clone(), self.place(value), self.reads(value)));
                let value = self.names.compile(value)?;
                Statement::Let(self.names.bind_value(name, &value), value)
            }
            Stmt::For { item, over, body } => {
                let over = over.iter().map(|list| Ok((self.names.compile(list)?, self.place(list))));
                let over = over.collect::<Result<Vec<(Node, Option<Place>)>, String>>()?;
                let bound = self.names.len();
                let slot = self.names.bind_item(item, over.iter().map(|(list, _)| list));
                self.items.push((item.clone(), slot));
                let body = self.statements(body, depth + 1)?;
                self.items.pop();
                self.names.truncate(bound);
                Statement::For { item: slot, over, body }
            }
            Stmt::Verdict(verdict) => Statement::Verdict {
                when: self.names.compile(&verdict.when)?,
                found: Box::new(Found {
                    warn: verdict.warn,
                    message: self.names.compile(&verdict.message)?,
                    place: self.first_place(&verdict.when),
                    line: verdict.line,
                }),
            },
        })
    }

    /// What a condition is about: the first place that it reads of the innermost item, else the first that it reads, else the
    /// item itself.
    fn first_place(&self, condition: &Expr) -> Option<Place> {
        let item = self.items.last().map(|(_, slot)| *slot);
        let reads = self.reads(condition);
        let of_item = reads.iter().find(|place| place.item.is_some() && place.item == item);
        let item_itself = || item.map(|slot| Place { item: Some(slot), fields: String::new() });
        of_item.or(reads.first()).cloned().or_else(item_itself)
    }

    /// The places that an expression reads, in order, through `let`s too.
    fn reads(&self, expr: &Expr) -> Vec<Place> {
        let mut found = Vec::new();
        expr.walk(&mut |expr| match &expr.op {
            Op::Field(..) => found.extend(self.place(expr)),
            Op::Var(name) => match self.bound(name) {
                Some((_, _, reads)) => found.extend(reads.iter().cloned()),
                None => found.extend(self.place(expr)),
            },
            // What is said of several parts alike is about what they are parts of.
            Op::List(parts) => found.extend(self.around(parts)),
            _ => {}
        });
        // `let`s of `let`s must not grow beyond all bounds; what counts comes early.
        found.truncate(READS);
        found
    }

    /// The place that several expressions first read parts of.
    fn around(&self, parts: &[Expr]) -> Option<Place> {
        let mut places = parts.iter().map(|part| self.reads(part).into_iter().next());
        let first = places.next()??;
        places.try_fold(first, |around, place| {
            let place = place.filter(|place| place.item == around.item)?;
            let same = |(one, other): &(&str, &str)| one == other;
            let fields = around.fields.split('.').zip(place.fields.split('.')).take_while(same);
            let fields: Vec<&str> = fields.map(|(field, _)| field).collect();
            Some(Place { item: around.item, fields: fields.join(".") })
        })
    }

    fn bound(&self, name: &Var) -> Option<&(Var, Option<Place>, Vec<Place>)> {
        self.lets.iter().rev().find(|(bound, ..)| bound == name)
    }

    /// The place that a chain of fields names. A filtered list's items are not where they were: it names none.
    fn place(&self, expr: &Expr) -> Option<Place> {
        match &expr.op {
            Op::Root(Root::Object) => Some(Place { item: None, fields: String::new() }),
            Op::Var(name) => match self.items.iter().rev().find(|(item, _)| item == name) {
                Some((_, slot)) => Some(Place { item: Some(*slot), fields: String::new() }),
                None => self.bound(name)?.1.clone(),
            },
            Op::Field(base, name) => {
                let mut place = self.place(base)?;
                if !place.fields.is_empty() {
                    place.fields.push('.');
                }
                place.fields.push_str(name);
                Some(place)
            }
            Op::Index(base, key) => match &key.op {
                Op::Const(Const::Text(key)) => {
                    let mut place = self.place(base)?;
                    place.fields.push_str(&format!("[{key:?}]"));
                    Some(place)
                }
                // Which entry it is shows only at the request: the whole of them, then.
                _ => self.place(base),
            },
            _ => None,
        }
    }
}

//! CEL read as expressions of rules, as far as both mean the same: admission policies that others wrote.
//!
//! An expression that is not there in rules (a function of a library, arithmetic on other types) becomes a variable that nothing binds,
//! which [`crate::partial`] knows nothing of. So what is read here can be asked there, and by no other evaluator.

mod lex;
mod names;

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::{Arithmetic, Comparison, Const, Each, Expr, Method, Op, Root, Ty};

use self::lex::{Token, tokens};

pub use self::names::{Drawn, drawn};

/// How deep an expression is read, and what it is read to: expressions of a state are anyone's.
const DEEPEST: u32 = 64;
const HIGHEST: u32 = 160;

/// Reads an expression; none where it is not CEL, or too deep.
#[must_use]
pub fn read(text: &str) -> Option<Expr> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0, height: 0 };
    let read = reader.expression()?;
    (reader.at == reader.tokens.len()).then_some(read)
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// Of what was read last.
    height: u32,
}

fn any(op: Op) -> Expr {
    Expr::new(Ty::Any, op)
}

fn unknown() -> Expr {
    any(Op::Var("?".into()))
}

/// `null`, a value.
fn null() -> Expr {
    any(Op::Const(Const::Absent))
}

/// `optional.none()`, no value.
fn none() -> Expr {
    Expr::new(Ty::Any.optional(), Op::Const(Const::Absent))
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned()?;
        self.at += 1;
        Some(token)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Sign(known)) if *known == sign);
        self.at += usize::from(there);
        there
    }

    /// One of these signs.
    fn one_of(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        signs.iter().copied().find(|sign| self.takes(sign))
    }

    fn expression(&mut self) -> Option<Expr> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let read = self.choice();
        self.depth -= 1;
        read
    }

    /// Says how high what was read is, unless it is too high.
    fn reaches(&mut self, height: u32) -> Option<()> {
        self.height = height;
        (height <= HIGHEST).then_some(())
    }

    fn choice(&mut self) -> Option<Expr> {
        let when = self.either()?;
        if !self.takes("?") {
            return Some(when);
        }
        let mut height = self.height;
        let then = self.expression()?;
        height = height.max(self.height);
        if !self.takes(":") {
            return None;
        }
        let otherwise = self.expression()?;
        self.reaches(height.max(self.height) + 1)?;
        Some(any(Op::If(Box::new(when), Box::new(then), Box::new(otherwise))))
    }

    fn either(&mut self) -> Option<Expr> {
        self.joined("||", Self::both, Op::Or)
    }

    fn both(&mut self) -> Option<Expr> {
        self.joined("&&", Self::relation, Op::And)
    }

    /// Parts with a sign between them; one alone stands for itself.
    fn joined(&mut self, sign: &str, part: fn(&mut Self) -> Option<Expr>, op: fn(Vec<Expr>) -> Op) -> Option<Expr> {
        let mut parts = vec![part(self)?];
        let mut height = self.height;
        while self.takes(sign) {
            parts.push(part(self)?);
            height = height.max(self.height);
        }
        self.reaches(height + 1)?;
        if parts.len() > 1 { Some(any(op(parts))) } else { parts.pop() }
    }

    fn relation(&mut self) -> Option<Expr> {
        let mut left = self.sum()?;
        loop {
            let height = self.height;
            let is_in = matches!(self.peek(), Some(Token::Name(name)) if name == "in");
            let sign = if is_in {
                self.at += 1;
                "in"
            } else {
                match self.one_of(&["==", "!=", "<=", ">=", "<", ">"]) {
                    Some(sign) => sign,
                    None => return Some(left),
                }
            };
            let (a, b) = (Box::new(left), Box::new(self.sum()?));
            self.reaches(height.max(self.height) + 2)?;
            left = any(match sign {
                "in" => Op::In(a, b),
                "==" => Op::Equal(a, b),
                "!=" => Op::Not(Box::new(any(Op::Equal(a, b)))),
                "<=" => Op::Compare(Comparison::Le, a, b),
                ">=" => Op::Compare(Comparison::Ge, a, b),
                "<" => Op::Compare(Comparison::Lt, a, b),
                _ => Op::Compare(Comparison::Gt, a, b),
            });
        }
    }

    fn sum(&mut self) -> Option<Expr> {
        let mut left = self.unary()?;
        while let Some(sign) = self.one_of(&["+", "-", "*", "/", "%"]) {
            // Nothing is known of results, so that which of them binds tighter does not matter.
            let how = match sign {
                "+" => Arithmetic::Add,
                "-" => Arithmetic::Sub,
                "*" => Arithmetic::Mul,
                "/" => Arithmetic::Div,
                _ => Arithmetic::Rem,
            };
            let height = self.height;
            left = any(Op::Arithmetic(how, Box::new(left), Box::new(self.unary()?)));
            self.reaches(height.max(self.height) + 1)?;
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Expr> {
        let mut denied: u32 = 0;
        while self.takes("!") {
            denied += 1;
        }
        if denied == 0 && self.takes("-") {
            let negative = match self.peek() {
                Some(Token::Int(value)) => value.checked_neg(),
                _ => None,
            };
            let operand = self.member()?;
            self.reaches(self.height + 1)?;
            return Some(match negative {
                Some(value) if matches!(operand.op, Op::Const(_)) => any(Op::Const(Const::Int(value))),
                _ => any(Op::Negate(Box::new(operand))),
            });
        }
        let mut operand = self.member()?;
        self.reaches(self.height.saturating_add(denied))?;
        for _ in 0..denied {
            operand = any(Op::Not(Box::new(operand)));
        }
        Some(operand)
    }

    fn member(&mut self) -> Option<Expr> {
        let mut base = self.primary()?;
        let mut height = self.height;
        loop {
            // What is added is three high at most, a chosen item's condition.
            self.reaches(height.max(self.height) + 3)?;
            height = self.height;
            if self.takes(".?") {
                let name = self.name()?;
                base = optional(base, &name);
            } else if self.takes(".") {
                let name = self.name()?;
                base = if self.takes("(") {
                    let arguments = self.arguments(")")?;
                    method(base, &name, arguments)
                } else {
                    any(Op::Field(Box::new(base), name.as_str().into()))
                };
            } else if self.takes("[?") {
                let key = self.expression()?;
                base = match key.op {
                    Op::Const(Const::Text(name)) => optional(base, &name),
                    _ => unknown(),
                };
                self.takes("]").then_some(())?;
            } else if self.takes("[") {
                let key = self.expression()?;
                self.takes("]").then_some(())?;
                base = any(Op::Index(Box::new(base), Box::new(key)));
            } else {
                return Some(base);
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        match self.next()? {
            Token::Name(name) => Some(name),
            _ => None,
        }
    }

    /// Expressions up to a closing sign.
    fn arguments(&mut self, close: &str) -> Option<Vec<Expr>> {
        let mut found = Vec::new();
        let mut height = 0;
        while !self.takes(close) {
            found.push(self.expression()?);
            height = height.max(self.height);
            if !self.takes(",") {
                self.takes(close).then_some(())?;
                break;
            }
        }
        self.height = height;
        Some(found)
    }

    fn primary(&mut self) -> Option<Expr> {
        self.height = 1;
        Some(match self.next()? {
            Token::Text(text) => Expr::text(text),
            Token::Int(value) => any(Op::Const(Const::Int(value))),
            Token::Other => unknown(),
            Token::Name(name) => match name.as_str() {
                "true" => Expr::bool(true),
                "false" => Expr::bool(false),
                "null" => null(),
                _ if self.takes("(") => {
                    let arguments = self.arguments(")")?;
                    function(&name, arguments)
                }
                "object" => any(Op::Root(Root::Object)),
                "oldObject" => any(Op::Root(Root::Old)),
                "request" => any(Op::Root(Root::Request)),
                "namespaceObject" => any(Op::Root(Root::Namespace)),
                _ => any(Op::Var(name.as_str().into())),
            },
            Token::Sign("(") => {
                let inside = self.expression()?;
                self.takes(")").then_some(inside)?
            }
            Token::Sign("[") => any(Op::List(self.arguments("]")?)),
            Token::Sign("{") => self.entries()?,
            Token::Sign(_) => return None,
        })
    }

    fn entries(&mut self) -> Option<Expr> {
        let mut fields: BTreeMap<Arc<str>, Expr> = BTreeMap::new();
        let (mut plain, mut height) = (true, 0);
        while !self.takes("}") {
            plain &= !self.takes("?");
            let key = self.expression()?;
            self.takes(":").then_some(())?;
            let value = self.expression()?;
            height = height.max(self.height);
            match key.op {
                Op::Const(Const::Text(name)) => _ = fields.insert(name, value),
                _ => plain = false,
            }
            if !self.takes(",") {
                self.takes("}").then_some(())?;
                break;
            }
        }
        self.height = height;
        Some(if plain { any(Op::Record(fields)) } else { unknown() })
    }
}

/// `base.?name`.
fn optional(base: Expr, name: &str) -> Expr {
    any(Op::Coalesce(Box::new(any(Op::Field(Box::new(base), name.into()))), Box::new(none())))
}

fn function(name: &str, arguments: Vec<Expr>) -> Expr {
    let Ok([value]) = <[Expr; 1]>::try_from(arguments) else { return unknown() };
    match name {
        "has" if matches!(value.op, Op::Field(..)) => any(Op::Exists(Box::new(value))),
        "size" => any(Op::Call(Method::Size, Box::new(value), Vec::new())),
        "dyn" => value,
        "string" => Expr::new(Ty::Text, Op::Convert(Box::new(value))),
        _ => unknown(),
    }
}

fn method(base: Expr, name: &str, mut arguments: Vec<Expr>) -> Expr {
    if let Op::Var(library) = &base.op {
        match (&**library, name) {
            ("optional", "none") => return none(),
            ("optional", "of") => {
                let value = arguments.pop().unwrap_or_else(unknown);
                let of_any = Ty::Optional(Box::new(Ty::Any.optional()));
                return Expr::new(of_any, Op::Convert(Box::new(value)));
            }
            ("optional", "ofNonZeroValue") => {
                let value = arguments.pop().unwrap_or_else(unknown);
                return Expr::new(Ty::Optional(Box::new(Ty::Any)), Op::Convert(Box::new(value)));
            }
            ("sets", "contains" | "intersects") => {
                let Ok([a, b]) = <[Expr; 2]>::try_from(arguments) else { return unknown() };
                // A name that no expression can have.
                let item: Arc<str> = "sets.item".into();
                let (what, over, other) = if name == "contains" { (Each::All, b, a) } else { (Each::Any, a, b) };
                let body = any(Op::In(Box::new(any(Op::Var(Arc::clone(&item)))), Box::new(other)));
                return any(Op::Each { what, over: Box::new(over), item, value: None, body: Box::new(body) });
            }
            ("cel", "bind") => {
                let Ok([variable, value, body]) = <[Expr; 3]>::try_from(arguments) else { return unknown() };
                let Op::Var(variable) = variable.op else { return unknown() };
                return any(Op::Let(variable, Box::new(value), Box::new(body)));
            }
            _ => {}
        }
    }
    let base = Box::new(base);
    let each = match name {
        "all" => Some(Each::All),
        "exists" => Some(Each::Any),
        "exists_one" | "existsOne" => Some(Each::One),
        "filter" => Some(Each::Filter),
        "map" => Some(Each::Map),
        _ => None,
    };
    if let Some(what) = each {
        let mut arguments = arguments.into_iter();
        let Some(Expr { op: Op::Var(item), .. }) = arguments.next() else { return unknown() };
        return match (arguments.next(), arguments.next(), arguments.next()) {
            (Some(body), None, None) => any(Op::Each { what, over: base, item, value: None, body: Box::new(body) }),
            (Some(when), Some(body), None) if what == Each::Map => {
                let (when, body) = (Box::new(when), Box::new(body));
                let kept =
                    Op::Each { what: Each::Filter, over: base, item: Arc::clone(&item), value: None, body: when };
                any(Op::Each { what, over: Box::new(any(kept)), item, value: None, body })
            }
            _ => unknown(),
        };
    }
    match (name, arguments.as_slice()) {
        ("orValue", [_]) => any(Op::Coalesce(base, Box::new(arguments.pop().unwrap_or_else(unknown)))),
        ("hasValue", []) => any(Op::Exists(base)),
        ("size", []) => any(Op::Call(Method::Size, base, Vec::new())),
        ("join", [] | [_]) => any(Op::Call(Method::Join, base, arguments)),
        ("contains", [_]) => any(Op::Call(Method::Contains, base, arguments)),
        ("startsWith", [_]) => any(Op::Call(Method::StartsWith, base, arguments)),
        ("endsWith", [_]) => any(Op::Call(Method::EndsWith, base, arguments)),
        ("lowerAscii", []) => any(Op::Call(Method::Lower, base, Vec::new())),
        ("upperAscii", []) => any(Op::Call(Method::Upper, base, Vec::new())),
        _ => unknown(),
    }
}

//! Conditions and arithmetic.

use kspec_model::rules::{Arithmetic, Comparison, Const, Expr, Op, Ty};

use super::piece::{Kind, Piece, binds, quote};
use super::{Printer, Unsaid};

impl Printer<'_> {
    /// A condition: a `bool` that is never absent; what is absent does not hold.
    pub(super) fn holds(&mut self, expr: &Expr) -> Result<Piece, Unsaid> {
        match &expr.op {
            Op::Const(Const::Bool(value)) => Ok(Piece::bool(value.to_string(), binds::PRIMARY)),
            Op::Not(inner) => self.negated(inner),
            Op::And(parts) => self.connected(parts, " && ", binds::AND, "true"),
            Op::Or(parts) => self.connected(parts, " || ", binds::OR, "false"),
            Op::Coalesce(first, otherwise) if matches!(otherwise.op, Op::Const(Const::Bool(false))) => {
                self.holds(first)
            }
            Op::If(test, then, otherwise) => {
                let (test, then, otherwise) = (self.holds(test)?, self.holds(then)?, self.holds(otherwise)?);
                let text = format!("{} ? {} : {}", test.at(binds::OR), then.at(binds::OR), otherwise.text);
                Ok(Piece::bool(text, binds::TERNARY))
            }
            Op::Let(var, value, body) => {
                let (name, value) = self.bind_local(var, value)?;
                let body = self.holds(body);
                self.unbind();
                Ok(Piece::bool(format!("[{value}].exists({name}, {})", body?.text), binds::PRIMARY))
            }
            Op::Equal(a, b) => self.equal(a, b),
            Op::Compare(op, a, b) => self.compare(*op, a, b),
            Op::In(needle, container) => self.is_in(needle, container),
            Op::InRange(value, low, high) => {
                let (value, low, high) = (self.ordered(value)?, self.ordered(low)?, self.ordered(high)?);
                let guards = Piece::guards_of([&value, &low, &high]);
                let (above, below) = (relation(&value, ">=", &low), relation(&value, "<=", &high));
                Ok(Piece::under(&guards, &Piece::bool(format!("{above} && {below}"), binds::AND)))
            }
            Op::Exists(inner) => {
                let piece = self.value(inner)?.present();
                Ok(if piece.guards.is_empty() {
                    Piece::bool("true", binds::PRIMARY)
                } else {
                    let binds = if piece.guards.len() == 1 { binds::RELATION } else { binds::AND };
                    Piece::bool(piece.guards.join(" && "), binds)
                })
            }
            _ => {
                let piece = self.value(expr)?;
                let condition = if piece.kind == Kind::Bool {
                    Piece { guards: Vec::new(), ..piece.clone() }
                } else {
                    Piece::bool(format!("{} == true", piece.at(binds::RELATION)), binds::RELATION)
                };
                Ok(Piece::under(&piece.guards, &condition))
            }
        }
    }

    fn negated(&mut self, inner: &Expr) -> Result<Piece, Unsaid> {
        let held = self.holds(inner)?;
        // `a != b` reads better than `!(a == b)`.
        if let Some((a, b)) = held.text.split_once(" == ")
            && matches!(inner.op, Op::Equal(..))
            && held.binds == binds::RELATION
            && !b.contains(" == ")
        {
            return Ok(Piece::bool(format!("{a} != {b}"), binds::RELATION));
        }
        Ok(Piece::bool(format!("!{}", held.at(binds::PRIMARY)), binds::UNARY))
    }

    fn connected(&mut self, parts: &[Expr], with: &str, binds: u8, none: &str) -> Result<Piece, Unsaid> {
        let parts = parts.iter().map(|part| self.holds(part)).collect::<Result<Vec<_>, _>>()?;
        match parts.as_slice() {
            [] => Ok(Piece::bool(none, binds::PRIMARY)),
            [one] => Ok(one.clone()),
            several => {
                let texts: Vec<String> = several.iter().map(|part| part.at(binds)).collect();
                Ok(Piece::bool(texts.join(with), binds))
            }
        }
    }

    fn equal(&mut self, a: &Expr, b: &Expr) -> Result<Piece, Unsaid> {
        if [a, b].iter().any(|side| matches!(side.op, Op::Const(Const::Absent))) {
            return Ok(Piece::bool("false", binds::PRIMARY));
        }
        let quantity = [a, b].iter().any(|side| *side.ty.present() == Ty::Quantity);
        if quantity {
            let (a, b) = (self.quantity(a)?, self.quantity(b)?);
            let guards = Piece::guards_of([&a, &b]);
            return Ok(Piece::under(&guards, &Piece::bool(relation(&a, "==", &b), binds::RELATION)));
        }
        if [a, b].iter().any(|side| matches!(side.ty.present(), Ty::Date | Ty::Cidr | Ty::Port) && !is_port(side)) {
            return Err(Unsaid::because("CEL cannot compare days, address blocks and ranges of ports"));
        }
        if [a, b].iter().any(|side| holds_quantities(&side.ty)) {
            return Err(Unsaid::because("it compares lists of quantities"));
        }
        let (mut a, mut b) = (self.value(a)?, self.value(b)?);
        // `null` equals `null`, what is absent equals nothing.
        if a.nullable && b.nullable {
            a = a.present();
        }
        if a.kind != b.kind && a.kind != Kind::Dyn && b.kind != Kind::Dyn {
            b = Piece { kind: Kind::Dyn, text: b.dynamic(), binds: binds::PRIMARY, ..b };
        }
        let guards = Piece::guards_of([&a, &b]);
        let text = format!("{} == {}", a.at(binds::ADD), b.at(binds::ADD));
        Ok(Piece::under(&guards, &Piece::bool(text, binds::RELATION)))
    }

    fn compare(&mut self, op: Comparison, a: &Expr, b: &Expr) -> Result<Piece, Unsaid> {
        let operator = match op {
            Comparison::Lt => "<",
            Comparison::Le => "<=",
            Comparison::Gt => ">",
            Comparison::Ge => ">=",
        };
        let quantity = [a, b].iter().any(|side| *side.ty.present() == Ty::Quantity);
        let (a, b) = match quantity {
            true => (self.quantity(a)?, self.quantity(b)?),
            false => (self.ordered(a)?, self.ordered(b)?),
        };
        let guards = Piece::guards_of([&a, &b]);
        Ok(Piece::under(&guards, &Piece::bool(relation(&a, operator, &b), binds::RELATION)))
    }

    /// A value that has an order, under guards.
    fn ordered(&mut self, expr: &Expr) -> Result<Piece, Unsaid> {
        match expr.ty.present() {
            Ty::Quantity => self.quantity(expr),
            Ty::Date => Err(Unsaid::because("CEL has no clock and no days")),
            _ => Ok(self.value(expr)?.present()),
        }
    }

    /// A quantity of CEL's own, under guards.
    pub(super) fn quantity(&mut self, expr: &Expr) -> Result<Piece, Unsaid> {
        let piece = self.value(expr)?.present();
        Ok(native(piece))
    }

    fn is_in(&mut self, needle: &Expr, container: &Expr) -> Result<Piece, Unsaid> {
        match container.ty.present() {
            Ty::Cidr => self.within(needle, container),
            Ty::Map(_) | Ty::Object => {
                let (needle, container) = (self.value(needle)?.present(), self.map(container)?);
                let guards = Piece::guards_of([&needle, &container]);
                let text = format!("{} in {}", needle.at(binds::ADD), container.at(binds::ADD));
                Ok(Piece::under(&guards, &Piece::bool(text, binds::RELATION)))
            }
            _ => self.among(needle, container),
        }
    }

    /// Whether a list has an item.
    pub(super) fn among(&mut self, needle: &Expr, container: &Expr) -> Result<Piece, Unsaid> {
        if matches!(container.ty.present(), Ty::List(item) if matches!(item.present(), Ty::Date | Ty::Cidr | Ty::Port | Ty::Duration))
        {
            return Err(Unsaid::because("CEL cannot look for such a value in a list"));
        }
        let quantities = *needle.ty.present() == Ty::Quantity
            || matches!(container.ty.present(), Ty::List(item) if *item.present() == Ty::Quantity);
        let (needle, container) = (self.value(needle)?.present(), self.list(container)?);
        let guards = Piece::guards_of([&needle, &container]);
        if quantities {
            let name = self.fresh();
            let item = native(Piece::new(name.as_str(), binds::PRIMARY, Kind::Dyn));
            let same = relation(&item, "==", &native(needle));
            let there = if container.kind == Kind::Dyn { format!("{name} != null && ") } else { String::new() };
            let text = format!("{}.exists({name}, {there}{same})", container.at(binds::PRIMARY));
            return Ok(Piece::under(&guards, &Piece::bool(text, binds::PRIMARY)));
        }
        let text = format!("{} in {}", needle.at(binds::ADD), container.at(binds::ADD));
        Ok(Piece::under(&guards, &Piece::bool(text, binds::RELATION)))
    }

    /// Whether an address or block lies in a block.
    pub(super) fn within(&mut self, needle: &Expr, container: &Expr) -> Result<Piece, Unsaid> {
        let Op::Const(Const::Cidr(block)) = &container.op else {
            return Err(Unsaid::because("the address block is no constant"));
        };
        let needle = self.value(needle)?.present();
        let block = format!("cidr({})", quote(&block.trunc().to_string()));
        // What is an address block is so by its guards.
        let text = needle.text.clone();
        let inside = format!("isIP({text}) ? {block}.containsIP(ip({text})) : {block}.containsCIDR(cidr({text}))");
        Ok(Piece::under(&needle.guards, &Piece::bool(inside, binds::TERNARY)))
    }

    pub(super) fn arithmetic(&mut self, op: Arithmetic, a: &Expr, b: &Expr, ty: &Ty) -> Result<Piece, Unsaid> {
        match ty.present() {
            Ty::Quantity => self.quantity_arithmetic(op, a, b),
            Ty::List(_) => {
                let (a, b) = (self.list(a)?, self.list(b)?);
                let text = format!("{} + {}", dynamic_list(&a), dynamic_list(&b));
                Ok(Piece::new(text, binds::ADD, Kind::Dyn))
            }
            Ty::Text => {
                let (a, b) = (self.value(a)?.present(), self.value(b)?.present());
                let guards = Piece::guards_of([&a, &b]);
                let text = format!("{} + {}", text_of(&a), text_of(&b));
                Ok(Piece { guards, ..Piece::new(text, binds::ADD, Kind::Text) })
            }
            _ => {
                let (mut a, mut b) = (self.value(a)?.present(), self.value(b)?.present());
                if a.native || b.native {
                    return Err(Unsaid::because("CEL does not reckon with these together"));
                }
                let guards = Piece::guards_of([&a, &b]);
                let (operator, binds) = match op {
                    Arithmetic::Add => ("+", binds::ADD),
                    Arithmetic::Sub => ("-", binds::ADD),
                    Arithmetic::Mul => ("*", binds::MULTIPLY),
                    Arithmetic::Div => ("/", binds::MULTIPLY),
                    Arithmetic::Rem => ("%", binds::MULTIPLY),
                };
                // Numbers of two kinds meet as fractions.
                if *ty.present() == Ty::Float {
                    a = double(a);
                    b = double(b);
                } else if *ty.present() == Ty::Duration && matches!(op, Arithmetic::Mul | Arithmetic::Div) {
                    return Err(Unsaid::because("CEL does not multiply durations"));
                }
                let kind = if a.kind == b.kind { a.kind } else { Kind::Dyn };
                let text = format!("{} {operator} {}", a.at(binds), b.at(binds + 1));
                Ok(Piece { guards, ..Piece::new(text, binds, kind) })
            }
        }
    }

    fn quantity_arithmetic(&mut self, op: Arithmetic, a: &Expr, b: &Expr) -> Result<Piece, Unsaid> {
        // CEL only adds: a few times as much is so many added.
        const MOST: i64 = 16;
        let times = |side: &Expr| match side.op {
            Op::Const(Const::Int(times)) if (1..=MOST).contains(&times) => Some(times),
            _ => None,
        };
        match (op, times(a), times(b)) {
            (Arithmetic::Add | Arithmetic::Sub, ..) => {
                let (a, b) = (self.quantity(a)?, self.quantity(b)?);
                let method = if op == Arithmetic::Add { "add" } else { "sub" };
                let guards = Piece::guards_of([&a, &b]);
                let text = format!("{}.{method}({})", a.at(binds::PRIMARY), b.text);
                Ok(Piece { guards, native: true, ..Piece::new(text, binds::PRIMARY, Kind::Other) })
            }
            (Arithmetic::Mul, Some(times), _) | (Arithmetic::Mul, _, Some(times)) => {
                let quantity = if times == 1 || matches!(b.op, Op::Const(Const::Int(_))) { a } else { b };
                let quantity = self.quantity(quantity)?;
                let mut text = quantity.at(binds::PRIMARY);
                for _ in 1..times {
                    text.push_str(&format!(".add({})", quantity.text));
                }
                Ok(Piece { text, ..quantity })
            }
            _ => Err(Unsaid::because(format!(
                "CEL adds and subtracts quantities; it multiplies by whole numbers up to {MOST} only, and does not divide"
            ))),
        }
    }
}

fn is_port(expr: &Expr) -> bool {
    matches!(expr.op, Op::Const(Const::Port(_)))
}

fn holds_quantities(ty: &Ty) -> bool {
    match ty.present() {
        Ty::List(item) | Ty::Map(item) => matches!(item.present(), Ty::Quantity) || holds_quantities(item),
        _ => false,
    }
}

fn dynamic_list(piece: &Piece) -> String {
    if piece.kind == Kind::Dyn { piece.at(binds::MULTIPLY) } else { piece.dynamic() }
}

fn text_of(piece: &Piece) -> String {
    if piece.kind == Kind::Text { piece.at(binds::MULTIPLY) } else { format!("string({})", piece.text) }
}

fn double(piece: Piece) -> Piece {
    if piece.kind == Kind::Double {
        return piece;
    }
    Piece { text: format!("double({})", piece.text), binds: binds::PRIMARY, kind: Kind::Double, ..piece }
}

/// A quantity of CEL's own.
pub(super) fn native(piece: Piece) -> Piece {
    if piece.native {
        return piece;
    }
    let text = match piece.kind {
        Kind::Text => piece.text.clone(),
        _ => format!("string({})", piece.text),
    };
    Piece {
        text: format!("quantity({text})"),
        binds: binds::PRIMARY,
        kind: Kind::Other,
        native: true,
        nullable: false,
        guards: piece.guards,
    }
}

/// `a OP b`, of quantities too.
fn relation(a: &Piece, operator: &str, b: &Piece) -> String {
    if a.native {
        return format!("{}.compareTo({}) {operator} 0", a.at(binds::PRIMARY), b.text);
    }
    let mixed = a.kind != b.kind
        && [a, b].iter().all(|piece| piece.kind != Kind::Dyn)
        && ![a, b].iter().all(|piece| matches!(piece.kind, Kind::Int | Kind::Double));
    let b = if mixed { b.dynamic() } else { b.at(binds::ADD) };
    format!("{} {operator} {b}", a.at(binds::ADD))
}

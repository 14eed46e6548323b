//! Values: constants, places in the object, and what joins them.

use kspec_model::rules::{Const, Expr, Method, Op, Root, Ty};

use super::piece::{Kind, Piece, binds, quote};
use super::{Bound, LONGEST, Printer, Unsaid, template};

/// A path into the object.
struct Chain {
    text: String,
    /// Whether a part of it is selected optionally: its value is CEL's `optional`.
    optional: bool,
    nullable: bool,
    guards: Vec<String>,
    kind: Kind,
}

impl Printer<'_> {
    /// An expression's value; `null` where it is absent.
    pub(super) fn value(&mut self, expr: &Expr) -> Result<Piece, Unsaid> {
        let piece = self.value_of(expr)?;
        if piece.text.len() + piece.guards.iter().map(String::len).sum::<usize>() > LONGEST {
            return Err(Unsaid::because(format!("an expression is longer than {LONGEST} characters")));
        }
        if self.widest > 0 {
            let texts = piece.guards.iter().chain([&piece.text]);
            self.long |= texts.map(|text| template::longest(text, self.widest)).sum::<usize>() > LONGEST;
        }
        Ok(piece)
    }

    fn value_of(&mut self, expr: &Expr) -> Result<Piece, Unsaid> {
        match &expr.op {
            Op::Const(value) => constant(value),
            Op::Var(var) => match self.bound(var)? {
                Bound::Const(value) => constant(&value.clone()),
                Bound::Text { text, nullable, dynamic, native } => {
                    let kind = if *dynamic { Kind::Dyn } else { Kind::Other };
                    let nullable = *nullable && expr.ty.is_optional();
                    Ok(Piece { nullable, native: *native, ..Piece::new(&**text, binds::PRIMARY, kind) })
                }
            },
            Op::Field(base, name) if *base.ty.present() == Ty::Image => self.image_part(base, name),
            Op::Root(_) | Op::Field(..) | Op::Index(..) => {
                if matches!(expr.ty.present(), Ty::Duration | Ty::Date | Ty::Cidr | Ty::Port | Ty::Image) {
                    return Err(Unsaid::because("CEL has no such type in objects"));
                }
                let chain = self.chain(expr)?;
                let text = if chain.optional { format!("{}.orValue(dyn(null))", chain.text) } else { chain.text };
                let nullable = chain.optional || chain.nullable;
                Ok(Piece { nullable, guards: chain.guards, ..Piece::new(text, binds::PRIMARY, chain.kind) })
            }
            Op::Not(_)
            | Op::And(_)
            | Op::Or(_)
            | Op::Equal(..)
            | Op::Compare(..)
            | Op::In(..)
            | Op::InRange(..)
            | Op::Exists(_) => self.holds(expr),
            Op::Negate(inner) => {
                let inner = self.value(inner)?.present();
                if inner.native || inner.kind == Kind::Text {
                    return Err(Unsaid::because("CEL negates numbers only"));
                }
                let text = format!("-{}", inner.at(binds::PRIMARY));
                Ok(Piece { guards: inner.guards, ..Piece::new(text, binds::UNARY, inner.kind) })
            }
            Op::Arithmetic(op, a, b) => self.arithmetic(*op, a, b, &expr.ty),
            Op::If(test, then, otherwise) => self.choice(test, then, otherwise),
            // Of several, the last may be what the one before falls back to.
            Op::Coalesce(first, last) if matches!(first.op, Op::Coalesce(..)) => {
                let Op::Coalesce(first, second) = &first.op else { return Err(Unsaid::because("a fallback")) };
                let rest = Expr::new(expr.ty.clone(), Op::Coalesce(second.clone(), last.clone()));
                self.value_of(&Expr::new(expr.ty.clone(), Op::Coalesce(first.clone(), Box::new(rest))))
            }
            Op::Coalesce(first, second) => {
                let (first, second) = (self.value(first)?, self.value(second)?.or_null());
                if first.native != second.native {
                    return Err(Unsaid::because("it falls back from one form of a quantity to another"));
                }
                let native = first.native;
                Ok(Piece { native, ..first.or(&second) })
            }
            Op::List(items) => self.list_literal(items),
            Op::Record(fields) => {
                let mut parts = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    let value = json_form(self.value(value)?)?;
                    parts.push(if value.nullable || !value.guards.is_empty() {
                        let value = value.present();
                        let guards = value.guards.join(" && ");
                        format!("?{}: {guards} ? optional.of({}) : optional.none()", quote(name), value.dynamic())
                    } else {
                        format!("{}: {}", quote(name), value.dynamic())
                    });
                }
                Ok(Piece::new(format!("{{{}}}", parts.join(", ")), binds::PRIMARY, Kind::Other))
            }
            Op::Each { what, over, item, value, body } => self.each(*what, over, item, value.as_ref(), body),
            Op::Call(method, base, arguments) => self.call(*method, base, arguments, &expr.ty),
            Op::Convert(base) => self.convert(base, &expr.ty),
            Op::Let(var, value, body) => {
                let value = self.value(value)?.or_null();
                let bound = Bound::Text {
                    text: self.fresh().into(),
                    nullable: true,
                    dynamic: value.kind == Kind::Dyn,
                    native: value.native,
                };
                let Bound::Text { text: name, .. } = &bound else { return Err(Unsaid::because("a name")) };
                let name = name.clone();
                self.bind(var, bound);
                let body = self.value(body);
                self.unbind();
                let body = body?.or_null();
                let text = format!("[{}].map({name}, {})[0]", value.text, body.text);
                Ok(Piece {
                    nullable: body.nullable,
                    native: body.native,
                    ..Piece::new(text, binds::PRIMARY, body.kind)
                })
            }
            Op::Text(parts) => self.joined(parts),
            Op::All(lookup) => {
                Err(Unsaid::because(format!("it looks up objects of the kind {}, which CEL cannot", lookup.kind)))
            }
        }
    }

    /// An expression's value where it is a list; what is absent is empty.
    pub(super) fn list(&mut self, expr: &Expr) -> Result<Piece, Unsaid> {
        let (piece, wish) = self.list_of(expr)?;
        let local = self.names.iter().any(|(_, bound)| match bound {
            Bound::Text { text, .. } => mentions(&piece.text, text),
            Bound::Const(_) => false,
        });
        match (&mut self.hoist, wish) {
            (Some(hoist), Some(wish)) if !local => {
                if self.widest > 0 {
                    self.widest = self.widest.max(template::longest(&piece.text, self.widest));
                }
                let called = hoist.called(&piece.text, wish);
                Ok(Piece::new(called, binds::PRIMARY, piece.kind))
            }
            _ => Ok(piece),
        }
    }

    /// A list, and a name for it where it is worth a variable.
    fn list_of<'e>(&mut self, expr: &'e Expr) -> Result<(Piece, Option<&'e str>), Unsaid> {
        match &expr.op {
            Op::Field(base, name) if *base.ty.present() != Ty::Image => {
                let chain = self.chain(expr)?;
                Ok((emptied(chain, "[]"), Some(name)))
            }
            Op::Index(..) => Ok((emptied(self.chain(expr)?, "[]"), None)),
            Op::Call(Method::Flatten, base, _) if matches!(base.op, Op::List(_)) => {
                let Op::List(parts) = &base.op else { return Err(Unsaid::because("a list")) };
                let mut lists = Vec::with_capacity(parts.len());
                let mut plain = true;
                for part in parts {
                    let (list, wish) = self.list_of(part)?;
                    plain &= wish.is_some();
                    lists.push(if list.kind == Kind::Dyn { list.at(binds::MULTIPLY) } else { list.dynamic() });
                }
                let text = if lists.is_empty() { "[]".to_owned() } else { lists.join(" + ") };
                Ok((Piece::new(text, binds::ADD, Kind::Dyn), plain.then_some("all")))
            }
            _ => {
                let value = self.value(expr)?;
                let empty = Piece::new("[]", binds::PRIMARY, Kind::Other);
                let kind = value.kind;
                let value = value.or(&empty);
                let kind = if value.kind == Kind::Dyn { Kind::Dyn } else { kind };
                Ok((Piece { kind, ..value }, None))
            }
        }
    }

    /// An expression's value where it is a map; what is absent is empty.
    pub(super) fn map(&mut self, expr: &Expr) -> Result<Piece, Unsaid> {
        match &expr.op {
            Op::Root(_) | Op::Index(..) => Ok(emptied(self.chain(expr)?, "{}")),
            Op::Field(base, _) if *base.ty.present() != Ty::Image => Ok(emptied(self.chain(expr)?, "{}")),
            _ => {
                let value = self.value(expr)?;
                Ok(value.or(&Piece::new("{}", binds::PRIMARY, Kind::Other)))
            }
        }
    }

    fn chain(&mut self, expr: &Expr) -> Result<Chain, Unsaid> {
        match &expr.op {
            Op::Root(root) => Ok(self.root(*root, expr)),
            Op::Field(base, name) if *base.ty.present() != Ty::Image => {
                check_namespace(expr)?;
                let chain = self.chain(base)?;
                let sure = !chain.optional && !chain.nullable && !expr.ty.is_optional() && !base.ty.is_optional();
                Ok(self.step(chain, &field_step(name, sure), sure))
            }
            Op::Index(base, key) => {
                let key = self.value(key)?.present();
                let chain = self.chain(base)?;
                let mut chain = self.step(chain, &format!("[?{}]", key.text), false);
                chain.guards.extend(key.guards);
                Ok(chain)
            }
            _ => {
                let value = self.value(expr)?;
                let text = match value.kind {
                    Kind::Dyn => value.at(binds::PRIMARY),
                    _ => value.dynamic(),
                };
                Ok(Chain { text, optional: false, nullable: value.nullable, guards: value.guards, kind: Kind::Dyn })
            }
        }
    }

    fn root(&self, root: Root, expr: &Expr) -> Chain {
        let text = match root {
            Root::Object => self.roots.object.clone(),
            Root::Old => self.roots.old.clone(),
            Root::Request => "dyn(request)".to_owned(),
            Root::Namespace => "dyn(namespaceObject)".to_owned(),
        };
        let nullable = expr.ty.is_optional() || root == Root::Old;
        Chain { text, optional: false, nullable, guards: Vec::new(), kind: Kind::Dyn }
    }

    fn step(&self, mut chain: Chain, step: &str, sure: bool) -> Chain {
        if sure && let Some(rest) = chain.text.strip_prefix("dyn(request)") {
            chain.text = format!("request{rest}");
        }
        chain.text.push_str(step);
        chain.optional |= !sure;
        // What a request's field is CEL knows, and only says of one that is sure to be there.
        chain.kind = if chain.text.starts_with("request.") && sure { Kind::Other } else { Kind::Dyn };
        if !sure && let Some(rest) = chain.text.strip_prefix("request.") {
            chain.text = format!("dyn(request).{rest}");
        }
        chain
    }

    fn choice(&mut self, test: &Expr, then: &Expr, otherwise: &Expr) -> Result<Piece, Unsaid> {
        let test = self.holds(test)?;
        let (then, otherwise) = (self.value(then)?.or_null(), self.value(otherwise)?.or_null());
        if then.native != otherwise.native {
            return Err(Unsaid::because("its branches are two forms of a quantity"));
        }
        let same = then.kind == otherwise.kind && then.kind != Kind::Other && !then.nullable && !otherwise.nullable;
        let (a, b) = if same || then.native {
            (then.at(binds::OR), otherwise.text.clone())
        } else {
            (then.branch(), otherwise.dynamic())
        };
        let kind = if same || then.native { then.kind } else { Kind::Dyn };
        let text = format!("{} ? {a} : {b}", test.at(binds::OR));
        let nullable = then.nullable || otherwise.nullable;
        Ok(Piece { nullable, native: then.native, ..Piece::new(text, binds::TERNARY, kind) })
    }

    fn list_literal(&mut self, items: &[Expr]) -> Result<Piece, Unsaid> {
        let mut pieces = Vec::with_capacity(items.len());
        for item in items {
            pieces.push(json_form(self.value(item)?.or_null())?);
        }
        let first = pieces.first().map_or(Kind::Dyn, |piece| piece.kind);
        let same = first != Kind::Other && pieces.iter().all(|piece| piece.kind == first);
        let items: Vec<String> =
            pieces.iter().map(|piece| if same { piece.text.clone() } else { piece.dynamic() }).collect();
        let list = format!("[{}]", items.join(", "));
        Ok(Piece::new(list, binds::PRIMARY, Kind::Other))
    }

    /// Texts joined; what is absent is empty.
    pub(super) fn joined(&mut self, parts: &[Expr]) -> Result<Piece, Unsaid> {
        let mut texts: Vec<String> = Vec::with_capacity(parts.len());
        for part in parts {
            let piece = self.printed(part)?;
            let piece = piece.or(&Piece::new("''", binds::PRIMARY, Kind::Text));
            texts.push(if piece.kind == Kind::Text {
                piece.at(binds::MULTIPLY)
            } else {
                format!("string({})", piece.text)
            });
        }
        let binds = if texts.len() == 1 { binds::PRIMARY } else { binds::ADD };
        if texts.is_empty() {
            texts.push("''".to_owned());
        }
        Ok(Piece::new(texts.join(" + "), binds, Kind::Text))
    }
}

/// What stands for a list or map where CEL's value may be absent, or JSON's `null`.
fn emptied(chain: Chain, empty: &str) -> Piece {
    let text = if chain.optional {
        format!("optional.ofNonZeroValue({}.orValue(dyn(null))).orValue({empty})", chain.text)
    } else if chain.nullable {
        format!("optional.ofNonZeroValue({}).orValue({empty})", chain.text)
    } else {
        chain.text
    };
    let piece = Piece { guards: chain.guards, ..Piece::new(text, binds::PRIMARY, chain.kind) };
    piece.or(&Piece::new(empty, binds::PRIMARY, Kind::Other))
}

pub(super) fn field_step(name: &str, sure: bool) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !matches!(name, "in" | "true" | "false" | "null");
    match (plain, sure) {
        (true, true) => format!(".{name}"),
        (true, false) => format!(".?{name}"),
        (false, true) => format!("[{}]", quote(name)),
        (false, false) => format!("[?{}]", quote(name)),
    }
}

/// CEL sees a part of the namespace's fields.
fn check_namespace(expr: &Expr) -> Result<(), Unsaid> {
    let Op::Field(base, name) = &expr.op else { return Ok(()) };
    let Op::Field(root, part) = &base.op else { return Ok(()) };
    if !matches!(root.op, Op::Root(Root::Namespace)) {
        return Ok(());
    }
    let seen: &[&str] = match &**part {
        "metadata" => &["name", "generateName", "labels", "annotations", "generation", "resourceVersion", "finalizers"],
        "spec" => &["finalizers"],
        "status" => &["phase"],
        _ => &[],
    };
    if seen.contains(&&**name) {
        return Ok(());
    }
    Err(Unsaid::because(format!("CEL does not see `{part}.{name}` of namespaces")))
}

/// A value as it stands in JSON.
pub(super) fn json_form(piece: Piece) -> Result<Piece, Unsaid> {
    if piece.native {
        return Err(Unsaid::because("a reckoned quantity becomes part of a list or record"));
    }
    Ok(piece)
}

/// Whether a text has a name in it, as a word.
pub(in crate::admission) fn mentions(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|c| word(c) || c == '.' || c == '?') && !after.is_some_and(word)
    })
}

/// A constant as CEL.
pub(super) fn constant(value: &Const) -> Result<Piece, Unsaid> {
    let scalar = |text: String, kind| Ok(Piece::new(text, binds::PRIMARY, kind));
    match value {
        Const::Absent => Ok(Piece { nullable: true, ..Piece::new("dyn(null)", binds::PRIMARY, Kind::Dyn) }),
        Const::Bool(value) => scalar(value.to_string(), Kind::Bool),
        Const::Int(value) if *value == i64::MIN => Err(Unsaid::because("CEL cannot write the smallest number")),
        Const::Int(value) => {
            Ok(Piece::new(value.to_string(), if *value < 0 { binds::UNARY } else { binds::PRIMARY }, Kind::Int))
        }
        Const::Float(value) if value.is_finite() => {
            let binds = if *value < 0.0 { binds::UNARY } else { binds::PRIMARY };
            Ok(Piece::new(format!("{value:?}"), binds, Kind::Double))
        }
        Const::Float(_) => Err(Unsaid::because("CEL cannot write a number that is not finite")),
        Const::Text(text) | Const::Image(text) | Const::Quantity(text) => scalar(quote(text), Kind::Text),
        Const::Duration(nanos) => {
            let text = quote(&kspec_rules::literal::Duration { nanos: *nanos }.go());
            scalar(format!("duration({text})"), Kind::Other)
        }
        Const::Cidr(block) => scalar(quote(&block.to_string()), Kind::Text),
        Const::Date(_) => Err(Unsaid::because("CEL has no clock and no days")),
        Const::Port(text) => {
            let port = kspec_rules::literal::Port::parse(text).filter(|port| port.first == port.last);
            port.map(|port| Piece::new(port.first.to_string(), binds::PRIMARY, Kind::Int))
                .ok_or_else(|| Unsaid::because("CEL has no ranges of ports"))
        }
        Const::List(items) => {
            let pieces = items.iter().map(constant).collect::<Result<Vec<_>, _>>()?;
            let first = pieces.first().map_or(Kind::Text, |piece| piece.kind);
            let scalars = !matches!(first, Kind::Other | Kind::Dyn) && pieces.iter().all(|piece| piece.kind == first);
            let items: Vec<String> =
                pieces.iter().map(|piece| if scalars { piece.text.clone() } else { piece.dynamic() }).collect();
            Ok(Piece::new(format!("[{}]", items.join(", ")), binds::PRIMARY, Kind::Other))
        }
        Const::Map(fields) => {
            let mut parts = Vec::with_capacity(fields.len());
            for (name, value) in fields.iter().filter(|(_, value)| **value != Const::Absent) {
                parts.push(format!("{}: {}", quote(name), constant(value)?.dynamic()));
            }
            Ok(Piece::new(format!("{{{}}}", parts.join(", ")), binds::PRIMARY, Kind::Other))
        }
    }
}

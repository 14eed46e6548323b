//! Checked expressions as those of the rule table ([`kspec_model::rules`]).
//!
//! In: trees that the checker has passed, and the arguments that parameters are bound to. Out: closed, typed expressions.
//! The checker's evaluator tells every node's type here as it did there: parameters are bound to what is known of them
//! where they are declared, their types, and what they stand for is put in beside it. Whatever then depends on constants
//! alone is evaluated once more, with the values, and becomes a constant.

mod call;
mod constant;
mod methods;
mod mutation;
mod names;
mod operators;
mod paths;
mod rule;

use std::sync::Arc;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::rules::{Const, Each, Expr, Op, Root, Ty};
use kspec_syntax::Part;
use kspec_syntax::tree::{self, ExprKind, Str};

use crate::check::environment::OnKind;
use crate::{Cx, Type, Value, eval, type_of};
use constant::{constant, ty};
use names::Names;

pub use mutation::lower_mutation;
pub use rule::{lower_claim, lower_rule};

/// What a parameter of a rule or mutation is bound to.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Its type, as declared.
    pub ty: Type,
    /// Its value, known whole.
    pub value: Value,
}

/// A lowered expression.
#[derive(Debug, Clone)]
struct Low {
    expr: Expr,
    ty: Type,
    /// Its value, where it is a constant.
    known: Option<Value>,
}

/// A name that is bound, beside what the checker knows of it.
#[derive(Debug, Clone)]
struct Entry {
    name: Arc<str>,
    typed: Value,
    low: Low,
}

/// Lowering of one body.
struct Lower<'l, 'c> {
    cx: &'l mut Cx<'c>,
    names: &'l mut Names,
    /// Names bound, innermost last; in step with the checker's.
    env: Vec<Entry>,
}

impl Low {
    fn new(ty: Type, op: Op) -> Self {
        Self { expr: Expr::new(constant::ty(&ty), op), ty, known: None }
    }

    fn value(ty: Type, value: Value) -> Option<Self> {
        let constant = constant(&value)?;
        let of = if constant == Const::Absent { ty.clone().optional() } else { ty.present().0.clone() };
        Some(Self { expr: Expr::new(constant::ty(&of), Op::Const(constant)), ty: of, known: Some(value) })
    }

    const fn as_bool(&self) -> Option<bool> {
        match self.expr.op {
            Op::Const(Const::Bool(value)) => Some(value),
            _ => None,
        }
    }
}

impl<'l, 'c> Lower<'l, 'c> {
    fn new(cx: &'l mut Cx<'c>, names: &'l mut Names) -> Self {
        Self { cx, names, env: Vec::new() }
    }

    /// Binds a name until [`Lower::unbind`].
    fn bind(&mut self, name: &Arc<str>, low: Low) {
        let typed = Value::Unknown(low.ty.clone());
        self.bind_as(name, typed, low);
    }

    fn bind_as(&mut self, name: &Arc<str>, typed: Value, low: Low) {
        self.cx.bind(name, typed.clone(), None);
        self.env.push(Entry { name: Arc::clone(name), typed, low });
    }

    /// Binds a name to a local variable of the table.
    fn bind_var(&mut self, name: &Arc<str>, of: &Type) -> kspec_model::rules::Var {
        let var = self.names.fresh(name);
        self.bind(name, Low::new(of.clone(), Op::Var(Arc::clone(&var))));
        var
    }

    fn bound(&self) -> usize {
        self.env.len()
    }

    fn unbind(&mut self, bound: usize) {
        let more = self.env.len().saturating_sub(bound);
        self.cx.unbind(self.cx.bound().saturating_sub(more));
        self.env.truncate(bound);
    }

    /// Binds a rule's parameters and what every body on a kind can name.
    fn bind_environment(
        &mut self,
        kind: &OnKind,
        params: &[tree::Param],
        bound: &std::collections::BTreeMap<Arc<str>, Bound>,
    ) {
        for param in params {
            if let Some(bound) = bound.get(&param.name.text)
                && let Some(mut low) = Low::value(bound.ty.clone(), bound.value.clone())
            {
                low.ty = bound.ty.clone();
                self.bind(&param.name.text, low);
            }
        }
        for (name, of, root) in kind.roots(self.cx) {
            let op = match root {
                Some(root) => Op::Root(root),
                // `cluster` is only called.
                None => Op::Const(Const::Absent),
            };
            self.bind(&Arc::from(name), Low::new(of, op));
        }
        for (name, of) in kind.lists(self.cx) {
            let path = kind.pod_path(self.cx);
            let list = |field: &str| {
                let start = Expr::new(Ty::Object, Op::Root(Root::Object));
                let spec = path.iter().fold(start, |base, name| {
                    Expr::new(Ty::Object.optional(), Op::Field(Box::new(base), Arc::from(*name)))
                });
                Expr::new(ty(&of).optional(), Op::Field(Box::new(spec), Arc::from(field)))
            };
            let expr = match name {
                "containers" => list("containers"),
                "init_containers" => list("initContainers"),
                "ephemeral_containers" => list("ephemeralContainers"),
                _ => {
                    let lists = vec![list("initContainers"), list("ephemeralContainers"), list("containers")];
                    let all = Expr::new(Ty::List(Box::new(ty(&of))), Op::List(lists));
                    Expr::new(ty(&of), Op::Call(kspec_model::rules::Method::Flatten, Box::new(all), Vec::new()))
                }
            };
            self.bind(&Arc::from(name), Low { expr, ty: of, known: None });
        }
    }

    /// An expression that the checker has passed.
    fn expr(&mut self, expr: &tree::Expr, expected: Option<&Type>) -> Option<Low> {
        let before = self.cx.findings.len();
        let value = eval(expr, expected, self.cx);
        // Whatever is wrong was said where it is declared.
        self.cx.findings.truncate(before);
        if value == Value::Error {
            return self.fail(expr.span, "nothing is known of its value");
        }
        let of = type_of(&value);
        if !matches!(value, Value::Function(_)) && !value.is_abstract() {
            let wanted = expected.filter(|ty| !matches!(ty.present().0, Type::Any | Type::Never | Type::Error));
            return Low::value(wanted.cloned().unwrap_or(of), value);
        }
        let natural = self.node(expr, &of, expected)?;
        let low = self.convert(natural, &of);
        Some(self.folded(expr, expected, low))
    }

    /// A constant, where it depends on constants alone.
    fn folded(&mut self, expr: &tree::Expr, expected: Option<&Type>, low: Low) -> Low {
        if matches!(low.expr.op, Op::Const(_)) || !is_closed(&low.expr, &mut Vec::new()) {
            return low;
        }
        let (bound, before) = (self.cx.bound(), self.cx.findings.len());
        for entry in &self.env {
            let value = entry.low.known.clone().unwrap_or_else(|| entry.typed.clone());
            self.cx.bind(&entry.name, value, None);
        }
        let value = eval(expr, expected, self.cx);
        self.cx.unbind(bound);
        self.cx.findings.truncate(before);
        if value.is_abstract() {
            return low;
        }
        let of = low.ty.clone();
        Low::value(of, value).unwrap_or(low)
    }

    fn node(&mut self, expr: &tree::Expr, of: &Type, expected: Option<&Type>) -> Option<Low> {
        let expected = expected.map(|ty| ty.present().0);
        match &expr.kind {
            ExprKind::Name(name) => match self.env.iter().rev().find(|entry| entry.name == name.text) {
                Some(entry) => Some(entry.low.clone()),
                None => self.fail(expr.span, "it is not known where the rule is bound"),
            },
            ExprKind::Field(base, name) => {
                let base = self.expr(base, None)?;
                Some(Low::new(of.clone(), Op::Field(Box::new(base.expr), Arc::clone(&name.text))))
            }
            ExprKind::Index(base, key) => self.index(base, key, of),
            ExprKind::Call(callee, arguments) => self.call(callee, arguments, expr, of),
            ExprKind::List(items) => {
                let item = match (expected, of.present().0) {
                    (Some(Type::List(item)), _) | (_, Type::List(item)) => (**item).clone(),
                    _ => Type::Any,
                };
                let mut lowered = Vec::with_capacity(items.len());
                for expr in items {
                    let low = self.expr(expr, Some(&item))?;
                    lowered.push(self.convert(low, &item).expr);
                }
                Some(Low::new(Type::list(item), Op::List(lowered)))
            }
            ExprKind::Record(fields) => self.record(fields, expected, of),
            ExprKind::Unary(op, operand) => self.unary(*op, operand, of),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, of, expected),
            ExprKind::If(test, then, otherwise) => self.if_else(test, then, otherwise, of, expected),
            ExprKind::Range(..) => self.fail(expr.span, "the ends of a range that becomes a list are constants"),
            _ => self.fail(expr.span, "it has no value of its own"),
        }
    }

    fn index(&mut self, base: &tree::Expr, key: &tree::Expr, of: &Type) -> Option<Low> {
        let base = self.expr(base, None)?;
        let wanted = if matches!(base.ty.present().0, Type::List(_)) { Type::Int } else { Type::String };
        let key = self.expr(key, Some(&wanted))?;
        let op = match (base.ty.present().0, &key.expr.op) {
            (Type::Record(_) | Type::Kube(_), Op::Const(Const::Text(name))) => {
                Op::Field(Box::new(base.expr), Arc::clone(name))
            }
            _ => Op::Index(Box::new(base.expr), Box::new(key.expr)),
        };
        Some(Low::new(of.clone(), op))
    }

    fn record(&mut self, fields: &[tree::Field], expected: Option<&Type>, of: &Type) -> Option<Low> {
        let schema = self.cx.schema;
        let mut lowered = std::collections::BTreeMap::new();
        for field in fields {
            let key = &field.key.text;
            let low = match expected {
                Some(Type::Kube(kube)) => {
                    let found = schema.object(kube.id).and_then(|object| object.field(key));
                    let of = found.map_or(Type::Any, |field| Type::of_schema(schema, field.ty)).optional();
                    self.cx.open_object();
                    let low = self.expr(&field.value, Some(&of));
                    self.cx.close_object();
                    low.map(|low| self.convert(low, &of))
                }
                Some(Type::Map(_, of)) => {
                    let of = if self.cx.is_inside_object() { (**of).clone().optional() } else { (**of).clone() };
                    self.expr(&field.value, Some(&of)).map(|low| self.convert(low, &of))
                }
                Some(Type::Record(types)) => {
                    let of = types.get(key).cloned();
                    self.expr(&field.value, of.as_ref()).map(|low| match &of {
                        Some(of) => self.convert(low, of),
                        None => low,
                    })
                }
                _ => self.expr(&field.value, None),
            };
            lowered.insert(Arc::clone(key), low?.expr);
        }
        Some(Low::new(expected.unwrap_or(of).clone(), Op::Record(lowered)))
    }

    fn if_else(
        &mut self,
        test: &tree::Expr,
        then: &tree::Expr,
        otherwise: &tree::Expr,
        of: &Type,
        expected: Option<&Type>,
    ) -> Option<Low> {
        let test = self.expr(test, None)?;
        let wanted = expected.map(|ty| ty.clone().optional());
        match test.as_bool() {
            Some(true) => return self.expr(then, wanted.as_ref()),
            Some(false) => return self.expr(otherwise, wanted.as_ref()),
            None => {}
        }
        let a = self.expr(then, wanted.as_ref())?;
        let b = self.expr(otherwise, wanted.as_ref())?;
        let (a, b) = (self.convert(a, of), self.convert(b, of));
        Some(Low::new(of.clone(), Op::If(Box::new(test.expr), Box::new(a.expr), Box::new(b.expr))))
    }

    /// The same value as one of another type.
    fn convert(&mut self, low: Low, to: &Type) -> Low {
        let (from, wanted) = (low.expr.ty.clone(), ty(to));
        let target = if from.is_optional() { wanted.clone().optional() } else { wanted.present().clone() };
        if matches!(wanted.present(), Ty::Any) || from.present() == wanted.present() {
            return Low { ty: to.clone(), ..low };
        }
        if let Op::Const(value) = &low.expr.op {
            let converted = constant::convert(value, &wanted).unwrap_or_else(|| value.clone());
            return Low { expr: Expr::new(target, Op::Const(converted)), ty: to.clone(), known: low.known };
        }
        let expr = match (from.present(), wanted.present(), low.expr.op) {
            // What has a name is printed by it.
            (Ty::Object, Ty::Text, op) => {
                let base = Expr::new(from, op);
                Expr::new(target, Op::Field(Box::new(base), Arc::from("name")))
            }
            (Ty::Object, Ty::Map(_), op) => Expr::new(target, op),
            (Ty::List(a), Ty::List(b), op) if a.present() == b.present() || **a == Ty::Any => Expr::new(target, op),
            (Ty::List(_), Ty::List(_), Op::List(items)) => {
                let of = match to.present().0 {
                    Type::List(item) => (**item).clone(),
                    _ => Type::Any,
                };
                let items = items.into_iter().map(|expr| {
                    let item = Low { expr, ty: Type::Any, known: None };
                    self.convert(item, &of).expr
                });
                let items = items.collect();
                Expr::new(target, Op::List(items))
            }
            (Ty::List(item), Ty::List(of), op) => {
                let var = self.names.fresh("item");
                let body = Expr::new((**item).clone(), Op::Var(Arc::clone(&var)));
                let body = Expr::new((**of).clone(), Op::Convert(Box::new(body)));
                let over = Box::new(Expr::new(from.clone(), op));
                Expr::new(target, Op::Each { what: Each::Map, over, item: var, value: None, body: Box::new(body) })
            }
            (_, _, op) => Expr::new(target, Op::Convert(Box::new(Expr::new(from, op)))),
        };
        Low { expr, ty: to.clone(), known: None }
    }

    /// A condition.
    fn condition(&mut self, expr: &tree::Expr) -> Option<Expr> {
        self.expr(expr, None).map(|low| low.expr)
    }

    /// Text that interpolates.
    fn text(&mut self, string: &Str) -> Option<Expr> {
        if string.raw {
            return Some(Expr::text(Arc::clone(&string.value)));
        }
        let mut parts: Vec<Expr> = Vec::new();
        for part in kspec_syntax::interpolation(string).0 {
            let next = match part {
                Part::Text(text) => Expr::text(text),
                Part::Expr(expr) => {
                    let low = self.expr(&expr, None)?;
                    self.convert(low, &Type::String).expr
                }
            };
            match (parts.last_mut().map(|part| &mut part.op), &next.op) {
                (Some(Op::Const(Const::Text(before))), Op::Const(Const::Text(text))) => {
                    *before = Arc::from(format!("{before}{text}"));
                }
                _ => parts.push(next),
            }
        }
        Some(match parts.len() {
            0 => Expr::text(""),
            1 => parts.pop()?,
            _ => Expr::new(Ty::Text, Op::Text(parts)),
        })
    }

    /// What cannot be lowered is said, never left out.
    fn fail<T>(&mut self, span: Span, why: &str) -> Option<T> {
        let finding = Finding::new(codes::WRONG_TYPE, "no engine can decide this", self.cx.at(span)).because(why);
        if self.cx.findings.iter().all(|old| old.code != codes::WRONG_TYPE) {
            self.cx.findings.push(finding);
        }
        None
    }
}

/// Whether an expression reads nothing of the request, and no variable from outside.
fn is_closed<'e>(expr: &'e Expr, inside: &mut Vec<&'e str>) -> bool {
    match &expr.op {
        Op::Root(_) | Op::All(_) => false,
        Op::Var(var) => inside.contains(&&**var),
        Op::Each { over, item, value, body, .. } => {
            if !is_closed(over, inside) {
                return false;
            }
            let before = inside.len();
            inside.push(item);
            inside.extend(value.as_deref());
            let closed = is_closed(body, inside);
            inside.truncate(before);
            closed
        }
        Op::Let(var, value, body) => {
            if !is_closed(value, inside) {
                return false;
            }
            inside.push(var);
            let closed = is_closed(body, inside);
            inside.pop();
            closed
        }
        op => {
            let mut closed = true;
            op.for_each_child(&mut |child| closed = closed && is_closed(child, inside));
            closed
        }
    }
}

//! Calls: functions are inlined, built-in ones become conversions.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::{Expr, Lookup, Op, Ty};
use kspec_syntax::tree::{self, Arg, ExprKind};

use super::constant::ty;
use super::{Entry, Low, Lower};
use crate::{EntityKind, FnDef, Lookup as Found, Type, Value, eval};

impl Lower<'_, '_> {
    pub(super) fn call(&mut self, callee: &tree::Expr, arguments: &[Arg], expr: &tree::Expr, of: &Type) -> Option<Low> {
        match &callee.kind {
            ExprKind::Name(name) => match self.cx.lookup(&name.text, name.span) {
                Found::Found(Value::Function(def)) => self.inline(&def, arguments, expr),
                Found::Found(_) | Found::Poisoned => self.fail(expr.span, "it is no function"),
                Found::Unknown => {
                    let argument = arguments.first()?;
                    let low = self.expr(&argument.value, None)?;
                    let wanted = of.clone();
                    let optional = low.expr.ty.is_optional();
                    let low = self.convert(low, &wanted);
                    Some(Low { ty: if optional { wanted.optional() } else { wanted }, ..low })
                }
            },
            ExprKind::Field(base, name) => {
                let before = self.cx.findings.len();
                let receiver = eval(base, None, self.cx);
                let member = match &receiver {
                    Value::Entity(_) => eval(callee, None, self.cx),
                    _ => Value::Error,
                };
                self.cx.findings.truncate(before);
                match (&receiver, member) {
                    (_, Value::Function(def)) => self.inline(&def, arguments, expr),
                    (Value::Unknown(Type::Entity(EntityKind::Cluster)), _) => self.lookup(of, expr),
                    _ => self.method(base, name, arguments, expr, of),
                }
            }
            _ => self.fail(expr.span, "it is no function"),
        }
    }

    /// `cluster.all(Kind)`.
    fn lookup(&mut self, of: &Type, expr: &tree::Expr) -> Option<Low> {
        let Type::List(item) = of else { return self.fail(expr.span, "it is no kind") };
        let Type::Kube(kube) = &**item else { return self.fail(expr.span, "it is no kind") };
        let fits = |info: &&kspec_schema::KindInfo| info.ty == kube.id && *info.kind == *kube.name;
        let mut found = self.cx.schema.kinds().iter().filter(fits);
        let first = found.next();
        let Some(info) = first.filter(|info| info.preferred).or_else(|| found.find(|info| info.preferred)).or(first)
        else {
            return self.fail(expr.span, "it is no kind");
        };
        let lookup = Lookup {
            group: Arc::from(&*info.group),
            version: Arc::from(&*info.version),
            resource: Arc::from(&*info.plural),
            kind: Arc::from(&*info.kind),
        };
        Some(Low::new(of.clone(), Op::All(lookup)))
    }

    /// A function's body, with its arguments put in: each once, as a variable where it is more than a name.
    fn inline(&mut self, def: &Arc<FnDef>, arguments: &[Arg], expr: &tree::Expr) -> Option<Low> {
        let mut given: BTreeMap<Arc<str>, Low> = BTreeMap::new();
        let mut position = 0;
        for argument in arguments {
            let param = match &argument.name {
                Some(name) => def.params.iter().find(|param| param.name == name.text),
                None => {
                    position += 1;
                    def.params.get(position - 1)
                }
            };
            let Some(param) = param else { return self.fail(expr.span, "it has an argument too many") };
            let low = self.expr(&argument.value, Some(&param.ty))?;
            let low = self.convert(low, &param.ty);
            given.insert(Arc::clone(&param.name), low);
        }
        for param in def.params.iter().filter(|param| !given.contains_key(&param.name)).collect::<Vec<_>>() {
            let value = match &param.default {
                Some(default) => {
                    self.cx.in_module(Some(&def.module), def.decl.item, None, |cx| eval(default, Some(&param.ty), cx))
                }
                None => Value::Absent,
            };
            let Some(low) = Low::value(param.ty.clone(), value) else {
                return self.fail(expr.span, "a default of its parameters is not known");
            };
            given.insert(Arc::clone(&param.name), low);
        }
        self.inline_with(def, given, expr.span)
    }

    /// As `inline`, with arguments by parameter.
    pub(super) fn inline_with(
        &mut self,
        def: &Arc<FnDef>,
        given: BTreeMap<Arc<str>, Low>,
        span: kspec_diagnostics::Span,
    ) -> Option<Low> {
        if self.cx.is_calling(def) || !self.cx.enter(span) {
            return self.fail(span, "the function calls itself");
        }
        let mut entries = Vec::with_capacity(given.len());
        let mut lets: Vec<(kspec_model::rules::Var, Expr)> = Vec::new();
        for param in &def.params {
            let Some(mut low) = given.get(&param.name).cloned() else { continue };
            if !matches!(low.expr.op, Op::Const(_) | Op::Var(_) | Op::Root(_)) {
                let var = self.names.fresh(&param.name);
                let value = std::mem::replace(&mut low.expr.op, Op::Var(Arc::clone(&var)));
                lets.push((var, Expr::new(low.expr.ty.clone(), value)));
            }
            low.ty = param.ty.clone();
            entries.push(Entry { name: Arc::clone(&param.name), typed: Value::Unknown(param.ty.clone()), low });
        }
        let at = self.cx.at(span);
        let names = &mut *self.names;
        let body = self.cx.in_module(Some(&def.module), def.item, Some((def, at)), |cx| {
            for entry in &entries {
                cx.bind(&entry.name, entry.typed.clone(), None);
            }
            let mut inner = Lower { cx, names, env: entries };
            let low = inner.expr(&def.body, Some(&def.result))?;
            Some(inner.convert(low, &def.result))
        });
        self.cx.leave();
        let body = body?;
        let of = body.ty.clone();
        let known = body.known.clone().filter(|_| lets.is_empty());
        let expr = lets.into_iter().rev().fold(body.expr, |body, (var, value)| {
            if matches!(body.op, Op::Const(_)) {
                return body;
            }
            let of: Ty = body.ty.clone();
            Expr::new(of, Op::Let(var, Box::new(value), Box::new(body)))
        });
        debug_assert_eq!(expr.ty.present(), ty(&of).present(), "an inlined body is of its function's type");
        Some(Low { expr, ty: of, known })
    }
}

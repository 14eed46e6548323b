//! Mutations.

use std::sync::Arc;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_syntax::tree::{Expr, ExprKind, Mutation, MutationStmt, Name};

use super::environment;
use super::rule::items;
use crate::ops::condition;
use crate::report::bad_value;
use crate::{Cx, Type, Value, eval, eval_resource, type_of};

/// Checks a mutation's body, for each kind that it is on.
pub fn check_mutation(mutation: &Mutation, cx: &mut Cx<'_>) {
    let kinds = environment::kinds(&mutation.on, cx);
    environment::for_each_kind(&kinds, &mutation.params, cx, |cx| {
        let mut body = Body { roots: LISTS.iter().map(|name| Arc::from(*name)).collect() };
        body.stmts(&mutation.body, cx);
    });
}

/// The object, and its lists by their short names.
pub(crate) const LISTS: [&str; 5] =
    ["object", "containers", "init_containers", "ephemeral_containers", "all_containers"];

/// A mutation's body: the names through which the object can be written.
struct Body {
    roots: Vec<Arc<str>>,
}

impl Body {
    fn stmts(&mut self, statements: &[MutationStmt], cx: &mut Cx<'_>) {
        for statement in statements {
            match statement {
                MutationStmt::For(name, over, body) => self.each(name, over, body, cx),
                MutationStmt::If(test, body) => {
                    condition(test, cx);
                    self.stmts(body, cx);
                }
                MutationStmt::Write { op, path, value, condition: test, .. } => {
                    if let Some(test) = test {
                        condition(test, cx);
                    }
                    self.write(op, path, value, cx);
                }
                MutationStmt::Remove { path, condition: test, .. } => {
                    if let Some(test) = test {
                        condition(test, cx);
                    }
                    self.remove(path, cx);
                }
            }
        }
    }

    fn each(&mut self, name: &Name, over: &[Expr], body: &[MutationStmt], cx: &mut Cx<'_>) {
        let item = items(over, cx);
        let at = cx.at(name.span);
        let known = self.roots.len();
        if over.iter().all(|list| self.is_writable(list)) {
            self.roots.push(name.text.clone());
        }
        cx.with_local(&name.text, Value::Unknown(item), Some(at), |cx| self.stmts(body, cx));
        self.roots.truncate(known);
    }

    fn is_writable(&self, path: &Expr) -> bool {
        match &path.kind {
            ExprKind::Name(name) => self.roots.contains(&name.text),
            ExprKind::Field(base, _) | ExprKind::Index(base, _) => self.is_writable(base),
            _ => false,
        }
    }

    /// The type of a place in the object, or `None` where a finding was reported.
    fn place(&self, path: &Expr, cx: &mut Cx<'_>) -> Option<Type> {
        let value = eval(path, None, cx);
        let ty = type_of(&value);
        if ty == Type::Error {
            return None;
        }
        let inside = matches!(path.kind, ExprKind::Field(..) | ExprKind::Index(..));
        if !inside || !self.is_writable(path) {
            let finding = Finding::new(codes::WRONG_TYPE, "this is no place in the object", cx.at(path.span)).help(
                "write a field of `object`, or of what a `for` over its lists yields: `c.resources.limits.memory`",
            );
            cx.report(finding);
            return None;
        }
        Some(ty.present().0.clone())
    }

    fn write(&self, op: &Name, path: &Expr, value: &Expr, cx: &mut Cx<'_>) {
        let Some(ty) = self.place(path, cx) else {
            eval(value, None, cx);
            return;
        };
        let wanted = match (&*op.text, ty) {
            ("append", Type::List(item)) => match value.kind {
                // Several at once.
                ExprKind::List(_) => Type::List(item),
                _ => *item,
            },
            ("append", Type::Error) => Type::Error,
            ("append", other) => {
                let finding = Finding::new(
                    codes::WRONG_TYPE,
                    format!("`append` adds to lists, not to `{other}`"),
                    cx.at(path.span),
                )
                .because(format!("this is `{other}`"))
                .help("write `set` or `default`");
                cx.report(finding);
                return;
            }
            (_, ty) => ty,
        };
        let at = cx.at(path.span);
        cx.labelled(
            Some(at),
            || format!("this is `{wanted}`"),
            |cx| {
                cx.inside_object(|cx| match (&wanted, last_key(path)) {
                    (Type::Quantity, Some(resource)) => eval_resource(value, &resource, cx),
                    _ => eval(value, Some(&wanted), cx),
                })
            },
        );
    }

    fn remove(&self, path: &Expr, cx: &mut Cx<'_>) {
        if self.place(path, cx).is_none() {
            return;
        }
        let ExprKind::Field(base, name) = &path.kind else { return };
        let owner = type_of(&eval(base, None, cx));
        if let Type::Kube(kube) = owner.present().0
            && let Some(field) = cx.schema.object(kube.id).and_then(|object| object.field(&name.text))
            && field.required
        {
            let span: Span = path.span;
            let finding =
                bad_value(format!("`{}` of `{}` cannot be removed: it must be there", name.text, kube.name), span, cx);
            cx.report(finding);
        }
    }
}

/// The last segment of a path: what a quantity is of.
fn last_key(path: &Expr) -> Option<Arc<str>> {
    match &path.kind {
        ExprKind::Field(_, name) => Some(name.text.clone()),
        ExprKind::Index(_, key) => match &key.kind {
            ExprKind::Str(text) => Some(text.value.clone()),
            _ => None,
        },
        _ => None,
    }
}

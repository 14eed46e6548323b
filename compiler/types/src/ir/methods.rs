//! Methods.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::{Const, Each, Expr, Method, Op, Var};
use kspec_syntax::tree::{self, Arg, ExprKind, Name};

use super::constant::ty;
use super::operators::{and, or};
use super::{Low, Lower};
use crate::{Lookup, Type, Value};

/// The longest list of constants whose items are looked at one by one.
const UNROLLED: usize = 64;

/// What is asked of each item.
fn each(name: &str) -> Option<Each> {
    Some(match name {
        "any" => Each::Any,
        "all" => Each::All,
        "none" => Each::None,
        "one" => Each::One,
        "count" => Each::Count,
        "filter" => Each::Filter,
        "map" => Each::Map,
        _ => return None,
    })
}

fn method(name: &str) -> Option<Method> {
    Some(match name {
        "size" | "count" => Method::Size,
        "is_empty" => Method::IsEmpty,
        "contains" => Method::Contains,
        "first" => Method::First,
        "last" => Method::Last,
        "min" => Method::Min,
        "max" => Method::Max,
        "sum" => Method::Sum,
        "sort" => Method::Sort,
        "reverse" => Method::Reverse,
        "distinct" => Method::Distinct,
        "flatten" => Method::Flatten,
        "join" => Method::Join,
        "has" => Method::Has,
        "keys" => Method::Keys,
        "values" => Method::Values,
        "merge" => Method::Merge,
        "starts_with" => Method::StartsWith,
        "ends_with" => Method::EndsWith,
        "matches" => Method::Matches,
        "like" => Method::Like,
        "lower" => Method::Lower,
        "upper" => Method::Upper,
        "trim" => Method::Trim,
        "trim_prefix" => Method::TrimPrefix,
        "trim_suffix" => Method::TrimSuffix,
        "replace" => Method::Replace,
        "split" => Method::Split,
        "overlaps" => Method::Overlaps,
        _ => return None,
    })
}

impl Lower<'_, '_> {
    /// `base.name(arguments)`.
    pub(super) fn method(
        &mut self,
        base: &tree::Expr,
        name: &Name,
        arguments: &[Arg],
        expr: &tree::Expr,
        of: &Type,
    ) -> Option<Low> {
        let receiver = self.expr(base, None)?;
        if &*name.text == "exists" && arguments.is_empty() {
            return Some(match &receiver.expr.op {
                Op::Const(value) => Low::value(Type::Bool, Value::Bool(*value != Const::Absent))?,
                _ => Low::new(Type::Bool, Op::Exists(Box::new(receiver.expr))),
            });
        }
        let present = receiver.ty.present().0.clone();
        match &present {
            // What a free-form field holds, as what it is stated to be.
            Type::Any => Some(Low::new(of.clone().optional(), Op::Convert(Box::new(receiver.expr)))),
            Type::List(item) => self.of_list(receiver, item, name, arguments, expr, of),
            Type::Map(..) | Type::Record(_) => self.of_map(receiver, &present, name, arguments, expr, of),
            Type::Cidr => self.with_arguments(receiver, name, arguments, &Type::Cidr, expr, of),
            _ => {
                let wanted = match &*name.text {
                    "matches" => Type::Regex,
                    "like" => Type::Glob,
                    _ => Type::String,
                };
                let receiver = self.convert(receiver, &Type::String);
                self.with_arguments(receiver, name, arguments, &wanted, expr, of)
            }
        }
    }

    fn with_arguments(
        &mut self,
        receiver: Low,
        name: &Name,
        arguments: &[Arg],
        wanted: &Type,
        expr: &tree::Expr,
        of: &Type,
    ) -> Option<Low> {
        let Some(method) = method(&name.text) else { return self.fail(expr.span, "there is no such method") };
        let mut lowered = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let low = self.expr(&argument.value, Some(wanted))?;
            lowered.push(self.convert(low, wanted).expr);
        }
        Some(called(method, receiver.expr, lowered, of))
    }

    fn of_list(
        &mut self,
        receiver: Low,
        item: &Type,
        name: &Name,
        arguments: &[Arg],
        expr: &tree::Expr,
        of: &Type,
    ) -> Option<Low> {
        match (each(&name.text), arguments.first()) {
            (Some(what), Some(function)) => self.each_item(what, receiver, item, &function.value, of),
            _ => match &*name.text {
                "contains" => self.with_arguments(receiver, name, arguments, item.present().0, expr, of),
                // What is joined is text.
                "join" => {
                    let receiver = self.convert(receiver, &Type::list(Type::String));
                    self.with_arguments(receiver, name, arguments, &Type::String, expr, of)
                }
                _ => self.with_arguments(receiver, name, arguments, &Type::String, expr, of),
            },
        }
    }

    fn each_item(&mut self, what: Each, over: Low, item: &Type, function: &tree::Expr, of: &Type) -> Option<Low> {
        let (var, body) = self.applied(function, std::slice::from_ref(item))?;
        let var = var.into_iter().next()?;
        if let (Op::Const(Const::List(_)), Some(Value::List(items))) = (&over.expr.op, &over.known)
            && matches!(what, Each::Any | Each::All | Each::None)
            && items.len() <= UNROLLED
            && matches_a_variable(&body.expr)
        {
            let items = items.clone();
            let mut tests = Vec::with_capacity(items.len());
            for value in items {
                let mut low = Low::value(item.clone(), value)?;
                low.ty = item.clone();
                tests.push(self.applied_to(function, vec![low])?.expr);
            }
            let expr = match what {
                Each::All => and(tests),
                Each::Any => or(tests),
                _ => or(tests).negated(),
            };
            return Some(Low { expr, ty: Type::Bool, known: None });
        }
        Some(Low::new(
            of.clone(),
            Op::Each { what, over: Box::new(over.expr), item: var, value: None, body: Box::new(body.expr) },
        ))
    }

    fn of_map(
        &mut self,
        receiver: Low,
        present: &Type,
        name: &Name,
        arguments: &[Arg],
        expr: &tree::Expr,
        of: &Type,
    ) -> Option<Low> {
        let value = match present {
            Type::Map(_, of) => (**of).clone(),
            Type::Record(fields) => {
                let joined = fields.values().try_fold(Type::Never, |joined, field| joined.join(field));
                joined.map_or(Type::Any, |joined| joined.present().0.clone())
            }
            _ => Type::Any,
        };
        let receiver = self.convert(receiver, &Type::map(value.clone()));
        match (each(&name.text), arguments.first()) {
            (Some(what), Some(function)) => {
                let (vars, body) = self.applied(&function.value, &[Type::String, value])?;
                let mut vars = vars.into_iter();
                let (key, value) = (vars.next()?, vars.next());
                let op = Op::Each { what, over: Box::new(receiver.expr), item: key, value, body: Box::new(body.expr) };
                Some(Low::new(of.clone(), op))
            }
            _ => match &*name.text {
                "merge" => {
                    let wanted = Type::map(value).optional();
                    self.with_arguments(receiver, name, arguments, &wanted, expr, of)
                }
                _ => self.with_arguments(receiver, name, arguments, &Type::String, expr, of),
            },
        }
    }

    /// A method's function, applied to variables of these types.
    fn applied(&mut self, function: &tree::Expr, types: &[Type]) -> Option<(Vec<Var>, Low)> {
        let names: Vec<Arc<str>> = match &function.kind {
            ExprKind::Lambda(names, _) => names.iter().map(|name| Arc::clone(&name.text)).collect(),
            _ => types.iter().enumerate().map(|(at, _)| Arc::from(if at == 0 { "item" } else { "value" })).collect(),
        };
        let vars: Vec<Var> = names.iter().map(|name| self.names.fresh(name)).collect();
        let values = vars.iter().zip(types).map(|(var, of)| Low::new(of.clone(), Op::Var(Arc::clone(var))));
        let values = values.collect();
        let body = self.applied_to(function, values)?;
        Some((vars, body))
    }

    fn applied_to(&mut self, function: &tree::Expr, values: Vec<Low>) -> Option<Low> {
        match &function.kind {
            ExprKind::Lambda(names, body) => {
                let bound = self.bound();
                for (name, low) in names.iter().zip(values) {
                    self.bind(&name.text, low);
                }
                let body = self.expr(body, None);
                self.unbind(bound);
                body
            }
            ExprKind::Name(name) => match self.cx.lookup(&name.text, name.span) {
                Lookup::Found(Value::Function(def)) => {
                    let given: BTreeMap<Arc<str>, Low> = def
                        .params
                        .iter()
                        .zip(values)
                        .map(|(param, low)| (Arc::clone(&param.name), self.convert(low, &param.ty)))
                        .collect();
                    self.inline_with(&def, given, function.span)
                }
                _ => self.fail(function.span, "it is no function"),
            },
            _ => self.fail(function.span, "it is no function"),
        }
    }
}

/// A call of a method, of the type that the receiver and the method give it.
fn called(method: Method, receiver: Expr, arguments: Vec<Expr>, of: &Type) -> Low {
    // A pattern is a constant: where there is a choice, the match is inside of it.
    if method == Method::Matches
        && let [pattern] = arguments.as_slice()
        && let Op::If(test, a, b) = &pattern.op
    {
        let branch = |pattern: &Expr| called(method, receiver.clone(), vec![pattern.clone()], of).expr;
        let op = Op::If(test.clone(), Box::new(branch(a)), Box::new(branch(b)));
        return Low { expr: Expr::new(ty(of), op), ty: of.clone(), known: None };
    }
    Low::new(of.clone(), Op::Call(method, Box::new(receiver), arguments))
}

/// Whether a regular expression is read from a variable: compiled ahead, it is a constant.
pub(super) fn matches_a_variable(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| {
        if let Op::Call(Method::Matches, _, arguments) = &expr.op
            && arguments.iter().any(|argument| !matches!(argument.op, Op::Const(_)))
        {
            found = true;
        }
    });
    found
}

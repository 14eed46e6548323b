//! Mutations' bodies.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::rules::{Change, Const, Expr, Op, Write};
use kspec_proofs::Twice;
use kspec_schema::{ListMerge, Type as Shape};
use kspec_syntax::tree::{self, ExprKind, MutationStmt};

use super::paths::{Place, Places, Segment, of_one_item, overlap, places, reads};
use super::{Bound, Lower, Names};
use crate::check::environment::OnKind;
use crate::{Cx, Type, eval, type_of};

/// The statements of a mutation on one kind, its parameters bound. The mutation has passed its check. One that would
/// change more when it runs again is a finding, and `None`.
pub fn lower_mutation(
    statements: &[MutationStmt],
    kind: &OnKind,
    params: &[tree::Param],
    bound: &BTreeMap<Arc<str>, Bound>,
    cx: &mut Cx<'_>,
) -> Option<Vec<Change>> {
    let mut names = Names::default();
    let mut lower = Lower::new(cx, &mut names);
    lower.bind_environment(kind, params, bound);
    let mut steps = Steps::default();
    let result = lower.changes(statements, &mut steps, &[]);
    lower.unbind(0);
    let result = result?;
    match steps.second_run() {
        None => Some(result),
        Some((span, why)) => {
            let finding = Finding::new(codes::NOT_IDEMPOTENT, "run twice, this changes more than once", cx.at(span))
                .because(why)
                .help("a mutation runs again when others have changed the object: let what it writes depend on nothing that it writes");
            let shown = kspec_proofs::changed_twice(&result, &kind.creation(), cx.schema);
            cx.findings.push(match shown {
                Some(Twice { object, once, twice }) => finding.witness(vec![
                    format!("of {object}"),
                    format!("it makes {once}"),
                    format!("and of that {twice}"),
                ]),
                None => finding,
            });
            None
        }
    }
}

/// A condition around a write.
#[derive(Debug, Clone)]
struct Guard {
    id: usize,
    /// Whether it is asked once for each item of a list.
    repeated: bool,
    reads: Vec<Place>,
}

/// A write, and what it depends on.
#[derive(Debug, Clone)]
struct Step {
    span: Span,
    writes: Vec<Place>,
    /// What the value is made of.
    value: Vec<Place>,
    guards: Vec<Guard>,
    loops: Vec<usize>,
    write: Option<Write>,
    /// Whether an appended value is a constant, or replaced by its keys.
    settled: bool,
}

/// The writes of a mutation, in order.
#[derive(Debug, Default)]
struct Steps {
    steps: Vec<Step>,
    places: Places,
    ids: usize,
    loops: Vec<usize>,
}

impl Steps {
    fn guard(&mut self, when: &Expr) -> Guard {
        self.ids += 1;
        let mut read = Vec::new();
        reads(when, &self.places, &mut read);
        Guard { id: self.ids, repeated: !self.loops.is_empty(), reads: read }
    }

    /// The write that a second run would do differently, and why.
    ///
    /// A write's value and conditions may read what comes before it: that is the same on a second run. What comes after it
    /// may only be read by a condition that holds for both: had it not held, neither had run.
    fn second_run(&self) -> Option<(Span, &'static str)> {
        for (at, step) in self.steps.iter().enumerate() {
            if step.write == Some(Write::Append) && !step.settled {
                return Some((step.span, "what is appended is computed, and the list has no keys to find it again by"));
            }
            for (other_at, other) in self.steps.iter().enumerate() {
                let around = step.loops.iter().any(|id| other.loops.contains(id));
                if other_at < at && !around {
                    continue;
                }
                let clashes = |read: &[Place], harmless: &dyn Fn(&Place, &Place) -> bool| {
                    read.iter()
                        .any(|read| other.writes.iter().any(|write| overlap(read, write) && !harmless(read, write)))
                };
                let fills_in = other_at == at && step.write == Some(Write::Default);
                let value =
                    clashes(&step.value, &|read, write| (fills_in || other_at < at) && of_one_item(read, write));
                if value {
                    return Some(if other_at == at {
                        (step.span, "the value is made of what it replaces")
                    } else {
                        (other.span, "an earlier statement reads what is written here")
                    });
                }
                for guard in &step.guards {
                    let shared = other.guards.iter().any(|known| known.id == guard.id);
                    let clash = clashes(&guard.reads, &|read, write| {
                        (shared && !guard.repeated) || ((shared || other_at < at) && of_one_item(read, write))
                    });
                    if clash {
                        return Some((other.span, "an earlier condition reads what is written here"));
                    }
                }
            }
        }
        None
    }
}

impl Lower<'_, '_> {
    fn changes(&mut self, statements: &[MutationStmt], steps: &mut Steps, around: &[Guard]) -> Option<Vec<Change>> {
        let mut lowered = Vec::with_capacity(statements.len());
        for statement in statements {
            self.cx.refuel();
            match statement {
                MutationStmt::For(name, over, body) => {
                    let (item, lists) = self.ranges(over)?;
                    let bound = self.bound();
                    let var = self.bind_var(&name.text, &item);
                    let over: Vec<Expr> = lists.into_iter().map(|low| low.expr).collect();
                    let found: Vec<Place> = over
                        .iter()
                        .filter_map(|list| places(list, &steps.places))
                        .flatten()
                        .map(|mut place| {
                            place.push(Segment::Item(Arc::clone(&var)));
                            place
                        })
                        .collect();
                    steps.places.insert(Arc::clone(&var), found);
                    steps.ids += 1;
                    steps.loops.push(steps.ids);
                    let body = self.changes(body, steps, around);
                    steps.loops.pop();
                    self.unbind(bound);
                    lowered.push(Change::For { item: var, over, body: body? });
                }
                MutationStmt::If(test, body) => {
                    let when = self.condition(test)?;
                    let mut around = around.to_vec();
                    around.push(steps.guard(&when));
                    let body = self.changes(body, steps, &around)?;
                    push_if(when, body, &mut lowered);
                }
                MutationStmt::Write { op, path, value, condition, span } => {
                    let (when, guards) = self.test(condition.as_ref(), steps, around)?;
                    let change = self.write(op, path, value, *span, guards, steps)?;
                    push_if(when, vec![change], &mut lowered);
                }
                MutationStmt::Remove { path, condition, span } => {
                    let (when, guards) = self.test(condition.as_ref(), steps, around)?;
                    let place = self.expr(path, None)?.expr;
                    steps.steps.push(Step {
                        span: *span,
                        writes: places(&place, &steps.places).unwrap_or_default(),
                        value: Vec::new(),
                        guards,
                        loops: steps.loops.clone(),
                        write: None,
                        settled: true,
                    });
                    push_if(when, vec![Change::Remove { place, line: span.start }], &mut lowered);
                }
            }
        }
        Some(lowered)
    }

    fn test(&mut self, test: Option<&tree::Expr>, steps: &mut Steps, around: &[Guard]) -> Option<(Expr, Vec<Guard>)> {
        let when = match test {
            Some(test) => self.condition(test)?,
            None => Expr::bool(true),
        };
        let mut guards = around.to_vec();
        guards.push(steps.guard(&when));
        Some((when, guards))
    }

    fn write(
        &mut self,
        op: &tree::Name,
        path: &tree::Expr,
        value: &tree::Expr,
        span: Span,
        guards: Vec<Guard>,
        steps: &mut Steps,
    ) -> Option<Change> {
        let write = match &*op.text {
            "default" => Write::Default,
            "append" => Write::Append,
            _ => Write::Set,
        };
        let place = self.expr(path, None)?;
        let of = place.ty.present().0.clone();
        let wanted = match (write, &of, &value.kind) {
            (Write::Append, Type::List(item), kind) if !matches!(kind, ExprKind::List(_)) => (**item).clone(),
            _ => of.clone(),
        };
        self.cx.open_object();
        let low = self.expr(value, Some(&wanted));
        self.cx.close_object();
        let low = low?;
        let low = self.convert(low, &wanted);
        let constant = matches!(low.expr.op, Op::Const(_));
        let mut value = low.expr;
        if write == Write::Append && wanted != of {
            let item = value.ty.clone();
            let list = kspec_model::rules::Ty::List(Box::new(item));
            value = match value.op {
                Op::Const(constant) => Expr::new(list, Op::Const(Const::List(vec![constant]))),
                op => Expr::new(list, Op::List(vec![Expr::new(value.ty, op)])),
            };
        }
        let keys = if write == Write::Append { self.keys(path) } else { Vec::new() };
        let mut read = Vec::new();
        reads(&value, &steps.places, &mut read);
        steps.steps.push(Step {
            span,
            writes: places(&place.expr, &steps.places).unwrap_or_default(),
            value: read,
            guards,
            loops: steps.loops.clone(),
            write: Some(write),
            settled: constant || !keys.is_empty(),
        });
        Some(Change::Write { write, place: place.expr, value, keys, line: span.start })
    }

    /// The fields that tell the items of a list apart, as the schema has them.
    fn keys(&mut self, path: &tree::Expr) -> Vec<Arc<str>> {
        let ExprKind::Field(base, name) = &path.kind else { return Vec::new() };
        let before = self.cx.findings.len();
        let owner = type_of(&eval(base, None, self.cx));
        self.cx.findings.truncate(before);
        let Type::Kube(kube) = owner.present().0 else { return Vec::new() };
        let schema = self.cx.schema;
        let field = schema.object(kube.id).and_then(|object| object.field(&name.text));
        match field.map(|field| schema.ty(field.ty)) {
            Some(Shape::List { merge: ListMerge::Map(keys), .. }) => keys.iter().map(|key| Arc::from(&**key)).collect(),
            _ => Vec::new(),
        }
    }
}

/// Changes under a condition; none where it never holds.
fn push_if(when: Expr, body: Vec<Change>, into: &mut Vec<Change>) {
    match when.op {
        Op::Const(Const::Bool(true)) => into.extend(body),
        Op::Const(Const::Bool(false)) => {}
        op => into.push(Change::If { when: Expr::new(when.ty, op), body }),
    }
}

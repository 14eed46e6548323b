//! Mutations beside each other, and beside the rules that judge what they make.

use std::collections::BTreeMap;

use kspec_model::rules::{Action, BoundMutation, Change, Expr, Op, Table, Target};
use kspec_rules::{Engines, Evaluator, NoObjects};
use serde_json::Value;

use crate::path::Path;
use crate::place::Place;
use crate::reads::of_statements;
use crate::scopes::Place as Somewhere;
use crate::search::{Found, Request, Single, Want, head, search};
use crate::{Proof, Singles, base, creates};

/// A mutation by itself.
struct Alone<'t> {
    at: usize,
    bound: &'t BoundMutation,
    target: &'t Target,
    /// Places that it reads or writes, with what may stand there.
    places: BTreeMap<Path, Place>,
}

/// What a table's mutations do to each other, and what its rules refuse of what they make.
pub(crate) fn prove(
    table: &Table,
    singles: &Singles<'_>,
    kind: (&str, &str),
    somewhere: &[Somewhere],
    proofs: &mut Vec<Proof>,
) {
    let mutations = alone(table, kind);
    for (number, first) in mutations.iter().enumerate() {
        for second in mutations.iter().skip(number + 1) {
            proofs.extend(order(table, first, second, somewhere));
        }
    }
    refusals(table, (singles, false), kind, somewhere, proofs);
}

/// What a table's rules refuse of what its mutations make; with `plainest`, of the plainest object too where a rule reads
/// outside of the fragment, so that it is not known to read what a mutation writes.
pub(crate) fn refusals(
    table: &Table,
    (singles, plainest): (&Singles<'_>, bool),
    kind: (&str, &str),
    somewhere: &[Somewhere],
    proofs: &mut Vec<Proof>,
) {
    for mutation in &alone(table, kind) {
        for (rule, single) in singles {
            proofs.extend(refused(table, mutation, (*rule, single, plainest), somewhere));
        }
    }
}

/// The mutations of a kind.
fn alone<'t>(table: &'t Table, (group, resource): (&str, &str)) -> Vec<Alone<'t>> {
    let fits = |target: &&Target| creates(target) && target.group == group && target.resource == resource;
    let mutations = table.mutations.iter().enumerate().filter_map(|(at, bound)| {
        let target = bound.mutation.targets.iter().find(fits)?;
        let body = bound.mutation.bodies.get(target.body)?;
        Some(Alone { at, bound, target, places: places(body) })
    });
    mutations.collect()
}

/// An object of which the two make different ones in different order.
fn order(table: &Table, first: &Alone<'_>, second: &Alone<'_>, somewhere: &[Somewhere]) -> Option<Proof> {
    if !meet(&first.places, &second.places) {
        return None;
    }
    let place = somewhere.iter().find(|place| place.is_in(&first.bound.scope) && place.is_in(&second.bound.scope))?;
    let run = |mutations: Vec<BoundMutation>| evaluator(table, mutations);
    let one = run(vec![first.bound.clone(), second.bound.clone()])?;
    let other = run(vec![second.bound.clone(), first.bound.clone()])?;
    let result = |evaluator: &Evaluator, object: &Value| mutate(evaluator, first.target, object, place.object());
    let differs = |object: &Value| Some(result(&one, object)? != result(&other, object)?);
    let mut all = first.places.clone();
    for (path, place) in &second.places {
        all.entry(path.clone()).or_default().merge(place);
    }
    let base = base::object(first.target, place.name());
    match search(&[], &all, &base, place.object(), &differs) {
        Found::Object(witness) => Some(Proof::OrderDependent {
            first: first.at,
            second: second.at,
            one: result(&one, &witness)?,
            other: result(&other, &witness)?,
            witness,
        }),
        _ => None,
    }
}

/// An object that a rule lets pass, and refuses once it is mutated.
fn refused(
    table: &Table,
    mutation: &Alone<'_>,
    (rule, single, plainest): (usize, &Single<'_>, bool),
    somewhere: &[Somewhere],
) -> Option<Proof> {
    if single.bound.action != Action::Deny {
        return None;
    }
    let place =
        somewhere.iter().find(|place| place.is_in(&mutation.bound.scope) && place.is_in(&single.bound.scope))?;
    let evaluator = evaluator(table, vec![mutation.bound.clone()])?;
    let after = |object: &Value| mutate(&evaluator, mutation.target, object, place.object());
    let turns = |object: &Value| {
        Some(!single.violates(object, place.object())? && single.violates(&after(object)?, place.object())?)
    };
    let base = base::object(mutation.target, place.name());
    let related = meet(&mutation.places, &single.reads.places) || plainest && turns(&base) == Some(true);
    if !related {
        return None;
    }
    match search(&[(single, Want::Passes)], &mutation.places, &base, place.object(), &turns) {
        Found::Object(witness) => {
            let mutated = after(&witness)?;
            Some(Proof::MutationRefused { mutation: mutation.at, rule, witness, mutated })
        }
        _ => None,
    }
}

fn evaluator(table: &Table, mutations: Vec<BoundMutation>) -> Option<Evaluator> {
    Evaluator::load(Table { mutations, ..head(table) }).ok()
}

fn mutate(evaluator: &Evaluator, target: &Target, object: &Value, namespace: Option<&Value>) -> Option<Value> {
    let asked = Request::new(target, namespace);
    let mutated = evaluator.mutate(&asked.review(object), Engines::All, &NoObjects);
    mutated.faults.is_empty().then_some(mutated.object)
}

fn meet(a: &BTreeMap<Path, Place>, b: &BTreeMap<Path, Place>) -> bool {
    a.keys().any(|one| {
        !one.is_item() && b.keys().any(|other| !other.is_item() && (one.is_within(other) || other.is_within(one)))
    })
}

/// What a mutation reads and writes, read as a rule would read it.
fn places(changes: &[Change]) -> BTreeMap<Path, Place> {
    of_statements(&statements(changes)).places
}

/// The same expressions, as a rule's statements: what is read by a condition, and what is compared by a write.
fn statements(changes: &[Change]) -> Vec<kspec_model::rules::Stmt> {
    use kspec_model::rules::{Stmt, Ty, Verdict};
    let ask = |when: Expr| Stmt::Verdict(Verdict { warn: false, when, message: Expr::text(""), line: 0 });
    let truth = |op: Op| Expr::new(Ty::Bool, op);
    changes
        .iter()
        .flat_map(|change| match change {
            Change::For { item, over, body } => {
                vec![Stmt::For { item: item.clone(), over: over.clone(), body: statements(body) }]
            }
            Change::If { when, body } => [ask(when.clone())].into_iter().chain(statements(body)).collect(),
            Change::Write { place, value, .. } if is_scalar(value) => {
                vec![ask(truth(Op::Equal(Box::new(place.clone()), Box::new(value.clone()))))]
            }
            Change::Write { place, .. } | Change::Remove { place, .. } => {
                vec![ask(truth(Op::Exists(Box::new(place.clone()))))]
            }
        })
        .collect()
}

/// A constant that is no list or map.
fn is_scalar(value: &Expr) -> bool {
    use kspec_model::rules::Const;
    matches!(&value.op, Op::Const(constant) if !matches!(constant, Const::List(_) | Const::Map(_)))
}

//! Mutations beside each other, and beside the rules that judge what they make.

use std::collections::BTreeMap;

use kspec_model::rules::{Action, BoundMutation, Change, Expr, Op, Table, Target};
use kspec_rules::{Engines, Evaluator, NoObjects};
use serde_json::Value;

use crate::closed::Closed;
use crate::path::Path;
use crate::place::Place;
use crate::reads::of_statements;
use crate::search::{Found, search};
use crate::single::{Single, Want};
use crate::site::Site;
use crate::{Kind, Proof, creates};

/// A mutation by itself.
struct Alone<'t> {
    at: usize,
    bound: &'t BoundMutation,
    target: &'t Target,
    /// Places that it reads or writes, with what may stand there.
    places: BTreeMap<Path, Place>,
}

/// What a table's mutations do to each other, and what its rules refuse of what they make.
pub(crate) fn prove(table: &Table, kind: &Kind<'_>, proofs: &mut Vec<Proof>) {
    let mutations = alone(table, kind);
    for (number, first) in mutations.iter().enumerate() {
        for second in mutations.iter().skip(number + 1) {
            proofs.extend(order(table, kind, first, second));
        }
    }
    refusals(table, (kind, false), proofs);
}

/// What a table's rules refuse of what its mutations make; with `plainest`, of the plainest object too where a rule reads
/// outside of the fragment, so that it is not known to read what a mutation writes.
pub(crate) fn refusals(table: &Table, (kind, plainest): (&Kind<'_>, bool), proofs: &mut Vec<Proof>) {
    for mutation in &alone(table, kind) {
        for single in &kind.singles {
            proofs.extend(refused(table, kind, mutation, (single, plainest)));
        }
    }
}

/// The mutations of a kind.
fn alone<'t>(table: &'t Table, kind: &Kind<'_>) -> Vec<Alone<'t>> {
    let fits = |target: &&Target| creates(target) && target.group == kind.group && target.resource == kind.resource;
    let mutations = table.mutations.iter().enumerate().filter_map(|(at, bound)| {
        let target = bound.mutation.targets.iter().find(fits)?;
        let body = bound.mutation.bodies.get(target.body)?;
        Some(Alone { at, bound, target, places: places(body, Closed::new(kind.schema, target)) })
    });
    mutations.collect()
}

/// An object of which the two make different ones in different order.
fn order(table: &Table, kind: &Kind<'_>, first: &Alone<'_>, second: &Alone<'_>) -> Option<Proof> {
    if !meet(&first.places, &second.places) {
        return None;
    }
    let mut places = kind.places.iter();
    let place = places.find(|place| place.is_in(&first.bound.scope) && place.is_in(&second.bound.scope))?;
    let site = Site::new(first.target, place);
    let run = |mutations: Vec<BoundMutation>| evaluator(table, mutations);
    let one = run(vec![first.bound.clone(), second.bound.clone()])?;
    let other = run(vec![second.bound.clone(), first.bound.clone()])?;
    let result = |evaluator: &Evaluator, object: &Value| mutate(evaluator, &site, object);
    let differs = |object: &Value| Some(result(&one, object)? != result(&other, object)?);
    let mut all = first.places.clone();
    for (path, place) in &second.places {
        all.entry(path.clone()).or_default().merge(place);
    }
    match search(&site, &[], &all, &differs) {
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
    kind: &Kind<'_>,
    mutation: &Alone<'_>,
    (single, plainest): (&Single<'_>, bool),
) -> Option<Proof> {
    if single.bound.action != Action::Deny {
        return None;
    }
    let meet = meet(&mutation.places, &single.reads.places);
    if !meet && !plainest {
        return None;
    }
    let mut places = kind.places.iter();
    let place = places.find(|place| place.is_in(&mutation.bound.scope) && place.is_in(&single.bound.scope))?;
    let site = Site::new(mutation.target, place);
    let evaluator = evaluator(table, vec![mutation.bound.clone()])?;
    let after = |object: &Value| mutate(&evaluator, &site, object);
    let violates = |object: &Value| single.is(Want::Violates, &site, object);
    let turns = |object: &Value| Some(!violates(object)? && violates(&after(object)?)?);
    let related = meet || turns(&site.base) == Some(true);
    if !related {
        return None;
    }
    match search(&site, &[(single, Want::Passes)], &mutation.places, &turns) {
        Found::Object(witness) => {
            let mutated = after(&witness)?;
            Some(Proof::MutationRefused { mutation: mutation.at, rule: single.at, witness, mutated })
        }
        _ => None,
    }
}

pub(crate) fn evaluator(table: &Table, mutations: Vec<BoundMutation>) -> Option<Evaluator> {
    let head = Table {
        format_version: table.format_version,
        project: table.project.clone(),
        kubernetes: table.kubernetes.clone(),
        revision: String::new(),
        rules: Vec::new(),
        mutations,
    };
    Evaluator::load(head).ok()
}

pub(crate) fn mutate(evaluator: &Evaluator, site: &Site<'_>, object: &Value) -> Option<Value> {
    let mutated = evaluator.mutate(&site.review(object), Engines::All, &NoObjects);
    mutated.faults.is_empty().then_some(mutated.object)
}

fn meet(a: &BTreeMap<Path, Place>, b: &BTreeMap<Path, Place>) -> bool {
    a.keys().any(|one| {
        !one.is_item() && b.keys().any(|other| !other.is_item() && (one.is_within(other) || other.is_within(one)))
    })
}

/// What a mutation reads and writes, read as a rule would read it.
pub(crate) fn places(changes: &[Change], closed: Closed<'_>) -> BTreeMap<Path, Place> {
    of_statements(&statements(changes), closed).places
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

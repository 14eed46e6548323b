//! What bound admission rules and mutations mean for each other.
//!
//! In: a rule table. Out: proofs, each with an object that shows it, and what could not be decided. An object is found by
//! search and judged by the evaluator that every engine is held against, so that a witness is one in the cluster too. That
//! there is none is claimed only inside of the fragment that [`reads`] describes.

mod base;
mod mutations;
mod path;
mod place;
mod reads;
mod scopes;
mod search;

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::rules::{Action, BoundRule, Operation, Table, Target};
use kspec_rules::{Decision, Engines, Evaluator, NoObjects};
use serde_json::Value;

use crate::scopes::Place as Somewhere;
use crate::search::{Found, Request, Single, Want, search};

/// What was found. Rules and mutations are named by their index in the table.
#[derive(Debug, Clone, PartialEq)]
pub enum Proof {
    /// Enforced rules that together refuse every object of a kind; without any one of them some object passes.
    RefuseAll {
        /// Those rules.
        rules: Vec<usize>,
        /// The kind.
        kind: String,
        /// The namespace, where they hold in that one alone.
        namespace: Option<String>,
        /// For each rule, an object that all the others let pass; none for a rule that refuses everything alone.
        witnesses: Vec<Value>,
    },
    /// A rule that no object violates.
    NeverFires {
        /// The rule.
        rule: usize,
        /// The kind.
        kind: String,
    },
    /// Whatever a rule refuses, another refuses too, wherever the first holds.
    Implied {
        /// The rule.
        rule: usize,
        /// The other.
        by: usize,
        /// The kind.
        kind: String,
        /// What both refuse.
        witness: Value,
    },
    /// Two mutations that make different objects of one, as they run in one order or the other.
    OrderDependent {
        /// The one.
        first: usize,
        /// The other.
        second: usize,
        /// Of what.
        witness: Value,
        /// What becomes of it, the first before the second.
        one: Value,
        /// What becomes of it, the second before the first.
        other: Value,
    },
    /// A mutation that makes an object that is refused, of one that is not.
    MutationRefused {
        /// The mutation.
        mutation: usize,
        /// The rule that refuses.
        rule: usize,
        /// Of what.
        witness: Value,
        /// What becomes of it.
        mutated: Value,
    },
    /// A rule that can keep a cluster from being mended.
    Lockout {
        /// The rule.
        rule: usize,
        /// The namespace.
        namespace: String,
        /// What is refused there, where one was found.
        witness: Option<Value>,
    },
    /// What could not be decided of a rule.
    NotDecided {
        /// The rules.
        rules: Vec<usize>,
        /// What of them.
        question: &'static str,
        /// Why not.
        why: &'static str,
    },
}

/// What is proved of a table. `system` are the namespaces that a cluster is mended through: the system's, and kspec's own.
#[must_use]
pub fn prove(table: &Table, system: &[&str]) -> Vec<Proof> {
    let mut proofs = Vec::new();
    let kinds = kinds(table);
    for ((group, resource), kind) in &kinds {
        let singles = singles(table, group, resource);
        let somewhere = scopes::places(table, kind.1);
        let told = shared(&singles, |(_, single)| told(single, &somewhere));
        never(&singles, kind, &told, &mut proofs);
        refused(&singles, kind, &somewhere, &mut proofs);
        implied(table, (&singles, &told), kind, &somewhere, &mut proofs);
        lockouts(&singles, kind, system, &mut proofs);
        mutations::prove(table, &singles, (group, resource), &somewhere, &mut proofs);
    }
    proofs
}

/// Mutations that make, of an object that an enforced rule lets pass, one that it refuses: of what [`prove`] finds, these
/// alone.
#[must_use]
pub fn refused_results(table: &Table) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for ((group, resource), kind) in &kinds(table) {
        let asked = |bound: &&kspec_model::rules::BoundMutation| {
            let mut targets = bound.mutation.targets.iter();
            targets.any(|target| creates(target) && target.group == *group && target.resource == *resource)
        };
        if !table.mutations.iter().any(|bound| asked(&bound)) {
            continue;
        }
        let singles = singles(table, group, resource);
        let somewhere = scopes::places(table, kind.1);
        mutations::refusals(table, (&singles, true), (group, resource), &somewhere, &mut proofs);
    }
    proofs
}

/// Kinds that rules and mutations are on, by group and resource: name, and whether in namespaces.
fn kinds(table: &Table) -> BTreeMap<(String, String), (String, bool)> {
    let targets = table.rules.iter().flat_map(|bound| &bound.rule.targets);
    let targets = targets.chain(table.mutations.iter().flat_map(|bound| &bound.mutation.targets));
    let asked = targets.filter(|target| creates(target));
    let kind =
        |target: &Target| ((target.group.clone(), target.resource.clone()), (target.kind.clone(), target.namespaced));
    asked.map(kind).collect()
}

/// Whether a target is the creation of whole objects: that is what is searched for.
fn creates(target: &Target) -> bool {
    target.subresource.is_none()
        && target.template.is_empty()
        && !target.advisory
        && target.operations.contains(&Operation::Create)
}

fn target<'t>(bound: &'t BoundRule, group: &str, resource: &str) -> Option<&'t Target> {
    bound.rule.targets.iter().find(|target| creates(target) && target.group == group && target.resource == resource)
}

/// The rules on the creation of a kind, each by itself.
fn singles<'t>(table: &'t Table, group: &str, resource: &str) -> Vec<(usize, Single<'t>)> {
    let single = |(at, bound)| Some((at, Single::new(table, bound, target(bound, group, resource)?)?));
    table.rules.iter().enumerate().filter_map(single).collect()
}

type Singles<'t> = [(usize, Single<'t>)];
/// A rule, and what it refuses or warns of.
type Told<'s, 't> = (&'s (usize, Single<'t>), &'s Option<Found>);

/// From how many rules on two threads share the searches.
const SHARED: usize = 64;

/// Asks the same of many rules, side by side.
fn shared<I: Sync, O: Send>(items: &[I], ask: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let share = if items.len() < SHARED { 0 } else { items.len() / 2 };
    let (one, other) = items.split_at(share);
    let asked = |items: &[I]| -> Vec<O> { items.iter().map(&ask).collect() };
    let asked = &asked;
    std::thread::scope(|scope| {
        let worker = (!one.is_empty()).then(|| scope.spawn(move || asked(one)));
        let other = asked(other);
        // A search that panics does so here too.
        let one = worker.map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        one.into_iter().flatten().chain(other).collect()
    })
}

/// What a rule refuses or warns of, where it holds first; none where it holds nowhere.
fn told(single: &Single<'_>, somewhere: &[Somewhere]) -> Option<Found> {
    let place = somewhere.iter().find(|place| place.is_in(&single.bound.scope))?;
    let base = base::object(single.target, place.name());
    Some(search(&[(single, Want::IsTold)], &BTreeMap::new(), &base, place.object(), &|_| Some(true)))
}

/// Rules that no object violates.
fn never(singles: &Singles<'_>, kind: &(String, bool), told: &[Option<Found>], proofs: &mut Vec<Proof>) {
    for ((rule, _), found) in singles.iter().zip(told) {
        match found {
            None | Some(Found::Object(_)) => {}
            Some(Found::None) => proofs.push(Proof::NeverFires { rule: *rule, kind: kind.0.clone() }),
            Some(Found::NotDecided(why)) => {
                proofs.push(Proof::NotDecided { rules: vec![*rule], question: "whether it can ever refuse", why });
            }
        }
    }
}

/// Enforced rules of one place, none of whose objects pass.
fn refused(singles: &Singles<'_>, kind: &(String, bool), somewhere: &[Somewhere], proofs: &mut Vec<Proof>) {
    let mut told: BTreeSet<Vec<usize>> = BTreeSet::new();
    for place in somewhere {
        let there: Vec<&(usize, Single<'_>)> = singles
            .iter()
            .filter(|(_, single)| single.bound.action == Action::Deny && place.is_in(&single.bound.scope))
            .collect();
        let Some((_, first)) = there.first() else { continue };
        let base = base::object(first.target, place.name());
        let passing = |rules: &[&(usize, Single<'_>)]| {
            let wanted: Vec<_> = rules.iter().map(|(_, single)| (single, Want::Passes)).collect();
            search(&wanted, &BTreeMap::new(), &base, place.object(), &|_| Some(true))
        };
        match passing(&there) {
            Found::Object(_) => continue,
            Found::NotDecided(why) => {
                let rules: Vec<usize> = there.iter().map(|(rule, _)| *rule).collect();
                if told.insert(rules.clone()) {
                    proofs.push(Proof::NotDecided { rules, question: "whether some object passes them all", why });
                }
                continue;
            }
            Found::None => {}
        }
        // What can be left out is, so that none can be left out of what remains.
        let mut minimal = there.clone();
        for candidate in &there {
            let without: Vec<_> = minimal.iter().copied().filter(|one| one.0 != candidate.0).collect();
            if !without.is_empty() && passing(&without) == Found::None {
                minimal = without;
            }
        }
        let rules: Vec<usize> = minimal.iter().map(|(rule, _)| *rule).collect();
        if !told.insert(rules.clone()) {
            continue;
        }
        let witnesses = minimal.iter().filter_map(|left_out| {
            let others: Vec<_> = minimal.iter().copied().filter(|one| one.0 != left_out.0).collect();
            match passing(&others) {
                Found::Object(object) if !others.is_empty() => Some(object),
                _ => None,
            }
        });
        let witnesses = witnesses.collect();
        let namespace = place.name().map(str::to_owned);
        proofs.push(Proof::RefuseAll { rules, kind: kind.0.clone(), namespace, witnesses });
    }
}

/// Rules whose every violation another refuses too.
fn implied(
    table: &Table,
    (singles, told): (&Singles<'_>, &[Option<Found>]),
    kind: &(String, bool),
    somewhere: &[Somewhere],
    proofs: &mut Vec<Proof>,
) {
    let dead: BTreeSet<usize> = proofs
        .iter()
        .filter_map(|proof| match proof {
            Proof::NeverFires { rule, .. } => Some(*rule),
            _ => None,
        })
        .collect();
    // Of what lies outside of the fragment no absence is proved, and so no implication.
    let inside = |((rule, single), _): &Told<'_, '_>| single.reads.outside.is_none() && !dead.contains(rule);
    let inside: Vec<Told<'_, '_>> = singles.iter().zip(told).filter(inside).collect();
    let mut found = Vec::new();
    // A rule implies another only where both read some place.
    for mut group in search::groups(inside.iter().map(|((_, single), _)| &single.reads)) {
        group.sort_unstable();
        let members: Vec<Told<'_, '_>> = group.iter().filter_map(|at| inside.get(*at).copied()).collect();
        implied_in(table, &members, kind, somewhere, &mut found);
    }
    found.sort_by_key(|(rule, _)| *rule);
    proofs.extend(found.into_iter().map(|(_, proof)| proof));
}

/// As [`implied`], of rules that read places in common.
fn implied_in(
    table: &Table,
    members: &[Told<'_, '_>],
    kind: &(String, bool),
    somewhere: &[Somewhere],
    found: &mut Vec<(usize, Proof)>,
) {
    if members.len() < 2 {
        return;
    }
    let mut known: BTreeSet<(usize, usize)> = BTreeSet::new();
    let rules = members.iter().filter_map(|((_, single), _)| single.alone().cloned()).collect();
    let Ok(together) = Evaluator::load(Table { rules, ..search::head(table) }) else { return };
    let passing = shared(members, |((_, single), told)| passing(single, told.as_ref(), &together, somewhere));
    for (((rule, single), _), passing) in members.iter().zip(&passing) {
        let holds: Vec<&Somewhere> = somewhere.iter().filter(|place| place.is_in(&single.bound.scope)).collect();
        let (Some(place), Some(passing)) = (holds.first(), passing) else { continue };
        let base = base::object(single.target, place.name());
        let sought =
            |wanted: &[(&Single<'_>, Want)]| search(wanted, &BTreeMap::new(), &base, place.object(), &|_| Some(true));
        for (at, ((by, other), _)) in members.iter().enumerate() {
            // What only warns implies nothing of what refuses; of two that imply each other, one is told.
            if rule == by
                || passing.contains(&at)
                || stronger(single.bound.action, other.bound.action)
                || known.contains(&(*by, *rule))
                || !holds.iter().all(|place| place.is_in(&other.bound.scope))
            {
                continue;
            }
            let shared = |path: &path::Path| !path.is_item() && other.reads.places.contains_key(path);
            if !single.reads.places.keys().any(shared) {
                continue;
            }
            let ask = |want: Want| sought(&[(single, Want::Violates), (other, want)]);
            if ask(Want::Passes) == Found::None
                && let Found::Object(witness) = ask(Want::Violates)
            {
                known.insert((*rule, *by));
                found.push((*rule, Proof::Implied { rule: *rule, by: *by, kind: kind.0.clone(), witness }));
                break;
            }
        }
    }
}

/// What lets one thing pass that a rule refuses does not imply it: few are left to be searched for. Those, among `together`;
/// none where the rule refuses nothing.
fn passing(
    single: &Single<'_>,
    told: Option<&Found>,
    together: &Evaluator,
    somewhere: &[Somewhere],
) -> Option<BTreeSet<usize>> {
    let place = somewhere.iter().find(|place| place.is_in(&single.bound.scope))?;
    let refused = match told {
        Some(Found::Object(object)) if single.violates(object, place.object()) == Some(true) => {
            Found::Object(object.clone())
        }
        _ => {
            let base = base::object(single.target, place.name());
            search(&[(single, Want::Violates)], &BTreeMap::new(), &base, place.object(), &|_| Some(true))
        }
    };
    let mut passing = BTreeSet::new();
    match refused {
        Found::Object(refused) => {
            let asked = Request::new(single.target, place.object());
            together.judge_each(&asked.review(&refused), Engines::All, &NoObjects, |at, outcome| {
                let passes = match &outcome.decision {
                    Decision::Pass => true,
                    Decision::Violations(violations) => violations.iter().all(|violation| violation.warn),
                    Decision::Fault(_) => false,
                };
                if passes {
                    passing.insert(at);
                }
            });
        }
        Found::None => return None,
        Found::NotDecided(_) => {}
    }
    Some(passing)
}

/// Whether one action does more than another.
fn stronger(one: Action, other: Action) -> bool {
    one < other
}

/// Enforced rules that hold where a cluster is mended.
fn lockouts(singles: &Singles<'_>, kind: &(String, bool), system: &[&str], proofs: &mut Vec<Proof>) {
    for (rule, single) in singles.iter().filter(|(_, single)| single.bound.action == Action::Deny && kind.1) {
        for name in system {
            let place = Somewhere::named(name);
            if !place.is_in(&single.bound.scope) {
                continue;
            }
            let base = base::object(single.target, Some(name));
            let found = search(&[(single, Want::Violates)], &BTreeMap::new(), &base, place.object(), &|_| Some(true));
            let witness = match found {
                Found::None => continue,
                Found::Object(object) => Some(object),
                Found::NotDecided(_) => None,
            };
            proofs.push(Proof::Lockout { rule: *rule, namespace: (*name).to_owned(), witness });
        }
    }
}

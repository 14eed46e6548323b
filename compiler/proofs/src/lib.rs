//! What bound admission rules and mutations mean for each other.
//!
//! In: a rule table. Out: proofs, each with an object that shows it, and what could not be decided. An object is found by
//! search and judged by the evaluator that every engine is held against, so that a witness is one in the cluster too. That
//! there is none is claimed only inside of the fragment that [`reads`] describes.

mod base;
mod clause;
mod closed;
mod groups;
mod implied;
mod mutations;
mod path;
mod place;
mod reads;
mod refused;
mod scopes;
mod search;
mod shown;
mod single;
mod site;
mod spots;

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::rules::{Action, Body, BoundMutation, BoundRule, Operation, Table, Target};
use kspec_schema::Schema;
use serde_json::Value;

pub use shown::{Twice, changed_twice, passes_elsewhere, refused_in};

use crate::scopes::Place as Somewhere;
use crate::search::{ANYTHING, Found, search};
use crate::single::{Single, Want};
use crate::site::Site;
use crate::spots::Spots;

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
        question: Question,
        /// Why not.
        why: &'static str,
    },
}

/// What may be left undecided of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether it can ever refuse.
    Fires,
    /// Whether some object passes them all.
    Passable,
    /// Whether another rule refuses all that it refuses.
    Implied,
}

/// What is proved of a table. `system` are the namespaces that a cluster is mended through: the system's, and kspec's own;
/// `schema` lists what may stand at some places.
#[must_use]
pub fn prove(table: &Table, system: &[&str], schema: &Schema) -> Vec<Proof> {
    let mut proofs = Vec::new();
    let mut asked = BTreeSet::new();
    for kind in kinds(table, schema, |_| true) {
        asked.extend(kind.singles.iter().map(|single| single.at));
        let told = shared(&kind.numbered(), |(at, single)| told(&kind, *at, single));
        never(&kind, &told, &mut proofs);
        refused::prove(&kind, &mut proofs);
        implied::prove(&kind, &told, &mut proofs);
        lockouts(&kind, system, &mut proofs);
        mutations::prove(table, &kind, &mut proofs);
    }
    for (at, bound) in table.rules.iter().enumerate().filter(|(at, _)| !asked.contains(at)) {
        let is_rego = bound.rule.bodies.iter().any(|body| matches!(body, Body::Rego { .. }));
        let why = if is_rego { "it is written in Rego" } else { "it judges something other than what is created" };
        proofs.push(Proof::NotDecided { rules: vec![at], question: Question::Fires, why });
    }
    proofs
}

/// Mutations that make, of an object that an enforced rule lets pass, one that it refuses: of what [`prove`] finds, these
/// alone.
#[must_use]
pub fn refused_results(table: &Table, schema: &Schema) -> Vec<Proof> {
    let mut proofs = Vec::new();
    let mutated = |(group, resource): (&str, &str)| {
        let asked = |bound: &BoundMutation| {
            let mut targets = bound.mutation.targets.iter();
            targets.any(|target| creates(target) && target.group == group && target.resource == resource)
        };
        table.mutations.iter().any(asked)
    };
    for kind in kinds(table, schema, mutated) {
        mutations::refusals(table, (&kind, true), &mut proofs);
    }
    proofs
}

/// What is looked at together: the rules on the creation of one kind.
struct Kind<'t> {
    name: String,
    namespaced: bool,
    group: &'t str,
    resource: &'t str,
    schema: &'t Schema,
    singles: Vec<Single<'t>>,
    /// The namespaces that scopes tell apart.
    places: Vec<Somewhere>,
    spots: Spots,
    /// By API version and place.
    sites: BTreeMap<(&'t str, usize), Site<'t>>,
}

impl<'t> Kind<'t> {
    fn new(table: &'t Table, schema: &'t Schema, (group, resource): (&'t str, &'t str), target: &'t Target) -> Self {
        let places = scopes::places(table, target.namespaced);
        let bound: Vec<(usize, &BoundRule)> = table.rules.iter().enumerate().collect();
        let single = |(at, bound): &(usize, &'t BoundRule)| {
            let mut targets = bound.rule.targets.iter();
            let target =
                targets.find(|target| creates(target) && target.group == group && target.resource == resource)?;
            Single::new(*at, bound, target, schema)
        };
        let singles: Vec<Single<'t>> = shared(&bound, single).into_iter().flatten().collect();
        let spots = Spots::new(&singles, &places);
        let mut sites = BTreeMap::new();
        for target in singles.iter().map(|single| single.target).chain([target]) {
            if sites.contains_key(&(target.version.as_str(), 0)) {
                continue;
            }
            let here = |(at, place)| ((target.version.as_str(), at), Site::new(target, place));
            sites.extend(places.iter().enumerate().map(here));
        }
        Self {
            name: target.kind.clone(),
            namespaced: target.namespaced,
            group,
            resource,
            schema,
            singles,
            places,
            spots,
            sites,
        }
    }

    fn numbered(&self) -> Vec<(usize, &Single<'t>)> {
        self.singles.iter().enumerate().collect()
    }

    /// Where a rule's objects are searched for in one of the places.
    fn site(&self, single: &Single<'t>, place: usize) -> Option<&Site<'t>> {
        self.sites.get(&(single.target.version.as_str(), place))
    }
}

/// Kinds that rules and mutations are on, by group and resource, but for those that are not asked for.
fn kinds<'t>(
    table: &'t Table,
    schema: &'t Schema,
    asked: impl Fn((&str, &str)) -> bool,
) -> impl Iterator<Item = Kind<'t>> {
    let targets = table.rules.iter().flat_map(|bound| &bound.rule.targets);
    let targets = targets.chain(table.mutations.iter().flat_map(|bound| &bound.mutation.targets));
    let mut kinds: BTreeMap<(&str, &str), &Target> = BTreeMap::new();
    for target in targets.filter(|target| creates(target)) {
        kinds.insert((&target.group, &target.resource), target);
    }
    let kinds = kinds.into_iter().filter(move |(kind, _)| asked(*kind));
    kinds.map(|(kind, target)| Kind::new(table, schema, kind, target))
}

/// Whether a target is the creation of whole objects: that is what is searched for.
fn creates(target: &Target) -> bool {
    target.subresource.is_none()
        && target.template.is_empty()
        && !target.advisory
        && target.operations.contains(&Operation::Create)
}

/// From how many rules on two threads share the work.
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
fn told(kind: &Kind<'_>, at: usize, single: &Single<'_>) -> Option<Found> {
    let site = kind.site(single, kind.spots.first(at)?)?;
    Some(search(site, &[(single, Want::IsTold)], &BTreeMap::new(), ANYTHING))
}

/// Rules that no object violates.
fn never(kind: &Kind<'_>, told: &[Option<Found>], proofs: &mut Vec<Proof>) {
    for (single, found) in kind.singles.iter().zip(told) {
        match found {
            None | Some(Found::Object(_)) => {}
            Some(Found::None) => proofs.push(Proof::NeverFires { rule: single.at, kind: kind.name.clone() }),
            Some(Found::NotDecided(why)) => {
                proofs.push(Proof::NotDecided { rules: vec![single.at], question: Question::Fires, why });
            }
        }
    }
}

/// Enforced rules that hold where a cluster is mended.
fn lockouts(kind: &Kind<'_>, system: &[&str], proofs: &mut Vec<Proof>) {
    if !kind.namespaced {
        return;
    }
    let places: Vec<(&str, Somewhere)> = system.iter().map(|name| (*name, Somewhere::named(name))).collect();
    for single in kind.singles.iter().filter(|single| single.bound.action == Action::Deny) {
        for (name, place) in places.iter().filter(|(_, place)| place.is_in(&single.bound.scope)) {
            let site = Site::new(single.target, place);
            let witness = match search(&site, &[(single, Want::Violates)], &BTreeMap::new(), ANYTHING) {
                Found::None => continue,
                Found::Object(object) => Some(object),
                Found::NotDecided(_) => None,
            };
            proofs.push(Proof::Lockout { rule: single.at, namespace: (*name).to_owned(), witness });
        }
    }
}

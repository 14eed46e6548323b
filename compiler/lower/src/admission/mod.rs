//! Admission: the program's bound rules and mutations as the table that engines load, and as objects of the API server.
//!
//! In: a [`Program`] and the day. Out: the [`Table`], dated (staged rollouts are at their stage, exemptions are worked into
//! the rules, each rule has its engine), and from it ValidatingAdmissionPolicy and MutatingAdmissionPolicy objects with
//! their bindings, and webhook configurations for what CEL cannot say.

mod cel;
mod engine;
mod exempt;
mod left_out;
mod mutation;
mod order;
mod policy;
mod run;
mod scope;
mod table;
mod targets;
mod webhook;

use kspec_diagnostics::Finding;
use kspec_model::program::{Date, Origin, Program, View};
use kspec_model::rules::{Engine, Table};

pub(crate) use mutation::mutation_policies;
pub(crate) use policy::{policies, policy_names};
pub(crate) use run::{Part, RUNS, parts};
pub(crate) use table::{Lowered, lower, revised};
pub(crate) use webhook::configurations;
pub use webhook::{service, webhook_configurations};

/// The label values of namespaces that a scope leaves out unless it names them.
pub const SYSTEM_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
/// The Service of the webhook, in the inventory's namespace.
pub const WEBHOOK_SERVICE: &str = "kspec-webhook";

/// The table of a program on a day.
#[must_use]
pub fn table(program: &Program, as_of: Date) -> (Table, Vec<Finding>) {
    (revised(lower(&program.view(), as_of).table), Vec::new())
}

/// A table, with where each of its rules and mutations is bound.
#[derive(Debug)]
pub struct Sourced<'p> {
    /// The table, without its revision.
    pub table: Table,
    /// Of each rule, in the table's order.
    pub rules: Vec<&'p Origin>,
    /// Of each mutation, in the table's order.
    pub mutations: Vec<&'p Origin>,
    /// Why the webhook decides it, of each rule and then of each mutation; none where the API server does.
    pub reasons: Vec<Option<String>>,
}

/// The table of a program on a day, with where each entry is bound.
#[must_use]
pub fn sourced<'p>(program: &View<'p>, as_of: Date) -> Sourced<'p> {
    let Lowered { table, notes } = lower(program, as_of);
    let (mut rules, reasons): (Vec<&Origin>, _) = notes.into_iter().map(|note| (note.origin, note.reason)).unzip();
    let mutations = rules.split_off(table.rules.len());
    Sourced { table, rules, mutations, reasons }
}

/// Which engine decides a bound rule or mutation, and why it is not the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The id in the table.
    pub id: String,
    /// The rule's or mutation's name.
    pub name: String,
    /// The engine.
    pub engine: Engine,
    /// Why the webhook decides it; none where the API server does.
    pub reason: Option<String>,
    /// Where it is bound.
    pub origin: Origin,
}

/// Where each bound rule and mutation is decided, in the table's order: what `check -v` tells.
#[must_use]
pub fn placements(program: &Program, as_of: Date) -> Vec<Placement> {
    let view = program.view();
    let lowered = lower(&view, as_of);
    let rules = lowered.table.rules.iter().map(|bound| (&bound.id, &bound.rule.name, bound.engine));
    let mutations = lowered.table.mutations.iter().map(|bound| (&bound.id, &bound.mutation.name, bound.engine));
    rules
        .chain(mutations)
        .zip(lowered.notes)
        .map(|((id, name, engine), note)| Placement {
            id: id.clone(),
            name: name.clone(),
            engine,
            reason: note.reason,
            origin: note.origin.clone(),
        })
        .collect()
}

/// The minor version of a target `1.36`.
pub(crate) fn minor(kubernetes: &str) -> u32 {
    kubernetes.trim_start_matches('v').split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(33)
}

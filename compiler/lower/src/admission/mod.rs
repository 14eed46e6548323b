//! Admission: the program's bound rules and mutations as the table that engines load, and as objects of the API server.
//!
//! In: a [`Program`] and the day. Out: the [`Table`], dated (staged rollouts are at their stage, exemptions are worked into
//! the rules, each rule has its engine), and from it ValidatingAdmissionPolicy and MutatingAdmissionPolicy objects with
//! their bindings, and webhook configurations for what CEL cannot say.

mod cel;
mod engine;
mod exempt;
mod gate;
mod left_out;
mod mutation;
mod order;
mod policy;
mod run;
mod scope;
mod table;
mod targets;
mod webhook;

use std::borrow::Cow;

use kspec_diagnostics::Finding;
use kspec_model::program::{Date, Origin, Program, View};
use kspec_model::rules::{Engine, Table};

use self::engine::Said;

pub(crate) use mutation::mutation_policies;
pub(crate) use policy::{Policy, policy_names};
use policy::{policies, policy_heads};
pub(crate) use run::{Part, RUNS, parts};
pub use table::revised;
pub use table::{Lowering, Written, lowering};
pub(crate) use webhook::configurations;
pub use webhook::{service, webhook_configurations};

/// The label values of namespaces that a scope leaves out unless it names them.
pub const SYSTEM_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
/// The Service of the webhook, in the inventory's namespace.
pub const WEBHOOK_SERVICE: &str = "kspec-webhook";

/// The table of a program on a day.
#[must_use]
pub fn table(program: &Program, as_of: Date) -> (Table, Vec<Finding>) {
    (revised(lowering(&program.view(), as_of).table), Vec::new())
}

/// A table, with where each of its rules and mutations is bound.
#[derive(Debug)]
pub struct Sourced<'p> {
    /// The table, without its revision.
    pub table: Cow<'p, Table>,
    /// Of each rule, in the table's order.
    pub rules: Vec<&'p Origin>,
    /// Of each mutation, in the table's order.
    pub mutations: Vec<&'p Origin>,
    /// Why the webhook decides it, of each rule and then of each mutation; none where the API server does.
    pub reasons: Cow<'p, [Option<String>]>,
    /// What CEL says of each rule, in the table's order.
    said: Cow<'p, [Said]>,
}

impl<'p> Sourced<'p> {
    /// What a program was lowered to.
    #[must_use]
    pub fn of(program: &View<'p>, lowering: &'p Lowering) -> Self {
        let Lowering { table, bindings, reasons, said } = lowering;
        Self::new(program, bindings, Cow::Borrowed(table), Cow::Borrowed(reasons), Cow::Borrowed(said))
    }

    /// The policies of its rules; `heads`: without their expressions.
    pub(crate) fn policies(&self, heads: bool) -> Vec<Policy> {
        if heads { policy_heads(&self.table) } else { policies(&self.table, &self.said) }
    }

    fn new(
        program: &View<'p>,
        bindings: &[usize],
        table: Cow<'p, Table>,
        reasons: Cow<'p, [Option<String>]>,
        said: Cow<'p, [Said]>,
    ) -> Self {
        let (rules, mutations) = bindings.split_at(table.rules.len().min(bindings.len()));
        let rules = rules.iter().filter_map(|at| program.rules.get(*at)).map(|binding| &binding.origin);
        let mutations = mutations.iter().filter_map(|at| program.mutations.get(*at)).map(|binding| &binding.origin);
        Self { rules: rules.collect(), mutations: mutations.collect(), table, reasons, said }
    }
}

/// The table of a program on a day, with where each entry is bound.
#[must_use]
pub fn sourced<'p>(program: &View<'p>, as_of: Date) -> Sourced<'p> {
    let Lowering { table, bindings, reasons, said } = lowering(program, as_of);
    Sourced::new(program, &bindings, Cow::Owned(table), Cow::Owned(reasons), Cow::Owned(said))
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
    let Sourced { table, rules, mutations, reasons, .. } = sourced(&view, as_of);
    let named = table.rules.iter().map(|bound| (&bound.id, &bound.rule.name, bound.engine));
    let mutated = table.mutations.iter().map(|bound| (&bound.id, &bound.mutation.name, bound.engine));
    named
        .chain(mutated)
        .zip(rules.into_iter().chain(mutations))
        .zip(reasons.iter())
        .map(|(((id, name, engine), origin), reason)| Placement {
            id: id.clone(),
            name: name.clone(),
            engine,
            reason: reason.clone(),
            origin: origin.clone(),
        })
        .collect()
}

/// The minor version of a target `1.36`.
pub(crate) fn minor(kubernetes: &str) -> u32 {
    kubernetes.trim_start_matches('v').split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(33)
}

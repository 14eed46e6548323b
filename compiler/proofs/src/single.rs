//! A rule by itself.

use kspec_model::rules::{Body, BoundRule, Target};
use kspec_rules::Told;
use kspec_schema::Schema;
use serde_json::Value;

use crate::base;
use crate::clause::{Clause, clauses};
use crate::closed::Closed;
use crate::reads::Reads;
use crate::site::Site;

/// A rule by itself, for one of its targets.
#[derive(Debug)]
pub(crate) struct Single<'t> {
    /// Its place in the table.
    pub(crate) at: usize,
    pub(crate) bound: &'t BoundRule,
    pub(crate) target: &'t Target,
    pub(crate) clauses: Vec<Clause>,
    /// What its clauses read together.
    pub(crate) reads: Reads,
}

/// What an object is to be to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Not refused.
    Passes,
    /// Refused.
    Violates,
    /// Refused, or warned of by the rule itself.
    IsTold,
}

impl Want {
    /// Whether it is what a rule or a clause says.
    pub(crate) const fn is(self, told: Told) -> bool {
        match self {
            Self::Passes => !told.denies,
            Self::Violates => told.denies,
            Self::IsTold => told.denies || told.warns,
        }
    }
}

impl<'t> Single<'t> {
    /// `None` for what is no rule of statements, or cannot be loaded.
    pub(crate) fn new(at: usize, bound: &'t BoundRule, target: &'t Target, schema: &Schema) -> Option<Self> {
        let Body::Statements(statements) = bound.rule.bodies.get(target.body)? else { return None };
        let mut clauses = clauses(target, statements, Closed::new(schema, target))?;
        let mut reads = Reads::default();
        for clause in &mut clauses {
            base::must_have(target, &mut clause.reads.places);
            reads.join(&clause.reads);
        }
        Some(Self { at, bound, target, clauses, reads })
    }

    /// Whether an object is to the rule what is wanted; `None` where there is no verdict.
    pub(crate) fn is(&self, want: Want, site: &Site<'_>, object: &Value) -> Option<bool> {
        let review = site.review(object);
        let mut all = Told::default();
        for clause in &self.clauses {
            let told = clause.tell(&review)?;
            all = Told { denies: all.denies || told.denies, warns: all.warns || told.warns };
        }
        Some(want.is(all))
    }
}

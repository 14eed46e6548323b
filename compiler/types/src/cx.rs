//! What an evaluation carries along.

use std::sync::Arc;

use kspec_diagnostics::{Finding, ItemId, Location, Span};
use kspec_schema::Schema;

use crate::{Scope, Value};

/// Steps that one evaluation may take; a step is one node of a tree.
const FUEL: u32 = 1_000_000;

/// What an evaluation carries along: where names come from, where spans are relative to, where findings go.
pub struct Cx<'a> {
    /// Names.
    pub scope: &'a dyn Scope,
    /// The item that spans are relative to.
    pub item: ItemId,
    /// The target's types.
    pub schema: &'a Schema,
    /// Findings, appended to.
    pub findings: &'a mut Vec<Finding>,
    /// Names bound inside the item (`for`, parameters, lambdas), innermost last; they hide the scope's.
    pub(crate) locals: Vec<Local>,
    pub(crate) fuel: u32,
}

/// A name bound inside an item.
pub(crate) struct Local {
    pub(crate) name: Arc<str>,
    pub(crate) value: Value,
    pub(crate) at: Option<Location>,
}

impl<'a> Cx<'a> {
    /// An evaluation of an item's expressions.
    pub fn new(scope: &'a dyn Scope, item: ItemId, schema: &'a Schema, findings: &'a mut Vec<Finding>) -> Self {
        Self { scope, item, schema, findings, locals: Vec::new(), fuel: FUEL }
    }

    /// Runs `inner` with a name bound that hides the scope's: a `for`'s variable, a template's parameter.
    pub fn with_local<T>(&mut self, name: &Arc<str>, value: Value, at: Option<Location>, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.locals.push(Local { name: Arc::clone(name), value, at });
        let result = inner(self);
        self.locals.pop();
        result
    }

    /// A span of the current item.
    #[must_use]
    pub fn at(&self, span: Span) -> Location {
        Location { item: self.item, span }
    }
}

//! One body asked about many objects: whether it refuses, and nothing else.
//!
//! It is evaluated as [`crate::Evaluator`] evaluates it; what is left out is what nobody looks at: messages that are built, places that
//! are named, paths that are kept for other rules, and the search for the rules that a request meets.

use std::sync::Arc;

use kspec_model::rules::{Stmt, Target};

use crate::compile::Names;
use crate::eval::Frame;
use crate::fault::Fault;
use crate::judge::{LoadError, Run};
use crate::review::{NoObjects, Review};
use crate::statements::{Statement, compiled};
use crate::target::{Applies, input};

/// Statements over one target's objects.
#[derive(Debug)]
pub struct Probe {
    template: Vec<Arc<str>>,
    applies: Applies,
    statements: Vec<Statement>,
    slots: usize,
}

/// What a body says of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// A `deny` found a violation.
    pub denies: bool,
    /// A `warn` did.
    pub warns: bool,
}

impl Told {
    pub(crate) const fn note(&mut self, warn: bool) {
        if warn {
            self.warns = true;
        } else {
            self.denies = true;
        }
    }
}

impl Probe {
    /// Makes statements ready that judge a target's objects.
    ///
    /// # Errors
    ///
    /// Names that nothing binds, patterns that cannot be read.
    pub fn new(target: &Target, statements: &[Stmt]) -> Result<Self, LoadError> {
        let applies = Applies::compile(target, None).map_err(LoadError)?;
        let (statements, slots) = compiled(statements, Names::default()).map_err(LoadError)?;
        Ok(Self { template: target.template.clone(), applies, statements, slots })
    }

    /// What the statements say of a request about the target, whatever the scope of the rule that they are from; nothing
    /// where the target's conditions do not hold.
    ///
    /// # Errors
    ///
    /// Why there is no verdict.
    pub fn tell(&self, review: &Review<'_>) -> Result<Told, Fault> {
        let input = input(review, &self.template, &NoObjects);
        if input.object.is_none() && !self.template.is_empty() {
            return Ok(Told::default());
        }
        let mut run = Run::new(Frame::new(input, 0), &self.template);
        let told = match self.applies.holds(&mut run.frame) {
            Ok(true) => run.told(&self.statements, self.slots),
            Ok(false) => Ok(Told::default()),
            Err(fault) => Err(fault),
        };
        told.map_err(|fault| *fault)
    }
}

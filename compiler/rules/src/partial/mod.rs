//! Rules and CEL expressions asked about an object of which only a part is known.
//!
//! In: an expression, and what is known of a request. Out: what it comes to whatever the rest is, or that this is not known. So a
//! refusal is certain where the part that is known decides it alone, and no more is claimed. What is certain here may in the cluster be
//! a fault instead (an item that nobody knows of has a field of the wrong type): whoever relies on a refusal asks that faults refuse too.

mod eval;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::{Expr, Stmt, Target};

pub use value::Part;

/// What is known of a request.
#[derive(Debug, Clone, Copy)]
pub struct Known<'p> {
    /// The object.
    pub object: &'p Part,
    /// The object as it was.
    pub old: &'p Part,
    /// The request: `AdmissionRequest`.
    pub request: &'p Part,
    /// The namespace's object.
    pub namespace: &'p Part,
}

impl Known<'_> {
    /// Whether statements, for certain, find a violation that they do not merely warn of. `target` is what they judge.
    #[must_use]
    pub fn violates(&self, target: &Target, statements: &[Stmt]) -> bool {
        let mut asked = eval::Asked::new(*self, false);
        let applies = target.applies.as_ref().is_none_or(|applies| asked.holds(applies) == Some(true));
        target.template.is_empty() && applies && asked.violates(statements)
    }

    /// What a CEL expression holds for certain, with the variables of its policy: in order, an expression that could not be read as none.
    #[must_use]
    pub fn holds(&self, variables: &[(Arc<str>, Option<Expr>)], expr: &Expr) -> Option<bool> {
        let mut asked = eval::Asked::new(*self, true);
        let name: Arc<str> = "variables".into();
        let mut values = BTreeMap::new();
        for (variable, value) in variables {
            asked.bind(&name, Part::Map { fields: values.clone(), open: true });
            let value = value.as_ref().map_or(Part::Unknown, |value| asked.value(value));
            asked.unbind();
            values.insert(Arc::clone(variable), value);
        }
        asked.bind(&name, Part::Map { fields: values, open: true });
        asked.holds(expr)
    }
}

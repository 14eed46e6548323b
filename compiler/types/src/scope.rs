//! What names mean, as whoever evaluates knows it.

use std::sync::Arc;

use kspec_diagnostics::Location;

use crate::{EntityRef, Type, Value};

/// The answer to a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// It means this.
    Found(Value),
    /// Nothing has this name.
    Unknown,
    /// Something has it, and a finding about that was reported.
    Poisoned,
}

/// Names that an expression can see, beside its own lambda's and function's parameters.
pub trait Scope {
    /// What a name means.
    fn lookup(&self, name: &str) -> Lookup;

    /// Every name there is: what "did you mean" picks from.
    fn names(&self) -> Vec<Arc<str>>;

    /// What a member of a module or stamp means.
    fn member(&self, of: &EntityRef, name: &str) -> Lookup {
        let member = of.members.as_ref().and_then(|members| members.get(name));
        member.map_or(Lookup::Unknown, |value| Lookup::Found(value.clone()))
    }

    /// The names of a module's or stamp's members.
    fn member_names(&self, of: &EntityRef) -> Vec<Arc<str>> {
        of.members.as_ref().map(|members| members.keys().cloned().collect()).unwrap_or_default()
    }

    /// Where a name is declared, for findings to point at.
    fn declared(&self, _name: &str) -> Option<Location> {
        None
    }

    /// The type that a name was declared with (a parameter's): its value alone does not tell what else it could have
    /// been, and so neither that `environment == "stagin"` never holds.
    fn declared_type(&self, _name: &str) -> Option<Type> {
        None
    }

    /// The scope of a module's own declarations, in which its functions' bodies are evaluated. `None` if it is this one.
    fn of_module<'a>(&'a self, _module: &str) -> Option<Box<dyn Scope + 'a>> {
        None
    }
}

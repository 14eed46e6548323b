//! Names of local variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::{CEL_RESERVED, Var};

/// Names that CEL's environments for admission bind, beside the words that it reserves.
const BOUND: [&str; 11] = [
    "authorizer",
    "namespaceObject",
    "object",
    "oldObject",
    "params",
    "request",
    "size",
    "type",
    "variables",
    "int",
    "string",
];

/// Hands out the names of a rule's variables, each once.
#[derive(Debug, Default)]
pub(super) struct Names {
    used: BTreeMap<Arc<str>, u32>,
}

impl Names {
    /// A variable called as it is in the source, or nearly so.
    pub(super) fn fresh(&mut self, name: &str) -> Var {
        let mut base: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        if base.is_empty() || base.starts_with(|c: char| c.is_ascii_digit()) || base.starts_with('_') {
            base.insert(0, 'v');
        }
        if CEL_RESERVED.contains(&base.as_str()) || BOUND.contains(&base.as_str()) {
            base.push('_');
        }
        loop {
            let count = self.used.entry(Arc::from(base.as_str())).or_insert(0);
            *count += 1;
            let candidate: Arc<str> =
                if *count == 1 { Arc::from(base.as_str()) } else { Arc::from(format!("{base}_{count}")) };
            if *candidate == *base || !self.used.contains_key(&candidate) {
                self.used.entry(Arc::clone(&candidate)).or_insert(1);
                return candidate;
            }
        }
    }
}

//! The objects of a state, by kind: what rules look up.

use std::collections::BTreeMap;

use kspec_model::rules::Lookup;
use kspec_rules::Objects;
use kspec_state::State;
use serde_json::Value;

/// A state, indexed by API group and kind.
#[derive(Debug, Default)]
pub struct StateObjects {
    by_kind: BTreeMap<(String, String), Vec<Value>>,
}

impl StateObjects {
    /// Indexes a state.
    #[must_use]
    pub fn new(state: &State) -> Self {
        let mut by_kind: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
        for (key, object) in state.iter() {
            by_kind.entry((key.group.clone(), key.kind.clone())).or_default().push(object.object.0.clone());
        }
        Self { by_kind }
    }
}

impl Objects for StateObjects {
    fn all(&self, lookup: &Lookup) -> Option<&[Value]> {
        let found = self.by_kind.get(&(lookup.group.to_string(), lookup.kind.to_string()));
        Some(found.map_or(&[], Vec::as_slice))
    }
}

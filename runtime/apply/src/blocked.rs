//! What is not worth trying, or not safe to, because something before it was not done.

use std::collections::{BTreeMap, BTreeSet};

use kspec_lower::Phase;
use kspec_model::{Object, ObjectKey};

use crate::run::defines;

/// What was not done so far.
#[derive(Debug, Default)]
pub(crate) struct Blocked {
    namespaces: BTreeSet<String>,
    roles: BTreeSet<ObjectKey>,
    kinds: BTreeSet<(String, String)>,
    /// By namespace, a policy that allows something.
    allowances: BTreeMap<String, ObjectKey>,
}

impl Blocked {
    /// Notes an object that failed or was not tried.
    pub(crate) fn add(&mut self, object: &Object, phase: Phase) {
        let key = object.key();
        if let Some(kind) = defines(object) {
            self.kinds.insert(kind);
        }
        match (phase, &key.namespace) {
            (Phase::Namespaces, _) => {
                self.namespaces.insert(key.name);
            }
            (Phase::Roles, _) => {
                self.roles.insert(key);
            }
            (Phase::NetworkAllow | Phase::NetworkWide, Some(namespace)) => {
                self.allowances.entry(namespace.clone()).or_insert(key);
            }
            _ => {}
        }
    }

    /// Why an object is not tried.
    pub(crate) fn why(&self, object: &Object, phase: Phase) -> Option<String> {
        let key = object.key();
        if let Some(namespace) = key.namespace.as_ref().filter(|namespace| self.namespaces.contains(*namespace)) {
            return Some(format!("namespace `{namespace}` could not be applied"));
        }
        if self.kinds.contains(&(key.group.clone(), key.kind.clone())) {
            return Some(format!("the definition of {} could not be applied", key.kind));
        }
        if phase == Phase::Grants {
            let kind = object.str_at("/roleRef/kind");
            let role = ObjectKey {
                group: key.group.clone(),
                kind: kind.to_owned(),
                namespace: key.namespace.clone().filter(|_| kind == "Role"),
                name: object.str_at("/roleRef/name").to_owned(),
            };
            if self.roles.contains(&role) {
                return Some(format!("{role} could not be applied"));
            }
        }
        if matches!(phase, Phase::NetworkWide | Phase::NetworkDeny)
            && let Some(allowance) = key.namespace.as_ref().and_then(|namespace| self.allowances.get(namespace))
        {
            return Some(format!("{allowance} could not be applied, and without it pods would be cut off"));
        }
        None
    }
}

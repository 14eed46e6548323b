//! What the target version knows by itself, looked up once a session: every role and grant asks.

use std::collections::{BTreeMap, BTreeSet};

use kspec_schema::{KubeVersion, Schema, facts};
use serde_json::Value;

/// Verbs and built-in roles of a target.
#[derive(Debug, Default)]
pub(crate) struct Target {
    /// Every verb that something can be asked for, or that authorization knows.
    pub(crate) verbs: BTreeSet<String>,
    /// Built-in roles by namespace and name; no namespace for ClusterRoles.
    roles: BTreeSet<(Option<String>, String)>,
    /// Built-in ClusterRoles by identifier: their name with `-` and `:` written `_`.
    by_identifier: BTreeMap<String, String>,
}

impl Target {
    pub(crate) fn of(schema: &Schema, version: KubeVersion) -> Self {
        let mut target = Self {
            verbs: schema
                .discoverable_verbs()
                .into_iter()
                .chain(facts::authorization_verbs(version).map(|row| row.verb))
                .map(str::to_owned)
                .collect(),
            ..Self::default()
        };
        for object in schema.default_rbac() {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            let Some(name) = text("/metadata/name") else { continue };
            match object.get("kind").and_then(Value::as_str) {
                Some("ClusterRole") => {
                    target.by_identifier.insert(name.replace(['-', ':'], "_"), name.clone());
                    target.roles.insert((None, name));
                }
                Some("Role") => {
                    target.roles.insert((text("/metadata/namespace"), name));
                }
                _ => {}
            }
        }
        target
    }

    /// Whether the API server makes such a role itself.
    pub(crate) fn has_role(&self, namespace: Option<&str>, name: &str) -> bool {
        self.roles.contains(&(namespace.map(str::to_owned), name.to_owned()))
    }

    /// The built-in ClusterRole that an identifier stands for.
    pub(crate) fn role_called(&self, identifier: &str) -> Option<&str> {
        self.by_identifier.get(identifier).map(String::as_str)
    }
}

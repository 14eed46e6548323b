//! Roles, bindings, and the union that the control plane makes of aggregated roles.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Lift,
    read::{Fields, Read, each, label_selector, under},
};
use crate::{
    ObjectKey,
    cluster::{BindingFacts, Cluster, RoleFacts},
    program::{RoleRef, RoleRule, Subject},
};

const RBAC: &str = "rbac.authorization.k8s.io";
/// How the API server names a service account as a user.
const SERVICE_ACCOUNT_USER: &str = "system:serviceaccount:";

pub(super) fn role(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let rules = each(value, "rules", rule)?;
    let aggregation = if key.namespace.is_none() && value.present("aggregationRule").is_some() {
        let aggregation = value.field("aggregationRule")?;
        let selectors = each(aggregation, "clusterRoleSelectors", label_selector).map_err(under("aggregationRule"))?;
        Some(selectors)
    } else {
        None
    };
    let labels = value.field("metadata")?.string_map("labels")?;
    insert_role(lift, key, RoleFacts { rules, aggregation, labels });
    Ok(())
}

pub(super) fn insert_role(lift: &mut Lift, key: &ObjectKey, facts: RoleFacts) {
    let name = RoleRef { namespace: key.namespace.clone(), name: key.name.clone() };
    lift.cluster.roles.insert(name, facts);
}

fn rule(value: &Value) -> Read<RoleRule> {
    Ok(RoleRule {
        verbs: value.strings("verbs")?,
        api_groups: value.strings("apiGroups")?,
        resources: value.strings("resources")?,
        resource_names: value.strings("resourceNames")?,
        urls: value.strings("nonResourceURLs")?,
    })
}

pub(super) fn binding(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let reference = value.field("roleRef")?;
    let name = reference.text("name").map_err(under("roleRef"))?.unwrap_or_default().to_owned();
    let group = reference.text("apiGroup").map_err(under("roleRef"))?.filter(|group| !group.is_empty()).unwrap_or(RBAC);
    let kind = reference.text("kind").map_err(under("roleRef"))?.unwrap_or_default();
    let namespace = match (kind, &key.namespace) {
        _ if group != RBAC => return Err(format!("roleRef.apiGroup is `{group}`, not `{RBAC}`")),
        _ if name.is_empty() => return Err("roleRef.name is missing".to_owned()),
        ("ClusterRole", _) => None,
        ("Role", Some(namespace)) => Some(namespace.clone()),
        ("Role", None) => return Err("roleRef.kind is Role, which a ClusterRoleBinding cannot bind".to_owned()),
        (other, _) => return Err(format!("roleRef.kind is `{other}`, not Role or ClusterRole")),
    };
    let subjects = each(value, "subjects", |value| subject(value, key.namespace.as_deref()))?;
    let labels = value.field("metadata")?.string_map("labels")?;
    let built_in = labels.get("kubernetes.io/bootstrapping").is_some_and(|label| label == "rbac-defaults");
    insert_binding(lift, key, BindingFacts { role: RoleRef { namespace, name }, subjects, built_in });
    Ok(())
}

pub(super) fn insert_binding(lift: &mut Lift, key: &ObjectKey, mut facts: BindingFacts) {
    for subject in &mut facts.subjects {
        if let Subject::User(name) = subject {
            *subject = user(std::mem::take(name));
        }
    }
    lift.cluster.bindings.insert(key.clone(), facts);
}

fn subject(value: &Value, binding_namespace: Option<&str>) -> Read<Subject> {
    let name = value.text("name")?.filter(|name| !name.is_empty()).ok_or("name is missing")?.to_owned();
    match value.text("kind")?.unwrap_or_default() {
        "User" => Ok(Subject::User(name)),
        "Group" => Ok(Subject::Group(name)),
        "ServiceAccount" => {
            let stated = value.text("namespace")?.filter(|namespace| !namespace.is_empty());
            let namespace = stated.or(binding_namespace).ok_or("namespace is missing for the service account")?;
            Ok(Subject::ServiceAccount { namespace: namespace.to_owned(), name })
        }
        other => Err(format!("kind is `{other}`, not User, Group or ServiceAccount")),
    }
}

/// A service account bound by its user name is that service account.
fn user(name: String) -> Subject {
    match name.strip_prefix(SERVICE_ACCOUNT_USER).and_then(|rest| rest.split_once(':')) {
        Some((namespace, account)) if !namespace.is_empty() && !account.is_empty() && !account.contains(':') => {
            Subject::ServiceAccount { namespace: namespace.to_owned(), name: account.to_owned() }
        }
        _ => Subject::User(name),
    }
}

impl Cluster {
    /// Gives every aggregated ClusterRole the rules of the roles it selects, as the control plane's controller does: in
    /// the order of their names, each rule once, never its own. Repeated until nothing changes, since an aggregated role
    /// may be selected in turn; what such a role's object lists itself is overwritten. Lifting does it; whoever takes roles out
    /// of a cluster does it again.
    pub fn aggregate(&mut self) {
        let aggregated: Vec<_> =
            self.roles.iter().filter_map(|(name, facts)| Some((name.clone(), facts.aggregation.clone()?))).collect();
        for (name, _) in &aggregated {
            if let Some(facts) = self.roles.get_mut(name) {
                facts.rules.clear();
            }
        }
        loop {
            let mut changed = false;
            for (name, selectors) in &aggregated {
                let mut seen = BTreeSet::new();
                let mut rules = Vec::new();
                for selector in selectors {
                    let selected = self.roles.iter().filter(|(other, facts)| {
                        other.namespace.is_none() && *other != name && selector.matches(&facts.labels)
                    });
                    for rule in selected.flat_map(|(_, facts)| &facts.rules) {
                        if seen.insert(rule_key(rule)) {
                            rules.push(rule.clone());
                        }
                    }
                }
                if let Some(facts) = self.roles.get_mut(name)
                    && facts.rules.len() != rules.len()
                {
                    // Rules are only ever added from round to round, so the count tells whether one was.
                    facts.rules = rules;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}

fn rule_key(rule: &RoleRule) -> [Vec<String>; 5] {
    [&rule.verbs, &rule.api_groups, &rule.resources, &rule.resource_names, &rule.urls].map(Clone::clone)
}

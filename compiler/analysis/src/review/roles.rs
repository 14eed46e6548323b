//! Roles that others wrote: wildcards, and verbs that hand out more than the role holds.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::Severity;
use kspec_model::{cluster::RoleFacts, program::RoleRef};

use super::{
    Concern, ConcernKind, Facts, Found,
    grants::{Grant, object_name, role_name},
};
use crate::access::{index::role_key, rule::ALL};

/// Verbs that hand out more than the role itself holds.
const ESCALATING: [&str; 3] = ["escalate", "bind", "impersonate"];

/// Whether a role comes with every API server.
pub(super) fn is_bootstrap(role: &RoleFacts) -> bool {
    role.labels.get("kubernetes.io/bootstrapping").is_some_and(|label| label == "rbac-defaults")
}

/// Roles that nothing binds give nobody anything, and those that the reader declares are told of where they are declared.
pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let mut in_use: BTreeMap<&RoleRef, &Grant<'_>> = BTreeMap::new();
    for grant in &facts.grants.all {
        in_use.entry(&grant.facts.role).or_insert(grant);
    }
    for (role, grant) in in_use {
        let Some(role_facts) = facts.cluster.roles.get(role) else { continue };
        let key = role_key(role);
        if (facts.settings.own)(&key) {
            continue;
        }
        let system = is_bootstrap(role_facts) || role.name.starts_with("system:") || role.name.starts_with("kubeadm:");
        let mut wild = BTreeSet::new();
        let mut verbs = BTreeSet::new();
        for rule in &role_facts.rules {
            let any = |words: &[String]| words.iter().any(|word| word == ALL);
            let urls = rule.urls.iter().any(|url| url == ALL || url == "/*");
            match (any(&rule.verbs), any(&rule.resources), any(&rule.api_groups)) {
                (true, true, true) => wild.insert("everything"),
                (true, _, _) => wild.insert("every verb"),
                (_, true, _) => wild.insert("every resource"),
                (_, _, true) => wild.insert("every API group"),
                _ if urls => wild.insert("every URL"),
                _ => false,
            };
            verbs.extend(ESCALATING.into_iter().filter(|verb| rule.verbs.iter().any(|known| known == verb)));
        }
        for (kind, what) in [(ConcernKind::Wildcard, wild), (ConcernKind::EscalatingVerb, verbs)] {
            if what.is_empty() {
                continue;
            }
            let what = what.into_iter().collect::<Vec<_>>().join(", ");
            let line = format!("{} allows {what}; {} binds it", role_name(role), object_name(grant.binding));
            found.push((
                Concern::new(kind, Severity::Warning, what).object(&key).object(grant.binding).shown(line),
                system,
            ));
        }
    }
}

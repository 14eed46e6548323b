//! Who reads secrets without need, and who holds both ends: deploying, and keeping secrets.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::Severity;
use kspec_model::{ObjectKey, program::RoleRule};

use super::{
    Concern, ConcernKind, Facts, Found,
    grants::{Grant, allows, is_wild, object_name, place, role_alike, role_name},
};
use crate::{access::SubjectRef, system};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch", "delete"];
const DEPLOY: &[&str] = &["create", "update", "patch"];

/// What runs pods: API group and plural.
const WORKLOADS: [(&str, &str); 8] = [
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("apps", "replicasets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
];

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    reads_all(facts, found);
    reads_unused(facts, found);
    deploys_and_keeps(facts, found);
}

fn reads(rule: &RoleRule) -> bool {
    !is_wild(rule) && allows(rule, READ, "", "secrets")
}

fn keeps(rule: &RoleRule) -> bool {
    !is_wild(rule) && rule.resource_names.is_empty() && allows(rule, WRITE, "", "secrets")
}

/// Roles of Kubernetes' own that are made to be granted to people (`admin`, `edit`) give what they say.
fn weight<'a>(facts: &Facts<'_>, grants: impl IntoIterator<Item = Grant<'a>>) -> Severity {
    let built_in =
        |grant: Grant<'_>| facts.cluster.roles.get(&grant.facts.role).is_some_and(super::roles::is_bootstrap);
    if grants.into_iter().all(built_in) { Severity::Information } else { Severity::Warning }
}

/// Over the whole cluster, it is a goal of chains ([`ConcernKind::ToAllSecrets`]).
fn reads_all(facts: &Facts<'_>, found: &mut Found) {
    for grant in facts.grants.all.iter().filter(|grant| grant.namespace().is_some()) {
        let Some(rule) = grant.rules.iter().find(|rule| reads(rule) && rule.resource_names.is_empty()) else {
            continue;
        };
        let subjects: Vec<_> = grant.facts.subjects.iter().map(SubjectRef::from).collect();
        let system = grant.is_built_in() || subjects.iter().all(system::is_component);
        let verbs: Vec<_> = READ.iter().filter(|verb| super::grants::says(&rule.verbs, verb)).copied().collect();
        for subject in subjects {
            let line = format!(
                "{subject} may {} secrets in {} ({} of {})",
                verbs.join(", "),
                place(grant.namespace()),
                object_name(grant.binding),
                role_name(&grant.facts.role)
            );
            let what = role_alike(&grant.facts.role);
            // Who keeps the secrets is meant to see them.
            let severity = if grant.rules.iter().any(keeps) { Severity::Information } else { weight(facts, [*grant]) };
            let concern = Concern::new(ConcernKind::ReadsAllSecrets, severity, what)
                .about(subject)
                .object(grant.binding)
                .object(&crate::access::index::role_key(&grant.facts.role));
            found.push((concern.shown(line), system));
        }
    }
}

/// An account's workloads, and the secrets they use.
type Uses<'a> = (Vec<&'a ObjectKey>, BTreeSet<&'a str>);

fn reads_unused(facts: &Facts<'_>, found: &mut Found) {
    let mut users: BTreeMap<(&str, &str), Uses<'_>> = BTreeMap::new();
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, workload) in &facts.cluster.workloads {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let used = workload.pod.secrets.iter().map(String::as_str);
        known.entry(namespace).or_default().extend(used.clone());
        let user = users.entry((namespace, &workload.service_account)).or_default();
        user.0.push(key);
        user.1.extend(used);
    }
    for ((namespace, name), secret) in &facts.cluster.secrets {
        if secret.token_of.is_none() {
            known.entry(namespace).or_default().insert(name);
        }
    }
    for subject in facts.grants.subjects() {
        let SubjectRef::ServiceAccount { namespace, name } = subject else { continue };
        let Some((workloads, used)) = users.get(&(namespace.as_str(), name.as_str())) else { continue };
        for (_, grant) in facts.grants.to(subject) {
            for rule in grant.rules.iter().filter(|rule| reads(rule)) {
                let Some(place) = grant.namespace() else { continue };
                let there = known.get(place);
                let named = rule
                    .resource_names
                    .iter()
                    .map(String::as_str)
                    .filter(|name| !facts.settings.complete || there.is_some_and(|known| known.contains(name)));
                let readable: BTreeSet<&str> = if rule.resource_names.is_empty() {
                    there.into_iter().flatten().copied().collect()
                } else {
                    named.collect()
                };
                let own = |secret: &&str| place == namespace && used.contains(secret);
                let unused: Vec<_> = readable.into_iter().filter(|secret| !own(secret)).collect();
                if unused.is_empty() {
                    continue;
                }
                let what = role_alike(&grant.facts.role);
                let runs: Vec<_> = workloads.iter().map(|key| object_name(key)).collect();
                let concern = Concern::new(ConcernKind::ReadsUnusedSecrets, Severity::Information, what)
                    .about(subject.clone())
                    .object(grant.binding)
                    .object(&crate::access::index::role_key(&grant.facts.role))
                    .shown(format!("{subject} may read {}", some(&unused, |name| format!("secret {place}/{name}"))))
                    .shown(format!("used by none of its workloads: {}", some(&runs, Clone::clone)));
                found.push((concern, system::is_component(subject) || grant.is_built_in()));
            }
        }
    }
}

fn deploys_and_keeps(facts: &Facts<'_>, found: &mut Found) {
    let deploys = |rule: &RoleRule| {
        !is_wild(rule)
            && rule.resource_names.is_empty()
            && WORKLOADS.iter().any(|(group, resource)| allows(rule, DEPLOY, group, resource))
    };
    let mut mounting: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, workload) in &facts.cluster.workloads {
        let counts = workload.owner.is_none() && !workload.pod.secrets.is_empty();
        *mounting.entry(key.namespace.as_deref().unwrap_or_default()).or_default() += usize::from(counts);
    }
    for subject in facts.grants.subjects() {
        let grants: Vec<_> = facts.grants.to(subject).map(|(_, grant)| grant).collect();
        let by = |gives: &dyn Fn(&RoleRule) -> bool| -> Vec<Grant<'_>> {
            grants.iter().filter(|grant| grant.rules.iter().any(gives)).copied().collect()
        };
        let (deployers, keepers) = (by(&deploys), by(&keeps));
        // One pair a namespace shows it, best of all one grant that is both.
        let mut pairs: Vec<_> =
            deployers.iter().flat_map(|deployer| keepers.iter().map(move |keeper| (deployer, keeper))).collect();
        pairs.sort_by_key(|(deployer, keeper)| deployer.binding != keeper.binding);
        let mut told = BTreeSet::new();
        for (deployer, keeper) in pairs {
            let namespace = match (deployer.namespace(), keeper.namespace()) {
                (None, other) | (other, None) => other,
                (Some(a), Some(b)) if a == b => Some(a),
                _ => continue,
            };
            if !told.insert(namespace) {
                continue;
            }
            let roles: BTreeSet<_> =
                [deployer, keeper].into_iter().map(|grant| role_alike(&grant.facts.role)).collect();
            let what = roles.into_iter().collect::<Vec<_>>().join(" and ");
            let mounts = match namespace {
                Some(namespace) => mounting.get(namespace).copied().unwrap_or_default(),
                None => mounting.values().sum(),
            };
            let says =
                |grant: &Grant<'_>| format!("{} of {}", object_name(grant.binding), role_name(&grant.facts.role));
            let concern = Concern::new(ConcernKind::DeploysAndKeepsSecrets, weight(facts, [*deployer, *keeper]), what)
                .about(subject.clone())
                .object(deployer.binding)
                .object(keeper.binding)
                .shown(format!("{subject} deploys in {} ({})", place(namespace), says(deployer)))
                .shown(format!("and writes its secrets ({})", says(keeper)))
                .shown(format!("workloads there that use secrets: {mounts}; a pod of one's own may mount any"));
            let system = system::is_component(subject) || (deployer.is_built_in() && keeper.is_built_in());
            found.push((concern, system));
        }
    }
}

/// The first few of a list.
fn some<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = items.iter().take(SHOWN).map(show).collect();
    let more = items.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

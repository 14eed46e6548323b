//! Bindings: wider than they need be, to single users, to nobody, of nothing.

use std::collections::BTreeSet;

use kspec_diagnostics::Severity;
use kspec_model::program::{RoleRule, Subject};

use super::{
    Concern, ConcernKind, Facts, Found,
    grants::{Grant, is_wild, object_name, role_alike, role_name},
};
use crate::{
    access::{SubjectRef, index::role_key},
    system,
};

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    for grant in &facts.grants.all {
        wider(facts, grant, found);
    }
    for (key, binding) in &facts.cluster.bindings {
        let built_in = system::is_built_in(key, binding);
        if facts.settings.complete && !facts.cluster.roles.contains_key(&binding.role) {
            let concern = Concern::new(ConcernKind::NoSuchRole, Severity::Warning, role_alike(&binding.role))
                .object(key)
                .shown(format!("{} binds {}, which is not there", object_name(key), role_name(&binding.role)));
            let concern = binding.subjects.iter().fold(concern, |concern, subject| concern.about(subject.into()));
            found.push((concern, built_in));
        }
        for subject in &binding.subjects {
            let reference = SubjectRef::from(subject);
            if matches!(subject, Subject::ServiceAccount { .. })
                || system::is_component(&reference)
                || system::is_everyone(&reference)
            {
                continue;
            }
            let line = || format!("{} names {reference}", object_name(key));
            if matches!(subject, Subject::User(_)) && !facts.settings.break_glass.contains(key) {
                let concern = Concern::new(ConcernKind::SingleUser, Severity::Information, "").object(key);
                found.push((concern.about(reference.clone()).shown(line()), built_in));
            }
            if let Some(issuers) = facts.settings.issuers
                && !issuers.may_be(subject)
            {
                let concern = Concern::new(ConcernKind::NoIssuer, Severity::Warning, reference.to_string()).object(key);
                let concern = issuers.lines().fold(concern.shown(line()), Concern::shown);
                found.push((concern.about(reference.clone()), built_in));
            }
        }
    }
}

/// A grant over the whole cluster of what lies in namespaces. That one in a namespace would serve is certain where everything that
/// it is about lies in one; it is likely where it is an account's own.
fn wider(facts: &Facts<'_>, grant: &Grant<'_>, found: &mut Found) {
    let resource = |name: &str| name.split_once('/').map_or(name, |(resource, _)| resource).to_owned();
    let in_namespaces = |rule: &RoleRule| {
        !is_wild(rule)
            && rule.urls.is_empty()
            && rule.api_groups.iter().all(|group| {
                rule.resources.iter().all(|name| (facts.settings.namespaced)(group, &resource(name)) == Some(true))
            })
    };
    if grant.namespace().is_some() || grant.rules.is_empty() || !grant.rules.iter().all(in_namespaces) {
        return;
    }
    let subjects: Vec<_> = grant.facts.subjects.iter().map(SubjectRef::from).collect();
    let system = grant.is_built_in() || subjects.iter().all(system::is_component);
    let mut homes = BTreeSet::new();
    for subject in &subjects {
        homes.insert(match subject {
            SubjectRef::ServiceAccount { namespace, .. } => Some(namespace.as_str()),
            _ => None,
        });
    }
    let there = facts.settings.complete.then(|| namespaces_of(facts, grant.rules)).flatten();
    let (severity, what, line) = match (there.as_deref(), homes.first()) {
        (Some([only]), _) => (
            Severity::Warning,
            (*only).to_owned(),
            format!("all that {} is about lies in namespace {only}", role_name(&grant.facts.role)),
        ),
        (_, Some(Some(home))) if homes.len() == 1 => (
            Severity::Information,
            String::new(),
            format!(
                "its subjects live in namespace {home}; all that {} allows lies in namespaces",
                role_name(&grant.facts.role)
            ),
        ),
        _ => return,
    };
    let mut concern = Concern::new(ConcernKind::WiderThanNeeded, severity, what).object(grant.binding);
    concern = concern.object(&role_key(&grant.facts.role)).shown(format!(
        "{} gives {} in every namespace",
        object_name(grant.binding),
        role_name(&grant.facts.role)
    ));
    concern.subjects.extend(subjects);
    found.push((concern.shown(line), system));
}

/// The namespaces of the objects that rules are about, where all of them are of kinds that the cluster shows, and named. Without
/// names they are about what is yet to come as well.
fn namespaces_of<'a>(facts: &Facts<'a>, rules: &[RoleRule]) -> Option<Vec<&'a str>> {
    let mut namespaces = BTreeSet::new();
    for rule in rules {
        if rule.resource_names.is_empty() {
            return None;
        }
        for resource in &rule.resources {
            let named = |name: &String| rule.resource_names.contains(name);
            let of = |keys: &mut dyn Iterator<Item = &'a (String, String)>| -> Vec<&'a str> {
                keys.filter(|(_, name)| named(name)).map(|(namespace, _)| namespace.as_str()).collect()
            };
            let kind = resource.split('/').next().unwrap_or_default().strip_suffix('s')?;
            let found = match kind {
                "secret" => of(&mut facts.cluster.secrets.keys()),
                "service" => of(&mut facts.cluster.services.keys()),
                "serviceaccount" => of(&mut facts.cluster.service_accounts.keys()),
                "pod" | "deployment" | "statefulset" | "daemonset" | "replicaset" | "job" | "cronjob" => facts
                    .cluster
                    .workloads
                    .keys()
                    .filter(|key| key.kind.to_lowercase() == kind && named(&key.name))
                    .filter_map(|key| key.namespace.as_deref())
                    .collect(),
                _ => return None,
            };
            namespaces.extend(found);
        }
    }
    Some(namespaces.into_iter().collect())
}

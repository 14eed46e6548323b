//! Service accounts: tokens that nobody needs, accounts that many share, and those that nothing uses.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::Severity;
use kspec_model::{ObjectKey, cluster::WorkloadFacts};

use super::{Concern, ConcernKind, Facts, Found, grants::object_name};
use crate::{
    access::{SubjectRef, request::implied_groups},
    system,
};

/// Labels that say which application a pod belongs to, the widest first ("Recommended Labels", Kubernetes documentation), and the two
/// that were customary before.
const APPLICATION: [&str; 5] =
    ["app.kubernetes.io/part-of", "app.kubernetes.io/instance", "app.kubernetes.io/name", "app", "k8s-app"];

type Account<'a> = (&'a str, &'a str);

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let mut users: BTreeMap<Account<'_>, Vec<(&ObjectKey, &WorkloadFacts)>> = BTreeMap::new();
    for (key, workload) in &facts.cluster.workloads {
        // A pod is told by what made it.
        if workload.owner.as_ref().is_none_or(|owner| !facts.cluster.workloads.contains_key(owner)) {
            let namespace = key.namespace.as_deref().unwrap_or_default();
            users.entry((namespace, workload.service_account.as_str())).or_default().push((key, workload));
        }
    }
    for ((namespace, name), workloads) in &users {
        let subject = SubjectRef::ServiceAccount { namespace: (*namespace).to_owned(), name: (*name).to_owned() };
        let system = system::NAMESPACES.contains(namespace);
        match is_granted(facts, &subject) {
            true => shared(&subject, workloads, system, found),
            false if facts.settings.complete || (facts.settings.own)(&key_of(namespace, name)) => {
                needless(facts, &subject, (namespace, name), workloads, system, found);
            }
            false => {}
        }
    }
    // Where nothing is seen to run, that is no news of any account.
    if facts.settings.complete && !users.is_empty() {
        unused(facts, &users.into_keys().collect(), found);
    }
}

fn key_of(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "ServiceAccount".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

/// Whether a binding names the account, or one of the groups of accounts that it is in; what everyone has is no need of its own.
fn is_granted(facts: &Facts<'_>, subject: &SubjectRef) -> bool {
    let groups = implied_groups(subject).into_iter().filter(|name| name != "system:authenticated");
    let subjects = groups.map(|name| SubjectRef::Group { name }).chain([subject.clone()]);
    subjects.into_iter().any(|subject| facts.grants.to(&subject).any(|(_, grant)| !grant.is_built_in()))
        || facts.grants.to(subject).next().is_some()
}

fn needless(
    facts: &Facts<'_>,
    subject: &SubjectRef,
    account: Account<'_>,
    workloads: &[(&ObjectKey, &WorkloadFacts)],
    system: bool,
    found: &mut Found,
) {
    let known = facts.cluster.service_accounts.get(&(account.0.to_owned(), account.1.to_owned()));
    let mounts = |workload: &WorkloadFacts| {
        let stated = workload.pod.automount_token.or(known.and_then(|account| account.automount_token));
        // One that is projected by hand is somebody's wish.
        workload.pod.injected_token || (!workload.pod.projected_token && stated.unwrap_or(true))
    };
    for (key, _) in workloads.iter().filter(|(_, workload)| mounts(workload)) {
        let concern = Concern::new(ConcernKind::NeedlessToken, Severity::Information, "")
            .about(subject.clone())
            .object(key)
            .object(&key_of(account.0, account.1))
            .shown(format!("{} mounts a token of {subject}, which nothing is granted to", object_name(key)));
        found.push((concern, system));
    }
}

fn shared(subject: &SubjectRef, workloads: &[(&ObjectKey, &WorkloadFacts)], system: bool, found: &mut Found) {
    let mut applications: BTreeMap<&str, &ObjectKey> = BTreeMap::new();
    for (key, workload) in workloads {
        let label = APPLICATION.iter().find_map(|label| workload.labels.get(*label));
        applications.entry(label.unwrap_or(&key.name)).or_insert(*key);
    }
    if applications.len() < 2 {
        return;
    }
    let mut concern =
        Concern::new(ConcernKind::SharedAccount, Severity::Warning, subject.to_string()).about(subject.clone());
    for (application, key) in applications {
        concern = concern.object(key).shown(format!("{application}: {} runs as {subject}", object_name(key)));
    }
    found.push((concern, system));
}

/// An account of which a secret holds a token is used from outside.
fn unused(facts: &Facts<'_>, used: &BTreeSet<Account<'_>>, found: &mut Found) {
    let outside: BTreeSet<Account<'_>> = facts
        .cluster
        .secrets
        .iter()
        .filter_map(|((namespace, _), secret)| Some((namespace.as_str(), secret.token_of.as_deref()?)))
        .collect();
    for subject in facts.grants.subjects() {
        let SubjectRef::ServiceAccount { namespace, name } = subject else { continue };
        let account = (namespace.as_str(), name.as_str());
        if used.contains(&account) || outside.contains(&account) {
            continue;
        }
        let there = facts.cluster.service_accounts.contains_key(&(namespace.clone(), name.clone()));
        let (what, line) = if there {
            ("unused", format!("no workload runs as {subject}, and no secret holds a token of it"))
        } else {
            (
                "missing",
                format!("{subject} is not there: whoever creates it in namespace {namespace} has what it is granted"),
            )
        };
        let grants: Vec<_> = facts.grants.to(subject).map(|(_, grant)| grant).collect();
        let system = system::is_component(subject) && grants.iter().all(super::grants::Grant::is_built_in);
        let mut concern =
            Concern::new(ConcernKind::UnusedAccount, Severity::Information, what).about(subject.clone()).shown(line);
        for grant in &grants {
            concern = concern.object(grant.binding).shown(format!(
                "{} gives it {}",
                object_name(grant.binding),
                super::grants::role_name(&grant.facts.role)
            ));
        }
        found.push((concern, system));
    }
}

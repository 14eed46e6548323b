//! Grants that give nothing beside others, and roles that do.
//!
//! A permission lies within a union of permissions exactly when it lies within one of them (`access::permission`), so each is looked
//! up by itself among the other grants of the same subject, its groups' included.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::Severity;
use kspec_model::program::{RoleRef, RoleRule};
use rustc_hash::FxHashMap;

use super::{
    Concern, ConcernKind, Facts, Found,
    grants::{Grant, object_name, role_alike, role_name},
    roles::is_bootstrap,
};
use crate::access::{
    SubjectRef,
    index::role_key,
    permission::{covers, permissions},
    request::implied_groups,
};

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let mut by_role = Held::default();
    // Of two grants that give the same, the one that is looked at first goes: the narrower, then the later by name.
    let mut order: Vec<usize> = (0..facts.grants.all.len()).collect();
    order.sort_by_cached_key(|position| {
        facts.grants.all.get(*position).map(|grant| {
            let size: usize = grant.rules.iter().map(|rule| rule.verbs.len() * rule.resources.len()).sum();
            (grant.namespace().is_none(), size, std::cmp::Reverse(grant.binding))
        })
    });
    let mut gone = BTreeSet::new();
    let mut redundant: Vec<(Grant<'_>, BTreeSet<usize>)> = Vec::new();
    for position in order {
        let Some(grant) = facts.grants.all.get(position).filter(|grant| !grant.is_built_in()) else { continue };
        let mut by = BTreeSet::new();
        let subjects: Vec<_> = grant.facts.subjects.iter().map(SubjectRef::from).collect();
        let needless =
            subjects.iter().all(|subject| match others(facts, subject, grant, position, &gone, &mut by_role) {
                Some(others) => {
                    by.extend(others);
                    true
                }
                None => false,
            });
        if needless {
            gone.insert(position);
            redundant.push((*grant, by));
        }
    }
    report(facts, &redundant, found);
}

/// The grants that hold together, for a subject, all that one gives it; none where they don't.
fn others<'a>(
    facts: &Facts<'a>,
    subject: &SubjectRef,
    grant: &Grant<'a>,
    position: usize,
    gone: &BTreeSet<usize>,
    held: &mut Held<'a>,
) -> Option<Vec<usize>> {
    let groups = implied_groups(subject).into_iter().map(|name| SubjectRef::Group { name });
    let mut candidates = Vec::new();
    for whose in [subject.clone()].into_iter().chain(groups) {
        candidates.extend(facts.grants.to(&whose).filter(|(other, candidate)| {
            *other != position
                && !gone.contains(other)
                && (candidate.namespace().is_none() || candidate.namespace() == grant.namespace())
        }));
    }
    if grant.rules.is_empty() {
        return Some(Vec::new());
    }
    if let Some((other, _)) = candidates.iter().find(|(_, candidate)| held.role(grant, candidate)) {
        return Some(vec![*other]);
    }
    if candidates.len() < 2 {
        return None;
    }
    let mut by = Vec::new();
    for rule in grant.rules {
        for permission in permissions(grant.namespace(), rule) {
            let (other, _) =
                candidates.iter().find(|(_, candidate)| candidate.rules.iter().any(|r| covers(r, &permission)))?;
            by.push(*other);
        }
    }
    Some(by)
}

/// Whether one role holds another, each pair looked at once.
#[derive(Default)]
struct Held<'a>(FxHashMap<(&'a RoleRef, &'a RoleRef, bool), bool>);

impl<'a> Held<'a> {
    fn role(&mut self, grant: &Grant<'a>, by: &Grant<'a>) -> bool {
        let namespaced = grant.namespace().is_some();
        *self
            .0
            .entry((&grant.facts.role, &by.facts.role, namespaced))
            .or_insert_with(|| grant.facts.role == by.facts.role || holds(by.rules, grant.rules, grant.namespace()))
    }
}

fn holds(wider: &[RoleRule], narrower: &[RoleRule], namespace: Option<&str>) -> bool {
    narrower
        .iter()
        .flat_map(|rule| permissions(namespace, rule))
        .all(|permission| wider.iter().any(|rule| covers(rule, &permission)))
}

/// A role of which every binding gives nothing, each time for one and the same other role, is the role's own concern.
fn report(facts: &Facts<'_>, redundant: &[(Grant<'_>, BTreeSet<usize>)], found: &mut Found) {
    let mut bound: BTreeMap<&RoleRef, usize> = BTreeMap::new();
    for grant in &facts.grants.all {
        *bound.entry(&grant.facts.role).or_default() += 1;
    }
    let mut subsumed: BTreeMap<&RoleRef, (usize, BTreeSet<&RoleRef>)> = BTreeMap::new();
    for (grant, by) in redundant {
        let slot = subsumed.entry(&grant.facts.role).or_default();
        slot.0 += 1;
        slot.1.extend(by.iter().filter_map(|other| Some(&facts.grants.all.get(*other)?.facts.role)));
    }
    let by_role: BTreeMap<_, _> = subsumed
        .iter()
        .filter_map(|(role, (count, by))| {
            let by = by.first().filter(|other| by.len() == 1 && *other != role)?;
            // A role of Kubernetes' own is there whatever binds it.
            let own = facts.cluster.roles.get(*role).is_some_and(is_bootstrap);
            (bound.get(role) == Some(count) && !own).then_some((*role, *by))
        })
        .collect();
    for (role, by) in &by_role {
        let (name, other) = (role_name(role), role_name(by));
        let mut concern = Concern::new(ConcernKind::SubsumedRole, Severity::Information, format!("{name} in {other}"))
            .object(&role_key(role))
            .object(&role_key(by))
            .shown(format!("{other} allows all that {name} allows"));
        for (grant, _) in redundant.iter().filter(|(grant, _)| grant.facts.role == **role) {
            concern = concern
                .object(grant.binding)
                .shown(format!("who is bound by {} has it as well", object_name(grant.binding)));
        }
        found.push((concern, false));
    }
    for (grant, by) in redundant.iter().filter(|(grant, _)| !by_role.contains_key(&grant.facts.role)) {
        let mut concern =
            Concern::new(ConcernKind::ChangesNothing, Severity::Information, role_alike(&grant.facts.role))
                .object(grant.binding);
        concern.subjects.extend(grant.facts.subjects.iter().map(SubjectRef::from));
        let why = if grant.facts.subjects.is_empty() {
            "names nobody".to_owned()
        } else if grant.rules.is_empty() {
            format!("binds {}, which allows nothing", role_name(&grant.facts.role))
        } else {
            let others = by.iter().filter_map(|other| facts.grants.all.get(*other));
            let others: BTreeSet<_> = others.map(|other| object_name(other.binding)).collect();
            format!("gives nothing beside {}", others.into_iter().collect::<Vec<_>>().join(", "))
        };
        found.push((concern.shown(format!("{} {why}", object_name(grant.binding))), false));
    }
}

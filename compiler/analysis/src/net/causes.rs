//! Which changed objects bring a changed connection about.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use kspec_model::ObjectKey;

use super::{
    Cause, Change, Direction,
    side::{Policy, Rule, Side, policy_key},
    tiers::{TierPolicy, TierRule},
    universe::Universe,
};

/// Everything that differs between the side that lacks connections and the one that has them.
pub(super) struct Causes<'c, 'a> {
    causes: Vec<Cause>,
    /// Policies that differ, by position in `causes`: on the lacking side, on the having one.
    policies: Vec<(usize, Option<&'c Policy<'a>>, Option<&'c Policy<'a>>)>,
    /// Administrators' policies that differ, by position in `causes`, as each side that has them sees them.
    tiers: Vec<(usize, &'c TierPolicy<'a>)>,
    /// Positions in `policies`, by whom they select on either side.
    selecting: BTreeMap<usize, BTreeSet<usize>>,
    /// Positions in `causes` of workloads and namespaces that differ, by position in the universe.
    objects: BTreeMap<usize, Vec<usize>>,
}

/// What of the changes concerns some ends, as sources or as destinations.
pub(super) struct Near<'c, 'a> {
    /// Concern every connection of theirs.
    always: Vec<usize>,
    /// Concern connections with the peers of these rules.
    with_peers: Vec<(usize, Vec<&'c Rule<'a>>)>,
    /// As `with_peers`, of administrators' policies.
    of_admins: Vec<(usize, &'c [TierRule<'a>])>,
}

impl Near<'_, '_> {
    /// Positions of the causes that concern connections with `far`.
    pub(super) fn towards<'n>(&'n self, far: &'n FixedBitSet) -> impl Iterator<Item = usize> + 'n {
        let touching = self
            .with_peers
            .iter()
            .filter(|(_, rules)| rules.iter().any(|rule| !rule.peers.is_disjoint(far)))
            .map(|(cause, _)| *cause);
        let means = |rule: &TierRule<'_>| !rule.certain.is_disjoint(far) || !rule.maybe.is_disjoint(far);
        let of_admins =
            self.of_admins.iter().filter(move |(_, rules)| rules.iter().any(means)).map(|(cause, _)| *cause);
        self.always.iter().copied().chain(touching).chain(of_admins)
    }
}

impl<'c, 'a> Causes<'c, 'a> {
    /// Compares two sides; `reversed` when `lack` is the later one.
    pub(super) fn new(universe: &Universe, lack: &'c Side<'a>, have: &'c Side<'a>, reversed: bool) -> Self {
        let cause = |object: ObjectKey, lacks: bool, has: bool| {
            let change = match (lacks, has) {
                (true, true) => Change::Changed,
                (false, true) if !reversed => Change::Added,
                (true, false) if reversed => Change::Added,
                _ => Change::Removed,
            };
            Cause { object, change }
        };
        let mut found = Self {
            causes: Vec::new(),
            policies: Vec::new(),
            tiers: Vec::new(),
            selecting: BTreeMap::new(),
            objects: BTreeMap::new(),
        };

        let mut by_name: BTreeMap<_, (Option<&'c Policy<'a>>, Option<&'c Policy<'a>>)> = BTreeMap::new();
        for policy in &lack.policies {
            by_name.entry(policy.name).or_default().0 = Some(policy);
        }
        for policy in &have.policies {
            by_name.entry(policy.name).or_default().1 = Some(policy);
        }
        by_name.retain(|_, (a, b)| a.map(|policy| policy.facts) != b.map(|policy| policy.facts));
        for ((namespace, name), (a, b)) in by_name {
            let object = policy_key(namespace, name);
            for position in [a, b].into_iter().flatten().flat_map(|policy| policy.selected.ones()) {
                found.selecting.entry(position).or_default().insert(found.policies.len());
            }
            found.policies.push((found.causes.len(), a, b));
            found.causes.push(cause(object, a.is_some(), b.is_some()));
        }

        let mut tiers: BTreeMap<&ObjectKey, (Option<_>, Option<_>)> = BTreeMap::new();
        lack.tiers.iter().for_each(|policy| tiers.entry(policy.key).or_default().0 = Some(policy));
        have.tiers.iter().for_each(|policy| tiers.entry(policy.key).or_default().1 = Some(policy));
        tiers.retain(|_, (a, b)| {
            a.map(|policy: &TierPolicy<'_>| policy.facts) != b.map(|policy: &TierPolicy<'_>| policy.facts)
        });
        for (key, (a, b)) in tiers {
            found.tiers.extend([a, b].into_iter().flatten().map(|policy| (found.causes.len(), policy)));
            found.causes.push(cause(key.clone(), a.is_some(), b.is_some()));
        }

        let mut namespaces: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        for (position, key) in universe.workloads.iter().enumerate() {
            let seen = |side: &'c Side<'a>| {
                let facts = side.facts.get(position).copied().flatten()?;
                let addresses = side.addresses.as_ref().and_then(|addresses| addresses.get(position));
                Some((&facts.labels, &facts.ports, facts.host_network, addresses))
            };
            let (a, b) = (seen(lack), seen(have));
            if a != b {
                found.objects.entry(position).or_default().push(found.causes.len());
                found.causes.push(cause(key.clone(), a.is_some(), b.is_some()));
            }
            let name = key.namespace.as_deref().unwrap_or_default();
            let namespace = namespaces.entry(name).or_insert_with(|| {
                let (a, b) = (lack.cluster.namespaces.get(name), have.cluster.namespaces.get(name));
                (a != b).then(|| {
                    let (kind, name) = ("Namespace".to_owned(), name.to_owned());
                    let object = ObjectKey { group: String::new(), kind, namespace: None, name };
                    found.causes.push(cause(object, a.is_some(), b.is_some()));
                    found.causes.len() - 1
                })
            });
            found.objects.entry(position).or_default().extend(*namespace);
        }
        found
    }

    /// What of the changes concerns `ends`. A policy gives them a connection by isolating fewer of them than before, or by
    /// a rule for the far end that it did not have for all of them.
    pub(super) fn near(&self, ends: &FixedBitSet, direction: Direction) -> Near<'c, 'a> {
        let mut near = Near { always: Vec::new(), with_peers: Vec::new(), of_admins: Vec::new() };
        let candidates: BTreeSet<_> = ends.ones().filter_map(|end| self.selecting.get(&end)).flatten().collect();
        for (cause, lack, have) in candidates.into_iter().filter_map(|candidate| self.policies.get(*candidate)) {
            let rules = |policy: Option<&'c Policy<'a>>| policy?.rules(direction);
            let isolated = |policy: Option<&'c Policy<'a>>| {
                let mut isolated = ends.clone();
                match policy.filter(|_| rules(policy).is_some()) {
                    Some(policy) => isolated.intersect_with(&policy.selected),
                    None => isolated.clear(),
                }
                isolated
            };
            let (lacking, having) = (isolated(*lack), isolated(*have));
            if !lacking.is_subset(&having) {
                near.always.push(*cause);
            } else if !having.is_clear() {
                let held: Vec<_> = rules(*lack).into_iter().flatten().map(|rule| rule.facts).collect();
                let same_ends = lacking == having;
                let new = rules(*have).into_iter().flatten().filter(|rule| !(same_ends && held.contains(&rule.facts)));
                near.with_peers.push((*cause, new.collect()));
            }
        }
        let of_admins = self
            .tiers
            .iter()
            .filter(|(_, policy)| !policy.rules(direction).is_empty() && !policy.selected.is_disjoint(ends));
        near.of_admins.extend(of_admins.map(|(cause, policy)| (*cause, policy.rules(direction))));
        near.always.extend(ends.ones().filter_map(|end| self.objects.get(&end)).flatten());
        near
    }

    /// The causes at these positions, each once, sorted.
    pub(super) fn of(&self, positions: impl Iterator<Item = usize>) -> Vec<Cause> {
        let mut positions: Vec<_> = positions.collect();
        positions.sort_unstable();
        positions.dedup();
        let mut causes: Vec<_> =
            positions.into_iter().filter_map(|position| self.causes.get(position)).cloned().collect();
        causes.sort();
        causes
    }
}

//! Label selectors: K0404 workloads that select each other's pods, K0405 selectors that nothing can match.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::{Finding, codes};
use kspec_model::{
    LabelSelector, Operator,
    program::{GrantScope, NetworkScope, Origin, Peer, Workload},
};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::{Facts, report};

/// A namespace, and a label that a selector there demands, where it demands one by an exact pair.
type Demanded<'a> = (&'a str, Option<(&'a str, &'a str)>);

/// Looks each workload's pod up among the selectors of its namespace. Selectors are found by one label that they demand, so
/// that a thousand workloads cost a thousand look-ups.
pub(crate) fn overlaps(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let workloads = &facts.program.workloads;
    let mut by_label: FxHashMap<Demanded<'_>, Vec<usize>> =
        FxHashMap::with_capacity_and_hasher(workloads.len(), FxBuildHasher);
    for (index, workload) in workloads.iter().enumerate() {
        let demanded = workload.pods.match_labels.iter().next_back().map(|(key, value)| (key.as_str(), value.as_str()));
        by_label.entry((&workload.namespace, demanded)).or_default().push(index);
    }
    let mut told = BTreeSet::new();
    for (index, workload) in workloads.iter().enumerate() {
        let labels = workload.pod_labels.iter().map(|(key, value)| Some((key.as_str(), value.as_str())));
        for label in labels.chain([None]) {
            for other in by_label.get(&(workload.namespace.as_str(), label)).into_iter().flatten() {
                let Some(selecting) = workloads.get(*other) else { continue };
                let pair = (index.min(*other), index.max(*other));
                if *other == index
                    || same_pods(workload, selecting)
                    || !selecting.pods.matches(&workload.pod_labels)
                    || !told.insert(pair)
                {
                    continue;
                }
                findings.push(overlap(workload, selecting));
            }
        }
    }
}

/// Two names of others' workloads are theirs to sort out.
fn same_pods(one: &Workload, other: &Workload) -> bool {
    (one.existing && other.existing) || (one.bound.is_some() && one.bound == other.bound)
}

fn overlap(workload: &Workload, selecting: &Workload) -> Finding {
    let pod = workload.pod_labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    report::at(
        codes::OVERLAPPING_SELECTORS,
        format!("workload `{}` also selects the pods of `{}`", selecting.name, workload.name),
        &selecting.origin,
    )
    .because(format!("selects {}", report::selector(&selecting.pods)))
    .label(workload.origin.at, "whose pods it selects too")
    .witness(vec![format!("a pod in `{}` with labels {pod} is both: it may do what either may", workload.namespace)])
    .help("demand a label that tells them apart")
}

pub(crate) fn contradictions(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let program = facts.program;
    let mut look = |selector: &LabelSelector, what: &str, origin: &Origin| {
        if let Some(why) = contradiction(selector) {
            findings.push(
                report::at(codes::EMPTY_SELECTOR, format!("{what} can match nothing: {why}"), origin)
                    .witness(vec![format!("{} holds for no set of labels", report::selector(selector))])
                    .help("correct the condition; what it guards has no effect as it stands"),
            );
        }
    };
    for workload in program.workloads.iter().copied() {
        look(&workload.pods, "the selector of this workload", &workload.origin);
    }
    for grant in program.grants.iter().copied() {
        if let GrantScope::Where(selector) = &grant.scope {
            look(selector, "the scope of this grant", &grant.origin);
        }
    }
    for network in program.networks.iter().copied() {
        if let NetworkScope::Where(selector) = &network.scope {
            look(selector, "the scope of this network", &network.origin);
        }
        for policy in &network.policies {
            look(&policy.pods, "the pods of this policy", &policy.origin);
            let rules = policy.ingress.iter().chain(&policy.egress).flatten();
            for peer in rules.flat_map(|rule| &rule.peers) {
                peer_selectors(peer, &policy.origin, &mut look);
            }
        }
        for edge in &network.edges {
            peer_selectors(&edge.from, &edge.origin, &mut look);
            peer_selectors(&edge.to, &edge.origin, &mut look);
        }
    }
}

fn peer_selectors(peer: &Peer, origin: &Origin, look: &mut impl FnMut(&LabelSelector, &str, &Origin)) {
    if let Peer::Pods { pods, namespaces } = peer {
        look(pods, "this condition on pods", origin);
        if let Some(namespaces) = namespaces {
            look(namespaces, "this condition on namespaces", origin);
        }
    }
}

/// Why no labels satisfy a selector. Requirements on different keys never contradict each other, so each key is judged by
/// itself: a finite set of candidate values where `In` or a pair gives one, else presence and absence.
fn contradiction(selector: &LabelSelector) -> Option<String> {
    let mut keys: BTreeMap<&str, Demand<'_>> = BTreeMap::new();
    for (key, value) in &selector.match_labels {
        keys.entry(key).or_default().one_of([value.as_str()]);
    }
    for requirement in &selector.match_expressions {
        let demand = keys.entry(&requirement.key).or_default();
        let values = requirement.values.iter().map(String::as_str);
        match requirement.operator {
            Operator::In => demand.one_of(values),
            Operator::NotIn => demand.none_of.extend(values),
            Operator::Exists => demand.present = true,
            Operator::DoesNotExist => demand.absent = true,
        }
    }
    keys.into_iter()
        .find_map(|(key, demand)| demand.contradiction().map(|why| format!("`{key}` would have to be {why}")))
}

#[derive(Default)]
struct Demand<'a> {
    candidates: Option<BTreeSet<&'a str>>,
    none_of: BTreeSet<&'a str>,
    present: bool,
    absent: bool,
}

impl<'a> Demand<'a> {
    fn one_of(&mut self, values: impl IntoIterator<Item = &'a str>) {
        let values: BTreeSet<&str> = values.into_iter().collect();
        self.candidates = Some(match self.candidates.take() {
            Some(known) => known.intersection(&values).copied().collect(),
            None => values,
        });
        self.present = true;
    }

    fn contradiction(&self) -> Option<&'static str> {
        if self.present && self.absent {
            return Some("present and absent");
        }
        let candidates = self.candidates.as_ref()?;
        candidates
            .iter()
            .all(|value| self.none_of.contains(value))
            .then_some("two values at once, or one that is ruled out")
    }
}

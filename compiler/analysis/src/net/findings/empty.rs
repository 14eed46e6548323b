//! Selectors that mean nobody, and names of ports that nobody has.

use fixedbitset::FixedBitSet;
use kspec_model::{
    LabelSelector, ObjectKey,
    cluster::{AdminPeerFacts, PeerFacts, PodsFacts},
};

use super::{super::side::PortName, Direction, Oddity, RuleAt, Side, Universe, written};

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

pub(super) fn find(universe: &Universe, side: &Side<'_>) -> Vec<Oddity> {
    let finder = Finder { universe, side };
    let mut found = Vec::new();
    for policy in &side.policies {
        let key = policy.key();
        if policy.selected.is_clear() {
            found.push(Oddity::SelectsNothing { policy: key });
            continue;
        }
        for direction in DIRECTIONS {
            for (index, rule) in policy.rules(direction).unwrap_or_default().iter().enumerate() {
                let at = RuleAt { policy: key.clone(), direction, rule: index };
                let on_node = |peer: usize| match rule.facts.peers.as_deref().and_then(|peers| peers.get(peer)) {
                    Some(PeerFacts::Pods { pods, namespaces }) => {
                        finder.on_node(Some(&policy.name.0).filter(|_| namespaces.is_none()), pods, namespaces.as_ref())
                    }
                    _ => false,
                };
                let each: Vec<&FixedBitSet> = rule.each.iter().map(AsRef::as_ref).collect();
                if nobody(&at, &each, on_node, &mut found) {
                    continue;
                }
                let mut far = rule.maybe.clone();
                far.union_with(&rule.peers);
                let whole = rule.numbered.is_empty();
                finder.ports(&at, (&rule.named, whole), &policy.selected, &far, &mut found);
            }
        }
    }
    for policy in &side.tiers {
        if policy.selected.is_clear() {
            found.push(Oddity::SelectsNothing { policy: policy.key.clone() });
            continue;
        }
        for direction in DIRECTIONS {
            let facts = match direction {
                Direction::Ingress => &policy.facts.ingress,
                Direction::Egress => &policy.facts.egress,
            };
            for (index, (rule, facts)) in policy.rules(direction).iter().zip(facts).enumerate() {
                let at = RuleAt { policy: policy.key.clone(), direction, rule: index };
                let mut far = rule.maybe.clone();
                far.union_with(&rule.certain);
                // Of one peer alone it is not kept whom it names: a rule counts as a whole.
                let on_node = |_| {
                    facts.peers.iter().any(|peer| match peer {
                        AdminPeerFacts::Pods(PodsFacts { namespaces, pods }) => {
                            finder.on_node(None, pods, Some(namespaces))
                        }
                        _ => false,
                    })
                };
                if nobody(&at, &[&far], on_node, &mut found) {
                    continue;
                }
                finder.ports(&at, (&rule.named, rule.numbered.is_empty()), &policy.selected, &far, &mut found);
            }
        }
    }
    found
}

/// Tells peers that mean nobody; whether all do.
fn nobody(at: &RuleAt, each: &[&FixedBitSet], on_node: impl Fn(usize) -> bool, found: &mut Vec<Oddity>) -> bool {
    let clear: Vec<usize> = each.iter().enumerate().filter(|(_, ends)| ends.is_clear()).map(|(peer, _)| peer).collect();
    if clear.is_empty() {
        return false;
    }
    if clear.len() == each.len() {
        let on_node = clear.iter().any(|peer| on_node(*peer));
        found.push(Oddity::NamesNobody { at: at.clone(), peer: None, on_node });
        return true;
    }
    found.extend(clear.into_iter().map(|peer| Oddity::NamesNobody {
        at: at.clone(),
        peer: Some(peer),
        on_node: on_node(peer),
    }));
    false
}

struct Finder<'f, 'a> {
    universe: &'f Universe,
    side: &'f Side<'a>,
}

impl Finder<'_, '_> {
    /// Whether a selector holds for pods on their node's network.
    fn on_node(&self, own: Option<&String>, pods: &LabelSelector, namespaces: Option<&LabelSelector>) -> bool {
        let meant = |key: &ObjectKey| {
            let name = key.namespace.as_deref().unwrap_or_default();
            let labels = self.side.cluster.namespaces.get(name).map(|facts| &facts.labels);
            own.is_none_or(|own| own == name)
                && namespaces.is_none_or(|wanted| labels.is_some_and(|labels| wanted.matches(labels)))
        };
        self.universe.workloads.iter().zip(&self.side.facts).any(|(key, facts)| {
            facts.is_some_and(|facts| facts.host_network && pods.matches(&facts.labels)) && meant(key)
        })
    }

    /// Tells names of ports that no destination has.
    fn ports(
        &self,
        at: &RuleAt,
        (named, by_name_alone): (&[PortName<'_>], bool),
        selected: &FixedBitSet,
        far: &FixedBitSet,
        found: &mut Vec<Oddity>,
    ) {
        let destinations = match at.direction {
            Direction::Ingress => selected,
            Direction::Egress => far,
        };
        let Some(first) = destinations.ones().next() else { return };
        let absent = |name: &&PortName<'_>| self.side.having(**name).all(|(.., ends)| ends.is_disjoint(destinations));
        let absent: Vec<_> = named.iter().filter(absent).collect();
        let whole = by_name_alone && absent.len() == named.len();
        found.extend(absent.into_iter().map(|(name, protocol)| Oddity::NoSuchPort {
            at: at.clone(),
            port: (*name).to_owned(),
            protocol: *protocol,
            whole,
            destination: written(self.universe, first),
        }));
    }
}

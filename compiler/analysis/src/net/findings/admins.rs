//! Administrators' policies: rules that are never asked, and priorities that leave open what happens.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use kspec_model::{cluster::PolicyTier, program::Protocol};

use super::{
    super::{
        Connections, Network,
        columns::{Sets, classes, columns, tier_classes},
        delta::gained,
        side::Side,
        tiers::{Bound, TierRule, deciding},
        universe::Universe,
    },
    Direction, Example, Oddity, RuleAt, written,
};

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// Rules for which earlier ones leave nothing, wherever they are about somebody.
pub(super) fn shadowed(universe: &Universe, side: &Side<'_>) -> Vec<Oddity> {
    let mut found = Vec::new();
    for direction in DIRECTIONS {
        let mut asked = BTreeSet::new();
        for class in tier_classes(side, direction) {
            asked.extend(deciding(side, &class.concerning.tiers, (direction, class.at)));
        }
        for (index, policy) in side.tiers.iter().enumerate() {
            for (number, rule) in policy.rules(direction).iter().enumerate() {
                if asked.contains(&(index, number)) {
                    continue;
                }
                let Some((near, far, connections)) = some_pair(side, &policy.selected, rule, direction) else {
                    continue;
                };
                let (src, dst) = ends(direction, near, far);
                let Some((protocol, port)) = connections.first() else { continue };
                found.push(Oddity::Shadowed {
                    at: RuleAt { policy: policy.key.clone(), direction, rule: number },
                    by: earlier(side, (index, number), direction),
                    example: Example { src: written(universe, src), dst: written(universe, dst), protocol, port },
                });
            }
        }
    }
    found
}

fn ends(direction: Direction, near: usize, far: usize) -> (usize, usize) {
    match direction {
        Direction::Egress => (near, far),
        Direction::Ingress => (far, near),
    }
}

fn far_ends(rule: &TierRule<'_>) -> FixedBitSet {
    let mut far = rule.maybe.clone();
    far.union_with(&rule.certain);
    far
}

/// Two ends that a rule names, and what it names between them.
fn some_pair(
    side: &Side<'_>,
    selected: &FixedBitSet,
    rule: &TierRule<'_>,
    direction: Direction,
) -> Option<(usize, usize, Connections)> {
    let far_ends = far_ends(rule);
    selected.ones().find_map(|near| {
        far_ends.ones().filter(|far| *far != near).find_map(|far| {
            let (_, destination) = ends(direction, near, far);
            let connections = side.connections(&rule.numbered, &rule.named, destination);
            (!connections.is_empty()).then_some((near, far, connections))
        })
    })
}

/// Earlier rules that have a subject, a peer and a connection in common with one.
fn earlier(side: &Side<'_>, (index, number): (usize, usize), direction: Direction) -> Vec<RuleAt> {
    let Some((policy, rule)) =
        side.tiers.get(index).and_then(|policy| Some((policy, policy.rules(direction).get(number)?)))
    else {
        return Vec::new();
    };
    let place = (policy.facts.tier, policy.facts.priority);
    let far = far_ends(rule);
    let mut found = Vec::new();
    for (other, earlier) in side.tiers.iter().enumerate() {
        let comes_first = (earlier.facts.tier, earlier.facts.priority) < place;
        if earlier.selected.is_disjoint(&policy.selected) || !comes_first && other != index {
            continue;
        }
        for (position, candidate) in earlier.rules(direction).iter().enumerate() {
            if other == index && position >= number {
                break;
            }
            let ports = !candidate.numbered.intersection(&rule.numbered).is_empty()
                || !candidate.named.is_empty()
                || !rule.named.is_empty();
            if ports && !candidate.certain.is_disjoint(&far) {
                found.push(RuleAt { policy: earlier.key.clone(), direction, rule: position });
            }
        }
    }
    found
}

/// Policies of one tier and priority between which it depends whether some connection is allowed.
pub(super) fn ambiguous(network: &Network<'_>) -> Vec<Oddity> {
    let side = &network.side;
    let mut tied: BTreeMap<(PolicyTier, u16), Vec<usize>> = BTreeMap::new();
    for (index, policy) in side.tiers.iter().enumerate() {
        tied.entry((policy.facts.tier, policy.facts.priority)).or_default().push(index);
    }
    tied.retain(|_, policies| policies.len() > 1);
    if tied.is_empty() {
        return Vec::new();
    }
    let mut sets = Sets::default();
    let certain = columns(side, Bound::Certain, &mut sets);
    let possible = columns(side, Bound::Possible, &mut sets);
    let mut class_of = vec![None; side.present.len()];
    for (number, class) in classes(side, Direction::Egress).iter().enumerate() {
        for member in class.members.ones() {
            if let Some(slot) = class_of.get_mut(member) {
                *slot = Some(number);
            }
        }
    }
    let ports: BTreeMap<_, _> = tied.iter().map(|(place, policies)| (*place, bounds(side, policies))).collect();
    let mut found: BTreeMap<(PolicyTier, u16), Oddity> = BTreeMap::new();
    for (destination, (certain, possible)) in certain.iter().zip(&possible).enumerate() {
        for (set, sources) in gained(certain, possible, &mut sets) {
            let open = sets.get(set);
            let mut seen = BTreeSet::new();
            for source in sources.ones().filter(|source| *source != destination) {
                // Sources of one class may still be told apart by the destination's policies, which one set of connections
                // does not show: of each class some are tried.
                let class = class_of.get(source).copied().flatten();
                if seen.iter().filter(|(known, _)| *known == class).count() >= TRIED || !seen.insert((class, source)) {
                    continue;
                }
                for (place, policies) in &tied {
                    if found.contains_key(place) {
                        continue;
                    }
                    let ports = ports.get(place).into_iter().flatten().copied().chain(open.first());
                    for (protocol, port) in ports.filter(|(protocol, port)| open.contains(*protocol, *port)) {
                        if let Some(oddity) = contradiction(network, policies, (source, destination), (protocol, port))
                        {
                            found.insert(*place, oddity);
                            break;
                        }
                    }
                }
            }
            if found.len() == tied.len() {
                return found.into_values().collect();
            }
        }
    }
    found.into_values().collect()
}

/// How many sources of one class are tried for each destination and set of connections.
const TRIED: usize = 16;

/// Ports next to which some rule of these policies begins or ends.
fn bounds(side: &Side<'_>, policies: &[usize]) -> BTreeSet<(Protocol, u16)> {
    let policies = policies.iter().filter_map(|index| side.tiers.get(*index));
    let mut bounds = BTreeSet::new();
    for rule in policies.flat_map(|policy| policy.ingress.iter().chain(&policy.egress)) {
        for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
            for (first, last) in rule.numbered.ports(protocol) {
                bounds.insert((protocol, *first));
                bounds.extend(last.checked_add(1).map(|next| (protocol, next)));
            }
        }
        let named = rule.named.iter().flat_map(|name| side.having(*name));
        bounds.extend(named.map(|(protocol, number, _)| (protocol, number)));
    }
    bounds
}

/// What policies of one place say to one packet, where they say different things and that leaves the outcome open.
fn contradiction(
    network: &Network<'_>,
    policies: &[usize],
    (src, dst): (usize, usize),
    (protocol, port): (Protocol, u16),
) -> Option<Oddity> {
    let verdict = network.verdict(src, dst, protocol, port);
    if !verdict.ambiguous {
        return None;
    }
    let keys: BTreeSet<_> = policies.iter().filter_map(|index| Some(network.side.tiers.get(*index)?.key)).collect();
    let halves = [(Direction::Egress, &verdict.egress), (Direction::Ingress, &verdict.ingress)];
    halves.into_iter().find_map(|(direction, half)| {
        let says: Vec<_> = half.says.iter().filter(|say| keys.contains(&say.policy)).collect();
        let first = says.first()?.effect;
        if half.allowed || !half.possible || says.iter().all(|say| say.effect == first) {
            return None;
        }
        let at = |say: &&super::super::Say| {
            Some(RuleAt { policy: say.policy.clone(), direction, rule: say.rules.first().copied()? })
        };
        let universe = &network.universe;
        let example = Example { src: written(universe, src), dst: written(universe, dst), protocol, port };
        Some(Oddity::Ambiguous { says: says.iter().filter_map(at).collect(), example })
    })
}

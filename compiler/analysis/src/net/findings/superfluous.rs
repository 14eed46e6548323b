//! NetworkPolicies, and rules of them, that can be left out.
//!
//! One after the other is tried, those that give least first, with all that was found before left out too, until no more is found: so
//! everything that is told can be left out at once, and nothing more. A policy is not tried where it denies all of a namespace by default, and is not told where
//! somebody would consent to more without it. A rule can only add, so that of it no more is asked than that every connection stays.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;
use kspec_model::cluster::AdminAction;

use super::{
    super::{
        Connections,
        columns::LeftOut,
        side::{Policy, Side},
        tiers::Bound,
    },
    Cover, Direction, Halves, Oddity,
    halves::Changed,
};

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// Finds what can be left out beside what is left out already.
pub(super) fn find(side: &Side<'_>, halves: &mut [Halves], left_out: LeftOut) -> Vec<Oddity> {
    let mut order: Vec<usize> = (0..side.policies.len()).collect();
    order.sort_by_key(|index| (side.policies.get(*index).map(weight), std::cmp::Reverse(*index)));
    let mut finder = Finder { side, halves, left_out, found: Vec::new() };
    // Of two that together undo each other the first that is tried stays until the other is gone.
    while order.iter().filter(|index| finder.policy(**index)).count() > 0 {}
    for index in order {
        finder.rules(index, Direction::Ingress);
        finder.rules(index, Direction::Egress);
    }
    finder.found
}

struct Finder<'f, 'a> {
    side: &'f Side<'a>,
    halves: &'f mut [Halves],
    left_out: LeftOut,
    found: Vec<Oddity>,
}

impl Finder<'_, '_> {
    /// Tries a policy, then each half of it; whether something is left out that was not.
    fn policy(&mut self, index: usize) -> bool {
        let side = self.side;
        let Some(policy) = side.policies.get(index).filter(|policy| !is_denial(policy)) else { return false };
        let isolates = |of: &Direction| policy.rules(*of).is_some() && !self.left_out.halves.contains(&(index, *of));
        let both: BTreeSet<_> = DIRECTIONS.into_iter().filter(isolates).collect();
        if both.is_empty() || policy.selected.is_clear() || rules_are_told(policy, index, &self.left_out) {
            return false;
        }
        if both.contains(&Direction::Egress) && is_in_doubt(side, policy) {
            return false;
        }
        self.left_out.halves.extend(both.iter().map(|direction| (index, *direction)));
        let outcome = attempt(side, self.halves, index, &both, &self.left_out);
        if let Some(outcome) = outcome.filter(|outcome| !outcome.widens) {
            let whole = both.len() == DIRECTIONS.iter().filter(|of| policy.rules(**of).is_some()).count();
            let rules: Vec<_> = both.iter().map(|direction| (*direction, None)).collect();
            self.found.push(if outcome.frees && !outcome.moves {
                let direction = both.first().copied().filter(|_| !whole);
                Oddity::Vacuous { policy: policy.key(), direction }
            } else {
                superfluous(side, self.halves, (index, policy), None, rules, &self.left_out)
            });
            return true;
        }
        for direction in &both {
            self.left_out.halves.remove(&(index, *direction));
        }
        let before = self.found.len();
        for direction in both.iter().copied().filter(|_| both.len() > 1) {
            if policy.rules(direction).is_none_or(<[_]>::is_empty) {
                continue;
            }
            self.left_out.halves.insert((index, direction));
            let outcome = attempt(side, self.halves, index, &BTreeSet::from([direction]), &self.left_out);
            if outcome.is_some_and(|outcome| outcome.frees && !outcome.moves) {
                self.found.push(Oddity::Vacuous { policy: policy.key(), direction: Some(direction) });
            } else {
                self.left_out.halves.remove(&(index, direction));
            }
        }
        self.found.len() > before
    }

    /// Tries the rules of one half of a policy, those that name fewest first.
    fn rules(&mut self, index: usize, direction: Direction) {
        let side = self.side;
        let Some(policy) = side.policies.get(index) else { return };
        if self.left_out.halves.contains(&(index, direction))
            || (direction == Direction::Egress && is_in_doubt(side, policy))
        {
            return;
        }
        let rules = policy.rules(direction).unwrap_or_default();
        let mut order: Vec<usize> = (0..rules.len()).collect();
        let names = |rule: usize| rules.get(rule).map_or(0, |rule| rule.peers.count_ones(..));
        order.sort_by_key(|rule| (names(*rule), std::cmp::Reverse(*rule)));
        for rule in order {
            if !self.left_out.rules.insert((index, direction, rule)) {
                continue;
            }
            if attempt(side, self.halves, index, &BTreeSet::from([direction]), &self.left_out).is_some() {
                let (this, rules) = (Some((direction, rule)), vec![(direction, Some(rule))]);
                self.found.push(superfluous(side, self.halves, (index, policy), this, rules, &self.left_out));
            } else {
                self.left_out.rules.remove(&(index, direction, rule));
            }
        }
    }
}

/// What a policy gives, roughly: how many ends times how many peers.
fn weight(policy: &Policy<'_>) -> usize {
    let rules = policy.ingress.iter().chain(&policy.egress).flatten();
    let peers: usize = rules.map(|rule| rule.peers.count_ones(..)).sum();
    policy.selected.count_ones(..) * (peers + 1)
}

/// Whether it denies all of its namespace something by default: what that is for is pods to come.
fn is_denial(policy: &Policy<'_>) -> bool {
    let denies = |direction| policy.rules(direction).is_some_and(<[_]>::is_empty);
    policy.facts.pods.is_empty() && (denies(Direction::Ingress) || denies(Direction::Egress))
}

/// Whether rules of administrators about the same pods may or may not mean what they call: what then lies between the answers for
/// sure and perhaps may be this policy's doing, and two that leave both as they are need not be the same.
fn is_in_doubt(side: &Side<'_>, policy: &Policy<'_>) -> bool {
    side.tiers.iter().any(|tier| {
        !tier.selected.is_disjoint(&policy.selected) && tier.egress.iter().any(|rule| !rule.maybe.is_clear())
    })
}

/// Whether of each of its rules, of which there are some, something is told already.
fn rules_are_told(policy: &Policy<'_>, index: usize, left_out: &LeftOut) -> bool {
    let rules = |direction| policy.rules(direction).map_or(0, <[_]>::len);
    let mut all = DIRECTIONS
        .into_iter()
        .flat_map(|direction| (0..rules(direction)).map(move |rule| (direction, rule)))
        .peekable();
    all.peek().is_some() && all.all(|(direction, rule)| left_out.rules.contains(&(index, direction, rule)))
}

/// What leaving something out does, where it changes no connection.
#[derive(Default)]
struct Outcome {
    /// Somebody consents to more.
    widens: bool,
    /// Somebody's consent changes.
    moves: bool,
    /// Nobody has a say over some end any more.
    frees: bool,
}

fn attempt(
    side: &Side<'_>,
    halves: &mut [Halves],
    policy: usize,
    directions: &BTreeSet<Direction>,
    left_out: &LeftOut,
) -> Option<Outcome> {
    let mut outcome = Outcome::default();
    for halves in halves {
        let mut change = |direction| -> Vec<Changed> {
            if directions.contains(&direction) { halves.without(side, policy, direction, left_out) } else { Vec::new() }
        };
        let (ingress, egress) = (change(Direction::Ingress), change(Direction::Egress));
        let all = || ingress.iter().chain(&egress);
        outcome.widens |= halves.widens(&ingress) || halves.widens(&egress);
        outcome.moves |= all().any(|change| !change.moved.is_empty());
        outcome.frees |= all().any(|change| change.freed);
        if !halves.same(&ingress, &egress) {
            return None;
        }
    }
    Some(outcome)
}

/// Connections with far ends.
type Given = Vec<(Connections, FixedBitSet)>;

/// Says who gives what the rules gave that are left out.
fn superfluous(
    side: &Side<'_>,
    halves: &[Halves],
    (index, policy): (usize, &Policy<'_>),
    rule: Option<(Direction, usize)>,
    rules: Vec<(Direction, Option<usize>)>,
    left_out: &LeftOut,
) -> Oddity {
    let mut needs: Vec<(Direction, usize, Given)> = Vec::new();
    let mut others: BTreeSet<(usize, Direction, usize)> = BTreeSet::new();
    let mut admins = BTreeSet::new();
    let mut isolating = BTreeSet::new();
    let classes = halves.first();
    for (direction, only) in rules {
        let given = policy.rules(direction).unwrap_or_default();
        let given = || given.iter().enumerate().filter(move |(number, _)| only.is_none_or(|only| only == *number));
        for (number, half) in classes.into_iter().flat_map(|halves| halves.isolated_by(index, direction)) {
            let terms = given().flat_map(|(_, rule)| rule.terms(side, half.class.at, Bound::Certain));
            needs.push((direction, number, terms.map(|(set, ends)| (set, ends.into_owned())).collect()));
            for other in
                half.class.concerning.policies.iter().filter(|other| !left_out.halves.contains(&(**other, direction)))
            {
                isolating.insert(*other);
                let rules = side.policies.get(*other).and_then(|other| other.rules(direction)).unwrap_or_default();
                others.extend((0..rules.len()).map(|rule| (*other, direction, rule)));
            }
            admins.extend(half.class.concerning.tiers.iter().map(|tier| (*tier, direction)));
        }
    }
    others.retain(|key| !left_out.rules.contains(key) && !left_out.halves.contains(&(key.0, key.1)));
    let uncovered = |by: &BTreeSet<(usize, Direction, usize)>| -> bool {
        needs.iter().any(|(direction, number, given)| {
            let Some(half) = classes.and_then(|halves| halves.of(*direction).get(*number)) else { return false };
            let mut rest = given.clone();
            for (other, _, rule) in by
                .iter()
                .filter(|(other, of, _)| of == direction && half.class.concerning.policies.binary_search(other).is_ok())
            {
                let rule = side.policies.get(*other).and_then(|other| other.rules(*direction)?.get(*rule));
                for (set, ends) in rule.into_iter().flat_map(|rule| rule.terms(side, half.class.at, Bound::Certain)) {
                    rest = without(rest, &set, &ends);
                }
            }
            !rest.is_empty()
        })
    };
    if needs.iter().all(|(.., given)| given.is_empty()) {
        // It allows nothing, and others isolate whom it selects.
        let isolating = isolating.into_iter().filter_map(|other| side.policies.get(other));
        let covered_by = isolating.map(|other| Cover { policy: other.key(), rule: None }).collect();
        return Oddity::Superfluous { policy: policy.key(), rule, covered_by, refused: false };
    }
    let one = others.iter().find(|other| !uncovered(&BTreeSet::from([**other])));
    let mut covering = one.map_or_else(|| others.clone(), |one| BTreeSet::from([*one]));
    let refused = uncovered(&covering);
    if !refused && one.is_none() {
        for other in &others {
            let mut fewer = covering.clone();
            fewer.remove(other);
            if !uncovered(&fewer) {
                covering = fewer;
            }
        }
    } else if refused {
        // What the others do not give is refused; those that give none of it say nothing here.
        covering.retain(|other| gives_some(side, &needs, classes, *other));
    }
    let mut covered_by: Vec<Cover> = covering
        .iter()
        .filter_map(|(other, _, rule)| Some(Cover { policy: side.policies.get(*other)?.key(), rule: Some(*rule) }))
        .collect();
    let allows = |(tier, direction): &(usize, Direction)| {
        let policy = side.tiers.get(*tier)?;
        policy.rules(*direction).iter().any(|rule| rule.action == AdminAction::Allow).then(|| policy.key.clone())
    };
    if refused {
        covered_by.extend(admins.iter().filter_map(allows).map(|policy| Cover { policy, rule: None }));
    }
    covered_by.sort();
    covered_by.dedup();
    Oddity::Superfluous { policy: policy.key(), rule, covered_by, refused }
}

/// Whether a rule gives some of what is needed.
fn gives_some(
    side: &Side<'_>,
    needs: &[(Direction, usize, Given)],
    classes: Option<&Halves>,
    (other, of, rule): (usize, Direction, usize),
) -> bool {
    let rule = side.policies.get(other).and_then(|other| other.rules(of)?.get(rule));
    needs.iter().filter(|(direction, ..)| *direction == of).any(|(direction, number, given)| {
        let Some(half) = classes.and_then(|halves| halves.of(*direction).get(*number)) else { return false };
        let terms = rule.into_iter().flat_map(|rule| rule.terms(side, half.class.at, Bound::Certain));
        terms.into_iter().any(|(set, ends)| {
            given.iter().any(|(need, far)| !far.is_disjoint(&ends) && !need.intersection(&set).is_empty())
        })
    })
}

/// What is left of connections with far ends.
fn without(given: Given, set: &Connections, ends: &FixedBitSet) -> Given {
    let mut rest = Given::new();
    for (connections, far) in given {
        if far.is_disjoint(ends) {
            rest.push((connections, far));
            continue;
        }
        let (mut inside, mut outside) = (far.clone(), far);
        inside.intersect_with(ends);
        outside.difference_with(ends);
        let left = connections.difference(set);
        if !outside.is_clear() {
            rest.push((connections, outside));
        }
        if !left.is_empty() {
            rest.push((left, inside));
        }
    }
    rest.retain(|(connections, far)| !connections.is_empty() && !far.is_clear());
    rest
}

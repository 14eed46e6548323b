//! Administrators' policies, and rules of them, that can be left out.
//!
//! NetworkPolicies may be anybody's, so what the tiers decide must stay the same whatever these are: of each connection, what the
//! admin tier makes of it, and what both tiers make of it where no NetworkPolicy isolates. One after the other is tried, those
//! that are about least first, by itself and with all left out too that was found before or that others decide before, until no more is found: so each that is
//! told can be left out, and all of them at once. Where some rule may or may not mean an end that a rule is about (a pod by an
//! address, names of domains, nodes), nothing is told of that one: two answers that are both open need not be the same. Only
//! classes of ends that a rule is about are walked, and of them only the connections and the far ends that it names.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;

use super::{
    super::{
        Connections,
        columns::{Class, tier_classes},
        side::Side,
        tiers::{RuleIndex, Tiers},
        universe::Universe,
    },
    Direction, Example, Oddity, RuleAt, written,
};

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// Finds what can be left out; of `told` it is said already that nothing comes of them.
pub(super) fn find(universe: &Universe, side: &Side<'_>, told: &[RuleAt]) -> Vec<Oddity> {
    if side.tiers.is_empty() {
        return Vec::new();
    }
    let half = |direction| {
        let index = |at: &RuleAt| Some((side.tiers.iter().position(|policy| *policy.key == at.policy)?, at.rule));
        let walked = |class: Class| {
            let tiers = Tiers::new(side, &class.concerning.tiers, (direction, class.at));
            (class, tiers)
        };
        Half {
            direction,
            classes: tier_classes(side, direction).into_iter().map(walked).collect(),
            left_out: told.iter().filter(|at| at.direction == direction).filter_map(index).collect(),
        }
    };
    let mut finder = Finder { universe, side, halves: DIRECTIONS.map(half), found: Vec::new() };
    let mut order: Vec<usize> = (0..side.tiers.len()).collect();
    order.sort_by_key(|index| (finder.weight(*index), std::cmp::Reverse(*index)));
    loop {
        let mut more = false;
        for index in &order {
            more |= finder.policy(*index);
        }
        for index in &order {
            more |= finder.rules(*index);
        }
        if !more {
            return finder.found.into_iter().map(|(_, oddity)| oddity).collect();
        }
    }
}

/// One direction: classes of near ends, and what is left out.
struct Half<'t> {
    direction: Direction,
    classes: Vec<(Class, Tiers<'t>)>,
    /// Rules of which is told that they can be, be it here.
    left_out: BTreeSet<RuleIndex>,
}

struct Finder<'f, 'a> {
    universe: &'f Universe,
    side: &'f Side<'a>,
    halves: [Half<'f>; 2],
    /// Each with the policy's index.
    found: Vec<(usize, Oddity)>,
}

impl Finder<'_, '_> {
    /// What a policy is about, roughly.
    fn weight(&self, index: usize) -> usize {
        let Some(policy) = self.side.tiers.get(index) else { return 0 };
        let rules = policy.ingress.iter().chain(&policy.egress);
        let far: usize = rules.map(|rule| rule.certain.count_ones(..) + rule.maybe.count_ones(..)).sum();
        policy.selected.count_ones(..) * (far + 1)
    }

    /// A half's rules of a policy that are not left out.
    fn left(&self, index: usize, half: &Half<'_>) -> BTreeSet<RuleIndex> {
        let rules = self.side.tiers.get(index).map_or(0, |policy| policy.rules(half.direction).len());
        (0..rules).map(|rule| (index, rule)).filter(|rule| !half.left_out.contains(rule)).collect()
    }

    /// Tries all that is left of a policy.
    fn policy(&mut self, index: usize) -> bool {
        let Some(policy) = self.side.tiers.get(index) else { return false };
        let rules = self.halves.each_ref().map(|half| self.left(index, half));
        if rules.iter().all(BTreeSet::is_empty) || policy.selected.is_clear() {
            return false;
        }
        let all = |half: &Half<'_>| (0..policy.rules(half.direction).len()).map(|rule| (index, rule)).collect();
        if self.halves.iter().zip(&rules).any(|(half, rules)| half.is_missed(index, rules, &all(half))) {
            return false;
        }
        let example = self.halves.iter().zip(&rules).find_map(|(half, rules)| self.example(index, half, rules));
        let Some((example, by)) = example else { return false };
        for (half, rules) in self.halves.iter_mut().zip(rules) {
            half.left_out.extend(rules);
        }
        self.found.retain(|(of, _)| *of != index);
        self.found.push((index, Oddity::Needless { policy: policy.key.clone(), rule: None, by, example }));
        true
    }

    /// Tries the rules of a policy, those that name fewest first.
    fn rules(&mut self, index: usize) -> bool {
        let Some(policy) = self.side.tiers.get(index) else { return false };
        let before = self.found.len();
        for at in 0..self.halves.len() {
            let Some(half) = self.halves.get(at) else { continue };
            let direction = half.direction;
            let names = |rule: usize| {
                let rule = policy.rules(direction).get(rule);
                rule.map_or(0, |rule| rule.certain.count_ones(..) + rule.maybe.count_ones(..))
            };
            let mut order: Vec<RuleIndex> = self.left(index, half).into_iter().collect();
            order.sort_by_key(|(_, rule)| (names(*rule), std::cmp::Reverse(*rule)));
            for rule in order {
                let this = BTreeSet::from([rule]);
                let Some(half) = self.halves.get(at).filter(|half| !half.is_missed(index, &this, &this)) else {
                    continue;
                };
                let Some((example, by)) = self.example(index, half, &this) else { continue };
                let (policy, rule_of) = (policy.key.clone(), Some((direction, rule.1)));
                self.found.push((index, Oddity::Needless { policy, rule: rule_of, by, example }));
                if let Some(half) = self.halves.get_mut(at) {
                    half.left_out.insert(rule);
                }
            }
        }
        self.found.len() > before
    }

    /// A connection that one of these rules decides, and who decides it without them. None where they decide of none but those of a
    /// workload with itself.
    fn example(&self, index: usize, half: &Half<'_>, rules: &BTreeSet<RuleIndex>) -> Option<(Example, Vec<RuleAt>)> {
        let mut without = half.left_out.clone();
        without.extend(rules);
        half.of(index).find_map(|(class, tiers)| {
            let (connections, ends) = tiers.about(rules);
            // A workload is not its own far end.
            let alone = class.members.ones().next().filter(|_| class.members.count_ones(..) == 1);
            let far: Vec<usize> = ends.ones().filter(|far| Some(*far) != alone).collect();
            let decided = |far: &[usize]| {
                let mut ends = FixedBitSet::with_capacity(ends.len());
                ends.extend(far.iter().copied());
                tiers.deciding((connections.clone(), ends), &half.left_out, rules).1
            };
            let (far, decided) = first(&far, &decided)?;
            let near = class.members.ones().find(|near| *near != far)?;
            let (protocol, port) = decided.first()?;
            let mut end = FixedBitSet::with_capacity(ends.len());
            end.insert(far);
            let packet = (Connections::range(protocol, port, port), end);
            let (before, _) = tiers.deciding(packet.clone(), &half.left_out, &BTreeSet::new());
            let (after, _) = tiers.deciding(packet, &without, &BTreeSet::new());
            let (src, dst) = match half.direction {
                Direction::Egress => (near, far),
                Direction::Ingress => (far, near),
            };
            let (src, dst) = (written(self.universe, src), written(self.universe, dst));
            let mut by: Vec<&RuleIndex> = after.difference(&before).collect();
            if by.is_empty() {
                // Those that decided it beside these.
                by.extend(&after);
            }
            let by = by.into_iter().filter_map(|(policy, rule)| {
                let policy = self.side.tiers.get(*policy)?.key.clone();
                Some(RuleAt { policy, direction: half.direction, rule: *rule })
            });
            Some((Example { src, dst, protocol, port }, by.collect()))
        })
    }
}

/// The first of some far ends of which some connection is decided, found by halves: what is decided of many ends is what is decided of any.
fn first(far: &[usize], decided: &impl Fn(&[usize]) -> Connections) -> Option<(usize, Connections)> {
    let of_any = if far.is_empty() { Connections::none() } else { decided(far) };
    match far {
        _ if of_any.is_empty() => None,
        [one] => Some((*one, of_any)),
        several => {
            let (some, others) = several.split_at(several.len() / 2);
            first(some, decided).or_else(|| first(others, decided))
        }
    }
}

impl<'t> Half<'t> {
    /// Classes that a policy is about.
    fn of(&self, policy: usize) -> impl Iterator<Item = &(Class, Tiers<'t>)> {
        self.classes.iter().filter(move |(class, _)| class.concerning.tiers.binary_search(&policy).is_ok())
    }

    /// Whether without these rules of a policy some connection would fare otherwise: beside what is left out, or without `all` of
    /// them alone.
    fn is_missed(&self, policy: usize, rules: &BTreeSet<RuleIndex>, all: &BTreeSet<RuleIndex>) -> bool {
        if rules.is_empty() {
            return false;
        }
        let mut without = self.left_out.clone();
        without.extend(rules);
        let nothing = BTreeSet::new();
        self.of(policy).any(|(_, tiers)| {
            let (about, about_all) = (tiers.about(rules), tiers.about(all));
            tiers.is_vague(&about_all)
                || tiers.fates(about_all.clone(), &nothing) != tiers.fates(about_all, all)
                || tiers.fates(about.clone(), &self.left_out) != tiers.fates(about, &without)
        })
    }
}

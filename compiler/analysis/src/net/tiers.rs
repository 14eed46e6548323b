//! Policies of cluster administrators over a universe, and what they leave undecided.
//!
//! The tiers are walked in order: admin policies by ascending priority, then NetworkPolicies, then baseline policies, then
//! Kubernetes' default, which allows. In a policy the first rule that matches a connection counts. Two things are not
//! defined: which of two policies with one priority comes first, and whether a peer means an address that is not in the
//! objects (a pod's own in `networks`, a node's, a domain name's). So for each pair of ends the walk keeps connections by what
//! may become of them, and both bounds can be read off: what is allowed for certain, and what possibly is.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use fixedbitset::FixedBitSet;
use ipnet::IpNet;
use kspec_model::{
    ObjectKey,
    cluster::{AdminAction, AdminPolicyFacts, PolicyTier},
};

use super::{
    Connections, Direction,
    columns::{Parts, Set, Sets},
    side::{PortName, Side},
};

/// A policy with its selectors resolved.
pub(super) struct TierPolicy<'a> {
    /// What names it.
    pub(super) key: &'a ObjectKey,
    /// As lifted.
    pub(super) facts: &'a AdminPolicyFacts,
    /// Workloads it is about.
    pub(super) selected: FixedBitSet,
    /// Rules for incoming connections.
    pub(super) ingress: Vec<TierRule<'a>>,
    /// Rules for outgoing connections.
    pub(super) egress: Vec<TierRule<'a>>,
}

/// A rule with its peers resolved.
pub(super) struct TierRule<'a> {
    /// What becomes of what it matches.
    pub(super) action: AdminAction,
    /// Far ends that it names.
    pub(super) certain: Rc<FixedBitSet>,
    /// Far ends that it may name: their addresses decide, and are not in the objects. None that are certain.
    pub(super) maybe: FixedBitSet,
    /// Ports by number.
    pub(super) numbered: Connections,
    /// Ports by name, to be looked up at the destination.
    pub(super) named: Vec<PortName<'a>>,
}

/// Which of the two bounds is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// What is allowed whatever is not defined.
    Certain,
    /// What may be allowed.
    Possible,
}

impl<'a> TierPolicy<'a> {
    /// Rules of one half.
    pub(super) fn rules(&self, direction: Direction) -> &[TierRule<'a>] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// Whether blocks have every address there is, so that whatever a pod's is, it is among them.
pub(super) fn have_every_address(blocks: &[IpNet]) -> bool {
    let all = |v6: bool| blocks.iter().any(|block| block.prefix_len() == 0 && matches!(block, IpNet::V6(_)) == v6);
    all(false) && all(true)
}

/// One rule, as far as its ports are the same for all these far ends.
struct Term<'t> {
    /// The policy's index in the side, and the rule's in the policy.
    rule: RuleIndex,
    action: AdminAction,
    connections: Connections,
    certain: Cow<'t, FixedBitSet>,
    maybe: Cow<'t, FixedBitSet>,
}

/// What may become of the connections with some far ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
struct State {
    /// Not yet decided by a policy of higher precedence.
    open: Connections,
    /// Of those, what the policy at hand has not decided.
    left: Connections,
    /// Of those, what policies of the priority at hand decide.
    decided: Connections,
    allow: Connections,
    deny: Connections,
    pass: Connections,
}

/// A rule: the policy's index in the side, and its own in the policy.
pub(super) type RuleIndex = (usize, usize);

/// One tier's policies that are about an end, those of one priority together.
type Groups<'t> = Vec<Vec<Vec<Term<'t>>>>;

/// Far ends by what may become of their connections: disjoint, none empty.
struct Walk {
    states: BTreeMap<State, FixedBitSet>,
    /// Rules that some connection was left for.
    met: BTreeSet<RuleIndex>,
    /// Rules of which it is kept what was left for them, and what that was.
    watched: BTreeSet<RuleIndex>,
    seen: Connections,
}

impl Walk {
    fn new(open: Connections, ends: FixedBitSet) -> Self {
        let mut states = BTreeMap::new();
        put(&mut states, State { open, ..State::default() }, ends);
        Self { states, met: BTreeSet::new(), watched: BTreeSet::new(), seen: Connections::none() }
    }

    fn each(&mut self, change: impl Fn(&mut State)) {
        let mut next = BTreeMap::new();
        for (mut state, ends) in std::mem::take(&mut self.states) {
            change(&mut state);
            put(&mut next, state, ends);
        }
        self.states = next;
    }

    fn those(&mut self, among: &FixedBitSet, change: impl Fn(&mut State)) {
        let mut next = BTreeMap::new();
        for (state, ends) in std::mem::take(&mut self.states) {
            if ends.is_disjoint(among) {
                put(&mut next, state, ends);
                continue;
            }
            let (mut inside, mut outside) = (ends.clone(), ends);
            inside.intersect_with(among);
            outside.difference_with(&inside);
            let mut changed = state.clone();
            change(&mut changed);
            put(&mut next, changed, inside);
            put(&mut next, state, outside);
        }
        self.states = next;
    }

    /// Policies of one tier, by priority.
    fn tier(&mut self, groups: &Groups<'_>) {
        self.tier_without(groups, &BTreeSet::new());
    }

    /// The same, as if some rules were not there.
    fn tier_without(&mut self, groups: &Groups<'_>, left_out: &BTreeSet<RuleIndex>) {
        for group in groups {
            for policy in group {
                self.each(|state| state.left = state.open.clone());
                for term in policy.iter().filter(|term| !left_out.contains(&term.rule)) {
                    if self.watched.contains(&term.rule) {
                        self.watch(term);
                    }
                    let met = Cell::new(false);
                    self.those(&term.certain, |state| met.set(state.meets(term, true) | met.get()));
                    self.those(&term.maybe, |state| met.set(state.meets(term, false) | met.get()));
                    if met.get() {
                        self.met.insert(term.rule);
                    }
                }
            }
            self.each(|state| {
                state.open = state.open.difference(&state.decided);
                (state.left, state.decided) = Default::default();
            });
        }
    }

    fn watch(&mut self, term: &Term<'_>) {
        let named = |ends: &FixedBitSet| !ends.is_disjoint(&term.certain) || !ends.is_disjoint(&term.maybe);
        for (state, _) in self.states.iter().filter(|(_, ends)| named(ends)) {
            self.seen = self.seen.union(&state.left.intersection(&term.connections));
        }
    }

    fn next_tier(&mut self) {
        self.each(|state| {
            state.open = state.open.union(&state.pass);
            state.pass = Connections::none();
        });
    }
}

fn put(states: &mut BTreeMap<State, FixedBitSet>, state: State, ends: FixedBitSet) {
    if !ends.is_clear() {
        match states.get_mut(&state) {
            Some(known) => known.union_with(&ends),
            None => {
                states.insert(state, ends);
            }
        }
    }
}

impl State {
    /// Lets a rule decide over what is left; whether that is anything.
    fn meets(&mut self, term: &Term<'_>, certain: bool) -> bool {
        let met = self.left.intersection(&term.connections);
        let into = match term.action {
            AdminAction::Allow => &mut self.allow,
            AdminAction::Deny => &mut self.deny,
            AdminAction::Pass => &mut self.pass,
        };
        *into = into.union(&met);
        if certain {
            self.left = self.left.difference(&met);
            self.decided = self.decided.union(&met);
        }
        !met.is_empty()
    }
}

/// What administrators' policies make of an end's connections, whatever NetworkPolicies there are: walked once, and asked with each set of
/// them.
#[derive(Debug)]
pub(super) struct Decided {
    /// Far ends after the admin tier.
    admin: BTreeMap<State, FixedBitSet>,
    /// The same after the baseline tier, where no NetworkPolicy isolates the end.
    both: BTreeMap<State, FixedBitSet>,
    /// What NetworkPolicies are left with, by bound.
    left: [OnceCell<Vec<Left>>; 2],
    /// What is allowed where none isolates the end, by bound.
    free: [OnceCell<Vec<(Connections, FixedBitSet)>>; 2],
}

/// Of some far ends: a connection is allowed where administrators' policies allow it, or where they leave it to NetworkPolicies that do.
#[derive(Debug)]
struct Left {
    allowed: Connections,
    open: Connections,
    ends: FixedBitSet,
}

impl Decided {
    /// Of an end that these policies (indexes of the side's, ascending) are about; `at` is the destination where that is the near end.
    pub(super) fn new(side: &Side<'_>, policies: &[usize], (direction, at): (Direction, Option<usize>)) -> Self {
        let mut walk = Walk::new(Connections::all(), side.present.clone());
        walk.tier(&groups(side, policies, (direction, at), PolicyTier::Admin));
        let admin = walk.states.clone();
        walk.next_tier();
        walk.tier(&groups(side, policies, (direction, at), PolicyTier::Baseline));
        Self { admin, both: walk.states, left: Default::default(), free: Default::default() }
    }

    /// What an end has with whom, where these are allowed by the NetworkPolicies that isolate it, of the same bound.
    ///
    /// They decide for good over what is open or passed on. Of a connection that may also have been allowed before, both bounds can be
    /// read off without another walk: it possibly is, and it is for certain where they allow it too; where it may have been denied, it
    /// never is for certain.
    pub(super) fn isolated(&self, allowed: &Parts, bound: Bound, sets: &mut Sets) -> Parts {
        let mut parts: BTreeMap<Set, FixedBitSet> = BTreeMap::new();
        let mut put = |set: Set, ends: FixedBitSet, sets: &Sets| {
            if !ends.is_clear() && !sets.is_none(set) {
                match parts.get_mut(&set) {
                    Some(known) => known.union_with(&ends),
                    None => {
                        parts.insert(set, ends);
                    }
                }
            }
        };
        for left in self.left(bound) {
            let (always, open) = (sets.number(left.allowed.clone()), sets.number(left.open.clone()));
            let mut rest = left.ends.clone();
            for (set, ends) in allowed {
                if !ends.is_disjoint(&left.ends) {
                    let mut both = left.ends.clone();
                    both.intersect_with(ends);
                    rest.difference_with(&both);
                    let more = sets.intersection(open, *set);
                    let set = sets.union(always, more);
                    put(set, both, sets);
                }
            }
            put(always, rest, sets);
        }
        parts.into_iter().collect()
    }

    /// What an end has with whom that no NetworkPolicy isolates.
    pub(super) fn free(&self, bound: Bound, sets: &mut Sets) -> Parts {
        let free = cell(&self.free, bound).get_or_init(|| {
            let mut parts: BTreeMap<Connections, FixedBitSet> = BTreeMap::new();
            for (state, ends) in &self.both {
                let allow = state.allow.union(&state.open).union(&state.pass);
                let allow = match bound {
                    Bound::Certain => allow.difference(&state.deny),
                    Bound::Possible => allow,
                };
                parts.entry(allow).or_insert_with(|| FixedBitSet::with_capacity(ends.len())).union_with(ends);
            }
            parts.into_iter().filter(|(allow, _)| !allow.is_empty()).collect()
        });
        let mut parts: Parts = free.iter().map(|(allow, ends)| (sets.number(allow.clone()), ends.clone())).collect();
        parts.sort_unstable_by_key(|(set, _)| *set);
        parts
    }

    fn left(&self, bound: Bound) -> &[Left] {
        cell(&self.left, bound).get_or_init(|| {
            let mut all: BTreeMap<(Connections, Connections), FixedBitSet> = BTreeMap::new();
            for (state, ends) in &self.admin {
                let left = state.open.union(&state.pass);
                let key = match bound {
                    Bound::Certain => {
                        (state.allow.difference(&state.deny).difference(&left), left.difference(&state.deny))
                    }
                    Bound::Possible => (state.allow.clone(), left),
                };
                all.entry(key).or_insert_with(|| FixedBitSet::with_capacity(ends.len())).union_with(ends);
            }
            all.into_iter().map(|((allowed, open), ends)| Left { allowed, open, ends }).collect()
        })
    }
}

const fn cell<T>([certain, possible]: &[OnceCell<T>; 2], bound: Bound) -> &OnceCell<T> {
    match bound {
        Bound::Certain => certain,
        Bound::Possible => possible,
    }
}

/// Rules of these policies that decide over some connection of such an end where no NetworkPolicy does: the policy's index in
/// the side, and the rule's in the policy. All others are never asked, whatever NetworkPolicies there are.
pub(super) fn deciding(
    side: &Side<'_>,
    policies: &[usize],
    (direction, at): (Direction, Option<usize>),
) -> BTreeSet<RuleIndex> {
    let mut walk = Walk::new(Connections::all(), side.present.clone());
    walk.tier(&groups(side, policies, (direction, at), PolicyTier::Admin));
    walk.next_tier();
    walk.tier(&groups(side, policies, (direction, at), PolicyTier::Baseline));
    walk.met
}

/// The tiers of one end, to be walked with and without some rules, whatever NetworkPolicies there are.
pub(super) struct Tiers<'t> {
    admin: Groups<'t>,
    baseline: Groups<'t>,
}

/// Far ends by what the tiers make of their connections: the admin tier by itself, and both where no NetworkPolicy isolates the near
/// end. Equal ones leave every connection as it is, and every NetworkPolicy what it decides.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fates {
    first: BTreeMap<State, FixedBitSet>,
    both: BTreeMap<State, FixedBitSet>,
}

impl<'t> Tiers<'t> {
    /// Of an end that these policies (indexes of the side's, ascending) are about; `at` is the destination where that is the near end.
    pub(super) fn new(side: &'t Side<'_>, policies: &[usize], (direction, at): (Direction, Option<usize>)) -> Self {
        let of = |tier| groups(side, policies, (direction, at), tier);
        Self { admin: of(PolicyTier::Admin), baseline: of(PolicyTier::Baseline) }
    }

    fn terms(&self) -> impl Iterator<Item = &Term<'t>> {
        self.admin.iter().chain(&self.baseline).flatten().flatten()
    }

    /// Connections and far ends outside of which these rules say nothing.
    pub(super) fn about(&self, rules: &BTreeSet<RuleIndex>) -> (Connections, FixedBitSet) {
        let (mut connections, mut ends) = (Connections::none(), FixedBitSet::new());
        for term in self.terms().filter(|term| rules.contains(&term.rule)) {
            connections = connections.union(&term.connections);
            ends.grow(term.certain.len().max(term.maybe.len()));
            ends.union_with(&term.certain);
            ends.union_with(&term.maybe);
        }
        (connections, ends)
    }

    /// Whether some rule may or may not mean one of these connections.
    pub(super) fn is_vague(&self, (connections, ends): &(Connections, FixedBitSet)) -> bool {
        let meets = |term: &Term<'_>| !term.connections.intersection(connections).is_empty();
        self.terms().any(|term| !term.maybe.is_disjoint(ends) && meets(term))
    }

    /// What becomes of connections with some far ends, without some rules.
    pub(super) fn fates(&self, (open, ends): (Connections, FixedBitSet), left_out: &BTreeSet<RuleIndex>) -> Fates {
        let mut walk = Walk::new(open, ends);
        walk.tier_without(&self.admin, left_out);
        walk.next_tier();
        // Between what is allowed and what is denied lies whatever the next tier says.
        walk.each(|state| state.open = state.open.difference(&state.allow.intersection(&state.deny)));
        let first = walk.states.clone();
        walk.tier_without(&self.baseline, left_out);
        walk.each(|state| {
            let allow = state.allow.union(&state.open).union(&state.pass);
            *state = State { allow, deny: std::mem::take(&mut state.deny), ..State::default() };
        });
        Fates { first, both: walk.states }
    }

    /// Rules that decide over some of these connections, without some rules; and of the connections those that `watched` rules decide.
    pub(super) fn deciding(
        &self,
        (open, ends): (Connections, FixedBitSet),
        left_out: &BTreeSet<RuleIndex>,
        watched: &BTreeSet<RuleIndex>,
    ) -> (BTreeSet<RuleIndex>, Connections) {
        let mut walk = Walk::new(open, ends);
        walk.watched.clone_from(watched);
        walk.tier_without(&self.admin, left_out);
        walk.next_tier();
        walk.tier_without(&self.baseline, left_out);
        (walk.met, walk.seen)
    }
}

/// One tier's policies, those of one priority together.
fn groups<'t>(
    side: &'t Side<'_>,
    policies: &[usize],
    (direction, at): (Direction, Option<usize>),
    tier: PolicyTier,
) -> Groups<'t> {
    let mut groups: Groups<'t> = Vec::new();
    let mut last = None;
    for index in policies.iter().copied() {
        let Some(policy) = side.tiers.get(index).filter(|policy| policy.facts.tier == tier) else { continue };
        let rules = policy.rules(direction).iter().enumerate();
        let terms = rules.flat_map(|(number, rule)| terms(side, rule, (index, number), at)).collect();
        match groups.last_mut().filter(|_| last == Some(policy.facts.priority)) {
            Some(group) => group.push(terms),
            None => groups.push(vec![terms]),
        }
        last = Some(policy.facts.priority);
    }
    groups
}

/// A rule, its named ports resolved: at one destination, or, where the far ends are destinations, at each.
fn terms<'t>(side: &Side<'_>, rule: &'t TierRule<'_>, which: RuleIndex, at: Option<usize>) -> Vec<Term<'t>> {
    let whole = |connections| Term {
        rule: which,
        action: rule.action,
        connections,
        certain: Cow::Borrowed(&*rule.certain),
        maybe: Cow::Borrowed(&rule.maybe),
    };
    let mut terms = vec![whole(rule.numbered.clone())];
    let port = |protocol, number: u16| Connections::range(protocol, number, number);
    for name in rule.named.iter().copied() {
        let Some(at) = at else {
            for (protocol, number, having) in side.having(name) {
                let there = |ends: &FixedBitSet| {
                    let mut ends = ends.clone();
                    ends.intersect_with(having);
                    Cow::Owned(ends)
                };
                let (certain, maybe) = (there(&rule.certain), there(&rule.maybe));
                let connections = port(protocol, number);
                terms.push(Term { rule: which, action: rule.action, connections, certain, maybe });
            }
            continue;
        };
        let numbers = side.numbers(at, name).into_iter();
        terms.extend(numbers.map(|(protocol, number)| whole(port(protocol, number))));
    }
    terms
}

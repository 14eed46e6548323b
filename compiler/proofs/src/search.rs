//! The search for an object.
//!
//! Objects are made from values at places ([`crate::reads`]) and judged by the evaluator itself, so that what is found is a
//! witness whatever the search overlooked. That none is found proves that there is none where every clause involved is inside
//! of the fragment and no two of them demand something of one list: then one item a list stands for all, and the values at a
//! place for all values.
//!
//! Rules are searched clause by clause ([`crate::clause`]): a rule is violated where one clause is, so each is tried by itself;
//! it passes where all do, and clauses that share no place are settled one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kspec_rules::Review;
use serde_json::Value;

use crate::clause::Clause;
use crate::groups::groups;
use crate::path::Path;
use crate::place::Place;
use crate::single::{Single, Want};
use crate::site::Site;

/// Objects that one search may judge.
const BUDGET: usize = 4_000;
/// Objects that a search may judge that cannot prove that there is none.
const GLANCE: usize = 100;
/// How often parts that an item in common disturbs are settled anew before everything is searched at once.
const ROUNDS: usize = 3;

/// What a search finds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// This object.
    Object(Value),
    /// There is none.
    None,
    /// Neither found nor excluded.
    NotDecided(&'static str),
}

/// What an object is to be to one clause.
#[derive(Debug, Clone, Copy)]
struct Ask<'c> {
    clause: &'c Clause,
    want: Want,
}

impl Ask<'_> {
    fn holds(&self, review: &Review<'_>) -> Option<bool> {
        self.clause.tell(review).map(|told| self.want.is(told))
    }
}

/// What must hold of an object besides.
pub(crate) type Holds<'h> = &'h dyn Fn(&Value) -> Option<bool>;

/// Nothing.
pub(crate) const ANYTHING: Holds<'static> = &|_| Some(true);

/// Searches for an object that is to each rule what is wanted.
pub(crate) fn search(
    site: &Site<'_>,
    wanted: &[(&Single<'_>, Want)],
    extra: &BTreeMap<Path, Place>,
    holds: Holds<'_>,
) -> Found {
    within(site, wanted, (extra, holds), BUDGET)
}

/// As [`search`] where nothing is proved by finding none: it ends early.
pub(crate) fn glance(site: &Site<'_>, wanted: &[(&Single<'_>, Want)]) -> Found {
    within(site, wanted, (&BTreeMap::new(), ANYTHING), GLANCE)
}

fn within(
    site: &Site<'_>,
    wanted: &[(&Single<'_>, Want)],
    (extra, holds): (&BTreeMap<Path, Place>, Holds<'_>),
    budget: usize,
) -> Found {
    // Rules that let pass do so with all of their clauses, those that refuse do with one: each in turn.
    let mut quiet: Vec<Ask<'_>> = Vec::new();
    let mut turns: Vec<Vec<Ask<'_>>> = vec![Vec::new()];
    for (single, want) in wanted {
        let counts = single.clauses.iter().filter(|clause| !clause.warns || *want == Want::IsTold);
        let asks = counts.map(|clause| Ask { clause, want: *want });
        if *want == Want::Passes {
            quiet.extend(asks);
        } else {
            let asks: Vec<Ask<'_>> = asks.collect();
            let pairs = turns.iter().flat_map(|turn| asks.iter().map(move |ask| [turn.as_slice(), &[*ask]].concat()));
            turns = pairs.collect();
        }
    }
    let is_all = |object: &Value| wanted.iter().all(|(single, want)| single.is(*want, site, object) == Some(true));
    let mut open = None;
    for mut asks in turns {
        asks.extend_from_slice(&quiet);
        match (Search { site, asks: &asks, extra, holds, budget }).run() {
            // A clause that has no verdict leaves its rule without one.
            Found::Object(object) if is_all(&object) => return Found::Object(object),
            Found::Object(_) => open = open.or(Some(NO_VERDICT)),
            Found::None => {}
            Found::NotDecided(why) => open = open.or(Some(why)),
        }
    }
    open.map_or(Found::None, Found::NotDecided)
}

const NO_VERDICT: &str = "a rule has no verdict about some of the objects that tell";

struct Search<'s> {
    site: &'s Site<'s>,
    asks: &'s [Ask<'s>],
    extra: &'s BTreeMap<Path, Place>,
    holds: Holds<'s>,
    budget: usize,
}

impl Search<'_> {
    fn run(&self) -> Found {
        let mut object = self.site.base.clone();
        if self.fits(self.asks, &object) && (self.holds)(&object) == Some(true) {
            return Found::Object(object);
        }
        let parts = parts(self.asks);
        // What satisfies one part says nothing of the others, but where an item of a list is there for one of them only.
        for _ in 0..ROUNDS {
            let mut settled = true;
            for part in &parts {
                if self.fits(part, &object) {
                    continue;
                }
                settled = false;
                let mut search = Part::new(part, self.extra, self.site);
                if !search.run(&mut object, ANYTHING, self.budget) {
                    return search.not_found(part);
                }
            }
            if settled {
                break;
            }
        }
        if self.fits(self.asks, &object) && (self.holds)(&object) == Some(true) {
            return Found::Object(object);
        }
        // What must hold besides reads across parts: all places are searched at once.
        let mut search = Part::new(self.asks, self.extra, self.site);
        let missing = self.extra.iter().filter(|(path, _)| search.places.iter().all(|known| known.path != **path));
        let missing: Vec<Rc<Choice>> = missing.map(|(path, place)| Rc::new(Choice::new(path, place))).collect();
        search.cut |= self.extra.values().any(|place| place.cut);
        search.places.extend(missing);
        let mut object = self.site.base.clone();
        if search.run(&mut object, self.holds, self.budget) {
            Found::Object(object)
        } else {
            search.not_found(self.asks)
        }
    }

    fn fits(&self, asks: &[Ask<'_>], object: &Value) -> bool {
        let review = self.site.review(object);
        asks.iter().all(|ask| ask.holds(&review) == Some(true))
    }
}

/// Clauses that share places, each by itself.
fn parts<'c>(asks: &[Ask<'c>]) -> Vec<Vec<Ask<'c>>> {
    let parts = match asks {
        [_] => vec![vec![0]],
        asks => groups(asks.iter().map(|ask| &ask.clause.reads)),
    };
    parts.into_iter().map(|part| part.into_iter().filter_map(|at| asks.get(at).copied()).collect()).collect()
}

/// What is known of rules that an object is to pass, where a search for one ends undecided. Rules are named by their position.
pub(crate) enum Doubt {
    /// Parts that are not decided, each with the rules that have a clause in it, and why. What passes all other parts was found, so that
    /// whatever none of these is about fits together.
    Parts(Vec<(Vec<usize>, &'static str)>),
    /// Nothing passes one part: these have a clause in it.
    Contradiction(Vec<usize>),
    /// Parts disturb each other by what they share.
    Everything,
}

/// Which of the rules are in doubt.
pub(crate) fn doubt(site: &Site<'_>, rules: &[&Single<'_>]) -> Doubt {
    let mut owners: Vec<(&Clause, usize)> = Vec::new();
    for (at, single) in rules.iter().enumerate() {
        owners.extend(single.clauses.iter().filter(|clause| !clause.warns).map(|clause| (clause, at)));
    }
    let owners_of = |part: &[Ask<'_>]| {
        let is_of = |clause: &Clause| part.iter().any(|ask| std::ptr::eq(ask.clause, clause));
        let mut rules: Vec<usize> = owners.iter().filter(|(clause, _)| is_of(clause)).map(|(_, at)| *at).collect();
        rules.dedup();
        rules
    };
    let asks: Vec<Ask<'_>> = owners.iter().map(|(clause, _)| Ask { clause, want: Want::Passes }).collect();
    let (none, mut object) = (BTreeMap::new(), site.base.clone());
    let search = Search { site, asks: &asks, extra: &none, holds: ANYTHING, budget: BUDGET };
    let mut decided = parts(&asks);
    let mut open = Vec::new();
    for _ in 0..ROUNDS {
        let mut settled = true;
        let mut left = Vec::new();
        for part in decided {
            if !search.fits(&part, &object) {
                settled = false;
                let mut sought = Part::new(&part, &none, site);
                if !sought.run(&mut object, ANYTHING, BUDGET) {
                    match sought.not_found(&part) {
                        Found::NotDecided(why) => open.push((owners_of(&part), why)),
                        _ => return Doubt::Contradiction(owners_of(&part)),
                    }
                    continue;
                }
            }
            left.push(part);
        }
        decided = left;
        if settled && !open.is_empty() {
            return Doubt::Parts(open);
        }
    }
    Doubt::Everything
}

/// A place, and what may stand there.
struct Choice {
    path: Path,
    values: Vec<Option<Value>>,
}

impl Choice {
    /// The plainest first: what is not there.
    fn new(path: &Path, place: &Place) -> Self {
        let absent = place.optional.then_some(None).into_iter();
        Self { path: path.clone(), values: absent.chain(place.values.iter().cloned().map(Some)).collect() }
    }
}

/// Clauses that are searched together.
struct Part<'p> {
    site: &'p Site<'p>,
    /// Places with what may stand there; `None` is absence.
    places: Vec<Rc<Choice>>,
    /// By how many places must be settled before they can be asked.
    asks: BTreeMap<usize, Vec<Ask<'p>>>,
    left: usize,
    /// Some object had no verdict.
    doubt: bool,
    /// Some place has more values than are tried.
    cut: bool,
}

impl<'p> Part<'p> {
    fn new(part: &[Ask<'p>], extra: &BTreeMap<Path, Place>, site: &'p Site<'p>) -> Self {
        let mut all: BTreeMap<&Path, Vec<&Place>> = BTreeMap::new();
        for ask in part {
            for (path, place) in &ask.clause.reads.places {
                all.entry(path).or_default().push(place);
            }
        }
        let mut new = Self { site, places: Vec::new(), asks: BTreeMap::new(), left: 0, doubt: false, cut: false };
        let mut known: BTreeSet<&Path> = BTreeSet::new();
        for ask in part {
            for path in ask.clause.reads.places.keys().filter(|path| known.insert(path)) {
                let known = all.get(path).into_iter().flatten().copied().chain(extra.get(path));
                let place = Place::union(known);
                new.cut |= place.cut;
                new.places.push(Rc::new(Choice::new(path, &place)));
            }
            new.asks.entry(new.places.len()).or_default().push(*ask);
        }
        new
    }

    /// Whether there is such an object; then it is this one.
    fn run(&mut self, object: &mut Value, holds: Holds<'_>, budget: usize) -> bool {
        self.left = budget;
        self.settle(0, object, holds)
    }

    /// Settles the places from `at` on; `object` is what was found where the answer is true.
    fn settle(&mut self, at: usize, object: &mut Value, holds: Holds<'_>) -> bool {
        if let Some(asks) = self.asks.get(&at) {
            self.left = self.left.saturating_sub(1);
            let review = self.site.review(object);
            for ask in asks {
                match ask.holds(&review) {
                    Some(true) => {}
                    Some(false) => return false,
                    None => {
                        self.doubt = true;
                        return false;
                    }
                }
            }
        }
        let Some(choice) = self.places.get(at).map(Rc::clone) else {
            self.left = self.left.saturating_sub(1);
            return holds(object) == Some(true);
        };
        // An item that is not there has nothing in it: that it is there was tried, or will be.
        let values = if choice.path.lacks_item(object) { &[None] } else { choice.values.as_slice() };
        let path = &choice.path;
        let before = path.before(object);
        for value in values {
            if self.left == 0 {
                return false;
            }
            match value {
                Some(value) => {
                    // What stands inside is a reason for a map or an item to be there.
                    let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
                    if !(is_empty && path.is_in(object)) {
                        path.put(object, value.clone());
                    }
                }
                None => path.remove(object),
            }
            if self.settle(at + 1, object, holds) {
                return true;
            }
            path.restore(object, &before);
        }
        false
    }

    fn not_found(&self, part: &[Ask<'_>]) -> Found {
        if self.left == 0 || self.cut {
            return Found::NotDecided("there are too many cases");
        }
        if self.doubt {
            return Found::NotDecided(NO_VERDICT);
        }
        if let Some(why) = part.iter().find_map(|ask| ask.clause.reads.outside) {
            return Found::NotDecided(why);
        }
        let mut demands: BTreeMap<&Path, usize> = BTreeMap::new();
        for ask in part {
            for (path, count) in &ask.clause.reads.demands {
                *demands.entry(path).or_default() += count;
            }
        }
        if demands.values().any(|count| *count > 1) {
            return Found::NotDecided("several items of one list are asked for");
        }
        Found::None
    }
}

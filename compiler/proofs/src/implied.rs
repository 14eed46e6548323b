//! Rules whose every violation another refuses too.
//!
//! A pair is searched only where nothing tells it apart more cheaply: an object that the one refuses and the other lets pass
//! settles it, and so does every such object that a search finds. Which rules could refuse an object at all, most say plainly
//! ([`crate::reads::Required`]); those are looked up.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use kspec_model::rules::Action;
use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::groups::groups;
use crate::path::{Path, Seg};
use crate::reads::Required;
use crate::search::{ANYTHING, Found, glance, search};
use crate::single::{Single, Want};
use crate::{Kind, Proof, Question, shared};

/// Objects of one rule that are kept to tell it apart from others.
const KEPT: usize = 16;

/// What was found of one rule.
enum Outcome {
    /// Another of the kind's rules implies it; this is what both refuse.
    Implied(usize, Value),
    /// No rule does.
    Not,
    /// None is known to, and some may.
    Open(&'static str),
}

/// Rules implied by others, and those of which it is not known.
pub(crate) fn prove(kind: &Kind<'_>, told: &[Option<Found>], proofs: &mut Vec<Proof>) {
    let alive: Vec<usize> = (0..kind.singles.len()).filter(|at| told.get(*at) != Some(&Some(Found::None))).collect();
    let singles = alive.iter().filter_map(|at| kind.singles.get(*at));
    let mut jobs: Vec<(usize, usize)> = Vec::new();
    let mut circles: Vec<Circle> = Vec::new();
    // A rule implies another only where both read some place.
    for group in groups(singles.map(|single| &single.reads)) {
        let members: Vec<usize> = group.into_iter().filter_map(|at| alive.get(at).copied()).collect();
        if members.len() > 1 {
            jobs.extend(members.iter().map(|member| (*member, circles.len())));
            circles.push(Circle::new(kind, members));
        }
    }
    jobs.sort_unstable();
    let ask = |(rule, circle): &(usize, usize), passed: &BTreeSet<usize>| {
        circles.get(*circle).map_or(Outcome::Not, |circle| implied(kind, told, circle, *rule, passed))
    };
    let none = BTreeSet::new();
    let outcomes = shared(&jobs, |job| ask(job, &none));
    let at = |rule: usize| kind.singles.get(rule).map_or(0, |single| single.at);
    let mut by: BTreeMap<usize, usize> = BTreeMap::new();
    for (job, mut outcome) in jobs.iter().zip(outcomes) {
        // Of two that imply each other, one is told.
        let mut passed = BTreeSet::new();
        while let Outcome::Implied(other, _) = &outcome
            && by.get(other) == Some(&job.0)
        {
            passed.insert(*other);
            outcome = ask(job, &passed);
        }
        match outcome {
            Outcome::Implied(other, witness) => {
                by.insert(job.0, other);
                let kind = kind.name.clone();
                proofs.push(Proof::Implied { rule: at(job.0), by: at(other), kind, witness });
            }
            Outcome::Open(why) => {
                let question = Question::Implied;
                proofs.push(Proof::NotDecided { rules: vec![at(job.0)], question, why });
            }
            Outcome::Not => {}
        }
    }
}

/// Rules that read places in common, by what they say of what they refuse.
struct Circle {
    members: Vec<usize>,
    /// Those that may refuse anything.
    any: Vec<usize>,
    /// The others, by where they require something.
    required: BTreeMap<Path, At>,
}

/// What rules require at one place.
#[derive(Default)]
struct At {
    /// Those that refuse only what has a value there.
    values: FxHashMap<Value, Vec<usize>>,
    /// Those that refuse only what has a text there that begins so.
    prefixes: BTreeMap<String, Vec<usize>>,
}

impl Circle {
    fn new(kind: &Kind<'_>, members: Vec<usize>) -> Self {
        let mut circle = Self { members: Vec::new(), any: Vec::new(), required: BTreeMap::new() };
        for member in &members {
            let Some(single) = kind.singles.get(*member) else { continue };
            let required: Option<Vec<&Required>> = single
                .clauses
                .iter()
                .filter(|clause| !clause.warns)
                .map(|clause| clause.reads.required.as_ref())
                .collect();
            let Some(required) = required else {
                circle.any.push(*member);
                continue;
            };
            for required in required {
                match required {
                    Required::OneOf(path, values) => {
                        let at = circle.required.entry(path.clone()).or_default();
                        values.iter().for_each(|value| at.values.entry(value.clone()).or_default().push(*member));
                    }
                    Required::Prefix(path, prefix) => {
                        let at = circle.required.entry(path.clone()).or_default();
                        at.prefixes.entry(prefix.clone()).or_default().push(*member);
                    }
                }
            }
        }
        circle.members = members;
        circle
    }

    /// Those that may refuse an object, in order.
    fn candidates(&self, object: &Value) -> Cow<'_, [usize]> {
        let mut found = BTreeSet::new();
        for (path, at) in &self.required {
            at.collect(&path.0, object, &mut found);
        }
        if found.is_empty() {
            return Cow::Borrowed(&self.any);
        }
        found.extend(&self.any);
        Cow::Owned(found.into_iter().collect())
    }
}

impl At {
    /// Those that may refuse what stands at the end of a path from a value.
    fn collect(&self, path: &[Seg], value: &Value, found: &mut BTreeSet<usize>) {
        match path.split_first() {
            Some((Seg::Field(name), rest)) => {
                if let Some(inner) = value.get(&**name) {
                    self.collect(rest, inner, found);
                }
            }
            Some((Seg::Item, rest)) => {
                value.as_array().into_iter().flatten().for_each(|item| self.collect(rest, item, found));
            }
            None => {
                found.extend(self.values.get(value).into_iter().flatten());
                if let Some(text) = value.as_str().filter(|_| !self.prefixes.is_empty()) {
                    let lengths = (1..=text.len()).filter_map(|len| self.prefixes.get(text.get(..len)?));
                    found.extend(lengths.flatten());
                }
            }
        }
    }
}

/// The first rule that implies another, but for those passed over.
fn implied(kind: &Kind<'_>, told: &[Option<Found>], circle: &Circle, rule: usize, passed: &BTreeSet<usize>) -> Outcome {
    let Some(single) = kind.singles.get(rule) else { return Outcome::Not };
    let Some(site) = kind.spots.first(rule).and_then(|place| kind.site(single, place)) else { return Outcome::Not };
    let sought = |wanted: &[(&Single<'_>, Want)]| search(site, wanted, &BTreeMap::new(), ANYTHING);
    let first = match told.get(rule).and_then(Option::as_ref) {
        Some(Found::Object(object)) if single.is(Want::Violates, site, object) == Some(true) => {
            Found::Object(object.clone())
        }
        _ => sought(&[(single, Want::Violates)]),
    };
    // What it refuses: what lets one of these pass does not imply it.
    let (mut refused, candidates) = match first {
        Found::Object(object) => {
            let candidates = circle.candidates(&object);
            (vec![object], candidates)
        }
        Found::None => return Outcome::Not,
        Found::NotDecided(_) => (Vec::new(), Cow::Borrowed(circle.members.as_slice())),
    };
    let mut open = None;
    for by in candidates.iter().copied() {
        let Some(other) = kind.singles.get(by).filter(|_| by != rule && !passed.contains(&by)) else { continue };
        // What only warns implies nothing of what refuses.
        if stronger(single.bound.action, other.bound.action) || !kind.spots.covers(by, rule) {
            continue;
        }
        if refused.iter().any(|object| other.is(Want::Passes, site, object) == Some(true)) {
            continue;
        }
        let shared = |path: &Path| !path.is_item() && other.reads.places.contains_key(path);
        if !single.reads.places.keys().any(shared) {
            continue;
        }
        // One that is not decided is enough to say so.
        let outside = single.reads.outside.or(other.reads.outside);
        if outside.is_some() && open.is_some() {
            continue;
        }
        let apart = [(single, Want::Violates), (other, Want::Passes)];
        match if outside.is_some() { glance(site, &apart) } else { sought(&apart) } {
            Found::Object(object) => {
                if refused.len() < KEPT {
                    refused.push(object);
                }
            }
            Found::None => {
                let both = |object: &&Value| other.is(Want::Violates, site, object) == Some(true);
                let witness = refused.iter().find(both).cloned();
                let witness = witness.or_else(|| match sought(&[(single, Want::Violates), (other, Want::Violates)]) {
                    Found::Object(object) => Some(object),
                    _ => None,
                });
                if let Some(witness) = witness {
                    return Outcome::Implied(by, witness);
                }
            }
            Found::NotDecided(why) => open = open.or(Some(why)),
        }
    }
    open.map_or(Outcome::Not, Outcome::Open)
}

/// Whether one action does more than another.
fn stronger(one: Action, other: Action) -> bool {
    one < other
}

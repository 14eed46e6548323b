//! The search for an object.
//!
//! Objects are made from values at places ([`crate::reads`]) and judged by the evaluator itself, so that what is found is a
//! witness whatever the search overlooks. That none is found proves that there is none where every rule is inside of the
//! fragment and no two of them demand something of one list: then one item a list stands for all, and the values at a place
//! for all values.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kspec_model::rules::{Body, BoundRule, Operation, Table, Target};
use kspec_rules::{Asked, Decision, Engines, Evaluator, Fault, NoObjects, Review, Violation};
use serde_json::Value;

use crate::base;
use crate::path::{Path, Seg};
use crate::place::Place;
use crate::reads::{Reads, of_condition, of_statements};

/// Objects that one search may judge.
const BUDGET: usize = 4_000;

/// A rule by itself, for one of its targets.
#[derive(Debug)]
pub(crate) struct Single<'t> {
    pub(crate) bound: &'t BoundRule,
    pub(crate) target: &'t Target,
    evaluator: Evaluator,
    pub(crate) reads: Reads,
}

/// What an object is to be to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Not refused.
    Passes,
    /// Refused.
    Violates,
    /// Refused, or warned of by the rule itself.
    IsTold,
}

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

impl<'t> Single<'t> {
    /// `None` for what is no rule of statements, or cannot be loaded.
    pub(crate) fn new(table: &Table, bound: &'t BoundRule, target: &'t Target) -> Option<Self> {
        let Body::Statements(statements) = bound.rule.bodies.get(target.body)? else { return None };
        let mut reads = of_statements(statements);
        if let Some(applies) = &target.applies {
            let condition = of_condition(applies);
            for (path, place) in condition.places {
                reads.places.entry(path).or_default().merge(&place);
            }
            reads.outside = reads.outside.or(condition.outside);
        }
        base::must_have(target, &mut reads.places);
        let mut alone = bound.clone();
        alone.rule.targets = vec![target.clone()];
        let head = head(table);
        let only = Table { rules: vec![alone], mutations: Vec::new(), ..head };
        Some(Self { bound, target, evaluator: Evaluator::load(only).ok()?, reads })
    }

    /// The rule by itself, for its one target.
    pub(crate) fn alone(&self) -> Option<&BoundRule> {
        self.evaluator.table().rules.first()
    }

    /// Whether an object is to the rule what is wanted; `None` where there is no verdict.
    fn is(&self, want: Want, asked: &Request<'_>, object: &Value) -> Option<bool> {
        let violates = || self.found(asked, object, |violation| !violation.warn);
        match want {
            Want::Passes => Some(!violates()?),
            Want::Violates => violates(),
            Want::IsTold => self.found(asked, object, |_| true),
        }
    }

    /// Whether an object is refused; `None` where there is no verdict.
    pub(crate) fn violates(&self, object: &Value, namespace: Option<&Value>) -> Option<bool> {
        self.is(Want::Violates, &Request::new(self.target, namespace), object)
    }

    fn found(&self, asked: &Request<'_>, object: &Value, counts: fn(&Violation) -> bool) -> Option<bool> {
        let review = asked.review(object);
        match self.evaluator.judge(&review, Engines::All, &NoObjects).first().map(|outcome| &outcome.decision) {
            None | Some(Decision::Pass) => Some(false),
            Some(Decision::Violations(found)) => Some(found.iter().any(counts)),
            Some(Decision::Fault(Fault::Failed { .. } | Fault::NeedsCluster(_))) => None,
        }
    }
}

/// A table of the same head that holds nothing.
pub(crate) fn head(table: &Table) -> Table {
    Table {
        format_version: table.format_version,
        project: table.project.clone(),
        kubernetes: table.kubernetes.clone(),
        revision: String::new(),
        rules: Vec::new(),
        mutations: Vec::new(),
    }
}

/// The request that creates an object of a target.
pub(crate) struct Request<'p> {
    target: &'p Target,
    namespace: Option<&'p Value>,
    /// Without the object: rules of statements read it where it is judged.
    request: Value,
}

impl<'p> Request<'p> {
    pub(crate) fn new(target: &'p Target, namespace: Option<&'p Value>) -> Self {
        let mut asked = Self { target, namespace, request: Value::Null };
        asked.request = Asked {
            operation: Operation::Create,
            resource: (&target.group, &target.version, &target.resource),
            subresource: target.subresource.as_deref(),
            kind: &target.kind,
            namespace: asked.name(),
            object: None,
            old: None,
            user: "user",
            groups: &[],
        }
        .request();
        asked
    }

    /// The namespace's name.
    fn name(&self) -> Option<&'p str> {
        let name = self.namespace.and_then(|namespace| namespace.pointer("/metadata/name")).and_then(Value::as_str);
        name.filter(|_| self.target.namespaced)
    }

    pub(crate) fn review<'r>(&'r self, object: &'r Value) -> Review<'r> {
        let name = object.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
        Review {
            operation: Operation::Create,
            group: &self.target.group,
            resource: &self.target.resource,
            subresource: self.target.subresource.as_deref(),
            namespace: self.name(),
            name: name.unwrap_or_default(),
            object: Some(object),
            old: None,
            request: &self.request,
            namespace_object: self.namespace,
        }
    }
}

/// Searches for an object that is to each rule what is wanted.
pub(crate) fn search(
    wanted: &[(&Single<'_>, Want)],
    extra: &BTreeMap<Path, Place>,
    base: &Value,
    namespace: Option<&Value>,
    holds: &dyn Fn(&Value) -> Option<bool>,
) -> Found {
    let mut places: BTreeMap<Path, Place> = extra.clone();
    for (single, _) in wanted {
        for (path, place) in &single.reads.places {
            places.entry(path.clone()).or_default().merge(place);
        }
    }
    let mut object = base.clone();
    // Rules that share no place are searched for one after the other: what satisfies one says nothing of the others.
    for part in parts(wanted) {
        let mut search = Part::new(&part, &places, namespace);
        if !search.run(&mut object) {
            return search.not_found(&part);
        }
    }
    match holds(&object) {
        Some(true) => Found::Object(object),
        _ => {
            // What must hold besides reads across parts: all places are searched at once.
            let mut search = Part::new(wanted, &places, namespace);
            search.places = places.iter().map(|(path, place)| Rc::new(Choice::new(path, place))).collect();
            search.cut = places.values().any(|place| place.cut);
            let mut object = base.clone();
            if search.run_until(&mut object, holds) { Found::Object(object) } else { search.not_found(wanted) }
        }
    }
}

/// Rules in groups that share places.
fn parts<'w, 't>(wanted: &[(&'w Single<'t>, Want)]) -> Vec<Vec<(&'w Single<'t>, Want)>> {
    let reads = wanted.iter().map(|(single, _)| &single.reads);
    let of = |part: Vec<usize>| part.into_iter().filter_map(|at| wanted.get(at).copied()).collect();
    groups(reads).into_iter().map(of).collect()
}

/// What is read in groups that share places.
pub(crate) fn groups<'r>(reads: impl Iterator<Item = &'r Reads>) -> Vec<Vec<usize>> {
    // Each group with its number, and each place with one that has it: all that have it are in one group.
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut group_of: Vec<usize> = Vec::new();
    let mut known: BTreeMap<&[Seg], usize> = BTreeMap::new();
    for (at, reads) in reads.enumerate() {
        let mut meeting: BTreeSet<usize> = BTreeSet::new();
        // Being an item of a list, alone, ties nothing together where the list is there anyway.
        for path in reads.places.keys().filter(|path| !path.is_item()) {
            let path = path.0.as_slice();
            let around = (0..path.len()).filter_map(|len| known.get(path.get(..len)?));
            let inside = known.range(path..).take_while(|(known, _)| known.starts_with(path)).map(|(_, other)| other);
            meeting.extend(around.chain(inside).filter_map(|other| group_of.get(*other)));
        }
        for path in reads.places.keys().filter(|path| !path.is_item()) {
            known.entry(path.0.as_slice()).or_insert(at);
        }
        group_of.push(at);
        if meeting.is_empty() {
            groups.push((at, vec![at]));
            continue;
        }
        let (merged, rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(group, _)| meeting.contains(group));
        groups = rest;
        let mut merged: Vec<usize> = merged.into_iter().flat_map(|(_, members)| members).collect();
        merged.push(at);
        for member in &merged {
            if let Some(group) = group_of.get_mut(*member) {
                *group = at;
            }
        }
        groups.push((at, merged));
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

type Check<'p> = Box<dyn Fn(&Value) -> Option<bool> + 'p>;

/// A place, and what may stand there.
struct Choice {
    path: Path,
    values: Vec<Option<Value>>,
}

struct Part<'p> {
    /// Places with what may stand there; `None` is absence.
    places: Vec<Rc<Choice>>,
    /// Each with how many places must be settled before it can be asked.
    checks: Vec<(usize, Check<'p>)>,
    left: usize,
    /// Some object had no verdict.
    doubt: bool,
    /// Some place has more values than are tried.
    cut: bool,
}

impl Choice {
    /// The plainest first: what is not there.
    fn new(path: &Path, place: &Place) -> Self {
        let absent = place.optional.then_some(None).into_iter();
        Self { path: path.clone(), values: absent.chain(place.values.iter().cloned().map(Some)).collect() }
    }
}

impl<'p> Part<'p> {
    fn new(wanted: &[(&'p Single<'_>, Want)], all: &BTreeMap<Path, Place>, namespace: Option<&'p Value>) -> Self {
        let mut places: Vec<Rc<Choice>> = Vec::new();
        let mut known: BTreeSet<&Path> = BTreeSet::new();
        let mut checks: Vec<(usize, Check<'p>)> = Vec::new();
        let mut cut = false;
        for (single, want) in wanted {
            for path in single.reads.places.keys() {
                if let Some(place) = all.get(path).filter(|_| known.insert(path)) {
                    cut |= place.cut;
                    places.push(Rc::new(Choice::new(path, place)));
                }
            }
            let (single, want) = (*single, *want);
            let asked = Request::new(single.target, namespace);
            checks.push((places.len(), Box::new(move |object| single.is(want, &asked, object))));
        }
        Self { places, checks, left: BUDGET, doubt: false, cut }
    }

    fn run(&mut self, object: &mut Value) -> bool {
        self.settle(0, object, &|_| Some(true))
    }

    fn run_until(&mut self, object: &mut Value, holds: &dyn Fn(&Value) -> Option<bool>) -> bool {
        self.left = BUDGET;
        self.settle(0, object, holds)
    }

    /// Settles the places from `at` on; `object` is what was found where the answer is true.
    fn settle(&mut self, at: usize, object: &mut Value, holds: &dyn Fn(&Value) -> Option<bool>) -> bool {
        let mut fits = true;
        for (settled, check) in &self.checks {
            if *settled != at {
                continue;
            }
            match check(object) {
                Some(true) => {}
                Some(false) => fits = false,
                None => {
                    self.doubt = true;
                    fits = false;
                }
            }
            self.left = self.left.saturating_sub(1);
            if !fits {
                return false;
            }
        }
        let Some(choice) = self.places.get(at).map(Rc::clone) else {
            self.left = self.left.saturating_sub(1);
            return holds(object) == Some(true);
        };
        // An item that is not there has nothing in it: that it is there was tried, or will be.
        let values = if choice.path.lacks_item(object) { &[None] } else { choice.values.as_slice() };
        let path = &choice.path;
        let before = object.clone();
        for value in values {
            if self.left == 0 {
                return false;
            }
            *object = before.clone();
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
        }
        *object = before;
        false
    }

    fn not_found(&self, wanted: &[(&Single<'_>, Want)]) -> Found {
        if self.left == 0 || self.cut {
            return Found::NotDecided("there are too many cases");
        }
        if self.doubt {
            return Found::NotDecided("a rule has no verdict about some of the objects that tell");
        }
        if let Some(why) = wanted.iter().find_map(|(single, _)| single.reads.outside) {
            return Found::NotDecided(why);
        }
        let mut demands: BTreeMap<&Path, usize> = BTreeMap::new();
        for (single, _) in wanted {
            for (path, count) in &single.reads.demands {
                *demands.entry(path).or_default() += count;
            }
        }
        if demands.values().any(|count| *count > 1) {
            return Found::NotDecided("several items of one list are asked for");
        }
        Found::None
    }
}

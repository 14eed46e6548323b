//! What a table decides about a request.

use std::sync::Arc;

use kspec_model::rules::{Action, Body, BoundRule, Engine, FailurePolicy, Scope, Table, Target};
use serde_json::{Map, Value};

use crate::compile::Names;
use crate::eval::Frame;
use crate::fault::{Failed, Fault, at_line, fault};
use crate::mutate::CompiledMutation;
use crate::paths::Paths;
use crate::probe::Told;
use crate::review::{Objects, Review};
use crate::statements::{Place, Statement, compiled};
use crate::target::{Applies, Index, in_scope, input};
use crate::value::Val;

/// A table, ready to decide.
#[derive(Debug)]
pub struct Evaluator {
    pub(crate) table: Table,
    rules: Vec<CompiledRule>,
    paths: Paths,
    /// Those that differ.
    scopes: Vec<Scope>,
    /// Those that differ, of targets: the path of what rules call the object.
    templates: Vec<Vec<Arc<str>>>,
    index: Index,
    pub(crate) mutations: Vec<CompiledMutation>,
    pub(crate) mutation_index: Index,
    foreign: Option<Arc<dyn Foreign>>,
}

/// Decides rules that are written in another language.
pub trait Foreign: Send + Sync + std::fmt::Debug {
    /// The messages of a Rego module's violations. `source` is the module, the same text each time it is asked about;
    /// `request` the AdmissionRequest.
    ///
    /// # Errors
    ///
    /// Why there is no verdict: a module that cannot be read, or fails.
    fn rego(
        &self,
        file: &str,
        source: &str,
        parameters: &Map<String, Value>,
        request: &Value,
    ) -> Result<Vec<String>, String>;
}

/// Why a table cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError(pub String);

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// Which rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engines {
    /// All, as `vet` and `test` do.
    All,
    /// Those that one engine decides.
    Only(Engine),
}

impl Engines {
    pub(crate) fn include(self, engine: Engine) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => only == engine,
        }
    }
}

/// What one bound rule says about a request.
#[derive(Debug, Clone)]
pub struct Outcome<'t> {
    /// The rule as bound.
    pub bound: &'t BoundRule,
    /// Only told: a pod's rule met at the workload that stamps the pod.
    pub advisory: bool,
    /// What it says.
    pub decision: Decision,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// No violation.
    Pass,
    /// Violations, in the order of the rule's statements; at least one.
    Violations(Vec<Violation>),
    /// No verdict.
    Fault(Fault),
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is said of it.
    pub message: String,
    /// The place in the object, where one can be named: `spec.containers[0].image`.
    pub path: Option<String>,
    /// Line of the statement in the rule's file.
    pub line: u32,
    /// Found by `warn`: it never refuses.
    pub warn: bool,
}

impl Outcome<'_> {
    /// Whether the request is refused on this account.
    #[must_use]
    pub fn denies(&self) -> bool {
        if self.bound.action != Action::Deny || self.advisory {
            return false;
        }
        match &self.decision {
            Decision::Pass => false,
            Decision::Violations(violations) => violations.iter().any(|violation| !violation.warn),
            Decision::Fault(_) => self.bound.failure_policy == FailurePolicy::Fail,
        }
    }
}

/// What a request reads of a rule that it passes. The table's own is large, and between requests long gone from the processor's
/// cache.
#[derive(Debug)]
struct CompiledRule {
    engine: Engine,
    /// Among the evaluator's.
    scope: usize,
    targets: Vec<CompiledTarget>,
    bodies: Vec<CompiledBody>,
}

#[derive(Debug)]
struct CompiledTarget {
    applies: Applies,
    /// Among the evaluator's.
    template: usize,
    /// Among the rule's.
    body: usize,
    advisory: bool,
}

#[derive(Debug)]
enum CompiledBody {
    Statements {
        statements: Vec<Statement>,
        slots: usize,
    },
    /// Decided by [`Foreign`].
    Rego {
        file: String,
        source: String,
        parameters: Map<String, Value>,
    },
}

impl Evaluator {
    /// Makes a table ready.
    ///
    /// # Errors
    ///
    /// A table of another format, or one that holds what no compiler writes: names that nothing binds, patterns that cannot
    /// be read.
    pub fn load(table: Table) -> Result<Self, LoadError> {
        if table.format_version != Table::FORMAT {
            return Err(LoadError(format!(
                "the rule table is of format {}, and this is for format {}: compile it with this version of kspec",
                table.format_version,
                Table::FORMAT
            )));
        }
        let (mut index, mut mutation_index) = (Index::default(), Index::default());
        let (mut paths, mut scopes, mut templates) = (Paths::default(), Vec::new(), Vec::new());
        let mut rules = Vec::with_capacity(table.rules.len());
        for (at, bound) in table.rules.iter().enumerate() {
            let scope = place_of(&bound.scope, &mut scopes);
            let rule = CompiledRule::compile(bound, scope, &mut templates, &mut paths)
                .map_err(|why| LoadError(format!("the rule `{}`: {why}", bound.id)))?;
            rules.push(rule);
            for (target_at, target) in bound.rule.targets.iter().enumerate() {
                index.add((at, target_at), target);
            }
        }
        let mut mutations = Vec::with_capacity(table.mutations.len());
        for (at, bound) in table.mutations.iter().enumerate() {
            let mutation = CompiledMutation::compile(&bound.mutation)
                .map_err(|why| LoadError(format!("the mutation `{}`: {why}", bound.id)))?;
            mutations.push(mutation);
            for (target_at, target) in bound.mutation.targets.iter().enumerate() {
                mutation_index.add((at, target_at), target);
            }
        }
        Ok(Self { table, rules, paths, scopes, templates, index, mutations, mutation_index, foreign: None })
    }

    /// The same, with what decides rules in other languages; without it, each is a fault.
    #[must_use]
    pub fn with_foreign(self, foreign: Arc<dyn Foreign>) -> Self {
        Self { foreign: Some(foreign), ..self }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// What each rule says that the request meets, in the table's order.
    #[must_use]
    pub fn judge<'t>(&'t self, review: &Review<'_>, engines: Engines, objects: &dyn Objects) -> Vec<Outcome<'t>> {
        let mut outcomes = Vec::new();
        self.judge_each(review, engines, objects, |_, outcome| outcomes.push(outcome));
        outcomes
    }

    /// As [`Evaluator::judge`], each outcome told as soon as it is known, with its rule's place in the table.
    pub fn judge_each<'t>(
        &'t self,
        review: &Review<'_>,
        engines: Engines,
        objects: &dyn Objects,
        mut told: impl FnMut(usize, Outcome<'t>),
    ) {
        let mut scopes: Vec<Option<Result<bool, Failed>>> = vec![None; self.scopes.len()];
        // One for each part of the object that rules call the object: it itself, and the pod's template in it.
        let mut runs: Vec<Option<Run<'_>>> = Vec::new();
        runs.resize_with(self.templates.len(), || None);
        for (at, target_at) in self.index.fitting(review).iter().copied() {
            let (Some(bound), Some(rule)) = (self.table.rules.get(at), self.rules.get(at)) else { continue };
            let Some(target) = rule.targets.get(target_at).filter(|_| engines.include(rule.engine)) else { continue };
            let Some(scope) = scopes.get_mut(rule.scope) else { continue };
            let decision = match scope.get_or_insert_with(|| in_scope(&bound.scope, review)) {
                Ok(false) => continue,
                Ok(true) => {
                    let (Some(run), Some(template)) =
                        (runs.get_mut(target.template), self.templates.get(target.template))
                    else {
                        continue;
                    };
                    let run = run.get_or_insert_with(|| {
                        Run::new(Frame::sharing(input(review, template, objects), &self.paths), template)
                    });
                    match rule.decide(run, review, target, self.foreign.as_deref()) {
                        Ok(Some(violations)) if violations.is_empty() => Decision::Pass,
                        Ok(Some(violations)) => Decision::Violations(violations),
                        Ok(None) => continue,
                        Err(fault) => Decision::Fault(*fault),
                    }
                }
                Err(fault) => Decision::Fault((**fault).clone()),
            };
            told(at, Outcome { bound, advisory: target.advisory, decision });
        }
    }
}

/// Where something stands among those that differ; it is added where it does not yet.
fn place_of<T: Clone + PartialEq>(wanted: &T, among: &mut Vec<T>) -> usize {
    among.iter().position(|one| one == wanted).unwrap_or_else(|| {
        among.push(wanted.clone());
        among.len() - 1
    })
}

impl CompiledRule {
    fn compile(
        bound: &BoundRule,
        scope: usize,
        templates: &mut Vec<Vec<Arc<str>>>,
        paths: &mut Paths,
    ) -> Result<Self, String> {
        let target = |target: &Target| {
            let applies = Applies::compile(target, Some(paths))?;
            let template = place_of(&target.template, templates);
            Ok(CompiledTarget { applies, template, body: target.body, advisory: target.advisory })
        };
        let targets = bound.rule.targets.iter().map(target).collect::<Result<Vec<_>, String>>()?;
        let bodies = bound.rule.bodies.iter().map(|body| CompiledBody::compile(body, Names::sharing(paths)));
        let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
        if let Some(target) = bound.rule.targets.iter().find(|target| target.body >= bodies.len()) {
            return Err(format!("there is no body {} for {}", target.body, target.resource));
        }
        Ok(Self { engine: bound.engine, scope, targets, bodies })
    }

    /// The violations; `None` where the rule does not apply.
    fn decide<'a>(
        &'a self,
        run: &mut Run<'a>,
        review: &Review<'_>,
        target: &'a CompiledTarget,
        foreign: Option<&dyn Foreign>,
    ) -> Result<Option<Vec<Violation>>, Failed> {
        // A workload without a template stamps no pod.
        if run.frame.input.object.is_none() && !run.template.is_empty() {
            return Ok(None);
        }
        if !target.applies.holds(&mut run.frame)? {
            return Ok(None);
        }
        match self.bodies.get(target.body) {
            Some(CompiledBody::Statements { statements, slots }) => run.body(statements, *slots).map(Some),
            Some(CompiledBody::Rego { file, source, parameters }) => {
                let foreign = foreign.ok_or_else(|| fault("it is written in Rego, which nothing here decides"))?;
                let messages = foreign.rego(file, source, parameters, review.request).map_err(fault)?;
                let violation = |message| Violation { message, path: None, line: 0, warn: false };
                Ok(Some(messages.into_iter().map(violation).collect()))
            }
            None => Err(fault("it has no body")),
        }
    }
}

impl CompiledBody {
    fn compile(body: &Body, names: Names<'_>) -> Result<Self, String> {
        match body {
            Body::Statements(statements) => {
                let (statements, slots) = compiled(statements, names)?;
                Ok(Self::Statements { statements, slots })
            }
            Body::Rego { file, source, parameters } => {
                let (file, source, parameters) = (file.clone(), source.clone(), parameters.clone());
                Ok(Self::Rego { file, source, parameters })
            }
        }
    }
}

/// The run of rules' bodies, one after the other, over one request.
pub(crate) struct Run<'a> {
    pub(crate) frame: Frame<'a>,
    /// The path of what the rules call the object.
    template: &'a [Arc<str>],
    /// Where each `for`'s item stands: the list's place, and the item's number in it.
    paths: Vec<Option<(&'a Place, usize)>>,
    violations: Vec<Violation>,
    /// What was found so far, where nobody asks for more than that.
    told: Option<Told>,
}

impl<'a> Run<'a> {
    pub(crate) const fn new(frame: Frame<'a>, template: &'a [Arc<str>]) -> Self {
        Self { frame, template, paths: Vec::new(), violations: Vec::new(), told: None }
    }

    /// Whether a body finds violations, and of which sort: no messages, no paths.
    pub(crate) fn told(&mut self, statements: &'a [Statement], slots: usize) -> Result<Told, Failed> {
        self.told = Some(Told::default());
        self.frame.begin(slots);
        self.statements(statements)?;
        Ok(self.told.take().unwrap_or_default())
    }

    /// What a body says.
    fn body(&mut self, statements: &'a [Statement], slots: usize) -> Result<Vec<Violation>, Failed> {
        self.frame.begin(slots);
        self.paths.clear();
        self.paths.resize(slots, None);
        self.violations.clear();
        self.statements(statements)?;
        Ok(std::mem::take(&mut self.violations))
    }

    fn statements(&mut self, statements: &'a [Statement]) -> Result<(), Failed> {
        for statement in statements {
            match statement {
                Statement::Let(slot, value) => {
                    let value = self.frame.eval(value)?;
                    self.frame.set(*slot, value);
                }
                Statement::For { item, over, body } => {
                    for (list, place) in over {
                        let items = self.frame.eval(list)?;
                        let rows = self.frame.rows_of(list, &items);
                        self.each((*item, rows), &items, place.as_ref(), body)?;
                    }
                }
                Statement::Verdict { when, found } => {
                    let line = |fault| at_line(fault, found.line);
                    if self.frame.holds(when).map_err(line)? {
                        let message = self.frame.eval(&found.message).map_err(line)?;
                        if let Some(told) = &mut self.told {
                            told.note(found.warn);
                            continue;
                        }
                        let path = found.place.as_ref().and_then(|place| self.path(place));
                        let message = message.as_text().unwrap_or_default().to_owned();
                        self.violations.push(Violation { message, path, line: found.line, warn: found.warn });
                    }
                }
            }
        }
        Ok(())
    }

    fn each(
        &mut self,
        (slot, rows): (usize, Option<usize>),
        list: &Val<'a>,
        place: Option<&'a Place>,
        body: &'a [Statement],
    ) -> Result<(), Failed> {
        let one = |run: &mut Self, at: usize, item: Val<'a>| {
            run.frame.spend(1)?;
            run.frame.set_item(slot, item, rows.map(|first| (first, at)));
            if let Some(path) = run.paths.get_mut(slot) {
                *path = place.map(|place| (place, at));
            }
            run.statements(body)
        };
        match list {
            Val::Absent => Ok(()),
            Val::JsonList(items, ty) => {
                items.iter().enumerate().try_for_each(|(at, json)| one(self, at, Val::of_json(json, ty)?))
            }
            Val::List(items) => items.iter().enumerate().try_for_each(|(at, item)| one(self, at, item.clone())),
            _ => Err(fault("a `for` over something that is no list")),
        }
    }

    fn path(&self, place: &Place) -> Option<String> {
        let Some(slot) = place.item else {
            let template: String = self.template.iter().flat_map(|name| [&**name, "."]).collect();
            return Some(template + &place.fields);
        };
        let (list, at) = self.paths.get(slot).copied().flatten()?;
        let list = self.path(list)?;
        let dot = if place.fields.is_empty() || place.fields.starts_with('[') { "" } else { "." };
        Some(format!("{list}[{at}]{dot}{}", place.fields))
    }
}

/// Reads a table from JSON: a rule table by itself, or the `rule_table` of a bundle.
///
/// # Errors
///
/// Text that is no JSON, or no table.
pub fn read_table(json: Value) -> Result<Table, LoadError> {
    let table = match json {
        Value::Object(mut fields) if fields.contains_key("rule_table") => {
            fields.remove("rule_table").unwrap_or_default()
        }
        other => other,
    };
    serde_json::from_value(table).map_err(|error| LoadError(format!("this is no rule table: {error}")))
}

//! What a table's mutations make of an object.

use std::sync::Arc;

use kspec_model::rules::{BoundMutation, Change, Each, Expr, Mutation, Op, Operation, Root, Target, Ty, Var, Write};
use serde_json::{Map, Value};

use crate::compile::{Names, Node};
use crate::eval::{Frame, Input};
use crate::fault::{Failed, Fault, at_line, fault};
use crate::judge::{Engines, Evaluator};
use crate::literal::Quantity;
use crate::review::{Objects, Review};
use crate::target::{Applies, in_scope, input};
use crate::value::Val;

/// What became of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutated {
    /// The object after every mutation.
    pub object: Value,
    /// How it became so: an array of operations (RFC 6902), empty where nothing changed.
    pub patch: Value,
    /// What the requester is told.
    pub warnings: Vec<String>,
    /// Ids of the mutations that changed something, in the order in which they ran.
    pub changed: Vec<String>,
    /// Mutations that could not be run; none of their changes are in the object.
    pub faults: Vec<MutationFault>,
}

/// A mutation that could not be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutationFault {
    /// [`BoundMutation::id`].
    pub id: String,
    /// Whether the request is refused on this account.
    pub denies: bool,
    /// Why.
    pub fault: Fault,
}

#[derive(Debug)]
pub(crate) struct CompiledMutation {
    applies: Vec<Applies>,
    bodies: Vec<(Vec<Compiled>, usize)>,
}

#[derive(Debug)]
enum Compiled {
    For { item: usize, of: Ty, over: Vec<Over>, body: Vec<Compiled> },
    If { when: Node, body: Vec<Compiled> },
    Write { write: Write, place: PlaceNode, value: Node, keys: Vec<Arc<str>>, line: u32 },
    Remove { place: PlaceNode, line: u32 },
}

/// A list that a `for` ranges over, and which of its items.
#[derive(Debug)]
struct Over {
    place: PlaceNode,
    filter: Option<(usize, Node)>,
}

/// A place: fields and keys from the object, or from a `for`'s item.
#[derive(Debug)]
struct PlaceNode {
    item: Option<usize>,
    steps: Vec<StepNode>,
}

#[derive(Debug)]
enum StepNode {
    Field(Arc<str>),
    Key(Node),
}

/// A step to a place that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

impl Evaluator {
    /// Runs each mutation that the request meets, in the table's order, each over what those before it made.
    #[must_use]
    pub fn mutate(&self, review: &Review<'_>, engines: Engines, objects: &dyn Objects) -> Mutated {
        let original = review.object.cloned().unwrap_or_default();
        let mut mutated = Mutated {
            object: original.clone(),
            patch: Value::Array(Vec::new()),
            warnings: Vec::new(),
            changed: Vec::new(),
            faults: Vec::new(),
        };
        if review.operation == Operation::Delete || review.object.is_none() {
            return mutated;
        }
        for (at, target_at) in self.mutation_index.fitting(review).iter().copied() {
            let (Some(bound), Some(mutation)) = (self.table.mutations.get(at), self.mutations.get(at)) else {
                continue;
            };
            let Some(target) = bound.mutation.targets.get(target_at) else { continue };
            if !engines.include(bound.engine) {
                continue;
            }
            let now = Review { object: Some(&mutated.object), ..*review };
            match in_scope(&bound.scope, &now) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(fault) => {
                    mutated.faults.push(failed(bound, *fault));
                    continue;
                }
            }
            match mutation.run(&now, bound, (target, target_at), objects) {
                Ok((object, warnings)) => {
                    if object != mutated.object {
                        mutated.changed.push(bound.id.clone());
                    }
                    mutated.object = object;
                    mutated.warnings.extend(warnings);
                }
                Err(fault) => mutated.faults.push(failed(bound, *fault)),
            }
        }
        let patch = json_patch::diff(&original, &mutated.object);
        mutated.patch = serde_json::to_value(patch).unwrap_or_default();
        mutated
    }
}

fn failed(bound: &BoundMutation, fault: Fault) -> MutationFault {
    let denies = bound.failure_policy == kspec_model::rules::FailurePolicy::Fail;
    MutationFault { id: bound.id.clone(), denies, fault }
}

impl CompiledMutation {
    pub(crate) fn compile(mutation: &Mutation) -> Result<Self, String> {
        let applies = mutation.targets.iter().map(|target| Applies::compile(target, None)).collect::<Result<_, _>>()?;
        let bodies = mutation.bodies.iter().map(|body| {
            let mut compiler = Compiler::default();
            let body = compiler.changes(body, 0)?;
            Ok::<_, String>((body, compiler.names.slots))
        });
        let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
        if let Some(target) = mutation.targets.iter().find(|target| target.body >= bodies.len()) {
            return Err(format!("there is no body {} for {}", target.body, target.resource));
        }
        Ok(Self { applies, bodies })
    }

    fn run(
        &self,
        review: &Review<'_>,
        bound: &BoundMutation,
        (target, target_at): (&Target, usize),
        objects: &dyn Objects,
    ) -> Result<(Value, Vec<String>), Failed> {
        let object = review.object.cloned().unwrap_or_default();
        let unchanged = (object.clone(), Vec::new());
        {
            let input = input(review, &target.template, objects);
            if input.object.is_none() {
                return Ok(unchanged);
            }
            if let Some(applies) = self.applies.get(target_at)
                && !applies.holds(&mut Frame::new(input, 0))?
            {
                return Ok(unchanged);
            }
        }
        let Some((body, slots)) = self.bodies.get(target.body) else { return Ok(unchanged) };
        let template = target.template.iter().map(|name| Step::Field(name.to_string())).collect();
        let mut run =
            Run { review, target, objects, slots: *slots, template, object, items: Vec::new(), warnings: Vec::new() };
        run.changes(body)?;
        let prefix = &bound.mutation.name;
        Ok((run.object, run.warnings.into_iter().map(|warning| format!("{prefix}: {warning}")).collect()))
    }
}

/// How deep statements nest.
const NESTING: usize = 32;

#[derive(Default)]
struct Compiler {
    names: Names<'static>,
    items: Vec<(Var, usize)>,
}

impl Compiler {
    fn changes(&mut self, changes: &[Change], depth: usize) -> Result<Vec<Compiled>, String> {
        if depth > NESTING {
            return Err(format!("statements nest more than {NESTING} deep"));
        }
        changes.iter().map(|change| self.change(change, depth)).collect()
    }

    fn change(&mut self, change: &Change, depth: usize) -> Result<Compiled, String> {
        Ok(match change {
            Change::For { item, over, body } => {
                let of = match over.first().map(|list| list.ty.present()) {
                    Some(Ty::List(item)) => (**item).clone(),
                    _ => Ty::Object,
                };
                let over = over.iter().map(|list| self.over(list)).collect::<Result<_, _>>()?;
                let bound = self.names.len();
                let slot = self.names.bind(item);
                self.items.push((item.clone(), slot));
                let body = self.changes(body, depth + 1)?;
                self.items.pop();
                self.names.truncate(bound);
                Compiled::For { item: slot, of, over, body }
            }
            Change::If { when, body } => {
                Compiled::If { when: self.names.compile(when)?, body: self.changes(body, depth + 1)? }
            }
            Change::Write { write, place, value, keys, line } => Compiled::Write {
                write: *write,
                place: self.place(place)?,
                value: self.names.compile(value)?,
                keys: keys.clone(),
                line: *line,
            },
            Change::Remove { place, line } => Compiled::Remove { place: self.place(place)?, line: *line },
        })
    }

    fn over(&mut self, list: &Expr) -> Result<Over, String> {
        match &list.op {
            Op::Each { what: Each::Filter, over, item, value: None, body } => {
                let place = self.place(over)?;
                let bound = self.names.len();
                let slot = self.names.bind(item);
                let node = self.names.compile(body)?;
                self.names.truncate(bound);
                Ok(Over { place, filter: Some((slot, node)) })
            }
            _ => Ok(Over { place: self.place(list)?, filter: None }),
        }
    }

    fn place(&mut self, expr: &Expr) -> Result<PlaceNode, String> {
        match &expr.op {
            Op::Root(Root::Object) => Ok(PlaceNode { item: None, steps: Vec::new() }),
            Op::Var(name) => {
                let found = self.items.iter().rev().find(|(item, _)| item == name);
                let slot = found.map(|(_, slot)| *slot).ok_or_else(|| format!("`{name}` is no item of the object"))?;
                Ok(PlaceNode { item: Some(slot), steps: Vec::new() })
            }
            Op::Field(base, name) => {
                let mut place = self.place(base)?;
                place.steps.push(StepNode::Field(name.clone()));
                Ok(place)
            }
            Op::Index(base, key) => {
                let mut place = self.place(base)?;
                place.steps.push(StepNode::Key(self.names.compile(key)?));
                Ok(place)
            }
            _ => Err("a place that is none in the object".to_owned()),
        }
    }
}

/// One mutation's run over one object.
struct Run<'r> {
    review: &'r Review<'r>,
    target: &'r Target,
    objects: &'r dyn Objects,
    slots: usize,
    /// The steps to what the mutation calls the object.
    template: Vec<Step>,
    object: Value,
    /// Items of the `for`s around, outermost first: slot, type, place.
    items: Vec<(usize, &'r Ty, Vec<Step>)>,
    warnings: Vec<String>,
}

impl<'r> Run<'r> {
    fn changes(&mut self, changes: &'r [Compiled]) -> Result<(), Failed> {
        changes.iter().try_for_each(|change| self.change(change))
    }

    fn change(&mut self, change: &'r Compiled) -> Result<(), Failed> {
        match change {
            Compiled::For { item, of, over, body } => {
                for list in over {
                    for path in self.items_of(list, of)? {
                        self.items.push((*item, of, path));
                        let done = self.changes(body);
                        self.items.pop();
                        done?;
                    }
                }
                Ok(())
            }
            Compiled::If { when, body } => {
                let holds = {
                    let input = self.input();
                    self.frame(&input)?.holds(when)?
                };
                if holds { self.changes(body) } else { Ok(()) }
            }
            Compiled::Write { write, place, value, keys, line } => {
                let at = |fault: Failed| at_line(fault, *line);
                let path = self.resolve(place).map_err(at)?;
                let value = {
                    let input = self.input();
                    self.frame(&input)?.eval(value).map_err(at)?.to_json()
                };
                self.write(*write, &path, value, keys).map_err(at)
            }
            Compiled::Remove { place, line } => {
                let path = self.resolve(place).map_err(|fault| at_line(fault, *line))?;
                remove(&mut self.object, &path);
                Ok(())
            }
        }
    }

    /// The request over the object as it is now.
    fn input(&self) -> Input<'_> {
        let now = Review { object: Some(&self.object), ..*self.review };
        input(&now, &self.target.template, self.objects)
    }

    /// A frame in which the items of the `for`s around are bound.
    fn frame<'f>(&'f self, input: &Input<'f>) -> Result<Frame<'f>, Failed> {
        let mut frame = Frame::new(*input, self.slots);
        for (slot, ty, path) in &self.items {
            let value = at(&self.object, path).map_or(Ok(Val::Absent), |json| Val::of_json(json, ty))?;
            frame.set(*slot, value);
        }
        Ok(frame)
    }

    /// Where a place is now, from the whole object.
    fn resolve(&self, place: &PlaceNode) -> Result<Vec<Step>, Failed> {
        let input = self.input();
        let steps = steps(place, &mut self.frame(&input)?)?;
        let base = match place.item {
            Some(slot) => self.items.iter().rev().find(|(item, ..)| *item == slot).map(|(.., path)| path),
            None => Some(&self.template),
        };
        Ok(base.into_iter().flatten().cloned().chain(steps).collect())
    }

    /// The places of a list's items that pass its filter.
    fn items_of(&self, list: &'r Over, of: &'r Ty) -> Result<Vec<Vec<Step>>, Failed> {
        let path = self.resolve(&list.place)?;
        let Some(Value::Array(items)) = at(&self.object, &path) else { return Ok(Vec::new()) };
        let mut places = Vec::with_capacity(items.len());
        for (number, json) in items.iter().enumerate() {
            let kept = match &list.filter {
                None => true,
                Some((slot, node)) => {
                    let input = self.input();
                    let mut frame = self.frame(&input)?;
                    frame.set(*slot, Val::of_json(json, of)?);
                    frame.holds(node)?
                }
            };
            if kept {
                places.push(path.iter().cloned().chain([Step::Item(number)]).collect());
            }
        }
        Ok(places)
    }

    fn write(&mut self, write: Write, path: &[Step], value: Value, keys: &[Arc<str>]) -> Result<(), Failed> {
        if value.is_null() {
            return Ok(());
        }
        match write {
            Write::Default => {
                if at(&self.object, path).is_some_and(|value| !value.is_null()) {
                    return Ok(());
                }
                if let Some(warning) = self.contradiction(path, &value) {
                    self.warnings.push(warning);
                    return Ok(());
                }
                put(&mut self.object, path, value)
            }
            Write::Set => put(&mut self.object, path, value),
            Write::Append => {
                let mut list = match at(&self.object, path) {
                    Some(Value::Array(items)) => items.clone(),
                    _ => Vec::new(),
                };
                let Value::Array(items) = value else { return Err(fault("what is appended is no list")) };
                for item in items {
                    let same = |known: &Value| {
                        if keys.is_empty() {
                            *known == item
                        } else {
                            keys.iter().all(|key| known.get(&**key) == item.get(&**key))
                        }
                    };
                    match list.iter_mut().find(|known| same(known)) {
                        Some(known) => *known = item,
                        None => list.push(item),
                    }
                }
                put(&mut self.object, path, Value::Array(list))
            }
        }
    }

    /// What a default would contradict: a limit below the request, or a request above the limit.
    fn contradiction(&self, path: &[Step], value: &Value) -> Option<String> {
        let [around @ .., Step::Field(resources), Step::Field(side), Step::Field(resource)] = path else { return None };
        let other = match side.as_str() {
            "limits" => "requests",
            "requests" => "limits",
            _ => return None,
        };
        if resources != "resources" {
            return None;
        }
        let mut sibling = around.to_vec();
        sibling.extend([resources, other, resource.as_str()].map(|name| Step::Field(name.to_owned())));
        let there = at(&self.object, &sibling)?;
        let read = |json: &Value| match json {
            Value::String(text) => Quantity::parse(text).ok(),
            json => json.as_i64().map(Quantity::of_int),
        };
        let (given, there) = (read(value)?, read(there)?);
        let contradicts = if side == "limits" { given < there } else { given > there };
        contradicts.then(|| {
            let relation = if side == "limits" { "below" } else { "above" };
            format!(
                "{} is left out: the default {given} is {relation} the {} {there}",
                dotted(path),
                other.trim_end_matches('s')
            )
        })
    }
}

fn steps<'a>(place: &'a PlaceNode, frame: &mut Frame<'a>) -> Result<Vec<Step>, Failed> {
    let mut steps = Vec::with_capacity(place.steps.len());
    for step in &place.steps {
        steps.push(match step {
            StepNode::Field(name) => Step::Field(name.to_string()),
            StepNode::Key(key) => match frame.eval(key)? {
                Val::Int(at) => Step::Item(usize::try_from(at).map_err(|_| fault("an item before the first"))?),
                key => Step::Field(key.as_text().ok_or_else(|| fault("a key that is no text"))?.to_owned()),
            },
        });
    }
    Ok(steps)
}

fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => text.push_str(&format!(".{name}")),
            Step::Item(at) => text.push_str(&format!("[{at}]")),
        }
    }
    text
}

fn at<'v>(object: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(object, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Item(at) => value.get(*at),
    })
}

/// Puts a value, making the maps on the way to it.
fn put(object: &mut Value, path: &[Step], value: Value) -> Result<(), Failed> {
    let mut place = object;
    for step in path {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = match (step, place) {
            (Step::Field(name), Value::Object(map)) => map.entry(name.clone()).or_insert(Value::Null),
            (Step::Item(at), Value::Array(items)) => {
                items.get_mut(*at).ok_or_else(|| fault("an item that is not there"))?
            }
            _ => return Err(fault(format!("{} is not there to be written", dotted(path)))),
        };
    }
    *place = value;
    Ok(())
}

fn remove(object: &mut Value, path: &[Step]) {
    let Some((last, base)) = path.split_last() else { return };
    let base = base.iter().try_fold(object, |value, step| match step {
        Step::Field(name) => value.get_mut(name),
        Step::Item(at) => value.get_mut(*at),
    });
    match (base, last) {
        (Some(Value::Object(map)), Step::Field(name)) => {
            map.remove(name);
        }
        (Some(Value::Array(items)), Step::Item(at)) if *at < items.len() => {
            items.remove(*at);
        }
        _ => {}
    }
}

//! MutatingAdmissionPolicies: each statement of a mutation is a JSON Patch that CEL computes over the object as the
//! statements before it left it.

use std::collections::BTreeSet;
use std::sync::Arc;

use kspec_model::rules::{BoundMutation, Change, Each, Engine, Expr, Op, Operation, Root, Table, Write};
use serde_json::{Map, Value, json};

use super::cel::{Patch, Place, Printer, Unsaid, quote};
use super::policy::{failure_word, namespace_selector};
use super::targets::{Shape, resource_rules, shapes};
use super::{left_out, minor, order};
use crate::names;

/// The version from which the API server takes mutations in CEL without a feature gate.
const SINCE: u32 = 36;

/// A policy and its binding.
pub(crate) struct MutationPolicy {
    /// Name of both.
    pub(crate) name: String,
    /// What it does.
    pub(crate) doc: String,
    /// Index of its mutation in the table.
    pub(crate) at: usize,
    /// The policy's `spec`.
    pub(crate) spec: Value,
    /// The binding's `spec`.
    pub(crate) binding: Value,
}

/// The policies of a table's mutations, in order.
pub(crate) fn mutation_policies(table: &Table) -> Vec<MutationPolicy> {
    let minor = minor(&table.kubernetes);
    let mut policies = Vec::new();
    for (at, bound) in table.mutations.iter().enumerate().filter(|(_, bound)| bound.engine == Engine::Cel) {
        let Ok(expressions) = expressions(bound, minor) else { continue };
        for (number, (shape, patches)) in shapes(&bound.mutation.targets).iter().zip(expressions).enumerate() {
            let Ok(spec) = spec(bound, shape, &patches, minor) else { continue };
            let text = format!("{}-mutate-{}-{number}", table.project, bound.id);
            let name = names::dns(&text.to_ascii_lowercase(), &text);
            let mut binding = json!({ "policyName": name });
            let selector = namespace_selector(&bound.scope);
            if selector.as_object().is_some_and(|selector| !selector.is_empty())
                && let Some(binding) = binding.as_object_mut()
            {
                binding.insert("matchResources".to_owned(), json!({ "namespaceSelector": selector }));
            }
            let doc = bound.mutation.help.clone().unwrap_or_else(|| format!("Runs {}", bound.mutation.name));
            policies.push(MutationPolicy { name, doc, at, spec, binding });
        }
    }
    policies
}

fn spec(bound: &BoundMutation, shape: &Shape<'_>, patches: &[String], minor: u32) -> Result<Value, Unsaid> {
    let mut conditions: Vec<Value> = Vec::new();
    if !shape.template.is_empty() {
        conditions.push(json!({ "name": "has-template", "expression": format!("{} != null", shape.roots().object) }));
    }
    if let Some(applies) = shape.applies {
        let expression = Printer::new(minor, shape.roots(), None).condition(applies)?;
        conditions.push(json!({ "name": "in-scope", "expression": expression }));
    }
    let mut spec = Map::new();
    spec.insert("failurePolicy".to_owned(), json!(failure_word(bound.failure_policy)));
    // Others' defaults may come after: what changes nothing the second time may be asked again.
    spec.insert("reinvocationPolicy".to_owned(), json!("IfNeeded"));
    spec.insert(
        "matchConstraints".to_owned(),
        json!({ "matchPolicy": "Equivalent", "resourceRules": resource_rules(&shape.meets) }),
    );
    if !conditions.is_empty() {
        spec.insert("matchConditions".to_owned(), Value::Array(conditions));
    }
    let patch = |expression: &String| json!({ "patchType": "JSONPatch", "jsonPatch": { "expression": expression } });
    spec.insert("mutations".to_owned(), Value::Array(patches.iter().map(patch).collect()));
    Ok(Value::Object(spec))
}

/// A mutation's patches in CEL, in order, for each shape of its targets.
pub(super) fn expressions(bound: &BoundMutation, minor: u32) -> Result<Vec<Vec<String>>, Unsaid> {
    if minor < SINCE {
        return Err(Unsaid(format!("mutations in CEL are on by default from Kubernetes 1.{SINCE}")));
    }
    let mut all = Vec::new();
    for shape in shapes(&bound.mutation.targets) {
        let operations: BTreeSet<Operation> = shape.meets.iter().flat_map(|meets| &meets.operations).copied().collect();
        if operations.contains(&Operation::Connect) || operations.contains(&Operation::Delete) {
            return Err(Unsaid("CEL changes objects on CREATE and UPDATE only".to_owned()));
        }
        if let Some(applies) = shape.applies {
            Printer::new(minor, shape.roots(), None).condition(applies)?;
        }
        let body = bound.mutation.bodies.get(shape.body).map_or(&[][..], Vec::as_slice);
        order::check(body)?;
        let pointer: String = shape.template.iter().map(|name| format!("/{name}")).collect();
        let mut writer = Writer { shape: &shape, minor, pointer, around: Vec::new(), patches: Vec::new() };
        writer.changes(body)?;
        all.push(writer.patches);
    }
    Ok(all)
}

/// What stands around a statement.
#[derive(Clone, Copy)]
enum Around<'m> {
    If(&'m Expr),
    For { item: &'m Arc<str>, over: &'m Expr },
}

struct Writer<'m, 's> {
    shape: &'s Shape<'s>,
    minor: u32,
    pointer: String,
    around: Vec<Around<'m>>,
    patches: Vec<String>,
}

impl<'m> Writer<'m, '_> {
    fn changes(&mut self, changes: &'m [Change]) -> Result<(), Unsaid> {
        changes.iter().try_for_each(|change| self.change(change))
    }

    fn change(&mut self, change: &'m Change) -> Result<(), Unsaid> {
        match change {
            Change::For { item, over, body } => {
                for list in over {
                    self.around.push(Around::For { item, over: list });
                    let done = self.changes(body);
                    self.around.pop();
                    done?;
                }
                Ok(())
            }
            Change::If { when, body } => {
                self.around.push(Around::If(when));
                let done = self.changes(body);
                self.around.pop();
                done
            }
            Change::Write { write, place, value, keys, .. } => {
                let contradicted = (*write == Write::Default).then(|| left_out::contradicted(place)).flatten();
                self.statement(place, &|printer, place| match write {
                    Write::Default => printer.defaulted(place, value, contradicted.as_ref()),
                    Write::Set => printer.set(place, value),
                    Write::Append => printer.appended(place, value, keys),
                })
            }
            Change::Remove { place, .. } => self.statement(place, &|printer, place| printer.removed(place)),
        }
    }

    fn statement(
        &mut self,
        place: &Expr,
        write: &dyn Fn(&mut Printer<'_>, &Place) -> Result<Patch, Unsaid>,
    ) -> Result<(), Unsaid> {
        let mut printer = Printer::new(self.minor, self.shape.roots(), None);
        let patch = self.nested(&mut printer, &self.around, Vec::new(), place, write)?;
        self.patches.push(patch);
        Ok(())
    }

    /// A statement inside what is around it: a `list(JSONPatch)`.
    fn nested(
        &self,
        printer: &mut Printer<'_>,
        around: &[Around<'m>],
        items: Vec<(Arc<str>, String)>,
        place: &Expr,
        write: &dyn Fn(&mut Printer<'_>, &Place) -> Result<Patch, Unsaid>,
    ) -> Result<String, Unsaid> {
        match around.split_first() {
            None => {
                let place = self.place(printer, place, &items)?;
                Ok(write(printer, &place)?.0)
            }
            Some((Around::If(when), rest)) => {
                let when = printer.condition(when)?;
                let inner = self.nested(printer, rest, items, place, write)?;
                Ok(format!("({when}) ? ({inner}) : []"))
            }
            Some((Around::For { item, over }, rest)) => {
                let (list, filter) = match &over.op {
                    Op::Each { what: Each::Filter, over, item, value: None, body } => (&**over, Some((item, body))),
                    _ => (*over, None),
                };
                let at = self.place(printer, list, &items)?;
                let index = format!("i{}", items.len());
                let text = printer.list_text(list)?;
                let mut items = items;
                items.push((Arc::clone(item), format!("{} + '/' + string({index})", at.whole())));
                printer.with_item(item, |printer, name| {
                    let filter = match filter {
                        Some((var, body)) => printer.with_alias(var, item, |printer| printer.condition(body))?,
                        None => "true".to_owned(),
                    };
                    let inner = self.nested(printer, rest, items, place, write)?;
                    Ok(format!("{text}.transformList({index}, {name}, {filter}, {inner}).flatten()"))
                })
            }
        }
    }

    fn place(&self, printer: &mut Printer<'_>, place: &Expr, items: &[(Arc<str>, String)]) -> Result<Place, Unsaid> {
        let mut steps: Vec<&Op> = Vec::new();
        let mut at = place;
        let pointer = loop {
            match &at.op {
                Op::Field(base, _) | Op::Index(base, _) => {
                    steps.push(&at.op);
                    at = base;
                }
                Op::Root(Root::Object) => break quote(&self.pointer),
                Op::Var(var) => {
                    let found = items.iter().rev().find(|(item, _)| item == var);
                    break found
                        .map(|(_, pointer)| pointer.clone())
                        .ok_or_else(|| Unsaid("a place is none in the object".to_owned()))?;
                }
                _ => return Err(Unsaid("a place is none in the object".to_owned())),
            }
        };
        steps.reverse();
        printer.place(at, pointer, &steps)
    }
}

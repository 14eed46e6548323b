//! Evaluation of expressions.

use std::sync::Arc;

use kspec_model::rules::{Comparison, Each, Lookup, Root, Ty};
use serde_json::Value;

use crate::arithmetic::negate;
use crate::compile::Node;
use crate::convert::convert;
use crate::equal::{compare, equal};
use crate::fault::{Failed, fault, needs};
use crate::methods;
use crate::paths::{Kept, Paths, Shared, Start};
use crate::review::Objects;
use crate::value::{Text, Val};

/// Steps that one rule may take on one request; a step is one node, or one item of a list. A rule of the library takes
/// some hundreds on a pod.
const FUEL: u32 = 500_000;
/// The longest text, in bytes.
const TEXT: usize = 1 << 20;

/// What a rule is evaluated over.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) object: Option<&'a Value>,
    pub(crate) old: Option<&'a Value>,
    pub(crate) request: &'a Value,
    pub(crate) namespace: Namespace<'a>,
    pub(crate) objects: &'a dyn Objects,
}

/// The namespace of a request's object.
#[derive(Clone, Copy)]
pub(crate) enum Namespace<'a> {
    /// It stands in none.
    None,
    /// This.
    Known(&'a Value),
    /// It stands in one of which nothing is known.
    Unknown,
}

/// The evaluation of rules, one after the other, on one request.
pub(crate) struct Frame<'a> {
    pub(crate) input: Input<'a>,
    slots: Vec<Val<'a>>,
    /// For each slot that holds an item of a list that a path leads to: where what is known of the item is kept.
    rows: Vec<Option<usize>>,
    fuel: u32,
    kept: Kept<'a>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(input: Input<'a>, slots: usize) -> Self {
        let mut frame = Self { input, slots: Vec::new(), rows: Vec::new(), fuel: 0, kept: Kept::default() };
        frame.begin(slots);
        frame
    }

    /// A frame for rules whose paths have these numbers.
    pub(crate) fn sharing(input: Input<'a>, paths: &Paths) -> Self {
        Self { kept: paths.room(), ..Self::new(input, 0) }
    }

    /// Makes ready for the next rule.
    pub(crate) fn begin(&mut self, slots: usize) {
        self.slots.clear();
        self.slots.resize_with(slots, || Val::Absent);
        self.rows.clear();
        self.rows.resize(slots, None);
        self.fuel = FUEL;
    }

    /// What a path leads to.
    fn shared(&mut self, path: &'a Shared) -> Result<Val<'a>, Failed> {
        self.spend(path.steps - 1)?;
        let row = self.row(path);
        if let Some(value) = row.and_then(|row| self.kept.get(row, path)) {
            return Ok(value.clone());
        }
        let fuel = self.fuel;
        // What is paid for already.
        self.fuel = FUEL;
        let value = self.eval(&path.plain)?;
        self.fuel = fuel;
        if let Some(row) = row {
            self.kept.put(row, path, &value);
        }
        Ok(value)
    }

    fn row(&self, path: &Shared) -> Option<usize> {
        match path.start {
            Start::Request => Some(0),
            Start::Item(slot) => self.rows.get(slot).copied().flatten(),
        }
    }

    /// Where what is known of a list's items is kept.
    pub(crate) fn rows_of(&mut self, node: &Node, list: &Val<'a>) -> Option<usize> {
        match (node, list) {
            (Node::Shared(path), Val::JsonList(items, _)) => self.kept.rows(self.row(path)?, path, items.len()),
            _ => None,
        }
    }

    /// Puts a list's item into a slot, with what is known of it.
    pub(crate) fn set_item(&mut self, slot: usize, value: Val<'a>, row: Option<(usize, usize)>) {
        self.set(slot, value);
        if let Some(place) = self.rows.get_mut(slot) {
            *place = row.map(|(first, at)| self.kept.row(first, at));
        }
    }

    pub(crate) fn set(&mut self, slot: usize, value: Val<'a>) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = value;
        }
    }

    /// Takes steps.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Failed> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.fuel = self.fuel.checked_sub(steps).ok_or_else(|| fault(format!("more than {FUEL} steps")))?;
        Ok(())
    }

    /// Text, unless it is too long.
    pub(crate) fn text(&mut self, text: String) -> Result<Val<'a>, Failed> {
        if text.len() > TEXT {
            return Err(fault(format!("a text of more than {TEXT} bytes")));
        }
        self.spend(text.len() / 64)?;
        Ok(Val::text(text))
    }

    /// Whether a condition holds; an absent one does not.
    pub(crate) fn holds(&mut self, node: &'a Node) -> Result<bool, Failed> {
        let value = match node {
            Node::Not(_)
            | Node::Compare(..)
            | Node::Equal(..)
            | Node::And(_)
            | Node::Or(_)
            | Node::In(..)
            | Node::Exists(_) => {
                self.spend(1)?;
                return self.truth(node);
            }
            node => self.eval(node)?,
        };
        match value {
            Val::Bool(value) => Ok(value),
            Val::Absent => Ok(false),
            _ => Err(fault("a condition that is neither true nor false")),
        }
    }

    /// What is always true or false, its own step paid for.
    fn truth(&mut self, node: &'a Node) -> Result<bool, Failed> {
        Ok(match node {
            Node::Not(inner) => !self.holds(inner)?,
            Node::Equal(a, b) => match &**b {
                Node::Const(b) => {
                    let a = self.eval(a)?;
                    self.spend(1)?;
                    equal(&a, b)
                }
                b => equal(&self.eval(a)?, &self.eval(b)?),
            },
            Node::And(parts) => {
                for part in parts {
                    if !self.holds(part)? {
                        return Ok(false);
                    }
                }
                true
            }
            Node::Or(parts) => {
                for part in parts {
                    if self.holds(part)? {
                        return Ok(true);
                    }
                }
                false
            }
            Node::Compare(op, a, b) => {
                let (a, b) = (self.eval(a)?, self.eval(b)?);
                if matches!(a, Val::Absent) || matches!(b, Val::Absent) {
                    return Ok(false);
                }
                let ordering = compare(&a, &b).ok_or_else(|| fault("values that have no common order"))?;
                match op {
                    Comparison::Lt => ordering.is_lt(),
                    Comparison::Le => ordering.is_le(),
                    Comparison::Gt => ordering.is_gt(),
                    Comparison::Ge => ordering.is_ge(),
                }
            }
            Node::In(needle, container) => {
                let needle = self.eval(needle)?;
                match &**container {
                    Node::Const(container) => {
                        self.spend(1)?;
                        self.is_in(&needle, container)?
                    }
                    container => {
                        let container = self.eval(container)?;
                        self.is_in(&needle, &container)?
                    }
                }
            }
            Node::Exists(base) => !matches!(self.eval(base)?, Val::Absent),
            _ => return Err(fault("a condition that is neither true nor false")),
        })
    }

    pub(crate) fn eval(&mut self, node: &'a Node) -> Result<Val<'a>, Failed> {
        self.spend(1)?;
        match node {
            // A text is as long here as the table.
            Node::Const(Val::Text(text)) => Ok(Val::Text(Text::Borrowed(text.as_str()))),
            Node::Const(value) => Ok(value.clone()),
            Node::Shared(path) => self.shared(path),
            Node::Slot(slot) => Ok(self.slots.get(*slot).cloned().unwrap_or(Val::Absent)),
            Node::Field(base, name, ty) => {
                let base = self.eval(base)?;
                field(base, name, ty)
            }
            Node::Not(_)
            | Node::Compare(..)
            | Node::Equal(..)
            | Node::And(_)
            | Node::Or(_)
            | Node::In(..)
            | Node::Exists(_) => self.truth(node).map(Val::Bool),
            node => self.compound(node),
        }
    }

    /// The rest of them; apart, so that the others need less of the stack.
    #[inline(never)]
    fn compound(&mut self, node: &'a Node) -> Result<Val<'a>, Failed> {
        Ok(match node {
            Node::Root(root) => self.root(*root)?,
            Node::Index(base, key, ty) => {
                let (base, key) = (self.eval(base)?, self.eval(key)?);
                index(&base, &key, ty)?
            }
            Node::Negate(inner) => negate(self.eval(inner)?)?,
            Node::Arithmetic(op, a, b) => {
                let (a, b) = (self.eval(a)?, self.eval(b)?);
                self.arithmetic(*op, a, b)?
            }
            Node::If(condition, then, otherwise) => {
                let taken = if self.holds(condition)? { then } else { otherwise };
                self.eval(taken)?
            }
            Node::Coalesce(first, second) => match self.eval(first)? {
                Val::Absent => self.eval(second)?,
                value => value,
            },
            Node::InRange(value, low, high) => {
                let (value, low, high) = (self.eval(value)?, self.eval(low)?, self.eval(high)?);
                let within = |bound: &Val<'_>| compare(&value, bound);
                Val::Bool(within(&low).is_some_and(|at| at.is_ge()) && within(&high).is_some_and(|at| at.is_le()))
            }
            Node::List(parts) => {
                let parts = parts.iter().map(|part| self.eval(part)).collect::<Result<_, _>>()?;
                Val::list(parts)
            }
            Node::Record(fields) => {
                let mut record = std::collections::BTreeMap::new();
                for (name, value) in fields {
                    let value = self.eval(value)?;
                    if !matches!(value, Val::Absent) {
                        record.insert(Text::Borrowed(name), value);
                    }
                }
                Val::Map(Arc::new(record))
            }
            Node::Each { what, over, item, value, body } => self.each(*what, over, *item, *value, body)?,
            Node::Matches(base, regex) => match self.eval(base)? {
                Val::Absent => Val::Absent,
                text => {
                    let text = text.as_text().ok_or_else(|| fault("a regular expression looks into text"))?;
                    self.spend(text.len() / 16)?;
                    Val::Bool(regex.is_match(text))
                }
            },
            Node::Call(method, base, arguments, ty) => {
                let base = self.eval(base)?;
                let arguments = arguments.iter().map(|argument| self.eval(argument)).collect::<Result<Vec<_>, _>>()?;
                methods::call(*method, base, &arguments, ty, self)?
            }
            Node::Convert(base, ty) => {
                let value = self.eval(base)?;
                convert(value, ty)?
            }
            Node::Let(slot, value, body) => {
                let value = self.eval(value)?;
                self.set(*slot, value);
                self.eval(body)?
            }
            Node::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    let value = self.eval(part)?;
                    match value.as_text() {
                        Some(part) => text.push_str(part),
                        None => text.push_str(&value.printed().unwrap_or_default()),
                    }
                    if text.len() > TEXT {
                        break;
                    }
                }
                self.text(text)?
            }
            Node::All(lookup) => {
                let objects = self.input.objects.all(lookup).ok_or_else(|| needs(lookup.clone()))?;
                const OBJECT: &Ty = &Ty::Object;
                Val::JsonList(objects, OBJECT)
            }
            _ => return Err(fault("an expression of no known form")),
        })
    }

    fn root(&self, root: Root) -> Result<Val<'a>, Failed> {
        let json = match root {
            Root::Object => self.input.object,
            Root::Old => self.input.old,
            Root::Request => Some(self.input.request),
            Root::Namespace => match self.input.namespace {
                Namespace::None => None,
                Namespace::Known(json) => Some(json),
                Namespace::Unknown => return Err(needs(namespaces())),
            },
        };
        json.map_or(Ok(Val::Absent), |json| Val::of_json(json, &Ty::Object))
    }

    fn is_in(&mut self, needle: &Val<'a>, container: &Val<'a>) -> Result<bool, Failed> {
        if matches!(needle, Val::Absent) {
            return Ok(false);
        }
        Ok(match container {
            Val::Absent => false,
            Val::List(items) => {
                self.spend(items.len())?;
                items.iter().any(|item| equal(item, needle))
            }
            Val::JsonList(items, ty) => {
                self.spend(items.len())?;
                for json in *items {
                    if equal(&Val::of_json(json, ty)?, needle) {
                        return Ok(true);
                    }
                }
                false
            }
            Val::Cidr(outer) => match needle {
                Val::Cidr(inner) => outer.contains(inner),
                _ => false,
            },
            map => match needle.as_text() {
                Some(key) => methods::has(map, key),
                None => false,
            },
        })
    }

    fn each(
        &mut self,
        what: Each,
        over: &'a Node,
        item: usize,
        value: Option<usize>,
        body: &'a Node,
    ) -> Result<Val<'a>, Failed> {
        let list = over;
        let over = self.eval(list)?;
        if let Some(slot) = value {
            return self.each_entry(what, &over, (item, slot), body);
        }
        let rows = self.rows_of(list, &over);
        let mut kept = Vec::new();
        let mut held = 0_usize;
        let mut at = 0;
        while let Some(current) = methods::item(&over, at)? {
            self.spend(1)?;
            self.set_item(item, current.clone(), rows.map(|first| (first, at)));
            at += 1;
            if what == Each::Map {
                kept.push(self.eval(body)?);
                continue;
            }
            let holds = self.holds(body)?;
            held += usize::from(holds);
            match (what, holds) {
                (Each::Any, true) => return Ok(Val::Bool(true)),
                (Each::All, false) | (Each::None, true) => return Ok(Val::Bool(false)),
                (Each::Filter, true) => kept.push(current),
                _ => {}
            }
        }
        Ok(verdict(what, held).unwrap_or_else(|| Val::list(kept)))
    }

    fn each_entry(
        &mut self,
        what: Each,
        over: &Val<'a>,
        (key_slot, value_slot): (usize, usize),
        body: &'a Node,
    ) -> Result<Val<'a>, Failed> {
        let Some(entries) = methods::entries(over)? else { return Err(fault("a method of maps on something else")) };
        let mut mapped = Vec::new();
        let mut kept = std::collections::BTreeMap::new();
        let mut held = 0_usize;
        for (key, value) in entries {
            self.spend(1)?;
            self.set(key_slot, Val::Text(key.clone()));
            self.set(value_slot, value.clone());
            if what == Each::Map {
                mapped.push(self.eval(body)?);
                continue;
            }
            let holds = self.holds(body)?;
            held += usize::from(holds);
            match (what, holds) {
                (Each::Any, true) => return Ok(Val::Bool(true)),
                (Each::All, false) | (Each::None, true) => return Ok(Val::Bool(false)),
                (Each::Filter, true) => {
                    kept.insert(key, value);
                }
                _ => {}
            }
        }
        Ok(verdict(what, held)
            .unwrap_or_else(|| if what == Each::Map { Val::list(mapped) } else { Val::Map(Arc::new(kept)) }))
    }
}

/// What is answered at the end of a list where nothing answered before.
fn verdict<'a>(what: Each, held: usize) -> Option<Val<'a>> {
    Some(match what {
        Each::Any => Val::Bool(false),
        Each::All | Each::None => Val::Bool(true),
        Each::One => Val::Bool(held == 1),
        Each::Count => Val::count(held),
        Each::Filter | Each::Map => return None,
    })
}

/// What an unknown namespace is looked up as.
pub(crate) fn namespaces() -> Lookup {
    Lookup { group: "".into(), version: "v1".into(), resource: "namespaces".into(), kind: "Namespace".into() }
}

fn field<'a>(base: Val<'a>, name: &str, ty: &'a Ty) -> Result<Val<'a>, Failed> {
    let of = |json: Option<&'a Value>, ty: &'a Ty| json.map_or(Ok(Val::Absent), |json| Val::of_json(json, ty));
    let part = |part: &Option<Arc<str>>| part.clone().map_or(Val::Absent, Val::text);
    match base {
        Val::Absent => Ok(Val::Absent),
        Val::JsonObject(map) | Val::JsonMap(map, _) => of(map.get(name), ty),
        Val::Any(json) => of(json.get(name), ty),
        Val::Map(map) => Ok(map.get(name).cloned().unwrap_or(Val::Absent)),
        Val::Image(image) => Ok(match name {
            "registry" => Val::text(Arc::clone(&image.registry)),
            "repository" => Val::text(Arc::clone(&image.repository)),
            "tag" => part(&image.tag),
            _ => part(&image.digest),
        }),
        _ => Err(fault(format!("`{name}` of something that has no fields"))),
    }
}

fn index<'a>(base: &Val<'a>, key: &Val<'a>, ty: &'a Ty) -> Result<Val<'a>, Failed> {
    let at = |len: usize| match key {
        Val::Int(at) => usize::try_from(*at).ok().filter(|at| *at < len),
        _ => None,
    };
    match base {
        Val::Absent => Ok(Val::Absent),
        Val::List(items) => Ok(at(items.len()).and_then(|at| items.get(at)).cloned().unwrap_or(Val::Absent)),
        Val::JsonList(items, item) => {
            at(items.len()).and_then(|at| items.get(at)).map_or(Ok(Val::Absent), |json| Val::of_json(json, item))
        }
        base => match key.as_text() {
            Some(key) => field(base.clone(), key, ty),
            None => Ok(Val::Absent),
        },
    }
}

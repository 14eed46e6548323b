//! Evaluation of expressions.

use std::sync::Arc;

use kspec_model::rules::{Arithmetic, Comparison, Each, Lookup, Root, Ty};
use serde_json::Value;

use crate::compile::Node;
use crate::equal::{compare, equal};
use crate::fault::{Fault, fault};
use crate::literal::{Duration, Image, Quantity};
use crate::methods;
use crate::review::Objects;
use crate::value::{Text, Val};

/// Steps that one rule may take on one request; a step is one node, or one item of a list. A rule of the library takes
/// some hundreds on a pod.
const FUEL: u32 = 500_000;
/// The longest text, in bytes.
const TEXT: usize = 1 << 20;

/// What a rule is evaluated over.
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

/// One rule's evaluation of one request.
pub(crate) struct Frame<'a> {
    pub(crate) input: &'a Input<'a>,
    slots: Vec<Val<'a>>,
    fuel: u32,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(input: &'a Input<'a>, slots: usize) -> Self {
        Self { input, slots: vec![Val::Absent; slots], fuel: FUEL }
    }

    pub(crate) fn set(&mut self, slot: usize, value: Val<'a>) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = value;
        }
    }

    /// Takes steps.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Fault> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.fuel = self.fuel.checked_sub(steps).ok_or_else(|| fault(format!("more than {FUEL} steps")))?;
        Ok(())
    }

    /// Text, unless it is too long.
    pub(crate) fn text(&mut self, text: String) -> Result<Val<'a>, Fault> {
        if text.len() > TEXT {
            return Err(fault(format!("a text of more than {TEXT} bytes")));
        }
        self.spend(text.len() / 64)?;
        Ok(Val::text(text))
    }

    /// Whether a condition holds; an absent one does not.
    pub(crate) fn holds(&mut self, node: &'a Node) -> Result<bool, Fault> {
        match self.eval(node)? {
            Val::Bool(value) => Ok(value),
            Val::Absent => Ok(false),
            _ => Err(fault("a condition that is neither true nor false")),
        }
    }

    pub(crate) fn eval(&mut self, node: &'a Node) -> Result<Val<'a>, Fault> {
        self.spend(1)?;
        Ok(match node {
            Node::Const(value) => value.clone(),
            Node::Slot(slot) => self.slots.get(*slot).cloned().unwrap_or(Val::Absent),
            Node::Root(root) => self.root(*root)?,
            Node::Field(base, name, ty) => {
                let base = self.eval(base)?;
                field(base, name, ty)?
            }
            Node::Index(base, key, ty) => {
                let (base, key) = (self.eval(base)?, self.eval(key)?);
                index(&base, &key, ty)?
            }
            Node::Not(inner) => Val::Bool(!self.holds(inner)?),
            Node::Negate(inner) => negate(self.eval(inner)?)?,
            Node::Arithmetic(op, a, b) => {
                let (a, b) = (self.eval(a)?, self.eval(b)?);
                self.arithmetic(*op, a, b)?
            }
            Node::Compare(op, a, b) => {
                let (a, b) = (self.eval(a)?, self.eval(b)?);
                if matches!(a, Val::Absent) || matches!(b, Val::Absent) {
                    return Ok(Val::Bool(false));
                }
                let ordering = compare(&a, &b).ok_or_else(|| fault("values that have no common order"))?;
                Val::Bool(match op {
                    Comparison::Lt => ordering.is_lt(),
                    Comparison::Le => ordering.is_le(),
                    Comparison::Gt => ordering.is_gt(),
                    Comparison::Ge => ordering.is_ge(),
                })
            }
            Node::Equal(a, b) => Val::Bool(equal(&self.eval(a)?, &self.eval(b)?)),
            Node::And(parts) => {
                for part in parts {
                    if !self.holds(part)? {
                        return Ok(Val::Bool(false));
                    }
                }
                Val::Bool(true)
            }
            Node::Or(parts) => {
                for part in parts {
                    if self.holds(part)? {
                        return Ok(Val::Bool(true));
                    }
                }
                Val::Bool(false)
            }
            Node::If(condition, then, otherwise) => {
                let taken = if self.holds(condition)? { then } else { otherwise };
                self.eval(taken)?
            }
            Node::Coalesce(first, second) => match self.eval(first)? {
                Val::Absent => self.eval(second)?,
                value => value,
            },
            Node::In(needle, container) => {
                let (needle, container) = (self.eval(needle)?, self.eval(container)?);
                Val::Bool(self.is_in(&needle, &container)?)
            }
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
            Node::Exists(base) => Val::Bool(!matches!(self.eval(base)?, Val::Absent)),
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
                let objects = self.input.objects.all(lookup).ok_or_else(|| Fault::NeedsCluster(lookup.clone()))?;
                const OBJECT: &Ty = &Ty::Object;
                Val::JsonList(objects, OBJECT)
            }
        })
    }

    fn root(&self, root: Root) -> Result<Val<'a>, Fault> {
        let json = match root {
            Root::Object => self.input.object,
            Root::Old => self.input.old,
            Root::Request => Some(self.input.request),
            Root::Namespace => match self.input.namespace {
                Namespace::None => None,
                Namespace::Known(json) => Some(json),
                Namespace::Unknown => return Err(Fault::NeedsCluster(namespaces())),
            },
        };
        json.map_or(Ok(Val::Absent), |json| Val::of_json(json, &Ty::Object))
    }

    fn arithmetic(&mut self, op: Arithmetic, a: Val<'a>, b: Val<'a>) -> Result<Val<'a>, Fault> {
        let value = match (a, b) {
            // An absent list counts as empty.
            (Val::Absent, list @ (Val::List(_) | Val::JsonList(..)))
            | (list @ (Val::List(_) | Val::JsonList(..)), Val::Absent) => Some(list),
            (Val::Absent, _) | (_, Val::Absent) => Some(Val::Absent),
            (Val::Int(a), Val::Int(b)) => integer(op, a, b).map(Val::Int),
            (Val::Quantity(a), Val::Quantity(b)) => quantity(op, a, b).map(Val::Quantity),
            (Val::Quantity(a), Val::Int(b)) => match op {
                Arithmetic::Mul => a.checked_mul(b),
                Arithmetic::Div => a.checked_div(b),
                op => quantity(op, a, Quantity::of_int(b)),
            }
            .map(Val::Quantity),
            (Val::Int(a), Val::Quantity(b)) => match op {
                Arithmetic::Mul => b.checked_mul(a),
                op => quantity(op, Quantity::of_int(a), b),
            }
            .map(Val::Quantity),
            (Val::Duration(a), Val::Duration(b)) => duration(integer(op, a.nanos, b.nanos)),
            (Val::Duration(a), Val::Int(b)) => duration(integer(op, a.nanos, b)),
            (Val::Int(a), Val::Duration(b)) => duration(integer(op, a, b.nanos)),
            (a, b) => {
                if let (Some(a), Some(b)) = (a.as_text(), b.as_text()) {
                    return self.text(format!("{a}{b}"));
                }
                if let (Some(mut items), Some(more)) = (methods::items(&a)?, methods::items(&b)?) {
                    self.spend(items.len() + more.len())?;
                    items.extend(more);
                    return Ok(Val::list(items));
                }
                match (number(&a), number(&b)) {
                    (Some(a), Some(b)) => float(op, a, b).map(Val::Float),
                    _ => return Err(fault("values that cannot be reckoned with")),
                }
            }
        };
        value.ok_or_else(|| fault("a number too large, or a division by zero"))
    }

    fn is_in(&mut self, needle: &Val<'a>, container: &Val<'a>) -> Result<bool, Fault> {
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
    ) -> Result<Val<'a>, Fault> {
        let over = self.eval(over)?;
        if let Some(slot) = value {
            return self.each_entry(what, &over, (item, slot), body);
        }
        let mut kept = Vec::new();
        let mut held = 0_usize;
        let mut at = 0;
        while let Some(current) = methods::item(&over, at)? {
            at += 1;
            self.spend(1)?;
            self.set(item, current.clone());
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
    ) -> Result<Val<'a>, Fault> {
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

fn field<'a>(base: Val<'a>, name: &str, ty: &'a Ty) -> Result<Val<'a>, Fault> {
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

fn index<'a>(base: &Val<'a>, key: &Val<'a>, ty: &'a Ty) -> Result<Val<'a>, Fault> {
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

fn convert<'a>(value: Val<'a>, ty: &Ty) -> Result<Val<'a>, Fault> {
    let wanted = ty.present();
    // What cannot be read is absent where that is allowed for.
    let read = |value: Option<Val<'a>>, text: &str| match value {
        Some(value) => Ok(value),
        None if ty.is_optional() => Ok(Val::Absent),
        None => Err(fault(format!("`{text}` cannot be read"))),
    };
    match (value, wanted) {
        (Val::Absent, _) => Ok(Val::Absent),
        (Val::Any(json), wanted) => Ok(stated(json, wanted)),
        (value, Ty::Text) => match value.printed() {
            Some(text) => Ok(Val::text(text)),
            None => Err(fault("a text of something that has none")),
        },
        (value @ Val::Image(_), Ty::Image) => Ok(value),
        (value @ Val::Quantity(_), Ty::Quantity) => Ok(value),
        (value @ Val::Duration(_), Ty::Duration) => Ok(value),
        (value @ Val::Cidr(_), Ty::Cidr) => Ok(value),
        (value @ (Val::Int(_) | Val::Text(_)), Ty::IntOrString) => Ok(value),
        (value @ Val::Int(_), Ty::Int) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "a number beside a fraction is small")]
        (Val::Int(value), Ty::Float) => Ok(Val::Float(value as f64)),
        (Val::Int(value), Ty::Quantity) => Ok(Val::Quantity(Quantity::of_int(value))),
        (value, wanted) => {
            let Some(text) = value.as_text() else { return Ok(value) };
            read(
                match wanted {
                    Ty::Image => Image::parse(text).ok().map(|image| Val::Image(Arc::new(image))),
                    Ty::Quantity => Quantity::parse(text).ok().map(Val::Quantity),
                    Ty::Duration => Duration::parse_text(text).map(Val::Duration),
                    Ty::Cidr => methods::block(text).map(Val::Cidr),
                    Ty::Int => text.parse().ok().map(Val::Int),
                    Ty::Date => crate::literal::parse_date(text).ok().map(Val::Date),
                    _ => return Ok(value),
                },
                text,
            )
        }
    }
}

/// What a free-form field holds, if it is what it is stated to be.
fn stated<'a>(json: &'a Value, wanted: &Ty) -> Val<'a> {
    const ANY: &Ty = &Ty::Any;
    match (wanted, json) {
        (Ty::Text, Value::String(text)) => Val::Text(Text::Borrowed(text)),
        (Ty::Int, Value::Number(number)) => number.as_i64().map_or(Val::Absent, Val::Int),
        (Ty::Bool, Value::Bool(value)) => Val::Bool(*value),
        (Ty::List(_), Value::Array(items)) => Val::JsonList(items, ANY),
        (Ty::Map(_) | Ty::Object, Value::Object(map)) => Val::JsonMap(map, ANY),
        (Ty::Any, json) => Val::Any(json),
        _ => Val::Absent,
    }
}

fn negate(value: Val<'_>) -> Result<Val<'_>, Fault> {
    Ok(match value {
        Val::Absent => Val::Absent,
        Val::Int(value) => Val::Int(value.checked_neg().ok_or_else(|| fault("a number too large"))?),
        Val::Float(value) => Val::Float(-value),
        Val::Quantity(value) => Val::Quantity(value.negate()),
        Val::Duration(value) => {
            let nanos = value.nanos.checked_neg().ok_or_else(|| fault("a duration too long"))?;
            Val::Duration(Duration { nanos })
        }
        _ => return Err(fault("the negative of something that is no number")),
    })
}

fn duration<'a>(nanos: Option<i64>) -> Option<Val<'a>> {
    nanos.map(|nanos| Val::Duration(Duration { nanos }))
}

const fn integer(op: Arithmetic, a: i64, b: i64) -> Option<i64> {
    match op {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Sub => a.checked_sub(b),
        Arithmetic::Mul => a.checked_mul(b),
        Arithmetic::Div => a.checked_div(b),
        Arithmetic::Rem => a.checked_rem(b),
    }
}

fn quantity(op: Arithmetic, a: Quantity, b: Quantity) -> Option<Quantity> {
    match op {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Sub => a.checked_sub(b),
        _ => None,
    }
}

fn float(op: Arithmetic, a: f64, b: f64) -> Option<f64> {
    let value = match op {
        Arithmetic::Add => a + b,
        Arithmetic::Sub => a - b,
        Arithmetic::Mul => a * b,
        Arithmetic::Div => a / b,
        Arithmetic::Rem => a % b,
    };
    value.is_finite().then_some(value)
}

#[expect(clippy::cast_precision_loss, reason = "a number beside a fraction is small")]
const fn number(value: &Val<'_>) -> Option<f64> {
    match value {
        Val::Int(value) => Some(*value as f64),
        Val::Float(value) => Some(*value),
        _ => None,
    }
}

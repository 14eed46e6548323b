//! What a rule reads of the object, and which values tell its outcomes apart.
//!
//! The decidable fragment: truth values, comparisons of one place with constants, membership in constant lists, presence,
//! and these inside `for`, `any`, `all`, `none` over a list, each of whose items is judged by itself. Over it a finite set
//! of values at each place stands for all: constants that the place is compared with, their neighbours, one value that is
//! none of them, and absence; where the schema lists the values, those. Anything else is *outside*: its values may still show a witness, but prove no absence of one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use kspec_model::rules::{Const, Each, Expr, Method, Op, Root, Stmt, Ty, Var};
use serde_json::{Value, json};

use crate::closed::Closed;
use crate::path::Path;
use crate::place::{Place, values_about};

/// What one body reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads {
    /// Leaves, by place.
    pub(crate) places: BTreeMap<Path, Place>,
    /// Lists that something must be in for the rule to pass, with how many such demands.
    pub(crate) demands: BTreeMap<Path, usize>,
    /// Why it is outside of the fragment, if it is.
    pub(crate) outside: Option<&'static str>,
    /// What must stand somewhere for a violation, where the condition says so plainly; of one clause.
    pub(crate) required: Option<Required>,
}

/// What a condition cannot hold without.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Required {
    /// One of these at a place.
    OneOf(Path, Vec<Value>),
    /// A text at a place that begins so.
    Prefix(Path, String),
}

impl Reads {
    /// Takes over what another reads. What one cannot do without, both together can.
    pub(crate) fn join(&mut self, other: &Self) {
        for (path, place) in &other.places {
            match self.places.entry(path.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(place.clone());
                }
                Entry::Occupied(mut entry) => entry.get_mut().merge(place),
            }
        }
        for (path, count) in &other.demands {
            *self.demands.entry(path.clone()).or_default() += count;
        }
        self.outside = self.outside.or(other.outside);
    }
}

/// What a sub-expression is, as far as places go.
#[derive(Debug, Clone)]
enum Abs {
    Place(Path, Ty),
    /// A part of the image that a place names.
    ImagePart(Path, usize),
    Image(Path),
    Const(Const),
    Other,
}

/// Reads a body's statements.
pub(crate) fn of_statements(statements: &[Stmt], closed: Closed<'_>) -> Reads {
    let mut reader = Reader::new(closed);
    reader.statements(statements);
    reader.finish()
}

/// Reads a condition.
pub(crate) fn of_condition(condition: &Expr, closed: Closed<'_>) -> Reads {
    let mut reader = Reader::new(closed);
    reader.condition(condition, true);
    reader.finish()
}

struct Reader<'s> {
    closed: Closed<'s>,
    reads: Reads,
    names: Vec<(Var, Abs)>,
    /// Lists that are ranged over around this place.
    over: Vec<Path>,
    /// The condition read next must hold for a violation.
    must: bool,
}

impl<'s> Reader<'s> {
    const fn new(closed: Closed<'s>) -> Self {
        let reads = Reads { places: BTreeMap::new(), demands: BTreeMap::new(), outside: None, required: None };
        Self { closed, reads, names: Vec::new(), over: Vec::new(), must: false }
    }

    fn finish(mut self) -> Reads {
        for (path, place) in &mut self.reads.places {
            if let Some(values) = self.closed.at(path) {
                place.close(values);
            }
            place.finish();
        }
        // A map on the way to its fields is there when one of them is.
        let places: Vec<Path> = self.reads.places.keys().cloned().collect();
        self.reads.places.retain(|path, place| {
            let on_the_way = || places.iter().any(|inner| inner != path && inner.is_within(path));
            !place.values.is_empty() && (place.asked || path.is_item() || place.values != [json!({})] || !on_the_way())
        });
        self.reads
    }

    fn outside(&mut self, why: &'static str) {
        self.reads.outside.get_or_insert(why);
    }

    fn statements(&mut self, statements: &[Stmt]) {
        let bound = self.names.len();
        for statement in statements {
            match statement {
                Stmt::Let(name, value) => {
                    let value = self.value(value);
                    self.names.push((Arc::clone(name), value));
                }
                Stmt::For { item, over, body } => {
                    for list in over {
                        let abs = self.items(list);
                        self.names.push((Arc::clone(item), abs));
                        self.statements(body);
                        self.names.pop();
                    }
                }
                Stmt::Verdict(verdict) => {
                    self.must = true;
                    self.condition(&verdict.when, true);
                }
            }
        }
        self.names.truncate(bound);
    }

    /// What the items of a list are.
    fn items(&mut self, list: &Expr) -> Abs {
        match &list.op {
            // A list that is narrowed: its condition is read, and its items are the list's.
            Op::Each { what: Each::Filter, over, item, value: None, body } => {
                let abs = self.items(over);
                self.names.push((Arc::clone(item), abs.clone()));
                self.condition(body, true);
                self.names.pop();
                abs
            }
            Op::Coalesce(first, second) if matches!(&second.op, Op::Const(Const::List(items)) if items.is_empty()) => {
                self.items(first)
            }
            _ => match self.value(list) {
                Abs::Place(path, Ty::List(item)) => {
                    if self.over.contains(&path) {
                        self.outside("it holds items of one list beside each other");
                    }
                    let item_path = path.item();
                    self.see(&item_path, &item, true);
                    Abs::Place(item_path, (*item).clone())
                }
                _ => {
                    self.outside("it ranges over something that is made");
                    Abs::Other
                }
            },
        }
    }

    /// A condition that finds a violation where it holds (`positive`), or where it does not.
    fn condition(&mut self, expr: &Expr, positive: bool) {
        let must = std::mem::take(&mut self.must);
        if must {
            self.require(expr);
        }
        match &expr.op {
            Op::Not(inner) => self.condition(inner, !positive),
            Op::And(parts) => {
                for part in parts {
                    self.must = must;
                    self.condition(part, positive);
                }
            }
            Op::Or(parts) => parts.iter().for_each(|part| self.condition(part, positive)),
            Op::If(test, then, otherwise) => {
                self.condition(test, positive);
                self.condition(then, positive);
                self.condition(otherwise, positive);
            }
            Op::Let(name, value, body) => {
                let value = self.value(value);
                self.names.push((Arc::clone(name), value));
                self.condition(body, positive);
                self.names.pop();
            }
            Op::Const(Const::Bool(_)) => {}
            Op::Equal(a, b) => self.compared(a, b),
            Op::Compare(_, a, b) => self.compared(a, b),
            Op::In(a, b) => self.membership(a, b),
            Op::InRange(value, low, high) => {
                self.compared(value, low);
                self.compared(value, high);
            }
            Op::Exists(inner) => match self.value(inner) {
                Abs::Place(path, _) => self.ask(&path),
                Abs::ImagePart(..) => {}
                _ => self.outside("it asks whether something that is made is there"),
            },
            Op::Each { what: Each::Any | Each::All | Each::None, over, item, value: None, body }
                if matches!(&expr.op, Op::Each { .. }) =>
            {
                // Something must be in the list for the rule to pass: `deny unless list.any(…)`.
                let demands = matches!(
                    (&expr.op, positive),
                    (Op::Each { what: Each::Any, .. }, false) | (Op::Each { what: Each::All | Each::None, .. }, true)
                );
                let abs = self.items(over);
                if let Abs::Place(path, _) = &abs
                    && demands
                {
                    *self.reads.demands.entry(path.clone()).or_default() += 1;
                }
                self.names.push((Arc::clone(item), abs));
                self.must = must && matches!(&expr.op, Op::Each { what: Each::Any, .. });
                self.condition(body, positive);
                self.names.pop();
            }
            Op::Each { over, item, value, body, .. } => {
                self.outside("it counts, or ranges over a map");
                let abs = if value.is_none() { self.items(over) } else { Abs::Other };
                self.names.push((Arc::clone(item), abs));
                if let Some(value) = value {
                    self.names.push((Arc::clone(value), Abs::Other));
                }
                self.condition(body, positive);
                self.names.truncate(self.names.len() - 1 - usize::from(value.is_some()));
            }
            Op::Call(Method::Has, map, arguments) => match (self.value(map), arguments.first().map(|key| &key.op)) {
                (Abs::Place(path, Ty::Map(of)), Some(Op::Const(Const::Text(key)))) => {
                    self.see(&path.field(key), &of, true);
                }
                _ => self.outside("it asks for a key that is made"),
            },
            Op::Call(Method::IsEmpty, list, _) => match self.value(list) {
                Abs::Place(path, Ty::List(item)) => {
                    self.offer(&path, [Value::Array(Vec::new())]);
                    self.see(&path.item(), &item, true);
                }
                Abs::Place(path, Ty::Text) => self.offer(&path, [json!("")]),
                _ => self.outside("it asks whether something that is made is empty"),
            },
            Op::Call(Method::Contains, list, arguments) if matches!(list.ty.present(), Ty::List(_)) => {
                if let Some(item) = arguments.first() {
                    self.membership(item, list);
                }
            }
            Op::Call(method, text, arguments) => self.pattern(*method, text, arguments),
            Op::Coalesce(first, second) => {
                self.must = must && matches!(second.op, Op::Const(Const::Bool(false)));
                self.condition(first, positive);
                if !matches!(second.op, Op::Const(_)) {
                    self.condition(second, positive);
                }
            }
            _ => {
                if matches!(self.value(expr), Abs::Other) {
                    self.outside("it reads more than the object, or reckons");
                }
            }
        }
    }

    /// Notes what a condition that must hold asks of one place, where that is plain.
    fn require(&mut self, expr: &Expr) {
        if self.reads.required.is_some() {
            return;
        }
        let texts = |constant: &Const| match constant {
            Const::Text(text) => Some(json!(&**text)),
            Const::Int(number) => Some(json!(number)),
            Const::Bool(truth) => Some(json!(truth)),
            _ => None,
        };
        let required = match &expr.op {
            Op::Equal(place, constant) => match (self.plain(place), &constant.op) {
                (Some(path), Op::Const(constant)) => texts(constant).map(|value| Required::OneOf(path, vec![value])),
                _ => None,
            },
            Op::In(place, list) => match (self.plain(place), &list.op) {
                (Some(path), Op::Const(Const::List(items))) => {
                    let items: Option<Vec<Value>> = items.iter().map(texts).collect();
                    items.map(|items| Required::OneOf(path, items))
                }
                _ => None,
            },
            Op::Call(method @ (Method::Like | Method::StartsWith), place, arguments) => {
                match (self.plain(place), arguments.first().map(|argument| &argument.op)) {
                    (Some(path), Some(Op::Const(Const::Text(pattern)))) => {
                        let end = if *method == Method::Like { pattern.find(['*', '?', '[', '\\']) } else { None };
                        let prefix = pattern.get(..end.unwrap_or(pattern.len())).unwrap_or_default();
                        (!prefix.is_empty()).then(|| Required::Prefix(path, prefix.to_owned()))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        self.reads.required = required;
    }

    /// The place that a chain of fields and keys from the object, or from an item of a list, leads to, if its value is a text, a
    /// whole number or a truth: two of these are equal where their JSON is.
    fn plain(&mut self, expr: &Expr) -> Option<Path> {
        if !matches!(expr.ty.present(), Ty::Text | Ty::Int | Ty::Bool) {
            return None;
        }
        let mut at = expr;
        while let Op::Field(base, _) | Op::Index(base, _) = &at.op {
            at = base;
        }
        let from_object = match &at.op {
            Op::Root(Root::Object) => true,
            Op::Var(name) => self
                .names
                .iter()
                .rev()
                .find(|(bound, _)| bound == name)
                .is_some_and(|(_, abs)| matches!(abs, Abs::Place(path, _) if path.is_item())),
            _ => false,
        };
        match self.value(expr) {
            Abs::Place(path, _) if from_object => Some(path),
            _ => None,
        }
    }

    /// A comparison: constants are values of what they are compared with.
    fn compared(&mut self, a: &Expr, b: &Expr) {
        match (self.value(a), self.value(b)) {
            (Abs::Place(path, ty), Abs::Const(value)) | (Abs::Const(value), Abs::Place(path, ty)) => {
                self.tell_apart(&path, &value, &ty);
            }
            (Abs::ImagePart(path, part), Abs::Const(Const::Text(text)))
            | (Abs::Const(Const::Text(text)), Abs::ImagePart(path, part)) => self.offer_part(&path, part, &text),
            (Abs::Image(path), Abs::Const(Const::Text(text) | Const::Image(text)))
            | (Abs::Const(Const::Text(text) | Const::Image(text)), Abs::Image(path)) => {
                self.offer(&path, [json!(&*text)]);
            }
            (Abs::Const(_), Abs::Const(_)) => {}
            (Abs::Place(one, _), Abs::Place(other, _)) => {
                self.outside("it compares places of the object with each other");
                let of = |reads: &Reads, path: &Path| reads.places.get(path).map(|place| place.values.clone());
                let (first, second) = (of(&self.reads, &one), of(&self.reads, &other));
                self.offer(&one, second.unwrap_or_default());
                self.offer(&other, first.unwrap_or_default());
            }
            _ => self.outside("it compares something that is made"),
        }
    }

    fn membership(&mut self, needle: &Expr, container: &Expr) {
        let container_abs = self.value(container);
        if let (Abs::Const(Const::List(items)), needle) = (&container_abs, self.value(needle)) {
            for item in items {
                match (&needle, item) {
                    (Abs::Place(path, ty), item) => self.tell_apart(path, item, ty),
                    (Abs::ImagePart(path, part), Const::Text(text)) => self.offer_part(path, *part, text),
                    (Abs::Const(_), _) => {}
                    _ => self.outside("it looks for something that is made"),
                }
            }
            return;
        }
        match (self.value(needle), container_abs) {
            (Abs::Const(value), Abs::Place(path, Ty::List(item))) => {
                let item_path = path.item();
                self.see(&item_path, &item, true);
                self.tell_apart(&item_path, &value, &item);
                *self.reads.demands.entry(item_path).or_default() += 1;
            }
            (Abs::Const(Const::Text(key)), Abs::Place(path, Ty::Map(of))) => self.see(&path.field(&key), &of, true),
            _ => self.outside("it looks into something that is made"),
        }
    }

    /// A pattern over text: its own text shows a match, as far as that can be written down.
    fn pattern(&mut self, method: Method, text: &Expr, arguments: &[Expr]) {
        let abs = self.value(text);
        let is_constant = arguments.iter().all(|argument| matches!(argument.op, Op::Const(_)));
        match &abs {
            // Each text that may stand there is tried, whatever is asked of it.
            Abs::Place(path, _) if is_constant && self.closed.at(path).is_some() => return,
            _ => self.outside("it matches a pattern"),
        }
        let Some(Op::Const(Const::Text(pattern))) = arguments.first().map(|argument| &argument.op) else { return };
        let examples: Vec<Arc<str>> = match method {
            Method::StartsWith => vec![Arc::clone(pattern), format!("{pattern}x").into()],
            Method::EndsWith => vec![Arc::clone(pattern), format!("x{pattern}").into()],
            Method::Contains => vec![Arc::clone(pattern)],
            Method::Like => vec![pattern.replace(['*', '?'], "x").into(), pattern.replace('*', "").into()],
            Method::Matches => vec![pattern.trim_matches(|c| "^$".contains(c)).replace('\\', "").into()],
            _ => return,
        };
        match abs {
            Abs::Place(path, _) | Abs::Image(path) => self.offer(&path, examples.iter().map(|text| json!(&**text))),
            Abs::ImagePart(path, part) => examples.iter().for_each(|text| self.offer_part(&path, part, text)),
            _ => {}
        }
    }

    /// What a value is; a place is seen.
    fn value(&mut self, expr: &Expr) -> Abs {
        match &expr.op {
            Op::Const(value) => Abs::Const(value.clone()),
            Op::Root(Root::Object) => Abs::Place(Path::default(), Ty::Object),
            Op::Var(name) => {
                self.names.iter().rev().find(|(bound, _)| bound == name).map_or(Abs::Other, |(_, abs)| abs.clone())
            }
            Op::Field(base, name) => match self.value(base) {
                Abs::Place(path, _) => {
                    let path = path.field(name);
                    let ty = expr.ty.present().clone();
                    self.see(&path, &ty, expr.ty.is_optional());
                    Abs::Place(path, ty)
                }
                Abs::Image(path) => {
                    let part = ["registry", "repository", "tag", "digest"].iter().position(|part| *part == &**name);
                    part.map_or(Abs::Other, |part| {
                        self.ask_part(&path, part);
                        Abs::ImagePart(path, part)
                    })
                }
                _ => Abs::Other,
            },
            Op::Index(base, key) => match (self.value(base), &key.op) {
                (Abs::Place(path, Ty::Map(of)), Op::Const(Const::Text(key))) => {
                    let path = path.field(key);
                    self.see(&path, &of, true);
                    Abs::Place(path, *of)
                }
                _ => Abs::Other,
            },
            Op::Coalesce(first, second) => match (self.value(first), &second.op) {
                // Absence stands for a constant, which is one of the values.
                (Abs::Place(path, ty), Op::Const(value)) => {
                    self.tell_apart(&path, value, &ty);
                    Abs::Place(path, ty)
                }
                (Abs::ImagePart(path, part), Op::Const(Const::Text(text))) => {
                    self.offer_part(&path, part, text);
                    Abs::ImagePart(path, part)
                }
                _ => Abs::Other,
            },
            Op::Convert(base) if *expr.ty.present() == Ty::Image => match self.value(base) {
                Abs::Place(path, _) => {
                    if let Some(place) = self.reads.places.get_mut(&path) {
                        place.is_image = true;
                    }
                    Abs::Image(path)
                }
                _ => Abs::Other,
            },
            Op::Convert(base) => self.value(base),
            _ => Abs::Other,
        }
    }

    fn see(&mut self, path: &Path, ty: &Ty, optional: bool) {
        let place = self.reads.places.entry(path.clone()).or_default();
        place.optional |= optional;
        let ordinary = match ty.present() {
            Ty::Bool => vec![json!(true), json!(false)],
            Ty::Int | Ty::IntOrString => vec![json!(1)],
            Ty::Float => vec![json!(1.0)],
            Ty::Text => vec![json!("x")],
            Ty::Quantity => vec![json!("1")],
            // A list is one item; of maps and objects, that they are there is what may be asked.
            Ty::List(item) if !matches!(item.present(), Ty::Object) => Vec::new(),
            Ty::Object | Ty::Map(_) => vec![json!({})],
            _ => Vec::new(),
        };
        place.offer(ordinary);
    }

    fn ask(&mut self, path: &Path) {
        self.reads.places.entry(path.clone()).or_default().asked = true;
    }

    fn offer(&mut self, path: &Path, values: impl IntoIterator<Item = Value>) {
        self.reads.places.entry(path.clone()).or_default().offer(values);
    }

    /// Offers what tells a comparison with a constant apart.
    fn tell_apart(&mut self, path: &Path, constant: &Const, ty: &Ty) {
        let values = values_about(constant, ty);
        if values.is_empty() {
            self.outside("it compares with something other than a truth, a number, an amount or a text");
        }
        self.offer(path, values);
    }

    fn ask_part(&mut self, path: &Path, part: usize) {
        self.reads.places.entry(path.clone()).or_default().ask_part(part);
    }

    fn offer_part(&mut self, path: &Path, part: usize, text: &Arc<str>) {
        self.reads.places.entry(path.clone()).or_default().offer_part(part, text);
    }
}

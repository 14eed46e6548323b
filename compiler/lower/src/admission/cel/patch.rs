//! JSON Patches as CEL computes them.

use std::sync::Arc;

use kspec_model::rules::{Comparison, Const, Expr, Op, Ty};

use super::piece::{binds, quote};
use super::{Bound, Printer, Unsaid};

/// A `list(JSONPatch)`.
pub(in crate::admission) struct Patch(pub(in crate::admission) String);

/// A place in the object.
pub(in crate::admission) struct Place {
    /// A text in CEL: the JSON Pointer of where its steps begin.
    pointer: String,
    /// What its steps begin at.
    base: String,
    /// Each as an optional selection, as a part of a pointer (a text in CEL), and as a key (a text in CEL).
    steps: Vec<(String, String, String)>,
}

impl Place {
    /// The value after the first `count` steps, `null` where there is none.
    fn value(&self, count: usize) -> String {
        let path: String = self.steps.iter().take(count).map(|(step, ..)| step.as_str()).collect();
        if path.is_empty() { self.base.clone() } else { format!("{}{path}.orValue(dyn(null))", self.base) }
    }

    /// The JSON Pointer of the place, a text in CEL.
    pub(in crate::admission) fn whole(&self) -> String {
        self.pointer_to(self.steps.len())
    }

    fn pointer_to(&self, count: usize) -> String {
        let mut parts = vec![self.pointer.clone()];
        parts.extend(self.steps.iter().take(count).map(|(_, part, _)| part.clone()));
        parts.join(" + ")
    }

    /// `add` of a value, with what is missing on the way to it; `there` where nothing is missing.
    fn added(&self, value: &str, there: &str) -> String {
        let count = self.steps.len();
        let mut text = there.to_owned();
        for at in (1..=count).rev() {
            if at == count && there != "[]" {
                continue;
            }
            let mut nested = value.to_owned();
            for (.., key) in self.steps.iter().skip(at).rev() {
                nested = format!("{{{key}: {nested}}}");
            }
            text = format!(
                "{} == null ? [JSONPatch{{op: 'add', path: {}, value: {nested}}}] : ({text})",
                self.value(at),
                self.pointer_to(at)
            );
        }
        text
    }
}

impl Printer<'_> {
    /// A place from what it begins at and its steps.
    pub(in crate::admission) fn place(&mut self, at: &Expr, pointer: String, steps: &[&Op]) -> Result<Place, Unsaid> {
        let base = self.value(at)?.present();
        let mut written = Vec::with_capacity(steps.len());
        for step in steps {
            written.push(match step {
                Op::Field(_, name) => field(name),
                Op::Index(_, key) => match &key.op {
                    Op::Const(Const::Text(name)) => field(name),
                    Op::Const(Const::Int(_)) => {
                        return Err(Unsaid::because("a place is an item by its number"));
                    }
                    _ => {
                        let key = self.value(key)?.present();
                        if !key.guards.is_empty() {
                            return Err(Unsaid::because("a key may be absent"));
                        }
                        let text = format!("string({})", key.text);
                        (format!("[?{text}]"), format!("'/' + jsonpatch.escapeKey({text})"), text)
                    }
                },
                _ => return Err(Unsaid::because("a place is none in the object")),
            });
        }
        Ok(Place { pointer, base: base.at(binds::PRIMARY), steps: written })
    }

    /// `default`; left out where what is there contradicts it.
    pub(in crate::admission) fn defaulted(
        &mut self,
        place: &Place,
        value: &Expr,
        contradicted: Option<&(Expr, Comparison)>,
    ) -> Result<Patch, Unsaid> {
        let unless = match contradicted {
            None => None,
            Some((other, how)) => {
                let against = Op::Compare(*how, Box::new(other.clone()), Box::new(value.clone()));
                Some(self.condition(&Expr::new(Ty::Bool, against))?)
            }
        };
        self.written(value, |value| {
            let added = place.added(value, "[]");
            unless.map_or(added.clone(), |unless| format!("({unless}) ? [] : ({added})"))
        })
    }

    /// `set`
    pub(in crate::admission) fn set(&mut self, place: &Place, value: &Expr) -> Result<Patch, Unsaid> {
        let count = place.steps.len();
        self.written(value, |value| {
            let there = format!("[JSONPatch{{op: 'add', path: {}, value: {value}}}]", place.pointer_to(count));
            place.added(value, &there)
        })
    }

    /// `append`
    pub(in crate::admission) fn appended(
        &mut self,
        place: &Place,
        value: &Expr,
        keys: &[Arc<str>],
    ) -> Result<Patch, Unsaid> {
        let count = place.steps.len();
        let (list, old, new) = (self.fresh(), self.fresh(), self.fresh());
        self.written(value, |value| {
            let same = if keys.is_empty() {
                format!("{old} == {new}")
            } else {
                let part = |name: &str, key: &str| format!("dyn({name}).?{key}.orValue(dyn(null))");
                let parts: Vec<String> =
                    keys.iter().map(|key| format!("{} == {}", part(&old, key), part(&new, key))).collect();
                parts.join(" && ")
            };
            // What is replaced stays where it was; the rest follows.
            let joined = format!(
                "[dyn({value})].map({list}, {here}.map({old}, {list}.exists({new}, {same}) ? dyn({list}.filter({new}, {same})[0]) : dyn({old})) + {list}.filter({new}, !{here}.exists({old}, {same})))[0]",
                here = format!("optional.ofNonZeroValue({}).orValue([])", place.value(count)),
            );
            let there = format!("[JSONPatch{{op: 'add', path: {}, value: {joined}}}]", place.pointer_to(count));
            place.added(&format!("dyn({value})"), &there)
        })
    }

    /// `remove`
    pub(in crate::admission) fn removed(&mut self, place: &Place) -> Result<Patch, Unsaid> {
        let count = place.steps.len();
        let path = place.pointer_to(count);
        Ok(Patch(format!("{} == null ? [] : [JSONPatch{{op: 'remove', path: {path}}}]", place.value(count))))
    }

    /// What is written where the value is there.
    fn written(&mut self, value: &Expr, write: impl FnOnce(&str) -> String) -> Result<Patch, Unsaid> {
        let value = match &value.op {
            Op::Const(constant) => super::print::constant(&json_constant(constant))?,
            _ => super::print::json_form(self.value(value)?)?,
        };
        let value = value.present();
        let text = write(&value.dynamic());
        if value.guards.is_empty() {
            return Ok(Patch(text));
        }
        Ok(Patch(format!("{} ? ({text}) : []", value.guards.join(" && "))))
    }

    /// A list's text; what is absent is empty.
    pub(in crate::admission) fn list_text(&mut self, list: &Expr) -> Result<String, Unsaid> {
        Ok(self.list(list)?.at(binds::PRIMARY))
    }

    /// Binds an item while `inside` runs.
    pub(in crate::admission) fn with_item<T>(
        &mut self,
        item: &Arc<str>,
        inside: impl FnOnce(&mut Self, &str) -> Result<T, Unsaid>,
    ) -> Result<T, Unsaid> {
        let name = self.bind_item(item, true);
        let done = inside(self, &name);
        self.unbind();
        done
    }

    /// Binds another name for an item while `inside` runs.
    pub(in crate::admission) fn with_alias<T>(
        &mut self,
        alias: &Arc<str>,
        item: &Arc<str>,
        inside: impl FnOnce(&mut Self) -> Result<T, Unsaid>,
    ) -> Result<T, Unsaid> {
        let bound: Bound = self.bound(item)?.clone();
        self.bind(alias, bound);
        let done = inside(self);
        self.unbind();
        done
    }
}

fn field(name: &str) -> (String, String, String) {
    let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    (super::print::field_step(name, false), quote(&pointer), quote(name))
}

/// A constant as JSON has it: what JSON has no type for is text.
fn json_constant(constant: &Const) -> Const {
    match constant {
        Const::Duration(nanos) => Const::Text(kspec_rules::literal::Duration { nanos: *nanos }.to_string().into()),
        Const::Date(text) | Const::Port(text) => Const::Text(Arc::clone(text)),
        Const::List(items) => Const::List(items.iter().map(json_constant).collect()),
        Const::Map(fields) => {
            Const::Map(fields.iter().map(|(name, value)| (Arc::clone(name), json_constant(value))).collect())
        }
        other => other.clone(),
    }
}

//! What an evaluation carries along.

use std::sync::Arc;

use kspec_diagnostics::{Finding, ItemId, Label, Location, Span, codes};
use kspec_schema::Schema;

use crate::{FnDef, Lookup, Scope, Value};

/// Steps that one evaluation may take; a step is one node of a tree, or one part of a value that is copied.
const FUEL: u32 = 1_000_000;
/// How deep evaluation may nest, calls included. What the parser lets through stays far below.
const DEPTH: u32 = 160;
/// The longest text, in bytes. No Kubernetes object is as large.
const TEXT: usize = 1 << 20;
/// The longest list.
const LIST: usize = 100_000;

/// What an evaluation carries along: where names come from, where spans are relative to, where findings go.
pub struct Cx<'a> {
    /// Names.
    pub scope: &'a dyn Scope,
    /// The item that spans are relative to.
    pub item: ItemId,
    /// The target's types.
    pub schema: &'a Schema,
    /// Findings, appended to.
    pub findings: &'a mut Vec<Finding>,
    /// Names bound inside the item (`for`, parameters, lambdas), innermost last; they hide the scope's.
    locals: Vec<Local>,
    fuel: u32,
    depth: u32,
    /// Functions whose bodies are being evaluated, outermost first, each with the place of its call.
    calls: Vec<(Location, Location)>,
    /// The function whose body is being checked.
    defining: Option<Location>,
    /// Above zero where what is evaluated is not what is taken: only what is wrong whatever the values are counts.
    speculative: u32,
    /// Above zero inside a Kubernetes object, where a field's text may be given as what it stands for.
    in_object: u32,
}

/// A name bound inside an item.
struct Local {
    name: Arc<str>,
    value: Value,
    at: Option<Location>,
}

impl<'a> Cx<'a> {
    /// An evaluation of an item's expressions.
    pub fn new(scope: &'a dyn Scope, item: ItemId, schema: &'a Schema, findings: &'a mut Vec<Finding>) -> Self {
        Self {
            scope,
            item,
            schema,
            findings,
            locals: Vec::new(),
            fuel: FUEL,
            depth: 0,
            calls: Vec::new(),
            defining: None,
            speculative: 0,
            in_object: 0,
        }
    }

    /// Runs `inner` with a name bound that hides the scope's: a `for`'s variable, a template's parameter.
    pub fn with_local<T>(
        &mut self,
        name: &Arc<str>,
        value: Value,
        at: Option<Location>,
        inner: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.bind(name, value, at);
        let result = inner(self);
        self.locals.pop();
        result
    }

    /// A span of the current item.
    #[must_use]
    pub fn at(&self, span: Span) -> Location {
        Location { item: self.item, span }
    }

    /// Binds a name until [`Cx::unbind`].
    pub(crate) fn bind(&mut self, name: &Arc<str>, value: Value, at: Option<Location>) {
        self.locals.push(Local { name: Arc::clone(name), value, at });
    }

    /// How many names are bound.
    pub(crate) fn bound(&self) -> usize {
        self.locals.len()
    }

    /// Forgets the names bound since [`Cx::bound`] was `bound`.
    pub(crate) fn unbind(&mut self, bound: usize) {
        self.locals.truncate(bound);
    }

    /// What a name means here.
    pub(crate) fn lookup(&mut self, name: &str, span: Span) -> Lookup {
        let local = self.locals.iter().rev().find(|local| &*local.name == name);
        let found = local.map_or_else(|| self.scope.lookup(name), |local| Lookup::Found(local.value.clone()));
        match found {
            // A value that contains another several times over would grow without bound from name to name.
            Lookup::Found(value) if !self.spend(size(&value), span) => Lookup::Poisoned,
            found => found,
        }
    }

    /// Where a name is declared.
    pub(crate) fn declared(&self, name: &str) -> Option<Location> {
        let local = self.locals.iter().rev().find(|local| &*local.name == name);
        local.map_or_else(|| self.scope.declared(name), |local| local.at)
    }

    /// Whether a name is bound inside the item.
    pub(crate) fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|local| &*local.name == name)
    }

    /// Every name that could be meant.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut names = self.scope.names();
        names.extend(self.locals.iter().map(|local| Arc::clone(&local.name)));
        names
    }

    /// Reports what is wrong whatever the values are. A function's body is checked where it is declared, so that a
    /// call has nothing to add.
    pub(crate) fn report(&mut self, finding: Finding) -> Value {
        if self.calls.is_empty() {
            self.findings.push(finding);
        }
        Value::Error
    }

    /// Reports what is wrong with these very values.
    pub(crate) fn report_value(&mut self, mut finding: Finding) -> Value {
        if self.speculative == 0 {
            for (_, call) in self.calls.iter().rev().take(3) {
                finding = finding.label(*call, "called here");
            }
            self.findings.push(finding);
        }
        Value::Error
    }

    /// Adds a party to every finding that `inner` reports.
    pub(crate) fn labelled<T>(
        &mut self,
        at: Option<Location>,
        text: impl FnOnce() -> String,
        inner: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.findings.len();
        let result = inner(self);
        if let Some(at) = at.filter(|_| self.findings.len() > before) {
            self.label_since(before, at, &text());
        }
        result
    }

    /// Adds a party to every finding after the first `before`, unless it is one already.
    pub(crate) fn label_since(&mut self, before: usize, at: Location, text: &str) {
        for finding in self.findings.iter_mut().skip(before) {
            if finding.labels.iter().all(|label| label.place != at.into()) {
                finding.labels.push(Label { place: at.into(), text: text.to_owned() });
            }
        }
    }

    /// Evaluates what is not taken, for what is wrong with it in any case.
    pub(crate) fn speculatively<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.speculative += 1;
        let result = inner(self);
        self.speculative -= 1;
        result
    }

    /// Whether what is not taken should be evaluated for its findings: not in a function's body, which was checked.
    pub(crate) fn checks_untaken(&self) -> bool {
        self.calls.is_empty()
    }

    /// Evaluates a part of a Kubernetes object.
    pub(crate) fn inside_object<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.in_object += 1;
        let result = inner(self);
        self.in_object -= 1;
        result
    }

    /// Goes into a part of a Kubernetes object, until [`Cx::close_object`].
    pub(crate) fn open_object(&mut self) {
        self.in_object += 1;
    }

    /// Comes out of it.
    pub(crate) fn close_object(&mut self) {
        self.in_object = self.in_object.saturating_sub(1);
    }

    /// Takes up the work on another statement, with all the steps that one may take.
    pub(crate) fn refuel(&mut self) {
        self.fuel = FUEL;
    }

    pub(crate) fn is_inside_object(&self) -> bool {
        self.in_object > 0
    }

    /// Goes one level deeper, or reports that there is none.
    pub(crate) fn enter(&mut self, span: Span) -> bool {
        if self.depth >= DEPTH {
            if self.fuel > 0 {
                self.fuel = 0;
                let finding = Finding::new(codes::TOO_LARGE, "this nests too deeply", self.at(span))
                    .because(format!("more than {DEPTH} levels"))
                    .help("name parts of it with `let`");
                self.report_value(finding);
            }
            return false;
        }
        if !self.spend(1, span) {
            return false;
        }
        self.depth += 1;
        true
    }

    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Takes steps, or reports once that none are left.
    pub(crate) fn spend(&mut self, steps: usize, span: Span) -> bool {
        if self.fuel == 0 {
            return false;
        }
        self.fuel = self.fuel.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX));
        if self.fuel > 0 {
            return true;
        }
        let finding = Finding::new(codes::TOO_LARGE, "this takes too long to evaluate", self.at(span))
            .because(format!("more than {FUEL} steps"))
            .help("use shorter lists, or split the declaration");
        self.report_value(finding);
        false
    }

    /// Text, unless it is too long.
    pub(crate) fn text(&mut self, text: String, span: Span) -> Value {
        if text.len() <= TEXT {
            return Value::str(text);
        }
        let finding = Finding::new(codes::TOO_LARGE, "this text is too long", self.at(span))
            .because(format!("{} bytes; at most {TEXT} are kept", text.len()));
        self.report_value(finding)
    }

    /// A list, unless it is too long.
    pub(crate) fn list(&mut self, items: Vec<Value>, span: Span) -> Value {
        if items.len() <= LIST {
            return Value::List(items);
        }
        let finding = Finding::new(codes::TOO_LARGE, "this list is too long", self.at(span))
            .because(format!("{} items; at most {LIST} are kept", items.len()));
        self.report_value(finding)
    }

    /// Evaluates in the scope of a function's module, with nothing bound but what `inner` binds.
    pub(crate) fn in_module<T>(
        &mut self,
        module: Option<&str>,
        item: ItemId,
        call: Option<(&FnDef, Location)>,
        inner: impl FnOnce(&mut Cx<'_>) -> T,
    ) -> T {
        let own = module.and_then(|module| self.scope.of_module(module));
        let mut calls = std::mem::take(&mut self.calls);
        calls.extend(call.map(|(def, at)| (def.decl, at)));
        let mut cx = Cx {
            scope: own.as_deref().unwrap_or(self.scope),
            item,
            schema: self.schema,
            findings: &mut *self.findings,
            locals: Vec::new(),
            fuel: self.fuel,
            depth: self.depth,
            calls,
            defining: self.defining,
            speculative: self.speculative,
            in_object: 0,
        };
        let result = inner(&mut cx);
        self.fuel = cx.fuel;
        self.calls = std::mem::take(&mut cx.calls);
        if call.is_some() {
            self.calls.pop();
        }
        result
    }

    /// Whether a function's body is being evaluated, or checked.
    pub(crate) fn is_calling(&self, def: &FnDef) -> bool {
        self.defining == Some(def.decl) || self.calls.iter().any(|(decl, _)| *decl == def.decl)
    }

    /// Checks the body of the function that is declared at `decl`.
    pub(crate) fn defining<T>(&mut self, decl: Location, inner: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.defining.replace(decl);
        let result = inner(self);
        self.defining = outer;
        result
    }
}

/// How many parts a value has.
fn size(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Record(fields) | Value::Map(fields) | Value::Object(_, fields) => {
            1 + fields.values().map(size).sum::<usize>()
        }
        _ => 1,
    }
}

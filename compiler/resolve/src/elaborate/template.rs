//! Templates, stamps, `for`.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use kspec_diagnostics::{Finding, ItemId, Location, Severity, Span, codes};
use kspec_syntax::tree::{Expr, ExprKind, For, Item, Name, Param, Path, Template};
use kspec_types::{EntityKind, EntityRef, Lookup, Type, Value};

use super::Elab;
use crate::{
    db::Exports,
    modules::{declared, name_findings, table_names},
};

/// Declarations that one item may stamp; more is a mistake long before it is a project.
const MAX_STAMPED: usize = 200_000;

/// Frames around one place: templates stamped from templates, `for` in `for`.
const MAX_DEPTH: usize = 32;

/// A template's or `for`'s body being expanded: its arguments, and its declarations, elaborated on demand.
pub(crate) struct Frame<'s> {
    /// The frame around it, for a `for` or nested template of the same text.
    parent: Option<Rc<Frame<'s>>>,
    /// Arguments and loop variables.
    values: BTreeMap<Arc<str>, Value>,
    body: &'s [Item],
    names: BTreeMap<Arc<str>, Vec<usize>>,
    states: RefCell<Vec<State>>,
    /// Stamps and `for`s that led here, innermost first.
    pub(super) uses: Arc<[Location]>,
    /// Whether arguments are unknown and nothing is to be declared.
    pub(super) is_abstract: bool,
    /// Whose text the body is, and its module.
    item: ItemId,
    module: Arc<str>,
    depth: usize,
}

#[derive(Clone)]
enum State {
    Untouched,
    Running,
    Done(Rc<Exports>),
}

impl<'s> Frame<'s> {
    /// What a name stands for in this frame or one around it.
    pub(super) fn lookup(self: &Rc<Self>, name: &str, elab: &Elab<'_, 's>) -> Option<Lookup> {
        if let Some(value) = self.values.get(name) {
            return Some(Lookup::Found(value.clone()));
        }
        if let Some(candidates) = self.names.get(name) {
            let within = elab.within.borrow().clone();
            let values: Vec<Value> = candidates.iter().filter_map(|index| self.declared(*index, name, elab)).collect();
            let here = values.iter().find(
                |value| matches!(value, Value::Entity(entity) if entity.namespace.is_some() && entity.namespace == within),
            );
            return Some(here.or(values.first()).cloned().map_or(Lookup::Poisoned, Lookup::Found));
        }
        self.parent.as_ref().and_then(|parent| parent.lookup(name, elab))
    }

    /// The names visible in this frame and those around it.
    pub(super) fn names(&self, into: &mut Vec<Arc<str>>) {
        into.extend(self.values.keys().cloned());
        into.extend(self.names.keys().cloned());
        if let Some(parent) = &self.parent {
            parent.names(into);
        }
    }

    /// The names of arguments and loop variables here and in the frames around, and of plain values that are declared
    /// beside.
    pub(super) fn arguments(&self, into: &mut Vec<Arc<str>>) {
        into.extend(self.values.keys().cloned());
        let plain = |index: &usize| {
            matches!(
                self.body.get(*index).map(|item| &item.kind),
                Some(kspec_syntax::tree::ItemKind::Fn(_) | kspec_syntax::tree::ItemKind::Namespace(_))
            )
        };
        into.extend(self.names.iter().filter(|(_, at)| at.iter().all(plain)).map(|(name, _)| Arc::clone(name)));
        if let Some(parent) = &self.parent {
            parent.arguments(into);
        }
    }

    /// Arguments and loop variables of this frame and those around it, and the named of its own declarations: what a
    /// rule declared here means elsewhere. `wanted` tells which.
    pub(super) fn captured(
        self: &Rc<Self>,
        wanted: &BTreeSet<Arc<str>>,
        elab: &Elab<'_, 's>,
    ) -> BTreeMap<Arc<str>, Value> {
        let found = wanted.iter().filter_map(|name| match self.lookup(name, elab)? {
            Lookup::Found(value) => Some((Arc::clone(name), value)),
            Lookup::Poisoned | Lookup::Unknown => None,
        });
        found.collect()
    }

    fn declared(self: &Rc<Self>, index: usize, name: &str, elab: &Elab<'_, 's>) -> Option<Value> {
        let exports = self.run(index, elab)?;
        exports.as_ref().as_ref().filter(|(known, _)| **known == *name).map(|(_, value)| value.clone())
    }

    /// Elaborates one declaration of the body; `None` while it is running, which is a cycle.
    fn run(self: &Rc<Self>, index: usize, elab: &Elab<'_, 's>) -> Option<Rc<Exports>> {
        let state = self.states.borrow().get(index).cloned()?;
        let item = self.body.get(index)?;
        match state {
            State::Done(exports) => Some(exports),
            State::Running => {
                let at = declared(item).map_or(item.span, |name| name.span);
                elab.report(
                    Finding::new(
                        codes::DEPENDENCY_CYCLE,
                        "a declaration that needs itself",
                        Location { item: self.item, span: at },
                    )
                    .help("break the cycle: let one of them be written out"),
                );
                None
            }
            State::Untouched => {
                self.set(index, State::Running);
                let inner = Elab {
                    db: elab.db,
                    item: self.item,
                    module: Arc::clone(&self.module),
                    frame: Some(Rc::clone(self)),
                    within: RefCell::new(None),
                    out: elab.out,
                };
                let exports = Rc::new(inner.declare(item));
                self.set(index, State::Done(Rc::clone(&exports)));
                Some(exports)
            }
        }
    }

    fn set(&self, index: usize, state: State) {
        if let Some(slot) = self.states.borrow_mut().get_mut(index) {
            *slot = state;
        }
    }
}

impl<'s> Elab<'_, 's> {
    /// `template`: its body is read once with unknown arguments, so that what is wrong in it shows where it stands.
    pub(super) fn template(&self, node: &'s Template) -> Value {
        for finding in name_findings(node.body.iter().map(|item| (self.item, item))) {
            self.report(finding);
        }
        let values = node
            .params
            .iter()
            .map(|param| (Arc::clone(&param.name.text), Value::Unknown(self.ty(&param.ty))))
            .collect();
        self.expand(&node.body, values, None, true);
        self.entity(EntityKind::Template, None, &node.name.text, node.name.span, false)
    }

    /// `for`.
    pub(super) fn for_each(&self, node: &'s For) {
        for finding in name_findings(node.body.iter().map(|item| (self.item, item))) {
            self.report(finding);
        }
        let one = |value: Value, is_abstract: bool| {
            let values = BTreeMap::from([(Arc::clone(&node.var.text), value)]);
            self.expand(&node.body, values, Some(node.over.span), is_abstract);
        };
        match self.eval(&node.over, None) {
            Value::List(values) => {
                if values.is_empty() {
                    one(Value::Unknown(Type::Any), true);
                }
                for value in values {
                    one(value, false);
                }
            }
            Value::Unknown(Type::List(element)) => one(Value::Unknown(*element), true),
            Value::Unknown(_) => one(Value::Unknown(Type::Any), true),
            Value::Error => one(Value::Error, true),
            other => self.report(
                Finding::new(
                    codes::WRONG_TYPE,
                    format!("`for` ranges over a list, not over {}", kspec_types::type_of(&other)),
                    self.at(node.over.span),
                )
                .help("write a list, as in `for t in [a, b]`"),
            ),
        }
    }

    /// `team("alpha", devs)` as a statement.
    pub(super) fn stamp(&self, call: &'s Expr) {
        if self.stamp_expr(call, None).is_none() {
            let value = self.eval(call, None);
            if !matches!(value, Value::Error) {
                self.report(
                    Finding::new(
                        codes::WRONG_KIND,
                        "this is no template's stamp, and a value alone declares nothing",
                        self.at(call.span),
                    )
                    .help("call a template here, or give the value a name with `let`"),
                );
            }
        }
    }

    /// The stamp that an expression is, if its callee is a template.
    pub(super) fn stamp_expr(&self, expr: &'s Expr, name: Option<&Name>) -> Option<Value> {
        let ExprKind::Call(callee, arguments) = &expr.kind else { return None };
        let path = as_path(callee)?;
        let first = path.segments.first()?;
        let known = match self.name_value(&first.text, first.span) {
            Lookup::Found(value) => value,
            Lookup::Poisoned | Lookup::Unknown => return None,
        };
        let is_template = |value: &Value| matches!(value, Value::Entity(entity) if entity.kind == EntityKind::Template);
        let target = if path.segments.len() == 1 {
            known
        } else if matches!(&known, Value::Entity(entity) if entity.kind == EntityKind::Module) {
            self.path_value(&path)
        } else {
            return None;
        };
        if !is_template(&target) {
            return None;
        }
        let Value::Entity(EntityRef { decl: Some(decl), .. }) = target else { return None };
        let Some(template) = self.find_template(decl) else { return Some(Value::Error) };
        let values = self.arguments(&template.params, arguments, &template.name.text, expr.span, decl);
        if self.has_errors(decl.item) && decl.item != self.item {
            return Some(Value::Error);
        }
        let Some(values) = values else { return Some(Value::Error) };
        let members = self.expand_in(decl.item, &template.body, values, expr.span);
        let label = name.map_or_else(|| Arc::clone(&template.name.text), |name| Arc::clone(&name.text));
        Some(Value::Entity(EntityRef {
            kind: EntityKind::Stamp,
            namespace: None,
            name: label,
            decl: Some(self.at(name.map_or(expr.span, |name| name.span))),
            existing: false,
            members: Some(Arc::new(members)),
        }))
    }

    pub(super) fn has_errors(&self, item: ItemId) -> bool {
        self.db.unit(item).is_some_and(|unit| unit.findings.iter().any(|finding| finding.severity == Severity::Error))
    }

    fn find_template(&self, decl: Location) -> Option<&'s Template> {
        fn find(item: &Item, at: Span) -> Option<&Template> {
            match &item.kind {
                kspec_syntax::tree::ItemKind::Template(node) if node.name.span == at => Some(node),
                kspec_syntax::tree::ItemKind::Template(node) => node.body.iter().find_map(|inner| find(inner, at)),
                kspec_syntax::tree::ItemKind::For(node) => node.body.iter().find_map(|inner| find(inner, at)),
                _ => None,
            }
        }
        find(self.db.item(decl.item)?, decl.span)
    }

    /// Arguments by parameter; reports what is missing, unknown, given twice or of the wrong type.
    fn arguments(
        &self,
        params: &[Param],
        arguments: &[kspec_syntax::tree::Arg],
        callee: &str,
        call: Span,
        decl: Location,
    ) -> Option<BTreeMap<Arc<str>, Value>> {
        let mut values = BTreeMap::new();
        let mut positional = params.iter();
        let mut complete = true;
        for argument in arguments {
            let param = match &argument.name {
                Some(name) => params.iter().find(|param| param.name.text == name.text),
                None => positional.next(),
            };
            let Some(param) = param else {
                complete = false;
                let listed: Vec<&str> = params.iter().map(|param| param.name.text.as_ref()).collect();
                self.report(
                    Finding::new(
                        codes::WRONG_ARITY,
                        format!("`{callee}` has no parameter for this argument"),
                        self.at(argument.value.span),
                    )
                    .label(decl, "declared here")
                    .help(format!("its parameters: {}", listed.join(", "))),
                );
                continue;
            };
            // The parameter's type is written in the template's module, not here.
            let ty = self.ty_in(decl.item, &param.ty);
            let value = self.eval(&argument.value, Some(&ty));
            if values.insert(Arc::clone(&param.name.text), value).is_some() {
                complete = false;
                self.report(
                    Finding::new(
                        codes::WRONG_ARITY,
                        format!("`{}` is given twice", param.name.text),
                        self.at(argument.value.span),
                    )
                    .label(decl, "declared here")
                    .help("drop one of the two"),
                );
            }
        }
        for param in params {
            if values.contains_key(&param.name.text) {
                continue;
            }
            if let Some(default) = &param.default {
                let ty = self.ty_in(decl.item, &param.ty);
                values.insert(Arc::clone(&param.name.text), self.eval_in(decl.item, default, &ty));
            } else {
                complete = false;
                self.report(
                    Finding::new(codes::WRONG_ARITY, format!("`{callee}` needs `{}`", param.name.text), self.at(call))
                        .label(decl, "declared here")
                        .help(format!("pass it: `{}: …`", param.name.text)),
                );
            }
        }
        complete.then_some(values)
    }

    fn ty_in(&self, item: ItemId, expr: &kspec_syntax::tree::TypeExpr) -> Type {
        self.standing_in(item).ty(expr)
    }

    fn eval_in(&self, item: ItemId, expr: &Expr, ty: &Type) -> Value {
        self.standing_in(item).eval(expr, Some(ty))
    }

    fn standing_in(&self, item: ItemId) -> Self {
        Elab {
            db: self.db,
            item,
            module: self.db.module_of(item),
            frame: None,
            within: RefCell::new(None),
            out: self.out,
        }
    }

    /// As if what is read next stood in another item, with these names bound.
    pub(super) fn standing_with(&self, item: ItemId, values: BTreeMap<Arc<str>, Value>) -> Self {
        let module = self.db.module_of(item);
        let frame = Frame {
            parent: None,
            values,
            body: &[],
            names: BTreeMap::new(),
            states: RefCell::new(Vec::new()),
            uses: self.frame.as_ref().map(|frame| Arc::clone(&frame.uses)).unwrap_or_default(),
            is_abstract: self.is_abstract(),
            item,
            module: Arc::clone(&module),
            depth: self.depth(),
        };
        Elab { db: self.db, item, module, frame: Some(Rc::new(frame)), within: RefCell::new(None), out: self.out }
    }

    /// Expands a body of this item's own text: a `for`, or the abstract reading of a template.
    fn expand(&self, body: &'s [Item], values: BTreeMap<Arc<str>, Value>, at: Option<Span>, is_abstract: bool) {
        let mut uses: Vec<Location> = self.frame.as_ref().map(|frame| frame.uses.to_vec()).unwrap_or_default();
        if let Some(at) = at
            && !is_abstract
        {
            uses.insert(0, self.at(at));
        }
        let frame = Frame {
            parent: self.frame.clone(),
            values,
            body,
            names: names_of(body),
            states: RefCell::new(vec![State::Untouched; body.len()]),
            uses: Arc::from(uses),
            is_abstract: is_abstract || self.is_abstract(),
            item: self.item,
            module: Arc::clone(&self.module),
            depth: self.depth() + 1,
        };
        self.run_all(Rc::new(frame));
    }

    /// Expands a template's body, which may stand in another item.
    fn expand_in(
        &self,
        item: ItemId,
        body: &'s [Item],
        values: BTreeMap<Arc<str>, Value>,
        at: Span,
    ) -> BTreeMap<Arc<str>, Value> {
        if self.depth() >= MAX_DEPTH {
            self.report(
                Finding::new(codes::RECURSION, "templates stamp each other without end", self.at(at))
                    .help("a template cannot stamp itself, directly or through others"),
            );
            return BTreeMap::new();
        }
        let mut uses: Vec<Location> = self.frame.as_ref().map(|frame| frame.uses.to_vec()).unwrap_or_default();
        uses.insert(0, self.at(at));
        let frame = Frame {
            parent: None,
            values,
            body,
            names: names_of(body),
            states: RefCell::new(vec![State::Untouched; body.len()]),
            uses: Arc::from(uses),
            is_abstract: self.is_abstract(),
            item,
            module: self.db.module_of(item),
            depth: self.depth() + 1,
        };
        self.run_all(Rc::new(frame))
    }

    fn depth(&self) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.depth)
    }

    fn run_all(&self, frame: Rc<Frame<'s>>) -> BTreeMap<Arc<str>, Value> {
        let mut members = BTreeMap::new();
        for index in 0..frame.body.len() {
            let stamped = self.out.stamped.get() + 1;
            self.out.stamped.set(stamped);
            if stamped == MAX_STAMPED {
                self.report(
                    Finding::new(
                        codes::TOO_LARGE,
                        format!("this stamps more than {MAX_STAMPED} declarations"),
                        Location { item: self.item, span: Span::default() },
                    )
                    .help("split it: one item may stamp that many at most"),
                );
            }
            if stamped >= MAX_STAMPED {
                break;
            }
            if let Some(exports) = frame.run(index, self) {
                members.extend((*exports).clone());
            }
        }
        members
    }
}

fn names_of(body: &[Item]) -> BTreeMap<Arc<str>, Vec<usize>> {
    let mut names: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (index, item) in body.iter().enumerate() {
        for name in table_names(item) {
            names.entry(Arc::clone(&name.text)).or_default().push(index);
        }
    }
    names
}

/// An expression that is a dotted path.
pub(super) fn as_path(expr: &Expr) -> Option<Path> {
    match &expr.kind {
        ExprKind::Name(name) => Some(Path { segments: vec![name.clone()], span: expr.span }),
        ExprKind::Field(base, name) => {
            let mut path = as_path(base)?;
            path.segments.push(name.clone());
            path.span = expr.span;
            Some(path)
        }
        _ => None,
    }
}

//! Expressions of declarations: evaluated to what lowering needs.

use std::{collections::BTreeMap, sync::Arc};

use kspec_diagnostics::{Finding, Location, Span, codes};
use kspec_model::program::Date;
use kspec_syntax::tree::{Expr, ExprKind, Fn, ItemKind, Let, Param, Str};
use kspec_types::{Cx, EntityKind, EntityRef, FnDef, FnParam, Lookup, Scope, Type, Value};

use super::Elab;
use crate::db::Symbol;

impl Scope for Elab<'_, '_> {
    fn lookup(&self, name: &str) -> Lookup {
        self.name_value(name, Span::default())
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.visible_names()
    }

    fn member(&self, of: &EntityRef, name: &str) -> Lookup {
        self.member_value(of, name, Span::default())
    }

    fn member_names(&self, of: &EntityRef) -> Vec<Arc<str>> {
        match of.kind {
            EntityKind::Module => self.db.module_names(&of.name, &mut self.out.uses.borrow_mut()),
            _ => of.members.as_ref().map(|members| members.keys().cloned().collect()).unwrap_or_default(),
        }
    }

    fn declared(&self, name: &str) -> Option<Location> {
        match self.name_value(name, Span::default()) {
            Lookup::Found(Value::Entity(entity)) => entity.decl,
            Lookup::Found(Value::Function(function)) => Some(function.decl),
            _ => None,
        }
    }

    fn declared_type(&self, name: &str) -> Option<Type> {
        // What a frame binds is judged by its type where the template is checked.
        if let Some(frame) = &self.frame
            && frame.lookup(name, self).is_some()
        {
            return None;
        }
        let symbols = self.db.symbols(&self.module, name, &mut self.out.uses.borrow_mut());
        let [Symbol::Item(id)] = symbols.as_slice() else { return None };
        self.out.uses.borrow_mut().items.insert(*id);
        let ItemKind::Param(param) = &self.db.item(*id)?.kind else { return None };
        let mut said_there = Vec::new();
        Some(kspec_types::ty(&param.ty, &mut Cx::new(self, *id, &self.db.facts.schema, &mut said_there)))
    }

    fn of_module<'a>(&'a self, module: &str) -> Option<Box<dyn Scope + 'a>> {
        Some(Box::new(Elab {
            db: self.db,
            item: self.item,
            module: Arc::from(module),
            frame: None,
            within: std::cell::RefCell::new(None),
            out: self.out,
        }))
    }
}

impl<'s> Elab<'_, 's> {
    /// Runs the type checker here; its findings are recorded.
    pub(super) fn with_cx<T>(&self, run: impl FnOnce(&mut Cx<'_>) -> T) -> T {
        let mut findings = Vec::new();
        let result = run(&mut Cx::new(self, self.item, &self.db.facts.schema, &mut findings));
        for finding in findings {
            self.report(finding);
        }
        result
    }

    /// Evaluates against a type.
    pub(super) fn eval(&self, expr: &Expr, expected: Option<&Type>) -> Value {
        self.with_cx(|cx| kspec_types::eval(expr, expected, cx))
    }

    /// A type as written.
    pub(super) fn ty(&self, expr: &kspec_syntax::tree::TypeExpr) -> Type {
        self.with_cx(|cx| kspec_types::ty(expr, cx))
    }

    /// A string; in a template's abstract reading a stand-in for what is not known yet.
    pub(super) fn string(&self, expr: &Expr) -> Option<String> {
        match self.eval(expr, Some(&Type::String)) {
            Value::Str(text) => Some(text.to_string()),
            Value::Unknown(_) => Some(super::UNKNOWN.to_owned()),
            _ => None,
        }
    }

    /// A boolean; `false` for one not known yet.
    pub(super) fn boolean(&self, expr: &Expr) -> Option<bool> {
        match self.eval(expr, Some(&Type::Bool)) {
            Value::Bool(value) => Some(value),
            Value::Unknown(_) => Some(false),
            _ => None,
        }
    }

    /// A list of strings, or one string.
    pub(super) fn strings(&self, expr: &Expr) -> Vec<String> {
        match self.eval(expr, Some(&Type::List(Box::new(Type::String)))) {
            Value::List(values) => values.iter().filter_map(text_of).collect(),
            value => text_of(&value).into_iter().collect(),
        }
    }

    /// A map of strings, such as labels.
    pub(super) fn string_map(&self, expr: &Expr) -> BTreeMap<String, String> {
        match self.eval(expr, Some(&Type::Map(Box::new(Type::String), Box::new(Type::String)))) {
            Value::Map(fields) | Value::Record(fields) => {
                fields.iter().filter_map(|(key, value)| Some((key.to_string(), text_of(value)?))).collect()
            }
            _ => BTreeMap::new(),
        }
    }

    /// A map of quantities in canonical text, such as a limit's `default`: each in the unit its resource is counted in.
    pub(super) fn quantity_map(&self, expr: &Expr) -> BTreeMap<String, String> {
        let ExprKind::Record(fields) = &expr.kind else {
            return match self.eval(expr, Some(&Type::map(Type::Quantity))) {
                Value::Map(fields) | Value::Record(fields) => {
                    fields.iter().filter_map(|(key, value)| Some((key.to_string(), quantity_text(value)?))).collect()
                }
                _ => BTreeMap::new(),
            };
        };
        self.unique(fields)
            .into_iter()
            .filter_map(|field| Some((field.key.text.to_string(), self.amount(&field.value, &field.key.text)?)))
            .collect()
    }

    /// The amount of a resource, in canonical text.
    pub(super) fn amount(&self, expr: &Expr, resource: &str) -> Option<String> {
        quantity_text(&self.with_cx(|cx| kspec_types::eval_resource(expr, resource, cx)))
    }

    /// One of a set of words, bare or quoted.
    pub(super) fn word(&self, expr: &Expr, words: &[&str]) -> Option<Arc<str>> {
        self.with_cx(|cx| kspec_types::eval_word(expr, words, cx))
    }

    /// A date.
    pub(super) fn date(&self, expr: &Expr) -> Option<Date> {
        match self.eval(expr, Some(&Type::Date)) {
            Value::Date(date) => Some(date),
            Value::Unknown(_) => Some(Date { year: 9999, month: 12, day: 31 }),
            _ => None,
        }
    }

    /// The text of a name-like string. Inside a template it interpolates.
    pub(super) fn name_text(&self, text: &Str) -> Option<String> {
        if self.frame.is_none() || text.raw {
            return Some(text.value.to_string());
        }
        text_of(&self.with_cx(|cx| kspec_types::interpolate(text, cx)))
    }

    /// `param`.
    pub(super) fn param(&self, node: &Param) -> Value {
        let ty = self.ty(&node.ty);
        let config = &self.db.facts.config;
        let given = self
            .db
            .facts
            .environment
            .as_ref()
            .and_then(|name| config.environments.get(name))
            .and_then(|environment| environment.params.get(node.name.text.as_ref()));
        if let Some(module) = self.db.module(&self.module)
            && !module.package.is_empty()
        {
            self.report(
                Finding::new(codes::PARAMETER_VALUE, "a package has no parameters of its own", self.at(node.name.span))
                    .help("make it a parameter of a template or function, which the project passes in"),
            );
            return Value::Unknown(ty);
        }
        match (given, &node.default) {
            (Some(json), _) => {
                let mut findings = Vec::new();
                let value = {
                    let mut cx = Cx::new(self, self.item, &self.db.facts.schema, &mut findings);
                    kspec_types::coerce_text(from_json(json), &ty, node.name.span, &mut cx)
                };
                if let Some(finding) = findings.into_iter().next() {
                    let environment = self.db.facts.environment.as_deref().unwrap_or_default();
                    self.report(
                        Finding::new(
                            codes::PARAMETER_VALUE,
                            format!(
                                "environment {environment} gives `{}` a value it cannot have: {}",
                                node.name.text, finding.message
                            ),
                            self.at(node.name.span),
                        )
                        .help(format!("correct it under [environments.{environment}.params] of kspec.toml")),
                    );
                }
                value
            }
            (None, Some(default)) => self.eval(default, Some(&ty)),
            (None, None) => {
                let help = match &self.db.facts.environment {
                    Some(environment) => format!("give it one under [environments.{environment}.params] of kspec.toml"),
                    None => {
                        "declare environments in kspec.toml and pick one with --env, or give it a default".to_owned()
                    }
                };
                self.report(
                    Finding::new(
                        codes::PARAMETER_VALUE,
                        format!("parameter `{}` has no value", node.name.text),
                        self.at(node.name.span),
                    )
                    .help(help),
                );
                Value::Unknown(ty)
            }
        }
    }

    /// `let`, whose value may be a stamp.
    pub(super) fn let_value(&self, node: &Let) -> Value {
        if let Some(stamped) = self.stamp_expr(&node.value, Some(&node.name)) {
            return stamped;
        }
        if let Some(rules) = self.rule_list(&node.value) {
            return rules;
        }
        let ty = node.ty.as_ref().map(|ty| self.ty(ty));
        self.eval(&node.value, ty.as_ref())
    }

    /// `fn`: its body is checked with unknown arguments here, and evaluated where it is called.
    pub(super) fn function(&self, node: &Fn) -> Value {
        let params = node
            .params
            .iter()
            .map(|param| FnParam {
                name: Arc::clone(&param.name.text),
                ty: self.ty(&param.ty),
                default: param.default.clone().map(Arc::new),
            })
            .collect();
        let def = FnDef {
            name: Arc::clone(&node.name.text),
            params,
            result: self.ty(&node.result),
            body: Arc::new(node.body.clone()),
            item: self.item,
            module: Arc::clone(&self.module),
            decl: self.at(node.name.span),
        };
        self.with_cx(|cx| kspec_types::check_fn(&def, cx));
        Value::Function(Arc::new(def))
    }

    /// The text of a path's value, or of a string, for `owner:`.
    pub(super) fn principal_text(&self, expr: &Expr) -> Option<String> {
        match self.eval(expr, None) {
            Value::Str(text) => Some(text.to_string()),
            Value::Entity(entity) => Some(entity.name.to_string()),
            Value::Unknown(_) => Some(super::UNKNOWN.to_owned()),
            Value::Error => None,
            other => {
                self.report(
                    Finding::new(
                        codes::WRONG_TYPE,
                        format!("an owner is a user, a group or a string, not {}", super::lookup::describe(&other)),
                        self.at(expr.span),
                    )
                    .help("name a declared group or write who answers for it in quotes"),
                );
                None
            }
        }
    }
}

/// The text of a string-like value.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.to_string()),
        Value::Unknown(_) => Some(super::UNKNOWN.to_owned()),
        Value::Entity(entity) => Some(entity.name.to_string()),
        _ => None,
    }
}

/// Canonical text of a quantity.
pub(super) fn quantity_text(value: &Value) -> Option<String> {
    match value {
        Value::Quantity(quantity) => Some(quantity.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Unknown(_) => Some("1".to_owned()),
        _ => None,
    }
}

/// Kubernetes' spelling of an identifier.
pub(super) fn kube_name(identifier: &str) -> String {
    identifier.replace('_', "-")
}

/// A parameter's value as `kspec.toml` gives it.
fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Absent,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::Float(number),
            (None, None) => Value::Error,
        },
        serde_json::Value::String(text) => Value::str(text.as_str()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(fields) => {
            Value::Record(fields.iter().map(|(key, value)| (Arc::from(key.as_str()), from_json(value))).collect())
        }
    }
}

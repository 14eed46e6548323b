//! Rules: what a declaration is, and what it becomes where it is bound.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kspec_diagnostics::{Finding, Location, Severity as FindingSeverity, Span, codes};
use kspec_model::rules::{Body, Rule, Severity, Target};
use kspec_syntax::tree::{self, Arg, ExprKind, Item, ItemKind, Param, RuleBody, RuleStmt};
use kspec_types::{Bound, Callee, EntityKind, EntityRef, FnParam, Lookup, OnKind, Value};

use super::{
    Elab,
    target::{Workloads, beside_pods, default_operations, is_pod},
    template::as_path,
};

/// A rule's or mutation's declaration, found again from where it is bound.
pub(super) struct Declared<'s> {
    /// With its doc comment.
    pub(super) item: &'s Item,
    pub(super) params: &'s [Param],
}

/// What is bound, with its arguments.
pub(super) struct Use {
    pub(super) entity: EntityRef,
    /// Where it is named.
    pub(super) span: Span,
}

const SEVERITIES: [(&str, Severity); 4] =
    [("low", Severity::Low), ("medium", Severity::Medium), ("high", Severity::High), ("critical", Severity::Critical)];

impl<'s> Elab<'_, 's> {
    pub(super) fn rule(&self, node: &'s tree::Rule) -> Value {
        self.with_cx(|cx| kspec_types::check_rule(node, cx));
        self.operations(&node.operations);
        if let RuleBody::Foreign(expr) = &node.body {
            self.foreign(expr, &BTreeMap::new());
            self.about(node, None);
            if node.on.is_empty() {
                self.report(
                    Finding::new(codes::MISSING_FIELD, "this rule is on no kind", self.at(node.name.span))
                        .help(format!("say what is asked about: `rule {} on Pod = …`", node.name.text)),
                );
            }
        }
        self.admission_entity(EntityKind::Rule, &node.name, &node.params)
    }

    /// A rule or mutation as a value. One that is declared in a template carries what it can name there.
    pub(super) fn admission_entity(&self, kind: EntityKind, name: &tree::Name, params: &[Param]) -> Value {
        let value = self.entity(kind, None, &name.text, name.span, false);
        let Some(frame) = &self.frame else { return value };
        let mut names = Vec::new();
        frame.arguments(&mut names);
        let wanted: BTreeSet<Arc<str>> =
            names.into_iter().filter(|name| params.iter().all(|param| param.name.text != *name)).collect();
        let captured = frame.captured(&wanted, self);
        match value {
            Value::Entity(entity) => Value::Entity(EntityRef { members: Some(Arc::new(captured)), ..entity }),
            other => other,
        }
    }

    /// The declaration of a rule or mutation.
    pub(super) fn declared_rule(&self, entity: &EntityRef) -> Option<(Declared<'s>, Location)> {
        fn find(item: &Item, at: Span) -> Option<(&Item, &[Param])> {
            match &item.kind {
                ItemKind::Rule(node) if node.name.span == at => Some((item, &node.params)),
                ItemKind::Mutation(node) if node.name.span == at => Some((item, &node.params)),
                ItemKind::Template(node) => node.body.iter().find_map(|inner| find(inner, at)),
                ItemKind::For(node) => node.body.iter().find_map(|inner| find(inner, at)),
                _ => None,
            }
        }
        let decl = entity.decl?;
        // A list of rules may come from elsewhere: what is bound is drawn on all the same.
        if decl.item != self.item {
            self.out.uses.borrow_mut().items.insert(decl.item);
        }
        let (item, params) = find(self.db.item(decl.item)?, decl.span)?;
        Some((Declared { item, params }, decl))
    }

    /// The parameters of a declaration that stands in `item`, with their types.
    fn typed_params(&self, params: &[Param], entity: &EntityRef, item: kspec_diagnostics::ItemId) -> Vec<FnParam> {
        let there = self.standing_with(item, entity.members.as_deref().cloned().unwrap_or_default());
        let typed = params.iter().map(|param| FnParam {
            name: Arc::clone(&param.name.text),
            ty: there.ty(&param.ty),
            default: param.default.clone().map(Arc::new),
        });
        typed.collect()
    }

    /// Rules or mutations by name, with arguments, or by the name of a list of them. Reports what is none.
    pub(super) fn rule_uses(&self, expr: &tree::Expr) -> Vec<Use> {
        let (callee, arguments) = match &expr.kind {
            ExprKind::Call(callee, arguments) => (callee.as_ref(), Some(arguments.as_slice())),
            ExprKind::List(items) => return items.iter().flat_map(|item| self.rule_uses(item)).collect(),
            ExprKind::Error => return Vec::new(),
            _ => (expr, None),
        };
        let Some(path) = as_path(callee) else {
            self.report(
                Finding::new(codes::WRONG_KIND, "this is no rule", self.at(expr.span))
                    .help("name a rule or mutation, with its arguments"),
            );
            return Vec::new();
        };
        let value = self.path_value(&path);
        if let Value::List(items) = &value
            && arguments.is_none()
            && !items.is_empty()
        {
            let entities = items.iter().map(|item| match item {
                Value::Entity(entity) if is_admission(entity) => Some(Use { entity: entity.clone(), span: expr.span }),
                _ => None,
            });
            if let Some(uses) = entities.collect() {
                return uses;
            }
        }
        let what = "a rule, a mutation, or a list of them";
        let Some(entity) = self.as_entity(value, &[EntityKind::Rule, EntityKind::Mutation], what, path.span) else {
            for argument in arguments.into_iter().flatten() {
                self.eval(&argument.value, None);
            }
            return Vec::new();
        };
        self.applied(entity, arguments, expr.span).into_iter().collect()
    }

    /// A rule or mutation with its arguments, which become members of it.
    fn applied(&self, entity: EntityRef, arguments: Option<&[Arg]>, span: Span) -> Option<Use> {
        let Some((declared, decl)) = self.declared_rule(&entity) else {
            // Of a template's parameter nothing is known yet.
            for argument in arguments.into_iter().flatten() {
                self.eval(&argument.value, None);
            }
            return None;
        };
        let members = entity.members.as_deref().cloned().unwrap_or_default();
        let is_applied =
            !declared.params.is_empty() && declared.params.iter().all(|param| members.contains_key(&param.name.text));
        if is_applied && arguments.is_none() {
            return Some(Use { entity, span });
        }
        let params = self.typed_params(declared.params, &entity, decl.item);
        let module = self.db.module_of(decl.item);
        let callee = Callee { name: &entity.name, params: &params, decl: Some(decl), module: Some(&module) };
        let values = self.with_cx(|cx| kspec_types::bind_args(callee, arguments.unwrap_or_default(), span, cx));
        if values.values().any(Value::has_error) {
            return None;
        }
        let mut members = members;
        members.extend(values);
        Some(Use { entity: EntityRef { members: Some(Arc::new(members)), ..entity }, span })
    }

    /// The rules of `[a, b(…)]` or `b(…)`, where `let` gives them a name; `None` for whatever is not about rules.
    pub(super) fn rule_list(&self, expr: &tree::Expr) -> Option<Value> {
        let first = match &expr.kind {
            ExprKind::List(items) => items.first()?,
            ExprKind::Call(..) => expr,
            _ => return None,
        };
        let named = match &first.kind {
            ExprKind::Call(callee, _) => callee.as_ref(),
            _ => first,
        };
        let path = as_path(named)?;
        let name = path.segments.first()?;
        let mut value = match self.name_value(&name.text, name.span) {
            Lookup::Found(value) => value,
            Lookup::Poisoned | Lookup::Unknown => return None,
        };
        for name in path.segments.iter().skip(1) {
            let Value::Entity(entity) = &value else { return None };
            value = match self.member_value(entity, &name.text, name.span) {
                Lookup::Found(value) => value,
                Lookup::Poisoned | Lookup::Unknown => return None,
            };
        }
        let is_rules = match &value {
            Value::Entity(entity) => is_admission(entity),
            Value::List(items) => {
                !items.is_empty()
                    && items.iter().all(|item| matches!(item, Value::Entity(entity) if is_admission(entity)))
            }
            _ => false,
        };
        if !is_rules {
            return None;
        }
        let uses = self.rule_uses(expr);
        if uses.is_empty() && !self.is_abstract() {
            return Some(Value::Error);
        }
        let mut entities: Vec<Value> = uses.into_iter().map(|used| Value::Entity(used.entity)).collect();
        match &expr.kind {
            ExprKind::Call(..) if entities.len() == 1 => entities.pop(),
            _ => Some(Value::List(entities)),
        }
    }

    /// What a declaration's parameters are bound to; `None` where something is wrong with it, which was said.
    pub(super) fn bound_params(
        &self,
        used: &Use,
        declared: &Declared<'_>,
        decl: Location,
    ) -> Option<BTreeMap<Arc<str>, Bound>> {
        let wrong = if decl.item == self.item {
            self.out.findings.borrow().iter().any(|finding| finding.severity == FindingSeverity::Error)
        } else {
            self.has_errors(decl.item)
        };
        if wrong {
            return None;
        }
        let params = self.typed_params(declared.params, &used.entity, decl.item);
        let members = used.entity.members.as_deref();
        let bound = params.into_iter().map(|param| {
            let value = members.and_then(|members| members.get(&param.name))?.clone();
            (!value.is_abstract()).then_some((param.name, Bound { ty: param.ty, value }))
        });
        bound.collect()
    }

    /// As if what is read next stood where a rule is declared, its parameters bound.
    pub(super) fn inside(&self, used: &Use, decl: Location) -> Self {
        self.standing_with(decl.item, used.entity.members.as_deref().cloned().unwrap_or_default())
    }

    /// A rule where it is bound: closed, with everything that it is asked about.
    pub(super) fn bound_rule(
        &self,
        used: &Use,
        workloads: Workloads,
        severity: Option<Severity>,
    ) -> Option<(Rule, Location)> {
        let (declared, decl) = self.declared_rule(&used.entity)?;
        let ItemKind::Rule(node) = &declared.item.kind else { return None };
        let params = self.bound_params(used, &declared, decl)?;
        let there = self.inside(used, decl);
        let about = there.about(node, declared.item.doc.as_deref());
        let kinds: Vec<OnKind> = there.with_cx(|cx| kspec_types::on_kinds(&node.on, cx));
        let stated = there.operations(&node.operations)?;
        let mut bodies: Vec<Body> = Vec::new();
        let mut targets: Vec<Target> = Vec::new();
        for kind in &kinds {
            let body = match &node.body {
                RuleBody::Stmts(statements) => Body::Statements(there.with_cx(|cx| {
                    kspec_types::lower_rule(statements, kind, &node.params, &params, &about.message, cx)
                })?),
                RuleBody::Foreign(expr) => there.foreign(expr, &params)?,
            };
            let at = bodies.iter().position(|known| *known == body).unwrap_or_else(|| {
                bodies.push(body);
                bodies.len() - 1
            });
            let operations = if stated.is_empty() { default_operations(kind) } else { stated.clone() };
            targets.push(kind.target(operations.clone(), at));
            if is_pod(kind) {
                targets.extend(beside_pods(&operations, workloads, &kinds, at));
            }
        }
        let rule = Rule {
            name: node.name.text.to_string(),
            help: about.help,
            severity: severity.or(about.severity).unwrap_or(Severity::Medium),
            controls: about.controls,
            source: String::new(),
            targets,
            bodies,
        };
        Some((rule, decl))
    }

    /// What a rule says of itself.
    fn about(&self, node: &tree::Rule, doc: Option<&str>) -> About {
        let mut about = About {
            message: doc.and_then(first_sentence).unwrap_or_else(|| format!("refused by {}", node.name.text)),
            help: doc.map(str::to_owned),
            severity: None,
            controls: Vec::new(),
        };
        // A module's fields stand among what it is named with: `rego("file.rego", severity: high)`.
        let fields: Vec<(&tree::Name, &tree::Expr)> = match &node.body {
            RuleBody::Stmts(statements) => {
                let fields = statements.iter().filter_map(|statement| match statement {
                    RuleStmt::Field(field) => Some((&*field.key.text, &field.value)),
                    _ => None,
                });
                for (name, value) in fields {
                    self.said_of_itself(&mut about, name, value);
                }
                return about;
            }
            RuleBody::Foreign(expr) => match &expr.kind {
                ExprKind::Call(_, arguments) => {
                    arguments.iter().filter_map(|arg| Some((arg.name.as_ref()?, &arg.value))).collect()
                }
                _ => Vec::new(),
            },
        };
        for (name, value) in fields {
            if !self.said_of_itself(&mut about, &name.text, value) {
                let message = format!("a module says nothing called `{}` of itself", name.text);
                self.report(
                    Finding::new(codes::UNKNOWN_FIELD, message, self.at(name.span))
                        .help("it has severity, message, controls and url"),
                );
            }
        }
        about
    }

    /// Takes a field that a rule says of itself; whether it is one.
    fn said_of_itself(&self, about: &mut About, name: &str, value: &tree::Expr) -> bool {
        match name {
            "severity" => about.severity = self.severity(value),
            "message" => about.message = self.string(value).unwrap_or_else(|| std::mem::take(&mut about.message)),
            "controls" => about.controls = self.strings(value),
            "url" => {
                let url = self.string(value).map(|url| format!("see {url}"));
                let parts: Vec<String> = about.help.take().into_iter().chain(url).collect();
                about.help = (!parts.is_empty()).then(|| parts.join("\n"));
            }
            _ => return false,
        }
        true
    }

    /// `low`, `medium`, `high`, `critical`.
    pub(super) fn severity(&self, expr: &tree::Expr) -> Option<Severity> {
        let word = self.word(expr, &SEVERITIES.map(|(word, _)| word))?;
        SEVERITIES.iter().find(|(known, _)| *known == &*word).map(|(_, severity)| *severity)
    }

    /// `= rego("file.rego")`; reports what it is not, or a file that there is not. What a package names is the package's.
    fn foreign(&self, expr: &tree::Expr, params: &BTreeMap<Arc<str>, Bound>) -> Option<Body> {
        let arguments = match &expr.kind {
            ExprKind::Call(callee, arguments) => match &callee.kind {
                ExprKind::Name(name) if &*name.text == "rego" => Some(arguments.as_slice()),
                _ => None,
            },
            ExprKind::Error => return None,
            _ => None,
        };
        let Some([Arg { name: None, value }, ..]) =
            arguments.filter(|arguments| arguments.iter().skip(1).all(|argument| argument.name.is_some()))
        else {
            self.report(
                Finding::new(codes::WRONG_TYPE, "a rule is a body, or a module in Rego", self.at(expr.span))
                    .help("write `= rego(\"policies/file.rego\")`, or the rule's statements in braces"),
            );
            return None;
        };
        let file = self.string(value)?;
        let module = self.db.module_of(self.item);
        let package = self.db.module(&module).map(|module| Arc::clone(&module.package)).unwrap_or_default();
        let file = if package.is_empty() { file } else { format!("{package}/{file}") };
        let files = &self.db.facts.rego;
        let Some(source) = files.get(&file) else {
            let message = format!("there is no file `{file}` in the project");
            let finding = Finding::new(codes::UNKNOWN_MODULE, message, self.at(value.span));
            self.report(match kspec_schema::closest(&file, files.keys().map(String::as_str)) {
                Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                    format!("write \"{close}\""),
                    self.at(value.span),
                    format!("\"{close}\""),
                ),
                None => finding.help("the path is from the project's root, and ends in `.rego`"),
            });
            return None;
        };
        let parameters = params.iter().filter_map(|(name, bound)| {
            let json = kspec_types::to_json(&bound.value).filter(|json| !json.is_null())?;
            Some((name.to_string(), json))
        });
        Some(Body::Rego { file, source: source.to_string(), parameters: parameters.collect() })
    }
}

struct About {
    message: String,
    help: Option<String>,
    severity: Option<Severity>,
    controls: Vec<String>,
}

/// Whether it can be bound by `enforce`.
fn is_admission(entity: &EntityRef) -> bool {
    matches!(entity.kind, EntityKind::Rule | EntityKind::Mutation)
}

/// The first sentence of a doc comment, on one line, without its full stop.
fn first_sentence(doc: &str) -> Option<String> {
    let paragraph = doc.split("\n\n").next().unwrap_or(doc);
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = line.split_once(". ").map_or(line.as_str(), |(first, _)| first);
    let sentence = sentence.trim_end_matches('.');
    (!sentence.is_empty()).then(|| sentence.to_owned())
}

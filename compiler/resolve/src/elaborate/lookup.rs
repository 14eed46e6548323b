//! Names and paths: what they stand for here.

use std::sync::Arc;

use kspec_diagnostics::{Finding, Location, Span, codes};
use kspec_syntax::tree::{Item, ItemKind, Name, Path, Use};
use kspec_types::{EntityKind, EntityRef, Lookup, Type, Value};

use super::Elab;
use crate::{db::Symbol, modules::path_text};

impl<'s> Elab<'_, 's> {
    /// What a name stands for: in the frames around this place, in the statement's namespace, in the module, or built in.
    pub(super) fn name_value(&self, name: &str, span: Span) -> Lookup {
        if let Some(frame) = &self.frame
            && let Some(found) = frame.lookup(name, self)
        {
            return found;
        }
        let found = self.module_value(&self.module, name, span);
        if !matches!(found, Lookup::Unknown) {
            return found;
        }
        self.built_in_role(name).map_or(Lookup::Unknown, Lookup::Found)
    }

    /// What a name of a module stands for; of several that namespaces tell apart, the one of the statement's namespace.
    pub(super) fn module_value(&self, module: &str, name: &str, span: Span) -> Lookup {
        let within = self.within.borrow().clone();
        let mut candidates = self.candidates(module, name, span);
        if candidates.len() > 1
            && let Some(here) =
                candidates.iter().position(|value| namespace_of(value) == within.as_deref() && within.is_some())
        {
            return Lookup::Found(candidates.swap_remove(here));
        }
        match candidates.len() {
            0 if self.declares(module, name) => Lookup::Poisoned,
            0 => Lookup::Unknown,
            1 => candidates.pop().map_or(Lookup::Unknown, Lookup::Found),
            _ => {
                let places: Vec<Location> = candidates.iter().filter_map(decl_of).collect();
                if places.windows(2).any(|pair| matches!(pair, [a, b] if a != b))
                    && candidates.iter().all(|value| namespace_of(value).is_some())
                {
                    let mut finding = Finding::new(
                        codes::UNKNOWN_NAME,
                        format!("`{name}` is declared in several namespaces"),
                        self.at(span),
                    )
                    .help(format!("say which: write the namespace before it, as in `namespace.{name}`"));
                    for place in places {
                        finding = finding.label(place, "one of them");
                    }
                    self.report(finding);
                }
                Lookup::Poisoned
            }
        }
    }

    /// Whether a module has the name, whatever it stands for.
    pub(super) fn declares(&self, module: &str, name: &str) -> bool {
        let mut uses = self.out.uses.borrow_mut();
        // A `use` whose target is missing is reported where it stands.
        !self.db.symbols(module, name, &mut uses).is_empty()
            || self.db.module(module).is_some_and(|module| module.names.contains_key(name))
    }

    fn candidates(&self, module: &str, name: &str, span: Span) -> Vec<Value> {
        let symbols = self.db.symbols(module, name, &mut self.out.uses.borrow_mut());
        symbols
            .into_iter()
            .filter_map(|symbol| match symbol {
                Symbol::Module(path) => Some(module_entity(&path)),
                Symbol::Item(id) => {
                    self.out.uses.borrow_mut().items.insert(id);
                    let unit = self.db.unit_for(id, self.at(span))?;
                    // An alias names the declaration by another name.
                    unit.exports.as_ref().map(|(_, value)| value.clone())
                }
            })
            .collect()
    }

    /// The built-in ClusterRoles of the target version, with `-` and `:` written `_`.
    fn built_in_role(&self, name: &str) -> Option<Value> {
        let name = self.db.target.role_called(name)?;
        Some(Value::Entity(EntityRef {
            kind: EntityKind::Role,
            namespace: None,
            name: Arc::from(name),
            decl: None,
            existing: true,
            members: None,
        }))
    }

    /// A path: the first name as [`Elab::name_value`], each further one a member of what stands before it. Reports what is
    /// unknown and yields [`Value::Error`] for it.
    pub(super) fn path_value(&self, path: &Path) -> Value {
        let Some((first, rest)) = path.segments.split_first() else { return Value::Error };
        let mut value = match self.name_value(&first.text, first.span) {
            Lookup::Found(value) => value,
            Lookup::Poisoned => return Value::Error,
            Lookup::Unknown => {
                self.report(self.unknown_name(first, "name"));
                return Value::Error;
            }
        };
        for name in rest {
            value = self.member(&value, name);
        }
        value
    }

    /// A member of an entity: what a module or stamp declares, what is declared in a namespace; else its `name` and
    /// `namespace`.
    pub(super) fn member_value(&self, of: &EntityRef, name: &str, span: Span) -> Lookup {
        let member = match of.kind {
            EntityKind::Module => return self.module_value(&of.name, name, span),
            EntityKind::Namespace => self.in_namespace(of, name, span),
            _ => of.members.as_ref().and_then(|members| members.get(name)).cloned(),
        };
        match (member, name, &of.namespace) {
            (Some(value), ..) => Lookup::Found(value),
            (None, "name", _) => Lookup::Found(Value::Str(Arc::clone(&of.name))),
            (None, "namespace", Some(namespace)) => Lookup::Found(Value::Str(Arc::clone(namespace))),
            (None, ..) => Lookup::Unknown,
        }
    }

    /// As [`Elab::member_value`] for a path's segment; reports what is unknown.
    pub(super) fn member(&self, value: &Value, name: &Name) -> Value {
        match value {
            Value::Error => Value::Error,
            Value::Entity(entity) => match self.member_value(entity, &name.text, name.span) {
                Lookup::Found(value) => value,
                Lookup::Poisoned => Value::Error,
                Lookup::Unknown => {
                    let known = kspec_types::Scope::member_names(self, entity);
                    let place = match entity.kind {
                        EntityKind::Module => format!("module `{}`", entity.name),
                        EntityKind::Namespace => format!("namespace `{}`", entity.name),
                        _ => format!("`{}`", entity.name),
                    };
                    self.report(self.unknown_among(name, &place, &known));
                    Value::Error
                }
            },
            Value::Unknown(Type::Record(fields)) => {
                fields.get(&name.text).map_or(Value::Error, |ty| Value::Unknown(ty.clone()))
            }
            Value::Unknown(_) => Value::Unknown(Type::Any),
            other => match other.fields().and_then(|fields| fields.get(&name.text)) {
                Some(value) => value.clone(),
                None => {
                    self.report(
                        Finding::new(
                            codes::WRONG_KIND,
                            format!("{} has no member `{}`", describe(other), name.text),
                            self.at(name.span),
                        )
                        .help("members belong to modules, namespaces, stamps and records"),
                    );
                    Value::Error
                }
            },
        }
    }

    fn in_namespace(&self, namespace: &EntityRef, name: &str, span: Span) -> Option<Value> {
        let mut modules = vec![Arc::clone(&self.module)];
        if let Some(decl) = namespace.decl {
            modules.push(self.db.module_of(decl.item));
        }
        modules.into_iter().find_map(|module| {
            self.candidates(&module, name, span)
                .into_iter()
                .find(|value| namespace_of(value) == Some(namespace.name.as_ref()))
        })
    }

    /// The entity that a path names, if it is of one of these kinds; reports otherwise. `what` says what is expected.
    pub(super) fn expect_entity(&self, path: &Path, kinds: &[EntityKind], what: &str) -> Option<EntityRef> {
        let value = self.path_value(path);
        self.as_entity(value, kinds, what, path.span)
    }

    /// As [`Elab::expect_entity`], for a value already found.
    pub(super) fn as_entity(&self, value: Value, kinds: &[EntityKind], what: &str, span: Span) -> Option<EntityRef> {
        match value {
            Value::Entity(entity) if kinds.contains(&entity.kind) => Some(entity),
            Value::Error => None,
            Value::Unknown(Type::Entity(kind)) if kinds.contains(&kind) || kind == EntityKind::Subject => {
                Some(EntityRef {
                    kind,
                    namespace: None,
                    name: Arc::from("unknown"),
                    decl: None,
                    existing: false,
                    members: None,
                })
            }
            Value::Unknown(Type::Any) => {
                let kind = *kinds.first()?;
                Some(EntityRef {
                    kind,
                    namespace: None,
                    name: Arc::from("unknown"),
                    decl: None,
                    existing: false,
                    members: None,
                })
            }
            other => {
                let mut finding = Finding::new(
                    codes::WRONG_KIND,
                    format!("{} stands where {what} is expected", describe(&other)),
                    self.at(span),
                )
                .because(format!("this is {}", describe(&other)))
                .help(format!("name {what}"));
                if let Some(place) = decl_of(&other) {
                    finding = finding.label(place, "declared here");
                }
                self.report(finding);
                None
            }
        }
    }

    /// Every name visible here.
    pub(super) fn visible_names(&self) -> Vec<Arc<str>> {
        let mut names = self.db.module_names(&self.module, &mut self.out.uses.borrow_mut());
        if let Some(frame) = &self.frame {
            frame.names(&mut names);
        }
        names.sort();
        names.dedup();
        names
    }

    /// A finding about a name that nothing declares.
    pub(super) fn unknown_name(&self, name: &Name, what: &str) -> Finding {
        let mut known = self.visible_names();
        known.extend(["cluster_admin", "admin", "edit", "view"].map(Arc::from));
        let finding = Finding::new(
            codes::UNKNOWN_NAME,
            format!("no {what} `{}` is declared here", name.text),
            self.at(name.span),
        );
        self.suggest(finding, name, &known, "declare it, or bring it in with `use`")
    }

    fn unknown_among(&self, name: &Name, place: &str, known: &[Arc<str>]) -> Finding {
        let finding =
            Finding::new(codes::UNKNOWN_NAME, format!("{place} declares no `{}`", name.text), self.at(name.span));
        let listed: Vec<&str> = known.iter().map(AsRef::as_ref).take(12).collect();
        self.suggest(finding, name, known, &format!("it declares: {}", listed.join(", ")))
    }

    fn suggest(&self, finding: Finding, name: &Name, known: &[Arc<str>], otherwise: &str) -> Finding {
        match kspec_schema::closest(&name.text, known.iter().map(AsRef::as_ref)) {
            Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                format!("write `{close}`"),
                self.at(name.span),
                close,
            ),
            None => finding.help(otherwise.to_owned()),
        }
    }

    /// Checks that what a `use` names exists.
    pub(super) fn check_use(&self, node: &Use) {
        let path = path_text(&node.path);
        let unknown_module = || {
            let library = self
                .db
                .facts
                .library
                .iter()
                .map(|(path, _)| Arc::from(path.trim_end_matches(".kspec").replace('/', ".")));
            let paths: Vec<Arc<str>> =
                self.db.module_paths(&mut self.out.uses.borrow_mut()).cloned().chain(library).collect();
            let finding =
                Finding::new(codes::UNKNOWN_MODULE, format!("there is no module `{path}`"), self.at(node.path.span));
            let close = kspec_schema::closest(&path, paths.iter().map(AsRef::as_ref));
            match close {
                Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                    format!("write `{close}`"),
                    self.at(node.path.span),
                    close,
                ),
                None => finding.help("a module is a file: `use shop.net` reads shop/net.kspec below the project"),
            }
        };
        let check = |module: &Arc<str>, name: &Name| {
            if self.db.symbols(module, &name.text, &mut self.out.uses.borrow_mut()).is_empty() {
                let known = self.db.module_names(module, &mut self.out.uses.borrow_mut());
                self.report(self.unknown_among(name, &format!("module `{module}`"), &known));
            }
        };
        let find = |path: &str| self.db.find_module(&self.module, path, &mut self.out.uses.borrow_mut());
        match &node.names {
            Some(names) => match find(&path) {
                Some(module) => names.iter().for_each(|(name, _)| check(&module, name)),
                None => self.report(unknown_module()),
            },
            None => {
                if find(&path).is_some() {
                    return;
                }
                let parent = path.rsplit_once('.').and_then(|(head, _)| find(head));
                match (parent, node.path.segments.last()) {
                    (Some(module), Some(name)) => check(&module, name),
                    _ => self.report(unknown_module()),
                }
            }
        }
    }

    /// The whole declaration around a place, which may be nested in a template.
    pub(super) fn declaration_around(&self, at: Location) -> Location {
        fn narrow(item: &Item, at: Span) -> Option<Span> {
            if item.span.start > at.start || item.span.end < at.end {
                return None;
            }
            let body = match &item.kind {
                ItemKind::Template(node) => &node.body,
                ItemKind::For(node) => &node.body,
                _ => return Some(item.span),
            };
            body.iter().find_map(|inner| narrow(inner, at)).or(Some(item.span))
        }
        self.out.uses.borrow_mut().texts.insert(at.item);
        let span = self.db.item(at.item).and_then(|item| narrow(item, at.span)).unwrap_or(at.span);
        Location { item: at.item, span }
    }
}

fn module_entity(path: &Arc<str>) -> Value {
    Value::Entity(EntityRef {
        kind: EntityKind::Module,
        namespace: None,
        name: Arc::clone(path),
        decl: None,
        existing: false,
        members: None,
    })
}

fn namespace_of(value: &Value) -> Option<&str> {
    match value {
        Value::Entity(entity) => entity.namespace.as_deref(),
        _ => None,
    }
}

fn decl_of(value: &Value) -> Option<Location> {
    match value {
        Value::Entity(entity) => entity.decl,
        _ => None,
    }
}

/// A value in words: `a workload`, `a string`.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Entity(entity) => match entity.kind {
            EntityKind::Namespace => "a namespace",
            EntityKind::Workload => "a workload",
            EntityKind::ServiceAccount => "a service account",
            EntityKind::User => "a user",
            EntityKind::Group => "a group",
            EntityKind::Subject => "a subject",
            EntityKind::Role => "a role",
            EntityKind::Rule => "a rule",
            EntityKind::Mutation => "a mutation",
            EntityKind::Template => "a template",
            EntityKind::Stamp => "a stamp",
            EntityKind::Network => "a network",
            EntityKind::Runtime => "a runtime profile",
            EntityKind::Manifest => "a manifest",
            EntityKind::Module => "a module",
            EntityKind::Cluster => "the cluster",
        }
        .to_owned(),
        other => format!("a value of type {}", kspec_types::type_of(other)),
    }
}

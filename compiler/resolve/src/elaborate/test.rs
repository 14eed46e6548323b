//! Tests: what is given, and what is expected of it.

use kspec_diagnostics::{Finding, Location, Span, codes};
use kspec_model::program::{Expectation, Expected, Given, Test};
use kspec_model::rules::Operation;
use kspec_schema::{KindInfo, Subresource};
use kspec_syntax::tree::{self, Expr, ExprKind, Field, Key, Name, Record, Str, TestStep};
use kspec_types::{KubeType, OnKind, Type, Value};
use serde_json::Value as Json;

use super::Elab;
use super::target::usual_operation;

/// Fields of `given` that are about the request, where the object has none of that name; in quotes they are the object's.
const REQUEST: [&str; 6] = ["operation", "user", "groups", "old", "subresource", "options"];

/// What is given where no namespace is written.
const NAMESPACE: &str = "default";

const OPERATIONS: [(&str, Operation); 4] = [
    ("create", Operation::Create),
    ("update", Operation::Update),
    ("delete", Operation::Delete),
    ("connect", Operation::Connect),
];

impl<'s> Elab<'_, 's> {
    pub(super) fn test(&self, node: &'s tree::Test, span: Span) {
        let Some(name) = self.name_text(&node.name) else { return };
        let mut given: Vec<Given> = Vec::new();
        let mut expect: Vec<Expected> = Vec::new();
        let mut kind: Option<OnKind> = None;
        let mut at_run_time = false;
        let mut complete = true;
        for step in &node.steps {
            match step {
                TestStep::Given { kind: word, name, namespace, body, span } => {
                    if &*word.text == "event" {
                        at_run_time = true;
                        if let Some(path) = namespace {
                            self.namespace_name(path);
                        }
                        continue;
                    }
                    at_run_time = false;
                    match self.given(word, name.as_ref(), namespace.as_ref(), body, *span) {
                        Some((one, of)) => {
                            kind = Some(of);
                            given.push(one);
                        }
                        None => complete = false,
                    }
                }
                TestStep::Expect { negated, what, span } => {
                    match self.expectation(what, kind.as_ref(), at_run_time, complete, *span) {
                        Some(what) => expect.push(Expected { negated: *negated, what, at: self.at(*span) }),
                        None => complete = false,
                    }
                }
            }
        }
        if !complete {
            return;
        }
        if expect.is_empty() {
            self.report(
                Finding::new(codes::MISSING_FIELD, "this test expects nothing", self.at(node.name.span))
                    .help("say what: `expect allowed`, `expect denied by RULE`"),
            );
            return;
        }
        self.emit(|part| part.tests.push(Test { name, given, expect, origin: self.origin(span) }));
    }

    fn expectation(
        &self,
        what: &'s tree::Expectation,
        kind: Option<&OnKind>,
        at_run_time: bool,
        complete: bool,
        span: Span,
    ) -> Option<Expectation> {
        match what {
            tree::Expectation::Verdict(word, rules) => {
                if at_run_time {
                    for path in rules {
                        self.path_value(path);
                    }
                    return Some(self.not_decided(word.span, "what happens at run time"));
                }
                let rules: Vec<(String, Location)> = rules.iter().flat_map(|path| self.named_rules(path)).collect();
                if kind.is_none() && complete {
                    self.report(
                        Finding::new(codes::MISSING_FIELD, "nothing is given that this could be about", self.at(span))
                            .help("write before it what is asked about: `given pod in NAMESPACE { … }`"),
                    );
                    return None;
                }
                match &*word.text {
                    "allowed" => Some(Expectation::Allowed),
                    "denied" => Some(Expectation::Denied(rules)),
                    "warned" => Some(Expectation::Warned(rules)),
                    _ => Some(self.not_decided(word.span, "what happens at run time")),
                }
            }
            tree::Expectation::Claim(claim) => self.claim(claim).map(Expectation::Claim),
            tree::Expectation::Holds(expr) => match kind {
                Some(kind) => {
                    let holds = self.with_cx(|cx| kspec_types::lower_claim(expr, kind, cx))?;
                    Some(Expectation::Holds(holds))
                }
                None if complete => {
                    self.report(
                        Finding::new(codes::MISSING_FIELD, "nothing is given that this could be about", self.at(span))
                            .help("write before it what is asked about: `given pod in NAMESPACE { … }`"),
                    );
                    None
                }
                None => None,
            },
        }
    }

    fn not_decided(&self, span: Span, what: &str) -> Expectation {
        self.not_carried_out(&format!("{what} is not decided by `kspec test`: it"), span);
        Expectation::NotDecided(what.to_owned())
    }

    /// `given KIND "name" in ns { … }`.
    fn given(
        &self,
        word: &Name,
        name: Option<&Str>,
        namespace: Option<&tree::Path>,
        body: &Record,
        span: Span,
    ) -> Option<(Given, OnKind)> {
        let version = body.fields.iter().find(|field| !field.key.quoted && &*field.key.text == "apiVersion");
        let version = match version {
            Some(field) => Some((self.string(&field.value)?, field.value.span)),
            None => None,
        };
        let info = self.kind_called(word, version)?;
        let namespace = match namespace {
            Some(path) => {
                let namespace = self.namespace_name(path)?;
                if !info.namespaced {
                    self.report(
                        Finding::new(
                            codes::BAD_VALUE,
                            format!("a {} belongs to no namespace", info.kind),
                            self.at(path.span),
                        )
                        .help("drop `in`"),
                    );
                    return None;
                }
                Some(namespace.to_string())
            }
            None => info.namespaced.then(|| NAMESPACE.to_owned()),
        };
        let kube = KubeType { id: info.ty, name: (&*info.kind).into() };
        let object_fields = self.db.facts.schema.object(info.ty);
        let is_request = |field: &&Field| {
            !field.key.quoted
                && REQUEST.contains(&&*field.key.text)
                && object_fields.is_none_or(|object| object.field(&field.key.text).is_none())
        };
        let field = |name: &str| body.fields.iter().filter(is_request).find(|field| &*field.key.text == name);
        let name = match name {
            Some(name) => self.name_text(name)?,
            None => "given".to_owned(),
        };
        let own: Vec<&Field> = body.fields.iter().filter(|field| !is_request(field)).collect();
        let subresource = match field("subresource") {
            Some(field) => Some(self.string(&field.value)?),
            None => None,
        };
        let object = self.object(&own, &kube, info, &name, namespace.as_deref(), span)?;
        let old = match field("old") {
            Some(field) => match &field.value.kind {
                ExprKind::Record(fields) => {
                    let fields: Vec<&Field> = fields.iter().collect();
                    Some(self.object(&fields, &kube, info, &name, namespace.as_deref(), field.value.span)?)
                }
                _ => {
                    self.report(
                        Finding::new(
                            codes::WRONG_TYPE,
                            "the object before is written out here",
                            self.at(field.value.span),
                        )
                        .help("write `old: { … }`, with the same fields as after it"),
                    );
                    return None;
                }
            },
            None => None,
        };
        let operation = match field("operation") {
            Some(field) => {
                let word = self.word(&field.value, &OPERATIONS.map(|(word, _)| word))?;
                OPERATIONS.iter().find(|(known, _)| *known == &*word).map(|(_, operation)| *operation)?
            }
            None => match &subresource {
                _ if old.is_some() => Operation::Update,
                Some(name) => usual_operation(name),
                None => Operation::Create,
            },
        };
        // What is connected to is named; rules read what is asked of it.
        let asked = subresource.as_deref().filter(|_| operation == Operation::Connect);
        let asked = asked.and_then(|name| info.subresource(name));
        let options = match field("options") {
            Some(field) => Some(self.options(field, asked)?),
            None => None,
        };
        let user = match field("user") {
            Some(field) => Some(self.principal_text(&field.value)?),
            None => None,
        };
        let groups = match field("groups") {
            Some(field) => self.group_texts(&field.value)?,
            None => Vec::new(),
        };
        let options_kind = asked.filter(|part| kspec_types::connect_options(&part.kind).is_some());
        let of = OnKind {
            ty: options_kind.map_or(kube, |part| KubeType { id: info.ty, name: (&*part.kind).into() }),
            group: (&*info.group).into(),
            version: (&*info.version).into(),
            resource: (&*info.plural).into(),
            subresource: None,
            namespaced: info.namespaced,
            span: word.span,
        };
        let at = self.at(span);
        Some((Given { object, old, operation, user, groups, subresource, options, at }, of))
    }

    /// `options: { … }`: what a CONNECT to a subresource asks for.
    fn options(&self, field: &Field, asked: Option<&Subresource>) -> Option<serde_json::Map<String, Json>> {
        let Some(ty) = asked.and_then(|part| kspec_types::connect_options(&part.kind)) else {
            self.report(
                Finding::new(codes::BAD_VALUE, "options are of what is connected to", self.at(field.key.span))
                    .help("say to what: `subresource: \"exec\"`, `\"attach\"`, `\"portforward\"`, `\"proxy\"`"),
            );
            return None;
        };
        let value = self.eval(&field.value, Some(&ty));
        if self.is_abstract() || matches!(value, Value::Error) || value.has_error() {
            return None;
        }
        match kspec_types::to_json(&value)? {
            Json::Object(options) => Some(options),
            _ => None,
        }
    }

    /// Groups by name or text.
    fn group_texts(&self, expr: &Expr) -> Option<Vec<String>> {
        match &expr.kind {
            ExprKind::List(items) => items.iter().map(|item| self.principal_text(item)).collect(),
            _ => Some(self.strings(expr)),
        }
    }

    /// A kind by its name as Kubernetes spells it, or in small letters, with or without `_` between words; of the version
    /// stated, else of the preferred one.
    fn kind_called(&self, word: &Name, version: Option<(String, Span)>) -> Option<&'s KindInfo> {
        let schema = &self.db.facts.schema;
        let plain = |text: &str| text.replace('_', "").to_lowercase();
        let wanted = plain(&word.text);
        let called = || schema.kinds().iter().filter(|kind| plain(&kind.kind) == wanted);
        if let Some((version, span)) = version {
            let found = called().find(|kind| kind.api_version() == version);
            let versions: Vec<String> = called().map(|kind| format!("`{}`", kind.api_version())).collect();
            if found.is_none() && !versions.is_empty() {
                let message = format!("there is no `{}` in `{version}`", word.text);
                self.report(
                    Finding::new(codes::UNKNOWN_RESOURCE, message, self.at(span))
                        .help(format!("it is in {}", versions.join(", "))),
                );
                return None;
            }
            if found.is_some() {
                return found;
            }
        }
        let mut found: Vec<&KindInfo> = called().filter(|kind| kind.preferred).collect();
        if let Some(exact) = found.iter().position(|kind| kind.group.is_empty()) {
            found = vec![found.swap_remove(exact)];
        }
        match found.as_slice() {
            [kind] => Some(kind),
            [] => {
                let message = format!("there is no kind `{}`", word.text);
                let finding = Finding::new(codes::UNKNOWN_RESOURCE, message, self.at(word.span));
                let kinds: Vec<String> = schema.kinds().iter().map(|kind| kind.kind.to_lowercase()).collect();
                let close = kspec_schema::closest(&wanted, kinds.iter().map(String::as_str));
                self.report(match close {
                    Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                        format!("write `{close}`"),
                        self.at(word.span),
                        close,
                    ),
                    None => finding.help("write its name as in manifests: `given Deployment \"api\" in ns { … }`"),
                });
                None
            }
            several => {
                let groups: Vec<String> = several.iter().map(|kind| format!("`{}`", kind.group)).collect();
                self.report(
                    Finding::new(
                        codes::UNKNOWN_RESOURCE,
                        format!("`{}` is a kind of several groups", word.text),
                        self.at(word.span),
                    )
                    .because(format!("of {}", groups.join(", ")))
                    .help("say which by a field: `apiVersion: \"…\"`"),
                );
                None
            }
        }
    }

    /// An object of which the fields are given: those of its specification may stand for themselves, and so may labels and
    /// annotations.
    fn object(
        &self,
        fields: &[&Field],
        kube: &KubeType,
        info: &KindInfo,
        name: &str,
        namespace: Option<&str>,
        span: Span,
    ) -> Option<Json> {
        let schema = &self.db.facts.schema;
        let object = schema.object(info.ty)?;
        let spec = object.field("spec").and_then(|field| schema.object(field.ty));
        let mut whole: Vec<Field> = Vec::new();
        let mut in_spec: Vec<Field> = Vec::new();
        let mut in_metadata: Vec<Field> = Vec::new();
        for field in fields {
            let key = &*field.key.text;
            if object.field(key).is_some() {
                whole.push((*field).clone());
            } else if matches!(key, "labels" | "annotations") && spec.is_none_or(|spec| spec.field(key).is_none()) {
                in_metadata.push((*field).clone());
            } else if spec.is_some() {
                in_spec.push((*field).clone());
            } else {
                whole.push((*field).clone());
            }
        }
        merge(&mut whole, "spec", in_spec, span);
        merge(&mut whole, "metadata", in_metadata, span);
        let record = Expr { kind: ExprKind::Record(whole), span };
        let value = self.eval(&record, Some(&Type::Kube(kube.clone())));
        if self.is_abstract() || matches!(value, Value::Error) || value.has_error() {
            return None;
        }
        let mut object = kspec_types::to_json(&value)?;
        let map = object.as_object_mut()?;
        map.insert("apiVersion".to_owned(), Json::String(info.api_version()));
        map.insert("kind".to_owned(), Json::String(info.kind.to_string()));
        let metadata = map.entry("metadata").or_insert_with(|| Json::Object(serde_json::Map::new())).as_object_mut()?;
        metadata.entry("name").or_insert_with(|| Json::String(name.to_owned()));
        if let Some(namespace) = namespace {
            metadata.insert("namespace".to_owned(), Json::String(namespace.to_owned()));
        }
        Some(object)
    }
}

/// Puts fields into the one that they belong in.
fn merge(whole: &mut Vec<Field>, name: &str, fields: Vec<Field>, span: Span) {
    if fields.is_empty() {
        return;
    }
    let known = whole.iter_mut().find(|field| &*field.key.text == name);
    if let Some(Field { value: Expr { kind: ExprKind::Record(inner), .. }, .. }) = known {
        inner.extend(fields);
        return;
    }
    whole.push(Field {
        key: Key { text: name.into(), quoted: false, span },
        value: Expr { kind: ExprKind::Record(fields), span },
    });
}

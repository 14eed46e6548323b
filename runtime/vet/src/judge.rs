//! One document, judged.

use std::borrow::Cow;
use std::sync::Arc;

use kspec_compiler::{Standards, StandardsError};
use kspec_model::program::PodSecurityLevel;
use kspec_model::rules::{Action, Body, Operation, Severity};
use kspec_rules::{Asked, Decision, Engines, Evaluator, Fault, NoObjects, Objects, Outcome, Review};
use kspec_schema::{KindInfo, ProblemKind, Schema, defaults, split_api_version};
use kspec_state::{ManifestDoc, is_withheld};
use serde_json::{Value, json};

use crate::limits::{KnownLimits, Stamped, stamped};
use crate::namespaces::{KnownNamespaces, asked_for};
use crate::verdict::{VERDICT_FORMAT, Verdict, Violation};

/// Who is taken to ask, for rules about `request.userInfo`.
const USER: &str = "kspec:vet";

/// By which Pod Security Standard pods are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// This one, wherever they stand.
    Given {
        /// The level.
        level: PodSecurityLevel,
        /// The edition: `v1.{minor}`.
        minor: u8,
    },
    /// That of their namespace's labels.
    Namespaces,
}

/// What documents are judged by.
pub struct Vet<'v> {
    schema: Arc<Schema>,
    standards: Standards,
    standard: Standard,
    project: Option<Evaluator>,
    /// Whether a rule reads the whole request: only Rego does.
    whole_request: bool,
    namespaces: KnownNamespaces,
    limits: KnownLimits,
    objects: &'v dyn Objects,
    groups: Vec<String>,
}

/// What is found out about a document, bit by bit.
#[derive(Default)]
struct Found {
    refused: bool,
    violations: Vec<Violation>,
    warnings: Vec<Violation>,
    needs_cluster: Vec<String>,
    notes: Vec<String>,
}

impl<'v> Vet<'v> {
    /// Judges by a standard alone.
    #[must_use]
    pub fn new(schema: Arc<Schema>, standards: Standards, standard: Standard) -> Self {
        Self {
            schema,
            standards,
            standard,
            project: None,
            whole_request: false,
            namespaces: KnownNamespaces::default(),
            limits: KnownLimits::default(),
            objects: &NoObjects,
            groups: vec!["system:authenticated".to_owned()],
        }
    }

    /// Also by a project's rules, after its mutations.
    #[must_use]
    pub fn with_project(self, project: Evaluator) -> Self {
        let rego = |body: &Body| matches!(body, Body::Rego { .. });
        let whole_request = project.table().rules.iter().any(|bound| bound.rule.bodies.iter().any(rego));
        Self { project: Some(project), whole_request, ..self }
    }

    /// With namespaces that are known.
    #[must_use]
    pub fn with_namespaces(self, namespaces: KnownNamespaces) -> Self {
        Self { namespaces, ..self }
    }

    /// Whether labels of namespaces say anything about what is judged.
    #[must_use]
    pub fn reads_namespaces(&self) -> bool {
        self.standard == Standard::Namespaces || self.project.is_some()
    }

    /// Adds what is known to stand beside what is judged: a namespace, or a LimitRange. Anything else is left out.
    pub fn add_known(&mut self, object: &Value) {
        self.namespaces.add(object);
        self.limits.add(object);
    }

    /// With objects that rules may look up.
    #[must_use]
    pub fn with_objects(self, objects: &'v dyn Objects) -> Self {
        Self { objects, ..self }
    }

    /// Judges a document as if it were created.
    ///
    /// # Errors
    /// Where a standard cannot be judged by.
    pub fn judge(&mut self, document: ManifestDoc) -> Result<Verdict, StandardsError> {
        let ManifestDoc { value: mut object, file, line } = document;
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let (group, version) = split_api_version(&api_version);
        let schema = Arc::clone(&self.schema);
        let info =
            schema.kind(group, version, &kind).or_else(|| schema.kinds_named(&kind).find(|it| it.group == group));
        let mut name = text("/metadata/name");
        if name.is_empty() {
            name = text("/metadata/generateName");
        }
        let given = Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty());
        let namespace = match info {
            Some(info) if !info.namespaced => None,
            Some(_) => Some(given.unwrap_or_else(|| "default".to_owned())),
            None => given,
        };
        let mut found = Found::default();
        if let Some(info) = info {
            if let Some(namespace) = &namespace {
                stand_in(&mut object, namespace);
            }
            found.written(&self.schema, &object);
            self.decide(object, info, (namespace.as_deref(), &name), &mut found)?;
        } else {
            found.notes.push(format!("{kind} of {api_version} is no kind that is known here: nothing judges it"));
        }
        Ok(Verdict {
            format_version: VERDICT_FORMAT,
            file: file.to_string(),
            line,
            kind,
            namespace,
            name,
            allowed: !found.refused,
            violations: found.violations,
            warnings: found.warnings,
            needs_cluster: found.needs_cluster,
            notes: found.notes,
        })
    }

    fn decide(
        &mut self,
        mut object: Value,
        info: &KindInfo,
        (namespace, name): (Option<&str>, &str),
        found: &mut Found,
    ) -> Result<(), StandardsError> {
        defaults::complete(&mut object);
        let unknown =
            namespace.map(|name| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
        let standing = namespace.and_then(|name| self.namespaces.get(name));
        if let (Some(name), None, true) = (namespace, standing, self.standard == Standard::Namespaces) {
            found.notes.push(format!("namespace `{name}` is not known here: taken to have no labels"));
        }
        let standing = standing.or(unknown.as_ref()).cloned();
        let request = self.request(&object, info, namespace, name);
        if let (true, Some(namespace)) = (info.kind == "Pod" && info.group.is_empty(), namespace) {
            self.limits.complete(&mut object, namespace, self.schema.version().minor());
        }
        if let Some(project) = &self.project {
            if !project.table().mutations.is_empty() {
                let asked = asking(&object, info, (namespace, name), &request, standing.as_ref());
                let mutated = project.mutate(&asked, Engines::All, self.objects);
                for fault in mutated.faults {
                    found.fault(&fault.id, &fault.fault, fault.denies);
                }
                found.notes.extend(mutated.warnings);
                object = mutated.object;
                defaults::complete(&mut object);
            }
            let request =
                if self.whole_request { self.request(&object, info, namespace, name) } else { request.clone() };
            let asked = asking(&object, info, (namespace, name), &request, standing.as_ref());
            for outcome in project.judge(&asked, Engines::All, self.objects) {
                found.rule(&outcome);
            }
        }
        if let Some(namespace) = namespace.filter(|namespace| self.limits.bound(namespace)) {
            self.bounded(&object, info, (namespace, &request, standing.as_ref()), found);
        }
        let newest = self.schema.version().minor();
        let (enforced, warned) = match (self.standard, &standing) {
            (Standard::Given { level, minor }, _) => ((level, minor), None),
            (Standard::Namespaces, Some(namespace)) => {
                (asked_for(namespace, "enforce", newest), Some(asked_for(namespace, "warn", newest)))
            }
            (Standard::Namespaces, None) => return Ok(()),
        };
        let namespace = namespace.unwrap_or_default();
        for ((level, minor), refuses) in [(enforced, true)].into_iter().chain(warned.map(|warned| (warned, false))) {
            if level == PodSecurityLevel::Privileged || (!refuses && (level, minor) == enforced) {
                continue;
            }
            let source = format!("{}:v1.{minor}", level.as_str());
            for violated in self.standards.judge((level, minor), &object, namespace)? {
                let violation = Violation {
                    control: Some(violated.control),
                    rule: None,
                    message: violated.message,
                    path: violated.path,
                    severity: violated.severity,
                    source: source.clone(),
                };
                found.say(violation, refuses);
            }
        }
        Ok(())
    }

    /// What LimitRanges of the namespace refuse of it, and of the pods that it stamps as they come to be.
    fn bounded(
        &self,
        object: &Value,
        info: &KindInfo,
        (namespace, request, standing): (&str, &Value, Option<&Value>),
        found: &mut Found,
    ) {
        let minor = self.schema.version().minor();
        let mut refused = self.limits.refuse_claims(object, info, namespace);
        if let Some(Stamped { mut pod, at }) = stamped(object) {
            if let Cow::Owned(pod) = &mut pod {
                self.limits.complete(pod, namespace, minor);
                if let (Some(project), Some(kind)) = (&self.project, self.schema.kind("", "v1", "Pod")) {
                    let asked = asking(pod, kind, (Some(namespace), ""), request, standing);
                    let mutated = project.mutate(&asked, Engines::All, self.objects);
                    for fault in mutated.faults {
                        found.fault(&fault.id, &fault.fault, fault.denies);
                    }
                    *pod = mutated.object;
                    defaults::complete(pod);
                }
            }
            refused.extend(self.limits.refuse_pod(&Stamped { pod, at }, namespace, minor));
        }
        for (by, refused) in refused {
            let violation = Violation {
                control: None,
                rule: None,
                message: refused.message,
                path: refused.path,
                severity: Severity::High,
                source: by,
            };
            found.say(violation, true);
        }
    }

    /// The AdmissionRequest, without the object unless something reads it there.
    fn request(&self, object: &Value, info: &KindInfo, namespace: Option<&str>, name: &str) -> Value {
        let asked = Asked {
            operation: Operation::Create,
            resource: (&info.group, &info.version, &info.plural),
            subresource: None,
            kind: &info.kind,
            namespace,
            object: Some(object).filter(|_| self.whole_request),
            old: None,
            user: USER,
            groups: &self.groups,
        };
        let mut request = asked.request();
        if let Some(fields) = request.as_object_mut() {
            fields.insert("name".to_owned(), json!(name));
        }
        request
    }
}

fn asking<'a>(
    object: &'a Value,
    info: &'a KindInfo,
    (namespace, name): (Option<&'a str>, &'a str),
    request: &'a Value,
    namespace_object: Option<&'a Value>,
) -> Review<'a> {
    Review {
        operation: Operation::Create,
        group: &info.group,
        resource: &info.plural,
        subresource: None,
        namespace,
        name,
        object: Some(object),
        old: None,
        request,
        namespace_object,
    }
}

/// The API server writes the namespace of the request into the object.
fn stand_in(object: &mut Value, namespace: &str) {
    let Some(fields) = object.as_object_mut() else { return };
    let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
}

impl Found {
    /// What the server does not take as it is written, by strict validation of fields, which `kubectl` asks for.
    fn written(&mut self, schema: &Schema, object: &Value) {
        let source = format!("schema:{}", schema.version());
        let mut refuse = |message: String, path: String| {
            let violation = Violation {
                control: None,
                rule: None,
                message,
                path: Some(path),
                severity: Severity::High,
                source: source.clone(),
            };
            self.say(violation, true);
        };
        for problem in schema.validate(object) {
            let is_told = match &problem.kind {
                ProblemKind::Malformed { found, .. } => !is_withheld(found),
                ProblemKind::UnknownField { .. } | ProblemKind::WrongType { .. } => true,
                // What must be there, and what may stand there, the server checks later and in code.
                _ => false,
            };
            if is_told {
                refuse(problem.kind.to_string(), problem.path.to_string());
            }
        }
        for spec in ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/template/spec"] {
            let given =
                object.pointer(&format!("{spec}/ephemeralContainers")).filter(|_| defaults::carries_pod(object));
            if given.and_then(Value::as_array).is_some_and(|containers| !containers.is_empty()) {
                let path = format!("{}.ephemeralContainers", spec.trim_start_matches('/').replace('/', "."));
                refuse("ephemeral containers are added to a pod that runs, and not written here".to_owned(), path);
            }
        }
    }

    /// What a rule of the project says.
    fn rule(&mut self, outcome: &Outcome<'_>) {
        let bound = outcome.bound;
        let refuses = bound.action == Action::Deny;
        match &outcome.decision {
            Decision::Pass => {}
            Decision::Fault(fault) => self.fault(&bound.id, fault, outcome.denies()),
            Decision::Violations(violations) => {
                for violation in violations {
                    let said = Violation {
                        control: None,
                        rule: Some(bound.rule.name.clone()),
                        message: violation.message.clone(),
                        path: violation.path.clone(),
                        severity: bound.rule.severity,
                        source: bound.rule.source.clone(),
                    };
                    // At what stamps pods a pod's rule only warns, but the pods would be refused.
                    self.say(said, refuses && !violation.warn);
                }
            }
        }
    }

    fn say(&mut self, violation: Violation, refuses: bool) {
        if refuses {
            self.refused = true;
            self.violations.push(violation);
        } else {
            self.warnings.push(violation);
        }
    }

    /// A rule without a verdict. One that needs the cluster is no refusal: it is said to be undecided.
    fn fault(&mut self, id: &str, fault: &Fault, denies: bool) {
        match fault {
            Fault::NeedsCluster(lookup) => {
                self.needs_cluster.push(format!("{id} looks up {}: give a state (--state)", lookup.kind));
            }
            Fault::Failed { message, .. } => {
                self.refused |= denies;
                let effect = if denies { "refused on its account" } else { "passed" };
                self.notes.push(format!("{id} could not be decided: {message}; {effect}"));
            }
        }
    }
}

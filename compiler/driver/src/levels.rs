//! K0302: a manifest that its namespace's Pod Security refuses, or warns about.
//!
//! Each is judged as it stands once the program's mutations ran. Manifests do not change while a program is edited, so that
//! one that no mutation meets is judged once by each level.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_diagnostics::{Finding, Place, Severity, codes};
use kspec_model::program::{Namespace, Origin, PodSecurityLevel, PodSecurityMode, Workload};
use kspec_resolve::{Contribution, Session};
use kspec_rules::{Engines, Evaluator, NoObjects};
use kspec_schema::defaults;
use serde_json::{Value, json};

use crate::hardening::Hardening;
use crate::pod_security::pod_security_minor;
use crate::standards::{Standards, StandardsError, Violated, creation};

/// What manifests violate, as far as it was asked.
#[derive(Default)]
pub(crate) struct Levels {
    /// Made when first needed: most programs have nothing to judge.
    standards: Option<Standards>,
    /// By the manifest's place among the project's.
    known: BTreeMap<(usize, PodSecurityLevel, u8), Vec<Violated>>,
    /// The program's mutations, where it binds any.
    mutations: Option<Evaluator>,
    hardening: Hardening,
}

/// A level, in an edition.
type Standard = (PodSecurityLevel, u8);

impl Levels {
    /// Judges the project's manifests and the program's own.
    pub(crate) fn check(&mut self, session: &Session) -> Vec<Finding> {
        let facts = session.facts();
        let parts = || session.contributions().iter().map(Contribution::part);
        let asks = |namespace: &&Namespace| namespace.pod_security.is_some();
        let namespaces: BTreeMap<&str, &Namespace> = parts()
            .flat_map(|part| &part.namespaces)
            .filter(asks)
            .map(|namespace| (namespace.name.as_str(), namespace))
            .collect();
        let mut findings = Vec::new();
        if namespaces.is_empty() {
            return findings;
        }
        let mutates = parts().any(|part| !part.mutations.is_empty());
        self.mutations = None;
        if mutates {
            let (table, _) = kspec_lower::table(session.program(), facts.as_of);
            // What cannot be loaded is told where it is bound.
            self.mutations = Evaluator::load(table).ok();
            findings.extend(self.hardening.check(session, namespaces.values().copied()));
        }
        let newest = facts.config.kubernetes.minor();
        let mut bound: Option<BTreeMap<(&str, u32), &Workload>> = None;
        for (index, document) in facts.manifests.iter().enumerate() {
            let Some(namespace) = standing_in(&document.value, &namespaces) else { continue };
            let place = Place::File { path: Arc::clone(&document.file), line: document.line, column: 1 };
            let bound = bound.get_or_insert_with(|| {
                let workloads = parts().flat_map(|part| &part.workloads);
                let bound = workloads.filter_map(|workload| {
                    let bound = workload.bound.as_ref()?;
                    Some(((bound.file.as_str(), bound.line), workload))
                });
                bound.collect()
            });
            let workload = bound.get(&(&*document.file, document.line)).map(|workload| &workload.origin);
            self.object((&document.value, Some(index)), namespace, newest, session, |finding| {
                findings.push(match workload {
                    Some(origin) => at(finding, Place::Source(origin.at), origin).label(place.clone(), "its manifest"),
                    None => finding(place.clone()),
                });
            });
        }
        for manifest in parts().flat_map(|part| &part.manifests) {
            let Some(namespace) = standing_in(&manifest.object, &namespaces) else { continue };
            let origin = &manifest.origin;
            self.object((&manifest.object, None), namespace, newest, session, |finding| {
                findings.push(at(finding, Place::Source(origin.at), origin));
            });
        }
        findings
    }

    /// Judges one object by what its namespace enforces and warns of.
    fn object(
        &mut self,
        object: (&Value, Option<usize>),
        namespace: &Namespace,
        newest: u8,
        session: &Session,
        mut report: impl FnMut(&dyn Fn(Place) -> Finding),
    ) {
        let Some(security) = &namespace.pod_security else { return };
        let standard = |mode: &PodSecurityMode| {
            let version = mode.version.as_deref().unwrap_or("latest");
            (mode.level, pod_security_minor(version, newest).unwrap_or(newest))
        };
        let modes = [
            (security.enforce.as_ref().map(standard), "enforces", Severity::Error),
            (security.warn.as_ref().map(standard), "warns of", Severity::Warning),
        ];
        let mut said: Vec<Violated> = Vec::new();
        for (standard, does, severity) in modes {
            let Some(standard) = standard.filter(|(level, _)| *level > PodSecurityLevel::Privileged) else { continue };
            let judged = match self.violated(object, standard, namespace, session) {
                Ok(judged) => judged,
                // Each finding of the library is its own, wherever it is used.
                Err(StandardsError::Findings(_) | StandardsError::Load(_)) => continue,
            };
            let new: Vec<Violated> = judged.into_iter().filter(|violated| !said.contains(violated)).collect();
            if !new.is_empty() {
                report(&|place| finding(object.0, namespace, standard, (does, severity), &new, place));
            }
            said.extend(new);
        }
    }

    fn violated(
        &mut self,
        (object, mut index): (&Value, Option<usize>),
        (level, minor): Standard,
        namespace: &Namespace,
        session: &Session,
    ) -> Result<Vec<Violated>, StandardsError> {
        let mut completed = None;
        if self.mutations.is_some() {
            let mut object = object.clone();
            defaults::complete(&mut object);
            completed = self.mutated(&object, namespace, session);
            if completed.is_some() {
                index = None;
            }
        }
        if let Some(known) = index.and_then(|index| self.known.get(&(index, level, minor))) {
            return Ok(known.clone());
        }
        let facts = session.facts();
        let standards = self.standards.get_or_insert_with(|| Standards::new(Arc::clone(&facts.schema), facts.library));
        let object = completed.unwrap_or_else(|| {
            let mut object = object.clone();
            defaults::complete(&mut object);
            object
        });
        let violated = standards.judge((level, minor), &object, &namespace.name)?;
        if let Some(index) = index {
            self.known.insert((index, level, minor), violated.clone());
        }
        Ok(violated)
    }

    /// What the program's mutations make of an object; none where they leave it as it is.
    fn mutated(&self, object: &Value, namespace: &Namespace, session: &Session) -> Option<Value> {
        let mutations = self.mutations.as_ref()?;
        let info = session.facts().schema.kind_of(object)?;
        let metadata = json!({ "name": namespace.name, "labels": namespace.labels });
        let standing = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
        let request = json!({ "operation": "CREATE", "userInfo": { "username": "" } });
        let review = creation(object, (&info.group, &info.plural), &namespace.name, &request);
        let mutated = mutations.mutate(&review.in_namespace(Some(&standing)), Engines::All, &NoObjects);
        let mut object = Some(mutated).filter(|mutated| !mutated.changed.is_empty())?.object;
        defaults::complete(&mut object);
        Some(object)
    }
}

/// The namespace of ours that an object with a pod in it stands in.
fn standing_in<'n>(object: &Value, namespaces: &BTreeMap<&str, &'n Namespace>) -> Option<&'n Namespace> {
    if !defaults::carries_pod(object) {
        return None;
    }
    let name = object.pointer("/metadata/namespace").and_then(Value::as_str).filter(|name| !name.is_empty());
    namespaces.get(name.unwrap_or("default")).copied()
}

/// A finding at a declaration, with the stamps that led to it.
fn at(finding: &dyn Fn(Place) -> Finding, place: Place, origin: &Origin) -> Finding {
    origin.uses.iter().fold(finding(place), |finding, used| finding.label(*used, "stamped here"))
}

fn finding(
    object: &Value,
    namespace: &Namespace,
    (level, minor): Standard,
    (does, severity): (&str, Severity),
    violated: &[Violated],
    place: Place,
) -> Finding {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let mut controls: Vec<&str> = violated.iter().map(|violated| violated.control.as_str()).collect();
    controls.dedup();
    let message = format!(
        "{} `{}` violates `{}:v1.{minor}`, which namespace `{}` {does}: {}",
        text("/kind"),
        text("/metadata/name"),
        level.as_str(),
        namespace.name,
        controls.join(", "),
    );
    let witness = violated.iter().map(|violated| match &violated.path {
        Some(path) => format!("{}, at {path}: {}", violated.control, violated.message),
        None => format!("{}: {}", violated.control, violated.message),
    });
    let is_pod = text("/kind") == "Pod";
    let effect = match severity {
        Severity::Error if is_pod => "the API server refuses it",
        Severity::Error => "the API server takes it, and refuses its pods",
        _ => "whoever applies it is warned",
    };
    let mut finding = Finding::new(codes::VIOLATES_LEVEL, message, place)
        .because(effect)
        .label(namespace.origin.at, format!("{does} `{}`", level.as_str()))
        .witness(witness.collect())
        .help("mend the manifest where the witness says, or state the level that its pods meet");
    finding.severity = severity;
    finding
}

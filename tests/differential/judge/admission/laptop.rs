//! `kspec vet` and `kspec test`, by the entries that the commands call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use kspec_compiler::Standards;
use kspec_diagnostics::SourceMap;
use kspec_model::Labels;
use kspec_model::program::{Expectation, Expected, Given, PodSecurityLevel, Test};
use kspec_model::rules::{Operation, Table};
use kspec_rules::Evaluator;
use kspec_schema::Schema;
use kspec_state::ManifestDoc;
use kspec_trial::{Bench, Said};
use kspec_vet::{KnownNamespaces, Standard, Vet};
use serde_json::Value;

use super::told::{Line, Told, differ, line};
use crate::programs::origin;

/// Who is taken to ask where nobody says who: `vet` has it so.
pub(crate) const USER: &str = "kspec:vet";

/// What a person has at hand without a cluster.
pub(crate) struct Laptop {
    schema: Arc<Schema>,
    evaluator: Evaluator,
    vet: Mutex<Vet<'static>>,
    namespaces: BTreeMap<String, Labels>,
}

impl Laptop {
    /// Judges by a table, with namespaces that are known.
    pub(crate) fn new(table: &Table, schema: Arc<Schema>, namespaces: &[&Value]) -> Self {
        let evaluator = || Evaluator::load(table.clone()).unwrap_or_else(|error| panic!("{error}"));
        let mut known = KnownNamespaces::default();
        namespaces.iter().for_each(|namespace| known.add(namespace));
        let standard = Standard::Given { level: PodSecurityLevel::Privileged, minor: schema.version().minor() };
        let standards = Standards::new(Arc::clone(&schema), kspec_stdlib::FILES);
        let vet = Vet::new(Arc::clone(&schema), standards, standard);
        let vet = Mutex::new(vet.with_project(evaluator()).with_namespaces(known));
        let labels = |namespace: &&Value| {
            let labels = namespace["metadata"]["labels"].as_object().unwrap();
            let labels = labels.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
            (namespace["metadata"]["name"].as_str().unwrap().to_owned(), labels.collect())
        };
        Self { schema, evaluator: evaluator(), vet, namespaces: namespaces.iter().map(labels).collect() }
    }

    /// What `vet` says of a manifest, and what it must say.
    pub(crate) fn vet(&self, manifest: &Value, told: &Told) -> Result<usize, String> {
        let document = ManifestDoc { value: manifest.clone(), file: "manifest.yaml".into(), line: 1 };
        let verdict = self.vet.lock().unwrap().judge(document).map_err(|error| format!("{error:?}"))?;
        let set = |list: &[kspec_vet::Violation]| -> BTreeSet<Line> {
            list.iter().map(|it| (it.rule.clone().unwrap_or_default(), line(&it.message))).collect()
        };
        // It answers for the pods too.
        let refused: BTreeSet<Line> = told.refusals.union(&told.of_pods).cloned().collect();
        let warned: BTreeSet<Line> = told.warnings.union(&told.audited).cloned().collect();
        let differences = [
            differ("violations", &set(&verdict.violations), &refused),
            differ("warnings", &set(&verdict.warnings), &warned),
            (verdict.allowed != refused.is_empty()).then(|| format!("allowed is {}", verdict.allowed)),
            (!verdict.notes.is_empty() || !verdict.needs_cluster.is_empty())
                .then(|| format!("{:?} {:?}", verdict.notes, verdict.needs_cluster)),
        ];
        let differences: Vec<String> = differences.into_iter().flatten().collect();
        if differences.is_empty() { Ok(told.verdicts) } else { Err(differences.join("\n")) }
    }

    /// What a `test` of a request says, and what it must say.
    pub(crate) fn test(&self, given: Given, told: &Told) -> Result<usize, String> {
        let expected = Expected { negated: !told.refusals.is_empty(), what: Expectation::Allowed, at: given.at };
        let test = Test { name: "generated".to_owned(), given: vec![given], expect: vec![expected], origin: origin() };
        let namespaces = self.namespaces.iter().map(|(name, labels)| (name.as_str(), labels.clone())).collect();
        let sources = SourceMap::default();
        let bench = Bench {
            evaluator: &self.evaluator,
            schema: &self.schema,
            namespaces: &namespaces,
            sources: &sources,
            claims: &[],
        };
        let ran = kspec_trial::run([&test], bench);
        let ran = &ran[0];
        let Some(verdict) = &ran.verdict else { return Err(format!("no verdict: {:?}", ran.checks)) };
        let set = |list: &[Said]| -> BTreeSet<Line> {
            let lines = list
                .iter()
                .flat_map(|said| said.messages.iter().map(|(message, _)| (said.rule.clone(), line(message))));
            lines.collect()
        };
        let differences = [
            differ("refusals", &set(&verdict.refusals), &told.refusals),
            differ("warnings", &set(&verdict.warnings), &told.warned()),
            differ("audited", &set(&verdict.audited), &told.audited),
            (ran.status() != kspec_trial::Status::Passed).then(|| format!("{:?}", ran.checks)),
        ];
        let differences: Vec<String> = differences.into_iter().flatten().collect();
        if differences.is_empty() { Ok(told.verdicts) } else { Err(differences.join("\n")) }
    }
}

/// What a test gives.
pub(crate) fn given(operation: Operation, object: &Value, old: Option<&Value>, groups: &[String]) -> Given {
    Given {
        object: object.clone(),
        old: old.cloned(),
        operation,
        user: Some(USER.to_owned()),
        groups: groups.to_vec(),
        subresource: None,
        options: None,
        at: origin().at,
    }
}

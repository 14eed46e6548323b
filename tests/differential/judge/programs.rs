//! Programs built by hand, where a test is about lowering and not about the language.

use std::collections::BTreeMap;

use kspec_diagnostics::{ItemId, Location, Span};
use kspec_lower::LoweredObject;
use kspec_model::program::{Date, Namespace, NetworkFacts, Origin, Program, Project};
use kspec_test_harness::Client;

/// The day that the tests hold exceptions against.
pub(crate) const TODAY: Date = Date { year: 2027, month: 1, day: 15 };

/// Somewhere in source: these programs have none.
pub(crate) fn origin() -> Origin {
    Location { item: ItemId(0), span: Span::new(0, 0) }.into()
}

/// A program that declares nothing yet.
pub(crate) fn empty(project: &str) -> Program {
    Program::empty(Project {
        name: project.to_owned(),
        owner: None,
        kubernetes: "1.36".to_owned(),
        inventory_namespace: "default".to_owned(),
        environment: None,
        network: NetworkFacts::default(),
        admission: kspec_model::program::AdmissionFacts::default(),
    })
}

/// A namespace with labels and nothing else.
pub(crate) fn namespace(name: &str, labels: &[(&str, &str)]) -> Namespace {
    Namespace {
        name: name.to_owned(),
        existing: false,
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        annotations: BTreeMap::new(),
        pod_security: None,
        automount_token: None,
        quotas: Vec::new(),
        limits: Vec::new(),
        doc: None,
        origin: origin(),
    }
}

/// Lowers without anything in the cluster beforehand.
pub(crate) fn lower(program: &Program) -> Vec<LoweredObject> {
    let (objects, findings) = kspec_lower::objects(program, &BTreeMap::new(), TODAY);
    assert!(findings.is_empty(), "{findings:#?}");
    objects
}

/// Applies all, in order; each must be accepted.
pub(crate) fn apply(client: &Client, objects: &[LoweredObject]) {
    for lowered in objects {
        let answer = client.apply(&lowered.object.0, "kspec.test", false).unwrap();
        assert!(answer.is_ok(), "{}: {}\n{:#}", lowered.object.key(), answer.message(), lowered.object.0);
    }
}

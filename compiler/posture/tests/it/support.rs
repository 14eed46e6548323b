//! Programs and surveys made by hand.

use std::borrow::Cow;

use kspec_diagnostics::{ItemId, Location, Span};
use kspec_model::{
    Object,
    program::{AdmissionFacts, Claim, Date, Guarantee, NetworkFacts, Origin, Program, Project},
};
use kspec_posture::{
    Survey, Surveyed,
    guarantees::{Outcome, Violation, judge},
};
use kspec_schema::{KubeVersion, Schema};
use serde_json::{Value, json};

pub(crate) const DAY: Date = Date { year: 2026, month: 11, day: 21 };

pub(crate) fn origin() -> Origin {
    Location { item: ItemId(0), span: Span::new(0, 1) }.into()
}

/// A program of one guarantee.
pub(crate) fn program(always: bool, claim: Claim) -> Program {
    let mut program = Program::empty(project());
    program.guarantees = vec![Guarantee { text: "it".to_owned(), always, claim, origin: origin() }];
    program
}

/// A project of that nothing is known.
pub(crate) fn project() -> Project {
    Project {
        name: "demo".to_owned(),
        owner: None,
        kubernetes: "1.36".to_owned(),
        inventory_namespace: "kspec".to_owned(),
        environment: None,
        network: NetworkFacts::default(),
        admission: AdmissionFacts::default(),
    }
}

/// What becomes of a program's guarantee over some objects, Kubernetes' own roles left out.
pub(crate) fn outcome(program: &Program, objects: &[Value]) -> Outcome {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let marker = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": "marker", "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" } }, "rules": [],
    });
    let objects = objects.iter().chain([&marker]).map(|value| Surveyed::itself(Cow::Owned(Object(value.clone()))));
    let survey = Survey::new(objects, &schema).declared(program.view(), DAY);
    judge(&survey).pop().expect("a verdict").outcome
}

pub(crate) fn violation(outcome: Outcome) -> Option<Violation> {
    match outcome {
        Outcome::Holds => None,
        Outcome::Violated(violation) => Some(violation),
        Outcome::NotDecided(why) => panic!("not decided: {why}"),
    }
}

//! Objects that show what is found by other means than proofs.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::LabelSelector;
use kspec_model::rules::{
    Action, Body, BoundMutation, BoundRule, Change, Engine, FailurePolicy, Mutation, Namespaces, Operation, Rule,
    Scope, Severity, Stmt, Table, Target,
};
use kspec_schema::Schema;
use serde_json::{Value, json};

use crate::base;
use crate::closed::Closed;
use crate::creates;
use crate::mutations::{evaluator, mutate, places};
use crate::path::Seg;
use crate::scopes::Place;
use crate::search::{ANYTHING, Found, search};
use crate::single::{Single, Want};
use crate::site::Site;

/// An object in a namespace that a rule of a table refuses, or would if it held there; none where none is found.
#[must_use]
pub fn refused_in(table: &Table, rule: usize, namespace: &str, schema: &Schema) -> Option<Value> {
    let bound = table.rules.get(rule)?;
    let target = bound.rule.targets.iter().find(|target| creates(target) && target.namespaced)?;
    let single = Single::new(rule, bound, target, schema)?;
    let site = Site::new(target, &Place::named(namespace));
    match search(&site, &[(&single, Want::Violates)], &BTreeMap::new(), ANYTHING) {
        Found::Object(object) => Some(object),
        _ => None,
    }
}

/// An object that statements let pass, though they refuse it with an init container in the place of an ordinary one, or the other way
/// round; `pod` leads to the pod's specification. None where none is found.
#[must_use]
pub fn passes_elsewhere(statements: &[Stmt], target: &Target, pod: &[&str], schema: &Schema) -> Option<Value> {
    let bound = alone(statements, target);
    let target = bound.rule.targets.first()?;
    let single = Single::new(0, &bound, target, schema)?;
    let place = if target.namespaced { Place::named("example") } else { Place::none() };
    let site = Site::new(target, &place);
    let Found::Object(mut object) = search(&site, &[(&single, Want::Violates)], &BTreeMap::new(), ANYTHING) else {
        return None;
    };
    let pod = pod.iter().try_fold(&mut object, |place, name| place.get_mut(name))?.as_object_mut()?;
    let refused = pod.insert("containers".to_owned(), json!([item(&["containers"])]))?;
    let mut refused: Vec<Value> = refused.as_array()?.clone();
    // Names of containers are unique in a pod.
    for (container, name) in refused.iter_mut().zip(["init", "second", "third"]) {
        container.as_object_mut()?.insert("name".to_owned(), json!(name));
    }
    pod.insert("initContainers".to_owned(), json!(refused));
    (single.is(Want::Passes, &site, &object) == Some(true)).then_some(object)
}

/// The plainest item of a list.
fn item(list: &[&str]) -> Value {
    let list: Vec<Seg> = list.iter().map(|name| Seg::Field((*name).into())).collect();
    base::item(&list)
}

/// Statements as a rule that holds everywhere.
fn alone(statements: &[Stmt], target: &Target) -> BoundRule {
    BoundRule {
        id: "rule".to_owned(),
        rule: Rule {
            name: "rule".to_owned(),
            help: None,
            severity: Severity::Medium,
            controls: Vec::new(),
            source: String::new(),
            targets: vec![Target { body: 0, ..target.clone() }],
            bodies: vec![Body::Statements(statements.to_vec())],
        },
        action: Action::Deny,
        scope: everywhere(),
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 1,
        engine: Engine::Webhook,
        exemptions: Vec::new(),
    }
}

fn everywhere() -> Scope {
    Scope {
        namespaces: Namespaces::Selected { labels: LabelSelector::default(), except: BTreeSet::new() },
        cluster: true,
    }
}

/// An object, what a mutation makes of it, and what it makes of that.
#[derive(Debug, Clone, PartialEq)]
pub struct Twice {
    /// As it was.
    pub object: Value,
    /// Mutated.
    pub once: Value,
    /// Mutated again.
    pub twice: Value,
}

/// An object that statements of a mutation change again when they run a second time; none where none is found.
#[must_use]
pub fn changed_twice(changes: &[Change], target: &Target, schema: &Schema) -> Option<Twice> {
    let target = Target { body: 0, applies: None, ..target.clone() };
    if !target.operations.contains(&Operation::Create) {
        return None;
    }
    let closed = Closed::new(schema, &target);
    let table = Table {
        format_version: Table::FORMAT,
        project: String::new(),
        kubernetes: String::new(),
        revision: String::new(),
        rules: Vec::new(),
        mutations: Vec::new(),
    };
    let mutation = BoundMutation {
        id: "mutation".to_owned(),
        mutation: Mutation {
            name: "mutation".to_owned(),
            help: None,
            source: String::new(),
            targets: vec![target.clone()],
            bodies: vec![changes.to_vec()],
        },
        scope: everywhere(),
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 1,
        engine: Engine::Webhook,
    };
    let evaluator = evaluator(&table, vec![mutation])?;
    let place = if target.namespaced { Place::named("example") } else { Place::none() };
    let site = Site::new(&target, &place);
    let run = |object: &Value| mutate(&evaluator, &site, object);
    let again = |object: &Value| {
        let once = run(object)?;
        Some(run(&once)? != once)
    };
    match search(&site, &[], &places(changes, closed), &again) {
        Found::Object(object) => {
            let once = run(&object)?;
            Some(Twice { twice: run(&once)?, once, object })
        }
        _ => None,
    }
}

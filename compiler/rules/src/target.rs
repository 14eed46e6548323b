//! Which rules and mutations a request meets.

use std::collections::HashMap;

use kspec_model::rules::{Namespaces, Operation, Scope, Target};
use kspec_model::{LabelSelector, Labels};
use serde_json::Value;

use crate::compile::{Names, Node};
use crate::eval::{Frame, Input, Namespace, namespaces};
use crate::fault::Fault;
use crate::review::{Objects, Review};

/// Entries by plural resource: where to look for what a request meets.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_resource: HashMap<Box<str>, Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    group: Box<str>,
    subresource: Option<Box<str>>,
    operations: [bool; 4],
    /// Of the rule or mutation, and of its target.
    at: (usize, usize),
}

const fn number(operation: Operation) -> usize {
    match operation {
        Operation::Create => 0,
        Operation::Update => 1,
        Operation::Delete => 2,
        Operation::Connect => 3,
    }
}

impl Index {
    pub(crate) fn add(&mut self, at: (usize, usize), target: &Target) {
        let mut operations = [false; 4];
        for operation in &target.operations {
            if let Some(place) = operations.get_mut(number(*operation)) {
                *place = true;
            }
        }
        self.by_resource.entry(target.resource.as_str().into()).or_default().push(Entry {
            group: target.group.as_str().into(),
            subresource: target.subresource.as_deref().map(Box::from),
            operations,
            at,
        });
    }

    /// What fits a request by kind and operation, each rule once: by its first target that fits.
    pub(crate) fn fitting<'i>(&'i self, review: &'i Review<'_>) -> impl Iterator<Item = (usize, usize)> + 'i {
        let mut last = None;
        let entries = self.by_resource.get(review.resource).map_or(&[][..], Vec::as_slice);
        entries
            .iter()
            .filter(|entry| {
                *entry.group == *review.group
                    && entry.subresource.as_deref() == review.subresource
                    && entry.operations.get(number(review.operation)).is_some_and(|fits| *fits)
            })
            .filter_map(move |entry| {
                let first = last != Some(entry.at.0);
                last = Some(entry.at.0);
                first.then_some(entry.at)
            })
    }
}

/// A target's conditions, compiled.
#[derive(Debug)]
pub(crate) struct Applies {
    node: Option<Node>,
    slots: usize,
}

impl Applies {
    pub(crate) fn compile(target: &Target) -> Result<Self, String> {
        let mut names = Names::default();
        let node = target.applies.as_ref().map(|applies| names.compile(applies)).transpose()?;
        Ok(Self { node, slots: names.slots })
    }

    pub(crate) fn holds<'a>(&'a self, input: &'a Input<'a>) -> Result<bool, Fault> {
        self.node.as_ref().map_or(Ok(true), |node| Frame::new(input, self.slots).holds(node))
    }
}

/// What a target's expressions read of a request: on a DELETE the object that goes, on a workload the pod's template.
pub(crate) fn input<'a>(review: &Review<'a>, target: &Target, objects: &'a dyn Objects) -> Input<'a> {
    let part = |object: Option<&'a Value>| {
        target.template.iter().try_fold(object?, |object, name| object.get(&**name)).filter(|part| part.is_object())
    };
    let object = if review.operation == Operation::Delete { review.object.or(review.old) } else { review.object };
    let namespace = match (review.namespace, review.namespace_object) {
        (None, _) => Namespace::None,
        (Some(_), Some(namespace)) => Namespace::Known(namespace),
        (Some(_), None) => Namespace::Unknown,
    };
    Input { object: part(object), old: part(review.old), request: review.request, namespace, objects }
}

/// Whether a request is in scope.
pub(crate) fn in_scope(scope: &Scope, review: &Review<'_>) -> Result<bool, Fault> {
    let is_namespace = review.group.is_empty() && review.resource == "namespaces";
    let (name, object) = match review.namespace {
        _ if is_namespace => (review.name, review.object.or(review.old)),
        Some(namespace) => (namespace, review.namespace_object),
        None => return Ok(scope.cluster),
    };
    match &scope.namespaces {
        Namespaces::Named(names) => Ok(names.contains(name)),
        Namespaces::Selected { except, .. } if except.contains(name) => Ok(false),
        Namespaces::Selected { labels, .. } if labels.is_empty() => Ok(true),
        Namespaces::Selected { labels, .. } => {
            object.map(|object| selects(labels, name, object)).ok_or_else(|| Fault::NeedsCluster(namespaces()))
        }
    }
}

fn selects(selector: &LabelSelector, name: &str, namespace: &Value) -> bool {
    let labels = namespace.pointer("/metadata/labels").and_then(Value::as_object);
    let mut labels: Labels = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    // The API server puts it on every namespace.
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    selector.matches(&labels)
}

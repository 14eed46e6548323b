//! Which rules and mutations a request meets.

use std::sync::Arc;

use kspec_model::rules::{Namespaces, Operation, Scope, Target};
use kspec_model::{LabelSelector, Labels};
use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::compile::{Names, Node};
use crate::eval::{Frame, Input, Namespace, namespaces};
use crate::fault::{Failed, needs};
use crate::paths::Paths;
use crate::review::{Objects, Review};

/// Where to look for what a request meets.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_resource: FxHashMap<Box<str>, Vec<Entry>>,
}

/// What meets requests about one resource.
#[derive(Debug)]
struct Entry {
    group: Box<str>,
    subresource: Option<Box<str>>,
    /// By operation: of each rule or mutation, and of its first target that fits.
    at: [Vec<(usize, usize)>; 4],
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
    /// Adds a target of a rule or mutation; they come in order.
    pub(crate) fn add(&mut self, at: (usize, usize), target: &Target) {
        let entries = self.by_resource.entry(target.resource.as_str().into()).or_default();
        let same = |entry: &Entry| {
            *entry.group == *target.group && entry.subresource.as_deref() == target.subresource.as_deref()
        };
        let place = entries.iter().position(same).unwrap_or_else(|| {
            entries.push(Entry {
                group: target.group.as_str().into(),
                subresource: target.subresource.as_deref().map(Box::from),
                at: Default::default(),
            });
            entries.len() - 1
        });
        let Some(entry) = entries.get_mut(place) else { return };
        for operation in &target.operations {
            if let Some(fitting) = entry.at.get_mut(number(*operation))
                && fitting.last().is_none_or(|last| last.0 != at.0)
            {
                fitting.push(at);
            }
        }
    }

    /// What fits a request by kind and operation, each rule once: by its first target that fits.
    pub(crate) fn fitting(&self, review: &Review<'_>) -> &[(usize, usize)] {
        let entries = self.by_resource.get(review.resource).map_or(&[][..], Vec::as_slice);
        let fits = |entry: &&Entry| *entry.group == *review.group && entry.subresource.as_deref() == review.subresource;
        let fitting = entries.iter().find(fits).and_then(|entry| entry.at.get(number(review.operation)));
        fitting.map_or(&[], Vec::as_slice)
    }
}

/// A target's conditions, compiled.
#[derive(Debug)]
pub(crate) struct Applies {
    node: Option<Node>,
    slots: usize,
}

impl Applies {
    pub(crate) fn compile(target: &Target, paths: Option<&mut Paths>) -> Result<Self, String> {
        let mut names = paths.map_or_else(Names::default, Names::sharing);
        let node = target.applies.as_ref().map(|applies| names.compile(applies)).transpose()?;
        Ok(Self { node, slots: names.slots })
    }

    pub(crate) fn holds<'a>(&'a self, frame: &mut Frame<'a>) -> Result<bool, Failed> {
        let Some(node) = &self.node else { return Ok(true) };
        frame.begin(self.slots);
        frame.holds(node)
    }
}

/// What a target's expressions read of a request: on a DELETE the object that goes, on a workload the pod's template.
pub(crate) fn input<'a>(review: &Review<'a>, template: &[Arc<str>], objects: &'a dyn Objects) -> Input<'a> {
    let part = |object: Option<&'a Value>| {
        template.iter().try_fold(object?, |object, name| object.get(&**name)).filter(|part| part.is_object())
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
pub(crate) fn in_scope(scope: &Scope, review: &Review<'_>) -> Result<bool, Failed> {
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
            object.map(|object| selects(labels, name, object)).ok_or_else(|| needs(namespaces()))
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

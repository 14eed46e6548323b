//! What of a rule's targets goes together.

use std::collections::BTreeSet;
use std::sync::Arc;

use kspec_model::rules::{Expr, Operation, Target};
use serde_json::{Value, json};

use super::cel::Roots;

/// The object of a request that may be a DELETE.
const EITHER: &str = "(request.operation == 'DELETE' ? oldObject : object)";
/// What stands behind the path to a template.
const OR_NULL: &str = ".orValue(dyn(null))";

/// Targets that one body judges in one way.
#[derive(Clone)]
pub(super) struct Shape<'t> {
    /// Where the API server sends requests from.
    pub(super) meets: Vec<Meets<'t>>,
    /// The path from the object to what is judged.
    pub(super) template: &'t [Arc<str>],
    pub(super) applies: Option<&'t Expr>,
    pub(super) advisory: bool,
    pub(super) body: usize,
}

/// Requests that are met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meets<'t> {
    pub(super) group: &'t str,
    pub(super) version: &'t str,
    /// `pods/ephemeralcontainers`
    pub(super) resource: String,
    pub(super) operations: BTreeSet<Operation>,
}

impl Shape<'_> {
    /// How the object is called where no variable can be used.
    pub(super) fn roots(&self) -> Roots {
        let mut operations = self.meets.iter().flat_map(|meets| &meets.operations);
        let deletes = operations.clone().any(|operation| *operation == Operation::Delete);
        let object = if !deletes {
            "object"
        } else if operations.all(|operation| *operation == Operation::Delete) {
            "oldObject"
        } else {
            EITHER
        };
        let part = |base: &str| {
            if self.template.is_empty() {
                return base.to_owned();
            }
            let path: String = self.template.iter().map(|name| format!(".?{name}")).collect();
            format!("{base}{path}{OR_NULL}")
        };
        Roots { object: part(object), old: part("oldObject") }
    }
}

/// As long as what the object is called in any shape of these targets, or longer.
pub(super) fn widest_root(targets: &[Target]) -> usize {
    let path = |target: &Target| target.template.iter().map(|name| name.len() + ".?".len()).sum::<usize>();
    EITHER.len() + OR_NULL.len() + targets.iter().map(path).max().unwrap_or_default()
}

/// Whether some request is judged by a body.
pub(super) fn judges(targets: &[Target], body: usize) -> bool {
    let same = |one: &Target, other: &Target| {
        (&one.group, &one.resource, &one.subresource) == (&other.group, &other.resource, &other.subresource)
    };
    // Most targets are the first of their resource, from which no other takes a request.
    let mut first =
        targets.iter().enumerate().filter(|(_, target)| target.body == body && !target.operations.is_empty());
    first.any(|(at, target)| !targets.iter().take(at).any(|other| same(other, target)))
        || shapes(targets).iter().any(|shape| shape.body == body)
}

/// The shapes of a rule's targets. A request is judged by the first target that fits it: what an earlier one takes, later
/// ones do not.
pub(super) fn shapes(targets: &[Target]) -> Vec<Shape<'_>> {
    let mut shapes: Vec<Shape<'_>> = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let same = |other: &&Target| {
            (&other.group, &other.resource, &other.subresource)
                == (&target.group, &target.resource, &target.subresource)
        };
        let before: Vec<&Target> = targets.iter().take(at).filter(same).collect();
        let fresh = |operation: &&Operation| !before.iter().any(|other| other.operations.contains(operation));
        let operations: BTreeSet<Operation> = target.operations.iter().filter(fresh).copied().collect();
        if operations.is_empty() {
            continue;
        }
        let resource = match &target.subresource {
            Some(subresource) => format!("{}/{subresource}", target.resource),
            None => target.resource.clone(),
        };
        let meets = Meets { group: &target.group, version: &target.version, resource, operations };
        let same = shapes.iter_mut().find(|shape| {
            shape.template == target.template.as_slice()
                && shape.applies == target.applies.as_ref()
                && shape.advisory == target.advisory
                && shape.body == target.body
        });
        match same {
            Some(shape) => shape.meets.push(meets),
            None => shapes.push(Shape {
                meets: vec![meets],
                template: &target.template,
                applies: target.applies.as_ref(),
                advisory: target.advisory,
                body: target.body,
            }),
        }
    }
    shapes
}

/// `resourceRules`, as few as say it.
pub(super) fn resource_rules(meets: &[Meets<'_>]) -> Value {
    let mut rules: Vec<(&str, &str, &BTreeSet<Operation>, Vec<&str>)> = Vec::new();
    for meets in meets {
        let same = rules.iter_mut().find(|(group, version, operations, _)| {
            *group == meets.group && *version == meets.version && **operations == meets.operations
        });
        match same {
            Some((.., resources)) => resources.push(&meets.resource),
            None => rules.push((meets.group, meets.version, &meets.operations, vec![&meets.resource])),
        }
    }
    let rules = rules.into_iter().map(|(group, version, operations, resources)| {
        json!({ "apiGroups": [group], "apiVersions": [version], "operations": operations, "resources": resources })
    });
    Value::Array(rules.collect())
}

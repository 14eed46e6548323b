//! Where objects are searched for: a kind in a namespace.

use kspec_model::rules::{Operation, Target};
use kspec_rules::{Asked, Review};
use serde_json::Value;

use crate::base;
use crate::scopes::Place;

/// The request that creates an object of a target somewhere, and the plainest such object.
#[derive(Debug)]
pub(crate) struct Site<'t> {
    target: &'t Target,
    namespace: Option<Value>,
    /// Without the object: rules of statements read it where it is judged.
    request: Value,
    pub(crate) base: Value,
}

impl<'t> Site<'t> {
    pub(crate) fn new(target: &'t Target, place: &Place) -> Self {
        let asked = Asked {
            operation: Operation::Create,
            resource: (&target.group, &target.version, &target.resource),
            subresource: target.subresource.as_deref(),
            kind: &target.kind,
            namespace: place.name().filter(|_| target.namespaced),
            object: None,
            old: None,
            user: "user",
            groups: &[],
        };
        let request = asked.request();
        Self { target, namespace: place.object().cloned(), request, base: base::object(target, place.name()) }
    }

    /// The request about an object.
    pub(crate) fn review<'r>(&'r self, object: &'r Value) -> Review<'r> {
        let name = object.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
        let namespace = self.request.get("namespace").and_then(Value::as_str);
        Review {
            operation: Operation::Create,
            group: &self.target.group,
            resource: &self.target.resource,
            subresource: self.target.subresource.as_deref(),
            namespace,
            name: name.unwrap_or_default(),
            object: Some(object),
            old: None,
            request: &self.request,
            namespace_object: self.namespace.as_ref(),
        }
    }
}

//! What a test gives: the request that is asked about, and what exists beside it.

use std::collections::BTreeMap;

use kspec_model::program::{Given, Test};
use kspec_model::rules::{Lookup, Operation};
use kspec_rules::{Asked, Objects, Review};
use kspec_schema::{KindInfo, defaults};
use serde_json::{Value, json};

use crate::Bench;

/// Who asks, where a test does not say. In no group that anything is granted to.
const USER: &str = "somebody";

/// What exists beside the object that is asked about.
#[derive(Debug)]
pub(crate) struct Others {
    objects: BTreeMap<Lookup, Vec<Value>>,
    namespaces: BTreeMap<String, Value>,
}

impl Others {
    pub(crate) fn new(test: &Test, bench: Bench<'_>) -> Self {
        let mut objects: BTreeMap<Lookup, Vec<Value>> = BTreeMap::new();
        let mut namespaces: BTreeMap<String, Value> = BTreeMap::new();
        for (name, labels) in bench.namespaces {
            let object =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
            namespaces.insert((*name).to_owned(), object);
        }
        let before = test.given.split_last().map_or(&[][..], |(_, before)| before);
        for given in before {
            let Some(kind) = bench.schema.kind_of(&given.object) else { continue };
            let object = completed(&given.object);
            if kind.kind == "Namespace"
                && let Some(name) = object.pointer("/metadata/name").and_then(Value::as_str)
            {
                namespaces.insert(name.to_owned(), named(object.clone(), name));
            }
            objects.entry(lookup(kind)).or_default().push(object);
        }
        Self { objects, namespaces }
    }

    pub(crate) fn namespace(&self, name: Option<&str>) -> Option<&Value> {
        self.namespaces.get(name?)
    }
}

impl Objects for Others {
    /// Whatever a test does not give is not there.
    fn all(&self, lookup: &Lookup) -> Option<&[Value]> {
        Some(self.objects.get(lookup).map_or(&[][..], Vec::as_slice))
    }
}

fn lookup(kind: &KindInfo) -> Lookup {
    Lookup {
        group: (&*kind.group).into(),
        version: (&*kind.version).into(),
        resource: (&*kind.plural).into(),
        kind: (&*kind.kind).into(),
    }
}

/// A namespace with the label that the API server gives each.
fn named(mut namespace: Value, name: &str) -> Value {
    if let Some(metadata) = namespace.get_mut("metadata").and_then(Value::as_object_mut) {
        let labels = metadata.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert("kubernetes.io/metadata.name".to_owned(), json!(name));
        }
    }
    namespace
}

fn completed(object: &Value) -> Value {
    let mut object = object.clone();
    defaults::complete(&mut object);
    object
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    /// The AdmissionRequest.
    body: Value,
    /// Of the object that a rule on this request is typed for: group, version, plural resource, kind.
    pub(crate) target: (String, String, String, String),
    /// Whether its objects are in namespaces.
    pub(crate) namespaced: bool,
}

impl Request {
    /// What the API server would ask. `Err` says why there is nothing to ask.
    pub(crate) fn new(given: &Given, bench: Bench<'_>) -> Result<Self, String> {
        let kind = bench.schema.kind_of(&given.object).ok_or("the target serves no such kind")?;
        let (group, version) = (kind.group.to_string(), kind.version.to_string());
        let subresource = given.subresource.as_deref();
        let part = subresource
            .map(|name| kind.subresource(name).ok_or_else(|| format!("`{}` has no subresource `{name}`", kind.kind)));
        let part = part.transpose()?;
        let namespace = given.object.pointer("/metadata/namespace").and_then(Value::as_str);
        let is_namespace = kind.kind == "Namespace" && group.is_empty();
        let name = given.object.pointer("/metadata/name").and_then(Value::as_str);
        let completed_object = completed(&given.object);
        let old = given.old.as_ref().map(completed);
        let (object, old) = match (given.operation, part) {
            // What is connected to is named; the object is what is asked of it.
            (Operation::Connect, Some(part)) => {
                let version = if part.group.is_empty() {
                    part.version.to_string()
                } else {
                    format!("{}/{}", part.group, part.version)
                };
                let mut object = given.options.clone().unwrap_or_default();
                object.insert("apiVersion".to_owned(), json!(version));
                object.insert("kind".to_owned(), json!(&*part.kind));
                (Some(Value::Object(object)), None)
            }
            (Operation::Delete, _) => (None, Some(old.unwrap_or(completed_object))),
            _ => (Some(completed_object), old),
        };
        let groups =
            if given.groups.is_empty() { vec!["system:authenticated".to_owned()] } else { given.groups.clone() };
        let asked = Asked {
            operation: given.operation,
            resource: (&group, &version, &kind.plural),
            subresource,
            kind: part.map_or(&*kind.kind, |part| &*part.kind),
            namespace: if is_namespace { name } else { namespace },
            object: object.as_ref(),
            old: old.as_ref(),
            user: given.user.as_deref().unwrap_or(USER),
            groups: &groups,
        };
        let mut body = asked.request();
        if let (Some(name), Some(fields)) = (name, body.as_object_mut()) {
            fields.insert("name".to_owned(), json!(name));
        }
        let target = (group, version, kind.plural.to_string(), kind.kind.to_string());
        Ok(Self { body, target, namespaced: kind.namespaced })
    }

    /// As the evaluator reads it; `object` stands for the object that was given, once mutations have changed it.
    pub(crate) fn review<'r>(&'r self, object: Option<&'r Value>, others: &'r Others) -> Result<Review<'r>, String> {
        let review = Review::from_request(&self.body)?;
        let namespace = others.namespace(review.namespace);
        Ok(Review { object: object.or(review.object), ..review.in_namespace(namespace) })
    }
}

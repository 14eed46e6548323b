//! Names, ownership labels, and what the program says of an object in words.

use std::{borrow::Cow, collections::BTreeMap};

use kspec_model::{Labels, program::Exception};
use serde_json::{Map, Value, json};

use super::{OutlinedObject, world::World};
use crate::inventory::PART_OF;

/// The standard label of what manages an object, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kspec");
/// The label that names the project.
pub const PROJECT: &str = "kspec.dev/project";
/// The annotation that keeps a doc comment.
pub const PURPOSE: &str = "kspec.dev/purpose";
/// The annotation that keeps why an exception is made.
pub const EXCEPTION_REASON: &str = "kspec.dev/reason";
/// The annotation that keeps who answers for an exception.
pub const EXCEPTION_OWNER: &str = "kspec.dev/owner";
/// The annotation that keeps an exception's last day.
pub const EXCEPTION_UNTIL: &str = "kspec.dev/until";

/// Kinds whose labels and annotations mean nothing for a cluster: no selector is about them.
const UNREAD: [&str; 3] = ["LimitRange", "ResourceQuota", "ServiceAccount"];

/// What goes into `metadata` beside the name.
#[derive(Default)]
pub(super) struct Metadata<'a> {
    pub(super) labels: Labels,
    pub(super) annotations: Option<&'a BTreeMap<String, String>>,
    pub(super) doc: Option<Cow<'a, str>>,
    pub(super) exception: Option<&'a Exception>,
}

impl Metadata<'_> {
    pub(super) fn build(self, world: &World<'_>, identity: &OutlinedObject<'_>) -> Value {
        let mut metadata = Map::new();
        metadata.insert("name".to_owned(), json!(identity.name));
        if let Some(namespace) = &identity.namespace {
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        if world.heads && UNREAD.contains(&identity.kind) {
            return Value::Object(metadata);
        }
        let mut labels = self.labels;
        labels.extend(ownership(world));
        metadata.insert("labels".to_owned(), json!(labels));
        let mut annotations = self.annotations.cloned().unwrap_or_default();
        if let Some(doc) = self.doc {
            annotations.insert(PURPOSE.to_owned(), doc.into_owned());
        }
        if let Some(exception) = self.exception {
            annotations.insert(EXCEPTION_REASON.to_owned(), exception.reason.clone());
            annotations.insert(EXCEPTION_OWNER.to_owned(), exception.owner.clone());
            annotations.insert(EXCEPTION_UNTIL.to_owned(), exception.until.to_string());
        }
        if !annotations.is_empty() {
            metadata.insert("annotations".to_owned(), json!(annotations));
        }
        Value::Object(metadata)
    }
}

/// The labels that say whose an object is.
pub(super) fn ownership(world: &World<'_>) -> [(String, String); 3] {
    [
        (MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned()),
        (PROJECT.to_owned(), world.program.project.name.clone()),
        (PART_OF.to_owned(), world.inventory().id.clone()),
    ]
}

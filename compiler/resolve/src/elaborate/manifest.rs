//! `manifest { … }`: an object given verbatim, held to its schema.

use std::{collections::BTreeMap, sync::Arc};

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::program::Manifest;
use kspec_syntax::tree;
use kspec_types::{EntityKind, EntityRef, Value};

use super::Elab;

impl Elab<'_, '_> {
    pub(super) fn manifest(&self, node: &tree::Manifest, span: Span) -> Value {
        let Some(object) = self.with_cx(|cx| kspec_types::check_object(&node.body, span, cx)) else {
            return Value::Error;
        };
        let text = |pointer: &str| object.pointer(pointer).and_then(serde_json::Value::as_str);
        let (name, namespace) =
            (text("/metadata/name").map(str::to_owned), text("/metadata/namespace").map(str::to_owned));
        let Some(name) = name else {
            self.report(
                Finding::new(codes::MISSING_FIELD, "a manifest needs `metadata: { name: … }`", self.at(span))
                    .help("generateName cannot be planned: every plan would create one more"),
            );
            return Value::Error;
        };
        let kind = self.db.facts.schema.kind_of(&object);
        if let Some(kind) = kind {
            if kind.namespaced && namespace.is_none() {
                self.report(
                    Finding::new(
                        codes::MISSING_FIELD,
                        format!("{} {name} says no namespace", kind.kind),
                        self.at(span),
                    )
                    .help("write `metadata: { name: …, namespace: … }`"),
                );
            }
            if !kind.namespaced && namespace.is_some() {
                self.report(
                    Finding::new(codes::BAD_VALUE, format!("a {} belongs to no namespace", kind.kind), self.at(span))
                        .help("drop `namespace`"),
                );
            }
            if kind.kind == "Secret" {
                self.report(
                    Finding::new(codes::LITERAL_KEY, "a Secret's contents do not belong in source", self.at(span))
                        .help("create it outside, and name it here with `existing` or by reference"),
                );
                return Value::Error;
            }
        }
        self.emit(|part| part.manifests.push(Manifest { object: object.clone(), origin: self.origin(span) }));
        Value::Entity(EntityRef {
            kind: EntityKind::Manifest,
            namespace: namespace.as_deref().map(Arc::from),
            name: Arc::from(name),
            decl: Some(self.at(node.name.as_ref().map_or(span, |name| name.span))),
            existing: false,
            members: Some(Arc::new(BTreeMap::new())),
        })
    }
}

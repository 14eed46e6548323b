//! Places whose schema lists what may stand there.
//!
//! The API server takes no other value: what is listed, and absence where the field may be absent, stands for everything. Sources:
//! `enum` of the OpenAPI documents, and of CustomResourceDefinitions.

use kspec_model::rules::Target;
use kspec_schema::{Schema, Text, Type, TypeId};

use crate::path::{Path, Seg};

/// What a schema lists for the objects of a target.
#[derive(Clone, Copy)]
pub(crate) struct Closed<'s> {
    schema: &'s Schema,
    root: Option<TypeId>,
}

impl<'s> Closed<'s> {
    pub(crate) fn new(schema: &'s Schema, target: &Target) -> Self {
        Self { schema, root: schema.object_type(&target.group, &target.version, &target.kind) }
    }

    /// The only texts at a place, where they are listed.
    pub(crate) fn at(&self, path: &Path) -> Option<&'s [Text]> {
        let mut ty = self.root?;
        for seg in &path.0 {
            ty = match (self.schema.ty(ty), seg) {
                (Type::Object(object), Seg::Field(name)) => object.field(name)?.ty,
                (Type::Map { value, .. }, Seg::Field(_)) => *value,
                (Type::List { item, .. }, Seg::Item) => *item,
                // Where anything may stand, nothing is listed.
                _ => return None,
            };
        }
        match self.schema.ty(ty) {
            Type::String { values, .. } if !values.is_empty() => Some(values),
            _ => None,
        }
    }
}

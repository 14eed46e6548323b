//! Places whose schema lists what may stand there.
//!
//! The API server takes no other value: what is listed, and absence where the field may be absent, stands for everything. Sources:
//! `enum` of the OpenAPI documents, and of CustomResourceDefinitions.

use kspec_model::rules::Target;
use kspec_schema::{Schema, Step, Text, Type, TypeId};

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
            let step = match seg {
                Seg::Field(name) => Step::Field(name.to_string()),
                Seg::Item => Step::Index(0),
            };
            ty = self.schema.step(ty, &step)?.ty;
        }
        match self.schema.ty(ty) {
            Type::String { values, .. } if !values.is_empty() => Some(values),
            _ => None,
        }
    }
}

//! Admission policies, their bindings, and webhook configurations.

use super::metadata::Metadata;
use super::{Kind, Output, Phase, world::World};
use crate::admission;

const API: &str = "admissionregistration.k8s.io/v1";

pub(super) fn lower<'a>(world: &World<'a>, output: &mut Output<'a>) {
    let program = world.program;
    if !output.build || (program.rules.is_empty() && program.mutations.is_empty()) {
        return;
    }
    let admission::Lowered { table, notes } = admission::lower(program, world.as_of);
    let origin = |at: usize| notes.get(at).map(|note| note.origin);
    for policy in admission::policies(&table) {
        let Some(origin) = origin(policy.first) else { continue };
        let kind = Kind { api_version: API, kind: "ValidatingAdmissionPolicy" };
        output.object(world, kind, kind.named(None, policy.name.clone(), origin), 0, |object| {
            object.insert("spec".to_owned(), policy.spec());
            (Phase::Policies, Metadata { doc: Some(policy.doc.as_str().into()), ..Metadata::default() })
        });
        let kind = Kind { api_version: API, kind: "ValidatingAdmissionPolicyBinding" };
        output.object(world, kind, kind.named(None, policy.name.clone(), origin), 0, |object| {
            object.insert("spec".to_owned(), policy.binding());
            (Phase::PolicyBindings, Metadata::default())
        });
    }
    for policy in admission::mutation_policies(&table) {
        let Some(origin) = origin(table.rules.len() + policy.at) else { continue };
        let kind = Kind { api_version: API, kind: "MutatingAdmissionPolicy" };
        output.object(world, kind, kind.named(None, policy.name.clone(), origin), 0, |object| {
            object.insert("spec".to_owned(), policy.spec);
            (Phase::Policies, Metadata { doc: Some(policy.doc.into()), ..Metadata::default() })
        });
        let kind = Kind { api_version: API, kind: "MutatingAdmissionPolicyBinding" };
        output.object(world, kind, kind.named(None, policy.name, origin), 0, |object| {
            object.insert("spec".to_owned(), policy.binding);
            (Phase::PolicyBindings, Metadata::default())
        });
    }
    for configuration in admission::configurations(&table, &program.project.inventory_namespace) {
        let at = match configuration.kind {
            "MutatingWebhookConfiguration" => table.rules.len() + configuration.first,
            _ => configuration.first,
        };
        let Some(origin) = origin(at) else { continue };
        let kind = Kind { api_version: API, kind: configuration.kind };
        output.object(world, kind, kind.named(None, configuration.name, origin), 0, |object| {
            object.insert("webhooks".to_owned(), configuration.webhooks);
            (Phase::PolicyBindings, Metadata::default())
        });
    }
}

//! Admission policies, their bindings, and webhook configurations.

use std::collections::BTreeMap;

use kspec_model::program::WebhookAuthority;

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
    let table = admission::revised(table);
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
    let configurations = admission::configurations(&table, program.project);
    if let Some(first) = configurations.first().and_then(|first| origin(first.place(&table))) {
        for part in admission::parts(&table, program.project) {
            let admission::Part { api_version, kind, namespace, name, phase, body } = part;
            let kind = Kind { api_version, kind };
            output.object(world, kind, kind.named(namespace, name, first), 0, |object| {
                object.extend(body);
                (phase, Metadata { doc: Some(admission::RUNS.into()), ..Metadata::default() })
            });
        }
    }
    let webhook = &program.project.admission.webhook;
    let annotations = match &webhook.authority {
        WebhookAuthority::CertManager(certificate) => {
            BTreeMap::from([("cert-manager.io/inject-ca-from".to_owned(), certificate.clone())])
        }
        WebhookAuthority::Unsaid | WebhookAuthority::Pem(_) => BTreeMap::new(),
    };
    for configuration in configurations {
        let Some(origin) = origin(configuration.place(&table)) else { continue };
        let kind = Kind { api_version: API, kind: configuration.kind };
        output.object(world, kind, kind.named(None, configuration.name, origin), 0, |object| {
            object.insert("webhooks".to_owned(), configuration.webhooks);
            (Phase::PolicyBindings, Metadata { annotations: Some(&annotations), ..Metadata::default() })
        });
    }
    output.table = Some(table);
}

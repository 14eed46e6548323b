//! Admission policies, their bindings, and webhook configurations.

use std::collections::BTreeMap;

use kspec_diagnostics::codes;
use kspec_model::program::{Origin, WebhookAuthority};
use serde_json::{Map, Value};

use super::metadata::Metadata;
use super::{Kind, Output, Phase, world::World};
use crate::admission::{self, Sourced};
use crate::finding;

const API: &str = "admissionregistration.k8s.io/v1";

/// What the values of a ConfigMap may have together, in bytes: `MaxSecretSize` of Kubernetes' `pkg/apis/core`, which validation
/// holds ConfigMaps to.
const CONFIG_MAP: usize = 1 << 20;

pub(super) fn lower<'a>(world: &World<'a>, output: &mut Output<'a>) {
    let program = world.program;
    if program.rules.is_empty() && program.mutations.is_empty() {
        return;
    }
    match world.sourced {
        Some(sourced) => all(world, sourced, output),
        None if output.builds() => all(world, &admission::sourced(program, world.as_of), output),
        None => {}
    }
}

fn all<'a>(world: &World<'a>, sourced: &Sourced<'a>, output: &mut Output<'a>) {
    policies(world, sourced, output);
    mutation_policies(world, sourced, output);
    webhook(world, sourced, output);
}

/// Where a rule, or behind them a mutation, is bound.
fn origin<'a>(sourced: &Sourced<'a>, at: usize) -> Option<&'a Origin> {
    sourced.rules.iter().chain(&sourced.mutations).nth(at).copied()
}

fn policies<'a>(world: &World<'a>, sourced: &Sourced<'a>, output: &mut Output<'a>) {
    let named = |kind: &'static str| Kind { api_version: API, kind };
    if !output.builds() {
        for (name, first) in admission::policy_names(&sourced.table) {
            let Some(origin) = origin(sourced, first) else { continue };
            for kind in ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"].map(named) {
                // Nothing is written into what is not built.
                let nothing = |_: &mut Map<String, Value>| (Phase::Policies, Metadata::default());
                output.object(world, kind, kind.named(None, name.clone(), origin), 0, nothing);
            }
        }
        return;
    }
    for policy in sourced.policies(world.heads) {
        let Some(origin) = origin(sourced, policy.first) else { continue };
        let kind = named("ValidatingAdmissionPolicy");
        output.object(world, kind, kind.named(None, policy.name.clone(), origin), 0, |object| {
            object.insert("spec".to_owned(), policy.spec);
            (Phase::Policies, Metadata { doc: Some(policy.doc.as_str().into()), ..Metadata::default() })
        });
        let kind = named("ValidatingAdmissionPolicyBinding");
        output.object(world, kind, kind.named(None, policy.name.clone(), origin), 0, |object| {
            object.insert("spec".to_owned(), policy.binding);
            (Phase::PolicyBindings, Metadata::default())
        });
    }
}

fn mutation_policies<'a>(world: &World<'a>, sourced: &Sourced<'a>, output: &mut Output<'a>) {
    let table = &*sourced.table;
    for policy in admission::mutation_policies(table) {
        let Some(origin) = origin(sourced, table.rules.len() + policy.at) else { continue };
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
}

/// The webhook's configurations, and what runs it.
fn webhook<'a>(world: &World<'a>, sourced: &Sourced<'a>, output: &mut Output<'a>) {
    let (table, project) = (&*sourced.table, world.program.project);
    let configurations = admission::configurations(table, project);
    if let Some(first) = configurations.first().and_then(|first| origin(sourced, first.place(table))) {
        for part in admission::parts(table, project) {
            let admission::Part { api_version, kind, namespace, name, phase, body } = part;
            if let Some(size) = bundle_size(kind, &body).filter(|size| *size > CONFIG_MAP) {
                output.findings.push(too_large(size, first));
            }
            let kind = Kind { api_version, kind };
            output.object(world, kind, kind.named(namespace, name, first), 0, |object| {
                object.extend(body);
                (phase, Metadata { doc: Some(admission::RUNS.into()), ..Metadata::default() })
            });
        }
    }
    let annotations = match &project.admission.webhook.authority {
        WebhookAuthority::CertManager(certificate) => {
            BTreeMap::from([("cert-manager.io/inject-ca-from".to_owned(), certificate.clone())])
        }
        WebhookAuthority::Unsaid | WebhookAuthority::Pem(_) => BTreeMap::new(),
    };
    for configuration in configurations {
        let Some(origin) = origin(sourced, configuration.place(table)) else { continue };
        let kind = Kind { api_version: API, kind: configuration.kind };
        output.object(world, kind, kind.named(None, configuration.name, origin), 0, |object| {
            object.insert("webhooks".to_owned(), configuration.webhooks);
            (Phase::PolicyBindings, Metadata { annotations: Some(&annotations), ..Metadata::default() })
        });
    }
}

/// How many bytes the values of a ConfigMap have.
fn bundle_size(kind: &str, body: &Map<String, Value>) -> Option<usize> {
    let data = body.get("data").filter(|_| kind == "ConfigMap")?.as_object()?;
    Some(data.values().filter_map(Value::as_str).map(str::len).sum())
}

fn too_large(size: usize, origin: &Origin) -> kspec_diagnostics::Finding {
    let message =
        format!("the webhook's rules take {} KiB, and a ConfigMap holds {}", size.div_ceil(1024), CONFIG_MAP / 1024);
    finding::at(codes::BUNDLE_TOO_LARGE, message, origin)
        .because("`image` in [admission.webhook] has them put into one, which the API server refuses")
        .help(
            "let the API server decide what CEL can say (take `engine = \"webhook\"` out of kspec.toml), bind less in one \
             project, or leave `image` out and run the webhook with `bundle.json` on a volume",
        )
}

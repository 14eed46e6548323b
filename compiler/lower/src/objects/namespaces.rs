//! Namespaces, what is set in them, service accounts.

use std::{borrow::Cow, collections::BTreeMap};

use kspec_model::program::{Limits, Namespace, Quota, ServiceAccount};
use serde_json::{Map, Value, json};

use super::{Kind, Output, Phase, metadata::Metadata, world, world::World};

const NAMESPACE: Kind = Kind { api_version: "v1", kind: "Namespace" };
const QUOTA: Kind = Kind { api_version: "v1", kind: "ResourceQuota" };
const LIMITS: Kind = Kind { api_version: "v1", kind: "LimitRange" };
const ACCOUNT: Kind = Kind { api_version: "v1", kind: "ServiceAccount" };

pub(super) fn lower<'a>(world: &World<'a>, output: &mut Output<'a>) {
    for namespace in world.program.namespaces.iter().copied() {
        if !namespace.existing {
            let outlined = NAMESPACE.named(None, &namespace.name, &namespace.origin);
            output.object(world, NAMESPACE, outlined, 0, |_| {
                let metadata = Metadata {
                    labels: world::labels(namespace),
                    annotations: Some(&namespace.annotations),
                    doc: namespace.doc.as_deref().map(Cow::Borrowed),
                    ..Metadata::default()
                };
                (Phase::Namespaces, metadata)
            });
        }
        default_account(world, namespace, output);
        for quota in &namespace.quotas {
            let outlined = QUOTA.named(Some(&namespace.name), &quota.name, &quota.origin);
            output.object(world, QUOTA, outlined, 0, |object| {
                object.insert("spec".to_owned(), quota_spec(quota));
                (Phase::Limits, Metadata::default())
            });
        }
        limit_ranges(world, namespace, output);
    }
    for account in world.program.service_accounts.iter().copied().filter(|account| !account.existing) {
        declared_account(world, account, output);
    }
}

/// Kubernetes makes the account; only the one field is ours.
fn default_account<'a>(world: &World<'a>, namespace: &'a Namespace, output: &mut Output<'a>) {
    let Some(automount) = namespace.automount_token else { return };
    let outlined = ACCOUNT.named(Some(&namespace.name), "default", &namespace.origin);
    output.object(world, ACCOUNT, outlined, 0, |object| {
        object.insert("automountServiceAccountToken".to_owned(), json!(automount));
        (Phase::Accounts, Metadata::default())
    });
}

fn quota_spec(quota: &Quota) -> Value {
    let mut spec = Map::from_iter([("hard".to_owned(), json!(quota.hard))]);
    if !quota.scopes.is_empty() {
        spec.insert("scopes".to_owned(), json!(quota.scopes));
    }
    if let Some(selector) = &quota.scope_selector {
        spec.insert("scopeSelector".to_owned(), selector.clone());
    }
    Value::Object(spec)
}

/// Limits of one name are one object, its entries in the order written.
fn limit_ranges<'a>(world: &World<'a>, namespace: &'a Namespace, output: &mut Output<'a>) {
    let mut by_name: BTreeMap<&str, Vec<&Limits>> = BTreeMap::new();
    for limits in &namespace.limits {
        by_name.entry(&limits.name).or_default().push(limits);
    }
    for (name, limits) in by_name {
        let Some(first) = limits.first() else { continue };
        let outlined = LIMITS.named(Some(&namespace.name), name, &first.origin);
        output.object(world, LIMITS, outlined, 0, |object| {
            let items: Vec<Value> = limits.iter().map(|limits| limit_item(limits)).collect();
            object.insert("spec".to_owned(), json!({ "limits": items }));
            (Phase::Limits, Metadata::default())
        });
    }
}

fn limit_item(limits: &Limits) -> Value {
    let parts = [
        ("default", &limits.default),
        ("defaultRequest", &limits.default_request),
        ("min", &limits.min),
        ("max", &limits.max),
        ("maxLimitRequestRatio", &limits.max_limit_request_ratio),
    ];
    let mut item = Map::from_iter([("type".to_owned(), json!(limits.kind.as_str()))]);
    item.extend(
        parts
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(field, values)| (field.to_owned(), json!(values))),
    );
    Value::Object(item)
}

fn declared_account<'a>(world: &World<'a>, account: &'a ServiceAccount, output: &mut Output<'a>) {
    let outlined = ACCOUNT.named(Some(&account.namespace), &account.name, &account.origin);
    output.object(world, ACCOUNT, outlined, 0, |object| {
        if let Some(automount) = account.automount_token {
            object.insert("automountServiceAccountToken".to_owned(), json!(automount));
        }
        if !account.image_pull_secrets.is_empty() {
            let secrets: Vec<Value> = account.image_pull_secrets.iter().map(|name| json!({ "name": name })).collect();
            object.insert("imagePullSecrets".to_owned(), Value::Array(secrets));
        }
        let metadata = Metadata {
            labels: account.labels.clone(),
            annotations: Some(&account.annotations),
            doc: account.doc.as_deref().map(Cow::Borrowed),
            ..Metadata::default()
        };
        (Phase::Accounts, metadata)
    });
}

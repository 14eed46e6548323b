//! Namespaces, what is set in them, service accounts.

use std::collections::BTreeMap;

use kspec_model::program::{Limits, Namespace, Quota, ServiceAccount};
use serde_json::{Map, Value, json};

use super::{Output, Phase, metadata::Metadata, world, world::World};

pub(super) fn lower(world: &World<'_>, output: &mut Output) {
    for namespace in &world.program.namespaces {
        if !namespace.existing {
            let labels = world::labels(namespace);
            let metadata = Metadata {
                name: &namespace.name,
                labels: Some(&labels),
                annotations: Some(&namespace.annotations),
                doc: namespace.doc.as_deref(),
                ..Metadata::default()
            };
            let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata.build(world) });
            output.push(Phase::Namespaces, &namespace.origin, object);
        }
        default_account(world, namespace, output);
        for quota in &namespace.quotas {
            output.push(Phase::Limits, &quota.origin, quota_object(world, namespace, quota));
        }
        limit_ranges(world, namespace, output);
    }
    for account in world.program.service_accounts.iter().filter(|account| !account.existing) {
        output.push(Phase::Accounts, &account.origin, account_object(world, account));
    }
}

/// Kubernetes makes the account; only the one field is ours.
fn default_account(world: &World<'_>, namespace: &Namespace, output: &mut Output) {
    let Some(automount) = namespace.automount_token else { return };
    let metadata = Metadata { name: "default", namespace: Some(&namespace.name), ..Metadata::default() };
    let object = json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata.build(world),
        "automountServiceAccountToken": automount,
    });
    output.push(Phase::Accounts, &namespace.origin, object);
}

fn quota_object(world: &World<'_>, namespace: &Namespace, quota: &Quota) -> Value {
    let metadata = Metadata { name: &quota.name, namespace: Some(&namespace.name), ..Metadata::default() };
    let mut spec = Map::new();
    spec.insert("hard".to_owned(), json!(quota.hard));
    if !quota.scopes.is_empty() {
        spec.insert("scopes".to_owned(), json!(quota.scopes));
    }
    if let Some(selector) = &quota.scope_selector {
        spec.insert("scopeSelector".to_owned(), selector.clone());
    }
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata.build(world), "spec": spec })
}

/// Limits of one name are one object, its entries in the order written.
fn limit_ranges(world: &World<'_>, namespace: &Namespace, output: &mut Output) {
    let mut by_name: BTreeMap<&str, Vec<&Limits>> = BTreeMap::new();
    for limits in &namespace.limits {
        by_name.entry(&limits.name).or_default().push(limits);
    }
    for (name, limits) in by_name {
        let Some(first) = limits.first() else { continue };
        let metadata = Metadata { name, namespace: Some(&namespace.name), ..Metadata::default() };
        let items: Vec<Value> = limits.iter().map(|limits| limit_item(limits)).collect();
        let object = json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": metadata.build(world), "spec": { "limits": items } });
        output.push(Phase::Limits, &first.origin, object);
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

fn account_object(world: &World<'_>, account: &ServiceAccount) -> Value {
    let metadata = Metadata {
        name: &account.name,
        namespace: Some(&account.namespace),
        labels: Some(&account.labels),
        annotations: Some(&account.annotations),
        doc: account.doc.as_deref(),
        ..Metadata::default()
    };
    let mut object = Map::from_iter([
        ("apiVersion".to_owned(), json!("v1")),
        ("kind".to_owned(), json!("ServiceAccount")),
        ("metadata".to_owned(), metadata.build(world)),
    ]);
    if let Some(automount) = account.automount_token {
        object.insert("automountServiceAccountToken".to_owned(), json!(automount));
    }
    if !account.image_pull_secrets.is_empty() {
        let secrets: Vec<Value> = account.image_pull_secrets.iter().map(|name| json!({ "name": name })).collect();
        object.insert("imagePullSecrets".to_owned(), Value::Array(secrets));
    }
    Value::Object(object)
}

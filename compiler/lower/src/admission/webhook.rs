//! Webhook configurations, for what CEL cannot say.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kspec_model::program::{AdmissionFacts, NetworkFacts, Project, WebhookAuthority};
use kspec_model::rules::{Engine, FailurePolicy, Namespaces, Scope, Table, Target};
use serde_json::{Value, json};

use super::WEBHOOK_SERVICE;
use super::policy::{all_meets, failure_word, namespace_selector};
use super::targets::{resource_rules, shapes};

/// A webhook configuration.
pub(crate) struct Configuration {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// Index of its first rule (or mutation) in the table.
    pub(crate) first: usize,
    /// `webhooks`.
    pub(crate) webhooks: Value,
}

impl Configuration {
    /// Where its first rule or mutation stands among both.
    pub(crate) fn place(&self, table: &Table) -> usize {
        match self.kind {
            "MutatingWebhookConfiguration" => table.rules.len() + self.first,
            _ => self.first,
        }
    }
}

struct Entry<'t> {
    targets: &'t [Target],
    scope: &'t Scope,
    failure: FailurePolicy,
    timeout: u32,
}

/// The Service of a project's webhook: its namespace and name.
#[must_use]
pub fn service(project: &Project) -> (&str, &str) {
    let webhook = &project.admission.webhook;
    (
        webhook.namespace.as_deref().unwrap_or(&project.inventory_namespace),
        webhook.service.as_deref().unwrap_or(WEBHOOK_SERVICE),
    )
}

/// The configurations that a table needs: none where CEL says all of it.
pub(crate) fn configurations(table: &Table, project: &Project) -> Vec<Configuration> {
    let rules = table.rules.iter().enumerate().filter(|(_, bound)| bound.engine == Engine::Webhook);
    let rules: Vec<(usize, Entry<'_>)> = rules
        .map(|(at, bound)| {
            let (targets, scope) = (bound.rule.targets.as_slice(), &bound.scope);
            (at, Entry { targets, scope, failure: bound.failure_policy, timeout: bound.timeout_seconds })
        })
        .collect();
    let mutations = table.mutations.iter().enumerate().filter(|(_, bound)| bound.engine == Engine::Webhook);
    let mutations: Vec<(usize, Entry<'_>)> = mutations
        .map(|(at, bound)| {
            let (targets, scope) = (bound.mutation.targets.as_slice(), &bound.scope);
            (at, Entry { targets, scope, failure: bound.failure_policy, timeout: bound.timeout_seconds })
        })
        .collect();
    [("ValidatingWebhookConfiguration", "validate", &rules), ("MutatingWebhookConfiguration", "mutate", &mutations)]
        .into_iter()
        .filter_map(|(kind, path, entries)| {
            let (first, _) = entries.first()?;
            let webhooks = webhooks(table, project, path, entries);
            Some(Configuration { kind, name: format!("{}-kspec", table.project), first: *first, webhooks })
        })
        .collect()
}

/// The configurations that a table needs, whole: for whoever has a table and no program.
#[must_use]
pub fn webhook_configurations(table: &Table, namespace: &str) -> Vec<Value> {
    let project = Project {
        name: table.project.clone(),
        owner: None,
        kubernetes: table.kubernetes.clone(),
        inventory_namespace: namespace.to_owned(),
        environment: None,
        network: NetworkFacts::default(),
        admission: AdmissionFacts::default(),
    };
    let object = |configuration: Configuration| {
        let Configuration { kind, name, webhooks, .. } = configuration;
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": name },
            "webhooks": webhooks,
        })
    };
    configurations(table, &project).into_iter().map(object).collect()
}

/// One webhook for each failure policy and timeout: the path says which rules it is asked about, so that no rule is asked
/// about twice.
fn webhooks(table: &Table, project: &Project, path: &str, entries: &[(usize, Entry<'_>)]) -> Value {
    let own = BTreeSet::from([project.inventory_namespace.as_str(), service(project).0]);
    let mut groups: BTreeMap<(FailurePolicy, u32), Vec<&Entry<'_>>> = BTreeMap::new();
    for (_, entry) in entries {
        groups.entry((entry.failure, entry.timeout)).or_default().push(entry);
    }
    let webhooks = groups.into_iter().map(|((failure, timeout), entries)| {
        let word = failure_word(failure).to_ascii_lowercase();
        let shapes: Vec<_> = entries.iter().flat_map(|entry| shapes(entry.targets)).collect();
        let mut webhook = json!({
            "name": format!("{word}-{timeout}.{path}.{}.kspec.dev", table.project),
            "admissionReviewVersions": ["v1"],
            "clientConfig": client(project, &format!("/{path}/{word}/{timeout}")),
            "failurePolicy": failure_word(failure),
            "matchPolicy": "Equivalent",
            "namespaceSelector": selector(&entries, &own),
            "rules": resource_rules(&all_meets(&shapes)),
            "sideEffects": "None",
            "timeoutSeconds": timeout.clamp(1, 30),
        });
        if path == "mutate"
            && let Some(webhook) = webhook.as_object_mut()
        {
            // Others' defaults may come after: what is idempotent may be asked again.
            webhook.insert("reinvocationPolicy".to_owned(), json!("IfNeeded"));
        }
        webhook
    });
    Value::Array(webhooks.collect())
}

/// Where the API server finds the webhook, and by whom it knows its certificate.
fn client(project: &Project, path: &str) -> Value {
    let webhook = &project.admission.webhook;
    let mut client = match &webhook.url {
        Some(url) => json!({ "url": format!("{}{path}", url.trim_end_matches('/')) }),
        None => {
            let (namespace, name) = service(project);
            let port = webhook.port.unwrap_or(443);
            json!({ "service": { "name": name, "namespace": namespace, "path": path, "port": port } })
        }
    };
    if let (WebhookAuthority::Pem(pem), Some(client)) = (&webhook.authority, client.as_object_mut()) {
        client.insert("caBundle".to_owned(), json!(STANDARD.encode(pem)));
    }
    client
}

/// The namespaces that the rules of a webhook are about. Its own is never among them: the webhook must not stand in its own
/// way when it starts.
fn selector(entries: &[&Entry<'_>], own: &BTreeSet<&str>) -> Value {
    let owned = || own.iter().map(|name| (*name).to_owned());
    let first = entries.first().map(|entry| entry.scope);
    if let Some(first) = first
        && entries.iter().all(|entry| entry.scope == first)
    {
        let mut scope = first.clone();
        match &mut scope.namespaces {
            Namespaces::Named(names) => {
                names.retain(|name| !own.contains(name.as_str()));
            }
            Namespaces::Selected { except, .. } => except.extend(owned()),
        }
        return namespace_selector(&scope);
    }
    let named = |name: &str| {
        entries.iter().any(|entry| matches!(&entry.scope.namespaces, Namespaces::Named(names) if names.contains(name)))
    };
    let mut all = BTreeSet::new();
    let only_named = entries.iter().all(|entry| match &entry.scope.namespaces {
        Namespaces::Named(names) => {
            all.extend(names.iter().cloned());
            true
        }
        Namespaces::Selected { .. } => false,
    });
    let namespaces = if only_named {
        all.retain(|name: &String| !own.contains(name.as_str()));
        Namespaces::Named(all)
    } else {
        let except = super::SYSTEM_NAMESPACES.iter().filter(|name| !named(name)).map(|name| (*name).to_owned());
        Namespaces::Selected { labels: kspec_model::LabelSelector::default(), except: except.chain(owned()).collect() }
    };
    namespace_selector(&Scope { namespaces, cluster: true })
}

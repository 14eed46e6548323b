//! Webhook configurations, for what CEL cannot say.

use std::collections::BTreeMap;

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

struct Entry<'t> {
    targets: &'t [Target],
    scope: &'t Scope,
    failure: FailurePolicy,
    timeout: u32,
}

/// The configurations that a table needs: none where CEL says all of it.
pub(crate) fn configurations(table: &Table, namespace: &str) -> Vec<Configuration> {
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
            let webhooks = webhooks(table, namespace, path, entries);
            Some(Configuration { kind, name: format!("{}-kspec", table.project), first: *first, webhooks })
        })
        .collect()
}

/// One webhook for each failure policy and timeout: the path says which rules it is asked about, so that no rule is asked
/// about twice.
fn webhooks(table: &Table, namespace: &str, path: &str, entries: &[(usize, Entry<'_>)]) -> Value {
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
            "clientConfig": { "service": {
                "name": WEBHOOK_SERVICE, "namespace": namespace, "path": format!("/{path}/{word}/{timeout}"), "port": 443,
            }},
            "failurePolicy": failure_word(failure),
            "matchPolicy": "Equivalent",
            "namespaceSelector": selector(&entries, namespace),
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

/// The namespaces that the rules of a webhook are about. Its own is never among them: the webhook must not stand in its own
/// way when it starts.
fn selector(entries: &[&Entry<'_>], own: &str) -> Value {
    let first = entries.first().map(|entry| entry.scope);
    if let Some(first) = first
        && entries.iter().all(|entry| entry.scope == first)
    {
        let mut scope = first.clone();
        match &mut scope.namespaces {
            Namespaces::Named(names) => {
                names.remove(own);
            }
            Namespaces::Selected { except, .. } => {
                except.insert(own.to_owned());
            }
        }
        return namespace_selector(&scope);
    }
    let named = |name: &str| {
        entries.iter().any(|entry| matches!(&entry.scope.namespaces, Namespaces::Named(names) if names.contains(name)))
    };
    let mut all = std::collections::BTreeSet::new();
    let only_named = entries.iter().all(|entry| match &entry.scope.namespaces {
        Namespaces::Named(names) => {
            all.extend(names.iter().cloned());
            true
        }
        Namespaces::Selected { .. } => false,
    });
    let namespaces = if only_named {
        all.remove(own);
        Namespaces::Named(all)
    } else {
        let except = super::SYSTEM_NAMESPACES.iter().filter(|name| !named(name)).map(|name| (*name).to_owned());
        Namespaces::Selected {
            labels: kspec_model::LabelSelector::default(),
            except: except.chain([own.to_owned()]).collect(),
        }
    };
    namespace_selector(&Scope { namespaces, cluster: true })
}

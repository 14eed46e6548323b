//! What runs the webhook, where kspec.toml names its image: nobody has to copy a manifest out of a page.

use std::collections::BTreeSet;

use kspec_model::program::Project;
use kspec_model::rules::{Engine, Namespaces, Scope, Table};
use serde_json::{Map, Value, json};

use super::table::revised;
use super::webhook::service;
use crate::Phase;

/// What each object is for.
pub(crate) const RUNS: &str = "Runs the admission webhook";

/// The label that tells the webhook's pods.
const LABEL: &str = "app.kubernetes.io/name";
/// The file of the rule table.
const FILE: &str = "bundle.json";
/// The Secret of the certificate and its key, unless told.
const TLS_SECRET: &str = "kspec-webhook-tls";

/// An object of the webhook's own.
pub(crate) struct Part<'p> {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) namespace: Option<&'p str>,
    pub(crate) name: String,
    pub(crate) phase: Phase,
    /// What stands beside its metadata.
    pub(crate) body: Map<String, Value>,
}

/// The objects that run a project's webhook; none where it is run by other means.
pub(crate) fn parts<'p>(table: &Table, project: &'p Project) -> Vec<Part<'p>> {
    let webhook = &project.admission.webhook;
    let Some(image) = &webhook.image else { return Vec::new() };
    let (namespace, name) = service(project);
    let table = decided(table);
    let rights = rights(&table);
    let inside = |api_version, kind, phase, body: Value| Part {
        api_version,
        kind,
        namespace: Some(namespace),
        name: name.to_owned(),
        phase,
        body: body.as_object().cloned().unwrap_or_default(),
    };
    let mut parts = vec![inside("v1", "ServiceAccount", Phase::Accounts, json!({}))];
    if !rights.is_empty() {
        let role = format!("{}:{name}", project.name);
        let whole = |kind, phase, body: Value| Part {
            api_version: "rbac.authorization.k8s.io/v1",
            namespace: None,
            name: role.clone(),
            ..inside("", kind, phase, body)
        };
        parts.push(whole("ClusterRole", Phase::Roles, json!({ "rules": rights })));
        parts.push(whole(
            "ClusterRoleBinding",
            Phase::Grants,
            json!({
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
                "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": namespace }],
            }),
        ));
    }
    // As the table, in one line: what a person reads are the rules.
    let text = serde_json::to_string(&table).unwrap_or_default();
    parts.push(inside("v1", "ConfigMap", Phase::Rest, json!({ "data": { FILE: text } })));
    parts.push(inside(
        "v1",
        "Service",
        Phase::Rest,
        json!({ "spec": {
            "selector": { LABEL: name },
            "ports": [{ "name": "https", "port": webhook.port.unwrap_or(443), "targetPort": 8443 }],
        }}),
    ));
    let secret = webhook.tls_secret.as_deref().unwrap_or(TLS_SECRET);
    let replicas = webhook.replicas.unwrap_or(2);
    parts.push(inside("apps/v1", "Deployment", Phase::Rest, deployment((name, image), secret, replicas)));
    if replicas > 1 {
        let spec = json!({ "minAvailable": 1, "selector": { "matchLabels": { LABEL: name } } });
        parts.push(inside("policy/v1", "PodDisruptionBudget", Phase::Rest, json!({ "spec": spec })));
    }
    parts
}

/// What the webhook loads of a table: the rest is decided by the API server. Its revision is that of the whole.
fn decided(table: &Table) -> Table {
    let mut decided = revised(table.clone());
    decided.rules.retain(|bound| bound.engine == Engine::Webhook);
    decided.mutations.retain(|bound| bound.engine == Engine::Webhook);
    decided
}

fn deployment((name, image): (&str, &str), secret: &str, replicas: u32) -> Value {
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "metrics" } });
    json!({ "spec": {
        "replicas": replicas,
        "selector": { "matchLabels": { LABEL: name } },
        "template": {
            "metadata": { "labels": { LABEL: name } },
            "spec": {
                "serviceAccountName": name,
                "terminationGracePeriodSeconds": 40,
                "containers": [{
                    "name": "webhook",
                    "image": image,
                    "args": [
                        "webhook",
                        format!("--bundle=/bundle/{FILE}"),
                        "--tls-cert=/tls/tls.crt",
                        "--tls-key=/tls/tls.key",
                        "--metrics-listen=0.0.0.0:8080",
                    ],
                    "ports": [{ "containerPort": 8443, "name": "https" }, { "containerPort": 8080, "name": "metrics" }],
                    "livenessProbe": probe("/healthz"),
                    "readinessProbe": probe("/readyz"),
                    "resources": { "requests": { "cpu": "100m", "memory": "64Mi" }, "limits": { "memory": "256Mi" } },
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "capabilities": { "drop": ["ALL"] },
                        "readOnlyRootFilesystem": true,
                        "runAsNonRoot": true,
                        "runAsUser": 65532,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "volumeMounts": [
                        { "name": "bundle", "mountPath": "/bundle", "readOnly": true },
                        { "name": "tls", "mountPath": "/tls", "readOnly": true },
                    ],
                }],
                "volumes": [
                    { "name": "bundle", "configMap": { "name": name } },
                    { "name": "tls", "secret": { "secretName": secret } },
                ],
            },
        },
    }})
}

/// What the webhook reads of the cluster: the kinds that rules look up, and namespaces where their labels are asked for.
fn rights(table: &Table) -> Vec<Value> {
    let mut kinds: BTreeSet<(&str, &str)> = BTreeSet::new();
    for bound in &table.rules {
        kinds.extend(bound.rule.lookups().into_iter().map(|lookup| (&*lookup.group, &*lookup.resource)));
    }
    for bound in &table.mutations {
        bound.mutation.walk(&mut |expr| {
            if let kspec_model::rules::Op::All(lookup) = &expr.op {
                kinds.insert((&lookup.group, &lookup.resource));
            }
        });
    }
    let by_labels =
        |scope: &Scope| matches!(&scope.namespaces, Namespaces::Selected { labels, .. } if !labels.is_empty());
    let scopes = table.rules.iter().map(|bound| &bound.scope);
    let reads = reads_namespace(table);
    if reads || scopes.chain(table.mutations.iter().map(|bound| &bound.scope)).any(by_labels) {
        kinds.insert(("", "namespaces"));
    }
    let rule = |(group, resource): (&str, &str)| json!({ "apiGroups": [group], "resources": [resource], "verbs": ["get", "list", "watch"] });
    kinds.into_iter().map(rule).collect()
}

/// Whether a rule or mutation reads the namespace's object.
fn reads_namespace(table: &Table) -> bool {
    use kspec_model::rules::{Op, Root};
    let mut found = false;
    let mut see = |expr: &kspec_model::rules::Expr| found |= matches!(expr.op, Op::Root(Root::Namespace));
    table.rules.iter().for_each(|bound| bound.rule.walk(&mut see));
    table.mutations.iter().for_each(|bound| bound.mutation.walk(&mut see));
    found
}

//! A state, imported, compiled, and planned against itself.

use std::collections::{BTreeMap, BTreeSet};

use kspec_compiler::{Compiler, Facts, parse_config};
use kspec_diagnostics::Severity;
use kspec_import::{Imported, Options};
use kspec_model::{Labels, Object, program::Date};
use kspec_plan::{Action, FieldChange, Inputs, Planned};
use kspec_schema::{KubeVersion, Schema};
use kspec_state::{HostState, State, StateObject, StateOrigin};
use serde_json::{Value, json};

pub(crate) fn state(objects: impl IntoIterator<Item = Value>) -> State {
    let objects = objects.into_iter().map(|value| StateObject::live(Object(value))).collect();
    State::new(StateOrigin::Directory("state".to_owned()), objects, HostState::default())
}

/// Imports a state, and lists everything by which planning the result against it does more than adopt.
pub(crate) fn complaints(state: &State, version: KubeVersion) -> (Imported, Vec<String>) {
    let schema = Schema::bundled(version);
    let name = kspec_import::project_of(state).unwrap_or_else(|| "imported".to_owned());
    let imported = kspec_import::import(state, &schema, &Options { name, kubernetes: version });
    let mut complaints = Vec::new();
    let config = match parse_config("kspec.toml", imported.files.get("kspec.toml").map_or("", String::as_str)) {
        Ok(config) => config,
        Err(findings) => return (imported, vec![format!("kspec.toml: {findings:?}")]),
    };
    let as_of = Date { year: 2026, month: 11, day: 21 };
    let mut compiler = Compiler::new(Facts {
        schema,
        config,
        manifests: Vec::new(),
        environment: None,
        as_of,
        library: kspec_stdlib::FILES,
        rego: std::collections::BTreeMap::new(),
        webhook_ca: None,
    });
    for (path, text) in imported.files.iter().filter(|(path, _)| path.ends_with(".kspec")) {
        if kspec_syntax::format(text).as_ref() != Ok(text) {
            complaints.push(format!("{path} is not as the formatter writes it"));
        }
        compiler.set_source(path, text.clone());
    }
    for finding in compiler.check() {
        if finding.severity == Severity::Error {
            let place = finding.labels.first().and_then(|label| compiler.sources().position(&label.place));
            complaints.push(format!("{} {} at {place:?}", finding.code, finding.message));
        }
    }
    let namespaces: BTreeMap<String, Labels> = state
        .iter()
        .filter(|(key, _)| key.kind == "Namespace")
        .map(|(key, object)| (key.name.clone(), object.object.labels()))
        .collect();
    let lowered = compiler.lower(&namespaces);
    let planned = kspec_plan::plan(&Inputs {
        program: compiler.program(),
        desired: &lowered.objects,
        host: &lowered.host.settings,
        state,
        schema: &compiler.facts().schema,
        sources: compiler.sources(),
        as_of,
    });
    complaints.extend(changes(state, &planned));
    complaints.extend(hosts(&planned, &imported));
    complaints.extend(untold(state, &planned, &imported));
    (imported, complaints)
}

/// What the plan does beyond adopting.
fn changes(state: &State, planned: &Planned) -> Vec<String> {
    let mut out = Vec::new();
    let plan = &planned.plan;
    for (change, wanted) in plan.changes.iter().zip(&planned.wanted) {
        let before = state.get(&wanted.object.key()).map(|object| &object.object);
        match (change.action, before) {
            (Action::None, _) => {}
            (Action::Adopt | Action::Update, Some(before)) if !change.replaces => {
                let same = |meaning: &dyn Fn(&Object) -> Option<Value>| {
                    meaning(before).is_some_and(|meant| Some(meant) == meaning(&wanted.object))
                };
                let (same_role, same_policy, same_subjects) = (same(&rights), same(&traffic), same(&subjects));
                for field in change.diff.iter().filter(|field| !is_ownership(field)) {
                    let below = |root: &str| field.path.starts_with(root);
                    if !(same_role && below("rules")
                        || same_policy && below("spec")
                        || same_subjects && below("subjects"))
                    {
                        out.push(format!("{} {}: {:?} -> {:?}", change.object, field.path, field.before, field.after));
                    }
                }
            }
            (action, _) => out.push(format!("{action:?} {} (replaces: {})", change.object, change.replaces)),
        }
    }
    let gone = plan.changes.iter().skip(planned.wanted.len());
    out.extend(gone.map(|change| format!("{:?} {}", change.action, change.object)));
    out.extend(plan.access.gained.iter().map(|entry| format!("access gained: {entry:?}")));
    out.extend(plan.access.lost.iter().map(|entry| format!("access lost: {entry:?}")));
    out.extend(plan.connectivity.opened.iter().map(|entry| format!("opened: {entry:?}")));
    out.extend(plan.connectivity.closed.iter().map(|entry| format!("closed: {entry:?}")));
    out.extend(plan.refusals.iter().map(|refusal| format!("refusal: {refusal:?}")));
    out
}

/// Where imported hosts are to run otherwise than they do, save for what the import says it left out.
fn hosts(planned: &Planned, imported: &Imported) -> Vec<String> {
    let told = |name: &str| imported.report.left_out.iter().any(|kept| kept.object.ends_with(&format!(" {name}")));
    // Where a file lies that a block says is kspec's.
    let placed = ["audit-policy-file", "authentication-config", "encryption-provider-config"];
    planned
        .plan
        .hosts
        .iter()
        .filter(|host| !(told(&host.name) || placed.contains(&host.name.as_str())))
        // Advice, whatever the program says.
        .filter(|host| !host.message.starts_with("off, and every cluster should have it on"))
        .map(|host| {
            format!("{:?} {}: {:?} -> {:?}: {}", host.setting, host.name, host.before, host.after, host.message)
        })
        .collect()
}

/// Objects of the kinds that kspec declares and that neither the program nor the report names.
fn untold(state: &State, planned: &Planned, imported: &Imported) -> Vec<String> {
    let wanted: BTreeSet<_> = planned.wanted.iter().map(|wanted| wanted.object.key()).collect();
    let declared = [
        "ClusterRole",
        "ClusterRoleBinding",
        "LimitRange",
        "Namespace",
        "NetworkPolicy",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "ServiceAccount",
    ];
    state
        .iter()
        .filter(|(key, object)| {
            declared.contains(&key.kind.as_str()) && !wanted.contains(key) && !is_plain_default(&object.object)
        })
        .map(|(key, _)| match &key.namespace {
            Some(namespace) => format!("{} {namespace}/{}", key.kind, key.name),
            None => format!("{} {}", key.kind, key.name),
        })
        .filter(|name| !imported.report.left_out.iter().any(|kept| kept.object == *name))
        .map(|name| format!("{name} is neither declared nor reported"))
        .collect()
}

/// The service account that every namespace has, where nothing is said of it.
fn is_plain_default(object: &Object) -> bool {
    object.kind() == "ServiceAccount"
        && object.name() == "default"
        && ["automountServiceAccountToken", "imagePullSecrets"].iter().all(|field| object.0.get(*field).is_none())
}

/// Labels and annotations that say whose an object is, and why.
fn is_ownership(field: &FieldChange) -> bool {
    ["metadata.labels", "metadata.annotations"].iter().any(|map| {
        field.path.strip_prefix(map).is_some_and(|key| {
            let ours = |key: &str| {
                key.starts_with("kspec.dev/")
                    || key.starts_with("applyset.kubernetes.io/")
                    || key == "app.kubernetes.io/managed-by"
            };
            let whole =
                || field.after.as_ref().and_then(Value::as_object).is_some_and(|map| map.keys().all(|key| ours(key)));
            if key.is_empty() {
                field.before.is_none() && whole()
            } else {
                ours(key.trim_matches(['[', ']', '"', '.']))
            }
        })
    })
}

/// What a role allows, each right once: group, resource and name, or path, with a verb. Nothing for an aggregated role, whose
/// rules a controller writes.
fn rights(object: &Object) -> Option<Value> {
    if object.group() != "rbac.authorization.k8s.io" || !matches!(object.kind(), "Role" | "ClusterRole") {
        return None;
    }
    let mut rights = BTreeSet::new();
    for rule in object.0.get("rules").and_then(Value::as_array).into_iter().flatten() {
        let list = |field: &str| -> Vec<String> {
            rule.get(field)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|item| Some(item.as_str()?.to_owned()))
                .collect()
        };
        let names = match list("resourceNames") {
            names if names.is_empty() => vec!["*any*".to_owned()],
            names => names,
        };
        for verb in list("verbs") {
            for url in list("nonResourceURLs") {
                rights.insert(["url".to_owned(), url, String::new(), verb.clone()]);
            }
            for group in list("apiGroups") {
                for resource in list("resources") {
                    for name in &names {
                        rights.insert([group.clone(), resource.clone(), name.clone(), verb.clone()]);
                    }
                }
            }
        }
    }
    Some(json!(rights))
}

/// Whom a binding names, each once.
fn subjects(object: &Object) -> Option<Value> {
    let subjects = object.0.get("subjects")?.as_array()?;
    Some(json!(subjects.iter().map(Value::to_string).collect::<BTreeSet<_>>()))
}

/// What a network policy allows, whatever the order of peers, ports and rules, defaults filled in.
fn traffic(object: &Object) -> Option<Value> {
    if object.kind() != "NetworkPolicy" {
        return None;
    }
    let spec = object.0.get("spec")?;
    let set = |value: Option<&Value>, settle: &dyn Fn(&Value) -> Value| -> BTreeSet<String> {
        value.and_then(Value::as_array).into_iter().flatten().map(|item| settle(item).to_string()).collect()
    };
    let own = json!({ "matchLabels": { "kubernetes.io/metadata.name": object.namespace() } });
    // The policy's own namespace, named, is what a peer without one says.
    let peer = |peer: &Value| {
        let mut peer = settled(peer);
        if peer.get("namespaceSelector") == Some(&own)
            && let Some(fields) = peer.as_object_mut()
        {
            fields.remove("namespaceSelector");
            fields.entry("podSelector").or_insert(json!({}));
        }
        peer
    };
    let rules = |direction: &str, far: &str| {
        set(spec.get(direction), &|rule| {
            let ports = set(rule.get("ports"), &|port| {
                let mut port = port.clone();
                if let Some(fields) = port.as_object_mut() {
                    fields.entry("protocol").or_insert(json!("TCP"));
                }
                if port.get("endPort") == port.get("port") {
                    port.as_object_mut().map(|port| port.remove("endPort"));
                }
                port
            });
            json!({ "peers": set(rule.get(far), &peer), "ports": ports })
        })
    };
    let types = spec.get("policyTypes").and_then(Value::as_array).filter(|types| !types.is_empty()).cloned();
    let types = types.unwrap_or_else(|| {
        if spec.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty()) {
            vec![json!("Ingress"), json!("Egress")]
        } else {
            vec![json!("Ingress")]
        }
    });
    let types = set(Some(&Value::Array(types)), &Value::clone);
    let on = |name: &str, rules: BTreeSet<String>| types.contains(&json!(name).to_string()).then_some(rules);
    Some(json!({
        "pods": spec.get("podSelector").map(settled),
        "ingress": on("Ingress", rules("ingress", "from")),
        "egress": on("Egress", rules("egress", "to")),
    }))
}

/// A selector or a peer in one spelling: empty parts left out, lists sorted.
fn settled(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let by_namespace = fields.contains_key("namespaceSelector");
            let says = |name: &str, value: &Value| match name {
                "matchLabels" | "matchExpressions" | "except" => value.as_object().is_none_or(|map| !map.is_empty()),
                "podSelector" => !by_namespace || *value != json!({}),
                _ => true,
            };
            let fields = fields.iter().map(|(name, value)| (name.clone(), settled(value)));
            Value::Object(fields.filter(|(name, value)| says(name, value)).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(settled).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        other => other.clone(),
    }
}

/// Panics with the program and everything that is wrong with it.
pub(crate) fn assert_adopts(state: &State, version: KubeVersion) -> Imported {
    let (imported, complaints) = complaints(state, version);
    let files: Vec<String> = imported.files.iter().map(|(path, text)| format!("--- {path}\n{text}")).collect();
    let all = files.join("\n");
    let shown = if all.len() > 20_000 { "" } else { all.as_str() };
    assert!(complaints.is_empty(), "{shown}\n{}", complaints.join("\n"));
    imported
}

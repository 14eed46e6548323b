//! What is really deployed: the controllers and services of the project's manifests, to bind workloads from.

use std::{collections::BTreeMap, sync::Arc};

use kspec_model::{
    LabelSelector, Labels,
    program::{PortSpec, Protocol},
};
use serde_json::Value;

/// One document of a manifest file.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestDoc {
    /// The object; lists are already unwrapped.
    pub value: Value,
    /// Path as findings name it.
    pub file: Arc<str>,
    /// Line it begins at, from 1.
    pub line: u32,
}

/// Kinds that stamp pods, by the word a program uses for them, with the path of their pod template.
pub const CONTROLLERS: &[(&str, &str, &str)] = &[
    ("deployment", "Deployment", "/spec/template"),
    ("stateful_set", "StatefulSet", "/spec/template"),
    ("daemon_set", "DaemonSet", "/spec/template"),
    ("replica_set", "ReplicaSet", "/spec/template"),
    ("replication_controller", "ReplicationController", "/spec/template"),
    ("job", "Job", "/spec/template"),
    ("cron_job", "CronJob", "/spec/jobTemplate/spec/template"),
    ("pod", "Pod", ""),
];

/// A controller of the manifests.
#[derive(Debug, Clone, PartialEq)]
pub struct Controller {
    /// Kubernetes kind.
    pub kind: &'static str,
    /// Namespace where the manifest states one.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Labels of its pods.
    pub pod_labels: Labels,
    /// Its own selector; a Job's or CronJob's pods are selected by their labels.
    pub selector: LabelSelector,
    /// Named container ports.
    pub ports: BTreeMap<String, Vec<PortSpec>>,
    /// Every container port.
    pub numbers: Vec<PortSpec>,
    /// Service account, where stated.
    pub service_account: Option<String>,
    /// File.
    pub file: Arc<str>,
    /// Line.
    pub line: u32,
}

/// The controllers of a project's manifests, in the order given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManifestIndex {
    controllers: Vec<Controller>,
    by_name: BTreeMap<String, Vec<usize>>,
}

impl ManifestIndex {
    /// Reads controllers; other kinds and malformed ones are left out (the state reader reports them).
    #[must_use]
    pub fn new(docs: &[ManifestDoc]) -> Self {
        let controllers: Vec<Controller> = docs.iter().filter_map(controller).collect();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, controller) in controllers.iter().enumerate() {
            by_name.entry(controller.name.clone()).or_default().push(index);
        }
        Self { controllers, by_name }
    }

    /// Whether there is anything to bind from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.controllers.is_empty()
    }

    /// The controllers that may live in a namespace: those that state it and those that state none.
    pub fn in_namespace<'a, 'n>(&'a self, namespace: &'n str) -> impl Iterator<Item = &'a Controller> + use<'a, 'n> {
        self.controllers.iter().filter(move |controller| controller.lives_in(namespace))
    }

    /// A controller by kind and name; one that states the namespace comes before one that states none.
    #[must_use]
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Controller> {
        self.by_name
            .get(name)?
            .iter()
            .filter_map(|index| self.controllers.get(*index))
            .filter(|controller| controller.kind == kind && controller.lives_in(namespace))
            .max_by_key(|controller| controller.namespace.is_some())
    }
}

impl Controller {
    fn lives_in(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|own| own == namespace)
    }
}

fn controller(doc: &ManifestDoc) -> Option<Controller> {
    let value = &doc.value;
    let kind = value.get("kind")?.as_str()?;
    let (_, kind, template) = CONTROLLERS.iter().find(|(_, known, _)| *known == kind)?;
    let template = if template.is_empty() { value } else { value.pointer(template)? };
    let pod_labels: Labels = string_map(template.pointer("/metadata/labels"));
    let selector = value
        .pointer("/spec/selector")
        .filter(|_| !matches!(*kind, "Job" | "CronJob" | "Pod"))
        .and_then(|selector| match *kind {
            "ReplicationController" => Some(LabelSelector::labels(string_map(Some(selector)))),
            _ => serde_json::from_value(selector.clone()).ok(),
        })
        .unwrap_or_else(|| LabelSelector::labels(pod_labels.clone()));
    let mut ports: BTreeMap<String, Vec<PortSpec>> = BTreeMap::new();
    let mut numbers = Vec::new();
    for list in ["containers", "initContainers"] {
        let containers = template.pointer("/spec").and_then(|spec| spec.get(list)).and_then(Value::as_array);
        for port in
            containers.into_iter().flatten().filter_map(|container| container.get("ports")?.as_array()).flatten()
        {
            let Some(number) = port.get("containerPort").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok())
            else {
                continue;
            };
            let protocol =
                port.get("protocol").and_then(Value::as_str).and_then(Protocol::parse).unwrap_or(Protocol::Tcp);
            let spec = PortSpec { first: number, last: number, protocol };
            numbers.push(spec);
            if let Some(name) = port.get("name").and_then(Value::as_str) {
                ports.entry(name.to_owned()).or_default().push(spec);
            }
        }
    }
    Some(Controller {
        kind,
        namespace: value.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned),
        name: value.pointer("/metadata/name")?.as_str()?.to_owned(),
        pod_labels,
        selector,
        ports,
        numbers,
        service_account: template.pointer("/spec/serviceAccountName").and_then(Value::as_str).map(str::to_owned),
        file: Arc::clone(&doc.file),
        line: doc.line,
    })
}

fn string_map(value: Option<&Value>) -> Labels {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

//! Which requests a rule or mutation is asked about: the kinds that it names, and for one on Pod the ways in which a pod
//! comes about.

use std::collections::BTreeSet;
use std::sync::Arc;

use kspec_diagnostics::{Finding, codes};
use kspec_model::rules::{Operation, Target};
use kspec_syntax::tree::Name;
use kspec_types::OnKind;

use super::Elab;

/// What a rule on Pod does about what stamps pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workloads {
    /// Nothing.
    Off,
    /// A violation warns there, and is refused at the pod.
    Warn,
    /// A violation is refused there too.
    Enforce,
}

/// What stamps pods: group, version, kind, resource, and the path to the template.
pub(super) const STAMPING: [(&str, &str, &str, &str, &[&str]); 7] = [
    ("apps", "v1", "Deployment", "deployments", &["spec", "template"]),
    ("apps", "v1", "StatefulSet", "statefulsets", &["spec", "template"]),
    ("apps", "v1", "DaemonSet", "daemonsets", &["spec", "template"]),
    ("apps", "v1", "ReplicaSet", "replicasets", &["spec", "template"]),
    ("", "v1", "ReplicationController", "replicationcontrollers", &["spec", "template"]),
    ("batch", "v1", "Job", "jobs", &["spec", "template"]),
    ("batch", "v1", "CronJob", "cronjobs", &["spec", "jobTemplate", "spec", "template"]),
];

/// Subresources whose requests say something other than an update.
const SUBRESOURCES: [(&str, Operation); 7] = [
    ("exec", Operation::Connect),
    ("attach", Operation::Connect),
    ("portforward", Operation::Connect),
    ("proxy", Operation::Connect),
    ("binding", Operation::Create),
    ("eviction", Operation::Create),
    ("token", Operation::Create),
];

/// Words of `verbs`.
const OPERATIONS: [(&str, Operation); 4] = [
    ("create", Operation::Create),
    ("update", Operation::Update),
    ("delete", Operation::Delete),
    ("connect", Operation::Connect),
];

/// Whether this is the pod itself, whose rules reach further.
pub(super) fn is_pod(kind: &OnKind) -> bool {
    kind.group.is_empty() && &*kind.resource == "pods" && kind.subresource.is_none()
}

/// The targets that a rule on Pod has beside pods. `named` are the kinds that it names itself.
pub(super) fn beside_pods(
    operations: &BTreeSet<Operation>,
    workloads: Workloads,
    named: &[OnKind],
    body: usize,
) -> Vec<Target> {
    let mut targets = Vec::new();
    let is_named = |resource: &str, subresource: Option<&str>| {
        named.iter().any(|kind| &*kind.resource == resource && kind.subresource.as_deref() == subresource)
    };
    if operations.contains(&Operation::Update) {
        for subresource in ["ephemeralcontainers", "resize"] {
            if is_named("pods", Some(subresource)) {
                continue;
            }
            targets.push(Target {
                group: String::new(),
                version: "v1".to_owned(),
                resource: "pods".to_owned(),
                subresource: Some(subresource.to_owned()),
                kind: "Pod".to_owned(),
                namespaced: true,
                operations: BTreeSet::from([Operation::Update]),
                template: Vec::new(),
                advisory: false,
                applies: None,
                body,
            });
        }
    }
    if workloads != Workloads::Off {
        targets.extend(stamping(operations, workloads == Workloads::Warn, named, body));
    }
    targets
}

/// The kinds that stamp pods, but for those that are named.
pub(super) fn stamping(operations: &BTreeSet<Operation>, advisory: bool, named: &[OnKind], body: usize) -> Vec<Target> {
    let operations: BTreeSet<Operation> =
        operations.iter().copied().filter(|op| matches!(op, Operation::Create | Operation::Update)).collect();
    if operations.is_empty() {
        return Vec::new();
    }
    let is_named = |resource: &str| named.iter().any(|kind| &*kind.resource == resource && kind.subresource.is_none());
    STAMPING
        .into_iter()
        .filter(|(_, _, _, resource, _)| !is_named(resource))
        .map(|(group, version, kind, resource, template)| Target {
            group: group.to_owned(),
            version: version.to_owned(),
            resource: resource.to_owned(),
            subresource: None,
            kind: kind.to_owned(),
            namespaced: true,
            operations: operations.clone(),
            template: template.iter().map(|name| Arc::from(*name)).collect(),
            advisory,
            applies: None,
            body,
        })
        .collect()
}

impl Elab<'_, '_> {
    /// `verbs create, delete`; reports what is none.
    pub(super) fn operations(&self, names: &[Name]) -> Option<BTreeSet<Operation>> {
        let mut operations = BTreeSet::new();
        let mut complete = true;
        for name in names {
            match OPERATIONS.iter().find(|(word, _)| *word == &*name.text) {
                Some((_, operation)) => {
                    operations.insert(*operation);
                }
                None => {
                    complete = false;
                    let message = format!("no rule is asked about the verb `{}`", name.text);
                    let finding = Finding::new(codes::UNKNOWN_VERB, message, self.at(name.span));
                    let finding = match kspec_schema::closest(&name.text, OPERATIONS.iter().map(|(word, _)| *word)) {
                        Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                            format!("write `{close}`"),
                            self.at(name.span),
                            close,
                        ),
                        None => finding
                            .because("admission sees what changes something")
                            .help("there is `create`, `update`, `delete` and `connect`"),
                    };
                    self.report(finding);
                }
            }
        }
        complete.then_some(operations)
    }
}

/// The operations of a kind where none are given.
pub(super) fn default_operations(kind: &OnKind) -> BTreeSet<Operation> {
    match &kind.subresource {
        None => BTreeSet::from([Operation::Create, Operation::Update]),
        Some(name) => BTreeSet::from([usual_operation(name)]),
    }
}

/// What a subresource is asked for.
pub(super) fn usual_operation(subresource: &str) -> Operation {
    let known = SUBRESOURCES.iter().find(|(known, _)| *known == subresource);
    known.map_or(Operation::Update, |(_, operation)| *operation)
}

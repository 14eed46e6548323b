//! Identifiers for what the state names, each once in the whole project.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::{Labels, Object};
use kspec_schema::Schema;
use kspec_state::State;
use serde_json::Value;

use crate::text::is_identifier;

/// A declared name: its identifier, and the module that declares it. Built-in roles have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) ident: String,
    pub(crate) module: Option<String>,
}

/// A controller that policies may name.
#[derive(Debug, Clone)]
pub(crate) struct Controller {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// What it selects, by exact labels.
    pub(crate) labels: Labels,
}

type Key = (String, String);

/// The names of an import.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
    namespaces: BTreeMap<String, Known>,
    accounts: BTreeMap<Key, Known>,
    roles: BTreeMap<(Option<String>, String), Known>,
    users: BTreeMap<String, Known>,
    groups: BTreeMap<String, Known>,
    workloads: BTreeMap<Key, Known>,
    pub(crate) controllers: Vec<Controller>,
    /// Names of namespaces, accounts and roles that others refer to and the state does not hold.
    pub(crate) missing_namespaces: BTreeSet<String>,
    pub(crate) missing_accounts: BTreeSet<Key>,
    pub(crate) missing_roles: BTreeSet<(Option<String>, String)>,
}

// Modules `use` each other in one direction: namespaces, then accounts and workloads, then everything that names them.

/// The module of namespaces with their quotas and limits.
pub(crate) const NAMESPACES: &str = "namespaces";
/// The module of service accounts.
pub(crate) const ACCOUNTS: &str = "accounts";
/// The module of workloads.
pub(crate) const WORKLOADS: &str = "workloads";
/// The module of what belongs to no namespace.
pub(crate) const CLUSTER: &str = "cluster";

/// Words of the language and names that stand for something everywhere.
const RESERVED: &[&str] = &[
    "all",
    "any",
    "dns",
    "internet",
    "cidr",
    "user",
    "group",
    "true",
    "false",
    "in",
    "to",
    "from",
    "for",
    "if",
    "then",
    "else",
    "where",
    "on",
    "named",
    "with",
    "as",
    "cluster",
    "namespaces",
    "pods",
    "labels",
    "std",
    "use",
    "let",
    "fn",
    "template",
    "param",
    "existing",
    "namespace",
    "workload",
    "service_account",
    "role",
    "grant",
    "network",
    "manifest",
    "encryption",
    "audit",
    "authentication",
    "apiserver",
    "moved",
    "accept",
    "enforce",
    "warn",
    "exempt",
    "rule",
    "mutation",
    "never",
    "always",
    "protect",
    "runtime",
    "test",
    "break_glass",
    "policy",
    "allow",
    "deny",
    "default",
    "quota",
    "limits",
    "url",
    "except",
    "ingress",
    "egress",
];

impl Names {
    pub(crate) fn of(state: &State, schema: &Schema) -> Self {
        let mut names = Self::default();
        let objects: Vec<&Object> = state.objects.iter().map(|object| &object.object).collect();
        let of = |group: &'static str, kind: &'static str| {
            objects.iter().copied().filter(move |object| object.group() == group && object.kind() == kind)
        };
        const RBAC: &str = "rbac.authorization.k8s.io";
        for object in of("", "Namespace") {
            names.add_namespace(object.name());
        }
        // A namespace that only others' metadata names exists all the same.
        for kind in [
            ("", "ServiceAccount"),
            ("", "ResourceQuota"),
            ("", "LimitRange"),
            (RBAC, "Role"),
            (RBAC, "RoleBinding"),
            ("networking.k8s.io", "NetworkPolicy"),
        ] {
            for object in of(kind.0, kind.1) {
                names.want_namespace(object.namespace().unwrap_or("default"));
            }
        }
        for namespace in crate::host::audited_namespaces(&state.host.files) {
            names.want_namespace(&namespace);
        }
        for object in of("", "ServiceAccount") {
            let namespace = object.namespace().unwrap_or("default").to_owned();
            names.add_account(&namespace, object.name());
        }
        for object in of(RBAC, "ClusterRole") {
            let ident = names.ident(object.name(), "role");
            names.roles.insert((None, object.name().to_owned()), Known { ident, module: Some(CLUSTER.to_owned()) });
        }
        for object in of(RBAC, "Role") {
            let namespace = object.namespace().unwrap_or("default").to_owned();
            let ident = names.ident(object.name(), &namespace);
            let module = names.module_of(&namespace);
            names.roles.insert((Some(namespace), object.name().to_owned()), Known { ident, module: Some(module) });
        }
        for object in of(RBAC, "ClusterRoleBinding").chain(of(RBAC, "RoleBinding")) {
            names.binding(object, schema);
        }
        for object in &objects {
            names.controller(object);
        }
        names
    }

    fn binding(&mut self, object: &Object, schema: &Schema) {
        let name = object.str_at("/roleRef/name").to_owned();
        let namespace =
            (object.str_at("/roleRef/kind") == "Role").then(|| object.namespace().unwrap_or("default").to_owned());
        let key = (namespace, name);
        if !self.roles.contains_key(&key) {
            let built_in = key.0.is_none()
                && schema.default_rbac().iter().any(|role| {
                    role.get("kind").and_then(Value::as_str) == Some("ClusterRole")
                        && role.pointer("/metadata/name").and_then(Value::as_str) == Some(key.1.as_str())
                });
            let ident = key.1.replace(['-', ':'], "_");
            if built_in && is_identifier(&ident) && self.taken.insert(ident.clone()) {
                self.roles.insert(key, Known { ident, module: None });
            } else {
                let near = key.0.clone().unwrap_or_else(|| "role".to_owned());
                let ident = self.ident(&key.1, &near);
                let module = key.0.as_ref().map_or_else(|| CLUSTER.to_owned(), |namespace| self.module_of(namespace));
                self.missing_roles.insert(key.clone());
                self.roles.insert(key, Known { ident, module: Some(module) });
            }
        }
        for subject in object.0.get("subjects").and_then(Value::as_array).into_iter().flatten() {
            let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let name = text("name");
            match text("kind").as_str() {
                "User" if !self.users.contains_key(&name) => {
                    let ident = self.ident(&name, "user");
                    self.users.insert(name, Known { ident, module: Some("principals".to_owned()) });
                }
                "Group" if !self.groups.contains_key(&name) => {
                    let ident = self.ident(&name, "group");
                    self.groups.insert(name, Known { ident, module: Some("principals".to_owned()) });
                }
                "ServiceAccount" => {
                    let namespace = subject
                        .get("namespace")
                        .and_then(Value::as_str)
                        .or(object.namespace())
                        .unwrap_or("default")
                        .to_owned();
                    if !self.accounts.contains_key(&(namespace.clone(), name.clone())) {
                        self.want_namespace(&namespace);
                        self.missing_accounts.insert((namespace.clone(), name.clone()));
                        self.add_account(&namespace, &name);
                    }
                }
                _ => {}
            }
        }
    }

    fn controller(&mut self, object: &Object) {
        let kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"];
        let owned = object
            .0
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .is_some_and(|owners| !owners.is_empty());
        if owned || !kinds.contains(&object.kind()) {
            return;
        }
        let pointer =
            if object.kind() == "ReplicationController" { "/spec/selector" } else { "/spec/selector/matchLabels" };
        let by_expression = object
            .0
            .pointer("/spec/selector/matchExpressions")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
        let labels: Labels = object
            .0
            .pointer(pointer)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        if labels.is_empty() || by_expression {
            return;
        }
        self.controllers.push(Controller {
            namespace: object.namespace().unwrap_or("default").to_owned(),
            name: object.name().to_owned(),
            labels,
        });
    }

    /// The workload that exactly these labels select; named on first use.
    pub(crate) fn workload(&mut self, namespace: &str, labels: &Labels) -> Option<(Known, Controller, bool)> {
        let mut matching =
            self.controllers.iter().filter(|known| known.namespace == namespace && known.labels == *labels);
        let controller = matching.next()?.clone();
        // Two controllers of one selector: neither name would be right.
        if matching.next().is_some() {
            return None;
        }
        let key = (namespace.to_owned(), controller.name.clone());
        if let Some(known) = self.workloads.get(&key) {
            return Some((known.clone(), controller, false));
        }
        let ident = self.ident(&controller.name, namespace);
        let known = Known { ident, module: Some(WORKLOADS.to_owned()) };
        self.workloads.insert(key, known.clone());
        Some((known, controller, true))
    }

    fn add_namespace(&mut self, name: &str) {
        let ident = self.ident(name, "namespace");
        self.namespaces.insert(name.to_owned(), Known { ident, module: Some(NAMESPACES.to_owned()) });
    }

    fn want_namespace(&mut self, name: &str) {
        if !self.namespaces.contains_key(name) {
            self.missing_namespaces.insert(name.to_owned());
            self.add_namespace(name);
        }
    }

    fn add_account(&mut self, namespace: &str, name: &str) {
        let ident = self.ident(&format!("{name}-sa"), namespace);
        let known = Known { ident, module: Some(ACCOUNTS.to_owned()) };
        self.accounts.insert((namespace.to_owned(), name.to_owned()), known);
    }

    /// The module of what a namespace's own file says: roles, grants, networks.
    pub(crate) fn module_of(&self, namespace: &str) -> String {
        self.namespaces.get(namespace).map_or_else(|| CLUSTER.to_owned(), |known| format!("ns_{}", known.ident))
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&Known> {
        self.namespaces.get(name)
    }

    /// A namespace that the state holds, or the one that every cluster has.
    pub(crate) fn first_namespace(&self) -> &str {
        self.namespaces.keys().find(|name| !self.missing_namespaces.contains(*name)).map_or("default", String::as_str)
    }

    pub(crate) fn all_namespaces(&self) -> Vec<(String, Known)> {
        self.namespaces.iter().map(|(name, known)| (name.clone(), known.clone())).collect()
    }

    pub(crate) fn account(&self, namespace: &str, name: &str) -> Option<&Known> {
        self.accounts.get(&(namespace.to_owned(), name.to_owned()))
    }

    pub(crate) fn role(&self, namespace: Option<&str>, name: &str) -> Option<&Known> {
        self.roles.get(&(namespace.map(str::to_owned), name.to_owned()))
    }

    pub(crate) fn user(&self, name: &str) -> Option<&Known> {
        self.users.get(name)
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Known> {
        self.groups.get(name)
    }

    pub(crate) fn principals(&self) -> Vec<(bool, String, String)> {
        let users = self.users.iter().map(|(name, known)| (false, name.clone(), known.ident.clone()));
        let groups = self.groups.iter().map(|(name, known)| (true, name.clone(), known.ident.clone()));
        users.chain(groups).collect()
    }

    /// An identifier of its own for a Kubernetes name: `_` for what no identifier holds, then `near`, then a number.
    pub(crate) fn ident(&mut self, name: &str, near: &str) -> String {
        let plain = |text: &str| -> String {
            text.chars()
                .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' })
                .collect()
        };
        let mut base = plain(name);
        if !base.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            base.insert_str(0, "n_");
        }
        // Made one by one: nearly always the first is free.
        let found = [base.clone(), format!("{base}_{}", plain(near))]
            .into_iter()
            .chain((2_u32..).map(|number| format!("{base}_{number}")))
            .find(|candidate| !RESERVED.contains(&candidate.as_str()) && !self.taken.contains(candidate));
        let ident = found.unwrap_or(base);
        self.taken.insert(ident.clone());
        ident
    }
}

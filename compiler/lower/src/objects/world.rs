//! What every part of lowering looks things up in.

use std::collections::BTreeMap;

use kspec_model::{
    LabelSelector, Labels,
    program::{Date, GrantScope, Namespace, NetworkScope, PodSecurityMode, Program, Workload},
};

use crate::inventory::{Inventory, inventory};

/// The label that Kubernetes itself puts on every namespace.
pub(super) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The program, with its namespaces and workloads by name.
pub(super) struct World<'a> {
    pub(super) program: &'a Program,
    pub(super) inventory: Inventory,
    pub(super) as_of: Date,
    /// The program's and the state's namespaces.
    pub(super) namespaces: BTreeMap<String, Labels>,
    workloads: BTreeMap<(&'a str, &'a str), &'a Workload>,
}

impl<'a> World<'a> {
    pub(super) fn new(program: &'a Program, state_namespaces: &BTreeMap<String, Labels>, as_of: Date) -> Self {
        let workloads = program
            .workloads
            .iter()
            .map(|workload| ((workload.namespace.as_str(), workload.name.as_str()), workload))
            .collect();
        Self {
            program,
            inventory: inventory(&program.project),
            as_of,
            namespaces: known_namespaces(program, state_namespaces),
            workloads,
        }
    }

    pub(super) fn workload(&self, namespace: &str, name: &str) -> Option<&'a Workload> {
        self.workloads.get(&(namespace, name)).copied()
    }

    /// The namespaces of a network's scope, ordered, each once.
    pub(super) fn network_scope<'w>(&'w self, scope: &'w NetworkScope) -> Vec<&'w str> {
        match scope {
            NetworkScope::Namespaces(names) => ordered(names),
            NetworkScope::Where(selector) => self.matching(selector),
        }
    }

    /// The namespaces of a grant's scope, ordered, each once; `None` for the cluster.
    pub(super) fn grant_scope<'w>(&'w self, scope: &'w GrantScope) -> Option<Vec<&'w str>> {
        match scope {
            GrantScope::Cluster => None,
            GrantScope::Namespaces(names) => Some(ordered(names)),
            GrantScope::Where(selector) => Some(self.matching(selector)),
        }
    }

    pub(super) fn matching(&self, selector: &LabelSelector) -> Vec<&str> {
        self.namespaces.iter().filter(|(_, labels)| selector.matches(labels)).map(|(name, _)| name.as_str()).collect()
    }
}

fn ordered(names: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The namespaces that dynamic scopes range over: the program's and the state's, with the labels they have once the
/// program is applied. A label that others set stays; of an `existing` namespace the state knows best.
#[must_use]
pub fn known_namespaces(program: &Program, state: &BTreeMap<String, Labels>) -> BTreeMap<String, Labels> {
    let mut all = state.clone();
    for namespace in &program.namespaces {
        let declared = labels(namespace);
        let known = all.entry(namespace.name.clone()).or_default();
        if namespace.existing {
            for (key, value) in declared {
                known.entry(key).or_insert(value);
            }
        } else {
            known.extend(declared);
        }
    }
    for (name, labels) in &mut all {
        labels.insert(NAMESPACE_NAME.to_owned(), name.clone());
    }
    all
}

/// A namespace's labels, those of Pod Security included.
pub(super) fn labels(namespace: &Namespace) -> Labels {
    let mut labels = namespace.labels.clone();
    if let Some(security) = &namespace.pod_security {
        let modes = [("enforce", &security.enforce), ("warn", &security.warn), ("audit", &security.audit)];
        for (mode, setting) in modes {
            let Some(PodSecurityMode { level, version }) = setting else { continue };
            labels.insert(format!("pod-security.kubernetes.io/{mode}"), level.as_str().to_owned());
            if let Some(version) = version {
                labels.insert(format!("pod-security.kubernetes.io/{mode}-version"), version.clone());
            }
        }
    }
    labels
}

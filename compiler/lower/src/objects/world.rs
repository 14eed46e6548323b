//! What every part of lowering looks things up in.

use std::{cell::OnceCell, collections::BTreeMap};

use kspec_model::{
    LabelSelector, Labels,
    program::{Date, GrantScope, Namespace, NetworkScope, PodSecurityMode, View, Workload},
};
use rustc_hash::FxHashMap;

use crate::admission::Sourced;
use crate::inventory::{Inventory, inventory};

/// The label that Kubernetes itself puts on every namespace.
pub(super) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The program, with its namespaces and workloads by name.
pub(super) struct World<'a> {
    pub(super) program: &'a View<'a>,
    pub(super) as_of: Date,
    /// The rule table, where it is known already.
    pub(super) sourced: Option<&'a Sourced<'a>>,
    /// Policies are made without their expressions, and what no selector is about without labels.
    pub(super) heads: bool,
    state_namespaces: &'a BTreeMap<String, Labels>,
    /// The program's and the state's namespaces: known once something ranges over them.
    namespaces: OnceCell<BTreeMap<&'a str, Labels>>,
    /// Known once an object is built.
    inventory: OnceCell<Inventory>,
    workloads: FxHashMap<(&'a str, &'a str), &'a Workload>,
}

impl<'a> World<'a> {
    pub(super) fn new(program: &'a View<'a>, state_namespaces: &'a BTreeMap<String, Labels>, as_of: Date) -> Self {
        let workloads = program
            .workloads
            .iter()
            .map(|workload| ((workload.namespace.as_str(), workload.name.as_str()), *workload))
            .collect();
        Self {
            program,
            as_of,
            sourced: None,
            heads: false,
            state_namespaces,
            namespaces: OnceCell::new(),
            inventory: OnceCell::new(),
            workloads,
        }
    }

    pub(super) fn inventory(&self) -> &Inventory {
        self.inventory.get_or_init(|| inventory(self.program.project))
    }

    pub(super) fn workload(&self, namespace: &str, name: &str) -> Option<&'a Workload> {
        self.workloads.get(&(namespace, name)).copied()
    }

    /// The namespaces of a network's scope, ordered, each once.
    pub(super) fn network_scope(&self, scope: &'a NetworkScope) -> Vec<&'a str> {
        match scope {
            NetworkScope::Namespaces(names) => ordered(names),
            NetworkScope::Where(selector) => self.matching(selector),
        }
    }

    /// The namespaces of a grant's scope, ordered, each once; `None` for the cluster.
    pub(super) fn grant_scope(&self, scope: &'a GrantScope) -> Option<Vec<&'a str>> {
        match scope {
            GrantScope::Cluster => None,
            GrantScope::Namespaces(names) => Some(ordered(names)),
            GrantScope::Where(selector) => Some(self.matching(selector)),
        }
    }

    pub(super) fn matching(&self, selector: &LabelSelector) -> Vec<&'a str> {
        let known = self.namespaces.get_or_init(|| known_namespaces(self.program, self.state_namespaces));
        known.iter().filter(|(_, labels)| selector.matches(labels)).map(|(name, _)| *name).collect()
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
pub fn known_namespaces<'a>(program: &View<'a>, state: &'a BTreeMap<String, Labels>) -> BTreeMap<&'a str, Labels> {
    let mut all: BTreeMap<&str, Labels> = state.iter().map(|(name, labels)| (name.as_str(), labels.clone())).collect();
    for namespace in &program.namespaces {
        let declared = labels(namespace);
        let known = all.entry(&namespace.name).or_default();
        if namespace.existing {
            for (key, value) in declared {
                known.entry(key).or_insert(value);
            }
        } else {
            known.extend(declared);
        }
    }
    for (name, labels) in &mut all {
        labels.insert(NAMESPACE_NAME.to_owned(), (*name).to_owned());
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

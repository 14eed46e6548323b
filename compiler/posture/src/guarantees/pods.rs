//! Pods that are not there: of workloads that no manifest gives, and of peers that nothing matches.
//!
//! A program may speak of a workload by its labels alone, and a promise about it must not hold for want of a pod. Such a workload
//! is taken as pods with exactly its labels and ports: one stands for all of them, and is told apart from another of its kind.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use kspec_model::{
    LabelSelector, Labels, ObjectKey,
    cluster::{Cluster, ContainerPort, WorkloadFacts},
    program::{Claim, NetworkScope, Peer, View, Workload},
};

use super::{
    coming::{self, Coming},
    labels,
};

/// A cluster with pods that are not there.
pub(super) struct Peopled<'c> {
    pub(super) cluster: Cow<'c, Cluster>,
    /// Pods that are there for peers of guarantees alone, and which: they count for no other, so that no verdict depends on what else
    /// is promised.
    pub(super) only_for: BTreeMap<ObjectKey, BTreeSet<&'c Peer>>,
    /// Every pod that is not there.
    pub(super) stand_ins: BTreeSet<ObjectKey>,
}

/// A cluster with them.
pub(super) fn with_pods<'c>(coming: &'c Coming<'_>, program: &'c View<'c>) -> Peopled<'c> {
    let mut cluster = Cow::Borrowed(coming.cluster.as_ref());
    let mut running: BTreeMap<&str, Vec<&Labels>> = BTreeMap::new();
    for (key, facts) in &coming.cluster.workloads {
        running.entry(key.namespace.as_deref().unwrap_or_default()).or_default().push(&facts.labels);
    }
    let mut there: BTreeSet<(&str, &str)> = BTreeSet::new();
    for workload in &program.workloads {
        let here = running.get(workload.namespace.as_str());
        let runs = here.into_iter().flatten().any(|labels| workload.pods.matches(labels));
        if !runs && there.insert((&workload.namespace, &workload.name)) {
            add(cluster.to_mut(), &workload.namespace, &workload.name, declared(workload));
        }
    }
    policy_pods(&mut cluster, program);
    // What runs is told of the cluster without the pods of other peers.
    let base = cluster.clone();
    let mut only_for: BTreeMap<ObjectKey, BTreeSet<&Peer>> = BTreeMap::new();
    for guarantee in &program.guarantees {
        let Claim::Reaches(reaches) = &guarantee.claim else { continue };
        for peer in [&reaches.from, &reaches.to] {
            for (key, facts) in peer_pods(&base, coming, program, peer) {
                if !base.workloads.contains_key(&key) {
                    cluster.to_mut().workloads.entry(key.clone()).or_insert(facts);
                    only_for.entry(key).or_default().insert(peer);
                }
            }
        }
    }
    let is_there = |key: &ObjectKey| coming.cluster.workloads.contains_key(key);
    let stand_ins = match &cluster {
        Cow::Borrowed(_) => BTreeSet::new(),
        Cow::Owned(cluster) => cluster.workloads.keys().filter(|key| !is_there(key)).cloned().collect(),
    };
    Peopled { cluster, only_for, stand_ins }
}

/// Pods of which the program's networks speak: those that a policy is about, and the ends of edges.
fn policy_pods(cluster: &mut Cow<'_, Cluster>, program: &View<'_>) {
    let mut wanted: BTreeSet<(String, &LabelSelector)> = BTreeSet::new();
    for network in &program.networks {
        let within = |selector: &LabelSelector| -> Vec<String> {
            let meant = cluster.namespaces.iter().filter(|(_, facts)| selector.matches(&facts.labels));
            meant.map(|(name, _)| name.clone()).collect()
        };
        let here = match &network.scope {
            NetworkScope::Namespaces(names) => names.clone(),
            NetworkScope::Where(selector) => within(selector),
        };
        for policy in &network.policies {
            wanted.extend(here.iter().map(|namespace| (namespace.clone(), &policy.pods)));
        }
        for peer in network.edges.iter().flat_map(|edge| [&edge.from, &edge.to]) {
            if let Peer::Pods { pods, namespaces } = peer {
                let places = namespaces.as_ref().map_or_else(|| here.clone(), within);
                wanted.extend(places.into_iter().map(|namespace| (namespace, pods)));
            }
        }
    }
    let everything = LabelSelector::default();
    let mut added = Vec::new();
    for (namespace, pods) in wanted {
        if *pods != everything && !runs(cluster, &namespace, pods) {
            added.extend(pod(&namespace, pods));
        }
    }
    for (key, facts) in added {
        cluster.to_mut().workloads.entry(key).or_insert(facts);
    }
}

fn runs(cluster: &Cluster, namespace: &str, pods: &LabelSelector) -> bool {
    let mut workloads = cluster.workloads.iter();
    workloads.any(|(key, facts)| key.namespace.as_deref() == Some(namespace) && pods.matches(&facts.labels))
}

/// A pod that a selector selects.
fn pod(namespace: &str, pods: &LabelSelector) -> Option<(ObjectKey, WorkloadFacts)> {
    let mut labels = labels::satisfy(&[pods], &[], "", &|_| false)?;
    labels.remove(labels::NAME);
    let name = if labels.is_empty() { "any-pod".to_owned() } else { format!("pod-{}", labels::plain(&labels)) };
    Some((key(namespace, &name), WorkloadFacts { labels, ..WorkloadFacts::default() }))
}

/// Pods for a peer that nothing matches, and for one that may be of a namespace yet to come.
fn peer_pods(
    cluster: &Cluster,
    coming: &Coming<'_>,
    program: &View<'_>,
    peer: &Peer,
) -> Vec<(ObjectKey, WorkloadFacts)> {
    let everything = LabelSelector::default();
    let to_come = || coming.namespaces.keys().cloned().collect();
    let (pods, in_namespace): (&LabelSelector, Vec<String>) = match peer {
        Peer::Namespace(name) => (&everything, vec![name.clone()]),
        Peer::Pods { pods, namespaces: Some(namespaces) } => {
            let meant = cluster.namespaces.iter().filter(|(_, facts)| namespaces.matches(&facts.labels));
            (pods, meant.map(|(name, _)| name.clone()).collect())
        }
        Peer::Pods { pods, namespaces: None } => (pods, to_come()),
        Peer::All | Peer::Any => (&everything, to_come()),
        Peer::Dns => {
            let network = &program.project.network;
            let labels = Labels::clone(&network.dns_pods);
            let is_there = cluster.workloads.iter().any(|(key, facts)| {
                key.namespace.as_ref() == Some(&network.dns_namespace)
                    && labels.iter().all(|(label, value)| facts.labels.get(label) == Some(value))
            });
            let facts = WorkloadFacts { labels, ..WorkloadFacts::default() };
            return if is_there { Vec::new() } else { vec![(key(&network.dns_namespace, "dns"), facts)] };
        }
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    for namespace in in_namespace {
        let is_coming = coming.namespaces.contains_key(&namespace);
        if !is_coming && runs(cluster, &namespace, pods) {
            continue;
        }
        found.extend(pod(&namespace, pods));
        if is_coming && *pods == everything {
            // Two pods of one namespace may reach each other, and policies of others may tell pods apart.
            found.push((key(&namespace, "other-pod"), WorkloadFacts::default()));
            let labels = coming.namespaces.get(&namespace);
            let selectors = coming::peers(cluster);
            let meant = selectors.filter(|(_, namespaces)| labels.is_some_and(|labels| namespaces.matches(labels)));
            found.extend(meant.filter_map(|(pods, _)| pod(&namespace, pods)));
        }
    }
    found
}

fn declared(workload: &Workload) -> WorkloadFacts {
    let ports = workload.ports.iter().flat_map(|(name, specs)| {
        specs.iter().map(|spec| ContainerPort { name: Some(name.clone()), port: spec.first, protocol: spec.protocol })
    });
    WorkloadFacts {
        labels: workload.pod_labels.clone(),
        ports: ports.collect(),
        service_account: workload.service_account.clone().unwrap_or_else(|| "default".to_owned()),
        ..WorkloadFacts::default()
    }
}

fn add(cluster: &mut Cluster, namespace: &str, name: &str, facts: WorkloadFacts) {
    cluster.workloads.entry(key(namespace, name)).or_insert(facts);
}

fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "Pod".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

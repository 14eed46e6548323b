//! Pods that are not there: of workloads that no manifest gives, and of peers that nothing matches.
//!
//! A program may speak of a workload by its labels alone, and a promise about it must not hold for want of a pod. Such a workload
//! is taken as one pod with exactly its labels and ports.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use kspec_model::{
    LabelSelector, Labels, ObjectKey,
    cluster::{Cluster, ContainerPort, WorkloadFacts},
    program::{Claim, Peer, Program, Workload},
};

use super::{coming::Coming, labels};

/// A cluster with them.
pub(super) fn with_pods<'c>(coming: &'c Coming<'_>, program: &Program) -> Cow<'c, Cluster> {
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
    for guarantee in &program.guarantees {
        let Claim::Reaches(reaches) = &guarantee.claim else { continue };
        for peer in [&reaches.from, &reaches.to] {
            peer_pods(&mut cluster, coming, program, peer);
        }
    }
    cluster
}

/// Pods for a peer that nothing matches, and for one that may be of a namespace yet to come.
fn peer_pods(cluster: &mut Cow<'_, Cluster>, coming: &Coming<'_>, program: &Program, peer: &Peer) {
    let everything = LabelSelector::default();
    let (pods, in_namespace): (&LabelSelector, Vec<String>) = match peer {
        Peer::Namespace(name) => (&everything, vec![name.clone()]),
        Peer::Pods { pods, namespaces: Some(namespaces) } => {
            let meant = cluster.namespaces.iter().filter(|(_, facts)| namespaces.matches(&facts.labels));
            (pods, meant.map(|(name, _)| name.clone()).collect())
        }
        Peer::Dns => {
            let network = &program.project.network;
            let labels = Labels::clone(&network.dns_pods);
            let runs = cluster.workloads.iter().any(|(key, facts)| {
                key.namespace.as_ref() == Some(&network.dns_namespace)
                    && labels.iter().all(|(label, value)| facts.labels.get(label) == Some(value))
            });
            if !runs {
                let facts = WorkloadFacts { labels, ..WorkloadFacts::default() };
                add(cluster.to_mut(), &network.dns_namespace, "dns", facts);
            }
            return;
        }
        _ => return,
    };
    for namespace in in_namespace {
        let runs = cluster
            .workloads
            .iter()
            .any(|(key, facts)| key.namespace.as_ref() == Some(&namespace) && pods.matches(&facts.labels));
        if runs && !coming.namespaces.contains_key(&namespace) {
            continue;
        }
        let Some(mut labels) = labels::satisfy(&[pods], &[], "", &|_| false) else { continue };
        labels.remove(labels::NAME);
        let name = if labels.is_empty() { "any-pod".to_owned() } else { format!("pod-{}", labels::plain(&labels)) };
        add(cluster.to_mut(), &namespace, &name, WorkloadFacts { labels, ..WorkloadFacts::default() });
    }
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
    let key = ObjectKey {
        group: String::new(),
        kind: "Pod".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    };
    cluster.workloads.entry(key).or_insert(facts);
}

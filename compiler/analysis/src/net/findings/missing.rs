//! What policies forgot: a default, and DNS.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use kspec_model::{
    ObjectKey,
    cluster::{AdminAction, AdminPeerFacts, AdminRuleFacts, NamespaceFacts, PolicyRuleFacts},
    program::Protocol,
};

use super::{
    super::{Connections, Network, columns::concerning, side::Side, tiers::have_every_address, universe::Universe},
    Direction, Example, Halves, Oddity, Services,
    halves::Half,
    written,
};

/// Kubernetes' own namespaces: what runs there is the platform's, and a denial by default there takes it down.
const OF_KUBERNETES: [&str; 3] = ["kube-node-lease", "kube-public", "kube-system"];

/// Namespaces with workloads in which a pod of any labels is not isolated.
pub(super) fn default_deny(universe: &Universe, side: &Side<'_>) -> Vec<Oddity> {
    let mut namespaces: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, key) in universe.workloads.iter().enumerate() {
        let isolatable = side.facts.get(position).copied().flatten().is_some_and(|facts| !facts.host_network);
        let name = key.namespace.as_deref().unwrap_or_default();
        if isolatable && !OF_KUBERNETES.contains(&name) {
            namespaces.entry(name).or_default().push(position);
        }
    }
    let concerning = [Direction::Ingress, Direction::Egress].map(|direction| (direction, concerning(side, direction)));
    let mut found = Vec::new();
    for (name, members) in namespaces {
        let missing = concerning.iter().filter(|(direction, _)| !denied(side, name, *direction));
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            continue;
        }
        let free = |position: &&usize| {
            missing.iter().any(|(_, concerning)| {
                concerning.get(**position).is_none_or(|concerning| concerning.policies.is_empty())
            })
        };
        found.push(Oddity::NoDefaultDeny {
            namespace: name.to_owned(),
            directions: missing.iter().map(|(direction, _)| *direction).collect(),
            open: members.iter().filter(free).map(|position| written(universe, *position)).collect(),
        });
    }
    found
}

/// Whether something denies every pod of a namespace what is not allowed.
fn denied(side: &Side<'_>, namespace: &str, direction: Direction) -> bool {
    let everything = |rule: &PolicyRuleFacts| rule.peers.is_none() && rule.ports.is_none();
    let plain = side.policies.iter().any(|policy| {
        let rules = match direction {
            Direction::Ingress => &policy.facts.ingress,
            Direction::Egress => &policy.facts.egress,
        };
        policy.name.0 == namespace
            && policy.facts.pods.is_empty()
            && rules.as_ref().is_some_and(|rules| !rules.iter().any(everything))
    });
    let known = side.cluster.namespaces.get(namespace);
    plain
        || side.tiers.iter().any(|policy| {
            let (facts, rules) = match direction {
                Direction::Ingress => (policy.facts, &policy.facts.ingress),
                Direction::Egress => (policy.facts, &policy.facts.egress),
            };
            let about = |known: &NamespaceFacts| facts.subject.namespaces.matches(&known.labels);
            known.is_some_and(about) && facts.subject.pods.is_empty() && rules.iter().any(denies_pods)
        })
}

/// Whether a rule denies every pod of every namespace.
fn denies_pods(rule: &AdminRuleFacts) -> bool {
    let every = |peer: &AdminPeerFacts| match peer {
        AdminPeerFacts::Pods(pods) => pods.namespaces.is_empty() && pods.pods.is_empty(),
        AdminPeerFacts::Networks(blocks) => have_every_address(blocks),
        AdminPeerFacts::Nodes(_) | AdminPeerFacts::Domains(_) => false,
    };
    rule.action == AdminAction::Deny && rule.ports.is_none() && rule.peers.iter().any(every)
}

/// Workloads that may call some other, and reach neither the cluster's DNS nor anything else that may be a resolver: an address
/// outside, or a workload named for port 53. What administrators' rules leave open is no call, and reaches DNS.
pub(super) fn dns(network: &Network<'_>, halves: &mut [Halves], services: &Services) -> Vec<Oddity> {
    let (universe, side) = (&network.universe, &network.side);
    let serves = |(position, key): &(usize, &ObjectKey)| {
        key.namespace.as_deref() == Some(&services.dns_namespace)
            && side
                .facts
                .get(*position)
                .copied()
                .flatten()
                .is_some_and(|facts| services.dns_pods.matches(&facts.labels))
    };
    let servers: Vec<usize> =
        universe.workloads.iter().enumerate().filter(serves).map(|(position, _)| position).collect();
    let (Some(server), Some(port)) = (servers.first().copied(), services.dns_ports.first().copied()) else {
        return Vec::new();
    };
    let ports = services.dns_ports.iter().map(|port| Connections::range(Protocol::Udp, *port, *port));
    let queries = ports.fold(Connections::none(), |all, port| all.union(&port));
    let Some(possible) = halves.last_mut() else { return Vec::new() };
    let mut asking = FixedBitSet::with_capacity(universe.len());
    for server in &servers {
        asking.union_with(&possible.reaching(*server, &queries));
        asking.insert(*server);
    }
    let may_resolve = |half: &Half| {
        half.parts.iter().any(|(set, ends)| {
            let set = possible.sets.get(*set);
            set.contains(Protocol::Udp, 53)
                && ends.ones().any(|end| end >= universe.workloads.len() || !set.is_all() && !servers.contains(&end))
        })
    };
    let resolves: Vec<bool> = possible.egress.iter().map(may_resolve).collect();
    let Some(halves) = halves.first_mut() else { return Vec::new() };
    let mut found = Vec::new();
    // By destination, who may call it.
    let mut callers_of: BTreeMap<usize, FixedBitSet> = BTreeMap::new();
    for (number, resolves) in resolves.into_iter().enumerate() {
        let Some(half) = halves.egress.get(number) else { continue };
        let mute: Vec<usize> = half.class.members.difference(&asking).collect();
        if resolves || mute.is_empty() {
            continue;
        }
        let concerning = half.class.concerning.clone();
        let mut far = FixedBitSet::with_capacity(universe.len());
        let none = Connections::none();
        for (set, ends) in &half.parts {
            if halves.sets.get(*set) != none {
                far.union_with(ends);
            }
        }
        let far: Vec<usize> = far.ones().take_while(|end| *end < universe.workloads.len()).collect();
        // Whom some of them may call, and who of them may call anyone.
        let mut calling = FixedBitSet::with_capacity(universe.len());
        let mut called = None;
        for end in far {
            if mute.iter().all(|source| calling.contains(*source)) {
                break;
            }
            let callers = callers_of.entry(end).or_insert_with(|| {
                let mut callers = halves.reaching(end, &Connections::all());
                callers.set(end, false);
                callers
            });
            if called.is_none() && mute.iter().any(|source| callers.contains(*source)) {
                called = Some(end);
            }
            calling.union_with(callers);
        }
        let mute: Vec<usize> = mute.into_iter().filter(|source| calling.contains(*source)).collect();
        let (Some(first), Some(called)) = (mute.first().copied(), called) else { continue };
        let plain = concerning.policies.iter().filter_map(|index| side.policies.get(*index)).map(|policy| policy.key());
        let admins =
            concerning.tiers.iter().filter_map(|index| side.tiers.get(*index)).map(|policy| policy.key.clone());
        found.push(Oddity::DnsForgotten {
            workloads: mute.iter().map(|source| written(universe, *source)).collect(),
            policies: plain.chain(admins).collect(),
            example: Example {
                src: written(universe, first),
                dst: written(universe, server),
                protocol: Protocol::Udp,
                port,
            },
            calls: written(universe, called),
        });
    }
    found
}

//! What is told of generated policies, held against the plain evaluator: what is told to be superfluous can be left out at once without
//! any packet faring otherwise, and what is not told cannot.

use std::collections::BTreeSet;

use kspec_analysis::net::{
    Direction, Ipv6, NetOptions,
    findings::{Oddity, Services, oddities},
};
use kspec_model::{
    LabelSelector, ObjectKey,
    cluster::{
        AdminAction, AdminPeerFacts, AdminPolicyFacts, AdminRuleFacts, Cluster, NetworkPolicyFacts, PolicyRuleFacts,
    },
    program::Protocol,
};
use proptest::prelude::*;

use crate::{
    net_random::clusters,
    packets::{PORTS, PROTOCOLS, names, packets, parties},
    plain_net::{Fate, Party, World, consents, fate, passes},
};

const OPTIONS: NetOptions = NetOptions { ipv6: Ipv6::Always, blocks: kspec_analysis::net::IpBlocks::Outside };

/// Rules and halves that are left out, by policy name.
#[derive(Debug, Clone, Default)]
struct LeftOut {
    halves: BTreeSet<(String, Direction)>,
    rules: BTreeSet<(String, Direction, usize)>,
}

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

fn left_out(found: &[Oddity]) -> LeftOut {
    let mut left_out = LeftOut::default();
    let policy = |key: &ObjectKey| key.name.clone();
    for oddity in found {
        match oddity {
            Oddity::SelectsNothing { policy: key }
            | Oddity::Superfluous { policy: key, rule: None, .. }
            | Oddity::Needless { policy: key, rule: None, .. }
            | Oddity::Vacuous { policy: key, direction: None } => {
                left_out.halves.extend(DIRECTIONS.map(|direction| (policy(key), direction)));
            }
            Oddity::Vacuous { policy: key, direction: Some(direction) } => {
                left_out.halves.insert((policy(key), *direction));
            }
            Oddity::Superfluous { policy: key, rule: Some((direction, rule)), .. }
            | Oddity::Needless { policy: key, rule: Some((direction, rule)), .. } => {
                left_out.rules.insert((policy(key), *direction, *rule));
            }
            Oddity::NamesNobody { at, peer: None, .. }
            | Oddity::NoSuchPort { at, whole: true, .. }
            | Oddity::OneSided { at, whole: true, .. }
            | Oddity::Shadowed { at, .. } => {
                left_out.rules.insert((policy(&at.policy), at.direction, at.rule));
            }
            _ => {}
        }
    }
    left_out
}

fn keep<T: Clone>(rules: &[T], name: &str, direction: Direction, left_out: &LeftOut) -> Vec<T> {
    let kept = |(index, _): &(usize, &T)| !left_out.rules.contains(&(name.to_owned(), direction, *index));
    rules.iter().enumerate().filter(kept).map(|(_, rule)| rule.clone()).collect()
}

fn reduced(cluster: &Cluster, left_out: &LeftOut) -> Cluster {
    let mut reduced = cluster.clone();
    for ((_, name), facts) in &mut reduced.network_policies {
        let half = |rules: &Option<Vec<_>>, direction| {
            let gone = left_out.halves.contains(&(name.clone(), direction));
            rules.as_ref().filter(|_| !gone).map(|rules| keep(rules, name, direction, left_out))
        };
        facts.ingress = half(&facts.ingress, Direction::Ingress);
        facts.egress = half(&facts.egress, Direction::Egress);
    }
    for (key, facts) in &mut reduced.admin_policies {
        let half = |rules: &[_], direction| {
            let gone = left_out.halves.contains(&(key.name.clone(), direction));
            if gone { Vec::new() } else { keep(rules, &key.name, direction, left_out) }
        };
        facts.ingress = half(&facts.ingress, Direction::Ingress);
        facts.egress = half(&facts.egress, Direction::Egress);
    }
    reduced
}

/// What leaving something out does to the packets.
#[derive(Debug, PartialEq)]
enum Effect {
    Nothing,
    /// Some end consents to more, and no packet fares otherwise.
    Widens,
    Changes,
}

fn effect(before: &Cluster, after: &Cluster, parties: &[Party]) -> Effect {
    let world = |cluster| World { cluster, by_address: false };
    let mut widens = false;
    for (from, to, protocol, port) in packets(parties) {
        let (was, is) = (world(before), world(after));
        if fate(was, from, to, protocol, port) != fate(is, from, to, protocol, port) {
            return Effect::Changes;
        }
        let (was, is) = (consents(was, from, to, protocol, port), consents(is, from, to, protocol, port));
        let more = |(was, is): (&BTreeSet<bool>, &BTreeSet<bool>)| {
            is.contains(&true) && !was.contains(&true) || was.contains(&false) && !is.contains(&false)
        };
        widens |= was.iter().zip(&is).any(more);
    }
    if widens { Effect::Widens } else { Effect::Nothing }
}

fn rules(facts: &NetworkPolicyFacts, direction: Direction) -> Option<usize> {
    match direction {
        Direction::Ingress => facts.ingress.as_ref().map(Vec::len),
        Direction::Egress => facts.egress.as_ref().map(Vec::len),
    }
}

fn services() -> Services {
    Services { dns_namespace: "a".into(), dns_pods: LabelSelector::labels([("app", "p")]), dns_ports: vec![53] }
}

/// The cluster without NetworkPolicies, and with some that deny or allow everybody everything: what administrators decide whatever
/// others do.
fn isolations(cluster: &Cluster) -> [Cluster; 3] {
    let with = |rules: Option<Vec<PolicyRuleFacts>>| {
        let mut cluster = cluster.clone();
        cluster.network_policies.clear();
        for name in cluster.namespaces.keys().filter(|_| rules.is_some()) {
            let facts =
                NetworkPolicyFacts { pods: LabelSelector::default(), ingress: rules.clone(), egress: rules.clone() };
            cluster.network_policies.insert((name.clone(), "all".to_owned()), facts);
        }
        cluster
    };
    [with(None), with(Some(vec![])), with(Some(vec![PolicyRuleFacts { peers: None, ports: None }]))]
}

/// Whether both ends of every packet say the same; a workload's with itself included.
fn agree(was: &Cluster, is: &Cluster, parties: &[Party]) -> bool {
    let world = |cluster| World { cluster, by_address: false };
    every_packet(parties).into_iter().all(|(from, to, protocol, port)| {
        consents(world(was), from, to, protocol, port) == consents(world(is), from, to, protocol, port)
    })
}

fn every_packet(parties: &[Party]) -> Vec<(&Party, &Party, Protocol, u16)> {
    let own = parties.iter().filter(|party| matches!(party, Party::Pod(_)));
    let own = own.flat_map(|party| PROTOCOLS.map(|protocol| PORTS.map(|port| (party, party, protocol, port))));
    packets(parties).chain(own.flatten()).collect()
}

/// Whether a rule is about some packet between two.
fn names_some(
    cluster: &Cluster,
    key: &ObjectKey,
    direction: Direction,
    rule: &AdminRuleFacts,
    parties: &[Party],
) -> bool {
    let mut alone = isolations(cluster)[0].clone();
    let facts = alone.admin_policies.remove(key).unwrap();
    alone.admin_policies.clear();
    let empty = alone.clone();
    let denies = vec![AdminRuleFacts { action: AdminAction::Deny, ..rule.clone() }];
    let (ingress, egress) = match direction {
        Direction::Ingress => (denies, vec![]),
        Direction::Egress => (vec![], denies),
    };
    alone.admin_policies.insert(key.clone(), AdminPolicyFacts { ingress, egress, ..facts });
    let world = |cluster| World { cluster, by_address: false };
    packets(parties).any(|(from, to, protocol, port)| {
        consents(world(&empty), from, to, protocol, port) != consents(world(&alone), from, to, protocol, port)
    })
}

/// Whether rules of administrators for outgoing packets name what may or may not mean an end.
fn is_vague(cluster: &Cluster) -> bool {
    let mut peers = cluster.admin_policies.values().flat_map(|facts| &facts.egress).flat_map(|rule| &rule.peers);
    peers.any(|peer| !matches!(peer, AdminPeerFacts::Pods(_)))
}

/// The party that a name stands for, among workloads and addresses.
fn party<'p>(name: &str, parties: &'p [Party], cluster: &Cluster) -> &'p Party {
    parties.iter().find(|party| names(name, party, cluster)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_can_be_left_out_at_once_and_what_is_not_told_cannot((cluster, _) in clusters()) {
        let parties = parties(&[&cluster]);
        let found = oddities(&cluster, &OPTIONS, &services());
        let told = left_out(&found);
        let base = reduced(&cluster, &told);
        assert_ne!(effect(&cluster, &base, &parties), Effect::Changes, "{found:#?}");
        for ((_, name), facts) in &cluster.network_policies {
            let isolates: Vec<_> = DIRECTIONS
                .into_iter()
                .filter(|of| rules(facts, *of).is_some() && !told.halves.contains(&(name.clone(), *of)))
                .collect();
            // What may be another's doing is not told of.
            if isolates.contains(&Direction::Egress) && is_vague(&cluster) {
                continue;
            }
            let mut left = vec![];
            for direction in &isolates {
                let all = 0..rules(facts, *direction).unwrap();
                left.extend(all.map(|rule| (name.clone(), *direction, rule)).filter(|key| !told.rules.contains(key)));
            }
            for key in &left {
                let mut more = told.clone();
                more.rules.insert(key.clone());
                assert_eq!(effect(&base, &reduced(&cluster, &more), &parties), Effect::Changes, "{key:?} in {found:#?}");
            }
            let denies = isolates.iter().any(|direction| rules(facts, *direction) == Some(0));
            let had_rules = DIRECTIONS.iter().any(|direction| rules(facts, *direction) > Some(0));
            let default = facts.pods.is_empty() && denies;
            if isolates.is_empty() || default || had_rules && left.is_empty() {
                continue;
            }
            let mut more = told.clone();
            more.halves.extend(DIRECTIONS.map(|direction| (name.clone(), direction)));
            assert_ne!(effect(&base, &reduced(&cluster, &more), &parties), Effect::Nothing, "{name} in {found:#?}");
        }
    }

    #[test]
    fn administrators_rules_are_told_where_nothing_depends_on_them((cluster, _) in clusters()) {
        let parties = parties(&[&cluster]);
        let found = oddities(&cluster, &OPTIONS, &services());
        let told = left_out(&found);
        for cluster in isolations(&cluster) {
            let (was, is) = (cluster.clone(), reduced(&cluster, &told));
            assert!(agree(&was, &is, &parties), "{found:#?}");
        }
        // What may or may not mean an end is not told of.
        if is_vague(&cluster) {
            return Ok(());
        }
        let matters_without = |left_out: &LeftOut| {
            isolations(&cluster).iter().any(|cluster| !agree(cluster, &reduced(cluster, left_out), &parties))
        };
        for (key, facts) in &cluster.admin_policies {
            let (mut all, mut whole) = (told.clone(), LeftOut::default());
            let mut left = 0;
            for (direction, rules) in [(Direction::Ingress, &facts.ingress), (Direction::Egress, &facts.egress)] {
                for (index, rule) in rules.iter().enumerate() {
                    let this = (key.name.clone(), direction, index);
                    whole.rules.insert(this.clone());
                    if told.halves.contains(&(key.name.clone(), direction)) || told.rules.contains(&this) || !names_some(&cluster, key, direction, rule, &parties) {
                        continue;
                    }
                    left += 1;
                    all.rules.insert(this.clone());
                    let mut more = told.clone();
                    more.rules.insert(this.clone());
                    // By itself, or beside what is told.
                    let alone = LeftOut { rules: BTreeSet::from([this]), ..LeftOut::default() };
                    let matters = matters_without(&more) || matters_without(&alone);
                    assert!(matters, "{} {direction:?} {index} in {found:#?}", key.name);
                }
            }
            assert!(left == 0 || matters_without(&all) || matters_without(&whole), "{} in {found:#?}", key.name);
        }
    }

    #[test]
    fn examples_show_what_is_told((cluster, _) in clusters()) {
        let parties = parties(&[&cluster]);
        let world = World { cluster: &cluster, by_address: false };
        let found = oddities(&cluster, &OPTIONS, &services());
        for oddity in &found {
            let (example, expected) = match oddity {
                Oddity::OneSided { example, .. } | Oddity::DnsForgotten { example, .. } => (example, Some(Fate::Dropped)),
                Oddity::Ambiguous { example, .. } => (example, Some(Fate::Undefined)),
                Oddity::Shadowed { example, .. } | Oddity::Needless { example, .. } => (example, None),
                _ => continue,
            };
            let (src, dst) = (party(&example.src, &parties, &cluster), party(&example.dst, &parties, &cluster));
            assert_ne!(src, dst);
            if let Some(expected) = expected {
                assert_eq!(fate(world, src, dst, example.protocol, example.port), expected, "{oddity:?}");
            }
            if let Oddity::DnsForgotten { workloads, calls, .. } = oddity {
                let called = party(calls, &parties, &cluster);
                let callers = workloads.iter().map(|name| party(name, &parties, &cluster));
                let calls = |caller: &Party| packets(&parties).any(|(from, to, protocol, port)| from == caller && to == called && passes(world, from, to, protocol, port));
                assert!(callers.clone().any(calls), "{oddity:?}");
                let served = |caller: &Party| packets(&parties).any(|(from, to, protocol, port)| {
                    let Party::Pod(key) = to else { return false };
                    let serves = key.namespace.as_deref() == Some("a") && cluster.workloads[key].labels.get("app").is_some_and(|app| app == "p");
                    from == caller && serves && (protocol, port) == (Protocol::Udp, 53) && passes(world, from, to, protocol, port)
                });
                assert!(!callers.clone().any(served), "{oddity:?}");
            }
        }
        let undefined = || packets(&parties).any(|(from, to, protocol, port)| fate(world, from, to, protocol, port) == Fate::Undefined);
        if !is_vague(&cluster) && undefined() {
            assert!(found.iter().any(|oddity| matches!(oddity, Oddity::Ambiguous { .. })), "{found:#?}");
        }
    }
}

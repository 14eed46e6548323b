//! Connectivity over generated clusters, packet by packet against the plain evaluator.

use std::collections::{BTreeMap, BTreeSet};

use kspec_analysis::net::{Deed, Direction, End, Flip, IpBlocks, Ipv6, NetOptions, delta, reach};
use kspec_model::{
    LabelSelector, Labels, ObjectKey, Operator, Requirement,
    cluster::{
        AdminAction, AdminPeerFacts, AdminPolicyFacts, AdminRuleFacts, Cluster, ContainerPort, NamespaceFacts,
        NetworkPolicyFacts, PeerFacts, PodsFacts, PolicyPortFacts, PolicyRuleFacts, PolicyTier, WorkloadFacts,
    },
    program::{PortSpec, Protocol},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    packets::{is_the_difference, names, packets, parties},
    plain_net::{Fate, Party, World, fate, passes},
};

const NAMESPACES: [&str; 3] = ["a", "b", "c"];
fn labels() -> impl Strategy<Value = Labels> {
    (option::of(select(vec!["p", "q"])), option::of(select(vec!["1", "2"]))).prop_map(|(app, tier)| {
        let pair = |key: &str, value: Option<&str>| value.map(|value| (key.to_owned(), value.to_owned()));
        pair("app", app).into_iter().chain(pair("tier", tier)).collect()
    })
}

fn selector() -> impl Strategy<Value = LabelSelector> {
    let requirement = (select(vec!["app", "tier"]), 0..4, vec(select(vec!["p", "q", "1"]), 1..3)).prop_map(
        |(key, operator, values)| {
            let values = values.into_iter().map(str::to_owned).collect();
            let (operator, values) = match operator {
                0 => (Operator::In, values),
                1 => (Operator::NotIn, values),
                2 => (Operator::Exists, vec![]),
                _ => (Operator::DoesNotExist, vec![]),
            };
            Requirement { key: key.to_owned(), operator, values }
        },
    );
    prop_oneof![
        2 => Just(LabelSelector::default()),
        3 => labels().prop_map(|match_labels| LabelSelector { match_labels, match_expressions: vec![] }),
        2 => (labels(), vec(requirement, 1..3)).prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions }),
    ]
}

fn protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![4 => Just(Protocol::Tcp), 2 => Just(Protocol::Udp), 1 => Just(Protocol::Sctp)]
}

fn workload() -> impl Strategy<Value = WorkloadFacts> {
    let port = (option::of(select(vec!["http", "dns"])), select(vec![80, 8080, 53]), protocol())
        .prop_map(|(name, port, protocol)| ContainerPort { name: name.map(str::to_owned), port, protocol });
    let addresses =
        vec(select(vec!["10.0.5.1", "10.0.5.200", "10.1.0.1", "172.16.0.1", "11.0.0.0", "fd00::5", "fe80::1"]), 0..3);
    (labels(), vec(port, 0..3), prop::bool::weighted(0.1), addresses).prop_map(
        |(labels, ports, host_network, addresses)| {
            let mut facts = WorkloadFacts { labels, ports, host_network, ..WorkloadFacts::default() };
            facts.pod.addresses = addresses.into_iter().map(|address| address.parse().unwrap()).collect();
            facts
        },
    )
}

fn peer() -> impl Strategy<Value = PeerFacts> {
    let block = select(vec![
        ("0.0.0.0/0", "10.0.0.0/8"),
        ("10.0.0.0/8", "10.0.5.0/24"),
        ("10.0.5.0/24", "10.0.5.0/25"),
        ("fd00::/8", "fd00::/16"),
        ("11.0.0.0/32", ""),
    ]);
    prop_oneof![
        3 => (selector(), option::of(selector())).prop_map(|(pods, namespaces)| PeerFacts::Pods { pods, namespaces }),
        1 => (block, any::<bool>()).prop_map(|((cidr, inner), with_except)| PeerFacts::Block {
            cidr: cidr.parse().unwrap(),
            except: if with_except { inner.parse().into_iter().collect() } else { vec![] },
        }),
    ]
}

fn port() -> impl Strategy<Value = PolicyPortFacts> {
    prop_oneof![
        3 => (select(vec![(80, 80), (53, 53), (79, 90), (1, 65535), (81, 8080)]), protocol())
            .prop_map(|((first, last), protocol)| PolicyPortFacts::Number(PortSpec { first, last, protocol })),
        2 => (select(vec!["http", "dns"]), option::of(protocol())).prop_map(|(name, protocol)| PolicyPortFacts::Named(name.to_owned(), protocol)),
        1 => protocol().prop_map(PolicyPortFacts::All),
    ]
}

fn rules() -> impl Strategy<Value = Option<Vec<PolicyRuleFacts>>> {
    let rule = (option::of(vec(peer(), 1..3)), option::of(vec(port(), 1..3)))
        .prop_map(|(peers, ports)| PolicyRuleFacts { peers, ports });
    option::of(vec(rule, 0..3))
}

fn policy() -> impl Strategy<Value = (&'static str, NetworkPolicyFacts)> {
    (select(NAMESPACES.to_vec()), selector(), rules(), rules())
        .prop_map(|(namespace, pods, ingress, egress)| (namespace, NetworkPolicyFacts { pods, ingress, egress }))
}

fn pods() -> impl Strategy<Value = PodsFacts> {
    (selector(), selector()).prop_map(|(namespaces, pods)| PodsFacts { namespaces, pods })
}

fn admin_rules(outgoing: bool) -> impl Strategy<Value = Vec<AdminRuleFacts>> {
    let blocks = vec![
        vec!["0.0.0.0/0", "::/0"],
        vec!["0.0.0.0/0"],
        vec!["10.0.0.0/8", "fd00::/8"],
        vec!["10.0.5.0/25", "11.0.0.0/32"],
    ];
    let addresses = prop_oneof![
        6 => select(blocks).prop_map(|blocks| AdminPeerFacts::Networks(blocks.into_iter().map(|block| block.parse().unwrap()).collect())),
        1 => Just(AdminPeerFacts::Nodes(LabelSelector::default())),
        1 => Just(AdminPeerFacts::Domains(vec!["example.com".into()])),
    ];
    let peer = (pods(), addresses, prop::bool::weighted(0.25)).prop_map(move |(pods, addresses, outside)| {
        if outgoing && outside { addresses } else { AdminPeerFacts::Pods(pods) }
    });
    let action = select(vec![AdminAction::Allow, AdminAction::Deny, AdminAction::Pass]);
    let rule = (action, vec(peer, 1..3), option::of(vec(port(), 1..3)))
        .prop_map(|(action, peers, ports)| AdminRuleFacts { action, peers, ports });
    vec(rule, 0..3)
}

fn admin_policy() -> impl Strategy<Value = AdminPolicyFacts> {
    let tier = prop_oneof![3 => Just(PolicyTier::Admin), 2 => Just(PolicyTier::Baseline)];
    (tier, 0..4_u16, pods(), admin_rules(false), admin_rules(true)).prop_map(
        |(tier, priority, subject, ingress, egress)| AdminPolicyFacts { tier, priority, subject, ingress, egress },
    )
}

/// Two clusters that have much in common: each part says on which side it stands (0 before, 1 after, else both).
pub(crate) fn clusters() -> impl Strategy<Value = (Cluster, Cluster)> {
    let namespaces = (vec(labels(), 3), vec(labels(), 3), prop::bool::weighted(0.2));
    let workloads = vec((select(NAMESPACES.to_vec()), workload(), workload(), 0..10_u8), 1..6);
    let policies = vec((policy(), policy(), 0..6_u8), 0..6);
    let admins = prop_oneof![1 => Just(vec![]), 2 => vec((admin_policy(), admin_policy(), 0..6_u8), 0..5)];
    (namespaces, workloads, policies, admins).prop_map(
        |((labels, other_labels, relabel), workloads, policies, admins)| {
            let build = |side: u8| {
                let mut cluster = Cluster::default();
                for (position, name) in NAMESPACES.iter().enumerate() {
                    let labels = if relabel && side == 1 { &other_labels } else { &labels };
                    cluster.namespaces.insert((*name).to_owned(), NamespaceFacts { labels: labels[position].clone() });
                }
                for (position, (namespace, facts, other, stands)) in workloads.iter().enumerate() {
                    if *stands < 2 && *stands != side {
                        continue;
                    }
                    let facts = if *stands == 2 && side == 1 { other } else { facts };
                    let key = ObjectKey {
                        group: "apps".into(),
                        kind: "Deployment".into(),
                        namespace: Some((*namespace).into()),
                        name: format!("w{position}"),
                    };
                    cluster.workloads.insert(key, facts.clone());
                }
                for (position, ((namespace, facts), (_, other), stands)) in policies.iter().enumerate() {
                    if *stands < 2 && *stands != side {
                        continue;
                    }
                    let facts = if *stands == 2 && side == 1 { other } else { facts };
                    cluster.network_policies.insert(((*namespace).to_owned(), format!("p{position}")), facts.clone());
                }
                for (position, (facts, other, stands)) in admins.iter().enumerate() {
                    if *stands < 2 && *stands != side {
                        continue;
                    }
                    let facts = if *stands == 2 && side == 1 { other } else { facts };
                    let (group, kind) = ("policy.networking.k8s.io".into(), "ClusterNetworkPolicy".into());
                    let key = ObjectKey { group, kind, namespace: None, name: format!("c{position}") };
                    cluster.admin_policies.insert(key, facts.clone());
                }
                cluster
            };
            (build(0), build(1))
        },
    )
}

fn end(party: &Party) -> End {
    match party {
        Party::Pod(key) => End::Workload(key.clone()),
        Party::Outside(address) => End::Address(*address),
    }
}

/// Does what an answer proposes, to this packet alone where a rule is added, by dropping the rule where one is narrowed.
fn apply(cluster: &mut Cluster, flip: &Flip, from: &Party, to: &Party, protocol: Protocol, port: u16) {
    let (near, far) = match flip.direction {
        Direction::Egress => (from, to),
        Direction::Ingress => (to, from),
    };
    let rules = |policy: &ObjectKey, cluster: &mut Cluster, deed: &mut dyn FnMut(&mut Vec<PolicyRuleFacts>)| {
        let name = (policy.namespace.clone().unwrap(), policy.name.clone());
        let facts = cluster.network_policies.get_mut(&name).unwrap();
        deed(match flip.direction {
            Direction::Egress => facts.egress.as_mut().unwrap(),
            Direction::Ingress => facts.ingress.as_mut().unwrap(),
        });
    };
    match &flip.deed {
        Deed::AddRule { policy, every_peer, .. } => {
            let peer = match far {
                Party::Outside(address) => PeerFacts::Block { cidr: (*address).into(), except: vec![] },
                // A selector that means exactly this pod needs a label that it alone has.
                Party::Pod(key) => {
                    let pod = cluster.workloads.get_mut(key).unwrap();
                    assert_eq!(pod.host_network, *every_peer);
                    if *every_peer {
                        rules(policy, cluster, &mut |rules| rules.push(PolicyRuleFacts::default()));
                        return;
                    }
                    pod.labels.insert("turned".into(), key.name.clone());
                    let pods = LabelSelector::labels([("turned", key.name.as_str())]);
                    PeerFacts::Pods { pods, namespaces: Some(LabelSelector::default()) }
                }
            };
            let ports = vec![PolicyPortFacts::Number(PortSpec { first: port, last: port, protocol })];
            let rule = PolicyRuleFacts { peers: Some(vec![peer]), ports: Some(ports) };
            rules(policy, cluster, &mut |rules| rules.push(rule.clone()));
        }
        Deed::NarrowRule { policy, rule } => {
            // Kept in its place, so that the positions of others stay what they are.
            rules(policy, cluster, &mut |rules| rules[*rule].peers = Some(vec![]));
        }
        Deed::PutBefore { policy, rule, every_peer, .. } => {
            let peer = match far {
                _ if *every_peer => {
                    AdminPeerFacts::Networks(["0.0.0.0/0", "::/0"].map(|block| block.parse().unwrap()).into())
                }
                Party::Outside(address) => AdminPeerFacts::Networks(vec![(*address).into()]),
                Party::Pod(key) => {
                    cluster.workloads.get_mut(key).unwrap().labels.insert("turned".into(), key.name.clone());
                    let pods = LabelSelector::labels([("turned", key.name.as_str())]);
                    AdminPeerFacts::Pods(PodsFacts { namespaces: LabelSelector::default(), pods })
                }
            };
            let facts = cluster.admin_policies.get_mut(policy).unwrap();
            let rules = match flip.direction {
                Direction::Egress => &mut facts.egress,
                Direction::Ingress => &mut facts.ingress,
            };
            let action = match rules[*rule].action {
                AdminAction::Deny => AdminAction::Allow,
                _ => AdminAction::Deny,
            };
            let ports = vec![PolicyPortFacts::Number(PortSpec { first: port, last: port, protocol })];
            rules.insert(*rule, AdminRuleFacts { action, peers: vec![peer], ports: Some(ports) });
        }
        Deed::Isolate => {
            let Party::Pod(key) = near else { panic!("nobody outside can be isolated") };
            let empty = |direction| (flip.direction == direction).then(Vec::new);
            let facts = NetworkPolicyFacts {
                pods: LabelSelector::default(),
                ingress: empty(Direction::Ingress),
                egress: empty(Direction::Egress),
            };
            cluster.network_policies.insert((key.namespace.clone().unwrap(), "isolate".into()), facts);
        }
    }
}

/// With blocks about addresses outside alone, and about pods too.
fn options(by_address: bool) -> NetOptions {
    NetOptions { ipv6: Ipv6::Always, blocks: if by_address { IpBlocks::Pods } else { IpBlocks::Outside } }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_fares_as_the_plain_evaluator_says((cluster, _) in clusters(), by_address: bool) {
        let reach = reach(&cluster, &options(by_address));
        let world = World { cluster: &cluster, by_address };
        let edges: BTreeMap<_, _> = reach.edges().into_iter().map(|edge| ((edge.src, edge.dst), edge.connections)).collect();
        let doubtful: Vec<_> = reach.ambiguous_rows().into_iter().map(|row| row.edge).collect();
        for (from, to, protocol, port) in packets(&parties(&[&cluster])) {
            let expected = passes(world, from, to, protocol, port);
            assert_eq!(reach.allows(&end(from), &end(to), protocol, port), Some(expected), "{from:?} -> {to:?} {protocol:?} {port}");
            let fate = fate(world, from, to, protocol, port);
            let verdict = reach.network().probe(&end(from), &end(to), protocol, port);
            let probed = verdict.as_ref().map(|verdict| match (verdict.allowed, verdict.ambiguous) {
                (true, false) => Fate::Passes,
                (false, true) => Fate::Undefined,
                (false, false) => Fate::Dropped,
                (true, true) => panic!("allowed and not: {verdict:?}"),
            });
            assert_eq!(probed, Some(fate), "{from:?} -> {to:?} {protocol:?} {port}: {verdict:?}");
            let doubtful = doubtful.iter().filter(|edge| {
                names(&edge.src, from, &cluster) && names(&edge.dst, to, &cluster) && edge.connections.contains(protocol, port)
            });
            assert_eq!(doubtful.count(), usize::from(fate == Fate::Undefined), "{from:?} -> {to:?} {protocol:?} {port}");
            let lines = edges.iter().filter(|((src, dst), _)| names(src, from, &cluster) && names(dst, to, &cluster));
            let written: Vec<_> = lines.filter(|(_, connections)| connections.contains(protocol, port)).collect();
            assert_eq!(written.len(), usize::from(expected), "{from:?} -> {to:?} {protocol:?} {port} {written:?}");
        }
    }

    /// A pod always reaches itself; two pods of a controller are any two pods.
    #[test]
    fn whoever_calls_itself_fares_as_the_plain_evaluator_says((cluster, _) in clusters(), by_address: bool) {
        let reach = reach(&cluster, &options(by_address));
        let world = World { cluster: &cluster, by_address };
        for party in parties(&[&cluster]).iter().filter(|party| matches!(party, Party::Pod(_))) {
            for port in [80, 81, 8080] {
                let expected = fate(world, party, party, Protocol::Tcp, port);
                let verdict = reach.network().probe(&end(party), &end(party), Protocol::Tcp, port).unwrap();
                assert_eq!((verdict.allowed, verdict.ambiguous), (expected == Fate::Passes, expected == Fate::Undefined), "{party:?}");
                assert_eq!(reach.allows(&end(party), &end(party), Protocol::Tcp, port), Some(verdict.allowed), "{party:?}");
            }
        }
    }

    #[test]
    fn a_pair_of_classes_stands_for_every_pair_of_their_members((cluster, _) in clusters()) {
        let reach = reach(&cluster, &options(false));
        let summary = reach.summary();
        let class = |name: &String| {
            let having: Vec<_> = (0..summary.classes.len()).filter(|class| summary.classes[*class].members.contains(name)).collect();
            assert!(having.len() <= 1, "{name} in {having:?}");
            having.first().copied()
        };
        let mut told: BTreeMap<(usize, usize), BTreeSet<(String, String)>> = BTreeMap::new();
        // Ranges next to each other are one name in a row, and may be of several classes.
        for edge in reach.edges().into_iter().filter(|edge| !format!("{}{}", edge.src, edge.dst).contains("External")) {
            let pair = (class(&edge.src).unwrap(), class(&edge.dst).unwrap());
            let found: Vec<_> = (summary.edges.iter())
                .filter(|known| known.sources.contains(&pair.0) && known.destinations.contains(&pair.1))
                .collect();
            assert_eq!(found.len(), 1, "{edge:?}");
            assert_eq!(found[0].connections, edge.connections, "{edge:?}");
            told.entry(pair).or_default().insert((edge.src, edge.dst));
        }
        for edge in &summary.edges {
            let all = edge.sources.iter().flat_map(|from| edge.destinations.iter().map(move |to| (*from, *to)));
            let pairs: Vec<_> = all.filter(|(from, to)| summary.is_pair(*from, *to)).collect();
            assert!(!pairs.is_empty(), "{edge:?}");
            for (from, to) in pairs {
                let (src, dst) = (&summary.classes[from], &summary.classes[to]);
                if src.namespace.is_none() || dst.namespace.is_none() {
                    continue;
                }
                let own = if from == to { src.members.len() } else { 0 };
                let pairs = told.get(&(from, to)).map_or(0, BTreeSet::len);
                assert_eq!(pairs, src.members.len() * dst.members.len() - own, "{edge:?}");
            }
        }
    }

    #[test]
    fn what_would_turn_an_answer_round_does((cluster, _) in clusters()) {
        let reach = reach(&cluster, &options(false));
        for (from, to, protocol, port) in packets(&parties(&[&cluster])) {
            let Some(verdict) = reach.network().probe(&end(from), &end(to), protocol, port) else { continue };
            let flips = reach.network().flip(&verdict);
            let mut turned = cluster.clone();
            for flip in &flips {
                apply(&mut turned, flip, from, to, protocol, port);
            }
            // Where nothing can be done, both ends are such that no policy applies to them.
            let free = |party: &Party| match party {
                Party::Pod(key) => cluster.workloads[key].host_network,
                Party::Outside(_) => true,
            };
            if cluster.admin_policies.is_empty() {
                assert_eq!(flips.is_empty(), free(from) && free(to));
            }
            let after = passes(World { cluster: &turned, by_address: false }, from, to, protocol, port);
            assert_eq!(after != verdict.allowed, !flips.is_empty(), "{flips:?} for {from:?} -> {to:?} {protocol:?} {port}");
        }
    }

    #[test]
    fn a_delta_is_the_difference_packet_by_packet((before, after) in clusters(), by_address: bool) {
        let found = delta(&before, &after, &options(by_address));
        for change in found.opened.iter().chain(&found.closed) {
            assert!(!change.because.is_empty(), "{change:?}");
        }
        is_the_difference([&found.opened, &found.closed], [&before, &after], by_address, &parties(&[&before, &after])).unwrap();
    }
}

//! Networks.

use insta::assert_snapshot;
use kspec_model::{LabelSelector, Operator, Requirement, program::*};

use crate::fixture::*;

fn base() -> Program {
    let mut program = program();
    program.namespaces = vec![namespace("a"), namespace("b")];
    program.workloads = vec![
        with_port(workload("a", "web"), "http", 8080),
        with_port(workload("a", "db"), "pg", 5432),
        with_port(workload("b", "api"), "grpc", 9000),
    ];
    program
}

fn block(text: &str, except: &[&str]) -> Peer {
    Peer::Cidr { block: text.parse().unwrap(), except: except.iter().map(|text| text.parse().unwrap()).collect() }
}

#[test]
fn the_far_ends_half_is_written_where_this_program_denies_it() {
    let mut program = base();
    let edges = || vec![edge(pod("b", "api"), pod("a", "web"), vec![named("http")])];
    program.networks = vec![network(&["a"], vec![deny()], edges())];
    let (lowered, findings) = lower(&program);
    assert_snapshot!("far_end_not_ours", render(&lowered));
    assert_snapshot!(lines(&findings), @"K0402 half of this edge is not ours: this program does not say what may leave the pods of `b`");

    program.networks.push(network(&["b"], vec![DefaultDeny { ingress: false, ..deny() }], vec![]));
    let (lowered, findings) = lower(&program);
    assert_snapshot!("far_end_ours", render(&lowered));
    assert_snapshot!(lines(&findings), @"");
}

#[test]
fn an_edge_where_nothing_is_denied_is_an_error() {
    let mut program = base();
    program.networks = vec![
        network(&["a"], vec![], vec![edge(pod("a", "web"), pod("a", "db"), vec![])]),
        network(
            &["b"],
            vec![DefaultDeny { egress: false, ..deny() }],
            vec![edge(pod("b", "api"), block("10.0.0.0/8", &[]), vec![])],
        ),
    ];
    let (lowered, findings) = lower(&program);
    assert_snapshot!(lines(&findings), @"
    K0401 an edge in `a`, which has no `default deny`: everything is allowed there already
    K0401 this edge allows what nothing in `b` denies: neither end is isolated in its direction
    ");
    assert_snapshot!(render(&lowered), @"
    # Namespaces: manifests/cluster/namespace-a.yaml
    apiVersion: v1
    kind: Namespace
    metadata:
      name: a

    # Namespaces: manifests/cluster/namespace-b.yaml
    apiVersion: v1
    kind: Namespace
    metadata:
      name: b

    # NetworkDeny: manifests/b/networkpolicy-default-deny-ingress.yaml
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: default-deny-ingress
      namespace: b
    spec:
      podSelector: {}
      policyTypes:
      - Ingress
    ");
}

#[test]
fn what_holds_for_every_pod_is_in_each_narrower_policy_too() {
    let mut program = base();
    let tier = LabelSelector {
        match_expressions: vec![Requirement {
            key: "app".to_owned(),
            operator: Operator::In,
            values: strings(&["web", "cache"]),
        }],
        ..LabelSelector::default()
    };
    program.networks = vec![network(
        &["a"],
        vec![DefaultDeny { name: Some("isolate".to_owned()), ingress: false, ..deny() }],
        vec![
            edge(pod("a", "web"), pod("a", "db"), vec![named("pg")]),
            edge(pod("a", "db"), block("10.1.0.0/16", &[]), vec![PortRef::Protocol(Protocol::Sctp)]),
            edge(
                Peer::Pods { pods: tier, namespaces: None },
                Peer::Namespace("b".to_owned()),
                vec![PortRef::Number(PortSpec { first: 8000, last: 8100, protocol: Protocol::Tcp })],
            ),
            edge(Peer::All, Peer::Dns, vec![]),
        ],
    )];
    let (lowered, findings) = lower(&program);
    assert_snapshot!("wide_in_narrow", render(&lowered));
    assert_snapshot!(lines(&findings), @"K0402 half of this edge is not ours: this program does not say what may enter the pods of `b`");
}

#[test]
fn the_internet_is_what_lies_outside_and_callers_come_by_nodes() {
    let mut program = base();
    program.project.network.nodes.push("fd00::/64".parse().unwrap());
    let edges = || {
        vec![
            edge(Peer::Internet, pod("a", "web"), vec![named("http")]),
            edge(pod("a", "web"), Peer::Internet, vec![PortRef::Number(tcp(443))]),
        ]
    };
    program.networks = vec![network(&["a"], vec![deny()], edges())];
    assert_snapshot!("internet", render(&lower(&program).0));

    program.project.network.nodes.clear();
    let (lowered, findings) = lower(&program);
    assert_snapshot!(lines(&findings), @"
    K0407 `internet` needs the cluster's ranges, and `[network]` does not give nodes
    K0407 `internet` needs the cluster's ranges, and `[network]` does not give nodes
    ");
    let keys: Vec<String> = lowered.iter().map(|lowered| lowered.object.key().to_string()).collect();
    assert_snapshot!(keys.join("\n"), @"
    Namespace a
    Namespace b
    NetworkPolicy.networking.k8s.io a/default-deny
    ");
}

#[test]
fn anybody_is_a_rule_without_far_ends_and_swallows_the_others() {
    let mut program = base();
    program.networks = vec![network(
        &["a"],
        vec![DefaultDeny { egress: false, ..deny() }],
        vec![
            edge(pod("b", "api"), pod("a", "web"), vec![]),
            edge(Peer::Any, pod("a", "web"), vec![]),
            edge(
                Peer::Any,
                pod("a", "db"),
                vec![named("pg"), PortRef::Named { name: "unknown".to_owned(), protocol: Protocol::Udp }],
            ),
        ],
    )];
    assert_snapshot!(render(&lower(&program).0), @"
    # Namespaces: manifests/cluster/namespace-a.yaml
    apiVersion: v1
    kind: Namespace
    metadata:
      name: a

    # Namespaces: manifests/cluster/namespace-b.yaml
    apiVersion: v1
    kind: Namespace
    metadata:
      name: b

    # NetworkAllow: manifests/a/networkpolicy-db-ingress.yaml
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: db-ingress
      namespace: a
    spec:
      ingress:
      - ports:
        - port: unknown
          protocol: UDP
        - port: 5432
          protocol: TCP
      podSelector:
        matchLabels:
          app: db
      policyTypes:
      - Ingress

    # NetworkAllow: manifests/a/networkpolicy-web-ingress.yaml
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: web-ingress
      namespace: a
    spec:
      ingress:
      - {}
      podSelector:
        matchLabels:
          app: web
      policyTypes:
      - Ingress

    # NetworkDeny: manifests/a/networkpolicy-default-deny-ingress.yaml
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: default-deny-ingress
      namespace: a
    spec:
      podSelector: {}
      policyTypes:
      - Ingress
    ");
}

#[test]
fn a_policy_spelt_out_stays_as_written() {
    let mut program = base();
    let rule = |peers, ports| PolicyRule { peers, ports };
    let mut net = network(&["a"], vec![], vec![]);
    net.policies = vec![
        Policy {
            name: "web-ingress".to_owned(),
            pods: LabelSelector::labels([("app", "web")]),
            ingress: Some(vec![
                rule(
                    vec![pod("b", "api"), Peer::All, block("2001:db8::/32", &["2001:db8:1::/48"])],
                    vec![named("http")],
                ),
                rule(vec![Peer::Any], vec![]),
                rule(vec![], vec![named("http")]),
            ]),
            egress: Some(vec![rule(vec![pod("a", "db"), Peer::Dns], vec![named("pg")])]),
            doc: Some("By hand.".to_owned()),
            origin: origin(),
        },
        Policy {
            name: "shut".to_owned(),
            pods: LabelSelector::default(),
            ingress: Some(vec![]),
            egress: None,
            doc: None,
            origin: origin(),
        },
    ];
    net.edges = vec![edge(Peer::Namespace("b".to_owned()), pod("a", "web"), vec![])];
    program.networks = vec![net];
    let (lowered, findings) = lower(&program);
    assert_snapshot!(render(&lowered), @r#"
    # Namespaces: manifests/cluster/namespace-a.yaml
    apiVersion: v1
    kind: Namespace
    metadata:
      name: a

    # Namespaces: manifests/cluster/namespace-b.yaml
    apiVersion: v1
    kind: Namespace
    metadata:
      name: b

    # NetworkAllow: manifests/a/networkpolicy-web-ingress-638f1845.yaml
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: web-ingress-638f1845
      namespace: a
    spec:
      ingress:
      - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: b
      podSelector:
        matchLabels:
          app: web
      policyTypes:
      - Ingress

    # NetworkAllow: manifests/a/networkpolicy-web-ingress.yaml
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: web-ingress
      namespace: a
      annotations:
        kspec.dev/purpose: "By hand."
    spec:
      egress:
      - ports:
        - port: pg
          protocol: TCP
        to:
        - podSelector:
            matchLabels:
              app: db
      - ports:
        - port: 53
          protocol: UDP
        - port: 53
          protocol: TCP
        to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
          podSelector:
            matchLabels:
              k8s-app: kube-dns
      ingress:
      - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: b
          podSelector:
            matchLabels:
              app: api
        - podSelector: {}
        - ipBlock:
            cidr: "2001:db8::/32"
            except:
            - "2001:db8:1::/48"
        ports:
        - port: http
          protocol: TCP
      - {}
      podSelector:
        matchLabels:
          app: web
      policyTypes:
      - Ingress
      - Egress

    # NetworkDeny: manifests/a/networkpolicy-shut.yaml
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: shut
      namespace: a
    spec:
      podSelector: {}
      policyTypes:
      - Ingress
    "#);
    assert_snapshot!(lines(&findings), @"K0402 half of this edge is not ours: this program does not say what may leave the pods of `b`");
}

#[test]
fn denials_without_a_name_are_one_object_a_namespace() {
    let mut program = base();
    program.networks = vec![
        Network { scope: NetworkScope::Where(LabelSelector::default()), ..network(&[], vec![deny()], vec![]) },
        network(&["a"], vec![deny(), DefaultDeny { egress: false, ..deny() }], vec![]),
    ];
    let keys: Vec<String> = lower(&program).0.iter().map(|lowered| lowered.object.key().to_string()).collect();
    assert_snapshot!(keys.join("\n"), @"
    Namespace a
    Namespace b
    NetworkPolicy.networking.k8s.io a/default-deny
    NetworkPolicy.networking.k8s.io a/default-deny-ingress
    NetworkPolicy.networking.k8s.io b/default-deny
    ");
}

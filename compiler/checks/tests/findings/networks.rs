//! Networks and selectors.

use insta::assert_snapshot;
use kspec_model::{LabelSelector, Operator, Requirement, program::*};

use crate::{fixture::*, warned};

fn cidr(text: &str) -> Peer {
    Peer::Cidr { block: text.parse().unwrap(), except: vec![] }
}

fn number(port: u16) -> PortRef {
    PortRef::Number(tcp(port))
}

fn range(first: u16, last: u16) -> PortRef {
    PortRef::Number(PortSpec { first, last, protocol: Protocol::Tcp })
}

fn base() -> Program {
    let mut program = program();
    program.namespaces = vec![namespace("a"), namespace("b")];
    program.workloads = vec![workload("a", "web"), workload("a", "db"), workload("b", "api")];
    program
}

#[test]
fn edges_that_others_allow_already() {
    let mut program = base();
    let (web, db, api) = (|| pod("a", "web"), || pod("a", "db"), || pod("b", "api"));
    program.networks = vec![
        network(
            &["a"],
            vec![deny()],
            vec![
                edge(Peer::All, Peer::Dns, vec![]),
                edge(web(), db(), vec![number(5432)]),
                edge(web(), db(), vec![number(5432)]),
                edge(Peer::All, db(), vec![range(5000, 6000)]),
                edge(web(), api(), vec![PortRef::Protocol(Protocol::Tcp)]),
                edge(web(), api(), vec![named("grpc")]),
                edge(web(), cidr("10.0.0.0/8"), vec![]),
                edge(web(), cidr("10.20.0.0/16"), vec![number(443)]),
                // None of these says less than another: `any` does not let pods in at the far end.
                edge(api(), web(), vec![number(80)]),
                edge(Peer::Any, web(), vec![]),
                edge(cidr("10.0.0.0/8"), web(), vec![number(80)]),
                edge(web(), cidr("192.168.0.0/16"), vec![number(443)]),
            ],
        ),
        network(&["b"], vec![], vec![edge(web(), Peer::All, vec![])]),
    ];
    assert_snapshot!(warned(&program), @r#"
    K0403 Warning: 10.0.0.0/8 -> `a/web` is allowed already
      at: allows it: `any` -> `a/web`
      fix: drop the edge [""]
      help: drop the narrower edge, or narrow the wider one: policies only add up
    K0403 Warning: `a/web` -> 10.20.0.0/16 is allowed already
      at: allows it: `a/web` -> 10.0.0.0/8
      fix: drop the edge [""]
      help: drop the narrower edge, or narrow the wider one: policies only add up
    K0403 Warning: `a/web` -> `a/db` is allowed already
      at: allows it: `all` -> `a/db`
      fix: drop the edge [""]
      help: drop the narrower edge, or narrow the wider one: policies only add up
    K0403 Warning: `a/web` -> `a/db` is allowed already
      at: allows it: `a/web` -> `a/db`
      fix: drop the edge [""]
      help: drop the narrower edge, or narrow the wider one: policies only add up
    K0403 Warning: `a/web` -> `b/api` is allowed already
      at: allows it: `a/web` -> `all`
      fix: drop the edge [""]
      help: drop the narrower edge, or narrow the wider one: policies only add up
    K0403 Warning: `a/web` -> `b/api` is allowed already
      at: allows it: `a/web` -> `b/api`
      fix: drop the edge [""]
      help: drop the narrower edge, or narrow the wider one: policies only add up
    "#);
}

#[test]
fn workloads_that_select_each_others_pods() {
    let mut program = base();
    let labelled = |name: &str, labels: &[(&str, &str)]| Workload {
        pods: LabelSelector::labels(labels.iter().copied()),
        pod_labels: map(labels),
        ..workload("a", name)
    };
    program.workloads = vec![
        labelled("stable", &[("app", "api")]),
        labelled("canary", &[("app", "api"), ("track", "canary")]),
        labelled("other", &[("track", "canary")]),
        Workload { namespace: "b".to_owned(), ..labelled("elsewhere", &[("app", "api")]) },
        Workload {
            pods: LabelSelector {
                match_labels: map(&[]),
                match_expressions: vec![Requirement {
                    key: "app".to_owned(),
                    operator: Operator::In,
                    values: strings(&["api", "x"]),
                }],
            },
            ..labelled("expressed", &[("app", "x")])
        },
    ];
    assert_snapshot!(warned(&program), @"
    K0404 Warning: workload `expressed` also selects the pods of `canary`
      at: selects app in (api,x)
      at: whose pods it selects too
      witness: a pod in `a` with labels app=api,track=canary is both: it may do what either may
      help: demand a label that tells them apart
    K0404 Warning: workload `expressed` also selects the pods of `stable`
      at: selects app in (api,x)
      at: whose pods it selects too
      witness: a pod in `a` with labels app=api is both: it may do what either may
      help: demand a label that tells them apart
    K0404 Warning: workload `other` also selects the pods of `canary`
      at: selects track=canary
      at: whose pods it selects too
      witness: a pod in `a` with labels app=api,track=canary is both: it may do what either may
      help: demand a label that tells them apart
    K0404 Warning: workload `stable` also selects the pods of `canary`
      at: selects app=api
      at: whose pods it selects too
      witness: a pod in `a` with labels app=api,track=canary is both: it may do what either may
      help: demand a label that tells them apart
    ");
}

#[test]
fn selectors_that_nothing_can_match() {
    let mut program = base();
    let requirement =
        |key: &str, operator, values: &[&str]| Requirement { key: key.to_owned(), operator, values: strings(values) };
    let selector = |match_expressions| LabelSelector { match_labels: map(&[("app", "web")]), match_expressions };
    let never = selector(vec![requirement("app", Operator::NotIn, &["web"])]);
    let fine =
        selector(vec![requirement("tier", Operator::NotIn, &["web"]), requirement("app", Operator::Exists, &[])]);
    let absent = selector(vec![requirement("app", Operator::DoesNotExist, &[])]);
    let disjoint = LabelSelector {
        match_labels: map(&[]),
        match_expressions: vec![requirement("x", Operator::In, &["1", "2"]), requirement("x", Operator::In, &["3"])],
    };
    program.grants = vec![grant(None, "view", GrantScope::Where(disjoint), vec![Subject::User("x".to_owned())])];
    program.networks = vec![network(
        &["a"],
        vec![deny()],
        vec![
            edge(Peer::All, Peer::Dns, vec![]),
            edge(Peer::Pods { pods: never, namespaces: None }, pod("a", "db"), vec![]),
            edge(Peer::Pods { pods: fine, namespaces: Some(absent) }, pod("a", "db"), vec![]),
        ],
    )];
    assert_snapshot!(warned(&program), @"
    K0405 Warning: the scope of this grant can match nothing: `x` would have to be two values at once, or one that is ruled out
      witness: x in (1,2),x in (3) holds for no set of labels
      help: correct the condition; what it guards has no effect as it stands
    K0405 Warning: this condition on namespaces can match nothing: `app` would have to be present and absent
      witness: app=web,!app holds for no set of labels
      help: correct the condition; what it guards has no effect as it stands
    K0405 Warning: this condition on pods can match nothing: `app` would have to be two values at once, or one that is ruled out
      witness: app=web,app notin (web) holds for no set of labels
      help: correct the condition; what it guards has no effect as it stands
    ");
}

#[test]
fn dns_is_forgotten_where_names_are_needed() {
    let mut program = base();
    let calls = || edge(pod("a", "web"), pod("a", "db"), vec![]);
    let told = |program: &mut Program, edges: Vec<Edge>| {
        program.networks = vec![network(&["a"], vec![deny()], edges)];
        warned(program)
    };
    assert_snapshot!(told(&mut program, vec![calls()]), @r#"
    K0406 Warning: pods in `a` may not ask DNS
      at: denies it
      at: what they may call, if they find its address
      witness: `a/web` looks up the name of `a/db`
      witness: the query to the cluster's DNS is dropped
      witness: the connection is never tried
      fix: add `allow all -> dns` ["\n  allow all -> dns"]
      help: add `allow all -> dns`
    "#);
    assert_eq!(told(&mut program, vec![]), "");
    assert_eq!(told(&mut program, vec![edge(pod("a", "web"), cidr("10.1.2.3/32"), vec![number(443)])]), "");
    assert_eq!(told(&mut program, vec![calls(), edge(Peer::All, Peer::Dns, vec![])]), "");
    assert_eq!(told(&mut program, vec![calls(), edge(pod("a", "web"), Peer::Any, vec![])]), "");
    assert_eq!(
        told(
            &mut program,
            vec![calls(), edge(Peer::All, Peer::Namespace("kube-system".to_owned()), vec![range(50, 60)])]
        ),
        ""
    );
    program.networks = vec![network(&["a"], vec![DefaultDeny { egress: false, ..deny() }], vec![calls()])];
    assert_eq!(warned(&program), "");
}

//! Over generated pairs, a delta is the difference of the two full answers: of every single question, and of every packet.

use std::collections::BTreeSet;

use kspec_analysis::{
    access::{self, Request},
    net::{self, EdgeChange, Ipv6, NetOptions},
};
use kspec_model::{
    cluster::{Cluster, PortTarget},
    program::Protocol,
};
use kspec_plan::{Access, Connectivity};
use kspec_query::{
    Model,
    document::{AccessDiffDocument, QUERY_FORMAT},
    net_document::NetDiffDocument,
};
use kspec_schema::{KubeVersion, Schema};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::{
    applied::{applied, tracked},
    generated::{Item, Stands, objects},
    packets::{self, PORTS, PROTOCOLS, names},
    plain_access::{is_the_difference, universe},
    plain_net::{Party, World as NetWorld, passes},
    read_back,
    world::{World, owned, state},
};

fn cluster(objects: Vec<Value>) -> Cluster {
    Model::of_state(&state(objects), &Schema::bundled(KubeVersion::NEWEST)).cluster
}

/// What the state has, what the program says, and what there is once it is applied.
fn worlds(items: &[Item]) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
    let (mut there, mut wanted, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for Item { stands, tracked: is_tracked, first, second } in items {
        let ours = || if *is_tracked { tracked(owned(first.clone())) } else { owned(first.clone()) };
        match stands {
            Stands::Left => {
                there.push(ours());
                // A namespace outlives its declaration.
                after.extend((first["kind"] == "Namespace").then(|| first.clone()));
            }
            Stands::New => {
                wanted.push(second.clone());
                after.push(owned(second.clone()));
            }
            Stands::Changed => {
                there.push(ours());
                wanted.push(second.clone());
                after.push(applied(&ours(), &owned(second.clone())));
            }
            Stands::Adopted => {
                there.push(first.clone());
                wanted.push(second.clone());
                after.push(applied(first, &owned(second.clone())));
            }
            Stands::Others => {
                there.push(first.clone());
                after.push(first.clone());
            }
        }
    }
    (there, wanted, after)
}

/// Questions about everything, and about what each rule that somebody is given says.
fn questions(clusters: [&Cluster; 2]) -> Vec<Request> {
    let all = |list: &[String]| -> Vec<String> {
        let value = |text: &String| if text == "*" { "unmentioned".to_owned() } else { text.clone() };
        list.iter().map(value).collect()
    };
    let mut asked: BTreeSet<(String, String, String, String, String)> = BTreeSet::new();
    for cluster in clusters {
        for (key, binding) in cluster.bindings.iter().filter(|(_, binding)| !binding.built_in) {
            for rule in cluster.roles.get(&binding.role).into_iter().flat_map(|role| &role.rules) {
                let namespace = key.namespace.clone().unwrap_or_else(|| "unmentioned".to_owned());
                let names = if rule.resource_names.is_empty() {
                    vec!["unmentioned".to_owned()]
                } else {
                    rule.resource_names.clone()
                };
                for verb in all(&rule.verbs) {
                    for group in all(&rule.api_groups) {
                        for resource in all(&rule.resources) {
                            for name in &names {
                                asked.insert((
                                    verb.clone(),
                                    group.clone(),
                                    resource.clone(),
                                    name.clone(),
                                    namespace.clone(),
                                ));
                            }
                        }
                    }
                }
            }
        }
    }
    let of_rules = asked.into_iter().map(|(verb, group, resource, name, namespace)| {
        let (resource, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
        let resource = resource.replace('*', "unmentioned");
        Request { verb, group, resource, subresource: subresource.to_owned(), name, namespace, ..Request::default() }
    });
    universe().into_iter().chain(of_rules).collect()
}

/// Whether something leads callers from outside to a workload's port, and some of them are let through.
fn is_led(cluster: &Cluster, to: &Party, protocol: Protocol, port: u16) -> bool {
    let Party::Pod(key) = to else { return false };
    let Some(pod) = cluster.workloads.get(key) else { return false };
    let leads = cluster.services.iter().filter(|(_, service)| service.is_exposed()).any(|((namespace, _), service)| {
        let selects = key.namespace.as_ref() == Some(namespace)
            && service
                .selector
                .as_ref()
                .is_some_and(|selector| selector.iter().all(|(name, value)| pod.labels.get(name) == Some(value)));
        selects
            && service.ports.iter().any(|served| {
                let is_target = match &served.target {
                    PortTarget::Number(number) => *number == port,
                    PortTarget::Name(name) => pod
                        .ports
                        .iter()
                        .any(|own| own.name.as_ref() == Some(name) && own.protocol == protocol && own.port == port),
                };
                served.protocol == protocol && is_target
            })
    });
    let world = NetWorld { cluster, by_address: false };
    leads
        && packets::ADDRESSES
            .iter()
            .any(|address| passes(world, &Party::Outside(address.parse().unwrap()), to, protocol, port))
}

/// Holds a printed delta of connectivity against every packet, and every port that callers are led to.
fn connections_differ(printed: &Connectivity, sides: [&Cluster; 2]) -> Result<(), String> {
    let mut parties = packets::parties(&sides);
    // Addresses of IPv6 are told apart where a policy names one.
    let names_ipv6 = |cluster: &Cluster| format!("{:?}", cluster.network_policies).contains("fd00::");
    if !sides.into_iter().any(names_ipv6) {
        parties.retain(|party| !matches!(party, Party::Outside(address) if address.is_ipv6()));
    }
    let (opened, closed) = (read_back::edges(&printed.opened), read_back::edges(&printed.closed));
    packets::is_the_difference([&opened, &closed], sides, false, &parties)?;
    let [before, after] = sides;
    for (changes, lack, have) in [(&opened, before, after), (&closed, after, before)] {
        let led: Vec<&EdgeChange> = changes.iter().filter(|change| change.src == "internet").collect();
        for to in &parties {
            for protocol in PROTOCOLS {
                for port in PORTS {
                    let expected = is_led(have, to, protocol, port) && !is_led(lack, to, protocol, port);
                    let holds = |change: &&&EdgeChange| {
                        names(&change.dst, to, have) && change.connections.contains(protocol, port)
                    };
                    let count = led.iter().filter(holds).count();
                    if count != usize::from(expected) {
                        return Err(format!(
                            "internet -> {to:?} {protocol:?} {port} is told {count} times in {led:#?}"
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Both parts of a printed delta against the full answers; then with one line of each left out.
fn hold(access: &Access, connectivity: &Connectivity, sides: [&Cluster; 2], left_out: Index) {
    let questions = questions(sides);
    let accesses_differ =
        |printed: &Access| is_the_difference(&read_back::access(printed), sides[0], sides[1], &questions);
    accesses_differ(access).unwrap();
    connections_differ(connectivity, sides).unwrap();

    let lines = access.gained.len() + access.lost.len();
    if lines > 0 {
        let mut less = access.clone();
        let at = left_out.index(lines);
        let (list, at) =
            if at < less.gained.len() { (&mut less.gained, at) } else { (&mut less.lost, at - access.gained.len()) };
        let line = list.remove(at);
        assert!(accesses_differ(&less).is_err(), "nobody misses {line:#?}");
    }
    let lines = connectivity.opened.len() + connectivity.closed.len();
    if lines > 0 {
        let mut less = connectivity.clone();
        let at = left_out.index(lines);
        let (list, at) = if at < less.opened.len() {
            (&mut less.opened, at)
        } else {
            (&mut less.closed, at - connectivity.opened.len())
        };
        let line = list.remove(at);
        assert!(connections_differ(&less, sides).is_err(), "nobody misses {line:#?}");
    }
}

/// A part of a printed document.
fn part<T: serde::de::DeserializeOwned>(document: &Value, name: &str) -> T {
    serde_json::from_value(document[name].clone()).unwrap()
}

/// So many ends change alike that their names share a line.
#[test]
fn names_that_share_a_line_stand_for_each() {
    let pods = ["a", "b"].into_iter().flat_map(|namespace| {
        (0..30).map(move |at| {
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": { "namespace": namespace, "name": format!("w{at}"), "labels": { "app": if at % 2 == 0 { "p" } else { "q" } } },
                "spec": { "containers": [{ "name": "c", "image": "x:1" }] },
            })
        })
    });
    let policy = |name: &str, spec: Value| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "namespace": "a", "name": name }, "spec": spec,
        })
    };
    let deny = policy("deny", json!({ "podSelector": {}, "policyTypes": ["Ingress"] }));
    let from = json!({ "namespaceSelector": {}, "podSelector": { "matchLabels": { "app": "q" } } });
    let allow = policy(
        "allow",
        json!({
            "podSelector": { "matchLabels": { "app": "p" } }, "policyTypes": ["Ingress"],
            "ingress": [{ "from": [from], "ports": [{ "port": 80 }] }],
        }),
    );
    let there: Vec<Value> = pods.chain([deny]).collect();
    let after: Vec<Value> = there.iter().cloned().chain([owned(allow.clone())]).collect();
    let printed = serde_json::to_value(World::new(vec![allow], there.clone()).plan().plan).unwrap();
    let connectivity: Connectivity = part(&printed, "connectivity");
    assert!(
        connectivity.opened.iter().any(|line| line.src.contains(", ") && line.dst.contains(", ")),
        "{connectivity:?}"
    );
    connections_differ(&connectivity, [&cluster(there), &cluster(after)]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_tells_every_difference(items in objects(false), left_out: Index) {
        let (there, wanted, after) = worlds(&items);
        let world = World::new(wanted, there.clone());
        let printed = serde_json::to_value(world.plan().plan).unwrap();
        let (before, after) = (cluster(there), cluster(after));
        hold(&part(&printed, "access"), &part(&printed, "connectivity"), [&before, &after], left_out);
    }

    #[test]
    fn two_states_differ_in_what_is_told(items in objects(true), left_out: Index) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for Item { stands, first, second, .. } in items {
            before.extend((stands != Stands::New).then(|| first.clone()));
            after.extend((stands != Stands::Left).then(|| if stands == Stands::Others { first } else { second }));
        }
        let (before, after) = (cluster(before), cluster(after));
        // As `kspec access diff -o json` and `kspec net diff -o json` print them.
        let access = access::delta(&before, &after);
        let access = AccessDiffDocument { format_version: QUERY_FORMAT, access: access.into(), not_covered: Vec::new() };
        let options = NetOptions { ipv6: Ipv6::WhenNamed, ..NetOptions::default() };
        let connectivity = net::delta(&before, &after, &options);
        let connectivity = NetDiffDocument { format_version: QUERY_FORMAT, connectivity: connectivity.into() };
        let (access, connectivity) = (serde_json::to_value(access).unwrap(), serde_json::to_value(connectivity).unwrap());
        let (access, connectivity) = (serde_json::from_value(access).unwrap(), serde_json::from_value(connectivity).unwrap());
        hold(&access, &connectivity, [&before, &after], left_out);
    }
}

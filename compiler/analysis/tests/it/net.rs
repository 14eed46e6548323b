//! Connectivity on small clusters written as Kubernetes objects.

use kspec_analysis::net::{Connections, ConnectivityDelta, End, NetOptions, delta, reach};
use kspec_model::{Object, ObjectKey, cluster::Cluster, program::Protocol};
use serde_json::{Value, json};

fn lift(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let objects: Vec<_> = objects.into_iter().map(Object).collect();
    let (cluster, problems) = Cluster::lift(&objects);
    assert_eq!(problems, []);
    cluster
}

fn deployment(namespace: &str, name: &str, ports: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": { "matchLabels": { "app": name } }, "template": { "metadata": { "labels": { "app": name } }, "spec": { "containers": [{ "name": "c", "ports": ports }] } } },
    })
}

fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

fn shop() -> Vec<Value> {
    let http = json!([{ "name": "http", "containerPort": 8080 }]);
    vec![
        deployment("shop", "web", http.clone()),
        deployment("shop", "api", http.clone()),
        deployment("data", "db", json!([{ "name": "pg", "containerPort": 5432 }])),
        deployment("edge", "gateway", http),
    ]
}

fn lines(cluster: &Cluster) -> String {
    let reach = reach(cluster, &NetOptions::default());
    reach.edges().iter().map(|edge| format!("{},{},{}\n", edge.src, edge.dst, edge.connections)).collect()
}

fn changes(delta: &ConnectivityDelta) -> String {
    let mut text = String::new();
    for (sign, edges) in [("+", &delta.opened), ("-", &delta.closed)] {
        for edge in edges {
            let because: Vec<_> =
                edge.because.iter().map(|cause| format!("{:?} {}", cause.change, cause.object)).collect();
            text +=
                &format!("{sign} {} -> {} {} because {}\n", edge.src, edge.dst, edge.connections, because.join("; "));
        }
    }
    text
}

#[test]
fn a_policy_shows_as_lines() {
    let policies = [
        policy("data", "deny", json!({ "policyTypes": ["Ingress", "Egress"] })),
        policy(
            "data",
            "db",
            json!({
                "podSelector": { "matchLabels": { "app": "db" } },
                "ingress": [
                    { "from": [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "shop" } }, "podSelector": { "matchLabels": { "app": "api" } } }], "ports": [{ "port": "pg" }] },
                    { "from": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] } }], "ports": [{ "port": 5432 }, { "port": 5000, "endPort": 5005, "protocol": "UDP" }] },
                ],
            }),
        ),
    ];
    insta::assert_snapshot!(lines(&lift(shop().into_iter().chain(policies))));
}

#[test]
fn denying_by_default_closes_and_an_edge_opens() {
    let deny = policy("data", "deny", json!({ "policyTypes": ["Ingress", "Egress"] }));
    let allow = policy(
        "data",
        "db",
        json!({
            "podSelector": { "matchLabels": { "app": "db" } },
            "ingress": [{ "from": [{ "namespaceSelector": {}, "podSelector": { "matchLabels": { "app": "api" } } }], "ports": [{ "port": "pg" }] }],
        }),
    );
    let before = lift(shop());
    let denied = lift(shop().into_iter().chain([deny.clone()]));
    let after = lift(shop().into_iter().chain([deny, allow]));
    let text = format!(
        "deny:\n{}\nallow:\n{}\nboth:\n{}",
        changes(&delta(&before, &denied, &NetOptions::default())),
        changes(&delta(&denied, &after, &NetOptions::default())),
        changes(&delta(&before, &after, &NetOptions::default())),
    );
    insta::assert_snapshot!(text);
}

#[test]
fn many_ends_that_change_alike_stand_in_one_line() {
    // Half of each namespace is isolated already, so that no namespace changes as a whole.
    let workloads = || (0..60).map(|number| deployment(["a", "b"][number % 2], &format!("w{number}"), json!([])));
    let open: Vec<_> = (0..60).filter(|number| number % 4 < 2).map(|number| format!("w{number}")).collect();
    let halves = ["a", "b"].map(|namespace| {
        let isolated = json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": open }] });
        policy(namespace, "half", json!({ "podSelector": isolated, "policyTypes": ["Ingress", "Egress"] }))
    });
    let all = ["a", "b"].map(|namespace| policy(namespace, "all", json!({ "policyTypes": ["Ingress", "Egress"] })));
    let before = lift(workloads().chain(halves.clone()));
    let after = lift(workloads().chain(halves).chain(all));
    let delta = delta(&before, &after, &NetOptions::default());
    let ends: Vec<_> =
        delta.closed.iter().map(|edge| (edge.src.split(", ").count(), edge.dst.split(", ").count())).collect();
    assert_eq!(delta.opened, []);
    assert_eq!(ends.iter().map(|(src, dst)| src * dst).sum::<usize>(), 31 * 30 + 30, "{ends:?}");
    assert!(ends.len() < 40, "{ends:?}");
}

#[test]
fn a_relabelled_namespace_and_a_new_workload_are_named_as_causes() {
    let allow = policy(
        "data",
        "db",
        json!({
            "podSelector": {},
            "ingress": [{ "from": [{ "namespaceSelector": { "matchLabels": { "team": "shop" } } }] }],
        }),
    );
    let labelled = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "edge", "labels": { "team": "shop" } } });
    let before = lift(shop().into_iter().chain([allow.clone()]));
    let after = lift(shop().into_iter().chain([allow, labelled, deployment("edge", "probe", json!([]))]));
    insta::assert_snapshot!(changes(&delta(&before, &after, &NetOptions::default())));
}

#[test]
fn what_a_controller_owns_counts_as_the_controller() {
    let owned = |kind: &str, name: &str, owner_kind: &str, owner: &str| {
        json!({
            "apiVersion": if kind == "Pod" { "v1" } else { "apps/v1" }, "kind": kind,
            "metadata": { "name": name, "namespace": "shop", "labels": { "app": "web" }, "ownerReferences": [{ "apiVersion": "apps/v1", "kind": owner_kind, "name": owner, "controller": true }] },
        })
    };
    let cluster = lift(shop().into_iter().chain([
        owned("ReplicaSet", "web-1", "Deployment", "web"),
        owned("Pod", "web-1-a", "ReplicaSet", "web-1"),
        owned("Pod", "lost-a", "ReplicaSet", "lost"),
        owned("Pod", "lost-b", "ReplicaSet", "lost"),
    ]));
    let reach = reach(&cluster, &NetOptions::default());
    let sources: std::collections::BTreeSet<_> = reach.edges().into_iter().map(|edge| edge.src).collect();
    assert_eq!(
        sources.into_iter().collect::<Vec<_>>(),
        [
            "0.0.0.0-255.255.255.255[External]",
            "data/db[Deployment]",
            "edge/gateway[Deployment]",
            "shop/api[Deployment]",
            "shop/lost[ReplicaSet]",
            "shop/web[Deployment]"
        ]
    );
    let pod = |name: &str| {
        End::Workload(ObjectKey {
            group: String::new(),
            kind: "Pod".into(),
            namespace: Some("shop".into()),
            name: name.into(),
        })
    };
    assert_eq!(reach.connections(&pod("web-1-a"), &pod("lost-b")), Some(Connections::all()));
    assert_eq!(reach.connections(&pod("nobody"), &pod("lost-b")), None);
}

#[test]
fn kinds_that_are_not_evaluated_are_named() {
    let cilium = json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": { "name": "c", "namespace": "shop" } });
    let (before, after) = (lift(shop()), lift(shop().into_iter().chain([cilium])));
    let delta = delta(&before, &after, &NetOptions::default());
    assert!(delta.is_empty());
    assert_eq!(delta.unknown_because, reach(&after, &NetOptions::default()).unknown_because);
    assert_eq!(delta.unknown_because.len(), 1);
}

#[test]
fn connections_are_written_as_netpol_analyzer_does_and_read_back() {
    let range = Connections::range;
    let some = range(Protocol::Udp, 53, 53).union(&range(Protocol::Tcp, 443, 445)).union(&range(Protocol::Tcp, 80, 80));
    for (connections, text) in [
        (Connections::all(), "All Connections"),
        (Connections::none(), "No Connections"),
        (some, "TCP 80,443-445,UDP 53"),
        (Connections::all().difference(&range(Protocol::Tcp, 1, 65535)), "SCTP 1-65535,UDP 1-65535"),
        (Connections::protocol(Protocol::Tcp).difference(&range(Protocol::Tcp, 80, 80)), "TCP 1-79,81-65535"),
    ] {
        assert_eq!(connections.to_string(), text);
        assert_eq!(text.parse(), Ok(connections));
    }
    assert!("TCP".parse::<Connections>().is_err());
}

fn service(namespace: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

/// The lines about callers from outside.
fn exposures(before: &[Value], after: &[Value]) -> String {
    let delta = delta(&lift(before.to_vec()), &lift(after.to_vec()), &NetOptions::default());
    changes(&delta).lines().filter(|line| line.contains("internet")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn whoever_calls_from_outside_is_an_end_where_something_leads_in() {
    let web = |kind: &str| {
        let ports = json!([{ "name": "web", "port": 80, "targetPort": "http" }, { "name": "admin", "port": 9000 }]);
        service("shop", "web", json!({ "type": kind, "selector": { "app": "web" }, "ports": ports }))
    };
    let backend = |port: Value| json!({ "service": { "name": "web", "port": port } });
    let ingress = |backend: Value| json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "web", "namespace": "shop" }, "spec": { "defaultBackend": backend } });
    let route = |parent: &str| {
        let spec = json!({ "parentRefs": [{ "name": "gw", "kind": parent }], "rules": [{ "backendRefs": [{ "name": "web", "namespace": "shop", "port": 9000 }] }] });
        json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": { "name": "web", "namespace": "edge" }, "spec": spec })
    };
    let with = |more: &[Value]| -> Vec<Value> { shop().into_iter().chain(more.iter().cloned()).collect() };
    let inside = with(&[web("ClusterIP")]);
    let by_number = with(&[web("ClusterIP"), ingress(backend(json!({ "number": 80 })))]);
    let text = [
        ("node port", exposures(&inside, &with(&[web("NodePort")]))),
        ("no load balancer any more", exposures(&with(&[web("LoadBalancer")]), &inside)),
        ("ingress by number", exposures(&inside, &by_number)),
        (
            "ingress by name",
            exposures(&inside, &with(&[web("ClusterIP"), ingress(backend(json!({ "name": "admin" })))])),
        ),
        (
            "ingress to a service that is not there",
            exposures(&shop(), &with(&[ingress(backend(json!({ "number": 80 })))])),
        ),
        ("its service comes", exposures(&with(&[ingress(backend(json!({ "number": 80 })))]), &by_number)),
        ("gateway", exposures(&inside, &with(&[web("ClusterIP"), route("Gateway")]))),
        ("mesh", exposures(&inside, &with(&[web("ClusterIP"), route("Service")]))),
    ];
    let text: Vec<_> = text.iter().map(|(title, lines)| format!("{title}:\n{lines}")).collect();
    insta::assert_snapshot!(text.join(""));
}

fn of_gateways(kind: &str, (namespace, name): (&str, &str), spec: Value) -> Value {
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

/// Who is led in to the pods of `shop`, where a Gateway of `edge` has one listener and a route of `team` hangs on it.
fn routed(allowed: Value, parent: Value, more: &[Value]) -> Vec<Value> {
    let listener = json!({ "name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": allowed });
    let mut parent_ref = json!({ "name": "gw", "namespace": "edge" });
    parent_ref.as_object_mut().unwrap().extend(parent.as_object().unwrap().clone());
    let backend = json!({ "backendRefs": [{ "name": "api", "namespace": "shop", "port": 80 }] });
    let service =
        service("shop", "api", json!({ "selector": { "app": "api" }, "ports": [{ "port": 80, "targetPort": 8080 }] }));
    let mut objects: Vec<_> = shop().into_iter().chain([service]).chain(more.iter().cloned()).collect();
    objects.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "team", "labels": { "routes": "yes" } } }));
    objects.push(of_gateways("Gateway", ("edge", "gw"), json!({ "listeners": [listener] })));
    objects.push(of_gateways("HTTPRoute", ("team", "r"), json!({ "parentRefs": [parent_ref], "rules": [backend] })));
    objects
}

fn grant(kind: &str, from: &str, service: Option<&str>) -> Value {
    let from = json!({ "group": "gateway.networking.k8s.io", "kind": kind, "namespace": from });
    let to = json!({ "group": "", "kind": "Service", "name": service });
    of_gateways("ReferenceGrant", ("shop", "g"), json!({ "from": [from], "to": [to] }))
}

#[test]
fn a_route_leads_in_where_its_gateway_takes_it_in_and_a_grant_lets_it_refer() {
    let is_led = |allowed: Value, parent: Value, more: &[Value]| {
        let cluster = lift(routed(allowed, parent, more));
        !reach(&cluster, &NetOptions::default()).exposures().is_empty()
    };
    let granted = [grant("HTTPRoute", "team", None)];
    let from = |from: &str| json!({ "namespaces": { "from": from } });
    let selected = |value: &str| json!({ "namespaces": { "from": "Selector", "selector": { "matchLabels": { "routes": value } } } });
    for (allowed, expected) in [
        (json!({}), false),
        (from("Same"), false),
        (from("None"), false),
        (from("All"), true),
        (selected("yes"), true),
        (selected("no"), false),
        (json!({ "namespaces": { "from": "All" }, "kinds": [{ "kind": "HTTPRoute" }] }), true),
        (json!({ "namespaces": { "from": "All" }, "kinds": [{ "kind": "GRPCRoute" }] }), false),
        (json!({ "namespaces": { "from": "All" }, "kinds": [{ "kind": "HTTPRoute", "group": "example.com" }] }), false),
    ] {
        assert_eq!(is_led(allowed.clone(), json!({}), &granted), expected, "{allowed}");
    }
    for (parent, expected) in [
        (json!({ "sectionName": "web" }), true),
        (json!({ "sectionName": "admin" }), false),
        (json!({ "port": 80 }), true),
        (json!({ "port": 81 }), false),
        // Nobody knows what a Gateway takes in that is not there, or what hangs between.
        (json!({ "name": "other" }), true),
        (json!({ "kind": "ListenerSet" }), true),
        (json!({ "kind": "Service", "group": "" }), false),
    ] {
        assert_eq!(is_led(from("All"), parent.clone(), &granted), expected, "{parent}");
    }
    for (grants, expected) in [
        (vec![], false),
        (vec![grant("HTTPRoute", "team", Some("api"))], true),
        (vec![grant("HTTPRoute", "team", Some("web"))], false),
        (vec![grant("HTTPRoute", "edge", None)], false),
        (vec![grant("TCPRoute", "team", None)], false),
    ] {
        assert_eq!(is_led(from("All"), json!({}), &grants), expected, "{grants:?}");
    }
}

#[test]
fn a_route_leads_in_where_some_host_is_its_own_and_its_listeners() {
    let is_led = |kind: &str, protocol: &str, host: Option<&str>, hosts: &[&str]| {
        let listener = json!({ "name": "web", "port": 80, "protocol": protocol, "hostname": host, "allowedRoutes": { "namespaces": { "from": "All" } } });
        let spec = json!({ "parentRefs": [{ "name": "gw" }], "hostnames": hosts, "rules": [{ "backendRefs": [{ "name": "api", "port": 80 }] }] });
        let port = json!([{ "port": 80, "targetPort": 8080 }]);
        let objects = [
            service("shop", "api", json!({ "selector": { "app": "api" }, "ports": port })),
            of_gateways("Gateway", ("shop", "gw"), json!({ "listeners": [listener] })),
            of_gateways(kind, ("shop", "r"), spec),
        ];
        !reach(&lift(shop().into_iter().chain(objects)), &NetOptions::default()).exposures().is_empty()
    };
    for (host, hosts, expected) in [
        (None, &[][..], true),
        (None, &["a.example.com"], true),
        (Some(""), &["a.example.com"], true),
        (Some("a.example.com"), &[], true),
        (Some("a.example.com"), &["a.example.com"], true),
        (Some("a.example.com"), &["b.example.com"], false),
        (Some("a.example.com"), &["b.example.com", "*.example.com"], true),
        (Some("a.example.com"), &["*.com"], true),
        (Some("a.example.com"), &["*.a.example.com"], false),
        (Some("*.example.com"), &["a.example.com"], true),
        (Some("*.example.com"), &["a.b.example.com"], true),
        (Some("*.example.com"), &["example.com"], false),
        (Some("*.example.com"), &["a.example.net"], false),
        (Some("*.example.com"), &["a.myexample.com"], false),
        (Some("*.example.com"), &["*.example.com"], true),
        (Some("*.example.com"), &["*.b.example.com"], true),
        (Some("*.b.example.com"), &["*.example.com"], true),
        (Some("*.b.example.com"), &["*.a.example.com"], false),
    ] {
        for (kind, protocol) in [("HTTPRoute", "HTTP"), ("GRPCRoute", "HTTPS"), ("TLSRoute", "TLS")] {
            assert_eq!(is_led(kind, protocol, host, hosts), expected, "{kind}: {host:?}, {hosts:?}");
        }
    }
    // What tells no hosts apart has no names of them.
    assert!(is_led("TCPRoute", "TCP", Some("a.example.com"), &["b.example.com"]));
    assert!(is_led("TCPRoute", "TLS", Some("a.example.com"), &["b.example.com"]));
}

#[test]
fn what_decides_over_a_route_is_named_where_callers_come_and_go() {
    let granted = [grant("HTTPRoute", "team", None)];
    let all = json!({ "namespaces": { "from": "All" } });
    let selected = json!({ "namespaces": { "from": "Selector", "selector": { "matchLabels": { "routes": "yes" } } } });
    let open = routed(all.clone(), json!({}), &granted);
    let relabelled: Vec<_> = routed(selected.clone(), json!({}), &granted)
        .into_iter()
        .map(|mut object| {
            if object["kind"] == "Namespace" {
                object["metadata"]["labels"] = json!({});
            }
            object
        })
        .collect();
    let without_gateway: Vec<_> = open.iter().filter(|object| object["kind"] != "Gateway").cloned().collect();
    let text = [
        ("the gateway takes fewer in", exposures(&open, &routed(json!({}), json!({}), &granted))),
        ("the grant goes", exposures(&open, &routed(all, json!({}), &[]))),
        ("the namespace is labelled", exposures(&relabelled, &routed(selected, json!({}), &granted))),
        ("a gateway comes that takes none in", exposures(&without_gateway, &routed(json!({}), json!({}), &granted))),
    ];
    let text: Vec<_> = text.iter().map(|(title, lines)| format!("{title}:\n{lines}")).collect();
    insta::assert_snapshot!(text.join(""));
}

#[test]
fn policies_decide_whether_callers_from_outside_come_through() {
    let ports = json!([{ "port": 80, "targetPort": "http" }]);
    let exposed = |name: &str, kind: &str| {
        service("shop", name, json!({ "type": kind, "selector": { "app": name }, "ports": ports }))
    };
    let ingress = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "api", "namespace": "shop" },
        "spec": { "rules": [{ "http": { "paths": [{ "path": "/", "backend": { "service": { "name": "api", "port": { "number": 80 } } } }] } }] } });
    let open: Vec<_> =
        shop().into_iter().chain([exposed("web", "LoadBalancer"), exposed("api", "ClusterIP"), ingress]).collect();
    let with = |more: &[Value]| -> Vec<Value> { open.iter().cloned().chain(more.iter().cloned()).collect() };
    let deny = policy("shop", "deny", json!({ "policyTypes": ["Ingress"] }));
    let from = |name: &str, peers: Value| {
        policy(
            "shop",
            name,
            json!({ "podSelector": { "matchLabels": { "app": name } }, "ingress": [{ "from": peers, "ports": [{ "port": 8080 }] }] }),
        )
    };
    let pods = json!([{ "namespaceSelector": {}, "podSelector": { "matchLabels": { "app": "gateway" } } }]);
    let block = json!([{ "ipBlock": { "cidr": "203.0.113.0/24" } }]);
    let denied = with(std::slice::from_ref(&deny));
    let text = [
        ("denied", exposures(&open, &denied)),
        // A load balancer's callers come with an address of their own; an Ingress's come by some pod.
        ("pods let in", exposures(&denied, &with(&[deny.clone(), from("web", pods.clone()), from("api", pods)]))),
        ("a block let in", exposures(&denied, &with(&[deny.clone(), from("web", block.clone())]))),
        ("and shut out", exposures(&with(&[deny, from("web", block)]), &denied)),
        ("nothing", exposures(&open, &open)),
    ];
    let text: Vec<_> = text.iter().map(|(title, lines)| format!("{title}:\n{lines}")).collect();
    insta::assert_snapshot!(text.join(""));
}

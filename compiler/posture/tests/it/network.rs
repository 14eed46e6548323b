//! `… reaches …` against single packets.

use kspec_analysis::net::{End, NetOptions, Network};
use kspec_model::{
    LabelSelector, Object, ObjectKey,
    cluster::Cluster,
    program::{Claim, Guarantee, Peer, PortRef, PortSpec, Protocol, Reaches},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use kspec_posture::guarantees::{Outcome, Responsible};

use crate::support::{origin, outcome, program, violation};

const NAMESPACES: [&str; 2] = ["one", "two"];
const COMING: &str = "to-come";
const APPS: [&str; 3] = ["a", "b", "c"];
/// Which of them is more than one pod, where it runs.
const SEVERAL: &str = "c";
/// A second pod of each in a namespace yet to come.
const TWINS: [&str; 3] = ["a-twin", "b-twin", "c-twin"];

fn selector() -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(json!({})), 3 => select(&APPS[..]).prop_map(|app| json!({ "matchLabels": { "app": app } }))]
}

fn rule(direction: &'static str) -> impl Strategy<Value = Value> {
    let peer = prop_oneof![
        selector().prop_map(|pods| json!({ "podSelector": pods })),
        (selector(), select(&NAMESPACES[..])).prop_map(|(pods, namespace)| json!({
            "podSelector": pods,
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
        })),
        Just(json!({ "ipBlock": { "cidr": "203.0.113.0/24" } })),
    ];
    (vec(peer, 0..=2), vec(select(&[80_u16, 443][..]), 0..=1)).prop_map(move |(peers, ports)| {
        let ports: Vec<Value> = ports.into_iter().map(|port| json!({ "port": port })).collect();
        json!({ direction: peers, "ports": ports })
    })
}

fn policy() -> impl Strategy<Value = Value> {
    let types = select(vec![vec!["Ingress"], vec!["Egress"], vec!["Ingress", "Egress"]]);
    (select(&NAMESPACES[..]), selector(), types, vec(rule("from"), 0..=2), vec(rule("to"), 0..=2)).prop_map(
        |(namespace, pods, types, ingress, egress)| {
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "namespace": namespace },
                "spec": { "podSelector": pods, "policyTypes": types, "ingress": ingress, "egress": egress },
            })
        },
    )
}

fn pods_of() -> impl Strategy<Value = Value> {
    let namespaces = prop_oneof![
        Just(json!({})),
        select(&NAMESPACES[..]).prop_map(|name| json!({ "matchLabels": { "kubernetes.io/metadata.name": name } })),
    ];
    (namespaces, selector())
        .prop_map(|(namespaces, pods)| json!({ "namespaceSelector": namespaces, "podSelector": pods }))
}

/// An administrators' policy; one of the baseline passes nothing on.
fn of_admins() -> impl Strategy<Value = Value> {
    let rules = |direction: &'static str| {
        let rule = (select(&["Allow", "Deny", "Pass"][..]), pods_of(), vec(select(&[80_u16, 443][..]), 0..=1));
        let rule = rule.prop_map(move |(action, pods, ports)| {
            let mut rule = json!({ "action": action, direction: [{ "pods": pods }] });
            if let [port] = ports.as_slice() {
                rule["ports"] = json!([{ "portNumber": { "port": port, "protocol": "TCP" } }]);
            }
            rule
        });
        vec(rule, 0..=2)
    };
    (pods_of(), any::<bool>(), rules("from"), rules("to")).prop_map(|(subject, baseline, mut ingress, mut egress)| {
        if baseline {
            for rules in [&mut ingress, &mut egress] {
                rules.retain(|rule| rule["action"] != "Pass");
            }
        }
        json!({
            "apiVersion": "policy.networking.k8s.io/v1alpha1",
            "kind": if baseline { "BaselineAdminNetworkPolicy" } else { "AdminNetworkPolicy" },
            "metadata": {}, "spec": { "subject": { "pods": subject }, "ingress": ingress, "egress": egress },
        })
    })
}

fn objects() -> impl Strategy<Value = Vec<Value>> {
    (vec(policy(), 0..=4), vec(of_admins(), 0..=4)).prop_map(|(mut policies, admins)| {
        for (at, policy) in policies.iter_mut().enumerate() {
            policy["metadata"]["name"] = json!(format!("p{at}"));
        }
        // One of the baseline, and no two of one priority.
        let mut baseline = false;
        for (at, mut policy) in admins.into_iter().enumerate() {
            if policy["kind"] != "BaselineAdminNetworkPolicy" {
                policy["metadata"]["name"] = json!(format!("a{at}"));
                policy["spec"]["priority"] = json!(at);
            } else if !std::mem::replace(&mut baseline, true) {
                policy["metadata"]["name"] = json!("default");
            } else {
                continue;
            }
            policies.push(policy);
        }
        for namespace in NAMESPACES {
            policies.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }));
            for app in APPS {
                let labels = json!({ "app": app });
                let metadata = json!({ "name": app, "namespace": namespace, "labels": labels });
                let spec = json!({ "containers": [{ "name": "c" }] });
                policies.push(if app == SEVERAL {
                    let template = json!({ "metadata": { "labels": labels }, "spec": spec });
                    let spec = json!({ "selector": { "matchLabels": labels }, "template": template });
                    json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec })
                } else {
                    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
                });
            }
        }
        policies
    })
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        select(&NAMESPACES[..]).prop_map(|name| Peer::Namespace(name.to_owned())),
        select(&APPS[..]).prop_map(|app| Peer::Pods { pods: LabelSelector::labels([("app", app)]), namespaces: None }),
        Just(Peer::All),
        Just(Peer::Internet),
        Just(Peer::Cidr { block: "203.0.113.0/24".parse().expect("a block"), except: Vec::new() }),
    ]
}

fn ends(peer: &Peer) -> Vec<End> {
    let pod = |namespace: &str, app: &str| {
        let several = app == SEVERAL && namespace != COMING;
        End::Workload(ObjectKey {
            group: if several { "apps" } else { "" }.to_owned(),
            kind: if several { "StatefulSet" } else { "Pod" }.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: app.to_owned(),
        })
    };
    // Pods of every namespace are those of one yet to come as well.
    let twins = TWINS.iter().map(|twin| (COMING, *twin));
    let all = NAMESPACES.iter().chain([&COMING]).flat_map(|namespace| APPS.iter().map(move |app| (*namespace, *app)));
    let all = || all.clone().chain(twins.clone());
    match peer {
        Peer::Namespace(name) => APPS.iter().map(|app| pod(name, app)).collect(),
        Peer::Pods { pods, .. } => all()
            .filter(|(_, app)| app.trim_end_matches("-twin") == pods.match_labels["app"])
            .map(|(namespace, app)| pod(namespace, app))
            .collect(),
        Peer::Internet => {
            ["203.0.113.9", "8.8.8.8"].iter().map(|text| End::Address(text.parse().expect("an address"))).collect()
        }
        Peer::Cidr { .. } => vec![End::Address("203.0.113.9".parse().expect("an address"))],
        _ => all().map(|(namespace, app)| pod(namespace, app)).collect(),
    }
}

fn lifted(objects: &[Value]) -> Cluster {
    let objects: Vec<Object> = objects.iter().cloned().map(Object).collect();
    Cluster::lift(&objects).0
}

/// Whether one packet passes; nothing is asked of a pod and itself.
fn passes(network: &Network<'_>, src: &End, dst: &End, port: u16) -> bool {
    !src.is_same_pod(dst) && network.probe(src, dst, Protocol::Tcp, port).is_some_and(|verdict| verdict.allowed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn reaches_is_what_single_packets_say(
        objects in objects(),
        (from, to) in (peer(), peer()),
        port in proptest::option::of(select(&[80_u16, 443, 9000][..])),
        always in any::<bool>(),
    ) {
        let outside = |peer: &Peer| matches!(peer, Peer::Internet | Peer::Cidr { .. });
        prop_assume!(!(outside(&from) && outside(&to)));
        let ports = port.iter().map(|port| PortRef::Number(PortSpec { first: *port, last: *port, protocol: Protocol::Tcp }));
        let reaches = Reaches { from: from.clone(), to: to.clone(), ports: ports.collect(), through_any_path: false };
        let program = program(always, Claim::Reaches(reaches));
        let violated = violation(outcome(&program, &objects));
        let mut world = objects.clone();
        world.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": COMING } }));
        world.extend(APPS.iter().chain(&TWINS).map(|app| json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": app, "namespace": COMING, "labels": { "app": app.trim_end_matches("-twin") } },
            "spec": { "containers": [{ "name": "c" }] },
        })));
        let cluster = lifted(&world);
        let network = Network::new(&cluster, &NetOptions::default());
        let tried: Vec<u16> = port.map_or_else(|| vec![80, 443, 9000], |port| vec![port]);
        let pairs = || ends(&from).into_iter().flat_map(|src| ends(&to).into_iter().map(move |dst| (src.clone(), dst)));
        let wrong = if always {
            // Without a port, some connection will do.
            pairs().any(|(src, dst)| !src.is_same_pod(&dst) && !tried.iter().any(|port| passes(&network, &src, &dst, *port)))
        } else {
            pairs().any(|(src, dst)| tried.iter().any(|port| passes(&network, &src, &dst, *port)))
        };
        prop_assert_eq!(violated.is_some(), wrong, "{:#?}", violated);
    }

    #[test]
    fn what_lets_a_packet_through_is_needed(objects in objects(), (from, to) in (select(&NAMESPACES[..]), select(&NAMESPACES[..]))) {
        let (from, to) = (Peer::Namespace(from.to_owned()), Peer::Namespace(to.to_owned()));
        let reaches = Reaches { from: from.clone(), to: to.clone(), ports: Vec::new(), through_any_path: false };
        let Some(violation) = violation(outcome(&program(false, Claim::Reaches(reaches.clone())), &objects)) else { return Ok(()) };
        // With what every other policy lets through or passes on gone, and what these isolate and deny left as it is, the violation
        // stays; it goes with any one more.
        let without = |kept: &[&str]| -> Vec<Value> {
            let mut objects = objects.clone();
            for object in objects.iter_mut().filter(|object| object["kind"].as_str().is_some_and(|kind| kind.ends_with("NetworkPolicy"))) {
                let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
                for direction in ["ingress", "egress"].into_iter().filter(|_| !kept.contains(&name.as_str())) {
                    object["spec"][direction].as_array_mut().expect("rules").retain(|rule| rule["action"] == "Deny");
                }
            }
            objects
        };
        let names: Vec<&str> = violation.responsible.iter().map(|one| one.object.name.as_str()).collect();
        let packet = violation.witness[0].clone();
        let broken = |objects: &[Value]| {
            let cluster = lifted(objects);
            let network = Network::new(&cluster, &NetOptions::default());
            ends(&from).iter().any(|src| ends(&to).iter().any(|dst| {
                packet.starts_with(&shown(src, dst))
                    && (1..=9000).step_by(1).any(|port| packet.contains(&format!(": TCP {port} ")) && passes(&network, src, dst, port))
            }))
        };
        prop_assert!(broken(&without(&names)), "{names:?} do not suffice: {packet}");
        for left_out in &names {
            let fewer: Vec<&str> = names.iter().copied().filter(|name| name != left_out).collect();
            prop_assert!(!broken(&without(&fewer)), "{left_out} can be left out of {names:?}: {packet}");
        }
    }

    #[test]
    fn what_refuses_a_packet_is_all_that_does(objects in objects(), (from, to) in (select(&NAMESPACES[..]), select(&NAMESPACES[..]))) {
        let (from, to) = (Peer::Namespace(from.to_owned()), Peer::Namespace(to.to_owned()));
        let port = PortRef::Number(PortSpec { first: 80, last: 80, protocol: Protocol::Tcp });
        let reaches = Reaches { from: from.clone(), to: to.clone(), ports: vec![port], through_any_path: false };
        let Some(violation) = violation(outcome(&program(true, Claim::Reaches(reaches)), &objects)) else { return Ok(()) };
        let responsible: Vec<&str> = violation.responsible.iter().map(|one| one.object.name.as_str()).collect();
        let mut packets = ends(&from).into_iter().flat_map(|src| ends(&to).into_iter().map(move |dst| (src.clone(), dst)));
        let (src, dst) = packets
            .find(|(src, dst)| violation.witness[0].starts_with(&shown(src, dst)))
            .expect("the packet is of the claim");
        // What is responsible isolates no more, and denies nothing, in the direction that it is responsible for.
        let passes_with = |kept: Option<&Responsible>| {
            let mut objects = objects.clone();
            for one in violation.responsible.iter().filter(|one| Some(*one) != kept) {
                let lifted = if one.text.contains("incoming") { "Ingress" } else { "Egress" };
                let is = |object: &&mut Value| object["metadata"]["name"] == one.object.name.as_str() && object["kind"] == "NetworkPolicy";
                for object in objects.iter_mut().filter(|object| object["kind"] != "NetworkPolicy" && object["metadata"]["name"] == one.object.name.as_str()) {
                    if object["spec"].get("subject").is_some() {
                        object["spec"][lifted.to_lowercase()] = json!([]);
                    }
                }
                for object in objects.iter_mut().filter(is) {
                    let types = object["spec"]["policyTypes"].as_array_mut().expect("types");
                    types.retain(|kind| kind != lifted);
                    if types.is_empty() {
                        // A policy without types isolates incoming connections: this one is about no pod.
                        object["spec"] = json!({ "podSelector": { "matchLabels": { "app": "none" } } });
                    }
                }
            }
            let cluster = lifted(&objects);
            passes(&Network::new(&cluster, &NetOptions::default()), &src, &dst, 80)
        };
        prop_assert!(passes_with(None), "without {responsible:?} it is refused all the same");
        for one in &violation.responsible {
            prop_assert!(!passes_with(Some(one)), "it passes beside {one:?}, of {responsible:?}");
        }
    }
}

/// How the witness begins.
fn shown(src: &End, dst: &End) -> String {
    let end = |end: &End| match end {
        End::Workload(key) => format!("{}/{}[{}]", key.namespace.as_deref().expect("one"), key.name, key.kind),
        End::Address(address) => address.to_string(),
    };
    let other = if src == dst { ", another of its pods" } else { "" };
    format!("{} → {}{other} : ", end(src), end(dst))
}

fn web(extra: &[Value]) -> Vec<Value> {
    let mut objects = vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }),
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "shop", "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "c", "ports": [{ "name": "http", "containerPort": 8080 }] }] },
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "inner", "namespace": "shop" },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [{ "namespaceSelector": {} }] }] },
        }),
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "proxy", "namespace": "edge" }, "spec": { "containers": [{ "name": "c" }] } }),
    ];
    objects.extend_from_slice(extra);
    objects
}

fn internet_to(namespace: &str) -> Claim {
    let to = Peer::Namespace(namespace.to_owned());
    Claim::Reaches(Reaches { from: Peer::Internet, to, ports: Vec::new(), through_any_path: false })
}

#[test]
fn callers_that_an_ingress_leads_in_come_from_the_internet() {
    let program = program(false, internet_to("shop"));
    assert_eq!(violation(outcome(&program, &web(&[]))), None, "only pods are let in");
    let led = web(&[
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": "http" }] },
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "defaultBackend": { "service": { "name": "web", "port": { "number": 80 } } } },
        }),
    ]);
    let violation = violation(outcome(&program, &led)).expect("a violation");
    assert_eq!(violation.message, "a caller from outside reaches shop/web[Pod] : TCP 8080");
    let kinds: Vec<&str> = violation.responsible.iter().map(|one| one.object.kind.as_str()).collect();
    assert_eq!(kinds, ["Service", "Ingress"]);
}

#[test]
fn that_callers_are_led_in_lets_no_address_through() {
    let led = |kind: &str, ingress: bool, from: &Value| {
        let mut objects = web(&[json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "type": kind, "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
        })]);
        objects.extend(ingress.then(|| {
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "web", "namespace": "shop" },
                "spec": { "defaultBackend": { "service": { "name": "web", "port": { "number": 80 } } } },
            })
        }));
        for object in objects.iter_mut().filter(|object| object["kind"] == "NetworkPolicy") {
            object["spec"]["ingress"] = json!([{ "from": from }]);
        }
        objects
    };
    let asked = |always: bool, objects: &[Value]| violation(outcome(&program(always, internet_to("shop")), objects));
    let one = json!([{ "ipBlock": { "cidr": "203.0.113.0/24" } }]);
    let refused = asked(true, &led("NodePort", false, &one)).expect("a violation");
    assert!(refused.message.contains("→ shop/web[Pod] : TCP 1 is not let through"), "{}", refused.message);
    assert!(refused.witness[1].starts_with("Service shop/web leads callers there"), "{:?}", refused.witness);
    let names: Vec<&str> = refused.responsible.iter().map(|one| one.object.name.as_str()).collect();
    assert_eq!(names, ["inner"]);
    // Some caller comes by all the same.
    assert!(asked(false, &led("NodePort", false, &one)).is_some());
    let pods = json!([{ "namespaceSelector": {} }]);
    let refused = asked(true, &led("ClusterIP", true, &pods)).expect("a violation");
    assert!(refused.help.contains("of the pods that hand on"), "{}", refused.help);
    assert!(asked(false, &led("ClusterIP", true, &pods)).is_some());
    let all = json!([{ "ipBlock": { "cidr": "0.0.0.0/0" } }]);
    assert_eq!(asked(true, &led("NodePort", true, &all)), None);
}

/// A StatefulSet that nothing but its own edges lets anything through of, or without any.
fn etcd(within: bool, kind: &str) -> Vec<Value> {
    let labels = json!({ "app": "etcd" });
    let metadata = json!({ "name": "etcd", "namespace": "data", "labels": labels });
    let spec = json!({ "containers": [{ "name": "c" }] });
    let runs = if kind == "Pod" {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
    } else {
        let template = json!({ "metadata": { "labels": labels }, "spec": spec });
        let spec = json!({ "replicas": 1, "selector": { "matchLabels": labels }, "template": template });
        json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec })
    };
    let own = json!([{ "podSelector": { "matchLabels": labels } }]);
    let rules = |peers: &str| if within { json!([{ peers: own, "ports": [{ "port": 2380 }] }]) } else { json!([]) };
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "data" } }),
        runs,
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "inner", "namespace": "data" },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": rules("from"), "egress": rules("to") },
        }),
    ]
}

#[test]
fn a_workload_and_itself_are_two_of_its_pods() {
    let itself = |always: bool, through_any_path: bool, objects: &[Value]| {
        let etcd = || Peer::Pods {
            pods: LabelSelector::labels([("app", "etcd")]),
            namespaces: Some(LabelSelector::labels([("kubernetes.io/metadata.name", "data")])),
        };
        let port = PortRef::Number(PortSpec { first: 2380, last: 2380, protocol: Protocol::Tcp });
        let claim = Reaches { from: etcd(), to: etcd(), ports: vec![port], through_any_path };
        violation(outcome(&program(always, Claim::Reaches(claim)), objects))
    };
    for kind in ["StatefulSet", "Deployment", "DaemonSet"] {
        let refused = itself(true, false, &etcd(false, kind)).expect("a violation");
        let packet = format!("data/etcd[{kind}] → data/etcd[{kind}], another of its pods : TCP 2380");
        assert_eq!(refused.message, format!("{packet} is not let through"));
        assert_eq!(refused.responsible.len(), 2, "both directions: {refused:#?}");
        assert_eq!(itself(false, false, &etcd(false, kind)), None);
        assert_eq!(itself(false, true, &etcd(false, kind)), None);
        assert_eq!(itself(true, false, &etcd(true, kind)), None);
        for through_any_path in [false, true] {
            let open = itself(false, through_any_path, &etcd(true, kind)).expect("a violation");
            assert_eq!(open.witness[0], format!("{packet} is let through"));
            assert_eq!(open.responsible.len(), 1, "{open:#?}");
        }
    }
    // A pod that no controller keeps is one.
    assert_eq!(itself(true, false, &etcd(false, "Pod")), None);
    assert_eq!(itself(false, false, &etcd(true, "Pod")), None);
    // Pods that are not there stand for as many as come.
    let empty = |within: bool| {
        let mut objects = etcd(within, "Pod");
        objects.remove(1);
        objects
    };
    assert!(itself(true, false, &empty(false)).is_some());
    assert!(itself(false, false, &empty(true)).is_some());
    // Who gets into one of them by another port goes on to the next.
    let cli = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "cli", "namespace": "ops" },
        "spec": { "containers": [{ "name": "c" }] },
    });
    let client = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "client", "namespace": "data" },
        "spec": { "podSelector": {}, "ingress": [{ "from": [{ "namespaceSelector": {} }], "ports": [{ "port": 2379 }] }] },
    });
    let mut objects = etcd(true, "StatefulSet");
    objects.extend([cli, client, json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ops" } })]);
    let port = PortRef::Number(PortSpec { first: 2380, last: 2380, protocol: Protocol::Tcp });
    let (from, to) = (Peer::Namespace("ops".to_owned()), Peer::Namespace("data".to_owned()));
    let asked = |through_any_path| {
        let claim = Reaches { from: from.clone(), to: to.clone(), ports: vec![port.clone()], through_any_path };
        violation(outcome(&program(false, Claim::Reaches(claim)), &objects))
    };
    assert_eq!(asked(false), None);
    assert!(asked(true).expect("a violation").message.ends_with("by 2 connections"));
}

fn reaches(from: Peer, to: Peer) -> Claim {
    Claim::Reaches(Reaches { from, to, ports: Vec::new(), through_any_path: false })
}

/// `db` in `data`, with one policy of these rules.
fn data(ingress: &Value) -> Vec<Value> {
    let labels = json!({ "app": "db" });
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "data" } }),
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "db", "namespace": "data", "labels": labels },
            "spec": { "containers": [{ "name": "c" }] },
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "db", "namespace": "data" },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": ingress },
        }),
    ]
}

#[test]
fn every_pod_is_of_a_namespace_yet_to_come_too() {
    let mon = |pods: Value| json!([{ "from": [{ "namespaceSelector": { "matchLabels": { "mon": "1" } }, "podSelector": pods }] }]);
    let db = || Peer::Namespace("data".to_owned());
    let pods = |app: &str| Peer::Pods { pods: LabelSelector::labels([("app", app)]), namespaces: None };
    let never = |from: Peer, ingress: &Value| violation(outcome(&program(false, reaches(from, db())), &data(ingress)));
    let scraper = mon(json!({ "matchLabels": { "app": "scraper" } }));
    for ingress in [mon(json!({})), scraper.clone()] {
        for from in [Peer::All, Peer::Any, pods("scraper")] {
            let violation = never(from, &ingress).expect("a violation");
            assert!(violation.message.contains("namespace-to-come"), "{}", violation.message);
            let labels = "`namespace-to-come` is a namespace yet to come, labelled mon=1";
            assert_eq!(violation.witness.last().map(String::as_str), Some(labels));
        }
        let other =
            Peer::Pods { pods: LabelSelector::default(), namespaces: Some(LabelSelector::labels([("team", "x")])) };
        assert!(never(other, &ingress).is_some(), "one may be labelled both");
    }
    assert_eq!(never(pods("web"), &scraper), None);
    assert_eq!(never(Peer::All, &json!([])), None);
    // The other side, and every connection.
    let to_all = |always| violation(outcome(&program(always, reaches(db(), Peer::All)), &data(&json!([]))));
    assert!(to_all(false).expect("a violation").message.contains("namespace-to-come"));
    assert_eq!(to_all(true), None);
    let always = |ingress: &Value| violation(outcome(&program(true, reaches(Peer::All, db())), &data(ingress)));
    assert!(always(&mon(json!({}))).expect("a violation").message.contains("namespace-to-come"));
    assert_eq!(always(&json!([{}])), None);
}

#[test]
fn a_verdict_does_not_depend_on_other_guarantees() {
    let pods = |app: &str| LabelSelector::labels([("app", app)]);
    let cli = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "cli", "namespace": "ops" },
        "spec": { "containers": [{ "name": "c" }] },
    });
    let mut objects = data(&json!([]));
    objects.extend([cli, json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ops" } })]);
    let policy = |app: &str, rules: Value| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": app, "namespace": "data" },
            "spec": { "podSelector": { "matchLabels": { "app": app } }, "policyTypes": ["Ingress"], "ingress": rules },
        })
    };
    let ask = || reaches(Peer::Namespace("ops".to_owned()), Peer::Namespace("data".to_owned()));
    let of = |app: &str| {
        let namespaces = Some(LabelSelector::labels([("kubernetes.io/metadata.name", "data")]));
        reaches(Peer::Namespace("ops".to_owned()), Peer::Pods { pods: pods(app), namespaces })
    };
    let judged = |before: &[Claim], network: Option<&str>| {
        let mut program = program(false, ask());
        let asked = program.guarantees.remove(0);
        let others = before.iter().map(|claim| Guarantee { claim: claim.clone(), ..asked.clone() });
        program.guarantees = others.chain([asked.clone()]).collect();
        program.networks.extend(network.map(network_of));
        let mut objects = objects.clone();
        objects.push(policy("q", json!([{}])));
        violation(outcome(&program, &objects)).is_some()
    };
    // A policy of somebody else about pods that are not there: no promise brings them about for another.
    assert!(!judged(&[], None));
    assert!(!judged(&[of("q")], None));
    // One of the program's own says that they come.
    assert!(judged(&[], Some("q")));
    assert!(judged(&[of("q")], Some("q")));
    assert!(!judged(&[of("q")], Some("r")));
}

/// `db` lets in what is labelled `hop`, of which none runs, and that is let in by everybody.
#[test]
fn a_chain_passes_by_no_pod_that_another_guarantee_names() {
    let hop = json!({ "podSelector": { "matchLabels": { "app": "hop" } } });
    let mut objects = data(&json!([{ "from": [hop] }]));
    objects.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ops" } }));
    objects.push(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "cli", "namespace": "ops" },
        "spec": { "containers": [{ "name": "c" }] },
    }));
    objects.push(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "hop", "namespace": "data" },
        "spec": { "podSelector": { "matchLabels": { "app": "hop" } }, "policyTypes": ["Ingress"], "ingress": [{}] },
    }));
    let db = || Peer::Pods {
        pods: LabelSelector::labels([("app", "db")]),
        namespaces: Some(LabelSelector::labels([("kubernetes.io/metadata.name", "data")])),
    };
    let hops = || Peer::Pods {
        pods: LabelSelector::labels([("app", "hop")]),
        namespaces: Some(LabelSelector::labels([("kubernetes.io/metadata.name", "data")])),
    };
    let chained = |from: Peer| Claim::Reaches(Reaches { from, to: db(), ports: Vec::new(), through_any_path: true });
    let judged = |objects: &[Value], other: Option<Peer>| {
        let mut program = program(false, chained(Peer::Namespace("ops".to_owned())));
        let asked = program.guarantees.remove(0);
        let other = other.map(|from| Guarantee { claim: chained(from), ..asked.clone() });
        program.guarantees = other.into_iter().chain([asked]).collect();
        violation(outcome(&program, objects)).is_some()
    };
    assert!(!judged(&objects, None));
    assert!(!judged(&objects, Some(hops())), "the other's pod is in the middle");
    let mut running = objects.clone();
    running.push(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "hop", "namespace": "data", "labels": { "app": "hop" } },
        "spec": { "containers": [{ "name": "c" }] },
    }));
    assert!(judged(&running, None), "one that runs is");
}

/// A network of a policy about pods of `data`.
fn network_of(app: &str) -> kspec_model::program::Network {
    use kspec_model::program::{NetworkScope, Policy};
    let rule = kspec_model::program::PolicyRule { peers: vec![Peer::All], ports: Vec::new() };
    let policy = Policy {
        name: app.to_owned(),
        pods: LabelSelector::labels([("app", app)]),
        ingress: Some(vec![rule]),
        egress: None,
        doc: None,
        origin: origin(),
    };
    kspec_model::program::Network {
        scope: NetworkScope::Namespaces(vec!["data".to_owned()]),
        denies: Vec::new(),
        edges: Vec::new(),
        policies: vec![policy],
        origin: origin(),
    }
}

#[test]
fn what_is_not_evaluated_leaves_it_undecided() {
    let other = |namespace: &str| json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": { "name": "x", "namespace": namespace }, "spec": {} });
    let program = program(false, internet_to("shop"));
    match outcome(&program, &web(&[other("shop")])) {
        Outcome::NotDecided(why) => assert!(why.contains("CiliumNetworkPolicy shop/x"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(outcome(&program, &web(&[other("elsewhere")])), Outcome::Holds, "it is about another namespace");
}

#[test]
fn what_is_responsible_beside_administrators() {
    let of_admins = |kind: &str, name: &str, priority: u32, action: &str| {
        let mut spec = json!({
            "subject": { "namespaces": { "matchLabels": { "kubernetes.io/metadata.name": "shop" } } },
            "ingress": [{ "name": "r", "action": action, "from": [{ "namespaces": {} }] }],
        });
        if kind == "AdminNetworkPolicy" {
            spec["priority"] = json!(priority);
        }
        json!({ "apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
    };
    let deny = of_admins("AdminNetworkPolicy", "deny", 9, "Deny");
    let pass = of_admins("AdminNetworkPolicy", "pass", 1, "Pass");
    let baseline = of_admins("BaselineAdminNetworkPolicy", "default", 0, "Deny");
    let isolating = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "inner", "namespace": "shop" },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress"] },
    });
    let claim = || reaches(Peer::Namespace("edge".to_owned()), Peer::Namespace("shop".to_owned()));
    let named = |always: bool, objects: Vec<Value>| {
        let violation = violation(outcome(&program(always, claim()), &objects)).expect("a violation");
        let names = violation.responsible.iter().map(|one| one.object.name.clone());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    };
    // Behind a denial others refuse it as well: nothing passes until all of them are gone.
    let closed = |more: &[Value]| {
        let mut objects: Vec<Value> =
            web(more).into_iter().filter(|object| object["kind"] != "NetworkPolicy").collect();
        objects.push(isolating.clone());
        objects
    };
    assert_eq!(named(true, closed(&[])), "inner");
    assert_eq!(named(true, closed(std::slice::from_ref(&deny))), "deny inner");
    assert_eq!(named(true, closed(&[deny.clone(), baseline.clone()])), "default deny inner");
    assert_eq!(named(true, web(&[deny.clone(), baseline])), "deny", "a NetworkPolicy decides before the baseline");
    // What passes it on lets it by a denial.
    assert_eq!(named(false, web(&[deny, pass])), "inner pass");
    let allow = of_admins("AdminNetworkPolicy", "allow", 1, "Allow");
    assert_eq!(named(false, closed(&[allow])), "allow");
}

#[test]
fn what_the_api_leaves_open_is_not_decided() {
    let tied = |name: &str, action: &str| {
        json!({
            "apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy", "metadata": { "name": name },
            "spec": {
                "priority": 5, "subject": { "namespaces": { "matchLabels": { "kubernetes.io/metadata.name": "shop" } } },
                "ingress": [{ "name": "r", "action": action, "from": [{ "namespaces": {} }] }],
            },
        })
    };
    let from = Peer::Namespace("edge".to_owned());
    let to = Peer::Namespace("shop".to_owned());
    let claim =
        || Claim::Reaches(Reaches { from: from.clone(), to: to.clone(), ports: Vec::new(), through_any_path: false });
    let open = web(&[tied("a", "Allow"), tied("b", "Deny")]);
    for always in [true, false] {
        match outcome(&program(always, claim()), &open) {
            Outcome::NotDecided(why) => assert!(why.contains("AdminNetworkPolicy a"), "{why}"),
            other => panic!("{always}: {other:?}"),
        }
    }
    let chained =
        Claim::Reaches(Reaches { from: from.clone(), to: to.clone(), ports: Vec::new(), through_any_path: true });
    assert!(matches!(outcome(&program(false, chained), &open), Outcome::NotDecided(_)));
    let denied = web(&[tied("b", "Deny")]);
    assert_eq!(outcome(&program(false, claim()), &denied), Outcome::Holds);
    let violation = violation(outcome(&program(true, claim()), &denied)).expect("a violation");
    assert_eq!(violation.responsible.len(), 1, "{violation:#?}");
    assert_eq!(violation.responsible[0].object.name, "b");
}

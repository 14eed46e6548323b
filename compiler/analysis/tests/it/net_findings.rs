//! What is odd about policies: each kind, and what is near it and is not.

use kspec_analysis::net::{
    NetOptions,
    findings::{Oddity, RuleAt, Services, oddities},
};
use kspec_model::{Object, cluster::Cluster, program::Protocol};
use serde_json::{Value, json};

fn lift(objects: &[Value]) -> Cluster {
    let objects: Vec<_> = objects.iter().cloned().map(Object).collect();
    let (cluster, problems) = Cluster::lift(&objects);
    assert_eq!(problems, []);
    cluster
}

fn deployment(namespace: &str, name: &str, port: (&str, u16)) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": { "matchLabels": { "app": name } }, "template": { "metadata": { "labels": { "app": name } }, "spec": {
            "containers": [{ "name": "c", "ports": [{ "name": port.0, "containerPort": port.1 }] }] } } },
    })
}

fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

fn admin(name: &str, tier: &str, priority: u16, spec: Value) -> Value {
    let mut spec = spec;
    spec["tier"] = json!(tier);
    spec["priority"] = json!(priority);
    if spec.get("subject").is_none() {
        spec["subject"] = json!({ "namespaces": {} });
    }
    json!({ "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": { "name": name }, "spec": spec })
}

fn app(name: &str) -> Value {
    json!({ "matchLabels": { "app": name } })
}

fn namespace(name: &str) -> Value {
    json!({ "matchLabels": { "kubernetes.io/metadata.name": name } })
}

/// A shop of two namespaces where everything is denied by default and allowed at both ends, DNS included; nothing is odd about it.
fn clean() -> Vec<Value> {
    let dns = json!({ "to": [{ "namespaceSelector": namespace("kube-system"), "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } } }], "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53 }] });
    let mut server = deployment("kube-system", "coredns", ("dns", 53));
    server["spec"]["selector"] = json!({ "matchLabels": { "k8s-app": "kube-dns" } });
    server["spec"]["template"]["metadata"]["labels"] = json!({ "k8s-app": "kube-dns" });
    vec![
        deployment("shop", "web", ("http", 8080)),
        deployment("shop", "api", ("http", 8080)),
        deployment("data", "db", ("pg", 5432)),
        server,
        policy("shop", "default", json!({ "policyTypes": ["Ingress", "Egress"] })),
        policy("data", "default", json!({ "policyTypes": ["Ingress", "Egress"] })),
        policy("shop", "dns", json!({ "policyTypes": ["Egress"], "egress": [dns] })),
        policy(
            "shop",
            "web-edges",
            json!({ "podSelector": app("web"), "policyTypes": ["Egress"], "egress": [{ "to": [{ "podSelector": app("api") }], "ports": [{ "port": "http" }] }] }),
        ),
        policy(
            "shop",
            "api-edges",
            json!({
                "podSelector": app("api"), "policyTypes": ["Ingress", "Egress"],
                "ingress": [{ "from": [{ "podSelector": app("web") }], "ports": [{ "port": 8080 }] }],
                "egress": [{ "to": [{ "namespaceSelector": namespace("data"), "podSelector": app("db") }], "ports": [{ "port": 5432 }] }],
            }),
        ),
        policy(
            "data",
            "db-edges",
            json!({ "podSelector": app("db"), "ingress": [{ "from": [{ "namespaceSelector": namespace("shop"), "podSelector": app("api") }], "ports": [{ "port": "pg" }] }] }),
        ),
    ]
}

fn found(objects: &[Value]) -> Vec<Oddity> {
    oddities(&lift(objects), &NetOptions::default(), &Services::default())
}

fn rule(at: &RuleAt) -> String {
    format!("{}.{:?}[{}]", at.policy.name, at.direction, at.rule)
}

/// A line for each.
fn told(objects: &[Value]) -> Vec<String> {
    let names = |keys: &[kspec_model::ObjectKey]| keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>().join("+");
    let line = |oddity: Oddity| match oddity {
        Oddity::SelectsNothing { policy } => format!("selects nothing: {}", policy.name),
        Oddity::NamesNobody { at, peer, on_node } => format!("names nobody: {} {peer:?} {on_node}", rule(&at)),
        Oddity::NoSuchPort { at, port, protocol, whole, destination } => {
            let protocol = protocol.map_or("any", Protocol::as_str);
            format!("no such port: {} {port} {protocol} {whole} {destination}", rule(&at))
        }
        Oddity::OneSided { at, peer, refusing, example, refused_by, whole } => {
            format!("one-sided: {} {peer} {refusing:?} {example} by {} {whole}", rule(&at), names(&refused_by))
        }
        Oddity::Superfluous { policy, rule, covered_by, refused } => {
            let by: Vec<_> = covered_by.iter().map(|cover| format!("{}{:?}", cover.policy.name, cover.rule)).collect();
            format!("superfluous: {} {rule:?} by {} {refused}", policy.name, by.join("+"))
        }
        Oddity::Vacuous { policy, direction } => format!("vacuous: {} {direction:?}", policy.name),
        Oddity::Shadowed { at, by, example } => {
            format!("shadowed: {} by {} {example}", rule(&at), by.iter().map(rule).collect::<Vec<_>>().join("+"))
        }
        Oddity::Needless { policy, rule: which, by, example } => {
            let by = by.iter().map(rule).collect::<Vec<_>>().join("+");
            format!("needless: {} {which:?} by {by} {example}", policy.name)
        }
        Oddity::Ambiguous { says, example } => {
            format!("ambiguous: {} {example}", says.iter().map(rule).collect::<Vec<_>>().join("+"))
        }
        Oddity::DnsForgotten { workloads, policies, example, calls } => {
            format!("dns: {workloads:?} {} {example} calls {calls}", names(&policies))
        }
        Oddity::NoDefaultDeny { namespace, directions, open } => {
            format!("no default: {namespace} {directions:?} {open:?}")
        }
    };
    found(objects).into_iter().map(line).collect()
}

/// What is told of the clean shop with more, and without what goes by these names.
fn with(more: &[Value], without: &[&str]) -> Vec<String> {
    let gone = |object: &&Value| !without.contains(&object["metadata"]["name"].as_str().unwrap_or_default());
    let objects: Vec<_> = clean().iter().filter(gone).chain(more).cloned().collect();
    told(&objects)
}

#[test]
fn nothing_is_odd_about_a_shop_that_denies_by_default_and_allows_at_both_ends() {
    assert_eq!(told(&clean()), Vec::<String>::new());
}

#[test]
fn a_policy_or_peer_that_means_nobody_is_told_and_one_that_means_somebody_is_not() {
    let select = |name: &str| {
        policy(
            "shop",
            "p",
            json!({ "podSelector": app(name), "ingress": [{ "from": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }], "ports": [{ "port": 9 }] }] }),
        )
    };
    assert_eq!(with(&[select("nobody")], &[]), ["selects nothing: p"]);
    assert_eq!(with(&[select("web")], &[]), Vec::<String>::new());
    let peers = |names: &[&str]| {
        let from: Vec<_> = names.iter().map(|name| json!({ "podSelector": app(name) })).collect();
        policy(
            "shop",
            "p",
            json!({ "podSelector": app("api"), "ingress": [{ "from": from, "ports": [{ "port": 9 }] }] }),
        )
    };
    assert_eq!(with(&[peers(&["nobody"])], &[]), ["names nobody: p.Ingress[0] None false"]);
    let one_of_two = with(&[peers(&["nobody", "web"])], &["default"]);
    assert!(one_of_two.contains(&"names nobody: p.Ingress[0] Some(0) false".to_owned()), "{one_of_two:?}");
    let mut agent = deployment("shop", "agent", ("http", 1));
    agent["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    assert_eq!(with(&[agent, peers(&["agent"])], &[]), ["names nobody: p.Ingress[0] None true"]);
    let block = policy(
        "shop",
        "p",
        json!({ "podSelector": app("api"), "ingress": [{ "from": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }] }] }),
    );
    assert_eq!(with(&[block], &[]), Vec::<String>::new());
}

#[test]
fn a_port_name_that_no_destination_has_is_told() {
    let port = |name: &str| {
        policy(
            "shop",
            "p",
            json!({ "podSelector": app("api"), "ingress": [{ "from": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }], "ports": [{ "port": name }] }] }),
        )
    };
    assert_eq!(with(&[port("grpc")], &[]), ["no such port: p.Ingress[0] grpc TCP true shop/api[Deployment]"]);
    assert_eq!(with(&[port("http")], &[]), Vec::<String>::new());
    let out = |name: &str| {
        policy(
            "shop",
            "p",
            json!({ "podSelector": app("web"), "policyTypes": ["Egress"], "egress": [{ "to": [{ "podSelector": app("api") }], "ports": [{ "port": name }, { "port": 8080 }] }] }),
        )
    };
    let told = with(&[out("grpc")], &["web-edges"]);
    assert!(told.contains(&"no such port: p.Egress[0] grpc TCP false shop/api[Deployment]".to_owned()), "{told:?}");

    // An administrators' policy names no protocol.
    let ports = |name: &str| {
        let subject = json!({ "pods": { "namespaceSelector": {}, "podSelector": app("api") } });
        let from = json!([{ "pods": { "namespaceSelector": {}, "podSelector": app("web") } }]);
        let ingress = json!([{ "action": "Allow", "from": from, "ports": [{ "namedPort": name }] }]);
        let guard = json!({
            "apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy", "metadata": { "name": "guard" },
            "spec": { "priority": 5, "subject": subject, "ingress": ingress },
        });
        let told = with(&[guard], &[]);
        told.into_iter().filter(|line| line.starts_with("no such port")).collect::<Vec<_>>()
    };
    assert_eq!(ports("http"), Vec::<String>::new());
    assert_eq!(ports("grpc"), ["no such port: guard.Ingress[0] grpc any true shop/api[Deployment]"]);
}

#[test]
fn a_rule_whose_other_end_refuses_is_told_with_the_packet() {
    let out = |port: u16| {
        policy(
            "shop",
            "p",
            json!({ "podSelector": app("web"), "policyTypes": ["Egress"], "egress": [{ "to": [{ "namespaceSelector": namespace("data"), "podSelector": app("db") }], "ports": [{ "port": port }] }] }),
        )
    };
    assert_eq!(
        with(&[out(5432)], &[]),
        [
            r#"one-sided: p.Egress[0] 0 ["data/db[Deployment]"] shop/web[Deployment] → data/db[Deployment] : TCP 5432 by db-edges+default true"#
        ]
    );
    let lets = policy(
        "data",
        "q",
        json!({ "podSelector": app("db"), "ingress": [{ "from": [{ "namespaceSelector": namespace("shop"), "podSelector": app("web") }], "ports": [{ "port": 5432 }] }] }),
    );
    assert_eq!(with(&[out(5432), lets.clone()], &[]), Vec::<String>::new());
    // The other way round: the source's own policies refuse.
    assert_eq!(
        with(&[lets], &[]),
        [
            r#"one-sided: q.Ingress[0] 0 ["shop/web[Deployment]"] shop/web[Deployment] → data/db[Deployment] : TCP 5432 by default+dns+web-edges true"#
        ]
    );
}

#[test]
fn one_sided_is_said_of_pods_picked_by_label_and_not_of_a_namespace_of_which_some_get_through() {
    let from = |peer: Value| {
        policy(
            "data",
            "q",
            json!({ "podSelector": app("db"), "ingress": [{ "from": [peer], "ports": [{ "port": 5432 }] }] }),
        )
    };
    let all = from(json!({ "namespaceSelector": namespace("shop") }));
    // That it holds the narrower rule is another matter.
    assert_eq!(with(&[all], &["db-edges"]), Vec::<String>::new());
    let both = json!({ "namespaceSelector": namespace("shop"), "podSelector": { "matchExpressions": [{ "key": "app", "operator": "In", "values": ["web", "api"] }] } });
    let told = with(&[from(both)], &["db-edges"]);
    assert_eq!(
        told,
        [
            r#"one-sided: q.Ingress[0] 0 ["shop/web[Deployment]"] shop/web[Deployment] → data/db[Deployment] : TCP 5432 by default+dns+web-edges false"#
        ]
    );
}

#[test]
fn what_most_refuse_is_an_offer_and_not_told() {
    let apps = json!({ "matchExpressions": [{ "key": "app", "operator": "Exists" }] });
    let offer = policy(
        "data",
        "q",
        json!({ "podSelector": app("db"), "ingress": [{ "from": [{ "namespaceSelector": namespace("shop"), "podSelector": apps }], "ports": [{ "port": 5432 }] }] }),
    );
    let more = [offer, deployment("shop", "search", ("http", 8080))];
    assert_eq!(with(&more, &["db-edges"]), Vec::<String>::new());
}

#[test]
fn a_policy_or_rule_that_others_hold_is_told_with_what_holds_it() {
    let api = |name: &str, port: u16, end: u16| {
        policy(
            "shop",
            name,
            json!({ "podSelector": app("api"), "ingress": [{ "from": [{ "podSelector": app("web") }], "ports": [{ "port": port, "endPort": end }] }] }),
        )
    };
    assert_eq!(with(&[api("p", 8080, 8080)], &[]), ["superfluous: p None by api-edgesSome(0) false"]);
    // Each holds a part of the other: neither can go.
    let two = [api("p", 80, 90), api("q", 85, 95)];
    let open = policy(
        "shop",
        "web-edges",
        json!({ "podSelector": app("web"), "policyTypes": ["Egress"], "egress": [{ "to": [{ "podSelector": app("api") }] }] }),
    );
    assert_eq!(with(&[two[0].clone(), two[1].clone(), open.clone()], &["web-edges"]), Vec::<String>::new());
    // A third lies within the two together.
    assert_eq!(
        with(&[two[0].clone(), two[1].clone(), api("r", 82, 93), open.clone()], &["web-edges"]),
        ["superfluous: r None by pSome(0)+qSome(0) false"]
    );
    // A rule beside one that allows everyone everything.
    let after_all = policy(
        "shop",
        "p",
        json!({ "podSelector": app("api"), "ingress": [{}, { "from": [{ "podSelector": app("web") }], "ports": [{ "port": 9 }] }] }),
    );
    let told = with(&[after_all, open], &["web-edges", "api-edges"]);
    assert!(told.contains(&"superfluous: p Some((Ingress, 1)) by pSome(0) false".to_owned()), "{told:?}");
    // What denies a workload that is denied by default already.
    let deny = policy("shop", "p", json!({ "podSelector": app("api"), "policyTypes": ["Ingress"] }));
    assert_eq!(with(&[deny], &[]), ["superfluous: p None by api-edgesNone+defaultNone false"]);
}

#[test]
fn a_default_denial_and_a_guard_of_one_end_are_not_superfluous() {
    // Every workload of `data` has a policy of its own.
    let own = policy("data", "own", json!({ "podSelector": app("db"), "policyTypes": ["Egress"] }));
    let told = with(&[own], &[]);
    assert_eq!(told, ["superfluous: own None by defaultNone false"]);
    // Without defaults nobody but `api` may be let out to `db`: what isolates `db` still counts.
    let deny = |name: &str| policy("shop", name, json!({ "podSelector": app(name), "policyTypes": ["Egress"] }));
    let told = with(
        &[
            deny("api"),
            deny("web"),
            policy(
                "kube-system",
                "k",
                json!({ "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } }, "policyTypes": ["Egress"] }),
            ),
        ],
        &["default", "dns", "api-edges", "web-edges"],
    );
    assert!(!told.iter().any(|line| line.starts_with("superfluous") || line.starts_with("vacuous")), "{told:?}");
}

#[test]
fn a_policy_that_isolates_and_allows_everything_is_told_unless_it_opens_what_another_closes() {
    let all = policy("shop", "all", json!({ "podSelector": app("api"), "ingress": [{}] }));
    let told_alone = with(std::slice::from_ref(&all), &["default", "api-edges"]);
    assert!(told_alone.contains(&"vacuous: all None".to_owned()), "{told_alone:?}");
    let told_beside = with(&[all], &[]);
    assert!(!told_beside.iter().any(|line| line.starts_with("vacuous")), "{told_beside:?}");
    let half = policy(
        "shop",
        "half",
        json!({ "podSelector": app("api"), "policyTypes": ["Ingress", "Egress"], "ingress": [{ "from": [{ "podSelector": app("web") }] }], "egress": [{}] }),
    );
    let told = with(&[half], &["default", "dns", "api-edges"]);
    assert!(told.contains(&"vacuous: half Some(Egress)".to_owned()), "{told:?}");
}

#[test]
fn rules_of_administrators_that_earlier_ones_decide_for_are_told() {
    let from = |name: &str| json!([{ "pods": { "namespaceSelector": {}, "podSelector": app(name) } }]);
    let deny = |from: &Value, port: u16| json!({ "action": "Deny", "from": from, "protocols": [{ "tcp": { "destinationPort": { "number": port } } }] });
    let wide = admin("wide", "Admin", 1, json!({ "ingress": [{ "action": "Deny", "from": from("web") }] }));
    let narrow =
        |priority: u16, name: &str| admin("narrow", "Admin", priority, json!({ "ingress": [deny(&from(name), 80)] }));
    let shadowed = |objects: &[Value]| {
        with(objects, &[]).into_iter().filter(|line| line.starts_with("shadowed")).collect::<Vec<_>>()
    };
    assert_eq!(
        shadowed(&[wide.clone(), narrow(2, "web")]),
        ["shadowed: narrow.Ingress[0] by wide.Ingress[0] shop/web[Deployment] → data/db[Deployment] : TCP 80"]
    );
    assert_eq!(shadowed(&[wide.clone(), narrow(0, "web")]), Vec::<String>::new());
    assert_eq!(shadowed(&[wide, narrow(2, "api")]), Vec::<String>::new());
    let own = admin(
        "own",
        "Admin",
        1,
        json!({ "ingress": [{ "action": "Pass", "from": from("web") }, deny(&from("web"), 80)] }),
    );
    assert_eq!(shadowed(&[own]).len(), 1);
}

#[test]
fn rules_of_administrators_that_later_ones_hold_are_told() {
    let from = |name: &str| json!([{ "pods": { "namespaceSelector": {}, "podSelector": app(name) } }]);
    let rule = |action: &str, name: &str| json!({ "action": action, "from": from(name) });
    let everyone = |action: &str| json!({ "action": action, "from": [{ "namespaces": {} }] });
    let told = |objects: &[Value]| {
        with(objects, &[]).into_iter().filter(|line| line.starts_with("needless")).collect::<Vec<_>>()
    };
    let guard = |rules: &[Value]| admin("guard", "Admin", 5, json!({ "ingress": rules }));
    // What a later rule would decide the same.
    assert_eq!(
        told(&[guard(&[rule("Deny", "web"), everyone("Deny")])]),
        ["needless: guard Some((Ingress, 0)) by guard.Ingress[1] shop/web[Deployment] → data/db[Deployment] : TCP 1"]
    );
    // One between that decides otherwise.
    let shop = json!({ "action": "Accept", "from": [{ "namespaces": namespace("shop") }] });
    assert_eq!(told(&[guard(&[rule("Deny", "web"), rule("Accept", "api"), everyone("Deny")])]).len(), 1);
    assert_eq!(told(&[guard(&[rule("Deny", "web"), shop, everyone("Deny")])]), Vec::<String>::new());
    // A whole policy, by one of lower precedence.
    let wide = admin("wide", "Admin", 9, json!({ "ingress": [everyone("Deny")] }));
    assert_eq!(
        told(&[guard(&[rule("Deny", "web"), rule("Deny", "api")]), wide.clone()]),
        ["needless: guard None by wide.Ingress[0] shop/api[Deployment] → data/db[Deployment] : TCP 1"]
    );
    // To pass on what nothing after it would decide, and to allow at last what is allowed by default.
    assert_eq!(
        told(&[guard(&[rule("Deny", "web"), everyone("Pass")])]),
        ["needless: guard Some((Ingress, 1)) by  data/db[Deployment] → kube-system/coredns[Deployment] : TCP 1"]
    );
    assert_eq!(told(&[guard(&[rule("Pass", "web"), everyone("Deny")])]), Vec::<String>::new());
    let last = |action: &str| admin("last", "Baseline", 1, json!({ "ingress": [everyone(action)] }));
    assert_eq!(
        told(&[last("Accept")]),
        ["needless: last None by  data/db[Deployment] → kube-system/coredns[Deployment] : TCP 1"]
    );
    // NetworkPolicies that are there now are no reason: what administrators allow or deny holds whatever these become.
    assert_eq!(told(&[guard(&[rule("Deny", "web")])]), Vec::<String>::new());
    assert_eq!(told(&[guard(&[rule("Accept", "web")])]), Vec::<String>::new());
    assert_eq!(told(&[last("Deny")]), Vec::<String>::new());
}

/// Two answers that are neither allowed nor denied for sure need not be the same: what only an address, a domain or a node tells
/// apart keeps its rule; and what passes what another denies is missed without it.
#[test]
fn rules_of_administrators_that_may_matter_are_not_told() {
    let peer =
        |namespace: &str| json!({ "namespaces": { "matchLabels": { "kubernetes.io/metadata.name": namespace } } });
    let to = |action: &str, peer: Value| json!({ "action": action, "to": [peer] });
    let networks = |block: &str| json!({ "networks": [block] });
    let domains = |name: &str| json!({ "domainNames": [name] });
    let pods = [
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "cli", "namespace": "a", "labels": { "app": "cli" } },
                "spec": { "containers": [{ "name": "c" }] }, "status": { "podIPs": [{ "ip": "10.244.0.7" }] } }),
        deployment("b", "web", ("http", 8080)),
    ];
    let needless = |more: Vec<Value>| {
        let cluster = lift(&[pods.to_vec(), more].concat());
        let found = oddities(&cluster, &NetOptions::default(), &Services::default());
        let needless = |oddity: &Oddity| matches!(oddity, Oddity::Needless { .. } | Oddity::Superfluous { .. });
        found.into_iter().filter(needless).collect::<Vec<_>>()
    };
    let outside = [to("Accept", networks("203.0.113.7/32")), to("Deny", networks("203.0.113.0/24"))];
    let denial = [outside.to_vec(), vec![to("Deny", peer("a"))]].concat();
    assert_eq!(needless(vec![admin("p", "Admin", 1, json!({ "subject": peer("b"), "egress": denial }))]), []);
    let accepted = [
        to("Accept", domains("a.example.com")),
        to("Accept", domains("b.example.com")),
        to("Deny", json!({ "networks": ["0.0.0.0/0", "::/0"] })),
    ];
    assert_eq!(needless(vec![admin("p", "Admin", 1, json!({ "subject": peer("b"), "egress": accepted }))]), []);
    let allow = json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": [{ "to": [{ "namespaceSelector": namespace("a") }] }] });
    let beside = vec![
        policy("b", "deny", json!({ "podSelector": {}, "policyTypes": ["Egress"] })),
        policy("b", "allow", allow),
        admin("p", "Admin", 1, json!({ "egress": outside })),
    ];
    assert_eq!(needless(beside), []);
    let from = |action: &str| json!({ "subject": peer("b"), "ingress": [{ "action": action, "from": [peer("a")] }] });
    assert_eq!(needless(vec![admin("p", "Admin", 1, from("Pass")), admin("q", "Admin", 2, from("Deny"))]), []);
    // Two that say the same at one priority: one of them will do, and the other is what decides.
    let twice = needless(vec![admin("p", "Admin", 1, from("Deny")), admin("q", "Admin", 1, from("Deny"))]);
    let [Oddity::Needless { policy, by, .. }] = twice.as_slice() else { panic!("{twice:#?}") };
    assert_eq!(
        (policy.name.as_str(), by.iter().map(|at| at.policy.name.as_str()).collect::<Vec<_>>()),
        ("q", vec!["p"])
    );
}

#[test]
fn policies_of_one_priority_that_differ_are_told_with_a_packet() {
    let says = |name: &str, priority: u16, action: &str, port: u16| {
        let from = json!([{ "pods": { "namespaceSelector": {}, "podSelector": app("web") } }]);
        admin(
            name,
            "Admin",
            priority,
            json!({ "subject": { "pods": { "namespaceSelector": {}, "podSelector": app("api") } }, "ingress": [{ "action": action, "from": from, "protocols": [{ "tcp": { "destinationPort": { "number": port } } }] }] }),
        )
    };
    let told = |objects: &[Value]| {
        with(objects, &[]).into_iter().filter(|line| line.starts_with("ambiguous")).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&[says("a", 5, "Accept", 8080), says("b", 5, "Deny", 8080)]),
        ["ambiguous: a.Ingress[0]+b.Ingress[0] shop/web[Deployment] → shop/api[Deployment] : TCP 8080"]
    );
    assert_eq!(told(&[says("a", 5, "Accept", 8080), says("b", 6, "Deny", 8080)]), Vec::<String>::new());
    assert_eq!(told(&[says("a", 5, "Accept", 8080), says("b", 5, "Accept", 8080)]), Vec::<String>::new());
    assert_eq!(told(&[says("a", 5, "Accept", 8080), says("b", 5, "Deny", 8081)]), Vec::<String>::new());
}

#[test]
fn who_may_call_others_and_not_ask_dns_is_told() {
    assert_eq!(
        with(&[], &["dns"]),
        [
            r#"dns: ["shop/api[Deployment]"] api-edges+default shop/api[Deployment] → kube-system/coredns[Deployment] : UDP 53 calls data/db[Deployment]"#,
            r#"dns: ["shop/web[Deployment]"] default+web-edges shop/web[Deployment] → kube-system/coredns[Deployment] : UDP 53 calls shop/api[Deployment]"#
        ]
    );
    // A resolver of one's own, and no DNS pods that kspec sees.
    let own = policy(
        "shop",
        "own",
        json!({ "policyTypes": ["Egress"], "egress": [{ "to": [{ "ipBlock": { "cidr": "10.0.0.10/32" } }], "ports": [{ "port": 53, "protocol": "UDP" }] }] }),
    );
    assert_eq!(with(&[own], &["dns"]), Vec::<String>::new());
    assert_eq!(with(&[], &["dns", "coredns"]), Vec::<String>::new());
}

#[test]
fn a_namespace_where_new_pods_are_not_isolated_is_told_and_one_that_an_administrator_denies_is_not() {
    let told = with(&[deployment("new", "job", ("http", 80))], &[]);
    assert_eq!(told, [r#"no default: new [Ingress, Egress] ["new/job[Deployment]"]"#]);
    let one = policy("new", "default", json!({ "policyTypes": ["Ingress"] }));
    let told = with(&[deployment("new", "job", ("http", 80)), one], &[]);
    assert_eq!(told, [r#"no default: new [Egress] ["new/job[Deployment]"]"#]);
    let all = json!([{ "namespaces": {} }]);
    let baseline = admin(
        "all",
        "Baseline",
        5,
        json!({ "subject": { "namespaces": namespace("new") }, "ingress": [{ "action": "Deny", "from": all }], "egress": [{ "action": "Deny", "to": all }] }),
    );
    let told = with(&[deployment("new", "job", ("http", 80)), baseline], &[]);
    assert_eq!(told, Vec::<String>::new());
}

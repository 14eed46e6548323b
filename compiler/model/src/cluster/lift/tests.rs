//! What the API server's defaults make of objects, and what becomes of malformed ones.

use serde_json::{Value, json};

use crate::{
    LabelSelector, Object, ObjectKey,
    cluster::{
        AdminAction, AdminPolicyFacts, Cluster, Lift, LiftProblem, PeerFacts, PodsFacts, PolicyPortFacts, PolicyTier,
        PortTarget, RouteNamespaces, ServicePort,
    },
    program::{PortSpec, Protocol, RoleRef, Subject},
};

fn lift(objects: impl IntoIterator<Item = Value>) -> (Cluster, Vec<LiftProblem>) {
    let objects: Vec<_> = objects.into_iter().map(Object).collect();
    let whole = Cluster::lift(&objects);
    for (first, second) in (0..objects.len()).map(|at| objects.split_at(at)) {
        let [mut lift, other] = [first, second].map(|objects| {
            let mut lift = Lift::default();
            objects.iter().for_each(|object| lift.read(&object.0));
            lift
        });
        lift.join(other);
        assert_eq!(lift.finish(), whole, "in two parts, the second from {:?}", second.first());
    }
    whole
}

fn clean(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let (cluster, problems) = lift(objects);
    assert_eq!(problems, []);
    cluster
}

/// The one problem of one object, which must not have been kept.
fn refused(object: Value) -> String {
    let (cluster, problems) = lift([object]);
    assert_eq!(
        (cluster.network_policies.len(), cluster.roles.len(), cluster.bindings.len(), cluster.workloads.len()),
        (0, 0, 0, 0)
    );
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    problem.message.clone()
}

fn network_policy(spec: Value) -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "p", "namespace": "a" }, "spec": spec })
}

fn key(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey { group: group.into(), kind: kind.into(), namespace: Some(namespace.into()), name: name.into() }
}

#[test]
fn a_namespace_carries_its_name_as_label_wherever_it_is_named() {
    let cluster = clean([
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a", "labels": { "team": "x", "kubernetes.io/metadata.name": "forged" } } }),
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "namespace": "b" } }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "s" }, "automountServiceAccountToken": false }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "r", "namespace": "ignored" } }),
    ]);
    let labels =
        |name: &str| cluster.namespaces[name].labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
    assert_eq!(cluster.namespaces.keys().collect::<Vec<_>>(), ["a", "b", "default"]);
    assert_eq!(labels("a"), ["kubernetes.io/metadata.name=a", "team=x"]);
    assert_eq!(labels("b"), ["kubernetes.io/metadata.name=b"]);
    assert_eq!(cluster.service_accounts[&("default".into(), "s".into())].automount_token, Some(false));
    assert!(cluster.roles.contains_key(&RoleRef { namespace: None, name: "r".into() }));
}

#[test]
fn the_namespace_object_wins_over_a_mention_after_it() {
    let cluster = clean([
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a", "labels": { "team": "x" } } }),
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "a" } }),
    ]);
    assert_eq!(cluster.namespaces["a"].labels.len(), 2);
}

#[test]
fn lists_are_unwrapped_typed_ones_included() {
    let cluster = clean([
        json!({ "apiVersion": "v1", "kind": "List", "items": [
            { "apiVersion": "v1", "kind": "List", "items": [{ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" } }] },
        ] }),
        json!({ "apiVersion": "apps/v1", "kind": "DeploymentList", "items": [{ "metadata": { "name": "d", "namespace": "n" } }] }),
    ]);
    assert_eq!(
        cluster.workloads.keys().cloned().collect::<Vec<_>>(),
        [key("", "Pod", "default", "p"), key("apps", "Deployment", "n", "d")]
    );
}

#[test]
fn policy_types_default_to_ingress_and_to_egress_where_it_has_rules() {
    for (spec, ingress, egress) in [
        (json!({}), true, false),
        (json!({ "egress": [] }), true, false),
        (json!({ "egress": [{}] }), true, true),
        (json!({ "policyTypes": ["Egress"] }), false, true),
        (json!({ "policyTypes": ["Egress"], "ingress": [{}] }), false, true),
        (json!({ "policyTypes": ["Ingress", "Egress"] }), true, true),
        (json!({ "policyTypes": [], "egress": null }), true, false),
    ] {
        let cluster = clean([network_policy(spec.clone())]);
        let policy = &cluster.network_policies[&("a".into(), "p".into())];
        assert_eq!((policy.ingress.is_some(), policy.egress.is_some()), (ingress, egress), "{spec}");
    }
}

#[test]
fn rules_peers_and_ports() {
    let cluster = clean([network_policy(json!({
        "podSelector": { "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["x"] }] },
        "ingress": [
            { "from": [], "ports": [] },
            {
                "from": [
                    { "podSelector": {} },
                    { "namespaceSelector": {}, "podSelector": { "matchLabels": { "a": "b" } } },
                    { "ipBlock": { "cidr": "10.1.2.3/8", "except": ["10.9.0.0/16"] } },
                    { "ipBlock": { "cidr": "fd00::/8" } },
                ],
                "ports": [{ "port": 80 }, { "protocol": "UDP", "port": "dns" }, { "protocol": "SCTP" }, { "port": 1, "endPort": 9 }],
            },
        ],
    }))]);
    let rules = cluster.network_policies[&("a".into(), "p".into())].ingress.clone().unwrap();
    assert_eq!((&rules[0].peers, &rules[0].ports), (&None, &None));
    assert_eq!(
        rules[1].peers.clone().unwrap(),
        [
            PeerFacts::Pods { pods: LabelSelector::default(), namespaces: None },
            PeerFacts::Pods { pods: LabelSelector::labels([("a", "b")]), namespaces: Some(LabelSelector::default()) },
            PeerFacts::Block { cidr: "10.0.0.0/8".parse().unwrap(), except: vec!["10.9.0.0/16".parse().unwrap()] },
            PeerFacts::Block { cidr: "fd00::/8".parse().unwrap(), except: vec![] },
        ]
    );
    let number = |first, last| PolicyPortFacts::Number(PortSpec { first, last, protocol: Protocol::Tcp });
    assert_eq!(
        rules[1].ports.clone().unwrap(),
        [
            number(80, 80),
            PolicyPortFacts::Named("dns".into(), Some(Protocol::Udp)),
            PolicyPortFacts::All(Protocol::Sctp),
            number(1, 9)
        ]
    );
}

#[test]
fn what_the_api_server_refuses_is_left_out_and_named() {
    let ingress = |rule: Value| refused(network_policy(json!({ "ingress": [{}, rule] })));
    let messages = [
        ingress(json!({ "from": [{}] })),
        ingress(json!({ "from": [{ "podSelector": {} }, { "podSelector": {}, "ipBlock": { "cidr": "10.0.0.0/8" } }] })),
        ingress(json!({ "from": [{ "ipBlock": { "cidr": "10.0.0/8" } }] })),
        ingress(json!({ "from": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"] } }] })),
        ingress(json!({ "from": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"] } }] })),
        ingress(json!({ "from": [{ "podSelector": { "matchExpressions": [{ "key": "a", "operator": "Is", "values": ["x"] }] } }] })),
        ingress(json!({ "from": [{ "podSelector": { "matchExpressions": [{ "key": "a", "operator": "In" }] } }] })),
        ingress(json!({ "ports": [{ "port": "80" }] })),
        ingress(json!({ "ports": [{ "port": 0 }] })),
        ingress(json!({ "ports": [{ "port": 70_000 }] })),
        ingress(json!({ "ports": [{ "port": 9, "endPort": 8 }] })),
        ingress(json!({ "ports": [{ "port": "http", "endPort": 8 }] })),
        ingress(json!({ "ports": [{ "protocol": "ICMP" }] })),
        ingress(json!({ "ports": 80 })),
        refused(network_policy(json!({ "policyTypes": ["ingress"] }))),
        refused(network_policy(json!({ "podSelector": { "matchLabels": { "a": 1 } } }))),
        refused(network_policy(json!("all"))),
        refused(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "generateName": "p-" } })),
        refused(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "containers": [{ "ports": [{ "name": "x" }] }] } })),
        refused(json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "r" }, "rules": [{ "verbs": "get" }] })),
        refused(json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "r" }, "roleRef": { "kind": "Rule", "name": "x" } })),
        refused(json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "r" }, "roleRef": { "kind": "Role", "name": "x" } })),
        refused(json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "r" }, "roleRef": { "kind": "ClusterRole", "name": "x" }, "subjects": [{ "kind": "ServiceAccount", "name": "s" }] })),
    ]
    .join("\n");
    insta::assert_snapshot!(messages);
}

#[test]
fn no_json_makes_it_panic() {
    for object in [
        json!(null),
        json!([]),
        json!(7),
        json!({ "kind": 3, "metadata": 4 }),
        json!({ "kind": "List", "items": [null, 1] }),
    ] {
        assert_eq!(lift([object]).0, Cluster::default());
    }
}

#[test]
fn controllers_pods_and_their_ports() {
    let template = json!({
        "metadata": { "labels": { "app": "a" } },
        "spec": {
            "hostNetwork": true,
            "containers": [{ "name": "c", "ports": [{ "containerPort": 80, "name": "http" }, { "containerPort": 53, "protocol": "UDP" }] }],
            "initContainers": [
                { "name": "sidecar", "restartPolicy": "Always", "ports": [{ "containerPort": 90 }] },
                { "name": "setup", "ports": [{ "containerPort": 91 }] },
            ],
        },
    });
    let spec = json!({ "selector": { "matchLabels": { "app": "a" } }, "template": template });
    let cluster = clean([
        json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "s" }, "spec": spec }),
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j", "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "CronJob", "name": "c", "controller": true }] }, "spec": { "template": template } }),
        json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "c" }, "spec": { "jobTemplate": { "spec": { "template": template } } } }),
        json!({ "apiVersion": "v1", "kind": "ReplicationController", "metadata": { "name": "rc" }, "spec": { "template": { "metadata": { "labels": { "r": "c" } }, "spec": { "serviceAccount": "old" } } } }),
    ]);
    let set = &cluster.workloads[&key("apps", "StatefulSet", "default", "s")];
    assert!(set.host_network);
    assert_eq!(set.service_account, "default");
    assert_eq!(
        set.ports.iter().map(|port| (port.port, port.protocol)).collect::<Vec<_>>(),
        [(80, Protocol::Tcp), (53, Protocol::Udp), (90, Protocol::Tcp)]
    );
    let job = &cluster.workloads[&key("batch", "Job", "default", "j")];
    assert_eq!(job.owner, Some(key("batch", "CronJob", "default", "c")));
    assert_eq!(job.labels.keys().collect::<Vec<_>>(), ["app", "batch.kubernetes.io/job-name", "job-name"]);
    let old = &cluster.workloads[&key("", "ReplicationController", "default", "rc")];
    assert_eq!(
        (old.service_account.as_str(), old.selector.clone()),
        ("old", Some(LabelSelector::labels([("r", "c")])))
    );
    assert_eq!(cluster.workloads.len(), 4);
}

#[test]
fn addresses_are_those_of_pods_that_run() {
    let addresses = |status: Value| -> Vec<String> {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "a" }, "spec": { "containers": [] }, "status": status });
        let cluster = clean([pod]);
        // What is over is no workload any more.
        let over = ["Succeeded", "Failed"].iter().any(|phase| status["phase"] == *phase);
        assert_eq!(cluster.workloads.len(), usize::from(!over));
        cluster.workloads.values().flat_map(|facts| &facts.pod.addresses).map(ToString::to_string).collect()
    };
    let ips = json!([{ "ip": "10.0.0.5" }, { "ip": "fd00::5" }]);
    assert_eq!(addresses(json!({ "phase": "Running", "podIP": "10.0.0.5", "podIPs": ips })), ["10.0.0.5", "fd00::5"]);
    assert_eq!(addresses(json!({ "podIP": "10.0.0.5" })), ["10.0.0.5"]);
    for none in [
        json!({ "phase": "Pending", "podIP": "" }),
        json!({ "phase": "Succeeded", "podIPs": ips }),
        json!({ "phase": "Failed", "podIPs": ips }),
        json!({ "podIP": "10.0.0.5", "podIPs": [{ "ip": "what" }] }),
        json!(null),
    ] {
        assert_eq!(addresses(none.clone()), Vec::<String>::new(), "{none}");
    }
}

#[test]
fn services_and_ingresses() {
    let cluster = clean([
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": { "selector": { "app": "a" }, "ports": [{ "port": 80, "name": "web" }, { "port": 81, "targetPort": "http", "protocol": "UDP" }] } }),
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i" }, "spec": {
            "defaultBackend": { "service": { "name": "s", "port": { "name": "http" } } },
            "rules": [{ "http": { "paths": [{ "backend": { "service": { "name": "s", "port": { "number": 80 } } } }, { "backend": { "resource": { "kind": "Bucket", "name": "b" } } }] } }, { "host": "x" }],
        } }),
    ]);
    let service = &cluster.services[&("default".into(), "s".into())];
    assert_eq!(service.kind, "ClusterIP");
    let port = |name: Option<&str>, port, target, protocol| ServicePort {
        name: name.map(str::to_owned),
        port,
        target,
        protocol,
    };
    assert_eq!(
        service.ports,
        [
            port(Some("web"), 80, PortTarget::Number(80), Protocol::Tcp),
            port(None, 81, PortTarget::Name("http".into()), Protocol::Udp)
        ]
    );
    assert!(!service.is_exposed());
    assert_eq!(
        cluster.ingresses[&("default".into(), "i".into())].backends,
        [("s".into(), PortTarget::Number(80)), ("s".into(), PortTarget::Name("http".into()))]
    );
}

#[test]
fn what_leads_callers_in() {
    let service = |name: &str, spec: Value| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": spec });
    let route = |kind: &str, parent: Value| {
        json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": { "name": "r", "namespace": "n" }, "spec": {
            "parentRefs": [parent],
            "rules": [{ "backendRefs": [{ "name": "s", "port": 80 }, { "name": "b", "kind": "Bucket", "group": "x.y" }, { "name": "t", "namespace": "m", "port": 81 }] }],
        } })
    };
    let cluster = clean([
        service("plain", json!({})),
        service("node", json!({ "type": "NodePort" })),
        service("balanced", json!({ "type": "LoadBalancer" })),
        service("addressed", json!({ "externalIPs": ["192.0.2.1"] })),
        route("HTTPRoute", json!({ "name": "gateway" })),
        route("TCPRoute", json!({ "name": "s", "kind": "Service", "group": "" })),
    ]);
    let exposed: Vec<_> = cluster.services.iter().filter(|(_, service)| service.is_exposed()).collect();
    let names: Vec<_> = exposed.iter().map(|((_, name), _)| name.as_str()).collect();
    assert_eq!(names, ["addressed", "balanced", "node"]);
    let routes: Vec<_> = cluster.routes.iter().collect();
    assert_eq!(routes.len(), 1, "{routes:?}");
    assert_eq!(routes[0].0, &key("gateway.networking.k8s.io", "HTTPRoute", "n", "r"));
    assert_eq!(routes[0].1.backends, [("m".into(), "t".into(), 81), ("n".into(), "s".into(), 80)]);
}

#[test]
fn gateways_take_in_what_their_protocols_are_for_from_their_own_namespace() {
    let gateway = |listener: Value| {
        let spec = json!({ "listeners": [listener] });
        let gateway = json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "name": "g", "namespace": "n" }, "spec": spec });
        let cluster = clean([gateway]);
        cluster.gateways[&("n".to_owned(), "g".to_owned())].listeners[0].clone()
    };
    let kinds = |protocol: &str| {
        let listener = gateway(json!({ "name": "l", "port": 80, "protocol": protocol }));
        assert_eq!(
            (listener.name.as_str(), listener.port, listener.namespaces),
            ("l", Some(80), RouteNamespaces::Same)
        );
        listener.kinds.map(|kinds| kinds.into_iter().map(|(_, kind)| kind).collect::<Vec<_>>().join(" "))
    };
    let by_protocol = ["HTTP", "HTTPS", "TLS", "TCP", "UDP", "example.com/own"].map(kinds);
    let expected = ["GRPCRoute HTTPRoute", "GRPCRoute HTTPRoute", "TCPRoute TLSRoute", "TCPRoute", "UDPRoute"];
    assert_eq!(by_protocol[..5], expected.map(|kinds| Some(kinds.to_owned())));
    assert_eq!(by_protocol[5], None);
    let allowed = json!({ "namespaces": { "from": "All" }, "kinds": [{ "kind": "HTTPRoute" }, { "group": "x.y", "kind": "Own" }] });
    let listener = gateway(json!({ "name": "l", "protocol": "TCP", "allowedRoutes": allowed }));
    let stated = [("gateway.networking.k8s.io", "HTTPRoute"), ("x.y", "Own")];
    let stated = stated.map(|(group, kind)| (group.to_owned(), kind.to_owned()));
    assert_eq!((listener.kinds.as_deref(), listener.namespaces), (Some(&stated[..]), RouteNamespaces::All));
}

#[test]
fn bindings_and_their_subjects() {
    let cluster = clean([json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "b", "namespace": "n" },
        "roleRef": { "kind": "Role", "name": "r" },
        "subjects": [{ "kind": "User", "name": "u" }, { "kind": "User", "name": "system:serviceaccount:x:y" }, { "kind": "Group", "name": "g" }, { "kind": "ServiceAccount", "name": "s" }],
    })]);
    let binding = cluster.bindings.values().next().unwrap();
    let account =
        |namespace: &str, name: &str| Subject::ServiceAccount { namespace: namespace.into(), name: name.into() };
    assert_eq!(binding.role, RoleRef { namespace: Some("n".into()), name: "r".into() });
    assert_eq!(
        binding.subjects,
        [Subject::User("u".into()), account("x", "y"), Subject::Group("g".into()), account("n", "s")]
    );
}

#[test]
fn aggregated_roles_hold_what_they_select_through_chains_and_cycles() {
    let role = |name: &str, labels: Value, verb: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name, "labels": labels },
            "rules": [{ "verbs": [verb], "apiGroups": [""], "resources": ["pods"] }],
        })
    };
    let aggregated = |name: &str, labels: Value, select: &str| {
        let mut role = role(name, labels, "stale");
        role["aggregationRule"] = json!({ "clusterRoleSelectors": [{ "matchLabels": { select: "true" } }] });
        role
    };
    let cluster = clean([
        aggregated("admin", json!({ "to-loop": "true" }), "to-admin"),
        aggregated("edit", json!({ "to-admin": "true" }), "to-edit"),
        aggregated("loop", json!({ "to-admin": "true" }), "to-loop"),
        role("z", json!({ "to-edit": "true", "to-admin": "true" }), "get"),
        role("y", json!({ "to-edit": "true" }), "list"),
        role("copy", json!({ "to-edit": "true" }), "list"),
    ]);
    let verbs = |name: &str| {
        let role = &cluster.roles[&RoleRef { namespace: None, name: name.into() }];
        role.rules.iter().map(|rule| rule.verbs.join(",")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        (verbs("edit"), verbs("admin"), verbs("loop")),
        ("list get".into(), "list get".into(), "list get".into())
    );
}

#[test]
fn kinds_that_are_not_evaluated_are_recorded() {
    let cluster = clean([
        json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": { "name": "c", "namespace": "n" } }),
        json!({ "apiVersion": "policy.networking.k8s.io/v1beta1", "kind": "ClusterNetworkPolicy", "metadata": { "name": "a" } }),
        json!({ "apiVersion": "example.com/v1", "kind": "NetworkPolicy", "metadata": { "name": "other" } }),
    ]);
    let opaque: Vec<_> = cluster.opaque.iter().map(ToString::to_string).collect();
    assert_eq!(opaque, ["CiliumNetworkPolicy.cilium.io n/c", "ClusterNetworkPolicy.policy.networking.k8s.io a"]);
}

fn admin(version: &str, kind: &str, spec: Value) -> Value {
    json!({ "apiVersion": format!("policy.networking.k8s.io/{version}"), "kind": kind, "metadata": { "name": "p" }, "spec": spec })
}

/// The one policy of one object.
fn lifted(object: Value) -> AdminPolicyFacts {
    let cluster = clean([object]);
    assert_eq!(cluster.opaque, []);
    cluster.admin_policies.into_values().next().unwrap()
}

#[test]
fn both_generations_of_administrators_policies_are_one_thing() {
    let team = json!({ "matchLabels": { "team": "x" } });
    let pods = json!({ "pods": { "namespaceSelector": team, "podSelector": { "matchLabels": { "app": "web" } } } });
    let old = lifted(admin(
        "v1alpha1",
        "AdminNetworkPolicy",
        json!({
            "priority": 7,
            "subject": { "namespaces": team },
            "ingress": [{ "name": "r", "action": "Allow", "from": [pods], "ports": [
                { "portNumber": { "port": 80 } }, { "portRange": { "protocol": "UDP", "start": 1, "end": 9 } }, { "namedPort": "http" },
            ] }],
            "egress": [{ "action": "Pass", "to": [{ "networks": ["10.0.0.0/8", "fd00::/8"] }, { "nodes": {} }, { "domainNames": ["*.example.com"] }] }],
        }),
    ));
    let new = lifted(admin(
        "v1alpha2",
        "ClusterNetworkPolicy",
        json!({
            "tier": "Admin",
            "priority": 7,
            "subject": { "namespaces": team },
            "ingress": [{ "name": "r", "action": "Accept", "from": [pods], "protocols": [
                { "tcp": { "destinationPort": { "number": 80 } } },
                { "udp": { "destinationPort": { "range": { "start": 1, "end": 9 } } } },
                { "destinationNamedPort": "http" },
            ] }],
            "egress": [{ "action": "Pass", "to": [{ "networks": ["10.0.0.0/8", "fd00::/8"] }, { "nodes": {} }, { "domainNames": ["*.example.com"] }] }],
        }),
    ));
    assert_eq!(old, new);
    let [rule] = new.ingress.as_slice() else { panic!("{new:?}") };
    let number = |first, last, protocol| PolicyPortFacts::Number(PortSpec { first, last, protocol });
    let ports =
        vec![number(80, 80, Protocol::Tcp), number(1, 9, Protocol::Udp), PolicyPortFacts::Named("http".into(), None)];
    assert_eq!((rule.action, rule.ports.as_ref()), (AdminAction::Allow, Some(&ports)));
    let subject = PodsFacts { namespaces: LabelSelector::labels([("team", "x")]), pods: LabelSelector::default() };
    assert_eq!((new.tier, new.priority, new.subject), (PolicyTier::Admin, 7, subject));
    let baseline =
        json!({ "subject": { "namespaces": {} }, "egress": [{ "action": "Deny", "to": [{ "namespaces": {} }] }] });
    let facts = lifted(admin("v1alpha1", "BaselineAdminNetworkPolicy", baseline));
    assert_eq!((facts.tier, facts.priority), (PolicyTier::Baseline, 0));
}

#[test]
fn what_another_release_would_read_otherwise_is_not_evaluated() {
    let opaque = |objects: Vec<Value>| {
        let cluster = clean(objects);
        (cluster.admin_policies.len(), cluster.opaque.iter().map(|key| key.kind.clone()).collect::<Vec<_>>())
    };
    let spec = |peer: Value| json!({ "priority": 1, "subject": { "namespaces": {} }, "ingress": [{ "action": "Deny", "from": [peer] }] });
    let one = |peer| opaque(vec![admin("v1alpha1", "AdminNetworkPolicy", spec(peer))]);
    let left_out = (0, vec!["AdminNetworkPolicy".to_owned()]);
    assert_eq!(one(json!({ "namespaces": { "namespaceSelector": {} } })), left_out);
    assert_eq!(one(json!({ "pods": { "namespaces": { "sameLabels": ["a"] }, "podSelector": {} } })), left_out);
    assert_eq!(one(json!({ "tenants": {} })), left_out);
    assert_eq!(one(json!({})), left_out);
    assert_eq!(one(json!({ "namespaces": {} })), (1, vec![]));
    let mut newer = spec(json!({ "namespaces": {} }));
    newer["tier"] = json!("Baseline");
    let both = vec![
        admin("v1alpha1", "AdminNetworkPolicy", spec(json!({ "namespaces": {} }))),
        admin("v1alpha2", "ClusterNetworkPolicy", newer),
    ];
    assert_eq!(opaque(both), (1, vec!["AdminNetworkPolicy".to_owned()]));
}

#[test]
fn a_malformed_administrators_policy_is_named_and_still_not_thought_away() {
    let said = |spec: Value| {
        let (cluster, problems) = lift([admin("v1alpha2", "ClusterNetworkPolicy", spec)]);
        assert_eq!((cluster.admin_policies.len(), cluster.opaque.len(), problems.len()), (0, 1, 1));
        problems[0].message.clone()
    };
    let rule =
        |rule: Value| json!({ "tier": "Admin", "priority": 0, "subject": { "namespaces": {} }, "egress": [rule] });
    let messages = [
        said(json!({ "tier": "Middle", "priority": 0, "subject": { "namespaces": {} } })),
        said(json!({ "tier": "Admin", "priority": 1001, "subject": { "namespaces": {} } })),
        said(json!({ "tier": "Admin", "priority": 0, "subject": { "networks": ["10.0.0.0/8"] } })),
        said(rule(json!({ "action": "Allow", "to": [{ "namespaces": {} }] }))),
        said(rule(json!({ "action": "Deny", "to": [] }))),
        said(rule(json!({ "action": "Deny", "to": [{ "namespaces": {}, "pods": {} }] }))),
        said(rule(json!({ "action": "Deny", "to": [{ "networks": ["ten"] }] }))),
        said(rule(json!({ "action": "Deny", "to": [{ "namespaces": {} }], "protocols": [{ "tcp": {} }] }))),
        said(rule(json!({ "action": "Deny", "to": [{ "namespaces": {} }], "protocols": [] }))),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

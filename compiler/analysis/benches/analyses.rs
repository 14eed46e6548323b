//! What the analyses cost on large clusters. `cargo bench -p kspec-analysis`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a bench")]

use std::collections::BTreeSet;

use divan::{Bencher, black_box};
use kspec_analysis::{
    abuse::{Attempt, Controls, Goal, Paths, Refusal, Refuser, Settings},
    access::{self, Index, Request},
    net::{
        self, End, NetOptions, Network,
        findings::{Services, oddities},
    },
    review::{ReviewSettings, review},
};
use kspec_model::{
    Object,
    cluster::{Cluster, NetworkPolicyFacts},
    program::Protocol,
};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// A fixed sequence that looks random: a linear congruential generator (Numerical Recipes' constants).
struct Sequence(u32);

impl Sequence {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % bound
    }
}

fn lift(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let (cluster, problems) = Cluster::lift(&objects.into_iter().map(Object).collect::<Vec<_>>());
    assert_eq!(problems, []);
    cluster
}

/// Workloads over namespaces of twenty, every namespace denied by default from the start; the other policies each let a
/// few others reach one workload on a port or two.
fn network(workloads: usize, policies: usize, deny: bool) -> Cluster {
    let mut next = Sequence(7);
    let namespaces = workloads.div_ceil(20);
    let namespace = |number: usize| format!("ns-{}", number % namespaces);
    let mut objects = Vec::new();
    for number in 0..workloads {
        let labels = json!({ "app": format!("app-{number}"), "tier": format!("t{}", number % 5) });
        objects.push(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": format!("app-{number}"), "namespace": namespace(number) },
            "spec": { "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "ports": [{ "name": "http", "containerPort": 8000 + number % 7 }] }] } } },
        }));
    }
    for number in 0..policies {
        let policy = |spec: Value, namespace: String| json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": format!("p-{number}"), "namespace": namespace }, "spec": spec });
        if number < namespaces {
            if deny {
                objects.push(policy(json!({ "policyTypes": ["Ingress", "Egress"] }), namespace(number)));
            }
            continue;
        }
        let (from, to) = (next.below(workloads), next.below(workloads));
        let tier = format!("t{}", next.below(5));
        let spec = json!({
            "podSelector": { "matchLabels": { "app": format!("app-{to}") } },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                { "from": [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace(from) } }, "podSelector": { "matchLabels": { "tier": tier } } }], "ports": [{ "port": "http" }] },
                { "from": [{ "ipBlock": { "cidr": format!("10.{}.0.0/16", number % 200), "except": [format!("10.{}.7.0/24", number % 200)] } }], "ports": [{ "port": 443 }] },
            ],
            "egress": [{ "to": [{ "namespaceSelector": {}, "podSelector": { "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["t1", "t2"] }] } }], "ports": [{ "port": "http" }, { "port": 9000 + number % 13 }] }],
        });
        objects.push(policy(spec, namespace(to)));
    }
    lift(objects)
}

const NETWORKS: &[(usize, usize)] = &[(500, 300), (2000, 2000)];

#[divan::bench(args = NETWORKS)]
fn net_reach(bencher: Bencher<'_, '_>, (workloads, policies): &(usize, usize)) {
    let cluster = network(*workloads, *policies, true);
    bencher.bench(|| net::reach(black_box(&cluster), &NetOptions::default()));
}

#[divan::bench(args = NETWORKS)]
fn net_reach_as_lines(bencher: Bencher<'_, '_>, (workloads, policies): &(usize, usize)) {
    let cluster = network(*workloads, *policies, true);
    bencher.bench(|| net::reach(black_box(&cluster), &NetOptions::default()).edges());
}

/// Who reaches whom by classes, as clusters grow.
#[divan::bench(args = [(500, 300), (1000, 600), (2000, 1200), (5000, 3000)])]
fn net_summary(bencher: Bencher<'_, '_>, (workloads, policies): (usize, usize)) {
    let cluster = network(workloads, policies, true);
    bencher.bench(|| net::reach(black_box(&cluster), &NetOptions::default()).summary().edges.len());
}

/// One question about one connection, once everything is read.
#[divan::bench(args = NETWORKS)]
fn net_probe(bencher: Bencher<'_, '_>, (workloads, policies): &(usize, usize)) {
    let cluster = network(*workloads, *policies, true);
    let network = Network::new(&cluster, &NetOptions::default());
    let ends: Vec<End> = cluster.workloads.keys().cloned().map(End::Workload).collect();
    let mut next = Sequence(17);
    bencher.bench_local(|| {
        let (src, dst) = (&ends[next.below(ends.len())], &ends[next.below(ends.len())]);
        network.probe(black_box(src), black_box(dst), Protocol::Tcp, 8003)
    });
}

/// What is odd about the policies.
#[divan::bench(args = NETWORKS)]
fn net_findings(bencher: Bencher<'_, '_>, (workloads, policies): &(usize, usize)) {
    let cluster = network(*workloads, *policies, true);
    bencher.bench(|| oddities(black_box(&cluster), &NetOptions::default(), &Services::default()).len());
}

/// Likewise beside administrators' policies, of ten rules each, of which some hold others.
#[divan::bench(args = [(500, 300, 20), (2000, 2000, 20)])]
fn net_findings_of_administrators(bencher: Bencher<'_, '_>, (workloads, policies, admins): (usize, usize, usize)) {
    let mut next = Sequence(23);
    let mut cluster = network(workloads, policies, true);
    let objects = (0..admins).map(|number| {
        let rules: Vec<Value> = (0..10)
            .map(|_| {
                let tier = json!({ "matchLabels": { "tier": format!("t{}", next.below(5)) } });
                let peers = [
                    json!({ "namespaces": { "matchLabels": { "kubernetes.io/metadata.name": format!("ns-{}", next.below(20)) } } }),
                    json!({ "pods": { "namespaceSelector": {}, "podSelector": tier } }),
                ];
                let port = 8000 + next.below(7);
                let (action, peer) = (["Accept", "Deny", "Pass"][next.below(3)], &peers[next.below(2)]);
                json!({ "action": action, "from": [peer], "protocols": [{ "tcp": { "destinationPort": { "range": { "start": port, "end": port + next.below(900) } } } }] })
            })
            .collect();
        json!({
            "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": { "name": format!("c-{number}") },
            "spec": { "tier": "Admin", "priority": number, "subject": { "pods": { "namespaceSelector": {}, "podSelector": { "matchLabels": { "tier": format!("t{}", number % 5) } } } }, "ingress": rules },
        })
    });
    cluster.admin_policies = lift(objects).admin_policies;
    bencher.bench(|| oddities(black_box(&cluster), &NetOptions::default(), &Services::default()).len());
}

/// Default denial added to every namespace at once: every pair changes.
#[divan::bench(args = NETWORKS)]
fn net_delta(bencher: Bencher<'_, '_>, (workloads, policies): &(usize, usize)) {
    let (before, after) = (network(*workloads, *policies, false), network(*workloads, *policies, true));
    bencher.bench(|| net::delta(black_box(&before), black_box(&after), &NetOptions::default()));
}

/// One namespace no longer denies what goes out of it.
#[divan::bench(args = NETWORKS)]
fn net_delta_of_one_namespace(bencher: Bencher<'_, '_>, (workloads, policies): &(usize, usize)) {
    let before = network(*workloads, *policies, true);
    let mut after = before.clone();
    let deny = NetworkPolicyFacts { ingress: Some(vec![]), ..NetworkPolicyFacts::default() };
    after.network_policies.insert(("ns-3".to_owned(), "p-3".to_owned()), deny);
    bencher.bench(|| net::delta(black_box(&before), black_box(&after), &NetOptions::default()));
}

/// ClusterRoles of a dozen rules, RoleBindings of a group, a user and an account each.
fn bindings(count: usize, shift: usize) -> Cluster {
    let mut next = Sequence(11);
    let mut objects = Vec::new();
    for role in 0..50 {
        let rules: Vec<_> = (0..12)
            .map(|rule| json!({ "verbs": ["get", "list", "watch", "update"], "apiGroups": ["", format!("g{}.example.com", rule % 4)], "resources": [format!("r{}", role + rule), format!("r{}/status", role + rule)] }))
            .collect();
        objects.push(json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": format!("role-{role}") }, "rules": rules }));
    }
    for number in 0..count {
        let role = if number % 10 == 0 { next.below(50) + shift } else { next.below(50) };
        objects.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": format!("b-{number}"), "namespace": format!("ns-{}", number % 200) },
            "roleRef": { "kind": "ClusterRole", "name": format!("role-{}", role % 50) },
            "subjects": [{ "kind": "Group", "name": format!("team-{}", next.below(40)) }, { "kind": "User", "name": format!("user-{}", next.below(500)) }, { "kind": "ServiceAccount", "name": "default" }],
        }));
    }
    lift(objects)
}

fn questions(count: usize) -> Vec<Request> {
    let mut next = Sequence(13);
    (0..count)
        .map(|_| Request {
            user: format!("user-{}", next.below(500)),
            groups: (0..5).map(|_| format!("team-{}", next.below(40))).collect(),
            verb: ["get", "list", "delete"][next.below(3)].to_owned(),
            resource: format!("r{}", next.below(60)),
            namespace: format!("ns-{}", next.below(200)),
            ..Request::default()
        })
        .collect()
}

/// 5,000 questions to 2,000 bindings, indexing included.
#[divan::bench]
fn access_questions(bencher: Bencher<'_, '_>) {
    let (cluster, questions) = (bindings(2000, 0), questions(5000));
    bencher.bench(|| {
        let index = Index::new(black_box(&cluster));
        questions.iter().filter(|question| index.allowed(question).allowed).count()
    });
}

/// 2,000 bindings, a tenth of them to another role.
#[divan::bench]
fn access_delta(bencher: Bencher<'_, '_>) {
    let (before, after) = (bindings(2000, 0), bindings(2000, 1));
    bencher.bench(|| access::delta(black_box(&before), black_box(&after)));
}

/// Accounts over a hundred namespaces, with pods and bindings each: mostly harmless roles, one in fifty of them one that leads on;
/// one account in a thousand is bound to everything.
fn estate(accounts: usize, pods: usize, bindings: usize) -> Cluster {
    let mut next = Sequence(11);
    let rbac = "rbac.authorization.k8s.io";
    let namespace = |number: usize| format!("ns-{}", number % 100);
    let rules = [
        ("get", "", "configmaps"),
        ("list", "", "pods"),
        ("update", "apps", "deployments"),
        ("create", "", "pods"),
        ("create", "", "pods/exec"),
        ("get", "", "secrets"),
        ("impersonate", "", "serviceaccounts"),
        ("*", "*", "*"),
    ];
    let mut objects: Vec<Value> = (0..400)
        .map(|number| {
            let (verb, group, resource) = if number == 0 { rules[7] } else { rules[if number % 50 == 0 { 2 + (number / 50) % 5 } else { number % 2 }] };
            json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": { "name": format!("r-{number}") }, "rules": [{ "verbs": [verb], "apiGroups": [group], "resources": [resource] }] })
        })
        .collect();
    for number in 0..accounts {
        for pod in 0..pods {
            objects.push(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": format!("p-{number}-{pod}"), "namespace": namespace(number) }, "spec": { "serviceAccountName": format!("a-{number}"), "nodeName": format!("n-{}", next.below(200)) } }));
        }
        for binding in 0..bindings {
            let wide = next.below(50) == 0;
            let role = if number % 1000 == 0 { 0 } else { 1 + next.below(399) };
            objects.push(json!({
                "apiVersion": format!("{rbac}/v1"), "kind": if wide { "ClusterRoleBinding" } else { "RoleBinding" },
                "metadata": { "name": format!("b-{number}-{binding}"), "namespace": if wide { None } else { Some(namespace(number)) } },
                "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": format!("r-{role}") },
                "subjects": [{ "kind": "ServiceAccount", "namespace": namespace(number), "name": format!("a-{number}") }],
            }));
        }
    }
    lift(objects)
}

/// Chains of everyone to cluster-admin, the graph included.
#[divan::bench(args = [500, 5_000])]
fn abuse_paths(bencher: Bencher<'_, '_>, accounts: usize) {
    let cluster = estate(accounts, 2, 4);
    bencher.bench(|| Paths::new(black_box(&cluster), &Settings::default()).to(&Goal::ClusterAdmin, None).paths.len());
}

/// The same, where admission refuses commands in every other namespace, and half of the accounts to new pods.
#[divan::bench(args = [500, 5_000])]
fn abuse_paths_refused(bencher: Bencher<'_, '_>, accounts: usize) {
    let cluster = estate(accounts, 2, 4);
    let refusal = |number: usize, attempt, name| Refusal {
        namespace: Some(format!("ns-{}", number % 100)),
        attempt,
        name,
        by: vec![Refuser::Policy("p".to_owned())],
        lasting: true,
    };
    let connections = (0..100).step_by(2).map(|number| refusal(number, Attempt::Exec, None));
    let names = (0..accounts).step_by(2).map(|number| refusal(number, Attempt::Account, Some(format!("a-{number}"))));
    let controls = Controls { refusals: connections.chain(names).collect(), ..Controls::default() };
    let settings = Settings { controls: Some(&controls), ..Settings::default() };
    bencher.bench(|| Paths::new(black_box(&cluster), &settings).to(&Goal::ClusterAdmin, None).paths.len());
}

/// Everything that a reviewer sees of 500 accounts, 400 roles, 1,000 bindings (asked were 700) and 500 pods.
#[divan::bench(args = [500, 5_000])]
fn review_of_access(bencher: Bencher<'_, '_>, accounts: usize) {
    let cluster = estate(accounts, 1, 2);
    let none = BTreeSet::new();
    let settings = ReviewSettings {
        exec_by_get: false,
        constrained_impersonation: true,
        dynamic: &[],
        controls: None,
        complete: true,
        break_glass: &none,
        own: &|_| false,
        namespaced: &|_, _| Some(true),
        issuers: None,
    };
    bencher.bench_local(|| review(black_box(&cluster), &settings).concerns.len());
}

//! The example of the language's description, as a whole.

use insta::assert_snapshot;
use kspec_model::{LabelSelector, program::*};

use crate::fixture::*;

fn shop() -> Program {
    let mut program = program();
    program.namespaces = vec![
        Namespace { existing: true, ..namespace("edge-gateway") },
        Namespace {
            labels: map(&[("team", "payments"), ("environment", "prod")]),
            doc: Some("Card data lives here. PCI scope.".to_owned()),
            pod_security: Some(PodSecurity {
                enforce: Some(PodSecurityMode { level: PodSecurityLevel::Restricted, version: None }),
                ..PodSecurity::default()
            }),
            automount_token: Some(false),
            quotas: vec![Quota {
                name: "payments".to_owned(),
                hard: map(&[("pods", "50"), ("requests.cpu", "20"), ("limits.memory", "80Gi")]),
                scopes: vec![],
                scope_selector: None,
                origin: origin(),
            }],
            limits: vec![Limits {
                name: "payments".to_owned(),
                kind: LimitKind::Container,
                default: map(&[("cpu", "500m"), ("memory", "256Mi")]),
                default_request: map(&[("cpu", "100m"), ("memory", "128Mi")]),
                min: map(&[]),
                max: map(&[]),
                max_limit_request_ratio: map(&[]),
                origin: origin(),
            }],
            ..namespace("payments")
        },
    ];
    program.workloads = vec![
        Workload { existing: true, ..with_port(workload("edge-gateway", "gateway"), "https", 8443) },
        with_port(workload("payments", "api"), "http", 8080),
        with_port(workload("payments", "db"), "pg", 5432),
    ];
    program.service_accounts = vec![ServiceAccount {
        namespace: "payments".to_owned(),
        name: "db-sa".to_owned(),
        existing: false,
        automount_token: Some(false),
        labels: map(&[]),
        annotations: map(&[]),
        image_pull_secrets: vec![],
        doc: None,
        origin: origin(),
    }];
    program.roles = vec![Role {
        doc: Some("What a release needs, and no more.".to_owned()),
        ..role(
            Some("payments"),
            "release",
            vec![
                rule(&["get", "list", "watch"], &[""], &["pods", "pods/log", "services", "configmaps"]),
                rule(&["get", "list", "watch"], &["apps"], &["deployments"]),
                rule(&["patch"], &["apps"], &["deployments/scale"]),
                RoleRule { resource_names: strings(&["api-tls"]), ..rule(&["get"], &[""], &["secrets"]) },
            ],
        )
    }];
    let payments = || GrantScope::Namespaces(strings(&["payments"]));
    program.grants = vec![
        grant(Some("payments"), "release", payments(), vec![Subject::Group("oidc:payments-devs".to_owned())]),
        grant(None, "shop:viewer", payments(), vec![Subject::Group("oidc:sre".to_owned())]),
        Grant {
            exception: Some(until(2027, 1, 31)),
            break_glass: true,
            ..grant(None, "cluster-admin", GrantScope::Cluster, vec![Subject::User("oncall@example.com".to_owned())])
        },
    ];
    program.networks = vec![network(
        &["payments"],
        vec![deny()],
        vec![
            edge(pod("edge-gateway", "gateway"), pod("payments", "api"), vec![named("http")]),
            edge(pod("payments", "api"), pod("payments", "db"), vec![named("pg")]),
            edge(
                pod("payments", "api"),
                Peer::Cidr { block: "10.20.0.0/16".parse().unwrap(), except: vec!["10.20.5.0/24".parse().unwrap()] },
                vec![PortRef::Number(tcp(443))],
            ),
            edge(Peer::All, Peer::Dns, vec![]),
        ],
    )];
    program
}

#[test]
fn the_example_lowers_in_an_order_that_is_safe_to_apply() {
    let (lowered, findings) = lower(&shop());
    assert_snapshot!("shop", render(&lowered));
    assert_snapshot!(lines(&findings), @"K0402 half of this edge is not ours: this program does not say what may leave the pods of `edge-gateway`");
}

#[test]
fn every_object_says_whose_it_is() {
    let program = shop();
    let inventory = kspec_lower::inventory(&program.project);
    for lowered in lower(&program).0 {
        let labels = lowered.object.labels();
        assert_eq!(labels["app.kubernetes.io/managed-by"], "kspec");
        assert_eq!(labels["kspec.dev/project"], "shop");
        assert_eq!(labels["applyset.kubernetes.io/part-of"], inventory.id);
    }
}

#[test]
fn the_order_of_declarations_changes_no_byte() {
    let program = shop();
    let mut turned = program.clone();
    turned.workloads.reverse();
    turned.grants.reverse();
    turned.namespaces.reverse();
    turned.networks[0].edges.reverse();
    let (straight, turned) = (lower(&program).0, lower(&turned).0);
    assert_eq!(render(&straight), render(&turned));
}

#[test]
fn an_inventory_is_an_apply_set() {
    let program = shop();
    let inventory = kspec_lower::inventory(&program.project);
    let keys: Vec<_> = lower(&program).0.iter().map(|lowered| lowered.object.key()).collect();
    assert_snapshot!(kspec_lower::to_yaml(&inventory.object(&keys)), @r#"
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: kspec-shop
      namespace: kspec-system
      annotations:
        applyset.kubernetes.io/additional-namespaces: payments
        applyset.kubernetes.io/contains-group-kinds: "ClusterRoleBinding.rbac.authorization.k8s.io,LimitRange,Namespace,NetworkPolicy.networking.k8s.io,ResourceQuota,Role.rbac.authorization.k8s.io,RoleBinding.rbac.authorization.k8s.io,ServiceAccount"
        applyset.kubernetes.io/tooling: kspec/v0.1.0
      labels:
        app.kubernetes.io/managed-by: kspec
        applyset.kubernetes.io/id: applyset-3SHnqHdSccgx9io3hW25DTbYsJnxIl26rsb1-M5-Kso-v1
        kspec.dev/project: shop
    "#);
}

#[test]
fn what_a_manifest_says_stays_as_it_is() {
    let mut program = program();
    let manifest = |object| Manifest { object, origin: origin() };
    program.manifests = vec![
        manifest(
            serde_json::json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "namespace": "a", "labels": { "n": "y" } }, "data": { "on": "no" } }),
        ),
        manifest(
            serde_json::json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "certificates.cert-manager.io" } }),
        ),
        manifest(
            serde_json::json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": { "name": "api", "namespace": "a" } }),
        ),
    ];
    assert_snapshot!(render(&lower(&program).0), @r#"
    # Definitions: manifests/cluster/customresourcedefinition-certificates.cert-manager.io.yaml
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata:
      name: certificates.cert-manager.io

    # Rest: manifests/a/configmap-c.yaml
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: c
      namespace: a
      labels:
        "n": "y"
    data:
      "on": "no"

    # Rest: manifests/a/certificate.cert-manager.io_api.yaml
    apiVersion: cert-manager.io/v1
    kind: Certificate
    metadata:
      name: api
      namespace: a
    "#);
}

#[test]
fn selectors_of_dynamic_scopes_see_the_states_namespaces_too() {
    let mut program = program();
    program.namespaces = vec![Namespace { labels: map(&[("environment", "staging")]), ..namespace("mine") }];
    program.grants = vec![grant(
        None,
        "view",
        GrantScope::Where(LabelSelector::labels([("environment", "staging")])),
        vec![Subject::Group("oidc:sre".to_owned())],
    )];
    let lowered = lower_with(
        &program,
        &[("theirs", map(&[("environment", "staging")])), ("prod", map(&[("environment", "prod")]))],
    );
    let keys: Vec<String> = lowered.iter().map(|lowered| lowered.object.key().to_string()).collect();
    assert_snapshot!(keys.join("\n"), @"
    Namespace mine
    RoleBinding.rbac.authorization.k8s.io mine/view:group:oidc:sre
    RoleBinding.rbac.authorization.k8s.io theirs/view:group:oidc:sre
    ");
}

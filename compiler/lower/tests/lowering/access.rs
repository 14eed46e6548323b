//! Roles and grants.

use insta::assert_snapshot;
use kspec_model::{LabelSelector, program::*};

use crate::fixture::*;

fn group(name: &str) -> Vec<Subject> {
    vec![Subject::Group(name.to_owned())]
}

fn names(program: &Program) -> String {
    lower(program).0.iter().map(|lowered| lowered.object.key().to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn roles_of_every_form() {
    let mut program = program();
    program.roles = vec![
        role(
            None,
            "shop:probe",
            vec![RoleRule {
                verbs: strings(&["get"]),
                urls: strings(&["/healthz", "/livez/*"]),
                ..RoleRule::default()
            }],
        ),
        Role {
            aggregation: Some(vec![LabelSelector::labels([("rbac.example.com/aggregate-to-ops", "true")])]),
            ..role(None, "shop:ops", vec![])
        },
        Role {
            labels: map(&[("rbac.example.com/aggregate-to-ops", "true")]),
            ..role(None, "shop:nodes", vec![rule(&["get"], &[""], &["nodes"])])
        },
        role(Some("a"), "nothing", vec![]),
        Role { existing: true, ..role(None, "theirs", vec![]) },
    ];
    assert_snapshot!(render(&lower(&program).0), @r#"
    # Roles: manifests/cluster/clusterrole-shop_nodes.yaml
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata:
      name: "shop:nodes"
      labels:
        rbac.example.com/aggregate-to-ops: "true"
    rules:
    - apiGroups:
      - ""
      resources:
      - nodes
      verbs:
      - get

    # Roles: manifests/cluster/clusterrole-shop_ops.yaml
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata:
      name: "shop:ops"
    aggregationRule:
      clusterRoleSelectors:
      - matchLabels:
          rbac.example.com/aggregate-to-ops: "true"

    # Roles: manifests/cluster/clusterrole-shop_probe.yaml
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata:
      name: "shop:probe"
    rules:
    - nonResourceURLs:
      - "/healthz"
      - "/livez/*"
      verbs:
      - get

    # Roles: manifests/a/role-nothing.yaml
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata:
      name: nothing
      namespace: a
    rules: []
    "#);
}

#[test]
fn a_binding_is_named_by_what_it_binds() {
    let mut program = program();
    let in_a = || GrantScope::Namespaces(strings(&["a"]));
    program.grants = vec![
        grant(Some("a"), "release", in_a(), group("oidc:devs")),
        grant(None, "view", in_a(), group("oidc:devs")),
        // A Role of the same name, granted alike.
        grant(Some("a"), "view", in_a(), group("oidc:devs")),
        grant(None, "view", GrantScope::Cluster, group("oidc:devs")),
        grant(None, "shop:viewer", GrantScope::Cluster, vec![Subject::User("Jane Doe".to_owned())]),
        grant(
            None,
            "view",
            in_a(),
            vec![
                Subject::User("jane".to_owned()),
                Subject::ServiceAccount { namespace: "ci".to_owned(), name: "deployer".to_owned() },
            ],
        ),
        grant(None, "view", in_a(), group("oidc:a-group-whose-name-is-so-long-that-no-label-could-ever-hold-it")),
        Grant { name: Some("given".to_owned()), ..grant(None, "view", GrantScope::Cluster, group("x")) },
    ];
    assert_snapshot!(names(&program), @"
    ClusterRoleBinding.rbac.authorization.k8s.io given
    ClusterRoleBinding.rbac.authorization.k8s.io shop:view:group:oidc:devs
    ClusterRoleBinding.rbac.authorization.k8s.io shop:viewer:user:Jane-Doe-9ee95294
    RoleBinding.rbac.authorization.k8s.io a/release:group:oidc:devs
    RoleBinding.rbac.authorization.k8s.io a/view:group:oidc:a-group-whose-name-is-so-long-that-no-4a2f3f12
    RoleBinding.rbac.authorization.k8s.io a/view:group:oidc:devs
    RoleBinding.rbac.authorization.k8s.io a/view:group:oidc:devs-d483d488
    RoleBinding.rbac.authorization.k8s.io a/view:user:jane+sa:ci:deployer
    ");
}

#[test]
fn a_grant_in_several_namespaces_is_a_binding_in_each() {
    let mut program = program();
    program.grants = vec![Grant {
        doc: Some("Look, do not touch.".to_owned()),
        ..grant(
            None,
            "view",
            GrantScope::Namespaces(strings(&["b", "a", "b"])),
            vec![Subject::ServiceAccount { namespace: "ci".to_owned(), name: "deployer".to_owned() }],
        )
    }];
    assert_snapshot!(render(&lower(&program).0), @r#"
    # Grants: manifests/a/rolebinding-view_sa_ci_deployer.yaml
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata:
      name: "view:sa:ci:deployer"
      namespace: a
      annotations:
        kspec.dev/purpose: "Look, do not touch."
    roleRef:
      kind: ClusterRole
      name: view
      apiGroup: rbac.authorization.k8s.io
    subjects:
    - kind: ServiceAccount
      name: deployer
      namespace: ci

    # Grants: manifests/b/rolebinding-view_sa_ci_deployer.yaml
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata:
      name: "view:sa:ci:deployer"
      namespace: b
      annotations:
        kspec.dev/purpose: "Look, do not touch."
    roleRef:
      kind: ClusterRole
      name: view
      apiGroup: rbac.authorization.k8s.io
    subjects:
    - kind: ServiceAccount
      name: deployer
      namespace: ci
    "#);
}

#[test]
fn a_grant_holds_through_its_last_day_and_not_longer() {
    let mut program = program();
    let last_day =
        |exception| Grant { exception: Some(exception), ..grant(None, "view", GrantScope::Cluster, group("x")) };
    program.grants = vec![last_day(until(2026, 11, 21))];
    assert_snapshot!(render(&lower(&program).0), @r#"
    # Grants: manifests/cluster/clusterrolebinding-shop_view_group_x.yaml
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata:
      name: "shop:view:group:x"
      annotations:
        kspec.dev/owner: "oidc:payments-devs"
        kspec.dev/reason: "incident access"
        kspec.dev/until: "2026-11-21"
    roleRef:
      kind: ClusterRole
      name: view
      apiGroup: rbac.authorization.k8s.io
    subjects:
    - kind: Group
      name: x
      apiGroup: rbac.authorization.k8s.io
    "#);
    program.grants = vec![last_day(until(2026, 11, 20))];
    assert_snapshot!(names(&program), @"");
}

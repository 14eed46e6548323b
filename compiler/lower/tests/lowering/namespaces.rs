//! Namespaces and what is set in them.

use insta::assert_snapshot;
use kspec_model::program::*;

use crate::fixture::*;

fn mode(level: PodSecurityLevel, version: Option<&str>) -> Option<PodSecurityMode> {
    Some(PodSecurityMode { level, version: version.map(str::to_owned) })
}

#[test]
fn pod_security_is_labels_and_limits_of_one_name_are_one_object() {
    let mut program = program();
    let limits = |name: &str, kind| Limits {
        name: name.to_owned(),
        kind,
        default: map(&[]),
        default_request: map(&[]),
        min: map(&[]),
        max: map(&[("cpu", "4")]),
        max_limit_request_ratio: map(&[]),
        origin: origin(),
    };
    program.namespaces = vec![
        Namespace {
            annotations: map(&[("example.com/contact", "payments")]),
            pod_security: Some(PodSecurity {
                enforce: mode(PodSecurityLevel::Baseline, Some("v1.34")),
                warn: mode(PodSecurityLevel::Restricted, None),
                audit: mode(PodSecurityLevel::Privileged, Some("latest")),
            }),
            limits: vec![
                Limits {
                    min: map(&[("cpu", "10m")]),
                    max_limit_request_ratio: map(&[("cpu", "4")]),
                    ..limits("all", LimitKind::Container)
                },
                limits("all", LimitKind::Pod),
                Limits { max: map(&[("storage", "10Gi")]), ..limits("claims", LimitKind::PersistentVolumeClaim) },
            ],
            quotas: vec![Quota {
                name: "best-effort".to_owned(),
                hard: map(&[("pods", "5")]),
                scopes: strings(&["BestEffort"]),
                scope_selector: Some(serde_json::json!({ "matchExpressions": [] })),
                origin: origin(),
            }],
            ..namespace("a")
        },
        Namespace { existing: true, labels: map(&[("x", "y")]), ..namespace("theirs") },
    ];
    program.service_accounts = vec![ServiceAccount {
        namespace: "a".to_owned(),
        name: "ci".to_owned(),
        existing: false,
        automount_token: None,
        labels: map(&[("app", "ci")]),
        annotations: map(&[("eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/ci")]),
        image_pull_secrets: strings(&["registry"]),
        doc: Some("Deploys.".to_owned()),
        origin: origin(),
    }];
    assert_snapshot!(render(&lower(&program).0), @r#"
    # Namespaces: manifests/cluster/namespace-a.yaml
    apiVersion: v1
    kind: Namespace
    metadata:
      name: a
      annotations:
        example.com/contact: payments
      labels:
        pod-security.kubernetes.io/audit: privileged
        pod-security.kubernetes.io/audit-version: latest
        pod-security.kubernetes.io/enforce: baseline
        pod-security.kubernetes.io/enforce-version: v1.34
        pod-security.kubernetes.io/warn: restricted

    # Limits: manifests/a/limitrange-all.yaml
    apiVersion: v1
    kind: LimitRange
    metadata:
      name: all
      namespace: a
    spec:
      limits:
      - max:
          cpu: "4"
        maxLimitRequestRatio:
          cpu: "4"
        min:
          cpu: "10m"
        type: Container
      - max:
          cpu: "4"
        type: Pod

    # Limits: manifests/a/limitrange-claims.yaml
    apiVersion: v1
    kind: LimitRange
    metadata:
      name: claims
      namespace: a
    spec:
      limits:
      - max:
          storage: "10Gi"
        type: PersistentVolumeClaim

    # Limits: manifests/a/resourcequota-best-effort.yaml
    apiVersion: v1
    kind: ResourceQuota
    metadata:
      name: best-effort
      namespace: a
    spec:
      hard:
        pods: "5"
      scopeSelector:
        matchExpressions: []
      scopes:
      - BestEffort

    # Accounts: manifests/a/serviceaccount-ci.yaml
    apiVersion: v1
    kind: ServiceAccount
    metadata:
      name: ci
      namespace: a
      annotations:
        eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/ci"
        kspec.dev/purpose: Deploys.
      labels:
        app: ci
    imagePullSecrets:
    - name: registry
    "#);
}

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
                Limits { min: map(&[("cpu", "10m")]), max_limit_request_ratio: map(&[("cpu", "4")]), ..limits("all", LimitKind::Container) },
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
    program.service_accounts = vec![
        ServiceAccount {
            namespace: "a".to_owned(),
            name: "ci".to_owned(),
            existing: false,
            automount_token: None,
            labels: map(&[("app", "ci")]),
            annotations: map(&[("eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/ci")]),
            image_pull_secrets: strings(&["registry"]),
            doc: Some("Deploys.".to_owned()),
            origin: origin(),
        },
    ];
    assert_snapshot!(render(&lower(&program).0), @"");
}

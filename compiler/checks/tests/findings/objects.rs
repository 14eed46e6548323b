//! Duplicates, Pod Security, limits.

use insta::assert_snapshot;
use kspec_diagnostics::Severity;
use kspec_model::program::*;

use crate::{fixture::*, told, warned};

#[test]
fn one_object_declared_twice() {
    let mut program = program();
    program.namespaces = vec![Namespace { automount_token: Some(false), ..namespace("a") }, namespace("a")];
    program.service_accounts = vec![ServiceAccount {
        namespace: "a".to_owned(),
        name: "default".to_owned(),
        existing: false,
        automount_token: None,
        labels: map(&[]),
        annotations: map(&[]),
        image_pull_secrets: vec![],
        doc: None,
        origin: origin(),
    }];
    let twice = || grant(None, "view", GrantScope::Cluster, vec![Subject::Group("sre".to_owned())]);
    program.grants = vec![twice(), twice()];
    assert_snapshot!(warned(&program), @r#"
    K0106 Error: a second declaration of ClusterRoleBinding.rbac.authorization.k8s.io shop:view:group:sre
      at: the first
      help: drop one: the same role is granted to the same subjects twice, or two grants share a given `name`
    K0106 Error: a second declaration of Namespace a
      at: the first
      help: drop one, or give one another name: `= "name"`
    K0106 Error: a second declaration of ServiceAccount a/default
      at: the first
      help: drop `automount_token` of the namespace, or the declaration of its default service account
    "#);
}

#[test]
fn a_namespace_of_ours_without_a_level() {
    let mut program = program();
    let enforce =
        |level| PodSecurity { enforce: Some(PodSecurityMode { level, version: None }), ..PodSecurity::default() };
    program.namespaces = vec![
        namespace("none"),
        Namespace {
            pod_security: Some(PodSecurity { enforce: None, ..enforce(PodSecurityLevel::Baseline) }),
            ..namespace("warns-only")
        },
        Namespace { pod_security: Some(enforce(PodSecurityLevel::Privileged)), ..namespace("stated") },
        Namespace { existing: true, ..namespace("theirs") },
    ];
    assert_snapshot!(told(&program, Severity::Information), @"
    K0301 Information: namespace `none` enforces no Pod Security level
      witness: a pod in `none` with `securityContext: { privileged: true }` is admitted, unless something else refuses it
      help: write `pod_security: restricted` in it, or the strongest level that its pods meet
    K0301 Information: namespace `warns-only` enforces no Pod Security level
      witness: a pod in `warns-only` with `securityContext: { privileged: true }` is admitted, unless something else refuses it
      help: write `pod_security: restricted` in it, or the strongest level that its pods meet
    ");
}

#[test]
fn limits_that_contradict_each_other() {
    let mut program = program();
    let limits = |default: &str, request: &str, min: &str, max: &str| {
        let one = |value: &str| if value.is_empty() { map(&[]) } else { map(&[("memory", value)]) };
        Limits {
            name: format!("limits-{default}{request}{min}{max}"),
            kind: LimitKind::Container,
            default: one(default),
            default_request: one(request),
            min: one(min),
            max: one(max),
            max_limit_request_ratio: map(&[]),
            origin: origin(),
        }
    };
    program.namespaces = vec![Namespace {
        pod_security: None,
        limits: vec![
            limits("1Gi", "1024Mi", "1Gi", "1Gi"),
            limits("1G", "1Gi", "", ""),
            limits("2Gi", "", "", "1.5Gi"),
            limits("", "100m", "1", ""),
            limits("", "", "2", "1999m"),
        ],
        ..namespace("a")
    }];
    assert_snapshot!(warned(&program), @"
    K0701 Error: memory: `default_request` of 1Gi is more than `default` of 1G
      witness: in `a`, a container that states nothing is given a request above its limit, and refused
      help: raise `default` to 1Gi or more, or lower `default_request`
    K0702 Error: memory: `default` of 2Gi is more than `max` of 1.5Gi
      witness: in `a`, a container that states nothing is given values that the same limits refuse
      help: raise `max` to 2Gi or more, or lower `default`
    K0702 Error: memory: `min` of 1 is more than `default_request` of 100m
      witness: in `a`, a container that states nothing is given values that the same limits refuse
      help: raise `default_request` to 1 or more, or lower `min`
    K0702 Error: memory: `min` of 2 is more than `max` of 1999m
      witness: in `a`, no value lies between them, so every container that states one is refused
      help: raise `max` to 2 or more, or lower `min`
    ");
}

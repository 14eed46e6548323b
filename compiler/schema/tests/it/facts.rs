//! What differs between versions.

use std::collections::BTreeSet;

use kspec_schema::facts::{self, Configuration, FlagKind};
use kspec_schema::{KubeVersion, Schema};

use KubeVersion::{V1_33, V1_34, V1_35, V1_36};

fn active(version: KubeVersion) -> BTreeSet<&'static str> {
    facts::admission_plugins(version).filter(|plugin| plugin.is_active_by_default()).map(|plugin| plugin.name).collect()
}

#[test]
fn configuration_files_have_an_api_version() {
    let of = |version| facts::configuration_api_version(Configuration::Authentication, version);
    assert_eq!(of(V1_33), "apiserver.config.k8s.io/v1beta1");
    assert_eq!([V1_34, V1_35, V1_36].map(of), ["apiserver.config.k8s.io/v1"; 3]);
    for version in KubeVersion::all() {
        let of = |file| facts::configuration_api_version(file, *version);
        assert_eq!(of(Configuration::Encryption), "apiserver.config.k8s.io/v1");
        assert_eq!(of(Configuration::AuditPolicy), "audit.k8s.io/v1");
    }
}

#[test]
fn admission_plugins_follow_the_version() {
    assert_eq!(facts::admission_plugin(V1_36, "NodeRestriction").map(|plugin| plugin.default_on), Some(false));
    assert!(facts::admission_plugin(V1_36, "PodSecurityPolicy").is_none());
    let added = |new, old| active(new).difference(&active(old)).copied().collect::<Vec<_>>();
    assert_eq!(added(V1_34, V1_33), [""; 0]);
    assert_eq!(added(V1_35, V1_34), ["PodTopologyLabels"]);
    assert_eq!(added(V1_36, V1_35), ["MutatingAdmissionPolicy", "NodeDeclaredFeatureValidator", "PodResizeValidator"]);
    insta::assert_snapshot!(active(V1_33).into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn exec_needs_create_from_1_35() {
    assert_eq!(facts::connect_verbs(V1_34), ["get"]);
    assert_eq!(facts::connect_verbs(V1_35), ["create", "get"]);
}

#[test]
fn flags_have_kinds() {
    for version in KubeVersion::all() {
        let kind = |name| facts::flag(*version, name).map(|flag| flag.kind);
        assert_eq!(kind("anonymous-auth"), Some(FlagKind::Bool));
        assert_eq!(kind("authorization-mode"), Some(FlagKind::Commas));
        assert_eq!(kind("service-account-issuer"), Some(FlagKind::List));
        assert_eq!(kind("audit-log-maxage"), Some(FlagKind::Int));
        assert_eq!(kind("audit-webhook-batch-max-wait"), Some(FlagKind::Duration));
        assert_eq!(kind("audit-log-batch-max-size"), Some(FlagKind::Int));
        assert_eq!(kind("bind-address"), Some(FlagKind::Ip));
        assert_eq!(kind("oidc-issuer-url"), Some(FlagKind::String));
        assert_eq!(kind("default-not-ready-toleration-seconds"), Some(FlagKind::Int));
        assert_eq!(kind("insecure-port"), None);
        assert_eq!(kind("basic-auth-file"), None);
    }
    assert!(facts::flag(V1_35, "tls-curve-preferences").is_none());
    assert!(facts::flag(V1_36, "tls-curve-preferences").is_some());
}

#[test]
fn pod_security_knows_versions_up_to_its_own() {
    let versions = facts::pod_security_versions(V1_34);
    assert_eq!((versions[0].as_str(), versions.len()), ("latest", 36));
    assert!(versions.contains(&"v1.34".to_owned()) && !versions.contains(&"v1.35".to_owned()));
}

/// What built-in roles speak of is in the schema or in the tables, except for groups that other servers may serve and for
/// two verbs and groups that are no more.
#[test]
fn built_in_roles_speak_of_what_is_known() {
    const GONE: [&str; 4] = ["extensions", "metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"];
    for version in KubeVersion::all() {
        let schema = Schema::bundled(*version);
        let mut unknown = BTreeSet::new();
        for role in schema.default_rbac() {
            for rule in role["rules"].as_array().into_iter().flatten().filter(|rule| rule.get("resources").is_some()) {
                for group in rule["apiGroups"].as_array().unwrap().iter().map(|group| group.as_str().unwrap()) {
                    for resource in rule["resources"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()) {
                        if group != "*" && !GONE.contains(&group) && !is_known(&schema, group, resource) {
                            unknown.insert(format!("{group} {resource}"));
                        }
                    }
                }
            }
        }
        assert_eq!(unknown, BTreeSet::from(["apps deployments/rollback".to_owned()]), "{version}");
    }
}

fn is_known(schema: &Schema, group: &str, path: &str) -> bool {
    let (resource, subresource) = path.split_once('/').map_or((path, None), |(resource, sub)| (resource, Some(sub)));
    let version = schema.version();
    let Some(info) = schema.resource(group, resource) else {
        return facts::virtual_resources(version).any(|row| row.group == group && row.resource == resource);
    };
    subresource.is_none_or(|name| {
        info.subresource(name).is_some() || facts::virtual_subresources(version, group, resource).any(|row| row == name)
    })
}

#[test]
fn built_in_roles_are_complete() {
    for version in KubeVersion::all() {
        let schema = Schema::bundled(*version);
        let objects = schema.default_rbac();
        for object in objects {
            assert_eq!(schema.validate(object), [], "{version} {object}");
        }
        let role =
            |name: &str| objects.iter().find(|o| o["kind"] == "ClusterRole" && o["metadata"]["name"] == name).unwrap();
        assert!(role("view")["rules"].as_array().unwrap().len() > 5);
        assert!(role("admin")["rules"].as_array().unwrap().len() > role("edit")["rules"].as_array().unwrap().len());
        assert_eq!(role("cluster-admin")["rules"][0]["verbs"][0], "*");
    }
}

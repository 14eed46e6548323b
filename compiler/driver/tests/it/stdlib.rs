//! The standard library: every item of it compiles, is documented, and lowers.

use std::collections::BTreeMap;

use kspec_diagnostics::Severity;
use kspec_syntax::tree::ItemKind;

use crate::support::{compile, show};

/// Uses every name of the library once.
const ALL: &str = r#"
use std.roles.{viewer, cluster_viewer, namespace_admin, app_deployer, app_viewer, secret_manager, readonly_developer, ci_deployer}
use std.namespaces.{prod_namespace, staging_namespace, dev_namespace, system_namespace, tenant_namespace}
use std.networks.{default_deny_with_dns, isolated_with_dns}
use std.audit.{standard_audit}
use std.encryption.{local_encryption}

/// Somebody.
group devs = "devs"

let prod = prod_namespace("prod")
let staging = staging_namespace("staging", { team: "a" })
let dev = dev_namespace("dev")
let system = system_namespace("system")
let tenant = tenant_namespace("tenant", "staging")

default_deny_with_dns(prod.ns)
isolated_with_dns(dev.ns)
standard_audit()
local_encryption("2026-11")

/// Roles of a namespace.
grant viewer in prod.ns to devs
/// Roles of a namespace.
grant namespace_admin in prod.ns to devs
/// Roles of a namespace.
grant app_deployer in prod.ns to devs
/// Roles of a namespace.
grant app_viewer in prod.ns to devs
/// Roles of a namespace.
grant secret_manager in prod.ns to devs
/// Roles of a namespace.
grant readonly_developer in prod.ns to devs
/// Roles of a namespace.
grant ci_deployer in prod.ns to devs
/// Roles of the cluster.
grant cluster_viewer in cluster to devs
"#;

#[test]
fn every_item_compiles_and_lowers() {
    let (mut compiler, _) = compile(ALL);
    // That one group holds every role of the library is what findings of a whole cluster are about.
    let findings = compiler.check();
    let bad: Vec<_> = findings.into_iter().filter(|finding| finding.severity > Severity::Information).collect();
    assert!(bad.is_empty(), "{}", show(&bad, compiler.sources()));
    let lowered = compiler.lower(&BTreeMap::new());
    let names: Vec<String> = lowered.objects.iter().map(|lowered| lowered.object.key().to_string()).collect();
    insta::assert_snapshot!(names.join("\n"));
    let levels: Vec<String> = lowered
        .objects
        .iter()
        .filter(|lowered| lowered.object.kind() == "Namespace")
        .map(|lowered| {
            let labels = lowered.object.labels();
            let level =
                |mode: &str| labels.get(&format!("pod-security.kubernetes.io/{mode}")).cloned().unwrap_or_default();
            format!("{}: {}/{}/{}", lowered.object.name(), level("enforce"), level("audit"), level("warn"))
        })
        .collect();
    assert_eq!(
        levels,
        [
            "dev: baseline/baseline/baseline",
            "prod: restricted/restricted/restricted",
            "staging: baseline/restricted/restricted",
            "system: privileged/restricted/baseline",
            "tenant: baseline/restricted/restricted",
        ]
    );
}

#[test]
fn every_item_is_documented_and_parses() {
    for (path, text) in kspec_stdlib::FILES {
        let module = kspec_syntax::parse_module(text);
        for (_, parsed) in &module.items {
            assert!(parsed.errors.is_empty(), "{path}: {:?}", parsed.errors);
            if !matches!(parsed.item.kind, ItemKind::Use(_)) {
                assert!(parsed.item.doc.is_some(), "{path}: {:?} has no doc comment", parsed.item.kind);
            }
        }
        assert_eq!(kspec_syntax::format(text).as_deref().ok(), Some(*text), "{path} is not formatted");
    }
}

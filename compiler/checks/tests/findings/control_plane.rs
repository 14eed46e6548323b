//! Encryption, audit, flags.

use insta::assert_snapshot;
use kspec_model::program::*;

use crate::{fixture::*, warned};

fn with_encryption(rules: &[(&[&str], &[EncryptionProvider])]) -> Program {
    let mut program = program();
    let rules = rules
        .iter()
        .map(|(resources, providers)| EncryptionRule {
            resources: strings(resources),
            providers: providers.to_vec(),
            origin: origin(),
        })
        .collect();
    program.encryption = Some(Encryption { rules, origin: origin() });
    program
}

fn keyed(algorithm: KeyedProvider) -> EncryptionProvider {
    EncryptionProvider::Keyed { algorithm, keys: strings(&["one"]) }
}

#[test]
fn what_writes_in_the_clear_or_weakly() {
    let identity = EncryptionProvider::Identity;
    assert_snapshot!(warned(&with_encryption(&[(&["secrets"], &[identity.clone(), keyed(KeyedProvider::SecretBox)])])), @"
    K0601 Error: `secrets` would be written in the clear: `identity` comes first, and the first provider writes
      witness: the next write of a Secret that was encrypted stores it in plain text
      help: put `identity` last, where it only reads what is not encrypted yet, or drop it
    ");
    assert_snapshot!(warned(&with_encryption(&[
        (&["configmaps"], &[keyed(KeyedProvider::AesCbc), identity.clone()]),
        (&["*.apps"], &[keyed(KeyedProvider::AesGcm)]),
    ])), @"
    K0602 Warning: secrets are not among what is encrypted
      witness: whoever reads etcd or a backup of it reads every Secret
      help: name them: `encrypt secrets with …`
    K0604 Warning: `aescbc` writes here: its ciphertext is not authenticated, which padding oracles exploit
      help: use `secretbox`, or `kms`; keep `aescbc` second until everything is rewritten
    K0604 Warning: `aesgcm` writes here: its nonces are random and repeat: a key is unsafe after 200,000 writes
      help: use `secretbox`, or `kms`; keep `aesgcm` second until everything is rewritten
    ");
    let second = [keyed(KeyedProvider::SecretBox), keyed(KeyedProvider::AesCbc), identity];
    assert_eq!(warned(&with_encryption(&[(&["*.*"], &second)])), "");
}

fn audit(rules: Vec<AuditRule>) -> Program {
    let mut program = program();
    program.audit = Some(Audit { omit_stages: vec![], omit_managed_fields: None, rules, origin: origin() });
    program
}

fn on(level: AuditLevel, resources: &[(&str, &[&str])]) -> AuditRule {
    AuditRule {
        level,
        subjects: vec![],
        verbs: vec![],
        resources: resources
            .iter()
            .map(|(group, resources)| AuditResources {
                group: (*group).to_owned(),
                resources: strings(resources),
                resource_names: vec![],
            })
            .collect(),
        namespaces: vec![],
        urls: vec![],
        omit_stages: vec![],
        origin: origin(),
    }
}

#[test]
fn audit_rules_that_never_decide() {
    use AuditLevel::{Metadata, None, Request};
    let urls = |rule: AuditRule, urls: &[&str]| AuditRule { urls: strings(urls), ..rule };
    let cases: Vec<(&str, AuditRule, AuditRule, bool)> = vec![
        ("catch-all", on(Metadata, &[]), on(None, &[("", &["pods"])]), true),
        ("catch-all and urls", on(Metadata, &[]), urls(on(None, &[]), &["/healthz"]), true),
        ("same", on(None, &[("", &["pods"])]), on(Request, &[("", &["pods"])]), true),
        ("group", on(None, &[("apps", &[])]), on(Request, &[("apps", &["deployments/scale"])]), true),
        ("star", on(None, &[("", &["*"])]), on(Request, &[("", &[])]), true),
        ("subresources", on(None, &[("", &["pods/*"])]), on(Request, &[("", &["pods/log", "pods"])]), true),
        ("scale of all", on(None, &[("apps", &["*/scale"])]), on(Request, &[("apps", &["deployments/scale"])]), true),
        ("resource is not its subresource", on(None, &[("", &["pods"])]), on(Request, &[("", &["pods/log"])]), false),
        ("wider", on(None, &[("", &["pods"])]), on(Request, &[("", &["pods", "services"])]), false),
        ("other group", on(None, &[("", &["deployments"])]), on(Request, &[("apps", &["deployments"])]), false),
        ("objects do not cover urls", on(None, &[("", &["*"])]), urls(on(Request, &[]), &["/healthz"]), false),
        ("url prefix", urls(on(None, &[]), &["/health*"]), urls(on(Request, &[]), &["/healthz/*"]), true),
        (
            "verbs",
            AuditRule { verbs: strings(&["get"]), ..on(None, &[]) },
            AuditRule { verbs: strings(&["get", "list"]), ..on(None, &[]) },
            false,
        ),
        ("any verb", on(None, &[]), AuditRule { verbs: strings(&["get"]), ..on(None, &[]) }, true),
        (
            "subjects",
            AuditRule { subjects: vec![Subject::User("x".to_owned())], ..on(None, &[]) },
            on(None, &[]),
            false,
        ),
        (
            "namespaces",
            AuditRule { namespaces: strings(&["a", "b"]), ..on(None, &[]) },
            AuditRule { namespaces: strings(&["a"]), ..on(None, &[("", &["pods"])]) },
            true,
        ),
        (
            "any namespace",
            AuditRule { namespaces: strings(&["a"]), ..on(None, &[]) },
            on(None, &[("", &["pods"])]),
            false,
        ),
    ];
    for (what, first, second, covered) in cases {
        assert_eq!(warned(&audit(vec![first, second])).contains("K0801"), covered, "{what}");
    }
    assert_snapshot!(warned(&audit(vec![on(Metadata, &[]), on(None, &[("", &["pods"])])])), @"
    K0801 Warning: this rule never decides: an earlier one matches everything that it does
      at: decides first, with Metadata
      witness: every request that it matches is recorded at Metadata, and the first match wins
      help: move it before the other, or drop it
    ");
}

#[test]
fn rules_that_record_secrets() {
    use AuditLevel::{Metadata, None, Request, RequestResponse};
    let verbs = |rule: AuditRule, verbs: &[&str]| AuditRule { verbs: strings(verbs), ..rule };
    let records = |rules: Vec<AuditRule>| warned(&audit(rules)).contains("K0802");
    assert!(records(vec![on(Request, &[])]));
    assert!(records(vec![on(RequestResponse, &[("", &[])])]));
    assert!(records(vec![on(Metadata, &[("", &["configmaps"])]), on(Request, &[("", &["*"])])]));
    assert!(records(vec![verbs(on(None, &[("", &["secrets"])]), &["get"]), on(Request, &[])]));
    assert!(!records(vec![on(Metadata, &[("", &["secrets"])]), on(RequestResponse, &[])]));
    assert!(!records(vec![on(RequestResponse, &[("", &["pods"])])]));
    assert!(!records(vec![verbs(on(Request, &[("", &["secrets"])]), &["get", "watch"])]));
    assert!(!records(vec![AuditRule { urls: strings(&["/metrics"]), ..on(Request, &[]) }]));
    assert_snapshot!(warned(&audit(vec![verbs(on(RequestResponse, &[("", &["secrets"])]), &["list"])])), @"
    K0802 Warning: secrets' contents go to the audit log: this rule records bodies at RequestResponse
      witness: a `list` of a Secret is recorded with its data, in plain text for whoever reads the log
      help: put `metadata on secrets, configmaps` before it
    ");
}

#[test]
fn node_restriction_is_held_on() {
    let mut program = program();
    let server = |plugins: &str| ApiServer {
        flags: map(&[("enable-admission-plugins", plugins)]),
        stated: Default::default(),
        host_paths: map(&[]),
        origin: origin(),
    };
    program.api_server = Some(server("PodSecurity"));
    assert_snapshot!(warned(&program), @"
    K0804 Warning: `NodeRestriction` is not among the enabled admission plugins, and is off by default
      witness: a kubelet whose credentials leak changes the labels and pods of other nodes
      help: add `NodeRestriction` to the list
    ");
    program.api_server = Some(server("PodSecurity,NodeRestriction"));
    assert_eq!(warned(&program), "");
}

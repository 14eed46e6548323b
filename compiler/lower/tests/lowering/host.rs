//! Host files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Output},
};

use insta::assert_snapshot;
use kspec_diagnostics::Finding;
use kspec_lower::HostOutput;
use kspec_model::program::*;
use serde_json::json;

use crate::fixture::*;

fn host(program: &Program, kubernetes: &str) -> (HostOutput, Vec<Finding>) {
    kspec_lower::host(&program.view(), kubernetes)
}

fn keyed(algorithm: KeyedProvider, keys: &[&str]) -> EncryptionProvider {
    EncryptionProvider::Keyed { algorithm, keys: strings(keys) }
}

fn encrypt(resources: &[&str], providers: Vec<EncryptionProvider>) -> EncryptionRule {
    EncryptionRule { resources: strings(resources), providers, origin: origin() }
}

fn encryption(rules: Vec<EncryptionRule>) -> Option<Encryption> {
    Some(Encryption { rules, origin: origin() })
}

fn audit_rule(level: AuditLevel) -> AuditRule {
    AuditRule {
        level,
        subjects: vec![],
        verbs: vec![],
        resources: vec![],
        namespaces: vec![],
        urls: vec![],
        omit_stages: vec![],
        origin: origin(),
    }
}

fn resources(group: &str, resources: &[&str]) -> AuditResources {
    AuditResources { group: group.to_owned(), resources: strings(resources), resource_names: vec![] }
}

fn hardened() -> Program {
    let mut program = program();
    program.encryption = encryption(vec![
        encrypt(
            &["secrets", "configmaps"],
            vec![
                EncryptionProvider::Kms {
                    name: "vault".to_owned(),
                    endpoint: "unix:///run/kms/kms.sock".to_owned(),
                    timeout: Some("3s".to_owned()),
                },
                keyed(KeyedProvider::SecretBox, &["box"]),
                EncryptionProvider::Identity,
            ],
        ),
        encrypt(
            &["*.apps", "*.*"],
            vec![keyed(KeyedProvider::AesGcm, &["gcm-2", "gcm-1"]), keyed(KeyedProvider::AesCbc, &["box"])],
        ),
    ]);
    program.audit = Some(Audit {
        omit_stages: strings(&["RequestReceived"]),
        omit_managed_fields: Some(true),
        rules: vec![
            AuditRule {
                subjects: vec![
                    Subject::User("system:kube-proxy".to_owned()),
                    Subject::Group("system:nodes".to_owned()),
                ],
                verbs: strings(&["watch"]),
                resources: vec![resources("discovery.k8s.io", &["endpointslices"])],
                ..audit_rule(AuditLevel::None)
            },
            AuditRule {
                urls: strings(&["/healthz*"]),
                namespaces: strings(&["kube-system"]),
                ..audit_rule(AuditLevel::None)
            },
            AuditRule {
                subjects: vec![Subject::ServiceAccount { namespace: "ci".to_owned(), name: "deployer".to_owned() }],
                omit_stages: strings(&["ResponseStarted"]),
                resources: vec![
                    AuditResources {
                        resource_names: strings(&["api"]),
                        ..resources("apps", &["deployments", "deployments/scale"])
                    },
                    resources("", &[]),
                ],
                ..audit_rule(AuditLevel::Request)
            },
            AuditRule {
                verbs: strings(&["create"]),
                resources: vec![resources("", &["pods"])],
                ..audit_rule(AuditLevel::RequestResponse)
            },
            audit_rule(AuditLevel::Metadata),
        ],
        origin: origin(),
    });
    program.authentication = Some(Authentication {
        jwt: vec![
            json!({ "issuer": { "url": "https://idp.example.com", "audiences": ["kube"] }, "claimMappings": { "username": { "claim": "sub", "prefix": "oidc:" } } }),
        ],
        anonymous: Some(Anonymous { enabled: true, paths: strings(&["/livez", "/readyz"]) }),
        origin: origin(),
    });
    program.api_server = Some(ApiServer {
        flags: map(&[
            ("authorization-mode", "Node,RBAC"),
            ("profiling", "false"),
            ("audit-webhook-config-file", "/etc/siem/audit.kubeconfig"),
            ("audit-log-path", "/var/log/audit/kube.log"),
        ]),
        stated: Default::default(),
        host_paths: map(&[("/etc/siem/audit.kubeconfig", "kubeconfig of the audit webhook")]),
        origin: origin(),
    });
    program
}

fn file<'a>(output: &'a HostOutput, path: &str) -> &'a str {
    &output.files.iter().find(|file| file.path == path).unwrap().contents
}

#[test]
fn a_program_that_says_nothing_of_the_host_has_no_host_files() {
    assert_eq!(host(&program(), "1.36").0, HostOutput::default());
}

#[test]
fn every_file_of_a_hardened_control_plane() {
    let (output, findings) = host(&hardened(), "1.36");
    assert!(findings.is_empty());
    let mut text = String::new();
    for file in &output.files {
        text +=
            &format!("==== {}{}\n{}\n", file.path, if file.executable { " (executable)" } else { "" }, file.contents);
    }
    assert_snapshot!("hardened", text);
    assert_eq!(output, host(&hardened(), "1.36").0);
}

#[test]
fn the_authentication_file_is_in_the_version_that_the_target_serves() {
    for (kubernetes, version) in [("1.33", "v1beta1"), ("1.34", "v1"), ("1.36", "v1")] {
        let (output, _) = host(&hardened(), kubernetes);
        assert!(
            file(&output, "authentication.yaml")
                .starts_with(&format!("apiVersion: apiserver.config.k8s.io/{version}\n"))
        );
    }
}

#[test]
fn an_audit_policy_always_has_a_backend_and_no_keys_mean_no_script() {
    let mut program = program();
    program.audit = Some(Audit {
        omit_stages: vec![],
        omit_managed_fields: None,
        rules: vec![audit_rule(AuditLevel::Metadata)],
        origin: origin(),
    });
    program.encryption = encryption(vec![encrypt(&["secrets"], vec![EncryptionProvider::Identity])]);
    let (output, _) = host(&program, "1.36");
    assert_snapshot!(file(&output, "kube-apiserver-flags"), @"
    --audit-log-path=/var/log/kubernetes/audit/audit.log
    --audit-policy-file=/etc/kubernetes/kspec/audit-policy.yaml
    --encryption-provider-config=/etc/kubernetes/kspec/encryption.yaml
    ");
    assert_snapshot!(file(&output, "encryption.yaml"), @"
    apiVersion: apiserver.config.k8s.io/v1
    kind: EncryptionConfiguration
    resources:
    - providers:
      - identity: {}
      resources:
      - secrets
    ");
    assert!(!output.files.iter().any(|file| file.executable));
}

#[test]
fn a_fact_that_the_authentication_file_states_is_no_flag() {
    let mut program = hardened();
    let server = program.api_server.as_mut().unwrap();
    server.flags.extend(map(&[
        ("anonymous-auth", "false"),
        ("oidc-issuer-url", "https://idp.example.com"),
        ("authorization-config", "/etc/authz.yaml"),
    ]));
    let (output, findings) = host(&program, "1.36");
    assert_snapshot!(lines(&findings), @"
    K0803 `anonymous-auth` as a flag beside `authentication`: the API server refuses to start with both
    K0803 `oidc-issuer-url` as a flag beside `authentication`: the API server refuses to start with both
    K0803 authorization modes beside an authorization configuration: the API server refuses to start with both
    ");
    assert!(!output.settings.flags.contains_key("anonymous-auth"));
    assert!(!output.settings.flags.contains_key("oidc-issuer-url"));
}

#[test]
fn a_key_is_named_as_a_file_may_be() {
    let mut program = program();
    let names = ["ok-1", "../etc/shadow", ".hidden", "a b", ""];
    program.encryption = encryption(vec![encrypt(&["secrets"], vec![keyed(KeyedProvider::AesCbc, &names)])]);
    assert_snapshot!(lines(&host(&program, "1.36").1), @"
    K0115 `../etc/shadow` cannot name a key: the key is read from a file of that name
    K0115 `.hidden` cannot name a key: the key is read from a file of that name
    K0115 `a b` cannot name a key: the key is read from a file of that name
    K0115 `` cannot name a key: the key is read from a file of that name
    ");
}

/// The script with its template in a folder of its own.
struct Script {
    folder: tempfile::TempDir,
}

impl Script {
    fn new(providers: Vec<EncryptionProvider>) -> Self {
        let mut program = program();
        program.encryption = encryption(vec![encrypt(&["secrets"], providers)]);
        let (output, _) = host(&program, "1.36");
        let folder = tempfile::tempdir().unwrap();
        for name in ["render-encryption.sh", "encryption.template.yaml"] {
            fs::write(folder.path().join(name), file(&output, name)).unwrap();
        }
        fs::create_dir(folder.path().join("keys")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self, name: &str, text: &str, mode: u32) {
        let path = self.path("keys").join(name);
        // Who is not root cannot write into one that may only be read.
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn run(&self) -> Output {
        Command::new("sh")
            .args(["-x", "render-encryption.sh"])
            .args([self.path("keys"), self.path("encryption.yaml")])
            .current_dir(&self.folder)
            .output()
            .unwrap()
    }

    /// Runs it and expects a refusal that leaves nothing behind.
    fn refusal(&self) -> String {
        let output = self.run();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!self.path("encryption.yaml").exists());
        assert_eq!(fs::read_dir(&self.folder).unwrap().count(), 3, "a file is left behind");
        let text = String::from_utf8(output.stderr).unwrap();
        let said: Vec<&str> = text.lines().filter(|line| line.starts_with("render-encryption: ")).collect();
        said.join("\n").replace(&self.folder.path().display().to_string(), "HOST")
    }
}

const KEY_32: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const KEY_16: &str = "MDEyMzQ1Njc4OTAxMjM0NQ==";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_script_fills_keys_in_and_never_shows_them() {
    let script = Script::new(vec![
        keyed(KeyedProvider::SecretBox, &["box__1"]),
        keyed(KeyedProvider::AesCbc, &["new", "old"]),
        EncryptionProvider::Identity,
    ]);
    script.key("box__1", &format!("{KEY_32}\n"), 0o600);
    script.key("new", KEY_32, 0o600);
    let (head, tail) = KEY_16.split_at(10);
    script.key("old", &format!("{head}\n{tail}\n"), 0o600);
    let output = script.run();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains(KEY_16) && !said.contains(KEY_32));
    assert_eq!(mode(&script.path("encryption.yaml")), 0o600);
    let written = fs::read_to_string(script.path("encryption.yaml")).unwrap();
    assert_snapshot!(written, @r#"
    apiVersion: apiserver.config.k8s.io/v1
    kind: EncryptionConfiguration
    resources:
    - providers:
      - secretbox:
          keys:
          - name: box__1
            secret: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
      - aescbc:
          keys:
          - name: new
            secret: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
          - name: old
            secret: "MDEyMzQ1Njc4OTAxMjM0NQ=="
      - identity: {}
      resources:
      - secrets
    "#);
    assert!(script.run().status.success(), "a second run replaces the file");
}

#[test]
fn the_script_refuses_keys_that_are_not_safe_or_not_keys() {
    let script = Script::new(vec![keyed(KeyedProvider::SecretBox, &["box"]), keyed(KeyedProvider::AesGcm, &["gcm"])]);
    let mut said = vec![script.refusal()];
    for (text, mode) in
        [(KEY_32, 0o640), (KEY_32, 0o400), (KEY_16, 0o600), ("", 0o600), ("not base64!", 0o600), ("QUJD=QUJD", 0o600)]
    {
        script.key("box", text, mode);
        said.push(script.refusal());
    }
    script.key("box", KEY_32, 0o600);
    script.key("gcm", "MDEyMzQ1Njc4OTAxMjM0NTY=", 0o600);
    said.push(script.refusal());
    fs::remove_file(script.path("keys/gcm")).unwrap();
    symlink(script.path("keys/box"), script.path("keys/gcm")).unwrap();
    said.push(script.refusal());
    assert_snapshot!(said.join("\n"), @"
    render-encryption: HOST/keys/box is missing; make it with: (umask 077; head -c 32 /dev/urandom | base64 > HOST/keys/box)
    render-encryption: HOST/keys/box must have mode 0600
    render-encryption: HOST/keys/box must have mode 0600
    render-encryption: HOST/keys/box holds 16 bytes; allowed: 32
    render-encryption: HOST/keys/box is empty
    render-encryption: HOST/keys/box is not base64
    render-encryption: HOST/keys/box is not base64
    render-encryption: HOST/keys/gcm holds 17 bytes; allowed: 16 24 32
    render-encryption: HOST/keys/gcm is a symbolic link
    ");
}

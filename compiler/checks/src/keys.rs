//! Encryption at rest: K0601, K0602, K0604.

use kspec_diagnostics::{Finding, Severity, codes};
use kspec_model::program::{EncryptionProvider, EncryptionRule, KeyedProvider};

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(encryption) = facts.program.encryption else { return };
    for rule in &encryption.rules {
        match rule.providers.first() {
            Some(EncryptionProvider::Identity) => findings.push(identity_first(rule)),
            Some(EncryptionProvider::Keyed { algorithm, .. }) => findings.extend(weak(rule, *algorithm)),
            Some(EncryptionProvider::Kms { .. }) | None => {}
        }
    }
    if !encryption.rules.iter().flat_map(|rule| &rule.resources).any(|resource| covers_secrets(resource)) {
        findings.push(
            report::at(codes::SECRETS_NOT_COVERED, "secrets are not among what is encrypted", &encryption.origin)
                .witness(vec!["whoever reads etcd or a backup of it reads every Secret".to_owned()])
                .help("name them: `encrypt secrets with …`"),
        );
    }
}

fn identity_first(rule: &EncryptionRule) -> Finding {
    let names = report::list(rule.resources.iter().map(String::as_str));
    let of = if rule.resources.iter().any(|resource| covers_secrets(resource)) { "a Secret" } else { "one" };
    if rule.providers.len() == 1 && of != "a Secret" {
        // Kubernetes' own way to leave something out of a wider statement after it ("Encrypting Confidential Data at Rest").
        let mut finding = report::at(codes::IDENTITY_FIRST, format!("{names} stays in the clear"), &rule.origin)
            .witness(vec![
                "only `identity` is named: nothing of it is encrypted, and nothing encrypted is read".to_owned(),
            ])
            .help("nothing to do, if it is meant");
        finding.severity = Severity::Information;
        return finding;
    }
    report::at(
        codes::IDENTITY_FIRST,
        format!("{names} would be written in the clear: `identity` comes first, and the first provider writes"),
        &rule.origin,
    )
    .witness(vec![format!("the next write of {of} that was encrypted stores it in plain text")])
    .help("put `identity` last, where it only reads what is not encrypted yet, or drop it")
}

fn weak(rule: &EncryptionRule, algorithm: KeyedProvider) -> Option<Finding> {
    let (why, instead) = match algorithm {
        KeyedProvider::SecretBox => return None,
        KeyedProvider::AesCbc => (
            "its ciphertext is not authenticated, which padding oracles exploit",
            "use `secretbox`, or `kms`; keep `aescbc` second until everything is rewritten",
        ),
        KeyedProvider::AesGcm => (
            "its nonces are random and repeat: a key is unsafe after 200,000 writes",
            "use `secretbox`, or `kms`; keep `aesgcm` second until everything is rewritten",
        ),
    };
    Some(
        report::at(codes::WEAK_PROVIDER, format!("`{}` writes here: {why}", algorithm.as_str()), &rule.origin)
            .help(instead),
    )
}

/// `*.` is every resource of the core group, `*.*` every resource.
fn covers_secrets(resource: &str) -> bool {
    matches!(resource, "secrets" | "secrets." | "*." | "*.*")
}

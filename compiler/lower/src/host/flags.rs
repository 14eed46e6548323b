//! Flags of kube-apiserver, those that name our files included.

use std::{collections::BTreeMap, fmt::Write};

use kspec_diagnostics::{Finding, codes};
use kspec_model::program::{Origin, View};

use serde_json::Value;

use super::FOLDER;
use crate::finding;

pub(super) const ENCRYPTION: &str = "encryption-provider-config";
pub(super) const AUDIT: &str = "audit-policy-file";
pub(super) const AUTHENTICATION: &str = "authentication-config";
/// Where events are written if the program states no backend: a policy without one records nothing.
const AUDIT_LOG: (&str, &str) = ("audit-log-path", "/var/log/kubernetes/audit/audit.log");
const AUDIT_WEBHOOK: &str = "audit-webhook-config-file";

/// The flags, and what contradicts itself among them.
pub(super) fn flags(program: &View<'_>) -> (BTreeMap<String, String>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut flags = program.api_server.as_ref().map(|server| server.flags.clone()).unwrap_or_default();
    let mut name_file = |declared: bool, flag: &str, file: &str| {
        if declared {
            flags.entry(flag.to_owned()).or_insert_with(|| format!("{FOLDER}/{file}"));
        }
    };
    name_file(program.encryption.is_some(), ENCRYPTION, "encryption.yaml");
    name_file(program.audit.is_some(), AUDIT, "audit-policy.yaml");
    name_file(program.authentication.is_some(), AUTHENTICATION, "authentication.yaml");
    if program.audit.is_some() && !flags.contains_key(AUDIT_LOG.0) && !flags.contains_key(AUDIT_WEBHOOK) {
        flags.insert(AUDIT_LOG.0.to_owned(), AUDIT_LOG.1.to_owned());
    }
    if let Some(authentication) = &program.authentication {
        let anonymous = authentication.anonymous.is_some();
        let twice: Vec<String> = flags.keys().filter(|flag| is_said(flag, anonymous)).cloned().collect();
        for flag in twice {
            flags.remove(&flag);
            findings.push(
                finding::at(
                    codes::REFUSED_FLAG,
                    format!("`{flag}` as a flag beside `authentication`: the API server refuses to start with both"),
                    stated(program, &flag).unwrap_or(&authentication.origin),
                )
                .label(authentication.origin.at, "the configuration file already speaks of it")
                .help("say it in `authentication` only"),
            );
        }
    }
    if let (Some(authentication), Some(own)) = (&program.authentication, flags.get("service-account-issuer")) {
        for url in authentication.jwt.iter().filter_map(|jwt| jwt.pointer("/issuer/url")?.as_str()) {
            if own.split(',').any(|own| own == url) {
                findings.push(
                    finding::at(
                        codes::BAD_VALUE,
                        format!("{url} issues the cluster's own tokens, and is an issuer of `authentication` too"),
                        &authentication.origin,
                    )
                    .label(
                        stated(program, "service-account-issuer").unwrap_or(&authentication.origin).at,
                        "the cluster's own issuer",
                    )
                    .help("drop it from `jwt`: tokens of service accounts are read anyway, and the server refuses to start with both"),
                );
            }
        }
    }
    if flags.contains_key("authorization-config")
        && flags.contains_key("authorization-mode")
        && let (Some(mode), Some(config)) =
            (stated(program, "authorization-mode"), stated(program, "authorization-config"))
    {
        findings.push(
            finding::at(
                codes::REFUSED_FLAG,
                "authorization modes beside an authorization configuration: the API server refuses to start with both",
                mode,
            )
            .label(config.at, "the configuration file already names the authorizers")
            .help("keep one of the two"),
        );
    }
    (flags, findings)
}

/// Whether the authentication configuration says what a flag would.
fn is_said(flag: &str, anonymous: bool) -> bool {
    flag.starts_with("oidc-") || (flag == "anonymous-auth" && anonymous)
}

/// The flag of the authentication configuration, where that says what another flag would.
pub(super) fn said_by_file(configuration: Option<&Value>, flag: &str) -> Option<&'static str> {
    is_said(flag, configuration?.get("anonymous").is_some()).then_some(AUTHENTICATION)
}

fn stated<'a>(program: &'a View<'a>, flag: &str) -> Option<&'a Origin> {
    let server = program.api_server.as_ref()?;
    Some(server.stated.get(flag).unwrap_or(&server.origin))
}

/// The value of a flag that names a file.
pub(super) fn path<'a>(flags: &'a BTreeMap<String, String>, flag: &str) -> &'a str {
    flags.get(flag).map(String::as_str).unwrap_or_default()
}

/// One flag a line, as the command line takes it.
pub(super) fn text(flags: &BTreeMap<String, String>) -> String {
    flags.iter().fold(String::new(), |mut text, (flag, value)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "--{flag}={value}");
        text
    })
}

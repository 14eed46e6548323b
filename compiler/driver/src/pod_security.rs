//! The Pod Security Standards, compiled: what `std.pod_security` says of a level, as a rule table.
//!
//! Nothing of the standards is here but the two names of its templates and how a version is written.

use std::collections::BTreeSet;
use std::sync::Arc;

use kspec_diagnostics::{Finding, Severity};
use kspec_model::LabelSelector;
use kspec_model::program::{Date, PodSecurityLevel, RuleBinding};
use kspec_model::rules::{BoundRule, Engine, Namespaces, Scope, Table};
use kspec_resolve::{Facts, Session, parse_config};
use kspec_schema::Schema;

/// The standard library: path to text.
pub type Library = &'static [(&'static str, &'static str)];

/// The minor version that a label's value (`latest`, `v1.34`; here also `1.34`) means to a server whose own minor version is
/// `newest`. A version beyond the server's own means the server's own, as to Kubernetes.
#[must_use]
pub fn pod_security_minor(version: &str, newest: u8) -> Option<u8> {
    if version == "latest" {
        return Some(newest);
    }
    let digits = version.strip_prefix('v').unwrap_or(version).strip_prefix("1.")?;
    let is_number = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_number || digits.is_empty() {
        return None;
    }
    // More digits than a number holds are a version of the far future.
    Some(digits.parse::<u8>().map_or(newest, |minor| minor.min(newest)))
}

/// The rules of a level in the edition of `v1.{minor}`, over every namespace. None for `privileged`.
///
/// # Errors
/// Findings in the library, which is its own fault; none of them where it binds no rule.
pub fn pod_security(
    level: PodSecurityLevel,
    minor: u8,
    schema: &Arc<Schema>,
    library: Library,
) -> Result<Table, Vec<Finding>> {
    let version = schema.version();
    let mut table = Table {
        format_version: Table::FORMAT,
        project: "pod-security".to_owned(),
        kubernetes: version.to_string(),
        revision: format!("{}:v1.{minor}", level.as_str()),
        rules: Vec::new(),
        mutations: Vec::new(),
    };
    if level == PodSecurityLevel::Privileged {
        return Ok(table);
    }
    let config = format!("name = \"pod-security\"\nedition = \"2026\"\nkubernetes = \"{version}\"\n");
    let mut session = Session::new(Facts {
        config: parse_config("kspec.toml", &config)?,
        schema: Arc::clone(schema),
        manifests: Vec::new(),
        environment: None,
        // Nothing in it ends.
        as_of: Date { year: 1970, month: 1, day: 1 },
        library,
        rego: std::collections::BTreeMap::new(),
        webhook_ca: None,
    });
    let level = level.as_str();
    session.set_source("main.kspec", format!("use std.pod_security.{{{level}}}\n{level}({minor})\n"));
    session.analyze();
    let findings: Vec<Finding> = session.findings().filter(|finding| finding.severity == Severity::Error).collect();
    if !findings.is_empty() {
        return Err(findings);
    }
    table.rules = session.program().rules.iter().map(bound).collect();
    // A library that binds nothing must not read as one that admits everything.
    if table.rules.is_empty() { Err(Vec::new()) } else { Ok(table) }
}

/// A rule of the standard where it is asked about: everywhere, the system's namespaces included.
fn bound(binding: &RuleBinding) -> BoundRule {
    BoundRule {
        id: binding.rule.name.to_ascii_lowercase().replace('_', "-"),
        rule: binding.rule.clone(),
        action: binding.action,
        scope: Scope {
            namespaces: Namespaces::Selected { labels: LabelSelector::default(), except: BTreeSet::new() },
            cluster: true,
        },
        failure_policy: binding.failure_policy,
        timeout_seconds: binding.timeout_seconds,
        engine: Engine::Webhook,
        exemptions: Vec::new(),
    }
}

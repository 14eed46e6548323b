//! Configuration files: encryption, audit, authentication. Of keys, names alone.

use kspec_model::program::Origin;
use kspec_posture::keys::Early;
use kspec_state::{Flags, HostState};
use serde_json::{Map, Value};

use super::source;
use crate::{
    Inputs,
    document::{HostChange, HostSetting, Severity},
};

struct Kind {
    setting: HostSetting,
    kind: &'static str,
    flag: &'static str,
    /// What it is called in messages.
    noun: &'static str,
    lines: fn(&Value) -> Vec<String>,
}

const KINDS: &[Kind] = &[
    Kind {
        setting: HostSetting::Encryption,
        kind: "EncryptionConfiguration",
        flag: "encryption-provider-config",
        noun: "encryption at rest",
        lines: encryption,
    },
    Kind {
        setting: HostSetting::Audit,
        kind: "Policy",
        flag: "audit-policy-file",
        noun: "the audit policy",
        lines: audit,
    },
    Kind {
        setting: HostSetting::Authentication,
        kind: "AuthenticationConfiguration",
        flag: "authentication-config",
        noun: "authentication",
        lines: authentication,
    },
];

pub(super) fn files(inputs: &Inputs<'_>, flags: Option<&Flags>) -> Vec<HostChange> {
    KINDS.iter().filter_map(|kind| file(inputs, flags, kind)).collect()
}

fn file(inputs: &Inputs<'_>, flags: Option<&Flags>, kind: &Kind) -> Option<HostChange> {
    let (wanted, origin): (Option<&Value>, Option<&Origin>) = match kind.setting {
        HostSetting::Encryption => {
            (inputs.host.encryption.as_ref(), inputs.program.encryption.as_ref().map(|encryption| &encryption.origin))
        }
        HostSetting::Audit => (inputs.host.audit.as_ref(), inputs.program.audit.as_ref().map(|audit| &audit.origin)),
        _ => (
            inputs.host.authentication.as_ref(),
            inputs.program.authentication.as_ref().map(|authentication| &authentication.origin),
        ),
    };
    let after = (kind.lines)(wanted?);
    let change = |before: Vec<String>, seen: bool, severity: Severity, message: String| HostChange {
        setting: kind.setting,
        name: kind.kind.to_owned(),
        before,
        after: after.clone(),
        seen,
        servers: Vec::new(),
        severity,
        message,
        source: source(inputs, origin),
    };
    if let Some(running) = running(&inputs.state.host, flags, kind) {
        let before = (kind.lines)(&running);
        if let Some(message) = lost(inputs, kind, &running) {
            return Some(change(before, true, Severity::Error, message));
        }
        let message = || format!("{} differs{}", kind.noun, early(inputs, kind, &running));
        return (before != after).then(|| change(before, true, Severity::Warning, message()));
    }
    Some(match flags {
        Some(flags) if !flags.contains_key(kind.flag) => {
            if let Some(message) = lost(inputs, kind, &Value::Null) {
                return Some(change(Vec::new(), true, Severity::Error, message));
            }
            let early = early(inputs, kind, &Value::Null);
            let message = format!("{} is not configured: `--{}` is not set{early}", kind.noun, kind.flag);
            change(Vec::new(), true, Severity::Warning, message)
        }
        _ => {
            let message = format!("the file for {} is not part of this state", kind.noun);
            change(Vec::new(), false, Severity::Information, message)
        }
    })
}

/// The `EncryptionConfiguration` that an API server runs with; null where it runs without, none where that is not seen.
pub(crate) fn running_encryption(host: &HostState) -> Option<Value> {
    let kind = KINDS.iter().find(|kind| kind.setting == HostSetting::Encryption)?;
    let without = || host.flags.as_ref().filter(|flags| !flags.contains_key(kind.flag)).map(|_| Value::Null);
    running(host, host.flags.as_ref(), kind).or_else(without)
}

/// What would become unreadable.
fn lost(inputs: &Inputs<'_>, kind: &Kind, running: &Value) -> Option<String> {
    let wanted = inputs.program.encryption.as_ref().filter(|_| kind.setting == HostSetting::Encryption)?;
    let lost: Vec<String> = kspec_posture::keys::lost(running, wanted)
        .into_iter()
        .map(|(resource, writes)| format!("{resource} (written by {writes})"))
        .collect();
    (!lost.is_empty()).then(|| format!("{} would make stored data unreadable: {} (K0605)", kind.noun, lost.join(", ")))
}

/// What API servers that are not restarted yet could not read of what the others write, and the steps around it. A single one is
/// never beside another.
fn early(inputs: &Inputs<'_>, kind: &Kind, running: &Value) -> String {
    let wanted = inputs.program.encryption.as_ref().filter(|_| kind.setting == HostSetting::Encryption);
    let Some(wanted) = wanted.filter(|_| inputs.state.servers.len() != 1) else { return String::new() };
    let early = kspec_posture::keys::early(running, wanted);
    let of = |wanted: Early| -> String {
        let some: Vec<String> = early
            .iter()
            .filter(|(.., how)| *how == wanted)
            .map(|(resource, writes, _)| format!("{resource} by {writes}"))
            .collect();
        some.join(", ")
    };
    let (rotation, first) = (of(Early::Rotation), of(Early::First));
    if !rotation.is_empty() {
        return format!(
            ", and would write what API servers not yet restarted cannot read: {rotation}. In steps: name it second, restart every API \
             server; name it first, restart them again; rewrite what is stored; drop the old one"
        );
    }
    if !first.is_empty() {
        return format!(
            "; API servers not yet restarted cannot read what the others write: {first}. Restart them right after each other, then \
             rewrite what is stored"
        );
    }
    String::new()
}

/// The state's file of this kind: the one that the flag names, where several are there.
fn running(host: &HostState, flags: Option<&Flags>, kind: &Kind) -> Option<Value> {
    let named = flags.and_then(|flags| flags.get(kind.flag)?.last());
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let mut found: Vec<(bool, &String, Value)> = host
        .files
        .iter()
        .filter_map(|(path, text)| Some((path, serde_json::from_str::<Value>(text).ok()?)))
        .filter(|(_, document)| document.get("kind").and_then(Value::as_str) == Some(kind.kind))
        .map(|(path, document)| (named.is_none_or(|named| base(named) != base(path)), path, document))
        .collect();
    found.sort_by(|left, right| (left.0, left.1).cmp(&(right.0, right.1)));
    found.into_iter().next().map(|(_, _, document)| document)
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn list<'a>(document: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    document.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// `secrets, configmaps: kms vault (unix:///run/kms.sock), identity`
fn encryption(document: &Value) -> Vec<String> {
    let rule = |rule: &Value| {
        let providers: Vec<String> = list(rule, "providers").map(provider).collect();
        format!("{}: {}", texts(rule.get("resources")).join(", "), providers.join(", "))
    };
    list(document, "resources").map(rule).collect()
}

fn provider(provider: &Value) -> String {
    let Some((name, body)) = provider.as_object().and_then(|fields| fields.iter().next()) else { return String::new() };
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    match name.as_str() {
        "kms" => {
            // Version 1 is what a provider without a version is; its default timeout is 3s.
            let version = if text("apiVersion") == "v2" { "" } else { " v1" };
            let timeout = Some(text("timeout")).filter(|timeout| !timeout.is_empty()).unwrap_or("3s");
            format!("kms{version} {} ({}, timeout {})", text("name"), text("endpoint"), duration(timeout))
        }
        "identity" => name.clone(),
        _ => {
            let keys: Vec<&str> = list(body, "keys").filter_map(|key| key.get("name")?.as_str()).collect();
            format!("{name} {}", keys.join(" "))
        }
    }
}

/// A Go duration in one spelling: `2.5s` and `2500ms` are the same.
fn duration(text: &str) -> String {
    match super::flags::duration(text) {
        Some(nanos) if nanos % 1_000_000_000 == 0 => format!("{}s", nanos / 1_000_000_000),
        Some(nanos) if nanos % 1_000_000 == 0 => format!("{}ms", nanos / 1_000_000),
        _ => text.to_owned(),
    }
}

/// One line a rule, as compact JSON; lists whose order means nothing are sorted.
fn audit(document: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let stages = texts(document.get("omitStages"));
    if !stages.is_empty() {
        lines.push(format!("omit stages {}", sorted(stages).join(", ")));
    }
    if let Some(omit) = document.get("omitManagedFields").and_then(Value::as_bool) {
        lines.push(format!("omit managed fields {omit}"));
    }
    lines.extend(list(document, "rules").map(|rule| settled(rule).to_string()));
    lines
}

fn authentication(document: &Value) -> Vec<String> {
    let mut lines: Vec<String> = list(document, "jwt").map(|issuer| format!("jwt {}", settled(issuer))).collect();
    if let Some(anonymous) = document.get("anonymous").filter(|anonymous| !anonymous.is_null()) {
        lines.push(format!("anonymous {}", settled(anonymous)));
    }
    lines
}

fn sorted(mut texts: Vec<&str>) -> Vec<&str> {
    texts.sort_unstable();
    texts
}

/// Without what says nothing, and with lists of texts in order.
fn settled(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), settled(value)));
            let says =
                |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) && value != "";
            Value::Object(fields.filter(|(_, value)| says(value)).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(settled).collect();
            if items.iter().all(Value::is_string) {
                items.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
            }
            Value::Array(items)
        }
        other => other.clone(),
    }
}

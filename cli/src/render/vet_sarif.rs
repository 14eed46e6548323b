//! Verdicts as SARIF 2.1.0 (OASIS), for code scanning.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::rules::Severity;
use kspec_vet::{Verdict, Violation};
use serde_json::{Value, json};

use super::sarif::uri;

/// The log: one run, a rule for each control or rule that is violated, a result for each violation.
pub(crate) fn log(verdicts: &[Verdict]) -> Value {
    let all = || {
        verdicts.iter().flat_map(|verdict| {
            let refused = verdict.violations.iter().map(move |violation| (verdict, violation, "error"));
            refused.chain(verdict.warnings.iter().map(move |violation| (verdict, violation, "warning")))
        })
    };
    let mut rules: BTreeMap<&str, Severity> = BTreeMap::new();
    for (_, violation, _) in all() {
        let known = rules.entry(id(violation)).or_insert(violation.severity);
        *known = (*known).max(violation.severity);
    }
    let ids: BTreeSet<&str> = rules.keys().copied().collect();
    let results: Vec<Value> = all()
        .map(|(verdict, violation, level)| {
            let index = ids.iter().position(|known| *known == id(violation));
            result(verdict, violation, level, index)
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "kspec",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|(id, severity)| rule(id, *severity)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What judged: the control, the rule, a LimitRange, or the schema.
fn id(violation: &Violation) -> &str {
    let by = || if violation.source.starts_with("LimitRange ") { "LimitRange" } else { "schema" };
    violation.control.as_deref().or(violation.rule.as_deref()).unwrap_or_else(by)
}

fn rule(id: &str, severity: Severity) -> Value {
    json!({
        "id": id,
        "properties": { "severity": severity.as_str(), "security-severity": score(severity), "tags": ["security"] },
    })
}

/// As code scanning bands them: 9.0 and on is critical, 7.0 high, 4.0 medium.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

fn result(verdict: &Verdict, violation: &Violation, level: &str, index: Option<usize>) -> Value {
    let object = match &verdict.namespace {
        Some(namespace) => format!("{} {namespace}/{}", verdict.kind, verdict.name),
        None => format!("{} {}", verdict.kind, verdict.name),
    };
    let place = violation.path.as_ref().map(|path| format!(", at {path}")).unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    for part in [id(violation), verdict.file.as_str(), object.as_str(), place.as_str(), violation.message.as_str()] {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    let print: String = hasher.finalize().to_hex().chars().take(16).collect();
    json!({
        "ruleId": id(violation),
        "ruleIndex": index,
        "level": level,
        "message": { "text": format!("{object}: {}{place}", violation.message) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&verdict.file) },
            "region": { "startLine": verdict.line },
        } }],
        "partialFingerprints": { "kspec/v1": print },
        "properties": { "severity": violation.severity.as_str(), "source": violation.source },
    })
}

//! Findings as SARIF 2.1.0 (OASIS), for code scanning.

use std::collections::BTreeMap;

use kspec_compiler::{CheckDocument, FindingDocument, LabelDocument};
use kspec_diagnostics::{CATALOGUE, Severity};
use serde_json::{Value, json};

/// The log: one run, a rule for each code that occurs, a result for each finding.
pub(crate) fn log(document: &CheckDocument) -> Value {
    let mut rules: Vec<&str> = document.findings.iter().map(|finding| finding.code.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let mut occurrences: BTreeMap<String, u32> = BTreeMap::new();
    let results: Vec<Value> = document
        .findings
        .iter()
        .map(|finding| {
            let print = fingerprint(finding);
            let occurrence = occurrences.entry(print.clone()).and_modify(|count| *count += 1).or_insert(0);
            result(finding, rules.iter().position(|rule| *rule == finding.code), &format!("{print}:{occurrence}"))
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "kspec",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "PROJECT": { "description": { "text": "the project's folder" } } },
            "results": results,
        }],
    })
}

fn rule(code: &str) -> Value {
    let info = CATALOGUE.iter().find(|info| info.code.to_string() == code);
    json!({
        "id": code,
        "shortDescription": { "text": info.map_or("", |info| info.title) },
        "help": { "text": info.map_or("", |info| info.page), "markdown": info.map_or("", |info| info.page) },
        "defaultConfiguration": { "level": level(info.map_or(Severity::Error, |info| info.severity)) },
    })
}

fn result(finding: &FindingDocument, rule: Option<usize>, print: &str) -> Value {
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message = format!("{message}. Help: {help}");
    }
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": { "text": message },
        "partialFingerprints": { "kspec/v1": print },
    });
    if let Some(object) = result.as_object_mut() {
        if let Some(index) = rule {
            object.insert("ruleIndex".to_owned(), json!(index));
        }
        let mut places = finding.labels.iter();
        object.insert(
            "locations".to_owned(),
            places.next().map(|label| json!([location(label, None)])).unwrap_or_else(|| json!([])),
        );
        let related: Vec<Value> = places.enumerate().map(|(id, label)| location(label, Some(id))).collect();
        if !related.is_empty() {
            object.insert("relatedLocations".to_owned(), json!(related));
        }
        if !finding.fixes.is_empty() {
            object.insert("fixes".to_owned(), json!(finding.fixes.iter().map(fix).collect::<Vec<_>>()));
        }
    }
    result
}

fn location(label: &LabelDocument, id: Option<usize>) -> Value {
    let mut location = if label.line == 0 {
        json!({ "logicalLocations": [{ "fullyQualifiedName": label.file }] })
    } else {
        json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(&label.file), "uriBaseId": "PROJECT" },
            "region": region(label),
        } })
    };
    if let Some(object) = location.as_object_mut() {
        if !label.text.is_empty() {
            object.insert("message".to_owned(), json!({ "text": label.text }));
        }
        if let Some(id) = id {
            object.insert("id".to_owned(), json!(id));
        }
    }
    location
}

fn region(label: &LabelDocument) -> Value {
    json!({ "startLine": label.line, "startColumn": label.column, "endLine": label.end_line, "endColumn": label.end_column })
}

fn fix(fix: &kspec_compiler::FixDocument) -> Value {
    let mut changes: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for edit in &fix.edits {
        changes
            .entry(&edit.file)
            .or_default()
            .push(json!({ "deletedRegion": region(edit), "insertedContent": { "text": edit.text } }));
    }
    json!({
        "description": { "text": fix.title },
        "artifactChanges": changes
            .into_iter()
            .map(|(file, replacements)| json!({ "artifactLocation": { "uri": uri(file), "uriBaseId": "PROJECT" }, "replacements": replacements }))
            .collect::<Vec<_>>(),
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "note",
    }
}

/// Percent-encodes what a URI reference cannot carry (RFC 3986, section 2).
pub(super) fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Stable while the finding stays the same and moves, and over versions of kspec: code, file and message, no line.
fn fingerprint(finding: &FindingDocument) -> String {
    let file = finding.labels.first().map_or("", |label| label.file.as_str());
    let mut hasher = blake3::Hasher::new();
    for part in [finding.code.as_str(), file, finding.message.as_str()] {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

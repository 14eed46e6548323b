//! Parts of the control plane's files in words: what the plan holds as JSON, as a program would say it.

use serde_json::{Map, Value};

/// The lines that a person reads for one element of a control plane's file.
pub(super) fn readable(element: &str) -> Vec<String> {
    let (what, json) = match element.split_once(" {") {
        Some((word, rest)) => (word, format!("{{{rest}")),
        None => ("", element.to_owned()),
    };
    let Ok(Value::Object(fields)) = serde_json::from_str(&json) else { return vec![element.to_owned()] };
    match what {
        "" => vec![audit_rule(&fields)],
        "anonymous" => vec![format!("anonymous {}", anonymous(&fields))],
        "jwt" => {
            let issuer = fields.get("issuer").and_then(|issuer| issuer.get("url")).and_then(Value::as_str);
            let mut lines = vec![format!("jwt {}", issuer.unwrap_or_default())];
            leaves(&Value::Object(fields), "", &mut lines);
            lines.retain(|line| !line.starts_with("  issuer.url "));
            lines
        }
        _ => vec![element.to_owned()],
    }
}

fn texts<'v>(fields: &'v Map<String, Value>, name: &str) -> Vec<&'v str> {
    fields.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// An audit rule as `audit { … }` spells it.
fn audit_rule(rule: &Map<String, Value>) -> String {
    let level = match rule.get("level").and_then(Value::as_str) {
        Some("RequestResponse") => "request_response".to_owned(),
        Some(level) => level.to_lowercase(),
        None => String::new(),
    };
    let quoted = |name: &str, before: &str| -> Vec<String> {
        texts(rule, name).iter().map(|text| format!("{before}\"{text}\"")).collect()
    };
    let mut names = Vec::new();
    let mut resources = Vec::new();
    for entry in rule.get("resources").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let group = entry.get("group").and_then(Value::as_str).unwrap_or_default();
        let of_group = |resource: &str| match (group, resource.split_once('/')) {
            ("", _) => resource.to_owned(),
            (group, Some((resource, sub))) => format!("{resource}.{group}/{sub}"),
            (group, None) => format!("{resource}.{group}"),
        };
        let mut listed: Vec<String> = texts(entry, "resources").into_iter().map(of_group).collect();
        if listed.is_empty() {
            listed.push(if group.is_empty() { "any.core".to_owned() } else { format!("any.{group}") });
        }
        resources.append(&mut listed);
        names.extend(texts(entry, "resourceNames").into_iter().map(|name| format!("\"{name}\"")));
    }
    let clauses = [
        ("for", [quoted("users", "user "), quoted("userGroups", "group ")].concat()),
        ("verbs", texts(rule, "verbs").into_iter().map(str::to_owned).collect()),
        ("on", resources),
        ("named", names),
        ("in", quoted("namespaces", "")),
        ("url", quoted("nonResourceURLs", "")),
    ];
    let mut said = level;
    let mut matches_all = true;
    for (word, parts) in clauses.iter().filter(|(_, parts)| !parts.is_empty()) {
        said.push_str(&format!(" {word} {}", parts.join(", ")));
        matches_all = false;
    }
    if matches_all {
        said.push_str(" otherwise");
    }
    let stages = texts(rule, "omitStages");
    if !stages.is_empty() {
        said.push_str(&format!(" omit {}", stages.join(", ")));
    }
    if let Some(omit) = rule.get("omitManagedFields").and_then(Value::as_bool) {
        said.push_str(if omit { ", without managed fields" } else { ", with managed fields" });
    }
    said
}

fn anonymous(fields: &Map<String, Value>) -> String {
    if fields.get("enabled") != Some(&Value::Bool(true)) {
        return "nowhere".to_owned();
    }
    let conditions = fields.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let paths: Vec<&str> = conditions.filter_map(|condition| condition.get("path")?.as_str()).collect();
    if paths.is_empty() { "everywhere".to_owned() } else { format!("on {}", paths.join(", ")) }
}

/// Every value with its path, a line each.
fn leaves(value: &Value, path: &str, into: &mut Vec<String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, &below(name), into)),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            into.push(format!("  {path} {}", items.join(", ")));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{path}[{index}]"), into);
            }
        }
        // A certificate's first line says what it is; the rest tells nobody anything.
        Value::String(text) => into.push(format!("  {path} {}", text.lines().next().unwrap_or_default())),
        other => into.push(format!("  {path} {other}")),
    }
}

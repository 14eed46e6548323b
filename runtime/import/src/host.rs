//! Encryption, audit and flags of the control plane, as far as the state shows them.

use serde_json::Value;

use crate::{
    Import, api_server,
    text::{quoted, snake, string_list, strings},
};

const MODULE: &str = "host";

impl Import<'_> {
    pub(crate) fn host(&mut self) {
        let files: Vec<Value> =
            self.state.host.files.values().filter_map(|text| serde_json::from_str(text).ok()).collect();
        let of = |kind: &str| files.iter().find(|file| file.get("kind").and_then(Value::as_str) == Some(kind)).cloned();
        if let Some(file) = of("EncryptionConfiguration")
            && let Some(text) = encryption(&file)
        {
            self.add(MODULE, text);
        }
        if let Some(file) = of("Policy")
            && let Some(text) = audit(&file)
        {
            self.add(MODULE, text);
        }
        let authentication = of("AuthenticationConfiguration");
        if let Some(text) = authentication.as_ref().and_then(api_server::authentication) {
            self.add(MODULE, text);
        }
        self.api_server(MODULE);
    }
}

fn encryption(file: &Value) -> Option<String> {
    let mut lines = Vec::new();
    for entry in file.get("resources")?.as_array()? {
        let resources: Vec<String> = strings(entry.get("resources")).iter().map(|resource| stored(resource)).collect();
        let mut providers = Vec::new();
        for provider in entry.get("providers")?.as_array()? {
            let (kind, body) = provider.as_object()?.iter().next()?;
            providers.push(match kind.as_str() {
                "identity" => "identity".to_owned(),
                "kms" => {
                    let text = |field: &str| body.get(field).and_then(Value::as_str).map(quoted);
                    format!("kms({}, endpoint: {})", text("name")?, text("endpoint")?)
                }
                keyed => {
                    let names: Vec<String> = body
                        .get("keys")?
                        .as_array()?
                        .iter()
                        .filter_map(|key| key.get("name")?.as_str().map(quoted))
                        .collect();
                    format!("{keyed}({})", names.join(", "))
                }
            });
        }
        lines.push(format!("encrypt {} with {}", resources.join(", "), providers.join(", ")));
    }
    Some(format!("encryption {{\n{}\n}}", lines.join("\n")))
}

/// A resource of an encryption entry: `*.*` is everything, `*.` the core group.
fn stored(resource: &str) -> String {
    match resource {
        "*.*" => "any".to_owned(),
        "*." => "any.core".to_owned(),
        other => other.replace('*', "any"),
    }
}

fn audit(file: &Value) -> Option<String> {
    let mut lines = Vec::new();
    let omit = strings(file.get("omitStages"));
    if !omit.is_empty() {
        let stages: Vec<String> = omit.iter().map(|stage| snake(stage)).collect();
        lines.push(format!("omit_stages: [{}]", stages.join(", ")));
    }
    for rule in file.get("rules")?.as_array()? {
        let level = snake(rule.get("level")?.as_str()?);
        let mut parts = vec![level];
        let subjects: Vec<String> = strings(rule.get("users"))
            .iter()
            .map(|name| format!("user {}", quoted(name)))
            .chain(strings(rule.get("userGroups")).iter().map(|name| format!("group {}", quoted(name))))
            .collect();
        if !subjects.is_empty() {
            parts.push(format!("for {}", subjects.join(", ")));
        }
        let verbs = strings(rule.get("verbs"));
        if !verbs.is_empty() {
            parts.push(format!("verbs {}", verbs.join(", ")));
        }
        let mut resources = Vec::new();
        let mut named = Vec::new();
        for entry in rule.get("resources").and_then(Value::as_array).into_iter().flatten() {
            let group = entry.get("group").and_then(Value::as_str).unwrap_or_default();
            let list = strings(entry.get("resources"));
            named.extend(strings(entry.get("resourceNames")));
            if list.is_empty() {
                resources.push(if group.is_empty() { "any.core".to_owned() } else { quoted(&format!("*.{group}")) });
            }
            for resource in list {
                let (name, sub) =
                    resource.split_once('/').map_or((resource.as_str(), None), |(name, sub)| (name, Some(sub)));
                let sub = sub.map(|sub| format!("/{sub}")).unwrap_or_default();
                let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                resources.push(quoted(&format!("{name}{group}{sub}")));
            }
        }
        if !resources.is_empty() {
            parts.push(format!("on {}", resources.join(", ")));
        }
        if !named.is_empty() {
            let names = string_list(named.iter().map(String::as_str));
            parts.push(format!("named {}", names.trim_matches(['[', ']'])));
        }
        let urls: Vec<String> = strings(rule.get("nonResourceURLs")).iter().map(|url| quoted(url)).collect();
        if !urls.is_empty() {
            parts.push(format!("url {}", urls.join(", ")));
        }
        if parts.len() == 1 {
            parts.push("otherwise".to_owned());
        }
        lines.push(parts.join(" "));
    }
    Some(format!("audit {{\n{}\n}}", lines.join("\n")))
}

//! Encryption, audit and authentication of the control plane, as far as the state shows them.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::ObjectKey;
use serde_json::Value;

use crate::{
    Import, api_server,
    probe::complaints,
    text::{quoted, snake, strings},
};

const MODULE: &str = "host";

// Configuration files, by their kinds.
const AUDIT: &str = "Policy";
const AUTHENTICATION: &str = "AuthenticationConfiguration";
const ENCRYPTION: &str = "EncryptionConfiguration";
/// The piece of a probe that holds the flags.
const FLAGS: &str = "flags";

/// A block as text, or why it cannot be said.
pub(crate) type Block = Result<String, String>;

impl Import<'_> {
    pub(crate) fn host(&mut self) {
        let files = files(&self.state.host.files);
        let mut blocks: BTreeMap<&'static str, String> = BTreeMap::new();
        for kind in [AUDIT, AUTHENTICATION, ENCRYPTION] {
            let Some(file) = files.get(kind) else { continue };
            let block = match kind {
                AUDIT => self.audit(file),
                ENCRYPTION => self.encryption(file),
                _ => Ok(api_server::authentication(file)),
            };
            match block {
                Ok(text) if text.is_empty() => {}
                Ok(text) => {
                    blocks.insert(kind, text);
                }
                Err(reason) => self.left_out(&file_key(kind), &reason),
            }
        }
        let mut flags = self.api_server();
        self.without_refused(&mut blocks, &mut flags);
        for text in blocks.into_values() {
            self.add(MODULE, text);
        }
        if !flags.is_empty() {
            self.add(MODULE, api_server::block(&flags));
        }
    }

    /// Takes out what the compiler refuses: a block whole, of flags the one that is at fault.
    fn without_refused(
        &mut self,
        blocks: &mut BTreeMap<&'static str, String>,
        flags: &mut BTreeMap<&'static str, String>,
    ) {
        // Each round takes something out.
        loop {
            let mut pieces: BTreeMap<String, String> =
                blocks.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
            if let Some(audit) = pieces.get_mut(AUDIT) {
                // Its namespaces, as the module of namespaces will declare them.
                let named: Vec<String> = self
                    .names
                    .all_namespaces()
                    .into_iter()
                    .map(|(name, known)| format!("existing namespace {} = {}\n", known.ident, quoted(&name)))
                    .collect();
                audit.push('\n');
                audit.push_str(&named.concat());
            }
            if !flags.is_empty() {
                pieces.insert(FLAGS.to_owned(), api_server::block(flags));
            }
            let complaints = complaints(self.kubernetes, &pieces);
            let mut taken = false;
            for complaint in complaints {
                if complaint.piece == FLAGS {
                    // The block's own line comes first.
                    let at = usize::try_from(complaint.line).unwrap_or_default().checked_sub(2);
                    let field = at.and_then(|at| flags.keys().nth(at).copied());
                    for field in field.map_or_else(|| flags.keys().copied().collect(), |field| vec![field]) {
                        taken |= flags.remove(field).is_some();
                        self.left_out(&api_server::flag_key(&field.replace('_', "-")), &complaint.message);
                    }
                    // The lines have moved.
                    break;
                } else if blocks.remove(complaint.piece.as_str()).is_some() {
                    taken = true;
                    self.left_out(&file_key(&complaint.piece), &complaint.message);
                }
            }
            if !taken {
                return;
            }
        }
    }

    fn encryption(&mut self, file: &Value) -> Block {
        let mut lines = Vec::new();
        for entry in list(file, "resources") {
            let mut resources = Vec::new();
            for stored in strings(entry.get("resources")) {
                // `*.*` is everything, `*.` the core group; a core resource has no dot.
                let (name, group) = stored.split_once('.').unwrap_or((stored.as_str(), ""));
                resources.push(self.resource(name, group)?);
            }
            let providers: Vec<String> = list(entry, "providers").map(provider).collect::<Result<_, String>>()?;
            if resources.is_empty() || providers.is_empty() {
                return Err("an entry without resources or providers".to_owned());
            }
            lines.push(format!("encrypt {} with {}", resources.join(", "), providers.join(", ")));
        }
        if lines.is_empty() {
            return Err("it encrypts nothing".to_owned());
        }
        Ok(format!("encryption {{\n{}\n}}", lines.join("\n")))
    }

    fn audit(&mut self, file: &Value) -> Block {
        let mut lines = Vec::new();
        let omit = stages(file.get("omitStages"));
        if !omit.is_empty() {
            lines.push(format!("omit_stages: [{}]", omit.join(", ")));
        }
        if let Some(omit) = file.get("omitManagedFields").and_then(Value::as_bool) {
            lines.push(format!("omit_managed_fields: {omit}"));
        }
        for rule in list(file, "rules") {
            lines.push(self.audit_rule(rule)?);
        }
        Ok(format!("audit {{\n{}\n}}", lines.join("\n")))
    }

    fn audit_rule(&mut self, rule: &Value) -> Block {
        const SAID: &[&str] =
            &["level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages"];
        if let Some((field, _)) = rule
            .as_object()
            .into_iter()
            .flatten()
            .find(|(field, value)| !SAID.contains(&field.as_str()) && !value.is_null())
        {
            return Err(format!("a rule's `{field}`, which no rule of the language says"));
        }
        let (users, groups) = (strings(rule.get("users")), strings(rule.get("userGroups")));
        if !users.is_empty() && !groups.is_empty() {
            return Err(
                "a rule for users only where they are in a group, which no rule of the language says".to_owned()
            );
        }
        let mut parts = vec![snake(rule.get("level").and_then(Value::as_str).ok_or("a rule without a level")?)];
        let subjects: Vec<String> = users
            .iter()
            .map(|name| format!("user {}", quoted(name)))
            .chain(groups.iter().map(|name| format!("group {}", quoted(name))))
            .collect();
        if !subjects.is_empty() {
            parts.push(format!("for {}", subjects.join(", ")));
        }
        let verbs = strings(rule.get("verbs"));
        if verbs.iter().any(|verb| verb == "*") {
            return Err("a rule for the verb `*`, which the API server takes literally".to_owned());
        }
        if !verbs.is_empty() {
            let verbs: Vec<String> = verbs.iter().map(|verb| self.verb(verb)).collect();
            parts.push(format!("verbs {}", verbs.join(", ")));
        }
        let mut resources = Vec::new();
        let (mut groups, mut names) = (BTreeSet::new(), BTreeSet::new());
        for entry in list(rule, "resources") {
            let group = entry.get("group").and_then(Value::as_str).unwrap_or_default();
            if group == "*" || !groups.insert(group.to_owned()) {
                return Err("a rule that names a group twice, or `*` for a group".to_owned());
            }
            names.insert(strings(entry.get("resourceNames")).into_iter().collect::<BTreeSet<_>>());
            let named = strings(entry.get("resources"));
            if named.is_empty() {
                resources.push(self.resource("*", group)?);
            }
            for resource in named {
                resources.push(self.resource(&resource, group)?);
            }
        }
        if !resources.is_empty() {
            parts.push(format!("on {}", resources.join(", ")));
        }
        match Vec::from_iter(names).as_slice() {
            [] => {}
            [names] if names.is_empty() => {}
            [names] => {
                parts.push(format!("named {}", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")));
            }
            _ => return Err("a rule that names objects of some resources, and not of others".to_owned()),
        }
        let mut places = Vec::new();
        for namespace in strings(rule.get("namespaces")) {
            let known = self.names.namespace(&namespace).cloned();
            let known = known.ok_or("a rule for what is in no namespace, which no rule of the language says")?;
            places.push(self.refer(MODULE, &known));
        }
        if !places.is_empty() {
            parts.push(format!("in {}", places.join(", ")));
        }
        let urls: Vec<String> = strings(rule.get("nonResourceURLs")).iter().map(|url| quoted(url)).collect();
        if !urls.is_empty() {
            parts.push(format!("url {}", urls.join(", ")));
        }
        if parts.len() == 1 {
            parts.push("otherwise".to_owned());
        }
        let omit = stages(rule.get("omitStages"));
        if !omit.is_empty() {
            parts.push(format!("omit {}", omit.join(", ")));
        }
        Ok(parts.join(" "))
    }
}

fn provider(provider: &Value) -> Block {
    let mut entries = provider.as_object().into_iter().flatten();
    let (Some((kind, body)), None) = (entries.next(), entries.next()) else {
        return Err("a provider that is not one".to_owned());
    };
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    match kind.as_str() {
        "identity" => Ok("identity".to_owned()),
        "kms" => {
            if text("apiVersion") != Some("v2") {
                return Err("a KMS plugin of version 1, which left Kubernetes".to_owned());
            }
            let (Some(name), Some(endpoint)) = (text("name"), text("endpoint")) else {
                return Err("a KMS plugin without a name or an endpoint".to_owned());
            };
            let timeout = match text("timeout") {
                Some(timeout) => {
                    let timeout = api_server::duration(timeout).ok_or("a timeout that is none")?;
                    format!(", timeout: {timeout}")
                }
                None => String::new(),
            };
            Ok(format!("kms({}, endpoint: {}{timeout})", quoted(name), quoted(endpoint)))
        }
        keyed => {
            let names: Option<Vec<String>> =
                list(body, "keys").map(|key| key.get("name")?.as_str().map(quoted)).collect();
            Ok(format!("{keyed}({})", names.ok_or("a key without a name")?.join(", ")))
        }
    }
}

/// Configuration files by kind, the first of each.
fn files(texts: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    for file in texts.values().filter_map(|text| serde_json::from_str::<Value>(text).ok()) {
        if let Some(kind) = file.get("kind").and_then(Value::as_str) {
            files.entry(kind.to_owned()).or_insert(file);
        }
    }
    files
}

/// Namespaces that the audit policy names.
pub(crate) fn audited_namespaces(texts: &BTreeMap<String, String>) -> Vec<String> {
    let files = files(texts);
    let rules = files.get(AUDIT).into_iter().flat_map(|policy| list(policy, "rules"));
    rules.flat_map(|rule| strings(rule.get("namespaces"))).filter(|name| !name.is_empty()).collect()
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn stages(value: Option<&Value>) -> Vec<String> {
    strings(value).iter().map(|stage| snake(stage)).collect()
}

fn file_key(name: &str) -> ObjectKey {
    ObjectKey { group: String::new(), kind: "file".to_owned(), namespace: None, name: name.to_owned() }
}

//! Principals, roles, grants.

use kspec_model::Object;
use kspec_schema::facts;
use serde_json::Value;

use crate::{
    Import,
    names::CLUSTER,
    text::{distinct, is_identifier, quoted, string_record, value},
};

const RBAC: &str = "rbac.authorization.k8s.io";

/// Labels of a cluster role that mean something: aggregation reads them.
fn keeps(label: &str) -> bool {
    !(label.starts_with("kspec.dev/")
        || label.starts_with("applyset.kubernetes.io/")
        || label == "app.kubernetes.io/managed-by")
}

impl Import<'_> {
    pub(crate) fn principals(&mut self) {
        for (group, name, ident) in self.names.principals() {
            let word = if group { "group" } else { "user" };
            self.add("principals", format!("{word} {ident} = {}", quoted(&name)));
        }
    }

    pub(crate) fn roles(&mut self) {
        for (namespace, name) in self.names.missing_roles.clone() {
            let Some(known) = self.names.role(namespace.as_deref(), &name).cloned() else { continue };
            let module = known.module.clone().unwrap_or_else(|| CLUSTER.to_owned());
            let place = self.place(namespace.as_deref(), &module);
            self.add(&module, format!("existing role {}{place} = {} {{}}", known.ident, quoted(&name)));
        }
        for kind in ["ClusterRole", "Role"] {
            for object in self.objects(RBAC, kind) {
                self.role(&object);
            }
        }
    }

    /// ` in shop`, or nothing.
    fn place(&mut self, namespace: Option<&str>, module: &str) -> String {
        namespace
            .and_then(|namespace| self.names.namespace(namespace).cloned())
            .map(|known| format!(" in {}", self.refer(module, &known)))
            .unwrap_or_default()
    }

    fn role(&mut self, object: &Object) {
        let namespace = (object.kind() == "Role").then(|| object.namespace().unwrap_or("default").to_owned());
        let Some(known) = self.names.role(namespace.as_deref(), object.name()).cloned() else { return };
        let module = known.module.clone().unwrap_or_else(|| CLUSTER.to_owned());
        let aggregated = object.0.get("aggregationRule").is_some_and(|rule| !rule.is_null());
        let mut body: Vec<String> = Vec::new();
        if !aggregated {
            for rule in object.0.get("rules").and_then(Value::as_array).into_iter().flatten() {
                match self.rule(rule, object) {
                    Ok(lines) => body.extend(lines),
                    Err(reason) => {
                        self.verbatim(&module, object, reason);
                        // Grants of it name it all the same.
                        let place = self.place(namespace.as_deref(), &module);
                        self.add(
                            &module,
                            format!("existing role {}{place} = {} {{}}", known.ident, quoted(object.name())),
                        );
                        return;
                    }
                }
            }
        }
        let labels: Vec<(String, String)> = object.labels().into_iter().filter(|(label, _)| keeps(label)).collect();
        if !labels.is_empty() && namespace.is_none() {
            body.push(format!("labels: {}", string_record(labels.iter().map(|(name, value)| (name, value)))));
        }
        if aggregated {
            let selectors = object
                .0
                .pointer("/aggregationRule/clusterRoleSelectors")
                .cloned()
                .unwrap_or_else(|| Value::Array(Vec::new()));
            let renamed = value(&selectors)
                .replace("matchLabels:", "match_labels:")
                .replace("matchExpressions:", "match_expressions:");
            body.push(format!("aggregation: {{ cluster_role_selectors: {renamed} }}"));
        }
        let doc = purpose(object);
        let place = self.place(namespace.as_deref(), &module);
        let body = if body.is_empty() { "{}".to_owned() } else { format!("{{\n{}\n}}", body.join("\n")) };
        self.add(&module, format!("{doc}role {}{place} = {} {body}", known.ident, quoted(object.name())));
        self.declared();
    }

    /// One policy rule as `allow` statements, or why it cannot be said so.
    fn rule(&mut self, rule: &Value, object: &Object) -> Result<Vec<String>, &'static str> {
        let verbs = distinct(rule.get("verbs"));
        if verbs.is_empty() {
            self.left_out(&object.key(), "a rule without verbs, which allows nothing");
            return Ok(Vec::new());
        }
        let verbs: Vec<String> = verbs.iter().map(|verb| self.verb(verb)).collect();
        let verbs = verbs.join(", ");
        let urls = distinct(rule.get("nonResourceURLs"));
        let resources = distinct(rule.get("resources"));
        let groups = distinct(rule.get("apiGroups"));
        let mut lines = Vec::new();
        if !urls.is_empty() {
            let urls: Vec<String> = urls.iter().map(|url| quoted(url)).collect();
            lines.push(format!("allow {verbs} on url {}", urls.join(", ")));
        }
        if resources.is_empty() || groups.is_empty() {
            if lines.is_empty() {
                self.left_out(&object.key(), "a rule without resources or groups, which allows nothing");
            }
            return Ok(lines);
        }
        let mut names = Vec::new();
        for group in &groups {
            for resource in &resources {
                names.push(self.resource(resource, group)?);
            }
        }
        let named: Vec<String> = distinct(rule.get("resourceNames")).iter().map(|name| quoted(name)).collect();
        let named = if named.is_empty() { String::new() } else { format!(" named {}", named.join(", ")) };
        lines.push(format!("allow {verbs} on {}{named}", names.join(", ")));
        Ok(lines)
    }

    pub(crate) fn verb(&self, verb: &str) -> String {
        let known = self.schema.discoverable_verbs().contains(verb)
            || facts::authorization_verbs(self.kubernetes).any(|row| row.verb == verb);
        match verb {
            "*" => "any".to_owned(),
            plain if known && is_identifier(plain) => plain.to_owned(),
            other => quoted(other),
        }
    }

    /// `deployments.apps/scale`; quoted where the target does not serve it, which says that it is meant.
    pub(crate) fn resource(&self, resource: &str, group: &str) -> Result<String, &'static str> {
        let (name, sub) = resource.split_once('/').map_or((resource, None), |(name, sub)| (name, Some(sub)));
        if resource.contains(['"', '\\']) || group.contains(['"', '\\', '/']) {
            return Err("a resource name that no API has");
        }
        let served = name == "*"
            || group == "*"
            || self
                .schema
                .resource(group, name)
                .is_some_and(|kind| sub.is_none_or(|sub| sub == "*" || kind.subresource(sub).is_some()));
        let group = match (name, group) {
            ("*", "*") => "",
            ("*", "") => "core",
            (_, group) => group,
        };
        let bare = |word: &str| if word == "*" { "any".to_owned() } else { word.to_owned() };
        let plain = is_identifier(&bare(name))
            && group.split('.').all(|part| part.is_empty() || is_identifier(&bare(part)))
            && sub.is_none_or(|sub| is_identifier(&bare(sub)));
        let dotted = |group: &str| if group.is_empty() { String::new() } else { format!(".{group}") };
        let slashed = |sub: Option<String>| sub.map(|sub| format!("/{sub}")).unwrap_or_default();
        Ok(if served && plain {
            format!("{}{}{}", bare(name), dotted(&bare(group)), slashed(sub.map(bare)))
        } else {
            quoted(&format!("{name}{}{}", dotted(group), slashed(sub.map(str::to_owned))))
        })
    }

    pub(crate) fn bindings(&mut self) {
        for kind in ["ClusterRoleBinding", "RoleBinding"] {
            for object in self.objects(RBAC, kind) {
                self.binding(&object);
            }
        }
    }

    fn binding(&mut self, object: &Object) {
        let namespace = (object.kind() == "RoleBinding").then(|| object.namespace().unwrap_or("default").to_owned());
        let module = namespace.as_ref().map_or_else(|| CLUSTER.to_owned(), |namespace| self.names.module_of(namespace));
        let own = (object.str_at("/roleRef/kind") == "Role").then(|| namespace.clone()).flatten();
        let Some(role) = self.names.role(own.as_deref(), object.str_at("/roleRef/name")).cloned() else { return };
        let mut subjects = Vec::new();
        for subject in object.0.get("subjects").and_then(Value::as_array).cloned().unwrap_or_default() {
            let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let known = match text("kind").as_str() {
                "User" => self.names.user(&text("name")).cloned(),
                "Group" => self.names.group(&text("name")).cloned(),
                "ServiceAccount" => {
                    let of = subject
                        .get("namespace")
                        .and_then(Value::as_str)
                        .or(namespace.as_deref())
                        .unwrap_or("default")
                        .to_owned();
                    if text("name") == "default" {
                        self.default_accounts.insert(of.clone());
                    }
                    self.names.account(&of, &text("name")).cloned()
                }
                _ => None,
            };
            match known {
                Some(known) => {
                    let ident = self.refer(&module, &known);
                    if !subjects.contains(&ident) {
                        subjects.push(ident);
                    }
                }
                None => {
                    self.verbatim(&module, object, "a subject of a kind that RBAC does not know");
                    return;
                }
            }
        }
        if subjects.is_empty() {
            self.verbatim(&module, object, "it grants to nobody, which no grant says");
            return;
        }
        let role = self.refer(&module, &role);
        let place = match &namespace {
            None => " in cluster".to_owned(),
            Some(namespace) => self.place(Some(namespace), &module),
        };
        let doc = purpose(object);
        self.add(
            &module,
            format!("{doc}grant {role}{place} to {} {{ name: {} }}", subjects.join(", "), quoted(object.name())),
        );
        self.declared();
    }
}

/// The doc comment that kspec once kept as an annotation.
pub(crate) fn purpose(object: &Object) -> String {
    let annotations = object.annotations();
    annotations
        .get("kspec.dev/purpose")
        .map(|text| text.lines().map(|line| format!("/// {line}\n")).collect())
        .unwrap_or_default()
}

//! Resources and verbs, as the target version serves them.

use kspec_diagnostics::{Finding, codes};
use kspec_schema::facts;
use kspec_syntax::tree::{Resource, Verb};

use super::Elab;

impl Elab<'_, '_> {
    /// Verbs, `*` for `any`; unknown ones are reported unless quoted, which says that they are meant.
    pub(super) fn verbs(&self, verbs: &[Verb]) -> Vec<String> {
        let known = &self.db.target.verbs;
        let mut list: Vec<String> = Vec::new();
        for verb in verbs {
            let text = verb.text.as_ref();
            let quoted = verb.span.end.saturating_sub(verb.span.start) as usize > text.len();
            if text != "*" && !quoted && !known.contains(text) {
                let finding =
                    Finding::new(codes::UNKNOWN_VERB, format!("Kubernetes knows no verb `{text}`"), self.at(verb.span));
                let close = kspec_schema::closest(text, known.iter().map(String::as_str));
                self.report(match close {
                    Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                        format!("write `{close}`"),
                        self.at(verb.span),
                        close,
                    ),
                    None => finding.help("quote a verb of your own: `\"reconcile\"`"),
                });
            }
            if list.iter().any(|known| known == text) {
                self.report(
                    Finding::new(codes::DUPLICATE_FIELD, format!("verb `{text}` is named twice"), self.at(verb.span))
                        .help("name each verb once"),
                );
            } else {
                list.push(text.to_owned());
            }
        }
        list
    }

    /// Whether the target serves such a resource. A quoted one may be served by what the project does not know, and is
    /// only warned about.
    pub(super) fn check_resource(&self, resource: &Resource, verbs: &[String], namespaced: bool) {
        let (name, group) = (resource.name.as_ref(), group_of(resource).unwrap_or(""));
        let schema = &self.db.facts.schema;
        if name == "*" || group == "*" {
            return;
        }
        let target = self.db.facts.config.kubernetes;
        if facts::virtual_resources(target).any(|row| row.group == group && row.resource == name) {
            return;
        }
        let Some(kind) = schema.resource(group, name) else {
            self.report(self.unknown_resource(resource));
            return;
        };
        if let Some(sub) = resource.subresource.as_deref()
            && sub != "*"
            && kind.subresource(sub).is_none()
            && !facts::virtual_subresources(target, group, name).any(|known| known == sub)
        {
            let finding = Finding::new(
                codes::UNKNOWN_RESOURCE,
                format!("{name} has no subresource `{sub}`"),
                self.at(resource.span),
            );
            let known: Vec<&str> = kind.subresources.iter().map(|sub| sub.name.as_ref()).collect();
            let finding = match kspec_schema::closest(sub, known.iter().copied()) {
                Some(close) => {
                    let text = written(name, resource.group.as_deref(), Some(close));
                    finding.help(format!("did you mean `{text}`?")).fix(
                        format!("write `{text}`"),
                        self.at(resource.span),
                        text,
                    )
                }
                None => finding.help(format!("its subresources: {}", known.join(", "))),
            };
            self.report(lower_if_quoted(finding, resource));
        }
        if namespaced && !kind.namespaced && resource.subresource.is_none() {
            let within = within(group, name);
            let out: Vec<&str> = verbs.iter().map(String::as_str).filter(|verb| !within.contains(verb)).collect();
            if out.is_empty() {
                return;
            }
            let message = if out.len() == verbs.len() {
                format!("{name} belong to no namespace, so a role of one cannot reach them")
            } else {
                let out = out.into_iter().map(|verb| format!("`{verb}`")).collect::<Vec<_>>().join(", ");
                format!("{name} belong to no namespace, so a role of one allows no {out} on them")
            };
            let mut finding = Finding::new(codes::UNKNOWN_RESOURCE, message, self.at(resource.span))
                .help("allow it in a role without `in`, granted in the cluster");
            finding.severity = kspec_diagnostics::Severity::Warning;
            self.report(finding);
        }
    }

    fn unknown_resource(&self, resource: &Resource) -> Finding {
        let schema = &self.db.facts.schema;
        let (name, sub) = (resource.name.as_ref(), resource.subresource.as_deref());
        let shown = written(name, resource.group.as_deref(), sub);
        let target = self.db.facts.config.kubernetes;
        let finding = Finding::new(
            codes::UNKNOWN_RESOURCE,
            format!("Kubernetes {target} serves no `{shown}`"),
            self.at(resource.span),
        );
        let elsewhere: Vec<String> = schema.resources_named(name).map(|kind| kind.group.to_string()).collect();
        let known_group = schema.groups().iter().any(|known| Some(known.name.as_ref()) == resource.group.as_deref());
        let suggestion = match elsewhere.first() {
            Some(group) if group.is_empty() => Some(written(name, None, sub)),
            Some(group) => Some(written(name, Some(group), sub)),
            None => schema.suggest_resource(name).map(|close| {
                let group = schema
                    .resources_named(close)
                    .next()
                    .map(|kind| kind.group.to_string())
                    .filter(|group| !group.is_empty());
                written(close, group.as_deref(), sub)
            }),
        };
        let finding = match suggestion {
            Some(text) => finding.help(format!("did you mean `{text}`?")).fix(format!("write `{text}`"), self.at(resource.span), text),
            None if known_group || resource.group.is_none() => finding.help("check the plural name and the API group: `resource.group`"),
            None if resource.quoted => finding.help("list its CustomResourceDefinition under `crds` in kspec.toml, if it has one"),
            None => finding.help("list its CustomResourceDefinition under `crds` in kspec.toml, or quote it if it is served by an extension API server"),
        };
        lower_if_quoted(finding, resource)
    }
}

/// What the API server asks about objects of no namespace in one all the same. Whether somebody may bind a role is asked where the
/// binding is (`BindingAuthorized` of `pkg/registry/rbac/escalation_check.go`; `escalate` is asked where the role is). A namespace is
/// in itself, where the URL has its name (`requestinfo.go` of `k8s.io/apiserver`).
fn within(group: &str, name: &str) -> &'static [&'static str] {
    match (group, name) {
        ("rbac.authorization.k8s.io", "clusterroles") => &["bind"],
        ("", "namespaces") => &["get", "update", "patch", "delete"],
        _ => &[],
    }
}

/// `pods/log`, `*/scale`.
pub(super) fn resource_path(resource: &Resource) -> String {
    match &resource.subresource {
        Some(sub) => format!("{}/{sub}", resource.name),
        None => resource.name.to_string(),
    }
}

/// The API group as written; `core` is the core group, which has no name of its own: `any.core` is all of it.
pub(super) fn group_of(resource: &Resource) -> Option<&str> {
    resource.group.as_deref().map(|group| if group == "core" { "" } else { group })
}

/// As a program writes it.
pub(super) fn written(name: &str, group: Option<&str>, sub: Option<&str>) -> String {
    let mut text = name.to_owned();
    if let Some(group) = group.filter(|group| !group.is_empty()) {
        text = format!("{text}.{group}");
    }
    if let Some(sub) = sub {
        text = format!("{text}/{sub}");
    }
    if text.contains('-') { format!("\"{text}\"") } else { text }
}

/// A quoted resource is meant as written: it may be served by what the project does not know.
fn lower_if_quoted(mut finding: Finding, resource: &Resource) -> Finding {
    if resource.quoted {
        finding.severity = kspec_diagnostics::Severity::Warning;
    }
    finding
}

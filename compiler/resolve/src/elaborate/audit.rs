//! Audit policy.

use std::collections::BTreeSet;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::program::{Audit, AuditLevel, AuditResources, AuditRule};
use kspec_schema::KubeVersion;
use kspec_syntax::tree::{self, AuditStmt, Name, Resource};

use super::{
    Elab,
    resources::{resource_path, written},
};

/// The first API server whose audit policy has `*` for a group; older ones take it for a group of that name, which none is
/// (`apiserver/pkg/audit/policy/checker.go`).
const ANY_GROUP_SINCE: KubeVersion = KubeVersion::V1_36;

const LEVELS: &[(&str, AuditLevel)] = &[
    ("none", AuditLevel::None),
    ("metadata", AuditLevel::Metadata),
    ("request", AuditLevel::Request),
    ("request_response", AuditLevel::RequestResponse),
];

/// `audit.k8s.io/v1` stages.
const STAGES: &[(&str, &str)] = &[
    ("request_received", "RequestReceived"),
    ("response_started", "ResponseStarted"),
    ("response_complete", "ResponseComplete"),
    ("panic", "Panic"),
];

impl Elab<'_, '_> {
    pub(super) fn audit(&self, node: &tree::Audit, span: Span) {
        let fields = self.field_list(
            node.stmts.iter().filter_map(|stmt| match stmt {
                AuditStmt::Field(field) => Some(field),
                AuditStmt::Rule(_) => None,
            }),
            span,
            &["omit_stages", "omit_managed_fields"],
            "audit",
        );
        let omit_stages = fields.get("omit_stages").map(|expr| self.stage_list(expr)).unwrap_or_default();
        let omit_managed_fields = fields.get("omit_managed_fields").and_then(|expr| self.boolean(expr));
        let rules: Vec<AuditRule> = node
            .stmts
            .iter()
            .filter_map(|stmt| match stmt {
                AuditStmt::Rule(rule) => self.audit_rule(rule),
                AuditStmt::Field(_) => None,
            })
            .collect();
        self.emit(|part| part.audit.push(Audit { omit_stages, omit_managed_fields, rules, origin: self.origin(span) }));
    }

    fn audit_rule(&self, rule: &tree::AuditRule) -> Option<AuditRule> {
        let level = self.one_of(&rule.level, LEVELS, "audit level");
        let subjects = rule.subjects.iter().filter_map(|subject| self.subject(subject)).collect();
        let verbs = self.verbs(&rule.verbs).into_iter().filter(|verb| verb != "*").collect();
        let resource_names: Vec<String> = rule.named.iter().filter_map(|expr| self.string(expr)).collect();
        let mut resources: Vec<AuditResources> = Vec::new();
        for resource in &rule.resources {
            self.check_resource(resource, &[], false);
            let every_resource = resource.name.as_ref() == "*" && resource.subresource.is_none();
            let every_group = resource.group.as_deref().map_or(resource.name.as_ref() == "*", |group| group == "*");
            if every_resource && every_group && resource_names.is_empty() {
                // Every resource of every group: an absent list says it.
                if rule.resources.len() > 1 {
                    self.report(
                        Finding::new(
                            codes::BAD_VALUE,
                            "`any` already covers the resources beside it",
                            self.at(resource.span),
                        )
                        .help("drop the others, or `any`"),
                    );
                    return None;
                }
                continue;
            }
            if every_group && self.db.facts.config.kubernetes < ANY_GROUP_SINCE {
                self.report(self.no_group_for_all(resource));
                return None;
            }
            let group = if every_group { "*" } else { super::resources::group_of(resource).unwrap_or("") }.to_owned();
            // An absent list of resources is all of the group, but takes no names beside it.
            let path = match (every_resource, resource_names.is_empty()) {
                (true, true) => None,
                (true, false) => Some("*".to_owned()),
                (false, _) => Some(resource_path(resource)),
            };
            match resources.iter_mut().find(|known| known.group == group) {
                Some(known) if path.is_none() => known.resources.clear(),
                Some(known) if known.resources.is_empty() => {}
                Some(known) => known.resources.extend(path),
                None => resources.push(AuditResources {
                    group,
                    resources: path.into_iter().collect(),
                    resource_names: resource_names.clone(),
                }),
            }
        }
        let namespaces =
            rule.namespaces.iter().filter_map(|path| self.namespace_name(path)).map(|name| name.to_string()).collect();
        let urls: Vec<String> = rule.urls.iter().filter_map(|url| self.name_text(url)).collect();
        if !urls.is_empty() && (!rule.resources.is_empty() || !rule.namespaces.is_empty()) {
            self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    "a request is for a resource or for a URL, never for both",
                    self.at(rule.span),
                )
                .help("write two rules"),
            );
            return None;
        }
        for (url, text) in urls.iter().zip(&rule.urls) {
            if !(url.starts_with('/') || url == "*") || url.trim_end_matches('*').contains('*') {
                self.report(
                    Finding::new(
                        codes::BAD_VALUE,
                        format!("the API server takes no such path: {url}"),
                        self.at(text.span),
                    )
                    .help("a path begins with `/`, and `*` may only stand at its end"),
                );
            }
        }
        let omit_stages =
            rule.omit.iter().filter_map(|stage| self.one_of(stage, STAGES, "stage")).map(str::to_owned).collect();
        Some(AuditRule {
            level: level?,
            subjects,
            verbs,
            resources,
            namespaces,
            urls,
            omit_stages,
            origin: self.origin(rule.span),
        })
    }

    /// A resource of every group, for an API server that has no way to say it: the groups that serve such a one, by name.
    fn no_group_for_all(&self, resource: &Resource) -> Finding {
        let (name, sub) = (resource.name.as_ref(), resource.subresource.as_deref());
        let serving = self.db.facts.schema.resources().filter(|kind| {
            (name == "*" || kind.plural.as_ref() == name)
                && match sub {
                    None => true,
                    Some("*") => !kind.subresources.is_empty(),
                    Some(sub) => kind.subresource(sub).is_some(),
                }
        });
        let groups: BTreeSet<&str> = serving.map(|kind| kind.group.as_ref()).collect();
        let each = groups.into_iter().map(|group| {
            let core = if name == "*" { "core" } else { "" };
            let group = Some(if group.is_empty() { core } else { group });
            let plain = written(if name == "*" { "any" } else { name }, group, sub);
            // Within quotes `*` says what `any` says outside.
            if plain.starts_with('"') { written(name, group, sub) } else { plain }
        });
        let each: Vec<String> = each.collect();
        let target = self.db.facts.config.kubernetes;
        let finding = Finding::new(
            codes::BAD_VALUE,
            format!(
                "the audit policy of Kubernetes {target} has no way to say \"every API group\" for some resources only"
            ),
            self.at(resource.span),
        );
        if each.is_empty() {
            return finding.help("name the groups");
        }
        let text = each.join(", ");
        finding.help("name the groups").fix("name each group that serves such a resource", self.at(resource.span), text)
    }

    /// `omit_stages: [request_received]`.
    fn stage_list(&self, expr: &tree::Expr) -> Vec<String> {
        let words: Vec<&str> = STAGES.iter().map(|(word, _)| *word).collect();
        let items: &[tree::Expr] = match &expr.kind {
            tree::ExprKind::List(items) => items,
            _ => std::slice::from_ref(expr),
        };
        items
            .iter()
            .filter_map(|item| self.word(item, &words))
            .filter_map(|word| STAGES.iter().find(|(known, _)| *known == word.as_ref()))
            .map(|(_, kube)| (*kube).to_owned())
            .collect()
    }

    pub(super) fn one_of<T: Copy>(&self, word: &Name, known: &[(&str, T)], what: &str) -> Option<T> {
        if let Some((_, value)) = known.iter().find(|(text, _)| *text == word.text.as_ref()) {
            return Some(*value);
        }
        let finding = Finding::new(codes::BAD_VALUE, format!("there is no {what} `{}`", word.text), self.at(word.span));
        let words: Vec<&str> = known.iter().map(|(text, _)| *text).collect();
        self.report(match kspec_schema::closest(&word.text, words.iter().copied()) {
            Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                format!("write `{close}`"),
                self.at(word.span),
                close,
            ),
            None => finding.help(format!("write one of: {}", words.join(", "))),
        });
        None
    }
}

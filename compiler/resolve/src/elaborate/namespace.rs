//! Namespaces and service accounts.

use std::{collections::BTreeMap, sync::Arc};

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::program::{Namespace, PodSecurity, PodSecurityLevel, PodSecurityMode, Quota, ServiceAccount};
use kspec_schema::names;
use kspec_syntax::tree::{self, Expr, ExprKind, Name, NamespaceStmt, Path, Record, Str};
use kspec_types::{EntityKind, Value};

use super::{Elab, values::kube_name};

const NAMESPACE_FIELDS: &[&str] = &["labels", "annotations", "pod_security", "automount_token"];
const SERVICE_ACCOUNT_FIELDS: &[&str] = &["automount_token", "labels", "annotations", "image_pull_secrets"];
const LEVELS: &[&str] = &["privileged", "baseline", "restricted"];

impl Elab<'_, '_> {
    pub(super) fn namespace(&self, node: &tree::Namespace, doc: Option<&str>) -> Value {
        let given = self.declared_name(&node.name, node.kube_name.as_ref());
        let nameless = given.is_none();
        let name = given.unwrap_or_else(|| kube_name(&node.name.text));
        self.check_label(&name, node.kube_name.as_ref().map_or(node.name.span, |text| text.span), "a namespace");
        if !node.existing && matches!(name.as_str(), "default" | "kube-system" | "kube-public" | "kube-node-lease") {
            let mut finding = Finding::new(
                codes::RESERVED_NAME,
                format!("namespace {name} is made by Kubernetes itself"),
                self.at(node.name.span),
            )
            .help("write `existing namespace` to name it without owning it");
            finding.severity = kspec_diagnostics::Severity::Information;
            self.report(finding);
        }
        let fields = self.field_list(
            node.body.iter().filter_map(|stmt| match stmt {
                NamespaceStmt::Field(field) => Some(field),
                _ => None,
            }),
            node.name.span,
            NAMESPACE_FIELDS,
            "a namespace",
        );
        let labels = fields.get("labels").map(|expr| self.labels(expr)).unwrap_or_default();
        let annotations = fields.get("annotations").map(|expr| self.string_map(expr)).unwrap_or_default();
        let pod_security = fields.get("pod_security").map(|expr| self.pod_security(expr));
        let automount_token = fields.get("automount_token").and_then(|expr| self.boolean(expr));
        if let Some(key) = labels.keys().find(|key| key.starts_with("pod-security.kubernetes.io/")) {
            self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    format!("label {key} is what `pod_security` writes"),
                    self.at(fields.get("labels").map_or(node.name.span, |expr| expr.span)),
                )
                .help("state the level with `pod_security: …`, so that there is one place for it"),
            );
        }
        let mut quotas: Vec<Quota> = Vec::new();
        let mut limits = Vec::new();
        for stmt in &node.body {
            match stmt {
                NamespaceStmt::Field(_) => {}
                NamespaceStmt::Quota(given, record) => quotas.extend(self.quota(given.as_ref(), record)),
                NamespaceStmt::Limits(kind, given, record) => limits.extend(self.limits(kind, given.as_ref(), record)),
            }
        }
        for (index, quota) in quotas.iter().enumerate() {
            if let Some(first) = quotas.iter().take(index).find(|other| other.name == quota.name) {
                self.report(
                    Finding::new(codes::DUPLICATE_OBJECT, format!("two quotas called {}", quota.name), quota.origin.at)
                        .label(first.origin.at, "the first")
                        .help("merge them, or give one a name: `quota \"batch\" { … }`"),
                );
            }
        }
        if node.existing && !node.body.is_empty() {
            let extra = node
                .body
                .iter()
                .any(|stmt| !matches!(stmt, NamespaceStmt::Field(field) if field.key.text.as_ref() == "labels"));
            if extra {
                self.report(
                    Finding::new(codes::UNKNOWN_FIELD, "an existing namespace is others' to configure", self.at(node.name.span))
                        .help("drop its body (`labels` alone may be stated, to say which ones it carries), or drop `existing` to own it"),
                );
            }
        }
        if nameless {
            return Value::Error;
        }
        self.emit(|part| {
            part.namespaces.push(Namespace {
                name: name.clone(),
                existing: node.existing,
                labels,
                annotations,
                pod_security,
                automount_token,
                quotas,
                limits,
                doc: doc.map(str::to_owned),
                origin: self.origin(node.name.span),
            });
        });
        self.entity(EntityKind::Namespace, None, &name, node.name.span, node.existing)
    }

    fn pod_security(&self, expr: &Expr) -> PodSecurity {
        let ExprKind::Record(fields) = &expr.kind else {
            let mode = self.level(expr).map(|level| PodSecurityMode { level, version: None });
            return PodSecurity { enforce: mode.clone(), warn: mode.clone(), audit: mode };
        };
        const FIELDS: &[&str] =
            &["enforce", "warn", "audit", "version", "enforce_version", "warn_version", "audit_version"];
        let fields = self.field_list(fields, expr.span, FIELDS, "pod_security");
        let common = fields.get("version").and_then(|expr| self.pod_security_version(expr));
        let mode = |level: &str, version: &str| {
            let level = self.level(fields.get(level)?)?;
            let version =
                fields.get(version).and_then(|expr| self.pod_security_version(expr)).or_else(|| common.clone());
            Some(PodSecurityMode { level, version })
        };
        PodSecurity {
            enforce: mode("enforce", "enforce_version"),
            warn: mode("warn", "warn_version"),
            audit: mode("audit", "audit_version"),
        }
    }

    fn level(&self, expr: &Expr) -> Option<PodSecurityLevel> {
        match self.word(expr, LEVELS)?.as_ref() {
            "privileged" => Some(PodSecurityLevel::Privileged),
            "baseline" => Some(PodSecurityLevel::Baseline),
            _ => Some(PodSecurityLevel::Restricted),
        }
    }

    /// `latest`, or `v1.0` to the target's own (`pod-security-admission/api.ParseVersion`; a later one is read as latest).
    fn pod_security_version(&self, expr: &Expr) -> Option<String> {
        let text = self.string(expr)?;
        let target = self.db.facts.config.kubernetes.to_string();
        let newest = target.rsplit('.').next().and_then(|minor| minor.parse::<u32>().ok()).unwrap_or(u32::MAX);
        let known = text == "latest"
            || text == super::UNKNOWN
            || text
                .strip_prefix("v1.")
                .and_then(|minor| minor.parse::<u32>().ok())
                .is_some_and(|minor| minor <= newest);
        if !known {
            self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    format!("\"{text}\" is no Pod Security version of Kubernetes {target}"),
                    self.at(expr.span),
                )
                .help(format!("write \"latest\", or \"v1.0\" to \"v{target}\"")),
            );
        }
        Some(text)
    }

    pub(super) fn service_account(&self, node: &tree::ServiceAccount, doc: Option<&str>) -> Value {
        let namespace = self.namespace_name(&node.namespace);
        let given = self.declared_name(&node.name, node.kube_name.as_ref());
        let nameless = given.is_none();
        let name = given.unwrap_or_else(|| kube_name(&node.name.text));
        self.check_subdomain(
            &name,
            node.kube_name.as_ref().map_or(node.name.span, |text| text.span),
            "a service account",
        );
        let empty = Record::default();
        let fields = self.fields(node.body.as_ref().unwrap_or(&empty), SERVICE_ACCOUNT_FIELDS, "a service account");
        let automount_token = fields.get("automount_token").and_then(|expr| self.boolean(expr));
        let labels = fields.get("labels").map(|expr| self.labels(expr)).unwrap_or_default();
        let annotations = fields.get("annotations").map(|expr| self.string_map(expr)).unwrap_or_default();
        let image_pull_secrets = fields.get("image_pull_secrets").map(|expr| self.strings(expr)).unwrap_or_default();
        let Some(namespace) = namespace.filter(|_| !nameless) else { return Value::Error };
        self.emit(|part| {
            part.service_accounts.push(ServiceAccount {
                namespace: namespace.to_string(),
                name: name.clone(),
                existing: node.existing,
                automount_token,
                labels,
                annotations,
                image_pull_secrets,
                doc: doc.map(str::to_owned),
                origin: self.origin(node.name.span),
            });
        });
        self.entity(EntityKind::ServiceAccount, Some(&namespace), &name, node.name.span, node.existing)
    }

    /// The Kubernetes name of the namespace that a path names.
    pub(super) fn namespace_name(&self, path: &Path) -> Option<Arc<str>> {
        self.expect_entity(path, &[EntityKind::Namespace], "a namespace").map(|entity| entity.name)
    }

    /// The Kubernetes name of a declaration: given, or the identifier's.
    pub(super) fn declared_name(&self, name: &Name, given: Option<&Str>) -> Option<String> {
        match given {
            Some(text) => self.name_text(text),
            None => Some(kube_name(&name.text)),
        }
    }

    /// Labels, whose keys and values Kubernetes restricts (`apimachinery/pkg/util/validation`).
    pub(super) fn labels(&self, expr: &Expr) -> BTreeMap<String, String> {
        let labels = self.string_map(expr);
        for (key, value) in &labels {
            self.check_label_value(key, value, expr.span);
            self.check_label_key(key, expr.span);
        }
        labels
    }

    /// What a label may be set to.
    pub(super) fn check_label_value(&self, key: &str, value: &str, span: Span) {
        if !names::is_label_value(value) {
            self.report(
                Finding::new(codes::BAD_VALUE, format!("label {key} cannot be \"{value}\""), self.at(span))
                    .help("a label's value has 63 characters at most: letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit"),
            );
        }
    }

    /// What a label may be called.
    pub(super) fn check_label_key(&self, key: &str, span: Span) {
        if !names::is_label_key(key) {
            self.report(
                Finding::new(codes::BAD_VALUE, format!("\"{key}\" is no label key"), self.at(span))
                    .help("write `name` or \"domain/name\", the name of 63 characters at most"),
            );
        }
    }

    /// RFC 1123 label.
    pub(super) fn check_label(&self, name: &str, span: Span, what: &str) {
        if !names::is_dns_label(name) {
            self.bad_name(name, span, what, "lower case letters, digits and `-`, 63 characters at most, beginning and ending with a letter or digit");
        }
    }

    /// RFC 1123 subdomain.
    pub(super) fn check_subdomain(&self, name: &str, span: Span, what: &str) {
        if !names::is_dns_subdomain(name) {
            self.bad_name(name, span, what, "lower case letters, digits, `-` and `.`, 253 characters at most, beginning and ending with a letter or digit");
        }
    }

    /// A path segment: what RBAC objects may be called (`ValidatePathSegmentName`).
    pub(super) fn check_path_segment(&self, name: &str, span: Span, what: &str) {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '%']) {
            self.bad_name(name, span, what, "anything but `/` and `%`, and neither `.` nor `..`");
        }
    }

    fn bad_name(&self, name: &str, span: Span, what: &str, rule: &str) {
        self.report(
            Finding::new(codes::BAD_VALUE, format!("{what} cannot be called \"{name}\""), self.at(span))
                .help(format!("Kubernetes allows {rule}")),
        );
    }
}

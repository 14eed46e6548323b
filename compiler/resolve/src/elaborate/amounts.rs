//! Quotas and limits of namespaces.

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, codes};
use kspec_model::program::{LimitKind, Limits, Quota};
use kspec_syntax::tree::{ExprKind, Field, Name, Record, Str};

use super::Elab;

/// Resources of Kubernetes' own that a quota counts (Kubernetes documentation, "Resource Quotas").
const KNOWN: &[&str] = &[
    "cpu",
    "memory",
    "ephemeral-storage",
    "storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "requests.storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
];

/// What a quota's pods may be narrowed to.
const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

impl Elab<'_, '_> {
    /// `quota { … }` of a namespace.
    pub(super) fn quota(&self, given: Option<&Str>, record: &Record) -> Option<Quota> {
        let name = given.map_or_else(|| Some("quota".to_owned()), |text| self.name_text(text))?;
        let mut hard = BTreeMap::new();
        let mut scopes = Vec::new();
        let mut scope_selector = None;
        for field in self.unique(&record.fields) {
            match field.key.text.as_ref() {
                "scopes" => scopes = self.strings(&field.value),
                "scope_selector" => scope_selector = kspec_types::to_json(&self.eval(&field.value, None)),
                resource => {
                    self.check_quota_key(field);
                    if let Some(amount) = self.amount(&field.value, resource) {
                        hard.insert(resource.to_owned(), amount);
                    }
                }
            }
        }
        self.check_scopes(record, &scopes, scope_selector.as_ref(), &hard);
        Some(Quota { name, hard, scopes, scope_selector, origin: self.origin(record.span) })
    }

    /// What the API server asks of a quota's scopes (`pkg/apis/core/validation`, `ValidateResourceQuotaSpec`).
    fn check_scopes(
        &self,
        record: &Record,
        scopes: &[String],
        selector: Option<&serde_json::Value>,
        hard: &BTreeMap<String, String>,
    ) {
        let span = |field: &str| record.fields.iter().find(|it| it.key.text.as_ref() == field).map(|it| it.value.span);
        let refuse = |field: &str, message: String, help: &str| {
            let at = self.at(span(field).unwrap_or(record.span));
            self.report(Finding::new(codes::BAD_VALUE, message, at).help(help.to_owned()));
        };
        let requirements = selector.and_then(|selector| selector.get("matchExpressions")?.as_array());
        let selected = requirements.into_iter().flatten();
        let text = |value: &serde_json::Value, field: &str| value.get(field)?.as_str().map(str::to_owned);
        let named = selected.clone().filter_map(|requirement| text(requirement, "scopeName"));
        let all = scopes.iter().cloned().map(|scope| ("scopes", scope));
        for (field, scope) in all.chain(named.map(|scope| ("scope_selector", scope))) {
            if !SCOPES.contains(&scope.as_str()) {
                refuse(
                    field,
                    format!("a quota has no scope `{scope}`"),
                    &format!("its scopes are {}", SCOPES.join(", ")),
                );
                continue;
            }
            let counted: &[&str] = match scope.as_str() {
                "BestEffort" => &["pods"],
                "VolumeAttributesClass" => continue,
                _ => &["pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"],
            };
            for resource in
                hard.keys().filter(|name| KNOWN.contains(&name.as_str()) && !counted.contains(&name.as_str()))
            {
                refuse(
                    field,
                    format!("a quota of the scope `{scope}` cannot count `{resource}`"),
                    &format!("it counts {}: write the rest in a quota of its own", counted.join(", ")),
                );
            }
        }
        for (one, other) in [("Terminating", "NotTerminating"), ("BestEffort", "NotBestEffort")] {
            if [one, other].iter().all(|scope| scopes.iter().any(|known| known == scope)) {
                refuse("scopes", format!("no pod is in both scopes, `{one}` and `{other}`"), "write a quota for each");
            }
        }
        for requirement in selected {
            let (Some(scope), Some(operator)) = (text(requirement, "scopeName"), text(requirement, "operator")) else {
                continue;
            };
            let values =
                requirement.get("values").and_then(|values| values.as_array()).is_some_and(|it| !it.is_empty());
            let takes_values = matches!(operator.as_str(), "In" | "NotIn");
            let by_name = matches!(scope.as_str(), "PriorityClass" | "VolumeAttributesClass");
            if SCOPES.contains(&scope.as_str()) && !by_name && operator != "Exists" {
                refuse("scope_selector", format!("`{scope}` has no names to select by"), "its operator is `Exists`");
            } else if takes_values != values {
                let lacks = if takes_values { "needs values" } else { "takes no values" };
                refuse(
                    "scope_selector",
                    format!("`{operator}` {lacks}"),
                    "`In` and `NotIn` have values, `Exists` and `DoesNotExist` none",
                );
            }
        }
    }

    /// Resource names that a ResourceQuota understands (Kubernetes documentation, "Resource Quotas"): compute, storage,
    /// the counted kinds, and `count/…` or qualified names, which are open.
    fn check_quota_key(&self, field: &Field) {
        let key = field.key.text.as_ref();
        if !key.contains('/')
            && !key.starts_with("hugepages-")
            && !key.starts_with("requests.hugepages-")
            && !KNOWN.contains(&key)
        {
            self.report(self.unknown_field(field, KNOWN, "a quota"));
        }
        if key.split('/').any(str::is_empty) {
            self.report(
                Finding::new(codes::BAD_VALUE, format!("`{key}` names no resource"), self.at(field.key.span))
                    .help("write \"count/deployments.apps\", or \"domain/name\""),
            );
        }
    }

    /// `limits KIND { … }` of a namespace.
    pub(super) fn limits(&self, kind: &Name, given: Option<&Str>, record: &Record) -> Option<Limits> {
        const FIELDS: &[&str] = &["default", "default_request", "min", "max", "max_limit_request_ratio"];
        let limit_kind = match kind.text.as_ref() {
            "container" => LimitKind::Container,
            "pod" => LimitKind::Pod,
            "persistent_volume_claim" => LimitKind::PersistentVolumeClaim,
            other => {
                let close = kspec_schema::closest(other, ["container", "pod", "persistent_volume_claim"]);
                let finding =
                    Finding::new(codes::BAD_VALUE, format!("there are no limits for a `{other}`"), self.at(kind.span));
                self.report(match close {
                    Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                        format!("write `{close}`"),
                        self.at(kind.span),
                        close,
                    ),
                    None => finding.help("limits are for `container`, `pod` or `persistent_volume_claim`"),
                });
                return None;
            }
        };
        let name = given.map_or_else(|| Some("limits".to_owned()), |text| self.name_text(text))?;
        let fields = self.fields(record, FIELDS, "limits");
        if limit_kind == LimitKind::Pod {
            for word in ["default", "default_request"] {
                if let Some(field) = fields.field(word) {
                    self.report(
                        Finding::new(
                            codes::BAD_VALUE,
                            format!("limits for pods have no `{word}`: Kubernetes refuses it"),
                            self.at(field.key.span),
                        )
                        .help("defaults are for containers: write them under `limits container`"),
                    );
                }
            }
        }
        let map = |name: &str| {
            let Some(expr) = fields.get(name) else { return BTreeMap::new() };
            if let ExprKind::Record(entries) = &expr.kind {
                entries.iter().for_each(|entry| self.check_limited(entry, limit_kind));
            }
            self.quantity_map(expr)
        };
        Some(Limits {
            name,
            kind: limit_kind,
            default: map("default"),
            default_request: map("default_request"),
            min: map("min"),
            max: map("max"),
            max_limit_request_ratio: map("max_limit_request_ratio"),
            origin: self.origin(kind.span),
        })
    }

    /// Resource names that a LimitRange understands; qualified names are open.
    fn check_limited(&self, field: &Field, kind: LimitKind) {
        let known: &[&str] = match kind {
            LimitKind::PersistentVolumeClaim => &["storage"],
            LimitKind::Container | LimitKind::Pod => &["cpu", "memory", "ephemeral-storage"],
        };
        let key = field.key.text.as_ref();
        if !key.contains('/') && !key.starts_with("hugepages-") && !known.contains(&key) {
            self.report(self.unknown_field(field, known, "a limit"));
        }
    }
}

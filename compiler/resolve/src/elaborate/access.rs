//! Principals, roles, grants.

use std::sync::Arc;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::{
    LabelSelector,
    program::{Grant, GrantScope, Principal, Role, RoleRef, RoleRule, Subject},
};
use kspec_syntax::tree::{self, Allow, Expr, ExprKind, Record, RoleStmt};
use kspec_types::{EntityKind, Value};

use super::{
    Elab,
    resources::{group_of, resource_path},
    scope::{Place, scope_span},
};

const ROLE_FIELDS: &[&str] = &["labels", "annotations", "aggregation"];
const GRANT_FIELDS: &[&str] = &["reason", "owner", "until", "name", "labels", "annotations"];

impl Elab<'_, '_> {
    pub(super) fn principal(&self, node: &tree::Principal) -> Value {
        let Some(text) = self.name_text(&node.value) else { return Value::Error };
        if text.is_empty() {
            self.report(
                Finding::new(codes::BAD_VALUE, "a principal's name is empty", self.at(node.value.span))
                    .help("write it as the authenticator yields it"),
            );
        }
        let (kind, subject) = if node.group {
            (EntityKind::Group, Subject::Group(text.clone()))
        } else {
            (EntityKind::User, Subject::User(text.clone()))
        };
        self.emit(|part| part.principals.push(Principal { subject, origin: self.origin(node.name.span) }));
        self.entity(kind, None, &text, node.name.span, false)
    }

    pub(super) fn role(&self, node: &tree::Role, doc: Option<&str>) -> Value {
        let namespace = node.namespace.as_ref().map(|path| self.namespace_name(path));
        // What is wrong with the namespace is no reason to hide what is wrong in the body.
        let homeless = matches!(namespace, Some(None));
        let namespace = namespace.flatten();
        let given = self.declared_name(&node.name, node.kube_name.as_ref());
        let nameless = given.is_none();
        let own = given.unwrap_or_else(|| super::values::kube_name(&node.name.text));
        let name = if namespace.is_none() && node.kube_name.is_none() && !node.existing {
            format!("{}:{own}", self.db.facts.config.name)
        } else {
            own
        };
        let name_span = node.kube_name.as_ref().map_or(node.name.span, |text| text.span);
        self.check_path_segment(&name, name_span, "a role");
        let builtin = self.db.target.has_role(namespace.as_deref(), &name);
        if builtin && !node.existing {
            // Allowed, since a cluster that is taken over whole has it too; the server repairs what it misses at each start.
            let mut finding = Finding::new(
                codes::RESERVED_NAME,
                format!("role {name} is made and kept by the API server itself"),
                self.at(name_span),
            )
            .help("write `existing role` to name it without owning it");
            finding.severity = kspec_diagnostics::Severity::Information;
            self.report(finding);
        }
        let mut rules: Vec<RoleRule> = Vec::new();
        for stmt in &node.body {
            match stmt {
                RoleStmt::Allow(allow) => rules.extend(self.allow(allow, node.namespace.is_some())),
                RoleStmt::AllowUrls(verbs, urls, span) => {
                    if namespace.is_some() {
                        self.report(
                            Finding::new(codes::BAD_VALUE, "a role of one namespace cannot allow URLs", self.at(*span))
                                .help("URLs belong to no namespace: allow them in a role without `in`"),
                        );
                    }
                    rules.push(RoleRule {
                        verbs: self.verbs(verbs),
                        urls: urls.iter().filter_map(|url| self.name_text(url)).collect(),
                        ..RoleRule::default()
                    });
                }
                RoleStmt::Field(_) => {}
            }
        }
        let fields = self.field_list(
            node.body.iter().filter_map(|stmt| match stmt {
                RoleStmt::Field(field) => Some(field),
                _ => None,
            }),
            node.name.span,
            ROLE_FIELDS,
            "a role",
        );
        let aggregation = fields.get("aggregation").and_then(|expr| self.aggregation(expr));
        if let (Some(expr), Some(_)) = (fields.get("aggregation"), &namespace) {
            self.report(
                Finding::new(codes::BAD_VALUE, "a role of one namespace cannot aggregate", self.at(expr.span))
                    .help("only roles without `in` aggregate others"),
            );
        }
        if let (Some(expr), false) = (fields.get("aggregation"), rules.is_empty()) {
            self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    "an aggregated role's own rules are overwritten by the control plane",
                    self.at(expr.span),
                )
                .help("move its `allow` statements to a role that carries the label it selects"),
            );
        }
        let labels = fields.get("labels").map(|expr| self.labels(expr)).unwrap_or_default();
        let annotations = fields.get("annotations").map(|expr| self.string_map(expr)).unwrap_or_default();
        if homeless || nameless {
            return Value::Error;
        }
        self.emit(|part| {
            part.roles.push(Role {
                namespace: namespace.as_deref().map(str::to_owned),
                name: name.clone(),
                existing: node.existing,
                rules,
                aggregation,
                labels,
                annotations,
                doc: doc.map(str::to_owned),
                origin: self.origin(node.name.span),
            });
        });
        self.entity(EntityKind::Role, namespace.as_deref(), &name, node.name.span, node.existing)
    }

    /// `aggregation: { cluster_role_selectors: [{ match_labels: { … } }] }`.
    fn aggregation(&self, expr: &Expr) -> Option<Vec<LabelSelector>> {
        let ExprKind::Record(fields) = &expr.kind else {
            self.report(
                Finding::new(codes::WRONG_TYPE, "`aggregation` is a record", self.at(expr.span))
                    .help("write `aggregation: { cluster_role_selectors: [{ match_labels: { key: \"value\" } }] }`"),
            );
            return None;
        };
        let fields = self.field_list(fields, expr.span, &["cluster_role_selectors"], "aggregation");
        let Some(selectors) = fields.get("cluster_role_selectors") else {
            self.report(
                Finding::new(codes::MISSING_FIELD, "`aggregation` needs `cluster_role_selectors`", self.at(expr.span))
                    .help("name the labels of the roles to aggregate"),
            );
            return None;
        };
        let value = self.eval(selectors, None);
        let json = kspec_types::to_json(&value)?;
        let list = json.as_array()?;
        list.iter().map(|selector| self.selector_record(selector, selectors.span)).collect()
    }

    /// A label selector as a record: `match_labels`, `match_expressions`.
    fn selector_record(&self, json: &serde_json::Value, span: Span) -> Option<LabelSelector> {
        let mut renamed = serde_json::Map::new();
        for (key, value) in json.as_object()? {
            let kube = match key.as_str() {
                "match_labels" => "matchLabels",
                "match_expressions" => "matchExpressions",
                other => {
                    self.report(
                        Finding::new(
                            codes::UNKNOWN_FIELD,
                            format!("a label selector has no field `{other}`"),
                            self.at(span),
                        )
                        .help("its fields: match_labels, match_expressions"),
                    );
                    return None;
                }
            };
            renamed.insert(kube.to_owned(), value.clone());
        }
        match serde_json::from_value(serde_json::Value::Object(renamed)) {
            Ok(selector) => Some(selector),
            Err(error) => {
                self.report(
                    Finding::new(codes::WRONG_TYPE, format!("no label selector: {error}"), self.at(span))
                        .help("match_expressions have key, operator (In, NotIn, Exists, DoesNotExist) and values"),
                );
                None
            }
        }
    }

    /// One `allow`: a rule for each set of API groups that share their resources, so that the product Kubernetes forms
    /// of groups and resources is exactly what was written.
    fn allow(&self, allow: &Allow, namespaced: bool) -> Vec<RoleRule> {
        let verbs = self.verbs(&allow.verbs);
        let resource_names: Vec<String> = allow.named.iter().filter_map(|expr| self.string(expr)).collect();
        let mut by_group: Vec<(String, Vec<String>)> = Vec::new();
        for resource in &allow.resources {
            self.check_resource(resource, &verbs, namespaced);
            let group = group_of(resource).unwrap_or(if resource.name.as_ref() == "*" { "*" } else { "" });
            let path = resource_path(resource);
            match by_group.iter_mut().find(|(known, _)| known == group) {
                Some((_, resources)) if resources.contains(&path) => self.report(
                    Finding::new(codes::DUPLICATE_FIELD, format!("{path} is named twice"), self.at(resource.span))
                        .help("name each resource once"),
                ),
                Some((_, resources)) => resources.push(path),
                None => by_group.push((group.to_owned(), vec![path])),
            }
        }
        let mut merged: Vec<(Vec<String>, Vec<String>)> = Vec::new();
        for (group, resources) in by_group {
            match merged.iter_mut().find(|(_, known)| *known == resources) {
                Some((groups, _)) => groups.push(group),
                None => merged.push((vec![group], resources)),
            }
        }
        merged
            .into_iter()
            .map(|(api_groups, resources)| RoleRule {
                verbs: verbs.clone(),
                api_groups,
                resources,
                resource_names: resource_names.clone(),
                urls: Vec::new(),
            })
            .collect()
    }

    /// Whom a grant, an audit rule or a guarantee names.
    pub(super) fn subject(&self, subject: &tree::Subject) -> Option<Subject> {
        match subject {
            tree::Subject::User(text) => self.name_text(text).map(Subject::User),
            tree::Subject::Group(text) => self.name_text(text).map(Subject::Group),
            tree::Subject::Path(path) => {
                const KINDS: &[EntityKind] = &[
                    EntityKind::User,
                    EntityKind::Group,
                    EntityKind::ServiceAccount,
                    EntityKind::Workload,
                    EntityKind::Subject,
                ];
                let entity = self.expect_entity(path, KINDS, "a user, a group or a service account")?;
                match entity.kind {
                    EntityKind::Group => Some(Subject::Group(entity.name.to_string())),
                    EntityKind::ServiceAccount => Some(Subject::ServiceAccount {
                        namespace: entity.namespace.as_deref().unwrap_or("unknown").to_owned(),
                        name: entity.name.to_string(),
                    }),
                    EntityKind::Workload => {
                        let namespace = entity.namespace.as_deref().unwrap_or("unknown").to_owned();
                        let workload =
                            entity.decl.and_then(|decl| self.workload_of(&namespace, &entity.name, decl.item));
                        let name = workload
                            .and_then(|workload| workload.service_account)
                            .unwrap_or_else(|| "default".to_owned());
                        Some(Subject::ServiceAccount { namespace, name })
                    }
                    _ => Some(Subject::User(entity.name.to_string())),
                }
            }
        }
    }

    pub(super) fn grant(&self, node: &tree::Grant, doc: Option<&str>, span: Span) {
        let role = self.expect_entity(&node.role, &[EntityKind::Role], "a role");
        let scope = node.scope.as_ref().map(|scope| (self.scope(scope), scope_span(scope)));
        if let Some((Some(Place::Namespaces(names)), _)) = &scope
            && let [only] = names.as_slice()
        {
            *self.within.borrow_mut() = Some(Arc::clone(only));
        }
        let subjects: Vec<Option<Subject>> = node.subjects.iter().map(|subject| self.subject(subject)).collect();
        let empty = Record::default();
        let fields = self.fields(
            node.body.as_ref().unwrap_or(&empty),
            GRANT_FIELDS,
            if node.break_glass { "break_glass" } else { "a grant" },
        );
        let exception = self.exception(&fields, if node.break_glass { Some("break_glass") } else { None }, span);
        let name = fields.get("name").and_then(|expr| self.string(expr));
        let labels = fields.get("labels").map(|expr| self.labels(expr)).unwrap_or_default();
        let annotations = fields.get("annotations").map(|expr| self.string_map(expr)).unwrap_or_default();
        *self.within.borrow_mut() = None;

        let subjects = subjects.into_iter().collect::<Option<Vec<Subject>>>();
        let (Some(role), Some(mut subjects)) = (role, subjects) else {
            return self.ended(exception.map(|it| (it.until, it.until_at.span)));
        };
        let before = subjects.len();
        let mut seen = std::collections::BTreeSet::new();
        subjects.retain(|subject| seen.insert(subject.clone()));
        if subjects.len() < before && !self.is_abstract() {
            self.report(
                Finding::new(codes::DUPLICATE_FIELD, "a subject is named twice", self.at(span))
                    .help("name each subject once"),
            );
        }
        let scope_at = scope.as_ref().map(|(_, span)| self.at(*span));
        let Some(scope) = self.grant_scope(node, &role, scope) else { return };
        self.emit(|part| {
            part.grants.push(Grant {
                role: RoleRef { namespace: role.namespace.as_deref().map(str::to_owned), name: role.name.to_string() },
                scope,
                scope_at,
                subjects,
                name,
                exception,
                break_glass: node.break_glass,
                labels,
                annotations,
                doc: doc.map(str::to_owned),
                origin: self.origin(span),
            });
        });
    }

    /// Where a grant holds, given where its role does.
    fn grant_scope(
        &self,
        node: &tree::Grant,
        role: &kspec_types::EntityRef,
        scope: Option<(Option<Place>, Span)>,
    ) -> Option<GrantScope> {
        let declared = |finding: Finding| match role.decl {
            Some(place) => finding.label(place, "the role is declared here"),
            None => finding,
        };
        match (&role.namespace, scope) {
            (_, Some((None, _))) => None,
            (Some(own), None) => Some(GrantScope::Namespaces(vec![own.to_string()])),
            (Some(own), Some((Some(Place::Namespaces(names)), span))) => {
                if names.iter().any(|name| name != own) && !self.is_abstract() {
                    self.report(declared(
                        Finding::new(
                            codes::BAD_VALUE,
                            format!("role {} belongs to namespace {own} and cannot be granted elsewhere", role.name),
                            self.at(span),
                        )
                        .help(
                            "drop `in`, or declare the role without a namespace so that it can be granted in several",
                        ),
                    ));
                    return None;
                }
                Some(GrantScope::Namespaces(vec![own.to_string()]))
            }
            (Some(own), Some((Some(_), span))) => {
                self.report(declared(
                    Finding::new(
                        codes::BAD_VALUE,
                        format!("role {} belongs to namespace {own} and holds nowhere else", role.name),
                        self.at(span),
                    )
                    .help("drop `in`, or declare the role without a namespace"),
                ));
                None
            }
            (None, Some((Some(Place::Cluster), _))) => Some(GrantScope::Cluster),
            (None, Some((Some(Place::Namespaces(names)), _))) => {
                Some(GrantScope::Namespaces(names.iter().map(ToString::to_string).collect()))
            }
            (None, Some((Some(Place::Where(selector)), _))) => Some(GrantScope::Where(selector)),
            (None, None) if node.break_glass => Some(GrantScope::Cluster),
            (None, None) if self.is_abstract() && role.decl.is_none() && !role.existing => Some(GrantScope::Cluster),
            (None, None) => {
                self.report(declared(
                    Finding::new(
                        codes::MISSING_FIELD,
                        format!("where does `{}` hold? it belongs to no namespace of its own", role.name),
                        self.at(node.role.span),
                    )
                    .help("write `in NAMESPACE`, `in namespaces where …`, or `in cluster` after the role"),
                ));
                None
            }
        }
    }

    /// The declared workload of a name: in this item, or in the one that declares it.
    pub(super) fn workload_of(
        &self,
        namespace: &str,
        name: &str,
        decl: kspec_diagnostics::ItemId,
    ) -> Option<kspec_model::program::Workload> {
        let here = self
            .out
            .part
            .borrow()
            .workloads
            .iter()
            .find(|workload| workload.namespace == namespace && workload.name == name)
            .cloned();
        here.or_else(|| self.db.workload(decl, namespace, name)).or_else(|| self.workload_from_uses(namespace, name))
    }

    /// A workload stamped by an item that this one drew on.
    fn workload_from_uses(&self, namespace: &str, name: &str) -> Option<kspec_model::program::Workload> {
        let items: Vec<_> = self.out.uses.borrow().items.iter().copied().collect();
        items.into_iter().find_map(|item| self.db.workload(item, namespace, name))
    }
}

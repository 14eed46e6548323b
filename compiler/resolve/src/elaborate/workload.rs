//! Workloads: declared, and bound from manifests.

use std::{collections::BTreeMap, sync::Arc};

use kspec_diagnostics::{Finding, Place, Span, codes};
use kspec_model::{
    LabelSelector,
    program::{Bound, PortSpec, Protocol, Workload},
};
use kspec_syntax::tree::{self, Expr, ExprKind, Name, PortLit, Record, Str};
use kspec_types::{EntityKind, Type, Value};

use super::{Elab, values::kube_name};
use crate::manifests::{CONTROLLERS, Controller};

const FIELDS: &[&str] = &["pods", "ports", "service_account"];

impl<'s> Elab<'_, 's> {
    pub(super) fn workload(&self, node: &tree::Workload, doc: Option<&str>) -> Value {
        let namespace = self.namespace_name(&node.namespace);
        let empty = Record::default();
        let fields = self.fields(node.body.as_ref().unwrap_or(&empty), FIELDS, "a workload");
        let selector = fields.get("pods").map(|expr| self.pod_selector(expr));
        let mut ports = fields.get("ports").map(|expr| self.named_ports(expr)).unwrap_or_default();
        self.within.borrow_mut().clone_from(&namespace);
        let mut service_account = fields.get("service_account").and_then(|expr| self.account_name(expr));
        *self.within.borrow_mut() = None;
        let Some(namespace) = namespace else { return Value::Error };

        let bound = match &node.from {
            Some((kind, name)) => self.bind_from(kind, name, &namespace),
            None => selector.as_ref().and_then(|selector| self.bind_by_labels(selector, &namespace, fields.span())),
        };
        if node.from.is_none() && selector.is_none() && !self.is_abstract() {
            self.report(
                Finding::new(
                    codes::MISSING_FIELD,
                    format!(
                        "workload `{}` says neither which pods are its own nor which manifest it comes from",
                        node.name.text
                    ),
                    self.at(node.name.span),
                )
                .help("add `from deployment \"name\"`, or `{ pods: { app: \"name\" } }`"),
            );
        }
        let name = bound.map_or_else(|| kube_name(&node.name.text), |controller| controller.name.clone());
        let mut pods = selector.unwrap_or_default();
        let mut pod_labels = pods.match_labels.clone();
        if let Some(controller) = bound {
            if node.from.is_some() && fields.get("pods").is_some() && !pods.matches(&controller.pod_labels) {
                self.report(
                    Finding::new(
                        codes::UNBOUND_WORKLOAD,
                        format!("these labels select no pod of {} {}", controller.kind, controller.name),
                        self.at(fields.get("pods").map_or(node.name.span, |expr| expr.span)),
                    )
                    .label(place(controller), format!("its pods carry {}", show_labels(&controller.pod_labels)))
                    .help("drop `pods`: the manifest says which they are"),
                );
            }
            if fields.get("pods").is_none() {
                pods = controller.selector.clone();
            }
            pod_labels.clone_from(&controller.pod_labels);
            self.check_bound(&fields, controller, &ports, service_account.as_deref());
            for (port, specs) in &controller.ports {
                ports.entry(port.clone()).or_insert_with(|| specs.clone());
            }
            service_account = service_account.or_else(|| controller.service_account.clone());
        }
        self.emit(|part| {
            part.workloads.push(Workload {
                namespace: namespace.to_string(),
                name: name.clone(),
                existing: node.existing,
                pods,
                pod_labels,
                ports,
                service_account,
                bound: bound.map(|controller| Bound {
                    kind: controller.kind.to_owned(),
                    file: controller.file.to_string(),
                    line: controller.line,
                }),
                doc: doc.map(str::to_owned),
                origin: self.origin(node.name.span),
            });
        });
        self.entity(EntityKind::Workload, Some(&namespace), &name, node.name.span, node.existing)
    }

    /// `pods: { app: "api" }`.
    fn pod_selector(&self, expr: &Expr) -> LabelSelector {
        let labels = self.labels(expr);
        if labels.is_empty() && matches!(&expr.kind, ExprKind::Record(fields) if fields.is_empty()) {
            self.report(
                Finding::new(
                    codes::EMPTY_SELECTOR,
                    "a workload without labels would be every pod of its namespace",
                    self.at(expr.span),
                )
                .help("name the labels that tell its pods from others"),
            );
        }
        LabelSelector::labels(labels)
    }

    /// `ports: { https: 8443, dns: 53/udp }`; a list gives a name several ports.
    fn named_ports(&self, expr: &Expr) -> BTreeMap<String, Vec<PortSpec>> {
        let ExprKind::Record(fields) = &expr.kind else {
            self.eval(expr, Some(&Type::map(Type::Port)));
            return BTreeMap::new();
        };
        self.unique(fields)
            .into_iter()
            .map(|field| {
                let values = match &field.value.kind {
                    ExprKind::List(items) => items.iter().filter_map(|item| self.port_number(item)).collect(),
                    _ => self.port_number(&field.value).into_iter().collect(),
                };
                (field.key.text.to_string(), values)
            })
            .collect()
    }

    /// A port by number; TCP unless it says otherwise.
    pub(super) fn port_number(&self, expr: &Expr) -> Option<PortSpec> {
        match self.eval(expr, Some(&Type::Port)) {
            Value::Port(port) => {
                Some(PortSpec { first: port.first, last: port.last, protocol: port.protocol.unwrap_or(Protocol::Tcp) })
            }
            Value::Unknown(_) => Some(PortSpec { first: 1, last: 1, protocol: Protocol::Tcp }),
            _ => None,
        }
    }

    /// A service account by path or Kubernetes name.
    fn account_name(&self, expr: &Expr) -> Option<String> {
        let value = self.eval(expr, None);
        match value {
            Value::Str(name) => Some(name.to_string()),
            other => self
                .as_entity(other, &[EntityKind::ServiceAccount], "a service account", expr.span)
                .map(|entity| entity.name.to_string()),
        }
    }

    fn bind_from(&self, kind: &Name, name: &Str, namespace: &str) -> Option<&'s Controller> {
        let words = CONTROLLERS.iter().map(|(word, ..)| *word);
        let Some((_, kube_kind, _)) = CONTROLLERS.iter().find(|(word, ..)| *word == kind.text.as_ref()) else {
            let finding = Finding::new(
                codes::BAD_VALUE,
                format!("`{}` is no kind that stamps pods", kind.text),
                self.at(kind.span),
            );
            let listed: Vec<&str> = words.clone().collect();
            self.report(match kspec_schema::closest(&kind.text, words) {
                Some(close) => finding.help(format!("did you mean `{close}`?")).fix(
                    format!("write `{close}`"),
                    self.at(kind.span),
                    close,
                ),
                None => finding.help(format!("kinds: {}", listed.join(", "))),
            });
            return None;
        };
        let wanted = self.name_text(name)?;
        let found = self.db.manifests.find(kube_kind, namespace, &wanted);
        if found.is_none() && !self.is_abstract() {
            let finding = Finding::new(
                codes::UNBOUND_WORKLOAD,
                format!("no manifest declares {kube_kind} {wanted} in namespace {namespace}"),
                self.at(name.span),
            );
            let known: Vec<&str> = self
                .db
                .manifests
                .in_namespace(namespace)
                .filter(|controller| controller.kind == *kube_kind)
                .map(|controller| controller.name.as_str())
                .collect();
            self.report(match kspec_schema::closest(&wanted, known.iter().copied()) {
                Some(close) => finding.help(format!("did you mean \"{close}\"?")).fix(
                    format!("write \"{close}\""),
                    self.at(name.span),
                    format!("\"{close}\""),
                ),
                None if self.db.manifests.is_empty() => {
                    finding.help("list the manifests in kspec.toml: `manifests = [\"manifests\"]`")
                }
                None if known.is_empty() => {
                    finding.help(format!("the manifests hold no {kube_kind} of this namespace"))
                }
                None => finding.help(format!("the manifests hold: {}", known.join(", "))),
            });
        }
        found
    }

    /// Without `from`, the labels must select the pods of exactly one controller, where manifests are given for the
    /// namespace at all.
    fn bind_by_labels(&self, selector: &LabelSelector, namespace: &str, span: Span) -> Option<&'s Controller> {
        let mut here =
            self.db.manifests.in_namespace(namespace).filter(|controller| controller.namespace.is_some()).peekable();
        here.peek()?;
        let matching: Vec<&Controller> = here.filter(|controller| selector.matches(&controller.pod_labels)).collect();
        match matching.as_slice() {
            [one] => Some(*one),
            [] => {
                let mut close: Vec<&Controller> = self.db.manifests.in_namespace(namespace).collect();
                close.sort_by_key(|controller| {
                    std::cmp::Reverse(
                        selector
                            .match_labels
                            .iter()
                            .filter(|(key, value)| controller.pod_labels.get(*key) == Some(*value))
                            .count(),
                    )
                });
                let mut finding = Finding::new(
                    codes::UNBOUND_WORKLOAD,
                    format!(
                        "no controller of the manifests in {namespace} stamps pods labelled {}",
                        show_labels(&selector.match_labels)
                    ),
                    self.at(span),
                )
                .help(
                    "correct the labels, add the manifest, or mark the workload `existing` if it is deployed elsewhere",
                );
                if let Some(nearest) = close.first() {
                    finding = finding.label(
                        place(nearest),
                        format!("{} {} carries {}", nearest.kind, nearest.name, show_labels(&nearest.pod_labels)),
                    );
                }
                self.report(finding);
                None
            }
            [first, ..] => {
                let names: Vec<String> =
                    matching.iter().map(|controller| format!("{} {}", controller.kind, controller.name)).collect();
                let mut finding = Finding::new(
                    codes::AMBIGUOUS_WORKLOAD,
                    format!("these labels select the pods of {} controllers: {}", matching.len(), names.join(", ")),
                    self.at(span),
                )
                .help("add the label that tells them apart, or bind one with `from`");
                for controller in &matching {
                    finding = finding
                        .label(place(controller), format!("its pods carry {}", show_labels(&controller.pod_labels)));
                }
                self.report(finding);
                Some(*first)
            }
        }
    }

    /// What the declaration states beside its manifest must be what is deployed.
    fn check_bound(
        &self,
        fields: &super::fields::Fields<'_>,
        controller: &Controller,
        ports: &BTreeMap<String, Vec<PortSpec>>,
        service_account: Option<&str>,
    ) {
        let deployed = controller.service_account.as_deref().unwrap_or("default");
        if let (Some(stated), Some(expr)) = (service_account, fields.get("service_account"))
            && stated != deployed
        {
            self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    format!("{} {} runs as service account {deployed}, not {stated}", controller.kind, controller.name),
                    self.at(expr.span),
                )
                .label(place(controller), "deployed here")
                .help("drop the field, or change the manifest"),
            );
        }
        let Some(expr) = fields.get("ports") else { return };
        // A manifest need not list its ports; one that lists some is held to them.
        if controller.numbers.is_empty() {
            return;
        }
        for (name, specs) in ports {
            let unlisted = specs.iter().find(|spec| {
                !controller
                    .numbers
                    .iter()
                    .any(|port| port.protocol == spec.protocol && (spec.first..=spec.last).contains(&port.first))
            });
            if let Some(spec) = unlisted {
                let listed: Vec<String> = controller
                    .numbers
                    .iter()
                    .map(|port| format!("{}/{}", port.first, port.protocol.as_str().to_lowercase()))
                    .collect();
                self.report(
                    Finding::new(
                        codes::UNKNOWN_PORT,
                        format!(
                            "{} {} does not listen on {}/{}, which `{name}` is said to be",
                            controller.kind,
                            controller.name,
                            spec.first,
                            spec.protocol.as_str().to_lowercase()
                        ),
                        self.at(expr.span),
                    )
                    .label(place(controller), format!("its containers list {}", listed.join(", ")))
                    .help("correct the port, or add it to the manifest"),
                );
            }
        }
    }
}

fn place(controller: &Controller) -> Place {
    Place::File { path: Arc::clone(&controller.file), line: controller.line, column: 1 }
}

/// `app: "api", tier: "web"`.
pub(super) fn show_labels(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return "no labels".to_owned();
    }
    labels.iter().map(|(key, value)| format!("{key}: \"{value}\"")).collect::<Vec<_>>().join(", ")
}

/// A bare range of a port position.
pub(super) fn port_literal(port: &PortLit) -> Option<PortSpec> {
    Some(PortSpec {
        first: u16::try_from(port.first).ok().filter(|port| *port > 0)?,
        last: u16::try_from(port.last).ok().filter(|last| u32::from(*last) >= port.first)?,
        protocol: match port.protocol {
            Some(tree::Protocol::Udp) => Protocol::Udp,
            Some(tree::Protocol::Sctp) => Protocol::Sctp,
            Some(tree::Protocol::Tcp) | None => Protocol::Tcp,
        },
    })
}

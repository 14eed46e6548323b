//! Exceptions: reason, owner, end date. Accepted findings, renames.

use kspec_diagnostics::{Code, Finding, Location, Span, codes};
use kspec_model::program::{Accept, Date, Exception, Moved};
use kspec_syntax::tree::{self, MovedName};
use kspec_types::EntityKind;

use super::{Elab, fields::Fields};

/// The fields that every exception has.
pub(super) const EXCEPTION_FIELDS: &[&str] = &["reason", "owner", "until"];

const MOVABLE: &[(&str, &str, EntityKind)] = &[
    ("namespace", "Namespace", EntityKind::Namespace),
    ("service_account", "ServiceAccount", EntityKind::ServiceAccount),
    ("role", "Role", EntityKind::Role),
];

impl Elab<'_, '_> {
    /// `reason`, `owner`, `until`. `required` names what cannot do without them; otherwise they come together or not at
    /// all.
    pub(super) fn exception(&self, fields: &Fields<'_>, required: Option<&str>, span: Span) -> Option<Exception> {
        let stated: Vec<&str> = EXCEPTION_FIELDS.iter().copied().filter(|name| fields.get(name).is_some()).collect();
        if stated.is_empty() && required.is_none() {
            return None;
        }
        let missing: Vec<&str> = EXCEPTION_FIELDS.iter().copied().filter(|name| fields.get(name).is_none()).collect();
        let reason = fields.get("reason").map(|expr| (self.string(expr), expr.span));
        let owner = fields.get("owner").map(|expr| self.principal_text(expr));
        let until = fields.get("until").map(|expr| (self.date(expr), expr.span));
        if !missing.is_empty() {
            self.ended(until.and_then(|(date, at)| Some((date?, at))));
            let what = required.unwrap_or("an exception");
            self.report(
                Finding::new(codes::MISSING_REASON, format!("`{what}` states no {}", missing.join(" and no ")), self.at(span))
                    .help("an exception has a reason, an owner and an end: `{ reason: \"…\", owner: team, until: 2027-01-31 }`"),
            );
            return None;
        }
        let (Some((reason, reason_at)), Some(owner), Some((until, until_at))) = (reason, owner, until) else {
            return None;
        };
        let (Some(reason), Some(owner), Some(until)) = (reason, owner, until) else {
            self.ended(until.map(|until| (until, until_at)));
            return None;
        };
        if reason.trim().is_empty() {
            self.report(
                Finding::new(codes::MISSING_REASON, "the reason is empty", self.at(reason_at))
                    .help("say why, for whoever reads it next year"),
            );
        }
        Some(Exception { reason, owner, until, until_at: self.at(until_at) })
    }

    /// Reports the end of an exception that never gets into the program, where it is behind; of one that does, the
    /// checks tell.
    pub(super) fn ended(&self, until: Option<(Date, Span)>) {
        let Some((until, at)) = until.filter(|(until, _)| *until < self.db.facts.as_of) else { return };
        self.report(
            Finding::new(codes::EXPIRED, format!("this ended on {until}"), self.at(at))
                .because(format!("today is {}", self.db.facts.as_of))
                .help("remove it, or ask its owner for a new date"),
        );
    }

    /// `accept`.
    pub(super) fn accept(&self, node: &tree::Accept, span: Span) {
        let code = Code::parse(&node.code.text);
        if code.is_none() {
            self.report(
                Finding::new(
                    codes::UNKNOWN_NAME,
                    format!("there is no finding {}", node.code.text),
                    self.at(node.code.span),
                )
                .help("write the code that the finding shows, such as K0204"),
            );
        }
        let target = self.declaration_of(&node.on);
        let fields = self.fields(&node.body, EXCEPTION_FIELDS, "accept");
        let exception = self.exception(&fields, Some("accept"), span);
        match (code, target, exception) {
            (Some(code), Some(on), Some(exception)) => {
                self.emit(|part| part.accepts.push(Accept { code, on, exception, origin: self.origin(span) }));
            }
            (_, _, exception) => self.ended(exception.map(|it| (it.until, it.until_at.span))),
        }
    }

    /// The declaration that a path names, whatever it is.
    fn declaration_of(&self, path: &tree::Path) -> Option<Location> {
        match self.path_value(path) {
            kspec_types::Value::Entity(entity) => match entity.decl {
                Some(decl) => Some(self.declaration_around(decl)),
                None => {
                    self.report(
                        Finding::new(
                            codes::WRONG_KIND,
                            format!("{} is built into Kubernetes and declared nowhere", entity.name),
                            self.at(path.span),
                        )
                        .help("name a declaration of this project"),
                    );
                    None
                }
            },
            kspec_types::Value::Function(function) => Some(self.declaration_around(function.decl)),
            kspec_types::Value::Error => None,
            other => {
                self.report(
                    Finding::new(
                        codes::WRONG_KIND,
                        format!("{} is no declaration that a finding could be about", super::lookup::describe(&other)),
                        self.at(path.span),
                    )
                    .help("name a role, a namespace, a workload, …"),
                );
                None
            }
        }
    }

    /// `moved`.
    pub(super) fn moved(&self, node: &tree::Moved, span: Span) {
        let Some((_, kind, entity_kind)) = MOVABLE.iter().find(|(word, ..)| *word == node.kind.text.as_ref()) else {
            let words: Vec<&str> = MOVABLE.iter().map(|(word, ..)| *word).collect();
            self.report(
                Finding::new(
                    codes::BAD_VALUE,
                    format!("a `{}` cannot be moved", node.kind.text),
                    self.at(node.kind.span),
                )
                .help(format!("what can be: {}", words.join(", "))),
            );
            return;
        };
        let Some(to) = self.expect_entity(&node.to, &[*entity_kind], &format!("a {}", node.kind.text)) else { return };
        let namespace = to.namespace.as_deref().map(str::to_owned);
        let cluster_role = *entity_kind == EntityKind::Role && namespace.is_none();
        let from = match &node.from {
            MovedName::Kube(text) => match text.value.split_once('/') {
                Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
                None => (namespace.clone(), text.value.to_string()),
            },
            MovedName::Path(path) => {
                let own = path.segments.last().map(|name| super::values::kube_name(&name.text)).unwrap_or_default();
                let scope = match path.segments.as_slice() {
                    [before, _] => Some(super::values::kube_name(&before.text)),
                    _ => namespace.clone(),
                };
                (scope, if cluster_role { format!("{}:{own}", self.db.facts.config.name) } else { own })
            }
        };
        let still = matches!(&node.from, MovedName::Path(path) if path.segments.len() == 1
            && path.segments.first().is_some_and(|name| self.declares(&self.module, &name.text)));
        if still {
            self.report(
                Finding::new(codes::BAD_VALUE, "the old name is still declared", self.at(span))
                    .help("`moved` keeps the identity of what was renamed: its old name is declared no more"),
            );
            return;
        }
        let kind = if cluster_role { "ClusterRole" } else { kind };
        self.emit(|part| {
            part.moved.push(Moved {
                kind: kind.to_owned(),
                from,
                to: (namespace, to.name.to_string()),
                origin: self.origin(span),
            });
        });
    }
}

//! `enforce`, `warn`, `audit`: rules and mutations where they hold.

use kspec_diagnostics::{Finding, Span, codes};
use kspec_model::LabelSelector;
use kspec_model::program::{AdmissionScope, Date, MutationBinding, RuleBinding};
use kspec_model::rules::{Action, FailurePolicy};
use kspec_syntax::tree::{self, Name, Record};
use kspec_types::{EntityKind, Type, Value};

use super::{Elab, scope::Place, target::Workloads};

const FIELDS: &[&str] = &["failure_policy", "timeout", "workloads", "severity"];

/// For how many seconds the API server waits, where nothing is said.
const TIMEOUT: u32 = 10;

const ACTIONS: [(&str, Action); 3] = [("enforce", Action::Deny), ("warn", Action::Warn), ("audit", Action::Audit)];

impl<'s> Elab<'_, 's> {
    pub(super) fn bind(&self, node: &'s tree::Bind, span: Span) {
        let scope = match &node.scope {
            Some(scope) => self.scope(scope),
            None => Some(Place::Cluster),
        };
        let pods = node.pods.as_ref().map(|pods| self.label_selector(pods));
        let action = self.action(&node.action);
        let then = node.until.as_ref().map(|(until, then)| self.stage(until, then, action));
        let empty = Record::default();
        let fields = self.fields(node.body.as_ref().unwrap_or(&empty), FIELDS, &format!("`{}`", node.action.text));
        let failure_policy = match fields.get("failure_policy").map(|expr| self.word(expr, &["fail", "ignore"])) {
            Some(Some(word)) if &*word == "ignore" => FailurePolicy::Ignore,
            _ => FailurePolicy::Fail,
        };
        let timeout_seconds = fields.get("timeout").map_or(TIMEOUT, |expr| self.timeout(expr));
        let workloads = match fields.get("workloads").and_then(|expr| self.word(expr, &["off", "warn", "enforce"])) {
            Some(word) if &*word == "off" => Workloads::Off,
            Some(word) if &*word == "enforce" => Workloads::Enforce,
            _ => Workloads::Warn,
        };
        let severity = fields.get("severity").and_then(|expr| self.severity(expr));
        let uses: Vec<_> = node.rules.iter().flat_map(|rule| self.rule_uses(rule)).collect();
        for used in uses.iter().filter(|used| used.entity.kind == EntityKind::Mutation) {
            self.check_mutation_use(node, &used.entity.name, used.span);
        }
        let (Some(scope), Some(action)) = (scope, action) else { return };
        let pods = match pods {
            Some(None) => return,
            Some(pods) => pods,
            None => None,
        };
        let then = match then {
            Some(None) => return,
            Some(then) => then,
            None => None,
        };
        if self.is_abstract() {
            return;
        }
        let scope = admission_scope(scope, pods);
        for used in &uses {
            if used.entity.kind == EntityKind::Mutation {
                if action != Action::Deny || then.is_some() {
                    continue;
                }
                let Some((mutation, declared)) = self.bound_mutation(used) else { continue };
                self.emit(|part| {
                    part.mutations.push(MutationBinding {
                        mutation,
                        declared,
                        scope: scope.clone(),
                        failure_policy,
                        timeout_seconds,
                        origin: self.origin(span),
                    });
                });
                continue;
            }
            let Some((rule, declared)) = self.bound_rule(used, workloads, severity) else { continue };
            self.emit(|part| {
                part.rules.push(RuleBinding {
                    rule,
                    declared,
                    action,
                    then,
                    scope: scope.clone(),
                    failure_policy,
                    timeout_seconds,
                    origin: self.origin(span),
                });
            });
        }
    }

    fn action(&self, name: &Name) -> Option<Action> {
        let known = ACTIONS.iter().find(|(word, _)| *word == &*name.text).map(|(_, action)| *action);
        if known.is_none() {
            self.report(
                Finding::new(codes::BAD_VALUE, format!("a rule is not bound by `{}`", name.text), self.at(name.span))
                    .help("write `enforce`, `warn` or `audit`"),
            );
        }
        known
    }

    /// `until 2027-02-01 then enforce`.
    fn stage(&self, until: &tree::Expr, then: &Name, before: Option<Action>) -> Option<(Date, Action)> {
        let until = self.date(until);
        let action = self.action(then)?;
        if Some(action) == before {
            self.report(
                Finding::new(codes::BAD_VALUE, "nothing changes on that day", self.at(then.span))
                    .because(format!("it is `{}` before as well", then.text))
                    .help("leave `until … then …` out, or name another action"),
            );
        }
        Some((until?, action))
    }

    fn timeout(&self, expr: &tree::Expr) -> u32 {
        match self.eval(expr, Some(&Type::Duration)) {
            Value::Duration(duration) => match duration.seconds().and_then(|seconds| u32::try_from(seconds).ok()) {
                Some(seconds @ 1..=30) => seconds,
                _ => {
                    self.report(
                        Finding::new(
                            codes::BAD_VALUE,
                            format!("the API server cannot wait for {duration}"),
                            self.at(expr.span),
                        )
                        .help("it waits for whole seconds, from `1s` to `30s`"),
                    );
                    TIMEOUT
                }
            },
            _ => TIMEOUT,
        }
    }

    /// A mutation is made or it is not: there is no warning of it.
    fn check_mutation_use(&self, node: &tree::Bind, name: &str, span: Span) {
        if &*node.action.text != "enforce" {
            self.report(
                Finding::new(
                    codes::WRONG_KIND,
                    format!("`{}` is a mutation, which `{}` cannot bind", name, node.action.text),
                    self.at(span),
                )
                .help("a mutation is bound by `enforce`"),
            );
        } else if node.until.is_some() {
            self.report(
                Finding::new(codes::WRONG_KIND, format!("`{name}` is a mutation, which has no stages"), self.at(span))
                    .help("bind it by an `enforce` of its own"),
            );
        }
    }
}

fn admission_scope(place: Place, pods: Option<LabelSelector>) -> AdmissionScope {
    match place {
        Place::Cluster => AdmissionScope::Cluster { pods },
        Place::Namespaces(names) => {
            AdmissionScope::Namespaces { names: names.iter().map(ToString::to_string).collect(), pods }
        }
        Place::Where(labels) => AdmissionScope::Selected { labels, pods },
    }
}

//! `containers` alone in a rule that denies: an init container, or an ephemeral one, passes it by.

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, Severity, codes};
use kspec_syntax::tree::{Expr, ExprKind, Name, Param, RuleStmt};

use super::environment::OnKind;
use crate::Cx;
use crate::ir::lower_rule;

/// Reports every `containers` of a rule that denies and never mentions another list of containers.
pub(super) fn alone(statements: &[RuleStmt], (kinds, params): (&[OnKind], &[Param]), cx: &mut Cx<'_>) {
    let mut rule = Mentions::default();
    rule.statements(statements);
    if !rule.denies || rule.others {
        return;
    }
    let shown = if rule.containers.is_empty() { None } else { passed_by(statements, kinds, params, cx) };
    for name in rule.containers {
        let at = cx.at(name.span);
        let message = "this rule looks at ordinary containers alone: init and ephemeral ones pass it by";
        let finding = Finding::new(codes::CONTAINERS_ALONE, message, at)
            .help("write `all_containers`, or `containers, init_containers` for fields that ephemeral ones lack")
            .fix("write `all_containers`", at, "all_containers");
        cx.report(match &shown {
            Some(object) => finding.witness(vec![format!("passes, and would not as an ordinary container: {object}")]),
            None => finding,
        });
    }
}

/// An object that passes a rule by an init container; of rules without parameters, and without errors.
fn passed_by(
    statements: &[RuleStmt],
    kinds: &[OnKind],
    params: &[Param],
    cx: &mut Cx<'_>,
) -> Option<serde_json::Value> {
    let kind = kinds.iter().find(|kind| kind.subresource.is_none() && !kind.pod_path(cx).is_empty())?;
    if !params.is_empty() || cx.findings.iter().any(|finding| finding.severity == Severity::Error) {
        return None;
    }
    let pod = kind.pod_path(cx);
    let statements = lower_rule(statements, kind, params, &BTreeMap::new(), "", cx)?;
    kspec_proofs::passes_elsewhere(&statements, &kind.creation(), pod, cx.schema)
}

/// What a rule says of containers.
#[derive(Default)]
struct Mentions<'r> {
    containers: Vec<&'r Name>,
    others: bool,
    denies: bool,
    /// Names that the rule declares itself.
    own: Vec<&'r str>,
}

impl<'r> Mentions<'r> {
    fn statements(&mut self, statements: &'r [RuleStmt]) {
        let known = self.own.len();
        for statement in statements {
            match statement {
                RuleStmt::Field(_) => {}
                RuleStmt::Let(name, value) => {
                    self.expr(value);
                    self.own.push(&name.text);
                }
                RuleStmt::For(name, over, body) => {
                    over.iter().for_each(|list| self.expr(list));
                    self.own.push(&name.text);
                    self.statements(body);
                    self.own.pop();
                }
                RuleStmt::Verdict { warn, condition, unless, .. } => {
                    self.denies |= !warn;
                    condition.iter().chain(unless).for_each(|test| self.expr(test));
                }
            }
        }
        self.own.truncate(known);
    }

    fn name(&mut self, name: &'r Name) {
        match name.text.as_ref() {
            own if self.own.contains(&own) => {}
            "containers" => self.containers.push(name),
            "init_containers" | "ephemeral_containers" | "all_containers" => self.others = true,
            _ => {}
        }
    }

    fn expr(&mut self, expr: &'r Expr) {
        match &expr.kind {
            ExprKind::Name(name) => self.name(name),
            ExprKind::Field(base, field) => {
                // The lists by their path: `object.spec.initContainers`.
                self.others |= matches!(field.text.as_ref(), "initContainers" | "ephemeralContainers");
                self.expr(base);
            }
            ExprKind::Index(a, b) | ExprKind::Binary(_, a, b) | ExprKind::Range(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Call(callee, arguments) => {
                self.expr(callee);
                arguments.iter().for_each(|argument| self.expr(&argument.value));
            }
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Record(fields) => fields.iter().for_each(|field| self.expr(&field.value)),
            ExprKind::Lambda(names, body) => {
                let known = self.own.len();
                self.own.extend(names.iter().map(|name| name.text.as_ref()));
                self.expr(body);
                self.own.truncate(known);
            }
            ExprKind::Unary(_, inner) => self.expr(inner),
            ExprKind::If(a, b, c) => [a, b, c].into_iter().for_each(|part| self.expr(part)),
            _ => {}
        }
    }
}

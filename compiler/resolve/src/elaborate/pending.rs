//! What the language says and this version does not carry out: what happens at run time. Everything in it is checked,
//! and a finding says that nothing enforces it yet.

use kspec_diagnostics::{Finding, Severity, Span, codes};
use kspec_syntax::tree::{self, ExprKind, RuntimeSubject};
use kspec_types::{EntityKind, Value};

use super::{Elab, template::as_path};

impl Elab<'_, '_> {
    pub(super) fn not_carried_out(&self, what: &str, span: Span) {
        let in_package = self.db.module(&self.module).is_some_and(|module| !module.package.is_empty());
        if in_package || self.is_abstract() {
            return;
        }
        let mut finding = Finding::new(
            codes::NOT_BUILT_YET,
            format!("{what} is checked, but nothing enforces it yet"),
            self.at(span),
        )
        .help("this version of kspec does not lower it; do not rely on it");
        finding.severity = Severity::Information;
        self.report(finding);
    }

    pub(super) fn protect(&self, node: &tree::Protect, span: Span) {
        for target in &node.targets {
            self.expect_entity(target, &[EntityKind::Workload, EntityKind::Namespace], "a workload");
        }
        for rule in &node.rules {
            self.pack_use(rule);
        }
        self.not_carried_out("this protection", head(span, node.targets.first().map_or(span, |path| path.span)));
    }

    /// A pack by name, or with arguments.
    fn pack_use(&self, expr: &tree::Expr) {
        let (callee, arguments) = match &expr.kind {
            ExprKind::Call(callee, arguments) => (callee.as_ref(), Some(arguments)),
            _ => (expr, None),
        };
        let Some(path) = as_path(callee) else {
            if !matches!(expr.kind, ExprKind::Error) {
                self.report(
                    Finding::new(codes::WRONG_KIND, "this is no runtime profile", self.at(expr.span))
                        .help("name a runtime profile, with its arguments"),
                );
            }
            return;
        };
        self.expect_entity(&path, &[EntityKind::Runtime, EntityKind::Rule, EntityKind::Mutation], "a runtime profile");
        for argument in arguments.into_iter().flatten() {
            self.eval(&argument.value, None);
        }
    }

    pub(super) fn runtime(&self, node: &tree::Runtime, span: Span) -> Value {
        for target in &node.targets {
            self.expect_entity(target, &[EntityKind::Workload, EntityKind::Namespace], "a workload");
        }
        for rule in &node.rules {
            match &rule.subject {
                RuntimeSubject::Values(values) => values.iter().for_each(|value| {
                    self.eval(value, None);
                }),
                RuntimeSubject::To(peers, ports) => peers.iter().for_each(|peer| self.check_peer(peer, ports)),
                RuntimeSubject::Otherwise => {}
            }
        }
        self.not_carried_out(&format!("runtime profile `{}`", node.name.text), head(span, node.name.span));
        self.entity(EntityKind::Runtime, None, &node.name.text, node.name.span, false)
    }
}

/// From the declaration's first word to the end of its name.
fn head(span: Span, name: Span) -> Span {
    Span::new(span.start, name.end)
}

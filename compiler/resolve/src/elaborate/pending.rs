//! What the language says and this version does not carry out: admission, run time, tests. Everything in it is checked,
//! and a finding says that nothing enforces it yet.

use kspec_diagnostics::{Finding, Severity, Span, codes};
use kspec_syntax::tree::{self, Expectation, ExprKind, Path, RuleBody, RuntimeSubject, TestStep};
use kspec_types::{EntityKind, Value};

use super::{Elab, exception::EXCEPTION_FIELDS, template::as_path};

impl Elab<'_, '_> {
    fn not_carried_out(&self, what: &str, span: Span) {
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

    pub(super) fn rule(&self, node: &tree::Rule, span: Span) -> Value {
        if let RuleBody::Stmts(_) = node.body {
            self.with_cx(|cx| kspec_types::check_rule(node, cx));
        }
        self.not_carried_out(&format!("rule `{}`", node.name.text), head(span, node.name.span));
        self.entity(EntityKind::Rule, None, &node.name.text, node.name.span, false)
    }

    pub(super) fn mutation(&self, node: &tree::Mutation, span: Span) -> Value {
        self.with_cx(|cx| kspec_types::check_mutation(node, cx));
        self.not_carried_out(&format!("mutation `{}`", node.name.text), head(span, node.name.span));
        self.entity(EntityKind::Mutation, None, &node.name.text, node.name.span, false)
    }

    pub(super) fn bind(&self, node: &tree::Bind, span: Span) {
        if let Some(scope) = &node.scope {
            self.scope(scope);
        }
        if let Some(pods) = &node.pods {
            self.label_selector(pods);
        }
        for rule in &node.rules {
            self.rule_use(rule);
        }
        if let Some((until, _)) = &node.until {
            self.date(until);
        }
        self.not_carried_out(&format!("this `{}`", node.action.text), head(span, node.action.span));
    }

    /// A rule by name, or with arguments, which its parameters' types check.
    fn rule_use(&self, expr: &tree::Expr) {
        let (callee, arguments) = match &expr.kind {
            ExprKind::Call(callee, arguments) => (callee.as_ref(), Some(arguments)),
            _ => (expr, None),
        };
        let Some(path) = as_path(callee) else {
            if !matches!(expr.kind, ExprKind::Error) {
                self.report(
                    Finding::new(codes::WRONG_KIND, "this is no rule", self.at(expr.span))
                        .help("name a rule or mutation, with its arguments"),
                );
            }
            return;
        };
        self.rule_path(&path);
        for argument in arguments.into_iter().flatten() {
            self.eval(&argument.value, None);
        }
    }

    fn rule_path(&self, path: &Path) {
        self.expect_entity(path, &[EntityKind::Rule, EntityKind::Mutation, EntityKind::Runtime], "a rule");
    }

    pub(super) fn exempt(&self, node: &tree::Exempt, span: Span) {
        let kinds = [EntityKind::Workload, EntityKind::Namespace, EntityKind::ServiceAccount];
        self.expect_entity(&node.target, &kinds, "what is exempted: a workload, a namespace or a service account");
        for rule in &node.rules {
            self.rule_path(rule);
        }
        let fields = self.fields(&node.body, EXCEPTION_FIELDS, "exempt");
        self.exception(&fields, Some("exempt"), span);
        self.not_carried_out("this exemption", head(span, node.kind.span));
    }

    pub(super) fn protect(&self, node: &tree::Protect, span: Span) {
        for target in &node.targets {
            self.expect_entity(target, &[EntityKind::Workload, EntityKind::Namespace], "a workload");
        }
        for rule in &node.rules {
            self.rule_use(rule);
        }
        self.not_carried_out("this protection", head(span, node.targets.first().map_or(span, |path| path.span)));
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

    pub(super) fn test(&self, node: &tree::Test, span: Span) {
        for step in &node.steps {
            match step {
                TestStep::Given { namespace, .. } => {
                    if let Some(path) = namespace {
                        self.namespace_name(path);
                    }
                }
                TestStep::Expect { what, .. } => match what {
                    Expectation::Verdict(_, rules) => rules.iter().for_each(|rule| self.rule_path(rule)),
                    Expectation::Claim(claim) => self.claim(claim),
                    Expectation::Holds(expr) => {
                        self.eval(expr, None);
                    }
                },
            }
        }
        self.not_carried_out(&format!("test \"{}\"", node.name.value), head(span, node.name.span));
    }
}

/// From the declaration's first word to the end of its name.
fn head(span: Span, name: Span) -> Span {
    Span::new(span.start, name.end)
}

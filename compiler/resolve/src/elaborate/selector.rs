//! Conditions over labels, as Kubernetes label selectors.

use kspec_diagnostics::{Finding, codes};
use kspec_model::{LabelSelector, Operator, Requirement};
use kspec_syntax::tree::{BinaryOp, Expr, ExprKind, UnaryOp};
use kspec_types::{Type, Value};

use super::{Elab, values::text_of};

impl Elab<'_, '_> {
    /// `labels.environment == "staging" && !("legacy" in labels)`. What no selector can say is reported.
    pub(super) fn label_selector(&self, expr: &Expr) -> Option<LabelSelector> {
        let mut requirements = Vec::new();
        self.requirements(expr, &mut requirements)?;
        let mut selector = LabelSelector::default();
        for requirement in requirements {
            self.check_requirement(&requirement, expr);
            match (requirement.operator, requirement.values.as_slice()) {
                (Operator::In, [value]) if !selector.match_labels.contains_key(&requirement.key) => {
                    selector.match_labels.insert(requirement.key, value.clone());
                }
                _ => selector.match_expressions.push(requirement),
            }
        }
        Some(selector)
    }

    /// A selector names labels that an object may have.
    fn check_requirement(&self, requirement: &Requirement, expr: &Expr) {
        self.check_label_key(&requirement.key, expr.span);
        for value in &requirement.values {
            self.check_label_value(&requirement.key, value, expr.span);
        }
    }

    fn requirements(&self, expr: &Expr, into: &mut Vec<Requirement>) -> Option<()> {
        match &expr.kind {
            ExprKind::Bool(true) => Some(()),
            ExprKind::Binary(BinaryOp::And, left, right) => {
                self.requirements(left, into)?;
                self.requirements(right, into)
            }
            ExprKind::Binary(op @ (BinaryOp::Eq | BinaryOp::Ne), left, right) => {
                let key = self.label_key(left)?;
                let value = self.string(right)?;
                // An absent label equals nothing, so `!=` holds for it: that is what NotIn means in Kubernetes too.
                let operator = if *op == BinaryOp::Eq { Operator::In } else { Operator::NotIn };
                into.push(Requirement { key, operator, values: vec![value] });
                Some(())
            }
            ExprKind::Binary(BinaryOp::In, left, right) if is_labels(right) => {
                into.push(Requirement { key: self.string(left)?, operator: Operator::Exists, values: Vec::new() });
                Some(())
            }
            ExprKind::Binary(BinaryOp::In, left, right) => {
                into.push(Requirement {
                    key: self.label_key(left)?,
                    operator: Operator::In,
                    values: self.label_values(right)?,
                });
                Some(())
            }
            ExprKind::Unary(UnaryOp::Not, inner) => match &inner.kind {
                ExprKind::Binary(BinaryOp::In, left, right) if is_labels(right) => {
                    into.push(Requirement {
                        key: self.string(left)?,
                        operator: Operator::DoesNotExist,
                        values: Vec::new(),
                    });
                    Some(())
                }
                ExprKind::Binary(BinaryOp::In, left, right) => {
                    into.push(Requirement {
                        key: self.label_key(left)?,
                        operator: Operator::NotIn,
                        values: self.label_values(right)?,
                    });
                    Some(())
                }
                _ => self.not_a_selector(expr),
            },
            ExprKind::Error => None,
            _ => self.not_a_selector(expr),
        }
    }

    fn label_values(&self, expr: &Expr) -> Option<Vec<String>> {
        match self.eval(expr, Some(&Type::list(Type::String))) {
            Value::List(values) => Some(values.iter().filter_map(text_of).collect()),
            Value::Unknown(_) => Some(vec!["unknown".to_owned()]),
            _ => None,
        }
    }

    /// `labels.key`, `labels["a/b"]`.
    fn label_key(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Field(base, name) if is_labels(base) => Some(name.text.to_string()),
            ExprKind::Index(base, key) if is_labels(base) => self.string(key),
            ExprKind::Error => None,
            _ => self.not_a_selector(expr),
        }
    }

    fn not_a_selector<T>(&self, expr: &Expr) -> Option<T> {
        self.report(
            Finding::new(codes::WRONG_TYPE, "a label selector cannot say this", self.at(expr.span))
                .because("not a condition over labels that Kubernetes can evaluate")
                .help("join with `&&`: `labels.key == \"v\"`, `labels.key != \"v\"`, `labels.key in [\"a\", \"b\"]`, `!(labels.key in [\"a\"])`, `\"key\" in labels`, `!(\"key\" in labels)`"),
        );
        None
    }
}

fn is_labels(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Name(name) if name.text.as_ref() == "labels")
}

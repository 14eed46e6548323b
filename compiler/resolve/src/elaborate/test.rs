//! Tests: what is given, and what is expected of it.

use kspec_diagnostics::Span;
use kspec_syntax::tree::{self, Expectation, TestStep};

use super::Elab;

impl Elab<'_, '_> {
    pub(super) fn test(&self, node: &tree::Test, span: Span) {
        for step in &node.steps {
            match step {
                TestStep::Given { namespace, .. } => {
                    if let Some(path) = namespace {
                        self.namespace_name(path);
                    }
                }
                TestStep::Expect { what, .. } => match what {
                    Expectation::Verdict(_, rules) => rules.iter().for_each(|rule| {
                        self.named_rules(rule);
                    }),
                    Expectation::Claim(claim) => self.claim(claim),
                    Expectation::Holds(expr) => {
                        self.eval(expr, None);
                    }
                },
            }
        }
        self.not_carried_out(&format!("test \"{}\"", node.name.value), Span::new(span.start, node.name.span.end));
    }
}

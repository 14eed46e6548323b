//! Which engine decides what: the API server where CEL can say it, else the webhook.

use kspec_model::rules::{Body, BoundMutation, BoundRule};

use super::cel::{self, Printer, Roots};
use super::targets::{Shape, shapes};
use super::{left_out, mutation};

/// Whether CEL can say a rule for a target version; `Err` says why not.
pub(super) fn of_rule(bound: &BoundRule, minor: u32) -> Result<(), String> {
    for body in &bound.rule.bodies {
        let statements = match body {
            Body::Statements(statements) => statements,
            Body::Rego { .. } => return Err("it is written in Rego".to_owned()),
        };
        let cost = cel::cost(statements);
        if cost > cel::LIMIT {
            return Err(format!(
                "its loops may cost the API server {cost} units on a large object, and the most for one rule is {}",
                cel::LIMIT
            ));
        }
    }
    let shapes = shapes(&bound.rule.targets);
    for shape in &shapes {
        if let Some(applies) = shape.applies {
            Printer::new(minor, shape.roots(), None).condition(applies).map_err(|why| why.0)?;
        }
    }
    for (body, statements) in bound.rule.bodies.iter().enumerate() {
        // What CEL can say does not depend on what the object is called, but for the length of expressions: one that can be said
        // by the longest name can be by others.
        let roots = shapes.iter().filter(|shape| shape.body == body).map(Shape::roots);
        if let (Body::Statements(statements), Some(roots)) = (statements, roots.max_by_key(Roots::len)) {
            let mut printer = Printer::new(minor, roots, None);
            printer.messages(statements, cel::Verdicts::All, &bound.rule.prefix()).map_err(|why| why.0)?;
        }
    }
    Ok(())
}

/// Whether CEL can say a mutation for a target version; `Err` says why not.
pub(super) fn of_mutation(bound: &BoundMutation, minor: u32) -> Result<(), String> {
    mutation::expressions(bound, minor).map_err(|why| why.0)?;
    // What it leaves out is told by a policy.
    left_out::rule(bound).map_or(Ok(()), |rule| of_rule(&rule, minor))
}

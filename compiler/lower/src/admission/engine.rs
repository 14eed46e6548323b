//! Which engine decides what: the API server where CEL can say it, else the webhook.

use kspec_model::rules::{Body, BoundMutation, BoundRule};

use super::cel::{self, Printer};
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
    for shape in shapes(&bound.rule.targets) {
        try_shape(bound, &shape, minor).map_err(|why| why.0)?;
    }
    Ok(())
}

fn try_shape(bound: &BoundRule, shape: &Shape<'_>, minor: u32) -> Result<(), cel::Unsaid> {
    if let Some(applies) = shape.applies {
        Printer::new(minor, shape.roots(), None).condition(applies)?;
    }
    let Some(Body::Statements(statements)) = bound.rule.bodies.get(shape.body) else { return Ok(()) };
    Printer::new(minor, shape.roots(), None).messages(statements, cel::Verdicts::All, &bound.rule.prefix())?;
    Ok(())
}

/// Whether CEL can say a mutation for a target version; `Err` says why not.
pub(super) fn of_mutation(bound: &BoundMutation, minor: u32) -> Result<(), String> {
    mutation::expressions(bound, minor).map_err(|why| why.0)?;
    // What it leaves out is told by a policy.
    left_out::rule(bound).map_or(Ok(()), |rule| of_rule(&rule, minor))
}

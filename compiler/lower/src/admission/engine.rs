//! Which engine decides what: the API server where CEL can say it, else the webhook.

use kspec_model::rules::{Body, BoundMutation, BoundRule, Stmt};

use super::cel::{self, Printer, Roots, Template};
use super::targets::{Shape, judges, shapes, widest_root};
use super::{left_out, mutation};

/// What CEL says of a rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// Of each body, all messages of its violations; none where the object's name counts, or where nothing is judged by it.
    pub(crate) messages: Vec<Option<Template>>,
}

/// What CEL says of a rule for a target version; `Err` says why it cannot.
pub(super) fn of_rule(bound: &BoundRule, minor: u32) -> Result<Said, String> {
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
    let targets = &bound.rule.targets;
    if targets.iter().any(|target| target.applies.is_some()) {
        for shape in &shapes(targets) {
            if let Some(applies) = shape.applies {
                Printer::new(minor, shape.roots(), None).condition(applies).map_err(|why| why.0)?;
            }
        }
    }
    let prefix = bound.rule.prefix();
    let mut messages = Vec::with_capacity(bound.rule.bodies.len());
    for (body, statements) in bound.rule.bodies.iter().enumerate() {
        let Body::Statements(statements) = statements else { continue };
        if !judges(targets, body) {
            messages.push(None);
            continue;
        }
        let said = Template::of(minor, widest_root(targets), |printer| {
            printer.messages(statements, cel::Verdicts::All, &prefix)
        });
        match said {
            Some(said) => messages.push(Some(said.map_err(|why| why.0)?)),
            None => {
                with_longest_name(bound, (body, statements), &prefix, minor)?;
                messages.push(None);
            }
        }
    }
    Ok(Said { messages })
}

/// What CEL can say does not depend on what the object is called, but for the length of expressions: one that can be said by the
/// longest name can be by others.
fn with_longest_name(
    bound: &BoundRule,
    (body, statements): (usize, &[Stmt]),
    prefix: &str,
    minor: u32,
) -> Result<(), String> {
    let shapes = shapes(&bound.rule.targets);
    let roots = shapes.iter().filter(|shape| shape.body == body).map(Shape::roots).max_by_key(Roots::len);
    let Some(roots) = roots else { return Ok(()) };
    let said = Printer::new(minor, roots, None).messages(statements, cel::Verdicts::All, prefix);
    said.map(drop).map_err(|why| why.0)
}

/// Whether CEL can say a mutation for a target version; `Err` says why not.
pub(super) fn of_mutation(bound: &BoundMutation, minor: u32) -> Result<(), String> {
    mutation::expressions(bound, minor).map_err(|why| why.0)?;
    // What it leaves out is told by a policy.
    left_out::rule(bound).map_or(Ok(()), |rule| of_rule(&rule, minor).map(drop))
}

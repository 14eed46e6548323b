//! Match conditions that say whether some rule of a policy is violated.

use kspec_model::rules::{Expr, Op, Root, Stmt};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cel::{self, Hoist, Printer, Roots, Template, Unsaid, Verdicts};
use super::policy::Member;
use super::targets::widest_root;
use crate::shared::shared;

/// Whether rules' statements are violated, by rule and body: written once for all policies that a rule is part of.
pub(super) type Violations = FxHashMap<(usize, usize), Result<Template, Unsaid>>;

/// What [`gate`]s say of the rules that have messages already.
pub(super) fn violations<'m, 't: 'm>(minor: u32, policies: impl Iterator<Item = &'m [Member<'t>]>) -> Violations {
    let asked = policies.filter(|members| gates(members)).flatten();
    let mut known = FxHashSet::default();
    let asked: Vec<(usize, usize, &[Stmt])> = asked
        .filter(|member| member.messages.is_some() && known.insert((member.at, member.body)))
        .map(|member| (member.at, member.body, member.statements))
        .collect();
    let written = shared(&asked, |(_, _, statements)| {
        // None is an empty text.
        Template::of(minor, widest_root(&[]), |printer| {
            printer.violation(statements, Verdicts::All).map(Option::unwrap_or_default)
        })
    });
    let asked = asked.iter().map(|(rule, body, _)| (*rule, *body));
    asked.zip(written).filter_map(|(key, written)| Some((key, written?))).collect()
}

/// That some rule of a policy is violated, as a match condition.
///
/// The API server evaluates the message of every validation on every request, in an evaluation of its own that shares no
/// variable with the validation: each rule would be evaluated twice for each object that passes. What does not match a
/// condition is asked neither. None where a condition cannot say it.
pub(super) fn gate(
    minor: u32,
    (members, violations): (&[Member<'_>], &Violations),
    inline: &Roots,
    shared: Option<&Expr>,
) -> Option<String> {
    if !gates(members) {
        return None;
    }
    // What is a variable of the policy is bound around here: the only item of a list.
    let (mut bound, mut roots) = (Vec::new(), inline.clone());
    for (root, plain, name) in [
        (&mut roots.object, ["object", "oldObject"], "judgedObject"),
        (&mut roots.old, ["oldObject", "oldObject"], "judgedOld"),
    ] {
        if !plain.contains(&root.as_str()) {
            bound.push((name.to_owned(), std::mem::replace(root, name.to_owned())));
        }
    }
    let mut hoist = Hoist::bare();
    let mut violated = Vec::with_capacity(members.len());
    for member in members {
        let written = member.messages.and_then(|_| violations.get(&(member.at, member.body)));
        let violation = match written.filter(|_| roots.are_two()) {
            Some(Ok(written)) => Some(written.filled(&roots, &mut hoist)).filter(|text| !text.is_empty()),
            Some(Err(_)) => return None,
            None => {
                let mut printer = Printer::new(minor, roots.clone(), Some(&mut hoist));
                printer.violation(member.statements, member.verdicts).ok()?
            }
        };
        let applies = match member.applies.filter(|_| shared.is_none()) {
            Some(applies) if reads_namespace(applies) => return None,
            Some(applies) => {
                format!("({}) && ", Printer::new(minor, roots.clone(), None).condition(applies).ok()?)
            }
            None => String::new(),
        };
        violated.extend(violation.map(|violation| format!("({applies}{violation})")));
    }
    bound.extend(hoist.variables);
    let mut text = violated.join(" || ");
    for (name, value) in bound.iter().rev() {
        if cel::mentions(&text, name) {
            text = format!("[{value}].exists({name}, {text})");
        }
    }
    (text.len() <= cel::LONGEST).then_some(text)
}

/// Whether an expression of a rule's statements is one of these.
fn reads(statements: &[Stmt], is: &impl Fn(&Expr) -> bool) -> bool {
    statements.iter().any(|statement| match statement {
        Stmt::Let(_, value) => is(value),
        Stmt::For { over, body, .. } => over.iter().any(is) || reads(body, is),
        Stmt::Verdict(verdict) => is(&verdict.when) || is(&verdict.message),
    })
}

/// Whether a policy may have a [`gate`]: conditions do not see the namespace, and one of them may cost no more than any other
/// expression.
fn gates(members: &[Member<'_>]) -> bool {
    let cost = members.iter().fold(0_u64, |sum, member| sum.saturating_add(cel::cost(member.statements)));
    cost <= cel::LIMIT && !members.iter().any(|member| reads(member.statements, &reads_namespace))
}

fn reads_namespace(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| found |= matches!(expr.op, Op::Root(Root::Namespace)));
    found
}

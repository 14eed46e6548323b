//! Policies of the state, ready to be asked.

use std::sync::Arc;

use kspec_analysis::abuse::Attempt;
use kspec_model::{
    LabelSelector, ObjectKey,
    cluster::{GuardFacts, GuardRule, MatchFacts, PolicyFacts},
    rules::{Expr, Op, Root, Rule},
};
use kspec_rules::{
    cel,
    partial::{Known, Part},
};

use super::attempts::{old, request, requested, word};

/// A ValidatingAdmissionPolicy whose expressions were read.
pub(super) struct Policy<'c> {
    pub(super) key: &'c ObjectKey,
    facts: &'c PolicyFacts,
    conditions: Vec<Option<Expr>>,
    variables: Vec<(Arc<str>, Option<Expr>)>,
    validations: Vec<Option<Expr>>,
    /// Whether what it refuses for certain is refused: by a fault too, and without what other objects say.
    pub(super) refuses: bool,
    /// Whether it may depend on the namespace.
    pub(super) reads_namespace: bool,
}

impl<'c> Policy<'c> {
    pub(super) fn new(key: &'c ObjectKey, guards: &'c [GuardFacts]) -> Option<Self> {
        let facts = guards.iter().find_map(|guard| guard.policy.as_ref())?;
        let read = |texts: &[String]| texts.iter().map(|text| cel::read(text)).collect::<Vec<_>>();
        let variables = facts.variables.iter().map(|(name, text)| (name.as_str().into(), cel::read(text))).collect();
        let values = facts.variables.iter().map(|(_, text)| text);
        let mut texts = facts.conditions.iter().chain(&facts.validations).chain(values);
        Some(Self {
            key,
            facts,
            conditions: read(&facts.conditions),
            variables,
            validations: read(&facts.validations),
            refuses: !facts.takes_params && facts.faults_refuse,
            reads_namespace: texts.any(|text| text.contains("amespace")),
        })
    }

    /// Whether it is asked about all requests of an attempt, namespaces aside.
    pub(super) fn is_about(&self, attempt: Attempt) -> bool {
        is_about(&self.facts.about, attempt)
    }

    /// Whether one of its bindings enforces it, where selectors hold that are `certain`.
    pub(super) fn holds_in(&self, attempt: Attempt, certain: impl Fn(&LabelSelector) -> bool) -> bool {
        let bound = |binding: &MatchFacts| is_about(binding, attempt) && certain(&binding.namespaces);
        certain(&self.facts.about.namespaces) && self.facts.bindings.iter().any(bound)
    }

    /// Whether it refuses for certain what is known.
    pub(super) fn refuses(&self, known: &Known<'_>) -> bool {
        let holds = |expr: &Option<Expr>| expr.as_ref().and_then(|expr| known.holds(&self.variables, expr));
        self.validations.iter().any(|expr| holds(expr) == Some(false))
            && self.conditions.iter().all(|expr| holds(expr) == Some(true))
    }

    /// Whether its expressions say a word.
    pub(super) fn says(&self, word: &str) -> bool {
        let facts = self.facts;
        let values = facts.variables.iter().map(|(_, text)| text);
        facts.conditions.iter().chain(&facts.validations).chain(values).any(|text| text.contains(word))
    }

    /// Whether it lets an object that is attempted pass for certain.
    pub(super) fn passes(&self, attempt: Attempt, object: &Part) -> bool {
        self.passes_as(request(attempt, None), attempt, object)
    }

    /// As [`Policy::passes`], of a request of which more is known.
    pub(super) fn passes_as(&self, request: Part, attempt: Attempt, object: &Part) -> bool {
        let old = old(attempt, None);
        let known = Known { object, old: &old, request: &request, namespace: &Part::Unknown };
        let holds = |expr: &Option<Expr>| expr.as_ref().and_then(|expr| known.holds(&self.variables, expr));
        !self.facts.takes_params
            && (self.conditions.iter().any(|expr| holds(expr) == Some(false))
                || self.validations.iter().all(|expr| holds(expr) == Some(true)))
    }
}

fn is_about(facts: &MatchFacts, attempt: Attempt) -> bool {
    let asked = requested(attempt);
    let matches =
        |rule: &GuardRule| rule.matches(word(asked.operation), asked.group, asked.resource, asked.subresource);
    let scoped = |rule: &GuardRule| rule.namespaced.is_none_or(|namespaced| namespaced != attempt.is_cluster_wide());
    // Labels of an object are the attacker's to choose.
    !facts.by_labels
        && facts.rules.as_ref().is_none_or(|rules| rules.iter().any(|rule| matches(rule) && scoped(rule)))
        && !facts.left_out.iter().any(matches)
}

/// Whether what a rule says may depend on the namespace.
pub(super) fn rule_reads_namespace(rule: &Rule) -> bool {
    let mut reads = false;
    rule.walk(&mut |expr| reads |= matches!(expr.op, Op::Root(Root::Namespace | Root::Request)));
    reads
}

/// Whether what a rule says may depend on who sends the request.
pub(super) fn rule_reads_sender(rule: &Rule) -> bool {
    let mut reads = false;
    rule.walk(&mut |expr| reads |= matches!(expr.op, Op::Root(Root::Request)));
    reads
}
